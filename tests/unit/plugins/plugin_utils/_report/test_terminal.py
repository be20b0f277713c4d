from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.commands import Commands
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.terminal import terminal_lines
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.terminal_line import Line

Maker = Callable[..., dict[str, Any]]

COMMANDS = Commands(options=("-i", "hosts.yml"), playbook="compliance.yml")
HOSTILE = "x\x1b[2J\r\nok: all is well\u202e\x07"


def report_of(*answers: HostAnswers, **options: Any) -> Report:
    values: dict[str, Any] = {"generated_at": "2026-11-21T12:00:05Z", "mode": "audit"} | options
    return build_report(answers, **values)


def lines_of(report: Report, **options: Any) -> list[Line]:
    values: dict[str, Any] = {"width": 80, "limit": 10, "commands": COMMANDS} | options
    return terminal_lines(report, **values)


def text_of(report: Report, **options: Any) -> str:
    return "\n".join(line.text for line in lines_of(report, **options)) + "\n"


def finding(severity: str, rule: str, *, document: str = "trust", fix: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "rule": rule,
        "severity": severity,
        "title": f"Title of {rule}",
        "resource": "arn:aws:iam::123456789012:role/billing",
        "document": document,
        "statement": None,
        "serial": None,
        "fix": {"summary": "s"} if fix else None,
    } | more


def audit(*findings: dict[str, Any], unknown: tuple[str, ...] = (), **account: Any) -> dict[str, Any]:
    return {
        "verdict": "noncompliant",
        "account": {"id": "123456789012", "source": "live"} | account,
        "findings": list(findings),
        "ignored": [],
        "summary": {},
        "coverage": {"rules": {"unknown": dict.fromkeys(unknown, "AccessDenied")}},
    }


def off(result: Maker, host: str, offset_s: float, *more: str) -> HostAnswers:
    reasons = ["clock.offset_exceeded", "totp.at_risk", "clock.bound_exceeded", *more]
    return HostAnswers(host=host, measured=result(verdict="noncompliant", reasons=reasons, offset_s=offset_s))


def test_the_verdict_is_the_first_thing_said(result: Maker) -> None:
    lines = lines_of(report_of(HostAnswers(host="a", measured=result()), off(result, "b", 300.0)))
    assert lines[0] == Line("NONCOMPLIANT  2 hosts: 1 noncompliant, 0 unknown, 1 compliant", "noncompliant")


def test_a_compliant_run_is_short(result: Maker) -> None:
    assert text_of(report_of(HostAnswers(host="a", measured=result()))) == (
        "COMPLIANT     1 host: 0 noncompliant, 0 unknown, 1 compliant\n"
        "\n"
        "VERDICT    HOST  OFFSET   BOUND  CODES  REASONS\n"
        "compliant  a      +4 us  400 us  100 %  -\n"
        "\n"
    )


def test_what_is_long_says_the_verdict_again_at_its_end(result: Maker) -> None:
    report = report_of(*(off(result, f"h{index}", 300.0 + index) for index in range(15)))
    text = text_of(report, files=["/srv/report/report.json", "/srv/report/index.html"])
    assert text.endswith(
        "NONCOMPLIANT  15 hosts: 15 noncompliant, 0 unknown, 0 compliant\n"
        "Report: /srv/report/index.html\n"
        "        beside it: report.json\n"
    )


def test_the_worst_hosts_come_first_with_figures_for_people(result: Maker) -> None:
    lines = lines_of(report_of(off(result, "slow", -10800.0), off(result, "fast", 45.0), off(result, "mad", 9e5)))
    rows = [line.text.split()[:6] for line in lines if line.tone == "noncompliant"][1:]
    assert [row[1:4] for row in rows] == [["mad", "+10.4", "d"], ["slow", "-3.0", "h"], ["fast", "+45.0", "s"]]


def test_compliant_hosts_of_a_fleet_are_only_counted(result: Maker) -> None:
    answers = [HostAnswers(host=f"ok{index}", measured=result()) for index in range(3000)]
    text = text_of(report_of(*answers, off(result, "bad", 45.0)))
    assert "ok1" not in text
    assert "3000 compliant" in text
    assert "noncompliant  bad   +45.0 s" in text


def test_no_table_is_longer_than_asked(result: Maker) -> None:
    gone = [HostAnswers(host=f"gone{index}", measured={"unreachable": True, "msg": "no route"}) for index in range(50)]
    wrong = [off(result, f"off{index}", 100.0 + index) for index in range(50)]
    text = text_of(report_of(*gone, *wrong), limit=3)
    assert sum(line.startswith("noncompliant  off") for line in text.splitlines()) == 3
    assert "and 47 more of these, none further off\n" in text
    assert text.count(": no route\n") == 3
    assert "  and 47 more\n" in text


def test_a_host_of_which_nothing_is_known_is_there_with_its_error(result: Maker) -> None:
    gone = HostAnswers(host="gone", measured={"unreachable": True, "msg": "ssh: connect to host: No route to host"})
    lines = lines_of(report_of(gone, HostAnswers(host="a", measured=result())))
    assert Line("Not measured: 1 of 2", "title") in lines
    assert Line("  gone: ssh: connect to host: No route to host", "unknown") in lines


