"""What one ``ansible-playbook`` costs its controller: processor time, memory by kind of process, what stays."""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from .timing import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# ssh leaves a master process behind for each connection, whose time would be nobody's: this process adopts them all.
_OBSERVER = """
import ctypes, json, os, resource, signal, sys, time
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
start = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
open(sys.argv[1] + ".pid", "w").write(str(pid))
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
wall_s = time.monotonic() - start
fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
_pid, status, used = os.wait4(pid, 0)
left = 0
while True:
    mine = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    if not mine:
        break
    for one in mine:
        left += open(f"/proc/{one}/stat").read().rpartition(")")[2].split()[0] != "Z"
        os.kill(int(one), signal.SIGTERM)
        os.wait4(int(one), 0)
total = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump({
    "rc": os.waitstatus_to_exitcode(status), "wall_s": wall_s, "cpu_s": total.ru_utime + total.ru_stime,
    "main_s": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), "largest_kib": used.ru_maxrss,
    "connections_left": left,
}, open(sys.argv[1], "w"))
"""


class Cost(NamedTuple):
    """What a run took of its controller."""

    wall_s: float
    cpu_s: float  # of all processes, the masters of ssh among them
    main_s: float  # of Ansible's main process: this part cannot be spread over cores
    largest_kib: int
    connections_left: int


class Memory(NamedTuple):
    """Proportional set sizes (PSS) in MiB while forks wait for their hosts; of several, the mean."""

    main: float
    forks: int
    fork: float
    client: float  # an ssh that waits for one command
    connections: int
    connection: float  # an ssh that keeps a connection open


class Controller:
    """A run that goes on."""

    def __init__(self, argv: Sequence[str], extra: Mapping[str, str], folder: Path) -> None:
        self._answer = folder / "cost.json"
        self._log = folder / "controller.log"
        self._argv = argv
        started = self._answer.with_name("cost.json.pid")
        started.unlink(missing_ok=True)
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _OBSERVER, str(self._answer), *argv],
                env={**os.environ, **extra}, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip

    def end(self) -> Cost:
        """Wait for the end of the run."""
        self._process.wait()
        text = self._log.read_text(encoding="utf-8", errors="replace")
        if self._process.returncode:
            raise BenchError(f"the observer ended with {self._process.returncode}:\n{text[-3000:]}")
        answer = json.loads(self._answer.read_text(encoding="utf-8"))
        if answer.pop("rc"):
            raise BenchError(f"{' '.join(self._argv)} failed:\n{text[-4000:]}")
        return Cost(**answer)

    def kill(self) -> None:
        """End whatever of it is still there, so that a bench that failed leaves nothing behind."""
        if self._process.poll() is None:
            observer = psutil.Process(self._process.pid)
            for process in [*observer.children(recursive=True), observer]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()

    def said(self) -> str:
        """Return the last that the run printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def memory(self) -> Memory:
        """Look at all processes now."""
        main = int(self._answer.with_name("cost.json.pid").read_text(encoding="utf-8"))
        pids = _below(self._process.pid)
        said = {pid: _command(pid) for pid in pids}
        forks = [pid for pid in _children(main) if said.get(pid) == said[main]]
        clients = [pid for pid, words in said.items() if Path(words[0]).name == "ssh"]
        masters = [pid for pid, words in said.items() if words[0].startswith("ssh: ")]
        return Memory(
            _pss(main), len(forks), _mean(forks), _mean(clients) if clients else 0.0,
            len(masters), _mean(masters) if masters else 0.0,
        )  # fmt: skip


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found.extend(map(int, (task / "children").read_text(encoding="utf-8").split()))
    return found


def _below(pid: int) -> list[int]:
    below = []
    for child in _children(pid):
        below += [child, *_below(child)]
    return below


def _command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").rstrip("\0").split("\0")


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _mean(pids: Sequence[int]) -> float:
    return sum(map(_pss, pids)) / len(pids)
