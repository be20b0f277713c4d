# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections: for each finding about a policy the whole document as it should be, or why there is none.

Private to this collection. A correction changes one Condition and nothing else, and only one that ``proof`` has
nothing against is given. What a person has to decide is left to a person, and the finding's message says so.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from .context import AuditContext, Place
from .document import Document, Statement
from .finding import Finding, Fix
from .fix_candidates import AGES, CANDIDATES, WRITING, Candidate, Case, NoFix
from .fix_edit import join, parse_statement, with_statement
from .proof import objection, reach_of
from .rules_device import QUOTAS, oversized, policy_size, quota_of

__all__ = ["Fixer", "correct"]

_NO_CHANGE = "No automatic fix: "
_WHICH_DEVICE = "which device is meant, or whether the reference is still wanted, its author must say."
_REASONS = {
    "MFA-C12": "those whom the statement is about never carry MFA, and whether it should ask for it, its author must "
    "say.",
    "MFA-G05": "the user needs a device, and whether access keys alone may enrol one, the policy's owner must say.",
    "MFA-S01": _WHICH_DEVICE,
    "MFA-S02": _WHICH_DEVICE,
    "MFA-S03": "the device needs a user, not the policy another text.",
    "MFA-S04": _WHICH_DEVICE,
    "MFA-S05": _WHICH_DEVICE,
    "MFA-S06": "whether the device exists is not known here.",
    "MFA-S07": _WHICH_DEVICE,
    "MFA-T01": "the statement says nothing of MFA, and whether roles or programs that come in by it, which cannot "
    "present MFA, are to stay out, the role's owner must say.",
    "MFA-T03": "who is to assume the role, or whether it should ask for MFA, its owner must say.",
    "MFA-T04": "whether the role should do this at all, its owner must say.",
    "MFA-T05": "who is to be trusted instead, the role's owner must say.",
    "MFA-T06": "the user needs a device, not the policy another text.",
    "MFA-T07": "the external id is agreed with the third party.",
}
_OTHERWISE = "it takes a decision about what is to be allowed, which the policy's owner must make."
_MOST_TRUST = 4096  # an account's quota for trust policies can be raised so far
# What is longer or has more was not written by hand, and to correct each of its faults would take minutes.
_MOST_CONDITIONS = 50
_MOST_SIZE = max(QUOTAS.values())


# Rules that name a policy beside the resource that they are about.
_ELSEWHERE = frozenset(("MFA-G05",))


class _Proposal(NamedTuple):
    fix: Optional[Fix]
    reason: str


def _reason(rule: str) -> str:
    return _REASONS.get(rule, _OTHERWISE)


def _without(found: Finding, reason: str) -> Finding:
    return found._replace(message=f"{found.message} {_NO_CHANGE}{reason}")


