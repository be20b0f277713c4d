"""What the other tests rely on: no rig can touch this machine's clock or leave its network, and captures are true."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.rigs import detached
from tests.rigs.capture import DATA, capture, version
from tests.rigs.containers import boot
from tests.rigs.network import Network
from tests.rigs.ntp import NtpServer
from tests.rigs.roots import SUITES
from tests.rigs.shell import PATIENCE_S
from tests.rigs.states import STATES
from tests.rigs.vm import Lab, VirtualMachine, remove_left_over

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rigs.roots import Suite

CAP_SYS_TIME = 1 << 25


def test_nothing_in_a_container_may_set_the_clock() -> None:
    with Network() as network, boot(network.host("host", "10.91.1.1"), "bookworm") as container:
        status = container.exec("cat", "/proc/1/status").stdout
        (bounding,) = [line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")]
        assert not int(bounding, 16) & CAP_SYS_TIME
        chronyd = container.exec("pidof", "-s", "chronyd").stdout.strip()
        assert "-x" in container.read(f"/proc/{chronyd}/cmdline").split("\0")


def test_a_network_leads_nowhere() -> None:
    with Network() as network:
        host = network.host("host", "10.91.1.1")
        assert host.run(["ip", "route", "get", "10.91.0.1"]).returncode == 0
        for outside in ("192.0.2.1", "2001:db8::1"):
            assert host.run(["ip", "route", "get", outside], check=False).returncode != 0


def apart() -> float:
    """Return how far this machine's two clocks are apart, by the quickest of some looks at both."""

    def look() -> tuple[float, float]:
        before, wall, after = time.monotonic(), time.time(), time.monotonic()
        return after - before, wall - before

    return min(look() for _time in range(100))[1]


def test_a_virtual_machine_has_a_clock_of_its_own(vm: VirtualMachine) -> None:
    before = apart()
    vm.set_clock(86400)
    assert vm.clock_offset() == pytest.approx(86400, abs=5)
    assert apart() == pytest.approx(before, abs=0.5)
    assert vm.run("ip route get 192.0.2.1", check=False).returncode != 0


def test_a_virtual_machine_on_a_network_reaches_its_servers_and_nobody_else() -> None:
    with (
        Network() as network,
        NtpServer(network.host("ntp", "10.91.0.1")),
        VirtualMachine(-90, name="slow", lab=Lab(network, ("10.91.1.2",))) as vm,
    ):
        said = vm.run("chronyd -Q -t 60 'server 10.91.0.1 iburst' 2>&1").stdout
        assert float(said.partition("System clock wrong by ")[2].split()[0]) == pytest.approx(90, abs=5), said
        assert vm.run("hostname").stdout == "slow\n"
        assert vm.run("ip route get 192.0.2.1", check=False).returncode != 0


def test_machines_of_killed_processes_are_ended_and_those_of_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as killed:
        killed.wait()
    monkeypatch.setattr(os, "getpid", lambda: killed.pid)
    orphan = VirtualMachine().folder
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = VirtualMachine().folder
    # They stand for QEMU, which has its folder in the same way.
    processes = [detached.start(folder, ["sleep", "600"]) for folder in (orphan, mine)]
    try:
        assert remove_left_over() == [orphan.name]
        assert processes[0].wait(timeout=PATIENCE_S) == -signal.SIGKILL
        assert processes[1].poll() is None
        assert (orphan.exists(), mine.exists()) == (False, True)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ("ntp1: true", "a lab is described in JSON"),
        ("[]", "a lab has a network and machines"),
        ('{"network": "x"}', "a lab has a network and machines"),
        ('{"network": "x", "machines": {"a": {"kind": "vm"}}}', "machine a: wants kind"),
        (
            '{"network": "x", "machines": {"a": {"kind": "vm", "addresses": ["10.97.1.1"], "user": "alice"}}}',
            "a: a user needs an account",
        ),
    ],
)
def test_a_lab_that_cannot_be_is_refused_in_one_line_before_anything_starts(described: str, said: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.rigs", "up"], input=described, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"rigs: {said}")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("state", ["synchronised", "dead_server", "unresolved", "no_command_port", "not_running"])
def test_chronyc_still_prints_what_was_captured(state: str, suite: Suite, tmp_path: Path) -> None:
    capture(suite, STATES[state], tmp_path)
    made = {path.name for path in (tmp_path / version(suite)).iterdir()}
    assert state in made
    for name in made:
        folder = tmp_path / version(suite) / name
        assert _shape(folder) == _shape(DATA / version(suite) / name)


def _shape(folder: Path) -> dict[str, Any]:
    """Return what does not depend on the moment: exit codes, messages, and each row's number of columns."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    rows = {
        name: [line.count(",") for line in (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()]
        for name in meta["reports"]
    }
    return {"meta": meta, "rows": rows}
