# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users can do to their MFA devices without MFA: MFA-G01, MFA-G02 and MFA-G05.

Private to this collection. Judged over all policies of a user together, boundary left out, and only for users who have
a policy on it: one that asks for MFA for nearly everything (a guard), or one that names what manages MFA devices.
Users with the same policies are judged once.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .account import PolicyRef, User
from .condition import Truth, statement_applies
from .context import AuditContext, Distinct
from .decide import Request, action_matches, decide, statement_covers
from .document import Document, Statement
from .effect import Draft, effect_of, requests_of
from .finding import Finding, Witness
from .worlds import LONG_TERM_KEY, SESSION_WITH_MFA, SESSION_WITHOUT_MFA, World

__all__ = ["check_users"]

_REMOVE = ("iam:DeactivateMFADevice", "iam:DeleteVirtualMFADevice")
_ENROL = ("iam:CreateVirtualMFADevice", "iam:EnableMFADevice")
_NEEDED = (*_ENROL, "iam:ResyncMFADevice", "iam:ListMFADevices", "iam:ListVirtualMFADevices")
_ON_DEVICES = frozenset(("iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"))
_ON_ANYTHING = frozenset(("iam:ListVirtualMFADevices",))
# A guard that leaves these out guards little.
_TOO_MUCH = (
    "iam:AddUserToGroup",
    "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:PutUserPolicy",
)
_WITHOUT = (LONG_TERM_KEY, SESSION_WITHOUT_MFA)
_PERSONAL = frozenset(("aws:username", "aws:principalarn", "aws:userid"))
_OWN_LOOKS = ("iam:get*", "iam:list*", "iam:changepassword")
_MOST_NAMED = 5


_DraftKey = Tuple[str, int, str]  # rule, statement, message
_Key = Tuple[object, ...]


class _Policy(NamedTuple):
    """What is known of one distinct document before anybody is looked at."""

    document: Document
    guards: Tuple[Statement, ...]
    names_devices: bool
    personal: bool  # it says something else to every user


class _Fault(NamedTuple):
    at: int  # which of the user's documents
    draft: Draft


class _Holder(NamedTuple):
    """A user, as far as policies can tell users apart."""

    arn: str
    name: str
    account: str

    def request(self, action: str) -> Request:
        """Ask for something on oneself or on a device of one's name."""
        if action in _ON_ANYTHING:
            return Request(action, "*", self.arn)
        if action in _ON_DEVICES:
            return Request(action, f"{self.arn.partition(':user/')[0]}:mfa/{self.name}", self.arn)
        return Request(action, self.arn, self.arn)


def check_users(context: AuditContext) -> Iterator[Finding]:
    """Yield what users can do without MFA and should not, and what they cannot and should."""
    policies = {id(one): _policy(one.document) for one in context.documents if one.mentions_mfa}
    relevant = {key for key, policy in policies.items() if policy.guards or policy.names_devices}
    if not relevant:
        return
    seen: Set[int] = set()
    judged: Dict[_Key, Tuple[_Fault, ...]] = {}
    gains: Dict[_Key, Optional[_Gain]] = {}
    merged: Dict[Tuple[str, str, _DraftKey], Tuple[PolicyRef, Draft, List[str]]] = {}
    for user in context.account.users.values():
        refs, distincts = _documents(context, user)
        if relevant.isdisjoint(map(id, distincts)):
            continue
        seen.update(map(id, distincts))
        known = [policies.get(id(one)) or _policy(one.document) for one in distincts]
        holder = _Holder(user.arn, user.name, context.account.account_id)
        key = _key(user, distincts, known)
        if key not in judged:
            judged[key] = tuple(_faults(known, holder))
        for fault in judged[key]:
            ref = refs[fault.at]
            entry = (ref.resource, ref.kind, (fault.draft.rule, fault.draft.statement.index, fault.draft.message))
            merged.setdefault(entry, (ref, fault.draft, []))[2].append(user.name)
        if _has_keys_alone(context, user):
            if key not in gains:
                gains[key] = _gain(known, holder)
            gain = gains[key]
            if gain is not None:
                yield _enrolled_by_key(gain, user).at(context, refs[gain.at]._replace(resource=user.arn))
    for ref, draft, names in merged.values():
        yield _for(draft, names).at(context, ref)
    yield from _of_nobody(context, policies, relevant - seen)


