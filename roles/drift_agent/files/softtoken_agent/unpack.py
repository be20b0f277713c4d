# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the archive that this is in: unpacks and compiles it beside itself, then moves the link ``current`` there.

Runs as root, out of the role. A check that runs meanwhile goes on with the version that it began with, which stays
until the next upgrade. Compiled code is a third of the cost of a check, and only the host knows for which Python.
"""

from __future__ import annotations

import compileall
import hashlib
import importlib.util
import os
import shutil
import zipfile

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION

__all__ = ["install"]

LINK = "current"


def install(archive: str) -> str:
    """Make the directory of this version and point the link at it; returns ``unchanged`` where that was done before."""
    home = os.path.dirname(archive)
    with open(archive, "rb") as file:
        name = f"{VERSION}-{hashlib.sha256(file.read()).hexdigest()[:12]}"
    link, folder = os.path.join(home, LINK), os.path.join(home, name)
    before = os.readlink(link) if os.path.islink(link) else ""
    if before == name and os.path.exists(importlib.util.cache_from_source(os.path.join(folder, "__main__.py"))):
        return "unchanged"
    if before == name:
        _compile(folder)  # this host's Python is another one now
        return f"compiled {name}"
    _unpack(archive, folder)
    temporary = f"{folder}.link"
    _remove(temporary)
    os.symlink(name, temporary)
    os.replace(temporary, link)
    for other in os.listdir(home):
        if other not in {LINK, name, before} and os.path.isdir(os.path.join(home, other)):
            _remove(os.path.join(home, other))
    return f"installed {name}" + (f", replacing {before}" if before else "")


def _unpack(archive: str, folder: str) -> None:
    partial = f"{folder}.partial"
    # Whatever umask root has: the agent runs as a user of its own.
    os.umask(0o022)
    _remove(partial)
    with zipfile.ZipFile(archive) as file:
        file.extractall(partial)
    _remove(folder)
    os.rename(partial, folder)
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
