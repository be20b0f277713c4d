"""The TOTP model against real codes, checked by enumeration."""

from __future__ import annotations

import pyotp
import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.totp import (
    VALIDATORS,
    accept_probability,
    best_probability,
    steps_off,
    worst_probability,
)

TOTP = pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
EPOCH = 1_800_000_000  # a whole number of steps


def taken(validator: str, code: str, now: int) -> bool:
    """Decide as a validator does that holds the same secret and a right clock."""
    if validator == "window1":
        return TOTP.verify(code, for_time=now, valid_window=1)
    accepted = {TOTP.at(now)} if validator == "strict" else {TOTP.at(now), TOTP.at(now - 30)}
    return code in accepted


@pytest.mark.parametrize("validator", VALIDATORS)
@pytest.mark.parametrize(
    "offset", [-301, -75, -60, -45, -31, -30, -29, -10, -1, 0, 1, 5, 15, 29, 30, 31, 45, 59, 60, 61, 300]
)
def test_the_probability_is_the_share_of_codes_that_a_validator_takes(validator: str, offset: int) -> None:
    moments = range(EPOCH, EPOCH + 30)
    share = sum(taken(validator, TOTP.at(now + offset), now) for now in moments) / 30
    assert accept_probability(float(offset), validator) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize(
    ("offset", "strict", "rfc6238", "window1"),
    [
        (0.0, 1.0, 1.0, 1.0),
        (1.0, 29 / 30, 29 / 30, 1.0),
        (-1.0, 29 / 30, 1.0, 1.0),
        (5.0, 25 / 30, 25 / 30, 1.0),
        (-30.0, 0.0, 1.0, 1.0),
        (30.0, 0.0, 0.0, 1.0),
        (-45.0, 0.0, 0.5, 0.5),
        (45.0, 0.0, 0.0, 0.5),
        (-60.0, 0.0, 0.0, 0.0),
        (1e9, 0.0, 0.0, 0.0),
    ],
)
def test_the_sign_of_the_offset_matters(offset: float, strict: float, rfc6238: float, window1: float) -> None:
    found = [accept_probability(offset, name) for name in ("strict", "rfc6238", "window1")]
    assert found == pytest.approx([strict, rfc6238, window1])


@pytest.mark.parametrize(
    ("offset", "steps"), [(0.0, 0), (29.9, 0), (-29.9, 0), (30.0, 1), (-30.0, -1), (-300.0021, -10), (89.0, 2)]
)
def test_steps_are_whole(offset: float, steps: int) -> None:
    assert steps_off(offset) == steps


def test_the_worst_case_lies_at_an_end_of_the_interval_and_the_best_may_lie_inside() -> None:
    assert worst_probability(0.0, 3.0, "rfc6238") == pytest.approx(0.9)  # fast by 3 s
    assert worst_probability(-60.0, 45.0, "window1") == pytest.approx(0.0)
    assert best_probability(-60.0, 45.0, "strict") == pytest.approx(0.5)
    assert best_probability(0.0, 100.0, "strict") == 1.0
    assert best_probability(40.0, 5.0, "rfc6238") == 0.0


def test_an_unknown_validator_is_named() -> None:
    with pytest.raises(ClockError, match="no TOTP validator 'window9': use one of strict, rfc6238, window1"):
        accept_probability(0.0, "window9")
