"""What a faulty condition should say instead, before anything is proved of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.fix_candidates import CANDIDATES, Case, NoFix
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.fix_edit import join

from tests.rigs.iam_rules import AGE, PRESENT, ROOT, policy, trusting


def candidates(rule: str, condition: Any, *, effect: str = "Allow", family: str = "trust") -> list[Any]:
    """Give the Conditions that a rule offers for a statement's first condition."""
    statement = parse_document(policy(trusting({"AWS": ROOT}, condition, Effect=effect)), "test").statements[0]
    first = statement.conditions[0] if statement.conditions else None
    return [join(one.cells) for one in CANDIDATES[rule](Case(statement, first, family))]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("900s", 900), ("15m", 900), ("15 min", 900), ("15 Minutes", 900), ("2h", 7200), ("2 hours", 7200),
        ("1d", 86400),
        ("900000ms", 900), ("3600000", 3600), ("900000", 900), ("3600.5", 3600), ("86400000", 86400),
    ],
)  # fmt: skip
def test_a_slip_of_the_unit_is_read(text: str, seconds: int) -> None:
    assert candidates("MFA-C09", {"NumericLessThan": {AGE: text}}) == [{"NumericLessThan": {AGE: str(seconds)}}]


@pytest.mark.parametrize(
    "text",
    ["", "soon", "15", "0", "-900", "1.5h", "10 weeks", "3 months", "5d", "60ms", "61000ms", "432000", "604800",
     "2592000", "31536000", "1e15", "200001"],
)  # fmt: skip
def test_what_may_mean_two_things_is_not_guessed(text: str) -> None:
    with pytest.raises(NoFix, match="how many seconds are meant"):
        candidates("MFA-C09", {"NumericLessThan": {AGE: text}})


def test_the_likelier_candidate_comes_first() -> None:
    assert candidates("MFA-C04", {"NumericLessThanIfExists": {AGE: "900"}}) == [
        {"NumericLessThan": {AGE: "900"}},
        {"NumericLessThan": {AGE: "900"}, "Bool": {PRESENT: "true"}},
    ]


@pytest.mark.parametrize(
    ("rule", "condition", "effect", "family", "why"),
    [
        ("MFA-C05", {"Bool": {PRESENT: "false"}}, "Allow", "inline", "only without"),
        ("MFA-C05", {"Bool": {PRESENT: "false"}, "Null": {AGE: "true"}}, "Allow", "trust", "more than one condition"),
        ("MFA-C06", {"Null": {PRESENT: "false"}}, "Deny", "inline", "wrong way round"),
        ("MFA-C11", {"Bool": {PRESENT: ["true", "false"]}}, "Deny", "inline", "which of its values"),
        ("MFA-T02", {"BoolIfExists": {PRESENT: "true"}}, "Allow", "trust", "conditions on MFA already"),
        ("MFA-C01", {}, "Allow", "trust", "not certain which condition"),
    ],
)  # fmt: skip
def test_what_takes_a_decision_says_which(rule: str, condition: Any, effect: str, family: str, why: str) -> None:
    with pytest.raises(NoFix, match=why):
        candidates(rule, condition, effect=effect, family=family)
