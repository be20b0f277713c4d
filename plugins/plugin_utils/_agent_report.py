# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's report as one shell command fetches it, and what has to hold before it counts.

Private to this collection. A report is somebody else's word, some minutes old. It stands for a measurement only where
nobody but root and the agent could have written it, and where it is of this boot of this host, young enough, made with
the same options by the same code, and nothing that it rests on has changed since. Whatever does not hold is a reason to
measure, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import (
    MAX_BYTES,
    Point,
    Report,
    ReportFault,
    from_json,
    machine_key,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION
from ansible_collections.softtoken.compliance.plugins.module_utils._host_facts import chosen_subsets

__all__ = ["COMMAND", "Answer", "Held", "ReportRefused", "read_answer", "what_it_holds"]

DIRECTORY = "/run/softtoken"
FILE = f"{DIRECTORY}/report.json"
#: Who may have written it, and the directory that holds it. Who may write here needs no report to deceive.
_WRITERS = {"/run": ("root",), DIRECTORY: ("root", "softtoken"), FILE: ("root", "softtoken")}

_MARK = "softtoken-report 1"
_BODY = "report"

#: Where chronyd notes its process, by what it was built with; the file is as old as the process.
_PID_FILES = "/run/chrony/chronyd.pid /run/chronyd.pid"
#: What a measurement rests on: chronyd's usual configuration files, their directories (a deleted file), its last start.
_BASES = (
    "/etc/chrony.conf /etc/chrony.d /etc/chrony.d/* /etc/chrony /etc/chrony/* /etc/chrony/conf.d/*"
    f" /etc/chrony/sources.d/* {_PID_FILES}"
)

#: POSIX sh; ``-nt`` is in every shell that is somebody's /bin/sh (dash, bash, BusyBox, ksh). Three programs run: date,
#: ls and head. A pipe or a device in the report's place is not opened. A date that knows no %N prints no digits for it.
COMMAND = f"""\
r={FILE}
if [ -e $r ] || [ -L $r ]; then
LC_ALL=C
export LC_ALL
b="" m="" h="" u="" n=no c=gone
{{ read -r b </proc/sys/kernel/random/boot_id
read -r m </etc/machine-id
read -r h </proc/sys/kernel/hostname
read -r u _ </proc/uptime; }} 2>/dev/null
echo "{_MARK}"
echo "boot_id $b"
echo "machine_id $m"
echo "hostname $h"
echo "before $u"
date "+wall %s %N"
read -r u _ </proc/uptime
echo "after $u"
for f in {_BASES}; do
if [ "$f" -nt $r ]; then n=yes; fi
done
echo "changed $n"
for f in {_PID_FILES}; do
p=""
if [ -r $f ]; then read -r p <$f; fi
if [ -d "/proc/$p" ] && [ -n "$p" ]; then c=runs; fi
done
if [ -d /run/chrony ] && [ ! -x /run/chrony ]; then c=hidden; fi
echo "chronyd $c"
ls -ld /run {DIRECTORY} $r
if [ -f $r ] && [ ! -L $r ]; then
echo {_BODY}
head -c {MAX_BYTES + 1} $r
fi
fi"""

#: /proc/uptime has hundredths of a second, and the agent reads two clocks one after the other.
_SAME_MOMENT_S = 0.1


class ReportRefused(Exception):
    """There is a report that does not count; the message says why."""


class Answer(NamedTuple):
    """What the command printed."""

    boot_id: str
    machine_id: str
    hostname: str
    before_s: float  # uptime before the wall clock was read
    after_s: float  # and after
    earliest_s: float  # the wall clock showed something from this
    latest_s: float  # to this
    changed: bool
    gone: bool  # no chronyd runs, as far as its process can be found
    listed: Mapping[str, tuple[str, str]]  # path: mode as ls shows it, owner
    text: str


class Held(NamedTuple):
    """A measurement that a report holds, how long ago it was made, and what checks of the last day found."""

    measured: Mapping[str, Any]
    age_s: float
    history: list[Point]


def read_answer(printed: str) -> Answer | None:
    """Take the command's output apart; None where the host has no report. Raises ReportRefused."""
    # A terminal between here and there ends lines its own way; what stands before the mark is a greeting.
    _greeting, mark, rest = printed.replace("\r\n", "\n").partition(f"{_MARK}\n")
    if not mark:
        return None
    head, _body, text = rest.partition(f"\n{_BODY}\n")
    lines = [line.split() for line in head.splitlines()]
    said = {words[0]: words[1:] for words in lines if words}
    listed = {words[8]: (words[0], words[2]) for words in lines if len(words) > 8}
    try:
        earliest, latest = _wall(said["wall"])
        return Answer(
            boot_id=_word(said["boot_id"]),
            machine_id=_word(said["machine_id"]),
            hostname=_word(said["hostname"]),
            before_s=float(said["before"][0]),
            after_s=float(said["after"][0]),
            earliest_s=earliest,
            latest_s=latest,
            changed=said["changed"] != ["no"],
            gone=said["chronyd"] == ["gone"],
            listed=listed,
            text=text,
        )
    except (KeyError, IndexError, ValueError) as exc:
        raise ReportRefused(f"the host's state could not be read beside it: {exc!r}") from None


def _word(words: list[str]) -> str:
    return words[0] if words else ""


def _wall(words: list[str]) -> tuple[float, float]:
    seconds = int(words[0])
    fraction = _word(words[1:])
    if len(fraction) == 9 and fraction.isascii() and fraction.isdigit():
        exact = seconds + int(fraction) / 1e9
        return exact, exact
    return float(seconds), seconds + 1.0


def what_it_holds(answer: Answer, parameters: Mapping[str, Any]) -> Held:
    """Return the measurement, if it can stand for one with these parameters of the module. Raises ReportRefused."""
    _check_writers(answer)
    try:
        report = from_json(answer.text)
        _check_origin(report, answer)
        age_s = _age(report, answer, parameters["max_report_age"])
        _check_clock(report, answer)
        _check_options(report.parameters, parameters)
        return Held(_measured(report, answer, parameters), age_s, report.history)
    except ReportFault as exc:
        raise ReportRefused(str(exc)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ReportRefused(f"it makes no sense: {exc!r}") from None


def _check_writers(answer: Answer) -> None:
    for path, owners in _WRITERS.items():
        mode, owner = answer.listed.get(path, ("", ""))
        kind = "-" if path == FILE else "d"
        if mode[:1] != kind:
            raise ReportRefused(f"{path} is no {'regular file' if kind == '-' else 'directory'}")
        if owner not in owners:
            raise ReportRefused(f"{path} belongs to {owner}: only {' or '.join(owners)} may have written a report")
        # An access list shows its mask in the place of the group.
        if mode[5] != "-" or mode[8] != "-":
            raise ReportRefused(f"{path} can be written by others than its owner ({mode})")


def _check_origin(report: Report, answer: Answer) -> None:
    # Another version may see less, or something else by the same name.
    if report.agent_version != VERSION:
        raise ReportRefused(f"version {report.agent_version[:40]} of the agent wrote it, and this is {VERSION}")
    if not answer.boot_id or report.boot_id != answer.boot_id:
        raise ReportRefused("it is foreign: it was written during another boot, or on another host")
    here = (machine_key(answer.machine_id), answer.hostname)
    if (report.machine, report.hostname) != here:
        raise ReportRefused("it is foreign: it was written on another host")
    if report.stale is not None:
        raise ReportRefused(f"it is stale, as the agent says: {report.stale[:200]}")


def _age(report: Report, answer: Answer, most_s: float) -> float:
    age = answer.after_s - report.boottime_s
    if age < -_SAME_MOMENT_S:
        raise ReportRefused("it is foreign: this host has not been running for as long as it says")
    if not age <= most_s:
        raise ReportRefused(f"it is stale: {age:.0f} s old, at most {most_s:g} are asked for")
    if answer.changed:
        raise ReportRefused("it is stale: chronyd was started, or its configuration changed, since it was written")
    if answer.gone and report.facts["chrony"]["active"]:
        raise ReportRefused("it is stale: the chronyd that it tells of runs no more (or has no pid file in /run)")
    return max(age, 0.0)


def _check_clock(report: Report, answer: Answer) -> None:
    """Refuse a report from before a step: those move the wall clock, and not the time since the boot."""
    then = report.taken_at_s - report.boottime_s
    low = answer.earliest_s - answer.after_s - _SAME_MOMENT_S
    high = answer.latest_s - answer.before_s + _SAME_MOMENT_S
    if not low <= then <= high:
        moved = (low + high) / 2 - then
        raise ReportRefused(f"it is stale: the clock was stepped since, by {moved:+.3g} s")


def _check_options(made_with: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    subsets = chosen_subsets(asked["gather_subset"])
    if chosen_subsets(made_with["gather_subset"]) != subsets:
        raise ReportRefused("it was made with another gather_subset")
    names = ["chronyc_address", "config_file", *(("imds", "imds_endpoint") if "role" in subsets else ())]
    for name in names:
        if made_with[name] != asked[name]:
            raise ReportRefused(f"it was made with another {name}")
    if not set(asked["witness_servers"]) <= set(made_with["witness_servers"]):
        raise ReportRefused("it was made with other witness_servers")


def _measured(report: Report, answer: Answer, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the module would have sent: the agent's look, and the host's clock as the command saw it."""
    gaps = report.measured["detail"]["identity_gaps"]
    if gaps:
        raise ReportRefused(f"the agent could not see everything: {str(gaps[0]['reason'])[:200]}")
    measured = {
        **report.measured,
        "policy": parameters,
        "compare": "witness" in chosen_subsets(parameters["gather_subset"]),
        "kernel": answer.boot_id,
        # A clock read to the second only was read somewhere in it: the witness's interval holds all of that.
        "started_s": answer.latest_s,
        "ended_s": answer.earliest_s,
    }
    if not parameters["detail"]:
        del measured["detail"]
    return measured
