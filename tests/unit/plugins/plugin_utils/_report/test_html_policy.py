"""Policy documents as lines: where a finding stands, and what a fix changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_policy import (
    DEEPEST,
    Lines,
    changes,
    write_policy,
)
from hypothesis import given
from hypothesis import strategies as st

POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "One", "Effect": "Allow", "Action": ["a", "b"]},
        {"Sid": "Two", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {"Condition": {"StringEquals": {"s3:Tag/a.b": "x", "s3:Tag/a": "y"}}},
    ],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def marked(lines: Lines, mark: Any, path: str) -> tuple[str, str]:
    """Return the first line of the statement and those of the part, without their indentation."""
    place = lines.place(mark, path)
    part = " ".join(line.strip() for line in lines.lines[place[2] : place[3]]) if len(place) == 4 else ""
    return lines.lines[place[0] + 1].strip(), part


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_the_lines_are_the_document(policy: dict[str, Any]) -> None:
    assert json.loads("\n".join(write_policy(policy).lines)) == policy


def test_a_document_that_is_nested_too_deeply_is_written_all_the_same() -> None:
    policy: dict[str, Any] = {}
    for _level in range(200):
        policy = {"a": policy}
    lines = write_policy(policy).lines
    assert len(lines) == 2 * DEEPEST + 1
    assert json.loads("\n".join(lines)) == policy


@pytest.mark.parametrize(
    ("mark", "path", "expected"),
    [
        ("One", "Action", ('"Sid": "One",', '"Action": [ "a", "b" ]')),
        ("Two", "Condition.Bool.aws:MultiFactorAuthPresent", ('"Sid": "Two",', '"aws:MultiFactorAuthPresent": "true"')),
        ("Two", "Condition.Bool.gone", ('"Sid": "Two",', '"Bool": { "aws:MultiFactorAuthPresent": "true" }')),
        ("Two", "", ('"Sid": "Two",', "")),
        ("Two", "NotAction", ('"Sid": "Two",', "")),
        (2, "Condition.StringEquals.s3:Tag/a.b", ('"Condition": {', '"s3:Tag/a.b": "x",')),
        (2, "Condition.StringEquals.s3:Tag/a", ('"Condition": {', '"s3:Tag/a": "y"')),
    ],
)
def test_a_finding_is_found_in_its_document(mark: Any, path: str, expected: tuple[str, str]) -> None:
    assert marked(write_policy(POLICY), mark, path) == expected


@pytest.mark.parametrize("mark", [None, "", "Three", 3, -1])
def test_what_is_no_statement_of_the_document_marks_nothing(mark: Any) -> None:
    assert write_policy(POLICY).place(mark, "Action") == []


def test_a_statement_may_stand_alone() -> None:
    lines = write_policy({"Statement": {"Sid": "Only", "Effect": "Deny"}})
    assert lines.place("Only", "Effect") == lines.place(0, "Effect") == [1, 5, 3, 4]
    assert marked(lines, "Only", "Effect") == ('"Sid": "Only",', '"Effect": "Deny"')
    assert lines.place("Other", "") == []


@pytest.mark.parametrize("policy", [{}, {"Statement": "text"}, {"Statement": ["text", None]}])
def test_a_document_without_statements_marks_nothing(policy: dict[str, Any]) -> None:
    assert write_policy(policy).place("One", "") == []


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_the_changes_make_the_one_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = write_policy(before), write_policy(after)
    lines = list(old.lines)
    for start, end, inserted in reversed(changes(old, new)):
        lines[start:end] = inserted
    assert tuple(lines) == new.lines


def test_what_stays_is_no_change() -> None:
    fixed = {"Statement": [{"Sid": "Two", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}]}
    old, new = write_policy({"Statement": POLICY["Statement"][1:2]}), write_policy(fixed)
    assert [(old.lines[start:end], inserted) for start, end, inserted in changes(old, new)] == [
        (('    "Bool": {',), ['    "BoolIfExists": {'])
    ]
    assert changes(old, old) == []
