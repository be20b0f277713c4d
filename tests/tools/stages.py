"""Run the test stages one after the other and add up what they counted.

usage: stages.py STAGE...       each is a make target

A stage leaves JUnit reports in .cache/results/STAGE/, and where it could not run, a file `skipped` with the reason.
The last line is `N passed, N failed, N skipped` over everything; the exit status says whether all is well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache" / "results"
# Linters count nothing: their stage passes or fails.
UNCOUNTED = {"lint"}


class Counts(NamedTuple):
    """What a stage counted."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sum."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Outcome(NamedTuple):
    """How a stage went."""

    stage: str
    seconds: float
    counts: Counts
    note: str

    def __str__(self) -> str:
        verdict = "FAILED" if self.counts.failed else "ok"
        counted = "" if self.counts == Counts() else f"  {self.counts}"
        return f"{self.stage:<12} {verdict:<6} {self.seconds:6.0f} s{counted}{self.note and '  (' + self.note + ')'}"


def counts_of(report: Path) -> Counts:
    """Count the test cases of a JUnit report."""
    total = Counts()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own test runners wrote it
        if case.find("failure") is not None or case.find("error") is not None:
            total = total.plus(Counts(failed=1))
        elif (skipped := case.find("skipped")) is not None:
            # ansible-test: the collection has no file of the kind that this test reads.
            if (skipped.text or "").strip() == "No tests applicable.":
                continue
            total = total.plus(Counts(skipped=1))
        else:
            total = total.plus(Counts(passed=1))
    return total


def judge(stage: str, status: int, folder: Path) -> tuple[Counts, str]:
    """Return a stage's counts and a remark, from its exit status and what it left in its folder."""
    counts = Counts()
    for report in sorted(folder.glob("*.xml")):
        counts = counts.plus(counts_of(report))
    reason = folder / "skipped"
    note = ""
    if reason.is_file():
        counts = counts.plus(Counts(skipped=1))
        note = f"skipped: {reason.read_text(encoding='utf-8').strip()}"
    if status and not counts.failed:
        counts = counts.plus(Counts(failed=1))
        note = f"exit status {status}"
    if not status and counts == Counts() and stage not in UNCOUNTED:
        counts = Counts(failed=1)
        note = "it ran no test"
    return counts, note


def make(target: str) -> int:
    """Make a target; whoever interrupts waits until it has put its things away."""
    with subprocess.Popen(["make", target], cwd=ROOT) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def run(stage: str) -> Outcome:
    """Run one stage, its output passed through."""
    folder = RESULTS / stage
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"\n=== {stage}", flush=True)
    start = time.monotonic()
    status = make(stage)
    counts, note = judge(stage, status, folder)
    outcome = Outcome(stage, time.monotonic() - start, counts, note)
    print(f"=== {outcome}", flush=True)
    return outcome


def main(stages: list[str]) -> int:
    """Run every stage, also after a failure, and print the table."""
    outcomes = [run(stage) for stage in stages]
    total = Counts()
    print("\n=== summary")
    for outcome in outcomes:
        total = total.plus(outcome.counts)
        print(outcome)
    print(f"\n{total}")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
