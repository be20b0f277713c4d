from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.history import (
    Entry,
    entry_of,
    forecast,
    last_day,
    line_of,
    read_entries,
    trend,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import (
    Notice,
    Report,
    from_json,
    to_json,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement, Tracking
from hypothesis import given
from hypothesis import strategies as st

ENTRY = Entry(100.0, "0210fe37", 50.0, 1, "compliant", 0.001, 0.002, -3.0, 0.5, {})
TRACKING = Tracking("0A000001", "10.0.0.1", 3, 90.0, 0.0, 0.0, 0.0, -3.0, 0.0, 0.5, 0.001, 0.001, 16.0, "normal")
POLICY: dict[str, Any] = {"max_error_s": 1.0, "validator": "rfc6238", "min_probability": 0.95}


def test_an_entry_is_a_line_and_an_entry_again(facts: dict[str, Any]) -> None:
    entry = entry_of(
        facts,
        ClockMeasurement(90.0, tracking=TRACKING),
        boot_id="0210fe37-af28",
        boottime_s=50.0,
        taken_at_s=100.0,
        sequence=7,
        notices=[Notice("clock_step", 90.0)],
    )
    assert (entry.frequency_ppm, entry.skew_ppm, entry.boot) == (-3.0, 0.5, "0210fe37")
    assert list(read_entries([line_of(entry)])) == [entry]
    assert line_of(entry).count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"bound_s": -1.0},
        {"bound_s": 1e12},
        {"offset_s": -1e13},
        {"taken_at_s": 1e12},
        {"sequence": 0},
        {"sequence": 1.5},
        {"sequence": 2**53},
    ],
)
def test_a_line_that_no_report_can_carry_is_passed_over(report: Report, change: dict[str, Any]) -> None:
    # The reader refuses a whole report for one such point: for a day, no check would be of any use.
    newest = ENTRY._replace(taken_at_s=200.0, sequence=9)
    points = last_day([line_of(ENTRY._replace(**{"taken_at_s": 90.0, **change})), line_of(ENTRY)], newest)
    assert from_json(to_json(report._replace(history=points))).history == points
    assert len(points) == 2


def test_a_high_number_is_one() -> None:
    entry = ENTRY._replace(sequence=2**53 - 1)
    assert list(read_entries([line_of(entry)])) == [entry]


def test_what_is_not_known_is_no_number(facts: dict[str, Any]) -> None:
    facts["clock"].update(offset_s=None, bound_s=None)
    entry = entry_of(
        facts,
        ClockMeasurement(90.0, tracking=TRACKING),
        boot_id="",
        boottime_s=1.0,
        taken_at_s=2.0,
        sequence=1,
        notices=[],
    )
    assert entry.frequency_ppm is None
    assert "offset_s" not in json.loads(line_of(entry))
    assert list(read_entries([line_of(entry)])) == [entry]


def test_lines_that_are_none_of_ours_are_passed_over() -> None:
    lines = [line_of(ENTRY), '{"taken_at_s":1', "", "[]", "{}", '{"taken_at_s":"x"}', "[" * 100000, line_of(ENTRY)]
    assert list(read_entries(lines)) == [ENTRY, ENTRY]


def past(count: int, **changes: Any) -> list[Entry]:
    """Checks every 300 s, the last of them 300 s before NEWEST."""
    return [
        NEWEST._replace(
            taken_at_s=NEWEST.taken_at_s - 300.0 * age,
            boottime_s=NEWEST.boottime_s - 300.0 * age,
            offset_s=age * 1e-3,
            **changes,
        )
        for age in range(count, 0, -1)
    ]


NEWEST = ENTRY._replace(taken_at_s=1795325844.125, boottime_s=9e6)


def test_a_short_history_is_shown_whole() -> None:
    shown = last_day([line_of(entry) for entry in past(3)], NEWEST)
    assert [(round(NEWEST.taken_at_s - at), offset) for at, offset, _bound in shown] == [
        (900, 0.003), (600, 0.002), (300, 0.001), (0, 0.001)
    ]  # fmt: skip
    assert last_day([], NEWEST) == [(NEWEST.taken_at_s, 0.001, 0.002)]


@pytest.mark.parametrize("count", [46, 47, 48, 49, 100, 288, 3000])
def test_a_long_history_is_thinned_evenly_over_a_day(count: int) -> None:
    ages = [
        NEWEST.taken_at_s - point.taken_at_s for point in last_day([line_of(entry) for entry in past(count)], NEWEST)
    ]
    assert len(ages) == min(count + 1, 48)
    assert (ages[0], ages[-1]) == (300.0 * min(count, 288), 0.0)
    gaps = {one - later for one, later in itertools.pairwise(ages)}
    assert max(gaps) - min(gaps) <= 300.0


