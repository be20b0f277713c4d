"""The proof refuses each kind of harm that a correction could do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Statement, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.proof import Reach, objection, reach_of

from tests.rigs.iam_rules import ACCOUNT, AGE, PRESENT, ROLE, ROOT, policy, statement, trusting

PEOPLE = Reach(people=True, others=frozenset())
WITH_MFA = {"Bool": {PRESENT: "true"}}
BYPASS = {"BoolIfExists": {PRESENT: "true"}}
DENY = {"BoolIfExists": {PRESENT: "false"}}


def one(effect: str, condition: Any, **elements: Any) -> Statement:
    return parse_document(policy(statement(effect, condition, **elements)), "test").statements[0]


def says(effect: str, before: Any, after: Any, reach: Reach = PEOPLE, **more: Any) -> str:
    return objection(one(effect, before), one(effect, after), reach, **more)


@pytest.mark.parametrize(
    ("effect", "before", "after"),
    [
        ("Allow", BYPASS, WITH_MFA),
        ("Allow", {"ArnLike": {AGE: "x"}}, WITH_MFA),
        ("Deny", {"Bool": {PRESENT: "false"}}, DENY),
        ("Deny", {"NumericGreaterThan": {AGE: "3600"}}, {"NumericGreaterThanIfExists": {AGE: "3600"}}),
    ],
)
def test_what_does_no_harm_passes(effect: str, before: Any, after: Any) -> None:
    assert says(effect, before, after) == ""


@pytest.mark.parametrize(
    ("effect", "before", "after", "why"),
    [
        ("Allow", WITH_MFA, BYPASS, "it would allow long_term_key, without MFA"),
        ("Allow", WITH_MFA, {"Null": {PRESENT: "false"}}, "it would allow session_without_mfa, without MFA"),
        ("Allow", BYPASS, {"ArnLike": {AGE: "x"}}, "it would lock out those who have just used MFA"),
        ("Allow", {"NumericLessThan": {AGE: "900"}}, {"NumericLessThan": {AGE: "3600"}},
         "it would allow session_with_mfa_900s"),
        ("Allow", BYPASS, {"NumericLessThan": {AGE: "900"}}, "it would lock out session_with_stale_mfa"),
        ("Allow", {"NumericLessThanIfExists": {AGE: "900"}}, {"NumericLessThan": {AGE: "899"}},
         "it would lock out session_with_mfa_899s"),
        ("Deny", DENY, {"Bool": {PRESENT: "false"}}, "it would no longer stop long_term_key"),
        ("Deny", DENY, {"Null": {PRESENT: "true"}}, "it would no longer stop session_without_mfa"),
        ("Deny", {"Bool": {PRESENT: "false"}}, {"ArnNotLike": {AGE: "x"}}, "lock out those who have just used MFA"),
        ("Deny", {"NumericGreaterThanIfExists": {AGE: "900"}}, DENY, "it would no longer stop session_with_"),
        ("Deny", {"Bool": {PRESENT: "false"}}, {"NumericGreaterThanIfExists": {AGE: "900"}}, "it would lock out"),
        ("Allow", BYPASS, {"Bool": {PRESENT: "${aws:username}"}}, "cannot be decided"),
        ("Allow", BYPASS, BYPASS, "nothing would change"),
        ("Allow", BYPASS, {**WITH_MFA, "IpAddress": {"aws:SourceIp": "192.0.2.1"}}, "change more than the conditions"),
    ],
)  # fmt: skip
def test_what_does_harm_is_refused(effect: str, before: Any, after: Any, why: str) -> None:
    assert why in says(effect, before, after)


def test_another_element_may_not_change() -> None:
    before, after = one("Allow", BYPASS), one("Allow", WITH_MFA, Action="*")
    assert objection(before, after, PEOPLE) == "it would change more than the conditions on MFA"


def test_an_operator_without_keys_may_not_go() -> None:
    assert "change more than" in says("Allow", {**BYPASS, "StringLike": {}}, WITH_MFA)


@pytest.mark.parametrize("kind", ["role", "federated", "service"])
def test_who_cannot_present_mfa_does_not_lose_by_it(kind: str) -> None:
    reach = Reach(people=True, others=frozenset((kind,)))
    assert "lock out" in says("Allow", BYPASS, WITH_MFA, reach)
    assert "lock out" in says("Deny", {"Bool": {PRESENT: "false"}}, DENY, reach)
    # Nobody came in before, so that nobody loses.
    assert says("Allow", {"ArnLike": {AGE: "x"}}, WITH_MFA, reach) == ""


def test_mfa_is_not_asked_of_those_alone_who_have_none() -> None:
    reach = Reach(people=False, others=frozenset(("role",)))
    assert "nobody whom the statement is about" in says("Allow", {"ArnLike": {AGE: "x"}}, WITH_MFA, reach)


def test_a_new_limit_of_the_age_needs_a_rule_that_brings_one() -> None:
    after = {"NumericLessThan": {AGE: "3600"}}
    before = {"ArnNotLike": {AGE: "x"}}
    assert "lock out" in says("Allow", before, after)
    assert says("Allow", before, after, ages=True) == ""


def test_only_writing_may_keep_what_a_statement_does() -> None:
    before = {"StringEquals": {PRESENT: "false"}}
    assert says("Allow", before, {"Bool": {PRESENT: "false"}}, same=True) == ""
    assert says("Allow", before, {"Bool": {PRESENT: "false"}}) != ""


@pytest.mark.parametrize(
    ("effect", "principal", "people", "others"),
    [
        ("Allow", {"AWS": ROOT}, True, set()),
        ("Allow", "*", True, set()),
        ("Allow", {"AWS": ROLE}, False, {"role"}),
        ("Allow", {"AWS": "AROAEXAMPLEEXAMPLE01"}, False, {"role"}),
        ("Allow", {"Service": "ec2.amazonaws.com"}, False, {"service"}),
        ("Allow", {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/x", "AWS": ROOT}, True, {"federated"}),
        ("Deny", {"AWS": ROOT}, True, {"role", "federated"}),
        ("Deny", "*", True, {"role", "federated", "service"}),
    ],
)
def test_whom_a_trust_policys_statement_is_about(effect: str, principal: Any, people: bool, others: set[str]) -> None:
    document = parse_document(policy({**trusting(principal), "Effect": effect}), "test")
    assert reach_of(document.statements[0], "trust", frozenset()) == Reach(people=people, others=frozenset(others))


def test_a_condition_on_users_alone_leaves_everybody_else_out() -> None:
    users = one("Deny", {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}})
    assert reach_of(users, "scp", frozenset()) == PEOPLE
    assert reach_of(one("Deny", None), "scp", frozenset()).others == {"role", "federated"}
