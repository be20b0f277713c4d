"""The account as the double keeps it: moto's users and devices, and beside them what moto does not know."""

from __future__ import annotations

import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import IAMBackend, User, iam_backends

from .totp import Device, seed_of
from .wire import ApiError

ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "us-east-1"
_LETTERS = string.ascii_uppercase + string.digits


@dataclass
class Rules:
    """How this AWS behaves where AWS does not say, or a test wants to see the other case."""

    window: int = 1  # steps around the expected one whose codes are taken; AWS publishes no figure
    reach: int = 2880  # steps around true time in which two consecutive codes are looked for: a day
    device_limit: int = 8
    settle_s: float = 0.0  # how long after a change of a user's devices the next one is refused
    skew_s: float = 0.0  # how far a request may be from true time: 900 is what STS has, 300 others; 0 does not look
    enforce: bool = False  # whether identity policies bind the users that are not the operator
    trail_keeps_serial: bool = True  # whether the record of a failed MFA call names the serial; unverified for AWS
    trail_delay_s: float = 0.0  # until a record can be looked up; minutes at AWS
    slow_s: dict[str, float] = field(default_factory=dict)  # how long a change takes, by API


class State:
    """One account. moto's part is one for the process."""

    def __init__(self, true_time: Callable[[], float], rules: Rules) -> None:
        self.true_time = true_time
        self.rules = rules
        self.lock = threading.RLock()
        self.tags: dict[str, dict[str, str]] = {}  # of devices, by serial
        self._devices: dict[str, Device] = {}
        self._changed: dict[str, float] = {}  # user -> true time of the last change
        self._busy: set[str] = set()

    @property
    def iam(self) -> IAMBackend:
        return iam_backends[ACCOUNT]["aws"]

    def clear(self) -> None:
        """Forget everything that moto does not keep."""
        with self.lock:
            for kept in (self.tags, self._devices, self._changed):
                kept.clear()

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.true_time(), tz=UTC).replace(microsecond=0)

    def give_id(self, name: str) -> tuple[str, str]:
        """Give a new user an id as AWS has them; returns moto's, and the new one."""
        user = self.iam.users[name]
        before, user.id = user.id, "AIDA" + "".join(secrets.choice(_LETTERS) for _number in range(17))
        return before, user.id

    def user(self, name: str) -> User:
        found = self.iam.users.get(name)
        if found is None:
            raise ApiError("NoSuchEntity", f"The user with name {name} cannot be found.")
        return found

    def add_device(self, device: Device) -> None:
        """Put in a device that no API can make: a hardware token or a FIDO key."""
        self._devices[device.serial] = device

    def device(self, serial: str) -> Device | None:
        """Return a device; a virtual one only while it exists."""
        virtual = self.iam.virtual_mfa_devices.get(serial)
        kept = self._devices.get(serial)
        if virtual is None:
            return None if ":mfa/" in serial else kept
        seed = seed_of(virtual.base32_string_seed)
        if kept is None or kept.seed != seed:
            kept = self._devices[serial] = Device(serial, seed)
        return kept

    def forget_device(self, serial: str) -> None:
        self._devices.pop(serial, None)
        self.tags.pop(serial, None)

    def holder(self, serial: str) -> str:
        """Return the name of the user who has a device, "" for nobody."""
        return next((user.name for user in self.iam.users.values() if serial in user.mfa_devices), "")

    def held(self, user: str, serial: str) -> Device:
        """Return a user's own device that makes codes, as the calls of IAM look for it."""
        device = self.device(serial)
        if serial not in self.user(user).mfa_devices or device is None:
            raise no_device(serial) if device is None else ApiError("NoSuchEntity", "MFA Device invalid for user.")
        return device

    def assign(self, user: str, serial: str) -> None:
        self.iam.enable_mfa_device(user, serial, "", "")
        for thing in (self.iam.users[user].mfa_devices[serial], self.iam.virtual_mfa_devices.get(serial)):
            if thing is not None:
                thing.enable_date = self.moment()

    @contextmanager
    def changing(self, serial: str, slow_s: float = 0.0) -> Iterator[None]:
        """Hold a device for a change; who comes meanwhile is told so."""
        with self.lock:
            if serial in self._busy:
                raise ApiError("ConcurrentModification", f"The entity {serial} is being modified. Try again later.")
            self._busy.add(serial)
        try:
            if slow_s:
                time.sleep(slow_s)
            with self.lock:
                yield
        finally:
            with self.lock:
                self._busy.discard(serial)

    def note_change(self, user: str) -> None:
        self._changed[user] = self.true_time()

    def refuse_unsettled(self, user: str) -> None:
        """Refuse a change that comes too soon after another one of the same user, or of one who bore the name."""
        before = self._changed.get(user)
        if before is not None and 0 <= self.true_time() - before < self.rules.settle_s:
            message = f"The user with name {user} is temporarily unmodifiable. Try again later."
            raise ApiError("EntityTemporarilyUnmodifiable", message)


def no_device(serial: str) -> ApiError:
    kind = "VirtualMFADevice" if ":mfa/" in serial else "MFADevice"
    return ApiError("NoSuchEntity", f"{kind} with serial number {serial} doesn't exist.")
