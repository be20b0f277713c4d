# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_device_resync: find the device, keep others off it, send two codes once, try a third.

Private to this collection. AWS, clocks, files and waiting come in through ResyncPorts.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from ._aws.mfa_device import AwsRefusal, Caller, MfaDevices
from ._aws.sign_in import SignIn
from ._clock.model import ClockMeasurement
from ._mfa.choice import Inventory, choose_device, refuse_kind, stranger
from ._mfa.clock import ClockState, judge_clock
from ._mfa.codes import CodeError, SeedError, code_of, parse_code, parse_seed, plan_code, plan_pair
from ._mfa.explain import ROOT, TWO_CODES, Explanation, Situation, explain
from ._mfa_ledger import CodeLedger, CodesUsed, DeviceBusy, DeviceLedger, LedgerError

__all__ = ["ResyncFailure", "ResyncPorts", "run_resync"]

_PLANS = 3
_LONGEST_WAIT_S = 180.0


class ResyncPorts(NamedTuple):
    """What the flow needs of the world."""

    devices: MfaDevices
    sign_in: SignIn
    ledger: CodeLedger
    look_at_clock: Callable[[], ClockMeasurement]
    wall: Callable[[], float]
    wait: Callable[[float], None]
    say: Callable[[str], None]


class ResyncFailure(Exception):
    """It was not done, or is not known to work; ``result`` is what the module returns beside the message."""

    def __init__(self, explanation: Explanation, result: Mapping[str, Any]) -> None:
        self.result = {**result, "cause": explanation.cause, "next_step": explanation.next_step}
        super().__init__(str(explanation))


class _Codes(NamedTuple):
    """What was given: two codes, or the seed to make them with."""

    given: Tuple[str, ...] = ()
    seed: bytes = b""


class _Refused(Exception):
    """The way to a ResyncFailure, from where the result is not known."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        super().__init__(str(explanation))


def run_resync(params: Mapping[str, Any], ports: ResyncPorts, *, check_mode: bool) -> Dict[str, Any]:
    """Resynchronise a device, and return the module's result. Raises ResyncFailure."""
    flow = _Flow(params, ports)
    try:
        flow.prepare()
        if check_mode:
            flow.predict()
        else:
            flow.resynchronise()
    except _Refused as exc:
        raise ResyncFailure(exc.explanation, flow.result) from None
    except LedgerError as exc:
        raise ResyncFailure(Explanation("unknown", str(exc), ""), flow.result) from None
    return flow.result


