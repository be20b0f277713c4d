# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements with MFA conditions do for each credential: MFA-C03 to MFA-C07, MFA-C10 and MFA-C12.

Private to this collection. A statement alone does not make a finding: what its document as a whole lets through does,
so that a sibling that closes the hole keeps it quiet.
"""

from __future__ import annotations

from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

from .condition import Truth
from .decide import Request, action_matches, decide
from .document import PRESENT, Condition, Document, Statement
from .effect import Draft, Effect, effect_of, effect_of_one, is_stopped, requests_of
from .finding import Witness
from .operators import NEGATED
from .principals import is_of_roles, is_required
from .worlds import LONG_TERM_KEY, SESSION_WITH_MFA, SESSION_WITHOUT_MFA, World

__all__ = ["judge_effect"]

# What somebody without MFA needs, to get it: to allow that without MFA alone is on purpose.
_ENROLMENT = (
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:GetMFADevice",
    "iam:GetUser",
    "iam:ListUsers",
    "iam:GetAccountPasswordPolicy",
    "iam:GetAccountSummary",
    "iam:ChangePassword",
    "sts:GetSessionToken",
)
# Keys of requests that never carry MFA: made by services, with roles, by federated users.
_NEVER_WITH_MFA = {
    "aws:viaawsservice": "requests that a service makes for somebody",
    "aws:principalisawsservice": "requests of services",
    "aws:principalservicename": "requests of services",
    "aws:principalservicenameslist": "requests of services",
    "aws:calledvia": "requests that a service makes for somebody",
    "aws:calledviafirst": "requests that a service makes for somebody",
    "aws:calledvialast": "requests that a service makes for somebody",
    "aws:federatedprovider": "federated users",
    "aws:ec2instancesourcevpc": "roles of instances",
    "aws:ec2instancesourceprivateipv4": "roles of instances",
    "ec2:sourceinstancearn": "roles of instances",
    "ec2:roledelivery": "roles of instances",
    "lambda:sourcefunctionarn": "roles of functions",
}
_BOOLEAN_KEYS = frozenset(("aws:viaawsservice", "aws:principalisawsservice"))
_CLAIMS = (":aud", ":sub", ":amr", ":oaud", ":azp")


class _Case(NamedTuple):
    document: Document
    statement: Statement
    conditions: Tuple[Condition, ...]  # those on MFA keys
    effect: Effect
    requests: Tuple[Request, ...]

    @property
    def null_of_present(self) -> bool:
        """Whether nothing but Null on Present makes the test."""
        return all(one.base == "null" and one.key_folded == PRESENT for one in self.conditions)

    @property
    def path(self) -> str:
        """Where the statement's first MFA condition stands."""
        return self.conditions[0].path

    def passes(self, world: World) -> bool:
        """Whether the document as a whole leaves a credential what this statement should keep from it."""
        return not is_stopped(self.document, self.requests, world)


def judge_effect(document: Document, statement: Statement, account: str) -> Iterator[Draft]:
    """Yield what is wrong with what a statement does."""
    conditions = tuple(condition for condition in statement.conditions if condition.is_mfa)
    case = _Case(document, statement, conditions, effect_of(statement), requests_of(statement, account))
    rules = _ALLOW if statement.effect == "Allow" else _DENY
    for rule in rules:
        draft = rule(case)
        if draft is not None:
            yield draft
            break
    yield from _never_together(case)


def _is(effect: Effect, pattern: str) -> bool:
    """Compare an effect with a pattern of y, n and ? for key, session, fresh and stale."""
    letters = {Truth.YES: "y", Truth.NO: "n", Truth.UNKNOWN: "u"}
    return all(one in ("?", letters[truth]) for one, truth in zip(pattern, effect))


# --- Deny ------------------------------------------------------------------------------------------------------------


def _deny_inverted(case: _Case) -> Optional[Draft]:
    effect = case.effect
    if effect.fresh is not Truth.YES or (effect.key is Truth.YES and effect.session is Truth.YES and _same_age(effect)):
        return None
    witness = Witness("session_with_mfa", "denied")
    if case.null_of_present:
        return Draft(
            "MFA-C06",
            case.statement,
            "The Deny stops every session, with MFA or without, and no access key: that "
            "aws:MultiFactorAuthPresent is there does not mean that MFA was used.",
            case.path,
            witness,
        )
    return Draft(
        "MFA-C05",
        case.statement,
        "The Deny stops those who used MFA; who did not gets through. It was meant the other way round: "
        "BoolIfExists aws:MultiFactorAuthPresent false.",
        case.path,
        witness,
    )


def _same_age(effect: Effect) -> bool:
    return effect.fresh is effect.stale


def _deny_keys_pass(case: _Case) -> Optional[Draft]:
    if not _is(case.effect, "nyn?") or not case.passes(LONG_TERM_KEY):
        return None
    return Draft(
        "MFA-C03",
        case.statement,
        "The Deny needs aws:MultiFactorAuthPresent to be there, and requests signed with access keys do not carry it: "
        "they get through. Use BoolIfExists.",
        case.path,
        Witness("long_term_key", "allowed"),
    )


def _deny_sessions_pass(case: _Case) -> Optional[Draft]:
    if not _is(case.effect, "ynn?") or not case.passes(SESSION_WITHOUT_MFA):
        return None
    return Draft(
        "MFA-C06",
        case.statement,
        "The Deny stops only requests without aws:MultiFactorAuthPresent. A session without MFA carries it, as false, "
        "and gets through. Use BoolIfExists false, or Null on aws:MultiFactorAuthAge.",
        case.path,
        Witness("session_without_mfa", "allowed"),
    )


