# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run out of its slices: every host once, and nothing that is missing taken for compliant.

Private to this collection, pure. A slice that died left nothing. Its hosts are unknown: those of the inventory that no
slice told of, and where the inventory does not name them, the slice itself stands in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .account import one_line
from .model import HostEntry, unknown_state, worse
from .reasons import HOST_NOT_MEASURED
from .slices import COUNT_LIMIT, Slice, SliceError, SliceName, name_of_key, unpack

__all__ = ["Reduced", "reduce_slices"]

NAMED = 20  # of each kind of note
LOST_NAMED = 3  # in the sentence of each host


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """What all slices of one run say together."""

    run: str | None  # None: no slice arrived
    mode: str
    dry_run: bool
    slices: tuple[str, ...]  # those that arrived
    lost: tuple[str, ...]  # those that did not, each with the reason
    hosts: tuple[HostEntry, ...]
    notes: tuple[str, ...]


def reduce_slices(
    artifacts: Iterable[tuple[str, Any]], *, hosts: Sequence[str] = (), run: str | None = None, count: int | None = None
) -> Reduced:
    """Read the artifacts of one run, the newest unless ``run`` names it.

    ``hosts`` are those that the run was to measure, ``count`` is how many slices there were, each if it is known.
    """
    if count is not None and not 1 <= count <= COUNT_LIMIT:
        raise SliceError(f"softtoken_slices_count is {count}: it has to be 1 to {COUNT_LIMIT}, or not given")
    read, damaged = _read(artifacts)
    chosen = run or max(((part.written_at, part.run) for part in read), default=(None, None))[1]
    # The same artifact may have come on two ways.
    same = {(part.written_at, part.name.key): part for part in read if part.run == chosen}
    own = [same[key] for key in sorted(same)]
    foreign = [part for part in read if part.run != chosen]
    told, twice = _merged(own)
    covered = bool(hosts) and told.keys() <= set(hosts)
    lost = [*damaged, *_absent([part.name for part in own], damaged, count, covered=covered)]
    untold = [host for host in dict.fromkeys(hosts) if host not in told]
    numbered = count is not None or any(part.name.of is not None for part in own)
    entries = [*told.values(), *(_untold(host, lost, numbered=numbered) for host in untold)]
    if lost and not covered:
        # The inventory here is not that of the slices: it cannot tell which hosts a lost slice had.
        entries += [_stand_in(name, why) for name, why in lost]
    return Reduced(
        run=chosen,
        mode="enforce" if any(part.mode == "enforce" for part in own) else "audit",
        dry_run=any(part.dry_run for part in own),
        slices=tuple(str(part.name) for part in own),
        lost=tuple(f"{name} {why}" for name, why in lost),
        hosts=tuple(entries),
        notes=tuple(map(one_line, _notes(own, foreign, lost, untold, twice, chosen))),
    )


def _read(artifacts: Iterable[tuple[str, Any]]) -> tuple[list[Slice], list[tuple[str, str]]]:
    read: list[Slice] = []
    damaged: list[tuple[str, str]] = []
    for key, artifact in artifacts:
        try:
            read.append(unpack(key, artifact))
        except SliceError as exc:
            damaged.append((str(name_of_key(key) or key), f"left an artifact that cannot be read: {exc}"))
    return read, damaged


def _absent(
    names: Sequence[SliceName], damaged: Sequence[tuple[str, str]], count: int | None, *, covered: bool
) -> list[tuple[str, str]]:
    """Return the slices that there must have been, by the names of the others and by the count that was given."""
    why = "left no artifact"
    known = {str(name) for name in names} | {name for name, _why in damaged}
    counts = {name.of for name in names if name.of is not None}
    jobs = sum(name.of is None for name in names)
    if count is not None and not jobs:
        counts.add(count)
    if not counts and count is None:
        return [] if covered else _unknown_count(jobs)
    expected = [str(SliceName(number, of)) for of in sorted(counts) for number in range(1, of + 1)]
    absent = [(name, why) for name in expected if name not in known]
    missing = 0 if count is None or not jobs else count - jobs - len(damaged)
    return [*absent, (f"{missing} of {count} slices", why)] if missing > 0 else absent


