# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which home directories are worth a look, and which could not be looked into.

Private to this collection.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from .._ports import Files
from .model import Gap, Home
from .text import listed, shown

__all__ = ["Account", "OpenHome", "hidden_gap", "names_in", "open_homes", "parse_passwd", "select_homes"]

NO_LOGIN = frozenset(("nologin", "false", "sync", "shutdown", "halt", "true"))


class Account(NamedTuple):
    """What of a passwd entry matters here."""

    user: str
    home: str
    shell: str


class OpenHome(NamedTuple):
    """A home directory that could be listed. ``names`` spares a look for each path that cannot be there."""

    user: str
    path: str
    names: FrozenSet[str]

    def may_have(self, relative: str) -> bool:
        """Say whether the first component of ``relative`` is in the home directory."""
        return relative.partition("/")[0] in self.names


def parse_passwd(text: str) -> Tuple[Account, ...]:
    """Read passwd(5) text; lines that are no entries are left out."""
    accounts = []
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and fields[0] and not line.startswith("#"):
            accounts.append(Account(fields[0], fields[5], fields[6]))
    return tuple(accounts)


def select_homes(accounts: Sequence[Account], files: Files) -> Tuple[Home, ...]:
    """Return the homes of people, and of service accounts that have an AWS configuration; each directory once.

    People of a directory service are in no passwd file: what else lies in /home is theirs.
    """
    homes: Dict[str, Home] = {}
    for account in accounts:
        path = account.home.rstrip("/")
        if not path.startswith("/") or "\0" in path or path in homes:
            continue
        if _logs_in(account) or files.exists(path + "/.aws"):
            homes[path] = Home(account.user, path)
    for name in sorted(names_in(files, "/home") or ()):
        path = f"/home/{name}"
        if path not in homes and name != "lost+found" and files.is_dir(path):
            # No name that somebody registered: any bytes may stand there.
            homes[path] = Home(shown(name), path)
    return tuple(homes.values())


def _logs_in(account: Account) -> bool:
    return account.shell.rpartition("/")[2] not in NO_LOGIN


def open_homes(files: Files, homes: Sequence[Home]) -> Tuple[List[OpenHome], List[str]]:
    """List every home directory; return also the users whose home could not be listed."""
    opened: List[OpenHome] = []
    hidden: List[str] = []
    for home in homes:
        names = names_in(files, home.path)
        if names is None:
            hidden.append(home.user)
        elif names:
            opened.append(OpenHome(home.user, home.path.rstrip("/"), names))
    return opened, hidden


def names_in(files: Files, directory: str) -> Optional[FrozenSet[str]]:
    """Return the names in a directory, none where there is no such directory, None where it may not be listed."""
    try:
        return frozenset(files.list_dir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError:
        return None


def hidden_gap(subset: str, users: Sequence[str]) -> Tuple[Gap, ...]:
    """Return one gap for all the users whose files could not be looked at, or nothing."""
    if not users:
        return ()
    names = listed(list(dict.fromkeys(users)))
    return (Gap(subset, "", f"cannot look at all files in the home directory of {names}: run as root to see them"),)
