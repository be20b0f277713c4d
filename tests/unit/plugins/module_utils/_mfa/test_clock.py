"""Whether a clock is right enough to make codes with it."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    Gap,
    Tracking,
    Witness,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.clock import date_witness, judge_clock

NOW = 1_800_000_000.0


def witness(offset_s: float, uncertainty_s: float = 0.01) -> Witness:
    return Witness("ntp", f"ntp{offset_s:g}", offset_s, uncertainty_s)


def measured(*witnesses: Witness, chrony_offset_s: float | None = None, age_s: float = 10.0) -> ClockMeasurement:
    tracking = None
    if chrony_offset_s is not None:
        tracking = Tracking(
            "C0000201",
            "192.0.2.1",
            2,
            NOW - age_s,
            chrony_offset_s,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.001,
            0.001,
            64.0,
            "normal",
        )
    return ClockMeasurement(NOW, installed=True, tracking=tracking, witnesses=witnesses)


@pytest.mark.parametrize(
    ("measurement", "good", "says"),
    [
        (measured(witness(0.0)), True, "by ntp:ntp0"),
        (measured(witness(-1.9)), True, "1.9 s slow"),
        (measured(witness(2.1)), False, "2.1 s fast"),
        (measured(witness(1.9, 0.3)), None, "give or take 0.3 s"),
        (measured(witness(0.0, 5.0)), None, "give or take 5.0 s"),
        (measured(chrony_offset_s=0.0), True, "by chrony"),
        (measured(chrony_offset_s=300.0), False, "300.0 s fast"),
        # chronyd whose server died half a day ago knows nothing.
        (measured(chrony_offset_s=0.0, age_s=43200.0), None, "by chrony"),
        # One that rules it out suffices.
        (measured(witness(0.0), witness(9.0)), False, "9.0 s fast"),
        (measured(witness(-600.0), chrony_offset_s=0.0), False, "600.0 s slow"),
        (measured(witness(0.0, 5.0), chrony_offset_s=0.0), True, "by chrony"),
    ],
)
def test_every_opinion_counts(measurement: ClockMeasurement, good: bool | None, says: str) -> None:
    state = judge_clock(measurement)
    assert state.good is good
    assert says in state.text
    assert state.source is not None


def test_silence_is_not_known_and_says_who_was_silent() -> None:
    silent = Witness("ntp", "192.0.2.1", None, None, "no answer within 2 s")
    gap = Gap("clock", "chrony.unreachable_daemon", "506 Cannot talk to daemon")
    state = judge_clock(ClockMeasurement(NOW, installed=True, witnesses=(silent,), gaps=(gap,)))
    assert (state.good, state.offset_s) == (None, None)
    assert state.text == "192.0.2.1: no answer within 2 s; 506 Cannot talk to daemon"
    assert "not installed" in judge_clock(ClockMeasurement(NOW, installed=False)).text
    assert judge_clock(ClockMeasurement(NOW)).text == "nobody was asked"


def test_a_daemon_that_never_synchronised_knows_nothing() -> None:
    tracking = measured(chrony_offset_s=0.0).tracking
    assert tracking is not None
    never = tracking._replace(leap="unsynchronised", reference_time_s=0.0)
    state = judge_clock(ClockMeasurement(NOW, installed=True, tracking=never))
    assert (state.good, state.text) == (None, "chronyd is not synchronised")


@pytest.mark.parametrize(("fast_s", "good"), [(0.0, True), (0.9, True), (-0.9, True), (4.0, False), (-600.0, False)])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.99])
def test_the_date_of_an_answer_is_a_witness(fast_s: float, good: bool, fraction: float) -> None:
    true_s = NOW + fraction
    found = date_witness("sts", "Fri, 15 Jan 2027 08:00:00 GMT", true_s - 0.05 + fast_s, true_s + 0.05 + fast_s)
    assert found.offset_s is not None
    assert found.uncertainty_s is not None
    assert abs(found.offset_s - fast_s) <= found.uncertainty_s == pytest.approx(0.55)
    assert judge_clock(ClockMeasurement(NOW, witnesses=(found,))).good is good


@pytest.mark.parametrize(
    ("date", "answered_s", "says"),
    [("", 1.0, "no Date"), ("tomorrow", 1.0, "no Date"), ("Fri, 15 Jan 2027 08:00:00 GMT", -1.0, "set back")],
)
def test_an_answer_without_a_time_is_no_witness(date: str, answered_s: float, says: str) -> None:
    found = date_witness("sts", date, NOW, NOW + answered_s)
    assert found.offset_s is None
    assert says in str(found.error)
