# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's files: written whole or not at all, whoever else may write beside them.

Temporary files are opened as new ones, links are never followed: root may run the agent by hand, in directories that
belong to the agent's user. A file has one temporary name, so a check that is killed leaves at most that, for the next.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from typing import Iterator, List, NamedTuple, Optional

__all__ = [
    "Busy",
    "Places",
    "append_bounded",
    "locked",
    "make_folder",
    "read_last_lines",
    "read_lines",
    "read_text",
    "write_atomically",
]

_MODE = 0o644
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Busy(Exception):
    """Another check holds the lock."""


class Places(NamedTuple):
    """Where the agent keeps what; systemd tells by environment variables."""

    config: str
    runtime: str
    state: str

    @property
    def report(self) -> str:
        """The last report."""
        return os.path.join(self.runtime, "report.json")

    @property
    def lock(self) -> str:
        """Held during a check."""
        return os.path.join(self.runtime, "lock")

    @property
    def history(self) -> str:
        """One line a check."""
        return os.path.join(self.state, "history.jsonl")

    @property
    def sequence(self) -> str:
        """Number of the last check."""
        return os.path.join(self.state, "sequence")

    @property
    def attempts(self) -> str:
        """Steps that checks have tried."""
        return os.path.join(self.state, "attempts.json")


def make_folder(folder: str) -> None:
    """Make a directory where there is none, readable to all whatever the umask is. Raises OSError."""
    if os.path.isdir(folder):
        return
    umask = os.umask(0o022)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
    finally:
        os.umask(umask)


def write_atomically(path: str, text: str) -> None:
    """Put a file in the place of another, readable to all. Raises OSError, and then leaves the old one.

    Whoever writes holds the lock.
    """
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, _MODE)
    try:
        try:
            _give_to_owner_of(folder, descriptor)
            os.fchmod(descriptor, _MODE)
            _write_all(descriptor, text.encode("utf-8", "replace"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _give_to_owner_of(folder: str, descriptor: int) -> None:
    """Keep a run by root from leaving files that the agent's own user could not write again."""
    if os.geteuid() == 0:
        owner = os.stat(folder)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def read_text(path: str, limit: int) -> Optional[str]:
    """Return a regular file of at most ``limit`` bytes; None when there is none. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"longer than {limit} bytes", path)
    return data.decode("utf-8", "replace")


def append_bounded(path: str, line: str, limit: int) -> None:
    """Add a line to a file that is never longer than ``limit``: the older half goes first. Raises OSError."""
    data = line.encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _NO_LINK, _MODE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        _give_to_owner_of(os.path.dirname(path), descriptor)
        size = os.fstat(descriptor).st_size
        if not size:
            os.fchmod(descriptor, _MODE)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data  # the power went in the middle of a line
        if size + len(data) <= limit:
            _append(descriptor, data, size)
            return
        kept = os.pread(descriptor, limit // 2, max(0, size - limit // 2)).partition(b"\n")[2]
    finally:
        os.close(descriptor)
    write_atomically(path, kept.decode("utf-8", "replace") + data.lstrip(b"\n").decode())


def _append(descriptor: int, data: bytes, size: int) -> None:
    try:
        _write_all(descriptor, data)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)  # half a line helps nobody
        raise


def read_lines(path: str, limit: int) -> List[str]:
    """Return the lines of a file; none when there is none. Raises OSError."""
    return (read_text(path, limit) or "").splitlines()


def read_last_lines(path: str, most: int) -> List[str]:
    """Return the whole lines among the last ``most`` bytes of a file; none where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINK)
    except OSError:
        return []
    try:
        start = max(0, os.fstat(descriptor).st_size - most)
        lines = os.pread(descriptor, most, start).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return lines[1:] if start else lines


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock. Raises Busy when another run does, OSError when the file cannot be made."""
    # Whoever could open it could hold it for ever.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    try:
        _give_to_owner_of(os.path.dirname(path), descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        # The kernel lets go of it when the process ends, however it ends.
        yield
    finally:
        os.close(descriptor)
