# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules S01-S08, S13 and S14: whether what a serial names exists, and whose it is.

Private to this collection. Each serial is judged once, whatever the number of places that name it. What cannot be
known (the devices of another account, of a user who was not listed) is never called stale.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from .account import ROOT_USER, Role
from .catalogue import DEVICES
from .condition import Truth, statement_applies
from .context import AuditContext, Place
from .document import Document, Statement
from .finding import Finding, finding
from .near import NearIndex, Suggestion
from .patterns import action_matches
from .references import CONDITION, PRINCIPAL, SETTING, Reference, find_references, profile_place
from .rules_resource import check_resources
from .serial import Serial
from .trail import is_own_device, lost_uses
from .worlds import ASSUME_ROLE_WITH_MFA, LONG_TERM_KEY, SESSION_WITHOUT_MFA, World

__all__ = ["check", "requires_mfa"]

_DIFFERS = {
    "case": "only upper and lower case differ",
    "path": "the name is the same, the path differs",
    "spelling": "the spelling differs a little",
    "renamed": "the user that the reference is about holds it now",
}
_KIND_NAMES = {"hardware": "hardware token", "fido": "FIDO key", "sms": "SMS device"}


def check(context: AuditContext) -> Iterator[Finding]:
    """Yield the findings of every rule about serials."""
    judge = _Judge(context)
    seen = set()
    for reference in find_references(context):
        key = (reference.serial.text, reference.spot)
        if key not in seen:
            seen.add(key)
            yield from judge.findings(reference)
    yield from check_resources(context)
    if context.can_check("MFA-S13"):
        yield from _profiles_without_serial(context)
    if context.can_check("MFA-S14"):
        yield from _unknown_in_trail(context, judge)


class _Verdict(NamedTuple):
    """What is wrong with a serial, wherever it stands."""

    rule: str
    message: str
    severity: Optional[str] = None


