from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.text_report import render_text

Maker = Callable[..., dict[str, Any]]


def report_of(*answers: HostAnswers, mode: str = "audit", dry_run: bool = False) -> Report:
    return build_report(answers, generated_at="2026-11-21T12:00:05Z", mode=mode, dry_run=dry_run)


def test_the_verdict_is_at_the_top(result: Maker) -> None:
    text = render_text(report_of(HostAnswers(host="a", measured=result()), HostAnswers(host="b")))
    expected = "softtoken.compliance: unknown: 2 hosts: 0 noncompliant, 1 unknown, 1 compliant"
    assert text.splitlines()[1] == expected


def test_says_what_is_wrong_where_and_what_to_do(result: Maker) -> None:
    measured = result(verdict="noncompliant", reasons=["chrony.missing"], messages=["The program chronyd is missing."])
    text = render_text(report_of(HostAnswers(host="db1", measured=measured)))
    assert "chrony.missing: chronyd is not installed (1 of 1)\n    hosts: db1\n    do:    run the playbook" in text
    assert "db1: The program chronyd is missing." in text


def test_a_row_shows_offset_bound_and_acceptance(result: Maker) -> None:
    totp = {"accept_probability": {"strict": 0.0, "rfc6238": 0.5, "window1": 0.5}}
    measured = result(verdict="noncompliant", reasons=["clock.offset_exceeded"], offset_s=45.00012, totp=totp)
    text = render_text(report_of(HostAnswers(host="db1", measured=measured)))
    row = next(line for line in text.splitlines() if line.startswith("db1 "))
    assert row.split() == ["db1", "noncompliant", "+45.0", "s", "400", "us", "50", "%", "clock.offset_exceeded"]


def test_what_is_not_known_is_a_question_mark() -> None:
    text = render_text(report_of(HostAnswers(host="db1", measured={"unreachable": True, "msg": "no route"})))
    row = next(line for line in text.splitlines() if line.startswith("db1 "))
    assert row.split() == ["db1", "unknown", "?", "?", "?", "host.unreachable"]
    assert "db1: no route" in text


def test_facts_of_an_odd_shape_do_not_break_the_report(result: Maker) -> None:
    measured = result(verdict="unknown", totp=["x"])
    measured["ansible_facts"]["softtoken"]["clock"] = None
    assert "db1" in render_text(report_of(HostAnswers(host="db1", measured=measured)))


def test_warnings_of_compliant_hosts_are_shown(result: Maker) -> None:
    text = render_text(report_of(HostAnswers(host="a", measured=result(warnings=["config.no_rtcsync"]))))
    assert "warning: config.no_rtcsync" in text
    assert "Warnings\n--------\nconfig.no_rtcsync" in text


def test_thousands_of_compliant_hosts_are_counted_not_listed(result: Maker) -> None:
    answers = [HostAnswers(host=f"ok{i}", measured=result()) for i in range(3000)]
    text = render_text(report_of(*answers, HostAnswers(host="bad", measured={"failed": True, "msg": "x"})))
    assert len(text.splitlines()) < 40
    assert "and 3000 compliant hosts: report.json has each of them" in text
    assert "bad " in text


def test_a_few_compliant_hosts_are_listed(result: Maker) -> None:
    text = render_text(report_of(*(HostAnswers(host=f"ok{i}", measured=result()) for i in range(5))))
    assert sum(line.startswith("ok") for line in text.splitlines()) == 5


def test_thousands_of_messages_are_cut(result: Maker) -> None:
    answers = [
        HostAnswers(host=f"bad{i}", measured=result(verdict="noncompliant", reasons=["clock.stale"], messages=["Old."]))
        for i in range(1000)
    ]
    text = render_text(report_of(*answers))
    assert text.count("Old.") == 200
    assert "and 800 more: see report.json" in text


def test_enforcement_shows_what_became_better_and_what_failed(result: Maker) -> None:
    refused = {"accept_probability": {"rfc6238": 0.0}}
    before = result(verdict="noncompliant", reasons=["chrony.missing"], offset_s=300.8, totp=refused)
    failed = {"status": "failed", "task": "Configure chronyd", "message": "rolled back"}
    text = render_text(
        report_of(
            HostAnswers(host="a", measured=before, enforced={"status": "ok"}, measured_again=result()),
            HostAnswers(host="b", measured=before, enforced=failed, measured_again=before),
        )
    )
    assert "2 enforced, 1 of them made compliant by it\n" in text
    assert "a: noncompliant (offset +300.8 s, codes 0 %) -> compliant (offset +4 us, codes 100 %)\n" in text
    assert "b: failed in task 'Configure chronyd': rolled back" in text


