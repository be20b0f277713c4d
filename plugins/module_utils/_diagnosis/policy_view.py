# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policies around a user ask of MFA, by the evaluator: who gets what with MFA, and what without.

Private to this collection. Kinds of policies limit each other, so each kind (a layer) is decided for itself.
"""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import PolicyRef
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.condition import (
    Truth,
    all_of,
    evaluate_condition,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import (
    Decision,
    Request,
    decide,
    statement_covers,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import (
    Condition,
    Document,
    Statement,
    parse_document,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import DocumentError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.patterns import Known
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_condition import meant_key, misspelt_keys
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    ASSUME_ROLE_WITH_MFA,
    LONG_TERM_KEY,
    ROLE_SESSIONS,
    SESSION_WITH_MFA,
    SESSION_WITHOUT_MFA,
    WITH_MFA,
    World,
)

from .model import Facts
from .model import Known as KnownPart

__all__ = ["Layer", "Place", "PolicyView", "Unreadable", "view_of"]

_REFUSED = ("denied", "implicit")
_WITHOUT = (LONG_TERM_KEY, SESSION_WITHOUT_MFA)


class Place(NamedTuple):
    """One statement and where it stands."""

    ref: PolicyRef
    statement: Statement

    @property
    def text(self) -> str:
        """Name it in evidence: DOCUMENT#STATEMENT."""
        return f"{_name(self.ref)}#{self.statement.label}"


class Unreadable(NamedTuple):
    """A document that is no policy."""

    ref: PolicyRef
    reason: str


class Layer(NamedTuple):
    """The documents of one kind: identity, boundary, scp or trust."""

    name: str
    refs: Tuple[PolicyRef, ...]
    documents: Tuple[Document, ...]

    def places(self) -> Iterator[Place]:
        """Yield every statement."""
        for ref, document in zip(self.refs, self.documents):
            for statement in document.statements:
                yield Place(ref, statement)

    def grounds(self, decision: Decision) -> Tuple[Place, ...]:
        """Find the statements that an outcome rests on."""
        marks = {(ground.document, ground.index) for ground in decision.by}
        return tuple(place for place in self.places() if (_name(place.ref), place.statement.index) in marks)


class PolicyView(NamedTuple):
    """The layers that were read, and what in them could not be."""

    layers: Tuple[Layer, ...]
    unreadable: Tuple[Unreadable, ...]
    known: Known  # misspelt keys, which no request carries

    def places(self) -> Iterator[Place]:
        """Yield every statement of every layer."""
        for layer in self.layers:
            yield from layer.places()

    def asked(self, request: Optional[Request]) -> Tuple[Place, ...]:
        """Give the statements that refuse a request without MFA and let it through with it.

        Without a request: those that do so for what they are about, whatever that is.
        """
        if request is None:
            return tuple(place for place in self.places() if asks_for_mfa(place.statement))
        found: List[Place] = []
        for layer in self.layers:
            with_mfa = self._decide(layer, request, _with_mfa(request))
            if with_mfa.outcome == "denied" or (with_mfa.outcome == "implicit" and layer.name != "identity"):
                continue
            for world in _WITHOUT:
                without = self._decide(layer, request, world)
                if without.outcome == "denied":
                    found += layer.grounds(without)
                elif without.outcome == "implicit" and with_mfa.outcome == "allowed":
                    found += [place for place in layer.grounds(with_mfa) if place.statement.has_mfa]
        return tuple({(place.text, place.statement.index): place for place in found}.values())

    def dead(self, request: Optional[Request]) -> Tuple[Place, ...]:
        """Give the statements with an MFA condition that nobody meets, among those that a request turns on.

        An Allow whose condition never holds gives nothing; a Deny whose condition always holds denies with MFA too.
        """
        if request is None:
            return tuple(place for place in self.places() if is_dead(place.statement))
        touched = [
            place
            for place in self.places()
            if is_dead(place.statement, inverted=True) and statement_covers(place.statement, request) is not Truth.NO
        ]
        return tuple(place for place in touched if self._turns_on(place, request))

    def _turns_on(self, place: Place, request: Request) -> bool:
        layer = next(one for one in self.layers if place.ref in one.refs)
        return self._decide(layer, request, _with_mfa(request)).outcome in _REFUSED

    def allows(self, request: Request) -> bool:
        """Say whether every kind of policy that was read, the user's own among them, allows a request with MFA."""
        outcomes = {layer.name: self._decide(layer, request, _with_mfa(request)).outcome for layer in self.layers}
        return "identity" in outcomes and set(outcomes.values()) == {"allowed"}

    def refuses_sessions(self, request: Request) -> Tuple[Place, ...]:
        """Give the trust policy's statements that let people in with MFA, and sessions of roles by no reading."""
        for layer in self.layers:
            if layer.name == "trust":
                asks = [one for one in layer.places() if asks_for_mfa(one.statement)]
                refused = all(self._decide(layer, request, world).outcome in _REFUSED for world in ROLE_SESSIONS)
                return tuple(asks) if refused else ()
        return ()

    def _decide(self, layer: Layer, request: Request, world: World) -> Decision:
        known = {**(request.known or {}), **self.known}
        return decide(layer.documents, request._replace(known=known), world)


