# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit: every rule over one account, and what of it could not be judged.

Private to this collection. Nothing that was not read makes an account clean: each gap names the rules that are
unknown because of it.
"""

from __future__ import annotations

from collections import Counter
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from . import rules_condition, rules_device, rules_guardrail, rules_serial, rules_trust
from .account import Account, CoverageGap, PolicyRef
from .catalogue import AUTHORIZATION, FILES, HOSTS, NOT_ASKED, RULES, SEVERITIES, Rule
from .context import AuditContext, AuditOptions, Distinct
from .finding import Finding, order
from .fix import Fixer
from .scope import scope_of

__all__ = ["AuditReport", "Coverage", "audit", "coverage_to_dict", "documents_to_dicts", "summarise"]

_FAMILIES: Tuple[Callable[[AuditContext], Iterator[Finding]], ...] = (
    rules_serial.check,
    rules_condition.check,
    rules_trust.check,
    rules_guardrail.check,
    rules_device.check,
)


class Coverage(NamedTuple):
    """What was judged and what was not. ``rules`` holds the status and the reason of each rule that is not checked."""

    documents: int
    distinct: int
    gaps: Tuple[Dict[str, Any], ...]
    unreadable: Tuple[Dict[str, Any], ...]  # documents that are no policies at all
    problems: Tuple[Dict[str, Any], ...]  # parts of documents that IAM would not take
    missing_roles: Tuple[str, ...]  # in scope, and not in the account
    rules: Dict[str, Tuple[str, str]]  # id -> (partial | unknown | not_given, reason)


class AuditReport(NamedTuple):
    """What the rules found, the worst first."""

    findings: Tuple[Finding, ...]
    summary: Dict[str, Any]
    coverage: Coverage
    documents: Tuple[Distinct, ...] = ()  # all that were read


def audit(account: Account, options: AuditOptions) -> AuditReport:
    """Run every rule over the account."""
    context = AuditContext(account, options)
    fixer = Fixer(context)
    findings = _in_order(
        fixed for found in _found(context) if context.can_check(found.rule) for fixed in fixer.fixed(found)
    )
    missing: Tuple[str, ...] = ()
    if options.scope == "roles":
        scope = scope_of(account, options.roles)
        findings = tuple(found for found in findings if found.resource in scope.resources)
        missing = tuple(sorted(scope.unknown))
    coverage = _coverage(context)._replace(missing_roles=missing)
    return AuditReport(findings, summarise(findings), coverage, context.documents)


def summarise(findings: Sequence[Finding]) -> Dict[str, Any]:
    """Count findings by severity, every severity named, and by rule."""
    severities = Counter(found.severity for found in findings)
    rules = Counter(found.rule for found in findings)
    return {
        "findings": len(findings),
        "severity": {severity: severities[severity] for severity in SEVERITIES},
        "rules": {rule: rules[rule] for rule in RULES if rules[rule]},
    }


def documents_to_dicts(documents: Iterable[Distinct], findings: Iterable[Finding]) -> List[Dict[str, Any]]:
    """Return the documents that findings are about, each once, as iam_mfa_audit_info returns them."""
    wanted: Dict[str, Dict[str, None]] = {}  # the resources of each kind of document, in order
    for found in findings:
        wanted.setdefault(found.document, {})[found.resource] = None
    listed = []
    for distinct in documents:
        places = [place for ref in distinct.places for place in _places(ref, wanted)]
        if places:
            listed.append({"places": places, "policy": distinct.document.obj})
    return listed


def _places(ref: PolicyRef, wanted: Mapping[str, Mapping[str, None]]) -> Iterator[Dict[str, str]]:
    """Yield the places of findings that one place of a document stands for: of a group's also those of its users."""
    if ref.resource in wanted.get(ref.kind, ()):
        yield {"resource": ref.resource, "document": ref.kind}
    if ":group/" in ref.resource:
        kind = f"group:{ref.resource.rpartition('/')[2]}:{ref.kind}"
        for user in wanted.get(kind, ()):
            yield {"resource": user, "document": kind}


