# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudTrail's records tell of a user's MFA, in order: refusals, successes, devices that come and go, policies.

Private to this collection. Records of any order, doubles and other users among them.
"""

from __future__ import annotations

import math
from typing import Any, Collection, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.trail import (
    error_of,
    field,
    principal_of,
    records_of,
    refusal_kind,
    seconds_of,
    user_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.explain import lacking_of

from . import kinds
from .error_text import ErrorText
from .model import Question
from .redact import redact, shown_serial

__all__ = [
    "LIFECYCLE_EVENTS",
    "ORGANIZATION_EVENTS",
    "POLICY_EVENTS",
    "SIGN_IN_EVENTS",
    "Failure",
    "LifecycleEvent",
    "PolicyEvent",
    "Success",
    "Timeline",
    "are_many",
    "pasted",
    "read_timeline",
]

SIGN_IN_EVENTS = ("ConsoleLogin", "AssumeRole", "GetSessionToken")
LIFECYCLE_EVENTS = (
    "CreateVirtualMFADevice",
    "EnableMFADevice",
    "DeactivateMFADevice",
    "DeleteVirtualMFADevice",
    "ResyncMFADevice",
)
#: Changes of what the user may do, and of whom a role trusts.
POLICY_EVENTS = (
    "PutUserPolicy", "DeleteUserPolicy", "AttachUserPolicy", "DetachUserPolicy", "PutGroupPolicy", "DeleteGroupPolicy",
    "AttachGroupPolicy", "DetachGroupPolicy", "AddUserToGroup", "RemoveUserFromGroup", "CreatePolicyVersion",
    "SetDefaultPolicyVersion", "PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary", "UpdateAssumeRolePolicy",
    "CreateRole", "UpdatePolicy", "AttachPolicy", "DetachPolicy",
)  # fmt: skip
#: Those of the organization, which are recorded in its management account.
ORGANIZATION_EVENTS = ("UpdatePolicy", "AttachPolicy", "DetachPolicy")
MANY_USERS = 3  # so many do not mistype at once
_ONE_OF = 5  # where more sign in, some always mistype: a common fault refuses at least each fifth of them
_AHEAD_S = 60  # how far the controller's clock may lag behind AWS's
_MFA_REFUSED = frozenset((kinds.CODE, kinds.SERIAL))


class Failure(NamedTuple):
    """One refused request. ``time`` is "" for one that was pasted; ``seconds`` is None then."""

    kind: str
    operation: str
    code: str
    message: str  # redacted
    user: str
    principal: str
    is_session: bool  # of a role
    mfa: Optional[bool]  # whether the request says that it was made with MFA
    serial: str
    role_arn: str
    explicit_deny: bool
    time: str
    seconds: Optional[float]
    event_id: str
    address: str
    action: str = ""
    lacking: str = ""  # the kind of the organization's policies of which none allows it

    @property
    def is_mfa(self) -> bool:
        """Whether a code or a serial was refused, and not the request for another reason."""
        return self.kind in _MFA_REFUSED


class Success(NamedTuple):
    """One request that an MFA code was taken for, or was not needed."""

    operation: str
    user: str
    serial: str
    mfa: bool
    time: str
    seconds: float
    event_id: str


class LifecycleEvent(NamedTuple):
    """A device was created, enabled, deactivated, deleted or resynchronised."""

    operation: str
    user: str  # whose device, where the record says so
    by: str
    serial: str
    error: str
    time: str
    seconds: float
    event_id: str


class PolicyEvent(NamedTuple):
    """A policy was changed."""

    operation: str
    by: str
    parameters: Mapping[str, Any]
    time: str
    seconds: float
    event_id: str


class Timeline(NamedTuple):
    """Everything oldest first. ``failures`` and ``successes`` are the user's, ``others`` refused MFA of other users.

    With no user asked for (``named`` is False) they are everybody's, and there are no others.
    """

    failures: Tuple[Failure, ...]  # in the window
    successes: Tuple[Success, ...]  # as far back as there are records
    others: Tuple[Failure, ...]  # in the window
    lifecycle: Tuple[LifecycleEvent, ...]  # as far back as there are records
    changes: Tuple[PolicyEvent, ...]
    records: int
    coded: Tuple[Success, ...]  # sign-ins of anybody whose code was taken, in the window
    named: bool = True

    @property
    def taken(self) -> Tuple[Success, ...]:
        """Give the successes that speak of the device whose codes were refused; another device's say nothing of it."""
        with_mfa = tuple(one for one in self.successes if one.mfa)
        refused = tuple(one for one in self.failures if one.is_mfa)
        if not refused:
            return with_mfa
        serials = {one.serial for one in refused}
        if "" in serials:  # it may be any, but for those that give no codes
            return tuple(one for one in with_mfa if not one.serial or parse_serial(one.serial).kind != "fido")
        return tuple(one for one in with_mfa if not one.serial or one.serial in serials)

    @property
    def pattern(self) -> str:
        """Say how failures lie among successes: constant, intermittent, ended, single or none."""
        if not self.failures:
            return "none"
        first, last = self.failures[0].seconds or 0.0, self.failures[-1].seconds or 0.0
        taken = [one.seconds for one in self.taken]
        if any(first < moment < last for moment in taken):
            return "intermittent"
        if len(self.failures) == 1:
            return "single"
        over = self.failures[-1].is_mfa and any(moment > last for moment in taken)
        return "ended" if over else "constant"

    @property
    def users(self) -> Tuple[str, ...]:
        """Name everybody with a refused code or serial, the asked one first."""
        mine = self.failures[:1]
        if not self.named:
            mine = tuple(one for one in self.failures if one.is_mfa) or mine
        return tuple(dict.fromkeys(one.user for one in (*mine, *self.others)))

    @property
    def scope(self) -> str:
        """Say whether it is one user or many."""
        return "many_users" if are_many(self.users, {one.user for one in self.coded}) else "one_user"


