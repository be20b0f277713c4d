# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of some packages are installed, from the package managers' own text databases; no program is run.

Private to this collection. Knows dpkg, apk and pacman. RPM keeps a binary database: those hosts are told by
executables and configuration alone.
"""

from __future__ import annotations

from typing import Callable, FrozenSet, List, Set, Tuple

from .._ports import Files
from .model import Gap
from .text import read_regular, why

__all__ = ["installed_packages"]

DPKG_INFO = "/var/lib/dpkg/info"
DPKG_STATUS = "/var/lib/dpkg/status"
APK_DATABASES = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
PACMAN_LOCAL = "/var/lib/pacman/local"
Look = Callable[[Files, FrozenSet[str]], Set[str]]
DATABASE_LIMIT = 67108864  # a full desktop has about 6 MB


def installed_packages(files: Files, wanted: FrozenSet[str]) -> Tuple[FrozenSet[str], Tuple[Gap, ...]]:
    """Return those of ``wanted`` that are installed, and what could not be read."""
    found: Set[str] = set()
    gaps: List[Gap] = []
    for look, database in ((_dpkg, DPKG_STATUS), (_apk, APK_DATABASES[0]), (_pacman, PACMAN_LOCAL)):
        names, problem = _attempt(look, files, wanted)
        found |= names
        if problem:
            gaps.append(Gap("tokens", "", f"cannot read the package database {database}: {problem}"))
    return frozenset(found), tuple(gaps)


def _attempt(look: Look, files: Files, wanted: FrozenSet[str]) -> Tuple[Set[str], str]:
    try:
        return look(files, wanted), ""
    except OSError as exc:
        return set(), why(exc)


def _dpkg(files: Files, wanted: FrozenSet[str]) -> Set[str]:
    # The list stays behind when a package was removed but not purged: the large status file is read only on a hit.
    candidates = {name for name in wanted if files.exists(f"{DPKG_INFO}/{name}.list")}
    if not candidates:
        return set()
    status = read_regular(files, DPKG_STATUS, DATABASE_LIMIT) or ""
    return {name for name in candidates if _dpkg_installed("\n" + status, name)}


def _dpkg_installed(status: str, name: str) -> bool:
    start = status.find(f"\nPackage: {name}\n")
    if start < 0:
        return False
    end = status.find("\n\n", start)
    stanza = status[start : end if end >= 0 else len(status)] + "\n"
    return "\nStatus: install ok installed\n" in stanza or "\nStatus: hold ok installed\n" in stanza


def _apk(files: Files, wanted: FrozenSet[str]) -> Set[str]:
    for path in APK_DATABASES:
        text = read_regular(files, path, DATABASE_LIMIT)
        if text is not None:
            return {line[2:] for line in text.split("\n") if line.startswith("P:")} & wanted
    return set()


def _pacman(files: Files, wanted: FrozenSet[str]) -> Set[str]:
    try:
        entries = files.list_dir(PACMAN_LOCAL)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    return {entry.rsplit("-", 2)[0] for entry in entries} & wanted  # name-version-release
