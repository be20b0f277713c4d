from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import CoverageGap, Root
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding, Fix, finding
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile, IacSecret
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_device import (
    check,
    oversized,
    policy_size,
    quota_of,
)

from tests.rigs.iam_serials import account, allow, arn, device, findings, inline, managed, mfa, policy, rules

NOW = 1795305600.0  # 2026-11-22T00:00:00Z
DAY = 86400.0
ROOT_DEVICE = arn("mfa/root-account-mfa-device")
DENY = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
}


# --- D01 -------------------------------------------------------------------------------------------------------------


def root(**fields: Any) -> list[Finding]:
    summary = fields.pop("summary", {})
    return findings(check, account(root=Root(**fields), summary=summary), "MFA-D01")


def test_d01_root_without_mfa() -> None:
    (found,) = root(mfa_enabled=False)
    assert (found.severity, found.resource, found.document) == ("high", arn("root"), "account")
    assert "no MFA" in found.message


def test_d01_root_with_a_virtual_device() -> None:
    (found,) = root(mfa_enabled=True, devices=(ROOT_DEVICE,))
    assert found.serial == ROOT_DEVICE


def test_d01_not_with_hardware_nor_when_unknown() -> None:
    assert root(mfa_enabled=True) == []
    assert root(mfa_enabled=None) == []
    gaps = [CoverageGap("account_summary", "denied")]
    assert findings(check, account(root=Root(mfa_enabled=False), gaps=gaps), "MFA-D01") == []


def test_d01_near_miss_root_without_any_credentials() -> None:
    nothing = {"AccountPasswordPresent": 0, "AccountAccessKeysPresent": 0}
    assert root(mfa_enabled=False, summary=nothing) == []
    assert root(mfa_enabled=False, summary={**nothing, "AccountAccessKeysPresent": 1}) != []


# --- D02 -------------------------------------------------------------------------------------------------------------


def users(**fields: Any) -> list[Finding]:
    more = {key: fields.pop(key) for key in ("policies", "scps") if key in fields}
    return findings(check, account(users={"alice": fields}, **more), "MFA-D02")


def test_d02_a_console_user_without_mfa() -> None:
    (found,) = users(password=True)
    assert (found.severity, found.resource) == ("high", arn("user/alice"))


@pytest.mark.parametrize("where", ["inline", "attached", "boundary", "scp"])
def test_d02_keys_without_the_mfa_that_a_policy_demands(where: str) -> None:
    places: dict[str, dict[str, Any]] = {
        "inline": {"inline": inline(policy(DENY))},
        "attached": {"attached": (arn("policy/p"),), "policies": [managed("p", policy(DENY))]},
        "boundary": {
            "boundary": arn("policy/p"), "policies": [managed("p", policy(DENY))._replace(bounds=(arn("user/alice"),))]
        },
        "scp": {"scps": [policy(DENY)]},
    }  # fmt: skip
    (found,) = users(password=False, active_keys=1, **places[where])
    assert found.severity == "medium"


def test_d02_not_with_mfa_or_when_the_devices_are_unknown() -> None:
    held = account(devices=[device(mfa("a"), "alice")], users={"alice": {"password": True}})
    assert findings(check, held, "MFA-D02") == []
    assert users(password=True, devices_complete=False) == []


def test_d02_near_misses() -> None:
    assert users(password=False, active_keys=1) == []  # nobody demands MFA
    assert users(password=False, active_keys=1, policies=[managed("p", policy(DENY))]) == []  # of others
    assert users(password=False, active_keys=0, inline=inline(policy(DENY))) == []  # nothing to sign in with


# --- D03 -------------------------------------------------------------------------------------------------------------


def made(days: float, serial: str = mfa("spare"), name: str = "CreateVirtualMFADevice") -> dict[str, Any]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - days * DAY))
    named = {"serialNumber": serial}
    if name == "CreateVirtualMFADevice":
        return {"eventName": name, "eventTime": moment, "responseElements": {"virtualMFADevice": named}}
    return {"eventName": name, "eventTime": moment, "requestParameters": named}


def free(*events: dict[str, Any], **options: Any) -> list[Finding]:
    known = account(devices=[device(mfa("spare"))])
    return findings(check, known, "MFA-D03", **{"trail_events": events, "now": NOW, **options})


