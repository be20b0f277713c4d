# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that a correction of a statement does what the statement was meant to do, for every kind of credential.

Private to this collection. A statement that tests an MFA key means MFA: an Allow is for those who used it, a Deny for
those who did not. A correction may not allow anything beyond that meaning, may not allow more than before to anybody
whom the statement let in by MFA, and may not lock out who can present MFA, nor who cannot and is named on purpose.

Statements of a document add up and the others stay as they are, so what is proved of one statement holds for the whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import FrozenSet, NamedTuple, Tuple

from .condition import NOTHING, Truth, all_of, evaluate_condition
from .document import Condition, Document, Principals, Statement
from .patterns import Known
from .principals import confined_to_roles, confined_to_users, read_principal
from .worlds import ASSUME_ROLE_WITH_MFA, SESSION_WITH_MFA, World, worlds_for

__all__ = ["Reach", "objection", "reach_of"]

_FRESH = (ASSUME_ROLE_WITH_MFA, SESSION_WITH_MFA)
_NOT_PEOPLE = frozenset(("role", "federated", "service"))
_SERVICES = frozenset(("service",))
_PEOPLE = frozenset(("user", "root"))
_HOLDER = {"role": "role", "session": "role", "federated_user": "federated", "unique_id": "role"}
_CALLED = {"role": "role sessions", "federated": "federated users", "service": "services"}


class Reach(NamedTuple):
    """Whom a statement is about: people, who can present MFA, and kinds of callers who cannot."""

    people: bool
    others: FrozenSet[str]  # role | federated | service


def reach_of(statement: Statement, family: str, carriers: FrozenSet[str]) -> Reach:
    """Say whom a statement is about; ``carriers`` are user and role, where the document is attached to such.

    An account under an Allow stands for its people: its roles come in by the same door, and the meaning of an MFA
    condition is that they do not. Under a Deny it stands for everybody in it.
    """
    if confined_to_users(statement):
        return Reach(people=True, others=frozenset())
    if confined_to_roles(statement):
        return Reach(people=False, others=frozenset(("role",)))
    if statement.not_principal is not None:
        return Reach(people=True, others=_NOT_PEOPLE)
    if statement.principal is None:
        if family == "scp":
            return Reach(people=True, others=frozenset(("role", "federated")))
        return Reach("user" in carriers, carriers & _NOT_PEOPLE)
    return _reach_of_named(statement.principal, denies=statement.effect == "Deny")


def _reach_of_named(named: Principals, *, denies: bool) -> Reach:
    principals = [read_principal(text) for text in named.aws]
    others = {_HOLDER[one.kind] for one in principals if one.kind in _HOLDER}
    others.update(kind for kind, names in (("service", named.service), ("federated", named.federated)) if names)
    if denies and any(one.kind == "account" for one in principals):
        others.update(("role", "federated"))
    if denies and named.everyone:
        others.update(_NOT_PEOPLE)
    return Reach(any(one.is_person for one in principals), frozenset(others))


def objection(
    before: Statement,
    after: Statement,
    reach: Reach,
    *,
    absent: FrozenSet[str] = frozenset(),
    ages: bool = False,
    same: bool = False,
) -> str:
    """Say what is wrong with a correction, or "".

    ``absent`` are keys (folded) that no request carries: misspelt ones. ``ages`` says that the limit of the age was
    without meaning, so that the correction brings one. ``same`` says that only the writing is at fault: a correction
    may then leave what the statement does as it is.
    """
    if after.obj == before.obj:
        return "nothing would change"
    if not _same_elsewhere(before, after, absent):
        return "it would change more than the conditions on MFA"
    return _objection(
        before.effect,
        _relevant(before, absent),
        _relevant(after, frozenset()),
        reach,
        tuple(sorted(absent)),
        ages,
        same,
    )


def _relevant(statement: Statement, absent: FrozenSet[str]) -> Tuple[Condition, ...]:
    return tuple([one for one in statement.conditions if one.is_mfa or one.key_folded in absent])


