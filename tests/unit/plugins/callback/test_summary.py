"""The callback with results as Ansible gives them, and a display that keeps what it is told."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants, context
from ansible_collections.softtoken.compliance.plugins.callback import summary
from ansible_collections.softtoken.compliance.plugins.callback.summary import CallbackModule, StatusLine
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import (
    render_json,
    summary_to_dict,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, build_report

GONE = {"unreachable": True, "msg": "no route to host"}


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Display:
    verbosity = 0

    def __init__(self) -> None:
        self.said: list[tuple[str, str | None]] = []

    def display(self, msg: str, color: str | None = None) -> None:
        self.said.append((msg, color))

    def banner(self, msg: str) -> None:
        self.said.append((f"== {msg}", None))

    @property
    def text(self) -> str:
        return "\n".join(text for text, _color in self.said)


def stdout(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    """Put a stream in place of stdout for the callback alone: pytest has its own there."""
    monkeypatch.setattr(summary, "sys", SimpleNamespace(stdout=stream, argv=["ansible-playbook"]))


@pytest.fixture(autouse=True)
def command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"args": ("compliance.yml",), "inventory": ("hosts.yml",)})
    for name in ("CI", "AWX_ISOLATED_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def display() -> Display:
    return Display()


@pytest.fixture
def callback(display: Display) -> CallbackModule:
    module = CallbackModule(display=display)
    module._plugin_options = {"max_hosts": 10, "progress": "auto"}
    return module


def play(*hosts: str, uuid: str = "play") -> Any:
    manager = SimpleNamespace(get_vars=lambda play: {"ansible_play_hosts_all": list(hosts)})  # noqa: ARG005
    return SimpleNamespace(_uuid=uuid, get_variable_manager=lambda: manager)


def task(action: str = "softtoken.compliance.host_facts", name: str = "Measure") -> Any:
    return SimpleNamespace(
        action=action.rpartition(".")[2], resolved_action=action, get_name=lambda: name, check_mode=False
    )


def result(host: str, values: dict[str, Any], **options: str) -> Any:
    return SimpleNamespace(host=SimpleNamespace(get_name=lambda: host), task=task(**options), result=values)


def old_result(host: str, values: dict[str, Any]) -> Any:
    """As ansible-core before 2.19 gives it."""
    return SimpleNamespace(_host=SimpleNamespace(get_name=lambda: host), _task=task(), _result=values)


def facts(verdict: str = "compliant", *reasons: str) -> dict[str, Any]:
    return {"ansible_facts": {"softtoken": {"schema": 1, "verdict": verdict, "reasons": list(reasons)}}}


@pytest.mark.parametrize("make", [result, old_result])
def test_a_run_of_host_facts_alone_is_summed_up(callback: CallbackModule, display: Display, make: Any) -> None:
    callback.v2_runner_on_ok(make("a", facts()))
    callback.v2_runner_on_ok(make("b", facts("noncompliant", "chrony.missing")))
    callback.v2_runner_on_failed(make("c", {"msg": "no python"}), ignore_errors=True)
    callback.v2_runner_on_unreachable(make("d", {"msg": "no route"}))
    callback.v2_playbook_on_stats(None)
    assert display.said[0] == ("== SOFTTOKEN COMPLIANCE", None)
    first = "NONCOMPLIANT  4 hosts: 1 noncompliant, 2 unknown, 1 compliant"
    assert display.said[1] == (first, constants.COLOR_ERROR)
    assert ("  c: no python", constants.COLOR_WARN) in display.said
    assert ("  d: no route", constants.COLOR_WARN) in display.said


def test_a_run_that_measures_nothing_gets_no_word(callback: CallbackModule, display: Display) -> None:
    callback.v2_runner_on_ok(result("a", {"ping": "pong"}, action="ansible.builtin.ping"))
    callback.v2_runner_on_unreachable(result("b", {"msg": "no route"}, action="ansible.builtin.ping"))
    callback.v2_playbook_on_stats(None)
    assert display.said == []


def report_result(folder: Path, *, written: bool = True) -> dict[str, Any]:
    answers = [HostAnswers(host="a", measured=GONE), HostAnswers(host="sliced", measured=GONE)]
    report = build_report(answers, generated_at="2026-11-21T12:00:05Z", mode="audit")
    path = folder / "report.json"
    if written:
        path.write_text(render_json(report), encoding="utf-8")
    return {"summary": summary_to_dict(report), "files": [str(path), str(folder / "index.html")]}


def reported(values: dict[str, Any]) -> Any:
    return result("a", values, action="softtoken.compliance.compliance_report", name="Report")


def test_the_report_that_was_written_is_what_is_told(
    callback: CallbackModule, display: Display, tmp_path: Path
) -> None:
    callback.v2_runner_on_unreachable(result("a", {"msg": "no route"}))
    callback.v2_runner_on_ok(reported(report_result(tmp_path)))
    callback.v2_playbook_on_stats(None)
    assert "2 unknown" in display.text
    assert "  sliced: no route to host" in display.text
    assert display.text.index("Report: ") < display.text.index("index.html")


@pytest.mark.parametrize("damage", ["missing", "of another run", "broken"])
def test_a_file_that_is_not_this_report_is_not_told(
    callback: CallbackModule, display: Display, tmp_path: Path, damage: str
) -> None:
    values = report_result(tmp_path, written=damage != "missing")
    path = tmp_path / "report.json"
    if damage == "of another run":
        document = json.loads(path.read_text(encoding="utf-8"))
        document["hosts"].pop()
        path.write_text(json.dumps(document), encoding="utf-8")
    if damage == "broken":
        path.write_text("{", encoding="utf-8")
    callback.v2_runner_on_unreachable(result("a", {"msg": "no route"}))
    callback.v2_runner_on_ok(reported(values))
    callback.v2_playbook_on_stats(None)
    assert "report.json could not be read" in display.text
    assert "1 host: 0 noncompliant, 1 unknown" in display.text


def test_in_check_mode_the_verdicts_are_the_reports_and_no_older_file_is_named(
    callback: CallbackModule, display: Display, tmp_path: Path
) -> None:
    summary = report_result(tmp_path)["summary"]
    summary["account_summary"] = {"verdict": "noncompliant"}
    values = {
        **report_result(tmp_path), "summary": summary, "headline": "unknown: 2 hosts: 2 unknown",
        "account_headline": "account 1: noncompliant: 3 findings",
    }  # fmt: skip
    checked = reported(values)
    checked.task.check_mode = True
    callback.v2_runner_on_ok(checked)
    callback.v2_playbook_on_stats(None)
    assert "UNKNOWN       2 hosts: 2 unknown\nNONCOMPLIANT  account 1: 3 findings" in display.text
    assert "No report was written" in display.text
    assert "no host was matched" not in display.text
    assert "Report: " not in display.text


def test_without_the_format_json_it_does_not_speak_of_an_error(
    callback: CallbackModule, display: Display, tmp_path: Path
) -> None:
    values = {**report_result(tmp_path), "files": [str(tmp_path / "junit.xml")]}
    callback.v2_runner_on_unreachable(result("a", {"msg": "no route"}))
    callback.v2_runner_on_ok(reported(values))
    callback.v2_playbook_on_stats(None)
    assert "could not be read" not in display.text
    assert "The hosts as they were seen in the run" in display.text


def test_preparing_a_report_is_no_report(callback: CallbackModule, display: Display) -> None:
    callback.v2_runner_on_ok(reported({"directory": "/srv/report"}))
    callback.v2_playbook_on_stats(None)
    assert display.said == []


def test_a_run_that_was_stopped_tells_what_it_saw(callback: CallbackModule, display: Display) -> None:
    callback.v2_playbook_on_play_start(play("a", "b", "c"))
    callback.v2_runner_on_ok(result("a", facts()))
    callback._tell_what_there_is(os.getpid())
    assert "The run ended early: 1 of 3 hosts were measured until then." in display.text


def test_a_run_that_ended_is_told_once_and_no_forked_process_tells(callback: CallbackModule, display: Display) -> None:
    callback.v2_runner_on_ok(result("a", facts()))
    callback._tell_what_there_is(os.getpid() + 1)
    assert display.said == []
    callback.v2_playbook_on_stats(None)
    said = list(display.said)
    callback._tell_what_there_is(os.getpid())
    assert display.said == said


def test_commands_are_those_of_this_run_and_none_in_a_job(
    callback: CallbackModule, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout(monkeypatch, Terminal())
    callback.v2_runner_on_ok(result("a", facts("noncompliant", "chrony.missing")))
    callback.v2_playbook_on_stats(None)
    assert "ansible-playbook -i hosts.yml compliance.yml" in display.text
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", "/runner")
    display.said.clear()
    callback.v2_playbook_on_stats(None)
    assert "chronyd is not installed" in display.text
    assert "hosts.yml" not in display.text


def test_what_the_terminal_cannot_show_is_written_out(
    callback: CallbackModule, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    terminal.encoding = "ascii"
    stdout(monkeypatch, terminal)
    callback.v2_runner_on_unreachable(result("h\u00f6st", {"msg": "no route"}))
    callback.v2_playbook_on_stats(None)
    assert "  h\\xf6st: no route" in display.text


# --- progress --------------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    stdout(monkeypatch, made)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "default")
    return made


def test_a_status_line_goes_away_before_anything_is_displayed(display: Display, terminal: Terminal) -> None:
    line = StatusLine(display)
    line.show("1/3 hosts")
    assert terminal.getvalue() == "\r1/3 hosts\x1b[K"
    display.display("ok: [a]")
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert display.said == [("ok: [a]", None)]
    written = terminal.getvalue()
    display.display("ok: [b]")
    line.hide()
    assert terminal.getvalue() == written  # what is gone needs no clearing


def test_a_forked_process_leaves_the_status_line_alone(
    display: Display, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = StatusLine(display)
    line.show("1/3 hosts")
    written = terminal.getvalue()
    monkeypatch.setattr("os.getpid", lambda: 1)
    display.display("from the fork")
    assert terminal.getvalue() == written


def test_progress_begins_with_the_task_and_ends_with_its_last_host(
    callback: CallbackModule, display: Display, terminal: Terminal
) -> None:
    callback._line = StatusLine(display)
    callback.v2_playbook_on_play_start(play("a", "b"))
    callback.v2_playbook_on_task_start(task(action="ansible.builtin.ping"), False)
    assert terminal.getvalue() == ""
    callback.v2_playbook_on_task_start(task(), False)
    assert terminal.getvalue().endswith("\r0/2 hosts measured\x1b[K")
    display.display("ok: [a]")
    callback.v2_runner_on_ok(result("a", facts()))
    assert terminal.getvalue().endswith("\r1/2 hosts measured  1 compliant  0:00\x1b[K")
    display.display("ok: [b]")
    callback.v2_runner_on_ok(result("b", facts()))
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_progress_goes_on_over_batches(callback: CallbackModule, display: Display, terminal: Terminal) -> None:
    callback._line = StatusLine(display)
    for host in ("a", "b"):
        callback.v2_playbook_on_play_start(play("a", "b", "c"))
        callback.v2_playbook_on_task_start(task(), False)
        display.display(f"ok: [{host}]")
        callback.v2_runner_on_ok(result(host, facts()))
    callback.v2_playbook_on_play_start(play("a", "b", "c"))
    callback.v2_playbook_on_task_start(task(), False)
    assert terminal.getvalue().endswith("\r2/3 hosts measured  2 compliant  0:00\x1b[K")
    callback.v2_playbook_on_task_start(task(name="Measure again"), False)
    assert terminal.getvalue().endswith("\r0/3 hosts measured\x1b[K")


def test_many_results_in_one_moment_are_drawn_once(
    callback: CallbackModule, display: Display, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    callback._line = StatusLine(display)
    callback.v2_playbook_on_play_start(play(*map(str, range(1000))))
    callback.v2_playbook_on_task_start(task(), False)
    written = terminal.getvalue()
    for host in range(500):  # nothing is displayed for a host, as with display_ok_hosts=false
        callback.v2_runner_on_ok(result(str(host), facts()))
    assert terminal.getvalue() == written
    now[0] += 1.0
    callback.v2_runner_on_ok(result("500", facts()))
    assert terminal.getvalue().endswith("\r501/1000 hosts measured  501 compliant  0:01\x1b[K")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("wanted", "environment", "shown"),
    [
        ("auto", {}, True),
        ("off", {}, False),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {"CI": "true"}, False),
        ("auto", {"AWX_ISOLATED_DATA_DIR": "/runner"}, False),
        ("on", {"CI": "true"}, True),
        ("on", {"AWX_ISOLATED_DATA_DIR": "/runner"}, True),
        ("on", {"TERM": "dumb"}, False),
    ],
)
def test_progress_is_for_terminals_that_somebody_looks_at(
    callback: CallbackModule,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    environment: dict[str, str],
    shown: bool,
) -> None:
    callback._plugin_options["progress"] = wanted
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert callback._wants_progress() is shown


@pytest.mark.usefixtures("terminal")
def test_there_is_no_progress_where_awx_displays_or_in_a_pipe(
    callback: CallbackModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "awx_display")
    assert callback._wants_progress() is False
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "default")
    stdout(monkeypatch, io.StringIO())
    callback._plugin_options["progress"] = "on"
    assert callback._wants_progress() is False
