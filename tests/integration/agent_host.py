"""A Debian host with systemd, chronyd and the agent, for the tests of the role drift_agent and of the agent."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import build

from tests.integration.playbooks import ROOT, Run, ansible_playbook, inventory_of
from tests.rigs.ntp import FAST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rigs.containers import Container

ROLE = """
- hosts: all
  gather_facts: false
  roles: [softtoken.compliance.drift_agent]
"""
REPORT = "/run/softtoken/report.json"
FACTS = "/etc/ansible/facts.d/softtoken.fact"
HISTORY = "/var/lib/softtoken/history.jsonl"
CONFIG = "/etc/softtoken/agent.conf"
METRICS = "/var/lib/prometheus/node-exporter/softtoken.prom"
HOME = "/usr/lib/softtoken-agent"
COMMAND = "/usr/bin/softtoken-agent"
FILES = ROOT / "roles" / "drift_agent" / "files"
PARTS: list[str] = yaml.safe_load((ROOT / "roles/drift_agent/vars/main.yml").read_text("utf-8"))["__drift_agent_parts"]


def role(folder: Path, host: dict[str, Any], *arguments: str, **variables: Any) -> Run:
    """Run the role on one host."""
    folder.mkdir(exist_ok=True)
    playbook = folder / "role.yml"
    playbook.write_text(ROLE, encoding="utf-8")
    return ansible_playbook(folder, playbook, inventory_of({"host": host}), *arguments, **variables)


def follow(container: Container, server: str) -> None:
    """Let the container's chronyd follow one server."""
    container.write(
        "/etc/chrony/chrony.conf", f"server {server} {FAST}\ndriftfile /var/lib/chrony/chrony.drift\nrtcsync\n"
    )
    container.exec("systemctl", "restart", "chrony")


def older_archive(folder: Path) -> bytes:
    """Return the agent as an earlier release might have shipped it."""
    utils = folder / "module_utils"
    shutil.copytree(ROOT / "plugins" / "module_utils", utils, ignore=shutil.ignore_patterns("__pycache__"))
    version = utils / "_agent" / "version.py"
    version.write_text(version.read_text("utf-8").replace('VERSION = "', 'VERSION = "0.0.'), encoding="utf-8")
    return build(FILES / "softtoken_agent", module_utils=utils, parts=PARTS)


def install_archive(container: Container, archive: bytes, folder: Path) -> str:
    """Install an archive as the role does; returns what the installation said."""
    path = folder / "softtoken-agent.pyz"
    path.write_bytes(archive)
    container.exec("mkdir", "-p", HOME)
    subprocess.run(
        ["podman", "cp", str(path), f"{container.name}:{HOME}/"], check=True, capture_output=True, timeout=60
    )
    return container.exec("python3", "-I", f"{HOME}/softtoken-agent.pyz").stdout.strip()


def report_of(container: Container, path: str = REPORT) -> dict[str, Any]:
    """Return the agent's report."""
    found: dict[str, Any] = json.loads(container.read(path))
    return found