def _unknown_count(arrived: int) -> list[tuple[str, str]]:
    if not arrived:
        return [("every slice", "left no artifact")]
    why = "may have left no artifact: it is not known how many there were (softtoken_slices_count)"
    return [("some slice", why)]


def _merged(parts: Sequence[Slice]) -> tuple[dict[str, HostEntry], dict[str, tuple[Slice, Slice]]]:
    """Return each host once, and for those of two slices whose word counts, and whose does not."""
    told: dict[str, HostEntry] = {}
    teller: dict[str, Slice] = {}
    twice: dict[str, tuple[Slice, Slice]] = {}
    for part in parts:
        for entry in part.hosts:
            before = teller.get(entry.host)
            if before is None or _counts(part, entry, before, told[entry.host]):
                told[entry.host], teller[entry.host] = entry, part
            if before is not None:
                twice[entry.host] = (teller[entry.host], part if teller[entry.host] is before else before)
    return told, twice


def _counts(part: Slice, entry: HostEntry, before: Slice, former: HostEntry) -> bool:
    """Whether a later word on a host replaces the former: of two at one time it is the worse."""
    return part.written_at > before.written_at or worse(entry.state.verdict, former.state.verdict)


def _untold(host: str, lost: Sequence[tuple[str, str]], *, numbered: bool) -> HostEntry:
    if lost:
        named = "; ".join(f"{name} {why}" for name, why in lost[:LOST_NAMED])
        more = f"; and {len(lost) - LOST_NAMED} more" if len(lost) > LOST_NAMED else ""
        why = f"no slice told of this host; {named}{more}"
    elif numbered:
        why = "no slice told of this host, and none is missing: the inventory has changed meanwhile"
    else:
        why = "no slice told of this host: its slice ended before it left an artifact, or the inventory has changed"
    return HostEntry(host=host, state=unknown_state(HOST_NOT_MEASURED, why))


def _stand_in(name: str, why: str) -> HostEntry:
    message = f"{name} {why}, and the inventory here does not name its hosts"
    return HostEntry(host=f"({name})", state=unknown_state(HOST_NOT_MEASURED, message))


def _notes(
    own: Sequence[Slice],
    foreign: Sequence[Slice],
    lost: Sequence[tuple[str, str]],
    untold: Sequence[str],
    twice: dict[str, tuple[Slice, Slice]],
    chosen: str | None,
) -> Iterable[str]:
    yield f"made of {len(own)} slice{'' if len(own) == 1 else 's'}" + (f" of run {chosen}" if chosen else "")
    yield from _some([f"{name} {why}: what it would have told is unknown" for name, why in lost], "lost slices")
    if untold:
        yield f"no slice told of {_hosts(len(untold))}: {', '.join(untold[:NAMED])}{_more(untold)}"
    for run, several in sorted(Counter(part.run for part in foreign).items()):
        named = [str(part.name) for part in foreign if part.run == run]
        artifacts = f"{several} artifact{'' if several == 1 else 's'}"
        yield f"refused, as of another run, {run}: {artifacts}: {', '.join(named[:NAMED])}{_more(named)}"
    said = [
        f"{host} is in two slices: the newer word, of {new.name}, counts, that of {old.name} does not"
        for host, (new, old) in twice.items()
    ]
    yield from _some(said, "hosts in two slices")
    yield from (f"{part.name} left out what agents remembered: it did not fit" for part in own if part.without_history)


def _some(sentences: Sequence[str], what: str) -> Iterable[str]:
    yield from sentences[:NAMED]
    if len(sentences) > NAMED:
        yield f"and {len(sentences) - NAMED} more {what}"


def _hosts(number: int) -> str:
    return f"{number} host{'' if number == 1 else 's'}"


def _more(named: Sequence[str]) -> str:
    return f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
