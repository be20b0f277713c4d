"""What the tests of the double share: an account whose true time they move, and errors as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tests.fakes.aws import FakeAws, Keys

START = 1_800_000_000.0 + 10  # ten seconds into a step


class Refused(NamedTuple):
    code: str
    status: int
    message: str


class Clock:
    """True time, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def go_on(self, seconds: float = 30) -> None:
        self.now += seconds


class World:
    """One double with its clock; ``name`` gives names that no other test has."""

    def __init__(self, aws: FakeAws, clock: Clock) -> None:
        self.aws = aws
        self.clock = clock
        self._number = 0

    def name(self) -> str:
        self._number += 1
        return f"user{self._number}"

    def user(self, **more: Any) -> tuple[str, Keys]:
        name = self.name()
        return name, self.aws.add_user(name, **more)

    def iam(self, keys: Keys | None = None) -> Any:
        return self.aws.client("iam", keys=keys)

    def sts(self, keys: Keys | None = None) -> Any:
        return self.aws.client("sts", keys=keys)

    def session(self, keys: Keys, serial: str, **more: Any) -> Keys:
        """Sign in with MFA, in a fresh step."""
        self.clock.go_on()
        code = self.aws.soft_token(serial, self.aws.device(serial).drift * 30).code()
        return Keys.of(self.sts(keys).get_session_token(SerialNumber=serial, TokenCode=code, **more)["Credentials"])


def refused(call: Callable[..., Any], **parameters: Any) -> Refused:
    """Make a call that must be refused, and return with what."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        stated = error.response["Error"]
        return Refused(stated["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], stated["Message"])
    raise AssertionError(f"not refused: {answer}")


def codes(first: str, second: str) -> dict[str, str]:
    return {"AuthenticationCode1": first, "AuthenticationCode2": second}
