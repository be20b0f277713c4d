"""The gate at boot, run as its unit runs it, against real chronyd daemons in the states that matter."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import build

from tests.rigs.ntp import program
from tests.rigs.shell import PATIENCE_S
from tests.rigs.states import state

if TYPE_CHECKING:
    from tests.rigs.ntp import ChronyClient

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "timesync"
PARTS = next(
    task["softtoken.compliance.zipapp"]["parts"]
    for task in yaml.safe_load((ROLE / "tasks" / "gate.yml").read_text(encoding="utf-8"))
    if "softtoken.compliance.zipapp" in task
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gate as the role installs it, with nothing else of the collection."""
    archive = tmp_path_factory.mktemp("gate") / "clock-gate.pyz"
    main = ROLE / "files" / "clock_gate.py"
    archive.write_bytes(build(main, module_utils=ROOT / "plugins" / "module_utils", parts=PARTS))
    return archive


def start(installed: Path, client: ChronyClient, folder: Path, *options: str) -> subprocess.Popen[str]:
    client.wrapper(folder)
    chronyd = folder / "chronyd"
    chronyd.write_text(f'#!/bin/sh\nexec {shlex.join(program(client.suite, "usr/sbin/chronyd"))} "$@"\n', "utf-8")
    chronyd.chmod(0o755)
    # -I -S: neither Ansible nor any other package can be imported, as on a host of the fleet.
    argv = [sys.executable, "-I", "-S", str(installed), "--interval", "0.2", *options]
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def gate(installed: Path, client: ChronyClient, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    with start(installed, client, folder, *options) as process:
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def test_opens_for_a_clock_that_is_proven(installed: Path, tmp_path: Path) -> None:
    with state("synchronised", "bookworm") as client:
        run = gate(installed, client, tmp_path, "--min-sources", "3", "--timeout", "90")
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"clock proven after \d+ s: ([+-]\d+\.\d+) s from 10\.91\.0\.\d, stratum 3", run.stdout)
    assert found, run.stdout
    assert abs(float(found[1])) < 0.5


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        # waitsync would open for this one: chronyd still believes in the time that a dead server gave it.
        ("dead_server", "source.none_usable"),
        ("never_synchronised", "clock.unsynchronised"),
        ("local_orphan", "clock.local_reference"),
        ("no_majority", "source."),
        ("not_running", "chrony.unreachable_daemon"),
        ("hung", "chrony.unreachable_daemon"),
    ],
)
def test_stays_shut_and_says_why(installed: Path, tmp_path: Path, name: str, reason: str) -> None:
    with state(name, "bookworm") as client:
        run = gate(installed, client, tmp_path, "--timeout", "1")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "clock NOT proven within 1 s; what waits for it stays stopped:" in run.stdout
    assert reason in run.stdout


def test_stays_shut_for_a_bound_beyond_the_limit(installed: Path, tmp_path: Path) -> None:
    with state("synchronised", "bookworm") as client:
        run = gate(installed, client, tmp_path, "--max-error", "0.000000001", "--timeout", "1")
    assert run.returncode == 1
    assert "clock.bound_exceeded" in run.stdout


def test_stays_shut_with_too_few_sources(installed: Path, tmp_path: Path) -> None:
    with state("synchronised", "bookworm") as client:
        run = gate(installed, client, tmp_path, "--min-sources", "4", "--timeout", "1")
    assert run.returncode == 1
    assert "source.too_few" in run.stdout


def test_opens_when_the_clock_becomes_right_meanwhile(installed: Path, tmp_path: Path) -> None:
    with state("synchronised", "bookworm") as client:
        client.stop()
        client.host.link(up=False)
        client.start()
        with start(installed, client, tmp_path, "--timeout", "240") as process:
            assert process.stdout is not None
            waiting = process.stdout.readline()
            client.host.link(up=True)
            proven, stderr = process.communicate(timeout=PATIENCE_S)
    assert waiting.startswith("waiting for the clock:")
    assert process.returncode == 0, proven + stderr
    assert "clock proven" in proven


def test_the_unit_passes_only_options_that_the_gate_knows(installed: Path) -> None:
    unit = (ROLE / "templates" / "softtoken-clock-gate.service.j2").read_text(encoding="utf-8")
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    command = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    options = re.findall(r"(--[\w-]+) \{\{ (\w+) \}\}", command)
    assert {name for _option, name in options} <= set(defaults)
    words = [word for option, name in options for word in (option, str(defaults[name]))]
    code = f"import runpy; runpy.run_path({str(installed)!r}, run_name='gate')['arguments']({words!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=60)
