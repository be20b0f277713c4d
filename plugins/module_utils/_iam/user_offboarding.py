# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a user's MFA devices, and of every place that names them, when the devices go.

Private to this collection. The repairs are the audit's own: it runs over the account as it will be without the
devices, and what it finds in a statement that names the user, with the correction that it can prove, goes with the
reference. Everything else is left to people, with a sentence on what to decide.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .account import Account, Device
from .audit import audit
from .catalogue import AUTHORIZATION, DEVICES, VIRTUAL
from .context import AuditContext, AuditOptions
from .finding import Finding, to_dict
from .serial import Serial, parse_serial
from .user_references import SERIAL, UNIQUE_ID, UserReference

__all__ = ["DELETE", "NOTHING", "DevicePlan", "described", "plan_devices", "remediation", "repairs_of"]

DELETE = "delete"
DEACTIVATE = "deactivate"
NOTHING = "none"


class DevicePlan(NamedTuple):
    """One device: delete (a virtual one, deactivated first), deactivate (any other), or none, and why."""

    serial: str
    kind: str
    assigned_to: str  # "" for nobody, or where it is not known
    action: str
    reason: str


def plan_devices(context: AuditContext, user: str, serials: Iterable[str]) -> Tuple[DevicePlan, ...]:
    """Say what to do with the user's devices, and with others of which only the serial is known."""
    held = [device for device in context.account.devices.values() if device.user == user]
    plans = [_held(device) for device in held]
    own = {device.serial for device in held}
    plans += [_given(context, user, serial) for serial in dict.fromkeys(serials) if serial not in own]
    return tuple(sorted(plans))


def _held(device: Device) -> DevicePlan:
    holder = device.user or ""
    if device.kind == "virtual":
        return DevicePlan(device.serial, device.kind, holder, DELETE, "the user holds it")
    return DevicePlan(
        device.serial, device.kind, holder, DEACTIVATE, "the user holds it; only virtual devices can be deleted"
    )


def _given(context: AuditContext, user: str, text: str) -> DevicePlan:
    serial, account = parse_serial(text), context.account
    device = account.devices.get(text)
    if device is not None and device.user is not None:
        reason = f"it is {device.user}'s by now: whoever gave it to {device.user} wants it there"
        return DevicePlan(text, device.kind, device.user, NOTHING, reason)
    if serial.is_arn and (serial.account, serial.partition) != (account.account_id, account.partition):
        return DevicePlan(text, serial.kind, "", NOTHING, f"it is of account {serial.account}, not of this one")
    if device is None:
        return DevicePlan(text, serial.kind, "", NOTHING, _absent(context, serial, user))
    if device.kind != "virtual":
        return DevicePlan(text, device.kind, "", NOTHING, "only virtual devices of users can be deleted")
    if user not in account.users and context.has(AUTHORIZATION):
        # iam_mfa_device works on users.
        reason = "it is nobody's, and its user is gone: delete it by hand (aws iam delete-virtual-mfa-device)"
        return DevicePlan(text, device.kind, "", NOTHING, reason)
    return DevicePlan(text, device.kind, "", DELETE, "it was the user's, and is assigned to nobody")


def _absent(context: AuditContext, serial: Serial, user: str) -> str:
    part = VIRTUAL if serial.kind in ("virtual", "root") else DEVICES
    if any(gap.part == part and gap.api for gap in context.gaps):
        return "whether it still exists is unknown: the devices could not be listed"
    return "it is gone" if part == VIRTUAL else f"{user} does not hold it any more"


# --- repairs ---------------------------------------------------------------------------------------------------------


def repairs_of(
    account: Account, options: AuditOptions, plans: Sequence[DevicePlan], references: Sequence[UserReference]
) -> Mapping[UserReference, Tuple[Finding, ...]]:
    """Audit the account as it will be without the devices, and give each reference the findings at its statement."""
    going = frozenset(plan.serial for plan in plans if plan.action != NOTHING)
    found: Dict[Tuple[Any, ...], List[Finding]] = {}
    # What CloudTrail shows of devices that are there today is no fault of the account's.
    after = _without(account, going)._replace(trail_events=())
    for finding in audit(after, options._replace(trail_events=())).findings:
        found.setdefault((finding.resource, finding.document, str(finding.statement)), []).append(finding)
    return {one: _at(found, one) for one in references}


def _at(found: Mapping[Tuple[Any, ...], List[Finding]], reference: UserReference) -> Tuple[Finding, ...]:
    spot = reference.spot
    here = found.get((spot.resource, spot.document, str(spot.statement)), ())
    return tuple(one for one in here if one.fix is not None or one.path == spot.path or one.serial == reference.value)


def _without(account: Account, serials: Iterable[str]) -> Account:
    gone = frozenset(serials)
    users = {
        name: user._replace(devices=tuple(one for one in user.devices if one not in gone))
        for name, user in account.users.items()
    }
    devices = {serial: device for serial, device in account.devices.items() if serial not in gone}
    return account._replace(users=users, devices=devices)


def remediation(repairs: Mapping[UserReference, Tuple[Finding, ...]]) -> Dict[str, List[str]]:
    """Say which roles and rules to give to iam_remediate: it corrects trust policies."""
    fixable = [
        finding
        for findings in repairs.values()
        for finding in findings
        if finding.fix is not None and finding.document == "trust"
    ]
    return {
        "roles": sorted({finding.resource for finding in fixable}),
        "rules": sorted({finding.rule for finding in fixable}),
    }


def described(reference: UserReference, findings: Sequence[Finding]) -> Dict[str, Any]:
    """Return a reference with its repair, as plain values."""
    spot = reference.spot
    return {
        "kind": reference.kind,
        "value": reference.value,
        "exact": reference.exact,
        "in_force": reference.in_force,
        "resource": spot.resource,
        "document": spot.document,
        "statement": spot.statement,
        "path": spot.path,
        "advice": _advice(reference, findings),
        "findings": [_brief(finding) for finding in findings],
    }


def _brief(finding: Finding) -> Dict[str, Any]:
    return {key: to_dict(finding)[key] for key in ("rule", "severity", "path", "message", "fix")}


def _advice(reference: UserReference, findings: Sequence[Finding]) -> str:
    if not reference.in_force:
        return "This version of the policy is not in force: delete it, so that nobody makes it the default again."
    if not reference.exact:
        return f"Its wildcard means {reference.value} too. Take it out if nobody else needs the statement."
    rules = ", ".join(finding.rule for finding in findings if finding.fix is not None)
    if reference.kind != SERIAL:
        # Corrections are of conditions on MFA: who is let in stays.
        return _user_advice(reference) + (
            f" The correction of the statement ({rules}) leaves this as it is." if rules else ""
        )
    if rules:
        where = "iam_remediate applies it" if reference.spot.document == "trust" else "the policy's owner applies it"
        return f"There is a proven correction ({rules}): {where}."
    return _serial_advice(reference)


def _user_advice(reference: UserReference) -> str:
    if reference.kind == UNIQUE_ID:
        return "This id is never given out again: once the user is deleted the entry means nobody. Take it out."
    return (
        "It names the user, who keeps this right until the user itself is deleted; a trust policy then shows its id "
        "(AIDA...), and a user made anew under the name does not get in. Take it out, or name who comes after."
    )


def _serial_advice(reference: UserReference) -> str:
    document = reference.spot.document
    if document.startswith("profile:"):
        return "Take the serial out of this profile: with the device gone every call that uses it fails."
    if document.startswith("code"):
        return "Take the serial out of the code, or the next run of it asks for a device that is gone."
    return "Take the serial out of the statement, or name the device of whoever comes after."