def _of_nobody(context: AuditContext, policies: Dict[int, _Policy], keys: Set[int]) -> Iterator[Finding]:
    """Judge policies that no user has (yet) by themselves."""
    if not keys:
        return
    account = context.account
    holder = _Holder(f"arn:{account.partition}:iam::{account.account_id}:user/anybody", "anybody", account.account_id)
    for distinct in context.documents:
        refs = [ref for ref in distinct.places if ref.family in ("inline", "managed")]
        if id(distinct) not in keys or not refs:
            continue
        faults = list(_faults([policies[id(distinct)]], holder))
        for ref in refs:
            if ref.resource not in account.roles:
                for fault in faults:
                    yield fault.draft.at(context, ref)


def _documents(context: AuditContext, user: User) -> Tuple[List[PolicyRef], List[Distinct]]:
    refs: List[PolicyRef] = []
    distincts: List[Distinct] = []
    for ref in context.account.user_policies(user):
        place = context.place(ref.resource, ref.kind)
        if place is not None:
            refs.append(ref)
            distincts.append(place.distinct)
    return refs, distincts


def _key(user: User, distincts: List[Distinct], known: List[_Policy]) -> _Key:
    """Give what the answers depend on: the same policies say the same to two users of one path."""
    who = user.arn if any(policy.personal for policy in known) else user.path
    return (who, *map(id, distincts))


def _for(draft: Draft, names: List[str]) -> Draft:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return draft._replace(message=f"{draft.message} It is in force for {', '.join(names[:_MOST_NAMED])}{more}.")


# --- what a document is ----------------------------------------------------------------------------------------------


def _policy(document: Document) -> _Policy:
    return _Policy(
        document,
        tuple([one for one in document.statements if _is_guard(one)]),
        any(one.effect == "Allow" and any(map(_names_mfa, one.actions)) for one in document.statements),
        any(_is_personal(one) for one in document.statements),
    )


def _is_guard(statement: Statement) -> bool:
    """Whether it denies nearly everything without MFA."""
    if statement.effect != "Deny" or not statement.has_mfa or not (statement.not_actions or "*" in statement.actions):
        return False
    effect = effect_of(statement)
    return effect.fresh is Truth.NO and Truth.YES in (effect.key, effect.session)


def _names_mfa(action: str) -> bool:
    return "mfa" in action.lower()


def _is_personal(statement: Statement) -> bool:
    if any(condition.key_folded in _PERSONAL for condition in statement.conditions):
        return True
    resources = statement.resources + statement.not_resources
    return any((":user/" in one or ":mfa/" in one) and not one.endswith(("/*", "}")) for one in resources)


# --- MFA-G01, MFA-G02 ------------------------------------------------------------------------------------------------


def _faults(policies: List[_Policy], holder: _Holder) -> Iterator[_Fault]:
    yield from _removable(policies, holder)
    for at, policy in enumerate(policies):
        for guard in policy.guards:
            missing = _locked_out(policies, guard, holder)
            if missing:
                yield _Fault(at, _lockout(guard, missing))
            spared = [action for action in _TOO_MUCH if _leaves_out(guard, action)]
            if spared:
                yield _Fault(at, _spares(guard, spared))


