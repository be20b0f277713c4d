# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a clock is right enough to make codes with it, and what AWS's own answers say about it.

Private to this collection. A code is sent MARGIN_S into its step: that, and no more, may the clock be off.
"""

from __future__ import annotations

import calendar
import time
from typing import List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.evidence import (
    answers,
    chrony_estimate,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    Witness,
)

from .codes import MARGIN_S

__all__ = ["ClockState", "date_witness", "judge_clock"]

_POLICY = ClockPolicy(max_error_s=MARGIN_S)


class ClockState(NamedTuple):
    """``good`` None: not known. ``text`` says why; the figures are of the opinion that decided."""

    good: Optional[bool]
    text: str = ""
    offset_s: Optional[float] = None
    uncertainty_s: Optional[float] = None
    source: Optional[str] = None


def date_witness(source: str, date: str, asked_s: float, answered_s: float) -> Witness:
    """Make an opinion of the Date of an HTTP answer, which has whole seconds, and the host's clock around the call."""
    try:
        stated = calendar.timegm(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT"))
    except ValueError:
        return Witness("aws", source, None, None, "its answer has no Date")
    if answered_s < asked_s:
        return Witness("aws", source, None, None, "the clock was set back during the call")
    # Host minus AWS lies between asked - (stated + 1) and answered - stated.
    return Witness("aws", source, (asked_s + answered_s - 1) / 2 - stated, (answered_s - asked_s + 1) / 2)


def judge_clock(measurement: ClockMeasurement) -> ClockState:
    """Judge by every opinion: one that rules a right clock out suffices for a no, one that assures it for a yes."""
    chrony = chrony_estimate(measurement, _POLICY)
    opinions = sorted((*answers(measurement), *((chrony,) if chrony else ())), key=lambda one: one.uncertainty_s)
    off = [one for one in opinions if one.certain_error_s > MARGIN_S]
    good = [one for one in opinions if one.bound_s <= MARGIN_S]
    best = next(iter(off or good or opinions), None)
    if best is None:
        return ClockState(None, "; ".join(_silences(measurement)) or "nobody was asked")
    verdict = False if off else True if good else None
    text = f"{_signed(best.offset_s)}, give or take {best.uncertainty_s:.1f} s, by {best.where}"
    return ClockState(verdict, text, best.offset_s, best.uncertainty_s, best.where)


def _signed(offset_s: float) -> str:
    return f"{abs(offset_s):.1f} s {'fast' if offset_s > 0 else 'slow'}"


def _silences(measurement: ClockMeasurement) -> Tuple[str, ...]:
    found: List[str] = [f"{one.source}: {one.error or 'no answer'}" for one in measurement.witnesses]
    found += [gap.reason for gap in measurement.gaps]
    if measurement.tracking is not None:
        found.append("chronyd is not synchronised")
    elif measurement.installed is False:
        found.append("chronyd is not installed")
    return tuple(dict.fromkeys(found))
