"""Errors as the CLI, SDKs, Terraform, the console and CloudTrail write them."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis import kinds
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.error_text import read_error_text

from tests.rigs.diagnosis import ALICE, BAD_CODE, BAD_SERIAL, EXPLICIT, ROLE, SERIAL

BOTOCORE = (
    "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the GetSessionToken operation "
    "(reached max retries: 4): {}"
)
JAVA = (
    "com.amazonaws.services.securitytoken.model.AWSSecurityTokenServiceException: {} "
    "(Service: AWSSecurityTokenService; Status Code: 403; Error Code: AccessDenied; Request ID: 9-1)"
)
TERRAFORM = (
    "Error: operation error STS: AssumeRole, https response error StatusCode: 403, RequestID: 9-1, api error "
    "AccessDenied: {}\n\n  on main.tf line 1"
)
TRAIL = '{{"eventName": "AssumeRole", "errorCode": "AccessDenied", "errorMessage": "{}"}}'
CONSOLE = "Your authentication information is incorrect. Please try again."
INCOMPLETE = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."


def occurred(code: str, operation: str, message: str) -> str:
    return f"An error occurred ({code}) when calling the {operation} operation: {message}"


@pytest.mark.parametrize("message", [BAD_CODE, BAD_SERIAL], ids=["code", "serial"])
@pytest.mark.parametrize(
    ("frame", "operation", "code"),
    [
        ("{}", "", ""),
        ("An error occurred (AccessDenied) when calling the AssumeRole operation: {}", "AssumeRole", "AccessDenied"),
        (BOTOCORE, "GetSessionToken", "AccessDenied"),
        # the seeds' own, with a code that AWS does not have, over two lines
        (
            "An error occurred (MultiFactorAuthentication) when calling the AssumeRole operation:\n{}", "AssumeRole",
            "MultiFactorAuthentication",
        ),
        (JAVA, "", "AccessDenied"),
        ("software.amazon.awssdk.services.sts.model.StsException: {} (Service: Sts, Status Code: 403, Request ID: 9-1)",
         "", ""),
        (TERRAFORM, "AssumeRole", "AccessDenied"),
        ("* provider.aws: error calling sts:GetCallerIdentity: AccessDenied: {}\n\tstatus code: 403, request id: 9-1",
         "GetCallerIdentity", "AccessDenied"),
        ("in 'call': {} (Aws::STS::Errors::AccessDenied)", "", "AccessDenied"),
        ("<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{}</Message></Error>", "",
         "AccessDenied"),
        (TRAIL, "AssumeRole", "AccessDenied"),
        ("\x1b[31mAccessDenied: {}\x1b[0m\r\n    at Request.extractError (node_modules/aws-sdk)", "", "AccessDenied"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_from_its_look_alike_in_every_frame(
    frame: str, operation: str, code: str, message: str
) -> None:
    read = read_error_text(frame.format(message))
    assert read is not None
    assert (read.operation, read.code) == (operation, code)
    assert read.kind == (kinds.CODE if message == BAD_CODE else kinds.SERIAL)
    assert " ".join(message.split()) in read.message
    assert "status code" not in read.message.lower()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (INCOMPLETE, kinds.INCOMPLETE),
        (occurred("AccessDenied", "AssumeRole", EXPLICIT), kinds.DENIED),
        (EXPLICIT, kinds.DENIED),
        (occurred("UnauthorizedOperation", "RunInstances", "You are not"), kinds.DENIED),
        ("AccessDenied: Cannot call GetSessionToken with session credentials", kinds.SESSION),
        ("Signature expired: 20261122T101500Z is now earlier than 20261122T111500Z", kinds.SKEW),
        (occurred("RequestTimeTooSkewed", "ListBuckets", "The difference"), kinds.SKEW),
        ("SignatureDoesNotMatch: The request signature we calculated does not match", kinds.CREDENTIALS),
        (occurred("ExpiredToken", "AssumeRole", "The security token"), kinds.CREDENTIALS),
        ("Unable to locate credentials. You can configure credentials by running", kinds.CREDENTIALS),
        (occurred("InvalidAuthenticationCode", "ResyncMFADevice", "x"), kinds.CODE),
        (occurred("EntityTemporarilyUnmodifiable", "EnableMFADevice", "x"), kinds.BUSY),
        (occurred("Throttling", "AssumeRole", "Rate exceeded"), kinds.BUSY),
        (occurred("LimitExceeded", "EnableMFADevice", "x"), kinds.LIMIT),
        (occurred("ServiceFailure", "ResyncMFADevice", "x"), kinds.SERVICE),
        (occurred("NoSuchEntity", "GetUser", "The user with name alice cannot be found."),
         kinds.NO_USER),
        (occurred("NoSuchEntity", "ResyncMFADevice", f"MFADevice {SERIAL} doesn't exist"),
         kinds.NO_DEVICE),
        ("aws: error: Unknown options: --authentication-code-1, 123456", kinds.MALFORMED),
        ("Parameter validation failed:\nInvalid length for parameter TokenCode, value: 5, valid min length: 6",
         kinds.MALFORMED),
        (CONSOLE, kinds.SIGN_IN),
        (f"{CONSOLE}\n(MFA token validation failed: used)", kinds.CODE),
        ('"eventName": "ConsoleLogin", "errorMessage": "Failed authentication", "MFAUsed": "YES"', kinds.CODE),
        ('"eventName": "ConsoleLogin", "errorMessage": "Failed authentication", "MFAUsed": "No"', kinds.SIGN_IN),
        ("Segmentation fault", kinds.UNKNOWN),
    ],
)  # fmt: skip
def test_every_other_refusal_has_its_kind(text: str, kind: str) -> None:
    read = read_error_text(text)
    assert read is not None
    assert read.kind == kind


def test_nothing_is_read_of_nothing() -> None:
    assert read_error_text(" \n\t") is None


def test_it_names_who_asked_for_what() -> None:
    read = read_error_text(f"An error occurred (AccessDenied) when calling the AssumeRole operation: {EXPLICIT}")
    assert read is not None
    assert (read.user, read.principal, read.role_arn) == ("alice", ALICE, ROLE)
    assert (read.action, read.explicit_deny) == ("sts:AssumeRole", True)


@pytest.mark.parametrize(
    ("text", "serial"),
    [
        (f"aws sts get-session-token --serial-number {SERIAL} --token-code 123456", SERIAL),
        (f"mfa_serial = {SERIAL}", SERIAL),
        (f'"requestParameters": {{"serialNumber": "{SERIAL}"}}', SERIAL),
        (f"Enter MFA code for {SERIAL}: ", SERIAL),
        ("SerialNumber=GAHT12345678", "GAHT12345678"),
        (f"Enter AWS MFA code for device [{ALICE}] (renewing for 43200 seconds):311772", ALICE),
        ("Please verify your MFA serial number is valid", ""),
        ("mfa_serial = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", ""),  # a seed
    ],
)
def test_it_finds_the_serial_that_was_named(text: str, serial: str) -> None:
    read = read_error_text(text)
    assert read is not None
    assert read.serial == serial


def test_a_roles_session_is_seen() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/dev/alice"
    read = read_error_text(f"User: {session} is not authorized to perform: sts:AssumeRole on resource: {ROLE}")
    assert read is not None
    assert (read.principal, read.user, read.role_arn) == (session, "alice", ROLE)


def test_the_message_is_redacted() -> None:
    read = read_error_text("An error occurred (AccessDenied) when calling the AssumeRole operation: code 123456 is bad")
    assert read is not None
    assert "123456" not in read.said
