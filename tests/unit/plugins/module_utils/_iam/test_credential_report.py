"""The columns of the credential report that the audit needs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.credential_report import (
    Credentials,
    credential_rows,
    read_credentials,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot_values import Malformed

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)
ROOT = (
    "<root_account>,arn:aws:iam::123456789012:root,2019-01-01T00:00:00+00:00,not_supported,no_information,"
    "not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,true,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)
ALICE = (
    "alice,arn:aws:iam::123456789012:user/alice,2020-01-01T00:00:00+00:00,true,N/A,N/A,N/A,false,"
    "true,N/A,N/A,N/A,N/A,true,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)
REPORT = f"{HEADER}\n{ROOT}\n{ALICE}"

EXPECTED = {
    "<root_account>": Credentials("<root_account>", None, True, 1),
    "alice": Credentials("alice", True, False, 2),
}


@pytest.mark.parametrize(
    "part",
    [
        REPORT,
        REPORT + "\n",
        REPORT.replace("\n", "\r\n"),
        credential_rows(REPORT),
        {"Content": base64.b64encode(REPORT.encode()).decode(), "ReportFormat": "text/csv"},
    ],
)
def test_every_form_of_the_report_says_the_same(part: Any) -> None:
    assert read_credentials(part) == EXPECTED


def test_a_column_more_or_elsewhere_changes_nothing() -> None:
    report = "\n".join(f"new,{line}" for line in REPORT.splitlines()).replace("new,user,", "new_column,user,")
    assert read_credentials(report) == EXPECTED


def test_only_needed_columns_are_kept() -> None:
    assert credential_rows(REPORT)[1] == {
        "user": "alice",
        "arn": "arn:aws:iam::123456789012:user/alice",
        "password_enabled": "true",
        "mfa_active": "false",
        "access_key_1_active": "true",
        "access_key_2_active": "true",
    }


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("", "no column user"),
        (REPORT.replace("mfa_active", "mfa"), "no column mfa_active"),
        (f"{HEADER}\n{ALICE[:40]}", "line 2, has 2 of 22 columns: the report was cut off"),
        ({"Content": "%%%"}, "not a report in base64"),
        ({"Content": base64.b64encode(b"\xff\xfe").decode()}, "not a report in base64"),
        ({"ReportFormat": "text/csv"}, "Content is missing"),
        (7, "is a number"),
        ([{"user": "alice", "mfa_active": 1}], r"\[0\]\.mfa_active is a number"),
        ([{"mfa_active": "true"}], r"\[0\]\.user is missing"),
        ([["alice"]], r"\[0\] is an array"),
    ],
)
def test_what_is_no_report(part: Any, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read_credentials(part)


def test_what_a_row_does_not_say_is_unknown() -> None:
    assert read_credentials([{"user": "bob"}]) == {"bob": Credentials("bob", None, None, None)}
