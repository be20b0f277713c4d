"""The flow of iam_mfa_references_info, with files and AWS in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import CoverageGap
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_references import CodeLine
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_references import CodeSearch, run_references

ACCOUNT = "123456789012"
ID = "AIDACKCEVSQ6C2EXAMPLE"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
ARN = f"arn:aws:iam::{ACCOUNT}:user/staff/alice"
DEFAULTS: dict[str, Any] = {
    "user": "alice", "serials": [], "unique_ids": [], "snapshot": None, "organization": False, "trail_hours": 0,
    "resource_policies": [], "host_serials": [], "code_paths": [],
}  # fmt: skip
UNASKED = ("mfa_devices", "organization_policies", "trail_events", "account_summary", "credential_report")


def gap(part: str, reason: str = "not asked for", **more: str) -> dict[str, str]:
    return {"part": part, "reason": reason, **more}


def snapshot(**more: Any) -> dict[str, Any]:
    details = {
        "UserDetailList": [{"UserName": "alice", "UserId": ID, "Arn": ARN, "Path": "/staff/"}],
        "GroupDetailList": [], "RoleDetailList": [], "Policies": [],
    }  # fmt: skip
    return {
        "account_id": ACCOUNT, "partition": "aws", "collected_at": "2026-11-21T12:00:00Z",
        "authorization_details": details,
        "virtual_mfa_devices": [{"SerialNumber": SERIAL, "User": {"UserName": "alice", "Arn": ARN}}],
        "mfa_devices": {"alice": [{"UserName": "alice", "SerialNumber": SERIAL}]},
        "coverage_gaps": [gap(part) for part in UNASKED],
        "api_calls": {"iam:ListMFADevices": 1},
        **more,
    }  # fmt: skip


def run(live: Mapping[str, Any] | None = None, search: CodeSearch | None = None, **params: Any) -> dict[str, Any]:
    looked: list[Sequence[str]] = []

    def looking(_paths: Sequence[str], texts: Sequence[str]) -> CodeSearch:
        looked.append(texts)
        return search or CodeSearch()

    ports = AuditPorts(
        read=lambda _path: json.dumps(snapshot()),
        write_private=lambda _path, _text: pytest.fail("something was written"),
        collect=lambda: live if live is not None else snapshot(),
        read_code=lambda paths: tuple(IacFile(path, "text") for path in paths),
        now=lambda: 0.0,
    )
    result = run_references({**DEFAULTS, **params}, ports, looking)
    assert bool(looked) == bool(params.get("code_paths"))
    return {**result, "looked": looked}


def test_a_user_whom_nobody_names() -> None:
    result = run()
    assert result["user"] == {"name": "alice", "arn": ARN, "id": ID, "unique_ids": [ID], "exists": True}
    assert [(one["serial"], one["action"]) for one in result["devices"]] == [(SERIAL, "delete")]
    assert (result["references"], result["uses"], result["remediation"]) == ([], [], {"roles": [], "rules": []})
    assert result["api_calls"] == {"iam:ListMFADevices": 1}
    assert result["coverage"] == {
        "complete": True, "documents": 0, "gaps": [],
        "not_searched": ["files", "host_serials", "organization_policies", "resource_policies", "trail_events"],
    }  # fmt: skip


def test_a_snapshot_says_the_same_without_calls() -> None:
    assert {**run(), "api_calls": {}} == run(snapshot="/account.json")


def test_resource_policies_and_hosts_are_searched() -> None:
    statement = {"Effect": "Deny", "Principal": "*", "NotPrincipal": {"AWS": ARN}, "Action": "s3:*", "Resource": "*"}
    bucket = {"Arn": "arn:aws:s3:::records", "Policy": json.dumps({"Statement": statement})}
    host = {"host": "web1", "serial": SERIAL, "where": "/home/alice/.aws/config", "profile": "prod"}
    result = run(resource_policies=[bucket], host_serials=[host])
    assert [(one["document"], one["kind"]) for one in result["references"]] == [
        ("resource:arn:aws:s3:::records", "user"), ("profile:prod", "serial"),
    ]  # fmt: skip
    assert result["coverage"]["not_searched"] == ["files", "organization_policies", "trail_events"]


def test_files_are_searched_for_all_of_it_and_what_cannot_be_read_is_a_gap() -> None:
    problem = CoverageGap("files", "/code/x cannot be read: Permission denied", subject="/code/x")
    found = CodeSearch((CodeLine("/code/delete.sh", 2, SERIAL),), (problem,))
    result = run(search=found, code_paths=["/code"], serials=["GAHT12345678"], unique_ids=["AIDAOLD"])
    assert set(result["looked"][0]) == {SERIAL, "GAHT12345678", ID, "AIDAOLD", ARN}
    assert [one["resource"] for one in result["references"]] == ["/code/delete.sh:2"]
    assert result["coverage"]["complete"] is False
    assert result["coverage"]["gaps"][0]["reason"] == "/code/x cannot be read: Permission denied"


@pytest.mark.parametrize("part", ["authorization_details", "virtual_mfa_devices", "mfa_devices"])
def test_what_was_denied_is_a_gap_with_its_api(part: str) -> None:
    denied = gap(part, "the call was denied", api="iam:Something", code="AccessDenied")
    live = {**snapshot(), "coverage_gaps": [denied], part: None}
    result = run({key: value for key, value in live.items() if value is not None})
    assert result["coverage"]["complete"] is False
    assert "iam:Something" in [one["api"] for one in result["coverage"]["gaps"]]


def test_whether_a_user_exists_is_unknown_when_the_users_could_not_be_read() -> None:
    live = snapshot(coverage_gaps=[gap("authorization_details", "denied", api="iam:X", code="AccessDenied")])
    del live["authorization_details"]
    result = run(live)
    assert result["user"]["exists"] is None
    assert [one["action"] for one in result["devices"]] == ["delete"]


def test_an_unknown_user_is_an_error_that_says_how_to_go_on() -> None:
    with pytest.raises(IamError, match="has no user bob") as caught:
        run(user="bob")
    assert "serials and unique_ids" in str(caught.value)


def test_a_deleted_user_is_looked_for_by_what_is_known_and_no_list_is_missing() -> None:
    gone = gap("mfa_devices", "bob: gone", api="iam:ListMFADevices", code="NoSuchEntity", subject="bob")
    result = run(snapshot(coverage_gaps=[gap(part) for part in UNASKED] + [gone]), user="bob", unique_ids=["AIDABOB"])
    assert (result["user"]["exists"], result["user"]["id"], result["user"]["unique_ids"]) == (False, None, ["AIDABOB"])
    assert result["coverage"]["complete"] is True
