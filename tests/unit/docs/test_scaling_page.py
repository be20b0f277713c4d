"""docs/scaling.md shows what tests/bench/scale.py computes, and the model behaves as its formulas say."""

from __future__ import annotations

import math
import re

import pytest

from tests.bench.scale import (
    FLEETS,
    MEASURED,
    MODULE,
    REPORT,
    SITE,
    WAYS,
    Way,
    awx_capacity,
    fork_s,
    hosts_a_s,
    plan,
    tables,
    useful_forks,
)
from tests.rigs.reports import ROOT

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(tables()))
def test_every_table_of_the_page_is_the_computed_one(name: str) -> None:
    assert tables()[name] in PAGE


def test_the_assumptions_in_the_text_are_those_that_were_computed_with() -> None:
    said = re.sub(r"\s+", " ", PAGE.partition("\nAssumptions: ")[2])
    for words in (
        f"{SITE.cores} cores and {SITE.node_gib} GiB a node, {SITE.busy * 100:.0f} % of the cores",
        f"all hosts within {SITE.window_s // 60} minutes, {SITE.rtt_s * 1000:.0f} ms to the hosts and back",
        f"{REPORT.host_s:g} s (report) and {MODULE.host_s:g} s (module) on a host",
        f"{SITE.silent * 100:.0f} % of the hosts silent for {SITE.timeout_s:.0f} s each",
        f"{SITE.job_start_s:.0f} s from a slice's turn",
        f"at most {SITE.hosts_per_slice:,} hosts a slice",
        f"a check and a scrape every {SITE.check_s} s",
    ):
        assert words in said
    assert SITE.check_s == SITE.scrape_s


def test_the_figures_in_the_text_are_the_measured_ones() -> None:
    said = re.sub(r"\s+", " ", PAGE)
    for words in (
        f"takes {MEASURED.start_cpu_s:g} s of processor time to start",
        f"and {MEASURED.prepare_s * 1000:g} ms for each host of its inventory",
        f"{MEASURED.main_mib:.0f} MiB and {MEASURED.main_kib_per_host:.0f} KiB more for each host",
        f"takes {MEASURED.kept_mib:g} MiB for as long as",
        f"{MEASURED.events_per_host} events a host and {MEASURED.events_per_job} a job",
        f"{MEASURED.artifact_bytes_per_host} bytes a host as artifact",
        f"these {MEASURED.samples_per_host} samples",
    ):
        assert words in said


def test_the_capacity_that_the_page_gives_awx_is_by_its_formulas() -> None:
    by_processors, by_memory = awx_capacity(SITE.cores, SITE.node_gib)
    assert f"(`SYSTEM_TASK_FORKS_CPU`): {by_processors} for" in PAGE
    assert f"(`SYSTEM_TASK_FORKS_MEM`): {by_memory} for" in PAGE
    assert awx_capacity(4, 4) == (16, 20)  # the example of AWX's own documentation


@pytest.mark.parametrize("way", WAYS)
def test_fewer_forks_than_useful_are_slower_and_more_are_no_faster(way: Way) -> None:
    forks = useful_forks(way, SITE, 4)
    best = hosts_a_s(way, SITE, 4, forks)
    assert hosts_a_s(way, SITE, 4, forks - 1) < best
    assert hosts_a_s(way, SITE, 4, forks * 10) == best


def test_one_main_process_is_the_limit_of_a_job_however_many_cores_there_are() -> None:
    assert hosts_a_s(REPORT, SITE, 1000, 10**6) == 1 / REPORT.main_s


def test_distance_and_silent_hosts_hold_a_fork_for_longer() -> None:
    near = fork_s(REPORT, SITE)
    assert fork_s(REPORT, SITE._replace(rtt_s=SITE.rtt_s + 1)) == pytest.approx(near + REPORT.round_trips)
    assert fork_s(REPORT, SITE._replace(silent=SITE.silent + 0.1)) == pytest.approx(near + 0.1 * SITE.timeout_s)


@pytest.mark.parametrize("hosts", [1, 4_999, 5_001, *FLEETS, 1_000_003])
@pytest.mark.parametrize("way", WAYS)
def test_a_plan_covers_every_host_within_the_window_and_no_node_too_many(hosts: int, way: Way) -> None:
    made = plan(hosts, way)
    assert made.slices * made.hosts_a_slice >= hosts
    assert made.hosts_a_slice <= SITE.hosts_per_slice
    assert made.slices % made.nodes == 0
    assert made.wall_s <= SITE.window_s
    if made.nodes > 1:
        rate = hosts_a_s(way, SITE, SITE.cores * SITE.busy, made.forks)
        starts = math.ceil(hosts / (made.nodes - 1) / SITE.hosts_per_slice) * (SITE.job_start_s + MEASURED.start_cpu_s)
        assert starts + hosts / (made.nodes - 1) * (MEASURED.prepare_s + 1 / rate) > SITE.window_s


def test_a_window_in_which_not_even_a_start_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="no number of nodes"):
        plan(10, REPORT, SITE._replace(window_s=30))


def test_the_default_of_the_awx_kit_is_what_the_page_computes_for_a_node_nearby() -> None:
    settings = (ROOT / "playbooks" / "awx" / "settings.yml").read_text(encoding="utf-8")
    [default] = re.findall(r"softtoken_awx_forks \| default\((\d+), true\)", settings)
    by_processors, _by_memory = awx_capacity(SITE.cores, SITE.node_gib)
    assert f"`softtoken_awx_forks` is {default} unless you set it" in PAGE
    # A job takes one more than its forks of a node's capacity, and no fork more than can be of use.
    assert int(default) + 1 == by_processors
    assert min(useful_forks(way, SITE, SITE.cores) for way in WAYS) <= int(default)
    assert int(default) <= max(useful_forks(way, SITE, SITE.cores) for way in WAYS)
    awx = (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")
    assert f"| `softtoken_awx_slices`, `_forks` | `4`, `{default}` | below |" in awx
