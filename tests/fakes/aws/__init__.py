"""AWS on loopback, with MFA devices that are checked for real: see server.FakeAws."""

from __future__ import annotations

from .identity import KEYS, OPERATOR, Keys
from .pages import PAGED
from .people import SoftToken
from .server import FakeAws
from .state import ACCOUNT, REGION, Rules
from .totp import Device
from .wire import Asked

__all__ = ["ACCOUNT", "KEYS", "OPERATOR", "PAGED", "REGION", "Asked", "Device", "FakeAws", "Keys", "Rules", "SoftToken"]
