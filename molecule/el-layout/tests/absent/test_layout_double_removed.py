"""What is left on the layout double of Amazon Linux 2023 after everything was taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["podman://softtoken-molecule-el-layout.layout-double"]


def test_chronys_files_are_the_packages_again(host: Host) -> None:
    verified = host.run("rpm --verify --nomtime chrony")
    assert (verified.rc, verified.stdout) == (0, ""), verified.stdout
    # Backups, whose names end like this, are the host's.
    assert [name for name in host.file("/etc/chrony.d").listdir() if not name.endswith("~")] == ["ntp-pool.sources"]


def test_the_daemon_has_the_distributions_sources_again(host: Host) -> None:
    assert host.service("chronyd").is_running
    assert "10.96.0.4" in host.check_output("chronyc -n sources -a")


def test_nothing_of_the_agent_is_left(host: Host) -> None:
    assert not host.run("systemctl cat softtoken-agent.timer softtoken-agent.service").succeeded
    places = "/etc /home /opt /root /run/softtoken* /srv /usr /var"
    left = host.run(f"find {places} -path /root/.ansible -prune -o -name '*softtoken*' -print").stdout
    assert left == ""
    assert not host.user("softtoken").exists