def are_many(refused: Collection[str], taken: Collection[str]) -> bool:
    """Return whether the users with a refused code are many, beside those who had one taken in the same time."""
    return len(refused) >= MANY_USERS and len(refused) * _ONE_OF >= len({*refused, *taken})


def read_timeline(entries: Iterable[Any], question: Question) -> Timeline:
    """Read the records; with no user asked for, every failure is of the user."""
    records = sorted(records_of(entries), key=_moment)
    failures: List[Failure] = []
    successes: List[Success] = []
    others: List[Failure] = []
    lifecycle: List[LifecycleEvent] = []
    changes: List[PolicyEvent] = []
    opened = _sessions_of(records, question.user, question.account_id)
    for record in records:
        name, error = field(record, "eventName"), error_of(record)
        here = _is_here(record, question.account_id)
        if name in LIFECYCLE_EVENTS and here:
            lifecycle.append(_lifecycle(record))
        if (
            name in POLICY_EVENTS
            and (here or name in ORGANIZATION_EVENTS)
            and not error
            and _in_window(record, question)
        ):
            changes.append(_change(record))
        mine = not question.user or (here and _is_of(record, question.user)) or _key(record) in opened
        if error:
            failure = _failure(record)
            if not (mine and question.user):
                failure = failure._replace(user=_name_of(failure.user, record, question))
            if _in_window(record, question) and _counts(failure):
                if mine:
                    failures.append(failure)
                elif failure.is_mfa:
                    others.append(failure)
        elif mine and name in SIGN_IN_EVENTS:
            successes.append(_success(record))
    coded = tuple(_coded(records, question))
    return Timeline(
        tuple(failures), tuple(successes), tuple(others), tuple(lifecycle), tuple(changes), len(records), coded,
        bool(question.user),
    )  # fmt: skip


def _coded(records: Iterable[Mapping[str, Any]], question: Question) -> Iterator[Success]:
    for record in records:
        if field(record, "eventName") in SIGN_IN_EVENTS and not error_of(record) and _in_window(record, question):
            success = _success(record)
            if success.mfa:
                yield success._replace(user=_name_of(success.user, record, question))


def _name_of(user: str, record: Mapping[str, Any], question: Question) -> str:
    """Name a user, who may be one of another account."""
    return user if _is_here(record, question.account_id) else f"{user} of {_account(record)}"


def pasted(error: ErrorText) -> Failure:
    """Make a failure of an error text."""
    return Failure(
        error.kind, error.operation, error.code, error.message, error.user, error.principal,
        ":assumed-role/" in error.principal, None, error.serial, error.role_arn, error.explicit_deny, "", None, "", "",
        error.action, error.lacking,
    )  # fmt: skip


