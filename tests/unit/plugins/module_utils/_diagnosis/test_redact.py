"""Nothing that opens anything is repeated."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.redact import (
    NOT_SHOWN,
    redact,
    shown_serial,
)

from tests.rigs.diagnosis import EXPLICIT, SERIAL

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("--token-code 123456", "123456"),
        ("code 123 456", "123 456"),
        ("code:311772", "311772"),
        ("TokenCode=012345&Version=2011-06-15", "012345"),
        ("AKIAIOSFODNN7EXAMPLE is not valid", "AKIAIOSFODNN7EXAMPLE"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "bPxRfiCYEXAMPLEKEY"),
        ("aws_secret_access_key = abc/def1", "abc/def1"),
        ('"SessionToken": "FwoGZXIvYXdzEJr1"', "FwoGZXIvYXdzEJr1"),
        ("password: hunter2", "hunter2"),
        (f"otpauth://totp/x?secret={SEED}&issuer=AWS", SEED),
        (f"seed {SEED}", SEED),
        ("jbsw y3dp ehpk 3pxp jbsw y3dp", "ehpk"),
        ("X-Amz-Signature=" + "0a" * 32, "0a" * 32),
    ],
)
def test_a_secret_is_gone(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        EXPLICIT,
        f"MFADevice {SERIAL} doesn't exist.",
        "Signature expired: 20261122T101500Z is now earlier than 20261122T111500Z",
        "The security token included in the request is invalid",
        "MultiFactorAuthentication failed with invalid MFA one time pass code.",
        "account 123456789012, request 9ab3efc0-a3bd-11e8-bceb-27eb86ea1be1",
    ],
)
def test_what_helps_stays(text: str) -> None:
    assert redact(text) == text


def test_a_serial_that_may_be_a_seed_is_not_shown() -> None:
    assert shown_serial(SEED) == NOT_SHOWN
    assert shown_serial(SERIAL) == SERIAL
    assert shown_serial("GAHT12345678") == "GAHT12345678"
    assert shown_serial("") == ""