def _same_elsewhere(before: Statement, after: Statement, absent: FrozenSet[str]) -> bool:
    def rest(statement: Statement) -> object:
        conditions = [
            (one.operator, one.key, one.values)
            for one in statement.conditions
            if not one.is_mfa and one.key_folded not in absent
        ]
        empty = [operator for operator, keys in statement.obj.get("Condition", {}).items() if not keys]
        return {key: value for key, value in statement.obj.items() if key != "Condition"}, conditions, empty

    return rest(before) == rest(after)


@lru_cache(maxsize=4096)
def _objection(
    effect: str,
    before: Tuple[Condition, ...],
    after: Tuple[Condition, ...],
    reach: Reach,
    absent: Tuple[str, ...],
    ages: bool,  # noqa: FBT001
    same: bool,  # noqa: FBT001
) -> str:
    known: Known = dict.fromkeys(absent) if absent else NOTHING
    worlds = worlds_for((_document(effect, before), _document(effect, after)))
    was = {world: all_of([evaluate_condition(one, world, known) for one in before]) for world in worlds}
    now = {world: all_of([evaluate_condition(one, world) for one in after]) for world in worlds}
    if Truth.UNKNOWN in now.values():
        return "what the corrected condition does cannot be decided"
    if same and was == now:
        return ""
    if not reach.people:
        return "nobody whom the statement is about can present MFA"
    judge = _allow if effect == "Allow" else _deny
    alive = any(was[world] is Truth.YES for world in _FRESH)
    for world in worlds:
        wrong = judge(world, was[world], now[world], alive=alive, ages=ages) or _loses(
            effect, world, was[world], now[world], reach
        )
        if wrong:
            return wrong
    return ""


def _document(effect: str, conditions: Tuple[Condition, ...]) -> Document:
    statement = Statement(0, "", effect, None, None, (), (), (), (), conditions, {}, has_mfa=True)
    return Document("", "2012-10-17", (statement,), (), {})


def _allow(world: World, was: Truth, now: Truth, *, alive: bool, ages: bool) -> str:
    if not world.with_mfa:
        return f"it would allow {world.name}, without MFA" if now is Truth.YES else ""
    if world in _FRESH and now is Truth.NO:
        return "it would lock out those who have just used MFA"
    if now is Truth.YES and was is not Truth.YES and alive:
        return f"it would allow {world.name}, which the statement did not"
    if now is Truth.NO and was is not Truth.NO and not ages:
        return f"it would lock out {world.name}"
    return ""


def _deny(world: World, was: Truth, now: Truth, *, alive: bool, ages: bool) -> str:
    if not world.with_mfa:
        if now is Truth.NO and (was is not Truth.NO or world.can_hold & _PEOPLE):
            return f"it would no longer stop {world.name}, without MFA"
        return ""
    if world in _FRESH and now is Truth.YES:
        return "it would lock out those who have just used MFA"
    if now is Truth.NO and was is not Truth.NO and not alive:
        return f"it would no longer stop {world.name}"
    if now is Truth.YES and was is not Truth.YES and not ages:
        return f"it would lock out {world.name}"
    return ""


def _loses(effect: str, world: World, was: Truth, now: Truth, reach: Reach) -> str:
    """Say who of those who cannot present MFA, and whom the statement is about, would lose by it."""
    holders = world.can_hold
    if world.present is None:
        holders = holders | _SERVICES  # a service that acts for itself carries neither key
    hit = holders & reach.others
    if not hit:
        return ""
    lost = (
        (was is not Truth.NO and now is Truth.NO) if effect == "Allow" else (was is not Truth.YES and now is Truth.YES)
    )
    if not lost:
        return ""
    who = " and ".join(_CALLED[kind] for kind in sorted(hit))
    return f"it would lock out {who}, which the statement reaches and which cannot present MFA: separate them first"
