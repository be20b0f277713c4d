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
from .._clock.model import ClockMeasurement, ClockPolicy
from .._clock.verdict import judge
from .._clock.wire import policy_from_params
from .report import Notice, Report, Stamp

__all__ = ["CONFIG_INVALID", "Judgement", "host_facts", "judge_measured", "notices_between", "stale_report"]

FACTS_SCHEMA = 1

#: The agent's own reason for a verdict; all others are the clock's.
CONFIG_INVALID = "agent.config_invalid"
_SENTENCES = {
    CONFIG_INVALID: "the agent's configuration is wrong, so what it measured before no longer counts: "
    "run softtoken-agent config, and correct the line that it names",
}

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
    facts = host_facts(measurement, policy, measured["identity"])
    return Judgement(facts, list(verdict.messages), list(verdict.warnings), measurement)


def host_facts(measurement: ClockMeasurement, policy: ClockPolicy, identity: Mapping[str, Any]) -> Dict[str, Any]:
    """Return ``ansible_facts.softtoken``, wherever it is made; ``identity`` is what ``look_at_host`` found."""
    facts = {"schema": FACTS_SCHEMA, **clock_facts(measurement, policy)}
    facts.update((name, identity[name]) for name in ("tokens", "serials", "attached_role"))
    if identity.get("role_profiles"):
        facts["role_profiles"] = identity["role_profiles"]
    return facts


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


def stale_report(report: Report, code: str, why: str) -> Report:
    """Return an old report as what it is worth now: an unknown clock, with the agent's own reason first."""
    reasons, messages = list(report.facts["reasons"]), list(report.messages)
    if code not in reasons:
        # A message belongs to the reason, and after those the warning, in its place.
        reasons, messages = [code, *reasons], [_SENTENCES[code], *messages]
    facts = {**report.facts, "verdict": "unknown", "reasons": reasons}
    return report._replace(stale=why, facts=facts, messages=messages)
