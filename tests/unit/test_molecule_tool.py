"""Scenarios run two at a time, readably, and nothing of them is left when somebody interrupts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Says in CALLS what it was asked for, as molecule would be; the scenario `sleepy` ends when it is interrupted.
MOLECULE = """#!/bin/sh
echo "$1 $3" >>"$CALLS"
[ "$1" = test ] || exit 0
echo "$3 begins"
if [ "$3" = sleepy ]; then trap 'echo "$3 ended" >>"$CALLS"; exit 1' INT; while :; do sleep 0.1; done; fi
sleep "$(echo "$3" | tr -dc 0-9)"
echo "$3 ends $PYTEST_ADDOPTS"
[ "${3#bad}" = "$3" ]
"""
RUN = """
import signal, sys
from pathlib import Path
from tests.tools import molecule
molecule.RESULTS, molecule.ALONE, molecule.LONGEST = Path(sys.argv[1]), ("clock1",), ("bad2", "sleepy")
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup, under which tests may run, has it ignored
molecule.handle_signals()
sys.exit(molecule.run_all(sys.argv[2:]))
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "molecule"
    program.parent.mkdir()
    program.write_text(MOLECULE, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def start(folder: Path, *scenarios: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), *scenarios],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_each_is_shown_whole_and_a_failure_stops_no_other(calls: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "a1", "b1", "clock1", "bad2", "b1")
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == "molecule: 1 of 4 scenarios failed: bad2"
    # What needs the machine for itself first, then the longest; each once.
    assert calls.read_text("utf-8").split("\n")[:-1] == ["test clock1", "test bad2", "test a1", "test b1"]
    for name, outcome in (("clock1", "passed"), ("bad2", "FAILED"), ("a1", "passed"), ("b1", "passed")):
        shown = rf"^{name} begins\n{name} ends --junitxml={tmp_path}/{name}\.xml\n--- {name}: {outcome} after \d+ s$"
        assert re.search(shown, said, re.MULTILINE), said
    # The second begins while the first still runs, and is not seen before it has ended.
    assert said.index("--- molecule test --scenario-name a1") < said.index("bad2 begins")


def test_a_single_one_is_shown_as_it_goes(calls: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "a1")
    assert process.communicate(timeout=120)[0].splitlines()[:2] == ["--- molecule test --scenario-name a1", "a1 begins"]
    assert process.returncode == 0
    assert not list(tmp_path.glob("*.log"))
    assert calls.read_text("utf-8") == "test a1\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_interrupts_leaves_no_machines(calls: Path, tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "sleepy", "a0", "b0", "c90", "d0")
    assert process.stdout is not None
    for line in process.stdout:
        # a0 and b0 have ended by then, d0 was never started.
        if "--scenario-name c90" in line:
            break
    process.send_signal(number)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "molecule: interrupted; removing sleepy, c90" in said, said + errors
    called = calls.read_text("utf-8").splitlines()
    assert called.index("sleepy ended") < called.index("destroy sleepy")
    assert {"destroy sleepy", "destroy c90"} == {line for line in called if line.startswith("destroy")}
    assert "test d0" not in called
