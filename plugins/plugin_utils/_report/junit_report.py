# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as test results for CI systems: junit.xml. Private to this collection.

A host is a test, a finding is one, and so is a rule that found nothing. Noncompliant is a failure; what could not be
judged is an error, never skipped and never passed. Skipped is what was accepted, and a rule that was given nothing.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES

from .account import AccountAudit, account_headline, one_line
from .account_text import statement_of
from .gaps import Gap, gaps_of
from .model import ACCOUNT_ALONE, COMPLIANT, UNKNOWN, HostEntry, Report, headline
from .reasons import advice, explain

__all__ = ["render_junit"]

NAME = "softtoken.compliance"
_OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class _Case(NamedTuple):
    """One test. Without an outcome it passed."""

    group: str
    name: str
    outcome: str = ""  # failure | error | skipped
    kind: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()


def render_junit(report: Report) -> str:
    """Return the text of junit.xml."""
    suites = []
    if report.mode != ACCOUNT_ALONE or report.account is None:
        suites.append(_suite("hosts", _hosts(report), report))
    if report.account is not None:
        suites.append(_suite(f"account {report.account.name}", _account(report.account), report))
    if report.notes:
        ET.SubElement(suites[0], "system-out").text = "\n".join(map(_text, report.notes))
    totals = {name: str(sum(int(suite.get(name, "0")) for suite in suites)) for name in ("tests", "failures", "errors")}
    root = ET.Element("testsuites", {"name": NAME, **totals})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(name: str, cases: Iterable[_Case], report: Report) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _text(name), "timestamp": _text(report.generated_at.removesuffix("Z"))})
    counts = {"tests": 0, **dict.fromkeys(_OUTCOMES.values(), 0)}
    names: set[tuple[str, str]] = set()
    for case in cases:
        # A CI system takes two tests of one name for one.
        name = next(name for name in _numbered(case.name) if (case.group, name) not in names)
        names.add((case.group, name))
        suite.append(_element(case._replace(name=name)))
        counts["tests"] += 1
        if case.outcome:
            counts[_OUTCOMES[case.outcome]] += 1
    for key, number in counts.items():
        suite.set(key, str(number))
    return suite


def _numbered(name: str) -> Iterator[str]:
    plain = _text(name)
    yield plain
    yield from (f"{plain} #{number}" for number in count(2))


def _element(case: _Case) -> ET.Element:
    test = ET.Element("testcase", {"classname": f"{NAME}.{_text(case.group)}", "name": _text(case.name), "time": "0"})
    text = "\n".join(map(_text, case.lines))
    if case.outcome:
        told = ET.SubElement(test, case.outcome, {"type": _text(case.kind), "message": _text(case.message)})
        told.text = text or None
    elif text:
        ET.SubElement(test, "system-out").text = text
    return test


def _text(text: str) -> str:
    """Write out what XML must not hold, or would change: it has no way to hold all characters."""
    return one_line(str(text))


def _hosts(report: Report) -> Iterator[_Case]:
    if not report.hosts:
        yield _Case("hosts", "any host", "error", UNKNOWN, headline(report))
    failed = {entry.host for entry in report.not_enforced}
    for entry in report.hosts:
        yield _host(entry, report, failed_to_enforce=entry.host in failed)


def _host(entry: HostEntry, report: Report, *, failed_to_enforce: bool) -> _Case:
    state = entry.state
    lines = tuple(_explained(entry, report))
    if state.verdict == UNKNOWN:
        outcome = "error"
    elif state.verdict != COMPLIANT or failed_to_enforce:
        outcome = "failure"
    else:
        return _Case("hosts", entry.host, lines=lines)
    kind = state.reasons[0] if state.reasons else "enforcement.failed" if failed_to_enforce else state.verdict
    message = f"{state.verdict}: {', '.join(state.reasons) or 'no reason given'}"
    if failed_to_enforce and entry.enforcement is not None:
        message = f"{message if state.reasons else state.verdict}; enforcement {entry.enforcement.failure}"
    return _Case("hosts", entry.host, outcome, kind, message, lines)


def _explained(entry: HostEntry, report: Report) -> Iterator[str]:
    state, enforced = entry.state, entry.enforcement is not None
    for code in state.reasons:
        yield f"{code}: {explain(code).meaning}; do: {advice(code, enforced=enforced, dry_run=report.dry_run)}"
    for code in state.warnings:
        yield f"warning: {code}: {explain(code).meaning}"
    yield from state.messages


def _account(audit: AccountAudit) -> Iterator[_Case]:
    for found in audit.findings:
        yield _finding(found, "failure", f"{found['severity']}: {found['message']}")
    for one in audit.ignored:
        yield _finding(one["finding"], "skipped", f"accepted until {one['expires']}: {one['reason']}")
    gaps = gaps_of(audit)
    if not audit.message:
        yield from _rules(audit, {gap.rule for gap in gaps})
    for gap in gaps:
        yield _gap(gap, audit)


def _finding(found: Mapping[str, Any], outcome: str, message: str) -> _Case:
    place = [str(found["resource"]), str(found["document"])]
    place += [f"statement {statement}"] if (statement := statement_of(found)) else []
    place += [str(found[key]) for key in ("path", "serial") if found.get(key)]
    details = {
        "hosts": ", ".join(map(str, found.get("hosts") or ())),
        "fix": (found.get("fix") or {}).get("summary"),
    }
    lines = tuple(f"{name}: {value}" for name, value in details.items() if value)
    name = f"{found['title']}: {', '.join(place)}"
    return _Case(f"account.{found['rule']}", name, outcome, str(found["severity"]), message, lines)


def _rules(audit: AccountAudit, not_judged: set[str]) -> Iterator[_Case]:
    """The rules that found nothing."""
    told = {str(found["rule"]) for found in audit.findings} | not_judged
    statuses = audit.coverage.get("rules", {})
    checked, not_given = statuses.get("checked", ()), statuses.get("not_given", {})
    for rule in RULES.values():
        group = f"account.{rule.id}"
        if rule.id in told:
            continue
        if rule.id in checked:
            yield _Case(group, rule.title)
        elif rule.id in not_given:
            yield _Case(group, rule.title, "skipped", "not_given", str(not_given[rule.id]))
        else:
            yield _Case(group, rule.title, "error", UNKNOWN, "the audit says nothing of this rule")


def _gap(gap: Gap, audit: AccountAudit) -> _Case:
    if gap.kind == "audit":
        return _Case("account", "audit of the account", "error", UNKNOWN, account_headline(audit))
    if gap.rule:
        title = RULES[gap.rule].title if gap.rule in RULES else gap.rule
        whole = "" if gap.kind == "rule" else " (where it could not look)"
        return _Case(f"account.{gap.rule}", f"{title}{whole}", "error", gap.kind, gap.reason)
    place = ", ".join(text for text in (gap.resource, gap.document) if text) or gap.reason
    return _Case("account.coverage", place, "error", gap.kind, gap.reason)
