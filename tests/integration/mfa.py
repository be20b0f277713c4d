"""What the tests of MFA devices stand on: the double's users, a clock that tests move, the module's ports."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import MfaDevices
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.sign_in import SignIn
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement, Witness
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import CodeLedger
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync import ResyncPorts, run_resync
from botocore.exceptions import ClientError

from tests.fakes.aws import REGION, FakeAws, state
from tests.fakes.aws.identity import Keys
from tests.rigs.shell import wait_for

STEP = 30


class MovedClock:
    """True time, as AWS and a host that is right have it; only waiting moves it."""

    def __init__(self, second: float) -> None:
        """``second`` is how far the present step has come."""
        self.now = 60_000_000.0 * STEP + second
        self.waits: list[float] = []

    def wall(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def clock_that_is(offset_s: float | None, uncertainty_s: float = 0.01) -> ClockMeasurement:
    """Measure a host's clock as a witness would find it; None: it does not answer."""
    error = "no answer within 2 s" if offset_s is None else None
    witness = Witness("ntp", "192.0.2.1", offset_s, None if offset_s is None else uncertainty_s, error)
    return ClockMeasurement(taken_at_s=0.0, witnesses=(witness,))


def resync_ports(
    aws: FakeAws, keys: Keys | None, folder: Path, clock: MovedClock, *, offset_s: float | None = 0.0
) -> ResyncPorts:
    """Return ports with these credentials, on a host with this clock and the ledger in this folder."""

    def factory(service: str, **options: Any) -> Any:
        return aws.client(service, keys=keys, **options)

    return ResyncPorts(
        devices=MfaDevices(factory, REGION),
        sign_in=SignIn(factory, REGION),
        user_sign_in=None,
        ledger=CodeLedger(str(folder / "ledger"), clock.wall, lambda: b"always the same key"),
        look_at_clock=lambda: clock_that_is(offset_s),
        wall=clock.wall,
        wait=clock.wait,
        say=lambda _text: None,
    )


def resync(ports: ResyncPorts, *, check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
    """Run the module's code."""
    defaults = {"user": None, "serial": None, "code1": None, "code2": None, "seed": None, "clock_check": True}
    return run_resync({**defaults, **parameters}, ports, check_mode=check_mode)


def signs_in(aws: FakeAws, keys: Keys, serial: str, code: str) -> bool:
    """Say whether AWS opens a session for a code."""
    try:
        aws.client("sts", keys=keys).get_session_token(SerialNumber=serial, TokenCode=code)
    except ClientError as exc:
        if "invalid MFA one time pass code" not in str(exc):
            raise
        return False
    return True


def codes_sent(aws: FakeAws) -> list[str]:
    """Return every code that reached AWS, in order."""
    names = ("AuthenticationCode1", "AuthenticationCode2", "TokenCode")
    return [asked.parameters[name] for asked in aws.requests for name in names if name in asked.parameters]


@contextmanager
def held_at_aws(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let AWS take its time over a resynchronisation, until the event is set."""
    let_go = threading.Event()
    monkeypatch.setattr(state, "time", SimpleNamespace(sleep=lambda _seconds: let_go.wait(60)))
    aws.rules.slow_s["iam:ResyncMFADevice"] = 60.0
    try:
        yield let_go
    finally:
        let_go.set()
        aws.rules.slow_s.clear()


def until_asked(aws: FakeAws) -> None:
    """Wait until a resynchronisation has reached AWS."""
    wait_for(lambda: aws.count("iam:ResyncMFADevice") > 0, "a resynchronisation to reach AWS")
