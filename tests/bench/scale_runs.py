"""What ``docs/scaling.md`` is computed from: what ``compliance.yml`` takes of its controller, and leaves in AWX.

The controller reaches its hosts by SSH, as it does in a fleet, so that its own cost stands apart from theirs. Processor
time and memory are what to trust on a machine that others use; wall time only where commands wait on purpose.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.integration.runner_chain import Ended, slice_job
from tests.rigs.shell import wait_for

from .controller import Controller, Cost, Memory
from .fleet_facts import ROOT, Agent, healthy_chronyd, on_path
from .ssh_hosts import Distance, SshHosts
from .timing import BenchError, once

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Extra variables by way.
WAYS: dict[str, dict[str, Any]] = {
    "report": {"softtoken_max_report_age": 86400},
    "module": {"softtoken_max_report_age": 0},
}
_COST = "wall s | CPU s | of the main process | largest MiB | connections left"
DELAY_S = 0.1
PARTS = ("cost", "memory", "inventory", "forks", "serial", "trips", "ssh", "events", "agent")


class Fleet:
    """Hosts behind SSH with a healthy chronyd and an agent, and the playbook over them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softtoken-bench-")))
        client = healthy_chronyd(stack)
        on_path(client, self.folder / "bin")
        self._playbook = _addressed(self.folder / "playbooks", str(client.socket))
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        self.extra = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "PYTHONDONTWRITEBYTECODE": "",
            "PATH": path,
            "HOME": str(self.folder),
        }
        self.variables = {
            "timesync_config_file": str(client.config_file),
            "softtoken_fail_on": [],
            "softtoken_report_dir": str(self.folder / "report"),
        }
        where = {"config_file": str(client.config_file), "chronyc_address": str(client.socket)}
        self.agent = Agent(self.folder, where, self.extra, client)
        self.agent.check()
        self.hosts = stack.enter_context(SshHosts(self.folder, self.agent, path))

    def start(self, inventory: Path, forks: int, way: str, *arguments: str, **variables: Any) -> Controller:
        """Start the playbook."""
        self.hosts.forget()
        given = json.dumps({**self.variables, **WAYS[way], **variables})
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "-f", str(forks)]
        run = Controller([*argv, str(self._playbook), "-e", given, *arguments], self.extra, self.folder)
        self._stack.callback(run.kill)
        return run

    def run(self, hosts: int, forks: int, way: str, **variables: Any) -> Cost:
        """Run the playbook over so many hosts, and make sure that each was measured as it was to be."""
        self.hosts.commands()
        cost = self.start(self.hosts.inventory(hosts), forks, way, **variables).end()
        report = json.loads((self.folder / "report" / "report.json").read_text(encoding="utf-8"))
        measured = sum(host["facts"] is not None for host in report["hosts"])
        if measured != hosts:
            raise BenchError(f"{measured} of {hosts} hosts were measured")
        return cost


def _addressed(folder: Path, socket: str) -> Path:
    """Copy the playbooks; they ask the chronyd of the bench, which is not where a host has it."""
    shutil.copytree(ROOT / "playbooks", folder)
    playbook = folder / "compliance.yml"
    line = '      detail: "{{ softtoken_detail | default(false) }}"\n'
    text = playbook.read_text(encoding="utf-8")
    if line not in text:
        raise BenchError(f"compliance.yml has no line {line.strip()} any more, beside which chronyc_address belongs")
    playbook.write_text(text.replace(line, f"{line}      chronyc_address: {socket}\n"), encoding="utf-8")
    return playbook


def measure(parts: list[str]) -> str:
    """Measure all parts or those named; returns Markdown."""
    with ExitStack() as stack:
        fleet = Fleet(stack)
        makers = {
            "cost": _cost, "memory": _memory, "inventory": _inventory, "forks": _forks, "serial": _serial,
            "trips": _trips, "ssh": _ssh, "events": _events, "agent": _agent,
        }  # fmt: skip
        lines: list[str] = []
        for part in parts or PARTS:
            for line in makers[part](fleet):
                print(line, flush=True)
                lines.append(line)
    return f"{len(lines)} lines."


def _told(cost: Cost) -> str:
    return (
        f"{cost.wall_s:.1f} | {cost.cpu_s:.2f} | {cost.main_s:.2f} | {cost.largest_kib / 1024:.0f}"
        f" | {cost.connections_left}"
    )


def _cost(fleet: Fleet) -> Iterator[str]:
    yield f"\n| way | hosts | forks | {_COST} | commands a host |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for way, sizes in (("report", (1, 100, 400)), ("module", (1, 40, 120))):
        for hosts in sizes:
            cost = fleet.run(hosts, 20, way)
            yield f"| {way} | {hosts} | 20 | {_told(cost)} | {fleet.hosts.commands() / hosts:.2f} |"


def _first(hosts: int) -> str:
    return ",".join(f"host{number:05d}" for number in range(hosts))


