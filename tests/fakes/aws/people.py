"""Hooks for tests: users with keys, devices that no API makes, soft tokens with wrong clocks, console sign-ins."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pyotp

from . import trail
from .identity import Keys
from .state import ACCOUNT, State
from .sts import TokenCalls
from .totp import STEP, Device, seed_of
from .wire import ApiError

_ANY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class SoftToken(NamedTuple):
    """A program that makes codes, on a host whose clock is off. Made by pyotp, so nothing here agrees with itself."""

    base32: str
    true_time: Callable[[], float]
    offset_s: float

    def code(self, steps: int = 0) -> str:
        """Return the code it shows now, or some steps from now."""
        return pyotp.TOTP(self.base32).at(int(self.true_time() + self.offset_s) + steps * STEP)

    def pair(self, steps: int = -1) -> tuple[str, str]:
        """Return two consecutive codes, the second being the present one."""
        # At one moment: between two a step may end.
        now = self.true_time()
        still = self._replace(true_time=lambda: now)
        return still.code(steps), still.code(steps + 1)


class People:
    """The part of the server that tests set the account up with."""

    state: State
    events: list[dict[str, Any]]
    _tokens: TokenCalls

    def add_user(self, name: str, *, policy: Any = None, path: str = "/", tags: dict[str, str] | None = None) -> Keys:
        """Make a user with an access key; ``policy`` binds with ``enforce``: None is everything, {} nothing."""
        iam = self.state.iam
        with self.state.lock:
            iam.create_user("us-east-1", name, path, [{"Key": key, "Value": tags[key]} for key in tags or {}])  # type: ignore[index]
            self.state.give_id(name)
            if policy is None or policy:
                iam.put_user_policy(name, "granted", json.dumps(policy or _ANY))
            key = iam.create_access_key(name)
        return Keys(key.access_key_id, key.secret_access_key)

    def virtual_device(self, user: str | None, name: str = "", path: str = "/") -> str:
        """Make a virtual device and give it to a user, in step and with no code used."""
        with self.state.lock:
            serial = self.state.iam.create_virtual_mfa_device(name or user or "device", path).serial_number
            if user:
                self.state.assign(user, serial)
        return serial

    def hardware_device(self, user: str | None, serial: str, seed: str | None = None) -> str:
        """Make a hardware token that AWS knows, a user's or nobody's yet; returns its serial."""
        with self.state.lock:
            self.state.add_device(Device(serial, seed_of(seed or pyotp.random_base32())))
            if user:
                self.state.assign(user, serial)
        return serial

    def fido_device(self, user: str, key: str = "key-AAAABBBB") -> str:
        """Make a FIDO key of a user; returns its ARN."""
        serial = f"arn:aws:iam::{ACCOUNT}:u2f/user/{user}/{key}"
        with self.state.lock:
            self.state.add_device(Device(serial, None))
            self.state.assign(user, serial)
        return serial

    def root_device(self) -> str:
        """Give root a virtual device, which no API of IAM does; returns its ARN."""
        serial = self.virtual_device(None, "root-account-mfa-device")
        device = self.state.iam.virtual_mfa_devices[serial]
        device.user_attribute = {"UserId": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
        device.user = device.user_attribute  # type: ignore[assignment]
        device.enable_date = self.state.moment()
        return serial

    def device(self, serial: str) -> Device:
        """Return what AWS keeps of a device."""
        found = self.state.device(serial)
        if found is None:
            raise KeyError(serial)
        return found

    def seed(self, serial: str) -> str:
        """Return a device's seed, as an authenticator takes it."""
        return self.device(serial).base32

    def soft_token(self, serial: str, offset_s: float = 0.0) -> SoftToken:
        """Return the program that holds a device's seed, on a host whose clock is fast by so much."""
        return SoftToken(self.seed(serial), self._now, offset_s)

    def _now(self) -> float:
        # Asked anew each time: a test may put another clock in.
        return self.state.true_time()

    def console_login(self, user: str, *, code: str | None = None, serial: str = "", password: bool = True) -> bool:
        """Sign in at the console: a user who has a device is asked for a code. Returns whether it worked."""
        with self.state.lock:
            own = self.state.user(user)
            serial = serial or next(iter(own.mfa_devices), "") if code is not None else ""
            success = password and self._second_factor(user, serial, code)
            identity = {"userName": user, **({"principalId": own.id, "arn": own.arn} if password else {})}
            # Who has a wrong password is not asked for a code.
            asked = serial if password else ""
            self.events.insert(0, trail.record_login(self.state, identity, asked, success=success))
        return success

    def _second_factor(self, user: str, serial: str, code: str | None) -> bool:
        if not self.state.user(user).mfa_devices:
            return True
        if code is None:
            return False
        try:
            self._tokens.verify(user, serial, code)
        except ApiError:
            return False
        return True
