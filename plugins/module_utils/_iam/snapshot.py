# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot of an account: JSON text to an Account, with a gap for everything that is not in it.

Private to this collection. A part that is missing is unknown; a part that is there but is not what the API says, or is
only the beginning of it, is an error that names the place: from half a list nothing is certainly missing.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

from .account import (
    ALARM_TOPICS,
    CREDENTIAL_REPORT,
    METRIC_ALARMS,
    Account,
    CoverageGap,
    Device,
    MetricFilter,
    OrganizationPolicy,
    ResourcePolicy,
    User,
)
from .catalogue import AUTHORIZATION, CONFIG_RULES, DEVICES, METRIC_FILTERS, ORGANIZATION, SUMMARY, TRAIL, VIRTUAL
from .credential_report import Credentials, read_credentials
from .errors import IamError
from .snapshot_devices import Held, read_held, read_virtual, root_user, with_devices
from .snapshot_identities import LISTS, Identities, read_identities
from .snapshot_monitoring import (
    join_alarms,
    read_alarms,
    read_config_rules,
    read_filters,
    read_topics,
    read_trail_events,
)
from .snapshot_values import Malformed, array, each, kind_of, mapping, maybe_text, required, text, unwrapped

__all__ = ["RESOURCE_POLICIES", "SNAPSHOT_PARTS", "account_from_snapshot", "parse_snapshot"]

Read = TypeVar("Read")

RESOURCE_POLICIES = "resource_policies"  # only where the caller adds them: nothing collects them
GAPS = "coverage_gaps"

SNAPSHOT_PARTS = (
    AUTHORIZATION,
    VIRTUAL,
    DEVICES,
    CREDENTIAL_REPORT,
    SUMMARY,
    ORGANIZATION,
    TRAIL,
    CONFIG_RULES,
    METRIC_FILTERS,
    METRIC_ALARMS,
    ALARM_TOPICS,
)

_SHOWN = 5  # names in a message


class _Joined(NamedTuple):
    """What the audit knows about devices, once all lists are laid side by side."""

    devices: Dict[str, Device]
    users: Dict[str, User]
    report: Mapping[str, Credentials]


def parse_snapshot(content: str) -> Dict[str, Any]:
    """Return the object that a snapshot file holds."""
    try:
        data = json.loads(content[1:] if content.startswith("\ufeff") else content)
    except json.JSONDecodeError as exc:
        end = " (the file ends too early)" if exc.pos >= len(content.rstrip()) else ""
        raise IamError(f"The snapshot is not JSON{end}: {exc}. Collect it again.") from exc
    except RecursionError as exc:
        raise IamError("The snapshot is nested deeper than anything that AWS answers. Collect it again.") from exc
    except ValueError as exc:  # Python reads no number of more than 4300 digits
        raise IamError(f"The snapshot holds what AWS never answers: {exc}. Collect it again.") from exc
    if not isinstance(data, dict):
        raise IamError(f"The snapshot is {kind_of(data)}, an object is needed.")
    return data


def account_from_snapshot(snapshot: Mapping[str, Any]) -> Account:
    """Return the account that a snapshot, or a bare get-account-authorization-details output, describes."""
    try:
        return _Assembly(_under_one_roof(mapping(snapshot))).account()
    except Malformed as exc:
        raise IamError(f"The snapshot cannot be used: {str(exc).lstrip('.')}") from exc


def _under_one_roof(snapshot: Mapping[str, Any]) -> Mapping[str, Any]:
    # A collection to which every call was denied has nothing but its gaps.
    if any(part in snapshot for part in (*SNAPSHOT_PARTS, GAPS)):
        return snapshot
    if any(name in snapshot for name in LISTS):
        return {AUTHORIZATION: snapshot}
    raise Malformed(
        f"it has neither {AUTHORIZATION} nor another part of a snapshot, and is no output of"
        " get-account-authorization-details either"
    )


