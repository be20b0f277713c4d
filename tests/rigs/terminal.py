"""Runs a program in a terminal, and reads its screen as somebody who sits before it."""

from __future__ import annotations

import os
import pty
import select
import time
from pathlib import Path
from typing import NamedTuple

import pyte

INTERRUPT = b"\x03"
_TIMEOUT_S = 600
_PATIENCE_S = 30


class Session(NamedTuple):
    """One ended program: what it sent, and what was left to read, the scrolled-off lines included."""

    rc: int
    sent: bytes
    lines: list[str]

    @property
    def text(self) -> str:
        """What was left to read."""
        return "\n".join(self.lines)


def run_in_terminal(
    argv: list[str],
    *,
    folder: Path,
    environment: dict[str, str],
    columns: int = 80,
    interrupt_at: bytes | None = None,
) -> Session:
    """Run a program; ``interrupt_at`` presses Ctrl-C as soon as the program has sent this, and again where it goes on.

    Python loses an interrupt that comes while it cleans up an object.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(folder)
            settings = {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "24"}
            os.execve(argv[0], argv, {**environment, **settings})  # noqa: S606  # the program under test
        finally:
            os._exit(127)
    sent, press_from = b"", 0.0
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        if interrupt_at is not None and interrupt_at in sent and time.monotonic() > press_from:
            os.write(terminal, INTERRUPT)
            press_from = time.monotonic() + _PATIENCE_S
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so that the other side is closed
            break
        sent += part
    else:
        os.kill(pid, 9)
    os.close(terminal)
    _pid, status = os.waitpid(pid, 0)
    return Session(os.waitstatus_to_exitcode(status), sent, _read(sent, columns))


def _read(sent: bytes, columns: int) -> list[str]:
    screen = pyte.HistoryScreen(columns, 24, history=10000)
    pyte.ByteStream(screen).feed(sent)
    above = ["".join(line[column].data for column in range(columns)) for line in screen.history.top]
    return [line.rstrip() for line in [*above, *screen.display]]
