# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as values: from what each host returned to one verdict over all of them.

Private to this collection, pure, controller only. What hosts return is not trusted: a host whose answer cannot be read
is unknown, and so is a host without an answer. Unknown never counts as compliant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .account import AccountAudit, account_headline, build_account
from .origin import Origin, origin_of
from .reasons import HOST_FAILED, HOST_MALFORMED, HOST_NOT_MEASURED, HOST_UNREACHABLE, severity
from .values import MESSAGE_LIMIT, number, strings, text_of

__all__ = [
    "COMPLIANT",
    "HISTORY_LIMIT",
    "NONCOMPLIANT",
    "UNKNOWN",
    "Enforcement",
    "HistoryPoint",
    "HostAnswers",
    "HostEntry",
    "Report",
    "State",
    "assemble",
    "build_report",
    "enforcement_of",
    "headline",
    "history_of",
    "host_entry",
    "measured_state",
    "unknown_state",
    "violations",
    "worse",
]

COMPLIANT = "compliant"
NONCOMPLIANT = "noncompliant"
UNKNOWN = "unknown"
WORST_FIRST = (NONCOMPLIANT, UNKNOWN, COMPLIANT)
FACTS_SCHEMA = 1
ACCOUNT_ALONE = "account"  # the mode of a run that has no hosts
CAUSE_LIMIT = 200
HISTORY_LIMIT = 1000  # points of a host, the newest
_LAST_DATE_S = 253402300799.0  # the end of the year 9999: what comes later is no date that can be written
_SSH_ENDS = re.compile(r"(Shared c|C)onnection to \S+ closed\.")


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
    origin: Origin | None = None  # of the facts; None where nobody said it


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """How enforcing went on one host."""

    status: str  # ok | failed | unreachable
    task: str | None = None
    message: str | None = None

    @property
    def failure(self) -> str | None:
        """What went wrong, in one line; None when nothing did."""
        if self.status == "ok":
            return None
        task = f" in task {self.task!r}" if self.task else ""
        return f"{self.status}{task}: {self.message or 'no message'}"


