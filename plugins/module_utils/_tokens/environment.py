# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignments of known variables in shell start-up files and other environment files.

Private to this collection. Not a shell: it finds ``NAME=value`` in assignment position, csh's ``setenv NAME value``
and fish's ``set -x NAME value``, strips quotes and knows HOME and USER. A value made of other variables or of a
command's output is unknown here, and reported so.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .text import lines

__all__ = ["Assignment", "read_assignments"]

_MAX_LINE = 4096
_PROSE = ("#", "echo ", "printf ")
_VALUE = r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s;&|)"'\#]*)"""
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)


class Assignment(NamedTuple):
    """One assignment; ``value`` is None when only the shell knows it."""

    name: str
    value: Optional[str]
    line: int


def read_assignments(
    text: str, names: Sequence[str], *, home: Optional[str], user: Optional[str]
) -> Tuple[Assignment, ...]:
    """Return the assignments of ``names``; empty ones are left out. Never raises."""
    if not any(name in text for name in names):
        return ()
    pattern = _pattern(names)
    known = {"HOME": home, "USER": user, "LOGNAME": user}
    found: List[Assignment] = []
    for number, line in enumerate(lines(text), start=1):
        content = line.strip()
        if len(content) > _MAX_LINE or content.startswith(_PROSE):
            continue
        for match in pattern.finditer(content):
            if " #" in content[: match.start()]:
                break
            value = _expand(match.group("value"), known)
            if value != "":
                found.append(Assignment(match.group("assigned") or match.group("set"), value, number))
    return tuple(found)


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    wanted = "|".join(re.escape(name) for name in names)
    start = r"(?:^|(?<=[\s;&|(]))"
    plain = rf"(?P<assigned>{wanted})="
    spaced = rf"(?:setenv|set(?:\s+-\w+)+)\s+(?P<set>{wanted})\s+"
    return re.compile(rf"{start}(?:{plain}|{spaced}){_VALUE}")


def _expand(raw: str, known: Dict[str, Optional[str]]) -> Optional[str]:
    if raw.startswith("'"):
        return raw[1:-1]
    value = raw[1:-1].replace('\\"', '"') if raw.startswith('"') else raw
    if "`" in value or "$(" in value:
        return None
    parts: List[str] = []
    end = 0
    for match in _REFERENCE.finditer(value):
        replacement = known.get(match.group(1) or match.group(2))
        if replacement is None:
            return None
        parts += [value[end : match.start()], replacement]
        end = match.end()
    rest = value[end:]
    return None if "$" in rest else "".join(parts) + rest
