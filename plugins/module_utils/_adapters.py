# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_ports`` on an ``AnsibleModule`` and the host it runs on.

Private to this collection. psutil is imported where it is used: a module that does not look at processes does not pay
for it, and one that does says what to install.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import signal
import stat
import threading
import time
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._ports import (
    CommandResult,
    Process,
    Unavailable,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

__all__ = ["HostClocks", "HostFiles", "ModuleRunner", "PsutilProcesses", "has_library", "instance_role"]

_NOT_FOUND = 127  # as a shell reports it
_NOT_RUN = 126
_KILLED = -9
_MAX_OUTPUT = 1048576  # per stream; what is asked for on a host is a few kilobytes
_C_LOCALE = {"LC_ALL": "C", "LANG": "C", "LANGUAGE": "C"}


class ModuleRunner:
    """Runs programs with ``AnsibleModule.run_command``."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def run(self, argv: Sequence[str], *, timeout_s: float = 10.0, data: str | None = None) -> CommandResult:
        """Run ``argv`` without a shell; killed with its children at ``timeout_s`` or when it prints too much."""
        limits = _Limits(timeout_s)
        try:
            rc, stdout, stderr = self._module.run_command(
                list(argv),
                data=data,
                binary_data=True,
                errors="replace",
                environ_update=_C_LOCALE,
                expand_user_and_vars=False,
                before_communicate_callback=limits.start,
                handle_exceptions=False,
            )
        except OSError as exc:
            rc = _NOT_FOUND if exc.errno == errno.ENOENT else _NOT_RUN
            return CommandResult(rc, "", f"cannot run {argv[0]}: {exc.strerror}")
        finally:
            limits.stop()
        if limits.endless:
            # Half a report is none.
            said = f"{argv[0]} printed more than {_MAX_OUTPUT} bytes and was ended"
            return CommandResult(_KILLED, "", said)
        return CommandResult(rc, stdout, stderr, limits.late)

    def which(self, program: str) -> str | None:
        """Return the absolute path of ``program``, sbin directories included, or None."""
        path: str | None = self._module.get_bin_path(program)
        return path


class _Limits:
    """Kills a started program (a ``Popen``) and its children when its time is up, or when it prints without an end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: threading.Timer | None = None
        self.late = False
        self.endless = False

    def start(self, process: Any) -> None:
        process.stdout = _LimitedPipe(process.stdout, self, process)
        process.stderr = _LimitedPipe(process.stderr, self, process)
        self._timer = threading.Timer(self._seconds, self._time_is_up, [process])
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _time_is_up(self, process: Any) -> None:
        self.late = True
        _kill(process)

    def too_much(self, process: Any) -> None:
        self.endless = True
        _kill(process)


class _LimitedPipe:
    """A pipe as ``run_command`` reads it; it ends with its program's limits, whoever else holds it open."""

    def __init__(self, pipe: Any, limits: _Limits, process: Any) -> None:
        self._pipe = pipe
        self._limits = limits
        self._process = process
        self._left = _MAX_OUTPUT
        self.fileno = pipe.fileno
        self.close = pipe.close

    def read(self, size: int) -> bytes | None:
        if self._limits.late or self._limits.endless:
            return b""
        chunk: bytes | None = self._pipe.read(size)
        self._left -= len(chunk or b"")
        if self._left >= 0:
            return chunk
        self._limits.too_much(self._process)
        return b""


def _kill(process: Any) -> None:
    # The children of a script hold its pipe. They are listed first: without their parent nobody knows them any more.
    family = _descendants(process.pid) if process.poll() is None else []
    # Popen.kill() looks whether the process still runs, so no other process can be hit.
    process.kill()
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """List the children of a process and theirs; none where the kernel does not tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return [found for child in children for found in (child, *_descendants(child))]


class HostFiles:
    """Reads this host's file system; only regular files, so that no FIFO or device can hold a run up."""

    def read_text(self, path: str, limit: int = 1048576) -> str:
        """Return at most ``limit`` bytes as text; OSError when it is no regular file or may not be read."""
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            # Between the look and the opening somebody may have put something else there.
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            return file.read(limit).decode("utf-8", "replace")

    def list_dir(self, path: str) -> list[str]:
        """Return the sorted names in a directory."""
        return sorted(os.listdir(path))

    def exists(self, path: str) -> bool:
        """Say whether the path exists."""
        return os.path.exists(path)

    def is_dir(self, path: str) -> bool:
        """Say whether the path is a directory."""
        return os.path.isdir(path)

    def own_root(self) -> bool | None:
        """Say whether ``/`` is the root of the first process too; False in a chroot, None where it cannot be seen."""
        same = _same_root(1)
        if same is not None:
            return same
        # The first process may have more rights than root has here. Whoever entered the chroot is among the ancestors.
        return False if any(_same_root(pid) is False for pid in _ancestors()) else None


def _same_root(pid: int) -> bool | None:
    try:
        return os.path.samestat(os.stat("/"), os.stat(f"/proc/{pid}/root"))
    except OSError:
        return None


def _ancestors() -> Iterator[int]:
    pid = os.getppid()
    while pid > 1:
        yield pid
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                # The name, in parentheses, may hold anything.
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            return


class HostClocks:
    """The clocks of the running kernel."""

    def wall(self) -> float:
        """Return CLOCK_REALTIME."""
        return time.time()

    def monotonic(self) -> float:
        """Return CLOCK_MONOTONIC_RAW: neither steps nor slews touch it."""
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


class PsutilProcesses:
    """Lists processes with psutil."""

    def snapshot(self) -> list[Process]:
        """Return every visible process except kernel threads; reads only what the callers use."""
        psutil = _import_psutil()
        users: dict[int, str | None] = {}
        found = []
        for process in _all_processes(psutil):
            try:
                # Each of these is a file of its own: psutil's oneshot() would save nothing.
                cmdline = process.cmdline()
                if not cmdline:
                    continue  # a kernel thread, or a zombie: neither keeps time nor makes codes
                uid = process.uids().real
                name = process.name()
            except psutil.Error:
                continue  # gone meanwhile, or hidden from this user
            if uid not in users:
                users[uid] = _user_name(uid)
            found.append(Process(process.pid, name, tuple(cmdline), users[uid]))
        return found


def _all_processes(psutil: Any) -> list[Any]:
    try:
        return list(psutil.process_iter())
    except (OSError, IndexError):
        # psutil stumbles where it sees no process at all, not even its own.
        raise Unavailable("the processes cannot be listed: /proc is not mounted here (a chroot?)") from None


def _import_psutil() -> Any:
    try:
        import psutil
    except ImportError:
        raise Unavailable(
            "the Python library psutil is missing: install python3-psutil (py3-psutil on Alpine, python-psutil on Arch)"
        ) from None
    return psutil


def _user_name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def has_library(name: str) -> bool:
    """Say whether this Python has a library, without importing it."""
    from importlib.util import find_spec

    return find_spec(name) is not None


def instance_role(files: HostFiles, mode: str, endpoint: str, timeout_s: float) -> dict[str, str | None] | None:
    """Return the IAM role attached to this EC2 instance, None without one. Raises Unavailable."""
    from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.ec2 import is_ec2

    if mode == "never" or (mode == "auto" and not is_ec2(files)):
        return None
    # Most hosts are no EC2 instances and never get here.
    from ansible_collections.softtoken.compliance.plugins.module_utils._imds import attached_role

    return attached_role(files, mode="force", endpoint=endpoint, timeout_s=timeout_s)
