"""What the roles have left on the layout double of Amazon Linux 2023, seen without the collection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["podman://softtoken-molecule-el-layout.layout-double"]
SOURCES = {"10.96.0.1", "10.96.0.2", "10.96.0.3"}
FROM_DHCP = "10.96.0.4"


def chronyc(host: Host, report: str) -> list[list[str]]:
    return [line.split(",") for line in host.check_output(f"chronyc -n -c {report}").splitlines()]


def test_dnf_installed_what_was_missing_as_rpms(host: Host) -> None:
    installed = set(host.check_output("rpm -qa --queryformat '%{NAME}\\n'").splitlines())
    assert installed == {"system-release", "chrony", "python3-psutil"}
    assert host.check_output("rpm -qf --queryformat '%{NAME}' /usr/sbin/chronyd") == "chrony"


def test_the_daemon_has_exactly_the_declared_sources_and_hears_them(host: Host) -> None:
    rows = chronyc(host, "sources -a")
    assert {row[2] for row in rows} == SOURCES
    assert all(int(row[5], 8) for row in rows), rows
    (tracking,) = chronyc(host, "tracking")
    assert tracking[1] in SOURCES
    assert tracking[13] == "Normal"


def test_the_files_lie_where_this_layout_has_them(host: Host) -> None:
    assert not host.file("/etc/chrony").exists
    sources = host.file("/etc/chrony.d/softtoken.sources").content_string
    assert {line.split()[1] for line in sources.splitlines() if line.startswith("server ")} == SOURCES
    # The package's main file has no confdir: without it the policy would not be read.
    assert "confdir /etc/chrony.d" in host.file("/etc/chrony.conf").content_string.splitlines()
    effective = host.check_output("chronyd -p").splitlines()
    assert {"minsources 2", "rtcsync", "sourcedir /etc/chrony.d"} <= set(effective)


def test_sources_that_nobody_declared_are_shut_out(host: Host) -> None:
    assert FROM_DHCP in host.file("/run/chrony.d/eth0.sources").content_string, "the trap is gone"
    assert "sourcedir /run/chrony.d" not in host.check_output("chronyd -p").splitlines()
    pool = host.file("/etc/chrony.d/ntp-pool.sources").content_string.splitlines()
    assert not [line for line in pool if line.startswith("pool ")]
    # What DHCP names later stays out as well.
    host.check_output("chronyc reload sources")
    assert FROM_DHCP not in {row[2] for row in chronyc(host, "sources -a")}


def test_the_service_has_this_layouts_unit_and_user(host: Host) -> None:
    service = host.service("chronyd")
    assert service.is_enabled
    assert service.is_running
    assert not host.run("systemctl cat chrony.service").succeeded
    (worker,) = host.process.filter(comm="chronyd", user="chrony")
    assert "-x" in worker.args.split()
    assert host.file("/etc/sysconfig/chronyd").content_string.splitlines()[-1] == 'OPTIONS="-x -u chrony"'
    assert host.check_output("timedatectl show --property=NTP --value") == "yes"


def test_the_agent_finds_the_clock_good(host: Host) -> None:
    assert host.service("softtoken-agent.timer").is_enabled
    assert host.service("softtoken-agent.timer").is_running
    check = host.run("systemctl start softtoken-agent.service && softtoken-agent status --format nagios")
    assert check.rc == 0, check.stdout + check.stderr
    facts = json.loads(host.file("/etc/ansible/facts.d/softtoken.fact").content_string)
    assert facts["verdict"] == "compliant", facts
