"""STS: sessions that hold MFA only where a code was right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .authorise import Authority
from .iam_mfa import Call, Result
from .identity import Caller, Identities
from .state import ACCOUNT, State
from .wire import ApiError, members

BAD_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code."
BAD_SERIAL = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)
HALF_GIVEN = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
_CHAINED_S = 3600


class TokenCalls:
    """The handlers, by API."""

    def __init__(self, state: State, identities: Identities, authority: Authority) -> None:
        self._state = state
        self._identities = identities
        self._authority = authority
        self.handlers: dict[str, Callable[[Call], Result]] = {
            "sts:GetCallerIdentity": self.get_caller_identity,
            "sts:GetSessionToken": self.get_session_token,
            "sts:AssumeRole": self.assume_role,
        }

    def get_caller_identity(self, call: Call) -> Result:
        return {"UserId": call.caller.user_id, "Account": ACCOUNT, "Arn": call.caller.arn}

    def get_session_token(self, call: Call) -> Result:
        caller = call.caller
        if not caller.long_term:
            raise ApiError("AccessDenied", "Cannot call GetSessionToken with session credentials")
        caller = self._with_mfa(call)
        kind = "session" if caller.kind == "user" else caller.kind
        duration = int(call.get("DurationSeconds") or 43200)
        return {"Credentials": self._identities.begin(caller._replace(kind=kind), duration)}

    def assume_role(self, call: Call) -> Result:
        arn, session = call.get("RoleArn"), call.get("RoleSessionName")
        caller = self._with_mfa(call)
        more = {"sts:ExternalId": call.get("ExternalId"), "sts:RoleSessionName": session}
        given = {key: text for key, text in more.items() if text}
        role = self._authority.check_assume(call.asked, caller, arn, given)
        duration = self._duration(call, int(role.max_session_duration or _CHAINED_S))
        path = arn.partition(":role/")[2]
        assumed = Caller(
            "role",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/{session}",
            f"{role.id}:{session}",
            path,
            "",
            policies=self._session_policies(call),
        )
        return {
            "Credentials": self._identities.begin(assumed, duration),
            "AssumedRoleUser": {"AssumedRoleId": assumed.user_id, "Arn": assumed.arn},
            **({"PackedPolicySize": 1} if assumed.policies else {}),
        }

    def _with_mfa(self, call: Call) -> Caller:
        """Check serial and code, and return the caller as one who has shown them."""
        serial, code = call.get("SerialNumber"), call.get("TokenCode")
        if not serial and not code:
            return call.caller
        if not serial or not code:
            raise ApiError("AccessDenied", HALF_GIVEN)
        self.verify(call.caller.user, serial, code)
        return call.caller._replace(mfa_at=self._state.true_time())

    def verify(self, user: str, serial: str, code: str) -> None:
        """Spend a code, or say as AWS does what is wrong."""
        device = self._state.device(serial)
        if device is None or device.seed is None or not user or self._state.holder(serial) != user:
            raise ApiError("AccessDenied", BAD_SERIAL)
        with self._state.lock:
            accepted = device.accept(code, self._state.true_time(), self._state.rules.window)
        if not accepted:
            raise ApiError("AccessDenied", BAD_CODE)

    def _duration(self, call: Call, longest: int) -> int:
        asked = int(call.get("DurationSeconds") or _CHAINED_S)
        if asked > longest:
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise ApiError("ValidationError", message)
        if call.caller.kind == "role" and asked > _CHAINED_S:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
            raise ApiError("ValidationError", message)
        return asked

    def _session_policies(self, call: Call) -> tuple[str, ...]:
        given: list[Any] = [call.get("Policy")] if call.get("Policy") else []
        for policy in members(call.asked.parameters, "PolicyArns"):
            arn = policy["arn"]
            if not re.fullmatch(r"arn:aws:iam::(aws|\d{12}):policy/.+", arn):
                raise ApiError("ValidationError", f"ARN {arn} is not valid.")
            given.append(self._authority.managed(self._state.iam.get_policy(arn)))
        return tuple(given)
