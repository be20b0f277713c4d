"""The callback summary in real runs: in a terminal, a pipe, a job of ansible-runner, stopped, and switched off."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.playbooks import (
    PLAYBOOKS,
    ROOT,
    THIS_MACHINE,
    Run,
    ansible_playbook,
    command_line,
    inventory_of,
)
from tests.rigs.terminal import Session, run_in_terminal

# Nothing listens on port 1: the connection is refused at once.
GONE: dict[str, Any] = {
    "ansible_connection": "ssh",
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_ssh_common_args": "-o ConnectTimeout=5 -o BatchMode=yes",
}
BROKEN: dict[str, Any] = {"ansible_connection": "local", "ansible_python_interpreter": "/nonexistent/python"}
MIXED = {"gone-1": GONE, "broken-1": BROKEN, "here-1": THIS_MACHINE, "here-2": THIS_MACHINE}
SAMPLE = str(PLAYBOOKS / "files" / "sample_account.json")
MEASURE = [
    {
        "name": "Measure",
        "hosts": "all",
        "gather_facts": False,
        "ignore_unreachable": True,
        "serial": "{{ batch | default('100%') }}",
        "tasks": [{"name": "Measure", "softtoken.compliance.host_facts": None, "ignore_errors": True}],
    }
]
PROGRESS = re.compile(rb"(\d+)/(\d+) hosts measured")
HEADING = "SOFTTOKEN COMPLIANCE ***"


def in_terminal(
    folder: Path,
    playbook: Path,
    hosts: dict[str, Any],
    *arguments: str,
    interrupt_at: bytes | None = None,
    environment: dict[str, str] | None = None,
    **variables: Any,
) -> Session:
    argv, own = command_line(folder, playbook, inventory_of(hosts), *arguments, **variables)
    own.pop("ANSIBLE_NOCOLOR")
    own.pop("CI", None)
    return run_in_terminal(argv, folder=folder, environment={**own, **(environment or {})}, interrupt_at=interrupt_at)


@pytest.fixture
def measure(tmp_path: Path) -> Path:
    path = tmp_path / "measure.yml"
    path.write_text(yaml.safe_dump(MEASURE), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("terminal")
    return in_terminal(folder, PLAYBOOKS / "compliance.yml", MIXED, softtoken_account=SAMPLE)


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pipe")
    return ansible_playbook(folder, PLAYBOOKS / "compliance.yml", inventory_of(MIXED), softtoken_account=SAMPLE)


def summary_of(text: str) -> list[str]:
    return text[text.index(HEADING) :].splitlines()[1:]


def test_the_progress_is_seen_while_hosts_are_measured_and_leaves_nothing(session: Session) -> None:
    seen = [(int(done), int(total)) for done, total in PROGRESS.findall(session.sent)]
    assert seen[0] == (0, 4)
    assert seen == sorted(seen)
    assert {done for done, _total in seen} >= {1, 3}
    assert "hosts measured" not in session.text


def test_the_screen_ends_with_the_verdicts_and_the_page(session: Session) -> None:
    end = [line for line in session.lines if line][-6:]
    assert any(re.match(r"(NONCOMPLIANT|UNKNOWN) +4 hosts: \d noncompliant, \d unknown", line) for line in end), end
    assert any(line.startswith("NONCOMPLIANT  account 123456789012: ") for line in end), end
    assert any(line.startswith("Report: ") for line in end), end
    assert "index.html" in "".join(end)


def test_what_was_not_measured_is_there_with_its_error_and_the_command(session: Session) -> None:
    text = "\n".join(summary_of(session.text))
    assert "Not measured: 2 of 4\n" in text
    assert re.search(r"  broken-1: .*/nonexistent/python", text)
    unfolded = " ".join(text.split())
    assert re.search(r" gone-1: [^:]*: ssh: connect to host 127.0.0.1 port 1: Connection refused", unfolded)
    assert re.search(r"ansible -i \S*inventory.yml gone-1 [\\\s]*-m ansible.builtin.ping [\\\s]*-vvv", text)


def test_findings_of_every_severity_are_there_with_the_playbook_that_corrects(session: Session) -> None:
    summary = summary_of(session.text)
    for severity in ("critical", "high", "medium", "low", "info"):
        assert any(line.startswith(f"  {severity:<8}  MFA-") for line in summary), severity
    assert "iam_remediate.yml" in "\n".join(summary)


def test_the_verdict_is_coloured_on_a_terminal_and_not_where_nobody_wants_it(session: Session, tmp_path: Path) -> None:
    assert b"\x1b[0;31mNONCOMPLIANT" in session.sent
    plain = in_terminal(tmp_path, PLAYBOOKS / "compliance.yml", {"here": THIS_MACHINE}, environment={"NO_COLOR": "1"})
    assert HEADING in plain.text
    assert set(re.findall(rb"\x1b\[[^A-Za-z]*[A-Za-z]", plain.sent)) <= {b"\x1b[K"}


def test_a_pipe_gets_the_summary_and_neither_progress_nor_colours(piped: Run) -> None:
    assert piped.rc == 2
    assert "Not measured: 2 of 4" in summary_of(piped.output)
    assert "hosts measured" not in piped.output
    assert "\x1b" not in piped.output
    assert "\r" not in piped.output


def test_what_ansible_says_itself_is_all_there(session: Session, piped: Run) -> None:
    for text in (session.text, piped.output):
        assert text.count("PLAY RECAP ***") == 1
        assert "fatal: [broken-1]" in text
        assert "fatal: [gone-1]" in text
        assert text.index("PLAY RECAP") < text.index(HEADING)
    assert session.rc == piped.rc == 2


def test_a_run_that_stops_before_it_measures_gets_no_word(tmp_path: Path) -> None:
    stopped = in_terminal(
        tmp_path, PLAYBOOKS / "compliance.yml", {"here": THIS_MACHINE}, softtoken_mode="enforced, please"
    )
    assert stopped.rc == 2
    assert "it has to be audit or enforce" in " ".join(stopped.text.split())
    assert HEADING not in stopped.text


def test_ctrl_c_leaves_what_was_measured(tmp_path: Path, measure: Path) -> None:
    slow = tmp_path / "python-that-hangs"
    slow.write_text("#!/bin/sh\nexec sleep 300\n", encoding="utf-8")
    slow.chmod(0o755)
    hosts = {"here": THIS_MACHINE, "slow": {**THIS_MACHINE, "ansible_python_interpreter": str(slow)}}
    stopped = in_terminal(tmp_path, measure, hosts, interrupt_at=b"1/2 hosts measured")
    assert stopped.rc == 99
    assert "User interrupted execution" in stopped.text
    summary = summary_of(stopped.text)
    assert "The run ended early: 1 of 2 hosts were measured until then." in summary
    assert any(re.match(r"\w+ +here ", line) for line in summary)
    assert "1/2 hosts measured" not in stopped.text


def test_host_facts_alone_is_summed_up_over_batches(tmp_path: Path, measure: Path) -> None:
    hosts = {"here-1": THIS_MACHINE, "gone": GONE, "here-2": THIS_MACHINE}
    run = in_terminal(tmp_path, measure, hosts, batch=1)
    assert {done for done, total in PROGRESS.findall(run.sent) if total == b"3"} == {b"0", b"1", b"2"}
    assert "Not measured: 1 of 3" in summary_of(run.text)


def test_a_job_of_ansible_runner_has_the_summary_in_its_log_and_no_progress(tmp_path: Path, measure: Path) -> None:
    argv, environment = command_line(tmp_path, measure, inventory_of({"a": THIS_MACHINE, "b": THIS_MACHINE}))
    runner = [str(Path(sys.executable).with_name("ansible-runner")), "run", str(tmp_path / "job"), "-p", str(measure)]
    environment.pop("CI", None)
    (tmp_path / "job" / "project").mkdir(parents=True)
    done = subprocess.run(
        [*runner, "--inventory", argv[argv.index("-i") + 1]],
        env={**environment, "TERM": "xterm"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = (tmp_path / "job" / "artifacts").glob("*/stdout")
    text = log.read_text(encoding="utf-8")
    assert "2 hosts: " in "\n".join(summary_of(text))
    assert "hosts measured" not in text


@pytest.mark.parametrize("enabled", [True, False])
def test_elsewhere_it_is_there_when_it_is_enabled(tmp_path: Path, measure: Path, enabled: bool) -> None:
    argv, environment = command_line(tmp_path, measure, inventory_of({"here": THIS_MACHINE}))
    (tmp_path / "ansible.cfg").write_text(
        f"[defaults]\ncollections_path = {ROOT / '.ansible' / 'collections'}\n", encoding="utf-8"
    )
    environment["ANSIBLE_CONFIG"] = str(tmp_path / "ansible.cfg")
    environment.pop("ANSIBLE_CALLBACKS_ENABLED", None)
    if enabled:
        environment["ANSIBLE_CALLBACKS_ENABLED"] = "softtoken.compliance.summary"
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (HEADING in done.stdout) is enabled