def test_check_mode_says_what_would_be_enforced(result: Maker) -> None:
    before = result(verdict="noncompliant", reasons=["chrony.missing"])
    failed = {"status": "failed", "task": "Check the answers", "message": "no source is given"}
    text = render_text(
        report_of(
            HostAnswers(host="a", measured=before, enforced={"status": "ok"}, measured_again=before),
            HostAnswers(host="b", measured=before, enforced=failed, measured_again=before),
            mode="enforce",
            dry_run=True,
        )
    )
    assert "mode enforce, check mode: nothing was changed" in text
    assert "\n\nWould be enforced\n-----------------\n1 would be enforced: a\n" in text
    assert "\n  b: failed in task" in text
    assert "the output of the run shows what would change" in text
    assert "    do:    this would be enforced: run the playbook without check mode\n" in text
    assert "made compliant" not in text
    assert "softtoken_mode=enforce" not in text


def test_hosts_that_were_only_audited_are_told_how_to_enforce(result: Maker) -> None:
    before = result(verdict="noncompliant", reasons=["chrony.missing"])
    enforced = HostAnswers(host="a", measured=before, enforced={"status": "failed"}, measured_again=before)
    audited = HostAnswers(host="b", measured=before)
    assert "softtoken_mode=enforce" in render_text(report_of(enforced, audited, mode="enforce"))
    assert "softtoken_mode=enforce" not in render_text(report_of(enforced, mode="enforce"))


def test_a_clock_that_is_off_is_not_said_to_be_perhaps_off_as_well(result: Maker) -> None:
    both = ["clock.offset_exceeded", "clock.bound_exceeded"]
    off = HostAnswers(host="off", measured=result(verdict="noncompliant", reasons=both))
    perhaps = HostAnswers(host="perhaps", measured=result(verdict="noncompliant", reasons=both[1:]))
    alone = report_of(off)
    assert "\nclock.bound_exceeded: " not in render_text(alone)
    assert "clock.offset_exceeded, clock.bound_exceeded" in render_text(alone)  # the host's row keeps both
    assert alone.reasons["clock.bound_exceeded"] == ("off",)
    text = render_text(report_of(off, perhaps))
    assert "clock.bound_exceeded: the clock may be further off than allowed (1 of 2)\n    hosts: perhaps\n" in text


def test_long_messages_are_wrapped_below_their_host(result: Maker) -> None:
    words = "no source has a fresh sample that chronyd would use: check the network to them, and UDP port 123. " * 3
    before = result(verdict="noncompliant", reasons=["source.none_usable"], messages=[words.strip()])
    failed = {"status": "failed", "task": "Prove", "message": words.strip()}
    text = render_text(report_of(HostAnswers(host="db1", measured=before, enforced=failed, measured_again=before)))
    assert max(map(len, text.splitlines())) <= 110
    assert "\ndb1: no source has" in text
    assert text.count("\n    ") >= 6
    assert " ".join(words.split()) in " ".join(text.split())


def test_a_long_word_is_not_broken(result: Maker) -> None:
    path = "/etc/" + "x" * 120
    measured = result(verdict="noncompliant", reasons=["config.invalid"], messages=[f"correct {path}"])
    assert f" {path}\n" in render_text(report_of(HostAnswers(host="db1", measured=measured)))


def test_the_columns_are_explained_below_the_table(result: Maker) -> None:
    measured = result(verdict="noncompliant", reasons=["clock.stale"], messages=["Old."])
    text = render_text(report_of(HostAnswers(host="a", measured=measured)))
    assert text.index("clock.stale\n") < text.index("OFFSET is host minus true time") < text.index("Messages\n----")


def test_columns_without_a_figure_need_no_explanation() -> None:
    text = render_text(report_of(HostAnswers(host="a", measured={"unreachable": True, "msg": "no route"})))
    assert "OFFSET is" not in text


def test_no_host_is_said_clearly() -> None:
    text = render_text(report_of())
    assert "softtoken.compliance: unknown: no host was matched" in text
