"""The error bound and the age of the reference."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.bound import error_bound_s, reference_age_s
from ansible_collections.softtoken.compliance.tests.unit.plugins.module_utils._clock.samples import (
    NEVER_SYNCHRONISED,
    NOW,
    tracking,
)


def test_the_bound_is_offset_plus_dispersion_plus_half_the_delay_plus_drift() -> None:
    report = tracking(offset_s=-0.25, root_dispersion_s=0.125, root_delay_s=0.5, reference_time_s=NOW + 0.25 - 1000.0)
    assert error_bound_s(report, NOW, 0.0) == pytest.approx(0.625)
    assert error_bound_s(report, NOW, 50.0) == pytest.approx(0.625 + 0.05)


def test_the_age_is_counted_in_corrected_time() -> None:
    """A host that is 300 s slow, four seconds after its last sample: chrony's reference time is corrected already."""
    slow = tracking(offset_s=-300.0, reference_time_s=NOW + 300.0 - 4.0)
    fast = tracking(offset_s=300.0, reference_time_s=NOW - 300.0 - 4.0)
    assert reference_age_s(slow, NOW) == pytest.approx(4.0)
    assert reference_age_s(fast, NOW) == pytest.approx(4.0)


def test_a_daemon_that_never_synchronised_has_no_age() -> None:
    assert reference_age_s(NEVER_SYNCHRONISED, NOW) is None


def test_a_clock_that_was_stepped_back_is_off_by_that_step_at_least() -> None:
    report = tracking(offset_s=0.0, reference_time_s=NOW + 3600.0, root_delay_s=0.0, root_dispersion_s=0.0)
    assert reference_age_s(report, NOW) == pytest.approx(-3600.0)
    assert error_bound_s(report, NOW, 50.0) == pytest.approx(3600.0)
