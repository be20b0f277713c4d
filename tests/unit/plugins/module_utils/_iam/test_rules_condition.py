"""How a condition is written, MFA-C01, C02, C08, C09 and C11: for each a fault, a sound policy, and a near miss."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account

from tests.rigs.iam_rules import (
    ACCOUNT,
    AGE,
    MFA,
    MISTAKES,
    NO_MFA,
    PRESENT,
    RECOMMENDED,
    found,
    managed,
    of,
    only,
    policy,
    resource,
    role,
    rules,
    scp,
    statement,
    with_inline,
)


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
        ("Allow", MFA),
        ("Allow", {"bool": {"AWS:multifactorauthpresent": True}}),
        ("Allow", {"Null": {AGE: "false"}}),
        ("Allow", {"NumericLessThan": {AGE: "3600"}}),
        ("Allow", {"Bool": {PRESENT: "true"}, "NumericLessThanEquals": {AGE: 3600}}),
        ("Deny", NO_MFA),
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
    assert of("Allow", {**MFA, "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}) == []


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


# --- MFA-C11 ---------------------------------------------------------------------------------------------------------


def test_c11_a_boolean_with_several_values() -> None:
    one = only(managed(policy(statement("Allow", {"Bool": {PRESENT: ["true", "false"]}}))), "C11")
    assert (one.severity, one.witness) == ("low", ("session_without_mfa", "allowed"))


def test_c11_near_miss_several_values_of_another_key() -> None:
    assert of("Allow", {**MFA, "StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}}) == []


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
