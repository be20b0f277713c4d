"""A converged ``timesync`` run: remote executions a host, and its time beside ``ping`` and another role's.

The hosts are containers with systemd and a real chronyd (``-x``). ``SOFTTOKEN_BENCH_PEER`` names the directory of the
role fedora.linux_system_roles.timesync (linux-system-roles/timesync); it runs on containers of its own, since both
roles want to own the configuration. Without it, the table has no such row.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.rigs.containers import ENVIRONMENT, Container, boot
from tests.rigs.network import Network
from tests.rigs.ntp import NtpServer

from .timing import BenchError, in_turn, once, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
HOSTS = 2
SERVERS = ("10.98.2.1", "10.98.2.2", "10.98.2.3", "10.98.2.4")


def measure(rounds: int) -> str:
    """Converge, count the remote executions of one more run, and time converged runs."""
    peer = os.environ.get("SOFTTOKEN_BENCH_PEER")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softtoken-bench-")))
        network = stack.enter_context(Network())
        for number, address in enumerate(SERVERS):
            stack.enter_context(NtpServer(network.host(f"server{number}", address)))
        ours = [_host(stack, network, f"ours{n}", f"10.98.2.1{n}") for n in range(HOSTS)]
        inventory = _inventory(folder / "ours.yml", ours)
        role = _playbook(folder / "timesync.yml", "softtoken.compliance.timesync", _our_variables(), facts=False)
        commands: dict[str, Sequence[str]] = {
            "ping": ["ansible", "all", "-i", str(inventory), "-m", "ansible.builtin.ping"],
            "softtoken.compliance.timesync": ["ansible-playbook", "-i", str(inventory), str(role)],
        }
        if peer:
            theirs = [_without_clock(_host(stack, network, f"theirs{n}", f"10.98.2.2{n}")) for n in range(HOSTS)]
            other = _playbook(folder / "peer.yml", Path(peer).resolve().name, _their_variables(), facts=True)
            their_inventory = _inventory(folder / "theirs.yml", theirs)
            commands["fedora.linux_system_roles.timesync"] = [
                "ansible-playbook",
                "-i",
                str(their_inventory),
                str(other),
            ]
        extra = _environment(folder, peer)
        once(commands["softtoken.compliance.timesync"], extra)  # converge
        executed = _executions(folder, commands["softtoken.compliance.timesync"], extra, ours)
        return f"{executed}\n\n{table(in_turn(commands, extra, rounds), 'ping', HOSTS)}"


def _host(stack: ExitStack, network: Network, name: str, address: str) -> Container:
    return stack.enter_context(boot(network.host(name, address), "bookworm"))


def _without_clock(container: Container) -> Container:
    """Keep chronyd away from the clock by the unit: the other role rewrites the file with the daemon's options."""
    override = "[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd -x\n"
    container.write("/etc/systemd/system/chrony.service.d/50-no-clock.conf", override)
    container.exec("systemctl", "daemon-reload")
    return container


def _inventory(path: Path, containers: Iterable[Container]) -> Path:
    """Write an inventory of containers."""
    variables = {"ansible_connection": "containers.podman.podman", "ansible_python_interpreter": "/usr/bin/python3"}
    hosts: dict[str, None] = dict.fromkeys(container.name for container in containers)
    path.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
    return path


def _playbook(path: Path, role: str, variables: Mapping[str, Any], *, facts: bool) -> Path:
    play = {"hosts": "all", "gather_facts": facts, "roles": [{"role": role, "vars": variables}]}
    path.write_text(json.dumps([play]), encoding="utf-8")
    return path


def _our_variables() -> dict[str, Any]:
    sources = [{"type": "server", "address": address, "iburst": True} for address in SERVERS]
    return {"timesync_profile": "custom", "timesync_sources": sources}


def _their_variables() -> dict[str, Any]:
    servers = [{"hostname": address, "iburst": True} for address in SERVERS]
    return {"timesync_ntp_servers": servers, "timesync_ntp_provider": "chrony"}


def _environment(folder: Path, peer: str | None) -> dict[str, str]:
    extra = {**ENVIRONMENT, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORKS": "10"}
    extra["PYTHONDONTWRITEBYTECODE"] = ""
    extra["ANSIBLE_LOCAL_TEMP"] = str(folder / "tmp")
    if peer:
        extra["ANSIBLE_ROLES_PATH"] = str(Path(peer).resolve().parent)
    return extra


def _executions(folder: Path, argv: Sequence[str], extra: Mapping[str, str], containers: Sequence[Container]) -> str:
    """Count the modules that Ansible ran on the hosts, from podman's own command lines."""
    real = shutil.which("podman")
    if real is None:
        raise BenchError("podman is missing")
    log = folder / "podman.log"
    wrapper = folder / "bin" / "podman"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nprintf "%s " "$@" >>{log}\necho >>{log}\nexec {real} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    once(argv, {**extra, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"})
    lines = log.read_text(encoding="utf-8").splitlines()
    modules = [line for line in lines if " exec " in f" {line}" and "/AnsiballZ_" in line and "python" in line]
    ran = [line for line in modules if "chmod" not in line]
    names = sorted({line.split("/AnsiballZ_", 1)[1].split(".py", 1)[0] for line in ran})
    return f"Remote executions on {len(containers)} converged hosts: {len(ran)} ({', '.join(names)})."
