# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check concludes: the verdict as facts, and the stamps that tell what happened since the check before.

Private to this collection. The host's own opinion: no controller's clock is a witness here.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .._clock.collect import Look
from .._clock.facts import clock_facts
from .._clock.measure import interpret
from .._clock.model import ClockMeasurement
from .._clock.verdict import judge
from .._clock.wire import policy_from_params
from .report import Notice, Stamp

__all__ = ["Judgement", "judge_measured", "notices_between", "stale_facts"]

FACTS_SCHEMA = 1

#: Steps change the difference between wall clock and boot time, slewing does not; reading the two takes microseconds.
_STEP_S = 0.01
_SUSPEND_S = 1.0


class Judgement(NamedTuple):
    """The facts, and what they leave out."""

    facts: Dict[str, Any]
    messages: List[str]
    warnings: List[str]
    measurement: ClockMeasurement


def judge_measured(measured: Mapping[str, Any]) -> Judgement:
    """Judge what ``look_at_host`` saw, by the policy that it was given. Raises ClockError."""
    policy = policy_from_params(measured["policy"])
    look: Look = measured["look"]
    measurement = interpret(look, min_sources=policy.min_sources).measurement
    verdict = judge(measurement, policy)
    identity = {name: measured["identity"][name] for name in ("tokens", "serials", "attached_role")}
    facts = {"schema": FACTS_SCHEMA, **clock_facts(measurement, policy), **identity}
    return Judgement(facts, list(verdict.messages), list(verdict.warnings), measurement)


def notices_between(before: Optional[Stamp], now: Stamp) -> List[Notice]:
    """Return what happened between two moments of one boot; nothing can be said over a boot."""
    if before is None or before.boot_id != now.boot_id or not now.boot_id or now.boottime_s < before.boottime_s:
        return []
    stepped = (now.taken_at_s - now.boottime_s) - (before.taken_at_s - before.boottime_s)
    slept = (now.boottime_s - now.monotonic_s) - (before.boottime_s - before.monotonic_s)
    found = []
    if abs(stepped) > _STEP_S:
        found.append(Notice("clock_step", round(stepped, 6)))
    if slept > _SUSPEND_S:
        found.append(Notice("suspend", round(slept, 3)))
    return found


def stale_facts(facts: Mapping[str, Any], code: str) -> Dict[str, Any]:
    """Return old facts as what they are worth now: an unknown clock, with the reason first."""
    others = [reason for reason in facts.get("reasons", ()) if reason != code]
    return {**facts, "verdict": "unknown", "reasons": [code, *others]}
