"""A diagnosis as people read it."""

from __future__ import annotations

from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.diagnose import diagnose
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    Facts,
    Known,
    Question,
    Unknown,
    to_dict,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._diagnosis_text import diagnosis_lines

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
SERIAL = "arn:aws:iam::123456789012:mfa/alice"


def record(user: str, number: int) -> dict[str, Any]:
    return {
        "eventID": f"{user}-{number}", "eventTime": f"2027-01-15T07:0{number}:00Z", "eventName": "GetSessionToken",
        "eventSource": "sts.amazonaws.com", "errorCode": "AccessDenied",
        "errorMessage": "MultiFactorAuthentication failed with invalid MFA one time pass code.",
        "userIdentity": {"type": "IAMUser", "userName": user}, "requestParameters": {"serialNumber": SERIAL},
    }  # fmt: skip


def lines_of(question: Question, facts: Facts) -> list[str]:
    return diagnosis_lines(to_dict(diagnose(question, facts)))


def test_causes_come_with_evidence_and_steps_and_what_is_unknown_at_the_end() -> None:
    facts = Facts(
        records=Known((record("alice", 1), record("alice", 2), record("bob", 3))),
        devices=Unknown("iam:ListMFADevices failed", "iam:ListMFADevices", "AccessDenied"),
    )
    lines = lines_of(Question(NOW, user="alice"), facts)
    assert lines[0] == (
        "MFA of alice in the last 24 h: refused always since 2027-01-15T07:01:00Z; also of bob"
    )  # fmt: skip
    assert lines[1].startswith("1. ")
    assert "(clock_drift, confidence " in lines[1]
    assert any(line.startswith("   2027-01-15T07:01:00Z ") and "[event alice-1]" in line for line in lines)
    assert any(line.startswith("   next: ") and "resync" in line for line in lines)
    assert any(line.startswith("Not known (devices): ") and "iam:ListMFADevices failed" in line for line in lines)
    assert lines[-1].startswith("Not collected: ")
    assert "host" in lines[-1]


def test_an_error_text_is_explained_and_its_command_corrected() -> None:
    text = (
        f"aws iam resync-mfa-device --user-name alice --serial-number {SERIAL} --authentication-code-1 1 "
        "--authentication-code-2 2\n\nUnknown options: --authentication-code-1, 1"
    )
    lines = lines_of(Question(NOW, error_text=text), Facts())
    assert any(line.startswith("The error text: ") for line in lines)
    (corrected,) = [line for line in lines if line.startswith("The command as it should be: ")]
    assert "--authentication-code1" in corrected


def test_what_speaks_against_a_cause_says_so() -> None:
    found = to_dict(diagnose(Question(NOW, user="alice"), Facts(records=Known((record("alice", 1),)))))
    found["causes"][0]["evidence"][0]["against"] = True
    assert any("speaks against it: " in line for line in diagnosis_lines(found))
