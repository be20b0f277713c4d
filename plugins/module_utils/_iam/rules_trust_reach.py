# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asked for MFA and cannot present it: MFA-T03 to MFA-T07.

Private to this collection. Role sessions carry no MFA whatever was used to get them, services and federated users
neither. Where sources disagree on what a role session carries, both readings are looked at, and the message says so.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple

from .account import PolicyRef, Role, User
from .condition import Truth
from .context import AuditContext, Distinct
from .document import Document, Statement
from .effect import Draft, effect_of, requires_mfa
from .finding import Finding, Witness
from .principals import Principal, confined_to_users, is_required, people, read_principal, third_party
from .serial import parse_serial

__all__ = ["check_reach", "judge_reach", "named"]

_ROLE_KINDS = frozenset(("role", "session", "federated_user"))
_SERVICE_ROLES = "/aws-service-role/"
_MOST_NAMED = 5


def judge_reach(document: Document, own: FrozenSet[str]) -> Iterator[Draft]:
    """Yield what a trust policy's text alone shows."""
    for statement in document.statements:
        if statement.effect == "Allow" and statement.has_mfa:
            yield from _nobody_can(statement)
            yield from _third_parties(statement, own)


def check_reach(context: AuditContext) -> Iterator[Finding]:
    """Yield what takes the rest of the account to see."""
    carriers = _Carriers(context)
    for distinct in context.documents:
        yield from _deleted(context, distinct)
        if distinct.mentions_mfa and distinct.document.has_mfa:
            for ref in distinct.places:
                if ref.family == "trust":
                    yield from _no_device(context, distinct.document, ref)
                else:
                    yield from _of_sessions(context, distinct.document, ref, carriers)


# --- MFA-T03, MFA-T07 ------------------------------------------------------------------------------------------------


def _nobody_can(statement: Statement) -> Iterator[Draft]:
    effect = effect_of(statement)
    if statement.principal is None or Truth.YES not in (effect.fresh, effect.stale):
        return
    outcomes = _role_outcomes(statement)
    path = _path(statement)
    roles = [one for one in map(read_principal, statement.principal.aws) if one.kind in _ROLE_KINDS]
    if roles and Truth.NO in outcomes:
        sure = Truth.YES not in outcomes
        yield Draft(
            "MFA-T03",
            statement,
            f"MFA is asked of {named(roles)}, whose sessions carry none: "
            + ("it can never assume this role." if sure else _DISAGREE),
            path,
            Witness("role_session", "never" if sure else "denied"),
        )
    others = statement.principal.service + statement.principal.federated
    if others and effect.key is Truth.NO:
        yield Draft(
            "MFA-T03",
            statement,
            f"MFA is asked of {', '.join(others)}: services and federated users never carry it, and cannot assume "
            "this role.",
            path,
            Witness("role_session", "never"),
        )


_DISAGREE = (
    "whether they lack aws:MultiFactorAuthPresent or carry it as false decides it, and on that sources disagree."
)


def _role_outcomes(statement: Statement) -> Tuple[Truth, Truth]:
    """Say whether MFA conditions hold for a role session, by either reading of what it carries."""
    effect = effect_of(statement)
    # Without the key it is as with an access key, with false as in a session without MFA.
    return effect.key, effect.session


def _third_parties(statement: Statement, own: FrozenSet[str]) -> Iterator[Draft]:
    if not requires_mfa(statement) or any(
        one.key_folded == "sts:externalid" and is_required(one) for one in statement.conditions
    ):
        return
    parties = third_party(people(statement), own)
    if parties:
        yield Draft(
            "MFA-T07",
            statement,
            f"MFA is asked of {named(list(parties))}, an account that is not yours: whoever administers it can make "
            "MFA devices there at will. Ask for an sts:ExternalId too, or list the account as trusted.",
            _path(statement),
            Witness("session_with_mfa", "allowed"),
        )


def named(principals: List[Principal]) -> str:
    """Name principals, but not too many."""
    names = list(dict.fromkeys(one.text for one in principals))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _path(statement: Statement) -> str:
    return next((condition.path for condition in statement.conditions if condition.is_mfa), "")


# --- MFA-T04 ---------------------------------------------------------------------------------------------------------


class _Carriers:
    """Which roles carry a policy."""

    def __init__(self, context: AuditContext) -> None:
        self._context = context
        self._bounds: Optional[Dict[str, List[str]]] = None

    def of(self, ref: PolicyRef) -> Tuple[str, ...]:
        """Give the ARNs of the roles that a document is in force for."""
        account = self._context.account
        if ref.family == "inline":
            return (ref.resource,) if ref.resource in account.roles else ()
        policy = account.policies.get(ref.resource)
        if policy is None:
            return ()
        arns = policy.attachments if ref.family == "managed" else policy.bounds
        return tuple(arn for arn in arns if self._counts(arn))

    def _counts(self, arn: str) -> bool:
        role: Optional[Role] = self._context.account.roles.get(arn)
        return role is not None and not role.service_linked and not role.sso_reserved


