# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a clock may be stepped by what its daemon believes.

Private to this collection. ``chronyc makestep`` applies whatever correction is pending, however old, and says
``200 OK`` even when there is none. The guard looks at what stands behind that correction.
"""

from __future__ import annotations

from typing import Iterator, NamedTuple

from .bound import error_bound_s
from .model import ClockMeasurement, Source, Tracking
from .source_state import is_explained

__all__ = ["TOLERANCE_S", "StepDecision", "StepPolicy", "guard_step"]

#: Two looks at one clock, taken one after the other by different programs, may differ by this much on a busy host.
TOLERANCE_S = 0.1

_AGREEING = frozenset({"selected", "combined", "not_combined"})
_LOCAL_REFERENCE = "7F7F"  # 127.127.x.x: chronyd's own clock, by the directive "local"


class StepPolicy(NamedTuple):
    """What must hold before a clock is stepped."""

    max_step_s: float = 3600.0
    min_agreeing: int = 1
    #: An older sample is not fresh. After a burst this is the time since the burst.
    max_sample_age_s: float = 4096.0
    max_drift_ppm: float = 50.0
    witnesses_required: bool = False


class StepDecision(NamedTuple):
    """The guard's answer. ``messages`` holds one sentence for each of the ``reasons``."""

    allowed: bool
    reasons: tuple[str, ...]
    messages: tuple[str, ...]
    expected_step_s: float | None  # positive: forward; None: chronyd knows no correction
    curable: tuple[str, ...]  # those of the reasons that newer samples may remove
    reachable: bool  # there is a chronyd that could be told to step at all


class _Objection(NamedTuple):
    code: str
    message: str
    curable: bool = False


def guard_step(measurement: ClockMeasurement, policy: StepPolicy) -> StepDecision:
    """Decide whether the correction that is pending in chronyd may be applied at once."""
    tracking, sources = measurement.tracking, measurement.sources
    if tracking is None or sources is None:
        absent = _absence(measurement)
        return StepDecision(
            allowed=False,
            reasons=(absent.code,),
            messages=(absent.message,),
            expected_step_s=None,
            curable=(),
            reachable=False,
        )
    objections = [*_reference_objections(tracking)]
    synchronised = not objections
    objections += _source_objections(sources, policy, selection_expected=synchronised)
    if synchronised:
        objections += _size_objections(tracking, policy)
        objections += _witness_objections(measurement, tracking, policy)
    return StepDecision(
        allowed=not objections,
        reasons=tuple(objection.code for objection in objections),
        messages=tuple(objection.message for objection in objections),
        expected_step_s=-tracking.offset_s if synchronised else None,
        curable=tuple(objection.code for objection in objections if objection.curable),
        reachable=True,
    )


def _absence(measurement: ClockMeasurement) -> _Objection:
    """Say why there is nothing to decide on."""
    if measurement.installed is False:
        return _Objection("chrony.missing", "chrony is not installed: install it and configure time sources first")
    gap = "; ".join(gap.reason for gap in measurement.gaps if gap.subset == "clock") or "it gave no reports"
    return _Objection(
        "chrony.unreachable_daemon",
        f"chronyd cannot be asked ({gap}): start it, or give its command socket as chronyc_address",
    )


def _reference_objections(tracking: Tracking) -> Iterator[_Objection]:
    if tracking.leap == "unsynchronised" or tracking.reference_time_s <= 0:
        yield _Objection(
            "clock.unsynchronised",
            "chronyd has not synchronised with any source, so the correction it would apply means nothing:"
            " see that its sources can be reached (chronyc sources)",
            curable=True,
        )
    elif tracking.reference_id.upper().startswith(_LOCAL_REFERENCE):
        yield _Objection(
            "clock.local_reference",
            f"chronyd follows its own clock (reference {tracking.reference_id}, directive local), not a time source:"
            " see that its sources can be reached (chronyc sources)",
            curable=True,
        )


