from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import CoverageGap, Root
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import ACCOUNT as ACCOUNT_MARK
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile, IacPolicy, IacValue
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_serial import check, requires_mfa

from tests.rigs.iam_serials import (
    OTHER,
    account,
    allow,
    arn,
    device,
    findings,
    inline,
    managed,
    mfa,
    policy,
    profile,
    role,
    rules,
    trust,
)

ALICE = device(mfa("alice"), "alice")
BOB = device(mfa("bob-phone"), "bob")
PEOPLE = account(devices=[ALICE, BOB], users=["alice", "bob"])


def of_profile(serial: str, rule: str = "", known: Any = PEOPLE, **options: Any) -> list[Finding]:
    return findings(check, known, rule, host_serials=(profile(serial),), **options)


# --- S01 -------------------------------------------------------------------------------------------------------------


def test_s01_a_profile_names_a_device_that_does_not_exist() -> None:
    (found,) = of_profile(mfa("zebra"), "MFA-S01")
    assert (found.severity, found.resource, found.document, found.path, found.serial) == (
        "high", "web1:/home/x/.aws/config", "profile:prod", "mfa_serial", mfa("zebra"),
    )  # fmt: skip
    assert "not among the MFA devices" in found.message


def test_s01_the_broken_policy_of_the_field_names_its_stale_device() -> None:
    stale = trust({"ArnLike": {"aws:MultiFactorAuthAge": mfa("old-device")}})
    (found,) = findings(check, account(devices=[ALICE], roles=[role("ops", stale)]), "MFA-S01")
    assert (found.resource, found.document, found.statement, found.path) == (
        arn("role/ops"), "trust", "0", "Condition.ArnLike.aws:MultiFactorAuthAge",
    )  # fmt: skip


def test_s01_not_for_a_device_that_exists() -> None:
    assert of_profile(mfa("alice")) == []


@pytest.mark.parametrize("text", ["arn:aws:iam::*:mfa/zebra", mfa("*"), mfa("${aws:username}"), mfa("zebr?")])
def test_s01_near_miss_a_pattern_names_no_device(text: str) -> None:
    known = account(policies=[managed("p", policy(allow("iam:GetUser", text)))])
    assert "MFA-S01" not in rules(check, known)


def test_s01_near_miss_without_the_list_of_devices_nothing_is_stale() -> None:
    known = account(gaps=[CoverageGap("virtual_mfa_devices", "denied")])
    assert of_profile(mfa("zebra"), known=known) == []


@pytest.mark.parametrize("kind", ["inline", "managed", "boundary", "scp", "file", "setting"])
def test_s01_wherever_the_serial_stands(kind: str) -> None:
    text = policy(allow("iam:DeleteVirtualMFADevice", mfa("zebra"), Sid="Gone"))
    place: dict[str, Any] = {
        "inline": {"roles": [role("r", trust(), inline=inline(text))]},
        "managed": {"policies": [managed("p", text)]},
        "boundary": {"policies": [managed("p", text)._replace(bounds=(arn("role/r"),))]},
        "scp": {"scps": [text]},
    }
    document = parse_document(
        policy(allow("iam:DeleteVirtualMFADevice", f"arn:aws:iam::{ACCOUNT_MARK}:mfa/zebra")), "f"
    )
    files: dict[str, Any] = {
        "file": IacFile(
            "a.tf", "terraform", policies=(IacPolicy(document, "identity", 3, "aws_iam_policy.p", "policy"),)
        ),
        "setting": IacFile("a.tf", "terraform", values=(IacValue(mfa("zebra"), 7, "locals", "mfa"),)),
    }
    given = (files[kind],) if kind in files else ()
    (found,) = findings(check, account(devices=[ALICE], **place.get(kind, {})), "MFA-S01", files=given)
    assert found.serial == mfa("zebra")
    assert (found.resource, found.document, found.statement) == {
        "inline": (arn("role/r"), "inline:p", "Gone"),
        "managed": (arn("policy/p"), f"managed:{arn('policy/p')}@v1", "Gone"),
        "boundary": (arn("policy/p"), "boundary", "Gone"),
        "scp": ("p-0", "scp:p-0", "Gone"),
        "file": ("a.tf:3", "inline:aws_iam_policy.p", "0"),
        "setting": ("a.tf:7", "resource:locals", None),
    }[kind]


