"""``host_facts`` over a fleet of local hosts, beside ``ping`` and ``setup`` over the same hosts.

Every host is this machine under another name, so that only Ansible's own work and the module's is measured, and no
network. A real chronyd with four sources stands behind it, as on a healthy host.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.rigs.network import Network
from tests.rigs.ntp import FAST, ChronyClient, NtpServer, program

from .timing import in_turn, table

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
SOURCES = 4


def inventory(folder: Path, hosts: int) -> Path:
    """Write an inventory of ``hosts`` names for this machine."""
    path = folder / "hosts.ini"
    names = "\n".join(f"host{number:04d}" for number in range(hosts))
    variables = f"ansible_connection=local\nansible_python_interpreter={sys.executable}\n"
    path.write_text(f"[all]\n{names}\n[all:vars]\n{variables}", encoding="utf-8")
    return path


def ad_hoc(inventory_file: Path, forks: int, module: str, **arguments: object) -> list[str]:
    """Return the argv of an ad hoc run of ``module`` on all hosts."""
    given = ["-a", json.dumps(arguments)] if arguments else []
    return ["ansible", "all", "-i", str(inventory_file), "-f", str(forks), "-m", module, *given]


def measure(hosts: int, forks: int, rounds: int) -> str:
    """Run the comparison and return its table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softtoken-bench-")))
        client = _healthy_chronyd(stack)
        _on_path(client, folder / "bin")
        hosts_file = inventory(folder, hosts)
        facts = {"config_file": str(client.config_file), "chronyc_address": str(client.socket)}
        commands: dict[str, Sequence[str]] = {
            "ping": ad_hoc(hosts_file, forks, "ansible.builtin.ping"),
            "host_facts": ad_hoc(hosts_file, forks, "softtoken.compliance.host_facts", **facts),
            "setup": ad_hoc(hosts_file, forks, "ansible.builtin.setup"),
        }
        extra = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_PIPELINING": "1",
            # As on any host, libraries are compiled once and not by every module that imports them.
            "PYTHONDONTWRITEBYTECODE": "",
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }
        return table(in_turn(commands, extra, rounds), "ping", hosts)


def _on_path(client: ChronyClient, folder: Path) -> None:
    """Put the release's chronyc and chronyd on the path, as a package does; ``-x`` keeps the clock out of reach."""
    folder.mkdir()
    commands = {"chronyc": program(client.suite, "usr/bin/chronyc")}
    commands["chronyd"] = [*program(client.suite, "usr/sbin/chronyd"), "-x"]
    for name, argv in commands.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)


def _healthy_chronyd(stack: ExitStack) -> ChronyClient:
    network = stack.enter_context(Network())
    servers = [network.host(f"server{number}", f"10.98.1.{number}") for number in range(1, SOURCES + 1)]
    for server in servers:
        stack.enter_context(NtpServer(server))
    lines = [*(f"server {server.address} {FAST}" for server in servers), "rtcsync", "makestep 1 3"]
    client = stack.enter_context(ChronyClient(network.host("client", "10.98.1.100"), "\n".join(lines)))
    client.synchronised()
    return client
