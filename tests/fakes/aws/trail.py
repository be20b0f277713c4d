"""CloudTrail: a record of each call of IAM and STS and of each console sign-in, and LookupEvents over them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .identity import Caller
from .state import ACCOUNT, REGION, State
from .wire import ApiError, Asked, error_shape

Record = dict[str, Any]

_SECRETS = ("AuthenticationCode1", "AuthenticationCode2", "TokenCode", "Password", "OldPassword", "NewPassword")
_READS = ("Get", "List", "Generate", "Simulate")
# STS has no side effects that CloudTrail calls writes.
_READ_SERVICES = ("sts",)
_ATTRIBUTES = {
    "EventId": "eventID",
    "EventName": "eventName",
    "EventSource": "eventSource",
    "ReadOnly": "readOnly",
}
_OTHER_ATTRIBUTES = ("AccessKeyId", "ResourceName", "ResourceType", "Username")
_DAYS = 90
_PAGE = 50


class Outcome(NamedTuple):
    """How a call ended."""

    result: dict[str, Any]
    error: ApiError | None
    request_id: str


def record_call(state: State, asked: Asked, caller: Caller | None, outcome: Outcome) -> Record:
    """Write what CloudTrail keeps of a call. Codes and passwords are not in it."""
    error = outcome.error
    verified = error is None or "MultiFactorAuthentication failed" not in error.message
    record = {
        "eventVersion": "1.09",
        "userIdentity": _identity(caller, asked.key),
        "eventTime": _written(state.true_time()),
        "eventSource": f"{asked.service}.amazonaws.com",
        "eventName": asked.operation,
        "awsRegion": REGION if asked.service == "iam" else asked.region,
        "sourceIPAddress": asked.source,
        "userAgent": asked.agent,
        "requestParameters": _parameters(asked, with_serial=verified or state.rules.trail_keeps_serial),
        "responseElements": None if error else _response(outcome.result),
        "requestID": outcome.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": asked.service in _READ_SERVICES or asked.operation.startswith(_READS),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    if error:
        record.update(errorCode=_error_code(asked, error.code), errorMessage=error.message)
    return record


def record_login(state: State, identity: dict[str, str], serial: str, *, success: bool) -> Record:
    """Write what CloudTrail keeps of a console sign-in; ``serial`` is of the device that was asked, or nothing."""
    record: Record = {
        "eventVersion": "1.09",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "accessKeyId": "", **identity},
        "eventTime": _written(state.true_time()),
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "Mozilla/5.0",
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Success" if success else "Failure"},
        "additionalEventData": {
            "LoginTo": "https://console.aws.amazon.com/console/home",
            "MobileVersion": "No",
            "MFAUsed": "Yes" if serial else "No",
            **({"MFAIdentifier": serial} if serial else {}),
        },
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsConsoleSignIn",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    if not success:
        record["errorMessage"] = "Failed authentication"
    return record


def lookup(state: State, events: list[Record], parameters: dict[str, Any]) -> dict[str, Any]:
    """Answer LookupEvents: one attribute, a span of time, a page."""
    attributes = parameters.get("LookupAttributes") or []
    if len(attributes) > 1:
        message = "The number of LookupAttributes exceeds the limit of 1."
        raise ApiError("InvalidLookupAttributesException", message)
    for attribute in attributes:
        if attribute["AttributeKey"] not in (*_ATTRIBUTES, *_OTHER_ATTRIBUTES):
            message = f"{attribute['AttributeKey']} is not a valid lookup attribute."
            raise ApiError("InvalidLookupAttributesException", message)
    size = parameters.get("MaxResults", _PAGE)
    if not 1 <= size <= _PAGE:
        raise ApiError("InvalidMaxResultsException", f"MaxResults must be between 1 and {_PAGE}.")
    since, until = _span(state, parameters)
    found = [
        event
        for event in events
        if since <= _time(event, since) <= until and all(_is(event, attribute) for attribute in attributes)
    ]
    start = _start(parameters.get("NextToken", "0"))
    answer: dict[str, Any] = {"Events": [_entry(event) for event in found[start : start + size]]}
    if start + size < len(found):
        answer["NextToken"] = str(start + size)
    return answer


def _span(state: State, parameters: dict[str, Any]) -> tuple[float, float]:
    now = state.true_time()
    oldest = now - _DAYS * 86400
    since, until = parameters.get("StartTime", oldest), parameters.get("EndTime", now)
    if since > until:
        raise ApiError("InvalidTimeRangeException", "The start time must be before the end time.")
    newest = now - state.rules.trail_delay_s if state.rules.trail_delay_s else float("inf")
    # Seconds are whole in records: one of this second is not after now.
    return max(since, oldest), min(max(until, int(until) + 1), newest)


def _start(token: str) -> int:
    if not token.isdigit():
        raise ApiError("InvalidNextTokenException", "Invalid or expired next token.")
    return int(token)


def _time(event: Record, default: float) -> float:
    written = event.get("eventTime")
    return datetime.fromisoformat(written).timestamp() if written else default


def _is(event: Record, attribute: dict[str, str]) -> bool:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    identity = event.get("userIdentity", {})
    if key == "Username":
        return value in (identity.get("userName"), _session_name(identity))
    if key == "AccessKeyId":
        return bool(identity.get("accessKeyId") == value)
    if key in ("ResourceName", "ResourceType"):
        return any(resource[key] == value for resource in _resources(event))
    present = event.get(_ATTRIBUTES[key])
    return value == (str(present).lower() if isinstance(present, bool) else present)


def _entry(event: Record) -> dict[str, Any]:
    identity = event.get("userIdentity", {})
    entry = {
        "EventId": event.get("eventID"),
        "EventName": event["eventName"],
        "ReadOnly": str(event["readOnly"]).lower() if "readOnly" in event else None,
        "AccessKeyId": identity.get("accessKeyId"),
        "EventTime": _time(event, 0) or None,
        "EventSource": event.get("eventSource"),
        "Username": identity.get("userName") or _session_name(identity),
        "Resources": _resources(event),
        "CloudTrailEvent": json.dumps(event),
    }
    return {key: value for key, value in entry.items() if value is not None}


def _resources(event: Record) -> list[dict[str, str]]:
    kinds = {
        "userName": "AWS::IAM::User",
        "serialNumber": "AWS::IAM::MfaDevice",
        "roleArn": "AWS::IAM::Role",
        "roleName": "AWS::IAM::Role",
    }
    parameters = event.get("requestParameters") or {}
    return [
        {"ResourceType": kind, "ResourceName": parameters[name]} for name, kind in kinds.items() if name in parameters
    ]


def _session_name(identity: dict[str, Any]) -> str | None:
    return identity.get("principalId", "").partition(":")[2] or None


def _identity(caller: Caller | None, key: str) -> dict[str, Any]:
    if caller is None:
        return {"type": "Unknown", "accountId": ACCOUNT, "accessKeyId": key}
    identity: dict[str, Any] = {
        "type": "AssumedRole" if caller.kind == "role" else "IAMUser",
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": ACCOUNT,
        "accessKeyId": key,
    }
    if caller.kind != "role":
        identity["userName"] = caller.name
    if not caller.long_term:
        present = str(caller.mfa_at is not None).lower()
        attributes = {"creationDate": _written(caller.since), "mfaAuthenticated": present}
        identity["sessionContext"] = {"attributes": attributes}
        if caller.kind == "role":
            name = caller.name.rpartition("/")[2]
            issuer = {"type": "Role", "principalId": caller.user_id.partition(":")[0], "arn": caller.principal_arn}
            identity["sessionContext"]["sessionIssuer"] = {**issuer, "accountId": ACCOUNT, "userName": name}
    return identity


def _parameters(asked: Asked, *, with_serial: bool) -> dict[str, Any] | None:
    found = {
        key[:1].lower() + key[1:]: value
        for key, value in asked.parameters.items()
        if "." not in key and key not in ("Action", "Version", *_SECRETS)
    }
    if not with_serial:
        found.pop("serialNumber", None)
    return found or None


def _response(result: dict[str, Any]) -> dict[str, Any] | None:
    if "VirtualMFADevice" in result:
        return {"virtualMFADevice": {"serialNumber": result["VirtualMFADevice"]["SerialNumber"]}}
    if "Credentials" not in result:
        return None
    credentials = result["Credentials"]
    expires = datetime.fromtimestamp(credentials["Expiration"], tz=UTC).strftime("%b %d, %Y, %I:%M:%S %p")
    elements = {"credentials": {"accessKeyId": credentials["AccessKeyId"], "expiration": expires}}
    if "AssumedRoleUser" in result:
        user = result["AssumedRoleUser"]
        elements["assumedRoleUser"] = {"assumedRoleId": user["AssumedRoleId"], "arn": user["Arn"]}
    return elements


def _error_code(asked: Asked, code: str) -> str:
    """CloudTrail writes IAM's errors by the name of their shape: NoSuchEntityException."""
    shape = error_shape(asked, code)
    return str(shape.name) if shape else code


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
