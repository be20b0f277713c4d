# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for people and for monitoring: exit codes and formats.

Private to this collection. Exit codes are those of monitoring plugins: 0 ok, 1 warning, 2 critical, 3 unknown.
"""

from __future__ import annotations

import json
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from .history import Entry, Forecast, Trend
from .metrics import metrics_text
from .report import Report

__all__ = ["CRITICAL", "FORMATS", "OK", "UNKNOWN", "WARNING", "exit_code", "history_text", "show", "stale_reason"]

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
FORMATS = ("text", "json", "nagios", "prometheus")

_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_DAY_S = 86400.0


def exit_code(report: Report, problems: Sequence[str] = ()) -> int:
    """Return what a monitoring plugin ends with; ``problems`` are results that could not be written."""
    if report.stale is not None:
        return UNKNOWN
    verdict = report.facts["verdict"]
    if verdict == "compliant":
        return WARNING if report.warnings or report.notices or problems else OK
    return CRITICAL if verdict == "noncompliant" else UNKNOWN


def stale_reason(report: Report, *, boot_id: str, boottime_s: float, max_age_s: float) -> Optional[str]:
    """Say why nothing may be concluded from a report that was read; None when it is of now."""
    if report.stale is not None:
        return report.stale
    if report.boot_id != boot_id:
        return "the report is from an earlier boot: wait for the first check of this one, or run softtoken-agent check"
    age = boottime_s - report.boottime_s
    if not 0 <= age <= max_age_s:
        return f"the report is {age:.0f} s old (at most {max_age_s:g} s): see systemctl status softtoken-agent.timer"
    return None


def show(
    report: Report,
    style: str,
    outlook: Optional[Forecast],
    age_s: Optional[float] = None,
    problems: Sequence[str] = (),
) -> str:
    """Return a report in one of the FORMATS."""
    if style == "json":
        return _json(_honest(report), outlook, age_s, problems)
    if style == "prometheus":
        return metrics_text(_honest(report), outlook)
    if style == "nagios":
        return _nagios(report, outlook, problems)
    return _table(report, outlook, age_s, problems)


def _honest(report: Report) -> Report:
    """Return a report that programs may read the verdict from: what is stale says nothing of now."""
    return report if report.stale is None else report._replace(facts={**report.facts, "verdict": "unknown"})


def _json(report: Report, outlook: Optional[Forecast], age_s: Optional[float], problems: Sequence[str]) -> str:
    shown = {
        "status": _WORDS[exit_code(report, problems)].lower(),
        "stale": report.stale,
        "problems": list(problems),
        "age_s": age_s,
        "agent_version": report.agent_version,
        "sequence": report.sequence,
        "notices": [notice._asdict() for notice in report.notices],
        "messages": report.messages,
        "days_to_lockout": None if outlook is None else round(outlook.days, 3),
        "softtoken": report.facts,
    }
    return json.dumps(shown, indent=2) + "\n"


def _nagios(report: Report, outlook: Optional[Forecast], problems: Sequence[str]) -> str:
    said = "; ".join([*_headlines(report), *problems]) or "the clock is right"
    data = " ".join(_performance(report, outlook))
    line = f"SOFTTOKEN {_WORDS[exit_code(report, problems)]} - {said}"
    # A bar would begin the performance data, a line break end the line.
    return f"{' '.join(line.replace('|', '/').split())}{f' | {data}' if data else ''}\n"


def _performance(report: Report, outlook: Optional[Forecast]) -> Iterator[str]:
    policy = report.measured["policy"]
    clock = report.facts["clock"]
    if clock["offset_s"] is not None:
        yield f"offset={clock['offset_s']:.6f}s"
    if clock["bound_s"] is not None:
        yield f"bound={clock['bound_s']:.6f}s;{_limit(policy['warn_error'], 0.5)};{_limit(policy['max_error'], 1.0)};0"
    if report.facts["chrony"]["usable_sources"] is not None:
        yield f"sources={report.facts['chrony']['usable_sources']};;{policy['min_sources']}:"
    if outlook is not None:
        yield f"lockout_days={outlook.days:.3f}"


def _limit(value: Optional[float], default: float) -> str:
    return f"{default if value is None else value:g}"


def _headlines(report: Report) -> Iterator[str]:
    if report.stale is not None:
        yield report.stale
    for notice in report.notices:
        yield _notice(notice.kind, notice.seconds)
    codes = [*report.facts["reasons"], *report.warnings]
    for index, message in enumerate(report.messages):
        yield f"{codes[index]}: {message}" if index < len(codes) else message


def _notice(kind: str, seconds: float) -> str:
    if kind == "clock_step":
        return f"the clock was stepped by {seconds:+.3f} s since the check before"
    return f"the host slept for {seconds:.0f} s since the check before"


# --- for people ------------------------------------------------------------------------------------------------------


def _table(report: Report, outlook: Optional[Forecast], age_s: Optional[float], problems: Sequence[str]) -> str:
    rows = [("status", _WORDS[exit_code(report, problems)]), *_rows(report, outlook, age_s)]
    rows += [("problem", problem) for problem in problems]
    width = max(len(name) for name, _value in rows)
    lines = [f"{name.ljust(width)}  {value}".rstrip() for name, value in rows]
    return "\n".join([*lines, ""])


def _rows(report: Report, outlook: Optional[Forecast], age_s: Optional[float]) -> Iterator[Tuple[str, str]]:
    facts = report.facts
    clock = facts["clock"]
    yield "verdict", _verdict(report)
    yield "measured", _measured(report, age_s)
    for text in _headlines(report):
        yield "because", text
    yield "offset", _seconds(clock["offset_s"], signed=True)
    yield "bound", f"{_seconds(clock['bound_s'])} (at most {report.measured['policy']['max_error']:g} s)"
    yield "source", _source(clock)
    yield "codes", _codes(facts["totp"])
    yield "chrony", _chrony(facts["chrony"])
    yield "lockout", _lockout(outlook)
    for witness in clock["witnesses"]:
        yield "witness", f"{witness['source']}: {_seconds(witness['offset_s'], signed=True)}"
    if facts["tokens"] is not None:
        yield "soft tokens", ", ".join(facts["tokens"]["kinds"]) or "none found"
    for serial in facts["serials"] or ():
        yield "device", f"{serial['serial']} ({serial['where']})"


def _verdict(report: Report) -> str:
    verdict: str = report.facts["verdict"]
    return verdict if report.stale is None or verdict == "unknown" else f"unknown (the last check said {verdict})"


def _measured(report: Report, age_s: Optional[float]) -> str:
    age = "" if age_s is None else f", {age_s:.0f} s ago"
    return f"{report.facts['measured_at']}{age} (check {report.sequence}, agent {report.agent_version})"


def _seconds(value: Optional[float], *, signed: bool = False) -> str:
    if value is None:
        return "not known"
    return f"{value:+.6f} s" if signed else f"{value:.6f} s"


def _source(clock: Mapping[str, Any]) -> str:
    if not clock["synchronised"]:
        return "chronyd follows none"
    age = clock["reference_age_s"]
    return f"{clock['reference']}, stratum {clock['stratum']}" + ("" if age is None else f", {age} s ago")


def _codes(totp: Optional[Mapping[str, Any]]) -> str:
    if totp is None:
        return "not known"
    chances = ", ".join(f"{name} {value:.0%}" for name, value in totp["accept_probability"].items())
    return f"accepted at the first try: {chances}"


def _chrony(chrony: Mapping[str, Any]) -> str:
    states = [f"{name}: {_WORD_OF[chrony[name]]}" for name in ("installed", "active", "enabled")]
    usable = chrony["usable_sources"]
    return ", ".join([*states, f"usable sources: {'not known' if usable is None else usable}"])


_WORD_OF = {True: "yes", False: "no", None: "not known"}


def _lockout(outlook: Optional[Forecast]) -> str:
    if outlook is None:
        return "not known: the clock is not synchronised, or cannot be asked"
    return (
        f"{_days(outlook.days)} without correction"
        f" (up to {outlook.rate_ppm:.3f} ppm, {outlook.rate_ppm * _DAY_S * 1e-6:.3f} s a day;"
        f" the budget is {outlook.limit_s:.3g} s)"
    )


def _days(days: float) -> str:
    return "more than 100 years" if days >= 36500 else f"{days:.1f} days"


def history_text(entries: List[Entry], seen: Trend, outlook: Optional[Forecast], style: str) -> str:
    """Return past checks, oldest first, and what they show; ``style`` is text or json."""
    if style == "json":
        shown = {
            "trend": seen._asdict(),
            "days_to_lockout": None if outlook is None else round(outlook.days, 3),
            "checks": [entry._asdict() for entry in entries],
        }
        return json.dumps(shown, indent=2) + "\n"
    lines = [
        f"{'check':>7}  {'boot':8}  {'uptime':>10}  {'verdict':12}  {'offset':>14}  {'bound':>12}  {'frequency':>12}"
    ]
    lines += [_history_line(entry) for entry in entries]
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(seen.verdicts.items()))
    lines += [
        "",
        f"checks     {seen.checks} over {seen.span_s / 3600:.1f} h of running: {verdicts or 'none yet'}",
        f"offset     {_span(_seconds(seen.offset_min_s, signed=True), _seconds(seen.offset_max_s, signed=True))}",
        f"bound      {'' if seen.bound_max_s is None else 'at most '}{_seconds(seen.bound_max_s)}",
        f"frequency  {_span(_ppm(seen.frequency_min_ppm), _ppm(seen.frequency_max_ppm))}",
        f"events     {seen.steps} steps of the clock, {seen.suspends} suspends",
        f"lockout    {_lockout(outlook)}",
    ]
    return "\n".join([*lines, ""])


def _span(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def _history_line(entry: Entry) -> str:
    events = [_notice(kind, seconds) for kind, seconds in entry.notices.items()]
    if entry.stepped_s is not None:
        events.append(f"stepped by the agent: {entry.stepped_s:+.3f} s")
    return (
        f"{entry.sequence:>7}  {entry.boot:8}  {entry.boottime_s:>9.0f}s  {entry.verdict:12}"
        f"  {_seconds(entry.offset_s, signed=True):>14}  {_seconds(entry.bound_s):>12}  {_ppm(entry.frequency_ppm):>12}"
        f"  {'; '.join(events)}"
    ).rstrip()


def _ppm(value: Optional[float]) -> str:
    return "not known" if value is None else f"{value:+.3f} ppm"
