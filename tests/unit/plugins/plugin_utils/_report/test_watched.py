from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.watched import Progress, Watched

Maker = Callable[..., dict[str, Any]]


def progress(total: int, **verdicts: int) -> Progress:
    made = Progress(total, started_s=1000.0)
    for verdict, count in verdicts.items():
        for index in range(count):
            made.measured(f"{verdict}{index}", verdict)
    return made


def test_a_host_that_is_measured_again_counts_once_with_its_last_verdict(result: Maker) -> None:
    watched = Watched()
    assert watched.measured("a", result(verdict="noncompliant", reasons=["chrony.missing"])) == "noncompliant"
    assert watched.measured("a", result()) == "compliant"
    report = watched.report(generated_at="x", dry_run=False)
    assert report.counts == {"noncompliant": 0, "unknown": 0, "compliant": 1}


def test_hosts_that_failed_or_were_lost_are_unknown_with_their_error(result: Maker) -> None:
    watched = Watched()
    watched.measured("failed", {"failed": True, "msg": "no python"})
    watched.lost("lost", {"msg": "no route"})
    watched.measured("kept", result())
    watched.lost("kept", {"msg": "closed"})
    hosts = {entry.host: entry.state for entry in watched.report(generated_at="x", dry_run=False).hosts}
    assert (hosts["failed"].reasons, hosts["failed"].messages) == (("host.failed",), ("no python",))
    assert (hosts["lost"].reasons, hosts["lost"].messages) == (("host.unreachable",), ("no route",))
    assert hosts["kept"].verdict == "compliant"


def test_only_what_the_summary_shows_is_kept_of_thousands(result: Maker) -> None:
    watched = Watched()
    watched.measured("a", {**result(messages=["long"] * 50), "detail": {"messages": ["long"] * 50}})
    state = watched.report(generated_at="x", dry_run=False).hosts[0].state
    assert state.facts == {
        "clock": {"offset_s": 0.000004, "bound_s": 0.0004},
        "totp": {"accept_probability": {"rfc6238": 1.0}},
    }
    assert state.messages == ()


def test_the_line_counts_hosts_by_verdict_worst_first() -> None:
    line = progress(500, compliant=120, noncompliant=3, unknown=1).line(1004.0, 120)
    assert line == "124/500 hosts measured  3 noncompliant, 1 unknown, 120 compliant  0:04"


def test_an_estimate_is_given_when_it_makes_sense() -> None:
    assert progress(500, compliant=125).line(1060.0, 120).endswith("  1:00  about 3:00 left")
    assert "left" not in progress(500, compliant=125).line(1004.0, 120)  # too early
    assert "left" not in progress(500, compliant=10).line(1060.0, 120)  # of too few
    assert progress(100000, compliant=5000).line(4600.0, 120).endswith("  1:00:00  about 19:00:00 left")


def test_before_the_first_host_there_is_only_the_number() -> None:
    assert progress(500).line(1003.0, 80) == "0/500 hosts measured"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (200, "40/80 hosts measured  40 compliant  0:10  about 0:10 left"),
        (57, "40/80 hosts measured  40 compliant  0:10"),
        (41, "40/80 hosts measured  40 compliant  0:10"),
        (40, "40/80 hosts measured  40 compliant"),
        (21, "40/80 hosts measured"),
        (20, ""),
    ],
)
def test_the_line_never_fills_the_terminal(width: int, line: str) -> None:
    assert progress(80, compliant=40).line(1010.0, width) == line


def test_of_a_host_that_is_measured_again_the_last_verdict_is_counted() -> None:
    watched = progress(3, noncompliant=1)
    watched.measured("noncompliant0", "compliant")
    assert watched.line(1000.0, 80) == "1/3 hosts measured  1 compliant  0:00"


def test_more_hosts_than_expected_do_not_make_more_than_all() -> None:
    assert progress(1, compliant=2).line(1001.0, 80).startswith("2/2 hosts")


def test_it_ends_with_the_last_host_and_never_begins_for_one() -> None:
    assert not progress(3, compliant=2).ended
    assert progress(3, compliant=3).ended
    assert progress(1).ended
