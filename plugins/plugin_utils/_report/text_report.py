# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for people: report.txt. Private to this collection.

Readable for one host and for thousands: the verdict first, then what is wrong and what to do about it, then the hosts,
worst first. Compliant hosts of a large fleet are counted, not listed; report.json has every one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

from .account import account_headline, one_line
from .account_text import account_section
from .figures import HEADER, aligned, by_agent, folded, made_compliant, names, part, percent, row, seconds
from .model import COMPLIANT, UNKNOWN, HostEntry, Report, State, headline
from .reasons import advice, explain

__all__ = ["render_text"]

LISTED_COMPLIANT = 40
LISTED_LINES = 200
WIDTH = 110
RULE = "=" * 78


def render_text(report: Report) -> str:
    """Return the report as text."""
    parts = [
        _head(report),
        _notes(report),
        _codes("What is wrong", folded(report.reasons), report),
        _codes("Warnings", report.warnings, report),
        _table(report),
        _legend(report),
        _changes(report),
        _messages(report),
        _refused(report),
        "" if report.account is None else account_section(report.account),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report) -> str:
    mode = f"mode {report.mode}" + (", check mode: nothing was changed" if report.dry_run else "")
    # In a run over the account alone its line is the headline already.
    account = "" if report.account is None else account_headline(report.account)
    lines = [line for line in (account,) if line and line != headline(report)]
    believed = by_agent(report.hosts)
    return "\n".join(
        [
            RULE,
            f"softtoken.compliance: {headline(report)}",
            *lines,
            RULE,
            f"{mode}; written {report.generated_at}",
            *([believed] if believed else []),
        ]
    )


def _notes(report: Report) -> str:
    lines = [fill(one_line(note), WIDTH, subsequent_indent="    ") for note in report.notes]
    return "\n".join(["To know", "-------", *lines]) if lines else ""


def _codes(title: str, codes: Mapping[str, Sequence[str]], report: Report) -> str:
    if not codes:
        return ""
    lines = [title, "-" * len(title)]
    enforced = {entry.host for entry in report.hosts if entry.enforcement is not None}
    for code, hosts in codes.items():
        lines += [
            f"{code}: {explain(code).meaning} ({len(hosts)} of {len(report.hosts)})",
            f"    hosts: {names(hosts)}",
            f"    do:    {advice(code, enforced=enforced.issuperset(hosts), dry_run=report.dry_run)}",
        ]
    return "\n".join(lines)


def _table(report: Report) -> str:
    if not report.hosts:
        return ""
    listed = [entry for entry in report.hosts if entry.state.verdict != COMPLIANT]
    compliant = [entry for entry in report.hosts if entry.state.verdict == COMPLIANT]
    left_out = 0 if len(compliant) <= LISTED_COMPLIANT else len(compliant)
    rows = [HEADER, *(row(entry) for entry in (listed if left_out else [*listed, *compliant]))]
    lines = ["Hosts, worst first", "------------------", *aligned(rows)]
    if left_out:
        lines.append(f"and {left_out} compliant hosts: report.json has each of them")
    return "\n".join(lines)


def _changes(report: Report) -> str:
    enforced = [entry for entry in report.hosts if entry.enforcement is not None]
    if not enforced:
        return ""
    failed = [
        _wrapped(f"  {entry.host}: {failure}")
        for entry in enforced
        if entry.enforcement is not None and (failure := entry.enforcement.failure)
    ]
    if report.dry_run:
        title, lines = "Would be enforced", _would_be_enforced(enforced)
    else:
        title, lines = "Enforced", _made_compliant(enforced)
    return "\n".join([title, "-" * len(title), *lines, *_shortened(failed)])


def _would_be_enforced(enforced: Sequence[HostEntry]) -> list[str]:
    hosts = [entry.host for entry in enforced if entry.enforcement is not None and not entry.enforcement.failure]
    if not hosts:
        return ["0 would be enforced"]
    return [
        f"{len(hosts)} would be enforced: {names(hosts)}",
        "(the output of the run shows what would change; with --diff, each line of it)",
    ]


def _made_compliant(enforced: Sequence[HostEntry]) -> list[str]:
    better = made_compliant(enforced)
    return [
        f"{len(enforced)} enforced, {len(better)} of them made compliant by it",
        *_shortened([f"  {entry.host}: {_brief(entry.before)} -> {_brief(entry.state)}" for entry in better]),
    ]


def _brief(state: State | None) -> str:
    """Say in few words how the clock was found, so that the gain can be seen."""
    if state is None:
        return UNKNOWN
    clock = part(state.facts, "clock")
    probability = part(part(state.facts, "totp"), "accept_probability")
    offset, codes = seconds(clock.get("offset_s"), signed=True), percent(probability.get("rfc6238"))
    return f"{state.verdict} (offset {offset}, codes {codes})"


def _shortened(lines: Sequence[str]) -> list[str]:
    left_out = len(lines) - LISTED_LINES
    return list(lines) if left_out <= 0 else [*lines[:LISTED_LINES], f"and {left_out} more: see report.json"]


def _messages(report: Report) -> str:
    lines = [
        _wrapped(f"{entry.host}: {message}")
        for entry in report.hosts
        if entry.state.verdict != COMPLIANT
        for message in entry.state.messages
    ]
    return "\n".join(["Messages", "--------", *_shortened(lines)]) if lines else ""


def _refused(report: Report) -> str:
    """Say where an agent's report did not count: such a host costs as much as one without an agent."""
    hosts: dict[str, list[str]] = {}
    for entry in report.hosts:
        if entry.report_refused:
            hosts.setdefault(entry.report_refused, []).append(entry.host)
    title = "Measured, as the agent's report did not count"
    lines = [
        _wrapped(f"{why}: {f'{len(some)} hosts: ' if len(some) > 1 else ''}{names(some)}")
        for why, some in sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    return "\n".join([title, "-" * len(title), *_shortened(lines)]) if lines else ""


def _wrapped(line: str) -> str:
    """Break a line that is wider than a terminal; what belongs to it is indented, paths and URLs stay whole."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _legend(report: Report) -> str:
    if not any(entry.state.facts for entry in report.hosts):
        return ""
    return (
        "OFFSET is host minus true time: + is fast. BOUND is the most that it may be off.\n"
        "CODES is how many of the TOTP codes made there a validator takes at first try, one past step\n"
        "allowed (RFC 6238, section 5.2)."
    )
