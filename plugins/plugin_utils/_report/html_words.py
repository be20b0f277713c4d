# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the head of the page says in words. Private to this collection, pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .account import AccountAudit
from .figures import by_agent
from .model import ACCOUNT_ALONE, COMPLIANT, NONCOMPLIANT, UNKNOWN, Report, headline

__all__ = ["LISTED", "account_words", "gaps_of", "host_words", "mode_of", "title_of"]

LISTED = 200
LEAST_SHARE = 0.008
_VERDICT_NAMES = {NONCOMPLIANT: "Not compliant", UNKNOWN: "Unknown", COMPLIANT: "Compliant"}


def title_of(report: Report) -> str:
    """Return what the browser's tab says."""
    return f"Compliance report: {headline(report)}"


def mode_of(report: Report) -> str:
    """Return what was done."""
    if report.mode == ACCOUNT_ALONE:
        return "Audit of an account"
    return {"audit": "Audit", "enforce": "Enforcing"}.get(report.mode, report.mode)


def host_words(report: Report) -> dict[str, Any] | None:
    """Return the verdict over the hosts; None in a report about an account alone."""
    counts, total = report.counts, len(report.hosts)
    if not total and report.mode == ACCOUNT_ALONE:
        return None
    return {
        "verdict": report.verdict if report.hosts else UNKNOWN,
        "name": _VERDICT_NAMES[report.verdict if report.hosts else UNKNOWN],
        "sentence": _host_sentence(counts, total),
        "total": total,
        "counts": [(verdict, _VERDICT_NAMES[verdict], counts[verdict]) for verdict in counts],
        "bar": _bar(counts),
        "enforced": _enforced_sentence(report),
        "by_agent": by_agent(report.hosts),
    }


def _host_sentence(counts: Mapping[str, int], total: int) -> str:
    if not total:
        return "No host was matched, so nothing was measured."
    wrong, unknown = counts[NONCOMPLIANT], counts[UNKNOWN]
    if not wrong and not unknown:
        return "The host is compliant." if total == 1 else f"All {total:,} hosts are compliant."
    parts = []
    if wrong:
        parts.append(f"{_some(wrong, total)} not compliant")
    if unknown:
        parts.append(f"{_some(unknown, total)} unknown: what could not be measured is not taken for compliant")
    return "; ".join(parts) + "."


def _enforced_sentence(report: Report) -> str:
    enforced = [entry for entry in report.hosts if entry.enforcement is not None]
    if not enforced:
        return ""
    failed = f"; it failed on {len(report.not_enforced):,}" if report.not_enforced else ""
    if report.dry_run:
        return f"{len(enforced):,} would be enforced{failed}."
    better = sum(
        entry.state.verdict == COMPLIANT and (entry.before is None or entry.before.verdict != COMPLIANT)
        for entry in enforced
    )
    return f"{len(enforced):,} enforced, {better:,} made compliant by it{failed}."


def _bar(counts: Mapping[str, int]) -> list[tuple[str, float, float]]:
    """Return the segments of a bar of 100: kind, start, width. One of ten thousand can still be seen."""
    shown = {kind: count for kind, count in counts.items() if count}
    weights = {kind: max(count, sum(shown.values()) * LEAST_SHARE) for kind, count in shown.items()}
    scale = 100 / (sum(weights.values()) or 1)
    segments, start = [], 0.0
    for kind, weight in weights.items():
        segments.append((kind, round(start, 2), round(weight * scale, 2)))
        start += weight * scale
    return segments


def _some(count: int, total: int) -> str:
    be = "is" if count == 1 else "are"
    if count == total:
        return f"The host {be}" if total == 1 else f"All {total:,} hosts {be}"
    return f"{count:,} of {total:,} hosts {be}"


def account_words(report: Report) -> dict[str, Any] | None:
    """Return the verdict over the account; None when it was not to be audited."""
    audit = report.account
    if audit is None:
        return None
    about = audit.account
    return {
        "verdict": audit.verdict,
        "name": _VERDICT_NAMES[audit.verdict],
        "id": audit.name,
        "description": about.get("description"),
        "source": about.get("source"),
        "collected_at": about.get("collected_at") or "at an unknown time",
        "sentence": _account_sentence(audit),
        "severities": audit.severities,
        "bar": _bar(audit.severities),
        "total": len(audit.findings),
        "ignored": audit.ignored[:LISTED],
        "ignored_left_out": max(0, len(audit.ignored) - LISTED),
        "judged": _judged_sentence(audit.coverage),
    }


def _account_sentence(audit: AccountAudit) -> str:
    if audit.message:
        return f"It could not be audited: {audit.message}"
    total = len(audit.findings)
    found = f"{total:,} finding{'' if total == 1 else 's'}" if total else "No finding"
    gaps = len(gaps_of(audit))
    return found + (f", and {gaps:,} thing{'' if gaps == 1 else 's'} that could not be judged." if gaps else ".")


def _judged_sentence(coverage: Mapping[str, Any]) -> str:
    rules = coverage.get("rules", {})
    checked, not_given = (len(rules.get(status, ())) for status in ("checked", "not_given"))
    said = f"{checked} rule{' was' if checked == 1 else 's were'} judged on everything that they look at"
    if coverage.get("documents") is not None:
        said += f", over {coverage['documents']:,} places with a policy document"
    if not_given:
        were = "was" if not_given == 1 else "were"
        said += f". {not_given} {were} given nothing to look at, as rules about code are without code"
    return f"{said}."


def gaps_of(audit: AccountAudit | None) -> list[dict[str, str]]:
    """Return what of the account could not be judged: what, why, and which rules say nothing for it."""
    return [] if audit is None else list(_gaps(audit.coverage))


def _gaps(coverage: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    rules = coverage.get("rules", {})
    for status in ("unknown", "partial"):
        by_reason: dict[str, list[str]] = {}
        for rule, why in rules.get(status, {}).items():
            by_reason.setdefault(why, []).append(rule)
        for why, some in by_reason.items():
            yield _gap(status, ", ".join(some), why)
    for gap in coverage.get("gaps", ()):
        if not gap["rules"]:  # those with rules are the reasons above
            yield _gap("not read", gap["part"], gap["reason"])
    for one in coverage.get("unreadable", ()):
        yield _gap("no policy", f"{one['document']} of {one['resource']}", one["reason"])
    for one in coverage.get("problems", ()):
        yield _gap("not judged", f"{one['document']} of {one['resource']}, {one['path']}", one["message"])
    for role in coverage.get("missing_roles", ()):
        yield _gap("missing", f"role {role}", "it is in scope, and not in the account")


def _gap(status: str, what: str, why: str) -> dict[str, str]:
    return {"status": status, "what": what, "why": why}
