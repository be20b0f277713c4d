"""Whatever text a host, an account or an exception holds, each format stays readable and says that text."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.account import one_line
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.csv_report import (
    render_findings_csv,
    render_hosts_csv,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import render_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.junit_report import render_junit
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, Report
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.openmetrics_report import render_openmetrics
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.sarif_report import render_sarif
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from junitparser import JUnitXml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.rigs.reports import SCHEMAS, audited, report_of, result

AUDITED = audited()
SARIF = Draft202012Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8")))
# Half characters too, and more of what means something somewhere.
ANY = st.text(st.characters(exclude_categories=()), max_size=30) | st.text(
    "=+-@';|\\\"'\n\r\t{}[]()<&>]: ,0", max_size=12
)
VALUE = ANY | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(ANY, max_size=2)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "clock": st.dictionaries(st.sampled_from(["offset_s", "bound_s", "leap", "reference", "stratum"]), VALUE)
        | VALUE,
        "totp": VALUE,
        "chrony": st.dictionaries(st.sampled_from(["version", "active"]), VALUE) | VALUE,
        "serials": st.lists(st.fixed_dictionaries({"serial": ANY}), max_size=3) | VALUE,
        "reasons": st.lists(ANY, max_size=2) | VALUE,
        "tokens": st.fixed_dictionaries({"kinds": VALUE}),
        "measured_at": VALUE,
    },
)
FINDING = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["MFA-C04", "MFA-S01"]) | ANY,
        "severity": st.sampled_from(["critical", "info"]),
        "title": ANY,
        "account": ANY,
        "resource": ANY | ANY.map("arn:aws:iam::1:role/{}".format) | ANY.map("/{}:7".format),
        "document": ANY | st.just("profile:x"),
        "statement": ANY | st.none() | st.integers(0, 9),
        "path": ANY,
        "serial": ANY | st.none(),
        "witness": st.none() | st.fixed_dictionaries({"credential": ANY, "outcome": ANY}),
        "message": ANY,
        "fix": st.none() | st.fixed_dictionaries({"summary": ANY, "document": st.just({})}),
        "references": st.lists(ANY, max_size=2),
    }
)
ACCOUNT = st.builds(
    lambda findings, text: {
        **AUDITED,
        "account": {**AUDITED["account"], "id": text},
        "findings": findings,
        "ignored": [{"reason": text, "expires": text, "finding": one} for one in findings[:1]],
        "coverage": {
            "rules": {
                "checked": [],
                "partial": {text: text},
                "unknown": {"MFA-C01": text},
                "not_given": {"MFA-C02": text},
            },
            "gaps": [{"part": text, "reason": text, "rules": [], "subject": text}],
            "unreadable": [{"resource": text, "document": text, "reason": text}],
            "problems": [{"resource": text, "document": text, "path": text, "message": text}],
            "missing_roles": [text],
        },
    },
    st.lists(FINDING, max_size=3),
    ANY,
)
HOST = st.builds(lambda name, facts: HostAnswers(host=name, measured=result(**facts)), ANY, FACTS)
REPORT = st.builds(lambda hosts, account: report_of(*hosts, account=account), st.lists(HOST, max_size=3), ACCOUNT)


def cells(text: str) -> list[dict[str, str]]:
    """Read a table, and take the apostrophes away as docs/reports.md says."""
    found = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    return [{name: re.sub("(^|;)'", r"\1", cell) for name, cell in row.items()} for row in found]


@given(REPORT)
def test_csv(report: Report) -> None:
    text = render_hosts_csv(report)
    assert len(text.split("\r\n")) == len(report.hosts) + 2
    assert [row["host"] for row in cells(text)] == [one_line(entry.host) for entry in report.hosts]
    assert report.account is not None
    found = cells(render_findings_csv(report))
    findings = [*report.account.findings, report.account.ignored[0]["finding"]] if report.account.findings else []
    assert [(row["title"], row["message"]) for row in found if row["status"] != "not_judged"] == [
        (one_line(one["title"]), one_line(one["message"])) for one in findings
    ]


@given(REPORT)
def test_no_cell_is_a_formula(report: Report) -> None:
    for text in (render_hosts_csv(report), render_findings_csv(report)):
        for row in csv.reader(io.StringIO(text, newline=""), quoting=csv.QUOTE_NONE, delimiter=";", quotechar=None):
            for cell in row:
                assert not re.match(r"\s*[=+@\uff1d\uff0b\uff0d\uff20]", cell)
        for record in csv.reader(io.StringIO(text, newline=""), strict=True):
            for cell in record:
                assert not re.match(r"\s*([=+@\uff1d\uff0b\uff0d\uff20]|-(?!\d))", cell)


@given(REPORT)
def test_junit(report: Report) -> None:
    suites = list(JUnitXml.fromstring(render_junit(report).encode()))
    names = [case.name for case in suites[0]]
    if report.hosts:
        # Two of one name are numbered.
        assert [name[: len(one_line(entry.host))] for name, entry in zip(names, report.hosts, strict=True)] == [
            one_line(entry.host) for entry in report.hosts
        ]
    assert len({(case.classname, case.name) for suite in suites for case in suite}) == sum(
        suite.tests for suite in suites
    )


@given(REPORT)
def test_openmetrics(report: Report) -> None:
    text = render_openmetrics(report)
    text.encode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert (
        {sample.labels["host"] for sample in families["softtoken_host_verdict"].samples}
        == {one_line(entry.host) for entry in report.hosts}
        if report.hosts
        else "softtoken_host_verdict" not in families
    )


@given(REPORT)
def test_sarif(report: Report) -> None:
    document = json.loads(render_sarif(report).encode())
    SARIF.validate(document)
    assert report.account is not None
    for made, found in zip(document["runs"][0]["results"], report.account.findings, strict=False):
        assert made["properties"]["resource"] == found["resource"]
        uri = made["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(file://)?[A-Za-z0-9_.~%/-]+", uri)
        assert not {"..", "."} & set(uri.split("/"))


@given(REPORT)
def test_json(report: Report) -> None:
    text = render_json(report).encode("utf-8", "backslashreplace")
    assert [host["host"] for host in json.loads(text)["hosts"]] == [entry.host for entry in report.hosts]


def test_the_strategy_is_no_empty_one() -> None:
    """Keep an eye on what the others see: a finding and a host are among the examples."""
    seen: dict[str, Any] = {}

    @given(REPORT)
    def look(report: Report) -> None:
        if report.hosts and report.account is not None and report.account.findings and report.account.ignored:
            seen["whole"] = True

    look()
    assert seen
