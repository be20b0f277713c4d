from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roles.drift_agent.files.softtoken_agent.store import (
    Busy,
    append_bounded,
    locked,
    make_folder,
    read_last_lines,
    read_lines,
    read_text,
    write_atomically,
)


def test_a_file_is_replaced_whole_and_readable_to_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    old = os.umask(0o077)
    try:
        write_atomically(str(path), "one")
        write_atomically(str(path), "two")
    finally:
        os.umask(old)
    assert path.read_text("utf-8") == "two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_directory_is_readable_to_all_whatever_the_umask_is(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        make_folder(str(tmp_path / "a/b"))
        make_folder(str(tmp_path / "a/b"))
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(old)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o755, 0o755]


def test_what_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("roles.drift_agent.files.softtoken_agent.store.os.write", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(str(path), "new")
    assert path.read_text("utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_what_a_killed_check_left_is_taken_by_the_next(tmp_path: Path) -> None:
    path, precious = tmp_path / "x", tmp_path / "precious"
    precious.write_text("kept", encoding="utf-8")
    killed = "import os, sys; os.replace = lambda *_: os.kill(os.getpid(), 9)\n"
    killed += "from roles.drift_agent.files.softtoken_agent.store import write_atomically\n"
    killed += "write_atomically(sys.argv[1], 'new')"
    for _time in range(3):
        subprocess.run([sys.executable, "-c", killed, str(path)], check=False, timeout=60)
    (left,) = {entry.name for entry in tmp_path.iterdir()} - {"precious"}
    # Nor does it matter what lies there.
    (tmp_path / left).unlink()
    (tmp_path / left).symlink_to(precious)
    write_atomically(str(path), "one")
    assert path.read_text("utf-8") == "one"
    assert precious.read_text("utf-8") == "kept"
    assert {entry.name for entry in tmp_path.iterdir()} == {"x", "precious"}


def test_the_last_lines_are_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("first\nsecond\nthird\nhal", encoding="utf-8")
    assert read_last_lines(str(path), 100) == ["first", "second", "third", "hal"]
    assert read_last_lines(str(path), 13) == ["third", "hal"]
    link = tmp_path / "link"
    link.symlink_to(path)
    for nothing in (link, tmp_path, tmp_path / "none"):
        assert read_last_lines(str(nothing), 100) == []


def test_links_are_replaced_and_never_followed(tmp_path: Path) -> None:
    precious, link = tmp_path / "precious", tmp_path / "link"
    precious.write_text("kept", encoding="utf-8")
    link.symlink_to(precious)
    write_atomically(str(link), "new")
    assert precious.read_text("utf-8") == "kept"
    assert not link.is_symlink()
    link.unlink()
    link.symlink_to(precious)
    for use in (lambda: read_text(str(link), 100), lambda: append_bounded(str(link), "x\n", 100), lambda: _lock(link)):
        with pytest.raises(OSError, match="symbolic link"):
            use()
    assert precious.read_text("utf-8") == "kept"


def _lock(path: Path) -> None:
    with locked(str(path)):
        raise AssertionError("a link was locked")


def test_only_regular_files_of_a_bearable_length_are_read(tmp_path: Path) -> None:
    assert read_text(str(tmp_path / "none"), 10) is None
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read_text(str(tmp_path / "fifo"), 10)
    with pytest.raises(OSError, match="not a regular file"):
        append_bounded(str(tmp_path / "fifo"), "line\n", 10)
    (tmp_path / "long").write_text("x" * 11, encoding="utf-8")
    with pytest.raises(OSError, match="longer than 10 bytes"):
        read_text(str(tmp_path / "long"), 10)


def test_a_history_is_bounded_and_loses_its_older_half(tmp_path: Path) -> None:
    path = tmp_path / "history"
    for number in range(100):
        append_bounded(str(path), f"line {number:03}\n", 200)
        assert path.stat().st_size <= 200
    lines = read_lines(str(path), 1000)
    assert lines[-1] == "line 099"
    assert lines == [f"line {number:03}" for number in range(100 - len(lines), 100)]
    assert len(lines) >= 10


def test_half_a_line_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("whole\nhal", encoding="utf-8")
    append_bounded(str(path), "next\n", 1000)
    assert read_lines(str(path), 1000) == ["whole", "hal", "next"]


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history"
    path.write_text("whole\n", encoding="utf-8")
    write = os.write

    def fills_up(descriptor: int, data: bytes) -> int:
        if len(data) < 5:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:3])

    monkeypatch.setattr("roles.drift_agent.files.softtoken_agent.store.os.write", fills_up)
    with pytest.raises(OSError, match="No space"):
        append_bounded(str(path), "next\n", 1000)
    assert path.read_text("utf-8") == "whole\n"


def test_one_holds_the_lock_until_its_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(str(path)), pytest.raises(Busy), locked(str(path)):
        raise AssertionError("two hold it")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys, time; x = open(sys.argv[1]); fcntl.flock(x, 2); print(1, flush=True); time.sleep(99)",
            str(path),
        ],
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Busy), locked(str(path)):
            raise AssertionError("two hold it")
        holder.kill()
    with locked(str(path)):
        pass