def _held(fleet: Fleet, hosts: int, forks: int, way: str) -> Memory:
    """Return what is held in memory while every fork waits for a host."""
    fleet.hosts.commands()
    fleet.hosts.hold(True)
    run = fleet.start(fleet.hosts.inventory(hosts), forks, way, "--limit", _first(forks))
    try:
        wait_for(lambda: fleet.hosts.waiting() >= forks, f"{forks} commands", timeout=300, hint=run.said)
        memory = run.memory()
    finally:
        fleet.hosts.hold(False)
    run.end()
    return memory


def _memory_row(memory: Memory, *first: object) -> str:
    cells = [*first, f"{memory.main:.1f}", memory.forks, f"{memory.fork:.1f}", f"{memory.client:.1f}"]
    return f"| {' | '.join(map(str, [*cells, memory.connections, f'{memory.connection:.1f}']))} |"


_MEMORY_HEADER = "main MiB | forks | MiB a fork | MiB an ssh client | connections | MiB a connection |\n"


def _memory(fleet: Fleet) -> Iterator[str]:
    yield f"\n| way | {_MEMORY_HEADER}|---|---|---|---|---|---|---|"
    for way in WAYS:
        for forks in (10, 40, 80):
            yield _memory_row(_held(fleet, forks, forks, way), way)


def _inventory(fleet: Fleet) -> Iterator[str]:
    """What hosts of the inventory take that a run leaves out: of the rest of a slice, before anything is asked."""
    yield "\n| hosts in the inventory | wall s | CPU s | of the main process | largest MiB |\n|---|---|---|---|---|"
    for hosts in (100, 1000, 2500):
        cost = fleet.start(fleet.hosts.inventory(hosts), 1, "report", "--limit", _first(1)).end()
        yield f"| {hosts} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} | {cost.main_s:.1f} | {cost.largest_kib / 1024:.0f} |"


def _forks(fleet: Fleet) -> Iterator[str]:
    yield f"\n| hosts | forks | a command takes | {_COST} |"
    yield "|---|---|---|---|---|---|---|---|"
    fleet.hosts.take(3)
    for forks in (10, 20, 40, 80):
        yield f"| 80 | {forks} | 3 s | {_told(fleet.run(80, forks, 'report'))} |"
    fleet.hosts.take(0)


def _serial(fleet: Fleet) -> Iterator[str]:
    yield f"\n| hosts | forks | serial | {_COST} |"
    yield "|---|---|---|---|---|---|---|---|"
    fleet.hosts.take(2)
    for serial in ("100%", "40", "20"):
        yield f"| 160 | 40 | {serial} | {_told(fleet.run(160, 40, 'report', softtoken_serial=serial))} |"
    fleet.hosts.take(0)


def _trips(fleet: Fleet) -> Iterator[str]:
    yield "\n| way | round trips | kB |\n|---|---|---|"
    with Distance(fleet.hosts.port, DELAY_S) as distance:
        for way in WAYS:
            before = distance.trips, distance.carried
            fleet.start(fleet.hosts.inventory(1, distance.port), 1, way).end()
            yield f"| {way} | {distance.trips - before[0]} | {(distance.carried - before[1]) / 1000:.0f} |"


def _ssh(fleet: Fleet, times: int = 10) -> Iterator[str]:
    """What OpenSSH alone takes, without Ansible: a connection of its own for each command."""
    config = fleet.hosts.client_config()
    fleet.run(1, 1, "report")  # the same programs once, uncounted
    costs = [once(["ssh", "-F", str(config), "host", "true"], fleet.extra) for _time in range(times)]
    yield f"\nssh, a connection and one command: {statistics.median(cost.cpu_s for cost in costs) * 1000:.0f} ms CPU."
    with Distance(fleet.hosts.port, DELAY_S) as distance:
        once(["ssh", "-F", str(fleet.hosts.client_config(distance.port)), "host", "true"], fleet.extra)
        yield f"\nIts round trips: {distance.trips}."


def _events(fleet: Fleet) -> Iterator[str]:
    yield "\n| hosts | events | bytes of events | largest | artifact bytes |\n|---|---|---|---|---|"
    for hosts in (10, 40):
        with mock.patch.dict(os.environ, fleet.extra):
            names = {f"host{number:05d}": dict[str, Any]() for number in range(hosts)}
            job = slice_job(
                fleet.folder / f"job{hosts}", names, 1, 7, timesync_config_file=fleet.variables["timesync_config_file"]
            )
            ended = job.start().end()
        yield f"| {hosts} | {_told_events(ended)} |"


def _told_events(ended: Ended) -> str:
    kinds: dict[str, int] = {}
    for event in ended.events:
        kinds[event["event"]] = kinds.get(event["event"], 0) + 1
    sizes = [len(json.dumps(event)) for event in ended.events]
    artifact = len(json.dumps(ended.artifacts))
    print(json.dumps(kinds), file=sys.stderr)
    return f"{len(sizes)} | {sum(sizes)} | {max(sizes)} | {artifact}"


def _agent(fleet: Fleet) -> Iterator[str]:
    text = fleet.agent.metrics()
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    yield f"\nA scrape of the agent: {len(samples)} samples, {len(text.encode())} bytes."
