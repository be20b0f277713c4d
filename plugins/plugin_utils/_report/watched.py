# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who watches a run knows of its hosts, and how far the run is. Private to this collection, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .figures import part
from .model import WORST_FIRST, HostAnswers, HostEntry, Report, State, assemble, host_entry

__all__ = ["Progress", "Watched"]

_ESTIMATE_AFTER_S = 5.0
_ESTIMATE_FROM = 0.05  # of all hosts


class Watched:
    """The last measurement of each host of a run; of its facts only what a summary shows, for they may be thousands."""

    def __init__(self) -> None:
        self._entries: dict[str, HostEntry] = {}
        self._lost: dict[str, Mapping[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def measured(self, host: str, result: Mapping[str, Any]) -> str:
        """Take down what host_facts returned for a host; return its verdict."""
        entry = host_entry(HostAnswers(host=host, measured=result))
        self._entries[host] = HostEntry(host=host, state=_brief(entry.state))
        return entry.state.verdict

    def lost(self, host: str, result: Mapping[str, Any]) -> None:
        """Take down that a host could not be reached by some other task."""
        self._lost.setdefault(host, {"unreachable": True, "msg": result.get("msg")})

    def report(self, *, generated_at: str, dry_run: bool) -> Report:
        """Return the report over the hosts that were seen."""
        lost = (
            host_entry(HostAnswers(host=host, measured=result))
            for host, result in self._lost.items()
            if host not in self._entries
        )
        return assemble([*self._entries.values(), *lost], generated_at=generated_at, mode="audit", dry_run=dry_run)


def _brief(state: State) -> State:
    if state.facts is None:
        return state
    clock = part(state.facts, "clock")
    probability = part(part(state.facts, "totp"), "accept_probability")
    facts = {
        "clock": {key: clock.get(key) for key in ("offset_s", "bound_s")},
        "totp": {"accept_probability": {"rfc6238": probability.get("rfc6238")}},
    }
    return replace(state, facts=facts, messages=())


class Progress:
    """How far the measuring of some hosts is."""

    def __init__(self, total: int, started_s: float) -> None:
        self._total = total
        self._started_s = started_s
        self._verdicts: dict[str, str] = {}
        self._counts: Counter[str] = Counter()  # kept, since each of thousands of hosts draws a line

    def measured(self, host: str, verdict: str) -> None:
        """Count a host; the last verdict holds."""
        if host in self._verdicts:
            self._counts[self._verdicts[host]] -= 1
        self._verdicts[host] = verdict
        self._counts[verdict] += 1

    @property
    def ended(self) -> bool:
        """Whether every host is measured. Of a single host there is nothing to say before it is."""
        return len(self._verdicts) >= self._total or self._total == 1

    def line(self, now_s: float, width: int) -> str:
        """Return the line for a terminal; where it is narrow, the least important parts are left out."""
        done, total = len(self._verdicts), max(self._total, len(self._verdicts))
        found = ", ".join(f"{self._counts[verdict]} {verdict}" for verdict in WORST_FIRST if self._counts[verdict])
        elapsed_s = now_s - self._started_s
        elapsed = _clock(elapsed_s) if done else ""
        parts = [f"{done}/{total} hosts measured", found, elapsed, self._left(done, total, elapsed_s)]
        line = ""
        for text in filter(None, parts):
            longer = f"{line}  {text}" if line else text
            if len(longer) >= width:  # the last column would make some terminals begin a new line
                break
            line = longer
        return line

    @staticmethod
    def _left(done: int, total: int, elapsed_s: float) -> str:
        if elapsed_s < _ESTIMATE_AFTER_S or done < total * _ESTIMATE_FROM or done >= total:
            return ""
        return f"about {_clock(elapsed_s / done * (total - done))} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