def test_s01_is_told_for_each_role_that_carries_the_same_policy() -> None:
    stale = trust({"StringEquals": {"aws:MultiFactorAuthPresent": mfa("zebra")}})
    known = account(devices=[ALICE], roles=[role(name, stale) for name in ("a", "b", "c")])
    assert [one.resource for one in findings(check, known, "MFA-S01")] == [arn(f"role/{name}") for name in "abc"]


# --- S02 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("serial", ["GAHT12345678", arn("u2f/user/alice/key-1"), arn("sms-mfa/alice")])
def test_s02_nobody_holds_it(serial: str) -> None:
    (found,) = of_profile(serial, "MFA-S02")
    assert (found.severity, found.serial) == ("high", serial)


def test_s02_not_while_a_user_holds_it() -> None:
    known = account(devices=[device("GAHT12345678", "alice")], users=["alice"])
    assert of_profile("GAHT12345678", "MFA-S02", known) == []


@pytest.mark.parametrize(
    "gap", [CoverageGap("mfa_devices", "denied"), CoverageGap("mfa_devices", "denied", subject="bob")]
)
def test_s02_near_miss_one_of_the_users_not_listed_may_hold_it(gap: CoverageGap) -> None:
    known = account(users=["alice", "bob"], gaps=[gap])
    assert of_profile("GAHT12345678", "MFA-S02", known) == []


def test_s02_near_miss_keys_of_root_are_in_no_list() -> None:
    assert of_profile(arn("u2f/root/key-1"), "MFA-S02") == []
    (hardware,) = of_profile("GAHT12345678", "MFA-S02", PEOPLE._replace(root=Root(mfa_enabled=True)))
    assert "only root can see" in hardware.message


# --- S03 -------------------------------------------------------------------------------------------------------------


def test_s03_assigned_to_nobody() -> None:
    (found,) = of_profile(mfa("spare"), "MFA-S03", account(devices=[device(mfa("spare"))]))
    assert found.severity == "medium"
    assert "assigned to no user" in found.message


def test_s03_not_when_assigned_nor_when_it_does_not_exist() -> None:
    assert of_profile(mfa("alice"), "MFA-S03") == []
    assert of_profile(mfa("zebra"), "MFA-S03") == []


# --- S04 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"profile": "alice"}, {"profile": "prod", "user": "Alice"}])
def test_s04_the_profile_is_of_another_user(given: dict[str, str]) -> None:
    (found,) = findings(check, PEOPLE, "MFA-S04", host_serials=(profile(mfa("bob-phone"), **given),))
    assert "belongs to user bob" in found.message
    assert mfa("alice") in found.message


def test_s04_the_statement_is_about_another_user() -> None:
    text = policy(allow("iam:*MFADevice", [mfa("bob-phone"), arn("user/staff/alice")]))
    (found,) = findings(check, PEOPLE._replace(policies={"p": managed("p", text)}), "MFA-S04")
    assert "alice" in found.message
    own = account(
        devices=[ALICE, BOB], users={"alice": {"inline": inline(policy(allow("iam:*", mfa("bob-phone"))))}, "bob": {}}
    )
    assert [one.resource for one in findings(check, own, "MFA-S04")] == [arn("user/alice")]


def test_s04_near_miss_a_device_may_be_called_otherwise_than_its_holder() -> None:
    assert findings(check, PEOPLE, "MFA-S04", host_serials=(profile(mfa("bob-phone"), profile="bob"),)) == []


def test_s04_near_miss_a_profile_that_says_nothing_of_a_user() -> None:
    given = (profile(mfa("bob-phone"), profile="prod", user="ec2-user"),)
    assert findings(check, PEOPLE, "MFA-S04", host_serials=given) == []


def test_s04_near_miss_an_administrators_policy_for_several() -> None:
    text = policy(allow("iam:DeleteVirtualMFADevice", mfa("bob-phone")))
    shared = managed("p", text, [arn("user/alice"), arn("role/admin")])
    assert findings(check, PEOPLE._replace(policies={"p": shared}), "MFA-S04") == []


# --- S05 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Alice", "case"),
        ("staff/alice", "path"),
        ("alcie", "spelling"),
        ("bob", "holds it now"),
        ("bobphone", "spelling"),
    ],
)
def test_s05_suggests_the_device_meant(written: str, said: str) -> None:
    (found,) = of_profile(mfa(written), "MFA-S05")
    assert (mfa("bob-phone") if written.startswith("bob") else mfa("alice")) in found.message
    assert said in found.message
    assert "MFA-S01" in {one.rule for one in of_profile(mfa(written))}


