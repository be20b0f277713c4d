"""Which statements ask for MFA, and which nobody can meet: by credential, as reference tables have it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.policy_view import (
    asks_for_mfa,
    is_dead,
    view_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Statement, parse_document

from tests.rigs.diagnosis import (
    ALICE,
    ALLOW_ALL,
    DEAD_ALLOW,
    DENY_WITHOUT_MFA,
    OLD,
    ROLE,
    TRUST_WITH_MFA,
    given,
    inline,
    policy,
    trust,
)

PRESENT, AGE = "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"


def statement(effect: str, operator: str, key: str, value: str) -> Statement:
    made = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    return parse_document(policy(made), "p").statements[0]


@pytest.mark.parametrize(
    ("effect", "operator", "key", "value", "asks", "dead"),
    [
        ("Allow", "Bool", PRESENT, "true", True, False),
        ("Allow", "BoolIfExists", PRESENT, "true", False, False),  # keys pass: it asks nobody who has none
        ("Allow", "Bool", PRESENT, "false", False, False),
        ("Deny", "BoolIfExists", PRESENT, "false", True, False),
        ("Deny", "Bool", PRESENT, "false", True, False),
        ("Deny", "BoolIfExists", PRESENT, "true", False, True),
        ("Allow", "Null", AGE, "false", True, False),
        ("Deny", "Null", AGE, "true", True, False),
        ("Allow", "NumericLessThan", AGE, "3600", True, False),
        ("Deny", "NumericGreaterThanIfExists", AGE, "3600", True, False),
        ("Allow", "ArnLike", AGE, OLD, False, True),
        ("Deny", "ArnNotLike", AGE, OLD, False, True),
        ("Allow", "StringEquals", "aws:MultiFactorAuthPresnt", "true", False, True),  # misspelt
        ("Allow", "StringEquals", "aws:RequestedRegion", "x", False, False),
    ],
)  # fmt: skip
def test_what_a_condition_does(effect: str, operator: str, key: str, value: str, asks: bool, dead: bool) -> None:
    made = statement(effect, operator, key, value)
    assert asks_for_mfa(made) is asks
    assert is_dead(made) is dead


REQUEST = Request("sts:AssumeRole", ROLE, ALICE)


@pytest.mark.parametrize(
    ("parts", "asked", "dead"),
    [
        ({"policies": (inline(ALLOW_ALL),)}, [], []),
        ({"policies": (inline(ALLOW_ALL, DENY_WITHOUT_MFA),)}, ["DenyWithoutMFA"], []),
        ({"policies": (inline(DENY_WITHOUT_MFA),)}, ["DenyWithoutMFA"], []),  # the role's trust may name the user
        ({"trust": trust(TRUST_WITH_MFA)}, ["WithMFA"], []),
        ({"trust": trust(DEAD_ALLOW)}, [], ["Dead"]),
        ({"trust": trust(DEAD_ALLOW, TRUST_WITH_MFA)}, ["WithMFA"], []),  # the sibling lets them in
    ],
)  # fmt: skip
def test_a_request_turns_on_statements(parts: dict[str, Any], asked: list[str], dead: list[str]) -> None:
    view = view_of(given(**parts))
    assert [one.statement.sid for one in view.asked(REQUEST)] == asked
    assert [one.statement.sid for one in view.dead(REQUEST)] == dead


def test_sessions_of_roles_are_refused_by_a_trust_policy_that_asks_for_mfa() -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/dev/alice"
    view = view_of(given(trust=trust(TRUST_WITH_MFA)))
    assert [one.statement.sid for one in view.refuses_sessions(REQUEST._replace(principal=caller))] == ["WithMFA"]
    named = {**TRUST_WITH_MFA, "Condition": {}, "Sid": "Open"}
    assert view_of(given(trust=trust(named))).refuses_sessions(REQUEST._replace(principal=caller)) == ()


def test_a_sibling_that_lets_sessions_in_leaves_nothing_to_refuse() -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/dev/alice"
    opened = {**TRUST_WITH_MFA, "Condition": {}, "Sid": "Open"}
    view = view_of(given(trust=trust(TRUST_WITH_MFA, opened)))
    assert view.refuses_sessions(REQUEST._replace(principal=caller)) == ()