def coverage_to_dict(coverage: Coverage) -> Dict[str, Any]:
    """Return the coverage as plain values, as iam_mfa_audit_info returns it."""
    statuses: Dict[str, Dict[str, str]] = {"partial": {}, "unknown": {}, "not_given": {}}
    for rule, (status, reason) in coverage.rules.items():
        statuses[status][rule] = reason
    return {
        "complete": not (coverage.gaps or coverage.unreadable or coverage.problems or coverage.missing_roles),
        "documents": coverage.documents,
        "distinct_documents": coverage.distinct,
        "missing_roles": list(coverage.missing_roles),
        "gaps": list(coverage.gaps),
        "unreadable": list(coverage.unreadable),
        "problems": list(coverage.problems),
        "rules": {"checked": [rule for rule in RULES if rule not in coverage.rules], **statuses},
    }


def _found(context: AuditContext) -> Iterator[Finding]:
    for check in _FAMILIES:
        yield from check(context)


def _in_order(findings: Iterable[Finding]) -> Tuple[Finding, ...]:
    """Sort, and drop what two rules' ways led to twice."""
    by_key = {order(found): found for found in findings}
    return tuple(by_key[key] for key in sorted(by_key))


def _coverage(context: AuditContext) -> Coverage:
    missing: Dict[str, List[str]] = {}
    narrow: Dict[str, List[str]] = {}
    given = {HOSTS: bool(context.options.host_serials), FILES: bool(context.options.files)}
    for gap in context.gaps:
        if gap.reason == NOT_ASKED:
            given[gap.part] = False
        else:
            (missing if gap.part in context.missing else narrow).setdefault(gap.part, []).append(_why(gap))
    if context.unreadable:
        count = len(context.unreadable)
        narrow.setdefault(AUTHORIZATION, []).append(f"{count} document{'' if count == 1 else 's'} could not be read")
    rules = {}
    for rule in RULES.values():
        status = _status(rule, missing, narrow, given)
        if status is not None:
            rules[rule.id] = status
    return Coverage(
        sum(len(distinct.places) for distinct in context.documents),
        len(context.documents),
        tuple(_gap(gap) for gap in context.gaps if gap.reason != NOT_ASKED),
        tuple(
            {"resource": one.ref.resource, "document": one.ref.kind, "reason": one.reason} for one in context.unreadable
        ),
        tuple(_problems(context)),
        (),
        rules,
    )


def _status(
    rule: Rule, missing: Mapping[str, List[str]], narrow: Mapping[str, List[str]], given: Mapping[str, bool]
) -> Optional[Tuple[str, str]]:
    lost = [why for part in rule.needs for why in missing.get(part, ())]
    if lost:
        return "unknown", "; ".join(lost)
    absent = [part for part in rule.needs if not given.get(part, True)]
    if absent:
        return "not_given", f"{', '.join(absent)}: not asked for, or nothing was given"
    less = [why for part in rule.also for why in missing.get(part, ())]
    less += [why for part in (*rule.needs, *rule.also) for why in narrow.get(part, ())]
    return ("partial", "; ".join(less)) if less else None


def _why(gap: CoverageGap) -> str:
    return f"{gap.part}{f' of {gap.subject}' if gap.subject else ''}: {gap.reason}"


def _gap(gap: CoverageGap) -> Dict[str, Any]:
    return {
        "part": gap.part,
        "subject": gap.subject or None,
        "reason": gap.reason,
        "api": gap.api or None,
        "code": gap.code or None,
        "rules": [rule.id for rule in RULES.values() if gap.part in rule.needs or gap.part in rule.also],
    }


def _problems(context: AuditContext) -> Iterator[Dict[str, Any]]:
    for distinct in context.documents:
        for problem in distinct.document.problems:
            for ref in distinct.places:
                yield {
                    "resource": ref.resource,
                    "document": ref.kind,
                    "path": problem.path,
                    "message": problem.message,
                }
