"""The plan of ``docs/scaling.md``: what a fleet takes, computed from measured figures and assumptions.

Pure functions. The page's tables are what these return (a unit test holds them together), and
``python -m tests.bench.scale --hosts 30000 --rtt 0.08 --cores 8`` prints them for somebody else's figures.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import argparse
import math
from typing import NamedTuple


class Way(NamedTuple):
    """What one host takes of the controller, by the way in which it is asked; measured over SSH."""

    name: str
    cpu_s: float  # all processes of the controller, ssh among them
    main_s: float  # the part of Ansible's main process, which one core has to do
    fork_mib: float  # a fork that waits for its host
    round_trips: float  # a connection, and what is asked over it
    host_s: float  # what the host itself takes to answer


class Measured(NamedTuple):
    """What does not depend on the way."""

    start_cpu_s: float = 1.7  # ansible-playbook with one host
    main_mib: float = 55.0  # its main process, before any host
    main_kib_per_host: float = 40.0  # and for each host of the job
    ssh_mib: float = 2.0  # the ssh that waits for a command, and the one that keeps its connection
    kept_mib: float = 1.3  # a connection that is kept open for the next command
    events_per_host: int = 4
    events_per_job: int = 90
    event_bytes_per_host: int = 5400
    event_bytes_per_job: int = 79000
    artifact_bytes_per_host: int = 60
    reduce_cpu_s_per_host: float = 0.00144
    reduce_mib: float = 45.0
    reduce_kib_per_host: float = 24.0
    page_bytes_per_host: int = 490
    samples_per_host: int = 29
    scrape_bytes_per_host: int = 4530
    check_cpu_s: float = 0.09


class Site(NamedTuple):
    """What everybody has to put in for themselves."""

    rtt_s: float = 0.02  # from the execution node to its hosts
    cores: int = 4  # of an execution node
    node_gib: int = 16
    busy: float = 0.7  # the share of the cores that jobs are to use
    window_s: int = 1800  # in which all hosts are to be measured
    job_start_s: float = 60.0  # queue, container, project and inventory, before Ansible starts
    silent: float = 0.01  # share of hosts that do not answer
    timeout_s: float = 10.0  # how long Ansible waits for each of those
    hosts_per_slice: int = 5000  # at most: what is lost when a job dies, and what its main process holds
    scrape_s: int = 300  # between two scrapes of a host's metrics
    check_s: int = 300  # between two checks of the agent


REPORT = Way("report", 0.168, 0.022, 14.7, 11.9, 0.05)
MODULE = Way("module", 0.25, 0.03, 19.6, 16.1, 0.6)
WAYS = (REPORT, MODULE)
MEASURED = Measured()
SITE = Site()
FLEETS = (10_000, 100_000)
#: AWX: megabytes and forks of a core that it counts for a fork, and megabytes that it keeps for itself.
AWX_FORK_MIB, AWX_FORKS_PER_CORE, AWX_OWN_MIB = 100, 4, 2048


class Plan(NamedTuple):
    """How a fleet is measured within the window."""

    hosts: int
    way: str
    cpu_h: float
    nodes: int
    slices: int
    hosts_a_slice: int
    forks: int
    wall_s: float
    node_mib: float
    impact: int
    events: int
    event_mb: float
    events_a_s: float
    artifact_mb: float


def fork_s(way: Way, site: Site) -> float:
    """Return for how long one host holds a fork, which has to wait for those that do not answer as well."""
    waits = way.cpu_s + way.round_trips * site.rtt_s + way.host_s
    return waits + site.silent * site.timeout_s


def hosts_a_s(way: Way, site: Site, cores: float, forks: float) -> float:
    """Return how many hosts one job measures in a second: its cores, its main process or its forks set the limit."""
    return min(cores / way.cpu_s, 1 / way.main_s, forks / fork_s(way, site))


def useful_forks(way: Way, site: Site, cores: float) -> int:
    """Return from how many forks on more of them do not make a job faster."""
    return math.ceil(fork_s(way, site) * min(cores / way.cpu_s, 1 / way.main_s))


def job_mib(way: Way, hosts: int, forks: int, measured: Measured = MEASURED) -> float:
    """Return the memory of one job."""
    main = measured.main_mib + hosts * measured.main_kib_per_host / 1024
    return main + forks * (way.fork_mib + measured.ssh_mib)


def kept_mib(way: Way, site: Site, rate: float, persist_s: float, measured: Measured = MEASURED) -> float:
    """Return the memory of connections that are kept open for ``persist_s`` though nobody needs them any more."""
    return rate * persist_s * measured.kept_mib


def awx_capacity(cores: int, node_gib: int) -> tuple[int, int]:
    """Return how many forks AWX gives a node: by its processors, and by its memory."""
    return max(1, cores * AWX_FORKS_PER_CORE), max(1, (node_gib * 1024 - AWX_OWN_MIB) // AWX_FORK_MIB)


def plan(hosts: int, way: Way, site: Site = SITE, measured: Measured = MEASURED) -> Plan:
    """Return the fewest nodes that measure a fleet within the window, with one slice at a time on each."""
    cores = site.cores * site.busy
    rate = min(cores / way.cpu_s, 1 / way.main_s)
    start_s = site.job_start_s + measured.start_cpu_s
    # One node works through its slices one after the other, so each of them costs a start.
    nodes = 1
    while True:
        in_turn = math.ceil(hosts / nodes / site.hosts_per_slice)
        wall_s = in_turn * start_s + hosts / nodes / rate
        if wall_s <= site.window_s:
            break
        nodes += 1
    slices = nodes * in_turn
    a_slice = math.ceil(hosts / slices)
    forks = useful_forks(way, site, cores)
    events = hosts * measured.events_per_host + slices * measured.events_per_job
    event_bytes = hosts * measured.event_bytes_per_host + slices * measured.event_bytes_per_job
    cpu_s = hosts * way.cpu_s + slices * measured.start_cpu_s
    node_mib = job_mib(way, a_slice, forks, measured) + kept_mib(way, site, rate, 60, measured)
    return Plan(
        hosts, way.name, cpu_s / 3600, nodes, slices, a_slice, forks, wall_s, node_mib, min(a_slice, forks) + 1,
        events, event_bytes / 1e6, events / wall_s, hosts * measured.artifact_bytes_per_host / 1e6,
    )  # fmt: skip


def _table(*rows: list[str]) -> str:
    header, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rest))


def table_of_jobs(site: Site = SITE) -> str:
    """One job on one node, by distance of its hosts."""
    rows = [["round trip", *(f"{way.name}: {what}" for way in WAYS for what in ("forks", "hosts a second", "with 5 forks"))]]
    cores = site.cores * site.busy
    for rtt_s in (0.001, 0.02, 0.1, 0.25):
        there = site._replace(rtt_s=rtt_s)
        row = [f"{rtt_s * 1000:.0f} ms"]
        for way in WAYS:
            forks = useful_forks(way, there, cores)
            row += [str(forks), f"{hosts_a_s(way, there, cores, forks):.1f}", f"{hosts_a_s(way, there, cores, 5):.1f}"]
        rows.append(row)
    return _table(*rows)


def table_of_plans(fleets: tuple[int, ...] = FLEETS, site: Site = SITE) -> str:
    """The plan, a column for each fleet and way."""
    plans = [plan(hosts, way, site) for hosts in fleets for way in (MODULE, REPORT)]
    lines: list[list[str]] = [
        ["", *(f"{one.hosts:,} by {one.way}" for one in plans)],
        ["processor time of the controllers", *(f"{one.cpu_h:.1f} h" for one in plans)],
        ["execution nodes", *(str(one.nodes) for one in plans)],
        ["slices", *(str(one.slices) for one in plans)],
        ["hosts a slice", *(f"{one.hosts_a_slice:,}" for one in plans)],
        ["forks", *(str(one.forks) for one in plans)],
        ["from start to last slice", *(f"{one.wall_s / 60:.0f} min" for one in plans)],
        ["memory of a job, with connections kept for 60 s", *(f"{one.node_mib / 1024:.1f} GiB" for one in plans)],
        ["capacity that AWX takes for a slice", *(str(one.impact) for one in plans)],
        ["events", *(f"{one.events:,}" for one in plans)],
        ["events a second", *(f"{one.events_a_s:.0f}" for one in plans)],
        ["events in the database, a run", *(f"{one.event_mb:.0f} MB" for one in plans)],
        ["artifacts", *(f"{one.artifact_mb:.1f} MB" for one in plans)],
    ]
    return _table(*lines)


def table_of_reduction(fleets: tuple[int, ...] = FLEETS, measured: Measured = MEASURED) -> str:
    """The job that makes one report of all slices."""
    rows = [["hosts", "processor time", "memory", "`index.html`"]]
    for hosts in fleets:
        mib = measured.reduce_mib + hosts * measured.reduce_kib_per_host / 1024
        page = hosts * measured.page_bytes_per_host / 1e6
        rows.append([f"{hosts:,}", f"{hosts * measured.reduce_cpu_s_per_host:.0f} s", f"{mib / 1024:.1f} GiB", f"{page:.0f} MB"])
    return _table(*rows)


def table_of_metrics(fleets: tuple[int, ...] = FLEETS, site: Site = SITE, measured: Measured = MEASURED) -> str:
    """What the agents' metrics are for a Prometheus, and the checks for the hosts."""
    rows = [["hosts", "series", "samples a second", "bytes a second", "processor time on a host, a day"]]
    for hosts in fleets:
        rows.append([
            f"{hosts:,}", f"{hosts * measured.samples_per_host:,}",
            f"{hosts * measured.samples_per_host / site.scrape_s:,.0f}",
            f"{hosts * measured.scrape_bytes_per_host / site.scrape_s / 1e3:,.0f} kB",
            f"{86400 / site.check_s * measured.check_cpu_s:.0f} s",
        ])  # fmt: skip
    return _table(*rows)


def tables(fleets: tuple[int, ...] = FLEETS, site: Site = SITE) -> dict[str, str]:
    """Return the tables of the page by name."""
    return {
        "jobs": table_of_jobs(site),
        "plan": table_of_plans(fleets, site),
        "reduction": table_of_reduction(fleets),
        "metrics": table_of_metrics(fleets, site),
    }


def main() -> None:
    """Print the tables for the figures of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=list(FLEETS))
    for name, value in SITE._asdict().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    given = vars(parser.parse_args())
    fleets = tuple(given.pop("hosts"))
    print("\n\n".join(tables(fleets, Site(**given)).values()))


if __name__ == "__main__":
    main()
