# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit could not judge, as a list. Private to this collection, pure.

No format may leave it out: a report without findings would look clean where nobody could look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .account import AccountAudit

__all__ = ["Gap", "gaps_of"]


class Gap(NamedTuple):
    """One thing that could not be judged, or not wholly."""

    kind: str  # audit | rule | partial_rule | part | document | condition | role
    reason: str
    rule: str = ""
    resource: str = ""
    document: str = ""


def gaps_of(audit: AccountAudit) -> tuple[Gap, ...]:
    """Return all of them; an audit that failed is one."""
    if audit.message:
        return (Gap("audit", f"the account was not audited: {audit.message}"),)
    return (*_rules(audit), *_places(audit))


def _rules(audit: AccountAudit) -> Iterator[Gap]:
    rules = audit.coverage.get("rules", {})
    for kind, status in (("rule", "unknown"), ("partial_rule", "partial")):
        for rule, reason in rules.get(status, {}).items():
            yield Gap(kind, str(reason), rule=str(rule))


def _places(audit: AccountAudit) -> Iterator[Gap]:
    coverage = audit.coverage
    for gap in coverage.get("gaps", ()):
        # The others are the reasons of the rules above.
        if not gap["rules"]:
            yield Gap("part", f"{gap['part']}: {gap['reason']}", resource=str(gap.get("subject") or ""))
    for one in coverage.get("unreadable", ()):
        yield Gap("document", str(one["reason"]), resource=str(one["resource"]), document=str(one["document"]))
    for one in coverage.get("problems", ()):
        reason = f"{one['path']}: {one['message']}"
        yield Gap("condition", reason, resource=str(one["resource"]), document=str(one["document"]))
    for role in coverage.get("missing_roles", ()):
        yield Gap("role", "the role is in scope and not in the account", resource=str(role))
