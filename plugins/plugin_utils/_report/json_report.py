# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for programs: report.json. Private to this collection.

``schema`` counts incompatible changes; keys are only added within one schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .account import AccountAudit, account_headline
from .model import Enforcement, HostEntry, Report, State
from .origin import origin_to_dict

__all__ = ["SCHEMA", "finite", "render_json", "report_to_dict", "summary_to_dict"]

SCHEMA = 1


def render_json(report: Report) -> str:
    """Return the report as JSON text."""
    return json.dumps(report_to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def report_to_dict(report: Report) -> dict[str, Any]:
    """Return the whole report as plain values."""
    return {
        "schema": SCHEMA,
        "generated_at": report.generated_at,
        "mode": report.mode,
        "dry_run": report.dry_run,
        **summary_to_dict(report),
        "hosts": [_host(entry) for entry in report.hosts],
        "account": None if report.account is None else _account(report.account),
        **({"notes": list(report.notes)} if report.notes else {}),
    }


def summary_to_dict(report: Report) -> dict[str, Any]:
    """Return verdict and counts alone: small however many hosts there are."""
    return {
        "verdict": report.verdict,
        "counts": {"hosts": len(report.hosts), **report.counts},
        "reasons": {code: len(hosts) for code, hosts in report.reasons.items()},
        "warnings": {code: len(hosts) for code, hosts in report.warnings.items()},
        "account_summary": None if report.account is None else _account_summary(report.account),
    }


def _account_summary(audit: AccountAudit) -> dict[str, Any]:
    return {
        "id": audit.account.get("id"),
        "verdict": audit.verdict,
        "headline": account_headline(audit),
        "severity": audit.severities,
    }


def _account(audit: AccountAudit) -> dict[str, Any]:
    return {
        "verdict": audit.verdict,
        "message": audit.message or None,
        "account": finite(audit.account),
        "summary": finite(audit.summary),
        "findings": finite(audit.findings),
        "ignored": finite(audit.ignored),
        "coverage": finite(audit.coverage),
    }


def _host(entry: HostEntry) -> dict[str, Any]:
    return {
        "host": entry.host,
        **_state(entry.state),
        "before": None if entry.before is None else _state(entry.before),
        "enforcement": None if entry.enforcement is None else _enforcement(entry.enforcement),
        **({"history": [list(point) for point in entry.history]} if entry.history else {}),
    }


def _state(state: State) -> dict[str, Any]:
    return {
        "verdict": state.verdict,
        "reasons": list(state.reasons),
        "warnings": list(state.warnings),
        "messages": list(state.messages),
        "facts": None if state.facts is None else finite(state.facts),
        **origin_to_dict(state.origin),
    }


def _enforcement(enforcement: Enforcement) -> dict[str, Any]:
    return {"status": enforcement.status, "task": enforcement.task, "message": enforcement.message}


def finite(value: Any) -> Any:
    """Return plain JSON values: what a host sent may hold numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
