"""The double's codes against pyotp and RFC 6238, over seeds, times and windows."""

from __future__ import annotations

import base64

import pyotp
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fakes.aws import Device
from tests.fakes.aws.totp import STEP, hotp, seed_of

seeds = st.binary(min_size=14, max_size=64)
times = st.integers(min_value=100 * STEP, max_value=20_000_000_000)
windows = st.integers(min_value=0, max_value=5)


def otp(seed: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(base64.b32encode(seed).decode())


@pytest.mark.parametrize(
    ("time", "code"),
    # RFC 6238, appendix B, SHA-1, the last six digits.
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_codes_of_the_rfc(time: int, code: str) -> None:
    assert hotp(b"12345678901234567890", time // STEP) == code


@given(seeds, times)
def test_pyotp_makes_the_same_codes(seed: bytes, time: int) -> None:
    assert hotp(seed, time // STEP) == otp(seed).at(time)


@given(seeds, times, windows, st.integers(min_value=-8, max_value=8))
def test_a_fresh_device_takes_what_pyotp_takes(seed: bytes, time: int, window: int, steps: int) -> None:
    code = otp(seed).at(time + steps * STEP)
    accepted = Device("serial-1", seed).accept(code, float(time), window)
    assert accepted == otp(seed).verify(code, for_time=time, valid_window=window)


@given(seeds, times, windows, st.text(alphabet="0123456789", min_size=6, max_size=6))
def test_any_six_digits_are_judged_as_pyotp_judges_them(seed: bytes, time: int, window: int, code: str) -> None:
    assert Device("serial-1", seed).accept(code, float(time), window) == otp(seed).verify(
        code, for_time=time, valid_window=window
    )


@given(seeds, times, windows)
def test_a_code_is_taken_once(seed: bytes, time: int, window: int) -> None:
    device = Device("serial-1", seed)
    code = otp(seed).at(time)
    neighbours = [otp(seed).at(time + step * STEP) for step in range(-window, window + 1) if step]
    assume(code not in neighbours)
    assert device.accept(code, float(time), window)
    assert not device.accept(code, float(time), window)


@given(seeds, times, st.integers(min_value=-90, max_value=90), windows)
def test_two_codes_teach_the_drift_and_the_next_code_is_then_taken(
    seed: bytes, time: int, off: int, window: int
) -> None:
    device, token = Device("serial-1", seed), otp(seed)
    assert device.learn(token.at(time + (off - 1) * STEP), token.at(time + off * STEP), float(time), 90)
    assert device.drift == off
    assert device.accept(token.at(time + (off + 1) * STEP), float(time + STEP), window)


@given(seeds, times, st.integers(min_value=2, max_value=60), windows)
def test_a_clock_that_is_further_off_than_the_window_is_refused_until_it_is_learnt(
    seed: bytes, time: int, off: int, window: int
) -> None:
    assume(off > window)
    device, token = Device("serial-1", seed), otp(seed)
    late = token.at(time - off * STEP)
    assume(not token.verify(late, for_time=time, valid_window=window))
    assert not device.accept(late, float(time), window)
    assert device.learn(token.at(time - (off + 1) * STEP), late, float(time), 90)
    assert device.accept(token.at(time - (off - 1) * STEP), float(time + STEP), window)


@given(seeds, times, st.integers(min_value=-5, max_value=5))
def test_only_consecutive_codes_in_their_order_teach_anything(seed: bytes, time: int, apart: int) -> None:
    device, token = Device("serial-1", seed), otp(seed)
    first, second = token.at(time), token.at(time + apart * STEP)
    following = {(token.at(time + step * STEP), token.at(time + (step + 1) * STEP)) for step in range(-20, 20)}
    assert device.learn(first, second, float(time), 10) == ((first, second) in following)
    assert apart == 1 or (first, second) in following or device.drift == 0


@given(seeds, times)
def test_codes_that_were_learnt_from_are_used(seed: bytes, time: int) -> None:
    device, token = Device("serial-1", seed), otp(seed)
    pair = token.at(time - STEP), token.at(time)
    assume(pair[0] != pair[1])
    assert device.learn(*pair, float(time), 5)
    assert not device.accept(pair[1], float(time), 0)
    assert not device.learn(*pair, float(time), 0)


@given(seeds)
def test_a_seed_reads_back(seed: bytes) -> None:
    assert seed_of(Device("serial-1", seed).base32.rstrip("=")) == seed


def test_a_fido_key_takes_nothing() -> None:
    device = Device("arn", None)
    assert not device.accept("000000", 1e9, 5)
    assert not device.learn("000000", "000001", 1e9, 5)
