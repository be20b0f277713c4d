# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report that the agent leaves on its host, schema 1.

Private to this collection. One JSON object in one line, at most MAX_BYTES long, UTF-8, finite numbers only. All times
are seconds; offsets are host minus true time.

=================  ====================================================================================================
schema             1. A reader refuses any other number.
agent_version      the collection's version that measured, as "0.1.0"
machine            ``machine_key`` of the host's /etc/machine-id; "" where the host has none
hostname           the kernel's node name (uname -n)
boot_id            /proc/sys/kernel/random/boot_id; containers share it with their machine
sequence           counts the checks of this host up, from 1, over boots; a replayed report has an old one
taken_at_s         CLOCK_REALTIME when the measurement ended
boottime_s         CLOCK_BOOTTIME (the first number of /proc/uptime) at the same moment. The age of a report is the
                   uptime now minus this, if boot_id is the same: no step of the clock changes it. The difference
                   ``taken_at_s - boottime_s`` changes by steps of the clock and by nothing else, since slewing moves
                   both: now's wall clock minus uptime, minus that difference, is what was stepped since.
monotonic_s        CLOCK_MONOTONIC at the same moment; ``boottime_s - monotonic_s`` grows by suspends alone
stale              null, or why no check could replace this report since: then nothing may be concluded from it
notices            what happened between the check before and this one: lists of kind ("clock_step" or "suspend") and
                   seconds (a step: how far the clock moved, forward is positive)
parameters         the options of host_facts that the check was made with, all of them, by their names there
measured           what ``_host_facts.look_at_host`` gave; its named tuples travel as lists, field by field. Always with
                   ``detail``, and with the configured names of sources, so that any policy can be applied to it.
facts              ``ansible_facts.softtoken`` by the agent's own policy, without any controller's witness
messages           one sentence for each reason and warning of that verdict
warnings           the codes of those warnings
history            at most MAX_POINTS checks of the last day, evenly, oldest first; the last is this one. Lists of when
                   (CLOCK_REALTIME), offset_s and bound_s as the agent's own facts had them, null where not known.
=================  ====================================================================================================

Nothing in it is secret. It is written by the agent's user, so whoever reads it has to check what he can about it: see
docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional

__all__ = [
    "MAX_BYTES",
    "MAX_POINTS",
    "SCHEMA",
    "Notice",
    "Point",
    "Report",
    "ReportFault",
    "Stamp",
    "from_json",
    "machine_key",
    "to_json",
]

SCHEMA = 1
MAX_BYTES = 262144
MAX_POINTS = 48

_NOTICES = frozenset({"clock_step", "suspend"})


class ReportFault(ValueError):
    """Text that is no report of this schema; the message names the key."""


class Notice(NamedTuple):
    """Something that happened to the clock between two checks."""

    kind: str  # clock_step | suspend
    seconds: float


class Point(NamedTuple):
    """A past check, for a chart."""

    taken_at_s: float
    offset_s: Optional[float]
    bound_s: Optional[float]


class Stamp(NamedTuple):
    """One moment on one boot of one machine."""

    boot_id: str
    taken_at_s: float
    boottime_s: float
    monotonic_s: float


class Report(NamedTuple):
    """One check; the fields are described above."""

    agent_version: str
    machine: str
    hostname: str
    boot_id: str
    sequence: int
    taken_at_s: float
    boottime_s: float
    monotonic_s: float
    stale: Optional[str]
    notices: List[Notice]
    parameters: Dict[str, Any]
    measured: Dict[str, Any]
    facts: Dict[str, Any]
    messages: List[str]
    warnings: List[str]
    history: List[Point]

    def stamp(self) -> Stamp:
        """Return when it was taken."""
        return Stamp(self.boot_id, self.taken_at_s, self.boottime_s, self.monotonic_s)


def machine_key(machine_id: str) -> str:
    """Return what stands for a machine id, which itself is not to leave its host; "" for none."""
    text = machine_id.strip()
    if not text or text == "uninitialized":
        return ""
    return hashlib.sha256(b"softtoken.compliance:" + text.encode("utf-8", "replace")).hexdigest()


