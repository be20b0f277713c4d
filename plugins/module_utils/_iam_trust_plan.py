# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which trust policy a role should have: one that is given, its own with corrections, or the one saved before.

Private to this collection, without side effects.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NamedTuple, Sequence, Tuple

from ._iam.account import Account, CoverageGap, Role
from ._iam.audit import audit
from ._iam.catalogue import AUTHORIZATION, PARTS, RULES, SEVERITIES, severity_rank
from ._iam.context import AuditOptions
from ._iam.decide import Request, decide
from ._iam.digest import digest
from ._iam.document import Document, parse_document
from ._iam.errors import IamError
from ._iam.finding import Finding
from ._iam.principals import read_principal
from ._iam.worlds import WORLDS

__all__ = ["Change", "RoleTrust", "correction", "digest", "given", "lockout", "role_in_snapshot"]

_ASSUME = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_MOST_FIXES = 50


class RoleTrust(NamedTuple):
    """A role and its trust policy, as AWS gives them."""

    name: str
    arn: str
    path: str
    id: str
    document: Any


class Change(NamedTuple):
    """The document that is wanted, what was done to get it, and what was asked for and could not be done."""

    document: Dict[str, Any]
    fixes: Tuple[Dict[str, Any], ...] = ()
    unfixed: Tuple[Dict[str, Any], ...] = ()


def role_in_snapshot(account: Account, name: str, path: str) -> RoleTrust:
    """Find a role of an account that was read from a snapshot."""
    for role in account.roles.values():
        if role.name == name:
            return RoleTrust(role.name, role.arn, role.path, role.id, role.trust)
    raise IamError(f"the snapshot {path} has no role {name}: check the name, without its path, and the snapshot")


def given(document: Any) -> Change:
    """Take a document that the caller wrote, if it is a trust policy."""
    parsed = parse_document(document, "the policy")
    problems = [f"{one.path}: {one.message}" for one in parsed.problems]
    for statement in parsed.statements:
        path = f"Statement[{statement.index}]"
        if statement.principal is None and statement.not_principal is None:
            problems.append(f"{path}: a trust policy names a Principal")
        if statement.resources or statement.not_resources:
            problems.append(f"{path}: a trust policy has no Resource; the role itself is meant")
    if problems:
        raise IamError(f"the policy would be refused by IAM: {'; '.join(problems)}")
    return Change(parsed.obj)


def correction(
    role: RoleTrust, rules: Sequence[str], trusted: FrozenSet[str] = frozenset(), threshold: str = SEVERITIES[-1]
) -> Change:
    """Correct the severe enough findings of some rules, one after the other, until none has a correction left."""
    unknown = sorted(set(rules) - set(RULES))
    if unknown:
        raise IamError(f"fix_rules: there is no rule {', '.join(unknown)}; docs/rules.md lists them")
    document = parse_document(role.document, f"the trust policy of {role.arn}").obj
    fixes: List[Dict[str, Any]] = []
    for _round in range(_MOST_FIXES):
        findings = _findings(role, document, trusted)
        findings = tuple(
            found
            for found in findings
            if found.rule in rules and severity_rank(found.severity) <= severity_rank(threshold)
        )
        first = next((found for found in findings if found.fix is not None), None)
        if first is None or first.fix is None:
            return Change(document, tuple(fixes), tuple(_brief(found) for found in findings))
        document = dict(first.fix.document)
        fixes.append({**_brief(first), "summary": first.fix.summary})
    raise IamError(f"the trust policy of {role.arn} takes more than {_MOST_FIXES} corrections: write it anew")


def _findings(role: RoleTrust, document: Dict[str, Any], trusted: FrozenSet[str]) -> Tuple[Finding, ...]:
    account_id, partition = role.arn.split(":")[4], role.arn.split(":")[1]
    only = Role(name=role.name, arn=role.arn, id=role.id, trust=document, path=role.path)
    gaps = tuple(CoverageGap(part, "one role is looked at") for part in PARTS if part != AUTHORIZATION)
    account = Account(account_id, partition, roles={role.arn: only}, gaps=gaps)
    report = audit(account, AuditOptions(trusted_accounts=trusted))
    return tuple(found for found in report.findings if found.resource == role.arn and found.document == "trust")


def _brief(found: Finding) -> Dict[str, Any]:
    return {
        "rule": found.rule,
        "severity": found.severity,
        "statement": found.statement,
        "path": found.path,
        "message": found.message,
    }


# --- lockout ---------------------------------------------------------------------------------------------------------


def lockout(before: Any, after: Any, arn: str) -> Tuple[str, ...]:
    """Name the principals of the old policy who could assume the role with some credential and now can with none."""
    old, new = parse_document(before, "the present policy"), parse_document(after, "the new policy")
    account = arn.split(":")[4]
    return tuple(
        name for name, caller in _callers(old, account).items() if _gets_in(old, caller) and not _gets_in(new, caller)
    )


def _callers(document: Document, account: str) -> Dict[str, str]:
    callers: Dict[str, str] = {}
    for statement in document.statements:
        if statement.effect != "Allow" or statement.principal is None:
            continue
        for text in statement.principal.aws:
            principal = read_principal(text)
            callers[text] = principal._replace(account=principal.account or account).example()
        callers.update({text: text for text in statement.principal.service + statement.principal.federated})
    return callers


def _gets_in(document: Document, caller: str) -> bool:
    return any(
        decide((document,), Request(action, None, caller), world).outcome in ("allowed", "unknown")
        for action in _ASSUME
        for world in WORLDS
        if world.can_hold & _kinds(caller)
    )


def _kinds(caller: str) -> FrozenSet[str]:
    if not caller.startswith("arn:"):  # a service, an OIDC provider's host, or the id of what was deleted
        return frozenset(("role",)) if caller.startswith(("AROA", "AIDA")) else frozenset(("service", "federated"))
    resource = caller.split(":", 5)[-1]
    if resource.startswith(("saml-provider/", "oidc-provider/")):
        return frozenset(("federated",))
    if resource.startswith(("role/", "assumed-role/", "federated-user/")):
        return frozenset(("role",))
    return frozenset(("user", "root"))