class HistoryPoint(NamedTuple):
    """One earlier check by the host's agent; None where it could not say."""

    taken_at_s: float  # seconds since 1970, by the host's own clock
    offset_s: float | None  # host minus true time: positive is fast
    bound_s: float | None  # the most that it may have been off


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """One host in the report. ``state`` is the last word; ``before`` is there when the host was enforced."""

    host: str
    state: State
    before: State | None = None
    enforcement: Enforcement | None = None
    history: tuple[HistoryPoint, ...] = ()  # oldest first; empty without an agent

    @property
    def report_refused(self) -> str | None:
        """Why the report of the host's agent did not count; enforcing measures anew, and asks for no report then."""
        origins = (state.origin for state in (self.state, self.before) if state is not None)
        return next((origin.report for origin in origins if origin is not None and origin.report), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report, worst host first."""

    generated_at: str
    mode: str
    dry_run: bool  # check mode: what was enforced is only what would be
    hosts: tuple[HostEntry, ...]
    account: AccountAudit | None = None  # None: it was not to be audited
    notes: tuple[str, ...] = ()  # what a reader of the whole has to know, as slices that are missing

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
    def not_enforced(self) -> tuple[HostEntry, ...]:
        """The hosts that enforcing failed on, whatever was measured there."""
        if self.mode != "enforce":
            return ()
        return tuple(entry for entry in self.hosts if entry.enforcement is not None and entry.enforcement.failure)

    @property
    def reasons(self) -> dict[str, tuple[str, ...]]:
        """The hosts of each reason, the worst reason first."""
        return _by_code((entry.host, entry.state.reasons) for entry in self.hosts)

    @property
    def warnings(self) -> dict[str, tuple[str, ...]]:
        """The hosts of each warning, the worst first."""
        return _by_code((entry.host, entry.state.warnings) for entry in self.hosts)


def _by_code(pairs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for host, codes in pairs:
        for code in codes:
            found.setdefault(code, []).append(host)
    return {
        code: tuple(found[code]) for code in sorted(found, key=lambda code: (severity(code), -len(found[code]), code))
    }


def build_report(
    answers: Iterable[HostAnswers],
    *,
    generated_at: str,
    mode: str,
    dry_run: bool = False,
    account: Mapping[str, Any] | None = None,
) -> Report:
    """Make the report over all hosts, and over the account where iam_mfa_audit_info returned one."""
    entries = map(host_entry, answers)
    return assemble(entries, generated_at=generated_at, mode=mode, dry_run=dry_run, account=account)


def assemble(
    entries: Iterable[HostEntry],
    *,
    generated_at: str,
    mode: str,
    dry_run: bool = False,
    account: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """Make the report of hosts that are judged already, as those of slices are."""
    hosts = sorted(entries, key=_worst_first)
    facts = ((entry.host, entry.state.facts) for entry in hosts if entry.state.facts is not None)
    return Report(
        generated_at=generated_at,
        mode=mode,
        dry_run=dry_run,
        hosts=tuple(hosts),
        account=build_account(account, facts),
        notes=tuple(notes),
    )


def headline(report: Report) -> str:
    """Return the report in one line."""
    if report.mode == ACCOUNT_ALONE and report.account is not None:
        return account_headline(report.account)
    if not report.hosts:
        return "unknown: no host was matched, so nothing was measured: check the inventory, softtoken_hosts and --limit"
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
    failed = f"; enforcing failed on {len(report.not_enforced)}" if report.not_enforced else ""
    return f"{report.verdict}: {len(report.hosts)} host{'' if len(report.hosts) == 1 else 's'}: {counts}{failed}"


def violations(report: Report, fail_on: Sequence[str]) -> dict[str, str]:
    """Return why each host fails the run: one line for each host whose verdict is in ``fail_on``.

    A host that enforcing failed on is in violation too, even when its last measurement says compliant: the role did
    not leave it as it was told to. Only an empty ``fail_on`` lets it pass, like everything else.
    """
    failed = {entry.host for entry in report.not_enforced} if fail_on else set()
    return {
        entry.host: _why(entry, enforcing_failed=entry.host in failed)
        for entry in report.hosts
        if entry.state.verdict in fail_on or entry.host in failed
    }


def _why(entry: HostEntry, *, enforcing_failed: bool) -> str:
    verdict, reasons = entry.state.verdict, ", ".join(entry.state.reasons)
    measured = verdict if verdict == COMPLIANT else f"{verdict}: {reasons or 'no reason given'}"
    if not enforcing_failed or entry.enforcement is None:
        return measured
    return f"{measured}; enforcement {entry.enforcement.failure}"


def worse(one: str, other: str) -> bool:
    """Whether a verdict is worse than another."""
    return WORST_FIRST.index(one) < WORST_FIRST.index(other)


def _worst_first(entry: HostEntry) -> tuple[int, float, str]:
    clock = (entry.state.facts or {}).get("clock")
    offset = number(clock.get("offset_s")) if isinstance(clock, Mapping) else None
    # A host of which not even the offset is known comes before those of which it is.
    return WORST_FIRST.index(entry.state.verdict), -abs(offset) if offset is not None else float("-inf"), entry.host


def host_entry(answers: HostAnswers) -> HostEntry:
    """Judge what a run left about one host."""
    measured = _state(answers.measured, cached=answers.cached)
    enforcement = enforcement_of(answers.enforced)
    history = history_of(answers.measured_again) or history_of(answers.measured)
    if enforcement is None:
        return HostEntry(host=answers.host, state=measured, history=history)
    after = _state(answers.measured_again, cached=answers.cached)
    return HostEntry(host=answers.host, state=after, before=measured, enforcement=enforcement, history=history)


def history_of(result: Mapping[str, Any] | None) -> tuple[HistoryPoint, ...]:
    """Return what an agent remembered; what is no point is left out, and a host can send a million of them."""
    detail = result.get("detail") if result is not None else None
    sent = detail.get("history") if isinstance(detail, Mapping) else None
    if not isinstance(sent, list | tuple):
        return ()
    points = [point for item in sent[-HISTORY_LIMIT:] if (point := _point(item)) is not None]
    return tuple(sorted(points, key=lambda point: point.taken_at_s))


def _point(item: Any) -> HistoryPoint | None:
    if not isinstance(item, list | tuple) or len(item) != len(HistoryPoint._fields):
        return None
    taken_at_s, offset_s, bound_s = map(number, item)
    if taken_at_s is None or not 0 <= taken_at_s <= _LAST_DATE_S:
        return None
    return HistoryPoint(taken_at_s, offset_s, bound_s if bound_s is not None and bound_s >= 0 else None)


def _state(result: Mapping[str, Any] | None, *, cached: Mapping[str, Any] | None) -> State:
    if result is None or result.get("skipped") is True:
        return _not_measured(cached)
    if result.get("unreachable") is True:
        return unknown_state(HOST_UNREACHABLE, _message(result) or "the host could not be reached")
    if result.get("failed") is True:
        return unknown_state(HOST_FAILED, _message(result) or "host_facts failed and gave no message")
    facts = result.get("ansible_facts")
    softtoken = facts.get("softtoken") if isinstance(facts, Mapping) else None
    return measured_state(softtoken, result.get("detail"), origin_of(result))


def _not_measured(cached: Mapping[str, Any] | None) -> State:
    message = "no measurement in this run"
    if isinstance(cached, Mapping) and isinstance(cached.get("verdict"), str):
        message += f"; the cached facts said {cached['verdict']!r} at {cached.get('measured_at')}"
    return unknown_state(HOST_NOT_MEASURED, message)


def measured_state(facts: Any, detail: Any, origin: Origin | None = None) -> State:
    """Judge what host_facts returned: the fact, the long form where there is one, and which way they came."""
    if not isinstance(facts, Mapping):
        return unknown_state(HOST_MALFORMED, "host_facts returned no ansible_facts.softtoken")
    # True is 1 for Python, and no number in JSON.
    if facts.get("schema") is True or facts.get("schema") != FACTS_SCHEMA or facts.get("verdict") not in WORST_FIRST:
        return unknown_state(
            HOST_MALFORMED,
            f"ansible_facts.softtoken has schema {facts.get('schema')!r} and verdict {facts.get('verdict')!r}; "
            f"this report reads schema {FACTS_SCHEMA} with one of the verdicts {', '.join(WORST_FIRST)}",
        )
    return State(
        verdict=facts["verdict"],
        reasons=strings(facts.get("reasons")),
        warnings=strings(facts.get("warnings")),
        messages=strings(detail.get("messages")) if isinstance(detail, Mapping) else (),
        facts=facts,
        origin=origin,
    )


def unknown_state(reason: str, message: str) -> State:
    """Return the state of a host without a measurement."""
    return State(verdict=UNKNOWN, reasons=(reason,), messages=strings((message,)))


def enforcement_of(enforced: Mapping[str, Any] | None) -> Enforcement | None:
    """Return how enforcing went; None where it was not tried."""
    if enforced is None or enforced.get("status") not in {"ok", "failed", "unreachable"}:
        return None
    return Enforcement(
        status=enforced["status"], task=text_of(enforced.get("task")), message=text_of(enforced.get("message"))
    )


def _message(result: Mapping[str, Any]) -> str | None:
    """Return what went wrong with its cause: for a module that did not run, msg alone says only that it did not."""
    # Over a terminal (ssh -tt) the errors of a module arrive in its output.
    cause = _cause(result.get("module_stderr")) or _cause(result.get("module_stdout"))
    message = text_of(result.get("msg"), MESSAGE_LIMIT - (len(cause) + 2 if cause else 0))
    message = message and message.removeprefix("Task failed: ")  # ansible-core 2.19 and later begin with what is known
    if message is None or cause is None or cause in message:
        return message or cause
    return f"{message}: {cause}"


def _cause(stderr: Any) -> str | None:
    said = stderr.splitlines() if isinstance(stderr, str) else []
    lines = [line for line in said if line.strip() and not _SSH_ENDS.match(line)]
    if not lines:
        return None
    # Python names the error in the last line of its traceback, everything else in the first.
    return text_of(lines[-1] if lines[0].startswith("Traceback ") else lines[0], CAUSE_LIMIT)