class Fixer:
    """Gives findings of one account their corrections; the same text at many places is corrected once."""

    def __init__(self, context: AuditContext) -> None:
        self._context = context
        self._known: Dict[Tuple[object, ...], _Proposal] = {}
        self._sizes: Dict[int, int] = {}

    def fixed(self, found: Finding) -> Tuple[Finding, ...]:
        """Give a finding with its correction or the reason why there is none, and a second one if it is too big."""
        if found.fix is not None:
            return (found,)
        place = self._context.place(found.resource, found.document)
        if place is None:
            return (_without(found, _reason(found.rule)) if found.rule in _ELSEWHERE else found,)
        reason = self._untouchable(place)
        proposal = _Proposal(None, reason) if reason else self._propose(found, place)
        if proposal.fix is None:
            return (_without(found, proposal.reason),)
        fixed = found._replace(fix=proposal.fix)
        too_big = self._oversized(fixed, place)
        if too_big is None:
            return (fixed,)
        return _without(found, "the corrected document exceeds the size quota."), too_big

    def _oversized(self, fixed: Finding, place: Place) -> Optional[Finding]:
        """Give the finding that a correction is too big for its place, or None."""
        quota = quota_of(fixed)
        if quota is None:
            return None
        present, others = self._size(place), self._size_of_others(place)
        if place.ref.family == "trust" and present > quota:
            quota = _MOST_TRUST  # the account's own is higher than the usual one
        # What is no longer than what is there fits.
        too_big = oversized(fixed, max(quota - others, present))
        if too_big is None or not others:
            return too_big
        shared = (
            f" The quota is one for all inline policies of one identity, of which the others have {others} already."
        )
        return too_big._replace(message=too_big.message + shared)

    def _size_of_others(self, place: Place) -> int:
        """Count the characters of the other inline policies of the identity that has this one."""
        ref, account = place.ref, self._context.account
        if ref.family != "inline":
            return 0
        name = ref.resource.rpartition("/")[2]
        holders = (account.roles.get(ref.resource), account.users.get(name), account.groups.get(name))
        names = [one.name for holder in holders if holder and holder.arn == ref.resource for one in holder.inline]
        places = [self._context.place(ref.resource, f"inline:{one}") for one in names]
        return sum(self._size(one) for one in places if one is not None and one.ref.kind != ref.kind)

    def _untouchable(self, place: Place) -> str:
        ref = place.ref
        role = self._context.account.roles.get(ref.resource)
        if role is not None and role.service_linked:
            return "AWS made the role for one of its services, and nobody else can change it."
        if role is not None and role.sso_reserved:
            return "IAM Identity Center made the role, and changes it back."
        policy = self._context.account.policies.get(ref.resource)
        if policy is not None and policy.aws_managed:
            return "it is AWS's own policy, which no account can change."
        size = self._size(place)
        if size > _MOST_SIZE:
            return f"the document has {size} characters, more than any policy may have ({_MOST_SIZE}): shorten it."
        return ""

    def _size(self, place: Place) -> int:
        key = id(place.distinct)
        if key not in self._sizes:
            self._sizes[key] = policy_size(place.document.obj)
        return self._sizes[key]

    def _propose(self, found: Finding, place: Place) -> _Proposal:
        family = place.ref.family
        carriers = self._carriers(place)
        key = (id(place.distinct), found.rule, found.statement, found.path, family, carriers)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = correct(
                place.document, found.rule, found.statement, found.path, family, carriers
            )
        return known

    def _carriers(self, place: Place) -> FrozenSet[str]:
        """Say whether users, roles or both carry a document; both where it is nobody's yet."""
        account, ref = self._context.account, place.ref
        if ref.family == "inline":
            return frozenset(("role",)) if ref.resource in account.roles else frozenset(("user",))
        policy = account.policies.get(ref.resource)
        if policy is None:
            return frozenset()
        arns = policy.bounds if ref.family == "boundary" else policy.attachments
        kinds = {"role" if ":role/" in arn else "user" for arn in arns}
        return frozenset(kinds or ("user", "role"))


def correct(
    document: Document, rule: str, label: object, path: str, family: str, carriers: FrozenSet[str] = frozenset()
) -> _Proposal:
    """Correct one statement of a document for one rule."""
    if rule not in CANDIDATES:
        return _Proposal(None, _reason(rule))
    statement = next(one for one in document.statements if one.mark == label)
    if statement.shares_sid:
        return _Proposal(None, "several statements have the same Sid.")
    if len(statement.conditions) > _MOST_CONDITIONS:
        return _Proposal(
            None,
            f"the statement has {len(statement.conditions)} conditions, and with more than {_MOST_CONDITIONS} none is "
            "tried: take it apart, or remove those that nobody needs.",
        )
    if document.problems:
        return _Proposal(None, "other parts of the document are malformed, and IAM would refuse it as a whole.")
    condition = next((one for one in statement.conditions if one.path == path), None)
    return _first_proved(document, statement, rule, Case(statement, condition, family), carriers)


def _first_proved(
    document: Document, statement: Statement, rule: str, case: Case, carriers: FrozenSet[str]
) -> _Proposal:
    reach = reach_of(statement, case.family, carriers)
    absent = frozenset(() if case.condition is None or case.condition.is_mfa else (case.condition.key_folded,))
    reasons: List[str] = []
    try:
        for candidate in CANDIDATES[rule](case):
            after = _apply(document, statement, candidate)
            if after is None:
                reasons.append("its keys stand there already, with other values")
                continue
            wrong = objection(statement, after, reach, absent=absent, ages=rule in AGES, same=rule in WRITING)
            if not wrong:
                return _Proposal(Fix(with_statement(document, statement.index, after.obj), candidate.summary), "")
            reasons.append(wrong)
    except NoFix as exc:
        reasons.insert(0, str(exc))
    return _Proposal(None, f"{reasons[0]}.")


def _apply(document: Document, statement: Statement, candidate: Candidate) -> Optional[Statement]:
    block = join(candidate.cells)
    return None if block is None else parse_statement(document, statement, block)
