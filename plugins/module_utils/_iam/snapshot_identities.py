# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, groups, roles and managed policies, out of GetAccountAuthorizationDetails.

Private to this collection.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple, Union

from .account import Group, InlinePolicy, ManagedPolicy, Role, User
from .snapshot_values import Malformed, array, kind_of, mapping, maybe_text, names, refuse_cut, required, text

__all__ = ["LISTS", "Identities", "read_identities"]

LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")

_IAM_ARN = re.compile(r"arn:(aws(?:-[a-z]+)*):iam::([0-9]{12}|aws):[a-z-]+/.+", re.DOTALL)
_AWS_MANAGED = ":iam::aws:"


class Identities(NamedTuple):
    """What the part says.

    ``missing`` are lists that it does not have, ``unlisted`` the account's own policies that somebody carries and that
    it does not have; the owner is "" when it names no account.
    """

    users: Dict[str, User]
    groups: Dict[str, Group]
    roles: Dict[str, Role]
    policies: Dict[str, ManagedPolicy]
    missing: Tuple[str, ...]
    unlisted: Tuple[str, ...]
    account_id: str
    partition: str


class _Carried(NamedTuple):
    """Who carries a managed policy, by the policy's ARN: attached to it, or as its boundary."""

    attached: Dict[str, List[str]]
    bounds: Dict[str, List[str]]


def read_identities(part: Any) -> Identities:
    """Read the part of a snapshot."""
    refuse_cut(mapping(part))
    users = {user.name: user for user in array(part, "UserDetailList", _user)}
    groups = {group.name: group for group in array(part, "GroupDetailList", _group)}
    roles = {role.arn: role for role in array(part, "RoleDetailList", _role)}
    policies = {policy.arn: policy for policy in array(part, "Policies", _managed)}
    carried = _carried(users, groups, roles)
    partition, account_id = _owner([*users.values(), *groups.values(), *roles.values(), *policies.values()])
    return Identities(
        users,
        groups,
        roles,
        {
            arn: policy._replace(
                attachments=tuple(carried.attached.get(arn, ())), bounds=tuple(carried.bounds.get(arn, ()))
            )
            for arn, policy in policies.items()
        },
        tuple(name for name in LISTS if part.get(name) is None),
        tuple(arn for arn in {**carried.attached, **carried.bounds} if arn not in policies and _AWS_MANAGED not in arn),
        account_id,
        partition,
    )


def _user(entry: Any) -> User:
    return User(
        name=text(entry, "UserName"),
        arn=_arn(entry),
        id=maybe_text(entry, "UserId") or "",
        path=maybe_text(entry, "Path") or "/",
        groups=names(entry, "GroupList"),
        inline=array(entry, "UserPolicyList", _inline),
        attached=array(entry, "AttachedManagedPolicies", _attached),
        boundary=_boundary(entry),
        created_at=maybe_text(entry, "CreateDate"),
    )


def _group(entry: Any) -> Group:
    return Group(
        name=text(entry, "GroupName"),
        arn=_arn(entry),
        id=maybe_text(entry, "GroupId") or "",
        path=maybe_text(entry, "Path") or "/",
        inline=array(entry, "GroupPolicyList", _inline),
        attached=array(entry, "AttachedManagedPolicies", _attached),
    )


def _role(entry: Any) -> Role:
    return Role(
        name=text(entry, "RoleName"),
        arn=_arn(entry),
        id=maybe_text(entry, "RoleId") or "",
        trust=required(entry, "AssumeRolePolicyDocument"),
        path=maybe_text(entry, "Path") or "/",
        inline=array(entry, "RolePolicyList", _inline),
        attached=array(entry, "AttachedManagedPolicies", _attached),
        boundary=_boundary(entry),
        created_at=maybe_text(entry, "CreateDate"),
        instance_profiles=array(entry, "InstanceProfileList", _profile),
    )


def _managed(entry: Any) -> ManagedPolicy:
    arn = _arn(entry)
    default = text(entry, "DefaultVersionId")
    versions = dict(array(entry, "PolicyVersionList", _version))
    if default not in versions:
        raise Malformed(f".PolicyVersionList does not have the version in force, {default}")
    return ManagedPolicy(arn, arn.rpartition("/")[2], default, versions)


def _version(entry: Any) -> Tuple[str, Any]:
    return text(entry, "VersionId"), required(entry, "Document")


def _inline(entry: Any) -> InlinePolicy:
    return InlinePolicy(text(entry, "PolicyName"), required(entry, "PolicyDocument"))


def _attached(entry: Any) -> str:
    return text(entry, "PolicyArn")


def _profile(entry: Any) -> str:
    return text(entry, "InstanceProfileName")


def _boundary(entry: Mapping[str, Any]) -> Optional[str]:
    boundary = entry.get("PermissionsBoundary")
    if not boundary:
        return None
    if not isinstance(boundary, dict):
        raise Malformed(f".PermissionsBoundary is {kind_of(boundary)}, an object is needed")
    return text(boundary, "PermissionsBoundaryArn")


def _arn(entry: Any) -> str:
    arn = text(entry, "Arn")
    if not _IAM_ARN.fullmatch(arn):
        raise Malformed(f".Arn is {arn[:100]!r}, the ARN of something in IAM is needed")
    return arn


def _owner(entities: List[Any]) -> Tuple[str, str]:
    owners: Set[Tuple[str, str]] = set()
    for entity in entities:
        _arn_word, partition, _iam, _region, account, _resource = entity.arn.split(":", 5)
        if account != "aws":  # AWS's own policies belong to everybody
            owners.add((partition, account))
    if len(owners) > 1:
        both = " and ".join(account for _partition, account in sorted(owners)[:2])
        raise Malformed(f" mixes several accounts ({both}): a snapshot is of one")
    return owners.pop() if owners else ("", "")


def _carried(users: Dict[str, User], groups: Dict[str, Group], roles: Dict[str, Role]) -> _Carried:
    attached: Dict[str, List[str]] = {}
    bounds: Dict[str, List[str]] = {}
    holders: List[Union[User, Group, Role]] = [*users.values(), *groups.values(), *roles.values()]
    for holder in holders:
        for arn in holder.attached:
            attached.setdefault(arn, []).append(holder.arn)
    principals: List[Union[User, Role]] = [*users.values(), *roles.values()]
    for principal in principals:
        if principal.boundary:
            bounds.setdefault(principal.boundary, []).append(principal.arn)
    return _Carried(attached, bounds)
