# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a run as one value: what a slice of a fleet leaves for the job that makes the report of all slices.

Private to this collection, pure. An artifact goes through AWX's database and through other jobs' variables, so it is
small (compressed) and nothing in it is trusted: sizes are bounded before anything is unpacked, and a host in it is
judged anew from its facts.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._plain import depth
from .json_report import finite
from .model import Enforcement, HostEntry, State, enforcement_of, history_of, measured_state, unknown_state
from .origin import Origin, origin_of
from .reasons import HOST_FAILED, HOST_MALFORMED, HOST_NOT_MEASURED, HOST_UNREACHABLE

__all__ = [
    "COUNT_LIMIT",
    "RAW_LIMIT",
    "TEXT_LIMIT",
    "Slice",
    "SliceError",
    "SliceName",
    "name_of_key",
    "pack",
    "run_name",
    "slice_name",
    "unpack",
]

SCHEMA = 1
HOSTS_LIMIT = 100_000
HOST_LIMIT = 256 * 1024  # one host unpacked, a healthy one has about 1 KiB
RAW_LIMIT = 32 * 1024 * 1024  # all hosts unpacked
TEXT_LIMIT = 16 * 1024 * 1024  # all hosts packed
HEADER_LIMIT = 1024
DEPTH_LIMIT = 32
COUNT_LIMIT = 1000  # slices of a run

_KEY = re.compile(r"softtoken_slice_(?:([1-9]\d{0,3})_of_([1-9]\d{0,3})|job_([1-9]\d{0,17}))", re.ASCII)
_NUMBERED = re.compile(r"([1-9]\d{0,3})\s*/\s*([1-9]\d{0,3})", re.ASCII)
_JOB = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_MODES = ("audit", "enforce")
_WITHOUT_FACTS = (HOST_UNREACHABLE, HOST_FAILED, HOST_MALFORMED, HOST_NOT_MEASURED)


class SliceError(ValueError):
    """A name that is none, or an artifact that cannot be made or read; the message says why."""


class SliceName(NamedTuple):
    """Which part of a run: a number of so many, or in AWX the job, which does not know its number."""

    number: int
    of: int | None

    @property
    def key(self) -> str:
        """The name of the artifact."""
        return f"softtoken_slice_{f'job_{self.number}' if self.of is None else f'{self.number}_of_{self.of}'}"

    def __str__(self) -> str:
        return f"the slice of job {self.number}" if self.of is None else f"slice {self.number} of {self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One slice of a run."""

    name: SliceName
    run: str
    written_at: str  # UTC with microseconds, by the controller's clock
    mode: str  # audit | enforce
    dry_run: bool
    hosts: tuple[HostEntry, ...]
    without_history: bool = False  # it was left out, as it did not fit


def slice_name(value: object, job: object) -> SliceName:
    """Return the name that the variable ``softtoken_slice`` stands for; ``job`` is the id of the AWX job, if any."""
    text = str(value).strip()
    if numbered := _NUMBERED.fullmatch(text):
        return _numbered(int(numbered[1]), int(numbered[2]))
    if text.lower() not in {"true", "yes"}:
        raise SliceError(
            f"softtoken_slice is {text[:80]!r}: give true in AWX, or the number of the slice and their count, as 3/4"
        )
    if not _JOB.fullmatch(str(job)):
        raise SliceError(
            "softtoken_slice is true, and there is no awx_job_id to name the slice by, as AWX sets it: "
            "give the number of the slice and their count instead, as 3/4"
        )
    return SliceName(int(str(job)), None)


def run_name(value: object) -> str:
    """Return the run that a slice is a part of: all slices of one run have it in common, and no other run has it."""
    text = "" if value is None else str(value).strip()
    if not text:
        raise SliceError(
            "it is not known which run the slice is a part of: give all slices of one run the same "
            "softtoken_slices_run, and each run its own (in AWX it is the id of the workflow job unless given)"
        )
    if not _RUN.fullmatch(text):
        raise SliceError(
            f"softtoken_slices_run is {text[:80]!r}: it has to be 1 to 64 letters, digits, dots, dashes or "
            "underscores, and to start with a letter or digit"
        )
    return text


