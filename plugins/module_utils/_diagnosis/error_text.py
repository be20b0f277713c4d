# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An error as people paste it: from the CLI, an SDK, Terraform, the console or CloudTrail.

Private to this collection. Only known parts are read out of a paste, and what of it is repeated was redacted.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Pattern, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.explain import lacking_of
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serial import read_serial

from . import kinds
from .redact import redact

__all__ = ["ErrorText", "read_error_text"]

_LONGEST = 20_000  # characters of a paste that are read
_SHOWN = 400  # characters of AWS's message that are repeated


class ErrorText(NamedTuple):
    """What a paste says; "" for what it does not. ``message`` is redacted, the names are as they stand there."""

    kind: str  # one of kinds
    operation: str  # AssumeRole
    code: str  # AccessDenied
    message: str
    serial: str
    role_arn: str
    user: str
    principal: str  # ARN of whoever asked
    action: str  # that was denied, as sts:AssumeRole
    explicit_deny: bool
    mfa_used: Optional[bool]  # whether the console had asked for MFA, where the paste says so
    lacking: str = ""  # the kind of the organization's policies of which AWS says that none allows it

    @property
    def said(self) -> str:
        """The error in one line."""
        head = ": ".join(part for part in (self.operation, self.code) if part)
        return ": ".join(part for part in (head, self.message) if part)


# Most telling first. Groups: code, operation, message.
_SHAPES: Tuple[Pattern[str], ...] = (
    # AWS CLI, botocore, boto3
    re.compile(
        r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<operation>\w+) operation"
        r"(?: \(reached max retries: \d+\))?:\s*(?P<message>.+)",
        re.DOTALL,
    ),
    # AWS SDK for Java 1 and 2
    re.compile(
        r"(?m)^(?P<message>[^\n]+?)\s*\((?:Service: [\w ]+[;,] )?Status Code: \d+[;,]"
        r"(?:[^)\n]*?Error Code: (?P<code>[\w.]+))?[^)\n]*\)"
    ),
    # AWS SDK for Go 2, as in Terraform
    re.compile(
        r"operation error \w+: (?P<operation>\w+),.*?api error (?P<code>[\w.]+): (?P<message>[^\n]+)", re.DOTALL
    ),
    # XML and JSON of the APIs, CloudTrail
    re.compile(r"<Code>(?P<code>[\w.]+)</Code>\s*<Message>(?P<message>[^<]+)</Message>"),
    re.compile(
        r'"(?:errorCode|Code|__type|code)"\s*:\s*"(?:[\w.]+#)?(?P<code>[\w.]+)"\s*,\s*'
        r'"(?:errorMessage|Message|message)"\s*:\s*"(?P<message>[^"]+)"'
    ),
    # AWS SDK for Ruby
    re.compile(r"(?m)^(?P<message>[^\n]+) \(Aws::\w+::Errors::(?P<code>\w+)\)"),
    # AWS SDKs for Go 1 and JavaScript, Terraform of old: AccessDenied: message
    re.compile(
        r"\b(?P<code>AccessDenied(?:Exception)?|InvalidAuthenticationCode(?:Exception)?|SignatureDoesNotMatch"
        r"|Expired\w+|InvalidClientTokenId|UnrecognizedClient\w*|NoSuchEntity(?:Exception)?|Throttling\w*"
        r"|EntityTemporarilyUnmodifiable(?:Exception)?|ConcurrentModification(?:Exception)?|ValidationError"
        r"|LimitExceeded(?:Exception)?|RequestExpired|RequestTimeTooSkewed|ServiceFailure(?:Exception)?"
        r"|Service\w*Unavailable\w*|InternalFailure|InternalError|UnauthorizedOperation|NoCredential\w*)\b"
        r":?\s+(?P<message>[^\n]+)"
    ),
)
# Words that tell by themselves, where no tool put its frame around them.
_BARE = re.compile(
    r"(?P<message>MultiFactorAuthentication failed[^\n]*|User: arn:[^\n]+is not authorized to perform[^\n]+"
    r"|Your authentication information is incorrect[^\n]*(?:\n[^\n]*MFA[^\n]*)?|Failed authentication[^\n]*"
    r"|MFA token validation failed[^\n]*"
    r"|Signature (?:expired|not yet current)[^\n]*|Unable to locate credentials[^\n]*"
    r"|Unknown options:[^\n]*|the following arguments are required[^\n]*"
    r"|Parameter validation failed[^\n]*(?:\n[^\n]+)?)",
    re.IGNORECASE,
)
_OPERATIONS = (
    "AssumeRole", "GetSessionToken", "ResyncMFADevice", "EnableMFADevice", "DeactivateMFADevice", "ListMFADevices",
    "CreateVirtualMFADevice", "DeleteVirtualMFADevice", "GetFederationToken", "GetCallerIdentity", "ConsoleLogin",
)  # fmt: skip
_OPERATION = re.compile(
    r"\b(?:(?:sts|iam):|calling |operation[: ]+|\"?eventName\"?\s*[:=]\s*\"?)?(" + "|".join(_OPERATIONS) + r")\b"
)
_SPELT = {"".join(("-" + c.lower()) if c.isupper() else c for c in name).lstrip("-").replace("m-f-a-", "mfa-"): name
          for name in _OPERATIONS}  # fmt: skip
