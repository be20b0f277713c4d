"""A user whose MFA fails, for tests of the diagnosis: CloudTrail records and facts, one line each."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.diagnose import diagnose
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    Diagnosis,
    Facts,
    Host,
    Known,
    Question,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, PolicyRef, User

ACCOUNT = "123456789012"
NOW = 1_795_348_800.0  # 2026-11-22T12:00:00Z, a multiple of 30
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
OLD = f"arn:aws:iam::{ACCOUNT}:mfa/alice-phone-2019"
FIDO = f"arn:aws:iam::{ACCOUNT}:u2f/user/alice/yubikey-ABCDEFGHIJ"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/admin"
BAD_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code."
BAD_SERIAL = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user."
)
EXPLICIT = (
    f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE} with an explicit deny in an "
    "identity-based policy"
)
QUESTION = Question(now_s=NOW, user="alice", account_id=ACCOUNT)
DEVICE = Device(SERIAL, "virtual", "alice", "2024-01-01T00:00:00Z")
USER = User("alice", ALICE, "AIDAALICE", groups=("people",))
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY_WITHOUT_MFA = {
    "Sid": "DenyWithoutMFA",
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
}
DEAD_ALLOW = {  # the seeds' broken policy
    "Sid": "Dead",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "sts:AssumeRole",
    "Condition": {"ArnLike": {"aws:MultiFactorAuthAge": OLD}},
}
TRUST_WITH_MFA = {
    "Sid": "WithMFA",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "sts:AssumeRole",
    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
}

_ids: Iterator[int] = itertools.count(1)


def written(seconds: float) -> str:
    """Write a moment as CloudTrail does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def record(
    name: str, ago_s: float, user: str = "alice", error: tuple[str, str] = ("", ""), **more: Any
) -> dict[str, Any]:
    """Make a CloudTrail record of a call, so many seconds ago."""
    made: dict[str, Any] = {
        "eventID": f"event-{next(_ids):04d}",
        "eventTime": written(NOW - ago_s),
        "eventName": name,
        "eventSource": ("sts" if name in ("AssumeRole", "GetSessionToken") else "iam") + ".amazonaws.com",
        "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}"},
        **more,
    }
    if error[0]:
        made.update(errorCode=error[0], errorMessage=error[1])
    return made


def bad_code(ago_s: float, user: str = "alice", serial: str = SERIAL, **more: Any) -> dict[str, Any]:
    """Record a refused code."""
    parameters = {"serialNumber": serial}
    return record("GetSessionToken", ago_s, user, ("AccessDenied", BAD_CODE), requestParameters=parameters, **more)


def bad_serial(ago_s: float, serial: str = OLD) -> dict[str, Any]:
    """Record a serial that AWS did not find with the user."""
    error = ("AccessDenied", BAD_SERIAL)
    return record("AssumeRole", ago_s, error=error, requestParameters={"serialNumber": serial, "roleArn": ROLE})


def taken(ago_s: float, serial: str = SERIAL, user: str = "alice") -> dict[str, Any]:
    """Record a code that was taken."""
    return record("GetSessionToken", ago_s, user, requestParameters={"serialNumber": serial})


def denied(ago_s: float, message: str = EXPLICIT) -> dict[str, Any]:
    """Record an AssumeRole that policies refused."""
    return record("AssumeRole", ago_s, error=("AccessDenied", message), requestParameters={"roleArn": ROLE})


def device_event(name: str, ago_s: float, serial: str = SERIAL, user: str = "alice") -> dict[str, Any]:
    """Record what an administrator did to a device of the user."""
    parameters = {"serialNumber": serial}
    if name in ("EnableMFADevice", "DeactivateMFADevice", "ResyncMFADevice"):
        parameters["userName"] = user
    if name == "CreateVirtualMFADevice":
        answer = {"virtualMFADevice": {"serialNumber": serial}}
        return record(name, ago_s, "admin", requestParameters={}, responseElements=answer)
    return record(name, ago_s, "admin", requestParameters=parameters)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """Make a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def inline(*statements: dict[str, Any], name: str = "mfa") -> PolicyRef:
    """Make an inline policy of alice."""
    return PolicyRef(f"inline:{name}", ALICE, policy(*statements))


def trust(*statements: dict[str, Any]) -> PolicyRef:
    """Make the trust policy of the role."""
    return PolicyRef("trust", ROLE, policy(*statements))


def host(offset_s: float | None, verdict: str = "", bound_s: float | None = None, **more: Any) -> Known[Host]:
    """Make alice's host, with a clock that is so far off."""
    if offset_s is not None and bound_s is None:
        bound_s = abs(offset_s) + 0.01
    said = verdict or ("compliant" if offset_s is not None and abs(offset_s) < 1 else "noncompliant")
    return Known(Host("laptop", said, (), offset_s, bound_s, written(NOW - 60), **more))


FACTS = Facts(
    user=Known(USER),
    devices=Known((DEVICE,)),
    inventory=Known((DEVICE,)),
    policies=Known((inline(ALLOW_ALL, name="all"),)),
    boundary=Known(None),
    scps=Known(()),
    trust=Known(None),
    records=Known(()),
    metrics=Known(()),
    health=Known(()),
)


def given(*records: dict[str, Any], **parts: Any) -> Facts:
    """Make facts: everything is known and in order, but for these."""
    values: dict[str, Any] = {
        key: value if hasattr(value, "reason") or isinstance(value, Known) else Known(value)
        for key, value in parts.items()
    }
    return FACTS._replace(records=Known(tuple(records)))._replace(**values)


def ask(facts: Facts, **question: Any) -> Diagnosis:
    """Diagnose alice."""
    return diagnose(QUESTION._replace(**question), facts)


def codes(diagnosis: Diagnosis) -> list[str]:
    """Name the causes in their order."""
    return [cause.code for cause in diagnosis.causes]
