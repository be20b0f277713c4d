from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit_ports import audit_ports, write_private


def test_writes_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    write_private(str(path), "{}\n")
    assert path.read_text(encoding="utf-8") == "{}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_readable_file_that_is_there_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    write_private(str(path), "new")
    assert (path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept", encoding="utf-8")
    path = tmp_path / "snapshot.json"
    path.symlink_to(target)
    write_private(str(path), "new")
    assert target.read_text(encoding="utf-8") == "kept"
    assert not path.is_symlink()


def test_nothing_is_left_of_a_write_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_private(str(path), "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["snapshot.json"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_reads_a_file_as_each_shell_redirects_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text('{"a": "\u00fc"}', encoding=encoding)
    module: Any = None  # reading a file asks nothing of it
    assert audit_ports(module).read(str(path)) == '{"a": "\u00fc"}'
