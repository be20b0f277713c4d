"""The reader of chrony's configuration sees what chronyd sees: the same trees, read by ``chronyd -p`` as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import HostFiles
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import read_config

from tests.rigs.ntp import program
from tests.rigs.roots import SUITES, Suite
from tests.rigs.shell import run

#: Files below a directory; @ stands for it. ``main`` is the main file.
TREES: dict[str, dict[str, str]] = {
    "plain": {"main": "server a iburst\n\n# c\n ! c\n;c\n%c\n  MAKESTEP\t1   3 \r\nrtcsync"},
    "only a newline ends a line": {"main": "log tracking\rstatistics\n"},
    "white space": {"main": "logdir\v/a\f\nserver\ta\t\tiburst\n"},
    "confdirs": {
        "main": "port 1\nconfdir @/b @/a/\nport 2\n",
        "a/10-x.conf": "cmdport 1\n",
        "a/same.conf": "cmdport 2\n",
        "b/same.conf": "cmdport 3\n",
        "b/9.conf": "cmdport 4\n",
        "b/Z.conf": "cmdport 5\n",
        "b/.hidden.conf": "cmdport 6\n",
        "b/other.cnf": "cmdport 7\n",
        "b/dir.conf/x": "cmdport 8\n",
    },
    "nested": {
        "main": "include @/a.conf\nport 1\n",
        "a.conf": "confdir @/d\nport 2\n",
        "d/x.conf": "include @/e/*\nport 3\n",
        "e/one": "port 4\n",
        "e/two.conf": "port 5\n",
        "e/.three": "port 6\n",
    },
    "patterns": {
        "main": "include @/i/[a-b]*.c?nf\ninclude @/i/[!a]*.conf\ninclude @/i/[^b]*.conf\ninclude @/*/a.conf\n",
        "i/a.conf": "port 1\n",
        "i/b.cxnf": "port 2\n",
        "i/b.conf": "port 3\n",
        "i/.a.conf": "port 4\n",
        "j/a.conf": "port 5\n",
    },
    "a pattern that matches nothing": {"main": "port 1\ninclude @/*.nothing\n"},
    "directories that are not there": {"main": "confdir @/no\nsourcedir @/no\nport 1\n"},
    "sourcedir files are not shown": {"main": "sourcedir @/s\nport 1\n", "s/a.sources": "server a\n"},
    "a line as long as may be": {"main": "logdir /" + "x" * 2038 + "\n"},
    "missing file": {"main": "port 1\ninclude @/gone.conf\n"},
    "missing directory in a pattern": {"main": "include @/gone/*.conf\n"},
    "itself": {"main": "include @/main\n"},
    "a ring": {"main": "include @/b\n", "b": "include @/main\n"},
    "ten levels": {
        "main": "include @/2\n",
        **{str(n): f"include @/{n + 1}\n" for n in range(2, 10)},
        "10": "port 10\n",
    },
    "eleven levels": {
        "main": "include @/2\n",
        **{str(n): f"include @/{n + 1}\n" for n in range(2, 11)},
        "11": "port 11\n",
    },
    "no argument": {"main": "include\n"},
    "two arguments": {"main": "include @/a @/b\n"},
    "confdir of nothing": {"main": "confdir\n"},
    "eleven confdirs": {"main": "confdir" + " @/a" * 11 + "\n"},
}
REFUSED = {
    "missing file", "missing directory in a pattern", "itself", "a ring", "eleven levels", "no argument",
    "two arguments", "confdir of nothing", "eleven confdirs",
}  # fmt: skip


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", TREES)
def test_reads_as_chronyd_does(tmp_path: Path, name: str, suite: Suite) -> None:
    for path, text in TREES[name].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text.replace("@", str(tmp_path)).encode())
    main = str(tmp_path / "main")
    chronyd = run([*program(suite, "usr/sbin/chronyd"), "-p", "-f", main], check=False)
    config = read_config(HostFiles(), main)
    fatal = [problem for problem in config.problems if problem.fatal]
    assert bool(fatal) == (chronyd.returncode != 0) == (name in REFUSED), chronyd.stderr
    if not fatal:
        shown = [
            one.text for one in config.directives if one.name not in ("include", "confdir") and not one.in_sourcedir
        ]
        assert shown == [_lower_name(line) for line in chronyd.stdout.split("\n") if line]


def _lower_name(line: str) -> str:
    name, space, rest = line.partition(" ")
    return name.lower() + space + rest
