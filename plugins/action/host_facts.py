# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action part of host_facts: judges what the module or the host's agent measured, with the controller as a witness."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from platform import node
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import host_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.bound import reference_age_s
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Look
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.detail import clock_detail
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import Reading, interpret
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    Gap,
    Source,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.service import chrony_unit
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.wire import policy_from_params
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.witness import controller_witness
from ansible_collections.softtoken.compliance.plugins.module_utils._host_facts import ParameterError, check_parameters
from ansible_collections.softtoken.compliance.plugins.modules.host_facts import ARGUMENT_SPEC
from ansible_collections.softtoken.compliance.plugins.plugin_utils._agent_report import (
    COMMAND,
    Held,
    ReportRefused,
    read_answer,
    what_it_holds,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._plain import depth, learn, read_as

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_DEEPEST = 32  # levels

# Ansible loads this file once, and forks a worker for each host.
learn(Look)

# An OSError comes of a time that no calendar has.
_NONSENSE = (ArithmeticError, AttributeError, ClockError, LookupError, OSError, TypeError, ValueError)


class ActionModule(ActionBase):
    """Makes facts of the agent's report, or runs the module once and makes them of its measurement."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what C(RETURN) of the module documents."""
        result = self._facts(super().run(tmp, task_vars), task_vars)
        if depth(result) > _DEEPEST:
            # Ansible would fail with it wherever it reads the host's variables, and no host would have a report.
            return {"failed": True, "msg": f"the host sent values in more than {_DEEPEST} levels: that makes no sense"}
        return result

    def _facts(self, result: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        try:
            reported = self._reported()
        except ReportRefused as exc:
            return self._measure(result, task_vars, f"{exc}")
        return self._measure(result, task_vars, None) if reported is None else {**result, **reported}

    def _reported(self) -> dict[str, Any] | None:
        """Return the result by the agent's report; None where nobody asked or there is none. Raises ReportRefused."""
        parameters = self._parameters()
        if parameters is None or not parameters["max_report_age"] > 0:
            return None
        started = time.time()
        printed = self._low_level_execute_command(COMMAND)["stdout"]
        ended = time.time()
        answer = read_answer(printed)
        if answer is None:
            return None
        held = what_it_holds(answer, parameters)
        try:
            result = facts_of(held.measured, started, ended, age_s=held.age_s)
            _check_verdict(result["ansible_facts"]["softtoken"], held, started, ended)
        except _NONSENSE as exc:
            raise ReportRefused(f"it makes no sense: {exc!r}") from None
        if "detail" in result:
            result["detail"]["history"] = [list(point) for point in held.history]
        return {"changed": False, **result, "source": "agent", "report_age_s": round(held.age_s, 1)}

    def _parameters(self) -> dict[str, Any] | None:
        """Return the task's parameters as the module would see them; None where the module has to say what is wrong."""
        try:
            _validation, parameters = self.validate_argument_spec(ARGUMENT_SPEC)
            check_parameters(parameters)
            policy_from_params(parameters)
        except (AnsibleActionFail, ParameterError, ClockError):
            return None
        return dict(parameters)

    def _measure(self, result: dict[str, Any], task_vars: dict[str, Any] | None, refused: str | None) -> dict[str, Any]:
        started = time.time()
        result.update(self._execute_module(task_vars=task_vars))
        ended = time.time()
        measured = result.pop("measurement", None)
        if measured is None:
            return result  # failed, skipped or unreachable: as it came
        try:
            result.update(facts_of(measured, started, ended), source="module")
        except ClockError as exc:
            result.update(failed=True, msg=f"nothing can be said about this host's clock: {exc}")
        except _NONSENSE as exc:
            # The host is not trusted to send what its copy of the module sends.
            result.update(failed=True, msg=f"the host sent no measurement that makes sense: {exc!r}")
        return result if refused is None else {**result, "report": refused}


def _check_verdict(facts: Mapping[str, Any], held: Held, started: float, ended: float) -> None:
    """Refuse a report whose verdict a measurement might not confirm. Raises ReportRefused."""
    reasons = facts["reasons"]
    doubted = [reason for reason in reasons if reason.startswith("witness.")]
    if doubted:
        raise ReportRefused(f"it is contradicted: {', '.join(doubted)}")
    if facts["verdict"] == "unknown":
        raise ReportRefused(f"it does not tell enough: {', '.join(reasons)}")
    if facts["verdict"] != "compliant":
        then = facts_of(held.measured, started, ended)["ansible_facts"]["softtoken"]["reasons"]
        since = [reason for reason in reasons if reason not in then]
        if since:
            raise ReportRefused(f"it is stale: {held.age_s:.0f} s old, too old to rule out {', '.join(since)}")


def facts_of(measured: Mapping[str, Any], started: float, ended: float, *, age_s: float = 0.0) -> dict[str, Any]:
    """Judge what was seen on a host; its clock was read between two moments of the controller's, ``age_s`` later."""
    policy = policy_from_params(measured["policy"])
    look = read_as(Look, measured["look"], "look")
    reading = interpret(look, min_sources=policy.min_sources)
    measurement = _aged(reading.measurement, policy, age_s)
    if measured["compare"]:
        measurement = _with_controller(measurement, measured, started, ended)
    facts = host_facts(measurement, policy, measured["identity"])
    result: dict[str, Any] = {"ansible_facts": {"softtoken": facts}}
    if "detail" in measured:
        detail = measured["detail"]
        system = {**detail["system"], **_system(look, reading)}
        result["detail"] = {**clock_detail(measurement, policy), **detail, "system": system}
    return result


def _aged(measurement: ClockMeasurement, policy: ClockPolicy, age_s: float) -> ClockMeasurement:
    """Say of the clock what is known about it now: nobody has looked at it since, and no sample may have come."""
    tracking = measurement.tracking
    if tracking is None or not age_s:
        return measurement
    if (reference_age_s(tracking, measurement.taken_at_s) or 0.0) > 0.0:
        # The error bound grows with the age of the reference.
        tracking = tracking._replace(reference_time_s=tracking.reference_time_s - age_s)
    else:
        drifted = tracking.root_dispersion_s + policy.max_drift_ppm * 1e-6 * age_s
        tracking = tracking._replace(root_dispersion_s=drifted)
    return measurement._replace(tracking=tracking, sources=_aged_sources(measurement, age_s))


def _aged_sources(measurement: ClockMeasurement, age_s: float) -> tuple[Source, ...] | None:
    if measurement.sources is None:
        return None
    return tuple(
        source if source.last_rx_s is None else source._replace(last_rx_s=source.last_rx_s + round(age_s))
        for source in measurement.sources
    )


def _system(look: Look, reading: Reading) -> dict[str, Any]:
    unit = chrony_unit(look.units or ())
    return {
        "init": look.init,
        "chrony_unit": look.layout.unit if unit is None else unit.name,
        "chrony_unit_found": unit is not None,
        "chrony_masked": unit is not None and unit.masked,
        "chrony_package": look.layout.package,
        "chrony_user": look.layout.user,
        "config_file": look.config_file,
        "confdir": look.layout.confdir,
        "sourcedir": look.layout.sourcedir,
        "rivals": [rival._asdict() for rival in reading.rivals],
    }


def _with_controller(
    measurement: ClockMeasurement, measured: Mapping[str, Any], started: float, ended: float
) -> ClockMeasurement:
    if measured["kernel"] and measured["kernel"] == _kernel():
        reason = "the controller runs on the same kernel: its clock is this host's own and proves nothing"
        return measurement._replace(gaps=(*measurement.gaps, Gap("witness", "", reason)))
    witness = controller_witness(
        node() or "controller",
        started=(started, float(measured["started_s"])),
        ended=(ended, float(measured["ended_s"])),
        pending_s=0.0 if measurement.tracking is None else measurement.tracking.offset_s,
    )
    return measurement._replace(witnesses=(*measurement.witnesses, witness))


def _kernel() -> str:
    try:
        # As bytes: Python would load a codec for it, in each worker anew.
        return _BOOT_ID.read_bytes().decode().strip()
    except OSError:
        return ""
