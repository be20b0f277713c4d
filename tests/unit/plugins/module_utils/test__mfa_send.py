"""Codes are sent once, early, and by one process at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement, Witness
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.codes import code_of
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import CodeLedger
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_send import (
    Codes,
    CodeSender,
    CodesRefused,
    read_codes,
)

SERIAL = "arn:aws:iam::123456789012:mfa/alice"
SEED = b"12345678901234567890"
STEP = 30


class Host:
    """A host whose clock moves when it waits, by as much as ``lateness`` says too far."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0 * STEP + 7.0
        self.lateness: list[float] = []
        self.said: list[str] = []
        self.sent: list[tuple[str, str]] = []
        self.ledger = CodeLedger(str(folder / "ledger"), lambda: self.now, lambda: b"always the same key")
        self.sender = CodeSender(self.ledger, lambda: self.now, self.wait, None, self.said.append)

    def wait(self, seconds: float) -> None:
        self.now += seconds + (self.lateness.pop(0) if self.lateness else 0.0)

    def send(self, code1: str, code2: str) -> None:
        self.sent.append((code1, code2))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def pair(first: int) -> tuple[str, str]:
    return code_of(SEED, first), code_of(SEED, first + 1)


def test_made_codes_are_sent_when_the_second_has_begun(host: Host) -> None:
    host.sender.send_pair(SERIAL, Codes(seed=SEED), host.send)
    assert host.sent == [pair(100)]
    assert host.now == 101 * STEP + 2.0
    assert host.sender.waited_s == 25.0
    assert host.said == [f"waiting 25 s to send two codes of {SERIAL}"]
    host.sender.send_pair(SERIAL, Codes(seed=SEED), host.send)
    assert host.sent == [pair(100), pair(102)]


def test_who_wakes_too_late_takes_the_next_pair(host: Host) -> None:
    host.lateness = [45.0]
    host.sender.send_pair(SERIAL, Codes(seed=SEED), host.send)
    assert len(host.sent) == 1
    assert host.sent[0] == pair(int(host.now // STEP) - 1)
    assert host.now % STEP < 12.0


def test_who_always_wakes_too_late_sends_nothing(host: Host) -> None:
    host.lateness = [15.0] * 9
    with pytest.raises(CodesRefused, match="too busy, or its clock was set") as caught:
        host.sender.send_pair(SERIAL, Codes(seed=SEED), host.send)
    assert caught.value.explanation.cause == "host_clock"
    assert host.sent == []


class Tried:
    """A sign-in that takes every code."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def try_code(self, _serial: str, code: str) -> None:
        self.codes.append(code)


def test_a_code_that_is_tried_is_fresh_and_early_too(host: Host) -> None:
    tried: Any = Tried()
    host.sender.send_pair(SERIAL, Codes(seed=SEED), host.send)
    host.lateness = [45.0]
    host.sender.try_third(SERIAL, SEED, tried)
    # Step 102 would have been next; when the host woke up, 103 was half over.
    assert tried.codes == [code_of(SEED, 104)]
    assert host.now == 104 * STEP + 2.0
    host.lateness = [15.0] * 9
    with pytest.raises(CodesRefused, match="too busy"):
        host.sender.try_third(SERIAL, SEED, tried)
    assert len(tried.codes) == 1


def test_a_typed_code_counts_for_codes_that_are_made_too(host: Host) -> None:
    host.sender.send_pair(SERIAL, Codes(typed=pair(99)), host.send)
    host.sender.send_pair(SERIAL, Codes(seed=SEED), host.send)
    assert host.sent == [pair(99), pair(102)]


def test_a_code_counts_as_used_though_sending_it_failed(host: Host) -> None:
    def fail(_code1: str, _code2: str) -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        host.sender.send_pair(SERIAL, Codes(typed=pair(99)), fail)
    with pytest.raises(CodesRefused, match=r"a code counts once\. Nothing was sent\."):
        host.sender.send_pair(SERIAL, Codes(typed=pair(99)), host.send)
    with pytest.raises(CodesRefused, match="counts once"):
        host.sender.predict(SERIAL, Codes(typed=pair(99)))


def test_a_hold_lasts_over_several_codes_and_keeps_others_off(host: Host, tmp_path: Path) -> None:
    other = Host(tmp_path)
    with host.sender.holding(SERIAL):
        host.sender.send_pair(SERIAL, Codes(typed=pair(99)), host.send)
        with pytest.raises(CodesRefused, match="Another run on this host works on") as caught:
            other.sender.send_pair(SERIAL, Codes(typed=pair(200)), other.send)
        assert caught.value.explanation.cause == "busy"
    other.sender.send_pair(SERIAL, Codes(typed=pair(200)), other.send)
    assert len(other.sent) == 1


def test_a_prediction_takes_nothing(host: Host) -> None:
    assert host.sender.predict(SERIAL, Codes(seed=SEED)) == 25.0
    assert host.sender.predict(SERIAL, Codes(typed=pair(99))) == 0.0
    host.sender.send_pair(SERIAL, Codes(typed=pair(99)), host.send)


@pytest.mark.parametrize(
    ("code1", "code2", "seed", "cause"),
    [
        ("12345", "654321", None, "not_consecutive"),
        ("860211", "8602111", None, "not_consecutive"),
        ("860211", "860211", None, "not_consecutive"),
        (None, None, "", "wrong_seed"),
        (None, None, "not a seed!", "wrong_seed"),
    ],
)
def test_what_cannot_be_codes_is_refused_and_not_repeated(
    code1: str | None, code2: str | None, seed: str | None, cause: str
) -> None:
    with pytest.raises(CodesRefused) as caught:
        read_codes(code1, code2, seed)
    assert caught.value.explanation.cause == cause
    assert "Nothing was sent" in str(caught.value)
    assert not any(secret and secret in str(caught.value) for secret in (code1, code2, seed))


def test_codes_show_nothing_of_themselves() -> None:
    codes = read_codes("860211", "047593", None)
    assert codes.typed == ("860211", "047593")
    assert bool(codes)
    assert "860211" not in f"{codes} {codes!r}"
    assert not read_codes(None, None, None)


@pytest.mark.parametrize(("offset_s", "says"), [(9.0, "clock is wrong .9.0 s fast"), (None, "not known")])
def test_a_clock_that_is_not_right_is_refused(tmp_path: Path, offset_s: float | None, says: str) -> None:
    witness = Witness("ntp", "192.0.2.1", offset_s, 0.01 if offset_s else None)
    sender = CodeSender(
        CodeLedger(str(tmp_path), lambda: 0.0), lambda: 0.0, lambda _s: None,
        lambda: ClockMeasurement(0.0, witnesses=(witness,)),
    )  # fmt: skip
    with pytest.raises(CodesRefused, match=says):
        sender.check_clock()
    assert sender.clock is not None
    assert sender.clock.offset_s == offset_s