def _deny_age_alone(case: _Case) -> Optional[Draft]:
    if not _is(case.effect, "nnny"):
        return None
    for world in (LONG_TERM_KEY, SESSION_WITHOUT_MFA):
        if case.passes(world):
            return Draft(
                "MFA-C10",
                case.statement,
                "The Deny stops old MFA and not its absence: aws:MultiFactorAuthAge is there only with MFA, and "
                "nothing else in the policy asks for that. Use NumericGreaterThanIfExists.",
                case.path,
                Witness(world.credential, "allowed"),
            )
    return None


_DENY: List[Callable[[_Case], Optional[Draft]]] = [
    _deny_inverted,
    _deny_keys_pass,
    _deny_sessions_pass,
    _deny_age_alone,
]


# --- Allow -----------------------------------------------------------------------------------------------------------


def _allow_inverted(case: _Case) -> Optional[Draft]:
    effect = case.effect
    if effect.fresh is not Truth.NO or effect.never or not _lacks_with_mfa(case):
        return None
    if case.null_of_present:
        return Draft(
            "MFA-C06",
            case.statement,
            "The Allow holds for access keys alone: it tests that aws:MultiFactorAuthPresent is absent.",
            case.path,
            Witness("long_term_key", "allowed"),
        )
    if effect.key is Truth.YES:
        credential = "long_term_key"
    else:
        credential = "session_without_mfa" if effect.session is Truth.YES else "session_with_mfa"
    who = "whose MFA is old" if credential == "session_with_mfa" else "who did not use MFA"
    return Draft(
        "MFA-C05",
        case.statement,
        f"The Allow holds for those {who}, and not for those who just used it: it is the wrong way round.",
        case.path,
        Witness(credential, "allowed"),
    )


def _lacks_with_mfa(case: _Case) -> bool:
    """Whether MFA takes away what the statement gives, and that is more than what it takes to get MFA."""
    actions = case.statement.actions
    if actions and all(any(action_matches(one, action) for one in _ENROLMENT) for action in actions):
        return False
    return any(
        decide((case.document,), request, SESSION_WITH_MFA).outcome not in ("allowed", "unknown")
        for request in case.requests
    )


def _allow_keys_pass(case: _Case) -> Optional[Draft]:
    effect = case.effect
    if not _is(effect, "y?y?"):
        return None
    for world, truth in ((LONG_TERM_KEY, effect.key), (SESSION_WITHOUT_MFA, effect.session)):
        if truth is Truth.YES and case.passes(world):
            return _bypass(case, world)
    return None


def _bypass(case: _Case, world: World) -> Draft:
    witness = Witness(world.credential, "allowed")
    for condition in case.conditions:
        if condition.quantifier == "forallvalues":
            return Draft(
                "MFA-C07",
                case.statement,
                f"{condition.operator} is true where {condition.key} is absent, as it is with access keys: they get "
                "in without MFA. Use the operator without ForAllValues.",
                condition.path,
                witness,
            )
    condition = next((one for one in case.conditions if effect_of_one(one).key is Truth.YES), case.conditions[0])
    instead = "the operator without IfExists" if condition.if_exists else "Bool aws:MultiFactorAuthPresent true"
    return Draft(
        "MFA-C04",
        case.statement,
        f"{condition.operator} is true where {condition.key} is absent, as it is with access keys: the Allow lets them "
        f"in without MFA. Use {instead}.",
        condition.path,
        witness,
    )


def _allow_sessions_pass(case: _Case) -> Optional[Draft]:
    nulls = [one for one in case.conditions if one.base == "null" and one.key_folded == PRESENT]
    if not nulls or not _is(case.effect, "nyy?") or not case.passes(SESSION_WITHOUT_MFA):
        return None
    return Draft(
        "MFA-C06",
        case.statement,
        "The Allow asks that aws:MultiFactorAuthPresent is there, and a session without MFA carries it too, as false. "
        "Use Bool true, or Null false on aws:MultiFactorAuthAge.",
        nulls[0].path,
        Witness("session_without_mfa", "allowed"),
    )


_ALLOW: List[Callable[[_Case], Optional[Draft]]] = [_allow_inverted, _allow_keys_pass, _allow_sessions_pass]


# --- what never comes with MFA ---------------------------------------------------------------------------------------


def _never_together(case: _Case) -> Iterator[Draft]:
    allows = case.statement.effect == "Allow"
    tests_mfa = _is(case.effect, "nny?") if allows else _is(case.effect, "yyn?")
    if not tests_mfa:
        return
    witness = Witness("session_with_mfa", "never" if allows else "denied")
    so = "so it never applies" if allows else "so MFA does not lift it"
    for condition in case.statement.conditions:
        who = _without_mfa(condition)
        if who:
            yield Draft(
                "MFA-C12",
                case.statement,
                f"The statement is about {who} ({condition.key}), which never carry MFA, and asks for MFA: {so}.",
                condition.path,
                witness,
            )
    principal = case.statement.principal
    if principal is not None and (principal.service or principal.federated):
        whom = ", ".join(principal.service + principal.federated)
        yield Draft(
            "MFA-C12",
            case.statement,
            f"The statement asks for MFA of {whom}, and services and federated users never carry it: {so} for them.",
            witness=witness,
        )


def _without_mfa(condition: Condition) -> str:
    """Say of whom a condition makes the statement, when they can never carry MFA."""
    key = condition.key_folded
    if condition.base in NEGATED or not is_required(condition):
        return ""
    if is_of_roles(condition):
        return "sessions of roles"
    if key in _BOOLEAN_KEYS and condition.base != "null":
        return _NEVER_WITH_MFA[key] if all(value.lower() == "true" for value in condition.values) else ""
    if key.startswith("saml:") or ("." in key and key.endswith(_CLAIMS)):
        return "federated users"
    return _NEVER_WITH_MFA.get(key, "")
