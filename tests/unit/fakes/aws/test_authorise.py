"""Identity policies, where they bind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.aws import ACCOUNT, Keys
from tests.fakes.aws.policy import decide, holds
from tests.unit.fakes.aws.account import World, codes, refused

# AWS's own policy for those who look after their own device, with resync, as published.
SELF = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["iam:ListVirtualMFADevices"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["iam:ListMFADevices", "iam:ResyncMFADevice"],
            "Resource": "arn:aws:iam::*:user/${aws:username}",
        },
        {
            "Effect": "Deny",
            "NotAction": ["iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice"],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        },
    ],
}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture
def strict(world: World) -> World:
    world.aws.rules.enforce = True
    return world


def test_the_published_policy_lets_users_resync_their_own_device_and_no_more(strict: World) -> None:
    name, keys = strict.user(policy=SELF)
    other, _keys = strict.user()
    mine, theirs = strict.aws.virtual_device(name), strict.aws.virtual_device(other)
    iam = strict.iam(keys)
    iam.list_virtual_mfa_devices()
    iam.list_mfa_devices()
    iam.resync_mfa_device(UserName=name, SerialNumber=mine, **codes(*strict.aws.soft_token(mine).pair()))
    pair = codes(*strict.aws.soft_token(theirs).pair())
    denied = refused(iam.resync_mfa_device, UserName=other, SerialNumber=theirs, **pair)
    action = "iam:ResyncMFADevice"
    assert denied.message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: {action} on resource: user {other} "
        f"because no identity-based policy allows the {action} action"
    )
    explicit = refused(iam.list_users)
    assert "with an explicit deny in an identity-based policy" in explicit.message
    implicit = refused(strict.iam(strict.session(keys, mine)).list_users)
    assert "because no identity-based policy allows the iam:ListUsers action" in implicit.message
    assert {denied.code, explicit.code, implicit.code} == {"AccessDenied"}


def test_nothing_is_enforced_unless_asked_and_never_on_the_operator(world: World) -> None:
    _name, keys = world.user(policy={})
    world.iam(keys).list_users()
    world.aws.rules.enforce = True
    assert refused(world.iam(keys).list_users).code == "AccessDenied"
    world.iam().list_users()


def test_identity_and_sessions_are_nobodys_to_deny(strict: World) -> None:
    _name, keys = strict.user(policy=policy({"Effect": "Deny", "Action": "*", "Resource": "*"}))
    strict.sts(keys).get_caller_identity()
    strict.sts(keys).get_session_token()


def test_groups_and_managed_policies_count_in_their_default_version(strict: World) -> None:
    name, keys = strict.user(policy={})
    admin = strict.iam()
    admin.create_group(GroupName="staff")
    admin.add_user_to_group(GroupName="staff", UserName=name)
    admin.put_group_policy(GroupName="staff", PolicyName="x", PolicyDocument=json.dumps(policy(allow("iam:ListUsers"))))
    strict.iam(keys).list_users()
    made = admin.create_policy(PolicyName="roles", PolicyDocument=json.dumps(policy(allow("iam:ListRoles"))))
    arn = made["Policy"]["Arn"]
    admin.attach_user_policy(UserName=name, PolicyArn=arn)
    strict.iam(keys).list_roles()
    admin.create_policy_version(
        PolicyArn=arn, PolicyDocument=json.dumps(policy(allow("iam:ListGroups"))), SetAsDefault=True
    )  # fmt: skip
    strict.iam(keys).list_groups()
    assert refused(strict.iam(keys).list_roles).code == "AccessDenied"


MFA = f"arn:aws:iam::{ACCOUNT}:mfa/"
USER = f"arn:aws:iam::{ACCOUNT}:user/"


@pytest.mark.parametrize(
    ("action", "resource", "call"),
    [
        ("CreateVirtualMFADevice", f"{MFA}staff/phone",
         lambda iam: iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/staff/")),
        ("DeleteVirtualMFADevice", f"{MFA}free",
         lambda iam: iam.delete_virtual_mfa_device(SerialNumber=f"{MFA}free")),
        ("TagMFADevice", f"{MFA}free", lambda iam: iam.tag_mfa_device(SerialNumber=f"{MFA}free", Tags=[])),
        ("ListMFADeviceTags", f"{MFA}free", lambda iam: iam.list_mfa_device_tags(SerialNumber=f"{MFA}free")),
        ("DeactivateMFADevice", f"{USER}other",
         lambda iam: iam.deactivate_mfa_device(UserName="other", SerialNumber=f"{MFA}other")),
        ("ListMFADevices", f"{USER}ME", lambda iam: iam.list_mfa_devices()),
        ("GetUser", f"{USER}other", lambda iam: iam.get_user(UserName="other")),
        ("GetRole", f"arn:aws:iam::{ACCOUNT}:role/team/ops", lambda iam: iam.get_role(RoleName="ops")),
        ("ListVirtualMFADevices", "*", lambda iam: iam.list_virtual_mfa_devices()),
    ],
)  # fmt: skip
def test_actions_are_on_what_the_service_reference_says(
    strict: World, action: str, resource: str, call: Callable[[Any], Any]
) -> None:
    strict.aws.add_user("other")
    strict.aws.virtual_device("other")
    strict.aws.virtual_device(None, "free")
    strict.iam().create_role(RoleName="ops", Path="/team/", AssumeRolePolicyDocument=json.dumps(policy(allow("*"))))
    name, keys = strict.user(policy=policy(allow(f"iam:{action}", f"{MFA}never")))
    denied = refused(call, iam=strict.iam(keys))
    assert f"iam:{action} on resource: " in denied.message
    wanted = resource.replace("ME", name)
    strict.iam().put_user_policy(
        UserName=name, PolicyName="granted", PolicyDocument=json.dumps(policy(allow(f"iam:{action}", wanted)))
    )
    call(strict.iam(keys))


def test_a_role_named_for_the_account_takes_the_callers_policy_too(strict: World) -> None:
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    arn = strict.iam().create_role(RoleName="ops", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    name, keys = strict.user(policy={})
    request = {"RoleArn": arn, "RoleSessionName": "test"}
    assert refused(strict.sts(keys).assume_role, **request).code == "AccessDenied"
    _other, granted = strict.user(policy=policy(allow("sts:AssumeRole", arn)))
    strict.sts(granted).assume_role(**request)
    trust["Statement"][0]["Principal"] = {"AWS": f"{USER}{name}"}
    strict.iam().update_assume_role_policy(RoleName="ops", PolicyDocument=json.dumps(trust))
    strict.sts(keys).assume_role(**request)


def test_a_roles_session_has_the_roles_policies_no_mfa_and_at_most_the_sessions(strict: World) -> None:
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    admin = strict.iam()
    arn = admin.create_role(RoleName="ops", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    present = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    document = policy(allow(["iam:ListUsers", "iam:ListGroups"]), allow("iam:ListRoles", Condition=present))
    admin.put_role_policy(RoleName="ops", PolicyName="x", PolicyDocument=json.dumps(document))
    name, keys = strict.user()
    session = strict.session(keys, strict.aws.virtual_device(name))
    request = {"RoleArn": arn, "RoleSessionName": "test"}

    whole = Keys.of(strict.sts(session).assume_role(**request)["Credentials"])
    strict.iam(whole).list_users()
    assert refused(strict.iam(whole).list_roles).code == "AccessDenied"
    narrow = json.dumps(policy(allow(["iam:ListUsers", "iam:ListPolicies"])))
    less = Keys.of(strict.sts(session).assume_role(**request, Policy=narrow)["Credentials"])
    strict.iam(less).list_users()
    for call in (strict.iam(less).list_groups, strict.iam(less).list_policies):
        assert refused(call).code == "AccessDenied"


def test_other_services_are_bound_as_well(strict: World) -> None:
    _name, keys = strict.user(policy={})
    denied = refused(strict.aws.client("cloudtrail", keys=keys).lookup_events)
    assert (denied.code, denied.status) == ("AccessDeniedException", 403)


@pytest.mark.parametrize(
    ("condition", "context", "held"),
    [
        ({"StringLike": {"a": "x*"}}, {"a": "xyz"}, True),
        ({"StringLike": {"a": "X*"}}, {"a": "xyz"}, False),
        ({"StringEqualsIgnoreCase": {"a": "XYZ"}}, {"a": "xyz"}, True),
        ({"StringNotEquals": {"a": ["x", "y"]}}, {"a": "y"}, False),
        ({"StringNotEquals": {"a": "x"}}, {}, True),
        ({"StringNotLike": {"a": "x*"}}, {"a": "y"}, True),
        ({"StringEquals": {"a": "${aws:username}"}}, {"a": "bob", "aws:username": "bob"}, True),
        ({"StringEquals": {"a": "${aws:username}"}}, {"a": "bob"}, False),
        ({"StringEquals": {"a": "${*}"}}, {"a": "*"}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}, {"aws:PrincipalArn": "arn:aws:iam::1:user/x"}, True),
        ({"NumericGreaterThan": {"a": "5"}}, {"a": "6"}, True),
        ({"NumericGreaterThanEquals": {"a": "x"}}, {"a": "6"}, False),
        ({"NumericNotEquals": {"a": "6"}}, {"a": "6"}, False),
        ({"DateLessThan": {"a": "2026-01-02T00:00:00Z"}}, {"a": "2026-01-01T00:00:00Z"}, True),
        ({"IpAddress": {"a": "192.0.2.0/24"}}, {"a": "192.0.2.7"}, True),
        ({"NotIpAddress": {"a": "192.0.2.0/24"}}, {"a": "192.0.2.7"}, False),
        ({"Null": {"a": "true"}}, {}, True),
        ({"Null": {"a": "true"}}, {"a": "x"}, False),
        ({"ForAnyValue:StringEquals": {"a": "x"}}, {}, False),
        ({"StringEquals": {"a": "x", "b": "y"}}, {"a": "x", "b": "z"}, False),
    ],
)
def test_conditions(condition: Any, context: dict[str, str], held: bool) -> None:
    assert holds(condition, context) is held


def test_an_operator_that_is_not_known_is_no_silent_yes() -> None:
    with pytest.raises(NotImplementedError, match="binaryequals"):
        holds({"BinaryEquals": {"a": "x"}}, {"a": "x"})


def test_not_resource_and_one_statement_without_a_list() -> None:
    document = json.dumps({"Statement": {"Effect": "Allow", "Action": "iam:*", "NotResource": "arn:x"}})
    assert decide([document], "iam:GetUser", "arn:y", {}) == "allow"
    assert decide([document], "iam:GetUser", "arn:x", {}) == "none"
    assert decide([document], "sts:AssumeRole", "arn:y", {}) == "none"


# --- service control policies ----------------------------------------------------------------------------------------

LIMIT = policy({"Effect": "Deny", "Action": "iam:CreateGroup", "Resource": "*"})


@pytest.mark.parametrize("where", ["root", "unit", "account", "elsewhere", ""])
def test_a_service_control_policy_binds_from_where_it_is_attached(strict: World, where: str) -> None:
    _name, keys = strict.user()
    organizations = strict.aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=ACCOUNT, SourceParentId=root, DestinationParentId=unit)
    for target in (unit, ACCOUNT):
        organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=target)
    other = organizations.create_organizational_unit(ParentId=root, Name="other")["OrganizationalUnit"]["Id"]
    made = organizations.create_policy(
        Name="limit", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(LIMIT)
    )["Policy"]["PolicySummary"]["Id"]
    targets = {"root": root, "unit": unit, "account": ACCOUNT, "elsewhere": other}
    if where:
        organizations.attach_policy(PolicyId=made, TargetId=targets[where])
    iam = strict.iam(keys)
    if where in ("", "elsewhere"):
        iam.create_group(GroupName="made")
        return
    assert "with an explicit deny in a service control policy" in refused(iam.create_group, GroupName="made").message
    strict.iam().create_group(GroupName="made-by-the-operator")


def test_a_role_that_no_service_control_policy_allows_is_refused_in_aws_words(strict: World) -> None:
    name, keys = strict.user(policy=policy(allow("sts:AssumeRole")))
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    role = strict.iam().create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    organizations = strict.aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    only_iam = organizations.create_policy(
        Name="only-iam", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(policy(allow("iam:*")))
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=only_iam, TargetId=root)
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=root)
    call = strict.sts(keys).assume_role
    asked = {"RoleArn": role, "RoleSessionName": "run"}
    head = f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: sts:AssumeRole on resource: {role} "
    implicit = refused(call, **asked).message
    assert implicit == f"{head}because no service control policy allows the sts:AssumeRole action"
    explicit = policy(allow("*"), {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"})
    organizations.update_policy(PolicyId=only_iam, Content=json.dumps(explicit))
    assert refused(call, **asked).message == f"{head}with an explicit deny in a service control policy"
