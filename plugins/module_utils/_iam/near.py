# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which existing MFA device a serial that names none was probably meant to name.

Private to this collection. A device's case, path, separators or one letter may differ, or its user may have enrolled
another one since. Every look-up is in an index: a device is written into it once for each of its letters, under its
name without that letter, and two names that are one edit apart meet there. Names that differ in their digits are
never taken for each other: ci-07 is not a misspelt ci-08.
"""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Set, Tuple

from .account import ROOT_USER, Device, User
from .serial import Serial

__all__ = ["NearIndex", "Suggestion", "edits"]

_FEW = 3  # suggestions; more would be a guess
_SHORT = 4  # letters: below, every name is near every other
_LONG = 8  # from here on two edits still are a slip
_SEPARATORS = str.maketrans("", "", "._-+=,@/ ")
_CODES = frozenset(("virtual", "hardware"))


class Suggestion(NamedTuple):
    """A device that exists, and what differs: case, path, spelling or renamed."""

    serial: str
    differs: str


class _Name(NamedTuple):
    serial: str
    text: str  # folded
    digits: str


class NearIndex:
    """The devices of one account, by everything that a slip of the pen keeps."""

    def __init__(self, devices: Mapping[str, Device], users: Mapping[str, User]) -> None:
        self._serials: Dict[str, List[str]] = {}
        self._names: Dict[str, List[str]] = {}
        self._plain: Dict[str, List[str]] = {}
        self._shorter: Dict[str, List[_Name]] = {}
        self._held: Dict[str, List[str]] = {}
        kinds = {serial: device.kind for serial, device in devices.items()}
        for device in devices.values():
            self._add(device)
        for user in users.values():
            held = [serial for serial in user.devices if kinds.get(serial) in _CODES]
            if held:
                self._held.setdefault(user.name.lower(), []).extend(held)

    def _add(self, device: Device) -> None:
        self._serials.setdefault(device.serial.lower(), []).append(device.serial)
        if device.kind != "virtual" or device.user == ROOT_USER:
            return
        folded = device.serial.rpartition("/")[2].lower()
        self._names.setdefault(folded, []).append(device.serial)
        self._plain.setdefault(folded.translate(_SEPARATORS), []).append(device.serial)
        if len(folded) >= _SHORT:
            name = _Name(device.serial, folded, _digits(folded))
            for text in _without_one(folded):
                self._shorter.setdefault(text, []).append(name)

    def suggest(self, serial: Serial, subjects: Iterable[str] = ()) -> Tuple[Suggestion, ...]:
        """Return the devices that were probably meant: those that differ least, nothing when there are too many."""
        for differs, found in self._candidates(serial, subjects):
            others = [one for one in dict.fromkeys(found) if one != serial.text]
            if others:
                return tuple(Suggestion(one, differs) for one in others) if len(others) <= _FEW else ()
        return ()

    def _candidates(self, serial: Serial, subjects: Iterable[str]) -> Iterator[Tuple[str, List[str]]]:
        yield "case", self._serials.get(serial.text.lower(), [])
        if serial.kind == "virtual":
            folded = serial.name.lower()
            yield "path", self._names.get(folded, [])
            yield "spelling", self._plain.get(folded.translate(_SEPARATORS), [])
            yield "spelling", self._misspelt(folded)
            yield "renamed", self._held.get(folded, [])
        for user in subjects:
            yield "renamed", self._held.get(user.lower(), [])

    def _misspelt(self, folded: str) -> List[str]:
        if len(folded) < _SHORT:
            return []
        digits = _digits(folded)
        allowed = 2 if len(folded) >= _LONG else 1
        near: Dict[str, int] = {}
        for text in _without_one(folded):
            for name in self._shorter.get(text, ()):
                if name.serial not in near and name.digits == digits:
                    near[name.serial] = edits(folded, name.text, allowed)
        best = min(near.values(), default=allowed + 1)
        return sorted(one for one, count in near.items() if count == best <= allowed)


def _without_one(text: str) -> Set[str]:
    """Return the text, and the text without each of its letters."""
    return {text, *[text[:at] + text[at + 1 :] for at in range(len(text))]}


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def edits(one: str, other: str, limit: int) -> int:
    """Count insertions, deletions, replacements and swaps of neighbours; limit + 1 stands for more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: List[int] = []
    row = list(range(len(other) + 1))
    for here, char in enumerate(one, 1):
        earlier, before, row = before, row, [here]
        for at, target in enumerate(other, 1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (char != target))
            if here > 1 and at > 1 and char == other[at - 2] and one[here - 2] == target:
                cost = min(cost, earlier[at - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
