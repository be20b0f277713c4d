"""hosts.csv and findings.csv: read back as they were meant, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.csv_report import (
    FINDING_COLUMNS,
    HOST_COLUMNS,
    render_findings_csv,
    render_hosts_csv,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers

from tests.rigs.reports import ACCEPTED, FAILED_AUDIT, audited, hosts_of_all_kinds, report_of, result


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def host_row(name: str) -> dict[str, str]:
    return {row["host"]: row for row in rows(render_hosts_csv(report_of(*hosts_of_all_kinds(), mode="enforce")))}[name]


def test_a_host_that_is_wrong_is_there_with_its_figures() -> None:
    row = host_row("wrong")
    assert row["verdict"] == "noncompliant"
    assert row["reasons"] == "clock.offset_exceeded|totp.at_risk"
    assert (row["offset_s"], row["bound_s"], row["stratum"]) == ("-300.0021", "300.1", "3")
    assert (row["synchronised"], row["accept_probability_strict"]) == ("true", "0.98")
    assert row["serials"] == "GAHT87654321|arn:aws:iam::123456789012:mfa/alice"
    assert row["attached_role"] == "123456789012:ci-runner"
    assert row["messages"] == "The clock is 300 s behind."


@pytest.mark.parametrize("name", ["unmeasured", "gone", "absent", "odd"])
def test_what_is_not_known_is_empty(name: str) -> None:
    row = host_row(name)
    assert row["offset_s"] == row["bound_s"] == row["synchronised"] == row["accept_probability_rfc6238"] == ""


@pytest.mark.parametrize("name", ["gone", "absent"])
def test_a_database_takes_what_is_not_known_for_null(name: str) -> None:
    text = render_hosts_csv(report_of(*(one for one in hosts_of_all_kinds() if one.host == name)))
    cells = text.split("\r\n")[1].split(",")
    first, last = (HOST_COLUMNS.index(column) for column in ("offset_s", "enforcement_message"))
    assert set(cells[first - len(HOST_COLUMNS) : last - len(HOST_COLUMNS) + 1]) == {""}
    assert f'"{name}","unknown",' in text


def test_nothing_found_is_known_and_no_null() -> None:
    text = render_hosts_csv(report_of(HostAnswers(host="a", measured=result(serials=[]))))
    assert text.split("\r\n")[1].split(",")[HOST_COLUMNS.index("serials")] == '""'


def test_enforcing_is_there_with_what_was_before() -> None:
    assert host_row("mended")["before_offset_s"] == "-300.0021"
    row = host_row("stuck")
    assert (row["enforcement_status"], row["enforcement_task"]) == ("failed", "Install chrony")
    assert host_row("well")["before_verdict"] == ""


def test_lines_end_as_the_standard_says_and_there_is_one_for_each_host() -> None:
    text = render_hosts_csv(report_of(HostAnswers(host="two\nlines\r\n", measured=result())))
    lines = text.split("\r\n")
    assert len(lines) == 3
    assert lines[2] == ""
    assert "\n" not in "".join(lines)
    assert rows(text)[0]["host"] == "two\\nlines\\r\\n"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "  =", "\uff1d", "'", "x;=", "x; @"])
def test_no_text_is_a_formula(begin: str) -> None:
    name = f'{begin}cmd|"/c calc"!A1'
    (row,) = rows(render_hosts_csv(report_of(HostAnswers(host=name, measured=result()))))
    at = begin.find(";") + 1
    assert row["host"] == f"{name[:at]}'{name[at:]}"


def test_numbers_below_zero_stay_numbers() -> None:
    assert ",-300.0021," in render_hosts_csv(report_of(*hosts_of_all_kinds()))


def test_a_separator_within_an_item_is_no_separator() -> None:
    (row,) = rows(
        render_hosts_csv(
            report_of(HostAnswers(host="a", measured=result(serials=[{"serial": "x|y"}, {"serial": "\\"}])))
        )
    )
    assert row["serials"] == "x\\|y|\\\\"


def test_every_finding_is_a_row() -> None:
    account = audited()
    found = rows(render_findings_csv(report_of(account=account, mode="account")))
    assert [(row["rule"], row["resource"], row["message"]) for row in found] == [
        (one["rule"], one["resource"], one["message"]) for one in account["findings"]
    ]
    assert {row["status"] for row in found} == {"open"}
    assert {row["account"] for row in found} == {"123456789012"}


def test_what_was_accepted_is_told_apart() -> None:
    accepted = [
        row for row in rows(render_findings_csv(report_of(account=audited(ACCEPTED)))) if row["status"] != "open"
    ]
    assert [(row["status"], row["rule"], row["accepted_reason"], row["accepted_until"]) for row in accepted] == [
        ("accepted", "MFA-C04", ACCEPTED["reason"], ACCEPTED["expires"])
    ]


def test_what_could_not_be_judged_is_a_row_too() -> None:
    account = audited(without="mfa_devices")
    found = rows(render_findings_csv(report_of(account=account)))
    rules = account["coverage"]["rules"]
    assert [row["rule"] for row in found if row["status"] == "not_judged"] == [*rules["unknown"], *rules["partial"]]


def test_a_failed_audit_does_not_look_clean() -> None:
    (row,) = rows(render_findings_csv(report_of(account=FAILED_AUDIT)))
    assert row["status"] == "not_judged"
    assert "Unable to locate credentials" in row["message"]


def test_without_hosts_and_audit_there_are_the_headers() -> None:
    assert render_hosts_csv(report_of()) == ",".join(HOST_COLUMNS) + "\r\n"
    assert render_findings_csv(report_of()) == ",".join(FINDING_COLUMNS) + "\r\n"