def view_of(facts: Facts) -> PolicyView:
    """Read every document that the facts hold."""
    refs: Dict[str, Tuple[PolicyRef, ...]] = {}
    if isinstance(facts.policies, KnownPart):
        refs["identity"] = facts.policies.value
    if isinstance(facts.boundary, KnownPart) and facts.boundary.value is not None:
        refs["boundary"] = (facts.boundary.value,)
    if isinstance(facts.scps, KnownPart) and facts.scps.value:
        refs["scp"] = facts.scps.value
    if isinstance(facts.trust, KnownPart) and facts.trust.value is not None:
        refs["trust"] = (facts.trust.value,)
    unreadable: List[Unreadable] = []
    layers = tuple(_layer(name, found, unreadable) for name, found in refs.items())
    statements = [place.statement for layer in layers for place in layer.places()]
    return PolicyView(layers, tuple(unreadable), misspelt_keys(statements))


def _layer(name: str, refs: Iterable[PolicyRef], unreadable: List[Unreadable]) -> Layer:
    read: List[Tuple[PolicyRef, Document]] = []
    for ref in refs:
        try:
            read.append((ref, parse_document(ref.text, _name(ref))))
        except DocumentError as exc:
            unreadable.append(Unreadable(ref, exc.detail))
    return Layer(name, tuple(ref for ref, _document in read), tuple(document for _ref, document in read))


def _name(ref: PolicyRef) -> str:
    """Name a document so that no two have the same name."""
    return ref.kind if ref.resource in ref.kind else f"{ref.kind} of {ref.resource}"


def _with_mfa(request: Request) -> World:
    return ASSUME_ROLE_WITH_MFA if request.action == "sts:AssumeRole" else SESSION_WITH_MFA


def about_mfa(statement: Statement) -> Tuple[Condition, ...]:
    """Give a statement's conditions on MFA, those with misspelt keys too."""
    return tuple(one for one in statement.conditions if one.is_mfa or meant_key(one.key_folded))


def _holds(statement: Statement, worlds: Sequence[World]) -> List[Truth]:
    conditions = about_mfa(statement)
    known = dict.fromkeys(one.key_folded for one in conditions if not one.is_mfa)
    return [all_of([evaluate_condition(one, world, known) for one in conditions]) for world in worlds]


def is_dead(statement: Statement, *, inverted: bool = False) -> bool:
    """Whether MFA does not help: an Allow that never holds with it, a Deny that always does.

    ``inverted`` counts an Allow that holds without MFA alone, too.
    """
    if not about_mfa(statement):
        return False
    with_mfa = _holds(statement, WITH_MFA)
    if statement.effect == "Allow":
        # One that is for those without MFA is no fault: it is how they enrol.
        without = [] if inverted else _holds(statement, _WITHOUT)
        return all(truth is Truth.NO for truth in with_mfa + without)
    return statement.effect == "Deny" and all(truth is Truth.YES for truth in with_mfa)


def asks_for_mfa(statement: Statement) -> bool:
    """Whether a statement is for those who used MFA: an Allow that holds only so, a Deny that holds without."""
    if not statement.has_mfa:
        return False
    with_mfa, without = _holds(statement, WITH_MFA), _holds(statement, _WITHOUT)
    if statement.effect == "Allow":
        return Truth.YES in with_mfa and Truth.YES not in without
    return statement.effect == "Deny" and Truth.NO in with_mfa and Truth.YES in without
