"""MFA-C01 to MFA-C12: for each a fault, a sound policy, and one that only looks faulty."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account

from tests.rigs.iam_rules import (
    ACCOUNT,
    AGE,
    BUCKET,
    MISTAKES,
    OTHER,
    PRESENT,
    RECOMMENDED,
    ROOT,
    found,
    managed,
    only,
    policy,
    resource,
    role,
    rules,
    scp,
    statement,
    trusting,
    with_inline,
)

IF_EXISTS_FALSE = {"BoolIfExists": {PRESENT: "false"}}
BOOL_TRUE = {"Bool": {PRESENT: "true"}}


def of(effect: str, condition: Any, *more: Any) -> list[str]:
    """Name what is found in a user's policy with such a statement."""
    return rules(managed(policy(statement(effect, condition), *more)))


@pytest.mark.parametrize("name", sorted(RECOMMENDED))
def test_policies_that_aws_recommends_give_no_finding(name: str) -> None:
    document = RECOMMENDED[name]["document"]
    accounts: dict[str, list[Account]] = {
        "identity": [
            managed(document),
            managed(document)._replace(users={}),
            managed(document, devices_complete=True, active_keys=1),
            with_inline(mfa=document, admin=policy(statement("Allow", Action="*"))),
        ],
        "resource": [resource(document)],
        "trust": [role(document)],
    }
    for account in accounts[RECOMMENDED[name]["family"]]:
        assert rules(account) == []


@pytest.mark.parametrize(
    ("effect", "condition"),
    [
        ("Allow", BOOL_TRUE),
        ("Allow", {"bool": {"AWS:multifactorauthpresent": True}}),
        ("Allow", {"Null": {AGE: "false"}}),
        ("Allow", {"NumericLessThan": {AGE: "3600"}}),
        ("Allow", {"Bool": {PRESENT: "true"}, "NumericLessThanEquals": {AGE: 3600}}),
        ("Deny", IF_EXISTS_FALSE),
        ("Deny", {"BoolIfExists": {PRESENT: False}}),
        ("Deny", {"Null": {AGE: "true"}}),
        ("Deny", {"NumericGreaterThanIfExists": {AGE: "3600"}}),
    ],
)
def test_what_works_gives_no_finding(effect: str, condition: Any) -> None:
    assert of(effect, condition) == []


# --- MFA-C01 ---------------------------------------------------------------------------------------------------------


def test_c01_the_trust_policy_that_names_a_device_as_an_age() -> None:
    one = only(role(policy(MISTAKES["broken_trust_policy"])), "C01")
    assert (one.severity, one.document, one.statement) == ("high", "trust", 0)
    assert one.path == f"Condition.ArnLike.{AGE}"
    assert one.witness == ("session_with_mfa", "never")
    assert rules(role(policy(MISTAKES["broken_trust_policy"]))) == ["C01"]
    assert rules(role(policy(MISTAKES["intended_trust_policy"]))) == []


def test_c01_in_a_deny_is_critical() -> None:
    one = only(managed(policy(statement("Deny", {"DateLessThan": {AGE: "2026-01-01"}}))), "C01")
    assert (one.severity, one.witness) == ("critical", ("long_term_key", "never"))


def test_c01_negated_or_if_exists_holds_for_everybody_or_for_keys() -> None:
    negated = only(managed(policy(statement("Allow", {"ArnNotLike": {AGE: "arn:aws:iam::1:mfa/x"}}))), "C01")
    assert negated.witness == ("long_term_key", "always")
    assert of("Allow", {"ArnLikeIfExists": {AGE: "arn:aws:iam::1:mfa/x"}}) == ["C01"]