_TYPED = re.compile(r"\baws\b[^\n|;]{0,500}?\b(?:iam|sts)\s+(" + "|".join(_SPELT) + r")\b")

_NAME = r"[\w+=,.@-]+"
_ARN = r"arn:aws[\w-]*:(?:iam|sts)::\d{12}:"
_SERIAL = (
    re.compile(
        r"(?:--serial-number|--mfa-serial|--device|\bmfa_serial|\baws_mfa_device|\bAWS_MFA_SERIAL|[\"']?\bserialNumber"
        r"|SerialNumber|MFAIdentifier)[\"']?\s*[=:]?\s*[\"']?([\w+=/:,.@-]{9,256})",
        re.IGNORECASE | re.ASCII,
    ),
    re.compile(rf"({_ARN}(?:mfa|u2f|sms-mfa)/[\w+=/,.@-]+)", re.ASCII),
    re.compile(r"(?:MFA code for|MFA device|device)\s+\[?([\w+=/:,.@-]*:(?:mfa|user|u2f)/[\w+=/,.@-]+)", re.ASCII),
)
_ROLE = (
    re.compile(
        rf"(?:on resource:|--role-arn|role_arn|roleArn|RoleArn)[\"']?\s*[=:]?\s*[\"']?({_ARN}role/[\w+=/,.@-]+)"
    ),
    re.compile(rf"({_ARN}role/[\w+=/,.@-]+)"),
)
_PRINCIPAL = re.compile(rf"User:\s*({_ARN}(?:user|assumed-role|federated-user)/[\w+=/,.@-]+|{_ARN}root)")
_ACTION = re.compile(r"not authorized to perform:?\s*([a-z0-9-]+:\w+)")
_USER = re.compile(rf"(?:--user-name|\buser with name|[\"']?userName[\"']?\s*[:=])\s*[\"']?({_NAME})", re.IGNORECASE)
_MFA_USED = re.compile(r"\"?MFAUsed\"?\s*[:=]\s*\"?(yes|no)\b", re.IGNORECASE)


def read_error_text(text: str) -> Optional[ErrorText]:
    """Read a pasted error; None where there is nothing to read."""
    text = _plain(text)
    if not text:
        return None
    code, operation, message = _frame(text)
    operation = operation or _operation(text)
    principal = _first((_PRINCIPAL,), text)
    used = _MFA_USED.search(text)
    mfa_used = None if used is None else used.group(1).lower() == "yes"
    kind = kinds.kind_of(operation, code, message or text)
    if kind == kinds.SIGN_IN and mfa_used and "failed authentication" in text.lower():
        kind = kinds.CODE
    return ErrorText(
        kind,
        operation,
        code,
        redact(" ".join(message.split())[: 5 * _SHOWN])[:_SHOWN],
        _serial(text),
        _first(_ROLE, text),
        _user(text, principal),
        principal,
        _first((_ACTION,), message or text),
        "explicit deny" in (message or text).lower(),
        mfa_used,
        lacking_of(message or text),
    )


def _plain(text: str) -> str:
    """Take off what terminals, shells and diffs put around a text."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text[:_LONGEST])
    text = text.replace("\r\n", "\n").replace("\\n", "\n").replace("\\t", " ").replace('\\"', '"').replace("\x00", " ")
    return text.strip()


def _frame(text: str) -> Tuple[str, str, str]:
    """Give code, operation and message."""
    for shape in _SHAPES:
        match = shape.search(text)
        if match is not None:
            found = match.groupdict()
            message = _sentence(found.get("message") or "")
            code = found.get("code") or ""
            return code, found.get("operation") or "", _exception_off(message)
    match = _BARE.search(text)
    return "", "", match.group("message").strip() if match else ""


def _sentence(message: str) -> str:
    """Keep the message up to an empty line, or to a line that is another one's."""
    kept: List[str] = []
    for line in message.strip().split("\n"):
        if not line.strip() or (kept and re.match(r"\s*(?:\$|#|>|at |File |Traceback|status code|aws |\+ |- )", line)):
            break
        kept.append(line.strip())
    return " ".join(kept[:4])


def _exception_off(message: str) -> str:
    return re.sub(r"^(?:[\w ]*\"[\w-]+\" |Caused by: )?(?:[a-z]\w*\.)+\w+(?:Exception|Error): ", "", message)


def _operation(text: str) -> str:
    match = _TYPED.search(text)
    if match is not None:
        return _SPELT[match.group(1)]
    return _first((_OPERATION,), text)


def _serial(text: str) -> str:
    for pattern in _SERIAL:
        for found in pattern.findall(text):
            # A word after "serialNumber" in a sentence is no serial; each has a colon or a digit in it.
            if any(char.isdigit() for char in found):
                return read_serial(str(found).rstrip(".,:")).text
    return ""


def _user(text: str, principal: str) -> str:
    if ":user/" in principal or ":assumed-role/" in principal:
        return principal.rpartition("/")[2]
    return _first((_USER,), text).rstrip(".,")


def _first(patterns: Tuple[Pattern[str], ...], text: str) -> str:
    for pattern in patterns:
        match = pattern.search(text)
        if match is not None:
            return str(match.group(1)).rstrip(".,:")
    return ""
