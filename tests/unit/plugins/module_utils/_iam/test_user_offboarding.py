from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import ROOT_USER, CoverageGap
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditContext, AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_offboarding import (
    described,
    plan_devices,
    remediation,
    repairs_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_references import (
    Subject,
    find_user_references,
)

from tests.rigs.iam_serials import account, allow, arn, device, managed, mfa, policy, profile, role, trust

ALICE = device(mfa("alice"), "alice")
TOKEN = device("GAHT12345678", "alice")
KEY = device(arn("u2f/user/alice/key-AAAABBBB"), "alice")
LOOSE = device(mfa("alice-old"))
BOB = device(mfa("bob"), "bob")
ROOT = device(mfa("root-account-mfa-device"), ROOT_USER)
PEOPLE = ["alice", "bob"]
STALE = trust({"ArnLike": {"aws:MultiFactorAuthAge": mfa("alice")}})


def plans(*serials: str, known: Any = None, user: str = "alice") -> dict[str, tuple[str, str]]:
    known = known or account(devices=[ALICE, TOKEN, KEY, LOOSE, BOB, ROOT], users=PEOPLE)
    found = plan_devices(AuditContext(known, AuditOptions()), user, serials)
    return {plan.serial: (plan.action, plan.reason) for plan in found}


def test_what_the_user_holds_goes() -> None:
    assert {serial: action for serial, (action, _why) in plans().items()} == {
        ALICE.serial: "delete", TOKEN.serial: "deactivate", KEY.serial: "deactivate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("serial", "action", "why"),
    [
        (LOOSE.serial, "delete", "assigned to nobody"),
        (BOB.serial, "none", "it is bob's by now"),
        (ROOT.serial, "none", f"it is {ROOT_USER}'s by now"),
        (mfa("gone"), "none", "it is gone"),
        ("GAHT99999999", "none", "alice does not hold it any more"),
        (arn("mfa/alice", "210987654321"), "none", "of account 210987654321"),
    ],
)
def test_what_was_the_users_goes_unless_it_is_somebody_elses(serial: str, action: str, why: str) -> None:
    got, reason = plans(serial)[serial]
    assert got == action
    assert why in reason


def test_a_device_of_a_user_who_is_gone_is_left_to_people() -> None:
    assert plans(LOOSE.serial, known=account(devices=[LOOSE], users=["bob"]))[LOOSE.serial][0] == "none"


def test_that_a_device_is_gone_is_only_said_when_the_devices_were_listed() -> None:
    gap = CoverageGap("virtual_mfa_devices", "denied", api="iam:ListVirtualMFADevices")
    known = account(users=PEOPLE, gaps=[gap])
    assert "whether it still exists is unknown" in plans(mfa("alice"), known=known)[mfa("alice")][1]


def repaired(known: Any, **options: Any) -> list[dict[str, Any]]:
    audit_options = AuditOptions(**options)
    context = AuditContext(known, audit_options)
    devices = plan_devices(context, "alice", ())
    subject = Subject("alice", (arn("user/alice"),), ("AIDAALICE",), tuple(plan.serial for plan in devices))
    references = find_user_references(context, subject)
    repairs = repairs_of(known, audit_options, devices, references)
    assert remediation(repairs)["roles"] == sorted(
        {
            one.spot.resource
            for one in references
            for found in repairs[one]
            if found.fix and one.spot.document == "trust"
        }
    )
    return [described(one, repairs[one]) for one in references]


def test_a_broken_trust_policy_comes_with_its_proven_correction() -> None:
    (found,) = repaired(account(devices=[ALICE], users=PEOPLE, roles=[role("ops", STALE)]))
    assert {one["rule"] for one in found["findings"]} == {"MFA-C01", "MFA-S01"}
    fix = next(one["fix"] for one in found["findings"] if one["rule"] == "MFA-C01")
    assert fix["document"]["Statement"][0]["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    assert "iam_remediate applies it" in found["advice"]


def test_a_correction_of_a_condition_is_none_for_the_principal() -> None:
    document = json.loads(json.dumps(STALE))
    document["Statement"][0]["Principal"] = {"AWS": arn("user/alice")}
    found = repaired(account(devices=[ALICE], users=PEOPLE, roles=[role("ops", document)]))
    by_kind = {one["kind"]: one["advice"] for one in found}
    assert "iam_remediate applies it" in by_kind.pop("serial")
    (advice,) = by_kind.values()
    assert "Take it out" in advice
    assert "iam_remediate applies it" not in advice
    assert "The correction of the statement (MFA-C01) leaves this" in advice


def test_the_account_is_judged_as_it_will_be_without_the_devices() -> None:
    (found,) = repaired(account(devices=[ALICE], users=PEOPLE), host_serials=(profile(mfa("alice")),))
    assert [one["rule"] for one in found["findings"]] == ["MFA-S01"]
    assert "Take the serial out of this profile" in found["advice"]


def test_faults_of_other_statements_are_not_the_references() -> None:
    document = trust({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})
    named = {"Effect": "Allow", "Principal": {"AWS": arn("user/alice")}, "Action": "sts:AssumeRole"}
    known = account(devices=[ALICE], users=PEOPLE, roles=[role("ops", policy(*document["Statement"], named))])
    (found,) = repaired(known)
    assert (found["kind"], found["statement"]) == ("user", "1")
    assert all(one["rule"] != "MFA-C04" for one in found["findings"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (mfa("alice"), "or name the device of whoever comes after"),
        (mfa("ali*"), "wildcard"),
        ("AIDAALICE", "never given out again"),
        (arn("user/alice"), "made anew under the name does not get in"),
    ],
)
def test_everything_else_is_left_to_people_with_a_sentence(text: str, says: str) -> None:
    known = account(devices=[ALICE], users=PEOPLE, policies=[managed("p", policy(allow("s3:GetObject", text)))])
    (found,) = repaired(known)
    assert says in found["advice"]


def test_an_old_version_is_to_be_deleted() -> None:
    text = policy(allow("s3:GetObject", mfa("alice")))
    old = managed("p", text)._replace(default="v2", versions={"v1": text, "v2": policy()})
    (found,) = repaired(account(devices=[ALICE], users=PEOPLE, policies=[old]))
    assert "delete it" in found["advice"]
