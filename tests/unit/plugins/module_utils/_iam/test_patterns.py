"""Wildcards, and values that have a type."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.operators import BASES, Operator, read_operator
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.patterns import (
    action_matches,
    action_overlaps,
    matches,
    read_date,
    read_number,
)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("?", "", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a*", "a", True),
        ("*a*b*", "xxaxxbxx", True),
        ("*a*b", "xxaxxbxx", False),
        ("a**b", "ab", True),
        ("a.c", "abc", False),
        ("[a]", "a", False),
        ("a\n*", "a\nb", True),
        ("arn:aws:iam::*:mfa/*", "arn:aws:iam::123456789012:mfa/people/alice", True),
        ("A", "a", False),
        ("*?", "a", True),
        ("?*?", "a", False),
    ],
)
def test_matches(pattern: str, value: str, *, expected: bool) -> None:
    assert matches(pattern, value) is expected


def test_a_hostile_pattern_is_no_trap() -> None:
    """A matcher that tries every split would not end within a lifetime."""
    assert not matches("*a" * 200 + "b", "a" * 4000)
    assert not action_overlaps("*a" * 100 + "b", "a*" * 100 + "c")


def test_actions_do_not_count_by_case() -> None:
    assert action_matches("STS:assume*", "sts:AssumeRole")
    assert not action_matches("sts:AssumeRole", "sts:AssumeRoleWithSAML")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("sts:AssumeRole", "STS:assumerole", True),
        ("sts:*", "*:AssumeRole", True),
        ("sts:A*e", "sts:*Role", True),
        ("sts:Assume*", "sts:Get*", False),
        ("sts:?ssumeRole", "sts:Assume*", True),
        ("sts:????", "sts:Assume*", False),
        ("*", "", True),
        ("", "", True),
        ("?", "", False),
        ("*a", "b*", True),
        ("*a", "*b", False),
        ("a*b", "a?", True),
        ("a*b", "a", False),
        ("iam:*", "iam:*", True),
    ],
)
def test_overlap(one: str, other: str, *, expected: bool) -> None:
    for first, second in ((one, other), (other, one)):
        assert action_overlaps(first, second) is expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0.0), ("-1.5", -1.5), ("+2", 2.0), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("", None), (" 1", None),
        ("1 ", None), ("1,5", None), ("0x10", None), ("inf", None), ("nan", None), ("1_000", None), ("3600s", None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None), ("1\n", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: float | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0), ("1970", 0.0), ("1970-02", 31 * 86400.0), ("1970-01-02", 86400.0),
        ("1970-01-01T00:01Z", 60.0), ("1970-01-01T00:00:01.25Z", 1.25), ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:00-0130", 5400.0), ("1793404800", 1793404800.0), ("1970-13-01", None), ("tomorrow", None),
        ("0000-01-01", None), ("1970-01-01T25:00:00Z", None), ("", None), ("1970-1-1", None),
    ],
)  # fmt: skip
def test_dates(text: str, seconds: float | None) -> None:
    assert read_date(text) == seconds


def test_operators_are_taken_apart() -> None:
    assert read_operator("BoolIfExists") == Operator("bool", "", if_exists=True)
    assert read_operator("FORANYVALUE:stringLIKEifexists") == Operator("stringlike", "foranyvalue", if_exists=True)
    assert read_operator("Null") == Operator("null", "", if_exists=False)
    for unknown in (
        "",
        "Bool ",
        "IfExists",
        "ForAllValues:",
        "x:Bool",
        "ForAllValues:ForAllValues:Bool",
        "NullIfExists",
    ):
        assert read_operator(unknown).base == ""
    assert all(read_operator(f"ForAllValues:{base}IfExists").base == base for base in BASES - {"null"})
