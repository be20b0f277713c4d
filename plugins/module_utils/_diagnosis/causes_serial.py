# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes that lie in the device that a serial names: wrong, stale, deleted, never enabled, a FIDO key.

Private to this collection. AWS says "unable to validate MFA code" for all of them, and never that a code was bad.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.near import NearIndex, Suggestion
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import Serial, parse_serial

from . import commands, kinds
from .case import Case, Draft, of_failures, of_lifecycle, of_success
from .model import Command, Evidence, HostReference, Known
from .redact import NOT_SHOWN
from .timeline import Failure, LifecycleEvent, Success

__all__ = ["causes"]

_RESTS = ("devices", "records")
_CONFIRM_SERIAL = "The serial that iam:ListMFADevices shows for the user is another one, and a code is taken with it."


class _Subject(NamedTuple):
    """A serial that requests name and that is no device of the user, and all that is known of it."""

    serial: Serial
    failures: Tuple[Failure, ...]
    removed: Tuple[LifecycleEvent, ...]  # deactivated or deleted
    created: Tuple[LifecycleEvent, ...]
    enabled: Tuple[LifecycleEvent, ...]
    used: Tuple[Success, ...]
    holder: Optional[Device]  # as the account has it: another user's, or nobody's
    near: Tuple[Suggestion, ...]

    @property
    def evidence(self) -> Tuple[Evidence, ...]:
        return of_failures(self.failures)


def causes(case: Case) -> Iterator[Draft]:
    """Yield what is wrong with the serials that requests name, and with the devices that there are."""
    refused = case.of(kinds.SERIAL, kinds.NO_DEVICE)
    for serial in case.serials:
        named = tuple(one for one in case.failures if one.serial == serial)
        if case.devices is not None and serial in {one.serial for one in case.devices}:
            yield from _own(case, parse_serial(serial), refused, named)
        elif refused or parse_serial(serial).kind in ("fido", "user", "malformed") or _is_asked(case, serial):
            yield from _foreign(case, _subject(case, serial, refused))
    if not case.serials:
        yield from _unnamed(case, refused)
    yield from _removed_and_none_left(case)
    yield from _never_enabled(case)
    yield from _only_fido(case)


def _is_asked(case: Case, serial: str) -> bool:
    return serial == case.question.serial and case.devices is not None


def _subject(case: Case, serial: str, refused: Tuple[Failure, ...]) -> _Subject:
    parsed = parse_serial(serial)
    inventory = case.facts.inventory.value if isinstance(case.facts.inventory, Known) else ()
    devices = {one.serial: one for one in (*inventory, *(case.devices or ()))}
    users = {} if case.user is None else {case.user.name: case.user._replace(devices=_serials(case))}
    return _Subject(
        parsed,
        tuple(one for one in refused if one.serial in (serial, "")),
        case.lifecycle("DeactivateMFADevice", "DeleteVirtualMFADevice", serial=serial),
        case.lifecycle("CreateVirtualMFADevice", serial=serial),
        case.lifecycle("EnableMFADevice", serial=serial),
        tuple(one for one in case.timeline.successes if one.serial == serial),
        devices.get(serial),
        NearIndex(devices, users).suggest(parsed, (case.question.user,) if case.question.user else ()),
    )


def _serials(case: Case) -> Tuple[str, ...]:
    return tuple(one.serial for one in case.devices or ())


def _foreign(case: Case, subject: _Subject) -> Iterator[Draft]:
    """Say which of the causes a serial has that is none of the user's."""
    kind = subject.serial.kind
    if kind == "fido":
        yield _fido(case, subject.serial, subject.evidence)
    elif kind in ("user", "malformed", "sms"):
        yield _wrong(case, subject, 0.95, _why_no_serial(subject.serial))
    elif _is_other_accounts(case, subject.serial):
        text = f"{subject.serial.text} is of account {subject.serial.account}, and the user is of {_account(case)}."
        yield _wrong(case, subject, 0.88, text)
    elif subject.holder is not None and subject.holder.user and subject.holder.user != case.question.user:
        yield _wrong(case, subject, 0.93, f"{subject.serial.text} is a device of the user {subject.holder.user}.")
    elif subject.removed or subject.used:
        yield from _was_there(case, subject)
    elif subject.holder is not None and not subject.holder.user:
        yield from _unassigned(case, subject)
    else:
        yield from _without_trace(case, subject)


