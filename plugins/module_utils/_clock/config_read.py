# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads chrony.conf and everything it pulls in, in the order chronyd does.

Private to this collection. The result is the *effective* configuration: what
``include``, ``confdir`` and ``sourcedir`` bring in stands where chronyd acts on
it (sources from ``sourcedir`` after everything else). Nothing is raised for a
file's content or absence: what chronyd would stumble over is listed.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from .._ports import Files

__all__ = [
    "SOURCE_DIRECTIVES",
    "ConfigProblem",
    "Directive",
    "EffectiveConfig",
    "read_config",
    "split_line",
]

#: chrony 4.8's limits (conf.c).
_MAX_LINE = 2048
_MAX_INCLUDE_LEVEL = 10
_MAX_DIRS = 10
#: More files than this in one configuration is an include loop that fans out.
_MAX_FILES = 1000

#: The directives that a ``.sources`` file may hold.
SOURCE_DIRECTIVES = ("server", "pool", "peer")

#: What C's isspace() calls white space.
_SPACE = re.compile("[ \t\n\v\f\r]+")
_MAGIC = re.compile(r"[*?[]")


class Directive(NamedTuple):
    """One directive; ``name`` is lower case, ``line`` counts from 1."""

    name: str
    args: Tuple[str, ...]
    file: str
    line: int
    #: It stands in a file of a ``sourcedir``: chronyd ignores what it cannot use there, without a word.
    in_sourcedir: bool = False

    @property
    def text(self) -> str:
        """The directive as one normalised line."""
        return " ".join((self.name, *self.args))


class ConfigProblem(NamedTuple):
    """Something chronyd would stumble over.

    ``fatal``: chronyd refuses to start with it; otherwise it silently leaves something out.
    ``denied``: the caller may not read it, which says nothing about chronyd (a gap, not a fault).
    """

    message: str
    file: str
    line: Optional[int]
    fatal: bool
    denied: bool = False


class EffectiveConfig(NamedTuple):
    """The directives in the order in which they take effect, and the files they came from."""

    main: str
    files: Tuple[str, ...]
    directives: Tuple[Directive, ...]
    problems: Tuple[ConfigProblem, ...]
    #: Those of ``files`` that a ``sourcedir`` brought in.
    source_files: Tuple[str, ...] = ()

    def named(self, *names: str) -> Tuple[Directive, ...]:
        """All directives of these names, in order."""
        return tuple(directive for directive in self.directives if directive.name in names)

    def last(self, name: str) -> Optional[Directive]:
        """The directive that wins where a later one replaces an earlier one."""
        found = self.named(name)
        return found[-1] if found else None


def split_line(line: str) -> Tuple[str, ...]:
    """The words of a line as chronyd sees them: () for a comment or an empty line."""
    text = line.split("\0", 1)[0]
    words = tuple(word for word in _SPACE.split(text) if word)
    return () if not words or words[0][0] in "!;#%" else words


def read_config(files: Files, main: str) -> EffectiveConfig:
    """Read ``main`` and all it includes."""
    reader = _Reader(files)
    reader.read_main(main)
    return EffectiveConfig(
        main=main,
        files=tuple(reader.seen),
        directives=tuple(reader.directives),
        problems=tuple(reader.problems),
        source_files=tuple(reader.source_files),
    )


