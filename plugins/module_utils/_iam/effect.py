# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the MFA conditions of a statement do, credential by credential, and whether its document makes up for a hole.

Private to this collection, and what the rules on conditions, trust and guardrails share.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Iterable, NamedTuple, Optional, Tuple

from .account import PolicyRef
from .condition import Truth, all_of, any_of, evaluate_condition
from .context import AuditContext
from .decide import Request, decide
from .document import Condition, Document, Statement
from .finding import Finding, Witness, finding
from .principals import people, read_principal
from .worlds import (
    ASSUME_ROLE_WITH_MFA,
    LONG_TERM_KEY,
    SESSION_WITH_MFA,
    SESSION_WITH_STALE_MFA,
    SESSION_WITHOUT_MFA,
    World,
)

__all__ = ["Draft", "Effect", "effect_of", "effect_of_one", "is_stopped", "requests_of", "requires_mfa"]

_MOST = 6  # requests to try for one statement


class Effect(NamedTuple):
    """Whether MFA conditions hold: without MFA by key and by session, and with MFA just now and 36 hours ago."""

    key: Truth
    session: Truth
    fresh: Truth
    stale: Truth

    @property
    def never(self) -> bool:
        """Whether they hold for nobody."""
        return all(truth is Truth.NO for truth in self)

    @property
    def always(self) -> bool:
        """Whether they hold for everybody."""
        return all(truth is Truth.YES for truth in self)


class Draft(NamedTuple):
    """A finding before it is known where its document stands."""

    rule: str
    statement: Statement
    message: str
    path: str = ""
    witness: Optional[Witness] = None
    severity: Optional[str] = None
    serial: Optional[str] = None

    def at(self, context: AuditContext, ref: PolicyRef) -> Finding:
        """Give the finding for one place where the document stands."""
        return finding(
            self.rule,
            account=context.account.account_id,
            resource=ref.resource,
            document=ref.kind,
            message=self.message,
            statement=self.statement.mark,
            path=self.path,
            serial=self.serial,
            witness=self.witness,
            severity=self.severity,
        )


def effect_of(statement: Statement) -> Effect:
    """Say for whom all of a statement's MFA conditions hold; its other conditions are left out."""
    return _effect(tuple([condition for condition in statement.conditions if condition.is_mfa]))


def effect_of_one(condition: Condition) -> Effect:
    """Say for whom one condition holds."""
    return _effect((condition,))


# The same few conditions stand in most policies of an account.
@lru_cache(maxsize=4096)
def _effect(conditions: Tuple[Condition, ...]) -> Effect:
    def holds(world: World) -> Truth:
        return all_of([evaluate_condition(condition, world) for condition in conditions])

    return Effect(
        holds(LONG_TERM_KEY),
        holds(SESSION_WITHOUT_MFA),
        any_of((holds(ASSUME_ROLE_WITH_MFA), holds(SESSION_WITH_MFA))),
        holds(SESSION_WITH_STALE_MFA),
    )


def requires_mfa(statement: Statement) -> bool:
    """Whether a statement applies with MFA and never without it, as far as the MFA keys go."""
    if not statement.has_mfa:
        return False
    effect = effect_of(statement)
    with_mfa = effect.fresh is Truth.YES or effect.stale is Truth.YES
    return with_mfa and effect.key is Truth.NO and effect.session is Truth.NO


def is_stopped(document: Document, requests: Iterable[Request], world: World) -> bool:
    """Whether the document as a whole keeps these requests from one credential, and only for want of MFA.

    Denied is stopped. So is what nothing allows although it is allowed with MFA: then the Allow asks for it.
    """
    for request in requests:
        outcome = decide((document,), request, world).outcome
        if outcome == "implicit" and decide((document,), request, SESSION_WITH_MFA).outcome in ("allowed", "unknown"):
            continue
        if outcome != "denied":
            return False
    return True


def requests_of(statement: Statement, account: str) -> Tuple[Request, ...]:
    """Give some requests that a statement is about: a few of its actions, on its first resources, by its principals."""
    actions = [_member(action, "any:any") for action in statement.actions[:_MOST]] or ["any:any"]
    caller = _caller(statement, account)
    resources = [_own(_member(one, "arn:aws:any:::any"), caller) for one in statement.resources[:2]]
    return tuple(
        Request(action, resource, caller) for action in actions for resource in (resources or ["arn:aws:any:::any"])
    )


def _member(pattern: str, anything: str) -> str:
    """Name something that fits a pattern and that nobody would name on purpose."""
    return anything if pattern == "*" else pattern.replace("*", "any").replace("?", "a")


def _own(resource: str, caller: str) -> str:
    return resource.replace("${aws:username}", caller.rpartition("/")[2])


def _caller(statement: Statement, account: str) -> str:
    for principal in people(statement):
        return principal._replace(account=principal.account or account).example()
    if statement.principal is not None:
        for text in statement.principal.aws:
            return read_principal(text).example()
        for text in statement.principal.service + statement.principal.federated:
            return text
    return f"arn:aws:iam::{account}:user/anybody"
