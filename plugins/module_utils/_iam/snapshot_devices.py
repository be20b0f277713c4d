# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which MFA devices exist and who holds them, out of the lists and reports that know a part of it each.

Private to this collection. ListVirtualMFADevices knows every virtual device; hardware tokens, FIDO keys and SMS devices
are only in the list of the user who holds them; the credential report knows who has none.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .account import ROOT_USER, Device, Root, User
from .credential_report import Credentials
from .serial import parse_serial
from .snapshot_values import Malformed, each, mapping, maybe_text, text, unwrapped

__all__ = ["Held", "read_held", "read_virtual", "root_user", "with_devices"]


class Held(NamedTuple):
    """The devices of the users who were asked for."""

    devices: Tuple[Device, ...]
    asked: Tuple[str, ...]


def read_virtual(part: Any) -> Tuple[Device, ...]:
    """Read the entries of ListVirtualMFADevices, assigned or not."""
    return each(unwrapped(part, "VirtualMFADevices"), _virtual)


def read_held(part: Any) -> Held:
    """Read the answers of ListMFADevices, by user."""
    devices: List[Device] = []
    for user, entries in mapping(part).items():
        try:
            devices.extend(each(unwrapped(entries, "MFADevices"), partial(_device, user=user)))
        except Malformed as exc:
            raise Malformed(f"[{user!r}]{exc}") from None
    return Held(tuple(devices), tuple(part))


def with_devices(
    users: Mapping[str, User], devices: Mapping[str, Device], asked: Tuple[str, ...], report: Mapping[str, Credentials]
) -> Dict[str, User]:
    """Give every user its devices and what the report says of it."""
    held: Dict[str, List[str]] = {}
    for device in devices.values():
        if device.user is not None:
            held.setdefault(device.user, []).append(device.serial)
    listed = frozenset(asked)
    return {
        name: _user(user, tuple(held.get(name, ())), name in listed, report.get(name)) for name, user in users.items()
    }


def root_user(devices: Mapping[str, Device], summary: Mapping[str, int], report: Mapping[str, Credentials]) -> Root:
    """Say what is known about root: the summary counts now, the report up to four hours ago."""
    mfa = _flag(summary.get("AccountMFAEnabled"))
    keys = _flag(summary.get("AccountAccessKeysPresent"))
    row = report.get(ROOT_USER)
    if row is not None:
        mfa = row.mfa_active if mfa is None else mfa
        keys = bool(row.active_keys) if keys is None and row.active_keys is not None else keys
    return Root(mfa, keys, tuple(device.serial for device in devices.values() if device.user == ROOT_USER))


def _virtual(entry: Any) -> Device:
    holder = entry.get("User") if isinstance(entry, dict) else None
    return _device(entry, _holder(mapping(holder)) if holder else None)


def _holder(user: Mapping[str, Any]) -> Optional[str]:
    # The ARN of root ends exactly so; the user named "root" has user/root.
    if (maybe_text(user, "Arn") or "").endswith(":root"):
        return ROOT_USER
    return text(user, "UserName")


def _device(entry: Any, user: Optional[str]) -> Device:
    serial = parse_serial(text(entry, "SerialNumber"))
    return Device(serial.text, serial.kind, user, maybe_text(entry, "EnableDate"), serial.path or "/")


def _user(user: User, devices: Tuple[str, ...], asked: bool, row: Optional[Credentials]) -> User:  # noqa: FBT001
    if row is None:
        return user._replace(devices=devices, devices_complete=asked)
    return user._replace(
        devices=devices,
        devices_complete=asked or (row.mfa_active is False and not devices),
        password=row.password,
        active_keys=row.active_keys,
        mfa_active=row.mfa_active,
    )


def _flag(number: Optional[int]) -> Optional[bool]:
    return None if number is None else number > 0
