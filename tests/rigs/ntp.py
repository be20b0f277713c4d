"""Real chronyd processes, of any packaged release, always with ``-x``: servers that tell true time, and clients.

The programs come out of a cached root file system and run with that release's own loader and libraries, so three
releases can run side by side and none has to be installed on the machine.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .roots import Suite, unpacked
from .shell import PATIENCE_S, Result, RigError, environment, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from .network import Host

#: Source options that make a client synchronise and notice a dead server within a few seconds. A server that gets no
#: processor for two seconds is taken for dead: asked more often, one on a busy machine would seem so time and again.
FAST = "iburst minpoll -2 maxpoll -2"


def program(suite: Suite, path: str) -> list[str]:
    """Return the argv start that runs a release's program with that release's libraries."""
    base = unpacked(suite)
    libraries = next((base / "usr/lib").glob("*-linux-gnu"))
    loader = next(libraries.glob("ld-*.so*"))
    return [str(loader), "--library-path", str(libraries), str(base / path)]


class Chronyd:
    """One chronyd that cannot touch the clock, with its own configuration, state directory and command socket."""

    def __init__(self, host: Host, config: str, *, suite: Suite = "bookworm", cmdport: int | None = 323) -> None:
        self.host = host
        self.suite: Suite = suite
        self._config = config
        self._cmdport = cmdport
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = Path(tempfile.mkdtemp(prefix="softtoken-chronyd-"))
        self.socket = self.directory / "run" / "chronyd.sock"
        self.config_file = self.directory / "chrony.conf"
        self.log = self.directory / "chronyd.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def configure(self, config: str) -> None:
        """Replace the configuration; the next start uses it."""
        self._config = config

    def start(self) -> None:
        """Start the daemon and wait until it answers on its command socket."""
        (self.directory / "run").mkdir(mode=0o750, exist_ok=True)
        self.config_file.write_text("\n".join([self._config.strip(), *self._own_lines()]) + "\n", encoding="utf-8")
        argv = [*program(self.suite, "usr/sbin/chronyd"), "-x", "-d", "-u", "root", "-f", str(self.config_file)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.host.argv(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
            )
        wait_for(self._answers, f"chronyd to answer on {self.socket}", every=0.02, hint=self.said)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon; ``SIGKILL`` leaves its socket and pid file behind, as a crash does."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Stop the daemon from running, without ending it: it hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused daemon run on."""
        self._signal(signal.SIGCONT)

    def said(self) -> str:
        """Return the daemon's log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def chronyc_argv(self, *arguments: str) -> list[str]:
        """Return the argv of the release's chronyc, on this daemon's socket first and on UDP after it."""
        address = f"{self.socket},127.0.0.1,::1"
        return self.host.argv([*program(self.suite, "usr/bin/chronyc"), "-n", "-h", address, *arguments])

    def unprivileged_argv(self, *arguments: str) -> list[str]:
        """Return the argv of chronyc as nobody: what a user without access to the command socket sees."""
        root = str(unpacked(self.suite))
        return self.host.argv(["chroot", "--userspec=65534:65534", root, "/usr/bin/chronyc", "-n", *arguments])

    def chronyc(self, *arguments: str, check: bool = False) -> Result:
        """Run chronyc on this daemon."""
        return run(self.chronyc_argv(*arguments), check=check)

    def csv(self, *arguments: str) -> list[list[str]]:
        """Return the rows of a chronyc report."""
        printed = self.chronyc("-c", *arguments, check=True).stdout
        return [line.split(",") for line in printed.splitlines()]

    def wait(self, condition: Callable[[Self], bool], what: str, *, timeout: float = PATIENCE_S) -> None:
        """Wait until ``condition(self)`` holds."""
        wait_for(lambda: condition(self), what, timeout=timeout, hint=self._situation)

    def wrapper(self, folder: Path) -> Path:
        """Write ``folder/chronyc``, a command that behaves like this daemon's chronyc does on its own host."""
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "chronyc"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(self.chronyc_argv())} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        return script

    def _own_lines(self) -> list[str]:
        lines = [
            f"bindcmdaddress {self.socket}",
            f"pidfile {self.directory}/run/chronyd.pid",
            f"driftfile {self.directory}/drift",
        ]
        return lines if self._cmdport == 323 else [*lines, f"cmdport {self._cmdport}"]

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RigError(f"chronyd ended with {self._process.returncode}: {self.said()}")
        return self.socket.exists() and self.chronyc("tracking").returncode == 0

    def _situation(self) -> str:
        reports = self.chronyc("-m", "tracking", "sources -a")
        return f"{reports.stdout}{reports.stderr}{self.said()}"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)


class NtpServer(Chronyd):
    """A server of true time, as far as this machine's clock is true."""

    def __init__(
        self, host: Host, *, stratum: int = 2, suite: Suite = "bookworm", extra: Sequence[str] = (), port: int = 123
    ) -> None:
        lines = [f"local stratum {stratum}", "allow all", "clientloglimit 1000000", f"port {port}", *extra]
        super().__init__(host, "\n".join(lines), suite=suite)


class ChronyClient(Chronyd):
    """A client whose reports tests read; it knows the states a test waits for."""

    def synchronised(self, timeout: float = PATIENCE_S) -> None:
        """Wait until a source is selected."""
        self.wait(lambda me: any(row[1] == "*" for row in me.csv("sources")), "a selected source", timeout=timeout)

    def state_of(self, source: str, state: str, timeout: float = PATIENCE_S) -> None:
        """Wait until ``sources`` shows ``source`` in ``state`` (``* + - ? x ~``)."""
        self.wait(
            lambda me: any(row[1] == state and row[2] == source for row in me.csv("sources")),
            f"source {source} in state {state!r}",
            timeout=timeout,
        )

    def exchanged(self, way: str, packets: int = 4) -> None:
        """Wait until the only source has been sent (``TX``) or has sent (``RX``) some packets, of whatever use."""
        total = re.compile(rf"^Total {way} +: (\d+)$", re.MULTILINE)

        def enough(me: ChronyClient) -> bool:
            found = total.search(me.chronyc("ntpdata").stdout)
            return found is not None and int(found[1]) >= packets

        self.wait(enough, f"{packets} packets ({way})")

    def unreachable(self, source: str, timeout: float = PATIENCE_S) -> None:
        """Wait until the reach register of ``source`` is empty."""
        self.wait(
            lambda me: any(row[2] == source and row[5] == "0" for row in me.csv("sources")),
            f"reach 0 of {source}",
            timeout=timeout,
        )
