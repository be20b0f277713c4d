# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a user's devices is meant, and what is wrong when none can be.

Private to this collection.
"""

from __future__ import annotations

from typing import Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, User
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.near import NearIndex
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import Serial, parse_serial

from .explain import ROOT, Explanation

__all__ = ["Inventory", "choose_device", "refuse_kind", "stranger"]


class Inventory(NamedTuple):
    """The account's virtual devices with their users (None: assigned to nobody); ``missing`` says why there is none."""

    holders: Mapping[str, Optional[str]]
    missing: str = ""


def refuse_kind(serial: str) -> Optional[Explanation]:
    """Say why a serial cannot be resynchronised whoever holds it; None when it can."""
    return _KINDS.get(parse_serial(serial).kind, _no_refusal)(parse_serial(serial))


def choose_device(user: str, devices: Sequence[str]) -> Tuple[str, Optional[Explanation]]:
    """Return the user's only device that gives codes, or why there is no choice without a serial."""
    able = [serial for serial in devices if refuse_kind(serial) is None]
    if len(able) == 1:
        return able[0], None
    if able:
        return "", Explanation(
            "wrong_serial",
            f"{user} has {len(able)} devices that give codes: {', '.join(able)}.",
            "Say by its serial which one is meant.",
        )
    if devices:
        reason = refuse_kind(devices[0])
        text, next_step = (reason.text, reason.next_step) if reason is not None else ("", "")
        others = f" The others are: {', '.join(devices[1:])}." if devices[1:] else ""
        return "", Explanation("not_owned", f"{user} has no device that gives codes. {text}{others}", next_step)
    return "", Explanation("not_owned", f"{user} has no MFA device.", "Enrol one: there is nothing to resynchronise.")


def stranger(serial: str, user: str, devices: Sequence[str], inventory: Inventory, account: str = "") -> Explanation:
    """Say why a serial is none of the user's, and which would be right; ``account`` is the user's."""
    parsed = parse_serial(serial)
    own = f"The devices of {user} are: {', '.join(devices)}." if devices else f"{user} has no MFA device."
    near = _near(parsed, user, devices, inventory)
    advice = f"Probably {near} is meant." if near else own
    if serial in inventory.holders:
        holder = inventory.holders[serial]
        if holder is None:
            text = f"{serial} exists and is assigned to nobody: it cannot be {user}'s second factor."
            return Explanation("not_owned", text, f"{advice} Or enrol this one.")
        text = f"{serial} is a device of {holder}, not of {user}."
        return Explanation("not_owned", text, f"Name the user {holder} if it is theirs that is meant. {own}")
    if parsed.is_arn and account and parsed.account != account:
        text = f"{serial} is of account {parsed.account}, and these credentials reach {user} of account {account}."
        return Explanation("wrong_serial", text, f"{advice} Or give credentials of the device's account.")
    if parsed.kind == "virtual" and not inventory.missing:
        text = f"{serial} does not exist any more, or never did: it is old, or spelt wrong."
    else:
        text = f"{serial} is no device of {user}."
        text += f" Whose it is cannot be said: {inventory.missing}." if inventory.missing else ""
    return Explanation("wrong_serial", text, f"{advice} Put the right serial wherever this one came from.")


def _near(parsed: Serial, user: str, devices: Sequence[str], inventory: Inventory) -> str:
    """Return the one device of the user that was meant, "" when that is not clear."""
    known: Dict[str, Device] = {
        serial: Device(serial, parse_serial(serial).kind, holder) for serial, holder in inventory.holders.items()
    }
    known.update({serial: Device(serial, parse_serial(serial).kind, user) for serial in devices})
    users = {user: User(user, "", "", devices=tuple(devices))}
    found = [one.serial for one in NearIndex(known, users).suggest(parsed, [user]) if one.serial in devices]
    return found[0] if len(found) == 1 else ""


# --- what gives no codes ---------------------------------------------------------------------------------------------


def _no_refusal(_serial: Serial) -> Optional[Explanation]:
    return None


def _fido(serial: Serial) -> Explanation:
    return Explanation(
        "wrong_serial",
        f"{serial.text} is a FIDO key. It gives no codes and has no clock, so it never is out of step.",
        "If it does not work, deactivate it and register it anew, or another one.",
    )


def _sms(serial: Serial) -> Explanation:
    return Explanation(
        "wrong_serial",
        f"{serial.text} is a telephone number. Its codes come by SMS and are never out of step.",
        "Enrol a device of another kind.",
    )


def _root(serial: Serial) -> Explanation:
    return Explanation("wrong_serial", f"{serial.text} is the root user's device.", ROOT)


def _user(serial: Serial) -> Explanation:
    return Explanation(
        "wrong_serial",
        f"{serial.text} names a user and not an MFA device.",
        "Give the device's serial as iam:ListMFADevices shows it, or leave it away when the user has one device.",
    )


def _malformed(serial: Serial) -> Explanation:
    return Explanation(
        "wrong_serial",
        f"{serial.text!r} is no serial of an MFA device: {serial.problem}.",
        "Give the device's serial as iam:ListMFADevices shows it, or leave it away when the user has one device.",
    )


_KINDS = {"fido": _fido, "sms": _sms, "root": _root, "user": _user, "malformed": _malformed}
