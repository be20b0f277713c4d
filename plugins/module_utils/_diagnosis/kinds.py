# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of refusal AWS's words are, the same for a pasted text and for a CloudTrail record.

Private to this collection.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.trail import message_kind

__all__ = [
    "BUSY", "CODE", "CREDENTIALS", "DENIED", "INCOMPLETE", "LIMIT", "MALFORMED", "NO_DEVICE", "NO_USER", "SERIAL",
    "SERVICE", "SESSION", "SIGN_IN", "SKEW", "UNKNOWN", "kind_of",
]  # fmt: skip

CODE = "code"  # the code was refused
SERIAL = "serial"  # AWS has no such device of the caller
INCOMPLETE = "incomplete"  # a serial without a code, or a code without a serial
DENIED = "denied"  # by policies
SESSION = "session"  # the call takes long-term keys only
SIGN_IN = "sign_in"  # the console refused, and does not say at which factor
SKEW = "skew"  # the host's clock is minutes off: its signatures are refused
CREDENTIALS = "credentials"  # key or session unknown, expired, missing
NO_USER = "no_user"
NO_DEVICE = "no_device"  # the API that manages devices has no such device of the user
BUSY = "busy"
LIMIT = "limit"
SERVICE = "service"  # AWS itself
MALFORMED = "malformed"  # what was sent, or typed, is nothing that AWS or its CLI takes
UNKNOWN = "unknown"

_DENIALS = ("accessdenied", "unauthorized", "forbidden", "authorizationerror", "notauthorized")
_BUSY = (
    "entitytemporarilyunmodifiable", "concurrentmodification", "throttling", "throttled", "toomanyrequests",
    "requestlimitexceeded", "slowdown",
)  # fmt: skip
_SERVICE = ("servicefailure", "internalfailure", "internalerror", "serviceunavailable", "internalservererror")
_CREDENTIALS = (
    "expiredtoken", "invalidclienttokenid", "unrecognizedclient", "signaturedoesnotmatch", "nocredentials",
    "partialcredentials", "invalidaccesskeyid", "invalidtoken", "credentialretrieval", "authfailure",
)  # fmt: skip
_MALFORMED = ("validationerror", "validationexception", "malformed", "missingparameter", "invalidparameter",
              "paramvalidation", "invalidinput")  # fmt: skip
_SKEW = ("requesttimetooskewed", "requestexpired")


def kind_of(operation: str, code: str, message: str) -> str:
    """Name the kind of a refusal; the message decides where the code says little."""
    folded = " ".join(message.lower().split())
    for reader in _READERS:
        found = reader(operation, code, folded)
        if found:
            return found
    return UNKNOWN


def _mfa(_operation: str, code: str, message: str) -> str:
    return INCOMPLETE if "must provide both mfa serial number" in message else message_kind(code, message)


def _skew(_operation: str, code: str, message: str) -> Optional[str]:
    said = "signature expired" in message or "signature not yet current" in message
    return SKEW if said or _is(code, _SKEW) else None


def _session(_operation: str, _code: str, message: str) -> Optional[str]:
    return SESSION if "with session credentials" in message else None


def _credentials(_operation: str, code: str, message: str) -> Optional[str]:
    said = (
        "security token included in the request is",
        "unable to locate credentials",
        "signature we calculated does not match",
    )
    return CREDENTIALS if _is(code, _CREDENTIALS) or any(one in message for one in said) else None


def _nobody(_operation: str, code: str, message: str) -> Optional[str]:
    if not _is(code, ("nosuchentity",)):
        return None
    return NO_USER if "user with name" in message or message.startswith("the user") else NO_DEVICE


def _busy(_operation: str, code: str, message: str) -> Optional[str]:
    if _is(code, _BUSY) or "rate exceeded" in message:
        return BUSY
    return LIMIT if _is(code, ("limitexceeded",)) else None


def _service(_operation: str, code: str, _message: str) -> Optional[str]:
    return SERVICE if _is(code, _SERVICE) else None


def _denied(_operation: str, code: str, message: str) -> Optional[str]:
    said = "is not authorized to perform" in message or "with an explicit deny" in message
    return DENIED if said or _is(code, _DENIALS) else None


def _malformed(_operation: str, code: str, message: str) -> Optional[str]:
    said = ("unknown options:", "the following arguments are required", "parameter validation failed",
            "validation error detected", "expected one argument")  # fmt: skip
    return MALFORMED if _is(code, _MALFORMED) or any(one in message for one in said) else None


def _console(operation: str, _code: str, message: str) -> Optional[str]:
    if any(one in message for one in ("mfa token validation failed", "mfa code is not valid", "invalid mfa code",
                                      "multi-factor authentication failed")):  # fmt: skip
        return CODE
    said = "authentication information is incorrect" in message or "failed authentication" in message
    return SIGN_IN if said or operation == "ConsoleLogin" else None


def _is(code: str, known: Tuple[str, ...]) -> bool:
    return bool(code) and any(one in code.lower() for one in known)


_READERS: Tuple[Callable[[str, str, str], Optional[str]], ...] = (
    _mfa, _skew, _session, _credentials, _nobody, _busy, _service, _denied, _malformed, _console,
)  # fmt: skip
