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
    kilobytes: float  # over the connection, both ways, compressed
    host_s: float  # what the host itself takes to answer: the one figure here that is assumed


class Measured(NamedTuple):
    """What does not depend on the way."""

    start_cpu_s: float = 1.8  # ansible-playbook with one host
    prepare_s: float = 0.0012  # for each host of the job, on one core, before the first host is asked
    main_mib: float = 62.0  # the main process with one host
    main_kib_per_host: float = 40.0  # and for each host
    ssh_mib: float = 2.2  # the ssh that waits for a command, and the one that has its connection
    kept_mib: float = 1.3  # a connection that is kept open for another command
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
    persist_s: float = 60.0  # for how long ssh keeps a connection (ControlPersist); Ansible's default
    scrape_s: int = 300  # between two scrapes of a host's metrics
    check_s: int = 300  # between two checks of the agent


REPORT = Way("report", 0.159, 0.022, 14.7, 10, 10, 0.05)
MODULE = Way("module", 0.182, 0.030, 19.6, 11, 198, 0.5)
WAYS = (MODULE, REPORT)
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
    job_mib: float
    kept_mib: float
    impact: int
    ssh_mb: float
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


def kept_mib(rate: float, hosts: int, site: Site, measured: Measured = MEASURED) -> float:
    """Return the memory of connections that are kept open though nobody needs them any more."""
    return min(hosts, rate * site.persist_s) * measured.kept_mib


