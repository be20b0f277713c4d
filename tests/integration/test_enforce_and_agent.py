"""What enforcing leaves on a host that has the agent, and in the report: both tell of the host as it is afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.agent_host import REPORT, follow, report_of, role
from tests.integration.playbooks import PLAYBOOKS, Run, ansible_playbook, inside, inventory_of
from tests.rigs.containers import Container, boot, serve_time
from tests.rigs.network import Network
from tests.rigs.shell import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = "10.96.0.1"
#: No check comes by itself during a test.
SELDOM = {"drift_agent_interval": 800, "drift_agent_jitter": 0}
#: Every clock is worth a warning.
WARNED = {"timesync_warn_error": 1e-9}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A host with chronyd and the agent."""
    with (
        Network() as network,
        serve_time(network.host("ntp1", SERVER)),
        boot(network.host("watched", "10.96.0.10"), "bookworm", "chrony") as container,
    ):
        follow(container, SERVER)
        wait_for(lambda: "*" in container.exec("chronyc", "-c", "sources", check=False).stdout, "chronyd to follow")
        installed = role(tmp_path_factory.mktemp("agent"), inside(container), **SELDOM)
        assert installed.rc == 0, installed.output
        wait_for(lambda: told(container) == "compliant", "the first check")
        yield container


def told(container: Container) -> str:
    """Return the verdict of the agent's last check."""
    if container.exec("test", "-e", REPORT, check=False).returncode:
        return "none yet"
    return str(report_of(container)["facts"]["verdict"])


def enforce(folder: Path, container: Container, *arguments: str, **variables: Any) -> Run:
    folder.mkdir(exist_ok=True)
    # Without pipelining, so that remote executions can be counted.
    hosts = inventory_of({"host": inside(container) | {"ansible_pipelining": False}})
    return ansible_playbook(
        folder, PLAYBOOKS / "compliance.yml", hosts, *arguments, softtoken_mode="enforce", **variables
    )


@pytest.fixture
def broken(host: Container) -> Container:
    """Stop chronyd, and let the agent see it."""
    host.exec("systemctl", "disable", "--now", "chrony")
    host.exec("softtoken-agent", "check", check=False)
    assert told(host) == "noncompliant"
    return host


def test_the_agent_tells_of_a_repaired_host_at_once(broken: Container, tmp_path: Path) -> None:
    before = report_of(broken)["sequence"]
    predicted = enforce(tmp_path / "check", broken, "--check")
    assert report_of(broken)["sequence"] == before, predicted.output
    repaired = enforce(tmp_path / "first", broken)
    assert repaired.hosts["host"]["verdict"] == "compliant", repaired.output
    wait_for(lambda: told(broken) == "compliant", "the agent's own word on the repaired host")
    status = broken.exec("softtoken-agent", "status", "--format", "nagios", check=False)
    assert status.returncode == 0, status.stdout
    after = report_of(broken)["sequence"]
    again = enforce(tmp_path / "again", broken, "-vvv")
    assert again.rc == 0, again.output
    assert again.executions == ["host_facts", "chrony_config"], "a host that nothing was changed on costs no more"
    assert report_of(broken)["sequence"] == after


@pytest.mark.parametrize("checking", [[], ["--check"]])
def test_warnings_that_enforcing_leaves_have_their_sentences(
    host: Container, tmp_path: Path, checking: list[str]
) -> None:
    run = enforce(tmp_path, host, *checking, softtoken_detail=True, **WARNED)
    found = run.hosts["host"]
    assert found["verdict"] == "compliant", run.output
    assert found["warnings"] == ["clock.bound_high"]
    assert len(found["messages"]) == 1
    assert found["source"] == "module"


def test_without_details_there_are_none(host: Container, tmp_path: Path) -> None:
    found = enforce(tmp_path, host, **WARNED).hosts["host"]
    assert (found["warnings"], found["messages"]) == (["clock.bound_high"], [])
