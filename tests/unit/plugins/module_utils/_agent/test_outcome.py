from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.history import Entry, Forecast, trend
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.outcome import (
    exit_code,
    history_text,
    show,
    stale_reason,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import Notice, Report

OUTLOOK = Forecast(10.0, 1.0, 1.157)
BAD = {
    "facts": {"verdict": "noncompliant", "reasons": ["clock.offset_exceeded"]},
    "messages": ["the clock is 90 s off: step it | now\nat once"],
}


def changed(report: Report, facts: dict[str, Any], **others: Any) -> Report:
    return report._replace(facts={**report.facts, **facts}, **others)


@pytest.mark.parametrize(
    ("verdict", "others", "code"),
    [
        ("compliant", {}, 0),
        ("compliant", {"warnings": ["clock.bound_high"]}, 1),
        ("compliant", {"notices": [Notice("suspend", 60.0)]}, 1),
        ("noncompliant", {"warnings": ["x"]}, 2),
        ("unknown", {}, 3),
        ("something new", {}, 3),
        ("compliant", {"stale": "old"}, 3),
        ("noncompliant", {"stale": "old"}, 3),
    ],
)
def test_exit_codes_are_those_of_monitoring_plugins(
    report: Report, verdict: str, others: dict[str, Any], code: int
) -> None:
    assert exit_code(changed(report, {"verdict": verdict}, **others)) == code


def test_nagios_is_one_line_with_performance_data(report: Report) -> None:
    good = show(report, "nagios", OUTLOOK)
    assert good == (
        "SOFTTOKEN OK - the clock is right"
        " | offset=0.000200s bound=0.000900s;0.5;1;0 sources=4;;1: lockout_days=1.157\n"
    )
    bad = show(changed(report, BAD["facts"], messages=BAD["messages"]), "nagios", None)  # type: ignore[arg-type]
    assert bad.count("\n") == 1
    assert bad.count("|") == 1
    assert bad.startswith("SOFTTOKEN CRITICAL - clock.offset_exceeded: the clock is 90 s off: step it / now at once | ")


def test_nagios_without_performance_data_has_no_bar(report: Report) -> None:
    clock = {**report.facts["clock"], "offset_s": None, "bound_s": None}
    chrony = {**report.facts["chrony"], "usable_sources": None}
    assert show(changed(report, {"clock": clock, "chrony": chrony}), "nagios", None) == (
        "SOFTTOKEN OK - the clock is right\n"
    )


def test_text_says_the_verdict_the_reason_and_what_to_do(report: Report) -> None:
    bad = changed(report, BAD["facts"], messages=["the clock is 90 s off: step it"])  # type: ignore[arg-type]
    text = show(bad, "text", OUTLOOK, 12.0)
    assert re.search(r"^status +CRITICAL$", text, re.MULTILINE)
    assert re.search(r"^verdict +noncompliant$", text, re.MULTILINE)
    assert re.search(r"^because +clock.offset_exceeded: the clock is 90 s off: step it$", text, re.MULTILINE)
    assert "12 s ago" in text
    assert "1.2 days without correction" in text
    assert "arn:aws:iam::123456789012:mfa/alice (/etc/x)" in text


def test_text_shows_nothing_unknown_as_a_number(report: Report) -> None:
    clock = {**report.facts["clock"], "offset_s": None, "bound_s": None, "synchronised": False, "witnesses": []}
    chrony = {**report.facts["chrony"], "enabled": None, "usable_sources": None}
    blind = {"verdict": "unknown", "clock": clock, "chrony": chrony, "totp": None, "tokens": None, "serials": None}
    text = show(changed(report, blind), "text", None)
    assert re.search(r"^offset +not known$", text, re.MULTILINE)
    assert "enabled: not known" in text
    assert "None" not in text


def test_a_stale_report_names_no_verdict_of_its_own(report: Report) -> None:
    text = show(report._replace(stale="the configuration is wrong"), "text", None)
    assert "unknown (the last check said compliant)" in text
    assert "the configuration is wrong" in text
    marked = changed(report, {"verdict": "unknown"}, stale="the configuration is wrong")
    assert re.search(r"^verdict +unknown$", show(marked, "text", None), re.MULTILINE)


def test_a_stale_report_is_green_to_no_program(report: Report) -> None:
    stale = report._replace(stale="the report is 1000 s old")
    told = json.loads(show(stale, "json", None))
    assert (told["status"], told["softtoken"]["verdict"]) == ("unknown", "unknown")
    metrics = show(stale, "prometheus", None)
    assert 'softtoken_verdict{verdict="compliant"} 0.0' in metrics
    assert 'softtoken_verdict{verdict="unknown"} 1.0' in metrics


def test_what_could_not_be_written_is_told_in_every_form(report: Report) -> None:
    problems = ["/x could not be written: No space left on device"]
    assert exit_code(report, problems) == 1
    assert show(report, "nagios", None, problems=problems).startswith(f"SOFTTOKEN WARNING - {problems[0]} | ")
    told = json.loads(show(report, "json", None, problems=problems))
    assert (told["status"], told["problems"]) == ("warning", problems)
    text = show(report, "text", None, problems=problems)
    assert re.search(r"^status +WARNING$", text, re.MULTILINE)
    assert problems[0] in text
    assert exit_code(changed(report, {"verdict": "noncompliant"}), problems) == 2


def test_json_and_prometheus(report: Report) -> None:
    told = json.loads(show(report, "json", OUTLOOK, 1.0))
    assert told["status"] == "ok"
    assert told["softtoken"] == report.facts
    assert told["days_to_lockout"] == 1.157
    assert show(report, "prometheus", OUTLOOK).endswith("# EOF\n")


@pytest.mark.parametrize(
    ("boot_id", "boottime_s", "said"),
    [
        ("0210fe37-af28-4147-9819-0d5bd43adf81", 1100.0, None),
        ("0210fe37-af28-4147-9819-0d5bd43adf81", 1901.0, "900 s old (at most 900 s)"),
        ("0210fe37-af28-4147-9819-0d5bd43adf81", 999.0, "-2 s old"),
        ("another", 1001.0, "earlier boot"),
    ],
)
def test_age_is_told_by_boot_time(report: Report, boot_id: str, boottime_s: float, said: str | None) -> None:
    reason = stale_reason(report, boot_id=boot_id, boottime_s=boottime_s, max_age_s=900.0)
    assert reason is None if said is None else said in (reason or "")


def test_history_shows_each_check_and_what_they_show_together() -> None:
    entry = Entry(100.0, "0210fe37", 50.0, 1, "compliant", 0.001, 0.002, -3.0, 0.5, {})
    stepped = entry._replace(sequence=2, offset_s=None, notices={"clock_step": -90.0}, stepped_s=-90.0)
    text = history_text([entry, stepped], trend([entry, stepped]), OUTLOOK, "text")
    assert "+0.001000 s" in text
    assert "the clock was stepped by -90.000 s" in text
    assert "stepped by the agent: -90.000 s" in text
    assert "1.2 days without correction" in text
    told = json.loads(history_text([entry], trend([entry]), None, "json"))
    assert told["checks"][0]["sequence"] == 1
    assert told["days_to_lockout"] is None
    assert "none yet" in history_text([], trend([]), None, "text")
    blind = [entry._replace(offset_s=None, bound_s=None, frequency_ppm=None)]
    text = history_text(blind, trend(blind), None, "text")
    for row in ("offset", "bound", "frequency"):
        assert re.search(f"^{row} +not known$", text, re.MULTILINE)
