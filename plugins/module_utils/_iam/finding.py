# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding: what is wrong, where, who would see it, and what the document should say instead.

Private to this collection. The keys of to_dict are public.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from .catalogue import RULES, severity_rank

__all__ = ["Finding", "Fix", "Witness", "finding", "order", "to_dict"]


class Witness(NamedTuple):
    """The credential that shows the fault, and what it gets."""

    credential: str  # long_term_key | session_without_mfa | session_with_mfa | role_session
    outcome: str  # allowed | denied | never | always


class Fix(NamedTuple):
    """The whole document as it should be, and the change in one sentence."""

    document: Mapping[str, Any]
    summary: str


class Finding(NamedTuple):
    """One finding. Make one with finding()."""

    rule: str
    severity: str
    title: str
    account: str
    resource: str  # an ARN, or file:line
    # trust | inline:NAME | group:GROUP:inline:NAME | managed:ARN@vN | boundary | scp:ID | resource:ARN | profile:NAME |
    # trail | account
    document: str
    statement: Union[str, int, None]  # Sid, or the index where there is none or several have it
    path: str
    serial: Optional[str]
    witness: Optional[Witness]
    message: str
    fix: Optional[Fix]
    references: Tuple[str, ...]


def finding(  # noqa: PLR0913 - the fields of a finding
    rule: str,
    *,
    account: str,
    resource: str,
    document: str,
    message: str,
    statement: Union[str, int, None] = None,
    path: str = "",
    serial: Optional[str] = None,
    witness: Optional[Witness] = None,
    fix: Optional[Fix] = None,
    severity: Optional[str] = None,
) -> Finding:
    """Return a finding with what the catalogue says about its rule; ``severity`` only where it is not the usual one."""
    known = RULES[rule]
    return Finding(
        rule,
        severity or known.severity,
        known.title,
        account,
        resource,
        document,
        statement,
        path,
        serial,
        witness,
        message,
        fix,
        known.references,
    )


def order(found: Finding) -> Tuple[Any, ...]:
    """Return the sort key: worst first, then by rule and place; equal for no two different findings."""
    return (
        severity_rank(found.severity),
        found.rule,
        found.resource,
        found.document,
        # A Sid and an index do not compare: 2 before 10, indexes before names.
        (0, found.statement, "") if isinstance(found.statement, int) else (1, 0, found.statement or ""),
        found.path,
        found.serial or "",
        found.message,
    )


def to_dict(found: Finding) -> Dict[str, Any]:
    """Return the finding as plain values, as iam_mfa_audit_info returns it."""
    witness, fix = found.witness, found.fix
    return {
        "rule": found.rule,
        "severity": found.severity,
        "title": found.title,
        "account": found.account,
        "resource": found.resource,
        "document": found.document,
        "statement": found.statement,
        "path": found.path,
        "serial": found.serial,
        "witness": None if witness is None else {"credential": witness.credential, "outcome": witness.outcome},
        "message": found.message,
        "fix": None if fix is None else {"document": fix.document, "summary": fix.summary},
        "references": list(found.references),
    }
