# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a distribution keeps chrony's files, and what it calls chrony's things.

Private to this collection. Two families of layouts exist: Debian's
(``/etc/chrony/chrony.conf``) and Red Hat's (``/etc/chrony.conf``). What exists on
the host decides over what the distribution is known for.
"""

from __future__ import annotations

import posixpath
import shlex
from typing import Callable, Dict, NamedTuple, Optional, Tuple

from .._ports import Files

__all__ = ["Layout", "drop_in_dirs", "find_layout", "read_os_release"]

_IN_DIR = "/etc/chrony/chrony.conf"
_IN_ETC = "/etc/chrony.conf"

#: os-release ID (or ID_LIKE) -> main file, unit, user. Whoever is not named here does as Red Hat does.
_FAMILIES = {
    "debian": (_IN_DIR, "chrony", "_chrony"),
    "ubuntu": (_IN_DIR, "chrony", "_chrony"),
    "alpine": (_IN_DIR, "chronyd", "chrony"),
    "gentoo": (_IN_DIR, "chronyd", "ntp"),
    "amzn": (_IN_ETC, "chronyd", "chrony"),
    "fedora": (_IN_ETC, "chronyd", "chrony"),
    "rhel": (_IN_ETC, "chronyd", "chrony"),
    "centos": (_IN_ETC, "chronyd", "chrony"),
    "suse": (_IN_ETC, "chronyd", "chrony"),
    "opensuse": (_IN_ETC, "chronyd", "chrony"),
    "arch": (_IN_ETC, "chronyd", "chrony"),
}


class Layout(NamedTuple):
    """One host's chrony: paths, unit (or OpenRC service), user and package.

    ``other_configs`` are further main files that exist: one of them may be the one chronyd really reads.
    """

    distribution: str
    config_file: str
    confdir: str
    sourcedir: str
    unit: str
    user: str
    package: str = "chrony"
    chronyd: Optional[str] = None
    chronyc: Optional[str] = None
    other_configs: Tuple[str, ...] = ()


def find_layout(files: Files, which: Callable[[str], Optional[str]]) -> Layout:
    """Find out this host's layout; ``which`` finds a program."""
    release = read_os_release(files)
    names = (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    expected, unit, user = next(
        (_FAMILIES[name] for name in names if name in _FAMILIES), (_IN_ETC, "chronyd", "chrony")
    )
    present = tuple(path for path in (expected, _IN_DIR, _IN_ETC) if files.exists(path))
    config_file = present[0] if present else expected
    confdir, sourcedir = drop_in_dirs(config_file)
    return Layout(
        distribution=names[0] or "unknown",
        config_file=config_file,
        confdir=confdir,
        sourcedir=sourcedir,
        unit=unit,
        user=user,
        chronyd=which("chronyd"),
        chronyc=which("chronyc"),
        other_configs=_other_configs(files, config_file),
    )


def drop_in_dirs(config_file: str) -> Tuple[str, str]:
    """The directories for drop-ins (configuration, sources) that belong to a main file."""
    folder = posixpath.dirname(config_file)
    if folder == "/etc":
        return "/etc/chrony.d", "/etc/chrony.d"
    return posixpath.join(folder, "conf.d"), posixpath.join(folder, "sources.d")


def read_os_release(files: Files) -> Dict[str, str]:
    """The host's os-release(5) as a dictionary; empty where there is none."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = files.read_text(path)
        except OSError:
            continue
        return _shell_assignments(text)
    return {}


def _shell_assignments(text: str) -> Dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if not separator or name.startswith("#"):
            continue
        try:
            found[name] = " ".join(shlex.split(value))
        except ValueError:  # unbalanced quotes
            found[name] = value
    return found


def _other_configs(files: Files, config_file: str) -> Tuple[str, ...]:
    """The other usual main file, unless it says the same (one is often a link to the other)."""
    other = _IN_ETC if config_file == _IN_DIR else _IN_DIR
    if not files.exists(other):
        return ()
    try:
        same = files.read_text(other) == files.read_text(config_file)
    except OSError:
        same = False
    return () if same else (other,)
