from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_references import CodeLine
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_references_ports import code_below, search_code

SERIAL = "arn:aws:iam::123456789012:mfa/alice"


def test_every_line_of_every_text_file_is_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "delete.sh").write_text(f'#!/bin/sh\naws --mfa "{SERIAL} $1"\n# {SERIAL}-2\n')
    (tmp_path / "noted").write_bytes(b"\xff\xfe " + SERIAL.encode() + b"\n")
    found = search_code([str(tmp_path)], [SERIAL, "AIDAALICE"])
    assert sorted(found.lines) == [
        CodeLine(str(tmp_path / "deep" / "delete.sh"), 2, SERIAL), CodeLine(str(tmp_path / "noted"), 1, SERIAL),
    ]  # fmt: skip
    assert found.problems == ()


def test_copies_binaries_and_links_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(SERIAL)
    (tmp_path / "tool").write_bytes(b"\0" + SERIAL.encode())
    (tmp_path / "real").write_text("nothing")
    (tmp_path / "link").symlink_to(tmp_path / ".git" / "config")
    assert search_code([str(tmp_path)], [SERIAL]).lines == ()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    (problem,) = search_code([missing], [SERIAL]).problems
    assert (problem.part, problem.subject) == ("files", missing)
    assert problem.reason == f"{missing} cannot be read: No such file or directory"


def test_a_pipe_does_not_hold_the_search_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert search_code([str(tmp_path / "pipe")], [SERIAL]).problems[0].reason.endswith("it is not a regular file")
    assert search_code([str(tmp_path)], [SERIAL]) == ((), ())


def test_a_directory_with_scripts_alone_is_searched_whole(tmp_path: Path) -> None:
    (tmp_path / "delete.sh").write_text(SERIAL)
    assert code_below([str(tmp_path)]) == ()
    assert len(search_code([str(tmp_path)], [SERIAL]).lines) == 1


def test_infrastructure_code_is_read_as_such(tmp_path: Path) -> None:
    (tmp_path / "serials.json").write_text(f'{{"mfa_serial": "{SERIAL}"}}')
    (file,) = code_below([str(tmp_path)])
    assert [value.text for value in file.values] == [SERIAL]
