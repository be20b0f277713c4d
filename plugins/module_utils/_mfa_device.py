# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_device: look, refuse, go on with what was begun, begin, tell.

Private to this collection. AWS, files, clocks and waiting come in through DevicePorts.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial

from ._aws.mfa_device import AwsRefusal, Caller, User
from ._mfa.explain import Situation, explain
from ._mfa.replacement import ABSENT, MINE, UNASSIGNED, Journal, Material, next_step, plan, restore_step
from ._mfa_device_journal import JournalFile
from ._mfa_device_model import DevicePorts, Done, Job, places
from ._mfa_device_request import (
    Scene,
    begin,
    matches,
    refuse_elsewhere,
    refuse_kind,
    refuse_own_keys,
    refuse_undelivered,
    target_of,
)
from ._mfa_device_work import Worker
from ._mfa_send import Codes, read_codes

__all__ = ["DevicePorts", "run_device"]

_STATES = {MINE: "enabled", UNASSIGNED: "disabled", ABSENT: "absent"}
# What AWS asks an MFA session for, when a user changes the own devices.
_GUARDED = frozenset(("enable", "deactivate", "deactivate_old", "deactivate_new"))


class _Work(NamedTuple):
    """What is to be done: by the journal's machine, or by hand where one or two calls need none."""

    journal: Optional[Journal] = None
    restore: bool = False
    simple: Tuple[str, ...] = ()
    resumed: bool = False
    encrypted_seed: str = ""  # of what an earlier run ended


def run_device(params: Mapping[str, Any], ports: DevicePorts, *, check_mode: bool) -> Dict[str, Any]:
    """Bring a device about, and return the module's result. Raises IamError."""
    situation = Situation(user=params["user"], serial=params["serial"] or "")
    try:
        return _Flow(params, ports, check_mode=check_mode).run()
    except AwsRefusal as exc:
        raise IamError(str(explain(exc.operation, exc.code, exc.message, situation))) from None


