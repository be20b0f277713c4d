"""Codes agree with pyotp, plans never go wrong, the ledger takes no code twice, and no text breaks a parser."""

from __future__ import annotations

import base64
import contextlib

import pyotp
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.codes import (
    EARLY_S,
    MARGIN_S,
    STEP_S,
    CodeError,
    SeedError,
    code_at,
    code_of,
    parse_code,
    parse_seed,
    plan_code,
    plan_pair,
    step_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.explain import CAUSES, Situation, explain
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.ledger import (
    Ledger,
    LedgerFormatError,
    Refused,
    claim,
    dump,
    load,
    step_mark,
    used_steps,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.aws.totp import Device

SEEDS = st.binary(min_size=14, max_size=64)  # pyotp takes no shorter ones
TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)


@given(SEEDS, TIMES)
def test_codes_are_pyotps(seed: bytes, time_s: float) -> None:
    text = base64.b32encode(seed).decode()
    assert code_at(parse_seed(text), time_s) == pyotp.TOTP(text).at(int(time_s))
    assert code_at(seed, time_s) == code_of(seed, step_of(time_s))


@given(SEEDS, st.integers(1, 8), st.booleans(), st.booleans())
def test_a_seed_survives_how_people_write_it(seed: bytes, group: int, small: bool, padded: bool) -> None:
    text = base64.b32encode(seed).decode()
    text = text if padded else text.rstrip("=")
    text = text.lower() if small else text
    assert parse_seed(" ".join(text[at : at + group] for at in range(0, len(text), group))) == seed


@given(st.text(max_size=80))
def test_no_text_breaks_a_parser_and_none_is_repeated(text: str) -> None:
    for parse in (parse_seed, lambda text: parse_code(text, "code1")):
        error = ""
        try:
            parse(text)
        except (SeedError, CodeError) as exc:
            error = str(exc)
        assert len(text) < 6 or text not in error


@given(TIMES, st.frozensets(st.integers(-3, 12), max_size=10))
def test_a_plan_is_ahead_unused_consecutive_and_early(now_s: float, near: frozenset[int]) -> None:
    used = {step_of(now_s) + step for step in near}
    pair = plan_pair(now_s, used)
    assert pair.second_step == pair.first_step + 1
    assert not used & {pair.first_step, pair.second_step}
    assert pair.first_step >= step_of(now_s)
    assert now_s < pair.send_at_s < pair.until_s
    assert step_of(pair.send_at_s) == step_of(pair.until_s) == pair.second_step
    turn = plan_code(now_s, used)
    assert turn.step not in used
    assert now_s <= turn.send_at_s <= turn.until_s
    assert MARGIN_S <= turn.send_at_s - turn.step * STEP_S <= EARLY_S


@given(SEEDS, TIMES, st.floats(-MARGIN_S, MARGIN_S), st.integers(-40, 40))
def test_aws_takes_a_planned_pair_from_a_host_that_is_off_by_the_margin(
    seed: bytes, now_s: float, off_s: float, drift: int
) -> None:
    device = Device("serial", seed)
    device.drift = drift
    pair = plan_pair(now_s, frozenset())
    true_s = pair.send_at_s - off_s
    assert device.learn(code_of(seed, pair.first_step), code_of(seed, pair.second_step), true_s, 60)
    assert device.drift == 0 or len({code_of(seed, pair.first_step + step) for step in range(-60, 60)}) < 120
    turn = plan_code(pair.send_at_s, {pair.first_step, pair.second_step})
    assert device.accept(code_of(seed, turn.step), turn.send_at_s - off_s, 1)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.lists(st.integers(0, 30), min_size=1, max_size=3)), max_size=12))
def test_the_ledger_takes_no_step_twice_within_the_window(uses: list[tuple[float, list[int]]]) -> None:
    ledger = Ledger(b"key", {})
    taken: dict[int, float] = {}
    for at, steps in sorted(uses, key=lambda use: use[0]):
        found = claim(ledger, "serial", map(step_mark, steps), at, 500.0)
        again = any(at - taken[step] < 500.0 for step in steps if step in taken)
        assert isinstance(found, Refused) is again
        if isinstance(found, Ledger):
            ledger = load(dump(found))
            taken.update(dict.fromkeys(steps, at))
            assert used_steps(ledger, "serial", at, 500.0) >= set(steps)


@given(st.text(max_size=200) | st.recursive(st.none() | st.text(max_size=5), st.lists).map(repr))
def test_no_text_breaks_the_ledger(text: str) -> None:
    with contextlib.suppress(LedgerFormatError):
        load(text)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=200))
def test_every_refusal_is_explained(operation: str, code: str, message: str) -> None:
    assert explain(operation, code, message, Situation()).cause in CAUSES
