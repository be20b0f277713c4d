# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures, names and rows as people read them, the same in every report. Private to this collection, pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .model import COMPLIANT, HostEntry
from .origin import AGENT
from .values import number

__all__ = [
    "HEADER",
    "aligned",
    "by_agent",
    "folded",
    "made_compliant",
    "names",
    "part",
    "percent",
    "row",
    "seconds",
]

NAMED_HOSTS = 8
NAME_WIDTH = 40
HEADER = ("HOST", "VERDICT", "OFFSET", "BOUND", "CODES", "REASONS")
_FIGURES = ("OFFSET", "BOUND", "CODES")
_LONG_TIMES = ((2 * 86400, 86400, "d"), (2 * 3600, 3600, "h"))  # from so many seconds on, in this unit


def folded(reasons: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Leave out that a clock may be off where it is off: one thing to mend is said once."""
    off = set(reasons.get("clock.offset_exceeded", ()))
    left = {
        code: [host for host in hosts if host not in off] if code == "clock.bound_exceeded" else hosts
        for code, hosts in reasons.items()
    }
    return {code: hosts for code, hosts in left.items() if hosts}


def row(entry: HostEntry) -> tuple[str, ...]:
    """Return one host below ``HEADER``."""
    state = entry.state
    clock = part(state.facts, "clock")
    probability = part(part(state.facts, "totp"), "accept_probability")
    return (
        entry.host,
        state.verdict,
        seconds(clock.get("offset_s"), signed=True),
        seconds(clock.get("bound_s"), signed=False),
        percent(probability.get("rfc6238")),
        ", ".join(state.reasons) or (f"warning: {', '.join(state.warnings)}" if state.warnings else "-"),
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose first row is its header."""
    header = rows[0]
    widths = [min(NAME_WIDTH, max(len(cells[column]) for cells in rows)) for column in range(len(header) - 1)]
    return [
        "  ".join(
            # Figures to the right, words to the left, the last column as long as it is.
            cell.rjust(width) if title in _FIGURES else cell.ljust(width)
            for title, cell, width in zip(header, cells, [*widths, 0], strict=True)
        ).rstrip()
        for cells in rows
    ]


def made_compliant(entries: Iterable[HostEntry]) -> list[HostEntry]:
    """Return the hosts that enforcing turned from something else to compliant."""
    return [
        entry
        for entry in entries
        if entry.enforcement is not None
        and entry.state.verdict == COMPLIANT
        and (entry.before is None or entry.before.verdict != COMPLIANT)
    ]


def by_agent(entries: Sequence[HostEntry]) -> str:
    """Say how many hosts the report tells of by another report; empty where no agent told of any."""
    believed = [entry.state.origin for entry in entries if entry.state.origin and entry.state.origin.source == AGENT]
    if not believed:
        return ""
    ages = [origin.report_age_s for origin in believed if origin.report_age_s is not None]
    oldest = f", at most {seconds(max(ages), signed=False)} old" if ages else ""
    return (
        f"{len(believed)} of {len(entries)} host{'' if len(entries) == 1 else 's'} by the report of their agent{oldest}"
    )


def names(hosts: Sequence[str]) -> str:
    """Return some hosts by name; of many the first."""
    named = ", ".join(hosts[:NAMED_HOSTS])
    return named if len(hosts) <= NAMED_HOSTS else f"{named} and {len(hosts) - NAMED_HOSTS} more"


def part(facts: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    """Return a part of a host's facts; empty where the host sent something else."""
    found = facts.get(key) if facts is not None else None
    return found if isinstance(found, Mapping) else {}


def seconds(value: Any, *, signed: bool) -> str:
    """Return a time with the unit that fits it; a question mark where it is not known."""
    time_s = number(value)
    if time_s is None:
        return "?"
    sign = "+" if signed else ""
    size = abs(time_s)
    if size < 0.001:
        return f"{time_s * 1e6:{sign}.0f} us"
    if size < 1:
        return f"{time_s * 1e3:{sign}.1f} ms"
    for least, unit_s, unit in _LONG_TIMES:
        if size >= least:
            # A host may send any number: one that is absurd is not written out in 300 digits.
            return f"{time_s / unit_s:{sign}.{'1f' if size < 1e12 else '1e'}} {unit}"
    return f"{time_s:{sign}.1f} s"


def percent(value: Any) -> str:
    """Return a probability; a question mark where it is none."""
    probability = number(value)
    if probability is None or not 0 <= probability <= 1:
        return "?"
    # Never round up to a promise: 99.96 % is not 100 %.
    return f"{int(probability * 1000 + 1e-9) / 10:g} %"
