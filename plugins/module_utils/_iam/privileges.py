# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles are worth more: those that can do everything, or make themselves able to.

Private to this collection. Judged by what is allowed alone; a boundary or a Deny may leave less of it.
"""

from __future__ import annotations

import re
from typing import Set

from .account import Account, Role
from .context import AuditContext
from .decide import action_matches
from .document import Document, Statement

__all__ = ["Privileges", "is_privileged_document"]

# AWS's own, whose texts are not in every snapshot.
_MANAGED = (
    ":iam::aws:policy/AdministratorAccess",
    ":iam::aws:policy/IAMFullAccess",
    ":iam::aws:policy/PowerUserAccess",
)
_POWERFUL = (
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
)
_FAMILIES = frozenset(("inline", "managed"))
_EVERYBODY = re.compile(r"arn:[^:]*:(?:iam|\*):[^:]*:[^:]*:(?:\*|(?:role|user|policy)/?\*)|arn:[^:]*:iam:\*|arn:\*")


class Privileges:
    """Says which roles are privileged, after one look at each document."""

    def __init__(self, context: AuditContext) -> None:
        self._account: Account = context.account
        self._holders: Set[str] = set()
        for distinct in context.documents:
            if any(ref.family in _FAMILIES for ref in distinct.places) and is_privileged_document(distinct.document):
                self._holders.update(ref.resource for ref in distinct.places)

    def has(self, role: Role) -> bool:
        """Whether a role is privileged by a policy of its own or an attached one."""
        if role.arn in self._holders:
            return True
        return any(arn in self._holders or arn.endswith(_MANAGED) for arn in role.attached)


def is_privileged_document(document: Document) -> bool:
    """Whether a policy allows everything, or what leads there."""
    return any(_is_powerful(statement) for statement in document.statements)


def _is_powerful(statement: Statement) -> bool:
    if statement.effect != "Allow":
        return False
    patterns = statement.actions or ("*" if statement.not_actions else "",)
    if statement.not_resources or any(not one.strip("*") for one in statement.resources):
        return any(_is_powerful_action(action) for action in patterns)
    # Every role, user or policy is enough for what makes one able to do everything.
    everybody = any(_EVERYBODY.fullmatch(one) for one in statement.resources)
    return everybody and any(_is_powerful_action(action) for action in patterns)


def _is_powerful_action(pattern: str) -> bool:
    if not pattern.strip("*") or pattern == "*:*":
        return True
    folded = pattern.lower()
    if not folded.startswith(("iam:", "*", "i*", "ia*", "?")):
        return False
    return any(action_matches(pattern, action) for action in _POWERFUL)
