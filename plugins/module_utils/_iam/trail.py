# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudTrail recorded about MFA: which serials were used, and which codes were refused.

Private to this collection. A record is read for the few fields that matter; one that is not as CloudTrail writes it
says nothing. Codes and passwords are not in records.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from .account import Account
from .context import AuditContext
from .patterns import read_date
from .references import shown
from .serial import Serial, parse_serial

__all__ = [
    "LostUse", "Refusal", "Use", "error_of", "events_of", "field", "is_own_device", "lost_uses", "message_kind",
    "principal_of", "records_of", "refusal_kind", "refusals", "seconds_of", "user_of", "uses",
]  # fmt: skip

_SERIAL_PARAMETER = "requestParameters.serialNumber"
_IDENTIFIER = "additionalEventData.MFAIdentifier"
# These name a device to make it, take it away or look at it, and are no use of it.
_MANAGEMENT = frozenset(
    (
        "CreateVirtualMFADevice",
        "DeleteVirtualMFADevice",
        "EnableMFADevice",
        "DeactivateMFADevice",
        "GetMFADevice",
        "ListMFADeviceTags",
        "TagMFADevice",
        "UntagMFADevice",
    )
)
_REMOVAL = frozenset(("DeleteVirtualMFADevice", "DeactivateMFADevice"))
_BAD_CODE = "invalid mfa one time pass code"
_BAD_SERIAL = "unable to validate mfa code"


class Use(NamedTuple):
    """One request that named an MFA device."""

    serial: Serial
    path: str  # the record's field
    event: str
    user: str
    principal: str  # ARN
    time: str
    error: str
    is_root: bool = False


class LostUse(NamedTuple):
    """The uses of one serial that the account does not have."""

    serial: Serial
    count: int  # type: ignore[assignment] # hides tuple.count
    last: Use

    @property
    def shown(self) -> str:
        """The serial, or "" where it may be a secret."""
        return shown(self.serial)


class Refusal(NamedTuple):
    """One request that failed for its MFA code; ``kind`` is code or serial."""

    kind: str
    user: str
    principal: str
    serial: Optional[Serial]
    time: str
    seconds: float  # since 1970
    source: str  # address


def events_of(context: AuditContext) -> Iterator[Mapping[str, Any]]:
    """Yield the records of the account and those given, each once, also out of LookupEvents entries."""
    return records_of(context.trail_events)


