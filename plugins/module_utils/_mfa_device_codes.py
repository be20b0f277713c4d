# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a device's codes: each is entered in the ledger first, sent early in its step, and sent once.

Private to this collection.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from ._aws.sign_in import SignIn
from ._clock.model import ClockMeasurement
from ._mfa.clock import judge_clock
from ._mfa.codes import CodeError, SeedError, code_of, parse_code, parse_seed, plan_code, plan_pair
from ._mfa_ledger import CodeLedger, CodesUsed, DeviceBusy, DeviceLedger, LedgerError

__all__ = ["CodeSender", "Codes", "read_codes"]

_PLANS = 3
Send = Callable[[str, str], None]


class Codes(NamedTuple):
    """What codes come from: two that somebody typed, or the seed."""

    typed: Tuple[str, ...] = ()
    seed: bytes = b""

    def __repr__(self) -> str:
        """Show no secret."""
        return "Codes()"

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self.typed or self.seed)


def read_codes(code1: Optional[str], code2: Optional[str], seed: Optional[str]) -> Codes:
    """Read what the caller gave."""
    try:
        if seed is not None:
            return Codes(seed=parse_seed(seed))
        if code1 is None or code2 is None:
            return Codes()
        typed = parse_code(code1, "code1"), parse_code(code2, "code2")
    except (CodeError, SeedError) as exc:
        raise IamError(f"{exc}. Nothing was changed.") from None
    if typed[0] == typed[1]:
        raise IamError("code1 and code2 are the same: the second is the one that the device shows after the first")
    return Codes(typed=typed)


class CodeSender:
    """Makes codes with this host's clock, or takes those that somebody typed."""

    def __init__(
        self,
        ledger: CodeLedger,
        wall: Callable[[], float],
        wait: Callable[[float], None],
        look_at_clock: Optional[Callable[[], ClockMeasurement]],
    ) -> None:
        """``look_at_clock`` is None where the caller does not want the clock to be looked at."""
        self._ledger = ledger
        self._wall = wall
        self._wait = wait
        self._look_at_clock = look_at_clock

    def check_clock(self) -> None:
        """Refuse to make codes with a clock that is wrong, or not known to be right."""
        if self._look_at_clock is None:
            return
        state = judge_clock(self._look_at_clock())
        if state.good is False:
            raise IamError(
                f"this host's clock is wrong ({state.text}), and codes made with it would be of other steps. Put it "
                "right first (softtoken.compliance.chrony_makestep)."
            )
        if state.good is None:
            raise IamError(
                f"it is not known whether this host's clock is right ({state.text}), and codes are made with it. Give "
                "time servers that can be reached as clock_witness, or run chronyd."
            )

    def send_pair(self, serial: str, codes: Codes, send: Send) -> None:
        """Send two consecutive codes. Raises IamError when none was sent, and whatever ``send`` raises."""
        try:
            with self._ledger.device(serial) as ledger:
                self._send_pair(ledger, codes, send)
        except DeviceBusy as exc:
            raise IamError(f"another run on this host works on {serial} ({exc})") from None
        except LedgerError as exc:
            raise IamError(str(exc)) from None

    def try_third(self, serial: str, seed: bytes, sign_in: SignIn) -> None:
        """Use the next code as a sign-in would. Raises AwsRefusal when AWS does not take it."""
        try:
            with self._ledger.device(serial) as ledger:
                for _plan in range(_PLANS):
                    turn = plan_code(self._wall(), ledger.used_steps())
                    self._wait_until(turn.send_at_s)
                    code = code_of(seed, turn.step)
                    if self._wall() <= turn.until_s and _claimed(ledger, (code,), (turn.step,)):
                        sign_in.try_code(serial, code)
                        return
        except LedgerError as exc:
            raise IamError(str(exc)) from None
        raise _no_turn()

    def _send_pair(self, ledger: DeviceLedger, codes: Codes, send: Send) -> None:
        if codes.typed:
            if not _claimed(ledger, codes.typed, ()):
                raise IamError(
                    "one of these codes was sent for this device before, and a code counts once. Wait until the "
                    "device shows a new one, and give that and the one that follows it"
                )
            send(codes.typed[0], codes.typed[1])
            return
        taken = set(ledger.used_steps())
        for _plan in range(_PLANS):
            pair = plan_pair(self._wall(), taken)
            self._wait_until(pair.send_at_s)
            steps = pair.first_step, pair.second_step
            made = code_of(codes.seed, steps[0]), code_of(codes.seed, steps[1])
            if self._wall() <= pair.until_s and _claimed(ledger, made, steps):
                send(made[0], made[1])
                return
            taken.update(steps)
        raise _no_turn()

    def _wait_until(self, moment_s: float) -> None:
        left = moment_s - self._wall()
        if left > 0:
            self._wait(left)


def _claimed(ledger: DeviceLedger, codes: Tuple[str, ...], steps: Tuple[int, ...]) -> bool:
    try:
        ledger.claim(codes, steps)
    except CodesUsed:
        return False
    return True


def _no_turn() -> IamError:
    return IamError(
        "no code could be sent early in its step: this host is too busy, or its clock was set while this waited"
    )
