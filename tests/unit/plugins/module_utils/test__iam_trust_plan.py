"""Which trust policy a role is to have, what counts as a change of it, and whom it would lock out."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_plan import (
    RoleTrust,
    correction,
    digest,
    given,
    lockout,
)

from tests.rigs.iam_rules import ACCOUNT, AGE, OTHER, PRESENT, ROLE, ROOT, USER, policy, statement, trusting

MFA = {"Bool": {PRESENT: "true"}}
BYPASS = {"BoolIfExists": {PRESENT: "true"}}
CI = f"arn:aws:iam::{ACCOUNT}:role/ci"
DEVICE = f"arn:aws:iam::{ACCOUNT}:mfa/old-device"


def of(document: Any) -> RoleTrust:
    return RoleTrust("ops", ROLE, "/", "AROAEXAMPLEEXAMPLE01", document)


def people(condition: Any = None, **elements: Any) -> dict[str, Any]:
    return policy(trusting({"AWS": ROOT}, condition, **elements))


# --- what counts as a change -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (people(MFA), dict(reversed(people(MFA).items()))),
        (people(MFA), {**people(MFA), "Statement": people(MFA)["Statement"][0]}),
        (people(MFA), policy(trusting({"AWS": [ACCOUNT]}, MFA))),
        (people(MFA), people(MFA, Action=["sts:AssumeRole"])),
        (policy(trusting({"AWS": [USER, CI]})), policy(trusting({"AWS": [CI, USER]}))),
        (people({"IpAddress": {"aws:SourceIp": ["192.0.2.1", "192.0.2.2"]}}),
         people({"IpAddress": {"aws:SourceIp": ["192.0.2.2", "192.0.2.1"]}})),
    ],
)  # fmt: skip
def test_what_iam_rewrites_itself_is_no_change(one: Any, other: Any) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (people(MFA), people(BYPASS)),
        (people(MFA), people({"Bool": {PRESENT: "false"}})),
        (people(MFA), policy(trusting({"AWS": OTHER}, MFA))),
        (people(MFA), policy(trusting({"AWS": USER}, MFA))),
        # In a condition IAM rewrites nothing, and an account's number is no ARN.
        (people({"ArnEquals": {"aws:PrincipalArn": ROOT}}), people({"ArnEquals": {"aws:PrincipalArn": ACCOUNT}})),
        (people({"StringEquals": {"sts:ExternalId": ["a", "b"]}}), people({"StringEquals": {"sts:ExternalId": "a"}})),
        (policy(trusting("*")), policy(trusting({"AWS": "*"}))),
    ],
)
def test_what_changes_the_meaning_is_a_change(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


def test_a_text_that_no_encoding_takes_has_a_hash() -> None:
    assert digest({"Sid": "\ud800"}) != digest({"Sid": "?"})


# --- a given policy --------------------------------------------------------------------------------------------------


def test_a_given_policy_is_taken_as_it_is() -> None:
    document = people(MFA)
    assert given(copy.deepcopy(document)).document == document


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the policy is not a policy document"),
        (policy(statement("Allow", Action="sts:AssumeRole")), "a trust policy names a Principal"),
        (people(Resource="*"), "a trust policy has no Resource"),
        (policy(trusting({"AWS": ROOT}, Effect="Perhaps")), r"Statement\[0\].Effect"),
    ],
)
def test_what_is_no_trust_policy_is_refused_by_its_place(document: Any, says: str) -> None:
    with pytest.raises(IamError, match=says):
        given(document)


# --- corrections -----------------------------------------------------------------------------------------------------


def test_the_findings_of_the_rules_are_corrected_one_after_the_other_and_no_others() -> None:
    document = policy(
        trusting({"AWS": ROOT}, {"ArnLike": {AGE: DEVICE}}, Sid="Seed"),
        trusting({"AWS": USER}, BYPASS, Sid="Bypass"),
        trusting({"AWS": USER}, {"NumericLessThanIfExists": {AGE: "900"}}, Sid="Age"),
    )
    before = copy.deepcopy(document)
    change = correction(of(document), ["MFA-C04"])
    assert document == before
    assert [(one["rule"], one["statement"]) for one in change.fixes] == [("MFA-C04", "Age"), ("MFA-C04", "Bypass")]
    assert change.unfixed == ()
    before["Statement"][1]["Condition"] = MFA
    before["Statement"][2]["Condition"] = {"NumericLessThan": {AGE: "900"}}
    assert change.document == before
    assert correction(of(change.document), ["MFA-C04"]).fixes == ()


def test_a_finding_that_is_not_severe_enough_is_left() -> None:
    document = policy(
        trusting({"AWS": ROOT}, {"StringEquals": {PRESENT: "true"}}, Sid="Accident"),
        trusting({"AWS": USER}, {"Bool": {PRESENT: "yes"}}, Sid="Dead"),
    )
    change = correction(of(document), ["MFA-C02"], threshold="high")
    assert [(one["severity"], one["statement"]) for one in change.fixes] == [("high", "Dead")]
    assert change.document["Statement"][0] == document["Statement"][0]
    assert len(correction(of(document), ["MFA-C02"]).fixes) == 2


def test_a_finding_without_a_correction_is_returned_with_the_reason() -> None:
    change = correction(of(policy(trusting({"AWS": [ROOT, CI]}, BYPASS))), ["MFA-C04"])
    assert (change.fixes, change.document) == ((), policy(trusting({"AWS": [ROOT, CI]}, BYPASS)))
    assert ["No automatic fix: it would lock out" in one["message"] for one in change.unfixed] == [True]


def test_a_rule_that_does_not_exist_is_named() -> None:
    with pytest.raises(IamError, match="there is no rule MFA-C99, c04"):
        correction(of(people(BYPASS)), ["MFA-C04", "c04", "MFA-C99"])


def test_accounts_of_the_same_owner_are_no_third_parties() -> None:
    document = policy(trusting({"AWS": f"arn:aws:iam::{OTHER}:root"}, MFA))
    assert correction(of(document), ["MFA-T07"]).unfixed
    assert correction(of(document), ["MFA-T07"], frozenset((OTHER,))).unfixed == ()


# --- lockout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (people(MFA), people({"ArnLike": {AGE: DEVICE}}), [ROOT]),
        (people(BYPASS), people(MFA), []),
        (people(), people({"StringEquals": {"sts:ExternalId": "x"}}), []),
        (policy(trusting({"AWS": [USER, CI]})), policy(trusting({"AWS": USER})), [CI]),
        (policy(trusting({"AWS": CI})), policy(trusting({"AWS": CI}, MFA)), [CI]),
        (policy(trusting({"AWS": CI})), policy(trusting({"AWS": ACCOUNT})), []),
        (policy(trusting({"Service": "ec2.amazonaws.com"})),
         policy(trusting({"Service": "ec2.amazonaws.com"}, MFA)), ["ec2.amazonaws.com"]),
        (policy(trusting({"Federated": "accounts.google.com"}, Action="sts:AssumeRoleWithWebIdentity")),
         people(MFA), ["accounts.google.com"]),
        (people(MFA), policy(trusting({"AWS": ROOT}, MFA), trusting("*", Effect="Deny")), [ROOT]),
        (people({"ArnLike": {AGE: DEVICE}}), policy(trusting({"AWS": OTHER})), []),  # nobody came in before
    ],
)  # fmt: skip
def test_who_comes_in_no_more_is_named(before: Any, after: Any, lost: list[str]) -> None:
    assert list(lockout(before, after, ROLE)) == lost
