# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes of a refused code: a clock that is wrong, a code used twice or too late, another device's code.

Private to this collection. AWS says "invalid MFA one time pass code" for all of them. It publishes no tolerance, so
the probability that a code is taken is given for three kinds of validators.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.totp import (
    STEP_S,
    VALIDATORS,
    accept_probability,
    steps_off,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.patterns import read_date
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.codes import MARGIN_S

from . import commands, kinds
from .case import DOUBT, Case, Draft, of_failure, of_failures, of_lifecycle, of_success
from .model import Command, Evidence, Host, Known
from .timeline import Failure, LifecycleEvent, Success

__all__ = ["HostClock", "causes", "host_clock"]

_DAY_S = 86400
_SIGN_INS = ("AssumeRole", "GetSessionToken", "ConsoleLogin", "")
_PAIRS = ("ResyncMFADevice", "EnableMFADevice")
_GENERIC = 0.76  # a refused code and nothing else known: less what is unknown
_USED = ("already used", "already been used", "code reuse", "previously used")


class HostClock(NamedTuple):
    """What is known of the clock of the host that makes the codes; ``state`` is wrong, good or unknown."""

    state: str
    host: Optional[Host]
    reason: str  # why it is unknown
    fresh: bool = True  # measured near the failures

    @property
    def refused(self) -> float:
        """How many of the codes the strictest validator refuses."""
        if self.host is None or self.host.offset_s is None:
            return 0.0
        return 1.0 - accept_probability(self.host.offset_s, "strict")


def host_clock(case: Case) -> HostClock:
    """Judge the host's clock; what was not measured is unknown, and never good."""
    host = case.host
    if host is None:
        reason = "" if isinstance(case.facts.host, Known) else case.facts.host.reason
        return HostClock("unknown", None, reason)
    if host.offset_s is None or host.verdict not in ("compliant", "noncompliant"):
        why = ", ".join(host.reasons) or f"its verdict is {host.verdict or 'missing'}"
        return HostClock("unknown", host, f"{host.name} was measured without a result: {why}")
    at = read_date(host.measured_at) if host.measured_at else None
    fresh = at is None or abs(case.question.now_s - at) <= _DAY_S
    if abs(host.offset_s) > MARGIN_S:
        return HostClock("wrong", host, "", fresh)
    if (host.bound_s is None or host.bound_s > MARGIN_S) or not fresh:
        why = "its measurement is more than a day old" if not fresh else "its clock may be off by more than 2 s"
        return HostClock("unknown", host, f"{host.name}: {why}", fresh)
    return HostClock("good", host, "")


def causes(case: Case) -> Iterator[Draft]:
    """Yield what makes codes refused."""
    clock = host_clock(case)
    skewed = case.of(kinds.SKEW)
    if skewed:
        yield _skew(case, clock, skewed)
    refused = tuple(one for one in case.of(kinds.CODE) if one.operation not in _PAIRS)
    pairs = tuple(one for one in case.of(kinds.CODE) if one.operation in _PAIRS)
    if refused:
        yield _drift(case, clock, refused)
        yield from _replayed(case, clock, refused)
        yield from _late(case, clock, refused)
        yield from _wrong_device(case, clock, refused)
    if pairs:
        yield from _refused_pairs(case, clock, pairs)


# --- clock_drift -----------------------------------------------------------------------------------------------------


def _skew(case: Case, clock: HostClock, failures: Tuple[Failure, ...]) -> Draft:
    evidence = [*of_failures(failures), *_clock_evidence(clock)]
    evidence.append(Evidence("clock", "AWS refuses signatures of a clock that is minutes off.", source="cloudtrail"))
    return Draft(
        "clock_drift", "The clock of the host that asks is minutes off", 0.6 if clock.state == "good" else 0.95,
        tuple(evidence), "The measured offset of that host is minutes.", _mend(case, clock), (),
    )  # fmt: skip


def _drift(case: Case, clock: HostClock, refused: Tuple[Failure, ...]) -> Draft:
    evidence = (*of_failures(refused), *_clock_evidence(clock), *_pattern(case, refused))
    if clock.state == "wrong" and clock.host is not None:
        return Draft(
            "clock_drift", f"The clock of {clock.host.name}, which makes the codes, is wrong", _score(clock), evidence,
            "Codes are taken once that clock is right and the device was resynchronised.", _mend(case, clock), (),
        )  # fmt: skip
    if clock.state == "good":
        return Draft(
            "clock_drift", "The device's own clock has drifted, or AWS still expects the codes of an earlier clock",
            0.45 if _recovered(case, refused) else 0.56, evidence,
            "Codes are taken after the device was resynchronised.",
            (commands.resync(case.question, case.own_serial), commands.resync_cli(case.question, case.own_serial)),
            ("devices",),
        )  # fmt: skip
    return Draft(
        "clock_drift", "The clock that makes the codes is probably off",
        (0.5 if _recovered(case, refused) else _GENERIC) * (1.0 if clock.host is None else DOUBT), evidence,
        "The clock of the host or telephone that makes the codes is measured, and is off.",
        (commands.measure_clock(case.question), *_resyncs(case)), ("host",),
    )  # fmt: skip


def _score(clock: HostClock) -> float:
    """Rank a wrong clock: the more codes it spoils the higher, and always above what is only likely."""
    return round((0.84 + 0.13 * clock.refused) * (1.0 if clock.fresh else 0.85), 3)


def _beside(clock: HostClock) -> float:
    """Weigh another cause: a clock that is known to be wrong has to be put right first, whatever else there is."""
    return 0.85 if clock.state == "wrong" else 1.0


def _recovered(case: Case, refused: Tuple[Failure, ...]) -> bool:
    """Whether a single code was refused, and a later one taken: a slip of the finger looks so."""
    last = refused[-1].seconds
    return len(refused) == 1 and last is not None and any(one.seconds > last for one in case.timeline.taken)


def _clock_evidence(clock: HostClock) -> Tuple[Evidence, ...]:
    host = clock.host
    if host is None or host.offset_s is None:
        return ()
    way = "fast" if host.offset_s > 0 else "slow"
    off = f"The clock of {host.name} is {abs(host.offset_s):.1f} s {way} ({steps_off(host.offset_s)} steps of 30 s)."
    if clock.state == "good":
        text = f"The clock of {host.name} is right, to {host.bound_s or 0.0:.2f} s: it is not the cause."
        return (Evidence("clock", text, host.measured_at, source="host_facts", against=True),)
    odds = ", ".join(f"{name} {accept_probability(host.offset_s, name):.0%}" for name in VALIDATORS)
    stale = "" if clock.fresh else " The measurement is more than a day old."
    return (
        Evidence("clock", off + stale, host.measured_at, source="host_facts"),
        Evidence(
            "clock", f"A code made there is taken with a probability of: {odds}.", host.measured_at, source="host_facts"
        ),
    )


def _pattern(case: Case, refused: Tuple[Failure, ...]) -> Tuple[Evidence, ...]:
    last = refused[-1].seconds
    if case.timeline.pattern == "ended" and last is not None:
        later = [one for one in case.timeline.taken if one.seconds > last]
        return tuple(of_success(one, "A code was taken after the last refusal: it may be over.") for one in later[-1:])
    if case.timeline.pattern != "intermittent":
        return ()
    text = "Codes are refused and taken in turn, as with a clock that is off by less than a step or two."
    return (Evidence("pattern", text, refused[0].time, source="cloudtrail"),)


def _mend(case: Case, clock: HostClock) -> Tuple[Command, ...]:
    name = clock.host.name if clock.host is not None else case.question.host
    return (commands.enforce_clock(name), *_resyncs(case))


def _resyncs(case: Case) -> Tuple[Command, ...]:
    return (commands.resync(case.question, case.own_serial), commands.resync_cli(case.question, case.own_serial))


# --- replayed_code ---------------------------------------------------------------------------------------------------


def _replayed(case: Case, clock: HostClock, refused: Tuple[Failure, ...]) -> Iterator[Draft]:
    shift = clock.host.offset_s if clock.host is not None and clock.host.offset_s is not None else 0.0
    found: List[Tuple[Failure, Success]] = []
    for one in refused:
        before = _success_in_step(case, one, shift)
        if before is not None:
            found.append((one, before))
    told = [one for one in refused if any(word in one.message.lower() for word in _USED)]
    if not found and not told:
        return
    evidence: List[Evidence] = [of_failure(one) for one in told]
    for failure, success in found[:3]:
        text = (
            f"{success.operation} with a code of the same 30 seconds was taken, and {failure.operation} then refused."
        )
        evidence += [of_success(success, text), of_failure(failure)]
    recorded = [one for one in refused if one.time]
    share = len(found) / len(recorded) if recorded else 0.0
    score = max(0.45 + 0.46 * share if found else 0.0, 0.55 if told else 0.0)
    yield Draft(
        "replayed_code", "A code was used twice", score * _beside(clock), tuple(evidence),
        "The next code, which nobody used before, is taken.",
        (
            commands.open_session(
                case.question, case.own_serial,
                why="Wait for the next code. One session serves many calls: no code for each call, and no retry.",
            ),
        ),
        ("records",),
    )  # fmt: skip


def _success_in_step(case: Case, failure: Failure, shift: float) -> Optional[Success]:
    if failure.seconds is None:
        return None
    step = (failure.seconds + shift) // STEP_S
    for one in reversed(case.timeline.taken):
        same = (one.seconds + shift) // STEP_S == step and one.seconds <= failure.seconds
        if same and (not one.serial or not failure.serial or one.serial == failure.serial):
            return one
    return None


# --- late_code -------------------------------------------------------------------------------------------------------


def _late(case: Case, clock: HostClock, refused: Tuple[Failure, ...]) -> Iterator[Draft]:
    taught = _taught_late(case, refused)
    if taught is not None:
        after = tuple(one for one in refused if (one.seconds or 0.0) >= taught.seconds)
        text = f"{taught.operation} of {taught.serial or 'the device'} by {taught.by} worked; codes are refused since."
        yield Draft(
            "late_code", "The device was resynchronised with codes that came too late",
            0.6 if clock.state == "wrong" else 0.86, (of_lifecycle(taught, text), *of_failures(after)),
            "Codes are taken after a resynchronisation with fresh codes, sent within seconds.", _resyncs(case),
            ("records",),
        )  # fmt: skip
    elif (case.timeline.pattern == "intermittent" or _recovered(case, refused)) and clock.state != "wrong":
        text = "Codes are refused and taken in turn: some come when their 30 seconds are over, or are mistyped."
        yield Draft(
            "late_code", "Codes are sent too late", 0.62 if clock.state == "good" else 0.5,
            (*of_failures(refused), Evidence("pattern", text, refused[0].time, source="cloudtrail")),
            "A code that is sent as soon as the device shows it is always taken.",
            (commands.open_session(case.question, case.own_serial, why="Wait for a new code, and send it at once."),),
            ("records",),
        )  # fmt: skip


def _taught_late(case: Case, refused: Tuple[Failure, ...]) -> Optional[LifecycleEvent]:
    """Find the last resynchronisation that worked, and after which no code was taken."""
    serials = {one.serial for one in refused if one.serial} or {one.serial for one in case.code_devices or ()}
    for one in reversed(case.timeline.lifecycle):
        mine = one.serial in serials or (bool(one.user) and one.user == case.question.user)
        if one.operation != "ResyncMFADevice" or one.error or not mine:
            continue
        later = [failure for failure in refused if failure.seconds is not None and failure.seconds >= one.seconds]
        taken = any(good.seconds >= one.seconds for good in case.timeline.taken)
        # Whether codes were taken after an older one is in no record that was read.
        return one if later and not taken and one.seconds >= case.question.since_s else None
    return None


# --- wrong_device ----------------------------------------------------------------------------------------------------


def _wrong_device(case: Case, clock: HostClock, refused: Tuple[Failure, ...]) -> Iterator[Draft]:
    made = _made_anew(case, refused)
    text, score, facts = "", 0.0, tuple(map(of_lifecycle, made))
    if made:
        text = f"{made[-1].serial} was deleted and made anew under the same name: the application holds the old seed."
        # Whether its codes were taken, long ago, is in no record that was read.
        score = (0.88 if made[-1].seconds >= case.question.since_s else 0.55) * _beside(clock)
    elif len(case.code_devices or ()) > 1:
        text = f"The user has {len(case.code_devices or ())} devices that give codes, and each needs its own serial."
        score = 0.58 if clock.state == "good" else 0.45
    elif clock.state == "good" and not _recovered(case, refused):
        text = "The host's clock is right. Then the code may be of another device, or the application's seed is old."
        score = 0.5
    if not text:
        return
    yield Draft(
        "wrong_device", "The code is another device's than the serial names", score,
        (*of_failures(refused), *facts, Evidence("device", text, source="iam"), *_clock_evidence(clock)),
        "Fresh codes, by a right clock, are refused even after a resynchronisation.",
        (
            commands.list_devices(case.question, why="Compare each serial with the name in the application."),
            commands.resync(case.question, case.own_serial),
            commands.replace(case.question, case.own_serial),
        ),
        ("devices", "records"),
    )  # fmt: skip


def _made_anew(case: Case, refused: Tuple[Failure, ...]) -> Tuple[LifecycleEvent, ...]:
    """Find a device that was deleted and created again under its name, and of which no code was taken since."""
    for device in case.code_devices or ():
        gone = case.lifecycle("DeleteVirtualMFADevice", serial=device.serial)
        again = case.lifecycle("CreateVirtualMFADevice", serial=device.serial)
        if gone and again and again[-1].seconds >= gone[-1].seconds:
            since = again[-1].seconds
            taken = any(one.seconds >= since for one in case.timeline.taken)
            if not taken and any(one.seconds is None or one.seconds >= since for one in refused):
                return (gone[-1], again[-1])
    return ()


# --- pairs -----------------------------------------------------------------------------------------------------------


def _refused_pairs(case: Case, clock: HostClock, pairs: Tuple[Failure, ...]) -> Iterator[Draft]:
    """Two codes were refused while a device was enabled or resynchronised: AWS looks far for them."""
    evidence = (*of_failures(pairs), *_clock_evidence(clock))
    if clock.state == "wrong":
        yield _drift(case, clock, pairs)
    text = "AWS took the two codes for no pair: swapped, not one after the other, late, mistyped or used before."
    yield Draft(
        "late_code", "The two codes were no fresh pair", 0.62,
        (*of_failures(pairs), Evidence("failure", text, pairs[-1].time, pairs[-1].event_id, source="cloudtrail")),
        "Two codes in a row, sent within seconds, are taken.", _resyncs(case), (),
    )  # fmt: skip
    yield Draft(
        "wrong_device", "The codes are of another device, or of an old seed", 0.5, evidence,
        "Fresh pairs are refused again and again.",
        (commands.list_devices(case.question), commands.replace(case.question, case.own_serial)), ("devices",),
    )  # fmt: skip
