"""What users can do to their MFA devices, MFA-G01, G02 and G05: a fault, a sound policy, and a near miss."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam import rules_guardrail_users
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    CoverageGap,
    ManagedPolicy,
    OrganizationPolicy,
)

from tests.rigs.iam_rules import (
    ACCOUNT,
    ADMIN,
    MFA,
    NO_MFA,
    OWN,
    POLICY,
    PRESENT,
    RECOMMENDED,
    USERS,
    group,
    managed,
    only,
    policy,
    rules,
    statement,
    user,
    with_inline,
)


def self_management(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> Any:
    """Give AWS's own policy with something more, or less, left out of its Deny."""
    document = copy.deepcopy(RECOMMENDED["self_management"]["document"])
    deny = document["Statement"][-1]
    deny["NotAction"] = [action for action in [*deny["NotAction"], *add] if action not in remove]
    return document


# --- MFA-G01 ---------------------------------------------------------------------------------------------------------


def test_g01_a_guard_that_leaves_deactivation_out() -> None:
    one = only(managed(self_management(add=("iam:DeactivateMFADevice",))), "G01")
    assert (one.severity, one.statement) == ("critical", "DenyAllExceptListedIfNoMFA")
    assert one.witness == ("long_term_key", "allowed")
    assert "iam:DeactivateMFADevice" in one.message
    assert "alice" in one.message


def test_g01_an_allow_by_name_without_a_guard() -> None:
    allow = statement("Allow", Action=["iam:*MFADevice"], Resource=["arn:aws:iam::*:mfa/${aws:username}", OWN])
    assert only(managed(policy(allow)), "G01").message.count("iam:") == 2
    assert rules(managed(policy(allow))._replace(users={})) == ["G01"]


def test_g01_under_a_guard_that_does_not_reach_keys_it_is_the_allow() -> None:
    allow = statement("Allow", Action="iam:DeactivateMFADevice", Resource=OWN, Sid="Own")
    guard = statement("Deny", {"Bool": {PRESENT: "false"}}, NotAction="iam:GetUser")
    assert only(managed(policy(allow, guard)), "G01").statement == "Own"


def test_g01_through_another_policy_of_the_user() -> None:
    guard = policy(self_management(add=("iam:DeleteVirtualMFADevice",))["Statement"][-1])
    assert rules(with_inline(guard=guard)) == []
    assert only(with_inline(guard=guard, admin=ADMIN), "G01").document == "inline:guard"


@pytest.mark.parametrize(
    "documents",
    [
        {"mfa": self_management()},
        {"admin": ADMIN},
        {"admin": ADMIN, "narrow": policy(statement("Deny", NO_MFA))},
        {"mfa": policy(statement("Allow", MFA, Action="iam:DeactivateMFADevice", Resource=OWN))},
        {"mfa": policy(statement("Allow", Action=["iam:EnableMFADevice", "iam:ListMFADevices"], Resource=OWN))},
        {
            "mfa": policy(statement("Allow", Action="iam:DeactivateMFADevice", Resource=OWN)),
            "never": policy(statement("Deny", Action="iam:Deactivate*")),
        },
    ],
)
def test_g01_near_miss(documents: Any) -> None:
    assert rules(with_inline(**documents)) == []


def test_g01_of_a_group_is_one_finding_that_names_its_users() -> None:
    document = self_management(add=("iam:DeactivateMFADevice",))
    one = only(group(document, "ann", "ben", "cat", "dan", "eve", "fay", "gus"), "G01")
    assert one.resource == f"arn:aws:iam::{ACCOUNT}:group/team"
    assert "ann, ben, cat, dan, eve and 2 more" in one.message


def test_g01_is_judged_for_each_user_where_a_policy_tells_them_apart() -> None:
    ann = {"StringEquals": {"aws:username": "ann"}}
    document = policy(statement("Allow", ann, Action="iam:DeactivateMFADevice", Resource=OWN))
    message = only(group(document, "ann", "ben"), "G01").message
    assert "for ann." in message


