"""MFA-T01 to MFA-T07: for each a fault, a sound policy, and one that only looks faulty."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    CoverageGap,
    InlinePolicy,
    ManagedPolicy,
    Role,
)

from tests.rigs.iam_rules import (
    ACCOUNT,
    ADMIN,
    AGE,
    MFA,
    NO_MFA,
    OTHER,
    POLICY,
    PRESENT,
    RECOMMENDED,
    ROLE,
    ROOT,
    UNREAD,
    USER,
    only,
    policy,
    resource,
    role,
    rules,
    statement,
    trusting,
    user,
)

FOREIGN = f"arn:aws:iam::{OTHER}:root"
CI = f"arn:aws:iam::{ACCOUNT}:role/ci"
SERVICE = {"Service": "ec2.amazonaws.com"}
SAML = {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/idp"}


def with_users(account: Account, *users: Any) -> Account:
    return account._replace(users={one.name: one for one in users})


def with_roles(account: Account, *arns: str) -> Account:
    more = {arn: Role(arn.rpartition("/")[2], arn, "AROAEXAMPLEEXAMPLE02", policy(trusting(SERVICE))) for arn in arns}
    return account._replace(roles={**account.roles, **more})


# --- MFA-T01 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("principal", [ROOT, ACCOUNT, USER, [USER, CI]])
def test_t01_people_may_assume_the_role_without_mfa(principal: Any) -> None:
    account = with_roles(with_users(role(policy(trusting({"AWS": principal}))), user("alice")), CI)
    one = only(account, "T01")
    assert (one.severity, one.resource, one.document) == ("medium", ROLE, "trust")
    assert one.witness == ("long_term_key", "allowed")


@pytest.mark.parametrize(
    "fields",
    [
        {"attached": ("arn:aws:iam::aws:policy/AdministratorAccess",)},
        {"inline": (InlinePolicy("all", ADMIN),)},
        {"inline": (InlinePolicy("iam", policy(statement("Allow", Action=["iam:*"]))),)},
    ],
)
def test_t01_is_high_for_a_privileged_role(fields: Any) -> None:
    assert only(role(policy(trusting({"AWS": ROOT})), **fields), "T01").severity == "high"


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": "iam:PutRolePolicy", "Resource": "arn:aws:iam::*:role/*"},
        {"Action": "iam:Attach*", "Resource": ["arn:aws:s3:::b", f"arn:aws:iam::{ACCOUNT}:*"]},
        {"Action": "*:*"},
        {"Action": "*", "Resource": "**"},
        {"Action": "*", "NotResource": "arn:aws:s3:::b"},
        {"NotAction": "s3:*", "Resource": "*"},
    ],
)
def test_t01_a_role_is_privileged_by_what_leads_there(elements: Any) -> None:
    inline = (InlinePolicy("n", policy(statement("Allow", **elements))),)
    assert only(role(policy(trusting({"AWS": ROOT})), inline=inline), "T01").severity == "high"


def test_t01_a_role_is_privileged_by_an_attached_policy_and_not_by_narrow_ones() -> None:
    held = ManagedPolicy(POLICY, "ops", "v1", {"v1": ADMIN}, attachments=(ROLE,))
    account = role(policy(trusting({"AWS": ROOT})), attached=(POLICY,))
    assert only(account._replace(policies={POLICY: held}), "T01").severity == "high"
    narrow = policy(
        statement("Allow", Action="*", Resource="arn:aws:s3:::b/*"),
        statement("Allow", Action=["iam:Get*", "s3:*"]),
        statement("Allow", Action="iam:PutRolePolicy", Resource="arn:aws:iam::*:role/team/app"),
        statement("Allow", Action="*", Resource="arn:aws:s3:::*"),
    )
    assert only(role(policy(trusting({"AWS": ROOT})), inline=(InlinePolicy("n", narrow),)), "T01").severity == "medium"


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": FOREIGN}, {"AWS": OTHER}])
def test_t01_is_high_for_another_account_or_everybody(principal: Any) -> None:
    assert only(role(policy(trusting(principal))), "T01").severity == "high"


@pytest.mark.parametrize(
    "document",
    [
        policy(trusting(SERVICE)),
        policy(trusting(SAML, Action="sts:AssumeRoleWithSAML")),
        policy(trusting({"Federated": "accounts.google.com"}, Action="sts:AssumeRoleWithWebIdentity")),
        policy(trusting({"AWS": CI})),
        policy(trusting({"AWS": ROOT}, MFA)),
        policy(trusting({"AWS": ROOT}, Action="sts:TagSession")),
        policy(trusting({"AWS": ROOT}, {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ci*"}})),
        policy(trusting({"AWS": FOREIGN}, {"StringEquals": {"sts:ExternalId": "7"}})),
        policy(
            trusting({"AWS": ROOT}),
            {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": NO_MFA},
        ),
    ],
)
def test_t01_near_miss(document: Any) -> None:
    assert rules(with_roles(role(document), CI)) == []


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
    ],
)
def test_t01_leaves_out_what_aws_owns(arn: str) -> None:
    path = arn.partition(":role")[2].rpartition("/")[0] + "/"
    assert rules(role(policy(trusting({"AWS": ROOT})), arn=arn, path=path)) == []


def test_t01_says_what_it_depends_on() -> None:
    where = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    one = only(role(policy(trusting({"AWS": ROOT}, where))), "T01")
    assert "aws:SourceIp" in one.message


def test_t01_an_own_account_in_the_organisation_with_an_external_id_still_means_people() -> None:
    account = role(policy(trusting({"AWS": FOREIGN}, {"StringEquals": {"sts:ExternalId": "7"}})))
    assert rules(account, trusted_accounts=frozenset({OTHER})) == ["T01"]


# --- MFA-T02 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sibling",
    [
        trusting({"AWS": ROOT}),
        trusting({"AWS": ACCOUNT}, Action="sts:*"),
        trusting("*", Action="*"),
        trusting({"AWS": USER}, Action="sts:Assume*"),
        {"Effect": "Allow", "Principal": {"AWS": ROOT}, "NotAction": "sts:TagSession"},
    ],
)
def test_t02_a_sibling_voids_the_condition(sibling: Any) -> None:
    sibling = {**sibling, "Sid": "Open"}
    account = with_users(role(policy(trusting({"AWS": ROOT}, MFA, Sid="Guarded"), sibling)), user("alice"))
    one = only(account, "T02")
    assert (one.severity, one.statement) == ("critical", "Open")
    assert "Guarded" in one.message
    assert rules(account) == ["T02"]


@pytest.mark.parametrize(
    "sibling",
    [
        trusting({"AWS": CI}),
        trusting(SERVICE),
        trusting({"AWS": ROOT}, Action="sts:TagSession"),
        trusting({"AWS": ROOT}, {"NumericLessThan": {AGE: "3600"}}),
        {"Effect": "Allow", "Principal": {"AWS": ROOT}, "NotAction": "sts:*"},
    ],
)
def test_t02_near_miss(sibling: Any) -> None:
    assert rules(with_roles(role(policy(trusting({"AWS": ROOT}, MFA), sibling)), CI)) == []


def test_t02_one_finding_for_a_statement_that_lets_many_in() -> None:
    accounts = [f"arn:aws:iam::{number:012d}:root" for number in range(1, 9)]
    document = policy(
        trusting({"AWS": accounts}, {"Bool": {PRESENT: "true"}}), trusting({"AWS": accounts[::-1]}, Sid="Open")
    )
    one = only(role(document), "T02", trusted_accounts=frozenset(f"{number:012d}" for number in range(1, 9)))
    assert one.statement == "Open"
    assert "000000000008:root" in one.message
    assert "and 3 more" in one.message


def test_t02_near_miss_somebody_else_or_a_deny_above_both() -> None:
    elsewhere = role(policy(trusting({"AWS": ROOT}, MFA), trusting({"AWS": FOREIGN})))
    assert rules(elsewhere) == ["T01"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": NO_MFA}
    assert rules(role(policy(trusting({"AWS": ROOT}, MFA), trusting({"AWS": ROOT}), deny))) == []


def test_t02_near_miss_a_sibling_that_asks_for_something_else_instead() -> None:
    office = trusting({"AWS": ROOT}, {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    assert rules(role(policy(trusting({"AWS": ROOT}, MFA), office))) == ["T01"]


# --- MFA-T03 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "action"),
    [
        ({"AWS": CI}, "sts:AssumeRole"),
        (SERVICE, "sts:AssumeRole"),
        (SAML, "sts:AssumeRoleWithSAML"),
        ({"AWS": [ROOT, CI]}, "sts:AssumeRole"),
    ],
)
def test_t03_mfa_of_whom_nobody_can_ask_it(principal: Any, action: str) -> None:
    account = with_roles(role(policy(trusting(principal, MFA, Action=action))), CI)
    one = only(account, "T03")
    assert (one.severity, one.witness) == ("high", ("role_session", "never"))
    assert rules(account) == ["T03"]


def test_t03_where_sources_disagree_it_says_so() -> None:
    account = with_roles(role(policy(trusting({"AWS": CI}, {"BoolIfExists": {PRESENT: "true"}}))), CI)
    assert "sources disagree" in only(account, "T03").message


def test_t03_near_miss_a_role_that_gets_in_by_either_reading() -> None:
    account = with_roles(role(policy(trusting({"AWS": CI}, {"NumericLessThanIfExists": {AGE: "3600"}}))), CI)
    assert "T03" not in rules(account)


def test_t03_near_miss() -> None:
    assert rules(with_roles(role(policy(trusting({"AWS": CI}), trusting({"AWS": ROOT}, MFA))), CI)) == []


# --- MFA-T04 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        (statement("Allow", MFA), "never"),
        (statement("Deny", NO_MFA), "denied"),
        (statement("Deny", {"Null": {AGE: "true"}}), "denied"),
    ],
)
def test_t04_mfa_of_a_roles_sessions(written: Any, outcome: str) -> None:
    account = role(policy(trusting(SERVICE)), inline=(InlinePolicy("ops", policy(written)),))
    one = only(account, "T04")
    assert (one.severity, one.resource, one.document) == ("high", ROLE, "inline:ops")
    assert one.witness == ("role_session", outcome)


def test_t04_in_attached_policies_and_boundaries() -> None:
    guard = RECOMMENDED["self_management"]["document"]
    account = role(policy(trusting(SERVICE)), attached=(POLICY,))
    attached = ManagedPolicy(POLICY, "mfa", "v1", {"v1": guard}, attachments=(ROLE,))
    assert only(account._replace(policies={POLICY: attached}), "T04").document == f"managed:{POLICY}@v1"
    bound = ManagedPolicy(POLICY, "mfa", "v1", {"v1": guard}, bounds=(ROLE,))
    assert only(account._replace(policies={POLICY: bound}), "T04").document == "boundary"


def test_t04_in_a_resource_policy() -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": CI}, "Action": "s3:*", "Resource": "*", "Condition": MFA}
    assert rules(with_roles(resource(policy(allow)), CI)) == ["T04"]
    assert rules(resource(policy({**allow, "Principal": {"AWS": ROOT}}))) == []


def test_t04_near_miss_what_leaves_roles_out() -> None:
    users = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}
    document = policy(statement("Deny", {**NO_MFA, **users}))
    assert rules(role(policy(trusting(SERVICE)), inline=(InlinePolicy("ops", document),))) == []


def test_t04_says_where_sources_disagree() -> None:
    document = policy(statement("Deny", {"Bool": {PRESENT: "false"}}))
    account = role(policy(trusting(SERVICE)), inline=(InlinePolicy("ops", document),))
    assert "sources disagree" in only(account, "T04").message


# --- MFA-T05 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["AIDACKCEVSQ6C2EXAMPLE", "AROACKCEVSQ6C2EXAMPLE"])
def test_t05_what_is_left_of_a_deleted_principal(text: str) -> None:
    account = with_roles(role(policy(trusting({"AWS": [text, CI]}))), CI)
    one = only(account, "T05")
    assert (one.severity, one.path) == ("high", "Principal.AWS")
    assert text in one.message


def test_t05_a_user_or_role_that_is_not_there() -> None:
    assert rules(role(policy(trusting({"AWS": USER}, MFA)))) == ["T05"]
    assert rules(role(policy(trusting({"AWS": CI})))) == ["T05"]


def test_t05_near_miss() -> None:
    there = with_users(role(policy(trusting({"AWS": USER}, MFA))), user("alice"))
    assert rules(there) == []
    elsewhere = f"arn:aws:iam::{OTHER}:role/ci"
    assert rules(role(policy(trusting({"AWS": elsewhere})))) == []
    by_id = {"StringLike": {"aws:userid": "AROACKCEVSQ6C2EXAMPLE:*"}}
    assert rules(role(policy(trusting({"AWS": ROOT}, by_id)))) == []


def test_t05_a_user_of_that_name_elsewhere_is_another_user() -> None:
    assert rules(with_users(role(policy(trusting({"AWS": USER}, MFA))), user("alice", path="/staff/"))) == ["T05"]


# --- MFA-T06 ---------------------------------------------------------------------------------------------------------

FIDO = f"arn:aws:iam::{ACCOUNT}:u2f/user/alice/key-0123456789ABCDEF"
VIRTUAL = f"arn:aws:iam::{ACCOUNT}:mfa/alice"


@pytest.mark.parametrize(("devices", "serial"), [((), None), ((FIDO,), FIDO)])
def test_t06_the_trusted_user_cannot_give_a_code(devices: Any, serial: Any) -> None:
    account = with_users(
        role(policy(trusting({"AWS": USER}, MFA))), user("alice", devices=devices, devices_complete=True)
    )
    one = only(account, "T06")
    assert (one.severity, one.serial, one.witness) == ("medium", serial, ("long_term_key", "denied"))


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"devices": (FIDO, VIRTUAL), "devices_complete": True}, MFA),
        ({"devices": ("GALT12345678",), "devices_complete": True}, MFA),
        ({"devices": ()}, MFA),
    ],
)
def test_t06_near_miss(fields: Any, condition: Any) -> None:
    assert rules(with_users(role(policy(trusting({"AWS": USER}, condition))), user("alice", **fields))) == []


def test_t06_is_unknown_where_devices_are() -> None:
    account = with_users(role(policy(trusting({"AWS": USER}, MFA))), user("alice", devices_complete=True))
    gap = CoverageGap("mfa_devices", "AccessDenied")
    assert rules(account._replace(gaps=(*UNREAD, gap))) == []


# --- MFA-T07 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("principal", [FOREIGN, OTHER, f"arn:aws:iam::{OTHER}:user/eve"])
def test_t07_a_third_partys_mfa(principal: str) -> None:
    one = only(role(policy(trusting({"AWS": principal}, MFA))), "T07")
    assert (one.severity, one.witness) == ("info", ("session_with_mfa", "allowed"))


def test_t07_near_miss() -> None:
    account = role(policy(trusting({"AWS": FOREIGN}, MFA)))
    assert rules(account, trusted_accounts=frozenset({OTHER})) == []
    with_id = {**MFA, "StringEquals": {"sts:ExternalId": "7"}}
    assert rules(role(policy(trusting({"AWS": FOREIGN}, with_id)))) == []
    assert rules(role(policy(trusting({"AWS": ROOT}, MFA)))) == []
