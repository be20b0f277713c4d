"""What a condition does, MFA-C03 to C07, C10 and C12: for each a fault, a sound policy, and a near miss."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rigs.iam_rules import (
    AGE,
    BUCKET,
    MFA,
    NO_MFA,
    OTHER,
    PRESENT,
    ROOT,
    managed,
    of,
    only,
    policy,
    resource,
    role,
    rules,
    statement,
    trusting,
)

# --- MFA-C03 ---------------------------------------------------------------------------------------------------------


def test_c03_a_deny_with_bool_lets_keys_through() -> None:
    one = only(managed(policy(statement("Deny", {"Bool": {PRESENT: "false"}}))), "C03")
    assert (one.severity, one.witness) == ("high", ("long_term_key", "allowed"))


@pytest.mark.parametrize(
    "sibling",
    [
        statement("Deny", {"Null": {PRESENT: "true"}}),
        statement("Deny", NO_MFA, Action="*"),
        statement("Allow", MFA),
    ],
)
def test_c03_near_miss_a_sibling_that_stops_keys(sibling: Any) -> None:
    assert of("Deny", {"Bool": {PRESENT: "false"}}, sibling) == []


def test_c03_a_sibling_about_something_else_does_not_help() -> None:
    elsewhere = statement("Deny", NO_MFA, Action="s3:DeleteBucket")
    assert of("Deny", {"Bool": {PRESENT: "false"}}, elsewhere) == ["C03"]
    allowed = statement("Allow", Action="ec2:*")
    assert of("Deny", {"Bool": {PRESENT: "false"}}, allowed) == ["C03"]


# --- MFA-C04 ---------------------------------------------------------------------------------------------------------


def test_c04_is_critical_in_a_trust_policy_and_high_elsewhere() -> None:
    trust = only(role(policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}))), "C04")
    assert (trust.severity, trust.witness) == ("critical", ("long_term_key", "allowed"))
    identity = only(managed(policy(statement("Allow", {"BoolIfExists": {PRESENT: "true"}}))), "C04")
    assert identity.severity == "high"


@pytest.mark.parametrize(
    ("condition", "instead"),
    [
        ({"BoolIfExists": {PRESENT: "true"}}, "the operator without IfExists"),
        ({"NumericNotEquals": {AGE: "7200"}}, "Bool aws:MultiFactorAuthPresent true"),
    ],
)
def test_c04_says_what_to_use_instead(condition: Any, instead: str) -> None:
    one = only(managed(policy(statement("Allow", condition))), "C04")
    assert one.message.partition(" No automatic fix")[0].endswith(f" without MFA. Use {instead}.")


def test_c04_an_age_with_if_exists_lets_everybody_pass() -> None:
    assert of("Allow", {"NumericLessThanIfExists": {AGE: "3600"}}) == ["C04"]


@pytest.mark.parametrize(
    ("condition", "siblings"),
    [
        ({"BoolIfExists": {PRESENT: "true"}, "Null": {AGE: "false"}}, []),
        ({"BoolIfExists": {PRESENT: "true"}, "NumericLessThan": {AGE: "3600"}}, []),
        ({"NumericLessThanIfExists": {AGE: "3600"}, "Bool": {PRESENT: "true"}}, []),
        ({"BoolIfExists": {PRESENT: "true"}}, [statement("Deny", NO_MFA, NotAction="iam:Get*")]),
        ({"BoolIfExists": {PRESENT: "true"}}, [statement("Deny", {"Null": {PRESENT: "true"}})]),
    ],
)
def test_c04_near_miss_where_something_else_guards_the_key(condition: Any, siblings: list[Any]) -> None:
    assert of("Allow", condition, *siblings) == []


def test_c04_near_miss_in_a_trust_policy_with_a_deny() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": NO_MFA}
    assert rules(role(policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}), deny))) == []


def test_c04_a_deny_for_somebody_else_is_no_guard() -> None:
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "sts:AssumeRole",
        "Condition": NO_MFA,
    }
    account = role(policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}), deny))
    assert "C04" in rules(account)


# --- MFA-C05 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "condition", "witness"),
    [
        ("Deny", {"Bool": {PRESENT: "true"}}, ("session_with_mfa", "denied")),
        ("Deny", {"BoolIfExists": {PRESENT: "true"}}, ("session_with_mfa", "denied")),
        ("Deny", {"NumericLessThan": {AGE: "3600"}}, ("session_with_mfa", "denied")),
        ("Allow", {"Bool": {PRESENT: "false"}}, ("session_without_mfa", "allowed")),
        ("Allow", {"BoolIfExists": {PRESENT: "false"}}, ("long_term_key", "allowed")),
        ("Allow", {"Null": {AGE: "true"}}, ("long_term_key", "allowed")),
        ("Allow", {"NumericGreaterThan": {AGE: "3600"}}, ("session_with_mfa", "allowed")),
    ],
)
def test_c05_the_wrong_way_round(effect: str, condition: Any, witness: Any) -> None:
    one = only(managed(policy(statement(effect, condition))), "C05")
    assert (one.severity, one.witness) == ("high", witness)
    assert of(effect, condition) == ["C05"]


def test_c05_near_miss_what_is_allowed_without_mfa_on_purpose() -> None:
    enrol = statement("Allow", {"BoolIfExists": {PRESENT: "false"}}, Action=["iam:EnableMFADevice", "iam:GetUser"])
    assert "C05" not in rules(managed(policy(enrol)))
    both = [statement("Allow", {"Bool": {PRESENT: "false"}}), statement("Allow", MFA, Action="ec2:*")]
    assert rules(managed(policy(*both))) == []


# --- MFA-C06 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "wanted", "witness"),
    [
        ("Deny", "true", ("session_without_mfa", "allowed")),
        ("Allow", "false", ("session_without_mfa", "allowed")),
        ("Deny", "false", ("session_with_mfa", "denied")),
        ("Allow", "true", ("long_term_key", "allowed")),
    ],
)
def test_c06_null_on_present(effect: str, wanted: str, witness: Any) -> None:
    one = only(managed(policy(statement(effect, {"Null": {PRESENT: wanted}}))), "C06")
    assert (one.severity, one.witness) == ("medium", witness)


def test_c06_near_miss_null_beside_what_tests_mfa() -> None:
    assert of("Allow", {"Null": {PRESENT: "false"}, **MFA}) == []
    assert of("Deny", {"Null": {PRESENT: "true"}}, statement("Deny", {"Bool": {PRESENT: "false"}})) == []


# --- MFA-C07 ---------------------------------------------------------------------------------------------------------


def test_c07_for_all_values_is_true_of_nothing() -> None:
    one = only(managed(policy(statement("Allow", {"ForAllValues:Bool": {PRESENT: "true"}}))), "C07")
    assert (one.severity, one.witness) == ("high", ("long_term_key", "allowed"))


@pytest.mark.parametrize(
    "condition",
    [
        {"ForAnyValue:Bool": {PRESENT: "true"}},
        {"ForAllValues:Bool": {PRESENT: "true"}, "Null": {AGE: "false"}},
        {**MFA, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
    ],
)
def test_c07_near_miss(condition: Any) -> None:
    assert of("Allow", condition) == []


def test_c07_near_miss_a_deny_that_does_what_it_should() -> None:
    assert of("Deny", {"ForAllValues:Bool": {PRESENT: "false"}}) == []


# --- MFA-C10 ---------------------------------------------------------------------------------------------------------


def test_c10_a_deny_of_old_mfa_alone() -> None:
    old = {"NumericGreaterThan": {AGE: "3600"}}
    one = only(managed(policy(statement("Deny", old), statement("Allow", Action="ec2:*"))), "C10")
    assert (one.severity, one.witness) == ("high", ("long_term_key", "allowed"))
    assert of("Deny", old) == ["C10"]


@pytest.mark.parametrize(
    "sibling",
    [
        statement("Deny", {"Null": {AGE: True}}, Action="*"),
        statement("Deny", NO_MFA),
        statement("Allow", MFA, Action="*"),
    ],
)
def test_c10_near_miss_something_else_asks_for_mfa(sibling: Any) -> None:
    assert of("Deny", {"NumericGreaterThan": {AGE: "3600"}}, sibling) == []


def test_c10_a_guard_against_keys_alone_leaves_sessions() -> None:
    sibling = statement("Deny", {"Null": {PRESENT: True}})
    account = managed(policy(statement("Deny", {"NumericGreaterThan": {AGE: "3600"}}), sibling))
    assert only(account, "C10").witness == ("session_without_mfa", "allowed")


# --- MFA-C12 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"Bool": {PRESENT: "true", "aws:ViaAWSService": "true"}},
        {**MFA, "StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml"}},
        {**MFA, "ForAnyValue:StringEquals": {"aws:CalledVia": ["athena.amazonaws.com"]}},
    ],
)
def test_c12_mfa_together_with_what_never_carries_it(other: Any) -> None:
    one = only(managed(policy(statement("Allow", other))), "C12")
    assert (one.severity, one.witness) == ("high", ("session_with_mfa", "never"))


@pytest.mark.parametrize(
    "roles",
    [
        {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/ci-*", "arn:aws:sts::*:assumed-role/ci/*"]}},
        {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
        {"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE01:*"}},
    ],
)
def test_c12_mfa_of_sessions_of_roles(roles: Any) -> None:
    assert only(role(policy(trusting({"AWS": ROOT}, {**MFA, **roles}))), "C12").path.endswith(
        next(iter(next(iter(roles.values()))))
    )
    assert of("Deny", {**NO_MFA, **roles}) == ["C12"]
    users = {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/ci-*", "arn:aws:iam::*:user/*"]}}
    assert of("Allow", {**MFA, **users}) == []


def test_c12_mfa_of_a_service_in_a_resource_policy() -> None:
    serve = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET}/*",
        "Condition": MFA,
    }
    assert rules(resource(policy(serve))) == ["C12"]
    assert rules(resource(policy({**serve, "Principal": {"AWS": ROOT}}))) == []


def test_c12_near_miss_the_exception_for_services() -> None:
    spared = {"BoolIfExists": {PRESENT: "false", "aws:ViaAWSService": "false"}}
    assert of("Deny", spared) == []
    assert of("Deny", {**NO_MFA, "Bool": {"aws:ViaAWSService": "false"}}) == []
