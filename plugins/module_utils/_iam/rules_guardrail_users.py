# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users can do to their MFA devices without MFA: MFA-G01, MFA-G02 and MFA-G05.

Private to this collection. Judged over all policies of a user together, within its boundary and the organization's
policies, and only for users who have a policy on it: one that asks for MFA for nearly everything (a guard), or one that
names what manages MFA devices. Users with the same policies are judged once.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from .account import PolicyRef, User
from .condition import Truth, statement_applies
from .context import AuditContext, Distinct
from .decide import Request, action_matches, statement_covers
from .document import Statement
from .effect import Draft, requests_of
from .finding import Finding, Witness
from .rules_guardrail_case import Case, Holder, Policies, case_of, leaves_out, names_mfa
from .worlds import LONG_TERM_KEY, SESSION_WITH_MFA, SESSION_WITHOUT_MFA, World

__all__ = ["check_users"]

_REMOVE = ("iam:DeactivateMFADevice", "iam:DeleteVirtualMFADevice")
_ENROL = ("iam:CreateVirtualMFADevice", "iam:EnableMFADevice")
_RESYNC = "iam:ResyncMFADevice"
_NEEDED = (*_ENROL, _RESYNC, "iam:ListMFADevices", "iam:ListVirtualMFADevices")
# A guard that leaves these out guards little.
_TOO_MUCH = (
    "iam:AddUserToGroup",
    "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:PutUserPolicy",
)
_WITHOUT = (LONG_TERM_KEY, SESSION_WITHOUT_MFA)
_OWN_LOOKS = ("iam:get*", "iam:list*", "iam:changepassword")
_MOST_NAMED = 5


_DraftKey = Tuple[str, int, str]  # rule, statement, message
_Key = Tuple[object, ...]


class _Fault(NamedTuple):
    at: int  # which of the user's documents
    draft: Draft


def check_users(context: AuditContext) -> Iterator[Finding]:
    """Yield what users can do without MFA and should not, and what they cannot and should."""
    policies = Policies(context)
    if not policies.relevant:
        return
    seen: Set[int] = set()
    judged: Dict[_Key, Tuple[_Fault, ...]] = {}
    gains: Dict[_Key, Optional[_Gain]] = {}
    merged: Dict[Tuple[str, str, _DraftKey], Tuple[PolicyRef, Draft, List[str]]] = {}
    for user in context.account.users.values():
        held = policies.held_by(user)
        distincts = [distinct for _layer, _ref, distinct in held]
        if policies.relevant.isdisjoint(map(id, distincts)):
            continue
        seen.update(map(id, distincts))
        holder = Holder(user.arn, user.name, context.account.account_id)
        case = case_of(held, policies, holder, policies.unread_boundary(user))
        key = _key(user, case, distincts)
        if key not in judged:
            judged[key] = tuple(_faults(case))
        for fault in judged[key]:
            ref = case.held[fault.at].ref
            entry = (ref.resource, ref.kind, (fault.draft.rule, fault.draft.statement.index, fault.draft.message))
            merged.setdefault(entry, (ref, fault.draft, []))[2].append(user.name)
        if _has_keys_alone(context, user):
            if key not in gains:
                gains[key] = _gain(case)
            gain = gains[key]
            if gain is not None:
                ref = case.held[gain.at].ref
                own = ref._replace(resource=user.arn, kind=_seen_from(user, ref))
                yield _enrolled_by_key(gain, user).at(context, own)
    for ref, draft, names in merged.values():
        yield _for(draft, names).at(context, ref)
    yield from _of_nobody(context, policies, policies.relevant - seen)


def _of_nobody(context: AuditContext, policies: Policies, keys: Set[int]) -> Iterator[Finding]:
    """Judge policies that no user has (yet) by themselves."""
    if not keys:
        return
    account = context.account
    holder = Holder(f"arn:{account.partition}:iam::{account.account_id}:user/anybody", "anybody", account.account_id)
    yield from _over_nobody(context, policies, keys)
    for distinct in context.documents:
        refs = [ref for ref in distinct.places if ref.family in ("inline", "managed")]
        if id(distinct) not in keys or not refs:
            continue
        faults = list(_faults(case_of([("identity", refs[0], distinct)], policies, holder, "")))
        for ref in refs:
            if ref.resource not in account.roles:
                for fault in faults:
                    yield fault.draft.at(context, ref)


