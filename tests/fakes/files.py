"""The host's file system adapter below another root: real files, FIFOs and permissions, at any absolute path."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import HostFiles


class RootedFiles(HostFiles):
    """``HostFiles`` that sees ``root`` as ``/``. Keeps a list of what was opened."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opened: list[str] = []
        self.own: bool | None = True

    def write(self, path: str, text: str) -> Path:
        """Make a file, with its directories."""
        target = Path(self._below(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8", "surrogateescape"))
        return target

    def read_text(self, path: str, limit: int = 1048576) -> str:
        text = super().read_text(self._below(path), limit)
        self.opened.append(path)
        return text

    def list_dir(self, path: str) -> list[str]:
        return super().list_dir(self._below(path))

    def exists(self, path: str) -> bool:
        return super().exists(self._below(path))

    def is_dir(self, path: str) -> bool:
        return super().is_dir(self._below(path))

    def own_root(self) -> bool | None:
        return self.own

    def which(self, program: str) -> str | None:
        """Look for a program in ``/usr/bin``."""
        path = f"/usr/bin/{program}"
        return path if self.exists(path) else None

    def _below(self, path: str) -> str:
        return str(self.root) + path


class DeniedFiles(RootedFiles):
    """A file system in which some paths are closed to this user, as they are for anybody but root."""

    def __init__(self, root: Path, *denied: str) -> None:
        super().__init__(root)
        self.denied = denied

    def read_text(self, path: str, limit: int = 1048576) -> str:
        self._check(path)
        return super().read_text(path, limit)

    def list_dir(self, path: str) -> list[str]:
        self._check(path)
        return super().list_dir(path)

    def exists(self, path: str) -> bool:
        return not self._closed(path) and super().exists(path)

    def is_dir(self, path: str) -> bool:
        return not self._closed(path) and super().is_dir(path)

    def _closed(self, path: str) -> bool:
        return any(path == denied or path.startswith(denied + "/") for denied in self.denied)

    def _check(self, path: str) -> None:
        if self._closed(path):
            raise PermissionError(13, "Permission denied", path)
