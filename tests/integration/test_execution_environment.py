"""What an execution environment gets from the collection, and the definition of one."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.playbooks import ROOT

DEFINITION = ROOT / "execution-environment" / "execution-environment.yml"
# Names of packages where they are not those of what is imported.
PACKAGES = {"hcl2": "python-hcl2"}
# What amazon.aws imports for those of its classes that the modules are built on.
OF_AMAZON_AWS = {"boto3"}
# What Ansible itself brings to the controller.
BROUGHT = {"ansible", "ansible_collections", "jinja2", "markupsafe", "yaml"}


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def imported() -> set[str]:
    """The packages of others that the plugins import, wherever the import stands."""
    found = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module).split(".", maxsplit=1)[0])
    return {PACKAGES.get(name, name) for name in found - BROUGHT - sys.stdlib_module_names}


@pytest.fixture(scope="module")
def introspected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ansible-builder finds in the collection as a release has it."""
    folder = tmp_path_factory.mktemp("collections")
    galaxy = program("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", folder], cwd=ROOT, check=True, capture_output=True)
    [archive] = folder.glob("*.tar.gz")
    subprocess.run(
        [galaxy, "collection", "install", "--no-deps", "--offline", "--force", "-p", folder, archive],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    done = subprocess.run(
        [program("ansible-builder"), "introspect", folder], cwd=folder, check=True, capture_output=True, text=True
    )
    found: dict[str, list[str]] = yaml.safe_load(done.stdout)
    return found


def test_the_collection_asks_for_exactly_what_its_plugins_import(introspected: dict[str, list[str]]) -> None:
    asked = {match[0] for line in introspected["python"] if (match := re.match(r"[\w-]+", line))}

    assert asked == imported() | OF_AMAZON_AWS


def test_no_release_older_than_those_that_are_tested_is_asked_for(introspected: dict[str, list[str]]) -> None:
    wanted = (ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8").splitlines()
    lines = {line.split("#")[0].strip() for line in introspected["python"]}

    assert {line for line in wanted if re.match(r"(boto3|botocore|ntplib|psutil|python-hcl2)\b", line)} <= lines


def test_ssh_is_asked_for(introspected: dict[str, list[str]]) -> None:
    assert [line for line in introspected["system"] if line.startswith("openssh-clients")]


def test_a_build_context_can_be_made(tmp_path: Path) -> None:
    done = subprocess.run(
        [program("ansible-builder"), "create", "-f", DEFINITION, "-c", tmp_path / "context"],
        cwd=DEFINITION.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    made = (tmp_path / "context" / "Containerfile").read_text(encoding="utf-8")
    assert 'ARG PYCMD="/usr/bin/python3.12"' in made
    requirements = yaml.safe_load((tmp_path / "context" / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert {"amazon.aws"} <= {one["name"] for one in requirements["collections"]}


def test_the_image_has_the_collections_that_this_one_stands_on() -> None:
    needed = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]
    given = yaml.safe_load((DEFINITION.parent / "requirements.yml").read_text(encoding="utf-8"))["collections"]

    assert needed == {one["name"]: one["version"] for one in given if one["name"] in needed}