def test_what_is_not_known_is_null_in_a_chart() -> None:
    unknown = ENTRY._replace(
        taken_at_s=NEWEST.taken_at_s - 5, boottime_s=NEWEST.boottime_s - 5, offset_s=None, bound_s=None
    )
    assert last_day([line_of(unknown)], NEWEST)[0] == (unknown.taken_at_s, None, None)


def test_times_rise_whatever_was_done_to_the_clock() -> None:
    # The clock was 1000 s fast until the check before the last two, and 30 years back for one.
    fast = [entry._replace(taken_at_s=entry.taken_at_s + 1000) for entry in past(9)[:7]]
    lines = [line_of(entry) for entry in [*fast, *past(2)]]
    times = [point.taken_at_s for point in last_day(lines, NEWEST)]
    assert times == sorted(set(times))
    assert [round(NEWEST.taken_at_s - at) for at in times] == [1700, 1400, 1100, 800, 600, 300, 0]
    assert len(last_day(lines, NEWEST._replace(taken_at_s=800000000.0))) == 1


def test_an_earlier_boot_counts_by_its_clock() -> None:
    young, old = (ENTRY._replace(boot="before", taken_at_s=NEWEST.taken_at_s - age) for age in (3600.0, 90000.0))
    assert len(last_day([line_of(old), line_of(young)], NEWEST)) == 2


def test_half_a_line_is_no_check_of_a_day() -> None:
    lines = [line_of(entry) for entry in past(2)]
    assert len(last_day([*lines, '{"taken_at_s":1', "[]"], NEWEST)) == 3


@given(st.lists(st.text(alphabet='{}[]":,0123456789.eE-abcdefnotices_', max_size=60)))
def test_any_lines_are_read(lines: list[str]) -> None:
    assert len(list(read_entries([*lines, line_of(ENTRY)]))) >= 1


def test_days_to_lockout_is_the_budget_divided_by_what_the_clock_may_run_away() -> None:
    found = forecast(0.1, 0.2, -9.0, 1.0, **POLICY)
    assert found is not None
    assert found.rate_ppm == 10.0
    assert found.limit_s == 1.0
    assert found.days == pytest.approx(0.8 / 10e-6 / 86400)


def test_a_validator_that_forgives_less_than_the_policy_is_the_limit() -> None:
    strict = forecast(0.0, 0.0, 10.0, 0.0, max_error_s=60.0, validator="strict", min_probability=0.95)
    wide = forecast(0.0, 0.0, 10.0, 0.0, max_error_s=60.0, validator="window1", min_probability=0.95)
    assert strict is not None
    assert wide is not None
    # 5 % of 30 s; with a step to either side 30 s more.
    assert strict.limit_s == pytest.approx(1.5, abs=0.001)
    assert wide.limit_s == pytest.approx(31.5, abs=0.001)


def test_a_budget_that_is_lost_already_has_no_days_left() -> None:
    found = forecast(1.2, 1.3, 1.0, 0.1, **POLICY)
    assert found is not None
    assert found.days == 0.0


def test_a_clock_that_never_runs_away_has_no_end() -> None:
    found = forecast(0.0, 0.0, 0.0, 0.0, **POLICY)
    assert found is not None
    assert found.days == 36500


@pytest.mark.parametrize("missing", range(4))
def test_nothing_is_foretold_of_a_clock_that_is_not_known(missing: int) -> None:
    values: list[float | None] = [0.0, 0.1, 1.0, 0.1]
    values[missing] = None
    assert forecast(*values, **POLICY) is None


def test_a_trend_counts_within_boots() -> None:
    entries = [
        ENTRY,
        ENTRY._replace(
            boottime_s=350.0, offset_s=-0.5, bound_s=0.6, verdict="noncompliant", notices={"clock_step": 1.0}
        ),
        ENTRY._replace(
            boot="other", boottime_s=10.0, offset_s=None, bound_s=None, frequency_ppm=None, verdict="unknown"
        ),
        ENTRY._replace(boot="other", boottime_s=40.0, notices={"suspend": 60.0}),
    ]
    seen = trend(entries)
    assert (seen.checks, seen.span_s) == (4, 330.0)
    assert (seen.offset_min_s, seen.offset_max_s, seen.bound_max_s) == (-0.5, 0.001, 0.6)
    assert seen.verdicts == {"compliant": 2, "noncompliant": 1, "unknown": 1}
    assert (seen.steps, seen.suspends) == (1, 1)
    assert trend([]).offset_min_s is None
