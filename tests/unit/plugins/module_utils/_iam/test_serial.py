"""What kind of device a serial names."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import Serial, parse_serial

A = "123456789012"
IAM = f"arn:aws:iam::{A}:"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{IAM}mfa/alice", ("virtual", "aws", A, "/", "alice", "")),
        (f"{IAM}mfa/staff/berlin/alice", ("virtual", "aws", A, "/staff/berlin/", "alice", "")),
        (f"{IAM}mfa/alice+phone@example.com", ("virtual", "aws", A, "/", "alice+phone@example.com", "")),
        (f"arn:aws-cn:iam::{A}:mfa/alice", ("virtual", "aws-cn", A, "/", "alice", "")),
        (f"arn:aws-us-gov:iam::{A}:mfa/alice", ("virtual", "aws-us-gov", A, "/", "alice", "")),
        (f"arn:aws-iso-b:iam::{A}:mfa/alice", ("virtual", "aws-iso-b", A, "/", "alice", "")),
        (f"{IAM}mfa/root-account-mfa-device", ("root", "aws", A, "/", "root-account-mfa-device", "")),
        # Only root's own place is root's: below a path it is anybody's.
        (f"{IAM}mfa/x/root-account-mfa-device", ("virtual", "aws", A, "/x/", "root-account-mfa-device", "")),
        (f"{IAM}mfa/root-account-mfa-device2", ("virtual", "aws", A, "/", "root-account-mfa-device2", "")),
        (f"{IAM}u2f/user/alice/key-ABCDEF", ("fido", "aws", A, "/", "key-ABCDEF", "alice")),
        (f"{IAM}u2f/root-account/key-ABCDEF", ("fido", "aws", A, "/", "key-ABCDEF", "")),
        (f"{IAM}sms-mfa/alice", ("sms", "aws", A, "/", "alice", "")),
        ("GAHT12345678", ("hardware", "", "", "/", "GAHT12345678", "")),
        ("0123456789", ("hardware", "", "", "/", "0123456789", "")),
        ("AB+=/:,.@-_9", ("hardware", "", "", "/", "AB+=/:,.@-_9", "")),
        (f"{IAM}user/alice", ("user", "aws", A, "/", "alice", "alice")),
        (f"{IAM}user/staff/alice", ("user", "aws", A, "/staff/", "alice", "alice")),
        ("user/alice", ("user", "", "", "/", "alice", "alice")),
    ],
)
def test_kinds(text: str, expected: tuple[str, ...]) -> None:
    serial = parse_serial(text)
    assert (serial.kind, serial.partition, serial.account, serial.path, serial.name, serial.owner) == expected
    assert serial.text == text
    assert serial.problem == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        ("12345678", "9 to 256 characters, this one has 8"),
        ("x" * 257, "this one has 257"),
        ("GAHT 12345678", "the character ' '"),
        (" GAHT12345678", "white space around it"),
        ("GAHT12345678\n", "white space around it"),
        ("GÄHT12345678", "the character 'Ä'"),
        (f"{IAM}mfa/${{aws:username}}", "the character '$'"),
        (f"{IAM}mfa/*", "the character '*'"),
        (f"{IAM}mfa/", "it ends where the name belongs"),
        (f"{IAM}mfa/staff/", "it ends where the name belongs"),
        (f"{IAM}mfa", "'mfa' is not a kind of MFA device"),
        (f"{IAM}MFA/alice", "'MFA' is not a kind of MFA device"),
        (f"{IAM}role/alice", "'role' is not a kind of MFA device"),
        (f"{IAM}mfa/alice\n", "the character '\\n'"),
        (f"arn:aws:sts::{A}:mfa/alice", "not of 'sts'"),
        (f"arn:aws:iam:us-east-1:{A}:mfa/alice", "no region"),
        ("arn:aws:iam::12345:mfa/alice", "not an account number"),
        ("arn:aws:iam::12345678901\uff12:mfa/alice", "no MFA serial has the character"),
        (f"arn:amazon:iam::{A}:mfa/alice", "'amazon' is not a partition"),
        (f"ARN:aws:iam::{A}:mfa/alice", "six parts"),
        ("arn:aws:iam:mfa/alice", "six parts"),
        ("mfa/alice/phone", "whose beginning"),
        ("u2f/user/alice/key", "whose beginning"),
        (f"{IAM}mfa/{'x' * 240}", "9 to 256"),
    ],
)
def test_malformed(text: str, problem: str) -> None:
    serial = parse_serial(text)
    assert serial.kind == "malformed"
    assert serial.text == text
    assert problem in serial.problem


def test_what_can_still_be_told_of_a_malformed_arn() -> None:
    serial = parse_serial(f"{IAM}mfa/")
    assert (serial.partition, serial.account) == ("aws", A)
    assert serial.is_arn


@pytest.mark.parametrize(
    ("text", "gives_codes"),
    [
        (f"{IAM}mfa/alice", True),
        (f"{IAM}mfa/root-account-mfa-device", True),
        ("GAHT12345678", True),
        (f"{IAM}u2f/user/alice/key", False),
        (f"{IAM}sms-mfa/alice", False),
        (f"{IAM}user/alice", False),
        ("nonsense!", False),
    ],
)
def test_only_some_devices_give_codes(text: str, gives_codes: bool) -> None:
    assert parse_serial(text).gives_codes is gives_codes


def test_a_bare_serial_says_nothing_of_an_account() -> None:
    assert parse_serial("GAHT12345678") == Serial("hardware", "GAHT12345678", path="/", name="GAHT12345678")
    assert not parse_serial("GAHT12345678").is_arn
