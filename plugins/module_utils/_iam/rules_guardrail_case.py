# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user with all that decides what the user may do: own and groups' policies, the boundary, and the organization's.

Private to this collection. Own and groups' policies grant; the boundary and service control policies only limit. Of a
service control policy the denials count: the AWS policy that allows everything is in no snapshot. One that is attached
to an organizational unit may not be in force for this account, and is then said to be in doubt.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .account import OrganizationPolicy, PolicyRef, User
from .condition import Truth, statement_applies
from .context import AuditContext, Distinct
from .decide import Decision, Request, action_matches, decide, known_of, statement_covers
from .document import Document, Statement, parse_document
from .effect import effect_of
from .worlds import World

__all__ = ["Case", "Held", "Holder", "Policies", "Policy", "case_of", "leaves_out", "names_mfa"]

_ENROL = "iam:EnableMFADevice"
_ON_DEVICES = frozenset(("iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"))
_ON_ANYTHING = frozenset(("iam:ListVirtualMFADevices",))
_PERSONAL = frozenset(("aws:username", "aws:principalarn", "aws:userid"))
_FULL_ACCESS = parse_document(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "FullAWSAccess"
)


class Policy(NamedTuple):
    """What is known of one distinct document before anybody is looked at."""

    document: Document
    guards: Tuple[Statement, ...]
    names_devices: bool
    personal: bool  # it says something else to every user


class Holder(NamedTuple):
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


class Held(NamedTuple):
    """One document in force for a user, and as what: identity, boundary, scp or doubtful (an SCP that may be)."""

    layer: str
    policy: Policy
    ref: PolicyRef


class Case(NamedTuple):
    """A user and every document in force for it."""

    held: Tuple[Held, ...]
    holder: Holder
    unread: str = ""  # the ARN of a boundary whose text is not known

    def documents(self, *layers: str) -> List[Document]:
        """Give the documents of some layers."""
        return [one.policy.document for one in self.held if one.layer in layers]

    def decide(self, request: Request, world: World, *, doubtful: bool = False) -> Decision:
        """Say what comes of a request under all layers that are known to be in force, or under those in doubt too."""
        granted = decide(self.documents("identity"), request, world)
        if granted.outcome not in ("allowed", "unknown"):
            return granted
        unknown, keys = granted.outcome == "unknown", granted.unknown_keys
        for documents in self._limits(doubtful=doubtful):
            limit = decide(documents, request, world)
            if limit.outcome in ("denied", "implicit"):
                return limit
            if limit.outcome == "unknown":
                unknown, keys = True, (*keys, *limit.unknown_keys)
        return Decision("unknown" if unknown else "allowed", granted.by, tuple(dict.fromkeys(keys)))

    def _limits(self, *, doubtful: bool) -> Iterator[List[Document]]:
        boundary = self.documents("boundary")
        if boundary:
            yield boundary
        organization = self.documents(*(("scp", "doubtful") if doubtful else ("scp",)))
        if organization:
            yield [_FULL_ACCESS, *organization]

    def may_be_stopped(self, request: Request, world: World) -> bool:
        """Whether a Deny is about a request, of which it is not known that it does not hold."""
        known = known_of(request)
        return any(
            statement_covers(statement, request, known) is not Truth.NO
            and statement_applies(statement, world, known).truth is not Truth.NO
            for document in self.documents("identity", "boundary", "scp")
            for statement in document.statements
            if statement.effect != "Allow"
        )

    def guards(self) -> Iterator[Tuple[int, Statement]]:
        """Yield the statements that ask for MFA for nearly everything, with the number of their document."""
        for at, one in enumerate(self.held):
            for guard in one.policy.guards:
                yield at, guard

    def allows(self) -> Iterator[Tuple[int, Statement]]:
        """Yield the statements that grant something, with the number of their document."""
        for at, one in enumerate(self.held):
            for statement in one.policy.document.statements if one.layer == "identity" else ():
                if statement.effect == "Allow":
                    yield at, statement


