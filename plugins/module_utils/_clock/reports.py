# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of ``chronyc -c -n`` that every measurement needs.

Private to this collection. The CSV of chronyc is the same from 2.4 (where ``-c``
appeared) to 4.8; columns that a newer version appends are ignored. What is
converted here and nowhere else: the sign (host minus true time: chronyc's
"System time" is positive when the host is slow, all its other offsets are
positive when the host is fast), the octal reachability register, the ages that
mean "never", polls below zero (2.4 prints them as unsigned 16-bit numbers), and
the reference id (2.4 prints it as a dotted quad).

**Several reports in one process.** ``chronyc -c -n -m`` prints its reports one
after the other with nothing between them, and stops at the first command that
fails: with a ``5xx`` line on standard output when the daemon refuses (a truncated
report may stand before it), with a complaint on standard error when chronyc does
not know the command (``selectdata`` before 4.0). ``split_reports`` cuts this by
the shape of the rows and the order of the commands. Use ``HOST_REPORTS``, in that
order:

* ``tracking`` first: one row, and the report that matters most;
* ``sources -a``: any number of rows (``-a`` shows sources whose name is not
  resolved yet; versions before 4.0 ignore it);
* ``activity``: one row, never refused, and so the proof that ``sources`` is whole,
  even where it has no rows;
* ``selectdata -a`` last: refused to everybody but root and chronyd's user, unknown
  before 4.0. What it stops comes after nothing.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .errors import ReportError
from .model import SelectData, Source, Tracking
from .reports_row import (
    MAX_PPM,
    MAX_SECONDS,
    MAX_UNIX_TIME,
    Row,
    is_decimal,
    is_integer,
    is_reference_id,
    only_row,
    refusal_in,
    rows,
)

__all__ = [
    "HOST_REPORTS",
    "LEAPS",
    "Activity",
    "daemon_refusal",
    "name_sources",
    "parse_activity",
    "parse_selectdata",
    "parse_sources",
    "parse_tracking",
    "split_reports",
]

#: The commands of one look at a daemon, in the order that ``split_reports`` can take apart.
HOST_REPORTS = ("tracking", "sources -a", "activity", "selectdata -a")

LEAPS = {
    "Normal": "normal",
    "Insert second": "insert",
    "Delete second": "delete",
    "Not synchronised": "unsynchronised",
}
_SHORT_LEAPS = {"N": "normal", "+": "insert", "-": "delete", "?": "unsynchronised"}
_MODES = {"^": "server", "=": "peer", "#": "refclock"}
_STATES = {
    "*": "selected",
    "+": "combined",
    "-": "not_combined",
    "?": "unusable",
    "x": "falseticker",
    "~": "unstable",
}
_YES_NO = frozenset("YN")
_MAX_STRATUM = 16
_MAX_COUNT = 2**32 - 1


class Activity(NamedTuple):
    """``chronyc activity``: how many sources are in which state."""

    online: int
    offline: int
    burst_online: int
    burst_offline: int
    unresolved: int


def parse_tracking(text: str) -> Tracking:
    """Read ``chronyc -c -n tracking``."""
    row = only_row("tracking", text, 14)
    row.close_name(1, 14)
    return Tracking(
        reference_id=row.reference_id(0),
        reference=row.text(1),
        stratum=row.integer(2, 0, _MAX_STRATUM),
        reference_time_s=row.decimal(3, MAX_UNIX_TIME, low=0.0),
        offset_s=0.0 - row.decimal(4, MAX_SECONDS),  # the only column that is positive when the host is slow
        last_offset_s=row.decimal(5, MAX_SECONDS),
        rms_offset_s=row.decimal(6, MAX_SECONDS, low=0.0),
        frequency_ppm=row.decimal(7, MAX_PPM),
        residual_frequency_ppm=row.decimal(8, MAX_PPM),
        skew_ppm=row.decimal(9, MAX_PPM, low=0.0),
        root_delay_s=row.decimal(10, MAX_SECONDS, low=0.0),
        root_dispersion_s=row.decimal(11, MAX_SECONDS, low=0.0),
        update_interval_s=row.decimal(12, MAX_SECONDS),
        leap=row.choice(13, LEAPS),
    )


def parse_sources(text: str) -> Tuple[Source, ...]:
    """Read ``chronyc -c -n sources`` (also with ``-a``)."""
    return tuple(_source(row) for row in rows("sources", text, 10))


def parse_selectdata(text: str) -> Tuple[SelectData, ...]:
    """Read ``chronyc -c -n selectdata`` (also with ``-a``)."""
    return tuple(_select_data(row) for row in rows("selectdata", text, 18))


def parse_activity(text: str) -> Activity:
    """Read ``chronyc -c activity``."""
    row = only_row("activity", text, 5)
    return Activity(*(row.integer(column, 0, _MAX_COUNT) for column in range(5)))


