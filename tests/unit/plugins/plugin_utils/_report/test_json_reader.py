from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_reader import NotAReport, read_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import render_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)

Maker = Callable[..., dict[str, Any]]
ACCOUNT: dict[str, Any] = {
    "verdict": "noncompliant",
    "account": {"id": "123456789012", "source": "live"},
    "findings": [{"rule": "MFA-C04", "severity": "critical", "resource": "r", "document": "trust", "fix": None}],
    "ignored": [],
    "summary": {"total": 1},
    "coverage": {"rules": {"unknown": {}}},
}


@pytest.fixture
def report(result: Maker) -> Report:
    remembered = {**result(offset_s=-0.25), "detail": {"messages": ["x"], "history": [[100, 0.5, None]]}}
    return build_report(
        [
            HostAnswers(
                host="a", measured=remembered, enforced={"status": "failed", "task": "t"}, measured_again=result()
            ),
            HostAnswers(host="b", measured={"unreachable": True, "msg": "no route"}),
        ],
        generated_at="2026-11-21T12:00:05Z",
        mode="enforce",
        dry_run=True,
        account=ACCOUNT,
    )


def test_what_was_written_is_read_back(report: Report) -> None:
    assert read_json(render_json(report)) == report


def test_an_audit_that_failed_keeps_its_message() -> None:
    failed = build_report([], generated_at="x", mode="account", account={"failed": True, "msg": "no credentials"})
    assert read_json(render_json(failed)) == failed


def test_keys_of_a_later_release_do_not_matter(report: Report) -> None:
    document = json.loads(render_json(report))
    document["new"] = document["hosts"][0]["new"] = document["account"]["new"] = 1
    assert read_json(json.dumps(document)) == report


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema": 2}', '{"schema": 1}'])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(NotAReport):
        read_json(text)
