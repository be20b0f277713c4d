"""AWS's refusals in the words of whoever stands before them."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.explain import CAUSES, Situation, explain

SERIAL = "arn:aws:iam::123456789012:mfa/alice"
ALICE = Situation(user="alice", serial=SERIAL, own=True, caller="arn:aws:iam::123456789012:user/alice", devices=1)
ROOT = Situation(user="root")
BAD_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code."
BAD_SERIAL = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and "
    "associated with this user."
)
INVALID = "Authentication code for device is not valid."
RESYNC, SIGN_IN = "iam:ResyncMFADevice", "sts:GetSessionToken"


@pytest.mark.parametrize(
    ("operation", "code", "message", "situation", "cause", "says"),
    [
        (SIGN_IN, "AccessDenied", BAD_CODE, ALICE, "drift", "clock that the code was made with is off"),
        ("sts:AssumeRole", "AccessDenied", BAD_CODE, ALICE, "drift", "Try the next code once"),
        (SIGN_IN, "AccessDenied", BAD_CODE, ALICE._replace(after_resync=True), "late", "still out of step"),
        (SIGN_IN, "AccessDenied", BAD_SERIAL, ALICE, "wrong_serial", "the serial is old or wrong"),
        (RESYNC, "InvalidAuthenticationCode", INVALID, ALICE, "not_consecutive", "swapped, did not follow each other"),
        (RESYNC, "InvalidAuthenticationCode", INVALID, ALICE._replace(made_here=True), "wrong_seed", "seed is not"),
        (RESYNC, "InvalidAuthenticationCodeException", INVALID, ALICE, "not_consecutive", "swapped"),
        (RESYNC, "NoSuchEntity", "The user with name alice cannot be found.", ALICE, "no_user", "no user alice"),
        (RESYNC, "NoSuchEntity", "The user with name root cannot be found.", ROOT, "no_user", "console"),
        (RESYNC, "NoSuchEntity", f"MFADevice {SERIAL} doesn't exist.", ALICE, "not_owned", "deactivated or deleted"),
        (RESYNC, "ConcurrentModification", "x", ALICE, "busy", "Somebody else is changing"),
        ("EnableMFADevice", "EntityTemporarilyUnmodifiable", "x", ALICE, "busy", "Wait a minute"),
        (RESYNC, "LimitExceeded", "x", ALICE, "limit", "no more attempts"),
        ("EnableMFADevice", "LimitExceeded", "x", ALICE, "limit", "allows (8)"),
        (RESYNC, "AccessDenied", "not authorized", ALICE, "denied", "Allow it on the user alice"),
        (RESYNC, "AccessDenied", "with an explicit deny in a policy", ALICE, "denied", "NotAction"),
        (SIGN_IN, "AccessDenied", "Cannot call GetSessionToken with session credentials", ALICE, "denied", "long-term"),
        ("DeactivateMFADevice", "AccessDenied", "x", ALICE, "needs_admin", "the only device of alice"),
        ("EnableMFADevice", "AccessDenied", "x", ALICE._replace(devices=2), "needs_mfa_session", "Open a session"),
        ("EnableMFADevice", "AccessDenied", "x", ALICE._replace(session=True), "denied", "may not call iam:Enable"),
        ("EnableMFADevice", "AccessDenied", "x", ALICE._replace(own=False), "denied", "may not call iam:Enable"),
        (RESYNC, "Throttling", "Rate exceeded", ALICE, "throttled", "did not do iam:ResyncMFADevice"),
        (RESYNC, "ReadTimeoutError", "Read timeout", ALICE, "no_answer", "nobody knows whether AWS did it"),
        (RESYNC, "ServiceFailure", "x", ALICE, "no_answer", "nobody knows"),
        (RESYNC, "EndpointConnectionError", "x", ALICE, "no_answer", "nothing was changed"),
        ("GetCallerIdentity", "SignatureDoesNotMatch", "Signature expired: now", ALICE, "host_clock", "minutes off"),
        ("GetCallerIdentity", "NoCredentialsError", "Unable to locate credentials", ALICE, "denied", "AWS_PROFILE"),
        ("GetCallerIdentity", "ExpiredTokenException", "expired", ALICE, "denied", "not any more"),
        ("GetCallerIdentity", "SignatureDoesNotMatch", "The request signature", ALICE, "denied", "does not know them"),
        (RESYNC, "SomethingNew", "x", ALICE, "unknown", "SomethingNew"),
    ],
)  # fmt: skip
def test_a_refusal_has_a_cause_and_a_way_on(
    operation: str, code: str, message: str, situation: Situation, cause: str, says: str
) -> None:
    found = explain(operation, code, message, situation)
    assert found.cause == cause
    assert found.cause in CAUSES
    assert says in str(found)
    assert code in found.text
    assert cause == "unknown" or found.next_step
    assert explain(operation.rpartition(":")[2], code, message, situation) == found


def test_a_clock_that_nobody_looked_at_is_not_called_right() -> None:
    situation = Situation(user="alice", serial="GAHT12345678", made_here=True, clock_checked=False)
    found = explain("ResyncMFADevice", "InvalidAuthenticationCode", "Authentication code is not valid.", situation)
    assert found.cause == "wrong_seed"
    assert "clock is right" not in found.text
    assert "this host's clock is wrong, at which nobody looked" in found.text


def test_an_answer_of_something_on_the_way_says_nothing_of_what_aws_did() -> None:
    for code in ("502", "504", "ResponseParserError"):
        assert explain("ResyncMFADevice", code, "Bad Gateway", Situation(user="alice")).cause == "no_answer"


@pytest.mark.parametrize(
    ("operation", "where"),
    [
        ("CreateVirtualMFADevice", "on virtual devices (mfa/*), not on the user"),
        ("TagMFADevice", "on virtual devices (mfa/*), not on the user"),
        ("ListVirtualMFADevices", "on every resource (*)"),
        ("ListMFADevices", "on the user alice"),
    ],
)
def test_a_permission_is_asked_for_on_what_it_is_of(operation: str, where: str) -> None:
    found = explain(operation, "AccessDenied", "x", ALICE._replace(own=False))
    assert f"Allow it {where}" in found.next_step
