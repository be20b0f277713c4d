# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parameters of iam_mfa_device mean for the account as it is, and what is refused before anything is begun.

Private to this collection.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial

from ._aws.mfa_device import Caller, Device, User
from ._mfa.replacement import ABSENT, CAP, FOREIGN, MINE, UNASSIGNED, Journal, choose_order
from ._mfa_send import Codes

__all__ = [
    "Scene",
    "begin",
    "matches",
    "refuse_elsewhere",
    "refuse_kind",
    "refuse_own_keys",
    "refuse_undelivered",
    "target_of",
]

_NAME = re.compile(r"[\w+=,.@-]{1,226}", re.ASCII)
_PATH = re.compile(r"(?=.{1,512}\Z)/(?:[!-.0-~]+/)*")
_FILES = ("seed_file", "qr_file", "public_key")
_NO_CODES = {
    "fido": "a FIDO key is registered in the browser, with the key at hand: IAM has no call for it",
    "sms": "AWS enrols no telephone numbers any more",
}


class Scene(NamedTuple):
    """The user and the devices that matter, as the account shows them."""

    user: User
    mine: List[Device]
    seen: Mapping[str, Device]  # by serial

    def place(self, serial: str) -> str:
        """Return where a device is."""
        device = self.seen.get(serial)
        if device is None:
            return ABSENT
        if not device.user:
            return UNASSIGNED
        return MINE if device.user == self.user.name else FOREIGN


def target_of(params: Mapping[str, Any], user: User) -> str:
    """Return the serial that the parameters name: the device that is to be there, or not."""
    name, path, serial = params["name"], params["path"], params["serial"]
    if name is None:
        if serial is None:
            raise IamError("name or serial has to say which device is meant")
        return str(serial)
    if serial is not None and params["state"] != "replaced":
        raise IamError("name and serial both say which device is meant: give one of them")
    if not _NAME.fullmatch(name):
        raise IamError(f"{name!r} is no name of a virtual device: 1 to 226 letters, digits and any of +=,.@_-")
    if not _PATH.fullmatch(path):
        raise IamError(f"{path!r} is no path: it begins and ends with a slash, and has no blanks and no empty part")
    partition, account = user.arn.split(":")[1], user.arn.split(":")[4]
    return f"arn:{partition}:iam::{account}:mfa{path}{name}"


def refuse_kind(serial: str, *, enabling: bool) -> None:
    """Refuse serials that no call of IAM can do this with."""
    parsed = parse_serial(serial)
    if parsed.kind == "malformed":
        raise IamError(f"{serial!r} is no serial of an MFA device: {parsed.problem}")
    if parsed.kind == "user":
        raise IamError(f"{serial} names a user and not an MFA device: take the serial that iam:ListMFADevices shows")
    if parsed.kind == "root":
        raise IamError(f"{serial} is the root user's device: root changes its devices in the console")
    if enabling and parsed.kind in _NO_CODES:
        raise IamError(f"{serial} cannot be enabled here: {_NO_CODES[parsed.kind]}")


def refuse_elsewhere(serial: str, user: User) -> None:
    """Refuse serials of other accounts: whether these devices are there cannot be seen from here."""
    parsed, own = parse_serial(serial), user.arn.split(":")
    if parsed.is_arn and (parsed.partition, parsed.account) != (own[1], own[4]):
        raise IamError(
            f"{serial} is of another account or partition: the user {user.name} that these credentials reach is of "
            f"account {own[4]} in {own[1]}. Nothing was changed. Give credentials of the device's account, or the "
            "serial that iam:ListMFADevices shows."
        )


def refuse_undelivered(params: Mapping[str, Any], target: str) -> None:
    """Refuse to create a device without a name, or whose seed would go nowhere."""
    if params["name"] is None:
        raise IamError(f"{target} does not exist: to create a virtual device, give its name (and path), not a serial")
    if not any(params[name] for name in _FILES):
        raise IamError(
            "a new device's seed is given once: say with seed_file, qr_file or public_key where it is to go. Nothing "
            "was changed."
        )


def refuse_own_keys(caller: Caller, scene: Scene) -> None:
    """Refuse what AWS would: who has a device changes devices with a session that was opened with MFA."""
    if caller.user != scene.user.name or not caller.long_term or not scene.mine:
        return
    only = len(scene.mine) == 1
    lost = (
        f" {scene.mine[0].serial} is the only one: if it gives no good codes and resynchronising does not help, there "
        "is no such session, and an administrator has to do this."
        if only
        else " If none of them works, an administrator has to do this."
    )
    raise IamError(
        f"{caller.user} has an MFA device, and AWS lets a user who has one change devices only with a session that "
        "was opened with MFA; these credentials are an access key alone. Nothing was changed. Open a session (aws sts "
        f"get-session-token --serial-number {scene.mine[0].serial} --token-code CODE) and use its credentials.{lost}"
    )


