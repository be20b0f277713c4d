# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS's refusals mean for whoever stands before them: the cause, what happened, and what to do next.

Private to this collection. AWS says the same words for many mistakes; where it cannot be told which one it was, the
text names them all and claims none.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional, Tuple

__all__ = ["CAUSES", "ROOT", "TWO_CODES", "Explanation", "Situation", "explain", "lacking_of"]

#: Stable names of causes, as the modules return them.
CAUSES = (
    "busy",  # somebody else changes the same device or user
    "denied",
    "drift",  # the device's clock, or a code typed wrong
    "host_clock",  # the clock of the host that asks
    "late",  # codes that were taken too late: the device is out of step all the same
    "limit",
    "needs_admin",
    "needs_mfa_session",
    "no_answer",  # nobody knows whether AWS did it
    "no_user",
    "not_consecutive",  # or swapped, used, late, of another device: AWS does not say
    "not_owned",
    "replay",
    "throttled",
    "unknown",
    "wrong_seed",
    "wrong_serial",
)

ROOT = (
    "The API resynchronises no device of the account's root user. Root does it by itself in the console, under "
    "Security credentials, or before signing in."
)
TWO_CODES = (
    "Wait until the device shows a new code, give that one and the one that follows it, in this order, and send them "
    "within seconds"
)
_CHANGES = frozenset(("EnableMFADevice", "DeactivateMFADevice", "DeleteVirtualMFADevice", "CreateVirtualMFADevice"))
_SIGN_IN = frozenset(("AssumeRole", "GetSessionToken"))
_NEVER_SENT = frozenset(("ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError", "SSLError"))
_LOST = frozenset(
    (
        "ConnectionClosedError",
        "HTTPClientError",
        "InternalError",
        "InternalFailure",
        "ReadTimeoutError",
        "ResponseParserError",
        "ResponseStreamingError",
        "ServiceFailure",
        "ServiceUnavailable",
    )
)
# botocore's code of an answer that is not AWS's own, from something on the way.
_GATEWAY = ("500", "502", "503", "504")
_NO_CALLER = (
    "CredentialRetrievalError",
    "ExpiredToken",
    "InvalidClientTokenId",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
)
_THROTTLED = frozenset(("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"))


class Situation(NamedTuple):
    """Who asks for what. ``own`` says whether the credentials are the user's own; None: not known."""

    user: str = ""
    serial: str = ""
    made_here: bool = False  # the codes are made from the seed
    clock_checked: bool = True  # and with a clock that was found to be right
    after_resync: bool = False  # the call is the check whether the resynchronisation worked
    own: Optional[bool] = None
    session: bool = False  # temporary credentials
    caller: str = ""  # ARN of the credentials
    devices: Optional[int] = None  # how many the user has


# What of an organization may allow nothing; the words of a user's own policies are the same but for the name.
_NOT_ALLOWED_BY = re.compile(r"because no ((?:service|resource) control policy) allows")


def lacking_of(message: str) -> str:
    """Name the organization's policies that allow nothing, where AWS says so: "service control policy"; else ""."""
    match = _NOT_ALLOWED_BY.search(" ".join(message.split()))
    return match.group(1) if match is not None else ""


# Calls whose permission is looked for on the device.
_ON_DEVICES = frozenset(
    ("CreateVirtualMFADevice", "DeleteVirtualMFADevice", "ListMFADeviceTags", "TagMFADevice", "UntagMFADevice")
)


class Explanation(NamedTuple):
    """Why it failed, and what to do next."""

    cause: str
    text: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.text} {self.next_step}".strip()


class _Refusal(NamedTuple):
    operation: str
    code: str
    message: str

    @property
    def api(self) -> str:
        service = "sts" if self.operation in _SIGN_IN or self.operation == "GetCallerIdentity" else "iam"
        return f"{service}:{self.operation}"

    @property
    def said(self) -> str:
        return f"{self.api}: {self.code}: {self.message}".rstrip(": ")

    @property
    def text(self) -> str:
        return self.message.lower()


_Reader = Callable[[_Refusal, Situation], Optional[Explanation]]


def explain(operation: str, error_code: str, message: str, situation: Situation) -> Explanation:
    """Explain a refusal; ``operation`` is "ResyncMFADevice", with or without "iam:"."""
    refusal = _Refusal(operation.rpartition(":")[2], error_code, " ".join(message.split()))
    for reader in _READERS:
        found = reader(refusal, situation)
        if found is not None:
            return found._replace(text=f"{found.text} (AWS: {refusal.said})")
    return Explanation("unknown", f"AWS refused {refusal.api} for an unforeseen reason: {refusal.said}.", "")


