from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding, finding
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.ignore import (
    IgnoreError,
    Sifted,
    read_ignores,
    sift,
)

TODAY = datetime.date(2026, 11, 21)
ENTRY = {"rule": "MFA-T01", "resource": "*role/build-*", "reason": "replaced in spring", "expires": "2026-11-21"}


def found(name: str = "build-1", rule: str = "MFA-T01") -> Finding:
    resource = f"arn:aws:iam::123456789012:role/{name}"
    return finding(rule, account="123456789012", resource=resource, document="trust", message="no MFA")


def sifted(findings: list[Finding], *changes: dict[str, Any]) -> Sifted:
    return sift(findings, read_ignores([{**ENTRY, **change} for change in changes or ({},)]), today=TODAY)


def test_takes_out_what_an_entry_covers_through_its_last_day() -> None:
    result = sifted([found()])
    assert result.findings == ()
    assert [(one.finding.resource, one.entry.reason) for one in result.ignored] == [
        ("arn:aws:iam::123456789012:role/build-1", "replaced in spring")
    ]
    assert (result.expired, result.unused) == ((), ())


@pytest.mark.parametrize("other", [found("web"), found(rule="MFA-T02")])
def test_leaves_other_resources_and_rules_and_says_that_the_entry_is_unused(other: Finding) -> None:
    result = sifted([other])
    assert result.findings == (other,)
    assert [entry.resource for entry in result.unused] == ["*role/build-*"]


def test_an_expired_entry_gives_its_findings_back_and_says_so() -> None:
    result = sifted([found()], {"expires": "2026-11-20"})
    assert result.ignored == ()
    assert result.findings[0].message == (
        "no MFA (The exception for this expired on 2026-11-20; its reason was: replaced in spring)"
    )
    assert [entry.expires for entry in result.expired] == [datetime.date(2026, 11, 20)]
    assert result.unused == ()


def test_one_entry_that_holds_is_enough() -> None:
    result = sifted([found()], {"expires": "2026-11-20"}, {"resource": "*", "reason": "still"})
    assert (result.findings, result.ignored[0].entry.reason) == ((), "still")


def test_only_star_and_question_mark_are_special() -> None:
    assert sifted([found("a[1]")], {"resource": "*role/a[1]"}).findings == ()
    assert sifted([found("a1")], {"resource": "*role/a[1]"}).ignored == ()
    assert sifted([found("a1")], {"resource": "*role/a?"}).findings == ()


def test_case_counts() -> None:
    assert sifted([found()], {"resource": "*ROLE/BUILD-*"}).ignored == ()


@pytest.mark.parametrize("key", ["rule", "resource", "reason", "expires"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_an_entry_needs_all_of_its_parts(key: str, value: str | None) -> None:
    with pytest.raises(IgnoreError, match=f"^ignore entry 2 has no {key}"):
        read_ignores([ENTRY, {**ENTRY, key: value}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "MFA-T99"}, "ignore entry 1 names the rule 'MFA-T99', which does not exist"),
        ({"rule": "*"}, "names the rule"),
        ({"expires": "never"}, "ignore entry 1 expires 'never': write a date like 2027-03-31"),
        ({"expires": "2026-02-30"}, "write a date"),
        ({"expires": "31.03.2027"}, "write a date"),
    ],
)
def test_an_entry_that_cannot_be_taken_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(IgnoreError, match=message.replace("*", r"\*")):
        read_ignores([{**ENTRY, **change}])
