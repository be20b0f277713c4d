# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles an audit is about, and what belongs to them.

Private to this collection. Whoever asks may know a role by its name, by its ARN, or, as the metadata of an EC2 instance
tells it, by account and name without the path; a name is unique in an account.
"""

from __future__ import annotations

from typing import FrozenSet, Iterable, List, NamedTuple

from .account import Account, Role

__all__ = ["Scope", "scope_of"]


class Scope(NamedTuple):
    """The ARNs of the roles and of their policies, and what was asked for that the account does not have."""

    resources: FrozenSet[str]
    unknown: FrozenSet[str]


def scope_of(account: Account, wanted: Iterable[str]) -> Scope:
    """Find the roles that were asked for."""
    by_name = {role.name: role for role in account.roles.values()}
    resources: List[str] = []
    unknown: List[str] = []
    for text in wanted:
        parts = text.split(":", 5)
        name = text if len(parts) < 6 else _name(parts, account.account_id)
        role = by_name.get(name)
        if role is None:
            unknown.append(text)
        else:
            resources += _belongings(role)
    return Scope(frozenset(resources), frozenset(unknown))


def _name(parts: List[str], account_id: str) -> str:
    kind, _slash, rest = parts[5].partition("/")
    return rest.rpartition("/")[2] if parts[4] == account_id and kind == "role" else ""


def _belongings(role: Role) -> List[str]:
    return [role.arn, *role.attached, *([role.boundary] if role.boundary else [])]
