# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement: whether this clock may be relied on for TOTP codes.

Private to this collection. Three kinds of code come out of a measurement:

* a *violation* was measured: the verdict is ``noncompliant``;
* a *doubt* is something the verdict needs and nobody could measure: ``unknown``,
  unless there is a violation as well;
* a *warning* does not change the verdict and stands in its own list.

Only a measurement with neither violations nor doubts is ``compliant``. A part that
was not asked for is a doubt like a part that could not be read: whoever leaves out
``rivals`` does not get a green verdict.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterator, List, NamedTuple, Tuple

from .bound import reference_age_s
from .evidence import (
    CHRONY,
    Estimate,
    answers,
    best_offset,
    chrony_estimate,
    disagreeing,
    is_local_reference,
    witnesses_contradict,
)
from .messages import ORDER, gap_reason, message_for
from .model import ClockMeasurement, ClockPolicy, Tracking, Verdict
from .source_state import (
    audit_sources,
    display_name,
    falsetickers,
    is_stale,
    unexplained_sample,
    usable_sources,
)
from .totp import best_probability, worst_probability

__all__ = ["judge"]

#: A reference time may lie this far ahead of the host's clock: the reports are read a moment after the clock.
_FUTURE_S = 1.0

_DOUBT_OF_GAP = {
    "chrony": "chrony.state_unknown",
    "clock": "clock.unmeasured",
    "source": "source.unmeasured",
    "config": "config.unread",
    "daemon": "daemon.rivals_unknown",
    "witness": "witness.unavailable",
}
# What follows from a daemon that is not there or does not run needs no reason of its own.
_IMPLIED = frozenset({"chrony.state_unknown", "chrony.unreachable_daemon", "clock.unmeasured", "source.unmeasured"})


class _Finding(NamedTuple):
    """A code with what its message says."""

    code: str
    values: Dict[str, object] = {}  # noqa: RUF012 - never changed


def judge(measurement: ClockMeasurement, policy: ClockPolicy) -> Verdict:
    """Judge a measurement under a policy."""
    violations = _merged(_violations(measurement, policy))
    doubts = {code: text for code, text in _merged(_doubts(measurement, policy)).items() if code not in violations}
    for code in _implied(measurement, violations):
        doubts.pop(code, None)
    warnings = {code: text for code, text in _merged(_warnings(measurement, policy)).items() if code not in violations}
    reasons = _sorted(violations) + _sorted(doubts)
    texts = {**warnings, **doubts, **violations}
    codes = reasons + _sorted(warnings)
    return Verdict(
        verdict="noncompliant" if violations else "unknown" if doubts else "compliant",
        reasons=tuple(reasons),
        warnings=tuple(_sorted(warnings)),
        messages=tuple(texts[code] for code in codes),
    )


def _merged(findings: Iterator[_Finding]) -> Dict[str, str]:
    """Return one text per code, several findings of one code joined."""
    texts: Dict[str, List[str]] = {}
    for finding in findings:
        text = message_for(finding.code, finding.values)
        if text not in texts.setdefault(finding.code, []):
            texts[finding.code].append(text)
    return {code: "; ".join(found) for code, found in texts.items()}


def _sorted(texts: Dict[str, str]) -> List[str]:
    return sorted(texts, key=lambda code: (ORDER.get(code, len(ORDER)), code))


def _implied(measurement: ClockMeasurement, violations: Dict[str, str]) -> Tuple[str, ...]:
    if "chrony.missing" in violations:
        return (*_IMPLIED, "config.unread")
    if "chrony.inactive" in violations and not measurement.reachable:
        return tuple(_IMPLIED)
    return ()