def _removable(policies: List[_Policy], holder: _Holder) -> Iterator[_Fault]:
    documents = [policy.document for policy in policies]
    found: Dict[Tuple[int, int], Tuple[Statement, World, List[str]]] = {}
    for action in _REMOVE:
        request = holder.request(action)
        for world in _WITHOUT:
            if decide(documents, request, world).outcome != "allowed":
                continue
            for at, statement in _responsible(policies, request, world):
                found.setdefault((at, statement.index), (statement, world, []))[2].append(action)
            break
    for (at, _index), (statement, world, actions) in found.items():
        what = "The policy asks for MFA, and leaves out" if statement.effect == "Deny" else "The statement allows"
        yield _Fault(
            at,
            Draft(
                "MFA-G01",
                statement,
                f"{what} {' and '.join(actions)}: whoever has a user's access keys, and no MFA, can take the user's "
                "MFA away.",
                witness=Witness(world.credential, "allowed"),
            ),
        )


def _responsible(policies: List[_Policy], request: Request, world: World) -> List[Tuple[int, Statement]]:
    """Give the guards that leave a request out, else the statements that allow it by name."""
    guards = [
        (at, guard)
        for at, policy in enumerate(policies)
        for guard in policy.guards
        if guard.not_actions and _leaves_out(guard, request.action) and _applies(guard, world)
    ]
    if guards:
        return guards
    return [
        (at, statement)
        for at, policy in enumerate(policies)
        for statement in policy.document.statements
        if statement.effect == "Allow"
        and any(_names_mfa(one) and action_matches(one, request.action) for one in statement.actions)
        and statement_covers(statement, request) is Truth.YES
        and _applies(statement, world)
    ]


def _applies(statement: Statement, world: World) -> bool:
    return statement_applies(statement, world).truth is not Truth.NO


def _leaves_out(guard: Statement, action: str) -> bool:
    return any(action_matches(pattern, action) for pattern in guard.not_actions)


def _locked_out(policies: List[_Policy], guard: Statement, holder: _Holder) -> List[str]:
    """Give what enrolment and resync need, is allowed with MFA, and is stopped by a guard without."""
    documents = [policy.document for policy in policies]
    granted, missing = [], []
    for action in _NEEDED:
        request = holder.request(action)
        if decide(documents, request, SESSION_WITH_MFA).outcome != "allowed":
            continue
        granted.append(action)
        if statement_covers(guard, request) is Truth.YES and any(_applies(guard, world) for world in _WITHOUT):
            missing.append(action)
    named = any(
        action_matches(pattern, action)
        for action in missing
        for document in documents
        for statement in document.statements
        if statement.effect == "Allow"
        for pattern in statement.actions
        if _names_mfa(pattern)
    )
    return missing if named or len(missing) == len(granted) else []


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


def _enrolled_by_key(gain: _Gain, user: User) -> Draft:
    keys = "its access keys" if user.active_keys else "access keys (whether it has any is not known)"
    return Draft(
        "MFA-G05",
        gain.statement,
        f"{user.name} has no MFA device and may enrol one with {keys} alone, which then gives what only MFA should "
        f"give, {gain.what} for one. Enrol the device, or have administrators enrol it.",
        witness=Witness("long_term_key", "allowed"),
    )


def _gain(policies: List[_Policy], holder: _Holder) -> Optional[_Gain]:
    """Say what access keys that may enrol a device lead to, beyond looking after oneself."""
    documents = [policy.document for policy in policies]
    if any(decide(documents, holder.request(one), LONG_TERM_KEY).outcome != "allowed" for one in _ENROL):
        return None
    for at, policy in enumerate(policies):
        for statement in policy.document.statements:
            for request in requests_of(statement, holder.account) if statement.effect == "Allow" else ():
                asked = request._replace(principal=holder.arn)
                if not _is_own(asked, holder) and _takes_mfa(documents, asked):
                    return _Gain(at, statement, _shown(statement, request.action))
    return None


def _takes_mfa(documents: List[Document], request: Request) -> bool:
    if decide(documents, request, SESSION_WITH_MFA).outcome != "allowed":
        return False
    return decide(documents, request, LONG_TERM_KEY).outcome in ("denied", "implicit")


def _is_own(request: Request, holder: _Holder) -> bool:
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