# --- MFA-G02 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["iam:EnableMFADevice", "iam:CreateVirtualMFADevice", "iam:ResyncMFADevice"])
def test_g02_a_guard_that_locks_out(action: str) -> None:
    one = only(managed(self_management(remove=(action,))), "G02")
    assert (one.severity, one.path) == ("high", "NotAction")
    assert one.witness == ("session_without_mfa", "denied")
    assert action in one.message


def test_g02_a_deny_of_everything() -> None:
    documents = {"admin": ADMIN, "guard": policy(statement("Deny", NO_MFA, Action="*"))}
    assert only(with_inline(**documents), "G02").document == "inline:guard"


@pytest.mark.parametrize("pattern", ["iam:*", "iam:Create*", "*"])
def test_g02_a_guard_that_leaves_out_too_much(pattern: str) -> None:
    one = only(managed(policy(statement("Deny", NO_MFA, NotAction=[pattern, "sts:GetSessionToken"]))), "G02")
    assert one.witness == ("long_term_key", "allowed")
    assert "iam:CreateUser" in one.message


@pytest.mark.parametrize(
    "documents",
    [
        {"mfa": self_management(remove=("sts:GetSessionToken", "iam:GetUser"))},
        {"mfa": self_management(add=("iam:ChangePassword", "iam:GetAccountPasswordPolicy"))},
        {"resync": RECOMMENDED["resync_only"]["document"], "admin": ADMIN},
        {"narrow": policy(statement("Deny", NO_MFA, Action="ec2:*")), "admin": ADMIN},
        {"guard": policy(statement("Deny", NO_MFA, Action="*"))},
    ],
)
def test_g02_near_miss(documents: Any) -> None:
    assert rules(with_inline(**documents)) == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [("iam:DeactivateMFADevice", "user/bob"), ("iam:DeleteVirtualMFADevice", "mfa/team/spare")],
)
def test_g01_of_others_than_oneself(action: str, resource: str) -> None:
    document = policy(statement("Allow", Action=action, Resource=f"arn:aws:iam::{ACCOUNT}:{resource}"))
    assert action in only(managed(document), "G01").message
    gated = policy(statement("Allow", MFA, Action=action, Resource=f"arn:aws:iam::{ACCOUNT}:{resource}"))
    assert rules(managed(gated)) == []


