from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HISTORY_LIMIT,
    HistoryPoint,
    HostAnswers,
    HostEntry,
    Report,
    build_report,
    headline,
    violations,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.values import STRINGS_LIMIT, number

Maker = Callable[..., dict[str, Any]]


def report_of(*answers: HostAnswers, mode: str = "audit") -> Report:
    return build_report(answers, generated_at="2026-11-21T12:00:05Z", mode=mode)


def entry_of(**answers: Mapping[str, Any] | None) -> HostEntry:
    return report_of(HostAnswers(host="a", **answers)).hosts[0]


def test_a_compliant_host_is_compliant(result: Maker) -> None:
    entry = entry_of(measured=result())
    assert (entry.state.verdict, entry.state.reasons) == ("compliant", ())
    assert entry.before is None


def test_reasons_warnings_and_messages_are_kept(result: Maker) -> None:
    measured = result(
        verdict="noncompliant", reasons=["chrony.missing"], warnings=["config.no_rtcsync"], messages=["No chronyd."]
    )
    state = entry_of(measured=measured).state
    assert (state.reasons, state.warnings, state.messages) == (
        ("chrony.missing",),
        ("config.no_rtcsync",),
        ("No chronyd.",),
    )


@pytest.mark.parametrize(
    ("measured", "reason", "words"),
    [
        (None, "host.not_measured", "no measurement in this run"),
        ({"skipped": True, "skip_reason": "Conditional result was False"}, "host.not_measured", "no measurement"),
        ({"unreachable": True, "msg": "Connection timed out"}, "host.unreachable", "Connection timed out"),
        ({"unreachable": True, "skipped": True, "failed": True}, "host.not_measured", "no measurement"),
        ({"failed": True, "msg": "no python"}, "host.failed", "no python"),
        ({"failed": True, "msg": "", "module_stderr": "Segmentation fault\n"}, "host.failed", "Segmentation fault"),
        ({"failed": True}, "host.failed", "gave no message"),
        ({"changed": False}, "host.malformed_facts", "no ansible_facts.softtoken"),
        ({"ansible_facts": ["softtoken"]}, "host.malformed_facts", "no ansible_facts.softtoken"),
        ({"ansible_facts": {"softtoken": "compliant"}}, "host.malformed_facts", "no ansible_facts.softtoken"),
        ({"ansible_facts": {"softtoken": {"schema": 2, "verdict": "compliant"}}}, "host.malformed_facts", "schema 2"),
        ({"ansible_facts": {"softtoken": {"schema": 1, "verdict": "fine"}}}, "host.malformed_facts", "'fine'"),
    ],
)
def test_what_is_not_measured_is_unknown(measured: dict[str, Any] | None, reason: str, words: str) -> None:
    state = entry_of(measured=measured).state
    assert (state.verdict, state.reasons) == ("unknown", (reason,))
    assert words in state.messages[0]


def test_an_unreachable_host_is_unreachable_whatever_else_it_says(result: Maker) -> None:
    assert entry_of(measured=result() | {"unreachable": True}).state.reasons == ("host.unreachable",)


def test_cached_facts_are_mentioned_but_prove_nothing(result: Maker) -> None:
    state = entry_of(cached=result()["ansible_facts"]["softtoken"]).state
    assert (state.verdict, state.reasons) == ("unknown", ("host.not_measured",))
    assert "'compliant' at 2026-11-21T12:00:00Z" in state.messages[0]


def test_an_enforced_host_is_judged_by_what_was_measured_afterwards(result: Maker) -> None:
    before = result(verdict="noncompliant", reasons=["chrony.inactive"])
    entry = entry_of(measured=before, enforced={"status": "ok"}, measured_again=result())
    assert entry.state.verdict == "compliant"
    assert entry.before is not None
    assert entry.before.reasons == ("chrony.inactive",)


def test_a_host_not_measured_after_enforcing_is_unknown_even_if_it_was_compliant(result: Maker) -> None:
    enforced = {"status": "failed", "task": "Configure", "message": "rolled back"}
    entry = entry_of(measured=result(), enforced=enforced)
    assert entry.state.reasons == ("host.not_measured",)
    assert entry.enforcement is not None
    assert (entry.enforcement.task, entry.enforcement.message) == ("Configure", "rolled back")


def test_terminal_control_sequences_of_a_host_are_taken_out() -> None:
    message = entry_of(measured={"failed": True, "msg": "\x1b[2Jall\nis  well"}).state.messages[0]
    assert message == "?[2Jall is well"


def test_long_messages_are_cut() -> None:
    assert len(entry_of(measured={"failed": True, "msg": "x" * 10000}).state.messages[0]) == 500


