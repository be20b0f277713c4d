"""The image, and what two instances of it did by themselves at their first boot, seen without the collection."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import testinfra

if TYPE_CHECKING:
    from testinfra.host import Host

WORKPLACE = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
TREE = WORKPLACE / "tree"
GATE = "softtoken-clock-gate.service"
AMAZON_TIME = "169.254.169.123"
#: As the service does it.
NOW = "read -r a _ </proc/uptime; t=$(date +%s.%N); read -r b _ </proc/uptime; echo $a $t $b"
#: What each instance has to make for itself.
OWN = ("/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key", "/var/lib/systemd/random-seed")


class Release(NamedTuple):
    """The moment when the service that needs the time was started."""

    uptime_s: float
    #: How far its clock was ahead of the one that it has now.
    moved_s: float
    moved_uncertainty_s: float
    #: How far that is ahead of true time, and by how much at most that may be wrong.
    ahead_s: float
    uncertainty_s: float


def instance(name: str) -> Host:
    return testinfra.get_host(f"ssh://{name}", ssh_config=str(WORKPLACE / "instances" / "ssh_config"))


@pytest.fixture(scope="module")
def served() -> Host:
    """The instance that was 2 h fast, and whose time server answers."""
    return instance("served")


@pytest.fixture(scope="module")
def unserved() -> Host:
    """The instance that was 5 min slow, and whose time server never answers."""
    return instance("unserved")


@pytest.fixture(scope="module")
def audit() -> dict[str, dict[str, Any]]:
    document = json.loads((WORKPLACE / "report" / "report.json").read_text(encoding="utf-8"))
    return {entry["host"]: entry for entry in document["hosts"]}


@pytest.fixture(scope="module")
def release(served: Host) -> Release:
    # The uptime before and after the clock was read: starting a program takes its time under emulation.
    then = list(map(float, served.check_output("cat /run/code-issuer").split()))
    before = time.time()
    now = list(map(float, served.check_output(NOW).split()))
    after = time.time()
    return Release(
        uptime_s=then[2],
        moved_s=(then[1] - (then[0] + then[2]) / 2) - (now[1] - (now[0] + now[2]) / 2),
        moved_uncertainty_s=(then[2] - then[0] + now[2] - now[0]) / 2,
        ahead_s=now[1] - (before + after) / 2,
        uncertainty_s=(after - before) / 2,
    )


def log(host: Host, unit: str) -> str:
    text: str = host.check_output(f"journalctl --boot --no-pager --output cat --unit {unit}")
    return text


def properties(host: Host, unit: str, *names: str) -> dict[str, str]:
    lines = host.check_output(f"systemctl show --property={','.join(names)} {unit}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def agent_report(host: Host) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(host.check_output("cat /run/softtoken/report.json"))
    return report


@pytest.mark.parametrize(
    "path",
    [
        "etc/hostname",
        "var/lib/chrony/chrony.drift",
        "var/lib/cloud/instance",
        "var/lib/dbus/machine-id",
        "var/lib/dhcp/dhclient.eth0.leases",
        "var/lib/softtoken",
        "var/lib/systemd/random-seed",
        "run/softtoken",
    ],
)
def test_the_image_carries_nothing_of_the_machine_it_was_made_of(path: str) -> None:
    assert not (TREE / path).exists()


def test_the_image_has_no_identity() -> None:
    # Empty, not missing: systemd would take a missing file for a reason to apply the distribution's presets.
    assert (TREE / "etc/machine-id").read_bytes() == b""
    assert list((TREE / "etc/ssh").glob("ssh_host_*")) == []
    keys = (TREE / "etc/chrony/chrony.keys").read_text(encoding="utf-8").splitlines()
    assert [line for line in keys if not line.startswith("#")] == []


def test_the_image_will_keep_time_and_watch_it() -> None:
    units = TREE / "etc/systemd/system"
    wanted = {path.name for path in units.glob("*.wants/*")}
    assert {"chrony.service", GATE, "softtoken-agent.timer", "code-issuer.service"} <= wanted
    # The machine's own time service, until chrony came.
    assert (units / "systemd-timesyncd.service").readlink() == Path("/dev/null")
    sources = (TREE / "etc/chrony/sources.d/softtoken.sources").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in sources if not line.startswith("#")] == [AMAZON_TIME]


def test_a_clock_that_is_hours_off_is_put_right_at_boot(served: Host) -> None:
    assert "System clock was stepped by -7" in log(served, "chrony")


def test_the_gate_held_the_service_until_the_clock_was_proven(served: Host, release: Release) -> None:
    assert f"s from {AMAZON_TIME}, stratum 3" in log(served, GATE)
    gate = properties(served, GATE, "ActiveState", "ActiveEnterTimestampMonotonic")
    issuer = properties(served, "code-issuer", "ActiveState", "InactiveExitTimestampMonotonic")
    assert (gate["ActiveState"], issuer["ActiveState"]) == ("active", "active")
    assert int(issuer["InactiveExitTimestampMonotonic"]) >= int(gate["ActiveEnterTimestampMonotonic"]) > 0
    assert release.uptime_s >= int(gate["ActiveEnterTimestampMonotonic"]) / 1e6


def test_the_service_saw_the_right_time_when_it_was_started(release: Release) -> None:
    # As the clock is right now and was not moved since, it was right then.
    assert release.ahead_s == pytest.approx(0, abs=1 + release.uncertainty_s)
    assert release.moved_s == pytest.approx(0, abs=1 + release.moved_uncertainty_s)


def test_without_an_answer_the_gate_fails_and_says_why(unserved: Host) -> None:
    gate = properties(unserved, GATE, "ActiveState", "Result", "ExecMainStatus")
    assert gate == {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "1"}
    said = log(unserved, GATE)
    assert "clock NOT proven within 150 s; what waits for it stays stopped:" in said
    assert f"source.none_usable: no source has a fresh sample that chronyd would use ({AMAZON_TIME}" in said
    assert "correct that, then start the waiting services: each start asks again" in said


def test_without_an_answer_the_service_is_not_started(unserved: Host) -> None:
    issuer = properties(unserved, "code-issuer", "ActiveState", "ExecMainStartTimestampMonotonic")
    assert issuer == {"ActiveState": "inactive", "ExecMainStartTimestampMonotonic": "0"}
    assert not unserved.file("/run/code-issuer").exists
    assert "Dependency failed for code-issuer.service" in log(unserved, "code-issuer")
    # The rest of the machine is up, as somebody who has to repair it needs it.
    assert unserved.check_output("systemctl is-active multi-user.target ssh.service") == "active\nactive"


def test_the_audit_finds_the_one_compliant_and_the_other_not(audit: dict[str, dict[str, Any]]) -> None:
    good, bad = audit["served"], audit["unserved"]
    assert (good["verdict"], good["reasons"]) == ("compliant", [])
    assert good["facts"]["clock"]["reference"] == AMAZON_TIME
    assert bad["verdict"] == "noncompliant"
    assert {"clock.unsynchronised", "clock.offset_exceeded", "source.none_usable"} <= set(bad["reasons"])
    (witness,) = bad["facts"]["clock"]["witnesses"]
    assert abs(witness["offset_s"] + 300) <= witness["uncertainty_s"] + 5


def test_the_agent_in_the_image_checks_by_itself(served: Host, unserved: Host) -> None:
    assert agent_report(served)["facts"]["verdict"] == "compliant"
    facts = agent_report(unserved)["facts"]
    assert facts["verdict"] == "noncompliant"
    assert {"clock.unsynchronised", "source.none_usable"} <= set(facts["reasons"])


@pytest.mark.parametrize("path", OWN)
def test_each_instance_makes_what_must_be_its_own(served: Host, unserved: Host, path: str) -> None:
    sums = {host.check_output(f"sha256sum {path}").split()[0] for host in (served, unserved)}
    assert len(sums) == 2
    assert "builder" not in {host.check_output("hostname") for host in (served, unserved)}


def test_the_agents_know_their_machines_apart(served: Host, unserved: Host) -> None:
    reports = [agent_report(host) for host in (served, unserved)]
    assert len({report["machine"] for report in reports}) == 2
    assert len({report["boot_id"] for report in reports}) == 2
    # Their histories began with their own first checks; the builder's had one without content.
    for host in (served, unserved):
        assert "{}" not in host.check_output("cat /var/lib/softtoken/history.jsonl").splitlines()
