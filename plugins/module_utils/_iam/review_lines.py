# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of a finding in infrastructure code: where the file writes the condition or the statement.

Private to this collection. Parsers give a policy and not its lines, so the file's text is looked through for the words
of the finding, from the policy's first line on. Where it does not show them, the policy's line stands.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterator, List, Tuple

from .finding import Finding
from .iac import IacPolicy

__all__ = ["Places"]


class Places:
    """Finds lines; each file is read once."""

    def __init__(self, text_of: Callable[[str], str]) -> None:
        self._text_of = text_of
        self._lines: Dict[str, List[str]] = {}

    def line(self, path: str, policy: IacPolicy, found: Finding) -> int:
        """Return the line of a finding in a policy of a file, counted from 1."""
        if path not in self._lines:
            self._lines[path] = self._text_of(path).splitlines()
        lines = self._lines[path]
        start = _start(lines, policy)
        for word, nth in _words(policy, found):
            alone = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
            hits = [number for number, line in enumerate(lines, 1) if number >= start and alone.search(line)]
            if len(hits) > nth:
                return hits[nth]
        return policy.line


def _start(lines: List[str], policy: IacPolicy) -> int:
    """Return where to look from: the block with the policy's address, or the line that is known of the policy."""
    *head, name = policy.address.split(".")
    labels = [f'"{one}"' for one in (*head[-1:], name)]
    for number, line in enumerate(lines, 1):
        if head and all(label in line for label in labels):
            return number
        if not head and name and line.strip().strip(",{ ").strip("\"'").rstrip(":").strip("\"'") == name:
            return number
    return 1


def _words(policy: IacPolicy, found: Finding) -> Iterator[Tuple[str, int]]:
    """Yield what a finding's place says, and how often the policy says it before."""
    parts = found.path.split(".", 2)
    if parts[0] == "Condition" and len(parts) == 3:
        nth = 0
        for statement in policy.document.statements:
            same = [one for one in statement.conditions if one.key == parts[2]]
            if found.statement in (statement.mark, statement.label):
                nth += next((at for at, one in enumerate(same) if one.path == found.path), 0)
                break
            nth += len(same)
        yield parts[2], nth
    if isinstance(found.statement, str) and found.statement:
        yield found.statement, 0
