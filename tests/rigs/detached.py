"""Processes that outlive the one that started them, found again by their folder.

A process carries its folder in its environment, so ending it needs no pid that might meanwhile be somebody else's.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .shell import environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK = "SOFTTOKEN_RIG_FOLDER"


def start(folder: Path, argv: Sequence[str], *, keep: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a process with its ``stdout`` and ``stderr`` in ``folder``; it takes over the open files ``keep``."""
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment({_MARK: str(folder)}),
            pass_fds=keep,
            start_new_session=True,
        )


def stop(folder: Path) -> None:
    """End every process of ``folder``, and wait until it is gone."""
    for pid in _of(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not _of(folder), f"the processes of {folder} to end")


def _of(folder: Path) -> list[int]:
    mark = f"{_MARK}={folder}".encode()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _words(path)]


def _words(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:  # it has ended, or is not ours
        return []