def _of_sessions(context: AuditContext, document: Document, ref: PolicyRef, carriers: _Carriers) -> Iterator[Finding]:
    if ref.family == "scp":
        return  # MFA-G04
    if ref.family == "resource":
        roles: Tuple[str, ...] = ()
    else:
        roles = carriers.of(ref)
        if not roles:
            return
    for statement in document.statements:
        if not statement.has_mfa or not statement.effect or confined_to_users(statement):
            continue
        whom = roles or _named_roles(statement)
        if whom:
            draft = _asked_of_sessions(statement, whom)
            if draft is not None:
                yield draft.at(context, ref)


def _named_roles(statement: Statement) -> Tuple[str, ...]:
    if statement.principal is None:
        return ()
    return tuple(text for text in statement.principal.aws if read_principal(text).kind in _ROLE_KINDS)


def _asked_of_sessions(statement: Statement, roles: Tuple[str, ...]) -> Optional[Draft]:
    effect, outcomes = effect_of(statement), _role_outcomes(statement)
    allows = statement.effect == "Allow"
    if allows:
        asked = Truth.YES in (effect.fresh, effect.stale) and Truth.NO in outcomes
        sure = Truth.YES not in outcomes
    else:
        asked = Truth.NO in (effect.fresh, effect.stale) and Truth.YES in outcomes
        sure = Truth.NO not in outcomes
    if not asked:
        return None
    names = named([read_principal(role) for role in roles])
    what = f"MFA is asked of sessions of {names}, which carry none whatever was used to assume the role: "
    if sure:
        what += "the Allow never applies." if allows else "the Deny always applies."
    else:
        what += _DISAGREE
    return Draft(
        "MFA-T04",
        statement,
        what + " Ask for MFA in the role's trust policy.",
        _path(statement),
        Witness("role_session", "never" if allows and sure else "denied"),
    )


# --- MFA-T05 ---------------------------------------------------------------------------------------------------------


def _deleted(context: AuditContext, distinct: Distinct) -> Iterator[Finding]:
    drafts: List[Draft] = []
    for statement in distinct.document.statements:
        if statement.principal is None or not statement.principal.aws or statement.effect != "Allow":
            continue
        for text in statement.principal.aws:
            message = _gone(context, read_principal(text))
            if message:
                drafts.append(Draft("MFA-T05", statement, message, "Principal.AWS"))
    for ref in distinct.places if drafts else ():
        role = context.account.roles.get(ref.resource)
        if role is None or not role.service_linked:
            for draft in drafts:
                yield draft.at(context, ref)


def _gone(context: AuditContext, principal: Principal) -> str:
    if principal.kind == "unique_id":
        what = {"AIDA": "a user", "AROA": "a role"}.get(principal.text[:4], "a principal")
        return (
            f"{principal.text} is what is left of {what} that was deleted. Making one of the same name again does not "
            "restore the trust: name the new one, or take the entry out."
        )
    account = context.account
    if principal.account != account.account_id or not context.has("authorization_details"):
        return ""
    if principal.kind == "user" and not _has_user(account.users.get(principal.name), principal):
        return f"There is no user {principal.text} in this account. Whoever is made under that name is not trusted."
    if principal.kind == "role" and principal.text not in account.roles and _SERVICE_ROLES not in principal.text:
        return f"There is no role {principal.text} in this account. Whoever is made under that name is not trusted."
    return ""


def _has_user(user: Optional[User], principal: Principal) -> bool:
    return user is not None and user.arn == principal.text


# --- MFA-T06 ---------------------------------------------------------------------------------------------------------


def _no_device(context: AuditContext, document: Document, ref: PolicyRef) -> Iterator[Finding]:
    for statement in document.statements:
        if statement.effect != "Allow" or not requires_mfa(statement):
            continue
        for principal in people(statement):
            if principal.kind != "user" or principal.account != context.account.account_id:
                continue
            user = context.account.users.get(principal.name)
            if user is not None and user.arn == principal.text and user.devices_complete and not _gives_codes(user):
                yield _cannot(statement, user).at(context, ref)


def _gives_codes(user: User) -> bool:
    return any(parse_serial(serial).gives_codes for serial in user.devices)


def _cannot(statement: Statement, user: User) -> Draft:
    has = "has no MFA device" if not user.devices else "has only devices that make no codes for the CLI and STS"
    return Draft(
        "MFA-T06",
        statement,
        f"MFA is asked of {user.name}, who {has}: nobody can assume the role as {user.name} until a virtual or "
        "hardware device is enrolled.",
        _path(statement),
        Witness("long_term_key", "denied"),
        serial=user.devices[0] if user.devices else None,
    )