class _Judge:
    """Judges serials against what is known of devices."""

    def __init__(self, context: AuditContext) -> None:
        self._context = context
        self._account = context.account
        self._known: Dict[str, Tuple[_Verdict, ...]] = {}
        self.all_listed = all(gap.part != DEVICES for gap in context.gaps)
        self._index: Optional[NearIndex] = None
        self._near: Dict[Tuple[str, FrozenSet[str]], Tuple[Suggestion, ...]] = {}

    def findings(self, reference: Reference) -> Iterator[Finding]:
        """Yield what is wrong with one reference."""
        serial, setting = reference.serial, reference.use == SETTING
        if reference.use == PRINCIPAL:
            return  # S12: no device matches there, whether it exists or not
        for verdict in self._verdicts(serial):
            yield self._finding(reference, verdict)
            if verdict.rule in ("MFA-S01", "MFA-S02") and self._context.can_check("MFA-S05"):
                yield from self._near_misses(reference)
        if setting and reference.host and serial.kind == "fido":
            message = (
                f"{reference.text} is a FIDO key: the AWS CLI and STS take six-digit codes only, which it does not "
                "give. "
                "Enrol a virtual or hardware device for the user and name that one in mfa_serial."
            )
            yield self._finding(reference, _Verdict("MFA-S08", message))
        yield from self._other_user(reference)

    def _finding(self, reference: Reference, verdict: _Verdict) -> Finding:
        spot = reference.spot
        return finding(
            verdict.rule,
            account=self._account.account_id,
            resource=spot.resource,
            document=spot.document,
            statement=spot.statement,
            path=spot.path,
            serial=reference.text or None,
            severity=verdict.severity,
            message=verdict.message,
        )

    # --- does it exist? ----------------------------------------------------------------------------------------------

    def _verdicts(self, serial: Serial) -> Tuple[_Verdict, ...]:
        verdicts = self._known.get(serial.text)
        if verdicts is None:
            verdicts = tuple(one for one in self._judged(serial) if self._context.can_check(one.rule))
            self._known[serial.text] = verdicts
        return verdicts

    def _judged(self, serial: Serial) -> Iterator[_Verdict]:
        if serial.kind in ("user", "malformed"):
            yield _no_serial(serial)
        elif serial.is_arn and not self.is_own(serial):
            yield from self._foreign(serial)
        elif serial.text not in self._account.devices:
            yield from self._missing(serial)
        elif self._account.devices[serial.text].user is None and serial.kind == "virtual":
            message = (
                f"{serial.text} exists but is assigned to no user: nobody can authenticate with it. Enable it for the "
                "user "
                "whom it is meant for, or name that user's own device."
            )
            yield _Verdict("MFA-S03", message)

    def is_own(self, serial: Serial) -> bool:
        """Return whether the device would be one of this account."""
        return (serial.account, serial.partition) == (self._account.account_id, self._account.partition)

    def _foreign(self, serial: Serial) -> Iterator[_Verdict]:
        inventory = self._context.options.inventories.get(serial.account)
        if serial.account == self._account.account_id:
            message = (
                f"{serial.text} is of partition {serial.partition}, the account of {self._account.partition}: whether "
                "the "
                "device exists is unknown. Partitions share nothing: write the partition of the account."
            )
            yield _Verdict("MFA-S06", message)
        elif inventory is None:
            trusted = serial.account in self._context.options.trusted_accounts
            message = (
                f"{serial.text} is of account {serial.account}: whether the device exists is unknown. Give that "
                "account's "
                "inventory to the audit, or audit it there."
            )
            yield _Verdict("MFA-S06", message, "info" if trusted else None)
        elif serial.text not in inventory:
            message = (
                f"{serial.text} is not among the MFA devices of account {serial.account}: it was deleted, or never "
                "was. "
                "Name a device that exists there."
            )
            yield _Verdict("MFA-S01", message)

    def _missing(self, serial: Serial) -> Iterator[_Verdict]:
        if serial.kind in ("virtual", "root"):
            message = (
                f"{serial.text} is not among the MFA devices of account {self._account.account_id}: it was deleted, or "
                "never "
                "was. Codes for it are refused. Name the device that replaced it, or take the reference out."
            )
            yield _Verdict("MFA-S01", message)
            return
        if serial.kind == "fido" and not serial.owner:
            return  # a key of root's: only root can list those
        if not self.all_listed:
            return  # one of the users who were not listed may hold it
        named = _KIND_NAMES[serial.kind]
        roots = ""
        if serial.kind == "hardware" and self._account.root.mfa_enabled is not False:
            roots = " (if it is root's, only root can see that)"
        message = (
            f"No user of account {self._account.account_id} holds this {named} any more{roots}. "
            "Name a device that its user holds, or take the reference out."
        )
        yield _Verdict("MFA-S02", message)

    # --- which one was meant? ----------------------------------------------------------------------------------------

    def near(self, serial: Serial, subjects: FrozenSet[str]) -> Tuple[Suggestion, ...]:
        """Return the devices that were probably meant."""
        if self._index is None:
            self._index = NearIndex(self._account.devices, self._account.users)
        key = (serial.text, subjects)
        if key not in self._near:
            self._near[key] = self._index.suggest(serial, sorted(subjects))
        return self._near[key]

    def _near_misses(self, reference: Reference) -> Iterator[Finding]:
        if reference.serial.is_arn and not self.is_own(reference.serial):
            return
        near = self.near(reference.serial, reference.subjects)
        if near:
            meant = " or ".join(one.serial for one in near)
            message = f"Probably {meant} is meant: {_DIFFERS[near[0].differs]}. If so, write that serial here."
            yield self._finding(reference, _Verdict("MFA-S05", message))

    # --- whose is it? ------------------------------------------------------------------------------------------------

    def _other_user(self, reference: Reference) -> Iterator[Finding]:
        device = self._account.devices.get(reference.serial.text)
        subjects = reference.subjects
        if device is None or device.user is None or not subjects or device.user in subjects:
            return
        if reference.use == CONDITION or not self._context.can_check("MFA-S04"):
            return
        holder = "root" if device.user == ROOT_USER else f"user {device.user}"
        about = ", ".join(sorted(subjects))
        held = sorted({serial for name in subjects for serial in self._devices_of(name)})
        instead = f"Name {' or '.join(held[:3])} instead." if held else f"{about} holds no device: enrol one."
        message = (
            f"{reference.text} belongs to {holder}, but the reference is about {about}: its codes are refused. "
            f"{instead}"
        )
        yield self._finding(reference, _Verdict("MFA-S04", message))

    def _devices_of(self, name: str) -> Tuple[str, ...]:
        user = self._account.users.get(name)
        return user.devices if user else ()


