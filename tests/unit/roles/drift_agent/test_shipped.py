"""What the role ships, and how a host installs it."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import build

from roles.drift_agent.files.softtoken_agent.unpack import install

ROOT = Path(__file__).resolve().parents[4]
ROLE = ROOT / "roles" / "drift_agent"
UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.softtoken.compliance.plugins.module_utils."
PARTS: list[str] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text("utf-8"))["__drift_agent_parts"]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    home = tmp_path / "softtoken-agent"
    home.mkdir()
    home.chmod(0o755)
    path = home / "softtoken-agent.pyz"
    path.write_bytes(build(ROLE / "files" / "softtoken_agent", module_utils=UTILS, parts=PARTS))
    return path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    os.chown(path, 65534, 65534)


def names(archive: Path) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(archive.read_bytes())).namelist())


def test_the_shell_and_the_shared_packages_are_shipped_and_nothing_else(archive: Path) -> None:
    shipped = names(archive)
    assert {name.partition("/")[0] for name in shipped} == {"__main__.py", "softtoken_agent", "ansible_collections"}
    inside = {
        name.removeprefix(PREFIX.replace(".", "/")) for name in shipped if name.startswith(PREFIX.replace(".", "/"))
    }
    assert {name.partition("/")[0].removesuffix(".py") for name in inside} == {*PARTS, "__init__"}
    assert [name for name in shipped if not name.endswith(".py")] == ["softtoken_agent/publish"]
    # The account's half of the product stays on the controller.
    assert not [name for name in shipped if "_iam" in name or "_aws" in name]


def test_all_that_is_imported_is_shipped_and_all_parts_are_imported(archive: Path) -> None:
    shipped = names(archive)
    wanted = set()
    with zipfile.ZipFile(archive) as file:
        for name in shipped - {"softtoken_agent/publish"}:
            for node in ast.walk(ast.parse(file.read(name))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
                    wanted.add((node.module or "").removeprefix(PREFIX).partition(".")[0])
    assert wanted == set(PARTS)


def test_it_runs_without_any_package(archive: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(archive)], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.startswith("installed ")
    current = archive.parent / "current"
    told = subprocess.run(
        [sys.executable, "-I", "-S", str(current), "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip().endswith(f"({current.resolve().name})")


def test_a_fault_of_its_own_is_unknown_to_monitoring(archive: Path) -> None:
    subprocess.run([sys.executable, "-I", "-S", str(archive)], capture_output=True, check=True, timeout=60)
    current = archive.parent / "current"
    fault = "def main(argv):\n    raise KeyError('nobody thought of this')\n"
    (current / "softtoken_agent" / "cli.py").write_text(fault, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(current)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 3
    assert "nobody thought of this" in ran.stderr


def test_a_host_installs_a_version_once_and_keeps_the_one_before(archive: Path) -> None:
    home = archive.parent
    first = install(str(archive)).removeprefix("installed ")
    assert install(str(archive)) == "unchanged"
    versions = [first]
    for number in (1, 2):
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr(f"more{number}.py", "")
        said = install(str(archive))
        assert said.endswith(f", replacing {versions[-1]}")
        versions.append(said.removeprefix("installed ").partition(",")[0])
    assert (home / "current").resolve().name == versions[-1]
    assert {path.name for path in home.iterdir()} == {"softtoken-agent.pyz", "current", *versions[1:]}
    assert list((home / "current" / "__pycache__").iterdir())


def test_what_was_not_finished_is_done_again(archive: Path) -> None:
    home = archive.parent
    name = install(str(archive)).removeprefix("installed ")
    (home / "current").unlink()
    (home / f"{name}.partial").mkdir()
    (home / f"{name}.link").symlink_to("nowhere")
    (home / name / "__main__.py").unlink()
    assert install(str(archive)) == f"installed {name}"
    assert (home / "current" / "__main__.py").is_file()
    assert {path.name for path in home.iterdir()} == {"softtoken-agent.pyz", "current", name}


def test_code_is_compiled_anew_for_another_python(archive: Path) -> None:
    name = install(str(archive)).removeprefix("installed ")
    for folder in ("__pycache__", "softtoken_agent/__pycache__"):
        for path in (archive.parent / name / folder).iterdir():
            path.unlink()
        assert install(str(archive)) == f"compiled {name}"
        assert install(str(archive)) == "unchanged"


def test_the_command_is_set_up_for_the_python_that_installs(archive: Path, tmp_path: Path) -> None:
    command, config = tmp_path / "softtoken-agent.command", tmp_path / "etc" / "agent.conf"
    argv = [sys.executable, "-I", "-S", str(archive), "--command", str(command), "--config", str(config)]

    def said(*more: str) -> str:
        run = subprocess.run([*argv, *more], capture_output=True, text=True, check=True, timeout=60, umask=0o077)
        return run.stdout.strip()

    predicted = said("--check")
    assert predicted.endswith(f"; made {config.parent}; set up {command}")
    assert {path.name for path in tmp_path.iterdir()} == {"softtoken-agent"}
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert said() == predicted
    assert said() == said("--check") == "unchanged"
    assert (config.parent.stat().st_mode & 0o777, command.stat().st_mode & 0o777) == (0o755, 0o755)
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.startswith("softtoken-agent ")


@pytest.mark.parametrize("spoil", ["mode", "text", "link", "gone"])
def test_a_command_that_somebody_changed_is_set_up_again(archive: Path, tmp_path: Path, spoil: str) -> None:
    command = tmp_path / "command"
    install(str(archive), command=str(command))
    text = command.read_text("utf-8")
    if spoil == "mode":
        command.chmod(0o777)
    elif spoil == "text":
        command.write_text(f"{text}# more\n", encoding="utf-8")
    else:
        command.unlink()
    if spoil == "link":
        (tmp_path / "elsewhere").write_text(text, encoding="utf-8")
        (tmp_path / "elsewhere").chmod(0o755)
        command.symlink_to(tmp_path / "elsewhere")
    assert install(str(archive), command=str(command), check=True) == f"set up {command}"
    assert install(str(archive), command=str(command)) == f"set up {command}"
    assert (command.read_text("utf-8"), command.lstat().st_mode) == (text, 0o100755)
    assert install(str(archive), command=str(command)) == "unchanged"


# --- what somebody changed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["others", "group", "closed", "owner"])
@pytest.mark.parametrize("which", ["home", "config", "facts"])
def test_a_directory_that_others_could_write_is_taken_back(
    archive: Path, tmp_path: Path, which: str, spoil: str
) -> None:
    folders = {"home": archive.parent, "config": tmp_path / "etc" / "softtoken", "facts": tmp_path / "etc" / "facts.d"}

    def said(check: bool) -> str:
        return install(str(archive), config=f"{folders['config']}/agent.conf", facts=str(folders["facts"]), check=check)

    assert said(check=False).endswith(f"; made {folders['config']}; made {folders['facts']}")
    assert said(check=True) == "unchanged"
    folder = folders[which]
    if spoil == "owner":
        give_away(folder)
    else:
        folder.chmod({"others": 0o757, "group": 0o2775, "closed": 0o700}[spoil])
    before = folder.stat()
    assert said(check=True) == f"mended {folder}"
    assert (folder.stat().st_mode, folder.stat().st_uid) == (before.st_mode, before.st_uid)
    assert said(check=False) == f"mended {folder}"
    assert (mode(folder), folder.stat().st_uid) == (0o755, os.geteuid())
    assert said(check=True) == "unchanged"


@pytest.mark.parametrize("check", [True, False])
def test_a_link_in_the_place_of_a_directory_is_refused_and_its_target_left(
    archive: Path, tmp_path: Path, check: bool
) -> None:
    target, facts = tmp_path / "target", tmp_path / "facts.d"
    target.mkdir()
    target.chmod(0o777)
    facts.symlink_to(target)
    with pytest.raises(SystemExit, match=rf"{facts} is a link or a file: .* remove it"):
        install(str(archive), facts=str(facts), check=check)
    assert mode(target) == 0o777


def test_a_link_in_the_place_of_the_home_is_refused(archive: Path, tmp_path: Path) -> None:
    home = tmp_path / "link"
    home.symlink_to(archive.parent)
    argv = [sys.executable, "-I", "-S", str(home / archive.name)]
    run = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 1
    assert f"{home} is a link or a file" in run.stderr
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


PUBLISH = "softtoken_agent/publish"
#: Python would take a module beside __main__.py before its own.
SPOILT: dict[str, Callable[[Path], object]] = {
    "edited": lambda root: (root / PUBLISH).write_bytes((root / PUBLISH).read_bytes().replace(b"0644", b"0755")),
    "gone": lambda root: (root / PUBLISH).unlink(),
    "more": lambda root: (root / "json.py").touch(0o644),
    "link": lambda root: (root / "json").symlink_to(root.parent),
    "bare code": lambda root: (root / "json.pyc").touch(0o644),
    "empty": lambda root: root.rename(root.parents[1] / "elsewhere"),
    "folder": lambda root: (root / "softtoken_agent").chmod(0o775),
    "unreadable": lambda root: (root / PUBLISH).chmod(0o600),
    "owner": lambda root: give_away(root / PUBLISH),
    "byte code": lambda root: next((root / "softtoken_agent" / "__pycache__").glob("cli.*")).chmod(0o666),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_version_that_somebody_changed_is_unpacked_again(archive: Path, spoil: str) -> None:
    home = archive.parent
    name = install(str(archive)).removeprefix("installed ")
    root = home / name
    SPOILT[spoil](root)
    before = sorted(home.iterdir())
    assert install(str(archive), check=True) == f"mended {name}"
    assert sorted(home.iterdir()) == before
    assert install(str(archive)) == f"mended {name}"
    # A check that runs meanwhile goes on with the directory that it began with.
    assert (home / "current").resolve() not in before
    with zipfile.ZipFile(archive) as file:
        for inside in file.namelist():
            assert (home / "current" / inside).read_bytes() == file.read(inside), inside
    assert install(str(archive)) == install(str(archive), check=True) == "unchanged"
    (home / "current" / "__main__.py").unlink()
    assert install(str(archive)) == f"mended {name}"
    assert (home / "current").resolve() == root
    assert install(str(archive)) == "unchanged"


def test_all_that_is_unpacked_is_its_owners_alone_and_readable_to_all(archive: Path) -> None:
    subprocess.run([sys.executable, "-I", "-S", str(archive)], capture_output=True, check=True, timeout=60, umask=0)
    found = list((archive.parent / "current").resolve().rglob("*"))
    assert {mode(path) for path in found if path.is_dir()} == {0o755}
    assert {mode(path) for path in found if path.is_file()} == {0o644}
    assert {path.stat().st_uid for path in found} == {os.geteuid()}


def test_whatever_lies_in_the_way_of_the_link_goes(archive: Path) -> None:
    current = archive.parent / "current"
    current.mkdir()
    (current / "__main__.py").touch()
    name = install(str(archive)).removeprefix("installed ")
    assert current.resolve().name == name
    (archive.parent / f"{name}.mended.partial").touch()
    (archive.parent / f"{name}.mended").touch()
    (current / "__main__.py").unlink()
    assert install(str(archive)) == f"mended {name}"
    assert install(str(archive)) == "unchanged"
