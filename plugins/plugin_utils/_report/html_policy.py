# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents as the lines of a page: where a finding stands in one, and what a fix changes. Private, pure.

The lines are written here and not in the browser, so that a finding's lines and a fix's difference count the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

__all__ = ["Lines", "changes", "write_policy"]

Path = tuple[str | int, ...]
DEEPEST = 24  # levels; what lies deeper is written in one line


class Lines(NamedTuple):
    """A document's lines, indented by one space a level, and which of them each part of it takes (end excluded)."""

    lines: tuple[str, ...]
    spans: Mapping[Path, tuple[int, int]]
    policy: Mapping[str, Any]

    def statement(self, mark: Any) -> Path | None:
        """Return the path of the statement with this Sid or index; None where there is none."""
        found = self.policy.get("Statement")
        if isinstance(found, Mapping):
            return ("Statement",) if mark in (0, found.get("Sid")) else None
        if not isinstance(found, list):
            return None
        if isinstance(mark, int):
            return ("Statement", mark) if 0 <= mark < len(found) else None
        marked = (index for index, one in enumerate(found) if isinstance(one, Mapping) and one.get("Sid") == mark)
        index = next(marked, None) if mark else None
        return None if index is None else ("Statement", index)

    def place(self, mark: Any, path: str) -> list[int]:
        """Return the lines of a statement, and within it those that the path of a finding names: none, two or four."""
        statement = self.statement(mark)
        if statement is None or statement not in self.spans:
            return []
        within = self._follow(statement, path)
        exact = self.spans[within] if within != statement else ()
        return [*self.spans[statement], *exact]

    def _follow(self, start: Path, text: str) -> Path:
        """Go down the dotted path as far as it leads; keys may hold dots themselves."""
        path, rest = start, text
        while rest:
            below = (known[-1] for known in self.spans if len(known) == len(path) + 1 and known[:-1] == path)
            fitting = [key for key in below if isinstance(key, str) and (rest == key or rest.startswith(f"{key}."))]
            if not fitting:
                return path
            longest = max(fitting, key=len)
            path, rest = (*path, longest), rest[len(longest) + 1 :]
        return path


def write_policy(policy: Mapping[str, Any]) -> Lines:
    """Write a document out."""
    writer = _Writer()
    writer.write(policy, ())
    return Lines(tuple(writer.lines), writer.spans, policy)


def changes(before: Lines, after: Lines) -> list[list[Any]]:
    """Return what turns one document into the other: first and last line replaced (end excluded), and the new ones."""
    matcher = SequenceMatcher(None, before.lines, after.lines, autojunk=False)
    return [
        [start, end, list(after.lines[new_start:new_end])]
        for tag, start, end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.spans: dict[Path, tuple[int, int]] = {}

    def write(self, value: Any, path: Path, prefix: str = "", suffix: str = "") -> None:
        start, pad = len(self.lines), " " * len(path)
        members = _members(value) if len(path) < DEEPEST else []
        if members:
            opening, closing = "{}" if isinstance(value, Mapping) else "[]"
            self.lines.append(f"{pad}{prefix}{opening}")
            for number, (key, item) in enumerate(members, start=1):
                name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(key, str) else ""
                self.write(item, (*path, key), name, "," if number < len(members) else "")
            self.lines.append(f"{pad}{closing}{suffix}")
        else:
            self.lines.append(f"{pad}{prefix}{json.dumps(value, ensure_ascii=False)}{suffix}")
        self.spans[path] = (start, len(self.lines))


def _members(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items()]
    return list(enumerate(value)) if isinstance(value, list | tuple) else []