def name_of_key(key: str) -> SliceName | None:
    """Return the slice whose artifact has this key; None for any other key."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        return SliceName(int(match[3]), None) if match[3] else _numbered(int(match[1]), int(match[2]))
    except SliceError:
        return None


def _numbered(number: int, count: int) -> SliceName:
    if not 1 <= number <= count <= COUNT_LIMIT:
        raise SliceError(f"slice {number} of {count}: the number is at most the count, and that at most {COUNT_LIMIT}")
    return SliceName(number, count)


# --- writing ---------------------------------------------------------------------------------------------------------


def pack(part: Slice) -> dict[str, Any]:
    """Return the artifact of a slice: plain values, ASCII, and nothing that ``unpack`` would refuse."""
    if len(part.hosts) > HOSTS_LIMIT:
        raise SliceError(f"{part.name} has {len(part.hosts)} hosts, and at most {HOSTS_LIMIT} fit: make more slices")
    lines = [_line(entry, with_history=True) for entry in part.hosts]
    without_history = not _fits(lines) and any(entry.history for entry in part.hosts)
    if without_history:
        lines = [_line(entry, with_history=False) for entry in part.hosts]
    data = _packed([_header(part, without_history=without_history), *lines]) if _fits(lines) else None
    if data is None or len(data) > TEXT_LIMIT:
        raise SliceError(f"what {part.name} found on {len(part.hosts)} hosts is too much for one: make more slices")
    return {"schema": SCHEMA, "about": _about(part), "data": data}


def _about(part: Slice) -> str:
    """Say to people what it is: nothing reads it."""
    return f"{part.name} of run {part.run}, {part.mode} of {len(part.hosts)} hosts, written {part.written_at}"


def _header(part: Slice, *, without_history: bool) -> str:
    """Return the first line. Outside of the data these texts would not be safe: in AWX's variables 7 comes for "7"."""
    header = {
        "slice": str(part.name),
        "run": part.run,
        "written_at": part.written_at,
        "mode": part.mode,
        "dry_run": part.dry_run,
        "hosts": len(part.hosts),
        "without_history": without_history,
    }
    return json.dumps(header, separators=(",", ":"))


def _packed(lines: Sequence[str]) -> str:
    return base64.b64encode(zlib.compress("\n".join(lines).encode("ascii"), 9)).decode("ascii")


def _fits(lines: Sequence[str]) -> bool:
    return HEADER_LIMIT + sum(map(len, lines)) + len(lines) <= RAW_LIMIT


def _line(entry: HostEntry, *, with_history: bool) -> str:
    """Return one host as JSON; what is no fact of a sane host is left out here, so that it costs no other host."""
    try:
        line = _dumped(entry, with_history=with_history)
    except (RecursionError, ValueError):
        line = ""
    if not line or len(line) > HOST_LIMIT or depth(json.loads(line)) > DEPTH_LIMIT:
        message = f"what the host sent does not fit into the artifact of a slice: at most {HOST_LIMIT // 1024} KiB do"
        return _dumped(HostEntry(host=entry.host, state=unknown_state(HOST_MALFORMED, message)), with_history=False)
    return line


def _dumped(entry: HostEntry, *, with_history: bool) -> str:
    enforcement = entry.enforcement
    record = [
        entry.host,
        _plain_state(entry.state),
        None if entry.before is None else _plain_state(entry.before),
        None if enforcement is None else [enforcement.status, enforcement.task, enforcement.message],
        [list(point) for point in entry.history] if with_history else [],
    ]
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def _plain_state(state: State) -> list[Any]:
    """Verdict, reasons and warnings of what was measured are in the facts, so they are not said twice."""
    said = [state.reasons[0] if state.facts is None else finite(state.facts), list(state.messages)]
    return said if state.origin is None else [*said, list(state.origin)]


# --- reading ---------------------------------------------------------------------------------------------------------


def unpack(key: str, artifact: object) -> Slice:
    """Return the slice of an artifact, whoever made it; the error says what is wrong with it."""
    name = name_of_key(key)
    if name is None:
        raise SliceError(f"{key[:80]!r} is not the name of an artifact")
    if isinstance(artifact, SliceError):
        raise artifact  # whoever was to bring it says why it could not
    if not isinstance(artifact, Mapping):
        raise SliceError(f"it is {type(artifact).__name__}, and no dictionary")
    if artifact.get("schema") != SCHEMA or isinstance(artifact.get("schema"), bool):
        raise SliceError(f"it has schema {str(artifact.get('schema'))[:20]!r}, and this release reads schema {SCHEMA}")
    header, *lines = _lines(artifact.get("data"))
    told = _told(header, name)
    if len(lines) != told["hosts"]:
        raise SliceError(f"it says {told['hosts']} hosts and has {len(lines)}")
    return Slice(
        name=name,
        run=told["run"],
        written_at=told["written_at"],
        mode=told["mode"],
        dry_run=told["dry_run"],
        hosts=tuple(_entry(line) for line in lines),
        without_history=told["without_history"],
    )


