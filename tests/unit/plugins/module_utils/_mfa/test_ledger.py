"""The ledger of used codes, as plain data."""

from __future__ import annotations

import json

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.ledger import (
    WINDOW_S,
    Ledger,
    LedgerFormatError,
    Refused,
    claim,
    code_mark,
    dump,
    load,
    step_mark,
    used_steps,
)

EMPTY = Ledger(b"k" * 32, {})
ALICE = "arn:aws:iam::123456789012:mfa/alice"
BOB = "arn:aws:iam::123456789012:mfa/bob"


def claimed(ledger: Ledger, serial: str, *marks: str, at: float = 1000.0) -> Ledger:
    found = claim(ledger, serial, marks, at)
    assert isinstance(found, Ledger)
    return found


def test_what_was_claimed_is_refused_within_the_window_and_free_after_it() -> None:
    ledger = claimed(EMPTY, ALICE, "step:7", "step:8")
    refused = claim(ledger, ALICE, ["step:8", "step:9"], 1037.0)
    assert refused == Refused("used 37 s ago", 1000.0 + WINDOW_S)
    assert isinstance(claim(ledger, ALICE, ["step:8"], 999.0 + WINDOW_S), Refused)
    assert isinstance(claim(ledger, ALICE, ["step:8"], 1000.0 + WINDOW_S), Ledger)


def test_a_refused_claim_enters_nothing() -> None:
    ledger = claimed(EMPTY, ALICE, "step:7")
    assert isinstance(claim(ledger, ALICE, ["step:6", "step:7"], 1001.0), Refused)
    assert used_steps(ledger, ALICE, 1001.0) == {7}


def test_devices_do_not_share_codes() -> None:
    ledger = claimed(claimed(EMPTY, ALICE, "step:7"), BOB, "step:7")
    assert used_steps(ledger, ALICE, 1000.0) == used_steps(ledger, BOB, 1000.0) == {7}
    assert code_mark(EMPTY, ALICE, "123456") != code_mark(EMPTY, BOB, "123456")


def test_a_clock_that_was_set_back_does_not_free_anything_at_once() -> None:
    ledger = claimed(EMPTY, ALICE, "step:7", at=1000.0)
    assert isinstance(claim(ledger, ALICE, ["step:7"], 400.0), Refused)
    assert used_steps(ledger, ALICE, 1000.0 - WINDOW_S) == frozenset()


def test_old_entries_are_dropped_from_what_is_written() -> None:
    ledger = claimed(EMPTY, ALICE, "step:7")
    later = claimed(ledger, BOB, "step:200", at=1000.0 + WINDOW_S)
    assert ALICE not in dump(later)


def test_it_is_read_as_it_was_written() -> None:
    ledger = claimed(EMPTY, ALICE, step_mark(7), code_mark(EMPTY, ALICE, "123456"))
    assert load(dump(ledger)) == ledger
    assert used_steps(load(dump(ledger)), ALICE, 1000.0) == {7}


def test_it_holds_no_code_and_many_codes_share_a_mark() -> None:
    assert "860211" not in dump(claimed(EMPTY, ALICE, code_mark(EMPTY, ALICE, "860211")))
    marks = {code_mark(EMPTY, ALICE, f"{code:06d}") for code in range(200_000)}
    # So who holds the key learns from a mark that it is one of some fifteen codes of a million.
    assert len(marks) <= 65536
    # And a fresh code rarely looks used.
    assert len(marks) > 60000


def test_the_mark_depends_on_the_key() -> None:
    marks = {code_mark(Ledger(bytes([number]) * 32, {}), ALICE, "123456") for number in range(20)}
    assert len(marks) == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1, "key": "6b6b", "used": []}',
        '{"format": 1, "key": "secret!", "used": {}}',
        '{"format": 1, "key": "6b6b", "used": {"x": {"step:seven": 1}}}',
        '{"format": 1, "key": "6b6b", "used": {"x": {"step:7": "soon"}}}',
        '{"format": 2, "key": "6b6b", "used": {}}',
    ],
)
def test_a_damaged_ledger_is_an_error_that_shows_nothing_of_it(text: str) -> None:
    with pytest.raises(LedgerFormatError) as caught:
        load(text)
    assert "6b6b" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_time_that_is_no_number_frees_its_entry() -> None:
    text = json.dumps({"format": 1, "key": "6b6b", "used": {ALICE: {"step:7": float("nan")}}})
    assert used_steps(load(text), ALICE, 1000.0) == frozenset()
