# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tolerant reader of AWS configuration files, with line numbers.

Private to this collection. It sees the file as botocore does, through Python's ``RawConfigParser``: ``=`` or ``:``
between key and value, keys in any case, comments only on lines of their own, deeper indented lines continue the value
above (botocore's nested settings). Where that parser gives up on the whole file, this one goes on and lists the
problem, since other tools do read such a file. Problems name a line, never its content.
"""

from __future__ import annotations

import re
import shlex
from typing import Dict, List, NamedTuple, Optional, Tuple

from .model import AwsFile
from .text import lines

__all__ = ["IniFile", "IniProblem", "Setting", "profile_name", "read_ini"]

_SECTION = re.compile(r"\[(?P<name>.+)\]")
_COMMENT = ("#", ";")


class Setting(NamedTuple):
    """One key with its value; ``line`` is the key's."""

    section: str
    key: str
    value: str
    line: int


class IniProblem(NamedTuple):
    """Why botocore refuses the file."""

    line: int
    what: str


class IniFile(NamedTuple):
    """All that could be read."""

    settings: Tuple[Setting, ...]
    problems: Tuple[IniProblem, ...]


def read_ini(text: str) -> IniFile:
    """Read a configuration file; never raises."""
    reader = _Reader()
    for number, line in enumerate(lines(text), start=1):
        reader.feed(number, line)
    reader.close()
    return IniFile(tuple(reader.settings), tuple(reader.problems))


def profile_name(section: str, file: AwsFile) -> Optional[str]:
    """Return the profile that a section of the file is for, as botocore does; None when for none."""
    if file.credentials or section == "default":
        return section
    if not section.startswith("profile"):
        return None
    try:
        words = shlex.split(section)
    except ValueError:
        return None
    return words[1] if len(words) == 2 else None


class _Reader:
    """State between lines: the section, the key whose value may go on, and its indentation."""

    def __init__(self) -> None:
        self.settings: List[Setting] = []
        self.problems: List[IniProblem] = []
        self._section: Optional[str] = None
        self._sections: Dict[str, int] = {}
        self._keys: Dict[Tuple[str, str], int] = {}
        self._open: Optional[Setting] = None
        self._more: List[str] = []
        self._indent = 0

    def feed(self, number: int, line: str) -> None:
        content = line.strip()
        if not content or content.startswith(_COMMENT):
            return
        indent = len(line) - len(line.lstrip())
        if self._open is not None and indent > self._indent:
            self._more.append(content)
            return
        self.close()
        self._indent = indent
        section = _SECTION.match(content)
        if section:
            self._start_section(number, section.group("name"))
        else:
            self._start_setting(number, content)

    def close(self) -> None:
        """Finish the setting that could still have gone on."""
        if self._open is not None:
            value = "\n".join([self._open.value, *self._more])
            self.settings.append(self._open._replace(value=value))
        self._open = None
        self._more = []

    def _start_section(self, number: int, name: str) -> None:
        first = self._sections.setdefault(name, number)
        if first != number:
            self.problems.append(IniProblem(number, f"repeats the section that starts at line {first}"))
        self._section = name

    def _start_setting(self, number: int, content: str) -> None:
        if self._section is None:
            self.problems.append(IniProblem(number, "stands before the first section"))
            return
        ends = [end for end in (content.find("="), content.find(":")) if end >= 0]
        key = content[: min(ends)].strip().lower() if ends else ""
        if not key:
            self.problems.append(IniProblem(number, "is neither a section nor a setting"))
            return
        first = self._keys.setdefault((self._section, key), number)
        if first != number:
            self.problems.append(IniProblem(number, f"repeats the setting of line {first}"))
        self._open = Setting(self._section, key, content[min(ends) + 1 :].strip(), number)
