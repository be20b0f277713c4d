from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.slices import SliceError
from ansible_collections.softtoken.compliance.plugins.plugin_utils._slice_artifacts import slices_in_files


def test_only_files_that_are_named_as_artifacts_are_read(tmp_path: Path) -> None:
    (tmp_path / "softtoken_slice_1_of_2.r.json").write_text(json.dumps({"schema": 1}), encoding="utf-8")
    (tmp_path / "softtoken_slice_0_of_2.r.json").write_text("{}", encoding="utf-8")
    (tmp_path / "README").write_text("x", encoding="utf-8")

    assert list(slices_in_files(tmp_path)) == [("softtoken_slice_1_of_2", {"schema": 1})]


def test_what_is_no_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    """In a process of its own: one that waits for a pipe could not be told to stop."""
    os.mkfifo(tmp_path / "softtoken_slice_1_of_3.r.json")
    (tmp_path / "softtoken_slice_2_of_3.r.json").mkdir()
    (tmp_path / "softtoken_slice_3_of_3.r.json").symlink_to(tmp_path / "gone")
    code = (
        "import sys; from pathlib import Path; "
        f"from {slices_in_files.__module__} import slices_in_files; "
        "print([str(found) for _key, found in slices_in_files(Path(sys.argv[1]))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}", tmp_path],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "softtoken_slice_1_of_3.r.json is no file" in done.stdout
    assert "softtoken_slice_2_of_3.r.json is no file" in done.stdout
    assert "softtoken_slice_3_of_3.r.json: No such file or directory" in done.stdout


def test_a_damaged_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "softtoken_slice_1_of_1.r.json").write_bytes(b"\xff{")

    [(key, found)] = slices_in_files(tmp_path)

    assert key == "softtoken_slice_1_of_1"
    assert isinstance(found, SliceError)
    assert str(found) == "softtoken_slice_1_of_1.r.json is no JSON"
