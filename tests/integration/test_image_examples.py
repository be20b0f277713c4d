"""Packer itself takes the example template: its form, its arguments, and the plugins' own checks of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKER = Path(__file__).resolve().parents[2] / "docs" / "packer"
pytestmark = pytest.mark.skipif(
    shutil.which("packer") is None,
    reason="packer is not installed, and this release of the distribution has no package of it",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example as a release with built-in plugins reads it."""
    for name in ("image.pkr.hcl", "image.yml"):
        shutil.copy(PACKER / name, tmp_path)
    return tmp_path


def packer(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Packer where it reaches nobody: it would ask for newer releases, and AWS for a region."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CHECKPOINT_DISABLE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PACKER_NO_COLOR": "1",
    }
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    return subprocess.run(
        [*alone, "packer", *arguments],
        cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def test_the_files_have_packers_own_form() -> None:
    run = packer(PACKER, "fmt", "-check", "-diff", ".")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("variables", [[], ["-var", 'gated_units=["issuer"]', "-var", 'time_servers=["ntp.example"]']])
def test_packer_and_its_plugins_accept_the_template(folder: Path, variables: list[str]) -> None:
    run = packer(folder, "validate", *variables, ".")
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_wrong_argument_would_be_found(folder: Path) -> None:
    template = folder / "image.pkr.hcl"
    template.write_text(template.read_text(encoding="utf-8").replace("ssh_username ", "ssh_user_name "), "utf-8")
    run = packer(folder, "validate", ".")
    assert run.returncode == 1
    assert "ssh_user_name" in run.stdout + run.stderr


@pytest.mark.parametrize(("servers", "profile"), [([], "aws"), (["ntp1.example", "ntp2.example"], "custom")])
def test_the_variables_of_the_playbook_follow_those_of_the_template(
    folder: Path, servers: list[str], profile: str
) -> None:
    given = ["-var", f"time_servers={json.dumps(servers)}", "-var", 'gated_units=["issuer"]']
    run = packer(folder, "console", *given, ".", stdin="jsonencode(local.ansible_variables)\n")
    assert run.returncode == 0, run.stdout + run.stderr
    variables = json.loads(run.stdout.strip().strip('"').replace('\\"', '"'))
    assert variables["timesync_profile"] == profile
    assert [source["address"] for source in variables["timesync_sources"]] == servers
    assert variables["timesync_gated_units"] == ["issuer"]
    assert variables["softtoken_agent"] is True