def test_s05_suggests_what_the_profiles_user_holds_now() -> None:
    (found,) = findings(check, PEOPLE, "MFA-S05", host_serials=(profile(mfa("old-laptop"), user="alice"),))
    assert mfa("alice") in found.message


def test_s05_not_for_what_is_unlike_every_device_or_exists() -> None:
    assert of_profile(mfa("zebra"), "MFA-S05") == []
    assert of_profile(mfa("alice"), "MFA-S05") == []


def test_s05_near_miss_another_number_is_another_device() -> None:
    known = account(devices=[device(mfa("ci-runner-08"), "ci")], users=["ci"])
    assert of_profile(mfa("ci-runner-07"), "MFA-S05", known) == []


# --- S06 -------------------------------------------------------------------------------------------------------------


def test_s06_another_account_is_unknown_and_never_stale() -> None:
    found = of_profile(arn("mfa/alice", OTHER))
    assert [(one.rule, one.severity) for one in found] == [("MFA-S06", "medium")]
    assert "unknown" in found[0].message
    trusted = of_profile(arn("mfa/alice", OTHER), trusted_accounts=frozenset((OTHER,)))
    assert [(one.rule, one.severity) for one in trusted] == [("MFA-S06", "info")]


def test_s06_another_partition() -> None:
    (found,) = of_profile(arn("mfa/alice", partition="aws-cn"))
    assert found.rule == "MFA-S06"
    assert "partition" in found.message


def test_s06_not_with_the_inventory_of_that_account() -> None:
    inventories = {OTHER: frozenset((arn("mfa/alice", OTHER),))}
    assert of_profile(arn("mfa/alice", OTHER), inventories=inventories) == []
    assert [one.rule for one in of_profile(arn("mfa/gone", OTHER), inventories=inventories)] == ["MFA-S01"]


def test_s06_near_miss_the_own_account() -> None:
    assert of_profile(arn("mfa/alice"), "MFA-S06") == []


# --- S07 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        arn("user/alice"),
        "user/alice",
        "mfa/alice",
        "arn:aws:iam:us-east-1:123456789012:mfa/alice",
        arn("mfa/a b"),
        "short",
    ],
)
def test_s07_no_serial(text: str) -> None:
    assert [(one.rule, one.severity) for one in of_profile(text)] == [("MFA-S07", "high")]


def test_s07_in_a_policy() -> None:
    known = PEOPLE._replace(policies={"p": managed("p", policy(allow("iam:GetUser", "arn:aws:iam:::mfa/alice")))})
    assert "MFA-S07" in rules(check, known)


def test_s07_not_for_a_user_where_a_user_belongs() -> None:
    text = policy(allow("iam:EnableMFADevice", [arn("user/alice"), mfa("alice")]))
    assert "MFA-S07" not in rules(check, PEOPLE._replace(policies={"p": managed("p", text)}))


def test_s07_near_miss_a_hardware_serial_is_no_arn() -> None:
    known = account(devices=[device("GAHT12345678", "alice")], users=["alice"])
    assert of_profile("GAHT12345678", known=known) == []


def test_s07_does_not_show_what_may_be_a_seed() -> None:
    seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    for found in of_profile(seed):
        assert seed not in repr(found)


# --- S08 -------------------------------------------------------------------------------------------------------------


def test_s08_a_profile_names_a_fido_key() -> None:
    key = arn("u2f/user/alice/key-1")
    known = account(devices=[device(key, "alice")], users=["alice"])
    assert [one.rule for one in of_profile(key, known=known)] == ["MFA-S08"]


def test_s08_not_for_a_virtual_device() -> None:
    assert of_profile(mfa("alice"), "MFA-S08") == []


def test_s08_near_miss_a_policy_may_name_one() -> None:
    key = arn("u2f/user/alice/key-1")
    known = account(
        devices=[device(key, "alice")], users=["alice"], policies=[managed("p", policy(allow("iam:TagMFADevice", key)))]
    )
    assert "MFA-S08" not in rules(check, known)


# --- S13 -------------------------------------------------------------------------------------------------------------

MFA_TRUST = trust({"Bool": {"aws:MultiFactorAuthPresent": "true"}})


def of_role(text: Any, **fields: Any) -> list[Finding]:
    given = profile("", role_arn=arn("role/ops"), **fields)
    return findings(check, account(roles=[role("ops", text)]), "MFA-S13", host_serials=(given,))


