"""No text whatever makes a parser of chronyc's reports fail in another way than it says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ReportError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.reports import (
    HOST_REPORTS,
    daemon_refusal,
    parse_activity,
    parse_selectdata,
    parse_sources,
    parse_tracking,
    split_reports,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.reports_extra import (
    parse_authdata,
    parse_ntpdata,
    parse_serverstats,
    parse_sourcestats,
)
from hypothesis import given
from hypothesis import strategies as st

# One line of each report, as chrony 4.6 prints it.
SAMPLES: dict[str, tuple[Callable[[str], Any], str]] = {
    "tracking": (
        parse_tracking,
        (
            "0A5B0003,10.91.0.3,3,1795310252.774185418,-0.000001366,-0.000000579,0.000001486,4.420,-0.269,16.398,"
            "0.000013458,0.000016657,0.1,Normal"
        ),
    ),
    "sources": (parse_sources, "^,*,10.91.0.3,2,-4,377,12,-0.000001030,-0.000001609,0.000006778"),
    "selectdata": (
        parse_selectdata,
        "*,10.91.0.3,N,-,P,-,-,-,-,P,-,-,-,0,1.0,-0.000008743,0.000008337,Normal",
    ),
    "activity": (parse_activity, "4,0,0,0,1"),
    "sourcestats": (parse_sourcestats, "10.91.0.1,6,4,0,4.297,134.020,0.000000721,0.000002302"),
    "authdata": (parse_authdata, "10.91.0.1,NTS,1,15,256,33,0,0,8,100"),
    "ntpdata": (
        parse_ntpdata,
        (
            "10.91.0.1,0A5B0001,123,10.91.0.100,0A5B0064,Normal,4,Server,2,-4,0,-25,0.000000030,0.000000,0.000000,"
            "7F7F0101,,1795310255.639193689,-0.000000130,0.000011842,0.000000071,0.000033318,0.00,111,111,1111,No,No,"
            "Kernel,Kernel,6,6,6,6,6,6,0,0"
        ),
    ),
    "serverstats": (parse_serverstats, "0,0,86,0,0,0,0,0,0,0,0,1,2,3,4,5,6"),
}
WIDTH = {"tracking": 14, "sources": 10, "selectdata": 18, "activity": 5, "sourcestats": 8, "authdata": 10,
         "ntpdata": 33, "serverstats": 5}  # fmt: skip

fields = st.one_of(
    st.sampled_from(
        ["", "nan", "-inf", "1e999", "0x7f", "4294967295", "-1", "^", "*", "Normal", "9" * 400, "-0.0", "1_0"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=20),
)
reports = st.sampled_from(sorted(SAMPLES))
ASKED = [command.split()[0] for command in HOST_REPORTS]


def finite(value: object) -> bool:
    """Say whether there is no number in it that is none."""
    if isinstance(value, tuple):
        return all(finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def read(report: str, text: str) -> None:
    """Parse; the documented error is the only one, and its place is in the text."""
    parsed: object = None
    complaint: ReportError | None = None
    try:
        parsed = SAMPLES[report][0](text)
    except ReportError as exc:
        complaint = exc
    if complaint is None:
        assert parsed is not None
        assert finite(parsed)
        return
    assert complaint.report == report
    assert 1 <= complaint.line <= text.count("\n") + 1
    assert complaint.column is None or complaint.column >= 0
    assert len(str(complaint)) < 500
    assert str(complaint).isascii()


@pytest.mark.parametrize("report", sorted(SAMPLES))
def test_the_samples_are_valid(report: str) -> None:
    assert SAMPLES[report][0](SAMPLES[report][1] + "\n")


@given(reports, st.text(max_size=400))
def test_any_text(report: str, text: str) -> None:
    read(report, text)


@given(reports, st.lists(fields, max_size=40), st.booleans())
def test_any_fields(report: str, row: list[str], after_a_good_one: bool) -> None:
    read(report, (SAMPLES[report][1] + "\n" if after_a_good_one else "") + ",".join(row))


@given(reports, st.data())
def test_a_good_line_with_some_fields_replaced_added_or_removed(report: str, data: st.DataObject) -> None:
    row = SAMPLES[report][1].split(",")
    for _time in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(row) - 1))
        row[place : place + data.draw(st.integers(0, 2))] = data.draw(st.lists(fields, max_size=2))
        row = row or [""]
    read(report, ",".join(row) + "\n")


@given(reports, st.lists(fields.filter(lambda field: "\n" not in field and "\r" not in field), max_size=4))
def test_added_columns_change_nothing(report: str, added: list[str]) -> None:
    parse, line = SAMPLES[report]
    plain = parse(line)
    if report == "serverstats":
        line += ",7"  # 17 counters are known; what comes after is not looked at
    full = {"ntpdata": 38, "serverstats": 18}.get(report, WIDTH[report])
    assert len(line.split(",")) == full
    assert parse(",".join([line, *added]) + "\n") == plain


@given(reports, st.integers(0, 40))
def test_a_line_cut_short_is_never_read(report: str, columns: int) -> None:
    parse, line = SAMPLES[report]
    row = line.split(",")[: min(columns, WIDTH[report] - 1)]
    if not any(row):
        return
    with pytest.raises(ReportError):
        parse(",".join(row))


@given(st.text(max_size=400), st.booleans())
def test_any_text_is_cut_or_refused(text: str, complete: bool) -> None:
    try:
        cut = split_reports(text, HOST_REPORTS, complete=complete)
    except ReportError:
        return
    assert set(cut) <= {"tracking", "sources", "activity", "selectdata"}


@given(st.lists(st.sampled_from([*ASKED, "501 Not authorised"]), max_size=12), st.booleans(), st.booleans())
def test_any_order_of_lines_is_cut_or_refused(kinds: list[str], complete: bool, ended: bool) -> None:
    lines = [SAMPLES[kind][1] if kind in SAMPLES else kind for kind in kinds]
    try:
        cut = split_reports("\n".join(lines) + "\n" * ended, HOST_REPORTS, complete=complete)
    except ReportError:
        return
    for kind, text in cut.items():
        read(kind, text)
        assert all(line == SAMPLES[kind][1] for line in text.splitlines())


@given(st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_a_whole_batch_is_cut_exactly(sources: int, selections: int, allowed: bool) -> None:
    texts = {
        "tracking": SAMPLES["tracking"][1] + "\n",
        "sources": (SAMPLES["sources"][1] + "\n") * sources,
        "activity": SAMPLES["activity"][1] + "\n",
    }
    output = "".join(texts.values())
    if allowed:
        texts["selectdata"] = (SAMPLES["selectdata"][1] + "\n") * selections
        assert split_reports(output + texts["selectdata"], HOST_REPORTS, complete=True) == texts
    else:
        assert split_reports(output + "501 Not authorised\n", HOST_REPORTS) == texts


@given(st.text(max_size=300))
def test_a_refusal_is_one_short_printable_line(text: str) -> None:
    refusal = daemon_refusal(text)
    assert refusal is None or (refusal.isprintable() and len(refusal) < 130)
