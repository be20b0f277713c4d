# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of used codes as a file, and one lock for each device that is being worked on.

Private to this collection. It is shared by all processes of one user on one host. The lock of a device belongs to the
process that holds it: it ends with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
import time
from typing import Callable, FrozenSet, Iterator, List, Mapping, Optional, Sequence

from ._mfa.ledger import (
    Ledger,
    LedgerFormatError,
    Refused,
    claim,
    code_mark,
    dump,
    load,
    step_mark,
    used_steps,
)

__all__ = ["CodeLedger", "CodesUsed", "DeviceBusy", "DeviceLedger", "LedgerError", "ledger_directory"]

_FILE = "mfa-ledger.json"
_FOLDER = "softtoken"


class LedgerError(Exception):
    """There is no ledger to rely on, so no code is sent."""


class DeviceBusy(LedgerError):
    """Another process of this host works on the device."""


class CodesUsed(Exception):
    """A code was used before."""

    def __init__(self, refused: Refused) -> None:
        self.free_at_s = refused.free_at_s
        super().__init__(refused.reason)


def ledger_directory(option: Optional[str], environment: Mapping[str, str], uid: int) -> str:
    """Return where the ledger is: what processes of the same user on this host have in common, not kept for good."""
    if option:
        return option
    if uid == 0:
        return f"/run/{_FOLDER}"
    if environment.get("XDG_RUNTIME_DIR"):
        return os.path.join(environment["XDG_RUNTIME_DIR"], _FOLDER)
    return os.path.join(os.path.expanduser("~"), ".cache", _FOLDER)


def _random_key() -> bytes:
    return secrets.token_bytes(32)


class CodeLedger:
    """The ledger in a directory, which is made when it is missing."""

    def __init__(self, directory: str, wall: Callable[[], float], new_key: Callable[[], bytes] = _random_key) -> None:
        self.directory = directory
        self.wall = wall
        self.new_key = new_key

    @contextlib.contextmanager
    def device(self, serial: str) -> Iterator[DeviceLedger]:
        """Keep other processes off a device. Raises DeviceBusy when one is at it, LedgerError without a ledger."""
        with _explained(self.directory):
            _prepare(self.directory)
            name = f"device-{hashlib.sha256(serial.encode()).hexdigest()[:16]}.lock"
            lock = _open(os.path.join(self.directory, name))
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DeviceBusy(_who(lock)) from None
            os.ftruncate(lock, 0)
            os.write(lock, f"process {os.getpid()} since {_clock(self.wall())}".encode())
            yield DeviceLedger(self, serial)
        finally:
            os.close(lock)

    def look(self, serial: str) -> DeviceLedger:
        """Return the device's part without a lock, to read it alone."""
        return DeviceLedger(self, serial)


class DeviceLedger:
    """What is known of one device's codes."""

    def __init__(self, whole: CodeLedger, serial: str) -> None:
        self._directory = whole.directory
        self._serial = serial
        self._wall = whole.wall
        self._new_key = whole.new_key

    def used_steps(self) -> FrozenSet[int]:
        """Return the steps that were used lately."""
        ledger = self._read()
        return frozenset() if ledger is None else used_steps(ledger, self._serial, self._wall())

    def check(self, codes: Sequence[str]) -> None:
        """Raise CodesUsed when one of these was used; enters nothing."""
        ledger = self._read()
        if ledger is not None:
            self._claimed(ledger, codes, ())

    def claim(self, codes: Sequence[str], steps: Sequence[int] = ()) -> None:
        """Enter codes, and their steps where they are known, before they are sent. Raises CodesUsed: send nothing."""
        with _explained(self._directory):
            lock = _open(os.path.join(self._directory, "mfa-ledger.lock"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                ledger = self._read() or Ledger(self._new_key(), {})
                _replace(os.path.join(self._directory, _FILE), dump(self._claimed(ledger, codes, steps)))
            finally:
                os.close(lock)

    def _claimed(self, ledger: Ledger, codes: Sequence[str], steps: Sequence[int]) -> Ledger:
        marks: List[str] = [code_mark(ledger, self._serial, code) for code in codes]
        found = claim(ledger, self._serial, [*marks, *map(step_mark, steps)], self._wall())
        if isinstance(found, Refused):
            raise CodesUsed(found)
        return found

    def _read(self) -> Optional[Ledger]:
        path = os.path.join(self._directory, _FILE)
        with _explained(self._directory):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            with os.fdopen(descriptor, encoding="utf-8") as file:
                _refuse_foreign(path, os.fstat(descriptor), stat.S_ISREG)
                text = file.read()
        try:
            return load(text)
        except LedgerFormatError as exc:
            raise LedgerError(
                f"the ledger of used codes {path} cannot be read: {exc}. Remove it, wait two minutes, and take codes "
                "that the device has not shown yet."
            ) from exc


@contextlib.contextmanager
def _explained(directory: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise LedgerError(
            f"the ledger of used codes cannot be kept in {directory}: {exc.strerror or exc}. Give a directory of this "
            "user's own as ledger_dir."
        ) from exc


def _prepare(directory: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.makedirs(directory, 0o700)
    _refuse_foreign(directory, os.lstat(directory), stat.S_ISDIR)


def _refuse_foreign(path: str, found: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(found.st_mode):
        raise LedgerError(f"{path} is a link or something else that does not belong there")
    if found.st_uid != os.geteuid():
        raise LedgerError(f"{path} belongs to the user with the id {found.st_uid}")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise LedgerError(f"{path} is open to others (mode {mode:04o}): take their rights away")


def _open(path: str) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _refuse_foreign(path, os.fstat(descriptor), stat.S_ISREG)
    except LedgerError:
        os.close(descriptor)
        raise
    return descriptor


def _replace(path: str, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".mfa-ledger-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _who(lock: int) -> str:
    return os.pread(lock, 200, 0).decode("utf-8", "replace") or "another process"


def _clock(now_s: float) -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime(now_s))
