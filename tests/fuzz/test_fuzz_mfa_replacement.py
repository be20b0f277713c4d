"""A replacement that is killed anywhere, any number of times, ends well. A small account plays the part of AWS."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.replacement import (
    ABSENT,
    MINE,
    UNASSIGNED,
    Inventory,
    Journal,
    Material,
    dump,
    load,
    next_step,
    restore_step,
    untouched,
)
from hypothesis import given
from hypothesis import strategies as st

OLD, NEW, SPARE = "arn:aws:iam::123456789012:mfa/old", "arn:aws:iam::123456789012:mfa/new", "spare"
BEGUN = ("create", "enable", "verify", "deactivate_old", "delete_old")
# Where a run is killed: before its journal is written, before the call, after the call, after what follows the call.
MOMENTS = ("journal", "call", "called")


class Killed(Exception):
    pass


class Device(NamedTuple):
    holder: str
    generation: int  # a device of the same name is another one


class World:
    """AWS, the disk, and whoever holds seeds. Which device is the old one is known here, not to the code."""

    def __init__(self, journal: Journal, others: int, *, hardware: bool, seed_in_file: bool) -> None:
        self.devices = {journal.old: Device("user", 0)} if journal.old else {}
        self.others = others
        self.hardware = hardware
        self.seed_in_file = seed_in_file
        self.disk = dump(journal)
        self.in_memory = -1  # generation of the seed that the running process holds
        self.in_file = -1
        self.with_caller = -1
        self.generation = 0
        self.least = 99

    @property
    def working(self) -> int:
        return self.others + sum(device.holder == "user" for device in self.devices.values())

    def place(self, serial: str) -> str:
        device = self.devices.get(serial)
        if device is None:
            return ABSENT
        return MINE if device.holder else UNASSIGNED

    def call(self, kind: str, journal: Journal) -> None:
        if kind == "create":
            assert journal.new not in self.devices
            self.generation += 1
            self.devices[journal.new] = Device("", self.generation)
        elif kind in ("enable", "enable_old"):
            assert self.working < 8, "AWS allows eight"
            serial = journal.new if kind == "enable" else journal.old
            assert not self.devices[serial].holder
            if kind == "enable":
                assert self.devices[serial].generation in (self.in_memory, self.in_file), "codes of another seed"
            self.devices[serial] = self.devices[serial]._replace(holder="user")
        elif kind.startswith("deactivate"):
            serial = journal.old if kind.endswith("old") else journal.new
            assert self.devices[serial].holder
            self.devices[serial] = self.devices[serial]._replace(holder="")
            if self.hardware and serial == journal.old:
                del self.devices[serial]
        elif kind.startswith("delete"):
            serial = journal.old if kind.endswith("old") else journal.new
            assert not self.devices.pop(serial).holder, "DeleteConflict"
        self.least = min(self.least, self.working)


def run(world: World, choose: Any, kill_at: int | None, *, old_codes: bool = False) -> str:
    """Do what a run does, killed at a moment; returns why it stopped."""
    journal = load(world.disk)
    world.in_memory = -1
    moment = 0

    def may_be_killed() -> None:
        nonlocal moment
        if moment == kill_at:
            raise Killed
        moment += 1

    for _round in range(40):
        held = world.in_memory >= 0 or (journal.delivered and world.in_file >= 0)
        inventory = Inventory(world.place(journal.old) if journal.old else ABSENT, world.place(journal.new))
        step = choose(journal, inventory, Material(new=held, old=old_codes))
        if step.kind in ("done", "blocked", "wait_codes"):
            return str(step.kind)
        may_be_killed()
        if step.kind in BEGUN:
            journal = journal._replace(intent=step.kind)
            world.disk = dump(journal)
        may_be_killed()
        world.call(step.kind, journal)
        may_be_killed()
        if step.kind == "create":
            world.in_memory = world.generation
            may_be_killed()
            world.in_file = world.generation if world.seed_in_file else -1
            world.with_caller = world.generation
            may_be_killed()
            journal = journal._replace(delivered=True)
        elif step.kind == "delete_new":
            world.in_memory = world.in_file = -1
            may_be_killed()
            journal = journal._replace(delivered=False, verified=False)
        elif step.kind == "verify":
            journal = journal._replace(verified=True)
        world.disk = dump(journal)
    raise AssertionError("no end")


def killed(world: World, choose: Any, kills: list[int]) -> None:
    for kill_at in kills:
        try:
            run(world, choose, kill_at)
        except Killed:
            continue


worlds = st.builds(
    lambda order, others, hardware, seed_in_file: (
        Journal(
            "user", NEW, old={"old_first": NEW, "none": "", "created": ""}.get(order, OLD),
            order="spare_first" if order in ("none", "created") else order,
            goal="created" if order == "created" else "enabled",
        ),
        7 if order == "at_cap" else others,
        hardware and order in ("spare_first", "at_cap"),
        seed_in_file,
    ),
    st.sampled_from(["spare_first", "at_cap", "old_first", "none", "created"]), st.integers(0, 3),
    st.booleans(), st.booleans(),
)  # fmt: skip
kills = st.lists(st.integers(0, 40), max_size=8)


@given(worlds, kills)
def test_the_next_run_finishes(how: tuple[Journal, int, bool, bool], kills: list[int]) -> None:
    journal, others, hardware, seed_in_file = how
    world = World(journal, others, hardware=hardware, seed_in_file=seed_in_file)
    killed(world, next_step, kills)
    assert run(world, next_step, None) == "done"
    assert set(world.devices) == {NEW}, "an orphan, or the old one, is left"
    assert world.devices[NEW].holder == ("user" if journal.goal == "enabled" else "")
    assert world.devices[NEW].generation > 0, "it is the old device"
    assert world.devices[NEW].generation == world.with_caller, "nobody was given its seed"
    if journal.order == "spare_first" and journal.old:
        assert world.least > others, "there was a moment without the old and the new"
    if journal.order == "at_cap":
        assert world.least >= 7


@given(worlds, kills, st.booleans())
def test_or_the_next_run_goes_back(how: tuple[Journal, int, bool, bool], kills: list[int], old_codes: bool) -> None:
    journal, others, hardware, seed_in_file = how
    world = World(journal, others, hardware=hardware, seed_in_file=seed_in_file)
    killed(world, next_step, kills)
    before = dict(world.devices)
    old_there = not journal.old or world.devices.get(journal.old, Device("", 1)).generation == 0
    needs_codes = bool(journal.old) and old_there and not world.devices[journal.old].holder
    ended = run(world, restore_step, None, old_codes=old_codes)
    if not old_there or (needs_codes and not old_codes):
        assert ended == "blocked"
        assert world.devices == before
        return
    assert ended == "done"
    assert {serial: device.holder for serial, device in world.devices.items()} == (
        {journal.old: "user"} if journal.old else {}
    )


@given(worlds, kills)
def test_going_back_is_offered_only_where_it_takes_nothing(
    how: tuple[Journal, int, bool, bool], kills: list[int]
) -> None:
    journal, others, hardware, seed_in_file = how
    world = World(journal, others, hardware=hardware, seed_in_file=seed_in_file)
    killed(world, next_step, kills)
    now = load(world.disk)
    inventory = Inventory(world.place(now.old) if now.old else ABSENT, world.place(now.new))
    if not untouched(now, inventory):
        return
    world.least = 99
    assert run(world, restore_step, None) == "done"
    assert world.working == others + bool(journal.old)