class _Flow:
    def __init__(self, params: Mapping[str, Any], ports: ResyncPorts) -> None:
        self._params = params
        self._ports = ports
        self._codes = _Codes()
        self._caller = Caller("", "", "", long_term=False)
        self._situation = Situation()
        self._waited_s = 0.0
        self.result: Dict[str, Any] = {
            "changed": False, "user": params["user"], "serial": params["serial"], "verified": False,
            "verification": "Nothing was sent.", "waited_s": 0.0, "clock": None,
        }  # fmt: skip

    # --- before anything is sent

    def prepare(self) -> None:
        """Read the parameters, find user and device, look at the clock. Changes nothing."""
        self._codes = _read_codes(self._params)
        serial = self._params["serial"]
        if serial:
            _refuse(refuse_kind(serial))
        self._caller = self._ask(self._ports.devices.caller)
        user = self._user()
        self._situation = Situation(
            user=user,
            serial=serial or "",
            made_here=bool(self._codes.seed),
            own=user == self._caller.user,
            session=not self._caller.long_term,
            caller=self._caller.arn,
        )
        self.result["user"] = user
        held = [device.serial for device in self._ask(lambda: self._ports.devices.list_user_devices(user))]
        serial = self._device(user, serial, held)
        self._situation = self._situation._replace(serial=serial, devices=len(held))
        self.result["serial"] = serial
        if self._codes.seed:
            self._check_clock()

    def _user(self) -> str:
        user: str = self._params["user"] or self._caller.user
        if user:
            return user
        if self._caller.arn.endswith(":root"):
            raise _Refused(Explanation("no_user", "These are root's own credentials, and no user is named.", ROOT))
        text = f"{self._caller.arn} is no IAM user, so it has no device of its own."
        raise _Refused(Explanation("no_user", text, "Name the user whose device it is."))

    def _device(self, user: str, serial: Optional[str], held: List[str]) -> str:
        if not serial:
            serial, problem = choose_device(user, held)
            _refuse(problem)
        elif serial not in held:
            raise _Refused(stranger(serial, user, held, self._inventory()))
        return serial

    def _inventory(self) -> Inventory:
        try:
            return Inventory({device.serial: device.user or None for device in self._ports.devices.list_virtual()})
        except AwsRefusal as exc:
            return Inventory({}, f"iam:{exc.operation}: {exc.code}")

    def _check_clock(self) -> None:
        if not self._params["clock_check"]:
            return
        state = judge_clock(self._ports.look_at_clock())
        self.result["clock"] = _clock_result(state)
        if state.good is False:
            text = f"This host's clock is wrong ({state.text}), and codes made with it would be of other steps."
            advice = "Put it right first (softtoken.compliance.chrony_makestep). Nothing was sent."
            raise _Refused(Explanation("host_clock", text, advice))
        if state.good is None:
            text = f"It is not known whether this host's clock is right ({state.text}), and codes are made with it."
            advice = "Give time servers that can be reached as clock_witness, or run chronyd. Nothing was sent."
            raise _Refused(Explanation("host_clock", text, advice))

    # --- sending

    def predict(self) -> None:
        """Say what would be done."""
        serial = self._situation.serial
        ledger = self._ports.ledger.look(serial)
        if self._codes.given:
            self._unused(lambda: ledger.check(self._codes.given))
            what = "The two codes would be sent"
        else:
            now = self._ports.wall()
            pair = plan_pair(now, ledger.used_steps())
            what = f"Two codes would be made and sent in {pair.send_at_s - now:.0f} s"
        self.result.update(changed=True, verification=f"{what} for {serial}. {self._how_to_verify()}")

    def resynchronise(self) -> None:
        """Send two codes; with the seed, try a third."""
        serial = self._situation.serial
        try:
            with self._ports.ledger.device(serial) as ledger:
                if self._codes.given:
                    self._unused(lambda: ledger.claim(self._codes.given))
                    self._send(self._codes.given)
                    self.result.update(changed=True, verification=self._how_to_verify())
                else:
                    self._with_seed(ledger)
        except DeviceBusy as exc:
            text = f"Another run on this host works on {serial} ({exc}). Nothing was sent."
            advice = "Let it end, and see whether the device works then."
            raise _Refused(Explanation("busy", text, advice)) from None

    def _with_seed(self, ledger: DeviceLedger) -> None:
        lost = self._send_made(ledger)
        if not self._verifiable():
            if lost is not None:
                raise _Refused(lost)
            self.result["verification"] = self._how_to_verify()
            return
        self._verify(ledger, lost)

    def _send_made(self, ledger: DeviceLedger) -> Optional[Explanation]:
        """Send two codes of our own; return the explanation when it is not known whether AWS took them."""
        seed = self._codes.seed
        taken: Set[int] = set()
        for _plan in range(_PLANS):
            pair = plan_pair(self._ports.wall(), ledger.used_steps() | taken)
            self._wait_until(pair.send_at_s, "send two codes")
            if self._ports.wall() > pair.until_s:
                continue
            codes = code_of(seed, pair.first_step), code_of(seed, pair.second_step)
            try:
                ledger.claim(codes, (pair.first_step, pair.second_step))
            except CodesUsed:
                taken.update((pair.first_step, pair.second_step))
                continue
            try:
                self._send(codes)
            except _Refused as exc:
                if exc.explanation.cause != "no_answer" or not self._verifiable():
                    raise
                return exc.explanation
            self.result["changed"] = True
            return None
        raise _Refused(_no_turn())

    def _verify(self, ledger: DeviceLedger, lost: Optional[Explanation]) -> None:
        problem = self._try_third(ledger)
        if problem is None:
            said = "AWS took a fresh code of the device after that (sts:GetSessionToken)."
            self.result.update(changed=True, verified=True, verification=said)
        elif lost is not None:
            raise _Refused(lost)
        elif problem.cause == "late":
            self.result["verification"] = "A fresh code was refused (sts:GetSessionToken)."
            raise _Refused(problem)
        else:
            self.result["verification"] = f"AWS took the two codes. A third was not tried: {problem} {self._try_it()}"

    def _try_third(self, ledger: DeviceLedger) -> Optional[Explanation]:
        """Use the next code as a sign-in would; None when AWS takes it."""
        situation = self._situation._replace(after_resync=True)
        for _plan in range(_PLANS):
            turn = plan_code(self._ports.wall(), ledger.used_steps())
            self._wait_until(turn.send_at_s, "try the next code")
            if self._ports.wall() > turn.until_s:
                continue
            code = code_of(self._codes.seed, turn.step)
            try:
                ledger.claim([code], [turn.step])
                self._ports.sign_in.try_code(situation.serial, code)
            except CodesUsed:
                continue
            except AwsRefusal as exc:
                return explain(exc.operation, exc.code, exc.message, situation)
            return None
        return _no_turn()

    # --- with the world

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except AwsRefusal as exc:
            raise _Refused(explain(exc.operation, exc.code, exc.message, self._situation)) from None

    def _send(self, codes: Tuple[str, ...]) -> None:
        user, serial = self._situation.user, self._situation.serial
        self.result["verification"] = "AWS did not take the codes."
        self._ask(lambda: self._ports.devices.resync(user, serial, codes[0], codes[1]))

    def _unused(self, claim: Callable[[], None]) -> None:
        try:
            claim()
        except CodesUsed as exc:
            text = f"One of these codes was sent for {self._situation.serial} before ({exc}), and a code counts once."
            raise _Refused(Explanation("replay", f"{text} Nothing was sent.", f"{TWO_CODES}.")) from None

    def _wait_until(self, moment_s: float, what: str) -> None:
        """Wait by the wall clock, which may be set meanwhile."""
        while True:
            left = moment_s - self._ports.wall()
            if left <= 0:
                return
            if self._waited_s + left > _LONGEST_WAIT_S:
                raise _Refused(_no_turn())
            self._ports.say(f"waiting {left:.0f} s to {what} for {self._situation.serial}")
            self._ports.wait(left)
            self._waited_s += left
            self.result["waited_s"] = round(self._waited_s, 1)

    def _verifiable(self) -> bool:
        """Only the user's own long-term key can try a code."""
        return bool(self._codes.seed) and bool(self._situation.own) and self._caller.long_term

    def _how_to_verify(self) -> str:
        if self._verifiable():
            return "A third code would be tried."
        if self._codes.given:
            return f"Without the seed nobody here can make a code to try. {self._try_it()}"
        return f"Only the user's own access key can try a code, and {self._caller.arn} asked. {self._try_it()}"

    def _try_it(self) -> str:
        serial = self._situation.serial
        return (
            f"Try the device's next code: sign in, or aws sts get-session-token --serial-number {serial} --token-code "
            "CODE. If it is refused, the two codes came too late: run this again with fresh ones."
        )


def _read_codes(params: Mapping[str, Any]) -> _Codes:
    try:
        if params["seed"] is not None:
            return _Codes(seed=parse_seed(params["seed"]))
        given = parse_code(params["code1"], "code1"), parse_code(params["code2"], "code2")
    except (CodeError, SeedError) as exc:
        raise _Refused(Explanation("wrong_seed" if params["seed"] else "not_consecutive", f"{exc}", "")) from None
    if given[0] == given[1]:
        text = "Both codes are the same: the second is the one that the device shows after the first."
        raise _Refused(Explanation("not_consecutive", f"{text} Nothing was sent.", f"{TWO_CODES}."))
    return _Codes(given=given)


def _refuse(explanation: Optional[Explanation]) -> None:
    if explanation is not None:
        raise _Refused(explanation)


def _no_turn() -> Explanation:
    return Explanation(
        "host_clock",
        "No code could be sent early in its step: this host is too busy, or its clock was set while this waited.",
        "Run it again when the host is calm.",
    )


def _clock_result(state: ClockState) -> Dict[str, Any]:
    return {"offset_s": state.offset_s, "uncertainty_s": state.uncertainty_s, "source": state.source}
