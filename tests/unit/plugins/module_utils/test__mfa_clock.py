"""AWS, time servers and chronyd are all asked about the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import Witness
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.clock import judge_clock
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_clock import look_at_clock
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import (
    CommandResult,
    Process,
    SntpOutcome,
    SntpReply,
)

from tests.fakes.files import RootedFiles
from tests.fakes.runner import ScriptedRunner

AWS = Witness("aws", "sts", 0.1, 0.55)


class Clocks:
    def wall(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return 1.0


class Processes:
    def snapshot(self) -> list[Process]:
        return []


class Sntp:
    def __init__(self, offset_s: float) -> None:
        self.asked: list[str] = []
        self._reply = SntpReply(offset_s, 0.01, 0.0, 0.0, 2, 0)

    def query(self, server: str, *, timeout_s: float) -> SntpReply:
        del server, timeout_s
        return self._reply

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], list[SntpOutcome]]:
        del timeout_s
        self.asked += servers
        return lambda: [SntpOutcome(server, self._reply) for server in servers]


def ports(tmp_path: Path, sntp: Sntp) -> tuple[Ports, ScriptedRunner]:
    runner = ScriptedRunner({"/usr/bin/chronyc": CommandResult(1, "506 Cannot talk to daemon\n", "")})
    return Ports(runner, RootedFiles(tmp_path), Clocks(), Processes(), sntp), runner


def test_all_are_asked_and_one_that_rules_it_out_suffices(tmp_path: Path) -> None:
    sntp = Sntp(9.0)
    asked, runner = ports(tmp_path, sntp)
    measurement = look_at_clock(asked, ["192.0.2.1", "192.0.2.2"], 2.0, lambda: AWS)
    assert [witness.source for witness in measurement.witnesses] == ["192.0.2.1", "192.0.2.2", "sts"]
    assert sntp.asked == ["192.0.2.1", "192.0.2.2"]
    assert any("tracking" in " ".join(argv) for argv in runner.ran)
    assert judge_clock(measurement).good is False


def test_aws_alone_is_enough(tmp_path: Path) -> None:
    asked, _runner = ports(tmp_path, Sntp(0.0))
    state = judge_clock(look_at_clock(asked, [], 2.0, lambda: AWS))
    assert (state.good, state.source) == (True, "aws:sts")


def test_nobody_is_named_with_the_reason(tmp_path: Path) -> None:
    asked, _runner = ports(tmp_path, Sntp(0.0))
    state = judge_clock(
        look_at_clock(asked, [], 2.0, lambda: Witness("aws", "sts", None, None, "its answer has no Date"))
    )
    assert state.good is None
    assert "its answer has no Date" in state.text
    assert "506 Cannot talk to daemon" in state.text