def matches(params: Mapping[str, Any], target: str, journal: Journal) -> bool:
    """Say whether the parameters ask for what the journal has begun."""
    if target != journal.new:
        return False
    if params["state"] == "replaced":
        return bool(journal.old) and params["serial"] in (None, journal.old)
    return not journal.old and params["state"] in ("enabled", "disabled")


def begin(params: Mapping[str, Any], target: str, scene: Scene, codes: Codes) -> Optional[Journal]:
    """Return the journal to begin with; None when there is nothing to make."""
    if scene.place(target) == FOREIGN:
        raise IamError(
            f"{target} is a device of {scene.seen[target].user}, not of {scene.user.name}. Nothing was changed."
        )
    if params["state"] == "replaced":
        return _replacement(params, target, scene, codes)
    place = scene.place(target)
    goal = "enabled" if params["state"] == "enabled" else "created"
    if place == MINE or (goal == "created" and _is_disabled(target, place, remake=params["recreate"])):
        return None
    if goal == "enabled":
        _refuse_full(scene)
    _refuse_unmakable(params, target, place, codes)
    return Journal(
        scene.user.name, target, goal=goal, by_codes=goal == "enabled" and params["confirm"] == "codes"
    )  # fmt: skip


def _is_disabled(target: str, place: str, *, remake: bool) -> bool:
    """Say whether nothing is to be made; what is no virtual device is nobody's when it is not the user's."""
    return parse_serial(target).kind != "virtual" or (place == UNASSIGNED and not remake)


def _replacement(params: Mapping[str, Any], target: str, scene: Scene, codes: Codes) -> Optional[Journal]:
    old = params["serial"] or _only_other(target, scene)
    if old is None:
        return None
    place = scene.place(old)
    if place == FOREIGN:
        raise IamError(f"{old} is a device of {scene.seen[old].user}, not of {scene.user.name}. Nothing was changed.")
    if place == ABSENT:
        if scene.place(target) == MINE:
            return None
        raise IamError(
            f"{old} is no device of {scene.user.name}, so there is nothing to replace. {_listed(scene)} "
            "Give one of these as serial, or enable a first device with state=enabled."
        )
    if scene.place(target) == MINE and target != old:
        raise IamError(
            f"{target} is enabled for {scene.user.name} already. If it is to stay alone, remove {old} with "
            "state=absent."
        )
    here = ABSENT if target == old else scene.place(target)
    _refuse_unmakable(params, target, here, codes)
    if place == UNASSIGNED:
        _refuse_full(scene)
    order = choose_order(old, target, len(scene.mine))
    _refuse_gap(params, old, order, scene)
    return Journal(scene.user.name, target, old=old, order=order, by_codes=params["confirm"] == "codes")


def _only_other(target: str, scene: Scene) -> Optional[str]:
    others = [device.serial for device in scene.mine if device.serial != target]
    if len(others) > 1:
        raise IamError(f"{scene.user.name} has several devices. {_listed(scene)} Give the one to replace as serial.")
    if others:
        return others[0]
    if scene.place(target) == MINE:
        return None
    raise IamError(f"{scene.user.name} has no MFA device to replace: enable a first one with state=enabled")


def _refuse_unmakable(params: Mapping[str, Any], target: str, place: str, codes: Codes) -> None:
    """Refuse to create a device whose seed nobody would get, or whose codes nobody can have."""
    if params["name"] is None:
        refuse_undelivered(params, target)
    if place == UNASSIGNED and not params["recreate"]:
        raise IamError(
            f"{target} exists and is nobody's. AWS does not give its seed again: enable it with its seed, or with two "
            "of its codes (code1, code2). If nobody holds the seed, recreate=true deletes it and makes it anew. "
            "Nothing was changed."
        )
    if codes:
        raise IamError(
            f"{target} does not exist yet, and AWS makes its seed, so nobody can have codes of it. Give confirm=codes "
            "to create it first, and the two codes in a second run. Nothing was changed."
        )
    refuse_undelivered(params, target)


def _refuse_full(scene: Scene) -> None:
    if len(scene.mine) >= CAP:
        raise IamError(
            f"{scene.user.name} has {len(scene.mine)} MFA devices, as many as AWS allows. {_listed(scene)} Remove one "
            "with state=absent, or replace one. Nothing was changed."
        )


def _refuse_gap(params: Mapping[str, Any], old: str, order: str, scene: Scene) -> None:
    others = [device.serial for device in scene.mine if device.serial != old]
    if order == "old_first" and not others and scene.place(old) == MINE and not params["allow_gap"]:
        raise IamError(
            f"{old} is the only device of {scene.user.name}, and a new one of the same name can only be made after it "
            "is deleted: meanwhile, and for good if that is interrupted, the user has none. Give another name, so that "
            "the new device is enabled first, or allow_gap=true. Nothing was changed."
        )


def _listed(scene: Scene) -> str:
    serials: Dict[str, None] = dict.fromkeys(device.serial for device in scene.mine)
    return f"The devices of {scene.user.name}: {', '.join(serials) or 'none'}."