class _Flow:
    def __init__(self, params: Mapping[str, Any], ports: DevicePorts, *, check_mode: bool) -> None:
        tags = params["tags"]
        # YAML makes numbers and nothing of what is a text to AWS.
        texts = tags and {str(key): "" if value is None else str(value) for key, value in tags.items()}
        self._params = {**params, "tags": texts}
        self._ports = ports
        self._check_mode = check_mode
        self._codes = read_codes(params["code1"], params["code2"], params["seed"])

    def run(self) -> Dict[str, Any]:
        if not self._params["user"]:
            raise IamError("user is empty: it has to name the user whose device it is")
        user = self._ports.devices.get_user(self._params["user"])
        target = target_of(self._params, user)
        refuse_kind(target, enabling=self._params["state"] in ("enabled", "replaced"))
        if self._params["serial"]:
            refuse_kind(self._params["serial"], enabling=False)
            refuse_elsewhere(self._params["serial"], user)
        file = self._ports.journal(user.arn.split(":")[4], user.name)
        with contextlib.nullcontext() if self._check_mode else file.locked():
            return self._locked(user, target, file)

    def _locked(self, user: User, target: str, file: JournalFile) -> Dict[str, Any]:
        kept = file.read()
        before = self._scene(user, target, kept)
        work = self._choose(target, before, kept)
        steps, job = self._prepare(work, target, before, file)
        tags = self._tag_changes(target, before, work)
        if self._check_mode:
            restored = work.restore and work.journal is not None
            done = Done(steps, pending=_would_wait(work, self._codes), restored=restored)
            after = before
        else:
            done = self._do(work, target, file, job)
            self._set_tags(target, tags)
            if kept is not None and kept.intent == "done" and kept.new == target and "delete" in done.steps:
                file.remove()
            after = self._scene(user, target, kept)
        return self._result(target, before, after, work, done, tags)

    # --- what to do

    def _scene(self, user: User, target: str, kept: Optional[Journal]) -> Scene:
        serials = {target, self._params["serial"] or target}
        if kept is not None:
            serials |= {kept.new, kept.old} - {""}
        mine = self._ports.devices.list_user_devices(user.name)
        found = {device.serial: device for device in mine}
        missing = tuple(sorted(serials - set(found)))
        found.update(places(self._ports.devices, user.name, missing) if missing else {})
        return Scene(user, mine, found)

    def _choose(self, target: str, scene: Scene, kept: Optional[Journal]) -> _Work:
        params = self._params
        open_journal = kept if kept is not None and kept.intent != "done" else None
        if params["interrupted"] == "restore":
            return _Work(open_journal, restore=True, resumed=True) if open_journal else _Work()
        if open_journal is not None:
            return self._resume(target, open_journal)
        if params["state"] == "absent":
            return _Work(simple=_removal(target, scene))
        if params["state"] == "disabled" and scene.place(target) == MINE:
            return _Work(simple=("deactivate",))
        if self._adopts(target, scene):
            return _Work(simple=("enable",))
        journal = begin(params, target, scene, self._codes)
        ended = kept.encrypted_seed if kept is not None and kept.new == target and journal is None else ""
        return _Work(journal, encrypted_seed=ended)

    def _resume(self, target: str, journal: Journal) -> _Work:
        params = self._params
        if matches(params, target, journal):
            goal = "created" if params["state"] == "disabled" else "enabled"
            return _Work(journal._replace(goal=goal), resumed=True)
        if params["state"] == "absent" and target == journal.new and not journal.same_serial:
            return _Work(journal, restore=True, resumed=True)
        what = f"the replacement of {journal.old} by {journal.new}" if journal.old else f"enabling {journal.new}"
        again = "state=replaced" if journal.old else "state=enabled"
        raise IamError(
            f"{what} for {journal.user} was begun on this host and is not ended. Run it again ({again}, the same name "
            "and serial) to finish, or anything with interrupted=restore to go back. Nothing was changed."
        )

    def _adopts(self, target: str, scene: Scene) -> bool:
        """Say whether a device that is there already only has to be enabled, with codes that the caller has."""
        if self._params["state"] != "enabled" or self._params["recreate"] or scene.place(target) not in _STATES:
            return False
        if scene.place(target) == MINE:
            return False
        if parse_serial(target).kind == "hardware":
            if not self._codes:
                raise IamError(f"{target} is a hardware token: enabling it takes two of its codes (code1, code2)")
            return True
        return scene.place(target) == UNASSIGNED and bool(self._codes)

    def _prepare(self, work: _Work, target: str, scene: Scene, file: JournalFile) -> Tuple[List[str], Job]:
        """Foresee the steps, and refuse what would be refused half-way."""
        steps = list(work.simple)
        caller = self._ports.devices.caller() if work.journal or steps else Caller("", "", "", long_term=False)
        job = self._job(caller, scene, target)
        if work.journal is not None:
            worker = Worker(self._ports, file, work.journal, job)
            choose = restore_step if work.restore else next_step
            seen, material = worker.look(), worker.material()
            step = choose(work.journal, seen, material)
            if step.kind == "blocked" and (work.restore or self._check_mode):
                raise IamError(f"this cannot go on: {step.reason}. Nothing was changed.")
            steps = plan(work.journal, seen, material, choose)
        to_enable = work.journal is not None and work.journal.goal == "enabled"
        if to_enable or work.restore or _GUARDED.intersection(steps):
            refuse_own_keys(caller, scene)
        if "create" in steps:
            refuse_undelivered(self._params, target)
            if work.journal is None or not work.journal.files:
                self._check_delivery()
        if ("enable" in steps and not self._codes.typed) or (work.restore and self._codes.seed):
            self._ports.codes.check_clock()
        return steps, job

    def _job(self, caller: Caller, scene: Scene, target: str) -> Job:
        params = self._params
        own = caller.user == scene.user.name
        situation = Situation(
            user=scene.user.name, serial=target, made_here=not self._codes.typed, own=own,
            clock_checked=params.get("clock_check", True),
            session=not caller.long_term, caller=caller.arn, devices=len(scene.mine),
        )  # fmt: skip
        return Job(
            situation,
            name=params["name"] or "",
            path=params["path"],
            tags=params["tags"] or {},
            seed_file=params["seed_file"] or "",
            qr_file=params["qr_file"] or "",
            public_key=params["public_key"] or "",
            codes=self._codes,
            own_key=own and caller.long_term,
            wait_timeout=float(params["wait_timeout"]),
        )

    def _check_delivery(self) -> None:
        self._ports.files.check(*filter(None, (self._params["seed_file"], self._params["qr_file"])))
        if self._params["public_key"]:
            self._ports.encrypt(self._params["public_key"], "")

    # --- doing it

    def _do(self, work: _Work, target: str, file: JournalFile, job: Job) -> Done:
        if work.journal is not None:
            file.write(work.journal)
            worker = Worker(self._ports, file, work.journal, job)
            return worker.restore() if work.restore else worker.finish()
        worker = Worker(self._ports, file, Journal(self._params["user"], target, old=target), job)
        return worker.simply(work.simple)

    def _tag_changes(self, target: str, scene: Scene, work: _Work) -> Dict[str, Any]:
        """Return the tags before and after of a device that is there and stays; a new one gets them when it is made."""
        tags = self._params["tags"]
        gone = self._params["state"] in ("absent", "replaced") or work.restore
        stays = work.journal is None and not gone and scene.place(target) in (MINE, UNASSIGNED)
        if tags is None or not stays or parse_serial(target).kind != "virtual":
            return {}
        present = self._ports.devices.tags(target)
        wanted = dict(tags) if self._params["purge_tags"] else {**present, **tags}
        return {"before": present, "after": wanted} if present != wanted else {}

    def _set_tags(self, target: str, change: Mapping[str, Any]) -> None:
        if not change:
            return
        before, after = change["before"], change["after"]
        surplus = [key for key in before if key not in after]
        if surplus:
            self._ports.devices.untag(target, surplus)
        new = {key: value for key, value in after.items() if before.get(key) != value}
        if new:
            self._ports.devices.tag(target, new)

    # --- telling it

    def _result(
        self, target: str, before: Scene, after: Scene, work: _Work, done: Done, tags: Mapping[str, Any]
    ) -> Dict[str, Any]:
        old = work.journal.old if work.journal is not None else ""
        shown = {serial: before.place(serial) for serial in (old, target) if serial}
        then = {serial: after.place(serial) for serial in shown}
        if self._check_mode:
            then = self._foreseen(shown, target, old, work, done)
        device = after.seen.get(target)
        result: Dict[str, Any] = {
            "changed": bool(done.steps or tags),
            "user": before.user.name,
            "serial": target,
            "state": _STATES.get(then[target], "other"),
            "enabled_at": device.enabled_at or None if device is not None and then[target] == MINE else None,
            "previous_serial": old or None,
            "steps": done.steps,
            "pending": done.pending,
            "resumed": work.resumed,
            "restored": done.restored,
            "verified": done.verified,
            "verification": done.verification,
            "encrypted_seed": done.encrypted_seed or work.encrypted_seed or None,
            "files": list(done.files),
        }
        result["diff"] = {
            "before_header": before.user.arn,
            "after_header": before.user.arn,
            "before": _pretty(shown, tags.get("before")),
            "after": _pretty(then, tags.get("after")),
        }
        return result

    def _foreseen(
        self, shown: Mapping[str, str], target: str, old: str, work: _Work, done: Done
    ) -> Dict[str, str]:  # fmt: skip
        then = dict(shown)
        for step in done.steps:
            then.update(_EFFECT.get(step, lambda _target, _old: {})(target, old))
        if work.restore:
            then = {**then, **({old: MINE} if old else {}), **({} if old == target else {target: ABSENT})}
        return then


