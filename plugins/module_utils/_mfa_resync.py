# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_device_resync: find the device, keep others off it, send two codes once, try a third.

Private to this collection. AWS, clocks, files and waiting come in through ResyncPorts.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ._aws.mfa_device import AwsRefusal, Caller, MfaDevices
from ._aws.sign_in import SignIn
from ._clock.model import ClockMeasurement
from ._mfa.choice import Inventory, choose_device, refuse_kind, stranger
from ._mfa.explain import ROOT, Explanation, Situation, explain
from ._mfa_ledger import CodeLedger
from ._mfa_send import Codes, CodeSender, CodesRefused, read_codes

__all__ = ["ResyncFailure", "ResyncPorts", "run_resync"]


class ResyncPorts(NamedTuple):
    """What the flow needs of the world."""

    devices: MfaDevices
    sign_in: SignIn
    user_sign_in: Optional[SignIn]  # with the user's own key, where it was given
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
        raise ResyncFailure(exc.explanation, flow.result()) from None
    except CodesRefused as exc:
        raise ResyncFailure(exc.unsent, flow.result()) from None
    return flow.result()


class _Flow:
    def __init__(self, params: Mapping[str, Any], ports: ResyncPorts) -> None:
        self._params = params
        self._ports = ports
        self._sender = CodeSender(
            ports.ledger, ports.wall, ports.wait, ports.look_at_clock if params["clock_check"] else None, ports.say
        )
        self._codes = Codes()
        self._caller = Caller("", "", "", long_term=False)
        self._situation = Situation(user=params["user"] or "", serial=params["serial"] or "")
        self._changed = False
        self._verified = False
        self._verification = "Nothing was sent."

    def result(self) -> Dict[str, Any]:
        """Return what is known by now."""
        state = self._sender.clock
        return {
            "changed": self._changed,
            "user": self._situation.user or None,
            "serial": self._situation.serial or None,
            "verified": self._verified,
            "verification": self._verification,
            "waited_s": round(self._sender.waited_s, 1),
            "clock": None
            if state is None
            else {"offset_s": state.offset_s, "uncertainty_s": state.uncertainty_s, "source": state.source},
        }

    # --- before anything is sent

    def prepare(self) -> None:
        """Read the parameters, find user and device, look at the clock. Changes nothing."""
        self._codes = read_codes(self._params["code1"], self._params["code2"], self._params["seed"])
        serial = self._params["serial"]
        if serial:
            _refuse(refuse_kind(serial))
        self._caller = self._ask(self._ports.devices.caller)
        user = self._user()
        self._situation = Situation(
            user=user,
            serial=serial or "",
            made_here=bool(self._codes.seed),
            clock_checked=self._params["clock_check"],
            own=user == self._caller.user,
            session=not self._caller.long_term,
            caller=self._caller.arn,
        )
        held = [device.serial for device in self._ask(lambda: self._ports.devices.list_user_devices(user))]
        serial = self._device(user, serial, held)
        self._situation = self._situation._replace(serial=serial, devices=len(held))
        if self._codes.seed:
            self._sender.check_clock()

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
            raise _Refused(stranger(serial, user, held, self._inventory(), self._caller.account))
        return serial

    def _inventory(self) -> Inventory:
        try:
            return Inventory({device.serial: device.user or None for device in self._ports.devices.list_virtual()})
        except AwsRefusal as exc:
            return Inventory({}, f"iam:{exc.operation}: {exc.code}")

    # --- sending

    def predict(self) -> None:
        """Say what would be done."""
        serial = self._situation.serial
        seconds = self._sender.predict(serial, self._codes)
        what = f"Two codes would be made and sent in {seconds:.0f} s" if self._codes.seed else "The codes would be sent"
        self._changed = True
        self._verification = f"{what} for {serial}. {self._how_to_verify()}"

    def resynchronise(self) -> None:
        """Send two codes; with the seed, try a third. Nobody else gets at the device in between."""
        with self._sender.holding(self._situation.serial):
            lost = self._send()
            self._changed = lost is None
            self._verification = self._how_to_verify()
            if self._verifiable():
                self._verify(lost)
            elif lost is not None:
                raise _Refused(lost)

    def _send(self) -> Optional[Explanation]:
        """Send two codes; return the explanation when it is not known whether AWS took them."""
        user, serial = self._situation.user, self._situation.serial
        try:
            self._sender.send_pair(
                serial, self._codes, lambda code1, code2: self._ports.devices.resync(user, serial, code1, code2)
            )
        except AwsRefusal as exc:
            explanation = self._explain(exc)
            self._verification = "AWS did not take the codes."
            if explanation.cause != "no_answer":
                raise _Refused(explanation) from None
            return explanation
        return None

    def _verify(self, lost: Optional[Explanation]) -> None:
        problem = self._try_third()
        if problem is None:
            self._changed = self._verified = True
            self._verification = "AWS took a fresh code of the device after that (sts:GetSessionToken)."
        elif lost is not None:
            self._verification = "It is not known whether AWS took the codes, and a fresh one did not settle it."
            raise _Refused(lost)
        elif problem.cause == "late":
            self._verification = "A fresh code was refused (sts:GetSessionToken)."
            raise _Refused(problem)
        else:
            self._verification = f"AWS took the two codes. A third could not be tried: {problem} {self._try_it()}"

    def _try_third(self) -> Optional[Explanation]:
        """Use the next code as a sign-in would; None when AWS takes it."""
        try:
            sign_in = self._ports.user_sign_in or self._ports.sign_in
            self._sender.try_third(self._situation.serial, self._codes.seed, sign_in)
        except AwsRefusal as exc:
            return self._explain(exc, after_resync=True)
        except CodesRefused as exc:
            return exc.explanation
        return None

    # --- words

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except AwsRefusal as exc:
            raise _Refused(self._explain(exc)) from None

    def _explain(self, refusal: AwsRefusal, *, after_resync: bool = False) -> Explanation:
        situation = self._situation._replace(after_resync=after_resync)
        return explain(refusal.operation, refusal.code, refusal.message, situation)

    def _verifiable(self) -> bool:
        """Only the user's own long-term key can try a code."""
        own = self._ports.user_sign_in is not None or (bool(self._situation.own) and self._caller.long_term)
        return bool(self._codes.seed) and own

    def _how_to_verify(self) -> str:
        if self._verifiable():
            return "A third code would be tried."
        if self._codes.typed:
            return f"Without the seed nobody here can make a code to try. {self._try_it()}"
        return f"Only the user's own access key can try a code, and {self._caller.arn} asked. {self._try_it()}"

    def _try_it(self) -> str:
        serial = self._situation.serial
        refused = (
            "the two codes came too late: run this again with fresh ones."
            if self._codes.typed
            else "the clock of what showed it is wrong: put that right."
        )
        return (
            f"Try the device's next code: sign in, or aws sts get-session-token --serial-number {serial} --token-code "
            f"CODE. If it is refused, {refused}"
        )


def _refuse(explanation: Optional[Explanation]) -> None:
    if explanation is not None:
        raise _Refused(explanation)
