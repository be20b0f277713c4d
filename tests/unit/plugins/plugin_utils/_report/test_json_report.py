from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import (
    render_json,
    summary_to_dict,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)

Maker = Callable[..., dict[str, Any]]


def report_of(*answers: HostAnswers, mode: str = "audit") -> Report:
    return build_report(answers, generated_at="2026-11-21T12:00:05Z", mode=mode)


def test_holds_everything_about_every_host(result: Maker) -> None:
    measured = result(verdict="noncompliant", reasons=["chrony.missing"], messages=["No chronyd."])
    document = json.loads(render_json(report_of(HostAnswers(host="db1", measured=measured))))
    assert document == {
        "schema": 1,
        "generated_at": "2026-11-21T12:00:05Z",
        "mode": "audit",
        "dry_run": False,
        "verdict": "noncompliant",
        "counts": {"hosts": 1, "noncompliant": 1, "unknown": 0, "compliant": 0},
        "reasons": {"chrony.missing": 1},
        "warnings": {},
        "account_summary": None,
        "account": None,
        "hosts": [
            {
                "host": "db1",
                "verdict": "noncompliant",
                "reasons": ["chrony.missing"],
                "warnings": [],
                "messages": ["No chronyd."],
                "facts": measured["ansible_facts"]["softtoken"],
                "before": None,
                "enforcement": None,
            }
        ],
    }


def test_shows_before_and_after(result: Maker) -> None:
    answers = HostAnswers(
        host="db1",
        measured=result(verdict="noncompliant", reasons=["chrony.missing"]),
        enforced={"status": "ok"},
        measured_again=result(),
    )
    host = json.loads(render_json(report_of(answers, mode="enforce")))["hosts"][0]
    assert host["verdict"] == "compliant"
    assert host["before"]["reasons"] == ["chrony.missing"]
    assert host["enforcement"] == {"status": "ok", "task": None, "message": None}


def test_numbers_that_json_lacks_become_null(result: Maker) -> None:
    text = render_json(report_of(HostAnswers(host="db1", measured=result(offset_s=float("nan")))))
    assert json.loads(text, parse_constant=lambda name: f"not JSON: {name}")["hosts"][0]["facts"]["clock"] == {
        "offset_s": None,
        "bound_s": 0.0004,
        "synchronised": True,
        "stratum": 3,
    }


def test_the_summary_does_not_grow_with_the_fleet(result: Maker) -> None:
    report = report_of(*(HostAnswers(host=f"host{i}", measured=result()) for i in range(1000)))
    assert "host999" not in json.dumps(summary_to_dict(report))
    assert summary_to_dict(report)["counts"]["hosts"] == 1000


def test_a_history_is_a_key_only_where_there_is_one(result: Maker) -> None:
    remembered = {**result(), "detail": {"history": [[100, -0.5, None]]}}
    report = report_of(HostAnswers(host="agent", measured=remembered), HostAnswers(host="none", measured=result()))
    hosts = {host["host"]: host for host in json.loads(render_json(report))["hosts"]}
    assert hosts["agent"]["history"] == [[100.0, -0.5, None]]
    assert "history" not in hosts["none"]
