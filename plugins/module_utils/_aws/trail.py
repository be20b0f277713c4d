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
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import TRAIL

from .session import Session, api_name, failure_of, failures
from .shape import TRAIL_EVENT, keep

__all__ = ["EVENT_NAMES", "MASSES", "Event", "Lookup", "home_region", "is_telling", "look_up", "read_trail"]

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
MASSES = ("AssumeRole", "GetSessionToken")
# Where a partition records the events of its global services.
_HOMES = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
_SECONDS_BETWEEN_CALLS = 0.5
_PAGE = 50

Event = Dict[str, Any]


class Lookup(NamedTuple):
    """How far to look."""

    since: datetime
    until: datetime
    pages: int  # at most, for each attribute


def home_region(partition: str, otherwise: str) -> str:
    """Return the region that records what IAM and the console's sign-in do; ``otherwise`` where it is not known."""
    return _HOMES.get(partition, otherwise)


def read_trail(session: Session, client: Any, lookup: Lookup, sleep: Callable[[float], None]) -> Optional[List[Event]]:
    """Return the records of the events that matter, newest first for each name; None where nothing could be read."""
    read: Optional[List[Event]] = None
    for name in EVENT_NAMES:
        try:
            events = list(look_up(session, client, ("EventName", name), lookup, sleep))
        except failures() as exc:
            session.note_failure(TRAIL, failure_of(exc, api_name(client, "lookup_events")), subject=name)
            continue
        found = (event for event in events if name not in MASSES or is_telling(event))
        read = (read or []) + [keep(event, TRAIL_EVENT) for event in found]
    return read


def look_up(
    session: Session, client: Any, attribute: Tuple[str, str], lookup: Lookup, sleep: Callable[[float], None]
) -> Iterator[Event]:
    """Yield the whole records of one attribute (its key and value), newest first; what is left out is a gap.

    Raises what a call ends with.
    """
    key, value = attribute
    parameters: Dict[str, Any] = {
        "LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}],
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
            session.note(TRAIL, f"{unread} record{'' if unread == 1 else 's'} could not be read", subject=value)
        yield from (event for event in events if event is not None)
        if not answer.get("NextToken"):
            return
        parameters["NextToken"] = answer["NextToken"]
    session.note(TRAIL, f"only the newest {lookup.pages * _PAGE} events were read", subject=value)


def _record(entry: Mapping[str, Any]) -> Optional[Event]:
    try:
        record = json.loads(entry.get("CloudTrailEvent", ""))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def is_telling(event: Event) -> bool:
    """Return whether a sign-in brought a device, or failed."""
    # The parameters may be hidden, and are a text then.
    parameters = event.get("requestParameters")
    return bool((isinstance(parameters, dict) and parameters.get("serialNumber")) or event.get("errorCode"))
