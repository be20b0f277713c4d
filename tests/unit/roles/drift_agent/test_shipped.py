"""What the role ships, and how a host installs it."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
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
    path = home / "softtoken-agent.pyz"
    path.write_bytes(build(ROLE / "files" / "softtoken_agent", module_utils=UTILS, parts=PARTS))
    return path


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
    for path in (archive.parent / name / "__pycache__").iterdir():
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
