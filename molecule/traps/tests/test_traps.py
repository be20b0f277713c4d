"""What the compliance runs said about each trap, and what they left on the host, seen without the collection."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import testinfra

if TYPE_CHECKING:
    from testinfra.host import Host

GOOD = {"10.94.0.1", "10.94.0.2", "10.94.0.3"}
BACKUP = "~"


def report(run: str) -> dict[str, dict[str, Any]]:
    """Return what the report of a run says about each host."""
    path = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], run, "report.json")
    return {entry["host"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["hosts"]}


@pytest.fixture(scope="module")
def audit() -> dict[str, dict[str, Any]]:
    return report("audit")


@pytest.fixture(scope="module")
def enforce() -> dict[str, dict[str, Any]]:
    return report("enforce")


def on(name: str) -> Host:
    return testinfra.get_host(f"podman://softtoken-molecule-traps.{name}")


def sources(host: Host) -> set[str]:
    """Return the sources that the running daemon has."""
    return {line.split(",")[2] for line in host.check_output("chronyc -n -c sources -a").splitlines()}


def files(host: Host) -> set[str]:
    return set(host.check_output("find /etc/chrony -type f -printf '%P\\n'").splitlines())


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("dead-server", {"source.none_usable"}),
        ("never-synchronised", {"clock.unsynchronised", "source.none_usable"}),
        ("local-orphan", {"clock.local_reference", "source.none_usable"}),
        ("rogue-source", {"source.unauthorised"}),
        ("broken-sources", {"config.invalid"}),
        ("rival", {"daemon.rival"}),
        ("contradicted", {"witness.disagrees"}),
    ],
)
def test_the_audit_is_not_taken_in(audit: dict[str, dict[str, Any]], name: str, reasons: set[str]) -> None:
    assert audit[name]["verdict"] == "noncompliant"
    assert reasons <= set(audit[name]["reasons"])


def test_the_audit_has_nothing_against_sound_hosts(audit: dict[str, dict[str, Any]]) -> None:
    assert (audit["unstartable"]["verdict"], audit["unstartable"]["reasons"]) == ("compliant", [])
    # The command socket answers root, whatever the command port does; monitoring over UDP gets a warning.
    silent = audit["no-command-port"]
    assert (silent["verdict"], silent["warnings"]) == ("compliant", ["config.cmdport_disabled"])


def test_who_cannot_ask_the_daemon_knows_nothing(audit: dict[str, dict[str, Any]]) -> None:
    entry = audit["no-command-port-nobody"]
    assert (entry["verdict"], entry["reasons"]) == ("unknown", ["chrony.unreachable_daemon"])


@pytest.mark.parametrize("name", ["never-synchronised", "local-orphan", "rogue-source", "rival", "no-command-port"])
def test_what_can_be_repaired_is_repaired(enforce: dict[str, dict[str, Any]], name: str) -> None:
    assert enforce[name]["enforcement"]["status"] == "ok"
    assert (enforce[name]["verdict"], enforce[name]["reasons"]) == ("compliant", [])
    host = on(name)
    assert sources(host) == GOOD
    tracking = host.check_output("chronyc -n -c tracking").split(",")
    assert tracking[1] in GOOD
    assert tracking[13] == "Normal"


@pytest.mark.parametrize(
    ("name", "reason"), [("dead-server", "source.none_usable"), ("contradicted", "witness.disagrees")]
)
def test_what_cannot_be_repaired_is_not_called_compliant(
    enforce: dict[str, dict[str, Any]], name: str, reason: str
) -> None:
    entry = enforce[name]
    assert entry["verdict"] == "noncompliant"
    assert reason in entry["reasons"]
    assert entry["enforcement"]["status"] == "failed"
    assert "not proven" in entry["enforcement"]["message"]
    assert reason in entry["enforcement"]["message"]


def test_a_rogue_source_leaves_a_way_back() -> None:
    host = on("rogue-source")
    rogue = "server 10.94.0.6 iburst minpoll -2 maxpoll -2\n"
    folder = "/etc/chrony/conf.d"
    line = host.file(f"{folder}/vendor.conf").content_string
    assert line.startswith("#")
    assert line.endswith(rogue)
    (backup,) = [name for name in files(host) if name.startswith("conf.d/vendor.conf.") and name.endswith(BACKUP)]
    assert host.file(f"/etc/chrony/{backup}").content_string == rogue


def test_a_broken_file_of_others_stops_everything_before_a_change(enforce: dict[str, dict[str, Any]]) -> None:
    entry = enforce["broken-sources"]
    assert entry["verdict"] == "noncompliant"
    assert entry["enforcement"]["status"] == "failed"
    assert entry["enforcement"]["task"] == "Configure chronyd"
    assert "/etc/chrony/sources.d/broken.sources, line 1" in entry["enforcement"]["message"]
    assert "minpol" in entry["enforcement"]["message"]
    host = on("broken-sources")
    assert files(host) == UNTOUCHED | {"sources.d/site.sources", "sources.d/broken.sources"}
    assert host.file("/etc/chrony/sources.d/broken.sources").content_string == "server 10.94.0.6 iburst minpol 4\n"
    assert sources(host) == GOOD


def test_a_configuration_that_the_daemon_does_not_start_with_is_rolled_back(enforce: dict[str, dict[str, Any]]) -> None:
    entry = enforce["unstartable"]
    assert entry["enforcement"]["status"] == "failed"
    assert entry["enforcement"]["task"] == "Configure chronyd"
    assert "Rolled back" in entry["enforcement"]["message"]
    # It runs as it did before, and well.
    assert entry["verdict"] == "compliant"
    host = on("unstartable")
    assert files(host) == UNTOUCHED | {"sources.d/site.sources"}
    assert sources(host) == GOOD
    assert host.service("chrony").is_running


def test_a_rival_is_stopped_and_stays_so() -> None:
    host = on("rival")
    assert host.check_output("systemctl show --property=LoadState --value systemd-timesyncd") == "masked"
    assert not host.service("systemd-timesyncd").is_running
    assert not host.process.filter(comm="systemd-timesyn")
    assert host.service("chrony").is_running
    assert host.check_output("timedatectl show --property=NTP --value") == "yes"


#: What the package brings.
UNTOUCHED = {"chrony.conf", "chrony.keys", "conf.d/README", "sources.d/README"}
