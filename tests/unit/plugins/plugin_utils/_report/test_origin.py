"""Whether a host was measured or its agent's report was believed, and how old that was: in each format with room."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.csv_report import render_hosts_csv
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_data import pack as pack_page
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_report import render_html
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_reader import read_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import render_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, host_entry
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.origin import Origin, origin_of
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.text_report import render_text

from tests.rigs.reports import report_of

Maker = Callable[..., dict[str, Any]]
WHY = "it is stale: 1520 s old, at most 900 are asked for"


@pytest.fixture
def hosts(result: Maker) -> list[HostAnswers]:
    """Return one host for each way that facts come, and one of a time when nobody said which."""
    reported = result() | {"source": "agent", "report_age_s": 244.06}
    refused = result() | {"source": "module", "report": WHY}
    measured = result() | {"source": "module"}
    return [
        HostAnswers(host="asked", measured=measured),
        HostAnswers(host="believed", measured=reported),
        HostAnswers(host="doubted", measured=refused),
        HostAnswers(host="mended", measured=refused, enforced={"status": "ok"}, measured_again=measured),
        HostAnswers(host="older", measured=result()),
    ]


def test_report_json_says_it_of_each_measurement(hosts: list[HostAnswers]) -> None:
    text = render_json(report_of(*hosts))
    told = {one["host"]: one for one in json.loads(text)["hosts"]}
    assert told["asked"]["source"] == "module"
    assert (told["believed"]["source"], told["believed"]["report_age_s"]) == ("agent", 244.1)
    assert (told["doubted"]["source"], told["doubted"]["report"]) == ("module", WHY)
    assert (told["mended"]["before"]["report"], told["mended"]["source"]) == (WHY, "module")
    assert "report" not in told["mended"]
    assert not {"source", "report_age_s", "report"} & set(told["older"])
    assert read_json(text) == report_of(*hosts)


@pytest.mark.parametrize(
    "sent",
    [
        {"source": ["agent"]},
        {"source": "root"},
        {"report_age_s": 3.0, "report": "x"},
        {"source": None},
    ],
)
def test_a_source_that_is_none_is_not_told(sent: dict[str, Any]) -> None:
    assert origin_of(sent) is None


@pytest.mark.parametrize("age", [True, "3", -1.0, float("nan"), float("inf"), None, 10**400])
def test_an_age_that_is_none_is_not_told(age: Any) -> None:
    assert origin_of({"source": "agent", "report_age_s": age}) == Origin("agent")


def test_only_a_measurement_has_a_report_that_did_not_count() -> None:
    assert origin_of({"source": "agent", "report": WHY}) == Origin("agent")
    assert origin_of({"source": "module", "report_age_s": 3.0, "report": "a\x1b[2J\nb"}) == Origin(
        "module", report="a?[2J b"
    )


def test_a_host_that_was_not_measured_has_no_source() -> None:
    entry = host_entry(HostAnswers(host="a", measured={"failed": True, "msg": "no", "source": "agent"}))
    assert entry.state.origin is None


def test_the_text_counts_and_names_reports_that_did_not_count(hosts: list[HostAnswers]) -> None:
    text = render_text(report_of(*hosts))
    assert "1 of 5 hosts by the report of their agent, at most 244.1 s old" in text
    assert f"{WHY}: 2 hosts: doubted, mended" in " ".join(text.split())


def test_a_fleet_without_agents_is_not_told_of_them(result: Maker) -> None:
    report = report_of(HostAnswers(host="a", measured=result() | {"source": "module"}))
    assert "agent" not in render_text(report)


def test_csv_has_it_in_columns(hosts: list[HostAnswers]) -> None:
    rows = {row["host"]: row for row in csv.DictReader(io.StringIO(render_hosts_csv(report_of(*hosts)), newline=""))}
    told = {name: (row["source"], row["report_age_s"], row["report_refused"]) for name, row in rows.items()}
    assert told["asked"] == ("module", "", "")
    assert told["believed"] == ("agent", "244.1", "")
    assert told["doubted"] == told["mended"] == ("module", "", WHY)
    assert told["older"] == ("", "", "")


def test_the_page_has_it(hosts: list[HostAnswers]) -> None:
    report = report_of(*hosts)
    assert "1 of 5 hosts by the report of their agent, at most 244.1 s old" in render_html(report)
    data = pack_page(report)
    told: dict[str, Any] = {one[0]: one[7] if len(one) > 7 else None for one in data["hosts"]}
    pool = data["pool"]
    assert [pool[told["believed"][0]], told["believed"][1]] == [{"source": "agent", "report": None}, 244.1]
    assert pool[told["doubted"][0]] == pool[told["mended"][0]] == {"source": "module", "report": WHY}
    assert told["older"] is None
