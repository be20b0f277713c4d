# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a new device's seed goes: into files for one reader, or out of here for the holder of a private key.

Private to this collection. A file is made, empty, before there is a seed, so that a path that does not serve is known
before a device is created. No directory on the way may be open to everybody: that rules out /tmp.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import stat
from typing import Iterator, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

__all__ = ["HAS_CRYPTOGRAPHY", "SecretError", "SecretFiles", "check_key", "encrypt"]

_LEAST_KEY = 2048
_LARGEST = 4096  # of a seed file; a seed has 64 characters


class SecretError(IamError):
    """A secret cannot be kept where it was asked for."""


class SecretFiles:
    """Files for secrets, with mode 0600 and one owner."""

    def __init__(self, owner: Optional[str] = None) -> None:
        """``owner`` is the name of the user who gets the files; the present one unless given."""
        self._uid = os.geteuid() if owner is None else _uid(owner)

    def check(self, *paths: str) -> None:
        """Refuse what cannot be new files for secrets, each of its own; changes nothing."""
        real = set()
        for path in paths:
            with _explained(path), self._folder(path) as folder:
                self._refuse_used(path, folder)
            real.add(os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path)))
        if len(real) < len(paths):
            raise SecretError(f"{' and '.join(paths)} are one file, and two secrets are to go there: name two files")

    def reserve(self, path: str) -> None:
        """Make the file, empty."""
        with _explained(path), self._folder(path) as folder:
            self._refuse_used(path, folder)
            name = os.path.basename(path)
            with contextlib.suppress(FileNotFoundError):  # an empty one that an ended run left
                os.unlink(name, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o600, dir_fd=folder)
            try:
                os.fchmod(descriptor, 0o600)
                if self._uid != os.geteuid():
                    os.fchown(descriptor, self._uid, -1)
            finally:
                os.close(descriptor)
            os.fsync(folder)

    def write(self, path: str, content: bytes) -> None:
        """Put a secret into a reserved file, for good."""
        with _explained(path), self._folder(path) as folder:
            descriptor = os.open(
                os.path.basename(path), os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
            )
            with os.fdopen(descriptor, "wb") as file:
                self._refuse_open(path, os.fstat(descriptor))
                file.truncate(0)
                file.write(content)
                file.flush()
                os.fsync(descriptor)

    def read(self, path: str) -> Optional[str]:
        """Return the text of such a file; None when it is not there, or not one that this class writes."""
        try:
            with self._folder(path) as folder:
                descriptor = os.open(
                    os.path.basename(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
                )
                with os.fdopen(descriptor, "rb") as file:
                    self._refuse_open(path, os.fstat(descriptor))
                    return file.read(_LARGEST).decode("ascii").strip()
        except (OSError, SecretError, UnicodeDecodeError):
            return None

    def remove(self, path: str) -> None:
        """Remove such a file if it is there."""
        with _explained(path), self._folder(path) as folder, contextlib.suppress(FileNotFoundError):
            name = os.path.basename(path)
            self._refuse_open(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        folder = os.path.realpath(os.path.dirname(path) or ".")
        if not os.path.basename(path):
            raise SecretError(f"{path} is no path of a file")
        for place in _places(folder):
            if os.stat(place).st_mode & stat.S_IWOTH:
                raise SecretError(
                    f"{path}: everybody may write to {place}, so no secret is written there. Name a directory of your "
                    "own outside of it."
                )
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            owner = os.fstat(descriptor).st_uid
            if owner not in (0, os.geteuid(), self._uid):
                raise SecretError(f"{path}: {folder} belongs to somebody else (user id {owner}), who could replace it")
            yield descriptor
        finally:
            os.close(descriptor)

    def _refuse_used(self, path: str, folder: int) -> None:
        try:
            found = os.stat(os.path.basename(path), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(found.st_mode) or found.st_size:
            raise SecretError(f"{path} exists already, and nothing is overwritten: move it away, or name another")
        self._refuse_open(path, found)

    def _refuse_open(self, path: str, found: os.stat_result) -> None:
        mine = stat.S_ISREG(found.st_mode) and found.st_uid in (os.geteuid(), self._uid) and found.st_nlink == 1
        if not mine or found.st_mode & 0o077:
            raise SecretError(f"{path} is not a file that only its owner can read")


def check_key(public_key: str) -> None:
    """Refuse what is no RSA public key in PEM."""
    _load(public_key)


def encrypt(public_key: str, text: str) -> str:
    """Encrypt a short text for the holder of the private key (RSA-OAEP with SHA-256), as base64."""
    scheme = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    return base64.b64encode(_load(public_key).encrypt(text.encode("ascii"), scheme)).decode("ascii")


def _load(public_key: str) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_pem_public_key(public_key.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _LEAST_KEY:
        raise SecretError(
            f"public_key is no RSA public key of {_LEAST_KEY} bits or more in PEM (BEGIN PUBLIC KEY). Make one with "
            "openssl genrsa -out private.pem 3072; openssl rsa -in private.pem -pubout"
        )
    return key


def _uid(owner: str) -> int:
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise SecretError(f"this host has no user {owner} to own the files") from None


def _places(folder: str) -> Iterator[str]:
    """Give a directory and all above it."""
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise SecretError(f"{path} cannot hold a secret: {exc.strerror or exc}") from exc
