# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the archive that this is in: unpacks and compiles it beside itself, then moves the link ``current`` there.

Runs as root, out of the role. A check that runs meanwhile goes on with the version that it began with, which stays
until the next upgrade. Compiled code is a third of the cost of a check, and only the host knows for which Python.
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
from typing import Callable, Iterator, NamedTuple, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION

from .store import make_folder

__all__ = ["install", "main"]

LINK = "current"


class _Step(NamedTuple):
    """One thing to do, and how that is told."""

    told: str
    do: Callable[[], object]


def main(archive: str, argv: Sequence[str]) -> str:
    """Install as the options say; returns what was done."""
    parser = argparse.ArgumentParser(prog=os.path.basename(archive), description="Install softtoken-agent.")
    parser.add_argument("--command", default="", metavar="FILE", help="install this command too, for this Python")
    parser.add_argument("--config", default="", metavar="FILE", help="make the directory of this file")
    parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")
    return install(archive, **vars(parser.parse_args(list(argv))))


def install(archive: str, *, command: str = "", config: str = "", check: bool = False) -> str:
    """Do what is not done yet, unless it is only to be told; returns what that is, or ``unchanged``."""
    steps = [*_version(archive), *_config(config), *_command(command, os.path.dirname(archive))]
    if not check:
        for step in steps:
            step.do()
    return "; ".join(step.told for step in steps) or "unchanged"


# --- the version -----------------------------------------------------------------------------------------------------


def _version(archive: str) -> Iterator[_Step]:
    home = os.path.dirname(archive)
    with open(archive, "rb") as file:
        name = f"{VERSION}-{hashlib.sha256(file.read()).hexdigest()[:12]}"
    link, folder = os.path.join(home, LINK), os.path.join(home, name)
    before = os.readlink(link) if os.path.islink(link) else ""
    if before != name:
        told = f"installed {name}" + (f", replacing {before}" if before else "")
        yield _Step(told, partial(_place, archive, folder, before))
    elif not os.path.exists(importlib.util.cache_from_source(os.path.join(folder, "__main__.py"))):
        # This host's Python is another one now.
        yield _Step(f"compiled {name}", partial(_compile, folder))


def _place(archive: str, folder: str, before: str) -> None:
    """Make the directory of this version, point the link at it, remove what is older than the version before."""
    _unpack(archive, folder)
    home, name = os.path.split(folder)
    temporary = f"{folder}.link"
    _remove(temporary)
    os.symlink(name, temporary)
    os.replace(temporary, os.path.join(home, LINK))
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
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


# --- what lies elsewhere ---------------------------------------------------------------------------------------------


def _config(path: str) -> Iterator[_Step]:
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        yield _Step(f"made {folder}", partial(make_folder, folder))


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
