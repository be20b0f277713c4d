"""The reader of chrony's configuration, on real files. That chronyd agrees is tested in tests/integration."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import (
    Directive,
    EffectiveConfig,
    read_config,
    split_line,
)

from tests.fakes.files import DeniedFiles, RootedFiles

MAIN = "/etc/chrony/chrony.conf"


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    return RootedFiles(tmp_path)


def texts(config: EffectiveConfig) -> list[str]:
    return [one.text for one in config.directives if one.name not in ("include", "confdir", "sourcedir")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  server\t192.0.2.1   iburst \r", ("server", "192.0.2.1", "iburst")),
        ("", ()),
        ("   ", ()),
        ("# comment", ()),
        ("  ! comment", ()),
        ("; comment", ()),
        ("% comment", ()),
        ("server a # no comment", ("server", "a", "#", "no", "comment")),
        ("server a\0 iburst", ("server", "a")),
        ("server a\N{NO-BREAK SPACE}b", ("server", "a\N{NO-BREAK SPACE}b")),
    ],
)
def test_words_of_a_line(line: str, words: tuple[str, ...]) -> None:
    assert split_line(line) == words


def test_names_are_lower_case_and_lines_are_counted(files: RootedFiles) -> None:
    files.write(MAIN, "# one\n\nSERVER Time.Example.com IBURST\n")
    (directive,) = read_config(files, MAIN).directives
    assert directive == Directive("server", ("Time.Example.com", "IBURST"), MAIN, 3)


def test_only_a_newline_ends_a_line(files: RootedFiles) -> None:
    files.write(MAIN, "makestep 1 3\rserver a\f\v\n")
    assert texts(read_config(files, MAIN)) == ["makestep 1 3 server a"]


def test_what_is_pulled_in_stands_where_it_is_pulled_in(files: RootedFiles) -> None:
    files.write(MAIN, "minsources 1\nsourcedir /s\nconfdir /c\ninclude /i/*.conf\nminsources 9\n")
    files.write("/s/a.sources", "server s\n")
    files.write("/c/b.conf", "minsources 3\n")
    files.write("/c/a.conf", "minsources 2\n")
    files.write("/i/x.conf", "minsources 4\n")
    config = read_config(files, MAIN)
    assert texts(config) == [*(f"minsources {n}" for n in (1, 2, 3, 4, 9)), "server s"]
    last = config.last("minsources")
    assert last is not None
    assert (last.args, last.line) == (("9",), 5)
    assert config.files == (MAIN, "/c/a.conf", "/c/b.conf", "/i/x.conf", "/s/a.sources")
    assert config.source_files == ("/s/a.sources",)
    assert config.directives[-1].in_sourcedir
    assert config.problems == ()


@pytest.mark.parametrize("name", ["confdir", "sourcedir"])
def test_of_two_files_with_one_name_the_earlier_directory_wins(files: RootedFiles, name: str) -> None:
    suffix = {"confdir": "conf", "sourcedir": "sources"}[name]
    files.write(MAIN, f"{name} /z /a/\n")
    files.write(f"/a/same.{suffix}", "server lost\n")
    files.write(f"/z/same.{suffix}", "server kept\n")
    files.write(f"/a/b.{suffix}", "server b\n")
    files.write(f"/z/.hidden.{suffix}", "server hidden\n")
    files.write(f"/z/other.{suffix}~", "server backup\n")
    config = read_config(files, MAIN)
    assert texts(config) == ["server b", "server kept"]
    assert config.directives[1].file == f"/a/b.{suffix}"


def test_two_sourcedirs_hide_nothing(files: RootedFiles) -> None:
    files.write(MAIN, "sourcedir /a\nsourcedir /b\n")
    files.write("/a/x.sources", "server one\n")
    files.write("/b/x.sources", "server two\n")
    assert texts(read_config(files, MAIN)) == ["server one", "server two"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/i/*", ["a.conf", "b.cnf", "c.conf"]),
        ("/i/*.conf", ["a.conf", "c.conf"]),
        ("/i/?.conf", ["a.conf", "c.conf"]),
        ("/i/[a-b].c*", ["a.conf", "b.cnf"]),
        ("/i/[^a].conf", ["c.conf"]),
        ("/*/a.conf", ["a.conf"]),
        ("/i/x*", []),
        ("/i/a.conf", ["a.conf"]),
    ],
)
def test_include_patterns(files: RootedFiles, pattern: str, found: list[str]) -> None:
    files.write(MAIN, f"include {pattern}\n")
    for name in ("c.conf", "a.conf", "b.cnf", ".d.conf"):
        files.write(f"/i/{name}", f"server {name}\n")
    config = read_config(files, MAIN)
    assert texts(config) == [f"server {name}" for name in found]
    assert config.problems == ()


@pytest.mark.parametrize(
    ("main", "message", "line"),
    [
        ("\ninclude /gone.conf\n", "cannot read /gone.conf: No such file or directory", 2),
        ("include /gone/*.conf\n", "cannot look for /gone/*.conf", 1),
        ("include\n", "include takes one file", 1),
        ("include a b\n", "include takes one file", 1),
        ("confdir\n", "confdir takes 1 to 10", 1),
        ("confdir " + "/a " * 11, "confdir takes 1 to 10", 1),
        (f"include {MAIN}\n", "includes itself", 1),
        ("server a\n" + "x" * 2100 + "\n", "longer than", 2),
    ],
)
def test_what_chronyd_does_not_start_with(files: RootedFiles, main: str, message: str, line: int) -> None:
    files.write(MAIN, main)
    (problem,) = read_config(files, MAIN).problems
    assert message in problem.message
    assert (problem.file, problem.line, problem.fatal, problem.denied) == (MAIN, line, True, False)


def test_a_missing_main_file(files: RootedFiles) -> None:
    config = read_config(files, MAIN)
    assert config.directives == ()
    assert config.files == ()
    assert config.problems[0].fatal


def test_missing_directories_are_nothing_to_worry_about(files: RootedFiles) -> None:
    files.write(MAIN, "confdir /no /nope\nsourcedir /neither\n")
    assert read_config(files, MAIN).problems == ()


def test_includes_are_followed_ten_levels_deep(files: RootedFiles) -> None:
    for level in range(1, 12):
        files.write(f"/{level}", f"server level{level}\ninclude /{level + 1}\n")
    config = read_config(files, "/1")
    assert texts(config)[-1] == "server level10"
    assert "more than 10 levels" in config.problems[0].message


def test_a_loop_that_fans_out_ends(files: RootedFiles) -> None:
    for level in range(1, 11):
        files.write(f"/{level}", f"include /{level + 1}\n" * 8)
    config = read_config(files, "/1")
    assert any("more than 1000 files" in problem.message for problem in config.problems)


@pytest.mark.parametrize(
    ("text", "kept", "line", "message"),
    [
        ("server a\nrefclock PHC /dev/ptp0\nserver b\n", ["server a", "server b"], 2, "ignores refclock"),
        ("server a\nserver b", ["server a"], 2, "does not end with a newline"),
        ("server a\n" + "x" * 2100 + "\nserver b\n", ["server a"], 2, "too long"),
    ],
)
def test_what_chronyd_silently_ignores(files: RootedFiles, text: str, kept: list[str], line: int, message: str) -> None:
    files.write(MAIN, "sourcedir /s\n")
    files.write("/s/a.sources", text)
    config = read_config(files, MAIN)
    assert texts(config) == kept
    (problem,) = config.problems
    assert message in problem.message
    assert (problem.file, problem.line, problem.fatal) == ("/s/a.sources", line, False)


def test_a_comment_without_newline_is_no_problem(files: RootedFiles) -> None:
    files.write(MAIN, "sourcedir /s\n")
    files.write("/s/a.sources", "server a\n# the end")
    assert read_config(files, MAIN).problems == ()


def test_directories_named_like_files_are_empty(files: RootedFiles, tmp_path: Path) -> None:
    files.write(MAIN, "confdir /c\nsourcedir /c\n")
    for name in ("a.conf", "a.sources"):
        (tmp_path / "c" / name).mkdir(parents=True)
    assert read_config(files, MAIN).problems == ()


def test_what_the_caller_may_not_read_is_no_fault_of_the_configuration(tmp_path: Path) -> None:
    files = DeniedFiles(tmp_path, "/i/secret.conf")
    files.write(MAIN, "include /i/*.conf\n")
    files.write("/i/secret.conf", "server a\n")
    (problem,) = read_config(files, MAIN).problems
    assert problem.denied
    assert not problem.fatal
