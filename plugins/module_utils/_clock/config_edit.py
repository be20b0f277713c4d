# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of files that somebody else owns, each of which can be undone to the byte.

Private to this collection. Two kinds: a line that must not be in effect gets a
mark in front of it, and a main file that does not read the managed directories
gets a marked block at its end.
"""

from __future__ import annotations

from typing import AbstractSet, Dict, List, Mapping, Optional, Sequence

from .._ports import Files

__all__ = ["OverlayFiles", "RestoredFiles", "disable_lines", "restore", "with_block"]

_MARK = "#softtoken.compliance disabled: "
_BEGIN = "# BEGIN softtoken.compliance (managed by Ansible)\n"
_BEGIN_UNTERMINATED = "\n# BEGIN softtoken.compliance (managed by Ansible; no newline before)\n"
_END = "# END softtoken.compliance\n"


def disable_lines(text: str, numbers: AbstractSet[int]) -> str:
    """Put the mark in front of the lines with these numbers (from 1)."""
    lines = text.split("\n")
    return "\n".join(_MARK + line if number in numbers else line for number, line in enumerate(lines, start=1))


def with_block(text: str, lines: Sequence[str]) -> str:
    """Append the marked block; ``text`` must not hold one."""
    if not lines:
        return text
    begin = _BEGIN if not text or text.endswith("\n") else _BEGIN_UNTERMINATED
    return text + begin + "".join(f"{line}\n" for line in lines) + _END


def restore(text: str) -> str:
    """Undo all edits."""
    for begin in (_BEGIN_UNTERMINATED, _BEGIN):
        head, found, tail = text.partition(begin)
        if found:
            _block, ended, rest = tail.partition(_END)
            text = head + rest if ended else text
    if _MARK not in text:
        return text
    return "\n".join(line[len(_MARK) :] if line.startswith(_MARK) else line for line in text.split("\n"))


class OverlayFiles:
    """Another ``Files`` with some files replaced (a text) or gone (None)."""

    def __init__(self, files: Files, changes: Mapping[str, Optional[str]]) -> None:
        self._files = files
        self._changes = dict(changes)
        self._folders: Dict[str, List[str]] = {}
        for path, text in self._changes.items():
            folder, _slash, name = path.rpartition("/")
            if text is not None:
                self._folders.setdefault(folder, []).append(name)

    def read_text(self, path: str, limit: int = 1048576) -> str:
        """Return the replaced text, or the file's own."""
        if path not in self._changes:
            return self._files.read_text(path, limit)
        text = self._changes[path]
        if text is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return text

    def list_dir(self, path: str) -> List[str]:
        """Return the names in a directory as they will be."""
        folder = path.rstrip("/")
        added = self._folders.get(folder, [])
        names = set(added)
        if not added or self._files.exists(path):
            names.update(self._files.list_dir(path))
        gone = {name for name in names if self._changes.get(f"{folder}/{name}", "") is None}
        return sorted(names - gone)

    def exists(self, path: str) -> bool:
        """Say whether the path will exist."""
        if path in self._changes:
            return self._changes[path] is not None
        return path.rstrip("/") in self._folders or self._files.exists(path)

    def is_dir(self, path: str) -> bool:
        """Say whether the path will be a directory."""
        return path not in self._changes and (path.rstrip("/") in self._folders or self._files.is_dir(path))


class RestoredFiles(OverlayFiles):
    """The host's files as they were before this collection touched them."""

    def __init__(self, files: Files, managed: Sequence[str]) -> None:
        super().__init__(files, dict.fromkeys(managed))

    def read_text(self, path: str, limit: int = 1048576) -> str:
        """Return the file with all edits undone."""
        return restore(super().read_text(path, limit))
