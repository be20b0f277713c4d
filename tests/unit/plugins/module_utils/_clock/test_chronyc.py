"""What chronyc is asked, and what its refusals become. Real chronyc: tests/integration/test_host_facts.py."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.chronyc import Chronyc, read_batch
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import REPORTS
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.reports import HOST_REPORTS
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult

from tests.fakes.runner import ScriptedRunner

TRACKING = "7F000001,127.0.0.1,3,1795310447.76,0.0,0.0,0.0,0.0,0.0,0.1,0.0,0.0,0.1,Normal\n"


def test_the_order_of_the_reports_is_the_one_that_can_be_taken_apart() -> None:
    assert REPORTS == HOST_REPORTS


def test_one_process_and_no_names_from_the_dns() -> None:
    runner = ScriptedRunner({})
    Chronyc(runner, "/usr/bin/chronyc").reports(["tracking", "activity"])
    Chronyc(runner, "/usr/bin/chronyc", "/run/x.sock").reports(["sources -a"], configured_names=True)
    Chronyc(runner, "/usr/bin/chronyc").command("burst", "4/4")
    assert runner.ran == [
        ["/usr/bin/chronyc", "-n", "-c", "-m", "tracking", "activity"],
        ["/usr/bin/chronyc", "-n", "-h", "/run/x.sock", "-N", "-c", "-m", "sources -a"],
        ["/usr/bin/chronyc", "-n", "burst", "4/4"],
    ]


def test_reports_before_a_refusal_are_kept() -> None:
    result = CommandResult(1, TRACKING + "501 Not authorised\n", "")
    batch = read_batch(result, ["tracking", "selectdata -a"])
    assert batch.texts == {"tracking": TRACKING}
    assert batch.error == "501 Not authorised"


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (CommandResult(1, "506 Cannot talk to daemon\n", ""), "506 Cannot talk to daemon"),
        (CommandResult(1, "", "Could not open connection to daemon\n"), "Could not open connection to daemon"),
        (CommandResult(127, "", "cannot run /usr/bin/chronyc: No such file or directory"), "cannot run"),
        (CommandResult(-9, "", "", timed_out=True), "chronyd hangs"),
        (CommandResult(2, "", ""), "ended with status 2 and said nothing"),
    ],
)
def test_why_there_is_no_report(result: CommandResult, error: str) -> None:
    batch = read_batch(result, ["tracking"])
    assert batch.texts == {}
    assert batch.error is not None
    assert error in batch.error


def test_output_that_is_no_report_is_an_error() -> None:
    batch = read_batch(CommandResult(0, "what is this\n", ""), ["tracking"])
    assert batch.texts == {}
    assert batch.error is not None
    assert "tracking" in batch.error