def test_g01_that_depends_on_something_else_says_so() -> None:
    office = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    document = policy(statement("Allow", office, Action="iam:DeactivateMFADevice", Resource=OWN))
    assert "depending on aws:SourceIp" in only(managed(document), "G01").message
    # A Deny that may hold is a guard of some sort: nothing is known then.
    elsewhere = statement("Deny", {**NO_MFA, "NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, Action="*")
    allow = statement("Allow", Action="iam:DeactivateMFADevice", Resource=OWN)
    assert "G01" not in rules(managed(policy(allow, elsewhere)))


# --- boundaries and service control policies limit users -------------------------------------------------------------

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
DEACTIVATE = policy(statement("Allow", Action="iam:DeactivateMFADevice", Resource=OWN))
STOP_DEACTIVATION = policy(statement("Deny", {**NO_MFA, **USERS}, Action=["iam:Deactivate*", "iam:Delete*"]))
ENROLMENT = (
    "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:ListMFADevices", "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice", "sts:GetSessionToken",
)  # fmt: skip


def bounded(boundary: Any, **documents: Any) -> Account:
    """Give an account with one user within this boundary (None: one that could not be read)."""
    account = with_inline(**documents)
    alice = account.users["alice"]._replace(boundary=BOUNDARY)
    held = (
        {} if boundary is None else {BOUNDARY: ManagedPolicy(BOUNDARY, "b", "v1", {"v1": boundary}, (), (alice.arn,))}
    )
    return account._replace(users={"alice": alice}, policies=held)


def under(control: Any, *targets: str, **documents: Any) -> Account:
    """Give an account with one user under this service control policy."""
    control_policy = OrganizationPolicy("p-1", "scp", control, "", targets or None)
    return with_inline(**documents)._replace(organization_policies=(control_policy,))


@pytest.mark.parametrize(
    "boundary",
    [
        policy(statement("Allow", Action="*"), statement("Deny", NO_MFA, Action="iam:DeactivateMFADevice")),
        policy(statement("Allow", Action="ec2:*")),
        policy(statement("Allow", MFA, Action="*")),
        policy(statement("Allow", NotAction="iam:DeactivateMFADevice")),
    ],
)
def test_g01_near_miss_the_boundary_stops_it(boundary: Any) -> None:
    assert "G01" not in rules(bounded(boundary, own=DEACTIVATE))


def test_g01_within_a_boundary_that_does_not_stop_it() -> None:
    assert only(bounded(ADMIN, own=DEACTIVATE), "G01").document == "inline:own"
    unread = only(bounded(None, own=DEACTIVATE), "G01").message
    assert f"depending on the permissions boundary {BOUNDARY}, which was not read" in unread
    # A boundary alone grants nothing.
    assert rules(bounded(DEACTIVATE, work=policy(statement("Allow", Action="ec2:*")))) == []


def test_g01_and_g02_of_a_guard_in_a_boundary() -> None:
    leaky = policy(
        statement("Allow", Action="*"), statement("Deny", NO_MFA, NotAction=[*ENROLMENT, "iam:DeactivateMFADevice"])
    )
    assert only(bounded(leaky, admin=ADMIN), "G01").document == "boundary"
    locked = policy(statement("Allow", Action="*"), statement("Deny", NO_MFA, Action="*"))
    assert only(bounded(locked, admin=ADMIN), "G02").document == "boundary"


@pytest.mark.parametrize("targets", [(), (ACCOUNT,), ("r-ab12",), ("999999999999", ACCOUNT)])
def test_g01_near_miss_the_organization_stops_it(targets: tuple[str, ...]) -> None:
    assert rules(under(STOP_DEACTIVATION, *targets, own=DEACTIVATE)) == []


def test_g01_under_a_policy_of_another_account_or_of_a_unit() -> None:
    assert only(under(STOP_DEACTIVATION, "999999999999", own=DEACTIVATE), "G01").message.count("depending") == 0
    assert "organizational unit" in only(under(STOP_DEACTIVATION, "ou-ab12-1", own=DEACTIVATE), "G01").message


def test_g02_of_a_guard_in_a_service_control_policy() -> None:
    everything = policy(statement("Deny", {**NO_MFA, **USERS}, Action="*"))
    assert only(under(everything, admin=ADMIN), "G02").document == "scp:p-1"
    too_much = policy(statement("Deny", {**NO_MFA, **USERS}, NotAction=["iam:*", "sts:GetSessionToken"]))
    assert "leaves out too much" in only(under(too_much, admin=ADMIN), "G02").message
    sound = policy(statement("Deny", {**NO_MFA, **USERS}, NotAction=list(ENROLMENT)))
    assert "G02" not in rules(under(sound, admin=ADMIN))
    # It is of no account of ours, or stops nobody of ours from what they could do.
    assert "G02" not in rules(under(everything, "999999999999", admin=ADMIN))
    assert "G02" not in rules(under(everything, work=policy(statement("Allow", Action="ec2:*"))))


def test_g02_near_miss_the_boundary_does_not_let_users_enrol_anyway() -> None:
    guarded = {"admin": ADMIN, "guard": policy(statement("Deny", NO_MFA, Action="*"))}
    assert "G02" in rules(with_inline(**guarded))
    assert "G02" not in rules(bounded(policy(statement("Allow", Action="ec2:*")), **guarded))


@pytest.mark.parametrize("dropped", ENROLMENT[:5])
def test_g02_a_guard_that_stops_a_step_of_what_it_lets_through(dropped: str) -> None:
    guard = policy(statement("Deny", NO_MFA, NotAction=[one for one in ENROLMENT if one != dropped]))
    assert dropped in only(with_inline(admin=ADMIN, guard=guard), "G02").message


def test_g02_a_deny_of_all_of_iam() -> None:
    guard = policy(statement("Deny", NO_MFA, Action="iam:*"))
    assert only(with_inline(admin=ADMIN, guard=guard), "G02").path == "Action"
    # By name it is what MFA-G05 asks for: administrators enrol.
    named = policy(statement("Deny", NO_MFA, Action=["iam:CreateVirtualMFADevice", "iam:EnableMFADevice"]))
    assert rules(with_inline(admin=ADMIN, guard=named)) == []


def test_g05_near_miss_the_boundary_or_the_organization_stops_it() -> None:
    account = newcomer()
    for boundary, expected in (
        (ADMIN, ["G05"]),
        (policy(statement("Allow", Action="iam:*")), []),  # nothing is gained
        (policy(statement("Allow", Action="ec2:*")), []),  # nothing is enrolled
    ):
        inline = {one.name: one.text for one in account.users["alice"].inline}
        limited = bounded(boundary, **inline)
        alice = limited.users["alice"]._replace(devices_complete=True, active_keys=1)
        assert rules(limited._replace(users={"alice": alice})) == expected
    scps = (OrganizationPolicy("p-1", "scp", policy(statement("Deny", USERS, Action="iam:EnableMFADevice"))),)
    assert rules(account._replace(organization_policies=scps)) == []


def test_users_under_one_service_control_policy_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    faults = rules_guardrail_users._faults

    def counted(case: Any) -> Any:
        judged.append(case)
        return faults(case)

    monkeypatch.setattr(rules_guardrail_users, "_faults", counted)
    control = policy(statement("Deny", {**NO_MFA, **USERS}, NotAction=list(ENROLMENT)))
    account = under(control)
    names = [f"user{number}" for number in range(50)]
    assert rules(account._replace(users={name: user(name) for name in names})) == []
    assert len(judged) == 1


# --- MFA-G05 ---------------------------------------------------------------------------------------------------------


def newcomer(**fields: Any) -> Account:
    """Give an account whose user has AWS's own policy and more, and no device."""
    known = {"devices_complete": True, "active_keys": 1, **fields}
    account = with_inline(mfa=self_management(), work=policy(statement("Allow", Action=["ec2:*"])))
    return account._replace(users={"alice": account.users["alice"]._replace(**known)})


def test_g05_keys_alone_lead_to_what_mfa_protects() -> None:
    one = only(newcomer(), "G05")
    assert (one.severity, one.resource) == ("medium", f"arn:aws:iam::{ACCOUNT}:user/alice")
    assert one.witness == ("long_term_key", "allowed")
    assert "ec2:*" in one.message


@pytest.mark.parametrize(
    "fields",
    [
        {"devices": (f"arn:aws:iam::{ACCOUNT}:mfa/alice",)},
        {"active_keys": 0},
        {"devices_complete": False},
        {"mfa_active": True, "devices_complete": False},
    ],
)
def test_g05_near_miss(fields: Any) -> None:
    assert rules(newcomer(**fields)) == []


def test_g05_near_miss_nothing_is_gained_or_administrators_enrol() -> None:
    plain = managed(self_management(), devices_complete=True, active_keys=1)
    assert rules(plain) == []
    account = newcomer()
    alice = account.users["alice"]
    gated = (alice.inline[0]._replace(text=RECOMMENDED["resync_only"]["document"]), alice.inline[1])
    assert rules(account._replace(users={"alice": alice._replace(inline=gated)})) == []


def test_g05_is_unknown_where_devices_are() -> None:
    gap = CoverageGap("mfa_devices", "AccessDenied")
    account = newcomer()
    assert rules(account._replace(gaps=(*account.gaps, gap))) == []


def test_a_policy_in_use_is_not_judged_again_as_if_it_were_nobodys() -> None:
    account = managed(self_management(add=("iam:DeactivateMFADevice",)))
    two = {"alice": account.users["alice"], "bob": user("bob", attached=(POLICY,))}
    assert rules(account._replace(users=two)) == ["G01"]


def test_g02_what_a_service_control_policy_leaves_out_takes_no_user_to_see() -> None:
    too_much = policy(statement("Deny", {**NO_MFA, **USERS}, NotAction=["iam:*", "sts:GetSessionToken"]))
    one = only(under(too_much)._replace(users={}), "G02")
    assert (one.document, one.path) == ("scp:p-1", "NotAction")
    assert rules(under(too_much, "999999999999")._replace(users={})) == []
    # Whether anybody is locked out does take one.
    everything = policy(statement("Deny", {**NO_MFA, **USERS}, Action="*"))
    assert rules(under(everything)._replace(users={})) == []