def records_of(entries: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the records among entries, each once, also out of LookupEvents entries."""
    seen = set()
    for entry in entries:
        record = _record(entry)
        if record is not None:
            identity = _text(record, "eventID")
            if identity not in seen:
                yield record
            if identity:
                seen.add(identity)


def _record(entry: Any) -> Optional[Mapping[str, Any]]:
    inner = entry.get("CloudTrailEvent") if isinstance(entry, Mapping) else None
    if isinstance(inner, str):
        try:
            entry = json.loads(inner)
        except (ValueError, RecursionError):
            return None
    return entry if isinstance(entry, Mapping) else None


def uses(records: Iterable[Mapping[str, Any]]) -> Iterator[Use]:
    """Yield every use of an MFA device; what manages devices is none."""
    for record in records:
        if _text(record, "eventName") not in _MANAGEMENT:
            for path in (_SERIAL_PARAMETER, _IDENTIFIER):
                text = field(record, path)
                if text:
                    yield _use(record, path, text)


def _use(record: Mapping[str, Any], path: str, text: str) -> Use:
    return Use(
        parse_serial(text),
        path,
        _text(record, "eventName"),
        user_of(record),
        principal_of(record),
        _text(record, "eventTime"),
        error_of(record),
        field(record, "userIdentity.type") == "Root",
    )


def is_own_device(serial: Serial, account: Account) -> bool:
    """Return whether a serial, as it stands, would be of a device of the account."""
    if serial.kind in ("user", "malformed"):
        return False
    return not serial.is_arn or (serial.account, serial.partition) == (account.account_id, account.partition)


def lost_uses(context: AuditContext, is_own: Callable[[Serial], bool]) -> Iterator[LostUse]:
    """Yield the serials in use that the account does not have, unless the trail shows them taken away afterwards."""
    records = list(events_of(context))
    removed = _removals(records)
    found: Dict[str, List[Use]] = {}
    for use in uses(records):
        serial = use.serial
        if serial.text in context.account.devices or not is_own(serial) or _is_roots(use):
            continue
        if serial.text not in removed or seconds_of(use.time) > removed[serial.text]:
            found.setdefault(serial.text, []).append(use)
    for same in found.values():
        last = max(same, key=lambda use: seconds_of(use.time))
        yield LostUse(last.serial, len(same), last)


def _is_roots(use: Use) -> bool:
    """Root's hardware tokens and keys are in no list that others can read."""
    return (use.is_root and use.serial.kind in ("hardware", "fido")) or (
        use.serial.kind == "fido" and not use.serial.owner
    )


def _removals(records: Iterable[Mapping[str, Any]]) -> Dict[str, float]:
    removed: Dict[str, float] = {}
    for record in records:
        if _text(record, "eventName") in _REMOVAL and not error_of(record):
            serial = field(record, _SERIAL_PARAMETER)
            removed[serial] = max(seconds_of(_text(record, "eventTime")), removed.get(serial, float("-inf")))
    return removed


def refusals(records: Iterable[Mapping[str, Any]]) -> Iterator[Refusal]:
    """Yield every request that failed for its MFA code, as far as a record can say so."""
    for record in records:
        kind = refusal_kind(record)
        if kind:
            text = field(record, _SERIAL_PARAMETER) or field(record, _IDENTIFIER)
            time = _text(record, "eventTime")
            yield Refusal(
                kind,
                user_of(record),
                principal_of(record),
                parse_serial(text) if text else None,
                time,
                seconds_of(time),
                _text(record, "sourceIPAddress"),
            )


def message_kind(code: str, message: str) -> str:
    """Tell AWS's two refusals apart that look alike: code (a bad one), serial (no device of this user), or ""."""
    folded = " ".join(message.lower().split())
    if _BAD_SERIAL in folded:
        return "serial"
    return "code" if _BAD_CODE in folded or code.startswith("InvalidAuthenticationCode") else ""


def refusal_kind(record: Mapping[str, Any]) -> str:
    """Say of a record whether its MFA code was refused, and for what: code, serial, or ""."""
    kind = message_kind(_text(record, "errorCode"), _text(record, "errorMessage"))
    if kind:
        return kind
    if _text(record, "eventName") != "ConsoleLogin" or field(record, "responseElements.ConsoleLogin") != "Failure":
        return ""
    # AWS writes Yes for users and YES for root. With a wrong password there is no second factor yet.
    used = field(record, "additionalEventData.MFAUsed").lower() == "yes"
    return "code" if used and _text(record, "errorMessage").lower() == "failed authentication" else ""


# --- fields ----------------------------------------------------------------------------------------------------------


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def field(record: Mapping[str, Any], path: str) -> str:
    """Return the text at a path of keys, "" where there is none."""
    outer, dot, key = path.partition(".")
    if not dot:
        return _text(record, outer)
    inner = record.get(outer)
    return field(inner, key) if isinstance(inner, Mapping) else ""


def error_of(record: Mapping[str, Any]) -> str:
    """Return the code with which a request failed, "" where it did not."""
    if field(record, "responseElements.ConsoleLogin") == "Failure":
        return "Failure"
    return _text(record, "errorCode") or _text(record, "errorMessage")


def user_of(record: Mapping[str, Any]) -> str:
    """Return the name of whoever asked; of a role's session, the session's."""
    return field(record, "userIdentity.userName") or principal_of(record).rpartition("/")[2]


def principal_of(record: Mapping[str, Any]) -> str:
    """Return the ARN of whoever asked, or what there is in its place."""
    return field(record, "userIdentity.arn") or field(record, "userIdentity.principalId") or "unknown"


def seconds_of(time: str) -> float:
    """Return a record's time as seconds since 1970; minus infinity where it is none."""
    seconds = read_date(time)
    return float("-inf") if seconds is None else seconds
