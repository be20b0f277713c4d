"""Keys that are no MFA keys and were meant to be: how far MFA-C08 goes, and what other rules make of such a key."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import AGE, PRESENT
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_condition import meant_key

from tests.rigs.iam_rules import ROOT, found, managed, only, policy, role, rules, statement, trusting


@pytest.mark.parametrize(
    "key",
    [
        "aws:MultiFactorAuthenticated", "aws:MultiFactorAuthPresence", "aws:MultiFactorAuthPresnt", "aws:MFAPresent",
        "aws:MultiFactorAuthEnabled", "aws:MultiFactorAuthRequired", "aws:MFASession", "aws:MfaUsed", "aws:MFA",
        "aws:2FAPresent", "aws:TwoFactorAuthPresent", "aws:multi-factor-auth-present", "aws::MultiFactorAuthPresent",
        "aws/MultiFactorAuthPresent", "aws.MultiFactorAuthPresent", "MultiFactorAuthPresent", "sts:MFAPresent",
        "asw:MultiFactorAuthPresent", "ec2:MultiFactorAuthPresent", " aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthPresent:true", "aws:MultiFactorAuthPresentIfExists", "aws:MutliFactorAuthPresent",
        "aws:MultiFactorAuthSerialNumber", "aws:MFADevice",
    ],
)  # fmt: skip
def test_what_was_meant_to_be_present(key: str) -> None:
    assert meant_key(key.lower()) == PRESENT


@pytest.mark.parametrize(
    "key",
    [
        "aws:MultiFactorAge", "aws:MultiFactorAuthTime", "aws:MultiFactorAuthTimestamp", "aws:MFAAge", "aws:MfaAuthAge",
        "aws:MultiFactorAuthSeconds", "aws:MultiFactorAuthMaxAge", "aws:MutifactorAuthAge", "multifactorauthage",
    ],
)  # fmt: skip
def test_what_was_meant_to_be_the_age(key: str) -> None:
    assert meant_key(key.lower()) == AGE


@pytest.mark.parametrize(
    "key",
    [
        "aws:PrincipalTag/MFA", "aws:PrincipalTag/MultiFactorAuthPresent", "aws:RequestTag/MultiFactorAuthAge",
        "ec2:ResourceTag/mfa", "s3:ExistingObjectTag/mfa", "auth0.com:mfa", "idp.example.com/x:multifactor",
        "saml:mfa", "iot:Connection.Thing.Attributes[mfa]", "aws:TokenIssueTime", "aws:SecureTransport",
        "iam:FIDO-certification", "iam:RegisterSecurityKey", "s3:signatureAge", "aws:PrincipalArn", "",
    ],
)  # fmt: skip
def test_what_is_a_key_of_its_own(key: str) -> None:
    assert meant_key(key.lower()) == ""


def test_a_device_in_a_key_is_said_to_be_in_none() -> None:
    named = {"StringEquals": {"aws:MultiFactorAuthSerialNumber": "arn:aws:iam::123456789012:mfa/alice"}}
    assert "no key names a device" in only(managed(policy(statement("Allow", named))), "C08").message


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # It never holds: nobody comes in, and that is what MFA-C08 says.
        ({"Bool": {"aws:MultiFactorAuthenticated": "true"}}, ["C08"]),
        ({"BoolIfExists": {"aws:MultiFactorAuthenticated": "true"}}, ["C08", "T01"]),
        ({"Bool": {"aws:PrincipalTag/MFA": "true"}}, ["T01"]),
    ],
)
def test_a_misspelt_key_in_a_trust_policy_is_never_there(condition: Any, expected: list[str]) -> None:
    account = role(policy(trusting({"AWS": ROOT}, condition)))
    assert rules(account) == expected
    depends = [one.message for one in found(account) if "depending on aws:Multi" in one.message]
    assert depends == []


def test_null_of_the_age_with_both_values_tests_nothing() -> None:
    account = managed(policy(statement("Allow", {"Null": {"aws:MultiFactorAuthAge": ["true", "false"]}})))
    assert rules(account) == ["C04", "C11"]
    assert "IfExists" not in only(account, "C04").message
    assert "tests nothing." in only(account, "C11").message
