# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's event history: who used which MFA device, and whose codes were refused.

Private to this collection. LookupEvents takes two calls a second for each account and region, gives 50 events a call
and knows 90 days; it looks for one attribute at a time.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import TRAIL

from .session import Session, api_name, failure_of, failures
from .shape import TRAIL_EVENT, keep

__all__ = ["EVENT_NAMES", "Lookup", "read_trail"]

# What names a device or tells of a code. Logins and calls of IAM are recorded in one region for the whole account.
EVENT_NAMES = (
    "ConsoleLogin",
    "GetSessionToken",
    "AssumeRole",
    "CreateVirtualMFADevice",
    "EnableMFADevice",
    "DeactivateMFADevice",
    "DeleteVirtualMFADevice",
    "ResyncMFADevice",
)
# Roles are assumed by the thousand; only those calls are kept that bring a device, or failed.
_MASSES = ("AssumeRole", "GetSessionToken")
_SECONDS_BETWEEN_CALLS = 0.5
_PAGE = 50

Event = Dict[str, Any]


class Lookup(NamedTuple):
    """How far to look."""

    since: datetime
    until: datetime
    pages: int  # at most, for each name of an event


def read_trail(session: Session, client: Any, lookup: Lookup, sleep: Callable[[float], None]) -> Optional[List[Event]]:
    """Return the records of the events that matter, newest first for each name; None where nothing could be read."""
    read: Optional[List[Event]] = None
    for name in EVENT_NAMES:
        try:
            found = list(_lookup(session, client, name, lookup, sleep))
        except failures() as exc:
            session.note_failure(TRAIL, failure_of(exc, api_name(client, "lookup_events")), subject=name)
            continue
        read = (read or []) + found
    return read


def _lookup(
    session: Session, client: Any, name: str, lookup: Lookup, sleep: Callable[[float], None]
) -> Iterator[Event]:
    parameters: Dict[str, Any] = {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}],
        "StartTime": lookup.since,
        "EndTime": lookup.until,
        "MaxResults": _PAGE,
    }
    for _page in range(lookup.pages):
        answer = client.lookup_events(**parameters)
        sleep(_SECONDS_BETWEEN_CALLS)
        events = [_record(entry) for entry in answer["Events"]]
        unread = events.count(None)
        if unread:
            session.note(TRAIL, f"{unread} record{'' if unread == 1 else 's'} could not be read", subject=name)
        yield from (event for event in events if event is not None and (name not in _MASSES or _telling(event)))
        if not answer.get("NextToken"):
            return
        parameters["NextToken"] = answer["NextToken"]
    session.note(TRAIL, f"only the newest {lookup.pages * _PAGE} events were read", subject=name)


def _record(entry: Mapping[str, Any]) -> Optional[Event]:
    try:
        record = json.loads(entry.get("CloudTrailEvent", ""))
    except (ValueError, RecursionError):
        return None
    return keep(record, TRAIL_EVENT) if isinstance(record, dict) else None


def _telling(event: Event) -> bool:
    # It may be hidden, and is a text then.
    parameters = event.get("requestParameters")
    return bool((isinstance(parameters, dict) and parameters.get("serialNumber")) or event.get("errorCode"))
