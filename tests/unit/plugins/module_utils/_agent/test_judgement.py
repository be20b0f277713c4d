from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import (
    notices_between,
    stale_facts,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import Notice, Stamp

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


def test_stale_facts_are_unknown_once() -> None:
    facts = {"verdict": "noncompliant", "reasons": ["clock.offset_exceeded"], "clock": {}}
    stale = stale_facts(facts, "agent.config_invalid")
    assert stale["verdict"] == "unknown"
    assert stale["reasons"] == ["agent.config_invalid", "clock.offset_exceeded"]
    assert stale_facts(stale, "agent.config_invalid") == stale
    assert facts["verdict"] == "noncompliant"