@pytest.mark.parametrize("name", ["CreateVirtualMFADevice", "DeactivateMFADevice"])
def test_d03_long_free(name: str) -> None:
    (found,) = free(made(45, name=name))
    assert (found.severity, found.serial) == ("medium", mfa("spare"))
    assert "45 days" in found.message


def test_d03_by_the_date_it_was_enabled_last() -> None:
    old = account(devices=[device(mfa("spare"), enabled_at="2026-01-01T00:00:00+00:00")])
    (found,) = findings(check, old, "MFA-D03", now=NOW)
    assert found.severity == "medium"


def test_d03_not_for_an_assigned_device() -> None:
    known = account(devices=[device(mfa("spare"), "alice", "2026-01-01T00:00:00Z")], users=["alice"])
    assert findings(check, known, "MFA-D03", now=NOW) == []


def test_d03_near_miss_not_long_enough() -> None:
    assert free(made(29)) == []
    assert free(made(45), made(3, name="DeactivateMFADevice")) == []
    assert free(made(45), unassigned_after_days=60) == []


@pytest.mark.parametrize("events", [(), (made(45, serial=mfa("other")),)])
def test_d03_an_unknown_age_is_said_to_be_unknown(events: tuple[dict[str, Any], ...]) -> None:
    (found,) = free(*events)
    assert found.severity == "low"
    assert "unknown" in found.message


# --- D04 -------------------------------------------------------------------------------------------------------------


def holding(*serials: str, **fields: Any) -> list[Finding]:
    known = account(devices=[device(serial, "alice") for serial in serials], users={"alice": fields})
    return findings(check, known, "MFA-D04")


def test_d04_no_spare() -> None:
    (found,) = holding(mfa("a"))
    assert (found.severity, found.serial) == ("low", mfa("a"))


def test_d04_no_room() -> None:
    (found,) = holding(*(mfa(f"a{at}") for at in range(8)))
    assert (found.severity, found.serial) == ("low", None)
    assert "8 devices" in found.message


def test_d04_sms() -> None:
    found = holding(arn("sms-mfa/alice"), mfa("a"))
    assert [(one.severity, one.serial) for one in found] == [("high", arn("sms-mfa/alice"))]


def test_d04_not_with_a_few() -> None:
    assert holding(mfa("a"), mfa("b")) == []
    assert holding(*(mfa(f"a{at}") for at in range(7))) == []


def test_d04_near_miss_there_may_be_others() -> None:
    assert holding(mfa("a"), devices_complete=False) == []
    assert holding() == []


# --- D05 -------------------------------------------------------------------------------------------------------------

BAD_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
BAD_SERIAL = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)


def refused(at: str, user: str = "alice", message: str = BAD_CODE, **fields: Any) -> dict[str, Any]:
    return {
        "eventName": "GetSessionToken", "eventTime": f"2026-11-{at}:00Z", "errorCode": "AccessDenied",
        "errorMessage": message, "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": arn(f"user/{user}")},
        "requestParameters": {"serialNumber": mfa(user)}, **fields,
    }  # fmt: skip


def login(at: str, **fields: Any) -> dict[str, Any]:
    return refused(
        at, eventName="ConsoleLogin", errorMessage="Failed authentication", errorCode=None,
        **{"responseElements": {"ConsoleLogin": "Failure"}, "additionalEventData": {"MFAUsed": "Yes"}, **fields},
    )  # fmt: skip


def trail(*events: dict[str, Any]) -> list[Finding]:
    return findings(check, account(), "MFA-D05", trail_events=events)


def test_d05_one_user_drifts() -> None:
    (found,) = trail(*(refused(f"20T10:0{at}") for at in range(3)))
    assert (found.severity, found.resource, found.document, found.serial) == (
        "medium", arn("user/alice"), "trail", mfa("alice"),
    )  # fmt: skip
    assert "clock" in found.message


@pytest.mark.parametrize("used", ["Yes", "YES"])
def test_d05_at_the_console(used: str) -> None:
    assert trail(*(login(f"20T10:0{at}", additionalEventData={"MFAUsed": used}) for at in range(3))) != []


def test_d05_near_miss_a_wrong_password_is_no_wrong_code() -> None:
    assert trail(*(login(f"20T10:0{at}", additionalEventData={"MFAUsed": "No"}) for at in range(3))) == []
    assert trail(*(refused(f"20T10:0{at}", message="User is not authorized") for at in range(3))) == []


