# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a diagnosis, what it goes by, and what it says.

``error_text.read_error_text(text)`` says what a paste names (user, serial, role), so that it can be collected;
``diagnose.diagnose(question, facts)`` gives the Diagnosis. Where that says ``widen``, collect 48 hours and ask again.

Private to this collection; the codes of causes and the keys of ``to_dict`` are public. Times are UTC: ``*_s`` are
seconds since 1970, ``time`` is text as CloudTrail writes it (2026-11-21T12:00:00Z).

Each part of the facts is Known or Unknown. Known(()) and Known(None) say that there is none; what was not collected, or
was refused, is Unknown with its reason: it becomes a gap and costs confidence, and is never taken for a good sign.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Generic, Mapping, NamedTuple, Optional, Tuple, TypeVar, Union

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, PolicyRef, User

__all__ = [
    "CODES",
    "NOT_COLLECTED",
    "NO_CORRELATION",
    "WIDE_H",
    "WINDOW_H",
    "Cause",
    "Command",
    "Diagnosis",
    "Evidence",
    "Facts",
    "Gap",
    "HealthEvent",
    "Host",
    "HostReference",
    "Known",
    "MetricSeries",
    "Question",
    "Unknown",
    "to_dict",
]

T = TypeVar("T")

# Records and pastes are anybody's: what moves a terminal's cursor, or turns text around, is not for people to read.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")

WINDOW_H = 24  # how far back a diagnosis looks first
WIDE_H = 48  # and when nothing correlates

NO_CORRELATION = "no_correlation"

#: Every cause, by its public code. More may come; none is renamed.
CODES = (
    "clock_drift",  # the clock that makes the codes is wrong: the host's, or the device's own
    "wrong_serial",  # the serial is no device of this user: misspelt, another user's, another account's, no serial
    "stale_serial",  # the serial was the user's device, and has been replaced
    "device_deleted",  # the device was deactivated or deleted
    "never_enabled",  # the user never had a device, or it was created and never enabled
    "fido_for_cli",  # a FIDO key or passkey where a six-digit code is needed
    "mfa_required_without_device",  # a policy asks for MFA, and the user has no device for it
    "condition_never_holds",  # an MFA condition that no request meets
    "recent_policy_change",  # a policy began to ask for MFA, or to deny, shortly before the failures
    "replayed_code",  # a code was used twice
    "late_code",  # codes that came too late; also a resynchronisation with such
    "role_session_without_mfa",  # the caller is a session of a role, and these carry no MFA
    "service_wide",  # many users at once, or AWS itself
    NO_CORRELATION,
    # Beside the runbook's:
    "wrong_device",  # the codes are another device's, or made from another seed, than the serial names
    "mfa_not_presented",  # a policy asks for MFA, the user has a device, and the request was made without
    "needs_mfa_session",  # devices are changed with access keys alone, by a user who has MFA
    "wrong_password",  # the console refused before it came to MFA
    "no_permission",  # no policy allows it; MFA has nothing to do with it
    "no_such_user",
    "invalid_credentials",  # the access key or session is unknown, expired, or its signature is refused
    "busy",  # throttled, or somebody changes the same device at the same time
    "malformed_request",  # flags or values that the CLI or the API never take
)


class Known(Generic[T]):
    """A part of the facts that was collected; an empty one was looked at, and there is nothing."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and self.value == other.value

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"Known({self.value!r})"


class Unknown(NamedTuple):
    """A part of the facts that is not known, and why; ``api`` and ``error`` where a call was refused."""

    reason: str
    api: str = ""  # iam:ListMFADevices
    error: str = ""  # AccessDenied


NOT_COLLECTED = Unknown("not collected")


class Question(NamedTuple):
    """Why does this user's MFA fail.

    Everything but ``now_s`` may be left out; what the error text names fills in for what is missing. With
    ``error_text`` alone, and Facts(), there is a diagnosis too.
    """

    now_s: float
    user: str = ""  # name without path
    serial: str = ""  # that the user, or the configuration, names
    error_text: str = ""  # as pasted: the CLI's, an SDK's, the console's, Terraform's; never repeated unredacted
    role_arn: str = ""  # that the user wants to assume
    account_id: str = ""
    partition: str = "aws"
    region: str = ""  # for the commands; "" leaves it out
    profile: str = ""  # of the AWS CLI, for the commands; "" leaves it out
    host: str = ""  # inventory name of the host that makes the codes
    window_h: int = WINDOW_H  # failures and policy changes of the last so many hours

    @property
    def since_s(self) -> float:
        """From when on failures count."""
        return self.now_s - self.window_h * 3600


class HostReference(NamedTuple):
    """An MFA serial in the AWS configuration of the user's host, as host_facts finds it."""

    serial: str
    where: str  # file
    profile: str = ""


class Host(NamedTuple):
    """The host that makes the user's codes, as host_facts measured it (ansible_facts.softtoken).

    ``offset_s`` is host minus true time: positive is fast. ``bound_s`` is how far it may be off in all.
    """

    name: str
    verdict: str  # compliant | noncompliant | unknown
    reasons: Tuple[str, ...] = ()
    offset_s: Optional[float] = None
    bound_s: Optional[float] = None
    measured_at: str = ""
    serials: Tuple[HostReference, ...] = ()


class MetricSeries(NamedTuple):
    """The sums of a metric that a filter over CloudTrail's log group fills; AWS has none by itself."""

    filter_name: str
    namespace: str
    metric: str
    period_s: int
    sums: Tuple[Tuple[str, float], ...] = ()  # (beginning of the period, sum); periods without data are left out


class HealthEvent(NamedTuple):
    """An open event of AWS Health about IAM, STS or sign-in."""

    arn: str
    service: str
    code: str
    region: str
    start: str


