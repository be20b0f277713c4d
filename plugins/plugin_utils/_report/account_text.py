# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account in the report for people. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from .account import AccountAudit, account_headline, one_line
from .figures import names

__all__ = ["account_section", "from_here", "statement_of"]

LISTED_FINDINGS = 200
LISTED_GAPS = 100
WIDTH = 110
_NOT_JUDGED = ("unknown", "partial")


def account_section(audit: AccountAudit) -> str:
    """Return the whole section."""
    title = f"Account {audit.name}"
    lines = [title, "-" * len(title), *_said(audit), *_origin(audit)]
    for found in audit.findings[:LISTED_FINDINGS]:
        lines += ["", *_finding(found)]
    left_out = len(audit.findings) - LISTED_FINDINGS
    if left_out > 0:
        lines += ["", f"and {left_out} more findings, none worse: see report.json"]
    for part in (_ignored(audit), _not_judged(audit)):
        if part:
            lines += ["", *part]
    return "\n".join(map(one_line, lines))


def _said(audit: AccountAudit) -> list[str]:
    """Say how the audit ended; why it failed is told without the title once more."""
    return _wrapped(f"{audit.verdict}: {audit.message}", "") if audit.message else [account_headline(audit)]


def _origin(audit: AccountAudit) -> Iterator[str]:
    account = audit.account
    if account.get("description"):
        yield str(account["description"])
    if account:
        yield f"read from {account.get('source')}, state of {account.get('collected_at') or 'unknown date'}"


def _finding(found: Mapping[str, Any]) -> Iterator[str]:
    place = [from_here(str(found["resource"])), _document(found)]
    if statement := statement_of(found):
        place.append(f"statement {statement}")
    yield f"{found['severity']} {found['rule']}: {found['title']}"
    yield from _wrapped(", ".join(place), "    where: ")
    if found.get("serial") and str(found["serial"]) not in str(found["message"]):
        yield f"    serial: {found['serial']}"
    yield from _wrapped(str(found["message"]), "    what:  ")
    if found.get("hosts"):
        yield f"    hosts: {names(found['hosts'])}"
    if found.get("fix"):
        yield from _wrapped(str(found["fix"]["summary"]), "    fix:   ")


def statement_of(found: Mapping[str, Any]) -> str:
    """Name a finding's statement for people: by its Sid, or by its place, counted from 1; empty where there is none."""
    statement = found.get("statement")
    if isinstance(statement, int):
        return f"number {statement + 1}"
    return "" if statement is None else str(statement)


def from_here(resource: str) -> str:
    """Shorten the path of a file below the working directory, where the code of a repository mostly is."""
    below = f"{Path.cwd()}/"
    return resource.removeprefix(below)


def _document(found: Mapping[str, Any]) -> str:
    """Return the document, without repeating the policy's ARN."""
    own = f"managed:{found['resource']}@"
    document = str(found["document"])
    return f"version {document[len(own) :]}" if document.startswith(own) else document


def _ignored(audit: AccountAudit) -> list[str]:
    return [
        f"accepted until {one['expires']}: {one['finding']['rule']} on {one['finding']['resource']}: {one['reason']}"
        for one in audit.ignored
    ]


def _not_judged(audit: AccountAudit) -> list[str]:
    coverage = audit.coverage
    lines = [line for status in _NOT_JUDGED for line in _rules(status, coverage.get("rules", {}).get(status, {}))]
    # The others are the reasons of the rules above.
    gaps = [gap for gap in coverage.get("gaps", ()) if not gap["rules"]]
    lines += [f"{gap['part']}: {gap['reason']}" for gap in gaps]
    lines += [
        f"not judged: {one['document']} of {one['resource']}: {one['reason']}" for one in coverage.get("unreadable", ())
    ]
    lines += [
        f"not judged: {one['document']} of {one['resource']}, {one['path']}: {one['message']}"
        for one in coverage.get("problems", ())
    ]
    lines += [f"role {role} is in scope and not in the account" for role in coverage.get("missing_roles", ())]
    if len(lines) > LISTED_GAPS:
        lines = [*lines[:LISTED_GAPS], f"and {len(lines) - LISTED_GAPS} more: see report.json"]
    return ["What could not be judged:", *(part for line in lines for part in _wrapped(line, "    "))] if lines else []


def _rules(status: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """Say each reason once, with all the rules that it leaves open."""
    rules: dict[str, list[str]] = {}
    for rule, why in reasons.items():
        rules.setdefault(why, []).append(rule)
    for why, some in rules.items():
        yield f"{status}: {', '.join(some)}: {why}"


def _wrapped(text: str, first: str) -> list[str]:
    return wrap(
        one_line(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * max(len(first), 8),
        break_long_words=False,
        break_on_hyphens=False,
    )
