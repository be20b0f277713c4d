# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as metrics of the whole fleet: metrics.prom (OpenMetrics). Private to this collection.

The text is valid OpenMetrics and valid in Prometheus' older format, as node_exporter's textfile collector reads it, so
only gauges. What an agent says of its own host has other names, so that nothing is counted twice where both are read.
What is not known has no sample. docs/reports.md has the metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES

from .account import SEVERITIES, VERDICTS, AccountAudit, one_line
from .figures import part
from .model import ACCOUNT_ALONE, Report
from .values import number

__all__ = ["render_openmetrics"]

_RULE_STATUSES = ("checked", "partial", "unknown", "not_given")


class _Metric(NamedTuple):
    name: str
    text: str
    samples: Iterable[tuple[Mapping[str, str], float | None]]
    unit: str = ""


def render_openmetrics(report: Report) -> str:
    """Return the text of metrics.prom."""
    metrics = [*_run(report), *_hosts(report), *(() if report.account is None else _account(report.account))]
    return "\n".join([*(line for metric in metrics for line in _lines(metric)), "# EOF", ""])


def _run(report: Report) -> Iterator[_Metric]:
    about = {"mode": report.mode, "check_mode": str(report.dry_run).lower()}
    yield _Metric("run_info", "What kind of run this was", [(about, 1)])
    yield _Metric("run_timestamp_seconds", "When the report was written", [({}, _seconds(report))], "seconds")


def _seconds(report: Report) -> float | None:
    try:
        return datetime.fromisoformat(report.generated_at).timestamp()
    except ValueError:
        return None


def _hosts(report: Report) -> Iterator[_Metric]:
    if report.mode == ACCOUNT_ALONE:
        return
    yield _Metric("hosts", "Hosts by verdict", [({"verdict": verdict}, n) for verdict, n in report.counts.items()])
    for kind, codes in (("reason", report.reasons), ("warning", report.warnings)):
        samples = [({kind: code}, float(len(hosts))) for code, hosts in codes.items()]
        yield _Metric(f"{kind}_hosts", f"Hosts with each {kind}", samples)
    if report.mode == "enforce":
        yield _Metric("not_enforced_hosts", "Hosts that enforcing failed on", [({}, len(report.not_enforced))])
    verdicts = [({"host": entry.host, "verdict": entry.state.verdict}, 1.0) for entry in report.hosts]
    yield _Metric("host_verdict", "1 for the verdict that holds for the host", verdicts)
    for name, text in (
        ("offset", "Host minus true time; positive when the host is fast"),
        ("bound", "Largest error that the clock may have"),
    ):
        clocks = [
            ({"host": entry.host}, number(part(entry.state.facts, "clock").get(f"{name}_s"))) for entry in report.hosts
        ]
        yield _Metric(f"host_clock_{name}_seconds", text, clocks, "seconds")


def _account(audit: AccountAudit) -> Iterator[_Metric]:
    account = {"account": str(audit.account.get("id") or "unknown")}
    samples = [({**account, "verdict": verdict}, float(verdict == audit.verdict)) for verdict in VERDICTS]
    yield _Metric("account_verdict", "Verdict on the account; 1 for the one that holds", samples)
    if audit.message:
        return
    found = Counter(found["severity"] for found in audit.findings)
    yield _Metric(
        "findings", "Findings by severity", [({**account, "severity": one}, found[one]) for one in SEVERITIES]
    )
    yield _Metric("accepted_findings", "Findings that an exception accepts", [(account, len(audit.ignored))])
    yield _by_rule(audit, account)
    statuses = audit.coverage.get("rules", {})
    yield _Metric(
        "rules",
        "Rules by how far they could be judged",
        [({**account, "status": status}, len(statuses.get(status, ()))) for status in _RULE_STATUSES],
    )


def _by_rule(audit: AccountAudit, account: Mapping[str, str]) -> _Metric:
    """A rule that was judged has a count, 0 too; of another it is known only that there are at least so many."""
    found = Counter(str(found["rule"]) for found in audit.findings)
    judged = audit.coverage.get("rules", {}).get("checked", ())
    usual = {rule: RULES[rule].severity if rule in RULES else "unknown" for rule in (*judged, *found)}
    return _Metric(
        "rule_findings",
        "Findings by rule, with the rule's usual severity",
        [({**account, "rule": rule, "severity": severity}, found[rule]) for rule, severity in usual.items()],
    )


def _lines(metric: _Metric) -> Iterator[str]:
    name = f"softtoken_{metric.name}"
    # What cannot be printed is written out, so that two texts may become one: the first, worst, stands.
    samples: dict[str, float] = {}
    for labels, value in metric.samples:
        if value is not None:
            samples.setdefault(_labels(labels), value)
    if not samples:
        return
    yield f"# HELP {name} {metric.text}"
    yield f"# TYPE {name} gauge"
    if metric.unit:
        yield f"# UNIT {name} {metric.unit}"
    for text, value in samples.items():
        yield f"{name}{text} {float(value)!r}"


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')
