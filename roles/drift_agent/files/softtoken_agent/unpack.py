# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the archive that this is in: unpacks and compiles it beside itself, then moves the link ``current`` there.

Runs as root, out of the role. A check that runs meanwhile goes on with the version that it began with, which stays
until the next upgrade. What was changed since is put right, and whoever else could write here loses that: root runs it.
Compiled code is a third of the cost of a check, and only the host knows for which Python.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import importlib.util
import os
import shlex
import shutil
import stat
import sys
import zipfile
from functools import partial
from itertools import chain
from typing import Callable, Iterator, NamedTuple, NoReturn, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION

from .store import make_folder

__all__ = ["install", "main"]

LINK = "current"
#: What a version's directory is called when its own was found to be changed.
MENDED = ".mended"


class _Step(NamedTuple):
    """One thing to do, and how that is told."""

    told: str
    do: Callable[[], object]


def main(archive: str, argv: Sequence[str]) -> str:
    """Install as the options say; returns what was done."""
    parser = argparse.ArgumentParser(prog=os.path.basename(archive), description="Install softtoken-agent.")
    parser.add_argument("--command", default="", metavar="FILE", help="install this command too, for this Python")
    parser.add_argument("--config", default="", metavar="FILE", help="make the directory of this file")
    parser.add_argument("--facts", default="", metavar="DIR", help="make this directory")
    parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")
    return install(archive, **vars(parser.parse_args(list(argv))))


def install(archive: str, *, command: str = "", config: str = "", facts: str = "", check: bool = False) -> str:
    """Do what is not done yet, unless it is only to be told; returns what that is, or ``unchanged``."""
    home = os.path.dirname(archive)
    told = []
    # Each is looked for when those before it are done: where others can write no more, what was found stays so.
    for step in chain(
        _folder(home),
        _version(archive),
        _folder(os.path.dirname(config)),
        _folder(facts),
        _command(command, home),
    ):
        if not check:
            step.do()
        told.append(step.told)
    return "; ".join(told) or "unchanged"


# --- directories -----------------------------------------------------------------------------------------------------


def _folder(path: str) -> Iterator[_Step]:
    """Whoever can write in one of these becomes root: root runs, reads or writes what lies there."""
    if not path:
        return
    if not os.path.lexists(path):
        yield _Step(f"made {path}", partial(_own, path))
    elif os.path.islink(path) or not os.path.isdir(path):
        # Its target may be anybody's, or be meant for something else.
        raise SystemExit(f"{path} is a link or a file: a directory of root's belongs there, so remove it and run again")
    elif not _is_own(os.lstat(path), 0o755):
        yield _Step(f"mended {path}", partial(_own, path))


def _is_own(found: os.stat_result, needed: int) -> bool:
    """Whether something is the owner's alone to write, and has the permissions that it needs."""
    mode = stat.S_IMODE(found.st_mode)
    return found.st_uid == os.geteuid() and not mode & 0o022 and mode & needed == needed


def _own(path: str) -> None:
    make_folder(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, os.geteuid(), os.getegid())
        os.fchmod(descriptor, 0o755)
    finally:
        os.close(descriptor)


# --- the version -----------------------------------------------------------------------------------------------------


def _version(archive: str) -> Iterator[_Step]:
    home = os.path.dirname(archive)
    with open(archive, "rb") as file:
        name = f"{VERSION}-{hashlib.sha256(file.read()).hexdigest()[:12]}"
    link, folder = os.path.join(home, LINK), os.path.join(home, name)
    before = os.readlink(link) if os.path.islink(link) else ""
    if before not in {name, name + MENDED}:
        told = f"installed {name}" + (f", replacing {before}" if before else "")
        yield _Step(told, partial(_place, archive, folder, before))
    elif not _is_whole(archive, os.path.join(home, before)):
        other = folder if before != name else folder + MENDED
        yield _Step(f"mended {name}", partial(_place, archive, other, before))
    elif not _is_compiled(os.path.join(home, before)):
        # As a rule, because this host's Python is another one now.
        yield _Step(f"compiled {name}", partial(_compile, os.path.join(home, before)))


def _is_whole(archive: str, folder: str) -> bool:
    """Whether a directory holds what the archive does and nothing else, for its owner alone to write."""
    with zipfile.ZipFile(archive) as file:
        wanted = {name: file.read(name) for name in file.namelist()}
    try:
        return _is_own(os.lstat(folder), 0o755) and dict(_contents(folder)) == wanted
    except OSError:
        return False


def _contents(folder: str) -> Iterator[Tuple[str, bytes]]:
    """Yield names and contents of the files, but for byte code. Raises OSError where one is not as it was unpacked."""
    for parent, folders, names in os.walk(folder, onerror=_fail):
        for name in (*folders, *names):
            path = os.path.join(parent, name)
            found = os.lstat(path)
            # Links are open to everybody, and so none.
            if not _is_own(found, 0o755 if stat.S_ISDIR(found.st_mode) else 0o444):
                raise PermissionError(path)
            if stat.S_ISREG(found.st_mode) and os.path.basename(parent) != "__pycache__":
                with open(path, "rb") as file:
                    yield os.path.relpath(path, folder), file.read()


def _is_compiled(folder: str) -> bool:
    return all(
        os.path.exists(importlib.util.cache_from_source(os.path.join(parent, name)))
        for parent, _folders, names in os.walk(folder)
        for name in names
        if name.endswith(".py")
    )


def _fail(error: OSError) -> NoReturn:
    raise error


def _place(archive: str, folder: str, before: str) -> None:
    """Make the directory of this version, point the link at it, remove what is older than the version before."""
    _unpack(archive, folder)
    home, name = os.path.split(folder)
    temporary, link = f"{folder}.link", os.path.join(home, LINK)
    _remove(temporary)
    os.symlink(name, temporary)
    if not os.path.islink(link):
        _remove(link)
    os.replace(temporary, link)
    for other in os.listdir(home):
        if other not in {LINK, name, before} and os.path.isdir(os.path.join(home, other)):
            _remove(os.path.join(home, other))


def _unpack(archive: str, folder: str) -> None:
    partly = f"{folder}.partial"
    # Whatever umask root has: the agent runs as a user of its own.
    os.umask(0o022)
    _remove(partly)
    with zipfile.ZipFile(archive) as file:
        file.extractall(partly)
    _remove(folder)
    os.rename(partly, folder)
    _compile(folder)


def _compile(folder: str) -> None:
    os.umask(0o022)
    if not compileall.compile_dir(folder, quiet=1):
        raise SystemExit(f"the code in {folder} cannot be compiled by this Python")


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


# --- the command -----------------------------------------------------------------------------------------------------


def _command(path: str, home: str) -> Iterator[_Step]:
    current = os.path.join(home, LINK)
    text = (
        "#!/bin/sh\n# The role softtoken.compliance.drift_agent writes this.\n"
        f'exec {shlex.quote(sys.executable)} -I {shlex.quote(current)} "$@"\n'
    )
    if path and not _is_command(path, text):
        yield _Step(f"set up {path}", partial(_write_command, path, text))


def _is_command(path: str, text: str) -> bool:
    try:
        found = os.lstat(path)
        if (found.st_mode, found.st_uid) != (stat.S_IFREG | 0o755, os.geteuid()):
            return False
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() == text
    except OSError:
        return False


def _write_command(path: str, text: str) -> None:
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, 0o755)  # noqa: S103 - a command is for everybody
    os.replace(temporary, path)
