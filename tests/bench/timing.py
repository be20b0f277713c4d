"""Times whole commands in turn, A B C A B C, so that a drifting machine hurts all of them alike."""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Run(NamedTuple):
    """One finished command."""

    wall_s: float
    cpu_s: float


class BenchError(Exception):
    """A benchmarked command failed; its figures would mean nothing."""


def once(argv: Sequence[str], extra: Mapping[str, str]) -> Run:
    """Run a command to its end. CPU time is that of the command and all it waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(argv, env={**os.environ, **extra}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    wall_s = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        raise BenchError(f"{' '.join(argv)} ended with {done.returncode}:\n{said[-4000:]}")
    return Run(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def in_turn(commands: Mapping[str, Sequence[str]], extra: Mapping[str, str], rounds: int) -> dict[str, list[Run]]:
    """Run every command ``rounds`` times, one after the other, after one uncounted run of each."""
    for argv in commands.values():
        once(argv, extra)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _round in range(rounds):
        for name, argv in commands.items():
            runs[name].append(once(argv, extra))
    return runs


def table(runs: Mapping[str, list[Run]], floor: str, hosts: int) -> str:
    """Return a Markdown table; ratios are medians of the ratios within each round, against ``floor``."""
    lines = [
        f"| command | wall, median s | min | max | s a host | CPU, median s | x `{floor}` (wall) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, measured in runs.items():
        walls = [run.wall_s for run in measured]
        ratios = [run.wall_s / other.wall_s for run, other in zip(measured, runs[floor], strict=True)]
        median = statistics.median(walls)
        cpu = statistics.median(run.cpu_s for run in measured)
        lines.append(
            f"| `{name}` | {median:.2f} | {min(walls):.2f} | {max(walls):.2f} | {median / hosts:.3f}"
            f" | {cpu:.1f} | {statistics.median(ratios):.2f} |"
        )
    return "\n".join(lines)
