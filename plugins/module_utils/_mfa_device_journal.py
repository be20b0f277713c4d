# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of what was begun for a user, as a file: one for each user of an account, kept until the work is done.

Private to this collection. It is on the disk before the step that it names begins.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from typing import Callable, Iterator, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from ._mfa.replacement import Journal, JournalFormatError, dump, load
from ._mfa_ledger import CodeLedger, DeviceBusy, LedgerError

__all__ = ["JournalError", "JournalFile"]


class JournalError(IamError):
    """Without a journal nothing is begun."""


class JournalFile:
    """The journal of one user."""

    def __init__(self, directory: str, account: str, user: str, wall: Callable[[], float]) -> None:
        """``directory`` is made when it is missing; it has to be the present user's own."""
        self._subject = f"user {user} of account {account}"
        self._locks = CodeLedger(directory, wall)
        name = hashlib.sha256(self._subject.encode()).hexdigest()[:16]
        self.path = os.path.join(directory, f"mfa-device-{name}.json")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs on this host off the user's devices."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._locks.device(self._subject))
            except DeviceBusy as exc:
                raise JournalError(
                    f"another run on this host changes the devices of {self._subject} ({exc}). Nothing was changed: "
                    "wait until that one has ended, and run this again."
                ) from exc
            except LedgerError as exc:
                raise JournalError(
                    f"no journal can be kept in {os.path.dirname(self.path)}, so nothing was begun: {exc}. "
                    "Give a directory of this user's own, with mode 0700, as journal_dir."
                ) from exc
            yield

    def read(self) -> Optional[Journal]:
        """Return what was begun, None when nothing was."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise JournalError(f"the journal {self.path} cannot be read: {exc.strerror}") from exc
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise JournalError(f"the journal {self.path} is not a file that only the present user can change")
            text = file.read().decode("utf-8", "replace")
        try:
            return load(text)
        except JournalFormatError as exc:
            raise JournalError(
                f"the journal {self.path} cannot be read: {exc}. Compare the devices of {self._subject} with what "
                "should be there, put them right, and remove the file."
            ) from exc

    def write(self, journal: Journal) -> None:
        """Write it down, for good."""
        temporary = f"{self.path}.new"
        try:
            # The lock is held: one that is there was left by a run that was killed.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(dump(journal))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
            _sync(os.path.dirname(self.path))
        except OSError as exc:
            raise JournalError(f"the journal {self.path} cannot be written: {exc.strerror}") from exc

    def remove(self) -> None:
        """Forget what was begun."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
            _sync(os.path.dirname(self.path))


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
