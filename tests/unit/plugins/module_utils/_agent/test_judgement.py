from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import (
    CONFIG_INVALID,
    host_facts,
    notices_between,
    stale_report,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.outcome import show
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import Notice, Report, Stamp
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement, ClockPolicy

THEN = Stamp("boot", 1000.0, 500.0, 400.0)


@pytest.mark.parametrize(
    ("now", "noticed"),
    [
        (Stamp("boot", 1300.0, 800.0, 700.0), []),
        (Stamp("boot", 1300.001, 800.0, 700.0), []),
        (Stamp("boot", 1390.0, 800.0, 700.0), [Notice("clock_step", 90.0)]),
        (Stamp("boot", -5000.0, 800.0, 700.0), [Notice("clock_step", -6300.0)]),
        (Stamp("boot", 4900.0, 4400.0, 700.0), [Notice("suspend", 3600.0)]),
        (Stamp("boot", 4990.0, 4400.0, 700.0), [Notice("clock_step", 90.0), Notice("suspend", 3600.0)]),
        # Another boot, or a stamp from the future: nothing can be said.
        (Stamp("other", 9000.0, 800.0, 700.0), []),
        (Stamp("boot", 9000.0, 499.0, 399.0), []),
    ],
)
def test_steps_and_suspends_are_told_apart(now: Stamp, noticed: list[Notice]) -> None:
    assert notices_between(THEN, now) == noticed


def test_without_a_boot_id_or_an_earlier_check_nothing_is_noticed() -> None:
    assert notices_between(None, THEN) == []
    assert notices_between(THEN._replace(boot_id=""), Stamp("", 9000.0, 800.0, 700.0)) == []


def test_a_stale_report_is_unknown_once_and_keeps_each_sentence_with_its_code(report: Report) -> None:
    facts = {**report.facts, "verdict": "noncompliant", "reasons": ["clock.offset_exceeded"]}
    wrong = report._replace(facts=facts, messages=["it is 90 s off", "it may be more"], warnings=["clock.bound_high"])
    stale = stale_report(wrong, CONFIG_INVALID, "line 3")
    assert (stale.stale, stale.facts["verdict"]) == ("line 3", "unknown")
    assert stale.facts["reasons"] == ["agent.config_invalid", "clock.offset_exceeded"]
    told = show(stale, "text", None)
    assert "agent.config_invalid: the agent's configuration is wrong" in told
    assert "clock.offset_exceeded: it is 90 s off" in told
    assert "clock.bound_high: it may be more" in told
    assert stale_report(stale, CONFIG_INVALID, "line 3") == stale
    assert wrong.facts["verdict"] == "noncompliant"


def test_facts_hold_what_was_found_beside_the_clock() -> None:
    identity: dict[str, Any] = {"tokens": None, "serials": [], "attached_role": None}
    assert "role_profiles" not in host_facts(ClockMeasurement(90.0), ClockPolicy(), {**identity, "role_profiles": []})
    entry = {"role_arn": "arn:aws:iam::123456789012:role/ops", "where": "/x", "profile": "ops", "user": None}
    found = host_facts(ClockMeasurement(90.0), ClockPolicy(), {**identity, "role_profiles": [entry]})
    assert (found["schema"], found["role_profiles"], found["serials"]) == (1, [entry], [])
