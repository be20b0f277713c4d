"""Which values are shown as MFA serials: nothing that may be a key or a seed."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serial import read_serial

ARN = "arn:aws:iam::123456789012:mfa/alice"


@pytest.mark.parametrize(
    "value",
    [
        ARN,
        "arn:aws-cn:iam::123456789012:mfa/path/to/alice+phone@example.com",
        "arn:aws:iam::123456789012:u2f/user/alice/YubiKey-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "arn:aws-us-gov:iam::123456789012:mfa/root-account-mfa-device",
        "arn:aws:iam::123456789012:user/alice",  # wrong, but for the audit to say
        "GAHT12345678",
        "user/alice",
    ],
)
def test_a_serial_is_shown_as_it_is(value: str) -> None:
    assert read_serial(value) == (value, "")


@pytest.mark.parametrize(
    "value",
    [
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AKIAIOSFODNN7EXAMPLE",
        "JBSWY3DPEHPK3PXP",
        "jbswy3dpehpk3pxpjbswy3dp",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "3132333435363738393031323334353637383930",
    ],
)
def test_what_looks_like_a_key_or_a_seed_is_not(value: str) -> None:
    shown, problem = read_serial(value)
    assert shown == ""
    assert "key or a seed" in problem
    assert value not in problem


@pytest.mark.parametrize("value", ["otpauth://totp/x?secret=JBSWY3DPEHPK3PXP", "pass word", "\narn:aws", "größe123456"])
def test_other_text_is_not(value: str) -> None:
    assert read_serial(value) == ("", "it has characters that no MFA serial has")


def test_text_behind_an_arn_is_left_out() -> None:
    shown, problem = read_serial(f"{ARN} # my phone\naws_secret_access_key = wJalrXUtnFEMI")
    assert shown == ARN
    assert "other text follows" in problem


@pytest.mark.parametrize(("value", "length"), [("arn:x", 5), ("arn:" + "a" * 400, 256), ("short", 5)])
def test_a_wrong_length_is_said(value: str, length: int) -> None:
    shown, problem = read_serial(value)
    assert len(shown) == length
    assert "9 to 256" in problem
