# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report at the end of a run, on the terminal: what is wrong, and the command that goes on from there.

Private to this collection, pure. It is short however many hosts there are, and as wide as the terminal is; its own
words are ASCII, and what hosts and accounts sent is written out where it could steer a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from .account import account_headline, one_line
from .commands import Commands, shell_lines
from .figures import HEADER, aligned, by_agent, folded, made_compliant, names, row
from .model import COMPLIANT, NONCOMPLIANT, UNKNOWN, HostEntry, Report, headline
from .reasons import HOST_FAILED, HOST_UNREACHABLE, advice, enforceable, explain
from .terminal_account import account_lines
from .terminal_line import TITLE, Line, wrapped

__all__ = ["terminal_lines"]

_LONG = 20  # lines from which the verdict is said again at the end, where the eye is
_LEAST_REASONS = 16  # columns
_ERROR_LINES = 3
_TO_ENFORCE = "enforce (role softtoken.compliance.timesync); with --check --diff it only shows what would change"
_COLUMNS = ("VERDICT", "HOST", "OFFSET", "BOUND", "CODES", "REASONS")
_DROPPED_FIRST = ("CODES", "BOUND", "OFFSET")


def terminal_lines(
    report: Report,
    *,
    width: int,
    limit: int,
    commands: Commands | None = None,
    files: Sequence[str] = (),
    note: str = "",
    said: Sequence[tuple[str, str]] = (),
) -> list[Line]:
    """Return the whole of it. ``limit`` is how many hosts a table names; without ``commands`` none are shown.

    ``said`` are verdicts with their lines, for where the report has not all that they are about.
    """
    view = _View(report, max(width, 20), limit, commands)
    verdicts = [line for verdict, text in said for line in _verdict(view, verdict, text.replace(f"{verdict}: ", "", 1))]
    verdicts = verdicts or list(_verdicts(view))
    parts = [
        [*_wrapped(view, note, UNKNOWN), *(line for text in report.notes for line in _wrapped(view, text, UNKNOWN))],
        [*_hosts(view), *_wrapped(view, by_agent(report.hosts))],
        list(_unmeasured(view)),
        list(_todo(view)),
        list(_enforced(view)),
        []
        if report.account is None
        else list(account_lines(report.account, width=view.width, limit=limit, commands=commands)),
    ]
    lines = [*verdicts, *(line for part in parts if part for line in (Line(""), *part)), Line("")]
    if len(lines) > _LONG:
        lines += verdicts
    return [*lines, *_files(view, files)]


class _View(NamedTuple):
    report: Report
    width: int
    limit: int
    commands: Commands | None


class _Task(NamedTuple):
    """One thing to do: what it is, the reasons it mends with their hosts, and the command for it."""

    text: str
    reasons: dict[str, Sequence[str]]
    kind: str

    @property
    def hosts(self) -> list[str]:
        return list(dict.fromkeys(host for hosts in self.reasons.values() for host in hosts))


def _verdicts(view: _View) -> Iterator[Line]:
    report = view.report
    if report.hosts or report.account is None or report.mode != "account":
        said = headline(report).removeprefix(f"{report.verdict}: ")
        if report.dry_run:
            said += "; check mode: nothing was changed"
        yield from _verdict(view, report.verdict if report.hosts else UNKNOWN, said)
    if report.account is not None:
        account = report.account
        yield from _verdict(view, account.verdict, account_headline(account).replace(f": {account.verdict}: ", ": ", 1))


def _verdict(view: _View, verdict: str, said: str) -> Iterator[Line]:
    yield from wrapped(said, view.width, first=f"{verdict.upper():<{len(NONCOMPLIANT)}}  ", tone=verdict)


def _hosts(view: _View) -> Iterator[Line]:
    measured = [entry for entry in view.report.hosts if entry.state.facts is not None]
    wrong = [entry for entry in measured if entry.state.verdict != COMPLIANT]
    shown = (measured if len(measured) <= view.limit else wrong)[: view.limit]
    if not shown:
        return
    header, *rows = _table([HEADER, *map(row, shown)], view.width)
    yield Line(header, TITLE)
    yield from (Line(text, entry.state.verdict) for text, entry in zip(rows, shown, strict=True))
    left_out = len(wrong) - len([entry for entry in shown if entry.state.verdict != COMPLIANT])
    if left_out:
        yield from _wrapped(view, f"and {left_out} more of these, none further off")


