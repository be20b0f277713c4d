"""Small accounts with MFA devices, and the findings of one family of rules over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    CoverageGap,
    Device,
    InlinePolicy,
    ManagedPolicy,
    OrganizationPolicy,
    Role,
    User,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import (
    AuditContext,
    AuditOptions,
    HostSerial,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial

ACCOUNT = "123456789012"
OTHER = "210987654321"
Check = Callable[[AuditContext], Iterator[Finding]]


def arn(rest: str, account: str = ACCOUNT, partition: str = "aws") -> str:
    return f"arn:{partition}:iam::{account}:{rest}"


def mfa(name: str) -> str:
    return arn(f"mfa/{name}")


def device(serial: str, user: str | None = None, enabled_at: str | None = None) -> Device:
    return Device(serial, parse_serial(serial).kind, user, enabled_at)


def account(
    *,
    devices: Iterable[Device] = (),
    users: Mapping[str, Any] | Iterable[str] = (),
    roles: Iterable[Role] = (),
    policies: Iterable[ManagedPolicy] = (),
    scps: Iterable[Any] = (),
    gaps: Iterable[CoverageGap] = (),
    **more: Any,
) -> Account:
    """Return an account; users are names, or names with fields of User, and hold the devices that are theirs."""
    devices = tuple(devices)
    fields = users if isinstance(users, Mapping) else {name: {} for name in users}
    made = {}
    for name, given in fields.items():
        held = tuple(one.serial for one in devices if one.user == name)
        made[name] = User(
            name, arn(f"user/{name}"), f"AIDA{name.upper()}", **{"devices": held, "devices_complete": True, **given}
        )
    return Account(
        ACCOUNT,
        users=made,
        roles={role.arn: role for role in roles},
        policies={policy.arn: policy for policy in policies},
        devices={one.serial: one for one in devices},
        organization_policies=tuple(OrganizationPolicy(f"p-{at}", f"scp{at}", text) for at, text in enumerate(scps)),
        gaps=tuple(gaps),
        **more,
    )


def role(name: str, trust: Any, **fields: Any) -> Role:
    return Role(name, arn(f"role/{name}"), f"AROA{name.upper()}", trust, **fields)


def managed(name: str, text: Any, attachments: Iterable[str] = ()) -> ManagedPolicy:
    return ManagedPolicy(arn(f"policy/{name}"), name, "v1", {"v1": text}, tuple(attachments))


def inline(text: Any, name: str = "p") -> tuple[InlinePolicy, ...]:
    return (InlinePolicy(name, text),)


def allow(action: Any, resource: Any = None, **elements: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, **elements}
    return statement if resource is None else {**statement, "Resource": resource}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(condition: Any = None, principal: Any = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal or {"AWS": arn("root")}, "Action": "sts:AssumeRole"}
    return policy({**statement, "Condition": condition} if condition else statement)


def profile(serial: str, **fields: Any) -> HostSerial:
    return HostSerial(**{"host": "web1", "serial": serial, "where": "/home/x/.aws/config", "profile": "prod", **fields})


def findings(check: Check, known: Account, rule: str = "", **options: Any) -> list[Finding]:
    found = list(check(AuditContext(known, AuditOptions(**options))))
    return [one for one in found if one.rule == rule] if rule else found


def rules(check: Check, known: Account, **options: Any) -> set[str]:
    return {one.rule for one in findings(check, known, **options)}