def _over_nobody(context: AuditContext, policies: Policies, keys: Set[int]) -> Iterator[Finding]:
    """Judge service control policies without users under them: what they leave out they leave out for everybody."""
    for layer, ref, distinct in policies.organization:
        for guard in policies.of(distinct).guards if layer == "scp" and id(distinct) in keys else ():
            spared = _spared(guard)
            if spared:
                yield _spares(guard, spared).at(context, ref)


def _key(user: User, case: Case, distincts: Sequence[Distinct]) -> _Key:
    """Give what the answers depend on: the same policies say the same to two users of one path."""
    who = user.arn if any(one.policy.personal for one in case.held) else user.path
    return (who, case.unread, *[(one.layer, id(distinct)) for one, distinct in zip(case.held, distincts)])


def _for(draft: Draft, names: List[str]) -> Draft:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return draft._replace(message=f"{draft.message} It is in force for {', '.join(names[:_MOST_NAMED])}{more}.")


# --- MFA-G01 ---------------------------------------------------------------------------------------------------------


def _faults(case: Case) -> Iterator[_Fault]:
    yield from _removable(case)
    for at, guard in case.guards():
        missing = _locked_out(case, guard)
        if missing:
            yield _Fault(at, _lockout(guard, missing))
        spared = _spared(guard)
        if spared:
            yield _Fault(at, _spares(guard, spared))


def _spared(guard: Statement) -> List[str]:
    return [action for action in _TOO_MUCH if leaves_out(guard, action)]


class _Way(NamedTuple):
    """How an MFA device can be taken away without MFA, by one statement."""

    statement: Statement
    world: World
    depends: str
    actions: List[str]


def _removable(case: Case) -> Iterator[_Fault]:
    found: Dict[Tuple[int, int], _Way] = {}
    for request in _removals(case):
        for world in _WITHOUT:
            depends = _depends(case, request, world)
            if depends is None:
                continue
            for at, statement in _responsible(case, request, world):
                actions = found.setdefault((at, statement.index), _Way(statement, world, depends, [])).actions
                if request.action not in actions:
                    actions.append(request.action)
            break
    for (at, _index), way in found.items():
        yield _Fault(at, _takes_away(way))


def _removals(case: Case) -> Iterator[Request]:
    """Yield requests to take MFA away: one's own, then what statements name besides."""
    for action in _REMOVE:
        yield case.holder.request(action)
    for _at, statement in case.allows():
        for action in _REMOVE:
            if any(names_mfa(one) and action_matches(one, action) for one in statement.actions):
                only = statement._replace(actions=(action,))
                for request in requests_of(only, case.holder.account):
                    yield request._replace(principal=case.holder.arn)


def _depends(case: Case, request: Request, world: World) -> Optional[str]:
    """Say what it depends on that a request is allowed: "" on nothing, None where it is not."""
    decision = case.decide(request, world)
    on = []
    if decision.outcome == "unknown" and not case.may_be_stopped(request, world) and decision.unknown_keys:
        on.append(", ".join(decision.unknown_keys))
    elif decision.outcome != "allowed":
        return None
    if case.unread:
        on.append(f"the permissions boundary {case.unread}, which was not read")
    if case.decide(request, world, doubtful=True).outcome in ("denied", "implicit"):
        on.append("a service control policy of an organizational unit, which stops it if the account is in it")
    return " and ".join(on)


def _takes_away(way: _Way) -> Draft:
    what = "The policy asks for MFA, and leaves out" if way.statement.effect == "Deny" else "The statement allows"
    message = (
        f"{what} {' and '.join(way.actions)}: whoever has a user's access keys, and no MFA, can take the user's "
        "MFA away"
    )
    return Draft(
        "MFA-G01",
        way.statement,
        f"{message}, depending on {way.depends}." if way.depends else f"{message}.",
        witness=Witness(way.world.credential, "allowed"),
    )


def _responsible(case: Case, request: Request, world: World) -> List[Tuple[int, Statement]]:
    """Give the guards that leave a request out, else the statements that allow it by name."""
    guards = [
        (at, guard)
        for at, guard in case.guards()
        if guard.not_actions and leaves_out(guard, request.action) and _applies(guard, world)
    ]
    if guards:
        return guards
    return [
        (at, statement)
        for at, statement in case.allows()
        if any(names_mfa(one) and action_matches(one, request.action) for one in statement.actions)
        and statement_covers(statement, request) is Truth.YES
        and _applies(statement, world)
    ]


def _applies(statement: Statement, world: World) -> bool:
    return statement_applies(statement, world).truth is not Truth.NO


