"""Which documents an account has, and what is true of its members."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    Group,
    InlinePolicy,
    ManagedPolicy,
    OrganizationPolicy,
    ResourcePolicy,
    Role,
    User,
)

IAM = "arn:aws:iam::123456789012:"
READ = ManagedPolicy(f"{IAM}policy/read", "read", "v2", {"v1": "old", "v2": "new"}, (f"{IAM}group/staff",))
LIMIT = ManagedPolicy(f"{IAM}policy/limit", "limit", "v1", {"v1": "limit"}, (), (f"{IAM}user/alice",))
LOOSE = ManagedPolicy(f"{IAM}policy/loose", "loose", "v1", {"v1": "loose"})
BOTH = LIMIT._replace(arn=f"{IAM}policy/both", attachments=(f"{IAM}role/ci",))

ALICE = User(
    "alice", f"{IAM}user/alice", "AIDA1", groups=("staff", "gone"), inline=(InlinePolicy("own", "{}"),),
    attached=("arn:aws:iam::aws:policy/unlisted",), boundary=LIMIT.arn,
)  # fmt: skip
STAFF = Group("staff", f"{IAM}group/staff", "AGPA1", inline=(InlinePolicy("shared", "{}"),), attached=(READ.arn,))
CI = Role("ci", f"{IAM}role/ci", "AROA1", "trust", inline=(InlinePolicy("run", "{}"),), attached=(BOTH.arn,))

ACCOUNT = Account(
    "123456789012",
    users={"alice": ALICE},
    groups={"staff": STAFF},
    roles={CI.arn: CI},
    policies={policy.arn: policy for policy in (READ, LIMIT, LOOSE, BOTH)},
    organization_policies=(OrganizationPolicy("p-1", "mfa", "scp"), OrganizationPolicy("p-2", "x", "scp", "arn:o")),
    resource_policies=(ResourcePolicy("arn:aws:s3:::bucket", "bucket"),),
)


def test_every_document_in_force_once_for_each_place() -> None:
    assert [(ref.kind, ref.resource, ref.text) for ref in ACCOUNT.documents()] == [
        ("trust", CI.arn, "trust"),
        ("inline:own", ALICE.arn, "{}"),
        ("inline:shared", STAFF.arn, "{}"),
        ("inline:run", CI.arn, "{}"),
        (f"managed:{READ.arn}@v2", READ.arn, "new"),
        ("boundary", LIMIT.arn, "limit"),
        (f"managed:{LOOSE.arn}@v1", LOOSE.arn, "loose"),
        (f"managed:{BOTH.arn}@v1", BOTH.arn, "limit"),
        ("boundary", BOTH.arn, "limit"),
        ("scp:p-1", "p-1", "scp"),
        ("scp:p-2", "arn:o", "scp"),
        ("resource:arn:aws:s3:::bucket", "arn:aws:s3:::bucket", "bucket"),
    ]


def test_families() -> None:
    families = {ref.family for ref in ACCOUNT.documents()}
    assert families == {"trust", "inline", "managed", "boundary", "scp", "resource"}


def test_a_user_has_its_own_policies_and_its_groups() -> None:
    assert [ref.kind for ref in ACCOUNT.user_policies(ALICE)] == [
        "inline:own", "inline:shared", f"managed:{READ.arn}@v2"
    ]  # fmt: skip


def test_a_role_has_its_own_policies_without_the_trust_policy() -> None:
    assert [ref.kind for ref in ACCOUNT.role_policies(CI)] == ["inline:run", f"managed:{BOTH.arn}@v1"]


def test_boundaries() -> None:
    boundary = ACCOUNT.boundary_policy(ALICE)
    assert boundary is not None
    assert (boundary.kind, boundary.resource, boundary.text) == ("boundary", LIMIT.arn, "limit")
    assert ACCOUNT.boundary_policy(CI) is None
    assert ACCOUNT.boundary_policy(ALICE._replace(boundary=f"{IAM}policy/unlisted")) is None


@pytest.mark.parametrize(
    ("user", "has_mfa"),
    [
        (ALICE._replace(devices=("GAHT12345678",), mfa_active=False), True),
        (ALICE._replace(devices_complete=True), False),
        (ALICE._replace(devices_complete=True, mfa_active=True), False),  # the list is newer than the report
        (ALICE._replace(mfa_active=True), True),
        (ALICE._replace(mfa_active=False), False),
        (ALICE, None),
    ],
)
def test_whether_a_user_has_mfa(user: User, has_mfa: bool | None) -> None:
    assert user.has_mfa is has_mfa


@pytest.mark.parametrize(
    ("path", "service_linked", "sso_reserved"),
    [
        ("/aws-service-role/support.amazonaws.com/", True, False),
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", False, True),
        ("/service-role/", False, False),
        ("/", False, False),
    ],
)
def test_roles_that_are_aws_own_business(path: str, service_linked: bool, sso_reserved: bool) -> None:
    role = CI._replace(path=path)
    assert (role.service_linked, role.sso_reserved) == (service_linked, sso_reserved)


def test_aws_managed_policies() -> None:
    assert READ._replace(arn="arn:aws-cn:iam::aws:policy/ReadOnlyAccess").aws_managed
    assert not READ._replace(arn=f"{IAM}policy/aws:policy/x").aws_managed
