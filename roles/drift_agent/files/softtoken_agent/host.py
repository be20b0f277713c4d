# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host as the pure code sees it: the ports of ``_ports`` on the standard library.

What ``_adapters`` has that needs no AnsibleModule is taken from there. Programs are started without the module
subprocess: importing that costs more memory and time than the rest of a check's own code.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import (
    HostClocks,
    HostFiles,
    PsutilProcesses,
    has_library,
    instance_role,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import Stamp
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._host_facts import HostPorts
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult, SntpOutcome

__all__ = ["HostRunner", "host_ports", "machine_id", "stamp"]

_NOT_FOUND = 127
_NOT_RUN = 126
_KILLED = -9
_MAX_OUTPUT = 1048576
_CHUNK = 65536
_POLL_S = 0.01
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class HostRunner:
    """Runs programs, each in a process group of its own that ends with its time limit."""

    def run(self, argv: Sequence[str], *, timeout_s: float = 10.0, data: Optional[str] = None) -> CommandResult:
        """Run ``argv`` without a shell and with ``LC_ALL=C``."""
        program = argv[0] if "/" in argv[0] else self.which(argv[0])
        if program is None:
            return CommandResult(_NOT_FOUND, "", f"cannot run {argv[0]}: No such file or directory")
        environment = {**os.environ, "LC_ALL": "C", "LANG": "C", "LANGUAGE": "C"}
        try:
            started = _Started(program, argv, environment, data or "")
        except OSError as exc:
            code = _NOT_FOUND if isinstance(exc, FileNotFoundError) else _NOT_RUN
            return CommandResult(code, "", f"cannot run {argv[0]}: {exc.strerror}")
        try:
            return started.finish(time.monotonic() + timeout_s)
        finally:
            started.end()

    def which(self, program: str) -> Optional[str]:
        """Return the absolute path of ``program``, sbin directories included, or None."""
        for folder in dict.fromkeys([*os.environ.get("PATH", "").split(os.pathsep), *_SBIN]):
            path = os.path.join(folder, program)
            if folder.startswith("/") and os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None


class _Started:
    """A program that runs, and the pipes to it."""

    def __init__(self, program: str, argv: Sequence[str], environment: Mapping[str, str], data: str) -> None:
        self._name = argv[0]
        self._code = _KILLED
        # What a pipe holds at once is all that any of our programs is ever told.
        source, feed = os.pipe()
        self._out, out = os.pipe()
        self._err, err = os.pipe()
        try:
            os.set_blocking(feed, False)
            os.write(feed, data.encode())
            actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((source, out, err))]
            self._pid = os.posix_spawn(
                program, list(argv), dict(environment), file_actions=actions, setpgroup=0, setsigdef=[signal.SIGPIPE]
            )
        except BaseException:
            os.close(self._out)
            os.close(self._err)
            raise
        finally:
            for descriptor in (source, feed, out, err):
                os.close(descriptor)

    def finish(self, end: float) -> CommandResult:
        """Read what it prints until it ends, its time is up, or it prints too much."""
        printed: Dict[int, List[bytes]] = {self._out: [], self._err: []}
        if not self._read(printed, end):
            return self._stopped(end)
        while not self._ended():
            if time.monotonic() >= end:
                return self._stopped(end)
            time.sleep(_POLL_S)
        out, err = (b"".join(printed[fd]).decode("utf-8", "replace") for fd in (self._out, self._err))
        return CommandResult(self._code, out, err)

    def _read(self, printed: Dict[int, List[bytes]], end: float) -> bool:
        poll = select.poll()
        open_ones = set(printed)
        for descriptor in printed:
            poll.register(descriptor, select.POLLIN)
        size = 0
        while open_ones:
            left = end - time.monotonic()
            ready = poll.poll(left * 1000) if left > 0 else []
            if not ready:
                return False
            for descriptor, _event in ready:
                chunk = os.read(descriptor, _CHUNK)
                size += len(chunk)
                printed[descriptor].append(chunk)
                if not chunk:
                    poll.unregister(descriptor)
                    open_ones.discard(descriptor)
            if size > _MAX_OUTPUT:
                return False
        return True

    def _stopped(self, end: float) -> CommandResult:
        late = time.monotonic() >= end
        said = "did not end in time" if late else f"printed more than {_MAX_OUTPUT} bytes and was ended"
        return CommandResult(_KILLED, "", f"{self._name} {said}", timed_out=late)

    def _ended(self) -> bool:
        found = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return False
        self._code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return True

    def end(self) -> None:
        """End what still runs of the program and its children, and close the pipes."""
        # Not collected yet, so no other process or group can have its number.
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._out)
        os.close(self._err)


class _Sntp:
    """Loads the client only when there is somebody to ask."""

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], List[SntpOutcome]]:
        from ansible_collections.softtoken.compliance.plugins.module_utils._sntp import NtplibClient

        return NtplibClient().query_all(servers, timeout_s=timeout_s)


def host_ports(parameters: Mapping[str, Any]) -> HostPorts:
    """Return the ports of a look at this host."""
    files = HostFiles()
    return HostPorts(
        clock=Ports(HostRunner(), files, HostClocks(), PsutilProcesses(), _Sntp()),
        attached_role=lambda: instance_role(
            files, parameters["imds"], parameters["imds_endpoint"], parameters["imds_timeout"]
        ),
        has_library=has_library,
    )


def stamp() -> Stamp:
    """Return this moment."""
    try:
        boot_id = HostFiles().read_text(_BOOT_ID).strip()
    except OSError:
        boot_id = ""
    return Stamp(
        boot_id,
        time.time(),
        time.clock_gettime(time.CLOCK_BOOTTIME),
        time.clock_gettime(time.CLOCK_MONOTONIC),
    )


def machine_id() -> str:
    """Return /etc/machine-id; "" where there is none."""
    try:
        return HostFiles().read_text("/etc/machine-id")
    except OSError:
        return ""