def _why_no_serial(serial: Serial) -> str:
    if serial.kind == "user":
        return f"{serial.text} is the ARN of a user. A virtual device's has mfa/ in the place of user/."
    if serial.kind == "sms":
        return f"{serial.text} is an SMS device, which AWS takes no codes of any more."
    if serial.text == NOT_SHOWN:
        return "What was given as the serial looks like a key or a seed, and is not shown."
    return f"{serial.text} is no serial: {serial.problem}."


def _account(case: Case) -> str:
    return case.question.account_id or (case.user.arn.split(":")[4] if case.user is not None else "")


def _is_other_accounts(case: Case, serial: Serial) -> bool:
    own = _account(case)
    return bool(serial.is_arn and own and serial.account != own)


def _wrong(case: Case, subject: _Subject, score: float, text: str) -> Draft:
    evidence = (*subject.evidence, Evidence("device", text, source="iam"), *_references(case, subject.serial.text))
    best = subject.near[0].serial if subject.near else case.own_serial
    return Draft(
        "wrong_serial", "The serial is no device of this user", score, evidence, _CONFIRM_SERIAL,
        _with_serial(case, best, subject.serial.text), ("devices",),
    )  # fmt: skip


def _with_serial(case: Case, right: str, wrong: str) -> Tuple[Command, ...]:
    profile = next((one.profile for one in _host_references(case) if one.serial == wrong and one.profile), "")
    again = (
        commands.assume_role(case.question, right)
        if case.question.role_arn
        else commands.open_session(case.question, right)
    )
    return (commands.list_devices(case.question), commands.config_serial(case.question, right, profile), again)


def _host_references(case: Case) -> Tuple[HostReference, ...]:
    return () if case.host is None else case.host.serials


def _references(case: Case, serial: str) -> Tuple[Evidence, ...]:
    return tuple(
        Evidence(
            "reference",
            f"{one.where} on the user's host names it" + (f", in the profile {one.profile}." if one.profile else "."),
            source="host_facts",
        )
        for one in _host_references(case)
        if one.serial == serial
    )


def _was_there(case: Case, subject: _Subject) -> Iterator[Draft]:
    """The device was used, or somebody took it away: deleted, and where there is another one, stale."""
    last = [of_success(one, f"{subject.serial.text} was taken then.") for one in subject.used[-1:]]
    removed = tuple(of_lifecycle(one) for one in subject.removed)
    evidence = (*subject.evidence, *removed, *last, *_references(case, subject.serial.text))
    others = tuple(one for one in case.code_devices or () if one.serial != subject.serial.text)
    if others:
        text = f"The user has {', '.join(_dated(one) for one in others)} instead."
        yield Draft(
            "stale_serial", "The serial is of a device that was replaced", 0.93 if removed else 0.85,
            (*evidence, Evidence("device", text, source="iam")), _CONFIRM_SERIAL,
            _with_serial(case, case.own_serial, subject.serial.text), _RESTS,
        )  # fmt: skip
    score = (0.95 if removed else 0.8) if not others else (0.75 if removed else 0.5)
    if case.devices is None:
        score = min(score, 0.88)
    yield Draft(
        "device_deleted", _removal_title(subject.removed), score, evidence,
        "iam:ListMFADevices does not show the device for the user.", _enrol(case, subject), _RESTS,
    )  # fmt: skip


def _dated(device: Device) -> str:
    return device.serial + (f" (enabled {device.enabled_at})" if device.enabled_at else "")


def _removal_title(removed: Tuple[LifecycleEvent, ...]) -> str:
    if removed and all(one.operation == "DeactivateMFADevice" for one in removed):
        return "The device was deactivated"
    return "The device was deleted"


def _enrol(case: Case, subject: Optional[_Subject] = None) -> Tuple[Command, ...]:
    question = case.question
    if subject is not None and subject.holder is not None and not subject.holder.user:
        return (commands.enable_device(question, subject.serial.text), commands.list_devices(question))
    serial = f"arn:{question.partition}:iam::{_account(case) or 'ACCOUNT'}:mfa/{question.user or 'NAME'}"
    shown = (
        commands.list_devices(question),
        commands.create_device(question),
        commands.enable_device(question, serial),
    )
    return (commands.lookup(question, "DeleteVirtualMFADevice"), *shown) if subject is not None else shown


