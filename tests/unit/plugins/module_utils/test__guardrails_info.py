"""The flow of iam_mfa_guardrails_info, with an account and records in memory."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import PARTS
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.drift import Delivery, State
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_info import (
    GuardrailPorts,
    Seen,
    Trail,
    run_guardrails,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_ports import read_files
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from tests.rigs.iam_rules import MISTAKES, policy

ACCOUNT = "123456789012"
KEY_ALONE = {
    "eventID": "1", "eventTime": "2026-11-21T12:00:00Z", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
    "recipientAccountId": ACCOUNT, "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/deploy"},
}  # fmt: skip
DEFAULTS: dict[str, Any] = {
    "parts": list(PARTS), "enrolment": "keys", "scp_actions": [], "scp_exempt": [], "scp_policy": None,
    "scp_targets": [], "name_prefix": "g-", "self_management_groups": [], "resync_only_groups": [], "log_group": "",
    "subscriptions": [], "live": True, "partition": "aws", "trail_hours": 0, "trail_regions": [], "trail_files": [],
    "management_account": "",
}  # fmt: skip


def guardrails(*, account_in: str = "aws", trail: Trail | None = None, **parameters: Any) -> dict[str, Any]:
    ports = GuardrailPorts(
        look=lambda *_asked: Seen(
            ACCOUNT, account_in, State(log_group="trail", delivery=Delivery("main", logging=True))
        ),
        look_back=lambda _names, _hours, _regions: trail or Trail(),
        read_files=lambda _paths: Trail((KEY_ALONE,)),
    )
    return run_guardrails({**DEFAULTS, **parameters}, ports)


def test_everything_is_proven_and_compared() -> None:
    made = guardrails()
    assert made["failures"] == []
    assert [one["part"] for one in made["proof"]] == ["self_management", "resync_only", "scp"]
    assert {item["state"] for item in made["drift"] if item["key"] != "trail"} == {"missing"}
    assert not made["in_place"]
    assert made["dry_run"] is None


def test_the_account_says_which_partition() -> None:
    made = guardrails(account_in="aws-us-gov")
    assert "arn:aws-us-gov:iam::*:user/${aws:username}" in json.dumps(made["documents"]["self_management"])
    assert [one["identifier"] for one in made["config_rules"]] == [
        "IAM_USER_MFA_ENABLED", "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS",
    ]  # fmt: skip


def test_without_the_account_nothing_is_in_place() -> None:
    made = guardrails(live=False, partition="aws-cn", parts=["resync_only"])
    assert (made["drift"], made["in_place"], made["partition"], made["account"]) == ([], False, "aws-cn", None)


def test_another_policy_is_proven_in_place_of_the_collections() -> None:
    made = guardrails(scp_policy=policy(MISTAKES["service_control_policy"]))
    assert any("denied for role_session" in one for one in made["failures"])


def test_a_dry_run_says_how_far_it_looked() -> None:
    searched = Trail((), ("kms: AccessDenied",), "999999999999", ("222222222222",), ("2026-11-01", "2026-11-22"))
    made = guardrails(trail_files=["x"], trail_hours=24, trail=searched)["dry_run"]
    assert [call["principal"] for call in made["denied"]] == [f"arn:aws:iam::{ACCOUNT}:user/deploy"]
    assert made["accounts"] == [ACCOUNT, "222222222222"]
    assert (made["since"], made["until"]) == ("2026-11-01", "2026-11-22")
    assert (made["gaps"], made["management_account"]) == (["kms: AccessDenied"], "999999999999")
    exempt = guardrails(trail_files=["x"], scp_exempt=["arn:aws:iam::*:user/deploy"])["dry_run"]
    assert exempt["denied"] == []
    assert exempt["policy_hash"] != made["policy_hash"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"trail_hours": 2161}, "90 days"),
        ({"trail_hours": 1, "parts": ["resync_only"]}, "does not name scp"),
        ({"scp_exempt": ["deploy"]}, "deploy"),
        ({"scp_exempt": ["arn:aws:iam::*:role/ci"]}, "IAM users alone"),
        ({"scp_policy": "{"}, "not a policy document"),
        ({"scp_policy": policy(), "scp_exempt": ["arn:aws:iam::*:user/break-glass"]}, "would do nothing"),
        ({"scp_policy": policy(), "scp_actions": ["iam:*"]}, "would do nothing"),
        ({"name_prefix": ""}, "name_prefix is ''"),
        ({"name_prefix": "ours/"}, "nobody else's"),
        ({"parts": []}, "parts is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(IamError, match=told):
        guardrails(**parameters)


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_of_a_trail_are_read(tmp_path: Path) -> None:
    below = tmp_path / "AWSLogs" / "o-1"
    below.mkdir(parents=True)
    (below / "a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": [KEY_ALONE]}).encode()))
    (below / "b.json").write_text(json.dumps({"Events": [{"CloudTrailEvent": json.dumps(KEY_ALONE)}]}))
    (below / "digest.txt").write_text("no record")
    (below / "CloudTrail-Digest").mkdir()
    (below / "CloudTrail-Digest" / "c.json.gz").write_bytes(gzip.compress(b'{"digestEndTime": ""}'))
    assert [one["eventName"] for one in read_files([str(tmp_path)]).records] == ["AssumeRole", "AssumeRole"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{"), ("a.json", b'{"Records": [1]}'), ("a.json.gz", b"\x1f\x8b\x08"), ("other.txt", b"")],
)
def test_files_that_hold_no_records_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IamError, match="trail_files"):
        read_files([str(tmp_path)])
    with pytest.raises(IamError, match="absent"):
        read_files([str(tmp_path / "absent")])
