# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to chronyd through chronyc: several reports in one process, no names from the DNS.

Private to this collection.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from .._ports import CommandResult, Runner

__all__ = ["Chronyc", "ReportBatch", "read_batch"]


class ReportBatch(NamedTuple):
    """The reports that chronyc gave, in CSV, and why the rest is missing."""

    texts: dict[str, str]
    error: str | None


class Chronyc:
    """One chronyd, as chronyc reaches it.

    Without ``address`` chronyc tries its own Unix socket (root and chronyd's user) and then loopback UDP, where
    ``selectdata``, ``authdata``, ``ntpdata`` and every command that changes something are refused. ``address`` is a
    socket path, a host, or several of them separated by commas, as chronyc's ``-h`` takes them.
    """

    def __init__(self, runner: Runner, program: str, address: str | None = None, timeout_s: float = 5.0) -> None:
        #: Whether the caller says which daemon to ask.
        self.addressed = bool(address)
        self._runner = runner
        self._start = [program, "-n", *(["-h", address] if address else [])]
        self._timeout_s = timeout_s

    def batch(self, names: Sequence[str], *, configured_names: bool = False) -> CommandResult:
        """Run several reports in one process; chronyc stops at the first one it cannot get.

        ``configured_names`` shows sources by the name that the configuration gives them (chrony 4.0 and later)
        instead of by address.
        """
        options = ["-N", "-c", "-m"] if configured_names else ["-c", "-m"]
        return self._run([*options, *names])

    def reports(self, names: Sequence[str], *, configured_names: bool = False) -> ReportBatch:
        """Run several reports in one process, and cut its output into reports."""
        return read_batch(self.batch(names, configured_names=configured_names), names)

    def command(self, *words: str, timeout_s: float | None = None) -> CommandResult:
        """Run one chronyc command, e.g. ``command("burst", "4/4")``."""
        return self._run(list(words), timeout_s)

    def _run(self, arguments: list[str], timeout_s: float | None = None) -> CommandResult:
        limit = self._timeout_s if timeout_s is None else timeout_s
        return self._runner.run([*self._start, *arguments], timeout_s=limit)


def read_batch(result: CommandResult, names: Sequence[str]) -> ReportBatch:
    """Cut the output of ``Chronyc.batch`` into reports."""
    # Imported here, since what only collects outputs has no use for the parsers.
    from .errors import ReportError
    from .reports import split_reports

    error = None if result.rc == 0 else _complaint(result)
    try:
        return ReportBatch(split_reports(result.stdout, names, complete=result.rc == 0), error)
    except ReportError as exc:
        return ReportBatch({}, error or str(exc))


def _complaint(result: CommandResult) -> str:
    from .reports import daemon_refusal

    if result.timed_out:
        return "chronyc got no answer in time: chronyd hangs, or something on the way drops the packets"
    said = daemon_refusal(result.stdout) or daemon_refusal(result.stderr) or _last_line(result.stderr)
    return said or f"chronyc ended with status {result.rc} and said nothing"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
