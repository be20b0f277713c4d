"""A fleet in slices against the same fleet in one run, through the chain that AWX runs its jobs with."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, host_entry
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.slices import Slice, SliceName, pack

from tests.integration.playbooks import PLAYBOOKS, THIS_MACHINE, Run, ansible_playbook, inventory_of
from tests.integration.runner_chain import STARTED, Ended, Job, cut, slice_job
from tests.integration.test_compliance_playbook import BROKEN, GONE

HOSTS = 200
SLICES = 4
FLEET: dict[str, dict[str, Any]] = {f"host-{number:03}": {} for number in range(HOSTS)}
FLEET |= dict.fromkeys(("host-010", "host-011", "host-199"), GONE) | {"host-020": BROKEN}
SMALL = {name: FLEET[name] for name in sorted(FLEET)[:8]}


def sliced(folder: Path, hosts: dict[str, Any], run: int, **variables: Any) -> list[Job]:
    jobs = [
        slice_job(folder / f"slice-{number}", cut(hosts, number, SLICES), number, run, **variables)
        for number in range(1, SLICES + 1)
    ]
    return [job.start() for job in jobs]


def handed_on(*jobs: Ended) -> dict[str, Any]:
    """As AWX does: what the jobs before left, the later over the earlier."""
    together: dict[str, Any] = {}
    for job in jobs:
        together.update(job.artifacts)
    return together


def reduced(folder: Path, hosts: dict[str, Any], artifacts: dict[str, Any], **variables: Any) -> Ended:
    return Job(folder, "compliance_reduce", hosts, {"awx_job_id": 99, **artifacts, **variables}).start().end()


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    """Leave out when it was made and measured, and that it is made of slices."""
    plain = copy.deepcopy(report)
    plain.pop("notes", None)
    plain.pop("generated_at")
    for host in plain["hosts"]:
        if host["facts"] is not None:
            host["facts"].pop("measured_at")
    return plain


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {host["host"]: host["verdict"] for host in report["hosts"]}


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test() -> Iterator[None]:
    yield
    for job in STARTED:
        job.kill()
        job.end()
    STARTED.clear()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The fleet in one run."""
    folder = tmp_path_factory.mktemp("whole")
    inventory = inventory_of(FLEET, **THIS_MACHINE)
    return ansible_playbook(folder, PLAYBOOKS / "compliance.yml", inventory, "-f", "8", softtoken_fail_on=[])


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    """The fleet in four jobs at a time."""
    return [job.end() for job in sliced(tmp_path_factory.mktemp("slices"), FLEET, 1000)]


def test_slices_leave_an_artifact_each_under_its_own_key_and_no_summary(slices: list[Ended]) -> None:
    assert [job.rc for job in slices] == [0] * SLICES, slices[0].output
    assert [list(job.artifacts) for job in slices] == [
        [f"softtoken_slice_job_{1000 + number}"] for number in range(1, 5)
    ]


def test_an_unsliced_run_still_hands_on_the_summary_alone(whole: Run) -> None:
    stats = whole.output[whole.output.index("CUSTOM STATS") :]
    assert '"softtoken": {' in stats
    assert "softtoken_slice" not in stats


def test_the_report_of_all_slices_is_that_of_the_one_run(tmp_path: Path, whole: Run, slices: list[Ended]) -> None:
    job = reduced(tmp_path / "reduce", FLEET, handed_on(*slices), softtoken_slices_count=SLICES)
    assert without_times(job.report) == without_times(whole.report)
    assert job.report["counts"] == whole.report["counts"]
    assert job.report["counts"]["hosts"] == HOSTS
    assert job.report["counts"]["unknown"] == 4
    assert job.report["notes"] == ["made of 4 slices of run 1000"]
    # It fails as the one run does where nobody said otherwise, and hands on the summary.
    assert job.rc == 2
    assert job.artifacts["softtoken"]["counts"] == whole.report["counts"]
    assert job.artifacts["softtoken"]["slices"] == {"arrived": 4, "lost": 0}


def test_what_slices_hand_on_is_small(slices: list[Ended]) -> None:
    (artifact,) = slices[0].artifacts.values()
    assert f"audit of {HOSTS // SLICES} hosts" in artifact["about"]
    assert len(json.dumps(artifact)) < 200 * HOSTS // SLICES


def test_an_empty_slice_is_fine(tmp_path: Path) -> None:
    told = slice_job(tmp_path / "one", SMALL, 1, 500).start().end()
    empty = slice_job(tmp_path / "two", {}, 2, 500, softtoken_fail_on=["noncompliant", "unknown"]).start().end()
    assert empty.rc == 0, empty.output
    assert ["audit of 0 hosts" in artifact["about"] for artifact in empty.artifacts.values()] == [True]
    job = reduced(tmp_path / "reduce", SMALL, handed_on(told, empty), softtoken_slices_count=2, softtoken_fail_on=[])
    assert job.rc == 0, job.output
    assert sorted(verdicts(job.report)) == sorted(SMALL)
    assert job.report["notes"] == ["made of 2 slices of run 500"]


