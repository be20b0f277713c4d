"""The report's page without a browser: what gets into it, packed and harmless."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report import html_data
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_data import pack
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_report import PAGE, SCRIPTS, render_html
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_words import (
    account_words,
    gaps_of,
    host_words,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)

Maker = Callable[..., dict[str, Any]]
WEB = "arn:aws:iam::123456789012:role/web"
TRUST = {"Statement": [{"Sid": "People", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}]}
FIXED = {"Statement": [{"Sid": "People", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}
PATH = "Condition.BoolIfExists.aws:MultiFactorAuthPresent"
NASTY = "</script><!--<script>&'\"\ud800\u2028"


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self._inside = tag
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside][-1] += data


def finding(**more: Any) -> dict[str, Any]:
    return {
        "rule": "MFA-C04", "severity": "critical", "title": "Allow with IfExists", "account": "123456789012",
        "resource": WEB, "document": "trust", "statement": "People", "path": PATH, "serial": None,
        "witness": {"credential": "long_term_key", "outcome": "allowed"}, "message": "Keys pass.",
        "fix": {"document": FIXED, "summary": "BoolIfExists becomes Bool."}, "references": [], **more,
    }  # fmt: skip


def audit(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "verdict": "noncompliant", "findings": list(findings), "ignored": [], "summary": {},
        "account": {"id": "123456789012", "source": "live", "collected_at": None, "description": None},
        "coverage": {"rules": {"checked": ["MFA-C04"], "partial": {}, "unknown": {}, "not_given": {}}},
        "documents": [{"places": [{"resource": WEB, "document": "trust"}], "policy": TRUST}], **more,
    }  # fmt: skip


def report_of(*answers: HostAnswers, account: dict[str, Any] | None = None, mode: str = "audit") -> Report:
    return build_report(answers, generated_at="2026-11-21T12:00:05Z", mode=mode, account=account)


def shown_findings(*findings: dict[str, Any], **more: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    packed = pack(report_of(account=audit(*findings, **more)))
    return packed["account"]["findings"], packed["account"]


# --- packed


def test_like_hosts_take_the_room_of_one(result: Maker) -> None:
    one, many = (
        pack(report_of(*(HostAnswers(host=f"h{place}", measured=result()) for place in range(count))))
        for count in (1, 50)
    )
    assert len(many["hosts"]) == 50
    assert many["pool"] == one["pool"]


def test_a_host_can_be_read_back(result: Maker) -> None:
    measured = result(verdict="noncompliant", reasons=["clock.stale"], offset_s=2.5, messages=["it is old"])
    packed = pack(report_of(HostAnswers(host="a", measured=measured)))
    (name, codes, messages, parts, before, enforcement, history), pool = packed["hosts"][0], packed["pool"]
    assert (name, before, enforcement, history) == ("a", None, None, [])
    assert pool[codes] == {"verdict": "noncompliant", "reasons": ["clock.stale"], "warnings": []}
    assert pool[messages] == ["it is old"]
    assert parts["clock"]["offset_s"] == 2.5
    assert pool[parts["chrony"]] == measured["ansible_facts"]["softtoken"]["chrony"]
    assert packed["codes"]["clock.stale"]["meaning"] == "the clock has had no update for too long"


def test_a_long_history_keeps_its_worst_points(result: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_data, "HISTORY_POINTS", 24)
    points = [[1e9 + place, 5.0 if place == 77 else None if place % 2 else 0.001, 0.01] for place in range(100)]
    measured = result() | {"detail": {"history": points}}
    packed = pack(report_of(HostAnswers(host="a", measured=measured), HostAnswers(host="b", measured=measured)))
    history = packed["hosts"][0][-1]
    assert len(history) <= 12
    assert [1e9 + 77, 5.0, 0.01] in history
    assert history == sorted(history)


def test_a_finding_has_its_lines_and_its_fix_as_a_change() -> None:
    (found,), account = shown_findings(finding())
    lines = account["documents"][found["text"]].split("\n")
    start, end, first, last = found["lines"]
    assert (lines[start].strip(), lines[end - 1].strip()) == ("{", "}")
    assert [line.strip() for line in lines[first:last]] == ['"aws:MultiFactorAuthPresent": "true"']
    (change,) = found["fix"]["changes"]
    assert (lines[change[0]].strip(), change[2][0].strip()) == ('"BoolIfExists": {', '"Bool": {')


def test_code_below_the_working_directory_is_named_from_there() -> None:
    (found,), _account = shown_findings(finding(resource=f"{Path.cwd()}/code/main.tf:6", document="resource:x"))
    assert found["resource"] == "code/main.tf:6"


def test_a_document_is_there_once_however_many_findings_it_has() -> None:
    findings, account = shown_findings(*(finding(message=str(place)) for place in range(30)))
    assert len(account["documents"]) == 1
    assert {found["text"] for found in findings} == {0}


def test_without_the_document_the_fixed_one_is_shown_whole() -> None:
    (found,), account = shown_findings(finding(), documents=[])
    assert "lines" not in found
    assert json.loads(account["documents"][found["fix"]["text"]]) == FIXED


def test_documents_for_which_there_is_no_room_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_data, "DOCUMENT_CHARS", 250)
    big = {"Statement": [{"Sid": "People", "Resource": "x" * 300}]}
    documents = [
        {"places": [{"resource": WEB, "document": "trust"}], "policy": TRUST},
        {"places": [{"resource": "other", "document": "trust"}], "policy": big},
    ]
    (first, second), account = shown_findings(finding(), finding(resource="other"), documents=documents)
    assert "text" in first
    assert "text" not in second
    assert "changes" not in second["fix"]
    assert "lines" in second  # so the page says that there is one
    assert account["leftOut"] == 1


# --- harmless


def test_the_policy_names_the_hashes_of_what_is_in_the_page(result: Maker) -> None:
    page = Elements(render_html(report_of(HostAnswers(host="a", measured=result()))))
    policy = next(about["content"] for tag, about in page.elements if about.get("http-equiv"))
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (page.raw["script"][-1], page.raw["style"][0])
    ]
    assert re.findall(r"'sha256-([^']+)'", str(policy)) == hashes
    assert str(policy).startswith("default-src 'none'; ")
    assert "unsafe" not in str(policy)


def test_nothing_in_the_page_leads_elsewhere_or_acts_by_itself(result: Maker) -> None:
    page = Elements(render_html(report_of(HostAnswers(host="a", measured=result()), account=audit(finding()))))
    for tag, about in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "form", "base"}
        assert [name for name in about if name.startswith("on") or name in {"style", "src", "action"}] == []
        assert str(about.get("href", "#")).startswith("#") or about["href"] == "data:,"


def test_what_others_wrote_stays_text(result: Maker) -> None:
    measured = result(verdict="noncompliant", reasons=[NASTY], serials=[{"serial": NASTY}], measured_at=NASTY)
    account = audit(finding(resource=NASTY, title=NASTY), ignored=[
        {"reason": NASTY, "expires": NASTY, "finding": finding(resource=NASTY)}
    ])  # fmt: skip
    account["account"]["description"] = NASTY
    account["coverage"]["missing_roles"] = [NASTY]
    plain = render_html(report_of(HostAnswers(host="a", measured=result()), account=audit(finding())))
    text = render_html(report_of(HostAnswers(host=NASTY, measured=measured), account=account))
    page = Elements(text)
    assert len(page.raw["script"]) == len(Elements(plain).raw["script"]) == 2
    assert json.loads(page.raw["script"][0])["hosts"][0][0] == NASTY
    assert "<!--<script" not in text
    assert NASTY not in text


def test_figures_that_json_does_not_have_are_unknown(result: Maker) -> None:
    page = Elements(render_html(report_of(HostAnswers(host="a", measured=result(offset_s=float("nan"))))))
    assert json.loads(page.raw["script"][0])["hosts"][0][3]["clock"]["offset_s"] is None


@pytest.mark.parametrize(
    "answers", [HostAnswers(host="a"), HostAnswers(host="a", measured={"unreachable": True, "msg": "gone"})]
)
def test_a_host_without_facts_has_its_place(answers: HostAnswers) -> None:
    packed = pack(report_of(answers))
    assert packed["hosts"][0][3] is None
    assert "The host is unknown: what could not be measured" in render_html(report_of(answers))


def test_the_page_is_made_of_every_file_beside_it() -> None:
    assert {path.name for path in PAGE.iterdir()} == {*SCRIPTS, "report.css", "report.html.j2"}


# --- in words


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([], "No host was matched, so nothing was measured."),
        (["compliant"], "The host is compliant."),
        (["compliant", "compliant"], "All 2 hosts are compliant."),
        (["noncompliant"], "The host is not compliant."),
        (["noncompliant", "compliant"], "1 of 2 hosts is not compliant."),
        (["unknown", "unknown"], "All 2 hosts are unknown: what could not be measured is not taken for compliant."),
        (
            ["noncompliant", "unknown", "compliant"],
            (
                "1 of 3 hosts is not compliant; "
                "1 of 3 hosts is unknown: what could not be measured is not taken for compliant."
            ),
        ),
    ],
)
def test_the_verdict_on_hosts_in_words(result: Maker, verdicts: list[str], sentence: str) -> None:
    answers = (HostAnswers(host=str(place), measured=result(verdict=one)) for place, one in enumerate(verdicts))
    words = host_words(report_of(*answers))
    assert words is not None
    assert words["sentence"] == sentence
    assert words["verdict"] == (
        "unknown" if not verdicts else min(verdicts, key=["noncompliant", "unknown", "compliant"].index)
    )


def test_one_host_of_many_can_be_seen_in_the_bar(result: Maker) -> None:
    answers = [HostAnswers(host=str(place), measured=result()) for place in range(2000)]
    words = host_words(report_of(*answers, HostAnswers(host="gone")))
    assert words is not None
    (kind, start, width), (_other, second, rest) = words["bar"]
    assert (kind, start) == ("unknown", 0)
    assert width > 0.5
    assert second == pytest.approx(width)
    assert width + rest == pytest.approx(100, abs=0.02)


def test_enforcing_is_told_with_what_it_mended(result: Maker) -> None:
    bad, good = result(verdict="noncompliant", reasons=["clock.stale"]), result()
    answers = (
        HostAnswers(host="a", measured=bad, enforced={"status": "ok"}, measured_again=good),
        HostAnswers(host="b", measured=bad, enforced={"status": "failed", "message": "no"}, measured_again=bad),
        HostAnswers(host="c", measured=good, enforced={"status": "ok"}, measured_again=good),
    )
    words = host_words(report_of(*answers, mode="enforce"))
    assert words is not None
    assert words["enforced"] == "3 enforced, 1 made compliant by it; it failed on 1."


def test_a_report_about_an_account_alone_says_nothing_of_hosts() -> None:
    report = report_of(account=audit(finding()), mode="account")
    assert host_words(report) is None
    assert 'id="hosts"' not in render_html(report)


def test_an_account_that_could_not_be_audited_is_unknown_with_the_reason() -> None:
    report = report_of(account={"failed": True, "msg": "no credentials"})
    words = account_words(report)
    assert words is not None
    assert (words["name"], words["sentence"]) == ("Unknown", "It could not be audited: no credentials")
    assert "no credentials" in render_html(report)


def test_what_is_to_know_of_slices_stands_on_the_page() -> None:
    report = build_report([], generated_at="2026-11-21T12:00:05Z", mode="audit")
    assert 'class="notice notes"' not in render_html(report)
    page = render_html(replace(report, notes=("made of 1 slice of run 7", "slice 2 of 2 left <nothing>")))
    assert "<li>made of 1 slice of run 7</li>" in page
    assert "<li>slice 2 of 2 left &lt;nothing&gt;</li>" in page


def test_everything_that_was_not_judged_is_a_gap_with_its_reason() -> None:
    coverage = {
        "rules": {"checked": [], "not_given": {"MFA-S08": "x"}, "unknown": {"MFA-G04": "denied", "MFA-G05": "denied"},
                  "partial": {"MFA-T01": "less"}},
        "gaps": [{"part": "p", "reason": "r", "rules": []}, {"part": "q", "reason": "denied", "rules": ["MFA-G04"]}],
        "unreadable": [{"resource": "a", "document": "trust", "reason": "empty"}],
        "problems": [{"resource": "b", "document": "trust", "path": "Statement[0]", "message": "a list"}],
        "missing_roles": ["ops"],
    }  # fmt: skip
    report = report_of(account=audit(coverage=coverage))
    told = [(gap["what"], gap["why"]) for gap in gaps_of(report.account)]
    assert told == [
        ("MFA-G04, MFA-G05", "denied"),
        ("MFA-T01", "less"),
        ("p", "r"),
        ("trust of a", "empty"),
        ("trust of b, Statement[0]", "a list"),
        ("role ops", "it is in scope, and not in the account"),
    ]
    page = render_html(report)
    assert all(what in page and why in page for what, why in told)
