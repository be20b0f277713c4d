"""Whose home directories are looked into."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.homes import (
    Account,
    hidden_gap,
    open_homes,
    parse_passwd,
    select_homes,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import Home
from ansible_collections.softtoken.compliance.tests.fakes.files import DeniedFiles, RootedFiles

ACCOUNTS = """\
root:x:0:0:root:/root:/bin/bash
toor:x:0:0::/root/:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
# a comment:x:1:1:::/bin/sh
+::::::
broken:x:5
ci:x:900:900::/var/lib/ci:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
slash:x:7:7::/:/bin/sh
alice:x:1000:1000:Alice:/home/alice:/bin/zsh
"""


def test_passwd_entries() -> None:
    accounts = parse_passwd(ACCOUNTS)
    assert [account.user for account in accounts] == [
        "root", "toor", "daemon", "+", "ci", "nobody", "slash", "alice",
    ]  # fmt: skip
    assert accounts[-1] == Account("alice", "/home/alice", "/bin/zsh")


def test_a_directory_with_any_name_gives_a_user_that_can_be_told(tmp_path: Path) -> None:
    files = RootedFiles(tmp_path)
    name = os.fsdecode(b"mal\xff\x1b[31m")
    files.write(f"/home/{name}/.profile", "")
    (home,) = select_homes((), files)
    assert home == Home("mal??[31m", f"/home/{name}")
    opened, _hidden = open_homes(files, [home])
    assert opened[0].names == {".profile"}


def test_people_and_services_with_an_aws_configuration(tmp_path: Path) -> None:
    files = RootedFiles(tmp_path)
    files.write("/var/lib/ci/.aws/config", "")
    files.write("/home/from-a-directory-service/.profile", "")
    files.write("/home/a-file", "")
    (tmp_path / "home/lost+found").mkdir()
    assert select_homes(parse_passwd(ACCOUNTS), files) == (
        Home("root", "/root"),
        Home("ci", "/var/lib/ci"),
        Home("alice", "/home/alice"),
        Home("from-a-directory-service", "/home/from-a-directory-service"),
    )


def test_closed_homes_make_one_gap(tmp_path: Path) -> None:
    users = ["ann", "bob", "cat", "dan", "eve"]
    files = DeniedFiles(tmp_path, *(f"/home/{user}" for user in users[1:]))
    for user in users:
        files.write(f"/home/{user}/.profile", "")
    homes = [Home(user, f"/home/{user}") for user in users] + [Home("gone", "/home/gone")]
    opened, hidden = open_homes(files, homes)
    assert [home.user for home in opened] == ["ann"]
    (gap,) = hidden_gap("serials", hidden)
    assert "bob, cat, dan and 1 more" in gap.reason
    assert hidden_gap("serials", []) == ()