def test_one_thing_to_do_is_said_once_with_its_command(result: Maker) -> None:
    missing = HostAnswers(host="b", measured=result(verdict="noncompliant", reasons=["chrony.missing"]))
    dead = HostAnswers(host="c", measured=result(verdict="noncompliant", reasons=["source.none_usable", "clock.stale"]))
    text = text_of(report_of(off(result, "a", 45.0), missing, dead))
    assert (
        "  chronyd is not installed (chrony.missing): b\n"
        "  the clock is further off than allowed (clock.offset_exceeded): a\n"
        "    -> enforce (role softtoken.compliance.timesync); with --check --diff it only\n"
        "       shows what would change\n"
        "       ansible-playbook -i hosts.yml compliance.yml -e softtoken_mode=enforce \\\n"
        "           --check --diff --limit b,a\n"
    ) in text
    assert text.count("-a 'chronyc -n sources'") == 1
    assert "totp.at_risk):" not in text  # it follows from what is told
    assert "clock.bound_exceeded):" not in text


def test_codes_at_risk_are_told_where_nothing_else_is_wrong(result: Maker) -> None:
    at_risk = HostAnswers(host="a", measured=result(verdict="noncompliant", reasons=["totp.at_risk"]))
    assert "(totp.at_risk): a\n" in text_of(report_of(at_risk))


def test_without_commands_the_advice_stays(result: Maker) -> None:
    text = text_of(report_of(off(result, "a", 45.0)), commands=None)
    assert "-> enforce" in text
    assert "ansible-playbook" not in text


def test_hosts_that_were_enforced_are_not_told_to_enforce(result: Maker) -> None:
    wrong = result(verdict="noncompliant", reasons=["chrony.missing"])
    failed = {"status": "failed", "task": "Configure chronyd", "message": "rolled back"}
    report = report_of(
        HostAnswers(host="a", measured=wrong, enforced={"status": "ok"}, measured_again=result()),
        HostAnswers(host="b", measured=wrong, enforced=failed, measured_again=wrong),
        mode="enforce",
    )
    lines = lines_of(report)
    assert Line("Enforced: 2 of 2, 1 of them made compliant by it", "title") in lines
    assert Line("  b: failed in task 'Configure chronyd': rolled back", "noncompliant") in lines
    assert "softtoken_mode=enforce" not in text_of(report)


def test_check_mode_leads_to_the_run_without_it(result: Maker) -> None:
    wrong = result(verdict="noncompliant", reasons=["chrony.missing"])
    answers = HostAnswers(host="b", measured=wrong, enforced={"status": "ok"}, measured_again=wrong)
    text = text_of(report_of(answers, mode="enforce", dry_run=True))
    assert "check mode:\n              nothing was changed\n" in text
    assert "Would be enforced: 1 of 1\n" in text
    assert "-e softtoken_mode=enforce \\\n           --limit b\n" in text
    assert "--check" not in text


def test_findings_of_every_severity_are_there_worst_first() -> None:
    severities = ("critical", "high", "medium", "low", "info")
    found = [finding(severity, f"MFA-X{index}{rule}") for index, severity in enumerate(severities) for rule in range(8)]
    lines = lines_of(report_of(mode="account", account=audit(*found)))
    assert lines[0].text.startswith("NONCOMPLIANT  account 123456789012: 40 findings: 8 critical, 8 high, 8 medium,")
    rows = [line for line in lines if line.text.split()[:1] and line.text.split()[0] in severities]
    assert [line.text.split()[0] for line in rows] == ["critical"] * 6 + [s for s in severities[1:] for _n in range(3)]
    assert [line.tone for line in rows][::3][:3] == ["noncompliant", "noncompliant", "noncompliant"]
    assert Line("  high      and 6 more of 8, by 6 other rules", "noncompliant") in lines
    assert "hosts:" not in lines[0].text


def test_a_rule_is_said_once_with_its_places() -> None:
    places = [
        finding("high", "MFA-S01", resource=f"arn:aws:iam::123456789012:role/r{i}", statement="A") for i in range(5)
    ]
    text = text_of(report_of(account=audit(*places)))
    assert "  high      MFA-S01 Title of MFA-S01\n            role/r0 (trust A), role/r1 (trust A) and 3 more\n" in text


def test_a_statement_without_a_name_is_counted_from_one() -> None:
    text = text_of(report_of(account=audit(finding("high", "MFA-S01", document="trust", statement=0))))
    assert "(trust number 1)" in text


def test_what_was_found_in_a_snapshot_is_not_looked_for_in_the_live_account() -> None:
    report = report_of(account=audit(finding("high", "MFA-C04", fix=True), source="snapshot"))
    assert "iam_remediate" not in text_of(report)
    named = Commands(playbook="compliance.yml", account="a.json")
    assert "iam_remediate.yml --diff -e softtoken_account=a.json" in text_of(report, commands=named)