class Policies:
    """Every document of the account that has to do with MFA, looked at once."""

    def __init__(self, context: AuditContext) -> None:
        self._context = context
        self._known: Dict[int, Policy] = {}
        self.relevant = {
            id(one)
            for one in context.documents
            if one.mentions_mfa and (self.of(one).guards or self.of(one).names_devices)
        }
        #: Service control policies that are, or may be, in force for the account: layer, place and document.
        self.organization = tuple(self._in_force())

    def of(self, distinct: Distinct) -> Policy:
        """Give what is known of a document."""
        key = id(distinct)
        if key not in self._known:
            self._known[key] = _policy(distinct.document)
        return self._known[key]

    def _in_force(self) -> Iterator[Tuple[str, PolicyRef, Distinct]]:
        for scp in self._context.account.organization_policies:
            layer = _layer(scp, self._context.account.account_id)
            place = self._context.place(scp.arn or scp.id, f"scp:{scp.id}")
            # One without an MFA key limits users too, with MFA and without.
            if layer and place is not None:
                yield layer, place.ref, place.distinct

    def held_by(self, user: User) -> Tuple[Tuple[str, PolicyRef, Distinct], ...]:
        """Give every document in force for a user."""
        account = self._context.account
        refs = [("identity", ref) for ref in account.user_policies(user)]
        boundary = account.boundary_policy(user)
        if boundary is not None:
            refs.append(("boundary", boundary))
        found = [(layer, self._context.place(ref.resource, ref.kind)) for layer, ref in refs]
        own = tuple((layer, place.ref, place.distinct) for layer, place in found if place is not None)
        return (*own, *self.organization)

    def unread_boundary(self, user: User) -> str:
        """Give the ARN of a user's boundary where its text is not known, else ""."""
        if not user.boundary:
            return ""
        ref = self._context.account.boundary_policy(user)
        return "" if ref is not None and self._context.at(ref) is not None else user.boundary


def case_of(held: Sequence[Tuple[str, PolicyRef, Distinct]], policies: Policies, holder: Holder, unread: str) -> Case:
    """Put a case together."""
    return Case(tuple([Held(layer, policies.of(one), ref) for layer, ref, one in held]), holder, unread)


def _layer(scp: OrganizationPolicy, account: str) -> Optional[str]:
    """Say whether a service control policy is in force for the account; None where it is not."""
    if scp.targets is None or any(target == account or target.startswith("r-") for target in scp.targets):
        return "scp"
    return "doubtful" if any(target.startswith("ou-") for target in scp.targets) else None


# --- what a document is ----------------------------------------------------------------------------------------------


def _policy(document: Document) -> Policy:
    return Policy(
        document,
        tuple([one for one in document.statements if _is_guard(one)]),
        any(one.effect == "Allow" and any(map(names_mfa, one.actions)) for one in document.statements),
        any(_is_personal(one) for one in document.statements),
    )


def _is_guard(statement: Statement) -> bool:
    """Whether it denies nearly everything without MFA, or all of IAM: enrolment with the rest, not by its name."""
    if statement.effect != "Deny" or not statement.has_mfa:
        return False
    if not statement.not_actions and not any(
        action_matches(pattern, _ENROL) and not names_mfa(pattern) for pattern in statement.actions
    ):
        return False
    effect = effect_of(statement)
    return effect.fresh is Truth.NO and Truth.YES in (effect.key, effect.session)


def names_mfa(action: str) -> bool:
    """Whether an action's pattern is about MFA devices by its name."""
    return "mfa" in action.lower()


def leaves_out(guard: Statement, action: str) -> bool:
    """Whether a Deny excepts an action."""
    return any(action_matches(pattern, action) for pattern in guard.not_actions)


def _is_personal(statement: Statement) -> bool:
    for condition in statement.conditions:
        if condition.key_folded in _PERSONAL and any(map(_names_somebody, condition.values)):
            return True
    resources = statement.resources + statement.not_resources
    return any((":user/" in one or ":mfa/" in one) and not one.endswith(("/*", "}")) for one in resources)


def _names_somebody(value: str) -> bool:
    """Whether a condition's value tells users of one path apart."""
    if value == "*" or value.lower() in ("true", "false"):
        return False
    return not (value.endswith(("/*", ":root")) or ":role/" in value or ":assumed-role/" in value)
