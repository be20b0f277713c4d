# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Past checks, one line of JSON each, and what they tell of the time to come.

Private to this collection. The file is bounded; lines that are none of ours, half a line after a power cut say, are
passed over.
"""

from __future__ import annotations

import json
import math
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from .._clock.model import ClockMeasurement
from .._clock.totp import VALIDATORS, worst_probability
from .report import MAX_POINTS, Notice, Point

__all__ = ["Entry", "Forecast", "Trend", "entry_of", "forecast", "last_day", "line_of", "read_entries", "trend"]

_DAY_S = 86400.0
_LATEST_S = 36500 * _DAY_S


class Entry(NamedTuple):
    """One check. Seconds, parts per million; None where it could not be measured."""

    taken_at_s: float
    boot: str  # the first 8 characters of the boot id
    boottime_s: float
    sequence: int
    verdict: str
    offset_s: Optional[float]
    bound_s: Optional[float]
    frequency_ppm: Optional[float]
    skew_ppm: Optional[float]
    notices: Dict[str, float]
    stepped_s: Optional[float] = None  # by the agent itself


class Forecast(NamedTuple):
    """When a clock that nobody corrects any more would lose its budget."""

    rate_ppm: float  # how fast it may run away: chronyd's frequency correction and its uncertainty
    limit_s: float  # the error that loses the budget
    days: float


class Trend(NamedTuple):
    """What a series of checks shows."""

    checks: int
    span_s: float  # in boot time, summed over boots
    offset_min_s: Optional[float]
    offset_max_s: Optional[float]
    bound_max_s: Optional[float]
    frequency_min_ppm: Optional[float]
    frequency_max_ppm: Optional[float]
    verdicts: Dict[str, int]
    steps: int
    suspends: int


def entry_of(
    facts: Mapping[str, Any],
    measurement: ClockMeasurement,
    *,
    boot_id: str,
    boottime_s: float,
    taken_at_s: float,
    sequence: int,
    notices: Iterable[Notice],
    stepped_s: Optional[float] = None,
) -> Entry:
    """Return the entry of a check."""
    tracking = measurement.tracking
    known = facts["clock"]["offset_s"] is not None and tracking is not None
    return Entry(
        taken_at_s=round(taken_at_s, 3),
        boot=boot_id[:8],
        boottime_s=round(boottime_s, 3),
        sequence=sequence,
        verdict=facts["verdict"],
        offset_s=facts["clock"]["offset_s"],
        bound_s=facts["clock"]["bound_s"],
        frequency_ppm=tracking.frequency_ppm if known and tracking is not None else None,
        skew_ppm=tracking.skew_ppm if known and tracking is not None else None,
        notices={notice.kind: notice.seconds for notice in notices},
        stepped_s=stepped_s,
    )


def line_of(entry: Entry) -> str:
    """Return the line of an entry; what is not known is left out."""
    kept = {name: value for name, value in entry._asdict().items() if value is not None and value != {}}
    return json.dumps(kept, separators=(",", ":"), allow_nan=False) + "\n"


def read_entries(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield the entries of those lines that are entries."""
    for line in lines:
        entry = _entry(line)
        if entry is not None:
            yield entry


def _entry(line: str) -> Optional[Entry]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    values = {name: found.get(name) for name in Entry._fields}
    values["notices"] = notices = found.get("notices", {})
    required = ("taken_at_s", "boottime_s")
    optional = ("offset_s", "bound_s", "frequency_ppm", "skew_ppm", "stepped_s")
    sound = (
        all(_is_number(values[name]) for name in required)
        and all(values[name] is None or _is_number(values[name]) for name in optional)
        and (values["bound_s"] is None or values["bound_s"] >= 0)
        and _is_count(values["sequence"])
        and isinstance(values["boot"], str)
        and isinstance(values["verdict"], str)
        and isinstance(notices, dict)
        and all(_is_number(value) for value in notices.values())
    )
    return Entry(**values) if sound else None  # type: ignore[arg-type]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # As a report takes them: a line that no report can carry is none of ours.
    return abs(value) < 1e12 and math.isfinite(value)


