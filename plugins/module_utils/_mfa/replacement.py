# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device is made, and takes the place of another: one step after the other, from wherever it stands.

Private to this collection. A journal is written down before each step, and the next step is worked out from the journal
and from what the account shows. So it does not matter where the last run ended, or whether its last call was done.

Three orders:
- spare_first: the new device is enabled and proved before the old one is touched. The user never lacks a device.
- at_cap: the user holds as many devices as AWS allows, so the old one has to go before the new one is enabled. It is
  only deactivated until then, and the user has the others.
- old_first: both have the same serial, so the old one has to be deleted before the new one exists.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

__all__ = [
    "ABSENT",
    "CAP",
    "FOREIGN",
    "MINE",
    "UNASSIGNED",
    "Inventory",
    "Journal",
    "JournalFormatError",
    "Material",
    "Step",
    "choose_order",
    "dump",
    "load",
    "next_step",
    "plan",
    "restore_step",
    "untouched",
]

#: As many devices a user may have.
CAP = 8

# Where a device is.
MINE = "enabled for the user"
UNASSIGNED = "nobody's"
FOREIGN = "another user's"
ABSENT = "absent"

_OLD_GOING = ("start", "deactivate_old", "delete_old")
_ORDERS: Dict[str, Tuple[str, ...]] = {
    "spare_first": ("create", "enable", "verify", "deactivate_old", "delete_old"),
    "at_cap": ("create", "deactivate_old", "enable", "verify", "delete_old"),
    "old_first": ("deactivate_old", "delete_old", "create", "enable", "verify"),
}
_GOALS = ("enabled", "created")
_INTENTS = ("start", "create", "enable", "verify", "deactivate_old", "delete_old", "done")
_LONGEST = 16  # no way to a goal has more steps
_FORMAT = 1


class JournalFormatError(ValueError):
    """The text is no journal."""


class Journal(NamedTuple):
    """What was begun. It holds no seed and no code; ``encrypted_seed`` only its holder can read."""

    user: str
    new: str  # serials
    old: str = ""  # "": nothing is replaced
    order: str = "spare_first"
    goal: str = "enabled"  # or created: nobody's
    intent: str = "start"  # the last step begun
    delivered: bool = False  # the seed of the new device is where the caller wants it, for good
    verified: bool = False  # the step of that name is behind it, whatever it could find out
    by_codes: bool = False  # the holder of the new device gives the codes
    files: Tuple[str, ...] = ()  # made for the seed, by this run or the one before
    encrypted_seed: str = ""

    @property
    def same_serial(self) -> bool:
        """Whether the new device has the serial of the old one."""
        return self.old == self.new


class Inventory(NamedTuple):
    """Where the two devices are: MINE, UNASSIGNED, FOREIGN or ABSENT. With the same serial both are the same."""

    old: str
    new: str


class Material(NamedTuple):
    """What codes can be had from at present."""

    new: bool = False  # the new device's seed, or two of its codes
    old: bool = False


class Step(NamedTuple):
    """What to do next.

    ``kind`` is create, enable, verify, deactivate_old, delete_old, deactivate_new, delete_new, enable_old, wait_codes,
    done, or blocked with the reason.
    """

    kind: str
    reason: str = ""


def choose_order(old: str, new: str, enabled: int) -> str:
    """Choose the order for a user with so many devices enabled, the old one among them."""
    if old == new:
        return "old_first"
    return "at_cap" if enabled >= CAP else "spare_first"


def next_step(journal: Journal, inventory: Inventory, material: Material) -> Step:
    """Return the next step forward."""
    seen = _view(journal, inventory)
    blocked = _blocked(journal, seen)
    if blocked:
        return Step("blocked", blocked)
    for kind in _way(journal):
        step = _undone(kind, journal, seen, material)
        if step is not None:
            return step
    return Step("done")


def restore_step(journal: Journal, inventory: Inventory, material: Material) -> Step:
    """Return the next step back to where the old device is enabled and the new one is not there."""
    seen = _view(journal, inventory)
    if not journal.old or seen.old == MINE:
        return _without_new(seen)
    if seen.old in (ABSENT, FOREIGN):
        return Step("blocked", f"{journal.old} is gone and cannot be brought back: run again to finish")
    if not material.old:
        return Step(
            "blocked", f"{journal.old} is deactivated, and enabling it again takes its seed or two of its codes"
        )
    if seen.new == MINE and journal.order == "at_cap":
        return Step("deactivate_new")
    return Step("enable_old")


def untouched(journal: Journal, inventory: Inventory) -> bool:
    """Say whether going back takes nothing from the user: the old device is as it was, or there is none."""
    return not journal.old or _view(journal, inventory).old == MINE


