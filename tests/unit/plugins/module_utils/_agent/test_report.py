from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import (
    MAX_BYTES,
    MAX_POINTS,
    Notice,
    Point,
    Report,
    ReportFault,
    from_json,
    machine_key,
    to_json,
)
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_a_report_comes_back_as_it_went(report: Report) -> None:
    noted = report._replace(notices=[Notice("clock_step", -90.0), Notice("suspend", 3600.0)], stale="why")
    text = to_json(noted)
    assert text.count("\n") == 1
    assert json.loads(text)["schema"] == 1
    assert from_json(text) == noted


@pytest.mark.parametrize("name", Report._fields)
def test_every_field_is_needed(report: Report, name: str) -> None:
    found = json.loads(to_json(report))
    del found[name]
    with pytest.raises(ReportFault, match=rf"report\.{name}: missing"):
        from_json(json.dumps(found))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", 2),
        ("schema", True),
        ("schema", 1.0),
        ("schema", "1"),
        ("sequence", 0),
        ("sequence", True),
        ("sequence", 2**60),
        ("taken_at_s", "now"),
        ("boottime_s", -1),
        ("boottime_s", True),
        ("boottime_s", 1e13),
        ("boot_id", None),
        ("stale", 3),
        ("notices", [["clock_step"]]),
        ("notices", [["reboot", 1]]),
        ("notices", [[["clock_step"], 1]]),
        ("notices", {}),
        ("measured", []),
        ("facts", None),
        ("messages", [1]),
        ("history", {}),
        ("history", []),
        ("history", [1]),
        ("history", [[1.0, 0.1]]),
        ("history", [[1.0, 0.1, 0.2, 0.3]]),
        ("history", [[None, 0.1, 0.2]]),
        ("history", [[1.0, "0.1", 0.2]]),
        ("history", [[1.0, True, 0.2]]),
        ("history", [[1.0, 0.1, -0.2]]),
        ("history", [[1.0, 0.1, 1e13]]),
        ("history", [[2.0, 0.1, 0.2], [1.0, 0.1, 0.2]]),
        ("history", [[2.0, 0.1, 0.2], [2.0, 0.1, 0.2]]),
        ("history", [[float(number), 0.1, 0.2] for number in range(MAX_POINTS + 1)]),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(report: Report, name: str, value: Any) -> None:
    found = {**json.loads(to_json(report)), name: value}
    with pytest.raises(ReportFault, match=name):
        from_json(json.dumps(found))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100000, '{"schema": 1, "taken_at_s": NaN}', " " * (MAX_BYTES + 1)]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ReportFault):
        from_json(text)


def test_as_many_checks_as_a_chart_has_make_a_small_report(report: Report) -> None:
    day = [Point(1795325844.125 + number, -0.123456, 0.123456) for number in range(MAX_POINTS)]
    text = to_json(report._replace(history=day))
    assert from_json(text).history == day
    assert len(text) - len(to_json(report)) < 2048


def test_a_number_that_is_none_is_not_written(report: Report) -> None:
    with pytest.raises(ReportFault, match="cannot be written"):
        to_json(report._replace(facts={"offset_s": float("nan")}))
    with pytest.raises(ReportFault, match="cannot be written"):
        to_json(report._replace(facts={"offset_s": {1}}))


def test_a_report_that_nobody_would_read_is_not_written(report: Report) -> None:
    with pytest.raises(ReportFault, match="bytes long"):
        to_json(report._replace(messages=["x" * MAX_BYTES]))


def test_a_machine_id_is_not_told_and_still_tells_machines_apart() -> None:
    one, other = "0123456789abcdef0123456789abcdef\n", "1123456789abcdef0123456789abcdef\n"
    assert machine_key(one) == machine_key(one.strip()) != machine_key(other)
    assert one.strip() not in machine_key(one)
    # An image that was never booted: two of those are not the same machine.
    assert machine_key("") == machine_key("uninitialized\n") == ""


@given(JSON)
def test_anything_else_is_a_report_fault(found: Any) -> None:
    with pytest.raises(ReportFault):
        from_json(json.dumps(found))


@given(st.sampled_from(Report._fields), JSON)
def test_a_value_of_any_kind_is_read_or_refused(name: str, value: Any) -> None:
    numbers = {"sequence": 1, "taken_at_s": 0.0, "boottime_s": 0.0, "monotonic_s": 0.0, "stale": None}
    containers: dict[str, Any] = {key: {} for key in ("parameters", "measured", "facts")}
    lists: dict[str, Any] = {key: [] for key in ("notices", "messages", "warnings")}
    texts = dict.fromkeys(("agent_version", "machine", "hostname", "boot_id"), "")
    found = {"schema": 1, **numbers, **containers, **lists, **texts, "history": [[0, None, None]]}
    assert from_json(json.dumps(found)).history == [(0.0, None, None)]
    found[name] = value
    with suppress(ReportFault):
        read = from_json(json.dumps(found))
        assert read.sequence >= 1
        assert read.boottime_s >= 0


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(ReportFault):
        from_json(text)
