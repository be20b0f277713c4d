"""What chronyd says about a configuration, led back to the file and line. The real one: tests/integration."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_check import (
    chronyd_version,
    refuse_invalid,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import Directive, EffectiveConfig
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import ConfigError
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult

from tests.fakes.runner import ScriptedRunner

CONFIG = EffectiveConfig(
    "/m",
    ("/m", "/s"),
    (
        Directive("sourcedir", ("/x",), "/m", 1),
        Directive("-x", ("1",), "/m", 2),
        Directive("server", ("a", "ibrust"), "/s", 7),
    ),
    (),
)


def refusal(result: CommandResult) -> str:
    runner = ScriptedRunner({"chronyd": result})
    with pytest.raises(ConfigError) as caught:
        refuse_invalid(runner, "chronyd", CONFIG)
    # Nothing can become an option of chronyd's, and what reads files is left out.
    assert runner.ran == [["chronyd", "-p", "--", "-x 1", "server a ibrust"]]
    return str(caught.value)


def test_a_fault_is_led_back_to_its_file() -> None:
    said = refusal(
        CommandResult(1, "", "2026-11-22T01:09:01Z Fatal error : Could not parse server directive at line 2\n")
    )
    assert said == "chronyd refuses 'server a ibrust' (/s, line 7): Could not parse server directive"


@pytest.mark.parametrize("said", ["", "Not superuser", "Fatal error : Bad thing at line 99"])
def test_what_cannot_be_led_back_is_still_told(said: str) -> None:
    assert said[-10:] in refusal(CommandResult(1, "", said))


def test_a_chronyd_that_hangs_has_checked_nothing() -> None:
    refusal(CommandResult(0, "", "", timed_out=True))


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("chronyd (chrony) version 4.6.1 (+CMDMON -DEBUG)\n", (4, 6)),
        ("chronyd (chrony) version 3.4\n", (3, 4)),
        ("chronyd (chrony) version 4.0-pre2 (+X)\n", (4, 0)),
    ],
)
def test_version(said: str, version: tuple[int, int]) -> None:
    assert chronyd_version(ScriptedRunner({"c": CommandResult(0, said, "")}), "c") == version


def test_no_version() -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        chronyd_version(ScriptedRunner({"c": CommandResult(0, "nonsense", "")}), "c")
