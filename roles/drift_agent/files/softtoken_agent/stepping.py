# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the clock by the agent: on command, or by the timer where the configuration lets it."""

from __future__ import annotations

import time
from typing import List, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import Config
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import Judgement
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.ratelimit import (
    Attempt,
    admit,
    read_attempts,
    write_attempts,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.guard import StepPolicy
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.step import (
    StepOptions,
    StepReport,
    predict_step,
    step_clock,
)

from .host import host_ports, stamp
from .journal import NOTICE, tell
from .store import Places, read_text, write_atomically

__all__ = ["enforce", "options_of", "step"]

_MAX_ATTEMPTS_FILE = 131072


def options_of(config: Config, *, force: bool = False) -> StepOptions:
    """Return the options of a step."""
    enforcement, parameters = config.enforcement, config.parameters
    return StepOptions(
        policy=StepPolicy(
            max_step_s=enforcement.max_step_s,
            min_agreeing=enforcement.min_agreeing,
            max_drift_ppm=parameters["max_drift"],
            witnesses_required=bool(parameters["witness_servers"]),
        ),
        threshold_s=enforcement.threshold_s,
        force=force,
        burst_timeout_s=enforcement.burst_timeout_s,
        chronyc_address=parameters["chronyc_address"],
        witness_servers=tuple(parameters["witness_servers"]),
        witness_timeout_s=parameters["witness_timeout"],
    )


def step(config: Config, *, force: bool, dry_run: bool) -> StepReport:
    """Step the clock, or say what a step would do."""
    ports = host_ports(config.parameters).clock
    options = options_of(config, force=force)
    return predict_step(ports, options) if dry_run else step_clock(ports, options, time.sleep)


def enforce(places: Places, config: Config, judgement: Judgement) -> Optional[float]:
    """Step the clock if it is off, the limit allows it, and the guard agrees; returns by how much it moved."""
    offset = judgement.facts["clock"]["offset_s"]
    if not judgement.facts["clock"]["synchronised"] or offset is None or abs(offset) <= config.enforcement.threshold_s:
        return None
    if "witness.disagrees" in judgement.facts["reasons"]:
        tell(f"the clock is {offset:+.3f} s off and was not stepped: a witness contradicts chronyd's sources")
        return None
    now = stamp()
    attempt = Attempt(now.boot_id, now.boottime_s)
    try:
        allowed, counted = admit(
            _attempts(places), attempt, at_most=config.enforcement.at_most, within_s=config.enforcement.within_s
        )
        if allowed:
            # Before the step: an attempt that cannot be counted is not made.
            write_atomically(places.attempts, write_attempts([*counted, attempt]))
    except (OSError, ValueError) as exc:
        tell(f"the clock is {offset:+.3f} s off and was not stepped: attempts cannot be counted: {exc}")
        return None
    if not allowed:
        tell(
            f"the clock is {offset:+.3f} s off and was not stepped: {len(counted)} attempts within"
            f" {config.enforcement.within_s:g} s are the limit; find out what sets it wrong again"
        )
        return None
    return _told(step(config, force=False, dry_run=False))


def _attempts(places: Places) -> List[Attempt]:
    text = read_text(places.attempts, _MAX_ATTEMPTS_FILE)
    return [] if text is None else read_attempts(text)


def _told(report: StepReport) -> Optional[float]:
    if report.failure is not None:
        tell(report.failure)
    elif report.changed:
        tell(f"stepped the clock by {report.stepped_s:+.6f} s, and verified it", NOTICE)
    return report.stepped_s if report.changed else None