@pytest.mark.parametrize(
    ("verdicts", "overall"),
    [
        ([], "unknown"),
        (["compliant"], "compliant"),
        (["compliant", "unknown"], "unknown"),
        (["unknown", "noncompliant", "compliant"], "noncompliant"),
    ],
)
def test_the_worst_verdict_is_the_reports(result: Maker, verdicts: list[str], overall: str) -> None:
    answers = [HostAnswers(host=str(i), measured=result(verdict=verdict)) for i, verdict in enumerate(verdicts)]
    assert report_of(*answers).verdict == overall


def test_worst_host_first(result: Maker) -> None:
    report = report_of(
        HostAnswers(host="ok", measured=result()),
        HostAnswers(host="gone", measured={"unreachable": True}),
        HostAnswers(host="slow", measured=result(verdict="noncompliant", offset_s=-3.0)),
        HostAnswers(host="fast", measured=result(verdict="noncompliant", offset_s=300.0)),
        HostAnswers(host="bare", measured=result(verdict="noncompliant", offset_s=None)),
    )
    assert [entry.host for entry in report.hosts] == ["bare", "fast", "slow", "gone", "ok"]
    assert report.counts == {"noncompliant": 3, "unknown": 1, "compliant": 1}


def test_the_worst_reason_stands_first_however_rare_it_is(result: Maker) -> None:
    report = report_of(
        HostAnswers(host="a", measured=result(verdict="noncompliant", reasons=["clock.stale"])),
        HostAnswers(host="b", measured=result(verdict="noncompliant", reasons=["chrony.missing"])),
        HostAnswers(host="c", measured=result(verdict="noncompliant", reasons=["clock.stale", "chrony.missing"])),
        HostAnswers(host="d", measured=result(verdict="noncompliant", reasons=["clock.stale"])),
        HostAnswers(host="e", measured=result(verdict="unknown", reasons=["config.unread"])),
        HostAnswers(host="f", measured=result(verdict="unknown", reasons=["config.brand_new"])),
        HostAnswers(host="g", measured=result(verdict="unknown", reasons=["clock.brand_new"])),
        HostAnswers(host="h", measured=result(verdict="unknown", reasons=["config.brand_new"])),
        HostAnswers(host="i", measured={"unreachable": True}),
        HostAnswers(host="j", measured={"failed": True}),
        HostAnswers(host="k"),
    )
    assert (report.reasons["clock.stale"], report.reasons["chrony.missing"]) == (("a", "c", "d"), ("b", "c"))
    assert list(report.reasons) == [
        "chrony.missing",
        "clock.stale",
        "host.unreachable",
        "host.failed",
        "host.not_measured",
        "config.unread",
        "config.brand_new",
        "clock.brand_new",
    ]


@pytest.mark.parametrize(
    ("fail_on", "hosts"),
    [(["noncompliant", "unknown"], {"bad", "gone"}), (["noncompliant"], {"bad"}), (["unknown"], {"gone"}), ([], set())],
)
def test_violations_are_what_the_site_says(result: Maker, fail_on: list[str], hosts: set[str]) -> None:
    report = report_of(
        HostAnswers(host="bad", measured=result(verdict="noncompliant", reasons=["chrony.missing"])),
        HostAnswers(host="gone", measured=None),
        HostAnswers(host="ok", measured=result()),
    )
    found = violations(report, fail_on)
    assert set(found) == hosts
    assert found.get("bad", "noncompliant: chrony.missing") == "noncompliant: chrony.missing"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("failed", "compliant; enforcement failed in task 'Configure': rolled back"),
        ("unreachable", "compliant; enforcement unreachable in task 'Configure': rolled back"),
    ],
)
def test_a_failed_enforcement_is_a_violation_whatever_was_measured(result: Maker, status: str, why: str) -> None:
    failed = {"status": status, "task": "Configure", "message": "rolled back"}
    report = report_of(
        HostAnswers(host="a", measured=result(), enforced=failed, measured_again=result()),
        HostAnswers(host="b", measured=result(), enforced=failed),
        HostAnswers(host="c", measured=result(), enforced={"status": "ok"}, measured_again=result()),
        mode="enforce",
    )
    assert violations(report, ["noncompliant"]) == {
        "a": why,
        "b": why.replace("compliant", "unknown: host.not_measured"),
    }
    assert violations(report, []) == {}
    assert headline(report) == ("unknown: 3 hosts: 0 noncompliant, 1 unknown, 2 compliant; enforcing failed on 2")


def test_an_audit_reports_no_failed_enforcement(result: Maker) -> None:
    answers = HostAnswers(host="a", measured=result(), enforced={"status": "failed"}, measured_again=result())
    report = report_of(answers)
    assert violations(report, ["noncompliant"]) == {}
    assert headline(report) == "compliant: 1 host: 0 noncompliant, 0 unknown, 1 compliant"


