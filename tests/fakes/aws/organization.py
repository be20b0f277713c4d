"""Service control policies, as they bind the account: level by level from the root down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.organizations.models import OrganizationsBackend, organizations_backends

from .policy import Context, Decision, decide
from .state import ACCOUNT

_KIND = "SERVICE_CONTROL_POLICY"
_LINKED = "/aws-service-role/"


def bound_by(action: str, resource: str, context: Context, principal: str) -> Decision:
    """Say what the organization makes of a request: every level has to allow it, and none may deny it.

    An account of AWS that manages an organization is bound by none of its policies. This one manages its own, since it
    is the only one there is, and is bound all the same, as a member would be.
    """
    if _LINKED in principal:
        return "allow"
    decisions = [decide(level, action, resource, context) for level in _levels(organizations_backends[ACCOUNT]["aws"])]
    if "deny" in decisions:
        return "deny"
    return "none" if "none" in decisions else "allow"


def _levels(backend: OrganizationsBackend) -> Iterator[list[str]]:
    """Yield the texts attached to the root, to each unit down to the account, and to the account."""
    here: Any = next((account for account in backend.accounts if account.id == ACCOUNT), None)
    while here is not None:
        yield [str(policy.content) for policy in here.attached_policies if policy.type == _KIND]
        above = here.parent_id
        here = next((unit for unit in backend.ou if unit.id == above), None)
