"""Who may do what: identity and service control policies where they bind, trust policies always."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import Role

from .identity import Caller
from .organization import bound_by
from .policy import decide, holds, matches_action, statements
from .state import ACCOUNT, State
from .wire import ApiError, Asked

_ROOT = f"arn:aws:iam::{ACCOUNT}:root"
# No policy has a say in these.
_FREE = ("sts:GetCallerIdentity", "sts:GetSessionToken", "sts:AssumeRole")
_BY_SERIAL = ("DeleteVirtualMFADevice", "TagMFADevice", "UntagMFADevice", "ListMFADeviceTags")


class Authority:
    """Decides with the policies that the account has at the moment."""

    def __init__(self, state: State) -> None:
        self._state = state

    def check(self, asked: Asked, caller: Caller) -> None:
        """Refuse what the caller's identity policies do not allow, where policies are enforced."""
        if not self._binds(caller) or asked.api in _FREE:
            return
        resource = self.resource(asked, caller)
        for action in (asked.api, *_also(asked)):
            decision = self._decide(action, resource, caller, asked)
            if decision != "allow":
                raise self._denied(asked, caller, resource, decision, action)
            limit = bound_by(action, resource, self.context(caller, asked), caller.principal_arn)
            if limit != "allow":
                raise self._denied(asked, caller, resource, limit, action, "a service control policy")

    def check_assume(self, asked: Asked, caller: Caller, arn: str, more: dict[str, str]) -> Role:
        """Return the role, or refuse it where its trust policy or the caller's policies do not give it."""
        denied = ApiError(
            "AccessDenied", f"User: {caller.arn} is not authorized to perform: {asked.api} on resource: {arn}"
        )
        role = next((role for role in self._state.iam.roles.values() if role.arn == arn), None)
        if role is None:
            raise denied
        context = {**self.context(caller, asked), **more}
        limit = bound_by("sts:AssumeRole", arn, context, caller.principal_arn) if self._binds(caller) else "allow"
        if limit != "allow":
            raise self._denied(asked, caller, arn, limit, asked.api, "a service control policy")
        trusts = [
            (statement["Effect"], _trusted(statement.get("Principal", {}), caller))
            for statement in statements(role.assume_role_policy_document)
            if matches_action(statement, "sts:AssumeRole") and holds(statement.get("Condition", {}), context)
        ]
        by_policy = self._decide("sts:AssumeRole", arn, caller, asked, more) if self._binds(caller) else "allow"
        if by_policy == "deny" or any(effect == "Deny" and how for effect, how in trusts):
            raise denied
        # Who is named in person needs no policy of their own; who comes through the account does.
        ways = {how for effect, how in trusts if effect == "Allow"}
        if "person" not in ways and not ("account" in ways and by_policy == "allow"):
            raise denied
        return role

    def context(self, caller: Caller, asked: Asked) -> dict[str, str]:
        """Return the keys of a request. A role's session brings no MFA keys, as documented."""
        now = self._state.true_time()
        context = {
            "aws:CurrentTime": datetime.fromtimestamp(now, tz=UTC).isoformat(),
            "aws:EpochTime": str(int(now)),
            "aws:PrincipalAccount": ACCOUNT,
            "aws:PrincipalArn": caller.principal_arn,
            "aws:PrincipalType": "AssumedRole" if caller.kind == "role" else "User",
            "aws:RequestedRegion": asked.region,
            "aws:SecureTransport": "true",
            "aws:SourceIp": asked.source,
            "aws:userid": caller.user_id,
            "aws:ViaAWSService": "false",
        }
        if "PolicyArn" in asked.parameters:
            context["iam:PolicyARN"] = asked.parameters["PolicyArn"]
        if caller.since:
            context["aws:TokenIssueTime"] = datetime.fromtimestamp(caller.since, tz=UTC).isoformat()
        if caller.kind != "role":
            context["aws:username"] = caller.name
            if caller.mfa_at is not None:
                context["aws:MultiFactorAuthPresent"] = "true"
                context["aws:MultiFactorAuthAge"] = str(int(now - caller.mfa_at))
            elif not caller.long_term:
                context["aws:MultiFactorAuthPresent"] = "false"
        return context

    def resource(self, asked: Asked, caller: Caller) -> str:
        """Return what an action of IAM or of a topic is on; "*" for other services."""
        given = asked.parameters
        if asked.service == "iam":
            if asked.operation == "CreateVirtualMFADevice":
                return f"arn:aws:iam::{ACCOUNT}:mfa{given.get('Path') or '/'}{given.get('VirtualMFADeviceName', '')}"
            if asked.operation in _BY_SERIAL:
                return str(given.get("SerialNumber", "*"))
            return self._entity(asked, caller)
        return _topic(asked) if asked.service == "sns" else "*"

    def managed(self, policy: Any) -> str:
        """Return the text of a managed policy's default version."""
        return next(str(version.document) for version in policy.versions if version.is_default)

    def _entity(self, asked: Asked, caller: Caller) -> str:
        given, iam = asked.parameters, self._state.iam
        name = given.get("UserName") or (caller.user if asked.operation in _SELF else "")
        if name:
            user = iam.users.get(name)
            return user.arn if user else f"arn:aws:iam::{ACCOUNT}:user/{name}"
        if role_name := given.get("RoleName"):
            role = next((role for role in iam.roles.values() if role.name == role_name), None)
            return role.arn if role else f"arn:aws:iam::{ACCOUNT}:role/{role_name}"
        if group_name := given.get("GroupName"):
            group = iam.groups.get(group_name)
            return str(group.arn) if group else f"arn:aws:iam::{ACCOUNT}:group/{group_name}"
        if asked.operation == "CreatePolicy":
            return f"arn:aws:iam::{ACCOUNT}:policy{given.get('Path') or '/'}{given.get('PolicyName', '')}"
        return str(given.get("PolicyArn") or "*")

    def _binds(self, caller: Caller) -> bool:
        return self._state.rules.enforce and caller.kind != "operator"

    def _decide(
        self, action: str, resource: str, caller: Caller, asked: Asked, more: dict[str, str] | None = None
    ) -> str:
        context = {**self.context(caller, asked), **(more or {})}
        decision = decide(self._documents(caller), action, resource, context)
        for policy in caller.policies:
            limit = decide([policy], action, resource, context)
            decision = limit if limit == "deny" or (limit == "none" and decision == "allow") else decision
        return decision

    def _documents(self, caller: Caller) -> list[str]:
        if caller.kind == "role":
            role = next((role for role in self._state.iam.roles.values() if role.arn == caller.principal_arn), None)
            return list(self._of([role] if role else []))
        groups = self._state.iam.get_groups_for_user(caller.name)
        return list(self._of([self._state.iam.users[caller.name], *groups]))

    def _of(self, holders: Iterable[Any]) -> Iterable[str]:
        for holder in holders:
            yield from holder.policies.values()
            yield from (self.managed(policy) for policy in holder.managed_policies.values())

    def _denied(
        self,
        asked: Asked,
        caller: Caller,
        resource: str,
        decision: str,
        action: str,
        by: str = "an identity-based policy",
    ) -> ApiError:
        shown = resource.replace(f"arn:aws:iam::{ACCOUNT}:user/", "user ") if ":user/" in resource else resource
        why = (
            f"with an explicit deny in {by}"
            if decision == "deny"
            else f"because no {by.partition(' ')[2]} allows the {action} action"
        )
        code = "AccessDenied" if asked.service in ("iam", "sts") else "AccessDeniedException"
        message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {shown} {why}"
        return ApiError(code, message, 403)


