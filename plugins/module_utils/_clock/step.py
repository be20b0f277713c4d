# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forced step: fresh samples, the guard, ``makestep``, and a measurement of what it did.

Private to this collection. What chronyc prints is never taken for a result: whether the clock moved is read from
the clock.
"""

from __future__ import annotations

import time
from typing import Any, Callable, NamedTuple

from .._ports import CommandResult, Processes, Unavailable
from .bound import MAX_SLEW, error_bound_s
from .chronyc import Chronyc
from .guard import TOLERANCE_S, StepDecision, StepPolicy, guard_step
from .measure import MeasureOptions, Ports, measure_clock
from .model import ClockMeasurement
from .reports import daemon_refusal, parse_activity

__all__ = ["StepOptions", "StepReport", "predict_step", "result_of", "step_clock"]

#: Good samples and attempts. chronyd sends one request every 2 s in a burst and needs three samples to select a source.
BURST_BEFORE = "4/5"
BURST_AFTER = "2/3"
POLL_S = 0.5
CHANGE_S = 0.001

_NO_SOURCE = "503"  # a burst where all the sources are reference clocks
_OPTIONS_WITH_VALUE = "fFlLPtu"  # of chronyd's short options, in every release


class StepOptions(NamedTuple):
    """What was asked for."""

    policy: StepPolicy = StepPolicy()
    threshold_s: float = 0.1
    force: bool = False
    burst_timeout_s: float = 20.0
    chronyc_address: str | None = None
    witness_servers: tuple[str, ...] = ()
    witness_timeout_s: float = 2.0


class StepReport(NamedTuple):
    """What was found and done. ``failure`` is None when the clock is as it was asked to be."""

    before: ClockMeasurement
    after: ClockMeasurement | None = None
    failure: str | None = None
    changed: bool = False
    stepped_s: float = 0.0  # positive: the clock was moved forward
    predicted_step_s: float | None = None
    verified: bool = False
    forced: bool = False
    reasons: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Movement(NamedTuple):
    """How far the wall clock ran apart from the monotonic clock."""

    seconds: float
    elapsed_s: float

    @property
    def largest_slew_s(self) -> float:
        return MAX_SLEW * self.elapsed_s


def predict_step(ports: Ports, options: StepOptions) -> StepReport:
    """Say what a step would do, from the samples that chronyd has now; sends it no command.

    A reason that newer samples may remove is no failure here: the real run fetches them first.
    """
    before = _look(ports, options)
    decision = _guard(ports, before, options)
    report = StepReport(before, reasons=decision.reasons, messages=decision.messages)
    if not decision.reachable or not (options.force or set(decision.reasons) <= set(decision.curable)):
        return report._replace(failure=_refusal(decision))
    due = options.force or (decision.allowed and _is_due(decision, options))
    return report._replace(
        changed=due and abs(decision.expected_step_s or 0.0) > CHANGE_S,
        predicted_step_s=decision.expected_step_s,
        forced=options.force,
        warnings=() if decision.allowed else decision.messages,
    )


def step_clock(ports: Ports, options: StepOptions, pause: Callable[[float], None]) -> StepReport:
    """Step the clock if the guard lets it, and report what happened. ``pause`` sleeps."""
    host = _Host(ports, options, pause)
    start = host.stamp()
    first = _look(ports, options)
    decision = _guard(ports, first, options)
    if not decision.reachable:
        return StepReport(first, failure=_refusal(decision), reasons=decision.reasons, messages=decision.messages)
    refusal = host.burst(BURST_BEFORE)
    if refusal is not None:
        return _command_failed(StepReport(first), "burst", refusal)
    fresh, decision = host.fresh_look()
    report = StepReport(fresh, predicted_step_s=decision.expected_step_s)
    report = _with_own_step(report, host.moved_since(start), first)
    if not decision.allowed and not options.force:
        return report._replace(reasons=decision.reasons, messages=decision.messages, failure=_refusal(decision))
    if not options.force and not _is_due(decision, options):
        return report._replace(after=fresh, verified=True)
    report = report._replace(
        forced=options.force,
        reasons=decision.reasons,
        messages=(*report.messages, *decision.messages),
        warnings=decision.messages,
    )
    return _step_and_verify(host, report, options)


def _step_and_verify(host: _Host, report: StepReport, options: StepOptions) -> StepReport:
    start = host.stamp()
    result = host.command("makestep")
    movement = host.moved_since(start)
    # What was due has become less since it was looked up: chronyd slews a clock that it may not step.
    due_slew_s = host.largest_slew_since_look()
    report = _moved(report, movement, CHANGE_S)
    if result.rc != 0:
        # chronyd has struck the correction off its books without applying it: new samples bring it back.
        host.burst(BURST_AFTER)
        return _command_failed(report, "makestep", _complaint(result))
    refusal = host.burst(BURST_AFTER)
    after, decision = host.fresh_look()
    problems = [f"chronyd refused to take new samples ({refusal})"] if refusal else []
    problems += [*_misses(report.predicted_step_s, movement, due_slew_s), *_remains(after, decision, options)]
    report = report._replace(after=after, verified=not problems)
    if not problems:
        return report
    report = report._replace(
        reasons=(*report.reasons, "step.unverified"),
        messages=(*report.messages, *(problem for problem in problems if problem not in report.messages)),
    )
    if options.force:
        return report._replace(warnings=report.messages)
    moved = f"The clock was moved by {movement.seconds:+.3f} s" if report.changed else "The clock did not move"
    return report._replace(failure=f"{moved}, and is not proven right: {'; '.join(problems)}")


def _misses(predicted_s: float | None, movement: _Movement, slew_s: float) -> list[str]:
    missed = movement.seconds - (predicted_s or 0.0)
    if predicted_s is None or abs(missed) <= TOLERANCE_S + slew_s:
        return []
    return [f"the clock moved by {movement.seconds:+.3f} s where {predicted_s:+.3f} s were due"]


def _remains(after: ClockMeasurement, decision: StepDecision, options: StepOptions) -> list[str]:
    problems = list(decision.messages)
    remaining = decision.expected_step_s
    if remaining is not None and abs(remaining) > max(options.threshold_s, TOLERANCE_S):
        problems.append(f"{after.tracking.offset_s:+.3f} s remain" if after.tracking else "an offset remains")
    return problems


def _with_own_step(report: StepReport, movement: _Movement, first: ClockMeasurement) -> StepReport:
    """Account for a step that chronyd made by itself on the new samples (its directive ``makestep``)."""
    if abs(movement.seconds) <= TOLERANCE_S + movement.largest_slew_s:
        return report
    message = f"chronyd itself stepped the clock by {movement.seconds:+.3f} s when the new samples came"
    return report._replace(before=first, changed=True, stepped_s=movement.seconds, messages=(message,))


def _moved(report: StepReport, movement: _Movement, floor_s: float) -> StepReport:
    if abs(movement.seconds) <= floor_s + movement.largest_slew_s:
        return report
    return report._replace(changed=True, stepped_s=report.stepped_s + movement.seconds)


def _is_due(decision: StepDecision, options: StepOptions) -> bool:
    return decision.expected_step_s is not None and abs(decision.expected_step_s) > options.threshold_s


class _Host:
    """The host's chronyd and clocks, as the flow above uses them."""

    def __init__(self, ports: Ports, options: StepOptions, pause: Callable[[float], None]) -> None:
        self._ports = ports
        self._options = options
        self._pause = pause
        self._chronyc = Chronyc(ports.runner, ports.runner.which("chronyc") or "chronyc", options.chronyc_address)
        self._burst_at = 0.0
        self._looked_at = 0.0

    def stamp(self) -> tuple[float, float]:
        return self._ports.clocks.wall(), self._ports.clocks.monotonic()

    def moved_since(self, start: tuple[float, float]) -> _Movement:
        wall, monotonic = self.stamp()
        elapsed = monotonic - start[1]
        return _Movement(wall - start[0] - elapsed, elapsed)

    def command(self, *words: str) -> CommandResult:
        return self._chronyc.command(*words)

    def burst(self, samples: str) -> str | None:
        """Ask chronyd for new samples; the text of its refusal, if any."""
        self._burst_at = self._ports.clocks.monotonic()
        result = self.command("burst", samples)
        refusal = None if result.rc == 0 else _complaint(result)
        return None if refusal is None or refusal.startswith(_NO_SOURCE) else refusal

    def fresh_look(self) -> tuple[ClockMeasurement, StepDecision]:
        """Measure and judge as soon as the burst has given samples, or its time is over."""
        while True:
            self._pause(POLL_S)
            late = self._waited() >= self._options.burst_timeout_s
            if late or self._settled():
                measurement, decision = self._judged_look(witnesses=True)
                if late or not decision.curable:
                    return measurement, decision

    def _settled(self) -> bool:
        _measurement, decision = self._judged_look(witnesses=False)
        return not decision.curable and not self._bursting()

    def _judged_look(self, *, witnesses: bool) -> tuple[ClockMeasurement, StepDecision]:
        # Taken before the look: a witness may keep it waiting long after chronyd has told its samples' ages.
        self._looked_at = self._ports.clocks.monotonic()
        waited = self._waited()
        measurement = _look(self._ports, self._options, witnesses=witnesses)
        return measurement, guard_step(measurement, self._options.policy._replace(max_sample_age_s=waited))

    def largest_slew_since_look(self) -> float:
        """How far chronyd may have slewed the clock since the last look began."""
        return MAX_SLEW * (self._ports.clocks.monotonic() - self._looked_at)

    def _waited(self) -> float:
        return self._ports.clocks.monotonic() - self._burst_at

    def _bursting(self) -> bool:
        text = self._chronyc.reports(["activity"]).texts.get("activity")
        if text is None:
            return False
        activity = parse_activity(text)
        return activity.burst_online + activity.burst_offline > 0


