"""The account in the report: read, joined with the hosts, and shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.account import AccountAudit, build_account
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import report_to_dict
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
    headline,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.text_report import render_text

Maker = Callable[..., dict[str, Any]]
ALICE = "arn:aws:iam::123456789012:mfa/alice"
WEB = "arn:aws:iam::123456789012:role/team/web"
ATTACHED = {"account": "123456789012", "role": "web"}


def finding(**more: Any) -> dict[str, Any]:
    return {
        "rule": "MFA-C04", "severity": "critical", "title": "Allow with IfExists", "account": "123456789012",
        "resource": WEB, "document": "trust", "statement": "People", "path": "", "serial": None, "witness": None,
        "message": "Keys pass.", "fix": None, "references": [], **more,
    }  # fmt: skip


def audit(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "changed": False, "verdict": "noncompliant", "findings": list(findings), "ignored": [], "summary": {},
        "account": {
            "id": "123456789012", "partition": "aws", "collected_at": None, "source": "live", "description": None,
        },
        "coverage": {"rules": {"checked": [], "partial": {}, "unknown": {}, "not_given": {}}}, **more,
    }  # fmt: skip


def report_of(account: dict[str, Any] | None, *answers: HostAnswers, mode: str = "audit") -> Report:
    return build_report(answers, generated_at="2026-11-21T12:00:05Z", mode=mode, account=account)


def read(account: dict[str, Any]) -> AccountAudit:
    read_one = build_account(account, ())
    assert read_one is not None
    return read_one


@pytest.mark.parametrize("result", [None, {"skipped": True}])
def test_without_an_audit_the_report_is_over_hosts_alone(result: dict[str, Any] | None) -> None:
    report = report_of(result)
    assert report.account is None
    assert report_to_dict(report)["account"] is None
    assert "Account" not in render_text(report)


@pytest.mark.parametrize("result", [{"failed": True, "msg": "no credentials"}, {"unreachable": True, "msg": "gone"}])
def test_an_audit_that_failed_is_unknown_with_its_message(result: dict[str, Any]) -> None:
    account = read(result)
    assert (account.verdict, account.message) == ("unknown", result["msg"])
    text = render_text(report_of(result))
    assert f"account of unknown id: unknown: {result['msg']}" in text
    assert f"Account of unknown id\n---------------------\nunknown: {result['msg']}\n" in text
    assert text.lower().count("of unknown id") == 2  # at the top and over the section


def test_what_is_no_audit_is_unknown() -> None:
    assert read({"changed": False, "verdict": "fine"}).verdict == "unknown"


def test_a_finding_names_the_hosts_whose_configuration_names_its_serial(result: Maker) -> None:
    entry = {"serial": ALICE, "where": "/x", "profile": None, "user": None}
    answers = [
        HostAnswers(host="a", measured=result(serials=[entry, entry])),
        HostAnswers(host="b", measured=result(serials=[{**entry, "serial": "GAHT12345678"}])),
        HostAnswers(host="c", measured=result()),
    ]
    report = report_of(audit(finding(serial=ALICE, resource="arn:aws:iam::123456789012:policy/p"), finding()), *answers)
    assert report.account is not None
    assert [found["hosts"] for found in report.account.findings] == [["a"], []]


def test_a_finding_about_a_profile_without_a_serial_names_its_host(result: Maker) -> None:
    entry = {"role_arn": "arn:aws:iam::123456789012:role/x", "where": "/x", "profile": "p", "user": None}
    answers = [
        HostAnswers(host="a", measured=result(role_profiles=[entry])),
        HostAnswers(host="b", measured=result(role_profiles=[entry])),
    ]
    report = report_of(audit(finding(resource="b:/x"), finding(resource="b:/y")), *answers)
    assert report.account is not None
    assert [found["hosts"] for found in report.account.findings] == [["b"], []]


def test_a_finding_names_the_hosts_that_have_its_role_whatever_its_path(result: Maker) -> None:
    other = {"account": "210987654321", "role": "web"}
    answers = [
        HostAnswers(host="a", measured=result(attached_role=ATTACHED)),
        HostAnswers(host="b", measured=result(attached_role=other)),
        HostAnswers(host="c", measured=result(attached_role=None)),
    ]
    report = report_of(audit(finding(), finding(resource="arn:aws:iam::123456789012:user/web")), *answers)
    assert report.account is not None
    assert [found["hosts"] for found in report.account.findings] == [["a"], []]
    assert "    hosts: a\n" in render_text(report)


def test_the_verdict_on_hosts_and_that_on_the_account_stand_apart(result: Maker) -> None:
    document = report_to_dict(report_of(audit(finding()), HostAnswers(host="a", measured=result())))
    assert document["verdict"] == "compliant"
    assert document["account"]["verdict"] == "noncompliant"
    assert document["account_summary"] == {
        "id": "123456789012",
        "verdict": "noncompliant",
        "headline": "account 123456789012: noncompliant: 1 finding: 1 critical",
        "severity": {"critical": 1},
    }


def test_without_hosts_a_run_is_unknown_whatever_the_account_is() -> None:
    assert report_of(audit(verdict="compliant")).verdict == "unknown"


def test_a_run_over_the_account_alone_has_the_accounts_verdict() -> None:
    report = report_of(audit(verdict="compliant"), mode="account")
    assert (report.verdict, headline(report)) == ("compliant", "account 123456789012: compliant: 0 findings")
    assert render_text(report).count("account 123456789012: compliant") == 2  # once at the top, once in its section


def test_a_run_over_the_account_alone_without_an_audit_is_unknown() -> None:
    assert report_of(None, mode="account").verdict == "unknown"


def test_the_text_says_what_where_and_how_to_repair_it() -> None:
    fix = {"document": {}, "summary": "BoolIfExists becomes Bool"}
    text = render_text(report_of(audit(finding(fix=fix))))
    assert (
        "critical MFA-C04: Allow with IfExists\n"
        f"    where: {WEB}, trust, statement People\n"
        "    what:  Keys pass.\n"
        "    fix:   BoolIfExists becomes Bool\n"
    ) in text


def test_the_text_keeps_within_its_width() -> None:
    fix = {"document": {}, "summary": "The conditions on MFA lose IfExists, which access keys met. " * 3}
    odd = finding(fix=fix, document="inline:" + "x" * 90, statement="y" * 60)
    text = render_text(report_of(audit(odd), mode="account"))
    assert max(map(len, text.splitlines())) <= 110
    assert f"    where: {WEB},\n           inline:xxx" in text
    assert "\n           which access keys met. The conditions" in text


def test_the_text_names_code_from_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    inside, beside = f"{tmp_path}/infra/main.tf:3", f"{tmp_path}-old/main.tf:3"
    report = report_of(audit(finding(resource=inside), finding(resource=beside)))
    text = render_text(report)
    assert "    where: infra/main.tf:3, trust" in text
    assert f"    where: {beside}, trust" in text
    assert report_to_dict(report)["account"]["findings"][0]["resource"] == inside


def test_the_text_names_the_serial_where_the_message_does_not() -> None:
    serial = "GAHT12345678"
    assert f"    serial: {serial}\n" in render_text(report_of(audit(finding(serial=serial))))
    assert "    serial: " not in render_text(report_of(audit(finding(serial=serial, message=f"{serial} is gone."))))


def test_the_text_names_a_managed_policy_once() -> None:
    arn = "arn:aws:iam::123456789012:policy/p"
    text = render_text(report_of(audit(finding(resource=arn, document=f"managed:{arn}@v3", statement=0))))
    assert f"    where: {arn}, version v3, statement number 1\n" in text


def test_the_text_says_what_could_not_be_judged() -> None:
    coverage = {
        "rules": {"partial": {"MFA-T01": "less"}, "unknown": {"MFA-G04": "denied"}},
        "gaps": [
            {"part": "organization_policies", "subject": None, "reason": "denied", "rules": ["MFA-G04"]},
            {"part": "account_id", "subject": None, "reason": "nothing says which", "rules": []},
        ],
        "unreadable": [{"resource": WEB, "document": "trust", "reason": "empty"}],
        "problems": [{"resource": WEB, "document": "inline:x", "path": "Statement[0]", "message": "no Effect"}],
        "missing_roles": ["nobody"],
    }
    text = render_text(report_of(audit(coverage=coverage)))
    for line in (
        "unknown: MFA-G04: denied",
        "partial: MFA-T01: less",
        "account_id: nothing says which",
        f"not judged: trust of {WEB}: empty",
        f"not judged: inline:x of {WEB}, Statement[0]: no Effect",
        "role nobody is in scope and not in the account",
    ):
        assert f"    {line}\n" in text


def test_one_reason_is_said_once_for_all_the_rules_that_it_leaves_open() -> None:
    rules = {"partial": {f"MFA-C{number:02}": "organization_policies: denied" for number in range(1, 13)}}
    text = render_text(report_of(audit(coverage={"rules": rules})))
    assert text.count("organization_policies: denied") == 1
    assert "MFA-C01, MFA-C02" in text
    assert max(map(len, text.partition("What could not be judged")[2].splitlines())) <= 110


def test_what_an_account_calls_its_things_cannot_write_lines_of_its_own() -> None:
    odd = finding(statement="x\x1b[31m\n==== compliant", message="a\x1b[2Jb\u202ec", resource="r\ns")
    text = render_text(report_of(audit(odd)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n==== compliant" not in text
    assert "r\\ns, trust, statement x\\x1b[31m\\n==== compliant" in text


def test_the_text_shows_accepted_findings_with_reason_and_date() -> None:
    ignored = [{"reason": "moving", "expires": "2027-03-31", "finding": finding()}]
    assert f"accepted until 2027-03-31: MFA-C04 on {WEB}: moving\n" in render_text(report_of(audit(ignored=ignored)))


def test_thousands_of_findings_are_cut_in_the_text_and_whole_in_json() -> None:
    report = report_of(audit(*(finding(statement=number) for number in range(250))))
    assert "and 50 more findings, none worse: see report.json" in render_text(report)
    assert len(report_to_dict(report)["account"]["findings"]) == 250