def _violations(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    yield from _service_violations(measurement)
    yield from _tracking_violations(measurement, policy)
    yield from _offset_violations(measurement, policy)
    yield from _source_violations(measurement, policy)
    yield from _config_findings(measurement, "error")
    if measurement.rivals:
        yield _Finding("daemon.rival", {"rivals": _listed(measurement.rivals)})
    yield from _witness_violations(measurement, policy)


def _service_violations(measurement: ClockMeasurement) -> Iterator[_Finding]:
    if measurement.installed is False:
        yield _Finding("chrony.missing")
        return
    if measurement.active is False:
        yield _Finding("chrony.inactive")
    if measurement.enabled is False:
        yield _Finding("chrony.disabled")


def _tracking_violations(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    tracking = measurement.tracking
    if tracking is None:
        return
    if is_local_reference(tracking):
        yield _Finding("clock.local_reference", {"id": tracking.reference_id, "stratum": tracking.stratum})
        return
    age = reference_age_s(tracking, measurement.taken_at_s)
    if tracking.leap == "unsynchronised" or age is None:
        yield _Finding("clock.unsynchronised", {"how": _never_or_lost(tracking)})
        return
    yield from _age_violations(age, policy)
    sample = unexplained_sample(measurement, policy.warn_error_s)
    if sample is not None:
        yield _Finding("clock.sample_disagrees", {"source": display_name(sample), "offset": sample.offset_s})
    chrony = chrony_estimate(measurement, policy)
    if chrony is not None and chrony.bound_s > policy.max_error_s:
        yield _Finding("clock.bound_exceeded", {"bound": chrony.bound_s, "limit": policy.max_error_s})


def _never_or_lost(tracking: Tracking) -> str:
    # A daemon that lost its sources reports zeros too: only past corrections tell it from one that never had any.
    had_one = tracking.last_offset_s != 0.0 or tracking.rms_offset_s != 0.0
    return "chronyd has lost its synchronisation" if had_one else "chronyd has not synchronised since it was started"


def _age_violations(age: float, policy: ClockPolicy) -> Iterator[_Finding]:
    if age < -_FUTURE_S:
        how = f"the last update from a source lies {-age:.0f} s in the future: something stepped the clock back"
    elif age > policy.max_reference_age_s:
        how = f"the last update from a source is {age:.0f} s old"
    else:
        return
    yield _Finding("clock.stale", {"how": how, "limit": policy.max_reference_age_s})


def _offset_violations(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    best = best_offset(measurement, policy)
    chrony = chrony_estimate(measurement, policy)
    if chrony is not None and abs(chrony.offset_s) > policy.max_error_s:
        yield _Finding("clock.offset_exceeded", _offset_values(chrony, policy))
    if best is None:
        return
    by_chrony = best.where == CHRONY
    if not by_chrony and best.certain_error_s > policy.max_error_s:
        yield _Finding("clock.offset_exceeded", _offset_values(best, policy))
    # A witness that knows little does not put the codes at risk; it leaves the clock unknown for want of chronyd.
    probability = worst_probability if by_chrony else best_probability
    likely = probability(best.offset_s, best.uncertainty_s, policy.totp_validator)
    if likely < policy.totp_min_probability:
        values = {
            "likely": 100 * likely,
            "limit": 100 * policy.totp_min_probability,
            "validator": policy.totp_validator,
            "offset": best.offset_s,
            "uncertainty": best.uncertainty_s,
        }
        yield _Finding("totp.at_risk", values)


def _offset_values(estimate: Estimate, policy: ClockPolicy) -> Dict[str, object]:
    return {"offset": estimate.offset_s, "where": estimate.where, "limit": policy.max_error_s}


def _source_violations(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    usable = usable_sources(measurement, policy)
    if usable is None or measurement.sources is None:
        return
    if not usable:
        yield _Finding("source.none_usable", {"states": _states(measurement, policy)})
    elif len(usable) < policy.min_sources:
        yield _Finding("source.too_few", {"usable": len(usable), "limit": policy.min_sources})
    liars = falsetickers(measurement)
    if liars and len(liars) >= len(usable):
        yield _Finding("source.falseticker", {"liars": _listed(liars), "usable": len(usable)})
    unauthorised = audit_sources(measurement, policy).unauthorised
    if unauthorised:
        yield _Finding("source.unauthorised", {"names": _listed(unauthorised)})


def _states(measurement: ClockMeasurement, policy: ClockPolicy) -> str:
    """Describe the sources of a host that has none to use."""
    described = [
        f"{display_name(source)}: {'no fresh sample' if is_stale(source, policy) else source.state}"
        for source in measurement.sources or ()
    ]
    return _listed(tuple(described)) or "no source is configured"


def _config_findings(measurement: ClockMeasurement, severity: str) -> Iterator[_Finding]:
    for finding in measurement.config or ():
        if (finding.severity == "warning") == (severity == "warning"):
            line = "" if finding.line is None else f", line {finding.line}"
            where = "" if finding.file is None else f" ({finding.file}{line})"
            yield _Finding(finding.code, {"config": finding.message + where})


def _witness_violations(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    if witnesses_contradict(measurement, policy) is not None:
        return  # nobody knows which of them is right: a doubt
    for witness in disagreeing(measurement, policy)[:1]:
        chrony = chrony_estimate(measurement, policy)
        yield _Finding(
            "witness.disagrees", {"witness": _told(witness), "chrony": "" if chrony is None else _told(chrony)}
        )


def _doubts(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    yield from _gap_doubts(measurement)
    yield from _chrony_doubts(measurement, policy)
    if measurement.config is None:
        yield _Finding("config.unread", {"gap": gap_reason(measurement, "config")})
    if measurement.rivals is None:
        yield _Finding("daemon.rivals_unknown", {"gap": gap_reason(measurement, "rivals")})
    yield from _witness_doubts(measurement, policy)


def _gap_doubts(measurement: ClockMeasurement) -> Iterator[_Finding]:
    for gap in measurement.gaps:
        if gap.code:
            known = gap.code if gap.code == "chrony.unreachable_daemon" else None
            code = known or _DOUBT_OF_GAP.get(gap.code.split(".", 1)[0], "clock.unmeasured")
            yield _Finding(code, {"gap": gap.reason})


def _chrony_doubts(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    if measurement.installed is None or measurement.active is None or measurement.enabled is None:
        yield _Finding("chrony.state_unknown", {"gap": gap_reason(measurement, "service")})
    if not measurement.reachable:
        yield _Finding("chrony.unreachable_daemon", {"gap": gap_reason(measurement, "clock")})
    elif measurement.tracking is None:
        yield _Finding("clock.unmeasured", {"gap": gap_reason(measurement, "clock")})
    if measurement.reachable and measurement.sources is None:
        yield _Finding("source.unmeasured", {"gap": gap_reason(measurement, "clock")})
    unidentified = audit_sources(measurement, policy).unidentified
    if unidentified:
        yield _Finding("source.unidentified", {"names": _listed(unidentified)})


def _witness_doubts(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    pair = witnesses_contradict(measurement, policy)
    if pair is not None:
        yield _Finding("witness.contradictory", {"one": _told(pair[0]), "other": _told(pair[1])})
    useful = [estimate for estimate in answers(measurement) if estimate.uncertainty_s <= policy.max_error_s]
    servers_asked = any(witness.kind == "ntp" for witness in measurement.witnesses)
    servers_answered = any(estimate.where.startswith("ntp:") for estimate in useful)
    if (servers_asked and not servers_answered) or (policy.witnesses_required and not useful):
        yield _Finding("witness.unavailable", {"gap": _silence(measurement, policy)})


def _silence(measurement: ClockMeasurement, policy: ClockPolicy) -> str:
    """Say of each witness why it is of no use."""
    told = []
    for witness in measurement.witnesses:
        if witness.offset_s is None or witness.uncertainty_s is None:
            told.append(f"{witness.source}: {witness.error or 'no answer'}")
        elif witness.uncertainty_s > policy.max_error_s:
            told.append(f"{witness.source}: knows the time only to {witness.uncertainty_s:.3g} s")
    return _listed(tuple(told)) or gap_reason(measurement, "witness")


def _warnings(measurement: ClockMeasurement, policy: ClockPolicy) -> Iterator[_Finding]:
    chrony = chrony_estimate(measurement, policy)
    if chrony is not None and policy.warn_error_s < chrony.bound_s <= policy.max_error_s:
        yield _Finding("clock.bound_high", {"bound": chrony.bound_s, "limit": policy.warn_error_s})
    liars = falsetickers(measurement)
    if liars:
        yield _Finding(
            "source.falseticker", {"liars": _listed(liars), "usable": len(usable_sources(measurement, policy) or ())}
        )
    yield from _config_findings(measurement, "warning")
    silent = [witness for witness in measurement.witnesses if witness.offset_s is None]
    if silent and len(silent) < len(measurement.witnesses):
        told = tuple(f"{witness.source}: {witness.error or 'no answer'}" for witness in silent)
        yield _Finding("witness.partial", {"gap": _listed(told)})


def _told(estimate: Estimate) -> str:
    return f"{estimate.where} says {estimate.offset_s:+.3f} s +/- {estimate.uncertainty_s:.3f} s"


def _listed(names: Tuple[str, ...], most: int = 5) -> str:
    """Name some, each once: the servers of a pool have one name."""
    counts = Counter(names)
    told = [name if count == 1 else f"{name} ({count} times)" for name, count in counts.items()]
    left = len(names) - sum(list(counts.values())[:most])
    return ", ".join(told[:most]) + (f" and {left} more" if left else "")
