"""``chrony_makestep`` against real chronyd processes that may not touch the clock: every refusal, and its reason.

Each daemon runs with ``-x``, so a step that gets through the guard ends in chronyd's ``500 Failure``. Steps that
succeed are tested in a virtual machine (test_makestep_vm.py).
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.makestep import makestep as run_makestep
from tests.rigs.false_server import Behaviour, FalseServer
from tests.rigs.roots import unpacked
from tests.rigs.states import LIAR, SERVERS, STATES, Lab, host_slow, sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.rigs.ntp import ChronyClient
    from tests.rigs.roots import Suite

REFUSED_BY_CHRONYD = "Could not step system clock"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("bookworm") as started:
        yield started


@pytest.fixture(scope="module")
def slow_client(lab: Lab) -> ChronyClient:
    """A client whose only source says that the host is 300 s slow."""
    return host_slow(lab)


@pytest.fixture
def slow(slow_client: ChronyClient) -> ChronyClient:
    """The same, with its correction pending, which the step of another test may have cost it."""
    slow_client.synchronised()
    slow_client.wait(lambda me: float(me.csv("tracking")[0][4]) > 299, "a pending correction of 300 s")
    return slow_client


@pytest.fixture
def makestep(tmp_path: Path) -> Any:
    """Run the module as on the host of a client's chronyd."""

    def call(client: ChronyClient, *, check: bool = False, argv: list[str] | None = None, **options: Any) -> Any:
        client.wrapper(tmp_path)
        if not (tmp_path / "chronyd").exists():
            (tmp_path / "chronyd").symlink_to(unpacked(client.suite) / "usr/sbin/chronyd")
        if argv is not None:
            (tmp_path / "chronyc").write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n', encoding="utf-8")
        options.setdefault("chronyc_address", str(client.socket))
        local = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
        return run_makestep("localhost", local, options, check=check, path=tmp_path)

    return call


def in_state(name: str, makestep: Any, burst_timeout: float = 4, **options: Any) -> dict[str, Any]:
    with Lab("bookworm") as lab:
        client = STATES[name].reach(lab)
        result: dict[str, Any] = makestep(client, burst_timeout=burst_timeout, **options)
        assert REFUSED_BY_CHRONYD not in client.said()
        return result


def assert_refused(result: dict[str, Any], *reasons: str) -> None:
    assert result["failed"], result
    assert result["msg"].startswith("The clock was not stepped: ")
    assert result["reasons"] == list(reasons), result["msg"]
    assert (result["changed"], result["stepped_s"], result["verified"]) == (False, 0.0, False)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("never_synchronised", ["clock.unsynchronised", "source.none_usable"]),
        ("no_sources", ["clock.unsynchronised", "source.none_usable"]),
        ("local_orphan", ["clock.local_reference", "source.none_usable"]),
        ("no_majority", ["clock.unsynchronised", "source.falseticker"]),
        ("unsynchronised_server", ["clock.unsynchronised", "source.none_usable"]),
        ("not_running", ["chrony.unreachable_daemon"]),
    ],
)
def test_refuses_without_sources_to_trust(name: str, reasons: list[str], makestep: Any) -> None:
    assert_refused(in_state(name, makestep), *reasons)


def test_refuses_when_the_only_server_died_though_tracking_is_normal(makestep: Any) -> None:
    result = in_state("dead_server", makestep)
    assert_refused(result, "source.none_usable")
    assert result["before"]["offset_s"] == pytest.approx(0.0, abs=0.1)
    assert result["before"]["bound_s"] < 1


def test_refuses_a_daemon_that_hangs(makestep: Any) -> None:
    result = in_state("hung", makestep)
    assert_refused(result, "chrony.unreachable_daemon")


@pytest.mark.parametrize("name", ["synchronised", "falseticker", "reference_clock"])
def test_a_right_clock_needs_no_step(name: str, makestep: Any) -> None:
    result = in_state(name, makestep, burst_timeout=60)
    assert not result["failed"], result
    assert (result["changed"], result["stepped_s"], result["verified"]) == (False, 0.0, True)
    assert result["after"]["offset_s"] == pytest.approx(0.0, abs=0.1)


def test_a_daemon_without_control_refuses_and_is_left_measuring(slow: ChronyClient, makestep: Any) -> None:
    result = makestep(slow)
    assert_refused(result, "step.uncontrolled")
    assert "500 Failure" in result["msg"]
    assert "-x" in result["msg"]
    assert result["before"]["offset_s"] == pytest.approx(-300.0, abs=0.5)
    assert result["predicted_step_s"] == pytest.approx(300.0, abs=0.5)
    slow.wait(lambda me: float(me.csv("tracking")[0][4]) > 299, "the pending correction to be back")


