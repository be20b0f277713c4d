# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as values: from what each host returned to one verdict over all of them.

Private to this collection, pure, controller only. What hosts return is not trusted: a host whose answer cannot be read
is unknown, and so is a host without an answer. Unknown never counts as compliant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .account import AccountAudit, account_headline, build_account
from .reasons import HOST_FAILED, HOST_MALFORMED, HOST_NOT_MEASURED, HOST_UNREACHABLE

__all__ = [
    "COMPLIANT",
    "NONCOMPLIANT",
    "UNKNOWN",
    "Enforcement",
    "HostAnswers",
    "HostEntry",
    "Report",
    "State",
    "build_report",
    "headline",
    "number",
    "violations",
]

COMPLIANT = "compliant"
NONCOMPLIANT = "noncompliant"
UNKNOWN = "unknown"
WORST_FIRST = (NONCOMPLIANT, UNKNOWN, COMPLIANT)
FACTS_SCHEMA = 1
ACCOUNT_ALONE = "account"  # the mode of a run that has no hosts
MESSAGE_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAnswers:
    """What a run left about one host, as Ansible registered it; None where the task did not run."""

    host: str
    measured: Mapping[str, Any] | None = None  # result of host_facts
    enforced: Mapping[str, Any] | None = None  # {status: ok | failed | unreachable, task, message}
    measured_again: Mapping[str, Any] | None = None  # result of host_facts after enforcing
    cached: Mapping[str, Any] | None = None  # ansible_facts.softtoken, whenever it was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One measurement of one host, or why there is none."""

    verdict: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """How enforcing went on one host."""

    status: str  # ok | failed | unreachable
    task: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """One host in the report. ``state`` is the last word; ``before`` is there when the host was enforced."""

    host: str
    state: State
    before: State | None = None
    enforcement: Enforcement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report, worst host first."""

    generated_at: str
    mode: str
    dry_run: bool  # check mode: what was enforced is only what would be
    hosts: tuple[HostEntry, ...]
    account: AccountAudit | None = None  # None: it was not to be audited

    @property
    def counts(self) -> dict[str, int]:
        """Hosts by verdict, every verdict named."""
        found = Counter(entry.state.verdict for entry in self.hosts)
        return {verdict: found[verdict] for verdict in WORST_FIRST}

    @property
    def verdict(self) -> str:
        """The worst verdict of any host. A run that measured nothing has shown nothing: unknown."""
        if self.mode == ACCOUNT_ALONE and self.account is not None:
            return self.account.verdict
        counts = self.counts
        return next((verdict for verdict in WORST_FIRST if counts[verdict]), UNKNOWN)

    @property
    def reasons(self) -> dict[str, tuple[str, ...]]:
        """The hosts of each reason, the most frequent reason first."""
        return _by_code((entry.host, entry.state.reasons) for entry in self.hosts)

    @property
    def warnings(self) -> dict[str, tuple[str, ...]]:
        """The hosts of each warning, the most frequent first."""
        return _by_code((entry.host, entry.state.warnings) for entry in self.hosts)


def _by_code(pairs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for host, codes in pairs:
        for code in codes:
            found.setdefault(code, []).append(host)
    return {code: tuple(found[code]) for code in sorted(found, key=lambda code: (-len(found[code]), code))}


def build_report(
    answers: Iterable[HostAnswers],
    *,
    generated_at: str,
    mode: str,
    dry_run: bool = False,
    account: Mapping[str, Any] | None = None,
) -> Report:
    """Make the report over all hosts, and over the account where iam_mfa_audit_info returned one."""
    entries = sorted((_entry(answer) for answer in answers), key=_severity)
    facts = ((entry.host, entry.state.facts) for entry in entries if entry.state.facts is not None)
    return Report(
        generated_at=generated_at,
        mode=mode,
        dry_run=dry_run,
        hosts=tuple(entries),
        account=build_account(account, facts),
    )


def headline(report: Report) -> str:
    """Return the report in one line."""
    if report.mode == ACCOUNT_ALONE and report.account is not None:
        return account_headline(report.account)
    if not report.hosts:
        return "unknown: no host was matched, so nothing was measured: check the inventory, softtoken_hosts and --limit"
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
    return f"{report.verdict}: {len(report.hosts)} host{'' if len(report.hosts) == 1 else 's'}: {counts}"


def violations(report: Report, fail_on: Sequence[str]) -> dict[str, str]:
    """Return why each host fails the run: one line for each host whose verdict is in ``fail_on``."""
    return {
        entry.host: f"{entry.state.verdict}: {', '.join(entry.state.reasons) or 'no reason given'}"
        for entry in report.hosts
        if entry.state.verdict in fail_on
    }


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if float("-inf") < value < float("inf") else None


def _severity(entry: HostEntry) -> tuple[int, float, str]:
    clock = (entry.state.facts or {}).get("clock")
    offset = number(clock.get("offset_s")) if isinstance(clock, Mapping) else None
    # A host of which not even the offset is known comes before those of which it is.
    return WORST_FIRST.index(entry.state.verdict), -abs(offset) if offset is not None else float("-inf"), entry.host


def _entry(answers: HostAnswers) -> HostEntry:
    measured = _state(answers.measured, cached=answers.cached)
    enforcement = _enforcement(answers.enforced)
    if enforcement is None:
        return HostEntry(host=answers.host, state=measured)
    after = _state(answers.measured_again, cached=answers.cached)
    return HostEntry(host=answers.host, state=after, before=measured, enforcement=enforcement)


def _state(result: Mapping[str, Any] | None, *, cached: Mapping[str, Any] | None) -> State:
    if result is None or result.get("skipped") is True:
        return _not_measured(cached)
    if result.get("unreachable") is True:
        return _unknown(HOST_UNREACHABLE, _message(result) or "the host could not be reached")
    if result.get("failed") is True:
        return _unknown(HOST_FAILED, _message(result) or "host_facts failed and gave no message")
    facts = result.get("ansible_facts")
    return _measured(facts.get("softtoken") if isinstance(facts, Mapping) else None, result.get("detail"))


def _not_measured(cached: Mapping[str, Any] | None) -> State:
    message = "no measurement in this run"
    if isinstance(cached, Mapping) and isinstance(cached.get("verdict"), str):
        message += f"; the cached facts said {cached['verdict']!r} at {cached.get('measured_at')}"
    return _unknown(HOST_NOT_MEASURED, message)


def _measured(facts: Any, detail: Any) -> State:
    if not isinstance(facts, Mapping):
        return _unknown(HOST_MALFORMED, "host_facts returned no ansible_facts.softtoken")
    if facts.get("schema") != FACTS_SCHEMA or facts.get("verdict") not in WORST_FIRST:
        return _unknown(
            HOST_MALFORMED,
            f"ansible_facts.softtoken has schema {facts.get('schema')!r} and verdict {facts.get('verdict')!r}; "
            f"this report reads schema {FACTS_SCHEMA} with one of the verdicts {', '.join(WORST_FIRST)}",
        )
    return State(
        verdict=facts["verdict"],
        reasons=_strings(facts.get("reasons")),
        warnings=_strings(facts.get("warnings")),
        messages=_strings(detail.get("messages")) if isinstance(detail, Mapping) else (),
        facts=facts,
    )


def _unknown(reason: str, message: str) -> State:
    return State(verdict=UNKNOWN, reasons=(reason,), messages=(message,))


def _enforcement(enforced: Mapping[str, Any] | None) -> Enforcement | None:
    if enforced is None or enforced.get("status") not in {"ok", "failed", "unreachable"}:
        return None
    return Enforcement(
        status=enforced["status"], task=_text(enforced.get("task")), message=_text(enforced.get("message"))
    )


def _message(result: Mapping[str, Any]) -> str | None:
    return _text(result.get("msg")) or _text(result.get("module_stderr"))


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    # What a host sent is shown on terminals: one line, and no control sequences.
    text = "".join(char if char.isprintable() else "?" for char in " ".join(value.split()))
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 3] + "..."


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return ()
    return tuple(text for item in value if (text := _text(item)) is not None)
