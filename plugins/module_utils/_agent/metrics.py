# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts as metrics for Prometheus' node_exporter (textfile collector).

Private to this collection. The text is valid OpenMetrics and valid in Prometheus' older format, so only gauges: that
format knows no infos and calls counters differently. Names carry their unit. What is not known has no sample.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from .history import Forecast
from .report import Report

__all__ = ["metrics_text", "unknown_metrics"]

_Sample = Tuple[Mapping[str, str], Optional[float]]

_VERDICTS = ("compliant", "noncompliant", "unknown")


def metrics_text(report: Report, outlook: Optional[Forecast]) -> str:
    """Return the metrics of a report."""
    clock, chrony, totp = report.facts["clock"], report.facts["chrony"], report.facts["totp"]
    lines: List[str] = []
    _verdict(lines, report.facts["verdict"])
    _add(
        lines,
        "reason",
        "1 for each reason of the verdict",
        [({"reason": code}, 1.0) for code in report.facts["reasons"]],
    )
    _add(
        lines,
        "warning",
        "1 for each warning beside the verdict",
        [({"warning": code}, 1.0) for code in report.warnings],
    )
    for name, text, unit in _CLOCK:
        _one(lines, f"clock_{name}", text, clock[name.replace("_seconds", "_s")], unit)
    _add(lines, "witness_offset_seconds", "Host minus witness",
         [({"kind": one["kind"], "source": one["source"]}, one["offset_s"]) for one in clock["witnesses"]],
         "seconds")  # fmt: skip
    _totp(lines, totp)
    for name, text in _CHRONY:
        _one(lines, f"chrony_{name}", text, chrony[name])
    for name in ("rivals", "unauthorised"):
        _one(lines, f"chrony_{name}", f"Number of {_LISTED[name]}", _length(chrony[name]))
    _agent(lines, report, outlook)
    return "\n".join([*lines, "# EOF", ""])


def unknown_metrics() -> str:
    """Return the metrics of a host that could not be measured, and of which there is no report either."""
    lines: List[str] = []
    _verdict(lines, "unknown")
    _stale(lines, stale=True)
    return "\n".join([*lines, "# EOF", ""])


def _verdict(lines: List[str], verdict: str) -> None:
    _add(lines, "verdict", "Verdict on this host; 1 for the one that holds",
         [({"verdict": name}, float(name == verdict)) for name in _VERDICTS])  # fmt: skip


def _stale(lines: List[str], *, stale: bool) -> None:
    _one(lines, "check_stale", "1 when no later check could replace this one", stale)


_CLOCK = (
    ("offset_seconds", "Host minus true time; positive when the host is fast", "seconds"),
    ("bound_seconds", "Largest error that the clock may have", "seconds"),
    ("reference_age_seconds", "Age of the newest sample that chronyd used", "seconds"),
    ("synchronised", "Whether chronyd follows a source", ""),
    ("stratum", "Stratum of the host", ""),
    ("frequency_ppm", "How much faster than true time the clock would run without correction", "ppm"),
)
_CHRONY = (
    ("installed", "Whether there is a chronyd"),
    ("active", "Whether chronyd runs"),
    ("enabled", "Whether chronyd will run after the next boot"),
    ("usable_sources", "Number of sources with a fresh sample that chronyd would use"),
)
_LISTED = {"rivals": "running programs that set the clock too", "unauthorised": "running sources that are not allowed"}


def _totp(lines: List[str], totp: Optional[Mapping[str, Any]]) -> None:
    if totp is None:
        return
    _one(lines, "totp_off_steps", "Whole steps of 30 s between this host and true time", totp["steps_off"], "steps")
    _add(lines, "totp_accept_ratio", "Probability that a code made now is accepted at the first try",
         [({"validator": name}, value) for name, value in totp["accept_probability"].items()], "ratio")  # fmt: skip


def _agent(lines: List[str], report: Report, outlook: Optional[Forecast]) -> None:
    _add(lines, "agent_info", "Version of the agent", [({"version": report.agent_version}, 1.0)])
    _one(lines, "check_timestamp_seconds", "When this was measured", report.taken_at_s, "seconds")
    _one(lines, "check_boottime_seconds", "When, in seconds since boot", report.boottime_s, "seconds")
    _one(lines, "check_sequence", "Number of the check", report.sequence)
    _stale(lines, stale=report.stale is not None)
    # 0 when nothing happened: a gap would hide the difference to an agent that does not look.
    found = {notice.kind: notice.seconds for notice in report.notices}
    _one(lines, "notice_clock_step_seconds", "How far the clock was stepped between the last two checks",
         found.get("clock_step", 0.0), "seconds")  # fmt: skip
    _one(lines, "notice_suspend_seconds", "How long the host slept between the last two checks",
         found.get("suspend", 0.0), "seconds")  # fmt: skip
    if outlook is not None:
        _one(lines, "lockout_days", "Days until the budget is lost if nobody corrects this clock from now on",
             round(outlook.days, 3), "days")  # fmt: skip


def _one(lines: List[str], name: str, text: str, value: Optional[float], unit: str = "") -> None:
    _add(lines, name, text, [({}, value)], unit)


def _add(lines: List[str], name: str, text: str, samples: Sequence[_Sample], unit: str = "") -> None:
    full = f"softtoken_{name}"
    known = [(labels, value) for labels, value in samples if value is not None]
    if not known:
        return
    lines += [f"# HELP {full} {text}", f"# TYPE {full} gauge"]
    if unit:
        lines.append(f"# UNIT {full} {unit}")
    # The same labels twice (a witness that is asked twice, say) would spoil the whole file.
    shown = {",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items()): value for labels, value in known}
    for inside, value in shown.items():
        lines.append(f"{full}{{{inside}}} {_shown(value)}" if inside else f"{full} {_shown(value)}")


def _shown(value: float) -> str:
    return repr(float(value))


def _escaped(text: str) -> str:
    # A lone surrogate would make a file that is no UTF-8.
    plain = text.encode("utf-8", "replace").decode()
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _length(found: Optional[Sequence[object]]) -> Optional[int]:
    return None if found is None else len(found)