@pytest.mark.parametrize("suite", ["bullseye", "trixie"])
def test_other_releases_of_chrony_get_as_far(suite: Suite, makestep: Any) -> None:
    with Lab(suite) as lab:
        result = makestep(host_slow(lab))
        assert_refused(result, "step.uncontrolled")
        assert "500 Failure" in result["msg"]
        assert result["predicted_step_s"] == pytest.approx(300.0, abs=0.5)


def test_an_unprivileged_user_may_look_but_not_step(slow: ChronyClient, makestep: Any) -> None:
    result = makestep(slow, argv=slow.unprivileged_argv(), chronyc_address="127.0.0.1")
    assert_refused(result, "step.not_authorised")
    assert "501 Not authorised" in result["msg"]
    assert "become" in result["msg"]
    assert result["before"]["offset_s"] == pytest.approx(-300.0, abs=0.5)


def test_a_witness_stops_servers_that_agree_on_a_false_time(slow: ChronyClient, makestep: Any) -> None:
    refused = slow.said().count(REFUSED_BY_CHRONYD)
    with FalseServer(Behaviour(), address="127.0.0.1", port=0) as honest:
        result = makestep(slow, witness_servers=[f"127.0.0.1:{honest.port}"])
    assert_refused(result, "witness.disagrees")
    (witness,) = result["before"]["witnesses"]
    assert abs(witness["offset_s"]) <= witness["uncertainty_s"] + 0.1
    assert slow.said().count(REFUSED_BY_CHRONYD) == refused


def test_a_witness_that_agrees_lets_the_step_through(slow: ChronyClient, makestep: Any) -> None:
    with FalseServer(Behaviour(offset_s=300), address="127.0.0.1", port=0) as agreeing:
        result = makestep(slow, witness_servers=[f"127.0.0.1:{agreeing.port}"])
    assert_refused(result, "step.uncontrolled")


def test_witnesses_that_are_all_silent_stop_the_step(slow: ChronyClient, makestep: Any) -> None:
    with FalseServer(Behaviour(manner="silent"), address="127.0.0.1", port=0) as silent:
        result = makestep(slow, witness_servers=[f"127.0.0.1:{silent.port}"], witness_timeout=0.5)
    assert_refused(result, "witness.unavailable")


def test_max_step_stops_the_step_and_force_does_not_ask(slow: ChronyClient, makestep: Any) -> None:
    refused = slow.said().count(REFUSED_BY_CHRONYD)
    assert_refused(makestep(slow, max_step=299), "step.too_large")
    assert slow.said().count(REFUSED_BY_CHRONYD) == refused
    forced = makestep(slow, max_step=299, force=True)
    assert_refused(forced, "step.too_large", "step.uncontrolled")
    assert slow.said().count(REFUSED_BY_CHRONYD) == refused + 1


def test_one_source_is_too_few_for_two(slow: ChronyClient, makestep: Any) -> None:
    assert_refused(makestep(slow, min_agreeing=2, burst_timeout=10), "source.too_few")


def test_check_mode_predicts_and_sends_nothing(slow: ChronyClient, makestep: Any) -> None:
    refused = slow.said().count(REFUSED_BY_CHRONYD)
    result = makestep(slow, check=True)
    assert not result["failed"]
    assert (result["changed"], result["stepped_s"], result["after"]) == (True, 0.0, None)
    assert result["predicted_step_s"] == pytest.approx(300.0, abs=0.5)
    assert slow.said().count(REFUSED_BY_CHRONYD) == refused


def test_a_correction_lost_in_a_failed_step_is_not_taken_for_a_right_clock(makestep: Any) -> None:
    with Lab("bookworm") as lab:
        lab.liar(LIAR, Behaviour(offset_s=300))
        client = lab.client(*sources([LIAR], "iburst minpoll 10"))
        client.synchronised()
        client.wait(lambda me: me.csv("activity")[0][2] == "0", "the end of the first burst")
        assert client.chronyc("makestep").returncode == 1
        # chronyd now shows a clock without fault, 300 s off as it is.
        assert float(client.csv("tracking")[0][4]) == pytest.approx(0.0, abs=0.5)
        predicted = makestep(client, check=True)
        assert predicted["reasons"] == ["step.unexplained_sample"]
        assert not predicted["changed"]
        # New samples bring the correction back.
        result = makestep(client)
        assert result["before"]["offset_s"] == pytest.approx(-300.0, abs=0.5)
        assert_refused(result, "step.uncontrolled")


def test_the_silence_of_one_of_three_servers_is_no_obstacle(makestep: Any) -> None:
    with Lab("bookworm") as lab:
        first = lab.servers()[0]
        client = lab.client(*sources(SERVERS))
        client.synchronised()
        first.stop()
        client.unreachable(SERVERS[0])
        client.synchronised()
        result = makestep(client, burst_timeout=15, min_agreeing=2)
        assert (result["failed"], result["changed"], result["verified"]) == (False, False, True)
