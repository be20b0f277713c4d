from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.ratelimit import (
    Attempt,
    admit,
    read_attempts,
    write_attempts,
)
from hypothesis import given
from hypothesis import strategies as st


def admitted(attempts: list[Attempt], now: Attempt) -> bool:
    return admit(attempts, now, at_most=2, within_s=3600.0)[0]


def test_as_many_as_allowed_within_the_window() -> None:
    attempts = [Attempt("a", 100.0), Attempt("a", 200.0)]
    assert admitted([], Attempt("a", 300.0))
    assert admitted(attempts[:1], Attempt("a", 300.0))
    assert not admitted(attempts, Attempt("a", 300.0))
    assert admitted(attempts, Attempt("a", 3701.0)), "the first is over an hour old"


def test_a_reboot_resets_no_limit() -> None:
    attempts = [Attempt("a", 90000.0), Attempt("a", 90100.0)]
    assert not admitted(attempts, Attempt("b", 60.0))
    assert admitted(attempts, Attempt("b", 3601.0))


def test_what_no_longer_counts_is_forgotten() -> None:
    attempts = [Attempt("a", 100.0), Attempt("a", 5000.0), Attempt("a", 9e9)]
    assert admit(attempts, Attempt("a", 5100.0), at_most=2, within_s=3600.0) == (True, [Attempt("a", 5000.0)])


def test_attempts_come_back_from_their_file() -> None:
    attempts = [Attempt("a", 100.0), Attempt("b", 2.5)]
    assert read_attempts(write_attempts(attempts)) == attempts


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[["a"]]', '[["a", true]]', '[["a", -1]]', "[[1, 1]]", '[["a", NaN]]']
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|Expecting"):
        read_attempts(text)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1e6))), st.floats(0, 1e6))
def test_never_more_than_allowed_in_any_window_of_one_boot(pairs: list[tuple[str, float]], at: float) -> None:
    attempts = [Attempt(*pair) for pair in pairs]
    allowed, counted = admit(attempts, Attempt("a", at), at_most=3, within_s=3600.0)
    recent = [one for one in attempts if one.boot_id == "a" and 0 <= at - one.boottime_s <= 3600.0]
    assert not (allowed and len(recent) >= 3)
    assert all(one in counted for one in recent)
