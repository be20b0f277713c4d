from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import ZipappError, build

PREFIX = "ansible_collections/softtoken/compliance/plugins/module_utils"
MAIN = "from ansible_collections.softtoken.compliance.plugins.module_utils._pack.inner import VALUE\nprint(VALUE)\n"


@pytest.fixture
def module_utils(tmp_path: Path) -> Path:
    folder = tmp_path / "module_utils"
    (folder / "_pack" / "__pycache__").mkdir(parents=True)
    (folder / "_pack" / "__init__.py").touch()
    (folder / "_pack" / "inner.py").write_text("from .._single import VALUE\n", encoding="utf-8")
    (folder / "_pack" / "__pycache__" / "inner.cpython-311.pyc").write_bytes(b"\0")
    (folder / "_single.py").write_text("VALUE = 'found'\n", encoding="utf-8")
    (folder / "_other.py").touch()
    return folder


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "main.py"
    path.write_text(MAIN, encoding="utf-8")
    return path


def test_runs_alone_and_imports_its_parts(main: Path, module_utils: Path, tmp_path: Path) -> None:
    archive = tmp_path / "alone.pyz"
    archive.write_bytes(build(main, module_utils=module_utils, parts=["_pack", "_single"]))
    run = subprocess.run([sys.executable, "-I", "-S", str(archive)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "found\n", "")


def test_holds_what_was_asked_for_and_no_byte_code(main: Path, module_utils: Path) -> None:
    data = build(main, module_utils=module_utils, parts=["_pack", "_single"])
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    parents = [f"{'/'.join(PREFIX.split('/')[:depth])}/__init__.py" for depth in range(1, 6)]
    wanted = ["_pack/__init__.py", "_pack/inner.py", "_single.py"]
    assert names == sorted(["__main__.py", *parents, *(f"{PREFIX}/{name}" for name in wanted)])


def test_the_same_code_makes_the_same_bytes(main: Path, module_utils: Path) -> None:
    first = build(main, module_utils=module_utils, parts=["_pack", "_single"])
    for path in (main, *module_utils.rglob("*.py")):
        path.write_bytes(path.read_bytes())
        path.chmod(0o600)
    (module_utils / "_pack" / "inner.py").touch()
    assert build(main, module_utils=module_utils, parts=["_single", "_pack"]) == first


def test_other_code_makes_other_bytes(main: Path, module_utils: Path) -> None:
    first = build(main, module_utils=module_utils, parts=["_single"])
    (module_utils / "_single.py").write_text("VALUE = 'other'\n", encoding="utf-8")
    assert build(main, module_utils=module_utils, parts=["_single"]) != first


def test_a_part_that_is_not_there_is_named(main: Path, module_utils: Path) -> None:
    with pytest.raises(ZipappError, match="_clokc"):
        build(main, module_utils=module_utils, parts=["_clokc"])


def test_a_main_that_is_not_there_is_named(module_utils: Path, tmp_path: Path) -> None:
    with pytest.raises(ZipappError, match=r"gone\.py is no file"):
        build(tmp_path / "gone.py", module_utils=module_utils, parts=[])


def test_a_package_goes_in_whole_and_its_main_runs(module_utils: Path, tmp_path: Path) -> None:
    package = tmp_path / "program"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "other.cpython-311.pyc").write_bytes(b"\0")
    (package / "__init__.py").touch()
    (package / "notes.txt").touch()
    (package / "__main__.py").write_text("import program.other\n", encoding="utf-8")
    (package / "other.py").write_text(MAIN, encoding="utf-8")
    archive = tmp_path / "package.pyz"
    archive.write_bytes(build(package, module_utils=module_utils, parts=["_pack", "_single"]))
    run = subprocess.run([sys.executable, "-I", "-S", str(archive)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "found\n", "")
    inside = {name for name in zipfile.ZipFile(archive).namelist() if not name.startswith("ansible_collections")}
    assert inside == {"__main__.py", "program/__init__.py", "program/notes.txt", "program/other.py"}


def test_a_package_without_main_is_refused(module_utils: Path, tmp_path: Path) -> None:
    with pytest.raises(ZipappError, match=r"__main__\.py is no file"):
        build(tmp_path, module_utils=module_utils, parts=[])


def test_what_editors_and_systems_leave_stays_behind(module_utils: Path, tmp_path: Path) -> None:
    # The folders above it have names of their own: collections are installed below ~/.ansible.
    package = tmp_path / ".ansible" / "__pycache__" / "backup~" / "program"
    package.mkdir(parents=True)
    (package / "__main__.py").touch()
    (package / "publish").touch()
    clean = build(package, module_utils=module_utils, parts=["_pack", "_single"])
    for folder in (package, package / "more", module_utils / "_pack"):
        for name in ("publish~", "other.py~", ".publish.swp", ".DS_Store", ".git/config", ".#other.py", "old~/x.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        (folder / ".#gone.py").symlink_to("nowhere")
        (folder / "__pycache__").mkdir(exist_ok=True)
        (folder / "__pycache__" / "x.cpython-311.pyc.140234").touch()
        (folder / "__pycache__" / "x.py").touch()
        (folder / "bare.pyc").touch()
    assert build(package, module_utils=module_utils, parts=["_pack", "_single"]) == clean
    assert "program/publish" in zipfile.ZipFile(io.BytesIO(clean)).namelist()
