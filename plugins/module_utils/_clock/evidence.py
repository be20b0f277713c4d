# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What chronyd and the independent witnesses say about the clock, as intervals.

Private to this collection. Every opinion is an interval: the true offset (host
minus true time) lies within ``uncertainty_s`` of ``offset_s``, if the opinion is
right. Two opinions whose intervals meet agree. Where the intervals stay apart, at
least one opinion is wrong; they *contradict* each other when the gap between
them is wider than the policy's warning limit (``warn_error_s``). That slack is
what no interval covers: the controller's own error, asymmetric paths, servers
that understate their dispersion, half a second of leap smear. So a controller
that knows the offset to 0.2 s is never a false alarm for a clock that is right,
and still contradicts a daemon whose clock is 0.7 s off.

A smaller gap counts as well when it decides the question: chronyd says that the
clock is within ``max_error_s``, the witness says that it is certainly outside.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Tuple

from .bound import error_bound_s
from .model import ClockMeasurement, ClockPolicy, Tracking
from .source_state import unexplained_sample

__all__ = [
    "CHRONY",
    "Estimate",
    "answers",
    "best_offset",
    "chrony_estimate",
    "disagreeing",
    "is_local_reference",
    "is_synchronised",
    "witnesses_contradict",
]

#: The ``where`` of chronyd's own estimate; a witness's is ``kind:source``.
CHRONY = "chrony"

# 127.127.1.1: chronyd follows its own clock (the directive "local"). Compared as a whole: the reference id of an IPv6
# source is a hash, and may begin with anything.
_LOCAL_REFERENCE_ID = "7F7F0101"

_DEFAULTS = ClockPolicy()


class Estimate(NamedTuple):
    """One opinion about the clock: the offset is within ``uncertainty_s`` of ``offset_s``."""

    offset_s: float
    uncertainty_s: float
    where: str

    @property
    def bound_s(self) -> float:
        """The largest error that this opinion allows."""
        return abs(self.offset_s) + self.uncertainty_s

    @property
    def certain_error_s(self) -> float:
        """The smallest error that this opinion allows."""
        return max(0.0, abs(self.offset_s) - self.uncertainty_s)


def is_local_reference(tracking: Tracking) -> bool:
    """Say whether the daemon is its own reference."""
    return tracking.reference_id == _LOCAL_REFERENCE_ID


def is_synchronised(tracking: Tracking) -> bool:
    """Say whether the daemon follows a source. Its offset, delay and dispersion mean nothing otherwise."""
    never = tracking.reference_time_s <= 0.0
    return tracking.leap != "unsynchronised" and not never and not is_local_reference(tracking)


def chrony_estimate(measurement: ClockMeasurement, policy: ClockPolicy) -> Optional[Estimate]:
    """Return chronyd's opinion, its interval grown by staleness; None where it has none."""
    tracking = measurement.tracking
    if tracking is None or not is_synchronised(tracking):
        return None
    uncertainty = error_bound_s(tracking, measurement.taken_at_s, policy.max_drift_ppm) - abs(tracking.offset_s)
    sample = unexplained_sample(measurement, policy.warn_error_s)
    if sample is None:
        return Estimate(tracking.offset_s, uncertainty, CHRONY)
    # The pending correction that chronyd reports is not the whole truth: its own newest sample says so.
    return Estimate(tracking.offset_s + sample.offset_s, uncertainty + sample.error_s, CHRONY)


def answers(measurement: ClockMeasurement) -> Tuple[Estimate, ...]:
    """Return the opinions of the witnesses that have one, the most exact first."""
    found: List[Estimate] = []
    for witness in measurement.witnesses:
        offset, uncertainty = witness.offset_s, witness.uncertainty_s
        if offset is None or uncertainty is None or not (math.isfinite(offset) and math.isfinite(uncertainty)):
            continue
        found.append(Estimate(offset, abs(uncertainty), f"{witness.kind}:{witness.source}"))
    return tuple(sorted(found, key=lambda estimate: (estimate.uncertainty_s, estimate.where)))


def gap_s(one: Estimate, other: Estimate) -> float:
    """Return how far two intervals are apart; below zero when they overlap."""
    return abs(one.offset_s - other.offset_s) - one.uncertainty_s - other.uncertainty_s


def witnesses_contradict(measurement: ClockMeasurement, policy: ClockPolicy) -> Optional[Tuple[Estimate, Estimate]]:
    """Return two witnesses that cannot both be right, if there are such."""
    found = answers(measurement)
    for index, one in enumerate(found):
        for other in found[index + 1 :]:
            if gap_s(one, other) > policy.warn_error_s:
                return one, other
    return None


def disagreeing(measurement: ClockMeasurement, policy: ClockPolicy) -> Tuple[Estimate, ...]:
    """Return the witnesses that contradict chronyd, the most exact first."""
    chrony = chrony_estimate(measurement, policy)
    if chrony is None:
        return ()
    return tuple(witness for witness in answers(measurement) if _contradicts(witness, chrony, policy))


def _contradicts(witness: Estimate, chrony: Estimate, policy: ClockPolicy) -> bool:
    gap = gap_s(witness, chrony)
    decisive = chrony.bound_s <= policy.max_error_s < witness.certain_error_s
    return gap > policy.warn_error_s or (gap > 0.0 and decisive)


def best_offset(measurement: ClockMeasurement, policy: ClockPolicy = _DEFAULTS) -> Optional[Estimate]:
    """Return the most trustworthy opinion about the clock, as (offset_s, uncertainty_s, where).

    chronyd's, unless a witness contradicts it; then, and where chronyd has none,
    the most exact witness's. When the witnesses contradict each other as well,
    chronyd's if a witness supports it, or none.
    """
    chrony = chrony_estimate(measurement, policy)
    witnesses = answers(measurement)
    against = disagreeing(measurement, policy)
    if chrony is not None and (not against or (len(against) < len(witnesses) and _split(measurement, policy))):
        return chrony
    if _split(measurement, policy) or not witnesses:
        return None
    return witnesses[0]


def _split(measurement: ClockMeasurement, policy: ClockPolicy) -> bool:
    return witnesses_contradict(measurement, policy) is not None