def test_c01_near_miss_an_arn_operator_on_another_key() -> None:
    assert of("Allow", {**BOOL_TRUE, "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}) == []


# --- MFA-C02 ---------------------------------------------------------------------------------------------------------


def test_c02_what_never_matches_is_high_and_what_works_by_accident_medium() -> None:
    dead = only(managed(policy(statement("Allow", {"NumericEquals": {PRESENT: "1"}}))), "C02")
    assert (dead.severity, dead.witness) == ("high", ("session_with_mfa", "never"))
    lucky = only(managed(policy(statement("Allow", {"StringEquals": {PRESENT: "true"}}))), "C02")
    assert lucky.severity == "medium"
    for dead_text in ("True", "yes", "1"):
        account = managed(policy(statement("Allow", {"StringEquals": {PRESENT: dead_text}})))
        assert only(account, "C02").severity == "high"


def test_c02_a_bad_literal() -> None:
    one = only(managed(policy(statement("Deny", {"BoolIfExists": {PRESENT: "no"}}))), "C02")
    assert (one.severity, one.path) == ("high", f"Condition.BoolIfExists.{PRESENT}")


def test_c02_near_miss_case_and_type_of_the_literal() -> None:
    assert of("Allow", {"Bool": {PRESENT: "TRUE"}}) == []
    assert of("Allow", {"Bool": {PRESENT: [True]}}) == []


def test_c02_that_works_by_accident_still_lets_keys_pass() -> None:
    assert of("Allow", {"StringEqualsIfExists": {PRESENT: "true"}}) == ["C02", "C04"]


# --- MFA-C03 ---------------------------------------------------------------------------------------------------------


def test_c03_a_deny_with_bool_lets_keys_through() -> None:
    one = only(managed(policy(statement("Deny", {"Bool": {PRESENT: "false"}}))), "C03")
    assert (one.severity, one.witness) == ("high", ("long_term_key", "allowed"))


@pytest.mark.parametrize(
    "sibling",
    [
        statement("Deny", {"Null": {PRESENT: "true"}}),
        statement("Deny", IF_EXISTS_FALSE, Action="*"),
        statement("Allow", BOOL_TRUE),
    ],
)
def test_c03_near_miss_a_sibling_that_stops_keys(sibling: Any) -> None:
    assert of("Deny", {"Bool": {PRESENT: "false"}}, sibling) == []


def test_c03_a_sibling_about_something_else_does_not_help() -> None:
    elsewhere = statement("Deny", IF_EXISTS_FALSE, Action="s3:DeleteBucket")
    assert of("Deny", {"Bool": {PRESENT: "false"}}, elsewhere) == ["C03"]
    allowed = statement("Allow", Action="ec2:*")
    assert of("Deny", {"Bool": {PRESENT: "false"}}, allowed) == ["C03"]


# --- MFA-C04 ---------------------------------------------------------------------------------------------------------


def test_c04_is_critical_in_a_trust_policy_and_high_elsewhere() -> None:
    trust = only(role(policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}))), "C04")
    assert (trust.severity, trust.witness) == ("critical", ("long_term_key", "allowed"))
    identity = only(managed(policy(statement("Allow", {"BoolIfExists": {PRESENT: "true"}}))), "C04")
    assert identity.severity == "high"


def test_c04_an_age_with_if_exists_lets_everybody_pass() -> None:
    assert of("Allow", {"NumericLessThanIfExists": {AGE: "3600"}}) == ["C04"]


@pytest.mark.parametrize(
    ("condition", "siblings"),
    [
        ({"BoolIfExists": {PRESENT: "true"}, "Null": {AGE: "false"}}, []),
        ({"BoolIfExists": {PRESENT: "true"}, "NumericLessThan": {AGE: "3600"}}, []),
        ({"NumericLessThanIfExists": {AGE: "3600"}, "Bool": {PRESENT: "true"}}, []),
        ({"BoolIfExists": {PRESENT: "true"}}, [statement("Deny", IF_EXISTS_FALSE, NotAction="iam:Get*")]),
        ({"BoolIfExists": {PRESENT: "true"}}, [statement("Deny", {"Null": {PRESENT: "true"}})]),
    ],
)
def test_c04_near_miss_where_something_else_guards_the_key(condition: Any, siblings: list[Any]) -> None:
    assert of("Allow", condition, *siblings) == []


def test_c04_near_miss_in_a_trust_policy_with_a_deny() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": IF_EXISTS_FALSE}
    assert rules(role(policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}), deny))) == []


def test_c04_a_deny_for_somebody_else_is_no_guard() -> None:
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "sts:AssumeRole",
        "Condition": IF_EXISTS_FALSE,
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
    both = [statement("Allow", {"Bool": {PRESENT: "false"}}), statement("Allow", BOOL_TRUE, Action="ec2:*")]
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
    assert of("Allow", {"Null": {PRESENT: "false"}, **BOOL_TRUE}) == []
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
        {**BOOL_TRUE, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
    ],
)
def test_c07_near_miss(condition: Any) -> None:
    assert of("Allow", condition) == []


def test_c07_near_miss_a_deny_that_does_what_it_should() -> None:
    assert of("Deny", {"ForAllValues:Bool": {PRESENT: "false"}}) == []


# --- MFA-C08 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "aws:MultiFactorAuthenticationPresent",
        "aws:MutliFactorAuthPresent",
        "aws:MultiFactorAuthPresent ",
        "aws:MultiFactorPresent",
        "MultiFactorAuthPresent",
        "sts:MultiFactorAuthAge",
        "aws:MultiFactorAuthAged",
        "aws:MFAPresent",
    ],
)
def test_c08_a_misspelt_key(key: str) -> None:
    one = only(managed(policy(statement("Allow", {"Bool": {key: "true"}}, Sid="Ops"))), "C08")
    assert (one.severity, one.statement, one.path) == ("medium", "Ops", f"Condition.Bool.{key}")
    assert one.witness == ("session_with_mfa", "never")


def test_c08_a_misspelt_key_with_if_exists_always_holds() -> None:
    one = only(managed(policy(statement("Allow", {"BoolIfExists": {"aws:MFAPresent": "true"}}))), "C08")
    assert one.witness == ("long_term_key", "always")


def test_c08_one_key_in_two_spellings() -> None:
    twice = {"Bool": {PRESENT: "true", PRESENT.lower(): "false"}}
    assert only(managed(policy(statement("Allow", twice))), "C08").path == f"Condition.Bool.{PRESENT.lower()}"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalTag/mfa": "true"}},
        {"StringEquals": {"aws:RequestTag/MultiFactorAuthPresent": "true"}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringEquals": {"iam:FIDO-certification": "L2"}},
        {"Bool": {PRESENT: "true"}, "Null": {PRESENT: "false"}},
        {"Bool": {"AWS:MULTIFACTORAUTHPRESENT": "true"}},
    ],
)
def test_c08_near_miss(condition: Any) -> None:
    assert of("Allow", condition) == []


