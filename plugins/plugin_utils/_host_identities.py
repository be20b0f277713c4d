# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the facts of hosts say about AWS identities. Private to this collection, controller only.

Hosts are not trusted: whatever does not look as host_facts makes it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["attached_role", "attached_roles", "host_serials", "role_profiles_of", "serials_of"]

_PARTITION = re.compile(r"aws[a-z-]{0,20}")
_PLACE_KEYS = ("where", "profile", "user")


def host_serials(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Return the serials of all hosts, and the profiles for a role that name none."""
    return [
        {"host": host, **entry}
        for host, facts in _known(hosts, hostvars)
        for entry in (*serials_of(facts), *role_profiles_of(facts))
    ]


def attached_roles(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    """Return the ARNs of the roles attached to the hosts, each once."""
    roles = ((attached_role(facts), _partition(facts)) for _host, facts in _known(hosts, hostvars))
    return list(
        dict.fromkeys(f"arn:{partition}:iam::{role[0]}:role/{role[1]}" for role, partition in roles if role is not None)
    )


def serials_of(facts: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    """Yield the serials in the fact ``softtoken`` of one host."""
    yield from _entries(facts.get("serials"), "serial")


def role_profiles_of(facts: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    """Yield the profiles for a role that name no MFA device, from the same fact."""
    yield from _entries(facts.get("role_profiles"), "role_arn")


def _entries(listed: object, name: str) -> Iterator[dict[str, str | None]]:
    for entry in listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get(name), str):
            yield {key: None if entry.get(key) is None else str(entry[key]) for key in (name, *_PLACE_KEYS)}


def attached_role(facts: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return account and name of the role attached to one host."""
    role = facts.get("attached_role")
    if not isinstance(role, Mapping) or not role.get("account") or not role.get("role"):
        return None
    return str(role["account"]), str(role["role"])


def _partition(facts: Mapping[str, Any]) -> str:
    """Return the partition of the attached role; the fact names it where it is not the usual one."""
    role = facts.get("attached_role")
    named = role.get("partition") if isinstance(role, Mapping) else None
    return named if isinstance(named, str) and _PARTITION.fullmatch(named) else "aws"


def _known(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each host that has the fact, with it."""
    for host in hosts:
        # hostvars has no usable get(): for a host that the inventory does not know it returns an undefined value.
        values = hostvars[host] if host in hostvars else {}  # noqa: SIM401  hostvars have no get()
        facts = values.get("ansible_facts", {}).get("softtoken")
        if isinstance(facts, Mapping):
            yield str(host), facts
