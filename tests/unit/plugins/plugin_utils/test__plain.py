"""Named tuples from JSON that somebody else wrote."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Optional, Tuple  # noqa: UP035 - as modules for old Pythons write them

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Look
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import (
    ConfigProblem,
    Directive,
    EffectiveConfig,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import Layout
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.service import Unit
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import (
    CommandResult,
    Process,
    SntpOutcome,
    SntpReply,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._plain import PlainError, read_as
from hypothesis import given
from hypothesis import strategies as st


class Inner(NamedTuple):
    name: str
    size: Optional[int] = None  # noqa: UP045


class Outer(NamedTuple):
    when: float
    good: bool
    parts: Tuple[Inner, ...]  # noqa: UP006
    one: Inner | None = None


GOOD: list[Any] = [1.5, True, [["a", 1], ["b", None]], ["c", 3]]

#: Every kind of value that a look holds.
LOOK = Look(
    subsets=("clock", "config"),
    taken_at_s=1795310252.25,
    layout=Layout("debian", "/c", "/d", "/s", "chrony", "_chrony", chronyd="/usr/sbin/chronyd", other_configs=("/o",)),
    init="systemd",
    container=False,
    reports=CommandResult(0, "text\n", ""),
    units=(Unit("chrony", active=None, enabled=True),),
    processes=(Process(1, "chronyd", ("chronyd", "-x"), None),),
    config_file="/c",
    config=EffectiveConfig(
        "/c", ("/c",), (Directive("server", ("a",), "/c", 1),), (ConfigProblem("m", "/c", None, fatal=False),)
    ),
    witnesses=(SntpOutcome("a", SntpReply(0.1, 0.2, 0.3, 0.4, 1, 0)), SntpOutcome("b", error="silence")),
)


def test_a_look_survives_the_way_over_the_wire() -> None:
    assert read_as(Look, json.loads(json.dumps(LOOK)), "look") == LOOK


def test_good_data() -> None:
    assert read_as(Outer, GOOD, "x") == Outer(1.5, True, (Inner("a", 1), Inner("b")), Inner("c", 3))
    assert read_as(Outer, [1, True, [], None], "x") == Outer(1.0, True, (), None)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "x: NoneType where a list"),
        ({}, "x: dict where a list"),
        ("abcd", "x: str where a list"),
        (GOOD[:3], "x: 3 values where Outer has 4 fields"),
        ([*GOOD, 1], "x: 5 values"),
        (["1.5", *GOOD[1:]], "x.when: str where float belongs"),
        ([True, *GOOD[1:]], "x.when: bool where float belongs"),
        ([float("nan"), *GOOD[1:]], "x.when: a number that is not finite"),
        ([10**400, *GOOD[1:]], "x.when: a number that is not finite"),
        ([1.5, 1, *GOOD[2:]], "x.good: int where bool belongs"),
        ([1.5, True, [["a", 1.0]], None], r"x.parts\[0\].size: float where int belongs"),
        ([1.5, True, [["a", True]], None], r"x.parts\[0\].size: bool where int belongs"),
        ([1.5, True, [[None, 1]], None], r"x.parts\[0\].name: NoneType where str belongs"),
        ([1.5, True, [["a" * 2000000, 1]], None], r"x.parts\[0\].name: 2000000 characters"),
        ([1.5, True, [["a", 1]] * 20000, None], "x.parts: list where a list of at most"),
    ],
)
def test_bad_data_is_refused_by_its_place(value: object, message: str) -> None:
    with pytest.raises(PlainError, match=message):
        read_as(Outer, value, "x")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(position=st.integers(0, len(LOOK) - 1), junk=JUNK)
def test_no_junk_raises_anything_else(position: int, junk: object) -> None:
    data = json.loads(json.dumps(LOOK))
    data[position] = junk
    try:
        read_as(Look, data, "look")
    except PlainError:
        return
