# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as tables: hosts.csv and findings.csv (RFC 4180). Private to this collection.

Names, Sids and serials are whatever somebody put there, and a spreadsheet runs a cell that begins like a formula: such
text gets an apostrophe in front, also behind a semicolon, where some spreadsheets split cells. Text is in quotes,
numbers are not; what is not known is empty, and without quotes, so that databases take it for NULL and not for text.
docs/reports.md has the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._host_identities import attached_role, serials_of
from .account import AccountAudit, one_line
from .figures import part
from .gaps import gaps_of
from .model import HostEntry, Report, State
from .origin import origin_to_dict
from .values import number

__all__ = ["FINDING_COLUMNS", "HOST_COLUMNS", "SEPARATOR", "render_findings_csv", "render_hosts_csv"]

#: Between the items of a list; within an item it is written with a backslash.
SEPARATOR = "|"

HOST_COLUMNS = (
    "host",
    "verdict",
    "reasons",
    "warnings",
    "messages",
    "offset_s",
    "bound_s",
    "synchronised",
    "leap",
    "stratum",
    "reference",
    "reference_age_s",
    "frequency_ppm",
    "totp_steps_off",
    "accept_probability_strict",
    "accept_probability_rfc6238",
    "accept_probability_window1",
    "chrony_installed",
    "chrony_version",
    "chrony_active",
    "chrony_enabled",
    "usable_sources",
    "token_kinds",
    "serials",
    "attached_role",
    "measured_at",
    "source",
    "report_age_s",
    "report_refused",
    "before_verdict",
    "before_offset_s",
    "enforcement_status",
    "enforcement_task",
    "enforcement_message",
    "generated_at",
)
FINDING_COLUMNS = (
    "account",
    "status",
    "rule",
    "severity",
    "title",
    "resource",
    "document",
    "statement",
    "path",
    "serial",
    "hosts",
    "witness_credential",
    "witness_outcome",
    "message",
    "fix",
    "references",
    "accepted_reason",
    "accepted_until",
    "generated_at",
)

_PROBABILITIES = ("strict", "rfc6238", "window1")
# Of cells, and of what is a cell where semicolons separate them. The wide characters are taken for the narrow ones.
_FORMULA = re.compile(r"(^|;)(?= *[=+\-@'\uff1d\uff0b\uff0d\uff20])")


def render_hosts_csv(report: Report) -> str:
    """Return hosts.csv: a row for each host, worst first."""
    return _table(HOST_COLUMNS, ({**_host(entry), "generated_at": report.generated_at} for entry in report.hosts))


def render_findings_csv(report: Report) -> str:
    """Return findings.csv: a row for each finding, those that stand first, and for each thing that was not judged."""
    audit = report.account
    rows = iter(()) if audit is None else _findings(audit)
    return _table(FINDING_COLUMNS, ({**row, "generated_at": report.generated_at} for row in rows))


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    lines = [",".join(columns), *(",".join(_cell(row.get(column)) for column in columns) for row in rows)]
    return "".join(f"{line}\r\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # An integer stays one, however long it is; what is no number is not known.
        return str(value) if isinstance(value, int) or number(value) is not None else ""
    if isinstance(value, list | tuple):
        text = SEPARATOR.join(str(item).replace("\\", "\\\\").replace(SEPARATOR, f"\\{SEPARATOR}") for item in value)
    else:
        text = str(value)
    quoted = _FORMULA.sub(r"\1'", one_line(text)).replace('"', '""')
    return f'"{quoted}"'


def _host(entry: HostEntry) -> dict[str, Any]:
    enforcement, state, origin = entry.enforcement, entry.state, origin_to_dict(entry.state.origin)
    return {
        "host": entry.host,
        "verdict": state.verdict,
        "reasons": state.reasons,
        "warnings": state.warnings,
        "messages": state.messages,
        **_measured(state),
        "source": origin.get("source"),
        "report_age_s": origin.get("report_age_s"),
        "report_refused": entry.report_refused,
        "before_verdict": entry.before and entry.before.verdict,
        "before_offset_s": entry.before and number(part(entry.before.facts, "clock").get("offset_s")),
        "enforcement_status": enforcement and enforcement.status,
        "enforcement_task": enforcement and enforcement.task,
        "enforcement_message": enforcement and enforcement.message,
    }


def _measured(state: State) -> dict[str, Any]:
    clock, totp, chrony = (part(state.facts, name) for name in ("clock", "totp", "chrony"))
    accepted = part(totp, "accept_probability")
    return {
        **{name: number(clock.get(name)) for name in ("offset_s", "bound_s", "reference_age_s", "frequency_ppm")},
        **{name: _plain(clock.get(name)) for name in ("synchronised", "leap", "stratum", "reference")},
        "totp_steps_off": _plain(totp.get("steps_off")),
        **{f"accept_probability_{name}": number(accepted.get(name)) for name in _PROBABILITIES},
        **{f"chrony_{name}": _plain(chrony.get(name)) for name in ("installed", "version", "active", "enabled")},
        "usable_sources": _plain(chrony.get("usable_sources")),
        **_identities(state.facts or {}),
    }


def _identities(facts: Mapping[str, Any]) -> dict[str, Any]:
    kinds = part(facts, "tokens").get("kinds")
    return {
        "token_kinds": kinds if isinstance(kinds, list | tuple) else None,
        "serials": [one["serial"] for one in serials_of(facts)] if "serials" in facts else None,
        "attached_role": ":".join(attached_role(facts) or ()) or None,
        "measured_at": _plain(facts.get("measured_at")),
    }


def _findings(audit: AccountAudit) -> Iterator[dict[str, Any]]:
    for found in audit.findings:
        yield {**_finding(found), "status": "open"}
    for one in audit.ignored:
        accepted = {"status": "accepted", "accepted_reason": one["reason"], "accepted_until": one["expires"]}
        yield {**_finding(one["finding"]), **accepted}
    for gap in gaps_of(audit):
        yield {
            "account": audit.account.get("id"),
            "status": "not_judged",
            "rule": gap.rule,
            "resource": gap.resource,
            "document": gap.document,
            "message": gap.reason,
        }


def _finding(found: Mapping[str, Any]) -> dict[str, Any]:
    witness, fix = found.get("witness") or {}, found.get("fix") or {}
    return {
        **{name: found.get(name) for name in FINDING_COLUMNS},
        "witness_credential": witness.get("credential"),
        "witness_outcome": witness.get("outcome"),
        "fix": fix.get("summary"),
    }


def _plain(value: Any) -> Any:
    """Return one value, or None where a host sent more than that."""
    return value if isinstance(value, bool | int | float | str) else None
