# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of iam_mfa_device hand to each other.

Private to this collection.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial

from ._aws.mfa_device import Device, MfaDevices
from ._aws.sign_in import SignIn
from ._mfa.explain import Situation
from ._mfa_device_journal import JournalFile
from ._mfa_secret import SecretFiles
from ._mfa_send import Codes, CodeSender

__all__ = ["DevicePorts", "Done", "Job", "places"]


class DevicePorts(NamedTuple):
    """What the flow needs of the world. ``sign_in`` is None where nobody here may try a user's code."""

    devices: MfaDevices
    codes: CodeSender
    sign_in: Callable[[bool], Optional[SignIn]]  # whether the module's own credentials are the user's access key
    journal: Callable[[str, str], JournalFile]  # account, user
    files: SecretFiles
    encrypt: Callable[[str, str], str]  # public key, text
    hide: Callable[[str], None]  # from everything that the module returns
    wait: Callable[[float], None]


class Job(NamedTuple):
    """What the caller wants beside the journal."""

    situation: Situation
    name: str = ""
    path: str = "/"
    tags: Mapping[str, str] = {}
    seed_file: str = ""
    qr_file: str = ""
    public_key: str = ""
    codes: Codes = Codes()  # of the new device; of the old one when it is to be restored
    own_key: bool = False
    wait_timeout: float = 120.0


class Done(NamedTuple):
    """What was done."""

    steps: List[str]
    pending: bool = False
    restored: bool = False
    verified: bool = False
    verification: str = ""
    encrypted_seed: str = ""
    files: Tuple[str, ...] = ()


def places(devices: MfaDevices, user: str, serials: Tuple[str, ...]) -> Dict[str, Device]:
    """Return those of the devices that there are, with their users."""
    found = {device.serial: device for device in devices.list_user_devices(user) if device.serial in serials}
    wanted = {serial for serial in serials if serial not in found and parse_serial(serial).kind == "virtual"}
    if wanted:
        found.update({device.serial: device for device in devices.list_virtual() if device.serial in wanted})
    return found