# --- MFA-G02 ---------------------------------------------------------------------------------------------------------


def _locked_out(case: Case, guard: Statement) -> List[str]:
    """Give what enrolment and resync need, is allowed with MFA, and is stopped by a guard without."""
    granted, missing = [], []
    if any("${" in pattern for pattern in guard.not_actions):
        return []  # of code: actions have no variables, and what will stand there may be what is needed
    for action in _NEEDED:
        request = case.holder.request(action)
        if case.decide(request, SESSION_WITH_MFA).outcome != "allowed":
            continue
        granted.append(action)
        if statement_covers(guard, request) is Truth.YES and any(_applies(guard, world) for world in _WITHOUT):
            missing.append(action)
    named = any(
        action_matches(pattern, action)
        for action in missing
        for _at, statement in case.allows()
        for pattern in statement.actions
        if names_mfa(pattern)
    )
    return missing if named or len(missing) == len(granted) or _breaks_off(missing) else []


def _breaks_off(missing: Sequence[str]) -> bool:
    """Whether a guard stops half of what it leaves out the rest of.

    To leave out resync and no enrolment is AWS's own example: administrators enrol then.
    """
    enrols = [action for action in _ENROL if action not in missing]
    if enrols or _RESYNC in missing:
        return bool(missing)
    return any(action not in _ENROL for action in missing)


def _lockout(guard: Statement, missing: List[str]) -> Draft:
    return Draft(
        "MFA-G02",
        guard,
        f"The policy stops {', '.join(missing)} without MFA: who has no working device yet cannot get to one. Leave "
        "that out of the Deny.",
        "NotAction" if guard.not_actions else "Action",
        Witness("session_without_mfa", "denied"),
    )


def _spares(guard: Statement, spared: List[str]) -> Draft:
    return Draft(
        "MFA-G02",
        guard,
        f"The policy asks for MFA and leaves out too much: without MFA it stops neither {' nor '.join(spared)}. Leave "
        "out only what enrolment needs.",
        "NotAction",
        Witness("long_term_key", "allowed"),
    )


# --- MFA-G05 ---------------------------------------------------------------------------------------------------------


class _Gain(NamedTuple):
    """An Allow that holds with MFA alone, and what it gives."""

    at: int
    statement: Statement
    what: str


def _has_keys_alone(context: AuditContext, user: User) -> bool:
    return user.has_mfa is False and user.active_keys != 0 and context.can_check("MFA-G05")


def _seen_from(user: User, ref: PolicyRef) -> str:
    """Name a user's policy: an inline policy of a group is none of the user's own."""
    if ref.family != "inline" or ref.resource == user.arn:
        return ref.kind
    return f"group:{ref.resource.rpartition('/')[2]}:{ref.kind}"


def _enrolled_by_key(gain: _Gain, user: User) -> Draft:
    keys = "its access keys" if user.active_keys else "access keys (whether it has any is not known)"
    return Draft(
        "MFA-G05",
        gain.statement,
        f"{user.name} has no MFA device and may enrol one with {keys} alone, which then gives what only MFA should "
        f"give, {gain.what} for one. Enrol the device, or have administrators enrol it.",
        witness=Witness("long_term_key", "allowed"),
    )


def _gain(case: Case) -> Optional[_Gain]:
    """Say what access keys that may enrol a device lead to, beyond looking after oneself."""
    holder = case.holder
    if any(case.decide(holder.request(one), LONG_TERM_KEY).outcome != "allowed" for one in _ENROL):
        return None
    for at, statement in case.allows():
        for request in requests_of(statement, holder.account):
            asked = request._replace(principal=holder.arn)
            if not _is_own(asked, holder) and _takes_mfa(case, asked):
                return _Gain(at, statement, _shown(statement, request.action))
    return None


def _takes_mfa(case: Case, request: Request) -> bool:
    if case.decide(request, SESSION_WITH_MFA).outcome != "allowed":
        return False
    return case.decide(request, LONG_TERM_KEY).outcome in ("denied", "implicit")


def _is_own(request: Request, holder: Holder) -> bool:
    action = request.action.lower()
    if not action.startswith("iam:"):
        return False
    if any(action_matches(pattern, action) for pattern in _OWN_LOOKS):
        return True
    resource = request.resource or ""
    return resource.endswith(("/anybody", f"/{holder.name}")) or ":mfa/" in resource


def _shown(statement: Statement, action: str) -> str:
    """Name what was tried as the statement names it."""
    return next((one for one in statement.actions if action_matches(one, action)), "nearly everything")
