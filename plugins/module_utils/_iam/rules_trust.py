# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can take on a role without MFA, and who never can although MFA is asked for: MFA-T01 to MFA-T07.

Private to this collection. Each distinct trust policy is judged once, whatever number of roles carry it.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from .account import PolicyRef
from .condition import Truth, statement_applies
from .context import AuditContext
from .decide import Request, action_matches, decide
from .document import Document, Statement
from .effect import Draft, requires_mfa
from .finding import Finding, Witness
from .principals import Principal, confined_to_roles, is_required, overlap, people
from .privileges import Privileges
from .rules_condition import misspelt_keys
from .rules_trust_reach import check_reach, judge_reach, named
from .worlds import LONG_TERM_KEY, SESSION_WITHOUT_MFA, World

__all__ = ["check"]

_ASSUME = "sts:AssumeRole"
_EXTERNAL_ID = "sts:externalid"
_WORLDS = (LONG_TERM_KEY, SESSION_WITHOUT_MFA)


class _Way(NamedTuple):
    """A way into a role without MFA."""

    statement: Statement
    principal: Principal
    world: World
    outcome: str  # allowed | unknown
    keys: Tuple[str, ...]  # that it depends on besides


_Guarded = Tuple[Statement, Tuple[Principal, ...]]  # one that asks for MFA, and of whom


class _Verdict(NamedTuple):
    ways: Tuple[_Way, ...]
    others: Tuple[Draft, ...]


def check(context: AuditContext) -> Iterator[Finding]:
    """Yield what is wrong with who may assume which role."""
    privileges: Optional[Privileges] = None
    own = frozenset((context.account.account_id,)) | context.options.trusted_accounts
    for distinct in context.documents:
        refs = [ref for ref in distinct.places if ref.family == "trust"]
        if not refs:
            continue
        verdict = _judge(distinct.document, own)
        if verdict.ways and privileges is None:
            privileges = Privileges(context)
        for ref in refs:
            yield from _at(context, ref, verdict, privileges)
    yield from check_reach(context)


def _at(
    context: AuditContext, ref: PolicyRef, verdict: _Verdict, privileges: Optional[Privileges]
) -> Iterator[Finding]:
    role = context.account.roles.get(ref.resource)
    if role is not None and (role.service_linked or role.sso_reserved):
        return
    for draft in verdict.others:
        yield draft.at(context, ref)
    if verdict.ways and privileges is not None:
        privileged = role is not None and privileges.has(role)
        yield _without_mfa(verdict.ways, context.account.account_id, privileged=privileged).at(context, ref)


def _judge(document: Document, own: FrozenSet[str]) -> _Verdict:
    allows = [one for one in document.statements if one.effect == "Allow" and _assumes(one)]
    ways: List[_Way] = []
    for statement in allows:
        if (statement.principal is None or statement.principal.aws) and not confined_to_roles(statement):
            ways.extend(_ways(document, statement, own))
    others: List[Draft] = []
    if document.has_mfa:
        guarded = [(one, people(one)) for one in allows if requires_mfa(one)]
        voided = _voided(ways, guarded)
        others.extend(voided)
        told = {draft.statement.index for draft in voided}
        ways = [way for way in ways if way.statement.index not in told]
    others.extend(judge_reach(document, own))
    return _Verdict(tuple(ways), tuple(others))


def _assumes(statement: Statement) -> bool:
    if statement.actions:
        return any(action == _ASSUME or action_matches(action, _ASSUME) for action in statement.actions)
    return not any(action_matches(action, _ASSUME) for action in statement.not_actions)


def _ways(document: Document, statement: Statement, own: FrozenSet[str]) -> Iterator[_Way]:
    """Yield the ways that one Allow opens to people, at most one for each principal."""
    external = any(one.key_folded == _EXTERNAL_ID and is_required(one) for one in statement.conditions)
    for principal in people(statement):
        if external and principal.account not in own:
            continue  # a third party's program, which has no MFA to show
        for world in _WORLDS:
            way = _way(document, statement, principal, world)
            if way is not None:
                yield way
                break


def _way(document: Document, statement: Statement, principal: Principal, world: World) -> Optional[_Way]:
    # A misspelt MFA key is in no request: that it is not known would be the wrong reason.
    known = misspelt_keys(document.statements)
    applies = statement_applies(statement, world, known)
    if applies.truth is Truth.NO:
        return None
    outcome = "allowed" if applies.truth is Truth.YES else "unknown"
    if any(one.effect != "Allow" for one in document.statements):
        request = Request(_ASSUME, None, principal.example(), known)
        decision = decide((document,), request, world)
        if decision.outcome not in ("allowed", "unknown"):
            return None
        if decision.outcome == "unknown":
            return _Way(statement, principal, world, "unknown", decision.unknown_keys or applies.unknown_keys)
    return _Way(statement, principal, world, outcome, applies.unknown_keys)


# --- MFA-T01 ---------------------------------------------------------------------------------------------------------


def _without_mfa(ways: Tuple[_Way, ...], account: str, *, privileged: bool) -> Draft:
    first = next((way for way in ways if way.outcome == "allowed"), ways[0])
    foreign = any(way.principal.kind == "everyone" or _is_foreign_account(way.principal, account) for way in ways)
    names = named([way.principal for way in ways])
    how = "with access keys alone" if first.world is LONG_TERM_KEY else "with a session without MFA"
    message = f"{names} may assume the role {how}."
    if first.outcome == "unknown":
        message = (
            f"{names} may assume the role {how}, depending on {', '.join(first.keys) or 'what could not be read'}."
        )
    if privileged:
        message += " The role is privileged."
    return Draft(
        "MFA-T01",
        first.statement,
        message + " Ask for MFA: Bool aws:MultiFactorAuthPresent true.",
        witness=Witness(first.world.credential, "allowed"),
        severity="high" if privileged or foreign else None,
    )


def _is_foreign_account(principal: Principal, account: str) -> bool:
    return principal.kind == "account" and principal.account != account


# --- MFA-T02 ---------------------------------------------------------------------------------------------------------


def _voided(ways: List[_Way], guarded: List[_Guarded]) -> List[Draft]:
    """Give each statement that makes a sibling's MFA condition void, with whom it lets in."""
    found: Dict[int, Tuple[_Way, Statement, List[Principal]]] = {}
    for way in ways:
        if way.outcome != "allowed":
            continue
        other = _voids(way, guarded)
        if other is not None:
            found.setdefault(way.statement.index, (way, other, []))[2].append(way.principal)
    return [
        Draft(
            "MFA-T02",
            way.statement,
            f"Statement {other.label} asks for MFA, and this one lets {named(principals)} assume the role without: "
            "statements add up, so that the condition is void.",
            witness=Witness(way.world.credential, "allowed"),
        )
        for way, other, principals in found.values()
    ]


def _voids(way: _Way, guarded: List[_Guarded]) -> Optional[Statement]:
    """Give the sibling whose MFA condition is void because of this way, if there is one."""
    for statement, others in guarded:
        if statement.index != way.statement.index and any(overlap(way.principal, one) is not None for one in others):
            return statement
    return None
