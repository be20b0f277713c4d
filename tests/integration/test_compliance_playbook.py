"""The playbook compliance.yml, run for real: on this machine, on hosts that are not there, on hosts that fail."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.playbooks import PLAYBOOKS, THIS_MACHINE, Run, ansible_playbook, inventory_of

# Nothing listens on port 1: the connection is refused at once.
GONE: dict[str, Any] = {
    "ansible_connection": "ssh",
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_ssh_common_args": "-o ConnectTimeout=5 -o BatchMode=yes",
}
BROKEN: dict[str, Any] = {"ansible_connection": "local", "ansible_python_interpreter": "/nonexistent/python"}
NEVER_FAIL: dict[str, Any] = {"softtoken_fail_on": []}


def compliance(folder: Path, hosts: dict[str, dict[str, Any]], *arguments: str, **variables: Any) -> Run:
    return ansible_playbook(folder, PLAYBOOKS / "compliance.yml", inventory_of(hosts), *arguments, **variables)


@pytest.fixture(scope="module")
def this_machine(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return compliance(tmp_path_factory.mktemp("audit"), {"here": THIS_MACHINE}, **NEVER_FAIL)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    hosts = {"gone1": GONE, "here": THIS_MACHINE, "broken": BROKEN, "gone2": GONE}
    return compliance(tmp_path_factory.mktemp("mixed"), hosts, softtoken_serial=1, softtoken_detail=True)


def test_an_audit_changes_nothing_and_succeeds_whatever_it_finds_when_told_so(this_machine: Run) -> None:
    assert this_machine.rc == 0, this_machine.output
    assert this_machine.recap["here"]["changed"] == 0


def test_an_audit_reports_the_facts_of_this_machine(this_machine: Run) -> None:
    host = this_machine.hosts["here"]
    assert host["facts"]["schema"] == 1
    assert host["verdict"] == host["facts"]["verdict"] == this_machine.report["verdict"]
    installed = shutil.which("chronyd", path="/usr/sbin:/usr/bin:/sbin:/bin") is not None
    assert host["facts"]["chrony"]["installed"] is installed
    assert ("chrony.missing" in host["reasons"]) is not installed
    assert (this_machine.report["mode"], this_machine.report["dry_run"]) == ("audit", False)


def test_the_text_report_is_written_beside(this_machine: Run) -> None:
    assert f"softtoken.compliance: {this_machine.report['verdict']}: 1 host:" in this_machine.text
    assert f"The report is in {this_machine.folder / 'report' / 'report.json'} and " in this_machine.output
    assert "here " in this_machine.text


def test_the_summary_is_handed_on_as_one_for_all_hosts(this_machine: Run) -> None:
    stats = this_machine.output[this_machine.output.index("CUSTOM STATS") :]
    assert "RUN: " in stats
    assert '"counts"' in stats
    assert str(this_machine.folder / "report" / "report.json") in stats


def test_reports_are_readable_for_everybody(this_machine: Run) -> None:
    path = this_machine.folder / "report" / "report.json"
    assert path.stat().st_mode & 0o777 == 0o644
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["index.html", "report.json", "report.txt"]


@pytest.mark.parametrize("formats", ["json, csv,junit", ["json", "csv", "junit"], "[json, csv, junit]"])
def test_the_site_names_the_formats(tmp_path: Path, formats: object) -> None:
    run = compliance(tmp_path, {"gone": GONE}, softtoken_formats=formats, **NEVER_FAIL)
    assert run.rc == 0, run.output
    written = sorted(entry.name for entry in (tmp_path / "report").iterdir())
    assert written == ["findings.csv", "hosts.csv", "junit.xml", "report.json"]
    assert '"gone","unknown","host.unreachable"' in (tmp_path / "report" / "hosts.csv").read_text(encoding="utf-8")
    assert str(tmp_path / "report" / "junit.xml") in run.output


def test_no_format_is_those_that_there_always_are(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"gone": GONE}, softtoken_formats="", **NEVER_FAIL)
    assert run.rc == 0, run.output
    assert (tmp_path / "report" / "index.html").exists()


@pytest.mark.parametrize(
    ("formats", "said"), [("json,pdf", "pdf"), ("[json", "is no list: write it as [json, text, html]")]
)
def test_a_format_that_there_is_not_stops_before_anything_is_measured(tmp_path: Path, formats: str, said: str) -> None:
    run = compliance(tmp_path, {"gone": GONE}, softtoken_formats=formats)
    assert run.rc == 2
    assert said in run.output
    assert "Measure the host" not in run.output
    assert not (tmp_path / "report").exists()


def test_hosts_of_all_batches_are_in_the_one_report(mixed: Run) -> None:
    assert sorted(mixed.hosts) == ["broken", "gone1", "gone2", "here"]
    assert mixed.report["counts"]["hosts"] == 4


def test_unreachable_hosts_are_unknown_with_the_reason(mixed: Run) -> None:
    for name in ("gone1", "gone2"):
        assert (mixed.hosts[name]["verdict"], mixed.hosts[name]["reasons"]) == ("unknown", ["host.unreachable"])
        assert "refused" in mixed.hosts[name]["messages"][0]


def test_hosts_whose_measurement_fails_are_unknown_with_the_reason(mixed: Run) -> None:
    assert (mixed.hosts["broken"]["verdict"], mixed.hosts["broken"]["reasons"]) == ("unknown", ["host.failed"])
    assert "/nonexistent/python" in mixed.hosts["broken"]["messages"][0]


def test_the_detail_brings_a_sentence_for_each_reason(mixed: Run) -> None:
    here = mixed.hosts["here"]
    assert here["verdict"] != "compliant"
    assert len(here["messages"]) == len(here["reasons"]) + len(here["warnings"])


def test_each_violating_host_fails_by_name_and_reason(mixed: Run) -> None:
    assert mixed.rc == 2
    assert {host for host, counts in mixed.recap.items() if counts["failed"]} == {"broken", "gone1", "gone2", "here"}
    assert "unknown: host.unreachable" in mixed.output


@pytest.mark.parametrize("fail_on", [["noncompliant"], "noncompliant"])
def test_only_what_the_site_names_fails_the_run(tmp_path: Path, fail_on: object) -> None:
    run = compliance(tmp_path, {"gone": GONE}, softtoken_fail_on=fail_on)
    assert run.rc == 0, run.output
    assert run.report["verdict"] == "unknown"


def test_a_run_that_reaches_nobody_reports_everybody(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"gone1": GONE, "gone2": GONE})
    assert run.rc == 2
    assert run.report["counts"] == {"hosts": 2, "noncompliant": 0, "unknown": 2, "compliant": 0}


def test_limit_is_the_reports_limit_too(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE, "gone": GONE}, "--limit", "here", **NEVER_FAIL)
    assert run.rc == 0, run.output
    assert list(run.hosts) == ["here"]


def test_no_host_at_all_is_said_and_is_not_green(tmp_path: Path) -> None:
    run = compliance(tmp_path, {})
    assert run.rc == 2
    assert run.report["verdict"] == "unknown"
    assert run.report["counts"]["hosts"] == 0
    assert "no host was matched" in run.output


def test_a_pattern_without_hosts_is_said_under_a_limit_too(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE}, "--limit", "here", softtoken_hosts="all:!here")
    assert run.rc == 2
    assert run.report["counts"]["hosts"] == 0
    assert "no host was matched" in run.output


def test_an_unknown_mode_stops_before_anything_is_done(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE}, softtoken_mode="enforced")
    assert run.rc == 2
    assert 'softtoken_mode is "enforced": it has to be audit or enforce' in run.output
    assert not (tmp_path / "report").exists()


def test_check_mode_measures_and_reports_as_well(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE}, "--check", **NEVER_FAIL)
    assert run.rc == 0, run.output
    assert run.hosts["here"]["facts"]["schema"] == 1
    assert run.report["dry_run"] is True


def test_a_report_without_a_measurement_is_unknown(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE}, "--tags", "report")
    assert run.rc == 2
    assert run.hosts["here"]["reasons"] == ["host.not_measured"]


def test_the_audit_judges_by_the_policy_of_the_role(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE}, timesync_max_error=0.1, timesync_warn_error=0.2)
    assert run.hosts["here"]["reasons"] == ["host.failed"]
    assert "warn_error (0.2" in run.hosts["here"]["messages"][0]


def inventory_run(folder: Path, hosts: dict[str, Any], *arguments: str, **variables: Any) -> Run:
    """Run with these variables in the group all of the inventory."""
    return ansible_playbook(folder, PLAYBOOKS / "compliance.yml", inventory_of(hosts, **variables), *arguments)


def test_hosts_that_the_inventory_wants_enforced_are_and_no_others(tmp_path: Path) -> None:
    # The configuration is refused before anything changes; that it was tried shows which hosts the role ran on.
    refused = {**THIS_MACHINE, "timesync_step": "no such choice"}
    hosts = {"wanted": {**refused, "softtoken_mode": "enforce"}, "audited": refused}
    run = inventory_run(tmp_path, hosts, softtoken_fail_on=[])
    assert run.rc == 0, run.output
    assert run.report["mode"] == "enforce"
    assert run.hosts["wanted"]["enforcement"]["status"] == "failed"
    assert run.hosts["audited"].get("enforcement") is None


def test_a_mode_given_to_the_run_wins_over_the_inventorys(tmp_path: Path) -> None:
    hosts = {"here": {**THIS_MACHINE, "softtoken_mode": "enforce"}}
    run = compliance(tmp_path, hosts, softtoken_mode="audit", **NEVER_FAIL)
    assert run.rc == 0, run.output
    assert run.report["mode"] == "audit"
    assert run.hosts["here"].get("enforcement") is None


def test_hosts_and_serial_of_the_group_all_hold_for_the_whole_run(tmp_path: Path) -> None:
    hosts = dict.fromkeys(("one", "two", "three"), THIS_MACHINE)
    run = inventory_run(tmp_path, hosts, softtoken_hosts="one,two", softtoken_serial=1, softtoken_fail_on=[])
    assert run.rc == 0, run.output
    assert sorted(run.hosts) == ["one", "two"]
    assert run.output.count("TASK [Measure the host]") == 2
    # It only took part in the play that checks what was asked for, or in none.
    assert "ok: [three]" not in run.output.partition("PLAY [Report]")[0].partition("TASK [Measure the host]")[2]


@pytest.mark.parametrize("variable", ["softtoken_hosts", "softtoken_serial", "softtoken_fail_on"])
def test_what_holds_for_the_run_cannot_differ_between_hosts(tmp_path: Path, variable: str) -> None:
    run = inventory_run(tmp_path, {"here": {**THIS_MACHINE, variable: "1"}, "there": THIS_MACHINE})
    assert run.rc == 2
    assert f"{variable} is not the same for every host" in " ".join(run.output.split())
    assert "TASK [Measure the host]" not in run.output


@pytest.mark.parametrize("text", ["softtoken_fail_on=[]", "softtoken_fail_on="])
def test_an_empty_list_may_come_as_text(tmp_path: Path, text: str) -> None:
    run = compliance(tmp_path, {"gone": GONE}, "-e", text)
    assert run.rc == 0, run.output
    assert run.report["verdict"] == "unknown"


def test_a_wrong_fail_on_stops_before_anything_is_measured(tmp_path: Path) -> None:
    run = compliance(tmp_path, {"here": THIS_MACHINE}, softtoken_fail_on=["red"])
    assert run.rc == 2
    assert "fail_on must be one or more of: noncompliant, unknown" in run.output
    assert "TASK [Measure the host]" not in run.output


def test_a_report_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    run = compliance(tmp_path, {"here": THIS_MACHINE}, softtoken_report_dir=str(tmp_path / "file" / "report"))
    assert run.rc == 2
    assert "cannot write the report into" in run.output
    assert "softtoken_report_dir" in run.output
    assert "TASK [Measure the host]" not in run.output