class Facts(NamedTuple):
    """Everything that was collected.

    ``records`` are CloudTrail records (the JSON objects, or LookupEvents entries with CloudTrailEvent inside; order and
    doubles do not matter). Wanted are, as far back as they can be had: sign-ins and STS calls of the user, refused ones
    of everybody (so that many users at once are seen), device lifecycle (timeline.LIFECYCLE_EVENTS) and policy changes
    that may touch the user, its groups, the role or the account (timeline.POLICY_EVENTS). Read of a record:

    - eventID, eventTime, eventSource, eventName, errorCode, errorMessage, sourceIPAddress
    - userIdentity: type, arn, userName, accessKeyId, sessionContext.attributes.mfaAuthenticated and .sourceIdentity
    - requestParameters: serialNumber, userName, groupName, roleName, roleArn, policyArn, policyName, policyDocument,
      policyId, content, setAsDefault, permissionsBoundary
    - responseElements: ConsoleLogin, virtualMFADevice.serialNumber, credentials.accessKeyId
    - additionalEventData: MFAUsed, MFAIdentifier

    ``record_gaps`` are what is missing in them (an event name that could not be looked up, a page limit).
    """

    user: Union[Known[Optional[User]], Unknown] = NOT_COLLECTED  # None: the account has no such user
    devices: Union[Known[Tuple[Device, ...]], Unknown] = NOT_COLLECTED  # the user's, of every kind
    inventory: Union[Known[Tuple[Device, ...]], Unknown] = NOT_COLLECTED  # the account's virtual ones, unassigned too
    # What grants or denies the user something: its own and its groups' (Account.user_policies), without the boundary.
    policies: Union[Known[Tuple[PolicyRef, ...]], Unknown] = NOT_COLLECTED
    boundary: Union[Known[Optional[PolicyRef]], Unknown] = NOT_COLLECTED
    scps: Union[Known[Tuple[PolicyRef, ...]], Unknown] = NOT_COLLECTED
    trust: Union[Known[Optional[PolicyRef]], Unknown] = NOT_COLLECTED  # of Question.role_arn; None: no such role
    records: Union[Known[Tuple[Mapping[str, Any], ...]], Unknown] = NOT_COLLECTED
    record_gaps: Tuple[Unknown, ...] = ()
    # Known(()): there is no metric filter that counts refused MFA, so there is no such metric.
    metrics: Union[Known[Tuple[MetricSeries, ...]], Unknown] = NOT_COLLECTED
    metric_gaps: Tuple[Unknown, ...] = ()  # regions, and filters, whose metrics are not known
    health: Union[Known[Tuple[HealthEvent, ...]], Unknown] = NOT_COLLECTED
    host: Union[Known[Host], Unknown] = NOT_COLLECTED


class Evidence(NamedTuple):
    """One thing that speaks for a cause, or against it.

    ``kind``: error_text, failure, success, lifecycle, policy_change, statement, device, clock, pattern, metric, health,
    reference, absence (what was looked for and is not there).
    """

    kind: str
    text: str  # a sentence
    time: str = ""
    event_id: str = ""
    statement: str = ""  # "DOCUMENT#STATEMENT", as inline:mfa#DenyWithoutMFA
    source: str = ""  # where from: cloudtrail, iam, host_facts, error_text, cloudwatch, health
    against: bool = False  # speaks against the cause


class Command(NamedTuple):
    """What to run next. Codes are placeholders (CODE1): the user reads them from the device.

    ``why`` is a sentence. ``kind``: command (a shell line) or playbook (ansible-playbook of this collection).
    """

    kind: str
    text: str
    why: str = ""


class Cause(NamedTuple):
    """A cause, how sure it is, and what to do. ``evidence`` is never empty, ``next`` neither."""

    code: str
    title: str
    score: float  # 0 to 1; ranks, and is no probability
    evidence: Tuple[Evidence, ...]
    confirm: str  # what would confirm it
    next: Tuple[Command, ...]

    @property
    def confidence(self) -> str:
        """The score as a word."""
        return "high" if self.score >= 0.8 else "medium" if self.score >= 0.5 else "low"


class Gap(NamedTuple):
    """Something that is not known, and what it would tell."""

    part: str  # a field of Facts
    reason: str
    matters: str  # what could not be judged for it
    api: str = ""
    error: str = ""


class Diagnosis(NamedTuple):
    """The causes, likeliest first, and what they rest on."""

    causes: Tuple[Cause, ...]  # never empty: no_correlation when there is nothing else
    pattern: str  # constant | intermittent | ended | single | none | unknown
    since: str  # of the first failure in the window; "" where there is none
    scope: str  # one_user | many_users | unknown
    users: Tuple[str, ...]  # with failures in the window, the asked one first
    failures: int  # of the asked user in the window
    gaps: Tuple[Gap, ...]
    looked_at: Tuple[str, ...]  # sentences: what was read, and what it said, the good too
    correlated: bool  # at least one cause of medium confidence
    window_h: int
    user: str  # asked for, or read from the error text
    serial: str
    explanation: str  # of the error text alone, "" without one
    corrected: Tuple[Command, ...]  # the command of the error text as it should be

    @property
    def widen(self) -> bool:
        """Whether to collect again, and ask with window_h=WIDE_H: nothing correlated in the first window."""
        return not self.correlated and self.window_h < WIDE_H


def to_dict(diagnosis: Diagnosis) -> Dict[str, Any]:
    """Return the diagnosis as plain values, as iam_mfa_diagnosis_info returns it."""
    found = {**_plain(diagnosis), "widen": diagnosis.widen}
    for cause, plain in zip(diagnosis.causes, found["causes"]):
        plain["confidence"] = cause.confidence
    return found


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return _CONTROL.sub(" ", value) if isinstance(value, str) else value
