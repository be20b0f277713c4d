"""MFA-G03 and MFA-G04: for each a fault, a sound policy, and one that only looks faulty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rigs.iam_rules import (
    ACCOUNT,
    MFA,
    MISTAKES,
    NO_MFA,
    OWN,
    PRESENT,
    USERS,
    found,
    managed,
    only,
    policy,
    rules,
    scp,
    statement,
)

# --- MFA-G03 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wide",
    ["*", "arn:aws:iam::*:user/*", f"arn:aws:iam::{ACCOUNT}:user/*", "arn:aws:iam::*:user/${aws:username}*"],
)
def test_g03_self_management_that_reaches_others(wide: str) -> None:
    document = policy(
        statement("Allow", Action=["iam:ChangePassword"], Resource=OWN),
        statement("Allow", MFA, Action=["iam:EnableMFADevice", "iam:ResyncMFADevice"], Resource=[OWN, wide], Sid="Mfa"),
    )
    one = only(managed(document), "G03")
    assert (one.severity, one.statement, one.path) == ("high", "Mfa", "Resource")
    assert wide in one.message


@pytest.mark.parametrize(
    "written",
    [
        statement("Allow", Action=["iam:ListVirtualMFADevices", "iam:ListUsers"]),
        statement("Allow", Action=["iam:CreateVirtualMFADevice"], Resource="arn:aws:iam::*:mfa/*"),
        statement(
            "Allow", MFA, Action=["iam:EnableMFADevice"], Resource=["arn:aws:iam::*:user/*/${aws:username}", OWN]
        ),
        statement("Allow", MFA, Action="*"),
    ],
)
def test_g03_near_miss_in_a_self_management_policy(written: Any) -> None:
    own = statement("Allow", Action=["iam:EnableMFADevice"], Resource=OWN)
    assert rules(managed(policy(own, written))) == []


def test_g03_near_miss_a_help_desk() -> None:
    assert rules(managed(policy(statement("Allow", MFA, Action="iam:ResyncMFADevice")))) == []


# --- MFA-G04 ---------------------------------------------------------------------------------------------------------


def test_g04_the_published_policy_stops_roles_too() -> None:
    account = scp(policy(MISTAKES["service_control_policy"]))
    one = only(account, "G04")
    assert (one.severity, one.resource, one.document) == ("high", "p-1", "scp:p-1")
    assert one.witness == ("role_session", "denied")
    assert rules(account) == ["G04"]


def test_g04_with_bool_it_stops_no_key() -> None:
    one = only(scp(policy(statement("Deny", {"Bool": {PRESENT: "false"}, **USERS}))), "G04")
    assert one.witness == ("long_term_key", "allowed")


@pytest.mark.parametrize(
    "statements",
    [
        [statement("Deny", {**NO_MFA, **USERS})],
        [statement("Deny", {**NO_MFA, "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}})],
        [statement("Deny", {**NO_MFA, "Null": {"aws:username": "false"}})],
        [
            statement("Deny", {"Bool": {PRESENT: "false"}, **USERS}),
            statement("Deny", {"Null": {PRESENT: "true"}, **USERS}),
        ],
        [statement("Deny", {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})],
    ],
)
def test_g04_near_miss(statements: list[Any]) -> None:
    assert [one.rule for one in found(scp(policy(*statements))) if one.rule == "MFA-G04"] == []


def test_g04_an_exception_for_one_role_is_not_enough() -> None:
    spared = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/breakglass"}}
    assert rules(scp(policy(statement("Deny", {**NO_MFA, **spared})))) == ["G04"]