def _source_objections(
    sources: tuple[Source, ...], policy: StepPolicy, *, selection_expected: bool
) -> Iterator[_Objection]:
    answering = [source for source in sources if source.reach and source.last_rx_s is not None]
    if not answering:
        yield _Objection(
            "source.none_usable",
            f"none of chronyd's {len(sources)} sources answers: the correction would rest on old samples;"
            " see addresses, routes and UDP port 123",
            curable=True,
        )
        return
    agreeing = [source for source in answering if source.state in _AGREEING]
    false = [source.name for source in answering if source.state == "falseticker"]
    if false and len(agreeing) <= len(false):
        yield _Objection(
            "source.falseticker",
            f"the sources contradict one another: {len(agreeing)} agree, {len(false)} do not ({', '.join(false)});"
            " remove the wrong ones or add more",
            curable=True,
        )
    if selection_expected:
        yield from _freshness_objections(agreeing, policy)


def _freshness_objections(agreeing: list[Source], policy: StepPolicy) -> Iterator[_Objection]:
    """Look at the samples behind chronyd's estimate; of an unsynchronised chronyd there is none to look at."""
    selected = next((source for source in agreeing if source.state == "selected"), None)
    fresh = [source for source in agreeing if _is_fresh(source, policy)]
    if selected is None:
        yield _Objection(
            "source.none_usable",
            "chronyd has no selected source now: the correction would rest on old samples (chronyc sources)",
            curable=True,
        )
    elif selected not in fresh:
        yield _Objection(
            "clock.stale",
            f"the newest sample of {selected.name} is {selected.last_rx_s} s old: no new one came in time"
            f" (at most {policy.max_sample_age_s:.0f} s)",
            curable=True,
        )
    elif not is_explained(selected, TOLERANCE_S):
        yield _Objection(
            "step.unexplained_sample",
            f"the newest sample of {selected.name} lies {selected.offset_s:+.3f} s beside what chronyd believes:"
            " chronyd lost its pending correction, as after a step that failed, or the clock was set beside it;"
            " wait for more samples or restart chronyd",
            curable=True,
        )
    elif len(fresh) < policy.min_agreeing:
        yield _Objection(
            "source.too_few",
            f"{len(fresh)} sources agree on fresh samples, {policy.min_agreeing} are asked for (min_agreeing)",
            curable=True,
        )


def _is_fresh(source: Source, policy: StepPolicy) -> bool:
    # chronyc cuts the age down to whole seconds.
    return source.last_rx_s is not None and source.last_rx_s + 1 <= policy.max_sample_age_s


def _size_objections(tracking: Tracking, policy: StepPolicy) -> Iterator[_Objection]:
    if abs(tracking.offset_s) > policy.max_step_s:
        yield _Objection(
            "step.too_large",
            f"a step of {-tracking.offset_s:+.3f} s is larger than max_step ({policy.max_step_s:g} s): find out whether"
            " the clock or the sources are wrong, then raise max_step, or set force",
        )


def _witness_objections(measurement: ClockMeasurement, tracking: Tracking, policy: StepPolicy) -> Iterator[_Objection]:
    bound_s = error_bound_s(tracking, measurement.taken_at_s, policy.max_drift_ppm)
    allowance_s = bound_s - abs(tracking.offset_s) + TOLERANCE_S
    errors = []
    answered = False
    for witness in measurement.witnesses:
        if witness.offset_s is None:
            errors.append(f"{witness.source}: {witness.error or 'no answer'}")
            continue
        answered = True
        if abs(witness.offset_s - tracking.offset_s) > (witness.uncertainty_s or 0.0) + allowance_s:
            yield _Objection(
                "witness.disagrees",
                f"by the witness {witness.source} this clock is {witness.offset_s:+.3f} s off, by chronyd's sources"
                f" {tracking.offset_s:+.3f} s: one of them is wrong; find out which before stepping",
            )
    if policy.witnesses_required and not answered:
        yield _Objection(
            "witness.unavailable",
            f"no witness answered ({'; '.join(errors) or 'none was asked'}): make one reachable, or ask none",
        )
