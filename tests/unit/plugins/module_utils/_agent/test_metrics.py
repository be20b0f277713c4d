from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.history import Forecast
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.metrics import (
    _escaped,
    metrics_text,
    unknown_metrics,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import Notice, Report
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

OUTLOOK = Forecast(10.0, 1.0, 1.157)


def values(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in read_openmetrics(text)
        for sample in family.samples
    }


def test_both_formats_read_the_same_values(report: Report) -> None:
    text = metrics_text(report, OUTLOOK)
    found = values(text)
    assert found["softtoken_verdict compliant"] == 1
    assert found["softtoken_verdict unknown"] == 0
    assert found["softtoken_clock_offset_seconds"] == 0.0002
    assert found["softtoken_clock_frequency_ppm"] == -3.125
    assert found['softtoken_witness_offset_seconds ntp a"b\\c'] == 0.001
    assert found["softtoken_chrony_unauthorised"] == 0
    assert found["softtoken_lockout_days"] == 1.157
    assert {family.type for family in read_prometheus(text)} == {"gauge"}
    older = {sample.name for family in read_prometheus(text) for sample in family.samples}
    assert older == {name.partition(" ")[0] for name in found}


def test_a_witness_that_is_asked_twice_is_one_sample(report: Report) -> None:
    # node_exporter refuses a whole file for it, Prometheus a whole scrape.
    (witness,) = report.facts["clock"]["witnesses"]
    facts = {**report.facts, "clock": {**report.facts["clock"], "witnesses": [witness, witness]}}
    text = metrics_text(report._replace(facts=facts), OUTLOOK)
    assert len([line for line in text.splitlines() if line.startswith("softtoken_witness_offset_seconds{")]) == 1


def test_a_host_that_was_never_measured_is_unknown() -> None:
    found = values(unknown_metrics())
    assert found["softtoken_verdict unknown"] == 1
    assert found["softtoken_verdict compliant"] == 0
    assert found["softtoken_check_stale"] == 1


def test_names_carry_their_unit(report: Report) -> None:
    for family in read_openmetrics(metrics_text(report, OUTLOOK)):
        assert not family.unit or family.name.endswith(f"_{family.unit}")


def test_what_is_not_known_has_no_sample(report: Report) -> None:
    report.facts["clock"].update(offset_s=None, bound_s=None, witnesses=[])
    report.facts["totp"] = None
    found = values(metrics_text(report, None))
    # rivals were not known to begin with.
    for name in ("clock_offset_seconds", "clock_bound_seconds", "lockout_days", "totp_off_steps", "chrony_rivals"):
        assert f"softtoken_{name}" not in found


def test_notices_and_staleness_are_numbers(report: Report) -> None:
    quiet = values(metrics_text(report, None))
    assert (quiet["softtoken_notice_clock_step_seconds"], quiet["softtoken_check_stale"]) == (0, 0)
    loud = values(metrics_text(report._replace(notices=[Notice("clock_step", -90.0)], stale="x"), None))
    assert (loud["softtoken_notice_clock_step_seconds"], loud["softtoken_check_stale"]) == (-90, 1)


@pytest.mark.parametrize("verdict", ["compliant", "noncompliant", "unknown"])
def test_one_verdict_holds(report: Report, verdict: str) -> None:
    report.facts["verdict"] = verdict
    found = values(metrics_text(report, None))
    assert [name for name, value in found.items() if name.startswith("softtoken_verdict") and value] == [
        f"softtoken_verdict {verdict}"
    ]


@given(st.text())
def test_any_label_survives(text: str) -> None:
    line = f'# TYPE a gauge\na{{b="{_escaped(text)}"}} 1.0\n# EOF\n'
    assert next(iter(read_openmetrics(line))).samples[0].labels["b"] == text.encode("utf-8", "replace").decode()
