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

__all__ = ["LostUse", "Refusal", "Use", "events_of", "is_own_device", "lost_uses", "refusals", "uses"]

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
    seen = set()
    for entry in context.trail_events:
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
                text = _at(record, path)
                if text:
                    yield _use(record, path, text)


def _use(record: Mapping[str, Any], path: str, text: str) -> Use:
    return Use(
        parse_serial(text),
        path,
        _text(record, "eventName"),
        _user(record),
        _principal(record),
        _text(record, "eventTime"),
        _error(record),
        _at(record, "userIdentity.type") == "Root",
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
        if serial.text not in removed or _seconds(use.time) > removed[serial.text]:
            found.setdefault(serial.text, []).append(use)
    for same in found.values():
        last = max(same, key=lambda use: _seconds(use.time))
        yield LostUse(last.serial, len(same), last)


def _is_roots(use: Use) -> bool:
    """Root's hardware tokens and keys are in no list that others can read."""
    return (use.is_root and use.serial.kind in ("hardware", "fido")) or (
        use.serial.kind == "fido" and not use.serial.owner
    )


def _removals(records: Iterable[Mapping[str, Any]]) -> Dict[str, float]:
    removed: Dict[str, float] = {}
    for record in records:
        if _text(record, "eventName") in _REMOVAL and not _error(record):
            serial = _at(record, _SERIAL_PARAMETER)
            removed[serial] = max(_seconds(_text(record, "eventTime")), removed.get(serial, float("-inf")))
    return removed


def refusals(records: Iterable[Mapping[str, Any]]) -> Iterator[Refusal]:
    """Yield every request that failed for its MFA code, as far as a record can say so."""
    for record in records:
        kind = _refusal_kind(record)
        if kind:
            text = _at(record, _SERIAL_PARAMETER) or _at(record, _IDENTIFIER)
            time = _text(record, "eventTime")
            yield Refusal(
                kind,
                _user(record),
                _principal(record),
                parse_serial(text) if text else None,
                time,
                _seconds(time),
                _text(record, "sourceIPAddress"),
            )


def _refusal_kind(record: Mapping[str, Any]) -> str:
    message = _text(record, "errorMessage").lower()
    if _BAD_SERIAL in message:
        return "serial"
    if _BAD_CODE in message or _text(record, "errorCode").startswith("InvalidAuthenticationCode"):
        return "code"
    if _text(record, "eventName") != "ConsoleLogin" or _at(record, "responseElements.ConsoleLogin") != "Failure":
        return ""
    # AWS writes Yes for users and YES for root. With a wrong password there is no second factor yet.
    used = _at(record, "additionalEventData.MFAUsed").lower() == "yes"
    return "code" if used and message == "failed authentication" else ""


# --- fields ----------------------------------------------------------------------------------------------------------


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _at(record: Mapping[str, Any], path: str) -> str:
    outer, _dot, key = path.partition(".")
    inner = record.get(outer)
    return _text(inner, key) if isinstance(inner, Mapping) else ""


def _error(record: Mapping[str, Any]) -> str:
    if _at(record, "responseElements.ConsoleLogin") == "Failure":
        return "Failure"
    return _text(record, "errorCode") or _text(record, "errorMessage")


def _user(record: Mapping[str, Any]) -> str:
    return _at(record, "userIdentity.userName") or _principal(record).rpartition("/")[2]


def _principal(record: Mapping[str, Any]) -> str:
    return _at(record, "userIdentity.arn") or _at(record, "userIdentity.principalId") or "unknown"


def _seconds(time: str) -> float:
    seconds = read_date(time)
    return float("-inf") if seconds is None else seconds
