# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a device's codes: each is entered in the ledger first, sent early in its step, and sent once.

Private to this collection.
"""

from __future__ import annotations

import contextlib
from typing import Callable, Dict, Iterator, NamedTuple, Optional, Sequence, Set, Tuple

from ._aws.sign_in import SignIn
from ._clock.model import ClockMeasurement
from ._iam.errors import IamError
from ._mfa.clock import ClockState, judge_clock
from ._mfa.codes import CodeError, SeedError, code_of, parse_code, parse_seed, plan_code, plan_pair
from ._mfa.explain import TWO_CODES, Explanation
from ._mfa_ledger import CodeLedger, CodesUsed, DeviceBusy, DeviceLedger, LedgerError

__all__ = ["CodeSender", "Codes", "CodesRefused", "read_codes"]

_PLANS = 3
_LONGEST_WAIT_S = 180.0

Send = Callable[[str, str], None]


class CodesRefused(IamError):
    """These codes were not sent, for the reason that ``explanation`` gives."""

    def __init__(self, cause: str, text: str, next_step: str) -> None:
        self.explanation = Explanation(cause, text, next_step)
        super().__init__(str(self.unsent))

    @property
    def unsent(self) -> Explanation:
        """The explanation, for a run that sent no other codes before."""
        return self.explanation._replace(text=f"{self.explanation.text} Nothing was sent.")


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
    if seed is not None:
        try:
            return Codes(seed=parse_seed(seed))
        except SeedError as exc:
            raise CodesRefused("wrong_seed", f"{exc}.", "") from None
    if code1 is None or code2 is None:
        return Codes()
    try:
        typed = parse_code(code1, "code1"), parse_code(code2, "code2")
    except CodeError as exc:
        raise CodesRefused("not_consecutive", str(exc), f"{TWO_CODES}.") from None
    if typed[0] == typed[1]:
        text = "Both codes are the same: the second is the one that the device shows after the first."
        raise CodesRefused("not_consecutive", text, f"{TWO_CODES}.")
    return Codes(typed=typed)


class CodeSender:
    """Makes codes with this host's clock, or takes those that somebody typed.

    ``clock`` is what check_clock found, ``waited_s`` how long it waited in all.
    """

    def __init__(
        self,
        ledger: CodeLedger,
        wall: Callable[[], float],
        wait: Callable[[float], None],
        look_at_clock: Optional[Callable[[], ClockMeasurement]],
        say: Callable[[str], object] = str,
    ) -> None:
        """``look_at_clock`` is None where the caller does not want the clock to be looked at."""
        self.clock: Optional[ClockState] = None
        self.waited_s = 0.0
        self._ledger = ledger
        self._wall = wall
        self._wait = wait
        self._look_at_clock = look_at_clock
        self._say = say
        self._held: Dict[str, DeviceLedger] = {}

    # --- before anything is sent

    def check_clock(self) -> None:
        """Refuse to make codes with a clock that is wrong, or not known to be right."""
        if self._look_at_clock is None:
            return
        self.clock = state = judge_clock(self._look_at_clock())
        if state.good is False:
            raise CodesRefused(
                "host_clock",
                f"This host's clock is wrong ({state.text}), and codes made with it would be of other steps.",
                "Put it right first (softtoken.compliance.chrony_makestep).",
            )
        if state.good is None:
            raise CodesRefused(
                "host_clock",
                f"It is not known whether this host's clock is right ({state.text}), and codes are made with it.",
                "Give time servers that can be reached as clock_witness, or run chronyd.",
            )

    def predict(self, serial: str, codes: Codes) -> float:
        """Return in how many seconds send_pair would send; it enters nothing."""
        with _with_ledger():
            ledger = self._ledger.look(serial)
            if codes.typed:
                _unused(serial, lambda: ledger.check(codes.typed))
                return 0.0
            now = self._wall()
            return plan_pair(now, ledger.used_steps()).send_at_s - now

    @contextlib.contextmanager
    def holding(self, serial: str) -> Iterator[DeviceLedger]:
        """Keep other processes of this host off a device; inside, other methods use the same hold."""
        if serial in self._held:
            yield self._held[serial]
            return
        with _with_ledger(serial), self._ledger.device(serial) as ledger:
            self._held[serial] = ledger
            try:
                yield ledger
            finally:
                del self._held[serial]

    # --- sending

    def send_pair(self, serial: str, codes: Codes, send: Send) -> None:
        """Send two consecutive codes. Raises CodesRefused when none was sent, and whatever ``send`` raises."""
        with self.holding(serial) as ledger:
            if codes.typed:
                _unused(serial, lambda: ledger.claim(codes.typed))
                send(codes.typed[0], codes.typed[1])
            else:
                self._send_made(serial, ledger, codes.seed, send)

    def _send_made(self, serial: str, ledger: DeviceLedger, seed: bytes, send: Send) -> None:
        taken: Set[int] = set(ledger.used_steps())
        for _plan in range(_PLANS):
            pair = plan_pair(self._wall(), taken)
            self._wait_until(pair.send_at_s, f"send two codes of {serial}")
            steps = pair.first_step, pair.second_step
            made = code_of(seed, steps[0]), code_of(seed, steps[1])
            if self._wall() <= pair.until_s and _claimed(ledger, made, steps):
                send(made[0], made[1])
                return
            taken.update(steps)
        raise _no_turn()

    def try_third(self, serial: str, seed: bytes, sign_in: SignIn) -> None:
        """Use the next code as a sign-in would. Raises AwsRefusal when AWS does not take it."""
        with self.holding(serial) as ledger:
            for _plan in range(_PLANS):
                turn = plan_code(self._wall(), ledger.used_steps())
                self._wait_until(turn.send_at_s, f"try a code of {serial}")
                code = code_of(seed, turn.step)
                if self._wall() <= turn.until_s and _claimed(ledger, (code,), (turn.step,)):
                    sign_in.try_code(serial, code)
                    return
        raise _no_turn()

    def _wait_until(self, moment_s: float, what: str) -> None:
        """Wait by the wall clock, which may be set meanwhile."""
        while True:
            left = moment_s - self._wall()
            if left <= 0:
                return
            if self.waited_s + left > _LONGEST_WAIT_S:
                raise _no_turn()
            self._say(f"waiting {left:.0f} s to {what}")
            self._wait(left)
            self.waited_s += left


@contextlib.contextmanager
def _with_ledger(serial: str = "") -> Iterator[None]:
    try:
        yield
    except DeviceBusy as exc:
        raise CodesRefused(
            "busy",
            f"Another run on this host works on {serial} ({exc}).",
            "Let it end, and see whether the device works.",
        ) from None
    except LedgerError as exc:
        raise CodesRefused("unknown", f"{str(exc).rstrip('.')}.", "") from None


def _unused(serial: str, claim: Callable[[], None]) -> None:
    try:
        claim()
    except CodesUsed as exc:
        text = f"One of these codes was sent for {serial} before ({exc}), and a code counts once."
        raise CodesRefused("replay", text, f"{TWO_CODES}.") from None


def _claimed(ledger: DeviceLedger, codes: Sequence[str], steps: Sequence[int]) -> bool:
    try:
        ledger.claim(codes, steps)
    except CodesUsed:
        return False
    return True


def _no_turn() -> CodesRefused:
    return CodesRefused(
        "host_clock",
        "No code could be sent early in its step: this host is too busy, or its clock was set while this waited.",
        "Run it again when the host is calm.",
    )
