# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules D01-D07: the MFA devices themselves, and what was left behind of them.

Private to this collection. Root's hardware tokens and keys are in no list that anybody but root can read; the messages
say so.
"""

from __future__ import annotations

import json
from typing import Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .account import Device, PolicyRef, User
from .context import AuditContext
from .finding import Finding, finding
from .patterns import read_date
from .trail import Refusal, events_of, refusals

__all__ = ["QUOTAS", "check", "oversized", "policy_size", "quota_of"]

_MOST_DEVICES = 8  # of one user
_DAY = 86400.0
_REPEATED = 3  # refused codes of one user within a day; two is a typing error and its repetition
_WRONG_SERIALS = 2
_MANY_USERS = 3
_SHOWN = 5
_ENROLMENTS = frozenset(("CreateVirtualMFADevice", "DeactivateMFADevice"))

#: Characters that IAM takes, without white space, by the family of a policy.
QUOTAS: Mapping[str, int] = {"trust": 2048, "managed": 6144, "boundary": 6144, "scp": 5120, "resource": 20480}
_INLINE = {"user": 2048, "role": 10240, "group": 5120}  # all inline policies of one together


def check(context: AuditContext) -> Iterator[Finding]:
    """Yield the findings of every rule about devices but D07, which oversized() is."""
    for rule, judge in _RULES:
        if context.can_check(rule):
            yield from judge(context)


# --- D01 -------------------------------------------------------------------------------------------------------------


def _root(context: AuditContext) -> Iterator[Finding]:
    account = context.account
    arn = f"arn:{account.partition}:iam::{account.account_id}:root"
    root = account.root
    if root.mfa_enabled is False:
        summary = account.summary
        if summary.get("AccountPasswordPresent") == 0 and summary.get("AccountAccessKeysPresent") == 0:
            return  # the organization manages root: it has nothing to sign in with
        message = (
            "Root has no MFA: whoever has its password has the account. Enrol two hardware tokens or passkeys for "
            "root, or take "
            "root's credentials away through the organization."
        )
        yield _of_account(context, "MFA-D01", arn, message)
    elif root.devices:
        serial = min(root.devices)
        message = (
            f"Root has the virtual device {serial}: its seed lies on a phone or a computer. Whether root has a "
            "hardware token or "
            "passkey besides only root can see. Enrol hardware for root, then take the virtual device away."
        )
        yield _of_account(context, "MFA-D01", arn, message, serial=serial)


def _of_account(
    context: AuditContext,
    rule: str,
    resource: str,
    message: str,
    *,
    serial: Optional[str] = None,
    severity: Optional[str] = None,
    path: str = "",
    document: str = "account",
) -> Finding:
    return finding(
        rule, account=context.account.account_id, resource=resource, document=document, message=message,
        serial=serial, severity=severity, path=path,
    )  # fmt: skip


# --- D02, D04 --------------------------------------------------------------------------------------------------------


def _without_mfa(context: AuditContext) -> Iterator[Finding]:
    demanding = _demanding(context)
    everybody = any(kind.startswith("scp:") for _resource, kind in demanding)
    for user in context.account.users.values():
        if user.has_mfa is not False:
            continue
        if user.password:
            message = (
                f"{user.name} can sign in to the console with a password alone. Have the user enrol a device, or take "
                "the "
                "password away."
            )
            yield _of_account(context, "MFA-D02", user.arn, message)
        elif user.active_keys != 0 and (everybody or _is_asked(context, user, demanding)):
            message = (
                f"{user.name} has no MFA device, but its policies demand MFA: its access keys cannot do what needs it. "
                "Enrol a "
                "device for the user, or give a machine a role instead of keys."
            )
            yield _of_account(context, "MFA-D02", user.arn, message, severity="medium")


def _demanding(context: AuditContext) -> FrozenSet[Tuple[str, str]]:
    """Return the policies with an MFA condition, by resource and kind."""
    return frozenset(
        (ref.resource, ref.kind)
        for distinct in context.documents
        if distinct.document.has_mfa
        for ref in distinct.places
        if ref.family in ("inline", "managed", "boundary", "scp")
    )


def _is_asked(context: AuditContext, user: User, demanding: FrozenSet[Tuple[str, str]]) -> bool:
    refs: List[PolicyRef] = list(context.account.user_policies(user))
    boundary = context.account.boundary_policy(user)
    if boundary is not None:
        refs.append(boundary)
    return any((ref.resource, ref.kind) in demanding for ref in refs)


def _spare(context: AuditContext) -> Iterator[Finding]:
    devices = context.account.devices
    for user in context.account.users.values():
        for serial in user.devices:
            if devices[serial].kind == "sms":
                message = (
                    f"{user.name} gets codes by text message, which others can intercept, and which AWS no longer "
                    "offers. Enrol a "
                    "virtual device or a passkey, then take this one away."
                )
                yield _of_account(context, "MFA-D04", user.arn, message, serial=serial, severity="high")
        if len(user.devices) == 1 and user.devices_complete:
            message = (
                f"{user.name} has one device: when it is lost or drifts, only an administrator can help. Enrol a "
                "second one "
                f"(up to {_MOST_DEVICES} are allowed)."
            )
            yield _of_account(context, "MFA-D04", user.arn, message, serial=user.devices[0])
        elif len(user.devices) >= _MOST_DEVICES:
            message = (
                f"{user.name} has {len(user.devices)} devices, all that IAM allows: a broken one cannot be replaced "
                "before "
                "another is taken away. Take away those that are no longer used."
            )
            yield _of_account(context, "MFA-D04", user.arn, message)


# --- D03 -------------------------------------------------------------------------------------------------------------


def _unassigned(context: AuditContext) -> Iterator[Finding]:
    limit, now = context.options.unassigned_after_days, context.options.now
    since: Optional[Dict[str, float]] = None
    for device in context.account.devices.values():
        if device.user is not None or device.kind != "virtual":
            continue
        if since is None:
            since = _free_since(context)
        start = _start(device, since)
        if start is not None and now is not None:
            days = int((now - start) // _DAY)
            if days > limit:
                message = (
                    f"The device has been assigned to nobody for {days} days (limit {limit}). Its seed may still lie "
                    "somewhere, and "
                    "its name is taken. Delete it, or enable it for its user."
                )
                yield _of_account(context, "MFA-D03", device.serial, message, serial=device.serial)
        else:
            message = (
                "The device is assigned to nobody, for how long is unknown: IAM does not say when a device was made, "
                "and the trail "
                "given does not show it. Delete it, unless somebody is enrolling it at the moment."
            )
            yield _of_account(context, "MFA-D03", device.serial, message, serial=device.serial, severity="low")


def _start(device: Device, since: Mapping[str, float]) -> Optional[float]:
    known = [since[device.serial]] if device.serial in since else []
    # The date is when it was enabled last, and so at latest the beginning of its being free.
    enabled = read_date(device.enabled_at) if device.enabled_at else None
    if enabled is not None and enabled > 0:
        known.append(enabled)
    return max(known, default=None)


def _free_since(context: AuditContext) -> Dict[str, float]:
    """Return when the trail last shows each device made or taken from its user."""
    since: Dict[str, float] = {}
    for record in events_of(context):
        if record.get("eventName") not in _ENROLMENTS or record.get("errorCode"):
            continue
        seconds = read_date(str(record.get("eventTime", "")))
        serial = _made(record.get("responseElements")) or _named(record.get("requestParameters"))
        if serial and seconds is not None:
            since[serial] = max(seconds, since.get(serial, seconds))
    return since


def _made(response: object) -> str:
    return _named(response.get("virtualMFADevice")) if isinstance(response, Mapping) else ""


def _named(holder: object) -> str:
    serial = holder.get("serialNumber") if isinstance(holder, Mapping) else None
    return serial if isinstance(serial, str) else ""


# --- D05 -------------------------------------------------------------------------------------------------------------


class _Series(NamedTuple):
    """The refusals of one principal that are close enough together."""

    user: str
    principal: str
    refused: Tuple[Refusal, ...]


def _refused(context: AuditContext) -> Iterator[Finding]:
    found = list(refusals(events_of(context)))
    codes = _series([one for one in found if one.kind == "code"], _REPEATED)
    if len(codes) >= _MANY_USERS:
        yield _many(context, codes)
    else:
        for one in codes:
            message = (
                f"{len(one.refused)} codes of {one.user} were refused within a day, the last at "
                f"{one.refused[-1].time}: the "
                "device's clock is probably off. Compare the clock of the host that makes the codes with true time, "
                "then "
                "resynchronise the device with two consecutive codes."
            )
            yield _refusal(context, one, message)
    for one in _series([one for one in found if one.kind == "serial"], _WRONG_SERIALS):
        message = (
            f"IAM could not validate codes of {one.user} {len(one.refused)} times within a day, the last at "
            f"{one.refused[-1].time}: the serial that the caller names is not a device of this user. The codes are not "
            "the "
            "fault; correct mfa_serial."
        )
        yield _refusal(context, one, message)


def _series(found: Sequence[Refusal], needed: int) -> List[_Series]:
    """Return, for each principal with so many refusals within a day, the longest such run."""
    by_principal: Dict[Tuple[str, str], List[Refusal]] = {}
    for one in found:
        by_principal.setdefault((one.principal, one.user), []).append(one)
    series = []
    for (principal, user), same in sorted(by_principal.items()):
        same.sort(key=lambda one: one.seconds)
        start, best = 0, (0, 0)
        for end, one in enumerate(same):
            while one.seconds - same[start].seconds > _DAY:
                start += 1
            best = max(best, (end - start + 1, end))
        count, end = best
        if count >= needed:
            series.append(_Series(user, principal, tuple(same[end - count + 1 : end + 1])))
    return series


def _refusal(context: AuditContext, one: _Series, message: str) -> Finding:
    serials = {refused.serial.text for refused in one.refused if refused.serial is not None and refused.serial.is_arn}
    serial = serials.pop() if len(serials) == 1 else None
    return _of_account(context, "MFA-D05", one.principal, message, serial=serial, document="trail", path="errorMessage")


def _many(context: AuditContext, series: List[_Series]) -> Finding:
    users = [one.user for one in series]
    shown = ", ".join(users[:_SHOWN]) + (", ..." if len(users) > _SHOWN else "")
    sources = {refused.source for one in series for refused in one.refused if refused.source}
    if len(sources) == 1:
        cause = f"all from {sources.pop()}: the clock of that host is probably off. Measure and correct it."
    else:
        cause = (
            f"from {len(sources)} addresses: one device's drift does not explain that. Compare the clocks of the "
            "hosts, and look "
            "for a policy that has begun to demand MFA."
        )
    arn = f"arn:{context.account.partition}:iam::{context.account.account_id}:root"
    message = f"Codes of {len(users)} users ({shown}) were refused again and again within a day, {cause}"
    return _of_account(context, "MFA-D05", arn, message, document="trail", path="errorMessage")


# --- D06 -------------------------------------------------------------------------------------------------------------


def _seeds(context: AuditContext) -> Iterator[Finding]:
    for file in context.options.files:
        for secret in file.secrets:
            message = (
                f"Here lies {secret.what}: whoever reads the file can make this device's codes. Replace the device "
                "(its seed is "
                "known from now on), then remove the seed from the file, its backups and its history."
            )
            yield _of_account(
                context, "MFA-D06", f"{file.path}:{secret.line}", message,
                document=f"resource:{secret.address}" if secret.address else "account", path=secret.attribute,
            )  # fmt: skip


# --- D07 -------------------------------------------------------------------------------------------------------------


def policy_size(document: object) -> int:
    """Count a policy's characters as IAM does: without white space between its parts."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def quota_of(found: Finding) -> Optional[int]:
    """Return the default quota of the policy that a finding is about; None where it is no policy of an account."""
    family = found.document.partition(":")[0]
    if family == "inline":
        return next((quota for kind, quota in _INLINE.items() if f":{kind}/" in found.resource), None)
    return QUOTAS.get(family)


def oversized(found: Finding, quota: Optional[int] = None) -> Optional[Finding]:
    """Return the finding that a finding's fix is too big to be saved, or None."""
    limit = quota_of(found) if quota is None else quota
    if found.fix is None or limit is None:
        return None
    size = policy_size(found.fix.document)
    if size <= limit:
        return None
    family = found.document.partition(":")[0]
    more = " or have the quota raised (up to 4096)" if family == "trust" and size <= 4096 else ""
    message = (
        f"The correction for {found.rule} has {size} characters, {size - limit} more than the quota of {limit}: IAM "
        "would refuse "
        f"it. Shorten the policy (merge statements, drop Sids, use wildcards){more}, then apply the correction."
    )
    return finding(
        "MFA-D07", account=found.account, resource=found.resource, document=found.document, statement=found.statement,
        path=found.path, serial=found.serial, message=message,
    )  # fmt: skip


_RULES = (
    ("MFA-D01", _root),
    ("MFA-D02", _without_mfa),
    ("MFA-D03", _unassigned),
    ("MFA-D04", _spare),
    ("MFA-D05", _refused),
    ("MFA-D06", _seeds),
)
