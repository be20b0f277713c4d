# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the steps that ``_mfa.replacement`` works out, and writes each down before.

Private to this collection.
"""

from __future__ import annotations

import functools
import itertools
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from ._aws.mfa_device import AwsRefusal, Device, New
from ._mfa.codes import SeedError, parse_seed
from ._mfa.explain import Situation, explain
from ._mfa.replacement import (
    ABSENT,
    FOREIGN,
    MINE,
    UNASSIGNED,
    Inventory,
    Journal,
    Material,
    Step,
    next_step,
    restore_step,
    untouched,
)
from ._mfa_device_journal import JournalFile
from ._mfa_device_model import DevicePorts, Done, Job, places
from ._mfa_send import Codes, CodesRefused

__all__ = ["Worker"]

_ROUNDS = 24  # no way, with everything undone once, has more steps
_PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_BUSY = ("EntityTemporarilyUnmodifiable", "ConcurrentModification")
# What AWS has not done, or what has not reached it, for sure.
_NOT_DONE = ("Throttling", "RequestLimitExceeded", "TooManyRequests", "ConnectTimeoutError", "EndpointConnectionError")
_BEGUN = ("create", "enable", "verify", "deactivate_old", "delete_old")
# Where a device is to be seen after a step: which one, and the places that will do.
_AFTER: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "create": ("new", (UNASSIGNED,)),
    "enable": ("new", (MINE,)),
    "deactivate_new": ("new", (UNASSIGNED, ABSENT)),
    "delete_new": ("new", (ABSENT,)),
    "deactivate_old": ("old", (UNASSIGNED, ABSENT)),
    "delete_old": ("old", (ABSENT,)),
    "enable_old": ("old", (MINE,)),
}
# What AWS thinks of a code, rather than of who tries it.
_REFUSED = ("late", "drift", "wrong_serial", "wrong_seed")
_PROVED = "AWS took a fresh code of the device after that (sts:GetSessionToken)."
_LATER = (
    "AWS took two consecutive codes. A third was not tried, since {why}. Try the device's next code: sign in, or aws "
    "sts get-session-token --serial-number {serial} --token-code CODE."
)


class _Taken(IamError):
    """Somebody else made a device of that name."""


def _explained(call: Callable[[], object], situation: Situation) -> None:
    """Make a call; what AWS refuses is said in the words of the situation."""
    try:
        call()
    except AwsRefusal as exc:
        raise _said(exc, situation) from None


class Worker:
    """Brings a journal to its end, or back to its beginning."""

    def __init__(self, ports: DevicePorts, file: JournalFile, journal: Journal, job: Job) -> None:
        self._ports = ports
        self._file = file
        self._journal = journal
        self._job = job
        self._seed = b""
        self._steps: List[str] = []
        self._proof = (False, "")

    # --- forward and back

    def finish(self) -> Done:
        """Go on to the end, or as far as codes are there. Goes back instead, where that takes nothing away."""
        try:
            pending = self._go(next_step)
        except _Taken:
            self._forget_files()
            self._file.remove()
            raise
        except (AwsRefusal, IamError) as exc:
            raise self._failed(exc) from None
        if not pending:
            self._close()
        return self._done(pending=pending)

    def restore(self) -> Done:
        """Go back to where nothing had been begun."""
        try:
            self._go(restore_step)
        except AwsRefusal as exc:
            raise _said(exc, self._job.situation) from None
        self._forget_files()
        self._file.remove()
        return self._done(pending=False)._replace(restored=True)

    def simply(self, steps: Sequence[str]) -> Done:
        """Do what needs no journal, since doing it again from anywhere comes to the same."""
        journal = self._journal
        for step in steps:
            if step == "enable":
                _explained(lambda: self._enable(journal.new, self._job.codes), self._job.situation)
                self._settle("enable")
                _explained(self._verify, self._job.situation)
            else:
                _explained(functools.partial(self._do, f"{step}_old"), self._job.situation)
                self._settle(f"{step}_old")
            self._steps.append(step)
        return self._done(pending=False)

    def look(self) -> Inventory:
        """See where the devices are."""
        journal = self._journal
        found = places(self._ports.devices, journal.user, tuple({journal.old, journal.new} - {""}))
        old, new = (_place(found.get(serial), journal.user) for serial in (journal.old, journal.new))
        return Inventory(old, new)

    def material(self) -> Material:
        """Say which codes can be had. A seed that a run before left in its file serves again."""
        codes = bool(self._job.codes)
        own = not self._journal.by_codes and bool(self._seed or self._read_seed())
        return Material(new=codes or own, old=codes)

    def _go(self, choose: Callable[[Journal, Inventory, Material], Step]) -> bool:
        """Do one step after the other; return whether it waits for codes."""
        for _round in range(_ROUNDS):
            step = choose(self._journal, self.look(), self.material())
            if step.kind == "done":
                return False
            if step.kind == "wait_codes":
                return True
            if step.kind == "blocked":
                raise IamError(f"this cannot go on: {step.reason}")
            if step.kind in _BEGUN:
                self._write(intent=step.kind)
            self._do(step.kind)
            self._settle(step.kind)
            self._steps.append(step.kind)
        raise IamError("the account looks different after each step: somebody else changes these devices too")

    def _failed(self, error: Exception) -> IamError:
        """Undo what can be undone without a loss, and say how things stand."""
        said = _said(error, self._job.situation) if isinstance(error, AwsRefusal) else error
        again = "What was begun is written down: run again to finish, or with interrupted=restore to go back."
        if self._journal.by_codes and self._journal.delivered:
            return IamError(f"{_ended(said)} {self._journal.new} stays as it is. {again}")
        try:
            if not untouched(self._journal, self.look()):
                return IamError(f"{_ended(said)} {again}")
            before = len(self._steps)
            self.restore()
        except (AwsRefusal, IamError) as exc:
            return IamError(f"{_ended(said)} Going back failed as well: {_ended(exc)} {again}")
        removed = "The new device was removed again. " if len(self._steps) > before else ""
        return IamError(f"{_ended(said)} {removed}Nothing is changed.")

    # --- the steps

    def _do(self, kind: str) -> None:
        journal, devices = self._journal, self._ports.devices
        act: Dict[str, Callable[[], None]] = {
            "create": self._create,
            "enable": lambda: self._enable(journal.new, self._codes_of_new()),
            "enable_old": lambda: self._enable(journal.old, self._job.codes),
            "verify": self._verify_written,
            "deactivate_old": lambda: self._remove(lambda: devices.deactivate(journal.user, journal.old)),
            "deactivate_new": lambda: self._remove(lambda: devices.deactivate(journal.user, journal.new)),
            "delete_old": lambda: self._remove(lambda: devices.delete(journal.old)),
            "delete_new": self._delete_new,
        }
        act[kind]()

    def _create(self) -> None:
        job = self._job
        files = tuple(path for path in (job.seed_file, job.qr_file) if path)
        if self._journal.files != files:
            self._forget_files()
            for path in files:
                self._ports.files.reserve(path)
            self._write(files=files)
        try:
            new = self._create_patiently()
        except AwsRefusal as exc:
            if exc.code.startswith("EntityAlreadyExists"):
                raise _Taken(
                    f"a device named {job.name} exists already, perhaps in other capitals: somebody just made it. "
                    "Nothing was changed. Give another name, or recreate=true if nobody holds its seed."
                ) from None
            raise
        self._ports.hide(new.seed)
        if new.serial != self._journal.new:
            self._write(new=new.serial)
        self._deliver(new.seed, new.qr_png)

    def _create_patiently(self) -> New:
        made: List[New] = []
        job, devices = self._job, self._ports.devices
        self._patiently(
            lambda: made.append(devices.create_virtual(job.name, path=job.path, tags=job.tags)), (*_BUSY, *_NOT_DONE)
        )
        return made[0]

    def _deliver(self, seed: str, qr_png: bytes) -> None:
        job = self._job
        encrypted = self._ports.encrypt(job.public_key, seed) if job.public_key else ""
        if job.seed_file:
            self._ports.files.write(job.seed_file, f"{seed}\n".encode("ascii"))
        if job.qr_file:
            self._ports.files.write(job.qr_file, qr_png)
        self._seed = parse_seed(seed)
        self._write(delivered=True, encrypted_seed=encrypted)

    def _enable(self, serial: str, codes: Codes) -> None:
        """Send codes. Where the device or the user is busy, the next two codes are sent; typed ones are gone."""
        journal, devices = self._journal, self._ports.devices

        def attempt() -> None:
            self._ports.codes.send_pair(serial, codes, lambda one, two: devices.enable(journal.user, serial, one, two))

        if codes.typed:
            attempt()
        else:
            # A device just made may not be known everywhere yet.
            self._patiently(attempt, (*_BUSY, *(("NoSuchEntity",) if "create" in self._steps else ())))

    def _verify(self) -> None:
        """Try a code of the new device. Only a refused code is a failure: not being able to try is none."""
        serial, codes = self._journal.new, self._codes_of_new()
        sign_in = self._ports.sign_in(self._job.own_key)
        if not codes.seed or sign_in is None:
            why = "only the user's own access key can try one" if codes.seed else "that takes the seed"
            self._proof = False, _LATER.format(why=why, serial=serial)
            return
        try:
            self._ports.codes.try_third(serial, codes.seed, sign_in)
        except AwsRefusal as exc:
            situation = self._job.situation._replace(after_resync=True, serial=serial)
            explanation = explain(exc.operation, exc.code, exc.message, situation)
            if explanation.cause in _REFUSED:
                raise IamError(str(explanation)) from None
            self._proof = False, _LATER.format(why=explanation.text.rstrip("."), serial=serial)
        except CodesRefused as exc:
            self._proof = False, _LATER.format(why=exc.explanation.text.rstrip("."), serial=serial)
        else:
            self._proof = True, _PROVED

    def _verify_written(self) -> None:
        self._verify()
        self._write(verified=True)

    def _delete_new(self) -> None:
        self._remove(lambda: self._ports.devices.delete(self._journal.new))
        self._seed = b""
        self._forget_files()
        self._write(delivered=False, verified=False, encrypted_seed="", files=())

    # --- how

    def _remove(self, call: Callable[[], None]) -> None:
        """Deactivate or delete. What is gone already is seen when the account is looked at next."""
        try:
            self._patiently(call, (*_BUSY, "DeleteConflict"))
        except AwsRefusal as exc:
            if not exc.code.startswith("NoSuchEntity"):
                raise

    def _patiently(self, call: Callable[[], None], again: Tuple[str, ...]) -> None:
        """Make a call again while AWS is busy with the device or the user, as long as the caller wants to wait."""
        left = self._job.wait_timeout
        for pause in itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1])):
            try:
                call()
            except AwsRefusal as exc:
                if not exc.code.startswith(again) or left < pause:
                    raise
            else:
                return
            self._ports.wait(pause)
            left -= pause

    def _settle(self, kind: str) -> None:
        """Wait until the account shows what was done: IAM may show what was there before for some seconds."""
        which, wanted = _AFTER.get(kind, ("", ()))
        if not which:
            return
        for pause in (*_PAUSES, 0.0):
            if getattr(self.look(), which) in (*wanted, FOREIGN):
                return
            self._ports.wait(pause)
        serial = getattr(self._journal, which)
        raise IamError(f"AWS took {kind.replace('_', ' ')} of {serial}, and does not show it after half a minute")

    def _codes_of_new(self) -> Codes:
        return self._job.codes or Codes(seed=self._seed or self._read_seed())

    def _read_seed(self) -> bytes:
        """Return the seed that this device's own run left in its file."""
        if not (self._journal.delivered and self._journal.files):
            return b""
        text = self._ports.files.read(self._journal.files[0])
        if not text:
            return b""
        try:
            seed = parse_seed(text)
        except SeedError:
            return b""  # the QR code
        self._ports.hide(text)
        return seed

    def _write(self, **changed: object) -> None:
        self._journal = self._journal._replace(**changed)  # type: ignore[arg-type]  # fields of several types
        self._file.write(self._journal)

    def _forget_files(self) -> None:
        for path in self._journal.files:
            self._ports.files.remove(path)

    def _close(self) -> None:
        """Forget the journal; what only it holds is kept until the next work for the user."""
        if self._journal.encrypted_seed:
            self._write(intent="done")
        else:
            self._file.remove()

    def _done(self, *, pending: bool) -> Done:
        journal = self._journal
        return Done(
            self._steps,
            pending=pending,
            verified=self._proof[0],
            verification=self._proof[1],
            encrypted_seed=journal.encrypted_seed,
            files=journal.files if journal.delivered else (),
        )


def _place(device: Optional[Device], user: str) -> str:
    if device is None:
        return ABSENT
    if not device.user:
        return UNASSIGNED
    return MINE if device.user == user else FOREIGN


def _said(refusal: AwsRefusal, situation: Situation) -> IamError:
    return IamError(str(explain(refusal.operation, refusal.code, refusal.message, situation)))


def _ended(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."
