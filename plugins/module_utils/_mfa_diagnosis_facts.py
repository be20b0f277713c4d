# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an account and a host's facts to the facts of a diagnosis.

Private to this collection. What the account's snapshot has a gap for is Unknown, with the gap's reason.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, Tuple, Union

from ._diagnosis.model import Facts, Host, HostReference, Known, Unknown
from ._iam.account import Account, CoverageGap, Device, OrganizationPolicy, PolicyRef, User
from ._iam.catalogue import AUTHORIZATION, DEVICES, NOT_ASKED, ORGANIZATION, VIRTUAL

__all__ = ["account_facts", "host_of"]

_GONE = "NoSuchEntity"
_VERDICTS = ("compliant", "noncompliant", "unknown")
_ACCOUNT_DIGITS = 12
_MOST_S = 1e10  # three hundred years


def account_facts(facts: Facts, account: Account, name: str, role_arn: str) -> Facts:
    """Put in what an account says about a user, and about the role that it wants."""
    identities = _gap(account, AUTHORIZATION)
    user = account.users.get(name)
    return facts._replace(
        user=_user(account, name, identities),
        devices=_devices(account, name, user),
        inventory=_gap(account, VIRTUAL) or Known(tuple(_virtual(account))),
        policies=_policies(account, user, identities),
        boundary=_boundary(account, user, identities),
        scps=_scps(account),
        trust=_trust(account, role_arn, identities),
    )


def _gap(account: Account, part: str) -> Optional[Unknown]:
    return next((_unknown(gap) for gap in account.gaps if gap.part == part), None)


def _unknown(gap: CoverageGap) -> Unknown:
    return Unknown(gap.reason, gap.api, gap.code)


def _user(account: Account, name: str, identities: Optional[Unknown]) -> Union[Known[Optional[User]], Unknown]:
    user = account.users.get(name)
    if user is not None or identities is None:
        return Known(user)
    return Known(None) if _is_gone(account) else identities


def _is_gone(account: Account) -> bool:
    """Return whether the list of the user's devices was refused since there is no such user."""
    return any(gap.part == DEVICES and gap.code == _GONE for gap in account.gaps)


def _devices(account: Account, name: str, user: Optional[User]) -> Union[Known[Tuple[Device, ...]], Unknown]:
    held = tuple(device for device in account.devices.values() if device.user == name)
    if user is not None and user.devices_complete:
        return Known(held)
    refused = [gap for gap in account.gaps if gap.part == DEVICES and gap.reason != NOT_ASKED]
    if any(gap.code == _GONE for gap in refused):
        return Known(())
    if refused:
        return _unknown(refused[0])
    # Asked and answered, though the users could not be listed.
    return Known(held) if user is None else Unknown("the list of the user's devices is not complete")


def _virtual(account: Account) -> Iterator[Device]:
    return (device for device in account.devices.values() if device.kind in ("virtual", "root"))


def _policies(
    account: Account, user: Optional[User], identities: Optional[Unknown]
) -> Union[Known[Tuple[PolicyRef, ...]], Unknown]:
    if identities is not None:
        return identities
    if user is None:
        return Known(())
    groups = [account.groups[name] for name in user.groups if name in account.groups]
    missing = [name for name in user.groups if name not in account.groups]
    attached = (*user.attached, *(arn for group in groups for arn in group.attached))
    missing += [arn for arn in attached if arn not in account.policies]
    if missing:
        return Unknown(f"what {', '.join(sorted(set(missing)))} says was not read")
    return Known(tuple(account.user_policies(user)))


def _boundary(
    account: Account, user: Optional[User], identities: Optional[Unknown]
) -> Union[Known[Optional[PolicyRef]], Unknown]:
    if identities is not None:
        return identities
    if user is None or not user.boundary:
        return Known(None)
    found = account.boundary_policy(user)
    return Unknown(f"what {user.boundary} says was not read") if found is None else Known(found)


def _scps(account: Account) -> Union[Known[Tuple[PolicyRef, ...]], Unknown]:
    gap = _gap(account, ORGANIZATION)
    if gap is not None:
        return gap
    reaching = (scp for scp in account.organization_policies if _may_reach(scp, account.account_id))
    return Known(tuple(PolicyRef(f"scp:{scp.id}", scp.arn or scp.id, scp.text) for scp in reaching))


def _may_reach(scp: OrganizationPolicy, account_id: str) -> bool:
    """Return whether a policy may hold in an account: units and roots may have it below them."""
    if scp.targets is None:
        return True
    return any(len(target) != _ACCOUNT_DIGITS or not target.isdigit() or target == account_id for target in scp.targets)


def _trust(
    account: Account, role_arn: str, identities: Optional[Unknown]
) -> Union[Known[Optional[PolicyRef]], Unknown]:
    if not role_arn:
        return Unknown("no role was named")
    owner = (role_arn.split(":") + [""] * 5)[4]
    if owner != account.account_id:
        return Unknown(f"the role is of account {owner or 'unknown'}, whose policies these credentials do not read")
    if identities is not None:
        return identities
    role = account.roles.get(role_arn)
    return Known(None if role is None else PolicyRef("trust", role.arn, role.trust))


def host_of(name: str, facts: Any) -> Union[Known[Host], Unknown]:
    """Read ansible_facts.softtoken of the host that makes the codes; a host is not trusted to send what it should."""
    if not isinstance(facts, Mapping) or facts.get("verdict") not in _VERDICTS:
        return Unknown(f"what was measured on {name or 'the host'} is not what host_facts returns")
    clock = facts.get("clock")
    clock = clock if isinstance(clock, Mapping) else {}
    return Known(
        Host(
            name=name,
            verdict=str(facts["verdict"]),
            reasons=tuple(filter(_is_text, _array(facts.get("reasons")))),
            offset_s=_number(clock.get("offset_s")),
            bound_s=_number(clock.get("bound_s")),
            measured_at=facts["measured_at"] if _is_text(facts.get("measured_at")) else "",
            serials=tuple(_references(facts.get("serials"))),
        )
    )


def _references(entries: Any) -> Iterator[HostReference]:
    for entry in _array(entries):
        if isinstance(entry, Mapping) and _is_text(entry.get("serial")):
            where, profile = (entry.get(key) if _is_text(entry.get(key)) else "" for key in ("where", "profile"))
            yield HostReference(entry["serial"], str(where), str(profile))


def _array(value: Any) -> Tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else ()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> Optional[float]:
    # Beyond _MOST_S no clock is; neither NaN nor infinity is less than it.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < _MOST_S else None