# --- the codes -------------------------------------------------------------------------------------------------------


def _bad_code(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if (
        not refusal.code.startswith("InvalidAuthenticationCode")
        and "invalid mfa one time pass code" not in refusal.text
    ):
        return None
    if refusal.operation in _SIGN_IN:
        return _refused_at_sign_in(situation)
    if situation.made_here and not situation.clock_checked:
        return Explanation(
            "wrong_seed",
            f"AWS took none of the two codes that were made for {situation.serial}. The seed is not this device's, "
            "another program used the codes, or this host's clock is wrong, at which nobody looked.",
            "Run it again without clock_check=false, and check that the seed belongs to this serial.",
        )
    if situation.made_here:
        return Explanation(
            "wrong_seed",
            f"AWS took none of the two codes that were made for {situation.serial}. They were consecutive, fresh and "
            "sent early, and the clock is right: the seed is not this device's, or another program used the codes.",
            "Check that the seed belongs to this serial; a device that was created anew has a new seed. If the seed is "
            "lost, replace the device.",
        )
    return Explanation(
        "not_consecutive",
        f"AWS took the two codes for {situation.serial} as a pair of this device's codes by no reckoning, and changed "
        "nothing. They were swapped, did not follow each other, were typed wrong, were used before, or come from "
        "another device; AWS does not say which.",
        f"{TWO_CODES}. If fresh pairs are refused again and again, the application holds another seed than this "
        "device: replace the device.",
    )


def _refused_at_sign_in(situation: Situation) -> Explanation:
    if situation.after_resync:
        return Explanation(
            "late",
            f"AWS took the two codes, and refuses the next one: {situation.serial} is still out of step. That happens "
            "when the codes reach AWS too late.",
            "Run it again; nothing is lost by that.",
        )
    return Explanation(
        "drift",
        f"AWS knows {situation.serial or 'the device'} and refuses its code: the clock that the code was made with is "
        "off, or the code was typed wrong or used before.",
        "Try the next code once. If that is refused too, put the clock right, then resynchronise the device.",
    )


def _wrong_serial(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if "unable to validate mfa code" not in refusal.text:
        return None
    return Explanation(
        "wrong_serial",
        f"AWS has no device {situation.serial} of the user whose credentials ask: the serial is old or wrong, or the "
        "device is another user's.",
        "Take the serial that iam:ListMFADevices shows for the user, and put it where this one came from.",
    )


# --- users, devices, other people ------------------------------------------------------------------------------------


def _not_there(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if not refusal.code.startswith("NoSuchEntity"):
        return None
    if refusal.text.startswith("the user") or "user with name" in refusal.text:
        if situation.user.lower() in ("root", "<root_account>"):
            return Explanation("no_user", f"The account has no IAM user {situation.user}.", ROOT)
        return Explanation(
            "no_user",
            f"The account has no user {situation.user}.",
            "Check the name, without its path and with its capitals, and that the credentials are this account's.",
        )
    return Explanation(
        "not_owned",
        f"AWS has no device {situation.serial} with the user {situation.user}: it was deactivated or deleted, or is "
        "another user's.",
        "Take the serial that iam:ListMFADevices shows for the user.",
    )


def _in_use(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if refusal.operation != "EnableMFADevice" or not refusal.code.startswith("EntityAlreadyExists"):
        return None
    return Explanation(
        "not_owned",
        f"{situation.serial} is enabled already, for another user or since a moment ago, and a device has one user.",
        "Find out whose it is, and deactivate it there first, or take another device.",
    )


def _busy(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if not refusal.code.startswith(("ConcurrentModification", "EntityTemporarilyUnmodifiable")):
        return None
    return Explanation(
        "busy",
        f"Somebody else is changing {situation.serial or situation.user} at this moment, or did just before, and AWS "
        "refused this change.",
        "Wait a minute, look at what they did, and run again with fresh codes.",
    )


def _limit(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if not refusal.code.startswith("LimitExceeded"):
        return None
    if refusal.operation == "ResyncMFADevice":
        return Explanation(
            "limit",
            f"AWS takes no more attempts for {situation.serial} at present.",
            "Wait some minutes before the next attempt; do not repeat it in a loop.",
        )
    return Explanation(
        "limit",
        f"The user {situation.user} has as many MFA devices as AWS allows (8), or the account has.",
        "Deactivate a device that is no longer used.",
    )


# --- permissions -----------------------------------------------------------------------------------------------------


def _denied(refusal: _Refusal, situation: Situation) -> Optional[Explanation]:
    if not refusal.code.startswith("AccessDenied"):
        return None
    if refusal.operation in _CHANGES and situation.own and not situation.session:
        return _without_mfa_session(situation)
    if "session credentials" in refusal.text:
        return Explanation(
            "denied",
            f"{refusal.api} takes long-term keys only, and these credentials are temporary.",
            "Use the user's own access key.",
        )
    lacking = lacking_of(refusal.text)
    if lacking:
        return Explanation(
            "denied",
            f"No {lacking} of the organization allows {refusal.api} in this account, whatever the user's "
            "policies say, and with MFA as without.",
            "Who administers the organization has to allow it.",
        )
    who = situation.caller or "The credentials"
    if "explicit deny" in refusal.text:
        return Explanation(
            "denied",
            f"A policy denies {who} {refusal.api}. That is often the statement that denies everything without "
            "MFA and forgot to leave this action out.",
            f"Add {refusal.api} to that statement's NotAction, or ask an administrator to do this for you.",
        )
    return Explanation(
        "denied",
        f"{who} may not call {refusal.api}.",
        f"Allow it {_resource(refusal.operation, situation.user)}, or ask an administrator to do this for you.",
    )


def _resource(operation: str, user: str) -> str:
    """Say on what a policy has to allow a call."""
    if operation == "ListVirtualMFADevices":
        return "on every resource (*)"
    if operation in _ON_DEVICES:
        return "on virtual devices (mfa/*), not on the user"
    return f"on the user {user}"


def _unknown_caller(refusal: _Refusal, _situation: Situation) -> Optional[Explanation]:
    if not refusal.code.startswith(_NO_CALLER):
        return None
    return Explanation(
        "denied",
        f"{refusal.api} was refused before AWS looked at it: there are no credentials, or AWS does not know them, or "
        "not any more.",
        "Give valid credentials, where boto3 looks for them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
        "or ~/.aws/credentials. Those of a session end with it.",
    )


def _without_mfa_session(situation: Situation) -> Explanation:
    if situation.devices == 1:
        return Explanation(
            "needs_admin",
            f"A user who has an MFA device changes devices with a session that was opened with MFA. {situation.serial} "
            f"is the only device of {situation.user}: when it gives no good codes, there is no such session.",
            "If resynchronising does not help, an administrator has to deactivate the device.",
        )
    return Explanation(
        "needs_mfa_session",
        "A user who has an MFA device changes devices with a session that was opened with MFA, not with access keys "
        "alone.",
        "Open a session with a device that works (aws sts get-session-token --serial-number ... --token-code ...), and "
        "run this with its credentials; or ask an administrator.",
    )


# --- the way there ---------------------------------------------------------------------------------------------------


def _transport(refusal: _Refusal, _situation: Situation) -> Optional[Explanation]:
    if refusal.code in _THROTTLED:
        return Explanation(
            "throttled",
            f"AWS had too many calls in the account and did not do {refusal.api}.",
            "Wait a minute, and run again with fresh codes.",
        )
    if "signature expired" in refusal.text or "signature not yet current" in refusal.text or (
        refusal.code in ("RequestExpired", "RequestTimeTooSkewed")
    ):  # fmt: skip
        return Explanation(
            "host_clock",
            "The clock of the host that asked is minutes off: AWS does not even take its signatures.",
            "Put the clock right first (softtoken.compliance.chrony_makestep).",
        )
    if refusal.code in _NEVER_SENT:
        return Explanation(
            "no_answer",
            f"AWS could not be reached for {refusal.api}; nothing was changed.",
            "Check the network and the region, and run again with fresh codes.",
        )
    if refusal.code in (*_LOST, *_GATEWAY):
        return Explanation(
            "no_answer",
            f"{refusal.api} was sent and got no proper answer: nobody knows whether AWS did it.",
            "Check whether the device works before anything else; if it does not, run again with fresh codes.",
        )
    return None


_READERS: Tuple[_Reader, ...] = (
    _bad_code,
    _wrong_serial,
    _not_there,
    _in_use,
    _busy,
    _limit,
    _denied,
    _transport,
    _unknown_caller,
)
