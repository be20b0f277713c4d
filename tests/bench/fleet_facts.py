"""``host_facts`` over a fleet of local hosts, by module and by report, beside ``raw``, ``ping`` and ``setup``.

Every host is this machine under another name, so that only Ansible's own work and the module's is measured, and no
network. A real chronyd with four sources stands behind it, as on a healthy host, and a real agent's report: that one is
put into a ``/run`` that only the benchmarked command sees. ``SOFTTOKEN_BENCH_NTPMON`` names the sources (``src``) of
NTPmon, which no package registry has: its process is watched beside the agent's checks.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import build

from tests.integration.agent_host import FILES, PARTS
from tests.rigs.network import Network
from tests.rigs.ntp import FAST, ChronyClient, NtpServer, program

from .timing import BenchError, in_turn, once, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
SOURCES = 4
#: Runs a command, and prints its exit code, CPU time and largest process.
_MEASURED = """
import os, sys
_pid, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""


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


def measure(hosts: int, forks: int, rounds: int, many: int) -> str:
    """Run the comparison, and ``many`` hosts by report once; returns their tables."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softtoken-bench-")))
        client = healthy_chronyd(stack)
        on_path(client, folder / "bin")
        extra = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_PIPELINING": "1",
            # As on any host, libraries are compiled once and not by every module that imports them.
            "PYTHONDONTWRITEBYTECODE": "",
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }
        where = {"config_file": str(client.config_file), "chronyc_address": str(client.socket)}
        agent = Agent(folder, where, extra, client)
        agent.check()
        module, hosts_file = "softtoken.compliance.host_facts", inventory(folder, hosts)
        reported = {**where, "max_report_age": 86400}
        by_report = ad_hoc(hosts_file, forks, module, **reported)
        _expect_source(agent.beside(by_report), extra, "agent", hosts)
        commands: dict[str, Sequence[str]] = {
            "raw true": [*ad_hoc(hosts_file, forks, "ansible.builtin.raw"), "-a", "true"],
            "ping": ad_hoc(hosts_file, forks, "ansible.builtin.ping"),
            "host_facts by report": agent.beside(by_report),
            "host_facts by module": ad_hoc(hosts_file, forks, module, **where, max_report_age=0),
            "host_facts, no agent": by_report,
            "setup": ad_hoc(hosts_file, forks, "ansible.builtin.setup"),
        }
        tables = [table(in_turn(commands, extra, rounds), "ping", hosts)]
        if many:
            argv = agent.beside(ad_hoc(inventory(folder, many), forks, module, **reported))
            done = once(argv, extra)
            tables.append(f"{many} hosts by report: {done.wall_s:.1f} s wall, {done.cpu_s:.1f} s CPU.")
        tables.append(agent.cost(rounds * 5))
        if peer := os.environ.get("SOFTTOKEN_BENCH_NTPMON"):
            # It asks the daemon of this host, so chronyc has to find ours without being told where.
            path = f"{client.wrapper(folder / 'found').parent}:{extra['PATH']}"
            tables.append(_resident(Path(peer), {**extra, "PATH": path}))
        return "\n\n".join(tables)


class Agent:
    """The agent on this machine; its report is in ``/run`` for those who ask ``beside`` it."""

    def __init__(self, folder: Path, where: Mapping[str, str], extra: Mapping[str, str], client: ChronyClient) -> None:
        self._home = folder / "agent"
        self._runtime = self._home / "run"
        self._runtime.mkdir(parents=True)
        self._extra = {**extra, "RUNTIME_DIRECTORY": str(self._runtime), "STATE_DIRECTORY": str(self._home)}
        lines = ["[measure]", *(f"{name} = {value}" for name, value in where.items())]
        config = self._home / "agent.conf"
        config.write_text(
            "\n".join([*lines, "[output]", "facts_file = none", "metrics_file = none", ""]), encoding="utf-8"
        )
        archive = self._home / "agent.pyz"
        archive.write_bytes(
            build(FILES / "softtoken_agent", module_utils=ROOT / "plugins" / "module_utils", parts=PARTS)
        )
        once([sys.executable, str(archive)], self._extra)
        # Debian's Python has its libraries where a virtual environment's does not look; what is timed is the agent.
        self._argv = [sys.executable, str(self._home / "current"), "check", "--config", str(config)]
        self._pid_file = client.socket.with_name("chronyd.pid")

    def check(self) -> tuple[float, int]:
        """Run one check; returns its CPU time in seconds and the memory of its largest process in KiB."""
        # A process begins with the memory of the one that started it, so that has to be a small one.
        argv = [sys.executable, "-I", "-S", "-c", _MEASURED, *self._argv]
        done = subprocess.run(argv, env={**os.environ, **self._extra}, capture_output=True, text=True, check=True)
        code, cpu_s, memory = done.stderr.splitlines()[-1].split()
        if int(code) not in (0, 1, 2, 3) or not (self._runtime / "report.json").exists():
            raise BenchError(f"the agent ended with {code}: {done.stdout}{done.stderr}")
        return float(cpu_s), int(memory)

    def metrics(self) -> str:
        """Return what node_exporter would hand out of the agent's last check."""
        argv = [*self._argv, "--format", "prometheus"]
        done = subprocess.run(argv, env={**os.environ, **self._extra}, capture_output=True, text=True, check=False)
        return done.stdout

    def cost(self, checks: int) -> str:
        """Return what a check costs, with all the programs that it starts."""
        found = [self.check() for _check in range(checks)]
        cpu_s = statistics.median(cpu for cpu, _memory in found)
        peak = max(memory for _cpu, memory in found)
        return (
            f"One check of the agent, {checks} times: {cpu_s * 1000:.0f} ms CPU (median), {peak / 1024:.1f} MB at most."
        )

    def beside(self, argv: Sequence[str]) -> list[str]:
        """Return the argv of a command that finds this agent's report, and its chronyd, in ``/run``."""
        script = (
            "mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/chrony /run/softtoken"
            ' && cp "$1" /run/chrony/ && cp "$2" /run/softtoken/ && shift 2 && exec "$@"'
        )
        report = self._runtime / "report.json"
        return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", str(self._pid_file), str(report), *argv]


