"""The audit as a whole: what it says of what it could not judge. The rules have tests of their own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import (
    AuditReport,
    audit,
    coverage_to_dict,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import (
    AuditContext,
    AuditOptions,
    HostSerial,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import order
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot import account_from_snapshot

ID = "123456789012"
BYPASS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ID}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
    },
}
SERVICE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVENT = {"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com", "eventTime": "2026-11-20T00:00:00Z"}


def role(name: str, trust: Any) -> dict[str, Any]:
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA" + name,
        "Arn": f"arn:aws:iam::{ID}:role/{name}",
        "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [],
        "AttachedManagedPolicies": [],
    }


def snapshot(*roles: dict[str, Any], **parts: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "account_id": ID,
        "authorization_details": {
            "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": list(roles), "Policies": [],
        },
        "virtual_mfa_devices": [],
        "mfa_devices": {},
        "credential_report": [],
        "account_summary": {"AccountMFAEnabled": 1},
        "organization_policies": [],
        "trail_events": [],
        "config_rules": [],
        "metric_filters": [],
        "metric_alarms": [],
        "alarm_topics": {},
    }  # fmt: skip
    return {key: value for key, value in {**whole, **parts}.items() if value is not None}


def audited(options: AuditOptions | None = None, /, *roles: dict[str, Any], **parts: Any) -> AuditReport:
    return audit(account_from_snapshot(snapshot(*roles, **parts)), options or AuditOptions())


def statuses(report: AuditReport) -> dict[str, str]:
    return {rule: status for rule, (status, _why) in report.coverage.rules.items()}


def test_a_whole_account_leaves_only_unknown_what_nobody_gave() -> None:
    report = audited(None, role("a", SERVICE))
    assert set(statuses(report).values()) == {"not_given"}
    assert set(statuses(report)) == {"MFA-S08", "MFA-S13", "MFA-D06"}
    assert coverage_to_dict(report.coverage)["complete"] is True


def test_what_is_given_is_looked_at() -> None:
    options = AuditOptions(host_serials=(HostSerial("a", "GAHT12345678", "/x"),), files=(IacFile("a.tf", "text"),))
    report = audited(options)
    assert statuses(report) == {}
    assert coverage_to_dict(report.coverage)["rules"]["checked"] == list(RULES)


@pytest.mark.parametrize(
    "part",
    [
        "authorization_details", "virtual_mfa_devices", "account_summary", "organization_policies", "trail_events",
        "config_rules", "metric_filters", "credential_report",
    ],
)  # fmt: skip
def test_a_missing_part_makes_exactly_the_rules_that_need_it_unknown(part: str) -> None:
    report = audited(None, role("a", BYPASS), **{part: None})
    missing = {gap["part"] for gap in report.coverage.gaps}
    assert part in missing
    expected = {rule.id for rule in RULES.values() if missing & set(rule.needs)}
    assert expected
    assert {rule for rule, status in statuses(report).items() if status == "unknown"} == expected
    assert {found.rule for found in report.findings}.isdisjoint(expected)
    assert coverage_to_dict(report.coverage)["complete"] is False


def test_a_gap_names_its_rules_and_the_error_of_the_api() -> None:
    gap = {
        "part": "organization_policies",
        "reason": "organizations:ListPolicies failed: AccessDeniedException",
        "api": "organizations:ListPolicies",
        "code": "AccessDeniedException",
    }
    report = audited(None, organization_policies=None, coverage_gaps=[gap])
    assert [dict(one) for one in report.coverage.gaps] == [
        {**gap, "subject": None, "rules": [
            rule.id for rule in RULES.values() if "organization_policies" in (*rule.needs, *rule.also)
        ]}
    ]  # fmt: skip
    assert report.coverage.rules["MFA-G04"] == (
        "unknown", "organization_policies: organizations:ListPolicies failed: AccessDeniedException"
    )  # fmt: skip
    assert report.coverage.rules["MFA-C03"][0] == "partial"


def test_a_gap_of_one_thing_leaves_its_rules_partial() -> None:
    gap = {"part": "config_rules", "reason": "denied", "subject": "eu-west-1"}
    report = audited(None, coverage_gaps=[gap])
    assert report.coverage.rules["MFA-G06"] == ("partial", "config_rules of eu-west-1: denied")


def test_a_trail_of_which_nothing_could_be_looked_up_was_not_read() -> None:
    gaps = [{"part": "trail_events", "reason": "denied", "subject": name} for name in ("AssumeRole", "ConsoleLogin")]
    assert statuses(audited(None, trail_events=None, coverage_gaps=gaps))["MFA-D05"] == "unknown"
    assert statuses(audited(None, trail_events=[EVENT], coverage_gaps=gaps[1:]))["MFA-D05"] == "partial"


def test_records_that_the_caller_gives_stand_in_for_a_missing_trail() -> None:
    assert "MFA-D05" not in statuses(audited(AuditOptions(trail_events=(EVENT,)), trail_events=None))


def test_what_nobody_asked_for_is_no_gap() -> None:
    report = audited(
        None, organization_policies=None, coverage_gaps=[{"part": "organization_policies", "reason": "not asked for"}]
    )
    assert report.coverage.gaps == ()
    assert statuses(report)["MFA-G04"] == "not_given"
    assert coverage_to_dict(report.coverage)["complete"] is True


def test_a_document_that_is_no_policy_is_named_and_the_rest_is_judged() -> None:
    report = audited(None, role("broken", "{"), role("bypass", BYPASS))
    (entry,) = report.coverage.unreadable
    assert (entry["resource"], entry["document"]) == (f"arn:aws:iam::{ID}:role/broken", "trust")
    assert "the text is 1 characters: '{'" in entry["reason"]
    assert report.coverage.rules["MFA-T01"] == ("partial", "1 document could not be read")
    assert "MFA-C04" in {found.rule for found in report.findings}
    assert coverage_to_dict(report.coverage)["complete"] is False


def test_a_part_that_iam_would_not_take_is_named_by_its_place() -> None:
    odd = {"Version": "2012-10-17", "Statement": [{**SERVICE["Statement"][0], "Conditions": {}}]}  # type: ignore[dict-item]
    report = audited(None, role("odd", odd))
    assert [(one["resource"], one["path"]) for one in report.coverage.problems] == [
        (f"arn:aws:iam::{ID}:role/odd", "Statement[0].Conditions")
    ]
    assert coverage_to_dict(report.coverage)["complete"] is False


def test_a_file_that_cannot_be_read_is_a_gap() -> None:
    report = audited(AuditOptions(files=(IacFile("a.tf", "unreadable", problems=("a.tf is no HCL",)),)))
    assert report.coverage.rules["MFA-D06"] == ("partial", "files of a.tf: a.tf is no HCL")


def test_equal_documents_are_parsed_once_and_reported_in_each_place() -> None:
    report = audited(None, role("a", BYPASS), role("b", BYPASS))
    assert (report.coverage.documents, report.coverage.distinct) == (2, 1)
    places = [found.resource for found in report.findings if found.rule == "MFA-C04"]
    assert places == [f"arn:aws:iam::{ID}:role/a", f"arn:aws:iam::{ID}:role/b"]


@pytest.mark.parametrize("encode", [json.dumps, lambda policy: quote(json.dumps(policy))])
def test_an_encoded_document_is_the_same_document(encode: Any) -> None:
    assert [found.rule for found in audited(None, role("a", encode(BYPASS))).findings] == [
        found.rule for found in audited(None, role("a", BYPASS)).findings
    ]


def test_an_escape_hides_no_key_from_the_rules() -> None:
    hidden = json.dumps(BYPASS).replace("MultiFactor", "M\\u0075ltiF\\u0061ctor").replace("Auth", "\\u0041uth")
    assert "MFA-C04" in {found.rule for found in audited(None, role("a", hidden)).findings}
    context = AuditContext(account_from_snapshot(snapshot(role("a", hidden))), AuditOptions())
    assert [distinct.mentions_mfa for distinct in context.documents] == [True]


def test_with_roles_in_scope_only_they_and_their_policies_are_reported() -> None:
    options = AuditOptions(scope="roles", roles=frozenset(["b", "gone"]))
    report = audited(options, role("a", BYPASS), role("b", BYPASS))
    assert {found.resource for found in report.findings} == {f"arn:aws:iam::{ID}:role/b"}
    assert report.coverage.missing_roles == ("gone",)
    assert coverage_to_dict(report.coverage)["complete"] is False


def test_findings_are_in_order_and_counted() -> None:
    report = audited(None, *(role(name, BYPASS) for name in "cab"), config_rules=[])
    assert list(report.findings) == sorted(report.findings, key=order)
    assert report.summary["findings"] == len(report.findings)
    assert sum(report.summary["severity"].values()) == sum(report.summary["rules"].values()) == len(report.findings)
    assert report.summary["rules"]["MFA-C04"] == 3


def test_the_order_of_the_account_does_not_matter() -> None:
    names = [role(name, trust) for name, trust in (("a", BYPASS), ("b", SERVICE), ("c", BYPASS))]
    assert audited(None, *names).findings == audited(None, *reversed(names)).findings