class _Reader:
    def __init__(self, files: Files) -> None:
        self.files = files
        self.seen: Dict[str, None] = {}  # an ordered set
        self.directives: List[Directive] = []
        self.problems: List[ConfigProblem] = []
        self.source_files: Dict[str, None] = {}
        self._open: List[str] = []
        self._sourcedirs: List[Directive] = []
        self._budget = _MAX_FILES

    def read_main(self, main: str) -> None:
        self._read_conf(main, Directive("include", (main,), main, 0))
        for directive in self._sourcedirs:
            for path in self._search_dirs(directive, ".sources"):
                self._read_sources(path)

    def _problem(self, message: str, file: str, line: Optional[int], *, fatal: bool) -> None:
        self.problems.append(ConfigProblem(message, file, line or None, fatal))

    def _os_problem(self, what: str, exc: OSError, asked: Directive, *, fatal: bool) -> None:
        message = f"cannot {what}: {exc.strerror or exc}"
        denied = isinstance(exc, PermissionError)
        self.problems.append(ConfigProblem(message, asked.file, asked.line or None, fatal and not denied, denied))

    def _text(self, path: str, asked: Directive, *, fatal: bool) -> Optional[str]:
        if self.files.is_dir(path):
            return None  # chronyd opens a directory as well, and reads nothing from it
        try:
            text = self.files.read_text(path)
        except OSError as exc:
            self._os_problem(f"read {path}", exc, asked, fatal=fatal)
            return None
        self.seen[path] = None
        return text

    def _read_conf(self, path: str, asked: Directive) -> None:
        if path in self._open:
            self._problem(f"{path} includes itself", asked.file, asked.line, fatal=True)
            return
        if len(self._open) >= _MAX_INCLUDE_LEVEL:
            message = f"files are included more than {_MAX_INCLUDE_LEVEL} levels deep"
            self._problem(message, asked.file, asked.line, fatal=True)
            return
        if self._budget == 0:
            return
        self._budget -= 1
        if self._budget == 0:
            self._problem(f"more than {_MAX_FILES} files are included", asked.file, asked.line, fatal=True)
            return
        text = self._text(path, asked, fatal=True)
        if text is None:
            return
        self._open.append(path)
        for number, line in enumerate(text.split("\n"), start=1):
            self._take_line(path, number, line)
        self._open.pop()

    def _take_line(self, path: str, number: int, line: str) -> None:
        if _too_long(line):
            self._problem(f"the line is longer than {_MAX_LINE - 1} bytes", path, number, fatal=True)
            return
        words = split_line(line)
        if not words:
            return
        directive = Directive(words[0].lower(), words[1:], path, number)
        self.directives.append(directive)
        if directive.name == "include":
            self._include(directive)
        elif directive.name == "confdir":
            for found in self._search_dirs(directive, ".conf"):
                self._read_conf(found, directive)
        elif directive.name == "sourcedir":
            self._sourcedirs.append(directive)

    def _include(self, directive: Directive) -> None:
        if len(directive.args) != 1:
            self._problem("include takes one file or pattern", directive.file, directive.line, fatal=True)
            return
        pattern = directive.args[0]
        if not _MAGIC.search(pattern):
            self._read_conf(pattern, directive)
            return
        try:
            found = _glob(self.files, pattern)
        except OSError as exc:
            self._os_problem(f"look for {pattern}", exc, directive, fatal=True)
            return
        for path in found:
            self._read_conf(path, directive)

    def _search_dirs(self, directive: Directive, suffix: str) -> List[str]:
        """The files of one ``confdir`` or ``sourcedir``, by name; an earlier directory hides a later one's namesake."""
        if not directive.args or len(directive.args) > _MAX_DIRS:
            message = f"{directive.name} takes 1 to {_MAX_DIRS} directories"
            self._problem(message, directive.file, directive.line, fatal=directive.name == "confdir")
            return []
        chosen: Dict[str, str] = {}
        for folder in directive.args:
            for name in self._names(folder, directive):
                if name.endswith(suffix) and not name.startswith("."):
                    chosen.setdefault(name, f"{folder.rstrip('/')}/{name}")
        return [chosen[name] for name in sorted(chosen)]

    def _names(self, folder: str, directive: Directive) -> List[str]:
        if not self.files.exists(folder):
            return []
        try:
            return self.files.list_dir(folder)
        except OSError as exc:
            self._os_problem(f"list {folder}", exc, directive, fatal=False)
            return []

    def _read_sources(self, path: str) -> None:
        text = self._text(path, Directive("sourcedir", (), path, 0), fatal=False)
        if text is None:
            return
        self.source_files[path] = None
        lines = text.split("\n")
        for number, line in enumerate(lines, start=1):
            if _too_long(line) or (number == len(lines) and split_line(line)):
                message = "the line is too long" if _too_long(line) else "the last line does not end with a newline"
                self._problem(f"{message}: chronyd ignores it and all that follows", path, number, fatal=False)
                return
            words = split_line(line)
            if words:
                self._take_source(Directive(words[0].lower(), words[1:], path, number, in_sourcedir=True))

    def _take_source(self, directive: Directive) -> None:
        if directive.name in SOURCE_DIRECTIVES:
            self.directives.append(directive)
            return
        message = f"chronyd ignores {directive.name} in a .sources file: only server, pool and peer work there"
        self._problem(message, directive.file, directive.line, fatal=False)


def _too_long(line: str) -> bool:
    # The buffer holds the newline too. Characters are at least a byte: count bytes only where it can matter.
    return len(line) * 4 >= _MAX_LINE - 1 and len(line.encode("utf-8", "surrogateescape")) >= _MAX_LINE - 1


def _glob(files: Files, pattern: str) -> List[str]:
    """glob(3) with GLOB_ERR: sorted, and OSError where a directory cannot be listed."""
    parts = pattern.split("/")
    found = ["/"] if pattern.startswith("/") else [""]
    for index, part in enumerate(parts):
        if not part:
            continue
        found = _match_part(files, found, part, last=index == len(parts) - 1)
    return sorted(found)


def _match_part(files: Files, folders: List[str], part: str, *, last: bool) -> List[str]:
    found: Set[str] = set()
    for folder in folders:
        if not _MAGIC.search(part):
            path = posixpath.join(folder, part)
            # A fixed directory need not be seen to be walked through; a fixed file must be there.
            if not last or files.exists(path):
                found.add(path)
            continue
        for name in files.list_dir(folder or "."):
            path = posixpath.join(folder, name)
            if _name_matches(name, part) and (last or files.is_dir(path)):
                found.add(path)
    return list(found)


def _name_matches(name: str, pattern: str) -> bool:
    if name.startswith(".") and not pattern.startswith("."):
        return False
    return fnmatch.fnmatchcase(name, pattern.replace("[^", "[!"))