class _Assembly:
    """Reads part after part, and notes a gap for each that is not there."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self._snapshot = snapshot
        self._gaps: List[CoverageGap] = list(self._part(GAPS, lambda part: each(part, _gap)) or ())
        self._gap_parts = {gap.part for gap in self._gaps}

    def account(self) -> Account:
        identities = self._read(AUTHORIZATION, read_identities) or Identities({}, {}, {}, {}, (), (), "", "")
        joined = self._joined(identities)
        summary = self._read(SUMMARY, _summary) or {}
        self._note_incomplete(identities, joined.users)
        return Account(
            *self._owner(identities),
            collected_at=maybe_text(self._snapshot, "collected_at"),
            users=joined.users,
            groups=identities.groups,
            roles=identities.roles,
            policies=identities.policies,
            devices=joined.devices,
            root=root_user(joined.devices, summary, joined.report),
            organization_policies=self._read(ORGANIZATION, _organization_policies) or (),
            resource_policies=self._part(RESOURCE_POLICIES, _resource_policies) or (),
            trail_events=self._read(TRAIL, read_trail_events) or (),
            config_rules=self._read(CONFIG_RULES, read_config_rules) or (),
            metric_filters=self._filters(),
            summary=summary,
            gaps=tuple(self._gaps),
        )

    def _joined(self, identities: Identities) -> _Joined:
        virtual = self._read(VIRTUAL, read_virtual) or ()
        held = self._read(DEVICES, read_held) or Held((), ())
        report = self._read(CREDENTIAL_REPORT, read_credentials) or {}
        # A user's own list comes after the list of all virtual devices: it is the newer one.
        devices = {device.serial: device for device in (*virtual, *held.devices)}
        return _Joined(devices, with_devices(identities.users, devices, held.asked, report), report)

    def _filters(self) -> Tuple[MetricFilter, ...]:
        filters = self._read(METRIC_FILTERS, read_filters) or ()
        alarms = self._read(METRIC_ALARMS, read_alarms)
        topics = self._read(ALARM_TOPICS, read_topics)
        return filters if alarms is None else join_alarms(filters, alarms, topics)

    def _owner(self, identities: Identities) -> Tuple[str, str]:
        stated = maybe_text(self._snapshot, "account_id")
        if stated and identities.account_id and stated != identities.account_id:
            raise Malformed(f"account_id is {stated}, but {AUTHORIZATION} is of account {identities.account_id}")
        account_id = stated or identities.account_id
        if not account_id:
            self._note("account_id", "nothing in the snapshot says which account it is of")
        return account_id, maybe_text(self._snapshot, "partition") or identities.partition or "aws"

    def _note_incomplete(self, identities: Identities, users: Mapping[str, User]) -> None:
        cut = any(gap.part == AUTHORIZATION and not gap.subject for gap in self._gaps)
        if (cut or "UserDetailList" in identities.missing) and DEVICES not in self._gap_parts:
            self._note(DEVICES, "not all users are known, and the others may hold devices")
        if identities.missing and AUTHORIZATION not in self._gap_parts:
            self._note(AUTHORIZATION, f"it has no {' and no '.join(identities.missing)}")
        unknown = [user.name for user in users.values() if not user.devices_complete]
        if unknown and DEVICES not in self._gap_parts:
            self._note(DEVICES, f"the devices of {_some(unknown, 'user')} were not listed; they may hold more")
        if identities.unlisted and not (cut or identities.missing):
            some = _some(identities.unlisted, "attached policy", "attached policies")
            self._note(AUTHORIZATION, f"the text of {some} is not known", subject="Policies")

    def _read(self, part: str, read: Callable[[Any], Read]) -> Optional[Read]:
        if self._snapshot.get(part) is None and part not in self._gap_parts:
            self._note(part, "not in the snapshot")
        return self._part(part, read)

    def _part(self, part: str, read: Callable[[Any], Read]) -> Optional[Read]:
        value = self._snapshot.get(part)
        if value is None:
            return None
        try:
            return read(value)
        except Malformed as exc:
            raise Malformed(f"{part}{exc}") from None

    def _note(self, part: str, reason: str, subject: str = "") -> None:
        self._gaps.append(CoverageGap(part, reason, subject=subject))
        self._gap_parts.add(part)


def _gap(entry: Any) -> CoverageGap:
    return CoverageGap(
        part=text(entry, "part"),
        reason=text(entry, "reason"),
        api=maybe_text(entry, "api") or "",
        code=maybe_text(entry, "code") or "",
        subject=maybe_text(entry, "subject") or "",
    )


def _summary(part: Any) -> Dict[str, int]:
    counts = mapping(unwrapped(part, "SummaryMap"))
    for key, count in counts.items():
        if not isinstance(count, int):
            raise Malformed(f".{key} is {kind_of(count)}, a number is needed")
    return dict(counts)


def _organization_policies(part: Any) -> Tuple[OrganizationPolicy, ...]:
    return each(part, _organization_policy)


def _organization_policy(entry: Any) -> OrganizationPolicy:
    return OrganizationPolicy(
        id=text(entry, "Id"),
        name=maybe_text(entry, "Name") or "",
        text=required(entry, "Content"),
        arn=maybe_text(entry, "Arn") or "",
        targets=None if entry.get("Targets") is None else array(entry, "Targets", _target),
    )


def _target(entry: Any) -> str:
    return entry if isinstance(entry, str) else text(entry, "TargetId")


def _resource_policies(part: Any) -> Tuple[ResourcePolicy, ...]:
    return each(part, lambda entry: ResourcePolicy(text(entry, "Arn"), required(entry, "Policy")))


def _some(items: Sequence[str], singular: str, plural: str = "") -> str:
    shown = ", ".join(items[:_SHOWN]) + (", ..." if len(items) > _SHOWN else "")
    return f"{len(items)} {singular if len(items) == 1 else plural or singular + 's'} ({shown})"
