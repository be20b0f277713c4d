"""Runs the playbooks as a user does, and reads what they leave."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.rigs.containers import ENVIRONMENT, Container, podman

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = ROOT / "playbooks"
THIS_MACHINE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

_RECAP = re.compile(r"^(\S+)\s+: (ok=.*)$", re.MULTILINE)
# Without pipelining each remote execution of a module has a file of its own in a folder of its own.
_EXECUTION = re.compile(r"(/\S+/ansible-tmp-[\d.-]+)/AnsiballZ_(\w+)\.py")
#: Before a run as root: what it starts in a container's namespaces is as unable to set the clock as the container.
HARMLESS = ("setpriv", "--bounding-set", "-sys_time", "--")


class Run(NamedTuple):
    """One ended ansible-playbook."""

    rc: int
    output: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        """report.json."""
        document: dict[str, Any] = json.loads((self.folder / "report" / "report.json").read_text(encoding="utf-8"))
        return document

    @property
    def text(self) -> str:
        """report.txt."""
        return (self.folder / "report" / "report.txt").read_text(encoding="utf-8")

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """The report's hosts by name."""
        return {host["host"]: host for host in self.report["hosts"]}

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Ansible's own counts for each host."""
        return {
            host: {key: int(value) for key, value in (pair.split("=") for pair in counts.split())}
            for host, counts in _RECAP.findall(self.output)
        }

    @property
    def executions(self) -> list[str]:
        """The modules that ran remotely, in order. Only known of a run without pipelining, with ``-vvv``."""
        return [module for _folder, module in dict.fromkeys(_EXECUTION.findall(self.output))]


def command_line(
    folder: Path, playbook: Path, inventory: dict[str, Any], *arguments: str, **variables: Any
) -> tuple[list[str], dict[str, str]]:
    """Return the words and the environment of ansible-playbook; ``variables`` are extra variables."""
    path = folder / "inventory.yml"
    path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    argv = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(path),
        str(playbook),
        "-e",
        json.dumps(variables),
        *arguments,
    ]
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
    }
    return argv, environment


def ansible_playbook(folder: Path, playbook: Path, inventory: dict[str, Any], *arguments: str, **variables: Any) -> Run:
    """Run a playbook with ``folder`` as working directory; ``variables`` are extra variables."""
    argv, environment = command_line(folder, playbook, inventory, *arguments, **variables)
    done = subprocess.run(
        [*HARMLESS, *argv] if os.geteuid() == 0 else argv,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        stdin=subprocess.DEVNULL,
    )
    return Run(done.returncode, done.stdout + done.stderr, folder)


def inside(container: Container) -> dict[str, Any]:
    """Return the variables of a container whose namespaces Ansible enters: ``podman exec`` takes ten times as long."""
    return {
        "ansible_connection": "community.docker.nsenter",
        # Another one after each start.
        "ansible_nsenter_pid": int(podman("inspect", "--format", "{{.State.Pid}}", container.name).stdout),
        "ansible_python_interpreter": "/usr/bin/python3",
    }


def inventory_of(hosts: dict[str, dict[str, Any]], **variables: Any) -> dict[str, Any]:
    """Return an inventory of these hosts."""
    return {"all": {"hosts": hosts, "vars": variables}}
