from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.near import NearIndex, edits
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.iam_serials import account, device, mfa


def index(*held: tuple[str, str]) -> NearIndex:
    known = account(devices=[device(mfa(name), user) for name, user in held], users={user for _name, user in held})
    return NearIndex(known.devices, known.users)


def near(known: NearIndex, name: str, *subjects: str) -> list[tuple[str, str]]:
    return [(one.serial.rpartition("mfa/")[2], one.differs) for one in known.suggest(parse_serial(mfa(name)), subjects)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CAROLINE", [("caroline", "case")]),
        ("eu/caroline", [("caroline", "path")]),
        ("caro.line", [("caroline", "spelling")]),
        ("carolin", [("caroline", "spelling")]),
        ("carolinee", [("caroline", "spelling")]),
        ("caroilne", [("caroline", "spelling")]),
        ("carolune", [("caroline", "spelling")]),
        ("arolinee", [("caroline", "spelling")]),  # two edits of a long name
        ("carla", []),
    ],
)
def test_slips(written: str, meant: list[tuple[str, str]]) -> None:
    assert near(index(("caroline", "u")), written) == meant


@pytest.mark.parametrize(("held", "written"), [("bob", "rob"), ("web-1", "web-2"), ("node1", "node11")])
def test_names_that_are_not_slips_of_each_other(held: str, written: str) -> None:
    assert near(index((held, "u")), written) == []


def test_what_differs_less_comes_first() -> None:
    assert near(index(("alice", "a"), ("ALICIA", "b")), "Alice") == [("alice", "case")]


def test_too_many_are_no_suggestion() -> None:
    held = [(f"alic{letter}", letter) for letter in "bcdfg"]
    assert near(index(*held[:3]), "alice") == [(name, "spelling") for name, _user in held[:3]]
    assert near(index(*held), "alice") == []


def test_what_the_user_holds_now() -> None:
    known = index(("phone", "alice"))
    assert near(known, "alice") == [("phone", "renamed")]
    assert near(known, "gone-forever", "Alice") == [("phone", "renamed")]


def reference(one: str, other: str) -> int:
    """Count edits the slow way: optimal string alignment by its definition."""
    if not one or not other:
        return len(one) + len(other)
    best = min(
        reference(one[1:], other) + 1,
        reference(one, other[1:]) + 1,
        reference(one[1:], other[1:]) + (one[0] != other[0]),
    )
    if one[:2] == other[1::-1] and len(one) > 1 and len(other) > 1:
        best = min(best, reference(one[2:], other[2:]) + 1)
    return best


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 3))
def test_edits_are_counted_as_defined(one: str, other: str, limit: int) -> None:
    assert edits(one, other, limit) == min(reference(one, other), limit + 1)


@given(st.text("abcdef", min_size=5, max_size=10), st.integers(0, 9), st.sampled_from(["", "x", "swap"]))
def test_every_single_slip_is_found(name: str, at: int, change: str) -> None:
    at %= len(name)
    written = (
        name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]
        if change == "swap"
        else name[:at] + change + name[at + 1 :]
    )
    if written != name and len(written) > 4:
        assert near(index((name, "u")), written) == [(name, "spelling")]