_EFFECT: Dict[str, Any] = {
    "create": lambda target, _old: {target: UNASSIGNED},
    "enable": lambda target, _old: {target: MINE},
    "deactivate": lambda target, _old: {target: _without_user(target)},
    "delete": lambda target, _old: {target: ABSENT},
    "delete_new": lambda target, _old: {target: ABSENT},
    "deactivate_old": lambda _target, old: {old: _without_user(old)},
    "delete_old": lambda _target, old: {old: ABSENT},
}


def _without_user(serial: str) -> str:
    """A virtual device stays in the account when it is deactivated."""
    return UNASSIGNED if parse_serial(serial).kind == "virtual" else ABSENT


def _removal(target: str, scene: Scene) -> Tuple[str, ...]:
    place = scene.place(target)
    if place == ABSENT:
        return ()
    if place not in (MINE, UNASSIGNED):
        raise IamError(
            f"{target} is a device of {scene.seen[target].user}, not of {scene.user.name}. Nothing was changed."
        )
    delete = ("delete",) if parse_serial(target).kind == "virtual" else ()
    return ("deactivate", *delete) if place == MINE else delete


def _would_wait(work: _Work, codes: Codes) -> bool:
    journal = work.journal
    if journal is None or work.restore or journal.goal == "created":
        return False
    return journal.by_codes and not Material(new=bool(codes)).new


def _pretty(devices: Mapping[str, str], tags: Optional[Mapping[str, str]]) -> str:
    shown: Dict[str, Any] = {"devices": dict(devices)}
    if tags is not None:
        shown["tags"] = dict(tags)
    return json.dumps(shown, indent=2, sort_keys=True) + "\n"