def _sessions_of(records: Iterable[Mapping[str, Any]], user: str, account_id: str) -> FrozenSet[str]:
    """Give the keys of the sessions that a user opened: a role's session has any name."""
    keys = (
        field(record, "responseElements.credentials.accessKeyId")
        for record in records
        if field(record, "eventName") == "AssumeRole" and _is_here(record, account_id) and _is_of(record, user)
    )
    return frozenset(key for key in keys if key)


def _key(record: Mapping[str, Any]) -> str:
    return field(record, "userIdentity.accessKeyId")


# --- records ---------------------------------------------------------------------------------------------------------


def _moment(record: Mapping[str, Any]) -> float:
    seconds = seconds_of(field(record, "eventTime"))
    return seconds if math.isfinite(seconds) else float("-inf")


def _in_window(record: Mapping[str, Any], question: Question) -> bool:
    return question.since_s <= _moment(record) <= question.now_s + _AHEAD_S


def _account(record: Mapping[str, Any]) -> str:
    """Give the account of whoever asked; AWS's services have none, and the record's own counts."""
    arn = field(record, "userIdentity.arn").split(":")
    of_arn = arn[4] if len(arn) > 5 else ""
    return field(record, "userIdentity.accountId") or of_arn or field(record, "recipientAccountId")


def _is_here(record: Mapping[str, Any], account_id: str) -> bool:
    """Whether a record is of the account: a trail of an organization has those of others, with users of that name."""
    return not account_id or _account(record) in ("", account_id)


def _is_of(record: Mapping[str, Any], user: str) -> bool:
    """Whether a record is about the user; who manages a device of somebody else asks for that one."""
    if field(record, "eventName") in LIFECYCLE_EVENTS and field(record, "requestParameters.userName"):
        return field(record, "requestParameters.userName") == user
    return user_of(record) == user or field(record, "userIdentity.sessionContext.sourceIdentity") == user


def _counts(failure: Failure) -> bool:
    """Whether a failure may have to do with MFA; other calls fail for reasons of their own."""
    if failure.kind in (kinds.CODE, kinds.SERIAL, kinds.DENIED):
        return True
    return failure.kind != kinds.UNKNOWN and failure.operation in (*SIGN_IN_EVENTS, *LIFECYCLE_EVENTS)


def _failure(record: Mapping[str, Any]) -> Failure:
    code, message = field(record, "errorCode"), field(record, "errorMessage")
    operation = field(record, "eventName")
    kind = refusal_kind(record) or kinds.kind_of(operation, code, message)
    principal = principal_of(record)
    mfa = field(record, "userIdentity.sessionContext.attributes.mfaAuthenticated")
    return Failure(
        kind, operation, code, redact(" ".join(message.split())[:2000])[:400], user_of(record), principal,
        field(record, "userIdentity.type") == "AssumedRole", mfa == "true" if mfa else None,
        _serial(record), field(record, "requestParameters.roleArn"), "explicit deny" in message.lower(),
        field(record, "eventTime"), _moment(record), field(record, "eventID"),
        field(record, "sourceIPAddress"), _action(record, operation), lacking_of(message),
    )  # fmt: skip


def _action(record: Mapping[str, Any], operation: str) -> str:
    service = field(record, "eventSource").partition(".")[0]
    return f"{service}:{operation}" if service and operation else ""


def _serial(record: Mapping[str, Any]) -> str:
    return shown_serial(
        field(record, "requestParameters.serialNumber") or field(record, "additionalEventData.MFAIdentifier")
    )


def _success(record: Mapping[str, Any]) -> Success:
    serial = _serial(record)
    used = field(record, "additionalEventData.MFAUsed").lower() == "yes"
    return Success(
        field(record, "eventName"), user_of(record), serial, used or bool(serial), field(record, "eventTime"),
        _moment(record), field(record, "eventID"),
    )  # fmt: skip


def _lifecycle(record: Mapping[str, Any]) -> LifecycleEvent:
    serial = _serial(record) or shown_serial(field(record, "responseElements.virtualMFADevice.serialNumber"))
    return LifecycleEvent(
        field(record, "eventName"), field(record, "requestParameters.userName"), user_of(record), serial,
        error_of(record), field(record, "eventTime"), _moment(record), field(record, "eventID"),
    )  # fmt: skip


def _change(record: Mapping[str, Any]) -> PolicyEvent:
    parameters = record.get("requestParameters")
    return PolicyEvent(
        field(record, "eventName"), user_of(record), parameters if isinstance(parameters, Mapping) else {},
        field(record, "eventTime"), _moment(record), field(record, "eventID"),
    )  # fmt: skip