def test_d05_near_miss_two_a_day_are_slips() -> None:
    assert trail(refused("20T10:00"), refused("20T10:01")) == []
    assert trail(refused("18T10:00"), refused("19T11:00"), refused("20T12:00")) == []


@pytest.mark.parametrize(("sources", "said"), [(("192.0.2.7",), "that host"), (("192.0.2.7", "192.0.2.8"), "policy")])
def test_d05_many_users_have_one_cause(sources: tuple[str, ...], said: str) -> None:
    events = [
        refused(f"20T10:0{at}", user, sourceIPAddress=sources[at % len(sources)])
        for user in ("alice", "bob", "carol") for at in range(3)
    ]  # fmt: skip
    (found,) = trail(*events)
    assert found.resource == arn("root")
    assert said in found.message
    assert "alice, bob, carol" in found.message


def test_d05_tells_a_wrong_serial_from_a_wrong_code() -> None:
    (found,) = trail(*(refused(f"20T10:0{at}", message=BAD_SERIAL) for at in range(2)))
    assert "correct mfa_serial" in found.message
    assert trail(refused("20T10:00", message=BAD_SERIAL)) == []


@pytest.mark.parametrize("event", [{}, {"userIdentity": 3}, {"eventName": "ConsoleLogin", "responseElements": []}])
def test_d05_records_of_another_shape_say_nothing(event: dict[str, Any]) -> None:
    assert trail(event) == []


# --- D06 -------------------------------------------------------------------------------------------------------------


def test_d06_a_seed_in_clear() -> None:
    secret = IacSecret(12, "aws_iam_virtual_mfa_device.a", "base_32_string_seed", "the seed of an MFA device in clear")
    (found,) = findings(
        check, account(), "MFA-D06", files=(IacFile("x.tfstate", "terraform-state", secrets=(secret,)),)
    )
    assert (found.severity, found.resource, found.path) == ("high", "x.tfstate:12", "base_32_string_seed")
    assert found.document == "resource:aws_iam_virtual_mfa_device.a"


def test_d06_not_without_one() -> None:
    assert findings(check, account(), "MFA-D06", files=(IacFile("x.tfstate", "terraform-state"),)) == []


# --- D07 -------------------------------------------------------------------------------------------------------------


def fixed(size: int, resource: str = arn("role/r"), document: str = "trust") -> Finding:
    text = policy(allow("sts:AssumeRole", Sid=""))
    text["Statement"][0]["Sid"] = "S" * (size - policy_size(text))
    return finding("MFA-C03", account="1", resource=resource, document=document, message="m", fix=Fix(text, "s"))


def test_d07_a_fix_that_does_not_fit() -> None:
    found = oversized(fixed(2049), 2048)
    assert found is not None
    assert (found.rule, found.severity, found.resource, found.document) == ("MFA-D07", "medium", arn("role/r"), "trust")
    assert "1 more than the quota of 2048" in found.message
    assert "4096" in found.message


def test_d07_near_miss_a_fix_that_just_fits() -> None:
    assert oversized(fixed(2048), 2048) is None


def test_d07_not_without_a_fix() -> None:
    assert oversized(fixed(5000)._replace(fix=None), 2048) is None


@pytest.mark.parametrize(
    ("document", "resource", "quota"),
    [
        ("trust", arn("role/r"), 2048),
        ("inline:p", arn("user/u"), 2048),
        ("inline:p", arn("group/g"), 5120),
        ("inline:p", arn("role/r"), 10240),
        ("managed:x@v1", arn("policy/x"), 6144),
        ("boundary", arn("policy/x"), 6144),
        ("scp:p-1", "p-1", 5120),
        ("profile:prod", "host:file", None),
    ],
)
def test_d07_quotas(document: str, resource: str, quota: int | None) -> None:
    assert quota_of(fixed(300, resource, document)) == quota
    if quota is not None:
        assert oversized(fixed(quota + 1, resource, document)) is not None
        assert oversized(fixed(quota, resource, document)) is None


def test_size_counts_characters_without_white_space_between_parts() -> None:
    assert policy_size({"a": ["b c", "ä"]}) == len('{"a":["b c","ä"]}')


def test_an_account_in_order_has_no_finding() -> None:
    known = account(
        devices=[device(mfa("a"), "alice"), device(mfa("b"), "alice")],
        users={"alice": {"password": True}},
        root=Root(mfa_enabled=True),
    )
    assert rules(check, known, now=NOW) == set()