def awx_capacity(cores: int, node_gib: int) -> tuple[int, int]:
    """Return how many forks AWX gives a node: by its processors, and by its memory."""
    return max(1, cores * AWX_FORKS_PER_CORE), max(1, (node_gib * 1024 - AWX_OWN_MIB) // AWX_FORK_MIB)


def plan(hosts: int, way: Way, site: Site = SITE, measured: Measured = MEASURED) -> Plan:
    """Return the fewest nodes that measure a fleet within the window, with one slice at a time on each."""
    cores = site.cores * site.busy
    forks = useful_forks(way, site, cores)
    rate = hosts_a_s(way, site, cores, forks)
    start_s = site.job_start_s + measured.start_cpu_s
    if start_s + measured.prepare_s + 1 / rate > site.window_s:
        raise ValueError(
            f"no number of nodes measures a host within {site.window_s} s: a slice alone starts for {start_s:.0f} s"
        )
    nodes = 0
    wall_s = math.inf
    in_turn = 1
    while wall_s > site.window_s:
        nodes += 1
        in_turn = math.ceil(hosts / nodes / site.hosts_per_slice)
        wall_s = in_turn * start_s + hosts / nodes * (measured.prepare_s + 1 / rate)
    slices = nodes * in_turn
    a_slice = math.ceil(hosts / slices)
    event_bytes = hosts * measured.event_bytes_per_host + slices * measured.event_bytes_per_job
    events = hosts * measured.events_per_host + slices * measured.events_per_job
    return Plan(
        hosts=hosts,
        way=way.name,
        cpu_h=(hosts * (way.cpu_s + measured.prepare_s) + slices * measured.start_cpu_s) / 3600,
        nodes=nodes,
        slices=slices,
        hosts_a_slice=a_slice,
        forks=forks,
        wall_s=wall_s,
        job_mib=job_mib(way, a_slice, forks, measured),
        kept_mib=kept_mib(rate, a_slice, site, measured),
        impact=min(a_slice, forks) + 1,
        ssh_mb=hosts * way.kilobytes / 1e3,
        events=events,
        event_mb=event_bytes / 1e6,
        events_a_s=events / wall_s,
        artifact_mb=hosts * measured.artifact_bytes_per_host / 1e6,
    )


def _table(*rows: list[str]) -> str:
    header, *rest = rows
    lines = [f"| {' | '.join(row)} |" for row in (header, *rest)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def table_of_costs(measured: Measured = MEASURED) -> str:
    """What was measured of the two ways."""
    return _table(
        ["a host takes of its controller", *(f"by {way.name}" for way in WAYS)],
        ["processor time, with ssh", *(f"{way.cpu_s * 1000:.0f} ms" for way in WAYS)],
        ["of it in Ansible's main process", *(f"{way.main_s * 1000:.0f} ms" for way in WAYS)],
        ["a fork that waits for it", *(f"{way.fork_mib:.0f} MiB" for way in WAYS)],
        ["its ssh and connection", *(f"{measured.ssh_mib:.1f} MiB" for _way in WAYS)],
        ["round trips", *(f"{way.round_trips:.0f}" for way in WAYS)],
        ["over the network, both ways", *(f"{way.kilobytes:.0f} kB" for way in WAYS)],
        ["events in AWX", *(f"{measured.events_per_host}" for _way in WAYS)],
        ["their size", *(f"{measured.event_bytes_per_host / 1000:.1f} kB" for _way in WAYS)],
    )


def table_of_jobs(site: Site = SITE) -> str:
    """One job on one node, by distance of its hosts."""
    what = ("forks", "hosts a second", "with 5 forks")
    rows = [["round trip", *(f"{way.name}: {one}" for way in WAYS for one in what)]]
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
    plans = [plan(hosts, way, site) for hosts in fleets for way in WAYS]
    return _table(
        ["", *(f"{one.hosts:,} by {one.way}" for one in plans)],
        ["processor time of the nodes", *(f"{one.cpu_h:.1f} h" for one in plans)],
        ["execution nodes", *(str(one.nodes) for one in plans)],
        ["slices", *(str(one.slices) for one in plans)],
        ["hosts a slice", *(f"{one.hosts_a_slice:,}" for one in plans)],
        ["forks", *(str(one.forks) for one in plans)],
        ["until the last slice ends", *(f"{one.wall_s / 60:.0f} min" for one in plans)],
        ["memory of a job", *(f"{one.job_mib / 1024:.1f} GiB" for one in plans)],
        ["connections kept open beside it", *(f"{one.kept_mib / 1024:.1f} GiB" for one in plans)],
        ["AWX's capacity that a slice takes", *(str(one.impact) for one in plans)],
        ["from nodes to hosts and back", *(f"{one.ssh_mb / 1000:.1f} GB" for one in plans)],
        ["events", *(f"{one.events:,}" for one in plans)],
        ["events a second", *(f"{one.events_a_s:.0f}" for one in plans)],
        ["events of a run, stored", *(f"{one.event_mb:.0f} MB" for one in plans)],
        ["artifacts", *(f"{one.artifact_mb:.1f} MB" for one in plans)],
    )


def table_of_reduction(fleets: tuple[int, ...] = FLEETS, measured: Measured = MEASURED) -> str:
    """The job that makes one report of all slices."""
    rows = [["hosts", "processor time", "memory", "`index.html`"]]
    for hosts in fleets:
        gib = (measured.reduce_mib + hosts * measured.reduce_kib_per_host / 1024) / 1024
        cpu_s, page = hosts * measured.reduce_cpu_s_per_host, hosts * measured.page_bytes_per_host / 1e6
        rows.append([f"{hosts:,}", f"{cpu_s:.0f} s", f"{gib:.1f} GiB", f"{page:.0f} MB"])
    return _table(*rows)


def table_of_metrics(fleets: tuple[int, ...] = FLEETS, site: Site = SITE, measured: Measured = MEASURED) -> str:
    """What the agents' metrics are for a Prometheus, and the checks for the hosts."""
    rows = [["hosts", "series", "samples a second", "to fetch", "checks a second", "processor time of a host"]]
    daily_s = 86400 / site.check_s * measured.check_cpu_s
    for hosts in fleets:
        series = hosts * measured.samples_per_host
        fetched = hosts * measured.scrape_bytes_per_host / site.scrape_s / 1e3
        row = [f"{hosts:,}", f"{series:,}", f"{series / site.scrape_s:,.0f}", f"{fetched:,.0f} kB/s"]
        rows.append([*row, f"{hosts / site.check_s:.0f}", f"{daily_s:.0f} s a day"])
    return _table(*rows)


def tables(fleets: tuple[int, ...] = FLEETS, site: Site = SITE) -> dict[str, str]:
    """Return the tables of the page by name."""
    return {
        "costs": table_of_costs(),
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