def _resident(folder: Path, extra: Mapping[str, str], seconds: int = 180) -> str:
    """Run NTPmon as its unit does (an exporter, every 60 s), and return what it holds and uses."""
    argv = [sys.executable, "ntpmon.py", "--mode", "prometheus", "--interval", "60", "--port", "19648", "--no-debug"]
    process = subprocess.Popen(
        argv, cwd=folder, env={**os.environ, **extra}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(10)
        before = _cpu_s(process.pid)
        time.sleep(seconds)
        if process.poll() is not None:
            raise BenchError(f"NTPmon ended with {process.returncode}")
        hourly = (_cpu_s(process.pid) - before) * 3600 / seconds
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return f"NTPmon, resident: {memory / 1024:.1f} MB, {hourly:.1f} s CPU an hour (starting it not counted)."


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of the programs that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _expect_source(argv: Sequence[str], extra: Mapping[str, str], source: str, hosts: int) -> None:
    """Refuse to time something else than what the table says."""
    printed = subprocess.run(argv, env={**os.environ, **extra}, capture_output=True, text=True, check=True).stdout
    found = printed.count(f'"source": "{source}"')
    if found != hosts:
        raise BenchError(f"{found} of {hosts} hosts came by way of the {source}:\n{printed[-3000:]}")


def on_path(client: ChronyClient, folder: Path) -> None:
    """Put the release's chronyc and chronyd on the path, as a package does; ``-x`` keeps the clock out of reach."""
    folder.mkdir()
    commands = {"chronyc": program(client.suite, "usr/bin/chronyc")}
    commands["chronyd"] = [*program(client.suite, "usr/sbin/chronyd"), "-x"]
    for name, argv in commands.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)


def healthy_chronyd(stack: ExitStack) -> ChronyClient:
    network = stack.enter_context(Network())
    servers = [network.host(f"server{number}", f"10.98.1.{number}") for number in range(1, SOURCES + 1)]
    for server in servers:
        stack.enter_context(NtpServer(server))
    lines = [*(f"server {server.address} {FAST}" for server in servers), "rtcsync", "makestep 1 3"]
    client = stack.enter_context(ChronyClient(network.host("client", "10.98.1.100"), "\n".join(lines)))
    client.synchronised()
    return client