def last_day(lines: Sequence[str], newest: Entry) -> List[Point]:
    """Return a day of checks for a chart: the newest, and before it those of the lines, thinned evenly, oldest first.

    Only as many lines are read as the day has. Times rise: where the clock was set back, what it had shown later than
    the checks after that is left out.
    """
    found = [newest]
    for line in reversed(lines):
        entry = _entry(line)
        if entry is None:
            continue
        if _age_s(entry, newest) > _DAY_S:
            break
        if entry.taken_at_s < found[-1].taken_at_s:
            found.append(entry)
    found.reverse()
    last, most = len(found) - 1, min(len(found), MAX_POINTS)
    kept = (found[last - index * last // max(1, most - 1)] for index in reversed(range(most)))
    return [Point(entry.taken_at_s, entry.offset_s, entry.bound_s) for entry in kept]


def _age_s(entry: Entry, newest: Entry) -> float:
    """Return how much older one check is: by boot time, which no step moves, if that can be compared."""
    if entry.boot == newest.boot:
        return newest.boottime_s - entry.boottime_s
    return newest.taken_at_s - entry.taken_at_s


def forecast(
    offset_s: Optional[float],
    bound_s: Optional[float],
    frequency_ppm: Optional[float],
    skew_ppm: Optional[float],
    *,
    max_error_s: float,
    validator: str,
    min_probability: float,
) -> Optional[Forecast]:
    """Say when the budget is lost if nobody corrects this clock from now on; None where nothing is known of it.

    Without chronyd (stopped, or not started after a boot) the clock runs at its own frequency again, known to within
    the skew. The budget is the policy's ``max_error``, or what the validator takes if that is less; the error to begin
    with is the whole bound, in the worse direction.
    """
    if offset_s is None or bound_s is None or frequency_ppm is None or skew_ppm is None:
        return None
    limit = min(max_error_s, _code_limit(validator, min_probability))
    rate = abs(frequency_ppm) + skew_ppm
    left = limit - bound_s
    if left <= 0:
        return Forecast(rate, limit, 0.0)
    seconds = _LATEST_S if rate * _LATEST_S * 1e-6 <= left else left / (rate * 1e-6)
    return Forecast(rate, limit, seconds / _DAY_S)


def _code_limit(validator: str, min_probability: float) -> float:
    """Return the largest error at which codes are still taken often enough, in the worse direction."""
    low, high = 0.0, 30.0 * (1 + max(abs(step) for step in VALIDATORS[validator]))
    # It falls with the error, so halving finds it to less than a millisecond.
    for _halving in range(20):
        middle = (low + high) / 2
        if worst_probability(0.0, middle, validator) >= min_probability:
            low = middle
        else:
            high = middle
    return low


def trend(entries: List[Entry]) -> Trend:
    """Sum up a series of checks, oldest first."""
    offsets = [entry.offset_s for entry in entries if entry.offset_s is not None]
    bounds = [entry.bound_s for entry in entries if entry.bound_s is not None]
    frequencies = [entry.frequency_ppm for entry in entries if entry.frequency_ppm is not None]
    verdicts: Dict[str, int] = {}
    for entry in entries:
        verdicts[entry.verdict] = verdicts.get(entry.verdict, 0) + 1
    return Trend(
        checks=len(entries),
        span_s=_span_s(entries),
        offset_min_s=min(offsets, default=None),
        offset_max_s=max(offsets, default=None),
        bound_max_s=max(bounds, default=None),
        frequency_min_ppm=min(frequencies, default=None),
        frequency_max_ppm=max(frequencies, default=None),
        verdicts=verdicts,
        steps=sum("clock_step" in entry.notices for entry in entries),
        suspends=sum("suspend" in entry.notices for entry in entries),
    )


def _span_s(entries: List[Entry]) -> float:
    pairs = zip(entries, entries[1:])
    return sum(max(0.0, later.boottime_s - one.boottime_s) for one, later in pairs if one.boot == later.boot)