def name_sources(sources: Sequence[Source], named: Sequence[Source]) -> Tuple[Source, ...]:
    """Add the configured names, taken from a second look with ``chronyc -N``.

    The daemon lists its sources in one order, so the rows belong together by
    position, unless a source came or went between the two looks: then no name
    can be trusted and all stay unknown.
    """
    if [source.mode for source in sources] != [source.mode for source in named]:
        return tuple(source._replace(configured_name=None) for source in sources)
    return tuple(source._replace(configured_name=other.name) for source, other in zip(sources, named))


def daemon_refusal(text: str) -> Optional[str]:
    """Return the first ``5xx ...`` answer in what chronyc wrote, if there is one."""
    for line in text.splitlines():
        refusal = refusal_in(line)
        if refusal:
            return refusal
    return None


def split_reports(text: str, names: Sequence[str], *, complete: bool = False) -> Dict[str, str]:
    """Cut the output of one ``chronyc -c -n -m`` into one text per report.

    ``names`` are the commands in the order they were given, with or without
    options; the keys of the result are their first words. ``complete`` says that
    chronyc ended with status 0, so that every report is there, if without rows.
    Without it a report that may be cut short is left out: a list whose last row is
    not followed by another report, when the daemon refused to go on or the last
    line has no end; so is a list without rows at the end.
    """
    kinds = [name.split(" ", 1)[0] for name in names]
    found: List[Tuple[int, str]] = []
    position = 0
    refused = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip("\r")
        if refusal_in(stripped):
            refused = True
            break
        if stripped:
            position = _position(kinds, position, stripped, number)
            found.append((position, stripped))
            position += 1 if _SHAPES[kinds[position]].single else 0
    reports = dict.fromkeys(kinds, "") if complete else _whole(kinds, found, cut=refused or not text.endswith("\n"))
    for position, line in found:
        kind = kinds[position]
        if kind in reports:
            reports[kind] = line + "\n" if _SHAPES[kind].single else reports[kind] + line + "\n"
    return reports


def _whole(kinds: List[str], found: List[Tuple[int, str]], *, cut: bool) -> Dict[str, str]:
    """Name the reports that are certainly whole in a batch that may have stopped early."""
    if not found:
        return {}
    last = found[-1][0]
    if cut and not _SHAPES[kinds[last]].single:
        last -= 1
    return dict.fromkeys(kinds[: last + 1], "")


class _Shape(NamedTuple):
    fits: Callable[[List[str]], bool]
    single: bool = False  # exactly one row


def _position(kinds: List[str], start: int, line: str, number: int) -> int:
    fields = line.split(",")
    for position in range(start, len(kinds)):
        if _SHAPES[kinds[position]].fits(fields):
            return position
    expected = " or ".join(kinds[start:]) or "nothing more"
    raise ReportError("-m", number, None, f"a line with {len(fields)} columns that is not of {expected}")


def _fits_integers(fields: List[str]) -> bool:
    return len(fields) >= 5 and all(is_integer(field) for field in fields)


_AUTH_MODES = frozenset({"-", "SK", "NTS", "?"})
_SHAPES = {
    "tracking": _Shape(lambda row: is_reference_id(row[0]) and any(leap in row[13:] for leap in LEAPS), single=True),
    "sources": _Shape(lambda row: len(row) >= 10 and row[0] in _MODES and row[1] in _STATES),
    "activity": _Shape(_fits_integers, single=True),
    "selectdata": _Shape(lambda row: len(row) >= 18 and len(row[0]) == 1 and not any(map(is_decimal, row[:10]))),
    "sourcestats": _Shape(lambda row: 8 <= len(row) < 14 and row[1] not in _AUTH_MODES and any(map(is_decimal, row))),
    "authdata": _Shape(lambda row: len(row) >= 10 and bool(_AUTH_MODES & set(row[1:5]))),
    "ntpdata": _Shape(lambda row: len(row) >= 33),
    "serverstats": _Shape(_fits_integers, single=True),
}


def _source(row: Row) -> Source:
    row.close_name(2, 10)
    poll = row.integer(4, -128, 65535)
    return Source(
        mode=row.choice(0, _MODES),
        state=row.choice(1, _STATES),
        name=row.text(2),
        stratum=row.integer(3, 0, _MAX_STRATUM),
        poll=poll if poll < 32768 else poll - 65536,
        reach=row.octal(5, 255),
        last_rx_s=row.interval(6),
        offset_s=row.decimal(7, MAX_SECONDS),
        measured_offset_s=row.decimal(8, MAX_SECONDS),
        error_s=row.decimal(9, MAX_SECONDS, low=0.0),
    )


def _select_data(row: Row) -> SelectData:
    row.close_name(1, 18, _YES_NO.__contains__)
    if len(row.text(0)) != 1:
        raise row.fault(0, f"{row.text(0)[:40]!a} is not a selection state (one letter)")
    return SelectData(
        state=row.text(0),
        name=row.text(1),
        authenticated=row.choice(2, {"Y": "yes", "N": "no"}) == "yes",
        last_sample_s=row.interval(13),
        score=row.decimal(14, MAX_SECONDS),
        low_s=row.decimal(15, MAX_SECONDS),
        high_s=row.decimal(16, MAX_SECONDS),
        leap=row.choice(17, {**LEAPS, **_SHORT_LEAPS}),
    )
