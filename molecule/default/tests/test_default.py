"""What the role has left on each host, seen without the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host

POOL = {"10.93.0.1", "10.93.0.2", "10.93.0.3"}
SOURCES = {"debian-11": POOL, "debian-12": POOL, "debian-13": {"169.254.169.123"}}
testinfra_hosts = [f"podman://softtoken-molecule-default.{name}" for name in SOURCES]


@pytest.fixture
def name(host: Host) -> str:
    return host.check_output("hostname")


def chronyc(host: Host, report: str) -> list[list[str]]:
    return [line.split(",") for line in host.check_output(f"chronyc -n -c {report}").splitlines()]


def test_the_daemon_has_exactly_the_declared_sources_and_hears_them(host: Host, name: str) -> None:
    rows = chronyc(host, "sources -a")
    assert {row[2] for row in rows} == SOURCES[name]
    assert all(int(row[5], 8) for row in rows), rows
    assert [row[1] for row in rows].count("*") == 1, rows


def test_the_daemon_is_synchronised_to_one_of_them(host: Host, name: str) -> None:
    (tracking,) = chronyc(host, "tracking")
    assert tracking[1] in SOURCES[name]
    assert tracking[13] == "Normal"
    assert abs(float(tracking[4])) < 0.1


def test_the_configuration_names_no_other_source(host: Host, name: str) -> None:
    lines = host.check_output("cat /etc/chrony/chrony.conf /etc/chrony/conf.d/* /etc/chrony/sources.d/*").splitlines()
    declared = [line.split() for line in lines if line.split()[:1] in (["server"], ["pool"], ["peer"], ["refclock"])]
    assert {words[1] for words in declared} == SOURCES[name]
    directives = [line.split() for line in lines]
    assert ["rtcsync"] in directives
    assert ["makestep", "1.0", "3"] in directives or ["makestep", "1", "3"] in directives


def test_the_service_is_enabled_and_runs_with_the_units_own_options(host: Host) -> None:
    assert host.service("chrony").is_enabled
    assert host.service("chrony").is_running
    assert host.file("/etc/default/chrony").content_string == 'DAEMON_OPTS="-x"\n'
    assert "-x" in host.check_output("cat /proc/$(pidof -s chronyd)/cmdline").split("\0")


def test_timedatectl_agrees(host: Host) -> None:
    assert host.check_output("timedatectl show --property=NTP --value") == "yes"


def test_what_the_measurement_needs_is_there(host: Host) -> None:
    host.check_output("/usr/bin/python3 -c 'import psutil, ntplib'")
