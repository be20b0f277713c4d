"""The guard: every reason to refuse a step has a state of chronyd that gives it, and no other does."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.guard import (
    TOLERANCE_S,
    StepPolicy,
    guard_step,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    Gap,
    Source,
    Tracking,
    Witness,
)

NOW = 1795309553.0
FAST_S = 299.999969

#: As chrony 4.3 reported a host that was 300 s fast, four samples after its start.
TRACKING = Tracking(
    reference_id="7F000001",
    reference="127.0.0.1",
    stratum=3,
    reference_time_s=NOW - 300.0 - 4.0,  # in corrected time
    offset_s=FAST_S,
    last_offset_s=0.000019186,
    rms_offset_s=0.000019186,
    frequency_ppm=3.784,
    residual_frequency_ppm=0.205,
    skew_ppm=38.246,
    root_delay_s=0.000105317,
    root_dispersion_s=0.000166280,
    update_interval_s=2.0,
    leap="normal",
)
SOURCE = Source(
    mode="server",
    state="selected",
    name="127.0.0.1",
    stratum=2,
    poll=6,
    reach=0o37,
    last_rx_s=4,
    offset_s=0.000005123,
    measured_offset_s=0.000024309,
    error_s=0.000053646,
)
UNSYNCHRONISED = TRACKING._replace(
    reference_id="00000000", reference="", stratum=0, reference_time_s=0.0, offset_s=0.0, leap="unsynchronised"
)


def measured(*sources: Source, tracking: Tracking = TRACKING, **values: Any) -> ClockMeasurement:
    return ClockMeasurement(taken_at_s=NOW, reachable=True, tracking=tracking, sources=sources, **values)


def source(name: str, **values: Any) -> Source:
    return SOURCE._replace(name=name, **values)


def witness(offset_s: float | None, uncertainty_s: float = 0.001) -> Witness:
    if offset_s is None:
        return Witness("ntp", "192.0.2.9", None, None, "no answer within 2 s")
    return Witness("ntp", "192.0.2.9", offset_s, uncertainty_s)


def test_a_host_with_one_fresh_source_may_be_stepped_back() -> None:
    decision = guard_step(measured(SOURCE), StepPolicy())
    assert decision.allowed
    assert decision.reasons == decision.messages == decision.curable == ()
    assert decision.expected_step_s == -FAST_S


def test_a_slow_host_is_stepped_forward() -> None:
    slow = TRACKING._replace(offset_s=-90.0)
    assert guard_step(measured(SOURCE, tracking=slow), StepPolicy()).expected_step_s == 90.0


CASES: list[tuple[str, ClockMeasurement, StepPolicy, list[str], bool]] = [
    ("never synchronised", measured(SOURCE, tracking=UNSYNCHRONISED), StepPolicy(), ["clock.unsynchronised"], True),
    (
        "no longer synchronised",
        measured(SOURCE, tracking=TRACKING._replace(leap="unsynchronised")),
        StepPolicy(),
        ["clock.unsynchronised"],
        True,
    ),
    (
        "no source answers, tracking still normal",
        measured(source("a", state="unusable", reach=0, last_rx_s=75)),
        StepPolicy(),
        ["source.none_usable"],
        True,
    ),
    ("no source at all", measured(), StepPolicy(), ["source.none_usable"], True),
    (
        "orphan on its own clock",
        measured(source("a", state="unusable", reach=0), tracking=TRACKING._replace(reference_id="7F7F0101")),
        StepPolicy(),
        ["clock.local_reference", "source.none_usable"],
        True,
    ),
    ("nothing selected", measured(source("a", state="unusable")), StepPolicy(), ["source.none_usable"], True),
    ("stale sample", measured(SOURCE), StepPolicy(max_sample_age_s=4.5), ["clock.stale"], True),
    (
        "pending correction lost",
        measured(source("a", offset_s=FAST_S), tracking=TRACKING._replace(offset_s=0.0)),
        StepPolicy(),
        ["step.unexplained_sample"],
        True,
    ),
    (
        "as many falsetickers",
        measured(source("a"), source("b", state="falseticker")),
        StepPolicy(),
        ["source.falseticker"],
        True,
    ),
    ("too few", measured(source("a")), StepPolicy(min_agreeing=2), ["source.too_few"], True),
    (
        "enough, but one stale",
        measured(source("a"), source("b", state="combined", last_rx_s=60)),
        StepPolicy(min_agreeing=2, max_sample_age_s=10),
        ["source.too_few"],
        True,
    ),
    ("too large", measured(SOURCE), StepPolicy(max_step_s=299.0), ["step.too_large"], False),
    (
        "too large forward",
        measured(SOURCE, tracking=TRACKING._replace(offset_s=-FAST_S)),
        StepPolicy(max_step_s=299.0),
        ["step.too_large"],
        False,
    ),
    ("witness disagrees", measured(SOURCE, witnesses=(witness(0.0),)), StepPolicy(), ["witness.disagrees"], False),
    (
        "one of two witnesses disagrees",
        measured(SOURCE, witnesses=(witness(FAST_S), witness(0.0))),
        StepPolicy(),
        ["witness.disagrees"],
        False,
    ),
    (
        "witness silent",
        measured(SOURCE, witnesses=(witness(None),)),
        StepPolicy(witnesses_required=True),
        ["witness.unavailable"],
        False,
    ),
]


@pytest.mark.parametrize(
    ("measurement", "policy", "reasons", "curable"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_refuses(measurement: ClockMeasurement, policy: StepPolicy, reasons: list[str], curable: bool) -> None:
    decision = guard_step(measurement, policy)
    assert not decision.allowed
    assert decision.reachable
    assert list(decision.reasons) == reasons
    assert list(decision.curable) == (reasons if curable else [])
    assert len(decision.messages) == len(reasons)


ALLOWED: list[tuple[str, ClockMeasurement, StepPolicy]] = [
    ("exactly max_step", measured(SOURCE), StepPolicy(max_step_s=FAST_S)),
    ("a majority against one falseticker", measured(
        source("a"), source("b", state="combined"), source("c", state="falseticker")), StepPolicy()),
    ("silent sources have no say", measured(
        source("a"), *(source(name, state="unusable", reach=0) for name in "bcd")), StepPolicy()),
    ("sources not combined agree too", measured(
        source("a"), source("b", state="not_combined")), StepPolicy(min_agreeing=2)),
    ("a jittery sample within its own error", measured(source("a", offset_s=0.5, error_s=0.45)), StepPolicy()),
    ("a witness that agrees", measured(SOURCE, witnesses=(witness(300.05),)), StepPolicy(witnesses_required=True)),
    ("a coarse witness", measured(SOURCE, witnesses=(witness(302.0, 2.0),)), StepPolicy()),
    ("one of two witnesses answers", measured(
        SOURCE, witnesses=(witness(None), witness(FAST_S))), StepPolicy(witnesses_required=True)),
]  # fmt: skip


@pytest.mark.parametrize(("measurement", "policy"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_allows(measurement: ClockMeasurement, policy: StepPolicy) -> None:
    assert guard_step(measurement, policy).reasons == ()


def test_a_witness_counts_on_a_slow_host_as_on_a_fast_one() -> None:
    # The reference time is in corrected time: read against the host's clock it makes a slow host's estimate look
    # uncertain by as much as the host is slow, and no witness could ever contradict it.
    slow = TRACKING._replace(offset_s=-300.0, reference_time_s=NOW + 300.0 - 4.0)
    decision = guard_step(measured(SOURCE, tracking=slow, witnesses=(witness(0.0),)), StepPolicy())
    assert decision.reasons == ("witness.disagrees",)


def test_the_limit_of_a_witness_is_both_uncertainties_and_the_tolerance() -> None:
    age = NOW - FAST_S - TRACKING.reference_time_s
    doubt = TRACKING.root_dispersion_s + TRACKING.root_delay_s / 2 + 50e-6 * age + 0.25 + TOLERANCE_S
    inside = measured(SOURCE, witnesses=(witness(FAST_S + doubt - 1e-6, 0.25),))
    outside = measured(SOURCE, witnesses=(witness(FAST_S + doubt + 1e-6, 0.25),))
    assert guard_step(inside, StepPolicy()).allowed
    assert not guard_step(outside, StepPolicy()).allowed


@pytest.mark.parametrize(
    ("measurement", "reason", "words"),
    [
        (ClockMeasurement(taken_at_s=NOW, installed=False), "chrony.missing", "install"),
        (
            ClockMeasurement(
                taken_at_s=NOW, installed=True, reachable=False, gaps=(Gap("clock", "", "506 Cannot talk to daemon"),)
            ),
            "chrony.unreachable_daemon",
            "506 Cannot talk to daemon",
        ),
        (
            ClockMeasurement(taken_at_s=NOW, reachable=True, tracking=TRACKING),
            "chrony.unreachable_daemon",
            "it gave no reports",
        ),
    ],
)
def test_without_a_daemon_there_is_nothing_to_force(measurement: ClockMeasurement, reason: str, words: str) -> None:
    decision = guard_step(measurement, StepPolicy())
    assert (decision.allowed, decision.reachable, decision.expected_step_s) == (False, False, None)
    assert decision.reasons == (reason,)
    assert words in decision.messages[0]


def test_every_message_names_what_it_is_about() -> None:
    large = guard_step(measured(SOURCE), StepPolicy(max_step_s=60.0))
    assert "-300.000 s is larger than max_step (60 s)" in large.messages[0]
    split = guard_step(measured(source("a"), source("203.0.113.7", state="falseticker")), StepPolicy())
    assert "203.0.113.7" in split.messages[0]
