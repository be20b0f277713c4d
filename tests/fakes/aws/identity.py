"""Who signs a request: a user's key, a session of theirs, a role's session, or the operator who sets the account up."""

from __future__ import annotations

import secrets
import string
from typing import Any, NamedTuple, Self

from .state import ACCOUNT, REGION, State
from .wire import ApiError, Asked

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example-secret"}
OPERATOR = f"arn:aws:iam::{ACCOUNT}:user/operator"
_LETTERS = string.ascii_uppercase + "234567"
# What a session of GetSessionToken without MFA may call of these two services.
_WITHOUT_MFA = ("sts:AssumeRole", "sts:GetCallerIdentity")


class Keys(NamedTuple):
    """Credentials, as a client takes them."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    @classmethod
    def of(cls, credentials: dict[str, Any]) -> Self:
        """Take them from an answer of STS or of CreateAccessKey."""
        return cls(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken", "")
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return {name: value for name, value in zip(names, self, strict=True) if value}


class Caller(NamedTuple):
    """Who calls. ``kind`` is operator, user, session (of a user) or role."""

    kind: str
    arn: str
    user_id: str
    name: str  # of the user or the role
    key: str
    mfa_at: float | None = None  # true time of the MFA sign-in
    since: float = 0.0  # of a session
    policies: tuple[str, ...] = ()  # session policies

    @property
    def long_term(self) -> bool:
        return self.kind in ("operator", "user") and not self.since

    @property
    def user(self) -> str:
        """The IAM user, "" for a role and the operator."""
        return self.name if self.kind in ("user", "session") else ""

    @property
    def principal_arn(self) -> str:
        """What aws:PrincipalArn says: the role, not its session."""
        if self.kind != "role":
            return self.arn
        return f"arn:aws:iam::{ACCOUNT}:role/{self.name}"


class Session(NamedTuple):
    caller: Caller
    secret: str
    token: str
    expires: float


class Identities:
    """Finds out who calls, and keeps the sessions."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._sessions: dict[str, Session] = {}

    def caller(self, asked: Asked) -> Caller:
        """Return who signed a request, or refuse as AWS does."""
        if asked.key == KEYS["AWS_ACCESS_KEY_ID"]:
            return Caller("operator", OPERATOR, "AIDAOPERATOR0EXAMPLE1", "operator", asked.key)
        if asked.key in self._sessions:
            return self._of_session(asked)
        user = self._state.iam.get_user_from_access_key_id(asked.key)
        if user is None or not _active(user, asked.key):
            raise _invalid(asked)
        return Caller("user", user.arn, user.id, user.name, asked.key)

    def secret(self, caller: Caller) -> str:
        """Return the secret of the key that a caller has shown."""
        if caller.key in self._sessions:
            return self._sessions[caller.key].secret
        if caller.kind == "operator":
            return KEYS["AWS_SECRET_ACCESS_KEY"]
        keys = self._state.iam.users[caller.name].access_keys
        return next(str(own.secret_access_key) for own in keys if own.access_key_id == caller.key)

    def begin(self, caller: Caller, duration: int) -> dict[str, Any]:
        """Start a session, and return its credentials as STS answers them."""
        key = "ASIA" + _random(16)
        secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(120)
        since = self._state.true_time()
        self._sessions[key] = Session(caller._replace(key=key, since=since), secret, token, since + duration)
        return {
            "AccessKeyId": key,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": since + duration,
        }

    def end(self) -> None:
        self._sessions.clear()

    def _of_session(self, asked: Asked) -> Caller:
        session = self._sessions[asked.key]
        caller = session.caller
        if session.token != asked.token or (caller.kind == "session" and not self._still_there(caller)):
            raise _invalid(asked)
        if self._state.true_time() >= session.expires:
            code = "ExpiredToken" if asked.service in ("iam", "sts") else "ExpiredTokenException"
            raise ApiError(code, "The security token included in the request is expired")
        limited = asked.service in ("iam", "sts") and asked.api not in _WITHOUT_MFA
        if limited and caller.kind == "session" and caller.mfa_at is None:
            raise _invalid(asked)
        return caller

    def _still_there(self, caller: Caller) -> bool:
        user = self._state.iam.users.get(caller.name)
        return user is not None and user.id == caller.user_id


def _active(user: Any, key: str) -> bool:
    return any(own.access_key_id == key and own.status == "Active" for own in user.access_keys)


def _invalid(asked: Asked) -> ApiError:
    code = "InvalidClientTokenId" if asked.service in ("iam", "sts", "sns") else "UnrecognizedClientException"
    return ApiError(code, "The security token included in the request is invalid.")


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _number in range(length))


__all__ = ["KEYS", "OPERATOR", "REGION", "Caller", "Identities", "Keys"]
