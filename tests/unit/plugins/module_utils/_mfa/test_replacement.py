"""The steps of a replacement, one situation after the other; the fuzz test kills it anywhere."""

from __future__ import annotations

import json

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.replacement import (
    ABSENT,
    CAP,
    FOREIGN,
    MINE,
    UNASSIGNED,
    Inventory,
    Journal,
    JournalFormatError,
    Material,
    choose_order,
    dump,
    load,
    next_step,
    plan,
    restore_step,
    untouched,
)

OLD, NEW = "arn:aws:iam::123456789012:mfa/old", "arn:aws:iam::123456789012:mfa/new"
SPARE = Journal("alice", NEW, old=OLD)
SAME = Journal("alice", OLD, old=OLD, order="old_first")
SEED, NOTHING = Material(new=True), Material()


@pytest.mark.parametrize(
    ("old", "enabled", "order"),
    [(OLD, 1, "spare_first"), (OLD, CAP - 1, "spare_first"), (OLD, CAP, "at_cap"), (NEW, 1, "old_first")],
)
def test_the_order_leaves_the_user_a_device_where_that_can_be(old: str, enabled: int, order: str) -> None:
    assert choose_order(old, NEW, enabled) == order


@pytest.mark.parametrize(
    ("journal", "steps"),
    [
        (SPARE, ["create", "enable", "verify", "deactivate_old", "delete_old"]),
        (SPARE._replace(order="at_cap"), ["create", "deactivate_old", "enable", "verify", "delete_old"]),
        (SAME, ["deactivate_old", "delete_old", "create", "enable", "verify"]),
        (SPARE._replace(by_codes=True), ["create"]),
        (SPARE._replace(old="GAHT12345678"), ["create", "enable", "verify", "deactivate_old"]),
    ],
)
def test_the_plan_is_the_way_from_the_beginning(journal: Journal, steps: list[str]) -> None:
    there = Inventory(MINE, MINE if journal.same_serial else ABSENT)
    assert plan(journal, there, NOTHING) == steps


def test_without_an_old_device_there_is_none_to_remove() -> None:
    first = Journal("alice", NEW)
    assert plan(first, Inventory(ABSENT, ABSENT), NOTHING) == ["create", "enable", "verify"]
    assert plan(first._replace(goal="created"), Inventory(ABSENT, ABSENT), NOTHING) == ["create"]


@pytest.mark.parametrize(
    ("journal", "seen", "material", "kind"),
    [
        # Created, and killed before the seed was anywhere.
        (SPARE._replace(intent="create"), Inventory(MINE, UNASSIGNED), NOTHING, "delete_new"),
        # Delivered, but not where it can be read again.
        (SPARE._replace(intent="create", delivered=True), Inventory(MINE, UNASSIGNED), NOTHING, "delete_new"),
        (SPARE._replace(intent="create", delivered=True), Inventory(MINE, UNASSIGNED), SEED, "enable"),
        # The holder is waited for, and may have enabled it himself.
        (SPARE._replace(delivered=True, by_codes=True), Inventory(MINE, UNASSIGNED), NOTHING, "wait_codes"),
        (SPARE._replace(delivered=True, by_codes=True), Inventory(MINE, MINE), NOTHING, "verify"),
        # The answer to the call that enabled it was lost.
        (SPARE._replace(intent="enable", delivered=True), Inventory(MINE, MINE), SEED, "verify"),
        # The same name: which of the two is there depends on what was begun.
        (SAME._replace(intent="delete_old"), Inventory(UNASSIGNED, UNASSIGNED), NOTHING, "delete_old"),
        (SAME._replace(intent="create"), Inventory(UNASSIGNED, UNASSIGNED), NOTHING, "delete_new"),
        (SAME._replace(intent="enable", delivered=True), Inventory(MINE, MINE), SEED, "verify"),
        # Others have been at it.
        (SPARE._replace(intent="create"), Inventory(MINE, FOREIGN), SEED, "blocked"),
        (SPARE, Inventory(FOREIGN, ABSENT), SEED, "blocked"),
        (SPARE._replace(intent="create"), Inventory(MINE, MINE), NOTHING, "blocked"),
    ],
)
def test_the_next_step_follows_from_journal_and_account(
    journal: Journal, seen: Inventory, material: Material, kind: str
) -> None:
    assert next_step(journal, seen, material).kind == kind


@pytest.mark.parametrize(
    ("journal", "seen", "material", "kind"),
    [
        (SPARE, Inventory(MINE, ABSENT), NOTHING, "done"),
        (SPARE, Inventory(MINE, UNASSIGNED), NOTHING, "delete_new"),
        (SPARE, Inventory(MINE, MINE), NOTHING, "deactivate_new"),
        (SPARE, Inventory(UNASSIGNED, MINE), NOTHING, "blocked"),
        # The old one is back before the new one goes, unless there is no room for both.
        (SPARE, Inventory(UNASSIGNED, MINE), Material(old=True), "enable_old"),
        (SPARE._replace(order="at_cap"), Inventory(UNASSIGNED, MINE), Material(old=True), "deactivate_new"),
        (SPARE._replace(order="at_cap"), Inventory(UNASSIGNED, MINE), NOTHING, "blocked"),
        (SPARE, Inventory(ABSENT, MINE), Material(old=True), "blocked"),
        (SAME._replace(intent="create"), Inventory(UNASSIGNED, UNASSIGNED), Material(old=True), "blocked"),
    ],
)
def test_the_way_back(journal: Journal, seen: Inventory, material: Material, kind: str) -> None:
    assert restore_step(journal, seen, material).kind == kind


def test_going_back_is_free_only_while_the_old_device_is_enabled() -> None:
    assert untouched(SPARE, Inventory(MINE, MINE))
    assert not untouched(SPARE, Inventory(UNASSIGNED, MINE))
    assert not untouched(SAME._replace(intent="enable"), Inventory(MINE, MINE))
    assert untouched(Journal("alice", NEW), Inventory(ABSENT, UNASSIGNED))


def test_a_journal_is_read_as_it_was_written() -> None:
    journal = SPARE._replace(intent="enable", delivered=True, files=("/a", "/b"), encrypted_seed="x")
    assert load(dump(journal)) == journal


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", dump(SPARE)[:-20], dump(SPARE).replace('"format": 1', '"format": 2'),
        dump(SPARE).replace("spare_first", "sideways"), dump(SPARE).replace('"start"', '"elsewhere"'),
        dump(SPARE).replace('"alice"', '""'), dump(SPARE).replace('"delivered": false', '"delivered": 0'),
        json.dumps({**json.loads(dump(SPARE)), "more": 1}),
    ],
)  # fmt: skip
def test_what_is_no_journal_is_refused(text: str) -> None:
    with pytest.raises(JournalFormatError, match="damaged"):
        load(text)
