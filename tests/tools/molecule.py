"""Run `molecule test` for every scenario of molecule/ or those named: two at a time where machines are few.

usage: molecule.py [SCENARIO...]

A scenario that runs alone is shown as it goes; of two that run at a time, each is shown when it has ended. A failure
stops no other. Whoever interrupts this program waits until the machines of the running scenarios are removed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache" / "results" / "molecule"
#: It emulates five machines, which need both cores.
ALONE = ("clock",)
#: What takes longest starts first, so that the last two end at about the same time; others follow by name.
LONGEST = ("ami", "el-layout", "traps")
#: How long an interrupted scenario may take to end by itself.
PATIENCE_S = 30

interrupted = threading.Event()


class Running(NamedTuple):
    """A scenario that was started; without a log it writes to where this program writes to."""

    scenario: str
    process: subprocess.Popen[bytes]
    since: float
    log: Path | None


def start(scenario: str, *, shown: bool) -> Running:
    """Start a scenario, in a session of its own: this program alone decides what an interrupt does to it."""
    log = None if shown else RESULTS / f"{scenario}.log"
    where = "" if log is None else f" (shown when it has ended; until then in {log})"
    print(f"--- molecule test --scenario-name {scenario}{where}", flush=True)
    output = None if log is None else log.open("wb")
    try:
        process = subprocess.Popen(
            ["molecule", "test", "--scenario-name", scenario],
            cwd=ROOT,
            env={**os.environ, "PYTEST_ADDOPTS": f"--junitxml={RESULTS / scenario}.xml"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        if output is not None:
            output.close()
    return Running(scenario, process, time.monotonic(), log)


def end(running: Running) -> bool:
    """Show how a scenario went; return whether it passed."""
    if running.log is not None:
        print(f"\n--- {running.scenario}: what it said", flush=True)
        sys.stdout.buffer.write(running.log.read_bytes())
    passed = running.process.returncode == 0
    outcome = "passed" if passed else "FAILED"
    print(f"--- {running.scenario}: {outcome} after {time.monotonic() - running.since:.0f} s", flush=True)
    return passed


def run(scenarios: list[str], lanes: int) -> list[str]:
    """Run scenarios, so many at a time; return those that failed."""
    waiting, failed = list(scenarios), []
    running: list[Running] = []
    shown = min(lanes, len(scenarios)) == 1
    while waiting or running:
        while waiting and len(running) < lanes:
            running.append(start(waiting.pop(0), shown=shown))
        if interrupted.wait(0.2):
            remove(running)
            sys.exit(130)
        for one in [one for one in running if one.process.poll() is not None]:
            running.remove(one)
            if not end(one):
                failed.append(one.scenario)
    return failed


def remove(running: list[Running]) -> None:
    """End what runs, and remove its machines."""
    print(f"\nmolecule: interrupted; removing {', '.join(one.scenario for one in running)}", flush=True)
    for one in running:
        os.killpg(one.process.pid, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_S
    for one in running:
        try:
            one.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()
    for one in running:
        destroy = ["molecule", "destroy", "--scenario-name", one.scenario]
        done = subprocess.run(destroy, cwd=ROOT, capture_output=True, text=True, check=False, start_new_session=True)
        if done.returncode:
            print(f"molecule: `{' '.join(destroy)}` failed:\n{done.stdout}{done.stderr}", file=sys.stderr)


def ordered(scenarios: list[str]) -> list[str]:
    """Return each scenario once, the longest first."""
    return sorted(dict.fromkeys(scenarios), key=lambda one: (*(one != longest for longest in LONGEST), one))


def run_all(scenarios: list[str]) -> int:
    """Run the scenarios and say which failed."""
    scenarios = ordered(scenarios)
    failed = run([one for one in scenarios if one in ALONE], 1) + run([one for one in scenarios if one not in ALONE], 2)
    if failed:
        print(f"molecule: {len(failed)} of {len(scenarios)} scenarios failed: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def main(named: list[str]) -> int:
    """Run what is named, or what there is."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        reason = "containers that run systemd need root"
        (RESULTS / "skipped").write_text(f"{reason}\n", encoding="utf-8")
        print(reason)
        return 0
    scenarios = named or [path.parent.name for path in ROOT.glob("molecule/*/molecule.yml")]
    if not scenarios:
        print("molecule: no scenario found in molecule/", file=sys.stderr)
        return 1
    return run_all(scenarios)


def handle_signals() -> None:
    """Take notice of an interrupt at the terminal, of its end, and of whoever ends a job that has none."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup lets a run outlive its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: interrupted.set())


if __name__ == "__main__":
    handle_signals()
    sys.exit(main(sys.argv[1:]))