def test_s13_the_role_wants_mfa_and_the_profile_has_none() -> None:
    (found,) = of_role(MFA_TRUST)
    assert (found.severity, found.document, found.serial) == ("medium", "profile:prod", None)
    assert arn("role/ops") in found.message


def test_s13_not_where_the_role_does_not_want_it_or_is_not_known() -> None:
    assert of_role(trust()) == []
    other = profile("", role_arn=arn("role/other"))
    assert findings(check, account(roles=[role("ops", MFA_TRUST)]), "MFA-S13", host_serials=(other,)) == []


def test_s13_not_with_a_serial() -> None:
    given = profile(mfa("alice"), role_arn=arn("role/ops"))
    known = account(devices=[ALICE], roles=[role("ops", MFA_TRUST)])
    assert findings(check, known, "MFA-S13", host_serials=(given,)) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},  # keys get in without
        {"ArnLike": {"aws:MultiFactorAuthAge": mfa("x")}},  # nobody gets in at all
    ],
)
def test_s13_near_miss_mfa_is_mentioned_but_not_what_decides(condition: Any) -> None:
    assert of_role(trust(condition)) == []


def test_s13_sees_a_deny_that_asks_for_mfa() -> None:
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    }  # fmt: skip
    assert requires_mfa(parse_document(policy(*trust()["Statement"], deny), "t"))
    assert not requires_mfa(parse_document(trust({"StringEquals": {"sts:ExternalId": "x"}}), "t"))
    service = trust({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {"Service": "ec2.amazonaws.com"})
    assert not requires_mfa(parse_document(service, "t"))


# --- S14 -------------------------------------------------------------------------------------------------------------


def event(name: str = "GetSessionToken", serial: str = mfa("zebra"), **fields: Any) -> dict[str, Any]:
    return {
        "eventName": name, "eventTime": "2026-11-20T10:00:00Z",
        "userIdentity": {"type": "IAMUser", "arn": arn("user/alice"), "userName": "alice"},
        "requestParameters": {"serialNumber": serial}, **fields,
    }  # fmt: skip


def in_trail(*events: dict[str, Any], known: Any = PEOPLE) -> list[Finding]:
    return findings(check, known, "MFA-S14", trail_events=events)


def test_s14_a_serial_in_use_that_the_account_does_not_have() -> None:
    (found,) = in_trail(event(), event(eventTime="2026-11-20T11:00:00Z", errorCode="AccessDenied"))
    assert (found.severity, found.document, found.path, found.serial) == (
        "medium", "trail", "requestParameters.serialNumber", mfa("zebra"),
    )  # fmt: skip
    assert "2 times" in found.message
    assert "refused" in found.message
    assert "Probably" in found.message


def test_s14_at_the_console() -> None:
    login = event("ConsoleLogin", requestParameters=None, additionalEventData={"MFAIdentifier": mfa("zebra")})
    (found,) = in_trail(login)
    assert found.path == "additionalEventData.MFAIdentifier"


def test_s14_not_for_a_known_device_nor_for_another_accounts() -> None:
    assert in_trail(event(serial=mfa("alice"))) == []
    assert in_trail(event(serial=arn("mfa/zebra", OTHER))) == []


def test_s14_near_miss_it_was_taken_away_after_its_last_use() -> None:
    removal = event("DeleteVirtualMFADevice", eventTime="2026-11-20T12:00:00Z")
    assert in_trail(event(), removal) == []
    assert in_trail(event(), {**removal, "errorCode": "AccessDenied"}) != []
    assert in_trail(event(eventTime="2026-11-20T13:00:00Z"), removal) != []


def test_s14_near_miss_of_roots_hardware_nobody_else_knows() -> None:
    root = {"type": "Root", "arn": arn("root")}
    login = event("ConsoleLogin", "GAHT12345678", userIdentity=root)
    assert in_trail(login) == []
    assert in_trail({**login, "userIdentity": {"type": "IAMUser", "userName": "alice"}}) != []


def test_s14_an_event_counts_once_and_unwrapped() -> None:
    wrapped = {"EventName": "x", "CloudTrailEvent": json.dumps(event(eventID="e1"))}
    (found,) = in_trail(wrapped, event(eventID="e1"), {"CloudTrailEvent": "{"}, {"CloudTrailEvent": "[]"})
    assert "once" in found.message


def test_no_finding_without_a_reference() -> None:
    assert findings(check, PEOPLE) == []
