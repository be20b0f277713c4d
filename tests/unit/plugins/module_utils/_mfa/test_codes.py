"""Codes and seeds, and the moment to send them."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.codes import (
    EARLY_S,
    MARGIN_S,
    STEP_S,
    CodeError,
    SeedError,
    code_at,
    parse_code,
    parse_seed,
    plan_code,
    plan_pair,
    step_of,
)

RFC_SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("time_s", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_of_rfc_6238(time_s: float, code: str) -> None:
    assert code_at(RFC_SEED, time_s, digits=8) == code
    assert code_at(RFC_SEED, time_s) == code[2:]


def test_a_step_begins_at_its_first_moment() -> None:
    assert [step_of(time_s) for time_s in (0.0, 29.999, 30.0, 60.0)] == [0, 0, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
        "GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ",
        " GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n",
    ],
)
def test_a_seed_is_read_as_people_write_it(text: str) -> None:
    assert parse_seed(text) == RFC_SEED


def test_padding_may_be_there_or_missing() -> None:
    seed = bytes(range(17))
    padded = base64.b32encode(seed).decode()
    assert "=" in padded
    assert parse_seed(padded) == parse_seed(padded.rstrip("=")) == seed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not base32"),
        ("GEZDGNBVGY3TQOJ1", "not base32"),
        ("SECRETSECRET\u00dfSECRET", "not base32"),
        ("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ", "not base32"),
        ("GEZDGNBVGY3TQOJQG", "17 characters"),
        ("GEZDGNBVGY3TQOI", "72 bits"),
    ],
)
def test_a_text_that_is_no_seed_is_not_repeated(text: str, says: str) -> None:
    with pytest.raises(SeedError, match=says) as caught:
        parse_seed(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("text", "code"), [("012345", "012345"), (" 012 345\n", "012345")])
def test_a_code_is_read_as_people_write_it(text: str, code: str) -> None:
    assert parse_code(text, "code1") == code


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12a456", "\u0661\u0662\u0663\u0664\u0665\u0666", "5349"])
def test_a_text_that_is_no_code_is_not_repeated(text: str) -> None:
    with pytest.raises(CodeError, match=r"code2 is not a code of 6 digits.*quotes") as caught:
        parse_code(text, "code2")
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("second", [0.0, 5.0, 29.99])
def test_a_pair_starts_now_and_is_sent_early_in_the_next_step(second: float) -> None:
    pair = plan_pair(100 * STEP_S + second, frozenset())
    assert pair == (100, 101, 101 * STEP_S + MARGIN_S, 101 * STEP_S + EARLY_S)


@pytest.mark.parametrize(("used", "first"), [({100}, 101), ({101}, 102), ({100, 101, 102}, 103), ({99, 103}, 100)])
def test_a_pair_has_no_step_that_was_used(used: set[int], first: int) -> None:
    pair = plan_pair(100 * STEP_S + 1.0, used)
    assert (pair.first_step, pair.second_step) == (first, first + 1)
    assert pair.send_at_s == (first + 1) * STEP_S + MARGIN_S


@pytest.mark.parametrize(
    ("second", "used", "step", "send_at_s"),
    [
        (0.0, set(), 100, 100 * STEP_S + MARGIN_S),
        (5.0, set(), 100, 100 * STEP_S + 5.0),
        (EARLY_S + 0.1, set(), 101, 101 * STEP_S + MARGIN_S),
        (5.0, {100}, 101, 101 * STEP_S + MARGIN_S),
        (5.0, {100, 101}, 102, 102 * STEP_S + MARGIN_S),
    ],
)
def test_one_code_is_sent_in_the_present_step_while_it_is_young(
    second: float, used: set[int], step: int, send_at_s: float
) -> None:
    turn = plan_code(100 * STEP_S + second, used)
    assert (turn.step, turn.send_at_s, turn.until_s) == (step, send_at_s, step * STEP_S + EARLY_S)


def test_a_host_that_is_off_by_the_margin_has_reached_the_step() -> None:
    pair = plan_pair(100 * STEP_S + 7.0, frozenset())
    for off_s in (-MARGIN_S, MARGIN_S):
        assert step_of(pair.send_at_s + off_s) == pair.second_step
