"""junit.xml: what Jenkins' schema and a reader of such files make of it."""

from __future__ import annotations

import pytest
import xmlschema
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.junit_report import render_junit
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, Report
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from tests.rigs.reports import (
    ACCEPTED,
    FAILED_AUDIT,
    SCHEMAS,
    audited,
    every_report,
    hosts_of_all_kinds,
    report_of,
    result,
)

SCHEMA = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
KINDS = {Failure: "failure", Error: "error", Skipped: "skipped"}


def cases(report: Report) -> dict[str, TestCase]:
    return {
        f"{case.classname}/{case.name}": case for suite in JUnitXml.fromstring(render_junit(report)) for case in suite
    }


def outcome(case: TestCase) -> str:
    return "+".join(KINDS[type(one)] for one in case.result) or "passed"


def hosts(report: Report) -> dict[str, str]:
    return {
        case.name: outcome(case) for key, case in cases(report).items() if key.startswith("softtoken.compliance.hosts/")
    }


def by_rule(report: Report) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for case in cases(report).values():
        rule = case.classname.rpartition(".")[2]
        if rule in RULES:
            found.setdefault(rule, set()).add(outcome(case))
    return found


@pytest.mark.parametrize("name", list(every_report()))
def test_it_is_what_jenkins_takes_and_its_counts_are_right(name: str) -> None:
    text = render_junit(every_report()[name])
    SCHEMA.validate(text)
    read = JUnitXml.fromstring(text)
    said = (read.tests, read.failures, read.errors)
    for suite in read:
        counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert counts == (suite.tests, suite.failures, suite.errors, suite.skipped)
    read.update_statistics()
    assert said == (read.tests, read.failures, read.errors)


def test_wrong_is_a_failure_and_unknown_an_error() -> None:
    assert hosts(report_of(*hosts_of_all_kinds(), mode="enforce")) == {
        "well": "passed", "mended": "passed", "remembered": "passed", "odd": "passed",
        "wrong": "failure", "stuck": "failure",
        "unmeasured": "error", "gone": "error", "broken": "error", "absent": "error", "strange": "error",
    }  # fmt: skip


def test_a_failure_says_why_and_what_to_do() -> None:
    case = cases(report_of(*hosts_of_all_kinds()))["softtoken.compliance.hosts/wrong"]
    (failure,) = case.result
    assert failure.type == "clock.offset_exceeded"
    assert failure.message == "noncompliant: clock.offset_exceeded, totp.at_risk"
    assert "do: run the playbook with -e softtoken_mode=enforce" in failure.text
    assert "The clock is 300 s behind." in failure.text


def test_enforcing_that_failed_is_said() -> None:
    (failure,) = cases(report_of(*hosts_of_all_kinds(), mode="enforce"))["softtoken.compliance.hosts/stuck"].result
    assert failure.message == "compliant; enforcement failed in task 'Install chrony': no package"


def test_no_host_at_all_is_an_error() -> None:
    assert list(hosts(report_of()).values()) == ["error"]
    assert list(hosts(report_of(account=audited())).values()) == ["error"]
    assert hosts(report_of(account=audited(), mode="account")) == {}


def test_each_finding_is_a_failure_of_its_own() -> None:
    account = audited()
    failed = [case for case in cases(report_of(account=account, mode="account")).values() if outcome(case) == "failure"]
    assert len(failed) == len({case.name + case.classname for case in failed}) == len(account["findings"])


def test_a_rule_that_found_nothing_passes_and_one_that_was_not_judged_is_an_error() -> None:
    account = audited(without="mfa_devices")
    account["findings"] = [one for one in account["findings"] if one["rule"] != "MFA-C01"]
    found = by_rule(report_of(account=account))
    assert found["MFA-C01"] == {"passed"}
    assert list(account["coverage"]["rules"]["unknown"])
    for rule in (*account["coverage"]["rules"]["unknown"], *account["coverage"]["rules"]["partial"]):
        assert "error" in found[rule]
        assert "passed" not in found[rule]


def test_each_rule_is_there_even_where_the_audit_says_nothing_of_it() -> None:
    account = audited()
    account["findings"], account["coverage"]["rules"]["checked"] = [], ["MFA-C01"]
    account["coverage"]["rules"]["not_given"] = {"MFA-S08": "no host_serials"}
    found = by_rule(report_of(account=account))
    assert set(found) == set(RULES)
    assert {rule for rule, outcomes in found.items() if outcomes == {"passed"}} == {"MFA-C01"}
    assert found["MFA-S08"] == {"skipped"}
    assert found["MFA-C02"] == {"error"}


def test_what_was_accepted_is_skipped_with_the_reason() -> None:
    (skipped,) = [case for case in cases(report_of(account=audited(ACCEPTED))).values() if outcome(case) == "skipped"]
    assert skipped.result[0].message == "accepted until 2026-12-01: migration until December"


def test_what_could_not_be_read_is_an_error() -> None:
    account = audited()
    account["coverage"] |= {
        "unreadable": [{"resource": "arn:x", "document": "trust", "reason": "no JSON"}],
        "problems": [{"resource": "arn:y", "document": "boundary", "path": "Statement", "message": "is a number"}],
        "missing_roles": ["web"],
        "gaps": [{"part": "trail_events", "reason": "AccessDenied", "rules": [], "subject": "eu-west-1"}],
    }
    errors = {
        case.name: case.result[0].message
        for case in cases(report_of(account=account, mode="account")).values()
        if outcome(case) == "error"
    }
    assert errors == {
        "arn:x, trust": "no JSON",
        "arn:y, boundary": "Statement: is a number",
        "web": "the role is in scope and not in the account",
        "eu-west-1": "trail_events: AccessDenied",
    }


def test_a_failed_audit_is_an_error() -> None:
    (case,) = cases(report_of(account=FAILED_AUDIT, mode="account")).values()
    assert outcome(case) == "error"
    assert "Unable to locate credentials" in case.result[0].message


def test_characters_that_xml_forbids_are_written_out() -> None:
    name = 'a\x00\x1b[31m<&>"\ufffe\ud800]]>\n'
    assert list(hosts(report_of(HostAnswers(host=name, measured=result())))) == [
        'a\\x00\\x1b[31m<&>"\\ufffe\\ud800]]>\\n'
    ]