def test_hosts_of_a_slice_that_is_killed_are_unknown(tmp_path: Path) -> None:
    fleet: dict[str, dict[str, Any]] = {name: {} for name in list(FLEET)[:80]}
    # One host answers nobody: the job does not come to its end before it is killed.
    hangs = tmp_path / "python-that-hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 1000\n", encoding="utf-8")
    hangs.chmod(0o755)
    fleet[list(cut(fleet, 3, SLICES))[-1]] = {"ansible_python_interpreter": str(hangs)}
    jobs = sliced(tmp_path / "slices", fleet, 2000)
    jobs[2].kill_in_the_middle("Measure the host", 3)
    ended = [job.end() for job in jobs]
    assert [bool(job.artifacts) for job in ended] == [True, True, False, True]
    job = reduced(tmp_path / "reduce", fleet, handed_on(*ended), softtoken_slices_count=SLICES)
    assert job.rc == 2
    lost = set(cut(fleet, 3, SLICES))
    for host in job.report["hosts"]:
        assert (host["reasons"] == ["host.not_measured"]) is (host["host"] in lost)
        if host["host"] in lost:
            assert host["verdict"] == "unknown"
            assert host["messages"] == ["no slice told of this host; 1 of 4 slices left no artifact"]
    assert len(job.report["hosts"]) == 80
    assert job.artifacts["softtoken"]["slices"] == {"arrived": 3, "lost": 1}


def test_two_runs_at_a_time_are_not_mixed(tmp_path: Path) -> None:
    other: dict[str, dict[str, Any]] = {f"other-{number}": {} for number in range(4)}
    first = sliced(tmp_path / "first", SMALL, 3000)
    second = sliced(tmp_path / "second", other, 4000)
    mixed = handed_on(*(job.end() for job in [*first, *second]))
    assert len(mixed) == 2 * SLICES
    told = {"softtoken_slices_count": SLICES, "softtoken_fail_on": []}
    job = reduced(tmp_path / "reduce-first", SMALL, mixed, softtoken_slices_run=3000, **told)
    assert set(verdicts(job.report)) == set(SMALL)
    assert any(note.startswith("refused, as of another run, 4000: 4 artifacts") for note in job.report["notes"])
    job = reduced(tmp_path / "reduce-second", other, mixed, softtoken_slices_run=4000, **told)
    assert set(verdicts(job.report)) == set(other)


def test_a_job_that_is_told_to_be_a_slice_and_not_of_which_run_measures_nothing(tmp_path: Path) -> None:
    job = slice_job(tmp_path / "job", SMALL, 1, 1, softtoken_slice="3", softtoken_mode="audit").start().end()
    assert job.rc == 2
    assert "softtoken_slice is '3'" in job.output
    assert "TASK [Measure the host]" not in job.output


def test_the_account_is_audited_once_with_what_all_slices_found(tmp_path: Path) -> None:
    stale = "arn:aws:iam::123456789012:mfa/nobody-has-this"
    for number in (1, 2):
        serials = [{"serial": stale, "where": "/root/.aws/config", "profile": "prod", "user": "root"}]
        facts = {"schema": 1, "verdict": "compliant", "reasons": [], "serials": serials}
        entry = host_entry(HostAnswers(host=f"web-{number}", measured={"ansible_facts": {"softtoken": facts}}))
        name = SliceName(number, 2)
        part = Slice(
            name=name, run="r", written_at="2026-11-21T12:00:05.000001Z", mode="audit", dry_run=False, hosts=(entry,)
        )
        path = tmp_path / "slices" / f"{name.key}.r.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(pack(part)), encoding="utf-8")
    (tmp_path / "slices" / "softtoken_slice_1_of_1.x.json").write_text("no json", encoding="utf-8")
    told = {"softtoken_slices_dir": "slices", "softtoken_slices_run": "r"}
    account = str(PLAYBOOKS / "files" / "sample_account.json")
    hosts = inventory_of({"web-1": {}, "web-2": {}})
    run = ansible_playbook(tmp_path, PLAYBOOKS / "compliance_reduce.yml", hosts, softtoken_account=account, **told)
    assert run.rc == 2
    found = [finding for finding in run.report["account"]["findings"] if finding["serial"] == stale]
    assert found
    assert all(finding["hosts"] == ["web-1", "web-2"] for finding in found)
    assert run.report["counts"] == {"hosts": 2, "noncompliant": 0, "unknown": 0, "compliant": 2}
    assert "softtoken_slice_1_of_1.x.json is no JSON" in " ".join(run.report["notes"])
    assert run.output.count("TASK [audit_account | Audit the account]") == 1