def _table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return lines that fit: verdict first, the last column short, and figures left out where it is narrow."""
    lines: list[str] = []
    for dropped in range(len(_DROPPED_FIRST) + 1):
        columns = [name for name in _COLUMNS if name not in _DROPPED_FIRST[:dropped]]
        cells = [[_cell(cells, name, width) for name in columns] for cells in rows]
        lines = aligned(cells)
        # The header's last word stands where the last column begins.
        if lines[0].index(columns[-1]) <= width - _LEAST_REASONS:
            break
    return [_cut(line, width) for line in lines]


def _cell(cells: Sequence[str], name: str, width: int) -> str:
    text = one_line(cells[HEADER.index(name)])
    return _cut(text, max(width // 3, 8)) if name == "HOST" else text


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _unmeasured(view: _View) -> Iterator[Line]:
    """Say the error of each host of which nothing is known."""
    entries = [entry for entry in view.report.hosts if entry.state.facts is None]
    if not entries:
        return
    yield from _wrapped(view, f"Not measured: {len(entries)} of {len(view.report.hosts)}", TITLE)
    for entry in entries[: view.limit]:
        said = "; ".join(entry.state.messages) or ", ".join(entry.state.reasons)
        lines = list(wrapped(f"{entry.host}: {said}", view.width, first="  ", tone=entry.state.verdict))
        yield from lines[:_ERROR_LINES]
        if len(lines) > _ERROR_LINES:
            yield Line("    [...]", entry.state.verdict)
    if len(entries) > view.limit:
        yield from _wrapped(view, f"and {len(entries) - view.limit} more", first="  ")


def _todo(view: _View) -> Iterator[Line]:
    tasks = _tasks(view.report)
    if not tasks:
        return
    yield from _wrapped(view, "What to do, the worst first", TITLE)
    for task in tasks[: view.limit]:
        for code, hosts in task.reasons.items():
            yield from _wrapped(view, f"{explain(code).meaning} ({code}): {_some(hosts)}", first="  ")
        yield from _wrapped(view, task.text, first="    -> ")
        yield from _command(view, task)
    if len(tasks) > view.limit:
        yield from _wrapped(view, f"and {len(tasks) - view.limit} other things: see the report", first="  ")


def _some(hosts: Sequence[str]) -> str:
    return names(hosts) if len(hosts) == 1 else f"{len(hosts)} hosts: {names(hosts)}"


def _tasks(report: Report) -> list[_Task]:
    """Return what to do, one thing once whatever reasons there are for it."""
    enforced = {entry.host for entry in report.hosts if entry.enforcement is not None}
    tasks: dict[str, _Task] = {}
    for code, hosts in _causes(report).items():
        done = enforced.issuperset(hosts)
        kind = _kind(code, enforced=done, dry_run=report.dry_run)
        text = _TO_ENFORCE if kind == "enforce" else advice(code, enforced=done, dry_run=report.dry_run)
        tasks.setdefault(kind or text, _Task(text, {}, kind)).reasons[code] = hosts
    return list(tasks.values())


def _causes(report: Report) -> dict[str, Sequence[str]]:
    """Leave out that codes may be refused where a cause is told: it is what follows, and no thing to mend."""
    alone = {entry.host for entry in report.hosts if len(entry.state.reasons) == 1}
    causes = {
        code: [host for host in hosts if host in alone] if code == "totp.at_risk" else hosts
        for code, hosts in folded(report.reasons).items()
    }
    return {code: hosts for code, hosts in causes.items() if hosts}


def _kind(code: str, *, enforced: bool, dry_run: bool) -> str:
    """Name the command for a reason; empty for one that no command helps."""
    if enforceable(code):
        return "" if enforced and not dry_run else "enforce for good" if dry_run else "enforce"
    special = {HOST_UNREACHABLE: "ping", HOST_FAILED: "measure"}
    return special.get(code) or explain(code).command


def _command(view: _View, task: _Task) -> Iterator[Line]:
    commands = view.commands
    if commands is None or not task.kind:
        return
    if task.kind.startswith("enforce"):
        words = commands.enforce(task.hosts, check=task.kind == "enforce")
        if commands.more_variables:
            yield from _wrapped(view, "with the other -e of this run as well:", first="       ")
    elif task.kind == "ping":
        words = commands.ping(task.hosts)
    elif task.kind == "measure":
        words = commands.measure(task.hosts)
    else:
        words = commands.ask(task.hosts, task.kind)
    yield from (Line(f"       {one_line(text)}") for text in shell_lines(words, view.width - 7))


def _enforced(view: _View) -> Iterator[Line]:
    report = view.report
    enforced = [entry for entry in report.hosts if entry.enforcement is not None]
    if not enforced:
        return
    failed = [entry for entry in enforced if entry.enforcement is not None and entry.enforcement.failure]
    if report.dry_run:
        said = f"Would be enforced: {len(enforced) - len(failed)} of {len(report.hosts)}"
    else:
        better = len(made_compliant(enforced))
        said = f"Enforced: {len(enforced)} of {len(report.hosts)}, {better} of them made compliant by it"
    yield from _wrapped(view, said, TITLE)
    for entry in failed[: view.limit]:
        yield from _failure(view, entry)
    if len(failed) > view.limit:
        yield from _wrapped(view, f"and {len(failed) - view.limit} more that it failed on", NONCOMPLIANT, first="  ")


def _failure(view: _View, entry: HostEntry) -> Iterator[Line]:
    failure = entry.enforcement.failure if entry.enforcement is not None else None
    yield from wrapped(f"{entry.host}: {failure}", view.width, first="  ", tone=NONCOMPLIANT)


def _files(view: _View, files: Sequence[str]) -> Iterator[Line]:
    if not files:
        return
    # The page is what people open; the others lie beside it.
    main = next((path for path in files if path.endswith(".html")), files[0])
    yield Line(f"Report: {one_line(main)}")
    others = [PurePath(path).name for path in files if path != main]
    if others:
        yield from _wrapped(view, f"beside it: {', '.join(others)}", first="        ")


def _wrapped(view: _View, text: str, tone: str = "", *, first: str = "") -> Iterator[Line]:
    return wrapped(text, view.width, first=first, tone=tone)
