from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_resource import (
    DEVICE_ACTIONS,
    USER_ACTIONS,
    check_resources,
)

from tests.rigs.iam_rules import RECOMMENDED
from tests.rigs.iam_serials import account, allow, arn, findings, inline, managed, mfa, policy, role, rules, trust

OWN = "arn:aws:iam::*:user/${aws:username}"
OWN_DEVICE = "arn:aws:iam::*:mfa/${aws:username}"
# What AWS's manual recommends for users who manage their own devices.
AWS_SELF_MANAGEMENT = policy(
    allow(["iam:GetAccountPasswordPolicy", "iam:ListVirtualMFADevices"], "*"),
    allow("iam:CreateVirtualMFADevice", "arn:aws:iam::*:mfa/*"),
    allow(["iam:DeactivateMFADevice", "iam:EnableMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice"], OWN),
    {
        "Effect": "Deny",
        "NotAction": ["iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "sts:GetSessionToken"],
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    },
)
# As above, from before devices had names of their own: each statement names user and device.
BOTH = policy(
    allow(["iam:*VirtualMFADevice", "iam:EnableMFADevice"], [OWN_DEVICE, OWN]), allow("iam:Create*", mfa("*"))
)


def of(text: Any, rule: str, attachments: tuple[str, ...] = ()) -> list[Finding]:
    return findings(check_resources, account(policies=[managed("self", text, attachments)]), rule)


@pytest.mark.parametrize("text", [AWS_SELF_MANAGEMENT, BOTH])
def test_recommended_policies_pass(text: Any) -> None:
    assert rules(check_resources, account(policies=[managed("self", text)])) == set()


# --- S09 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", [mfa("alice"), "arn:aws:iam::*:mfa/alice", [mfa("alice"), OWN]])
def test_s09_a_device_is_hard_coded(resource: Any) -> None:
    (found,) = of(policy(allow("iam:DeleteVirtualMFADevice", resource, Sid="Mine")), "MFA-S09")
    assert (found.severity, found.statement, found.path) == ("medium", "Mine", "Resource")
    assert found.serial == (mfa("alice") if resource != "arn:aws:iam::*:mfa/alice" else None)


def test_s09_not_for_any_device() -> None:
    assert of(policy(allow("iam:*VirtualMFADevice", mfa("*"))), "MFA-S09") == []


@pytest.mark.parametrize(
    ("text", "attachments"),
    [
        (policy({**allow("iam:DeleteVirtualMFADevice", mfa("alice")), "Effect": "Deny"}), ()),  # a guard of one device
        (policy(allow("iam:DeleteVirtualMFADevice", mfa("alice"))), (arn("role/cleaner"),)),  # automation
        (policy(allow("s3:GetObject", mfa("alice"))), ()),
    ],
)
def test_s09_near_misses(text: Any, attachments: tuple[str, ...]) -> None:
    assert of(text, "MFA-S09", attachments) == []


def test_s09_in_users_and_groups_but_not_in_roles() -> None:
    text = inline(policy(allow("iam:*", mfa("alice"))))
    known = account(users={"alice": {"inline": text}}, roles=[role("r", trust(), inline=text)])
    assert [one.resource for one in findings(check_resources, known, "MFA-S09")] == [arn("user/alice")]


# --- S10 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [*USER_ACTIONS, "iam:ListVirtualMFADevices", "IAM:enable*", "iam:Resync*"])
@pytest.mark.parametrize("resource", [mfa("alice"), mfa("*"), OWN_DEVICE])
def test_s10_the_statement_is_dead(action: str, resource: str) -> None:
    (found,) = of(policy(allow(["iam:TagMFADevice", action], resource)), "MFA-S10")
    assert found.severity == "medium"
    assert "is not granted" in found.message
    assert ("Write * as" in found.message) == ("Virtual" in action)


def test_s10_a_dead_deny_denies_nothing() -> None:
    (found,) = of(policy({**allow("iam:DeactivateMFADevice", mfa("*")), "Effect": "Deny"}), "MFA-S10")
    assert "is not denied" in found.message


@pytest.mark.parametrize("action", DEVICE_ACTIONS)
def test_s10_not_for_actions_on_devices(action: str) -> None:
    assert of(policy(allow(action, mfa("*"))), "MFA-S10") == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [("iam:EnableMFADevice", [mfa("*"), OWN]), ("iam:EnableMFADevice", "*"), ("iam:*", mfa("*"))],
)
def test_s10_near_misses(action: str, resource: Any) -> None:
    assert of(policy(allow(action, resource)), "MFA-S10") == []


# --- S11 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["iam:CreateVirtualMFADevice", "iam:*MFADevice", "iam:*"])
def test_s11_only_devices_called_like_the_user(action: str) -> None:
    (found,) = of(policy(allow(action, [OWN_DEVICE, OWN])), "MFA-S11")
    assert (found.severity, found.serial) == ("low", None)


def test_s11_not_where_any_name_is_allowed() -> None:
    assert of(policy(allow("iam:CreateVirtualMFADevice", mfa("*"))), "MFA-S11") == []
    assert of(BOTH, "MFA-S11") == []


def test_s11_near_misses() -> None:
    assert of(policy(allow("iam:DeleteVirtualMFADevice", OWN_DEVICE)), "MFA-S11") == []
    assert of(policy(allow("iam:CreateVirtualMFADevice", mfa("${aws:username}-*"))), "MFA-S11") == []
    assert of(policy(allow("iam:CreateVirtualMFADevice", [OWN_DEVICE, mfa("${aws:username}-*")])), "MFA-S11") == []


def test_s11_is_what_aws_changed_in_its_own_policy() -> None:
    """The policy of before devices had names of their own is still in many accounts; AWS gives it no longer."""
    before = RECOMMENDED["self_management_2022"]["document"]
    assert rules(check_resources, account(policies=[managed("self", before)])) == {"MFA-S11"}
    for name, given in RECOMMENDED.items():
        if given["family"] == "identity" and name != "self_management_2022":
            assert rules(check_resources, account(policies=[managed("self", given["document"])])) == set()


# --- S12 -------------------------------------------------------------------------------------------------------------


def test_s12_a_device_as_principal() -> None:
    known = account(roles=[role("r", trust(principal={"AWS": [arn("root"), mfa("alice")]}))])
    (found,) = findings(check_resources, known, "MFA-S12")
    assert (found.severity, found.document, found.path, found.serial) == (
        "high",
        "trust",
        "Principal.AWS",
        mfa("alice"),
    )


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        ("ArnLike", "never holds"),
        ("ArnNotEquals", "always holds"),
        ("StringLikeIfExists", "only where the key is absent"),
    ],
)
@pytest.mark.parametrize("key", ["aws:PrincipalArn", "AWS:sourceARN"])
def test_s12_a_device_as_value(operator: str, said: str, key: str) -> None:
    (found,) = of(policy(allow("s3:*", "*", Condition={operator: {key: [mfa("*")]}})), "MFA-S12")
    assert said in found.message
    assert found.path == f"Condition.{operator}.{key}"


def test_s12_not_for_users() -> None:
    known = account(roles=[role("r", trust({"ArnLike": {"aws:PrincipalArn": arn("user/mfa/alice")}}))])
    assert findings(check_resources, known) == []


def test_s12_near_miss_another_key() -> None:
    text = policy(allow("s3:*", "*", Condition={"ArnLike": {"aws:MultiFactorAuthAge": mfa("alice")}}))
    assert of(text, "MFA-S12") == []
