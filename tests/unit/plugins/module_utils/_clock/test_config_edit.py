"""Every edit can be undone to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_edit import (
    OverlayFiles,
    RestoredFiles,
    disable_lines,
    restore,
    with_block,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import split_line

from tests.fakes.files import RootedFiles

TEXTS = ["", "\n", "server a", "server a\n", "server a\r\nserver b\r\n\r\n", "# c\n\tserver a\n\nx\udcff y\n"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("numbers", [set(), {1}, {1, 2, 3}])
@pytest.mark.parametrize("block", [[], ["confdir /a"], ["confdir /a", "sourcedir /b"]])
def test_there_and_back(text: str, numbers: set[int], block: list[str]) -> None:
    edited = with_block(disable_lines(text, numbers), block)
    assert restore(edited) == text
    assert restore(text) == text
    disabled = disable_lines(text, numbers).split("\n")
    for number, (line, found) in enumerate(zip(text.split("\n"), disabled, strict=True), start=1):
        assert (found.endswith(line) and split_line(found) == ()) if number in numbers else found == line
    assert set(filter(None, disabled)) <= set(edited.split("\n"))
    assert [line for line in edited.splitlines() if line.startswith(("confdir", "sourcedir"))] == block


def test_a_block_that_somebody_added_to_is_undone_around_that() -> None:
    assert restore(with_block("server a\n", ["confdir /a"]) + "server b\n") == "server a\nserver b\n"


def test_a_block_without_an_end_is_left_alone() -> None:
    text = with_block("server a\n", ["confdir /a"]).rsplit("# END", 1)[0]
    assert restore(text) == text


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    made = RootedFiles(tmp_path)
    for name in ("kept", "changed", "gone"):
        made.write(f"/d/{name}", "old")
    return made


def test_an_overlay_shows_the_files_as_they_will_be(files: RootedFiles) -> None:
    overlay = OverlayFiles(files, {"/d/changed": "new", "/d/added": "new", "/d/gone": None, "/fresh/x": "new"})
    assert overlay.list_dir("/d") == ["added", "changed", "kept"]
    assert overlay.list_dir("/d/") == ["added", "changed", "kept"]
    assert overlay.list_dir("/fresh") == ["x"]
    assert [overlay.read_text(f"/d/{name}") for name in ("kept", "changed", "added")] == ["old", "new", "new"]
    with pytest.raises(FileNotFoundError):
        overlay.read_text("/d/gone")
    assert [overlay.exists(path) for path in ("/d/gone", "/d/added", "/fresh", "/d")] == [False, True, True, True]
    assert [overlay.is_dir(path) for path in ("/d/added", "/fresh", "/d", "/d/kept")] == [False, True, True, False]


def test_restored_files_are_those_from_before(files: RootedFiles) -> None:
    files.write("/d/kept", with_block(disable_lines("server a\n", {1}), ["confdir /d"]))
    restored = RestoredFiles(files, ["/d/changed"])
    assert restored.read_text("/d/kept") == "server a\n"
    assert restored.list_dir("/d") == ["gone", "kept"]
