# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of credentials a request can be made with, and what each says of MFA.

Private to this collection. A world is one credential at one moment: what the request context holds for the two MFA
keys, None where it does not hold the key at all. Age exists only where MFA was used.

Sources disagree on what the later calls of a role session carry (no key at all, or Present false): both are worlds
here, and who asks about role sessions asks about both.
"""

from __future__ import annotations

from typing import FrozenSet, Iterable, NamedTuple, Optional, Tuple

from .document import AGE, Condition, Document
from .patterns import read_number

__all__ = [
    "ASSUME_ROLE_WITH_MFA",
    "FEDERATED",
    "FRESH_S",
    "LONG_TERM_KEY",
    "MAX_AGE_S",
    "ROLE_SESSIONS",
    "ROLE_SESSION_ABSENT",
    "ROLE_SESSION_FALSE",
    "SERVICE",
    "SESSION_WITHOUT_MFA",
    "SESSION_WITH_MFA",
    "SESSION_WITH_STALE_MFA",
    "WITHOUT_MFA",
    "WITH_MFA",
    "WORLDS",
    "World",
    "worlds_for",
]

MAX_AGE_S = 129600  # the longest session with MFA: 36 h
FRESH_S = 1

_PEOPLE = frozenset(("user", "root"))


class World(NamedTuple):
    """One credential at one moment; ``credential`` is what a finding's witness calls it."""

    name: str
    credential: str
    present: Optional[bool]  # aws:MultiFactorAuthPresent
    age_s: Optional[int]  # aws:MultiFactorAuthAge
    can_hold: FrozenSet[str]  # user | root | role | federated | service

    @property
    def with_mfa(self) -> bool:
        """Whether MFA was used."""
        return self.present is True


LONG_TERM_KEY = World("long_term_key", "long_term_key", None, None, _PEOPLE)
SESSION_WITHOUT_MFA = World("session_without_mfa", "session_without_mfa", present=False, age_s=None, can_hold=_PEOPLE)
SESSION_WITH_MFA = World("session_with_mfa", "session_with_mfa", present=True, age_s=FRESH_S, can_hold=_PEOPLE)
SESSION_WITH_STALE_MFA = World(
    "session_with_stale_mfa", "session_with_mfa", present=True, age_s=MAX_AGE_S, can_hold=_PEOPLE
)
#: The AssumeRole call itself, made with SerialNumber and TokenCode.
ASSUME_ROLE_WITH_MFA = World("assume_role_with_mfa", "session_with_mfa", present=True, age_s=0, can_hold=_PEOPLE)
ROLE_SESSION_ABSENT = World("role_session_absent", "role_session", None, None, frozenset(("role",)))
ROLE_SESSION_FALSE = World(
    "role_session_false", "role_session", present=False, age_s=None, can_hold=frozenset(("role",))
)
FEDERATED = World("federated", "federated", None, None, frozenset(("federated",)))
#: A service acting for a user.
SERVICE = World("service", "service", present=False, age_s=None, can_hold=frozenset(("service",)))

WORLDS = (
    LONG_TERM_KEY,
    SESSION_WITHOUT_MFA,
    SESSION_WITH_MFA,
    SESSION_WITH_STALE_MFA,
    ASSUME_ROLE_WITH_MFA,
    ROLE_SESSION_ABSENT,
    ROLE_SESSION_FALSE,
    FEDERATED,
    SERVICE,
)
WITH_MFA = tuple(world for world in WORLDS if world.with_mfa)
WITHOUT_MFA = tuple(world for world in WORLDS if not world.with_mfa)
#: Both readings of what a role session carries.
ROLE_SESSIONS = (ROLE_SESSION_ABSENT, ROLE_SESSION_FALSE)


def worlds_for(documents: Iterable[Document]) -> Tuple[World, ...]:
    """Give every world that these documents can tell apart.

    Those are ``WORLDS`` and a session with MFA on each side of every age that a condition names: between two such
    ages nothing changes.
    """
    ages = {
        age
        for document in documents
        for statement in document.statements
        if statement.has_mfa
        for condition in statement.conditions
        for age in _ages(condition)
    }
    more = tuple(
        World(f"session_with_mfa_{age}s", "session_with_mfa", present=True, age_s=age, can_hold=_PEOPLE)
        for age in sorted(ages - {0, FRESH_S, MAX_AGE_S})
    )
    return WORLDS + more


def _ages(condition: Condition) -> Iterable[int]:
    if condition.key_folded != AGE or not condition.base.startswith("numeric"):
        return
    for value in condition.values:
        number = read_number(value)
        if number is not None and -1 <= number <= MAX_AGE_S + 1:
            for age in (int(number) - 1, int(number), int(number) + 1):
                if 0 <= age <= MAX_AGE_S:
                    yield age
