"""`make test` must not call a run good that was not, nor count what did not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import stages

REPORT = """<testsuites><testsuite>
<testcase name="a"/>
<testcase name="b"/>
<testcase name="c"><failure>no</failure></testcase>
<testcase name="d"><error>no</error></testcase>
<testcase name="e"><skipped message="no root"/></testcase>
<testcase name="f"><skipped>No tests applicable.</skipped></testcase>
</testsuite></testsuites>"""
GOOD = '<testsuites><testsuite><testcase name="a"/></testsuite></testsuites>'


def test_counts_a_report(tmp_path: Path) -> None:
    report = tmp_path / "x.xml"
    report.write_text(REPORT, encoding="utf-8")
    assert stages.counts_of(report) == stages.Counts(passed=2, failed=2, skipped=1)


def test_adds_up_the_reports_of_a_stage(tmp_path: Path) -> None:
    for name in ("one.xml", "two.xml"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    assert stages.judge("unit", 0, tmp_path) == (stages.Counts(passed=2), "")


def test_a_scenario_that_is_verified_twice_leaves_two_reports(tmp_path: Path) -> None:
    molecule = Path(__file__).resolve().parents[2] / "molecule"
    for test in sorted((molecule / "el-layout" / "tests").glob("*/test_*.py")):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-c",
                molecule / "pytest.ini",
                "-p",
                "no:cacheprovider",
                "--co",
                "-q",
                test,
            ],
            env={**os.environ, "PYTEST_ADDOPTS": f"--junitxml={tmp_path}/el-layout.xml"},
            capture_output=True,
            check=True,
        )
    assert {path.name for path in tmp_path.iterdir()} == {"el-layout-absent.xml", "el-layout-present.xml"}


def test_a_failed_stage_fails_though_its_tests_passed(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(GOOD, encoding="utf-8")
    assert stages.judge("molecule", 2, tmp_path) == (stages.Counts(passed=1, failed=1), "exit status 2")


def test_a_stage_without_tests_fails(tmp_path: Path) -> None:
    assert stages.judge("integration", 0, tmp_path) == (stages.Counts(failed=1), "it ran no test")


def test_lint_counts_nothing(tmp_path: Path) -> None:
    assert stages.judge("lint", 0, tmp_path) == (stages.Counts(), "")
    assert stages.judge("lint", 1, tmp_path)[0].failed == 1


def test_a_skipped_stage_is_counted_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "skipped").write_text("needs root\n", encoding="utf-8")
    assert stages.judge("molecule", 0, tmp_path) == (stages.Counts(skipped=1), "skipped: needs root")


@pytest.mark.parametrize(
    ("status", "content", "expected", "line"),
    [(0, GOOD, 0, "1 passed, 0 failed, 0 skipped"), (1, REPORT, 1, "2 passed, 2 failed, 1 skipped")],
)
def test_the_last_line_is_the_sum(
    status: int,
    content: str,
    expected: int,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # A make that leaves what a stage leaves.
    program = tmp_path / "make"
    program.write_text(
        f"#!/bin/sh\ncat >\"$RESULTS/$1/x.xml\" <<'END'\n{content}\nEND\nexit {status}\n", encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(stages, "RESULTS", tmp_path / "results")
    assert stages.main(["unit"]) == expected
    assert capsys.readouterr().out.splitlines()[-1] == line
