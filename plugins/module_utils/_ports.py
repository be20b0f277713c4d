# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few side effects the pure code needs, as Protocols.

Private to this collection. Two adapters exist or will exist: one on an
``AnsibleModule`` (``_adapters``), one on the standard library (the host agent).
All durations are seconds, all wall-clock times seconds since the Unix epoch (UTC).
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Protocol, Sequence, Tuple

__all__ = [
    "Access",
    "Clocks",
    "CommandResult",
    "FileStore",
    "Files",
    "HostRoot",
    "Process",
    "Processes",
    "Runner",
    "SntpClient",
    "SntpOutcome",
    "SntpReply",
    "Unavailable",
]


class Unavailable(Exception):
    """A side effect this host cannot offer (a missing library, a denied call).

    The message says what is missing and how to provide it. It becomes a gap in
    the measurement: the subset is unknown, never an error and never compliant.
    """


class CommandResult(NamedTuple):
    """Outcome of one command. ``rc`` is 127 when the program does not exist."""

    rc: int
    stdout: str
    stderr: str
    timed_out: bool = False


class Runner(Protocol):
    """Runs a program without a shell, with ``LC_ALL=C``."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = 10.0,
        data: Optional[str] = None,
    ) -> CommandResult:
        """Run ``argv``; ``data`` goes to standard input. Kills the program after ``timeout_s``."""

    def which(self, program: str) -> Optional[str]:
        """Return the absolute path of ``program`` (also in the sbin directories), or None."""


class Files(Protocol):
    """Reads the file system. Every method may raise OSError, but ``exists`` never does."""

    def read_text(self, path: str, limit: int = 1048576) -> str:
        """Return at most ``limit`` bytes of a file as text (UTF-8, undecodable bytes replaced).

        Regular files only, symbolic links followed: callers read other users' files as root, so a FIFO, a device or a
        directory raises OSError at once, and the file is opened without blocking.
        """

    def list_dir(self, path: str) -> List[str]:
        """Return the sorted names in a directory."""

    def exists(self, path: str) -> bool:
        """Say whether the path exists (False also where that cannot be seen)."""

    def is_dir(self, path: str) -> bool:
        """Say whether the path is a directory (False also where that cannot be seen)."""


class HostRoot(Files, Protocol):
    """The file system of a whole host, from its root on."""

    def own_root(self) -> Optional[bool]:
        """Say whether ``/`` is the root of the first process too; False in a chroot, None where it cannot be seen."""


class Access(NamedTuple):
    """Who may read a file, apart from its owner root; ``group`` None is root's own."""

    mode: int
    group: Optional[str] = None


class FileStore(HostRoot, Protocol):
    """Changes the file system, one file and one atomic step at a time.

    ``read_text`` gives undecodable bytes as surrogate escapes here, so that what is read can be written back as it
    was. Every method may raise OSError.
    """

    def access(self, path: str) -> Access:
        """Return who may read the file."""

    def has_group(self, name: str) -> bool:
        """Say whether the host has this group."""

    def replace(self, path: str, text: str, access: Optional[Access] = None) -> None:
        """Put a file with this text in place of the old one, or create it (and its directory).

        Without ``access`` an existing file keeps its own. Never is the text readable to more than ``access`` allows.
        """

    def remove(self, path: str) -> None:
        """Delete the file."""

    def back_up(self, path: str) -> str:
        """Copy the file beside itself and return the copy's path."""


class Clocks(Protocol):
    """The host's clocks."""

    def wall(self) -> float:
        """Return CLOCK_REALTIME."""

    def monotonic(self) -> float:
        """Return a clock that no step moves and no NTP slew bends (CLOCK_MONOTONIC_RAW where there is one)."""


class Process(NamedTuple):
    """One running process, as far as the caller may see it."""

    pid: int
    name: str
    cmdline: Tuple[str, ...] = ()
    user: Optional[str] = None


class Processes(Protocol):
    """Lists processes (psutil)."""

    def snapshot(self) -> List[Process]:
        """Return every visible process. Raises Unavailable without psutil."""


class SntpReply(NamedTuple):
    """One SNTP exchange (RFC 5905), reduced to what a witness needs.

    ``offset_s`` is host minus server (positive: the host is fast).
    """

    offset_s: float
    delay_s: float
    root_delay_s: float
    root_dispersion_s: float
    stratum: int
    leap: int


class SntpOutcome(NamedTuple):
    """What became of the question to one server: a reply, or the reason why there is none."""

    server: str
    reply: Optional[SntpReply] = None
    error: Optional[str] = None


class SntpClient(Protocol):
    """Asks servers for the time (ntplib)."""

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], List[SntpOutcome]]:
        """Ask all ``servers`` at once (``host``, ``host:port``, ``[v6]:port``), in the background. Raises Unavailable.

        The returned function gives one outcome per server, in order, at the latest ``timeout_s`` after the start:
        a server that has not answered by then is an outcome with an error, and is not waited for.
        """