def _topic(asked: Asked) -> str:
    given = asked.parameters
    if asked.operation == "CreateTopic":
        return f"arn:aws:sns:{asked.region}:{ACCOUNT}:{given.get('Name')}"
    # A subscription's ARN is its topic's, and one part more.
    of_subscription = str(given.get("SubscriptionArn", "")).rpartition(":")[0]
    return str(given.get("TopicArn") or given.get("ResourceArn") or of_subscription or "*")


# Calls that are about the caller when they name no user.
_SELF = (
    "ChangePassword",
    "CreateAccessKey",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "GetLoginProfile",
    "GetMFADevice",
    "GetUser",
    "ListAccessKeys",
    "ListMFADevices",
    "ListSigningCertificates",
    "ListSSHPublicKeys",
    "UpdateAccessKey",
)


def _also(asked: Asked) -> tuple[str, ...]:
    """Return what a call needs beside its own action: tags at creation are tagging.

    Public for users and roles; that it holds for MFA devices is taken for granted here.
    """
    tagged = any(name.startswith("Tags.") for name in asked.parameters)
    return ("iam:TagMFADevice",) if asked.api == "iam:CreateVirtualMFADevice" and tagged else ()


def _trusted(principal: Any, caller: Caller) -> str:
    """Say how a Principal means the caller: person, account, or "" for not at all."""
    named = principal if principal == "*" else principal.get("AWS", [])
    ways = {_names_caller(name, caller) for name in ([named] if isinstance(named, str) else named)}
    return "person" if "person" in ways else "account" if "account" in ways else ""


def _names_caller(name: str, caller: Caller) -> str:
    if name in (caller.arn, caller.principal_arn, "*") or name == caller.user_id.partition(":")[0]:
        return "person"
    return "account" if name in (_ROOT, ACCOUNT) else ""