def _no_serial(serial: Serial) -> _Verdict:
    if serial.kind == "user":
        message = (
            f"{serial.text} names a user, not an MFA device. Write the device's serial: "
            "the ARN with mfa/ that list-mfa-devices shows for the user, or a hardware token's number."
        )
    else:
        message = (
            f"This is no MFA serial: {serial.problem}. "
            "Write the ARN of a virtual device (arn:PARTITION:iam::ACCOUNT:mfa/NAME) or a hardware token's number."
        )
    return _Verdict("MFA-S07", message)


# --- S13 -------------------------------------------------------------------------------------------------------------


def _profiles_without_serial(context: AuditContext) -> Iterator[Finding]:
    required: Dict[str, bool] = {}
    for found in context.options.host_serials:
        role = context.account.roles.get(found.role_arn)
        if found.serial or role is None:
            continue
        if role.arn not in required:
            required[role.arn] = _role_requires_mfa(context.trust(role.arn), role)
        if required[role.arn]:
            spot = profile_place(found)
            message = (
                f"{role.arn} can only be assumed with MFA, and the profile names no mfa_serial: each call fails. Add "
                "mfa_serial "
                "to this very profile; the AWS CLI and SDKs do not take it from source_profile."
            )
            yield finding(
                "MFA-S13", account=context.account.account_id, resource=spot.resource, document=spot.document,
                path=spot.path, message=message,
            )  # fmt: skip


def _role_requires_mfa(trust: Optional[Place], role: Role) -> bool:
    return trust is not None and not role.service_linked and requires_mfa(trust.document)


def requires_mfa(trust: Document) -> bool:
    """Return whether a user can assume the role with MFA and certainly cannot without."""
    about = [one for one in trust.statements if _is_about_users(one)]
    without = any(_may(about, world) for world in (LONG_TERM_KEY, SESSION_WITHOUT_MFA))
    return not without and _may(about, ASSUME_ROLE_WITH_MFA)


def _is_about_users(statement: Statement) -> bool:
    if statement.principal is not None and not statement.principal.aws:
        return False
    if statement.actions:
        return any(action_matches(pattern, "sts:AssumeRole") for pattern in statement.actions)
    return not any(action_matches(pattern, "sts:AssumeRole") for pattern in statement.not_actions)


def _may(statements: List[Statement], world: World) -> bool:
    """Return whether it is possible that the request is allowed."""
    truths = [(one.effect, statement_applies(one, world).truth, one.not_principal) for one in statements]
    denied = any(
        effect == "Deny" and truth is Truth.YES and not_principal is None for effect, truth, not_principal in truths
    )
    return not denied and any(effect != "Deny" and truth is not Truth.NO for effect, truth, _none in truths)


# --- S14 -------------------------------------------------------------------------------------------------------------


def _unknown_in_trail(context: AuditContext, judge: _Judge) -> Iterator[Finding]:
    for lost in lost_uses(context, lambda serial: is_own_device(serial, context.account)):
        if lost.serial.kind in _KIND_NAMES and not judge.all_listed:
            continue
        near = judge.near(lost.serial, frozenset((lost.last.user,)))
        meant = f" Probably {' or '.join(one.serial for one in near)} is meant." if near else ""
        outcome = "was refused" if lost.last.error else "succeeded"
        times = "once" if lost.count == 1 else f"{lost.count} times"
        message = (
            f"CloudTrail shows this serial in use {times}, last in {lost.last.event} at {lost.last.time} by "
            f"{lost.last.user or 'an unnamed principal'}, which {outcome}; the account has no such device.{meant} "
            "Correct the "
            "configuration that the caller uses, and find out who took the device away."
        )
        yield finding(
            "MFA-S14", account=context.account.account_id, resource=lost.last.principal, document="trail",
            path=lost.last.path, serial=lost.shown or None, message=message,
        )  # fmt: skip
