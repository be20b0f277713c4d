# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action part of host_facts: the controller's clock as one more witness, at no extra round trip."""

from __future__ import annotations

import time
from pathlib import Path
from platform import node
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.detail import clock_detail
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.facts import clock_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement, Gap
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.wire import (
    measurement_from_dict,
    policy_from_params,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.witness import controller_witness

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ActionModule(ActionBase):
    """Runs the module, and judges its measurement again with what the controller's clock says."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what C(RETURN) of the module documents."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        started = time.time()
        result.update(self._execute_module(task_vars=task_vars))
        ended = time.time()
        measured = result.pop("measurement", None)
        if result.get("failed") or not isinstance(measured, dict):
            return result
        try:
            _judge_again(result, measured, started, ended)
        except (ClockError, KeyError, TypeError, ValueError) as exc:
            result["failed"] = True
            result["msg"] = f"the host's measurement does not make sense, so nothing is known about its clock: {exc!r}"
            result.pop("ansible_facts", None)
        return result


def _judge_again(result: dict[str, Any], measured: dict[str, Any], started: float, ended: float) -> None:
    if not measured["compare"]:
        return
    measurement = _with_controller(measurement_from_dict(measured["clock"]), measured, started, ended)
    policy = policy_from_params(measured["policy"])
    facts = result["ansible_facts"]["softtoken"]
    again = clock_facts(measurement, policy)
    if "warnings" not in again:
        facts.pop("warnings", None)
    facts.update(again)
    if "detail" in result:
        result["detail"].update(clock_detail(measurement, policy))


def _with_controller(
    measurement: ClockMeasurement, measured: dict[str, Any], started: float, ended: float
) -> ClockMeasurement:
    if measured["kernel"] and measured["kernel"] == _kernel():
        reason = "the controller runs on the same kernel: its clock is this host's own and proves nothing"
        return measurement._replace(gaps=(*measurement.gaps, Gap("witness", "", reason)))
    witness = controller_witness(
        node() or "controller",
        started=(started, float(measured["started_s"])),
        ended=(ended, float(measured["ended_s"])),
    )
    return measurement._replace(witnesses=(*measurement.witnesses, witness))


def _kernel() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