def _told(header: str, name: SliceName) -> dict[str, Any]:
    try:
        told = json.loads(header) if len(header) <= HEADER_LIMIT else None
    except (RecursionError, ValueError):
        told = None
    if not isinstance(told, dict):
        raise SliceError("it does not say what it is")
    sound = {
        "slice": told.get("slice") == str(name),
        "run": _matches(_RUN, told.get("run")),
        "written_at": _matches(_TIME, told.get("written_at")),
        "mode": told.get("mode") in _MODES,
        "dry_run": isinstance(told.get("dry_run"), bool),
        "hosts": isinstance(told.get("hosts"), int) and not isinstance(told.get("hosts"), bool),
        "without_history": isinstance(told.get("without_history"), bool),
    }
    wrong = [key for key, good in sound.items() if not good]
    if wrong:
        raise SliceError(f"it has no usable {', '.join(wrong)}")
    return told


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _lines(data: object) -> list[str]:
    if not isinstance(data, str):
        raise SliceError("it has no usable data")
    if len(data) > TEXT_LIMIT:
        raise SliceError(f"its data has {len(data)} characters, and at most {TEXT_LIMIT} are read")
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(data, validate=True), RAW_LIMIT + 1)
        text = raw.decode("ascii")
    except (binascii.Error, ValueError, zlib.error) as exc:
        raise SliceError(f"its data is damaged: {exc}") from exc
    if len(raw) > RAW_LIMIT:
        raise SliceError(f"its data unpacks to more than {RAW_LIMIT // 1024 // 1024} MiB")
    if not unpacker.eof or unpacker.unused_data:
        raise SliceError("its data is damaged: it does not end where it should")
    if text.count("\n") > HOSTS_LIMIT:
        raise SliceError(f"it has {text.count(chr(10))} hosts, and at most {HOSTS_LIMIT} are read")
    return text.split("\n")


def _entry(line: str) -> HostEntry:
    if len(line) > HOST_LIMIT:
        raise SliceError(f"a host in it has {len(line)} characters, and at most {HOST_LIMIT} are read")
    try:
        record = json.loads(line, parse_constant=_refuse_constant)
    except (RecursionError, ValueError) as exc:
        raise SliceError("a host in it is no JSON") from exc
    if not isinstance(record, list) or len(record) != 5 or depth(record) > DEPTH_LIMIT:
        raise SliceError("a host in it is none")
    host, state, before, enforcement, history = record
    if not isinstance(host, str) or not host:
        raise SliceError("a host in it has no usable name")
    return HostEntry(
        host=host,
        state=_state(state),
        before=None if before is None else _state(before),
        enforcement=_enforcement(enforcement),
        history=history_of({"detail": {"history": history}}),
    )


def _refuse_constant(constant: str) -> None:
    raise ValueError(constant)


def _state(value: object) -> State:
    # An older release did not say which way the facts came.
    sound = isinstance(value, list) and len(value) in {2, 3} and isinstance(value[1], list)
    if not isinstance(value, list) or not sound:
        raise SliceError("a host in it has no usable state")
    known, messages, *origin = value
    if isinstance(known, dict):
        return measured_state(known, {"messages": messages}, *map(_origin, origin))
    if known not in _WITHOUT_FACTS:
        raise SliceError("a host in it has neither facts nor a reason why there are none")
    return unknown_state(known, messages[0] if messages and isinstance(messages[0], str) else "")


def _origin(value: object) -> Origin | None:
    if not isinstance(value, list) or len(value) != len(Origin._fields):
        raise SliceError("a host in it has no usable state")
    return origin_of(dict(zip(Origin._fields, value, strict=True)))


def _enforcement(value: object) -> Enforcement | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3:
        raise SliceError("a host in it has no usable word on how enforcing went")
    enforcement = enforcement_of(dict(zip(("status", "task", "message"), value, strict=True)))
    if enforcement is None:
        raise SliceError("a host in it has no usable word on how enforcing went")
    return enforcement
