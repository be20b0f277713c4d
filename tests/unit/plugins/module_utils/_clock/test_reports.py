"""Reports of real chronyd, several versions in many states, and lines that no capture has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError, ReportError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import Source
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.reports import (
    HOST_REPORTS,
    daemon_refusal,
    name_sources,
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

DATA = Path(__file__).resolve().parents[4] / "data" / "chrony"
CAPTURES = sorted(path.parent for path in DATA.glob("*/*/meta.json"))
PARSERS: dict[str, Callable[[str], Any]] = {
    "tracking": parse_tracking,
    "sources": parse_sources,
    "sources-a": parse_sources,
    "sourcestats": parse_sourcestats,
    "sourcestats-a": parse_sourcestats,
    "activity": parse_activity,
    "selectdata": parse_selectdata,
    "selectdata-a": parse_selectdata,
    "authdata": parse_authdata,
    "authdata-a": parse_authdata,
    "ntpdata": parse_ntpdata,
    "serverstats": parse_serverstats,
}

TRACKING = (
    "0A5B0003,10.91.0.3,3,1795310252.774185418,-0.000001366,-0.000000579,0.000001486,4.420,-0.269,16.398,"
    "0.000013458,0.000016657,0.1,Normal\n"
)
SOURCES = "^,*,10.91.0.3,2,6,377,12,-0.000001030,-0.000001609,0.000006778\n"
ACTIVITY = "1,0,0,0,0\n"
SELECTDATA = "*,10.91.0.3,N,-,P,-,-,-,-,P,-,-,-,0,1.0,-0.000008743,0.000008337,Normal\n"


def capture_id(path: Path) -> str:
    return f"{path.parent.name}-{path.name}"


def captured(state: str, report: str) -> list[str]:
    return [(path / f"{report}.csv").read_text() for path in CAPTURES if path.name == state]


def test_there_are_captures_of_several_versions() -> None:
    assert len({path.parent.name for path in CAPTURES}) >= 2, f"no captured reports under {DATA}"


@pytest.mark.parametrize("capture", CAPTURES, ids=capture_id)
def test_every_captured_report_is_read_and_every_refusal_is_recognised(capture: Path) -> None:
    meta = json.loads((capture / "meta.json").read_text())
    seen = set()
    for name, parse in PARSERS.items():
        if name not in meta["reports"]:
            continue
        text = (capture / f"{name}.csv").read_text()
        seen.add(name)
        if meta["reports"][name]["rc"] == 0:
            assert daemon_refusal(text) is None
            parsed = parse(text)
            if not hasattr(parsed, "_fields"):
                assert len(parsed) == len(text.splitlines())
        elif text:
            assert daemon_refusal(text) == text.strip()
            with pytest.raises(ReportError, match="the daemon answered '5"):
                parse(text)
    assert "tracking" in seen


@pytest.mark.parametrize("capture", CAPTURES, ids=capture_id)
def test_one_process_with_several_reports_is_cut_as_it_was_put_together(capture: Path) -> None:
    """chronyc -m writes the same text one after the other and stops at the first failure."""
    meta = json.loads((capture / "meta.json").read_text())
    output, expected, complete = "", {}, True
    for command in HOST_REPORTS:
        name = command.replace(" ", "")
        text = (capture / f"{name}.csv").read_text()
        output += text
        complete = meta["reports"][name]["rc"] == 0
        if not complete:
            break
        expected[command.split()[0]] = text
    assert split_reports(output, HOST_REPORTS, complete=complete) == expected


# --- signs: host minus true time ------------------------------------------------------------------------------------


def test_a_fast_host_has_a_positive_offset_and_a_slow_one_a_negative() -> None:
    fast = [parse_tracking(text) for text in captured("host_fast", "tracking")]
    slow = [parse_tracking(text) for text in captured("host_slow", "tracking")]
    assert fast
    assert slow
    assert all(report.offset_s > 40 for report in fast)
    assert all(report.offset_s < -299 for report in slow)
    # The first correction has the sign of the error; later ones are small.
    first = [report for report in fast + slow if abs(report.last_offset_s) > 1]
    assert first
    assert all(report.last_offset_s * report.offset_s > 0 for report in first)


def test_every_report_gives_the_offset_from_a_server_that_is_ahead_the_same_sign() -> None:
    found = 0
    for capture in (path for path in CAPTURES if path.name == "falseticker"):
        (row,) = (row for row in parse_sources((capture / "sources-a.csv").read_text()) if row.state == "falseticker")
        stats = {row.name: row for row in parse_sourcestats((capture / "sourcestats-a.csv").read_text())}
        selection = {row.name: row for row in parse_selectdata((capture / "selectdata-a.csv").read_text())}
        packets = {row.remote: row for row in parse_ntpdata((capture / "ntpdata.csv").read_text())}
        offsets = [row.offset_s, row.measured_offset_s, stats[row.name].offset_s, packets[row.name].offset_s]
        assert offsets == pytest.approx([-300.0] * 4, abs=0.01)
        assert selection[row.name].state == "x"
        assert selection[row.name].low_s < -299.9
        assert selection[row.name].low_s < selection[row.name].high_s < -299.9
        found += 1
    assert found


def test_a_zero_offset_has_no_sign() -> None:
    parsed = parse_tracking("00000000,,0,0.000000000,-0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
                            "1.000000000,1.000000000,0.0,Not synchronised\n")  # fmt: skip
    assert str(parsed.offset_s) == "0.0"
    assert (parsed.leap, parsed.reference_time_s) == ("unsynchronised", 0.0)


# --- what versions and hosts do differently -------------------------------------------------------------------------


def test_chrony_2_4_prints_quads_and_microseconds() -> None:
    parsed = parse_tracking(
        "192.0.2.1,192.0.2.1,3,1795310252.774185,0.000001366,-0.000000579,0.000001486,-4.420,-0.269,16.398,"
        "0.000013,0.000016,64.1,Insert second\n"
    )
    assert parsed.reference_id == "C0000201"
    assert parsed.leap == "insert"
    assert parsed.offset_s == -0.000001366
    assert parsed.frequency_ppm == -4.420


def test_chrony_2_4_prints_polls_below_zero_as_unsigned() -> None:
    (source,) = parse_sources("^,*,192.0.2.1,2,65533,377,1,0.000000000,0.000000000,0.000001000\n")
    assert source.poll == -3


@pytest.mark.parametrize(
    ("report", "line"),
    [("tracking", TRACKING), ("sources", SOURCES), ("activity", ACTIVITY), ("selectdata", SELECTDATA)],
)
def test_columns_that_a_newer_version_adds_are_ignored(report: str, line: str) -> None:
    assert PARSERS[report](line.rstrip("\n") + ",7,new\n") == PARSERS[report](line)


def test_carriage_returns_and_empty_lines_do_not_matter() -> None:
    assert parse_sources("\n" + SOURCES.replace("\n", "\r\n") + "\r\n\n") == parse_sources(SOURCES)


def test_reach_is_octal_and_never_is_none() -> None:
    heard, silent = parse_sources(
        "^,+,2001:db8::7,2,6,177,4294967295,0.000000000,0.000000000,0.000000000\n"
        "=,?,ID#0000000001,0,6,0,4294967290,0.000000000,0.000000000,0.000000000\n"
    )
    assert (heard.name, heard.reach, heard.last_rx_s) == ("2001:db8::7", 127, None)
    assert (silent.mode, silent.reach, silent.last_rx_s) == ("peer", 0, None)


def test_a_reference_id_with_commas_is_one_name() -> None:
    (clock,) = parse_sources("#,*,S,H,M,0,4,377,9,0.000000001,0.000000002,0.000000003\n")
    (selection,) = parse_selectdata("*,S,H,M,N,-,P,-,-,-,-,P,-,-,-,0,1.0,-0.000001000,0.000001000,Normal\n")
    (stats,) = parse_sourcestats("S,H,M,10,5,7,0.006,0.198,0.000000005,0.000000263\n")
    tracked = parse_tracking(TRACKING.replace("10.91.0.3", "S,H"))
    assert (clock.name, clock.stratum, clock.reach) == ("S,H,M", 0, 255)
    assert (selection.name, selection.high_s) == ("S,H,M", 0.000001)
    assert (stats.name, stats.samples) == ("S,H,M", 10)
    assert (tracked.reference, tracked.stratum) == ("S,H", 3)


def test_a_server_may_choose_commas_for_its_reference_id() -> None:
    (line,) = captured("synchronised", "ntpdata")[0].splitlines()[:1]
    fields = line.split(",")
    fields[16] = "A,B,"
    (parsed,) = parse_ntpdata(",".join(fields) + "\n")
    (plain,) = parse_ntpdata(line + "\n")
    assert parsed == plain._replace(reference="A,B,")


@pytest.mark.parametrize("count", [5, 8, 11, 17, 19])
def test_serverstats_grew_with_the_versions(count: int) -> None:
    parsed = parse_serverstats(",".join(str(number) for number in range(1, count + 1)) + "\n")
    known = [value for value in parsed if value is not None]
    assert known == list(range(1, min(count, 17) + 1))


def test_the_good_packets_are_counted_from_4_3_on() -> None:
    old, new = captured("synchronised", "ntpdata")[:2]
    assert [row.good is None for row in parse_ntpdata(old)[:1] + parse_ntpdata(new)[:1]] == [True, False]


# --- complaints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "1e3", "0x1.8p1", "1_0.0", " 1.0", "12", "9" * 20 + ".0"])
@pytest.mark.parametrize("column", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_what_is_no_number_of_chrony_is_named_by_line_and_column(value: str, column: int) -> None:
    fields = TRACKING.strip().split(",")
    fields[column] = value
    with pytest.raises(ReportError) as caught:
        parse_tracking("\n" + ",".join(fields) + "\n")
    assert (caught.value.report, caught.value.line, caught.value.column) == ("tracking", 2, column)
    assert f"chronyc tracking, line 2, column {column}: " in str(caught.value)
    assert isinstance(caught.value, ClockError)


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, "!"), (1, " "), (2, "a\tb"), (2, "n" * 256), (2, "h\u00f6st"), (3, "17"), (4, "-200"), (4, "70000"),
     (5, "400"), (5, "8"), (5, "9"), (6, "-1"), (6, "soon"), (9, "-0.000000001")],
)  # fmt: skip
def test_absurd_sources_are_refused(column: int, value: str) -> None:
    fields = SOURCES.strip().split(",")
    fields[column] = value
    with pytest.raises(ReportError) as caught:
        parse_sources(SOURCES + ",".join(fields) + "\n")
    assert (caught.value.line, caught.value.column) == (2, column)


@pytest.mark.parametrize("value", ["256.1.1.1", "7F7F010", "XYZXYZXY", ""])
def test_a_reference_id_is_hexadecimal_or_a_quad(value: str) -> None:
    with pytest.raises(ReportError, match=r"column 0: .* is not a reference id"):
        parse_tracking(TRACKING.replace("0A5B0003", value, 1))


def test_a_column_that_is_missing_is_noticed() -> None:
    with pytest.raises(ReportError, match="chronyc sources, line 1: 9 columns where at least 10 belong"):
        parse_sources(SOURCES.rpartition(",")[0])


@pytest.mark.parametrize("text", ["", "\n\n", TRACKING + TRACKING])
def test_tracking_has_exactly_one_line(text: str) -> None:
    with pytest.raises(ReportError, match="lines where exactly one belongs"):
        parse_tracking(text)


def test_a_complaint_shows_little_of_what_it_complains_about() -> None:
    with pytest.raises(ReportError) as caught:
        parse_sources(SOURCES.replace("10.91.0.3", "\x1b]0;evil\x07" + "x" * 1000))
    assert len(str(caught.value)) < 200
    assert "\x1b" not in str(caught.value)


def test_more_lines_than_any_daemon_has_sources_are_refused() -> None:
    with pytest.raises(ReportError, match="more than 4096 lines"):
        parse_sources(SOURCES * 5000)


# --- several reports in one text ------------------------------------------------------------------------------------


def test_a_list_without_rows_is_known_to_be_empty_when_another_report_follows() -> None:
    cut = split_reports(TRACKING + ACTIVITY, HOST_REPORTS)
    assert cut == {"tracking": TRACKING, "sources": "", "activity": ACTIVITY}


def test_what_follows_the_last_report_is_unknown_unless_chronyc_was_content() -> None:
    assert "selectdata" not in split_reports(TRACKING + SOURCES + ACTIVITY, HOST_REPORTS)
    assert split_reports(TRACKING + ACTIVITY, HOST_REPORTS, complete=True)["selectdata"] == ""


def test_a_list_that_the_daemon_broke_off_is_left_out() -> None:
    cut = split_reports(TRACKING + SOURCES + "506 Cannot talk to daemon\n", HOST_REPORTS)
    assert cut == {"tracking": TRACKING}


def test_a_list_whose_last_line_has_no_end_is_left_out() -> None:
    whole = TRACKING + SOURCES + ACTIVITY + SELECTDATA
    assert set(split_reports(whole, HOST_REPORTS)) == {"tracking", "sources", "activity", "selectdata"}
    assert set(split_reports(whole[:-1], HOST_REPORTS)) == {"tracking", "sources", "activity"}


def test_nothing_gives_nothing() -> None:
    assert split_reports("", HOST_REPORTS) == {}
    assert split_reports("506 Cannot talk to daemon\n", HOST_REPORTS) == {}


def test_all_eight_reports_of_one_process_are_told_apart() -> None:
    commands = ["tracking", "sources", "activity", "selectdata", "sourcestats", "authdata", "ntpdata", "serverstats"]
    for capture in (path for path in CAPTURES if path.name in {"synchronised", "ipv6", "nts", "symmetric_key"}):
        texts = {command: (capture / f"{command}.csv").read_text() for command in commands}
        assert split_reports("".join(texts.values()), commands, complete=True) == texts


def test_a_line_of_no_report_is_an_error() -> None:
    with pytest.raises(ReportError, match=r"line 2: a line with 1 columns that is not of sources or activity"):
        split_reports(TRACKING + "Segmentation fault\n", ["tracking", "sources -a", "activity"])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("506 Cannot talk to daemon\n", "506 Cannot talk to daemon"),
        (TRACKING + "501 Not authorised\n", "501 Not authorised"),
        ("200 OK\n", None),
        ("5,0,0,0,0\n", None),
        ("500 Failure", "500 Failure"),
        ("", None),
    ],
)
def test_a_refusal_is_found(text: str, answer: str | None) -> None:
    assert daemon_refusal(text) == answer


# --- names ----------------------------------------------------------------------------------------------------------


def rows_of(*names: str, mode: str = "^") -> tuple[Source, ...]:
    return parse_sources("".join(SOURCES.replace("10.91.0.3", name).replace("^", mode) for name in names))


def test_names_are_joined_by_position() -> None:
    named = name_sources(rows_of("192.0.2.1", "192.0.2.2"), rows_of("pool.example.net", "pool.example.net"))
    assert [(source.name, source.configured_name) for source in named] == [
        ("192.0.2.1", "pool.example.net"),
        ("192.0.2.2", "pool.example.net"),
    ]


@pytest.mark.parametrize("other", [rows_of("a"), rows_of("a", "b", "c"), rows_of("a", "b", mode="="), ()])
def test_lists_that_do_not_fit_give_no_names(other: tuple[Source, ...]) -> None:
    named = name_sources(rows_of("192.0.2.1", "192.0.2.2"), other)
    assert [source.configured_name for source in named] == [None, None]