def _look(ports: Ports, options: StepOptions, *, witnesses: bool = True) -> ClockMeasurement:
    measure = MeasureOptions(
        subsets=frozenset({"clock", "witness"} if witnesses else {"clock"}),
        chronyc_address=options.chronyc_address,
        witness_servers=options.witness_servers,
        witness_timeout_s=options.witness_timeout_s,
    )
    return measure_clock(ports, measure)


def _guard(ports: Ports, measurement: ClockMeasurement, options: StepOptions) -> StepDecision:
    """Guard before any command is sent: also against a chronyd that visibly has no control of the clock.

    ``makestep`` would tell too, but then chronyd has forgotten the correction. A chronyd that is reached by an
    address need not be one of those that can be seen here.
    """
    decision = guard_step(measurement, options.policy)
    if not decision.reachable or options.chronyc_address or _controls_clock(ports.processes):
        return decision
    message = (
        "chronyd runs with -x: it must not touch the clock of this host, which the machine or container host keeps."
        " Step the clock there, or start chronyd without -x"
    )
    return decision._replace(
        allowed=False, reasons=("step.uncontrolled",), messages=(message,), curable=(), reachable=False
    )


def _controls_clock(processes: Processes) -> bool:
    """Whether a chronyd may be able to set the clock. Only visible -x options on all of them say no."""
    try:
        daemons = [process for process in processes.snapshot() if process.name == "chronyd"]
    except Unavailable:
        return True  # chronyd's own answer will tell
    return not daemons or not all("x" in _short_options(process.cmdline[1:]) for process in daemons)