def _unassigned(case: Case, subject: _Subject) -> Iterator[Draft]:
    text = f"{subject.serial.text} exists, and is assigned to nobody."
    evidence = (*subject.evidence, Evidence("device", text, source="iam"), *map(of_lifecycle, subject.created))
    once = bool(subject.enabled or (subject.holder and subject.holder.enabled_at))
    if once:
        yield Draft(
            "device_deleted", "The device was deactivated", 0.85, (*evidence, *map(of_lifecycle, subject.enabled)),
            "iam:ListVirtualMFADevices shows the device without a user.", _enrol(case, subject), _RESTS,
        )  # fmt: skip
    score = 0.45 if once else 0.92 if subject.created else 0.85
    yield Draft(
        "never_enabled", "The device was created and never enabled", score, evidence,
        "CloudTrail has no EnableMFADevice of it that succeeded.", _enrol(case, subject), _RESTS,
    )  # fmt: skip


def _without_trace(case: Case, subject: _Subject) -> Iterator[Draft]:
    """No such device now, and nothing is known of one before."""
    if case.devices is None:
        text = f"{subject.serial.text} is what the request named; AWS found it with nobody, or with another user."
        yield _wrong(case, subject, 0.65, text)
        yield _stale(case, subject, 0.6, text)
        return
    if not subject.failures and not case.devices:
        return  # never_enabled says it all
    near = subject.near[0] if subject.near else None
    text = f"The user has no device {subject.serial.text}" + (
        f"; {near.serial} is what comes next to it ({near.differs})." if near else "."
    )
    if near is not None and near.differs != "renamed":
        yield _wrong(case, subject, 0.9, text)
    elif case.code_devices:
        yield _stale(case, subject, 0.75 if near else 0.6, text)
        yield _wrong(case, subject, 0.6 if near else 0.65, text)
    else:
        yield _wrong(case, subject, 0.55 if case.devices else 0.4, text)


def _stale(case: Case, subject: _Subject, score: float, text: str) -> Draft:
    evidence = (*subject.evidence, Evidence("device", text, source="iam"), *_references(case, subject.serial.text))
    return Draft(
        "stale_serial", "The serial may be of a device that was replaced", score, evidence, _CONFIRM_SERIAL,
        _with_serial(case, case.own_serial, subject.serial.text), _RESTS,
    )  # fmt: skip


def _own(case: Case, serial: Serial, refused: Tuple[Failure, ...], named: Tuple[Failure, ...]) -> Iterator[Draft]:
    """The serial is the user's: a FIDO key, or credentials of somebody else."""
    failures = tuple(one for one in refused if one.serial in (serial.text, ""))
    if serial.kind == "fido":
        if named or case.of(kinds.CODE, kinds.SERIAL, kinds.INCOMPLETE):
            yield _fido(case, serial, of_failures(named or case.of(kinds.CODE, kinds.SERIAL, kinds.INCOMPLETE)))
    elif failures:
        text = f"{serial.text} is the user's. Then the request was signed with another user's credentials."
        yield Draft(
            "wrong_serial", "The serial is not of the user whose credentials ask", 0.6,
            (*of_failures(failures), Evidence("device", text, source="iam")),
            "sts:GetCallerIdentity names another user.",
            (commands.caller(case.question), commands.list_devices(case.question)), _RESTS,
        )  # fmt: skip


def _unnamed(case: Case, refused: Tuple[Failure, ...]) -> Iterator[Draft]:
    """AWS refused a serial, and nothing says which."""
    if not refused or (case.code_devices is not None and not case.code_devices):
        return
    text = "Nothing says which serial was sent. AWS has no such device of the user."
    evidence = (*of_failures(refused), Evidence("device", text, source="cloudtrail"))
    for code, title, score in (
        ("wrong_serial", "The serial is no device of this user", 0.66),
        ("stale_serial", "The serial may be of a device that was replaced", 0.62),
    ):
        removed = tuple(map(of_lifecycle, case.lifecycle("DeactivateMFADevice", "DeleteVirtualMFADevice")))
        more = 0.2 if removed and code == "stale_serial" else 0.0
        yield Draft(
            code, title, score + more, (*evidence, *removed), _CONFIRM_SERIAL,
            _with_serial(case, case.own_serial, ""), ("devices",),
        )  # fmt: skip


