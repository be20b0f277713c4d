"""Opinions as intervals: when they agree, when they contradict, and which one counts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.evidence import (
    best_offset,
    chrony_estimate,
    disagreeing,
    is_synchronised,
    witnesses_contradict,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    Witness,
)
from ansible_collections.softtoken.compliance.tests.unit.plugins.module_utils._clock.samples import (
    LOCAL_ORPHAN,
    NEVER_SYNCHRONISED,
    NOW,
    healthy,
    tracking,
)

POLICY = ClockPolicy()


def clock(offset: float, uncertainty: float, *witnesses: Witness) -> ClockMeasurement:
    """Return a host whose chronyd says offset +/- uncertainty."""
    report = tracking(offset_s=offset, root_dispersion_s=uncertainty, root_delay_s=0.0, reference_time_s=NOW - offset)
    return healthy(tracking=report, witnesses=witnesses)


def controller(offset: float, uncertainty: float = 0.2) -> Witness:
    return Witness("controller", "awx", offset, uncertainty)


def ntp(offset: float, uncertainty: float = 0.004, source: str = "time.example.net") -> Witness:
    return Witness("ntp", source, offset, uncertainty)


def test_the_estimate_of_chronyd_is_its_bound_around_its_offset() -> None:
    estimate = chrony_estimate(clock(-0.25, 0.125), POLICY)
    assert estimate is not None
    assert estimate.offset_s == -0.25
    assert estimate.uncertainty_s == pytest.approx(0.125)
    assert (estimate.bound_s, estimate.certain_error_s) == pytest.approx((0.375, 0.125))


@pytest.mark.parametrize("report", [NEVER_SYNCHRONISED, LOCAL_ORPHAN, tracking(leap="unsynchronised"), None])
def test_a_daemon_without_a_source_has_no_opinion(report: Any) -> None:
    measurement = healthy(tracking=report, witnesses=())
    assert chrony_estimate(measurement, POLICY) is None
    assert best_offset(measurement) is None
    assert report is None or not is_synchronised(report)


def test_an_ipv6_source_whose_hash_looks_like_a_local_address_is_a_source() -> None:
    assert is_synchronised(tracking(reference_id="7F7F2A10", reference="2001:db8::7"))


@pytest.mark.parametrize(
    ("measurement", "disagrees"),
    [
        # A controller that knows the time to 0.2 s: no false alarm over half a second of slack...
        (clock(0.0, 0.001, controller(0.15)), False),
        (clock(0.0, 0.001, controller(0.7)), False),
        # ... and not blind to what matters.
        (clock(0.0, 0.001, controller(0.75)), True),
        (clock(0.0, 0.001, controller(-0.75)), True),
        (clock(0.0, 0.001, controller(30.0)), True),
        # An exact witness contradicts above the warning limit, or when it is sure that the limit is exceeded.
        (clock(0.0, 0.001, ntp(0.45)), False),
        (clock(0.0, 0.001, ntp(0.52)), True),
        (clock(0.6, 0.001, ntp(1.01)), True),
        (clock(0.6, 0.001, ntp(0.99)), False),
        # Both say that the clock is wrong: that is no disagreement.
        (clock(-300.0, 0.01, controller(-300.3)), False),
        (clock(-300.0, 0.01, ntp(-0.001)), True),
        # What chronyd does not know it does not contradict.
        (clock(0.0, 3.0, ntp(2.5)), False),
        # A witness that knows nothing contradicts nobody, one that is silent even less.
        (clock(0.0, 0.001, controller(9.0, 10.0)), False),
        (clock(0.0, 0.001, Witness("ntp", "x", None, None, "no answer")), False),
        (clock(0.0, 0.001, Witness("ntp", "x", float("nan"), 0.1)), False),
    ],
)
def test_witnesses_disagree_only_beyond_what_nobody_can_know(measurement: ClockMeasurement, disagrees: bool) -> None:
    assert bool(disagreeing(measurement, POLICY)) is disagrees


def test_the_slack_is_the_warning_limit_of_the_site() -> None:
    measurement = clock(0.0, 0.001, ntp(0.2))
    assert not disagreeing(measurement, POLICY)
    assert disagreeing(measurement, ClockPolicy(max_error_s=0.3, warn_error_s=0.1))


def test_two_witnesses_contradict_each_other_beyond_the_slack() -> None:
    assert witnesses_contradict(clock(0.0, 0.001, ntp(0.0), controller(0.6)), POLICY) is None
    pair = witnesses_contradict(clock(0.0, 0.001, ntp(0.0), ntp(0.1, source="b"), controller(0.9)), POLICY)
    assert pair is not None
    assert {pair[0].where, pair[1].where} == {"ntp:b", "controller:awx"}


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        (clock(0.01, 0.001), (0.01, "chrony")),
        (clock(0.01, 0.001, ntp(0.3)), (0.01, "chrony")),
        # Contradicted: the witness counts, the most exact one of several.
        (clock(0.01, 0.001, controller(5.0)), (5.0, "controller:awx")),
        (clock(0.01, 0.001, controller(5.0), ntp(5.2)), (5.2, "ntp:time.example.net")),
        (clock(0.01, 0.001, controller(5.0, 9.0), ntp(5.2)), (5.2, "ntp:time.example.net")),
        # The witnesses contradict each other: chronyd counts if one of them is with it, else nobody does.
        (clock(0.01, 0.001, ntp(0.0), ntp(60.0, source="b")), (0.01, "chrony")),
        (clock(0.01, 0.001, ntp(30.0), ntp(60.0, source="b")), None),
        # chronyd has no opinion.
        (healthy(tracking=NEVER_SYNCHRONISED, witnesses=(ntp(-3.0),)), (-3.0, "ntp:time.example.net")),
        (healthy(tracking=LOCAL_ORPHAN, witnesses=(ntp(-3.0), controller(-3.1))), (-3.0, "ntp:time.example.net")),
        (healthy(tracking=None, witnesses=(ntp(-3.0), ntp(3.0, source="b"))), None),
        (healthy(tracking=None, witnesses=()), None),
    ],
)
def test_the_best_opinion(measurement: ClockMeasurement, expected: tuple[float, str] | None) -> None:
    best = best_offset(measurement)
    found = None if best is None else (best.offset_s, best.where)
    assert found == expected