@pytest.mark.parametrize(
    ("stderr", "stdout", "cause"),
    [
        ("\n  pyenv: python3.13: command not found\nmore\n", "", ": pyenv: python3.13: command not found"),
        ("Traceback (most recent call last):\n  File x\nImportError: no zlib\n", "", ": ImportError: no zlib"),
        (
            "Shared connection to 192.0.2.1 closed.\r\n",
            "/bin/sh: python3: not found\r\n",
            ": /bin/sh: python3: not found",
        ),
        ("e" * 1000, "", ": " + "e" * 197 + "..."),
        ("No start.", "", ""),
        ("", "", ""),
        (None, 7, ""),
    ],
)
def test_a_module_that_did_not_run_says_why(stderr: object, stdout: object, cause: str) -> None:
    measured = {"failed": True, "msg": "No start. See stderr", "module_stderr": stderr, "module_stdout": stdout}
    assert entry_of(measured=measured).state.messages == ("No start. See stderr" + cause,)


def test_a_long_message_leaves_room_for_its_cause() -> None:
    message = entry_of(measured={"failed": True, "msg": "x" * 1000, "module_stderr": "no zlib"}).state.messages[0]
    assert len(message) == 500
    assert message.endswith("x...: no zlib")


@pytest.mark.parametrize("value", [None, True, "1.0", float("nan"), float("inf"), [1.0]])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    assert number(value) is None


def test_integers_are_numbers() -> None:
    assert number(-3) == -3.0


def with_history(result: Mapping[str, Any], history: Any) -> dict[str, Any]:
    return {**result, "detail": {"messages": [], "history": history}}


def test_what_an_agent_remembered_is_there_oldest_first(result: Maker) -> None:
    entry = entry_of(measured=with_history(result(), [[200.5, -0.25, 0.5], [100, None, None]]))
    assert entry.history == (HistoryPoint(100.0, None, None), HistoryPoint(200.5, -0.25, 0.5))


@pytest.mark.parametrize(
    "point",
    [
        None,
        "2026",
        [],
        [1.0, 2.0],
        [1.0, 2.0, 3.0, 4.0],
        {"taken_at_s": 1.0, "offset_s": 0.0, "bound_s": 0.0},
        ["1.0", 0.0, 0.0],
        [None, 0.0, 0.0],
        [True, 0.0, 0.0],
        [float("nan"), 0.0, 0.0],
        [-1.0, 0.0, 0.0],
        [1e15, 0.0, 0.0],
        [10**400, 0.0, 0.0],
    ],
)
def test_what_is_no_point_of_a_history_is_left_out(result: Maker, point: Any) -> None:
    entry = entry_of(measured=with_history(result(), [point, [5.0, 0.0, 0.0]]))
    assert entry.history == (HistoryPoint(5.0, 0.0, 0.0),)


def test_a_point_of_a_history_says_none_for_what_it_cannot_say(result: Maker) -> None:
    history = [[1, "fast", float("inf")], [2, 10**400, -1.0], [3, False, {}]]
    assert [point[1:] for point in entry_of(measured=with_history(result(), history)).history] == [(None, None)] * 3


@pytest.mark.parametrize("history", [None, "long", {"0": [1, 2, 3]}, 7])
def test_a_history_that_is_no_list_is_none(result: Maker, history: Any) -> None:
    assert entry_of(measured=with_history(result(), history)).history == ()


def test_of_a_long_history_the_newest_points_stay(result: Maker) -> None:
    history = [[float(second), 0.0, 0.0] for second in range(HISTORY_LIMIT + 10)]
    kept = entry_of(measured=with_history(result(), history)).history
    assert (len(kept), kept[0].taken_at_s) == (HISTORY_LIMIT, 10.0)


def test_enforcing_does_not_lose_the_history(result: Maker) -> None:
    entry = entry_of(
        measured=with_history(result(), [[5.0, 0.0, 0.0]]), enforced={"status": "ok"}, measured_again=result()
    )
    assert entry.history == (HistoryPoint(5.0, 0.0, 0.0),)


def test_a_host_counts_once_for_a_reason_and_drowns_no_other(result: Maker) -> None:
    many = [f"made.up_{number}" for number in range(100_000)]
    answers = [
        HostAnswers(host="loud", measured=result(verdict="unknown", reasons=["clock.stale", "clock.stale", *many])),
        HostAnswers(host="other", measured=result(verdict="unknown", reasons=["clock.stale"])),
    ]
    report = report_of(*answers)
    assert sorted(report.reasons["clock.stale"]) == ["loud", "other"]
    assert len(report.reasons) == STRINGS_LIMIT


def test_a_schema_that_is_true_is_no_number(result: Maker) -> None:
    assert entry_of(measured=result(schema=True)).state.reasons == ("host.malformed_facts",)
