"""metrics.prom: as Prometheus' own parsers read it."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, Report
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.openmetrics_report import render_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older_format

from tests.rigs.reports import ACCEPTED, FAILED_AUDIT, audited, every_report, hosts_of_all_kinds, report_of, result

Samples = dict[tuple[str, ...], float]


def samples(report: Report) -> dict[str, Samples]:
    """Return the samples of each metric by the values of their labels."""
    return {
        family.name.removeprefix("softtoken_"): {
            tuple(sample.labels.values()): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(render_openmetrics(report))
    }


@pytest.mark.parametrize("name", list(every_report()))
def test_both_formats_read_the_same(name: str) -> None:
    text = render_openmetrics(every_report()[name])
    assert text.endswith("# EOF\n")
    new, old = list(text_string_to_metric_families(text)), list(older_format(text))
    assert [(one.name, one.type, one.samples) for one in new] == [(one.name, one.type, one.samples) for one in old]
    assert {one.type for one in new} == {"gauge"}
    assert all(one.name.endswith(f"_{one.unit}") for one in new if one.unit)


def test_hosts_by_verdict_and_reason() -> None:
    found = samples(report_of(*hosts_of_all_kinds()))
    assert found["hosts"] == {("noncompliant",): 1, ("unknown",): 5, ("compliant",): 5}
    assert found["reason_hosts"]["clock.offset_exceeded",] == 1
    assert found["warning_hosts"] == {("config.no_rtcsync",): 1}
    assert found["run_timestamp_seconds"] == {(): 1795255205.0}
    assert found["run_info"] == {("audit", "false"): 1}


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(report_of(*hosts_of_all_kinds()))
    assert found["host_clock_offset_seconds"]["wrong",] == -300.0021
    assert found["host_clock_bound_seconds"]["wrong",] == 300.1
    assert {host for (host,) in found["host_clock_offset_seconds"]} == {
        "well",
        "wrong",
        "remembered",
        "mended",
        "stuck",
    }
    assert len(found["host_verdict"]) == 11
    assert found["host_verdict"]["gone", "unknown"] == 1


def test_numbers_that_are_none_have_no_sample() -> None:
    answers = [
        HostAnswers(host=str(number), measured=result(clock={"offset_s": number}))
        for number in (float("nan"), float("inf"), True, "1", 2)
    ]
    assert samples(report_of(*answers))["host_clock_offset_seconds"] == {("2",): 2}


def test_enforcing_that_failed_is_counted_only_where_something_was_enforced() -> None:
    assert samples(report_of(*hosts_of_all_kinds(), mode="enforce"))["not_enforced_hosts"] == {(): 1}
    assert "not_enforced_hosts" not in samples(report_of(*hosts_of_all_kinds()))


def test_findings_by_severity_and_rule() -> None:
    account = audited(ACCEPTED)
    found = samples(report_of(account=account, mode="account"))
    counts = account["summary"]["severity"]
    assert found["findings"] == {("123456789012", severity): counts.get(severity, 0) for severity in
                                 ("critical", "high", "medium", "low", "info")}  # fmt: skip
    assert found["accepted_findings"] == {("123456789012",): 1}
    assert found["rule_findings"]["123456789012", "MFA-C04", RULES["MFA-C04"].severity] == 0
    assert found["rule_findings"]["123456789012", "MFA-S01", "high"] == 4
    assert found["account_verdict"]["123456789012", "noncompliant"] == 1
    assert found["account_verdict"]["123456789012", "compliant"] == 0
    assert "hosts" not in found


def test_a_rule_that_was_not_judged_has_no_count_of_zero() -> None:
    account = audited(without="mfa_devices")
    found = samples(report_of(account=account))
    rules = account["coverage"]["rules"]
    counted = {rule: count for (_account, rule, _severity), count in found["rule_findings"].items()}
    assert list(rules["unknown"])
    assert not set(rules["unknown"]) & set(counted)
    assert all(counted[rule] for rule in set(rules["partial"]) & set(counted))
    assert found["rules"]["123456789012", "unknown"] == len(rules["unknown"])


def test_a_failed_audit_counts_no_findings() -> None:
    found = samples(report_of(account=FAILED_AUDIT))
    assert found["account_verdict"]["unknown", "unknown"] == 1
    assert not {"findings", "rule_findings", "accepted_findings", "rules"} & set(found)


def test_names_stay_names() -> None:
    name = 'a"} 1\nsofttoken_hosts{verdict="compliant"} 99\\'
    found = samples(report_of(HostAnswers(host=name, measured=result())))
    assert list(found["host_verdict"]) == [(name.replace("\n", "\\n"), "compliant")]
    assert found["hosts"]["compliant",] == 1


def test_two_names_that_look_the_same_are_one_sample_and_the_worst() -> None:
    answers = [HostAnswers(host="a\\n", measured=result()), HostAnswers(host="a\n", measured={"unreachable": True})]
    found = samples(report_of(*answers))
    assert found["hosts"]["unknown",] == 1
    assert set(found["host_verdict"]) == {("a\\n", "unknown"), ("a\\n", "compliant")}