def _removed_and_none_left(case: Case) -> Iterator[Draft]:
    """The user's device was taken away, none is left, and failures follow; with the serial, _was_there said it."""
    removed = case.lifecycle("DeactivateMFADevice")
    if case.code_devices or not removed:
        return
    serials = {one.serial for one in removed}
    if serials & set(case.serials):
        return
    after = tuple(one for one in case.failures if one.seconds is None or one.seconds >= removed[-1].seconds)
    if not after and case.devices is None:
        return
    deleted = [one for serial in sorted(serials) for one in case.lifecycle("DeleteVirtualMFADevice", serial=serial)]
    evidence = (*map(of_lifecycle, (*removed, *deleted)), *of_failures(after))
    refused = any(one.kind in (kinds.SERIAL, kinds.NO_DEVICE) for one in after)
    yield Draft(
        "device_deleted", _removal_title((*removed, *deleted)), 0.95 if refused else 0.93 if after else 0.8,
        evidence, "iam:ListMFADevices shows no device for the user.", _enrol(case), _RESTS,
    )  # fmt: skip


def _never_enabled(case: Case) -> Iterator[Draft]:
    if case.devices is None or case.devices or case.lifecycle("DeactivateMFADevice", "EnableMFADevice"):
        return
    if any(case.lifecycle("DeactivateMFADevice", "DeleteVirtualMFADevice", serial=one) for one in case.serials):
        return
    inventory = case.facts.inventory.value if isinstance(case.facts.inventory, Known) else ()
    if {one.serial for one in inventory} & set(case.serials):
        return  # _unassigned and _foreign know more
    if any(one.mfa for one in case.timeline.successes) or (isinstance(case.facts.user, Known) and case.user is None):
        return
    refused = case.of(kinds.SERIAL, kinds.NO_DEVICE)
    tried = tuple(one for one in case.timeline.lifecycle if one.operation == "EnableMFADevice" and one.error)
    evidence: List[Evidence] = list(of_failures(refused))
    evidence.append(Evidence("absence", f"The user {case.question.user} has no MFA device.", source="iam"))
    if isinstance(case.facts.records, Known):
        text = "No EnableMFADevice for the user is in the records that were read."
        evidence.append(Evidence("absence", text, source="cloudtrail"))
    evidence += [
        of_lifecycle(one, f"EnableMFADevice failed: {one.error}.") for one in tried if one.user == case.question.user
    ]
    yield Draft(
        "never_enabled", "The user has no MFA device, and no record tells of one", 0.9 if refused else 0.55,
        tuple(evidence),
        "iam:ListMFADevices shows no device for the user, and CloudTrail no EnableMFADevice.", _enrol(case), _RESTS,
    )  # fmt: skip


def _only_fido(case: Case) -> Iterator[Draft]:
    """The user has devices, and none gives codes."""
    if not case.devices or case.code_devices:
        return
    if any(parse_serial(one).kind == "fido" for one in case.serials):
        return
    failures = tuple(
        one
        for one in case.of(kinds.SERIAL, kinds.CODE, kinds.INCOMPLETE, kinds.DENIED)
        if one.operation != "ConsoleLogin"
    )
    if failures:
        coded = any(one.kind != kinds.DENIED for one in failures)
        text = f"The user has only {', '.join(_serials(case))}, which gives no codes."
        evidence = (*of_failures(failures), Evidence("device", text, source="iam"))
        yield _fido(case, parse_serial(case.devices[0].serial), evidence)._replace(score=0.93 if coded else 0.7)


def _fido(case: Case, serial: Serial, evidence: Tuple[Evidence, ...]) -> Draft:
    text = (
        f"{serial.text} is a FIDO key or passkey: it works in the browser alone. The CLI and STS take six-digit codes."
    )
    codes = case.code_devices
    own = (commands.open_session(case.question, case.own_serial),) if codes else _enrol(case)
    return Draft(
        "fido_for_cli", "A FIDO key is used where a code is needed", 0.95,
        (*evidence, Evidence("device", text, source="iam")),
        "A code of a virtual or hardware device is taken for the same call.", own, (),
    )  # fmt: skip