def _short_options(arguments: tuple[str, ...]) -> str:
    """Return the option letters in chronyd's arguments, as getopt reads them."""
    letters = ""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--" or not argument.startswith("-"):
            break
        for position, letter in enumerate(argument[1:], start=2):
            letters += letter
            if letter in _OPTIONS_WITH_VALUE:
                if position == len(argument):
                    next(rest, None)
                break
    return letters


def _complaint(result: CommandResult) -> str:
    if result.timed_out:
        return "chronyd did not answer in time"
    said = daemon_refusal(result.stdout) or daemon_refusal(result.stderr) or result.stderr or result.stdout
    return said.strip() or f"chronyc ended with status {result.rc} and said nothing"


def _refusal(decision: StepDecision) -> str:
    return f"The clock was not stepped: {'; '.join(decision.messages)}"


def _command_failed(report: StepReport, command: str, complaint: str) -> StepReport:
    reason, advice = "step.command_failed", "see chronyd's log"
    if complaint.startswith("501"):
        reason = "step.not_authorised"
        advice = "commands are only taken on chronyd's Unix socket: run as root (become) or as chronyd's user"
    elif complaint.startswith("500"):
        reason = "step.uncontrolled"
        advice = (
            "chronyd cannot set this clock: it runs with -x or without CAP_SYS_TIME, as in a container;"
            " step the clock where it is kept"
        )
    message = f"chronyd refused {command} ({complaint}): {advice}"
    return report._replace(
        failure=f"The clock was not stepped: {message}",
        reasons=(*report.reasons, reason),
        messages=(*report.messages, message),
    )


def result_of(report: StepReport, policy: StepPolicy) -> dict[str, Any]:
    """Return the report as the module returns it."""
    return {
        "changed": report.changed,
        "forced": report.forced,
        "stepped_s": round(report.stepped_s, 6),
        "predicted_step_s": _rounded(report.predicted_step_s),
        "verified": report.verified,
        "before": _snapshot(report.before, policy),
        "after": None if report.after is None else _snapshot(report.after, policy),
        "reasons": list(report.reasons),
        "messages": list(report.messages),
    }


def _snapshot(measurement: ClockMeasurement, policy: StepPolicy) -> dict[str, Any]:
    tracking = measurement.tracking
    known = tracking is not None and tracking.leap != "unsynchronised" and tracking.reference_time_s > 0
    bound = offset = source = None
    if tracking is not None and known:
        offset = tracking.offset_s
        bound = error_bound_s(tracking, measurement.taken_at_s, policy.max_drift_ppm)
        source = tracking.reference
    return {
        "offset_s": _rounded(offset),
        "bound_s": _rounded(bound),
        "source": source,
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(measurement.taken_at_s)),
        "witnesses": [
            {
                "source": witness.source,
                "offset_s": _rounded(witness.offset_s),
                "uncertainty_s": _rounded(witness.uncertainty_s),
            }
            for witness in measurement.witnesses
        ],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
