"""A Deny without MFA in code: what it says by itself, MFA-G02, and what takes an account to tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_text
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.review import Reviewed, review

NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
USERS = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}
OWN_DEVICES = {
    "Effect": "Allow",
    "Action": ["iam:EnableMFADevice", "iam:ResyncMFADevice", "iam:ListMFADevices"],
    "Resource": "arn:aws:iam::*:user/${aws:username}",
}
SOUND = ("iam:EnableMFADevice", "iam:ResyncMFADevice", "iam:ListMFADevices")


def guard(*not_actions: str) -> dict[str, Any]:
    return {"Effect": "Deny", "NotAction": list(not_actions), "Resource": "*", "Condition": {**NO_MFA, **USERS}}


def resource(kind: str, attribute: str, *statements: dict[str, Any]) -> str:
    """Write a resource of Terraform; VAR_ stands for a variable's name without quotes."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).replace("${", "$${")
    return f'resource "{kind}" "self" {{\n  {attribute} = jsonencode({document})\n}}\n'.replace('"VAR"', "var.spared")


def judged(text: str) -> Reviewed:
    return review([read_text("a.tf", text, ("",))], lambda _path: text)


def g02(text: str) -> list[str]:
    return [one.message for one in judged(text).findings if one.rule == "MFA-G02"]


@pytest.mark.parametrize(
    ("kind", "attribute", "found"),
    [
        ("aws_iam_policy", "policy", 1),
        ("aws_iam_group_policy", "policy", 1),
        ("aws_organizations_policy", "content", 1),
        # A role has no devices to enrol: that is MFA-T04.
        ("aws_iam_role_policy", "policy", 0),
    ],
)
def test_a_deny_that_leaves_out_too_much_is_found_where_it_stands(kind: str, attribute: str, found: int) -> None:
    said = g02(resource(kind, attribute, guard("iam:*", "sts:GetSessionToken")))
    assert len(said) == found
    assert all("leaves out too much" in one and "iam:CreateUser" in one for one in said)
    assert g02(resource(kind, attribute, guard(*SOUND))) == []


def test_a_policy_that_denies_what_it_gives_locks_out_whatever_else_there_is() -> None:
    [said] = g02(resource("aws_iam_policy", "policy", OWN_DEVICES, guard("iam:EnableMFADevice", "iam:ListMFADevices")))
    assert "stops iam:ResyncMFADevice without MFA" in said
    assert g02(resource("aws_iam_policy", "policy", OWN_DEVICES, guard(*SOUND))) == []
    # What is given elsewhere, if at all, takes the account.
    assert g02(resource("aws_iam_policy", "policy", guard("sts:GetSessionToken"))) == []


def test_what_a_part_that_is_not_known_may_leave_out_is_no_lockout() -> None:
    text = resource("aws_iam_policy", "policy", OWN_DEVICES, guard("VAR", "iam:ListMFADevices"))
    assert g02(text) == []
    assert "Statement[1].NotAction: it is not known before a run" in [one.reason for one in judged(text).unjudged]
    # More than it says for sure it cannot stop.
    [said] = g02(resource("aws_iam_policy", "policy", OWN_DEVICES, guard("VAR", "iam:*")))
    assert "leaves out too much" in said
