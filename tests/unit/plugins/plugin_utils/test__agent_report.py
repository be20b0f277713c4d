"""Which reports count. Real runs, from another user's shell too: tests/integration/test_fast_path.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._agent_report import (
    ReportRefused,
    read_answer,
    what_it_holds,
)

from tests.fakes.agent_report import BOOT_ID, LISTED, PARAMETERS, answer_of, report_of

TAKEN = 1795310252.25
MEASURED = {"look": [], "identity": {}, "detail": {"identity_gaps": []}, "policy": {"max_error": 7}, "kernel": "x"}


def held(
    text: str | None = None,
    *,
    options: dict[str, Any] | None = None,
    made_with: dict[str, Any] | None = None,
    report: dict[str, Any] | None = None,
    **answer: Any,
) -> Any:
    """Return what a report of a host holds; ``answer`` changes what the command prints about it."""
    made = {**PARAMETERS, "detail": True, **(made_with or {})}
    if text is None:
        text = report_of(MEASURED, **{"taken_at_s": TAKEN, "parameters": made, **(report or {})})
    age = answer.pop("age_s", 100.0)
    printed = answer_of(text, **{"wall_s": TAKEN + age, "age_s": age, **answer})
    found = read_answer(printed)
    assert found is not None
    return what_it_holds(found, {**PARAMETERS, **(options or {})})


def test_what_the_module_would_have_sent() -> None:
    measured, age, history = held()
    assert [tuple(point) for point in history] == [(1795309952.0, None, None), (1795310252.0, 0.0001, 0.0005)]
    assert age == pytest.approx(100.0, abs=0.02)
    assert measured["kernel"] == BOOT_ID
    assert measured["compare"] is True
    assert measured["policy"]["max_error"] == 1.0
    assert "detail" not in measured
    assert measured["started_s"] == measured["ended_s"] == pytest.approx(TAKEN + 100)


def test_a_clock_read_to_the_second_was_read_somewhere_in_it() -> None:
    measured = held(fraction=False).measured
    assert (measured["ended_s"], measured["started_s"]) == (int(TAKEN) + 100, int(TAKEN) + 101)


def test_without_the_subset_nobody_is_compared() -> None:
    chosen = {"gather_subset": ["!witness"]}
    assert held(options=chosen, made_with=chosen)[0]["compare"] is False


@pytest.mark.parametrize("printed", ["", "Welcome to web1\n", "softtoken-report 2\nboot_id x\n"])
def test_no_report(printed: str) -> None:
    assert read_answer(printed) is None


def test_a_terminal_and_a_greeting_change_nothing() -> None:
    text = report_of(MEASURED, taken_at_s=TAKEN)
    plain = answer_of(text, wall_s=TAKEN, age_s=0.0)
    assert read_answer("Welcome\r\n" + plain.replace("\n", "\r\n")) == read_answer(plain)


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("before 5100.00", "before"),
        ("after 5100.00", ""),
        ("wall 1795310352", "wall soon"),
        ("boot_id", "boat_id"),
        ("changed no", ""),
        ("chronyd runs", ""),
    ],
)
def test_half_an_answer_is_none(line: str, other: str) -> None:
    printed = answer_of("{}", wall_s=TAKEN + 100, age_s=100.0)
    assert line in printed
    with pytest.raises(ReportRefused, match="could not be read beside it"):
        read_answer(printed.replace(line, other))


def test_a_report_cannot_speak_for_the_host() -> None:
    # The file's own text comes last, and what looks like the command's lines in it counts for nothing.
    text = report_of({**MEASURED, "note": "x"}, taken_at_s=TAKEN, boottime_s=1.0)
    forged = f"after 2.0\nchanged no\n{LISTED[2]}\nreport\n{text}"
    found = read_answer(answer_of(forged, wall_s=TAKEN, age_s=3000.0, changed="yes"))
    assert found is not None
    assert (found.after_s, found.changed) == (8000.0, True)
    with pytest.raises(ReportRefused, match="no JSON"):
        what_it_holds(found, PARAMETERS)


# --- who wrote it ----------------------------------------------------------------------------------------------------

RUN, FOLDER, FILE = LISTED


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ((RUN, FOLDER, FILE.replace("softtoken softtoken", "mallory users")), "belongs to mallory"),
        ((RUN, FOLDER, FILE.replace("softtoken softtoken", "1007 softtoken")), "belongs to 1007"),
        ((RUN, FOLDER.replace("softtoken softtoken", "mallory softtoken"), FILE), "belongs to mallory"),
        ((RUN.replace("root root", "softtoken root"), FOLDER, FILE), "/run belongs to softtoken"),
        ((RUN, FOLDER, FILE.replace("-rw-r--r--", "-rw-rw-r--")), "written by others"),
        ((RUN, FOLDER, FILE.replace("-rw-r--r--", "-rw-r--rw-")), "written by others"),
        ((RUN, FOLDER, FILE.replace("-rw-r--r--", "-rw-rw-r--+")), "written by others"),
        ((RUN, FOLDER.replace("drwxr-xr-x", "drwxrwxr-x"), FILE), "/run/softtoken can be written by others"),
        ((RUN, FOLDER.replace("drwxr-xr-x", "drwxrwxrwt"), FILE), "written by others"),
        ((RUN.replace("drwxr-xr-x", "drwxrwxrwt"), FOLDER, FILE), "/run can be written by others"),
        ((RUN, FOLDER, FILE.replace("-rw", "lrw") + " -> /tmp/report.json"), "no regular file"),
        ((RUN, FOLDER, FILE.replace("-rw", "prw")), "no regular file"),
        ((RUN, FOLDER.replace("drwx", "lrwx") + " -> /tmp", FILE), "/run/softtoken is no directory"),
        ((RUN, FILE), "/run/softtoken is no directory"),
        ((), "/run is no directory"),
    ],
)
def test_who_could_have_written_it(listed: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ReportRefused, match=reason):
        held(listed=listed)


def test_root_may_have_written_it_too() -> None:
    assert held(listed=tuple(line.replace("softtoken softtoken", "root root") for line in LISTED))


# --- what it is of ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"boot_id": "99999999-2222-3333-4444-555555555555"}, "another boot"),
        ({"boot_id": ""}, "another boot"),
        ({"machine_id": "f" * 32}, "another host"),
        ({"machine_id": ""}, "another host"),
        ({"hostname": "web2"}, "another host"),
        ({"age_s": 900.5}, "900 s old|901 s old"),
        ({"age_s": -60.0}, "has not been running"),
        ({"chronyd": "gone"}, "runs no more"),
        ({"changed": "yes"}, "chronyd was started, or its configuration changed"),
        ({"wall_s": TAKEN + 100 + 90}, r"stepped since, by \+90"),
        ({"wall_s": TAKEN + 100 - 90}, "stepped since, by -90"),
        ({"wall_s": TAKEN + 100 + 0.3}, r"stepped since, by \+0.3"),
        ({"wall_s": TAKEN + 100 + 3, "fraction": False}, "stepped since"),
        ({"report": {"agent_version": "0.0.9"}}, "version 0.0.9"),
        ({"report": {"stale": "the configuration is wrong"}}, "the configuration is wrong"),
    ],
)
def test_of_what_it_is_and_since_when(answer: dict[str, Any], reason: str) -> None:
    with pytest.raises(ReportRefused, match=reason):
        held(**answer)


@pytest.mark.parametrize("chronyd", ["hidden", "runs"])
def test_a_chronyd_that_may_still_run(chronyd: str) -> None:
    assert held(chronyd=chronyd)


def test_a_chronyd_that_did_not_run_then_either() -> None:
    assert held(chronyd="gone", report={"facts": {"chrony": {"active": False}}})


def test_an_age_that_is_no_number_is_no_limit() -> None:
    with pytest.raises(ReportRefused, match="stale"):
        held(options={"max_report_age": float("nan")})


def test_both_ends_of_the_age() -> None:
    assert held(age_s=0.0).age_s == 0.0
    assert held(age_s=899.9)
    with pytest.raises(ReportRefused, match="stale"):
        held(age_s=61.0, options={"max_report_age": 60.0})


# --- what it answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"gather_subset": ["clock"]}, "gather_subset"),
        ({"gather_subset": ["!role"]}, "gather_subset"),
        ({"chronyc_address": "127.0.0.1"}, "chronyc_address"),
        ({"config_file": "/etc/other.conf"}, "config_file"),
        ({"imds": "never"}, "imds"),
        ({"imds_endpoint": "http://192.0.2.1"}, "imds_endpoint"),
        ({"witness_servers": ["ntp1.example.com"]}, "witness_servers"),
    ],
)
def test_another_question_has_another_answer(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ReportRefused, match=name):
        held(options=options)
    assert held(options=options, made_with=options)


def test_more_witnesses_than_asked_for_are_welcome() -> None:
    assert held(options={"witness_servers": ["a"]}, made_with={"witness_servers": ["b", "a"]})


def test_where_the_role_is_not_asked_for_its_options_do_not_matter() -> None:
    chosen = {"gather_subset": ["all", "!role"]}
    assert held(options={**chosen, "imds": "never"}, made_with=chosen)


def test_an_agent_that_could_not_see_everything() -> None:
    blind = {"identity_gaps": [{"reason": "cannot read /home/alice/.aws/config"}]}
    with pytest.raises(ReportRefused, match="cannot read /home/alice"):
        held(report_of({**MEASURED, "detail": blind}, taken_at_s=TAKEN))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"schema": 2}',
        report_of(MEASURED)[:-20],
        report_of(MEASURED, sequence=True),
        report_of(MEASURED, taken_at_s=TAKEN, history=[]),
        report_of({}),
        report_of({"detail": []}, taken_at_s=TAKEN),
        report_of(MEASURED, taken_at_s=TAKEN, parameters={}),
        report_of(MEASURED, taken_at_s=TAKEN, parameters={**PARAMETERS, "gather_subset": 5}),
        report_of(MEASURED, taken_at_s=TAKEN, parameters={**PARAMETERS, "gather_subset": ["nonsense"]}),
        report_of(MEASURED, taken_at_s=TAKEN, parameters={**PARAMETERS, "witness_servers": [[]]}),
        json.dumps({**json.loads(report_of(MEASURED)), "boottime_s": -1}),
    ],
)
def test_nonsense_is_a_reason_and_no_error(text: str) -> None:
    with pytest.raises(ReportRefused):
        held(text)