def to_json(report: Report) -> str:
    """Return the report as its file has it. Raises ReportFault for one that is too long or holds no plain data."""
    try:
        text = json.dumps({"schema": SCHEMA, **report._asdict()}, allow_nan=False, separators=(",", ":")) + "\n"
    except (TypeError, ValueError) as exc:
        raise ReportFault(f"the report cannot be written as JSON: {exc}") from exc
    if len(text.encode()) > MAX_BYTES:
        raise ReportFault(f"the report is {len(text.encode())} bytes long: at most {MAX_BYTES} are read")
    return text


def from_json(text: str) -> Report:
    """Return the report that a text holds. Raises ReportFault."""
    if len(text) > MAX_BYTES:
        _refuse("", f"longer than {MAX_BYTES} characters")
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise ReportFault(f"the report is no JSON: {exc}") from exc
    if not isinstance(found, dict):
        _refuse("", f"{type(found).__name__} where an object belongs")
    schema = found.get("schema")
    if isinstance(schema, bool) or not isinstance(schema, int) or schema != SCHEMA:
        _refuse("schema", f"{str(schema)[:40]!r}: this reads {SCHEMA} only")
    missing = [name for name in Report._fields if name not in found]
    if missing:
        _refuse(missing[0], "missing")
    return Report(**{name: _READERS[name](found[name], name) for name in Report._fields})


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        _refuse(name, f"{type(value).__name__} where text belongs")
    return value


def _text_or_none(value: object, name: str) -> Optional[str]:
    return None if value is None else _text(value, name)


def _count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**53:
        _refuse(name, "no count")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        _refuse(name, "no number of seconds")
    if not math.isfinite(value):
        _refuse(name, "not finite")
    return float(value)


def _seconds(value: object, name: str) -> float:
    seconds = _number(value, name)
    if seconds < 0:
        _refuse(name, "below 0")
    return seconds


def _object(value: object, name: str) -> Dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(name, f"{type(value).__name__} where an object belongs")
    return value


def _list(value: object, name: str) -> List[Any]:
    if not isinstance(value, list):
        _refuse(name, f"{type(value).__name__} where a list belongs")
    return value


def _texts(value: object, name: str) -> List[str]:
    return [_text(item, name) for item in _list(value, name)]


def _notices(value: object, name: str) -> List[Notice]:
    return [_notice(item, name) for item in _list(value, name)]


def _notice(value: object, name: str) -> Notice:
    parts = _list(value, name)
    if len(parts) != 2 or not isinstance(parts[0], str) or parts[0] not in _NOTICES:
        _refuse(name, "no pair of clock_step or suspend, and seconds")
    return Notice(parts[0], _number(parts[1], name))


def _history(value: object, name: str) -> List[Point]:
    found = _list(value, name)
    if not 0 < len(found) <= MAX_POINTS:
        _refuse(name, f"{len(found)} checks where 1 to {MAX_POINTS} belong")
    points = [_point(item, name) for item in found]
    if any(later.taken_at_s <= one.taken_at_s for one, later in zip(points, points[1:])):
        _refuse(name, "checks that are not in the order of time")
    return points


def _point(value: object, name: str) -> Point:
    parts = _list(value, name)
    if len(parts) != len(Point._fields):
        _refuse(name, "no list of a time, an offset and a bound")
    offset = None if parts[1] is None else _number(parts[1], name)
    bound = None if parts[2] is None else _seconds(parts[2], name)
    return Point(_number(parts[0], name), offset, bound)


_READERS: Dict[str, Callable[[object, str], Any]] = {
    "agent_version": _text,
    "machine": _text,
    "hostname": _text,
    "boot_id": _text,
    "sequence": _count,
    "taken_at_s": _number,
    "boottime_s": _seconds,
    "monotonic_s": _seconds,
    "stale": _text_or_none,
    "notices": _notices,
    "parameters": _object,
    "measured": _object,
    "facts": _object,
    "messages": _texts,
    "warnings": _texts,
    "history": _history,
}


def _refuse(name: str, what: str) -> NoReturn:
    raise ReportFault(f"the report{'.' if name else ''}{name}: {what}")