# --- MFA-C09 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["1h", "3600s", "0", "-60", "3600000", "129601", "12", "90.5", "1e999", "-1e999", "9" * 400, "129600.5"],
)
def test_c09_an_age_that_makes_no_sense(value: str) -> None:
    one = only(managed(policy(statement("Allow", {"NumericLessThan": {AGE: value}}))), "C09")
    assert (one.severity, one.path) == ("medium", f"Condition.NumericLessThan.{AGE}")
    assert value in one.message


@pytest.mark.parametrize(
    ("value", "says"),
    [("0", "not above 0"), ("3600000", "milliseconds"), ("12", "minutes or hours"), ("1h", "no number")],
)
def test_c09_says_what_is_wrong_with_it(value: str, says: str) -> None:
    assert says in only(managed(policy(statement("Allow", {"NumericLessThan": {AGE: value}}))), "C09").message


@pytest.mark.parametrize("value", ["60", "3600", 3600, "129600", ["3600"]])
def test_c09_near_miss(value: Any) -> None:
    assert of("Allow", {"NumericLessThan": {AGE: value}}) == []


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
        statement("Deny", IF_EXISTS_FALSE),
        statement("Allow", BOOL_TRUE, Action="*"),
    ],
)
def test_c10_near_miss_something_else_asks_for_mfa(sibling: Any) -> None:
    assert of("Deny", {"NumericGreaterThan": {AGE: "3600"}}, sibling) == []


def test_c10_a_guard_against_keys_alone_leaves_sessions() -> None:
    sibling = statement("Deny", {"Null": {PRESENT: True}})
    account = managed(policy(statement("Deny", {"NumericGreaterThan": {AGE: "3600"}}), sibling))
    assert only(account, "C10").witness == ("session_without_mfa", "allowed")


# --- MFA-C11 ---------------------------------------------------------------------------------------------------------


def test_c11_a_boolean_with_several_values() -> None:
    one = only(managed(policy(statement("Allow", {"Bool": {PRESENT: ["true", "false"]}}))), "C11")
    assert (one.severity, one.witness) == ("low", ("session_without_mfa", "allowed"))


def test_c11_near_miss_several_values_of_another_key() -> None:
    assert of("Allow", {**BOOL_TRUE, "StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}}) == []


# --- MFA-C12 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"Bool": {PRESENT: "true", "aws:ViaAWSService": "true"}},
        {**BOOL_TRUE, "StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml"}},
        {**BOOL_TRUE, "ForAnyValue:StringEquals": {"aws:CalledVia": ["athena.amazonaws.com"]}},
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
    assert only(role(policy(trusting({"AWS": ROOT}, {**BOOL_TRUE, **roles}))), "C12").path.endswith(
        next(iter(next(iter(roles.values()))))
    )
    assert of("Deny", {**IF_EXISTS_FALSE, **roles}) == ["C12"]
    users = {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/ci-*", "arn:aws:iam::*:user/*"]}}
    assert of("Allow", {**BOOL_TRUE, **users}) == []


def test_c12_mfa_of_a_service_in_a_resource_policy() -> None:
    serve = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET}/*",
        "Condition": BOOL_TRUE,
    }
    assert rules(resource(policy(serve))) == ["C12"]
    assert rules(resource(policy({**serve, "Principal": {"AWS": ROOT}}))) == []


def test_c12_near_miss_the_exception_for_services() -> None:
    spared = {"BoolIfExists": {PRESENT: "false", "aws:ViaAWSService": "false"}}
    assert of("Deny", spared) == []
    assert of("Deny", {**IF_EXISTS_FALSE, "Bool": {"aws:ViaAWSService": "false"}}) == []


# --- places ----------------------------------------------------------------------------------------------------------


def test_a_document_in_two_places_gives_a_finding_at_each() -> None:
    bypass = policy(statement("Allow", {"BoolIfExists": {PRESENT: "true"}}))
    account = with_inline(one=bypass, two=bypass)
    assert [one.document for one in found(account)] == ["inline:one", "inline:two"]


def test_in_a_service_control_policy_the_guardrail_speaks() -> None:
    users = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}
    account = scp(policy(statement("Deny", {"Bool": {PRESENT: "false"}, **users})))
    assert rules(account) == ["G04"]


def test_what_is_malformed_does_not_stop_the_rest() -> None:
    bypass = statement("Allow", {"BoolIfExists": {PRESENT: "true"}})
    broken = [{"Effect": "Maybe", "Action": 5, "Condition": {"Bool": {PRESENT: {}}}}, {"Condition": []}, 7]
    assert rules(managed(policy(*broken, bypass))) == ["C04"]
    unknown = only(managed(policy(statement("Allow", {"Boolean": {PRESENT: "true"}}))), "C02")
    assert unknown.severity == "high"