def plan(
    journal: Journal,
    inventory: Inventory,
    material: Material,
    choose: Callable[[Journal, Inventory, Material], Step] = next_step,
) -> List[str]:
    """Return the kinds of the steps forward, or back, if each does what it should."""
    steps: List[str] = []
    for _round in range(_LONGEST):
        step = choose(journal, inventory, material)
        if step.kind in ("done", "blocked", "wait_codes"):
            return steps
        steps.append(step.kind)
        journal, inventory, material = _done(step.kind, journal, inventory, material)
    return steps


# --- the way ---------------------------------------------------------------------------------------------------------


def _way(journal: Journal) -> Tuple[str, ...]:
    return ("create",) if journal.goal == "created" else _ORDERS[journal.order]


def _view(journal: Journal, inventory: Inventory) -> Inventory:
    """Tell the two devices of one serial apart: before the new one was begun, what is there is the old one."""
    if not journal.same_serial:
        return inventory if journal.old else inventory._replace(old=ABSENT)
    if journal.intent in _OLD_GOING:
        return Inventory(old=inventory.new, new=ABSENT)
    return Inventory(old=ABSENT, new=inventory.new)


def _blocked(journal: Journal, seen: Inventory) -> str:
    if seen.new == FOREIGN:
        return f"{journal.new} is enabled for another user"
    if seen.old == FOREIGN:
        return f"{journal.old} is enabled for another user since"
    # Once the seed is delivered, its holder may have enabled the device himself.
    if seen.new == MINE and not journal.delivered:
        return f"{journal.new} was enabled by somebody else"
    return ""


def _undone(kind: str, journal: Journal, seen: Inventory, material: Material) -> Optional[Step]:
    if kind == "create":
        return _make(journal, seen)
    if kind == "enable":
        return None if seen.new == MINE else _enable(journal, material)
    if kind == "verify":
        return None if journal.verified else Step("verify")
    if kind == "deactivate_old":
        return Step("deactivate_old") if seen.old == MINE else None
    return Step("delete_old") if seen.old == UNASSIGNED else None


def _make(journal: Journal, seen: Inventory) -> Optional[Step]:
    if seen.new == ABSENT:
        return Step("create")
    if journal.delivered:
        return None
    return Step("delete_new", "its seed was lost, so nobody could enable it")


def _enable(journal: Journal, material: Material) -> Step:
    if material.new:
        return Step("enable")
    if journal.by_codes:
        return Step("wait_codes")
    return Step("delete_new", "its seed cannot be read again, so nobody could enable it")


def _without_new(seen: Inventory) -> Step:
    return Step({MINE: "deactivate_new", UNASSIGNED: "delete_new"}.get(seen.new, "done"))


def _done(kind: str, journal: Journal, inventory: Inventory, material: Material) -> Tuple[Journal, Inventory, Material]:
    """Return how it looks after a step."""
    if kind in _INTENTS:
        journal = journal._replace(intent=kind)
    # Only a virtual device stays in the account when it is nobody's.
    left = UNASSIGNED if ":mfa/" in journal.old else ABSENT
    place = {
        "create": ("new", UNASSIGNED), "enable": ("new", MINE), "deactivate_new": ("new", UNASSIGNED),
        "delete_new": ("new", ABSENT), "deactivate_old": ("old", left), "delete_old": ("old", ABSENT),
        "enable_old": ("old", MINE),
    }.get(kind)  # fmt: skip
    if kind == "create":
        journal = journal._replace(delivered=True)
        material = material._replace(new=not journal.by_codes)
    elif kind == "delete_new":
        journal = journal._replace(delivered=False, verified=False)
    elif kind == "verify":
        journal = journal._replace(verified=True)
    if place is not None:
        which, where = place
        inventory = Inventory(where, where) if journal.same_serial else inventory._replace(**{which: where})
    return journal, inventory, material


# --- as text ---------------------------------------------------------------------------------------------------------


def dump(journal: Journal) -> str:
    """Return the text of a journal."""
    return json.dumps({"format": _FORMAT, **journal._asdict()}, indent=1) + "\n"


def load(text: str) -> Journal:
    """Read a journal."""
    try:
        found: Any = json.loads(text)
        version = found.pop("format")
        journal = Journal(**{**found, "files": tuple(found["files"])})
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise JournalFormatError(f"it is damaged ({type(exc).__name__})") from None
    _check(journal, version)
    return journal


def _check(journal: Journal, version: Any) -> None:
    texts = (journal.user, journal.new, journal.old, journal.encrypted_seed, *journal.files)
    flags = (journal.delivered, journal.verified, journal.by_codes)
    known = journal.order in _ORDERS and journal.goal in _GOALS and journal.intent in _INTENTS
    typed = all(isinstance(text, str) for text in texts) and all(isinstance(flag, bool) for flag in flags)
    if not (version == _FORMAT and known and typed and journal.user and journal.new):
        raise JournalFormatError("it is damaged, or another version of this collection wrote it")