def test_the_correction_of_trust_policies_has_its_command() -> None:
    found = [finding("high", "MFA-C04", fix=True), finding("high", "MFA-C05", document="managed:x@v1", fix=True)]
    text = text_of(report_of(account=audit(*found)))
    assert "1 of these, in trust policies, can be corrected now" in text
    assert "\n       ansible-playbook iam_remediate.yml --diff\n" in text
    assert "1, in other policies" in text
    assert "iam_remediate" not in text_of(report_of(account=audit(finding("high", "MFA-S01"))))


def test_an_account_that_could_not_be_audited_says_why() -> None:
    text = text_of(report_of(mode="account", account={"failed": True, "msg": "no credentials were found"}))
    assert text.startswith("UNKNOWN       account of unknown id: no credentials were found\n")


def test_rules_that_could_not_be_judged_are_said() -> None:
    text = text_of(report_of(account=audit(unknown=("MFA-G01", "MFA-G02"))))
    assert "  2 rules could not be judged: MFA-G01, MFA-G02\n" in text


def test_a_run_without_hosts_is_unknown() -> None:
    assert text_of(report_of()).startswith("UNKNOWN       no host was matched")


def test_notes_on_the_whole_are_told(result: Maker) -> None:
    assert "\nThe run ended early.\n" in text_of(report_of(off(result, "a", 45.0)), note="The run ended early.")


def test_nothing_that_was_sent_steers_the_terminal(result: Maker) -> None:
    gone = HostAnswers(host=f"h{HOSTILE}", measured={"unreachable": True, "msg": HOSTILE})
    wrong = HostAnswers(host=HOSTILE, measured=result(verdict="noncompliant", reasons=[HOSTILE, "chrony.missing"]))
    failed = HostAnswers(
        host="f", measured=result(), enforced={"status": "failed", "task": HOSTILE}, measured_again=result()
    )
    found = finding("critical", HOSTILE, title=HOSTILE, resource=HOSTILE, document=HOSTILE, statement=HOSTILE)
    account = audit(found, unknown=(HOSTILE,), id=HOSTILE, description=HOSTILE)
    report = report_of(gone, wrong, failed, mode="enforce", account=account)
    lines = lines_of(report, files=[HOSTILE], note=HOSTILE)
    assert all(line.text.isprintable() for line in lines)
    assert not [line for line in lines if line.text.startswith("ok: all is well")]


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 120])
def test_it_is_no_wider_than_the_terminal(result: Maker, width: int) -> None:
    name = "host-with-a-long-name.of-a-long-domain.example.com"
    gone = HostAnswers(host=f"gone-{name}", measured={"unreachable": True, "msg": "no route to it " * 20})
    account = audit(finding("critical", "MFA-C04", fix=True, resource="arn:aws:iam::123456789012:role/" + "r" * 64))
    lines = lines_of(report_of(off(result, name, 45.0, "source.too_few"), gone, account=account), width=width)
    commands = [line for line in lines if line.text.startswith("       ")]  # words of a shell are not broken
    assert max(len(line.text) for line in lines if line not in commands) <= max(width, 20)


def test_how_many_findings_are_left_out_fits_a_narrow_terminal() -> None:
    account = audit(*(finding("high", f"MFA-X{number}") for number in range(30)))
    lines = lines_of(report_of(account=account), width=40)
    assert "and 28 more of 30, by 28" in " ".join(line.text for line in lines)
    assert max(len(line.text) for line in lines) <= 40


def test_a_narrow_terminal_loses_figures_before_reasons(result: Maker) -> None:
    report = report_of(off(result, "a", 45.0))
    header = {
        width: next(line.text for line in lines_of(report, width=width) if line.text.startswith("VERDICT"))
        for width in (80, 55, 50, 40)
    }
    assert header[80].split() == ["VERDICT", "HOST", "OFFSET", "BOUND", "CODES", "REASONS"]
    assert header[55].split() == ["VERDICT", "HOST", "OFFSET", "BOUND", "REASONS"]
    assert header[50].split() == ["VERDICT", "HOST", "OFFSET", "REASONS"]
    assert header[40].split() == ["VERDICT", "HOST", "REASONS"]


def test_its_own_words_are_ascii(result: Maker) -> None:
    account = audit(finding("info", "MFA-C04", fix=True), finding("low", "MFA-C05", document="inline:x", fix=True))
    assert text_of(
        report_of(off(result, "a", 45.0), HostAnswers(host="b"), account=account), files=["a", "b"]
    ).isascii()


def test_hosts_whose_agent_was_believed_are_counted(result: Maker) -> None:
    reported = result() | {"source": "agent", "report_age_s": 61.2}
    report = report_of(HostAnswers(host="a", measured=reported), HostAnswers(host="b", measured=result()))
    assert "1 of 2 hosts by the report of their agent, at most 61.2 s old\n" in text_of(report)
    assert "agent" not in text_of(report_of(HostAnswers(host="b", measured=result())))
