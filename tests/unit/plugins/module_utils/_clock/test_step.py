"""The step's flow against a model of chronyd and its clock: each branch, with the answers chronyd 4.3 gave."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.guard import StepPolicy
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.step import (
    StepOptions,
    StepReport,
    predict_step,
    result_of,
    step_clock,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import (
    CommandResult,
    Process,
    SntpOutcome,
    SntpReply,
    Unavailable,
)

OK = CommandResult(0, "200 OK\n", "")
TRUE_AT_START = 1795309000.0
CHRONYD = Process(162, "chronyd", ("/usr/sbin/chronyd", "-F", "1"))


@dataclass
class Host:
    """A host whose clock is ``wrong_s`` off; its chronyd has one source and takes a sample every 2 s of a burst."""

    wrong_s: float = 300.0
    believed_s: float | None = None  # chronyd's pending correction as it stands in its books; None: unsynchronised
    false_s: float = 0.0  # how far the source is off
    dead: bool = False
    mute: bool = False  # dead since a moment ago: chronyd has not noticed yet
    controls: bool = True
    steps_by_itself: bool = False
    slews: bool = False  # chronyd slews what it knows to be due, by a twelfth of the time that passes
    moves_by: float | None = None  # a makestep that moves the clock by something else than what was due
    authorised: bool = True
    refclocks_only: bool = False
    processes: list[Process] | None = field(default_factory=lambda: [CHRONYD])
    witnesses: dict[str, float] = field(default_factory=dict)  # server: its error
    installed: bool = True
    address: str | None = None

    flickers: bool = False  # the source is unusable for one look, right after the burst

    now: float = 5000.0  # monotonic
    settled: bool = False
    sampled_at: float = 0.0
    burst_end: float = 0.0
    commands: list[str] = field(default_factory=list)

    # --- ports -------------------------------------------------------------------------------------------------------

    def ports(self) -> Ports:
        return Ports(self, self, self, self, self)  # type: ignore[arg-type]

    def wall(self) -> float:
        return TRUE_AT_START + self.now + self.wrong_s

    def monotonic(self) -> float:
        return self.now

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if self.installed else None

    def exists(self, _path: str) -> bool:
        return False

    is_dir = exists

    def own_root(self) -> bool:
        return True

    def read_text(self, path: str, **_: object) -> str:
        raise FileNotFoundError(path)

    list_dir = read_text

    def snapshot(self) -> list[Process]:
        if self.processes is None:
            raise Unavailable("psutil is missing")
        return self.processes

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], list[SntpOutcome]]:
        def reply(server: str) -> SntpOutcome:
            if server not in self.witnesses:
                return SntpOutcome(server, error=f"no answer within {timeout_s:g} s")
            offset = self.wrong_s - self.witnesses[server]
            return SntpOutcome(server, SntpReply(offset, 0.001, 0.001, 0.001, 2, 0))

        def collect() -> list[SntpOutcome]:
            replies = [reply(server) for server in servers]
            if self.commands and not set(servers) <= set(self.witnesses):
                self.let_pass(timeout_s)
            return replies

        return collect

    def run(self, argv: Sequence[str], **_: object) -> CommandResult:
        self.pause(0.005)
        program, numeric, *words = argv
        assert (program, numeric) == ("/usr/bin/chronyc", "-n")
        if self.address is not None:
            assert words[:2] == ["-h", self.address]
            del words[:2]
        if words[0] == "-c":
            return CommandResult(0, self.reports(words[2:]), "")
        self.commands.append(" ".join(words))
        if not self.authorised:
            return CommandResult(1, "501 Not authorised\n", "")
        return self.burst() if words[0] == "burst" else self.makestep()

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        if self.slews and self.believed_s:
            slewed = math.copysign(min(seconds / 12, abs(self.believed_s)), self.believed_s)
            self.believed_s -= slewed
            self.wrong_s -= slewed

    def pause(self, seconds: float) -> None:
        self.let_pass(seconds)
        if self.now < self.burst_end + 0.5 and self.now - self.sampled_at >= 2 and not (self.dead or self.mute):
            self.sample()

    # --- chronyd -----------------------------------------------------------------------------------------------------

    def burst(self) -> CommandResult:
        if self.refclocks_only:
            self.burst_end = self.now + 16
            return CommandResult(1, "503 No such source\n", "")
        self.burst_end = self.now + 8
        return OK

    def sample(self) -> None:
        self.sampled_at = self.now
        self.believed_s = self.wrong_s - self.false_s
        if self.steps_by_itself:
            self.steps_by_itself = False
            self.makestep()

    def makestep(self) -> CommandResult:
        due, self.believed_s = self.believed_s or 0.0, None if self.believed_s is None else 0.0
        if not self.controls:
            return CommandResult(1, "500 Failure\n", "")
        self.wrong_s += 0.0 - due if self.moves_by is None else self.moves_by
        return OK

    def reports(self, names: list[str]) -> str:
        made = {"tracking": self.tracking, "sources -a": self.sources, "activity": self.activity}
        return "".join(f"{made[name]()}\n" for name in names if name != "selectdata -a")

    def tracking(self) -> str:
        if self.believed_s is None:
            return "00000000,,0,0.000000000,0.000000000,0.0,0.0,0.000,0.000,0.000,1.0,1.0,0.0,Not synchronised"
        reference = TRUE_AT_START + self.sampled_at
        return (
            f"0A000202,10.0.2.2,3,{reference:.9f},{0.0 - self.believed_s:.9f},0.0,0.0,3.784,0.205,38.2,"
            "0.000105317,0.000166280,2.0,Normal"
        )

    def sources(self) -> str:
        if self.believed_s is None:
            return "^,?,10.0.2.2,0,6,0,4294967295,0.0,0.0,0.0"
        residual = self.wrong_s - self.false_s - self.believed_s
        reach, state = ("0", "?") if self.dead else ("377", "*")
        if self.flickers and self.settled:
            self.flickers, state = False, "?"
        return f"^,{state},10.0.2.2,2,6,{reach},{int(self.now - self.sampled_at)},{residual:.9f},0.00002,0.00005"

    def activity(self) -> str:
        busy = self.now < self.burst_end and not self.refclocks_only
        self.settled = self.burst_end > 0 and not busy
        return "0,0,1,0,0" if busy else "1,0,0,0,0"


def step(host: Host, **options: object) -> StepReport:
    return step_clock(host.ports(), StepOptions(**options), host.pause)  # type: ignore[arg-type]


def predict(host: Host, **options: object) -> StepReport:
    return predict_step(host.ports(), StepOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong_s", [300.0, -90.0])
@pytest.mark.parametrize("believed_s", [None, 0.0], ids=["never synchronised", "synchronised long ago"])
def test_a_wrong_clock_is_put_right(wrong_s: float, believed_s: float | None) -> None:
    host = Host(wrong_s=wrong_s, believed_s=believed_s)
    report = step(host)
    assert report.failure is None
    assert (report.changed, report.verified, report.reasons, report.messages) == (True, True, (), ())
    assert report.stepped_s == pytest.approx(-wrong_s, abs=1e-6)
    assert report.predicted_step_s == pytest.approx(-wrong_s, abs=1e-6)
    assert host.wrong_s == pytest.approx(0.0, abs=1e-6)
    assert host.commands == ["burst 4/5", "makestep", "burst 2/3"]


@pytest.mark.parametrize("wrong_s", [300.0, -90.0])
def test_what_chronyd_slews_while_a_witness_keeps_the_step_waiting_is_not_missed(wrong_s: float) -> None:
    host = Host(wrong_s=wrong_s, slews=True, witnesses={"witness": 0.0})
    report = step(host, witness_servers=("witness", "silent"), witness_timeout_s=5.0)
    assert report.stepped_s != pytest.approx(report.predicted_step_s, abs=0.3)
    assert (report.failure, report.verified, report.reasons) == (None, True, ())
    assert host.wrong_s == pytest.approx(0.0, abs=1e-6)


def test_a_right_clock_is_left_alone() -> None:
    host = Host(wrong_s=0.05)
    report = step(host)
    assert (report.failure, report.changed, report.stepped_s, report.verified) == (None, False, 0.0, True)
    assert host.commands == ["burst 4/5"]
    assert report.after is not None


def test_a_right_clock_is_moved_when_forced() -> None:
    host = Host(wrong_s=0.05)
    report = step(host, force=True)
    assert (report.failure, report.changed, report.forced) == (None, True, True)
    assert report.stepped_s == pytest.approx(-0.05, abs=1e-6)


def test_a_forced_step_of_nothing_is_no_change() -> None:
    report = step(Host(wrong_s=0.0), force=True)
    assert (report.failure, report.changed, report.stepped_s, report.verified) == (None, False, 0.0, True)


def test_the_step_rests_on_a_sample_newer_than_the_burst() -> None:
    # chronyd believes that the host is right, by a sample of before the machine slept.
    host = Host(wrong_s=-3000.0, believed_s=0.0, sampled_at=4990.0)
    assert step(host).stepped_s == pytest.approx(3000.0, abs=1e-6)


def test_no_new_sample_no_step() -> None:
    host = Host(believed_s=0.0, dead=True)
    report = step(host)
    assert report.reasons == ("source.none_usable",)
    assert report.failure is not None
    assert "not stepped" in report.failure
    assert "makestep" not in host.commands
    assert host.now < 5000 + 20 + 2


def test_the_wait_for_a_silent_witness_makes_no_sample_newer_than_the_burst() -> None:
    host = Host(believed_s=300.0, mute=True, sampled_at=4999.5)
    report = step(host, witness_servers=("silent",), witness_timeout_s=5.0, burst_timeout_s=1.0)
    assert report.reasons == ("clock.stale",)
    assert "makestep" not in host.commands


def test_one_bad_look_after_the_burst_is_looked_at_again() -> None:
    assert step(Host(flickers=True)).changed


def test_force_steps_on_old_samples_and_says_so() -> None:
    host = Host(wrong_s=300.0, believed_s=300.0, dead=True)
    report = step(host, force=True)
    assert (report.failure, report.changed, report.verified) == (None, True, False)
    assert report.stepped_s == pytest.approx(-300.0, abs=1e-6)
    assert report.reasons == ("source.none_usable", "step.unverified")
    assert len(report.warnings) == len(report.messages) == 1  # the same before and after


def test_200_ok_without_a_movement_is_a_failure() -> None:
    report = step(Host(moves_by=0.0))
    assert (report.changed, report.stepped_s, report.verified) == (False, 0.0, False)
    assert report.failure is not None
    assert "did not move" in report.failure
    assert "step.unverified" in report.reasons


def test_a_step_to_the_wrong_place_is_a_change_and_a_failure() -> None:
    report = step(Host(moves_by=-30.0))
    assert report.changed
    assert report.stepped_s == pytest.approx(-30.0, abs=1e-6)
    assert report.failure is not None
    assert "moved by -30.000 s where -300.000 s were due" in report.failure
    assert "+270.000 s remain" in report.failure


def test_too_large_a_step_is_refused_unless_forced() -> None:
    host = Host(wrong_s=7200.0)
    report = step(host)
    assert report.reasons == ("step.too_large",)
    assert host.wrong_s == 7200.0
    forced = step(host, force=True)
    assert (forced.failure, forced.changed, forced.verified) == (None, True, True)
    assert forced.warnings == report.messages
    assert host.wrong_s == pytest.approx(0.0, abs=1e-6)


def test_a_witness_stops_sources_that_agree_on_a_false_time() -> None:
    host = Host(wrong_s=0.0, false_s=600.0, witnesses={"witness": 0.0})
    report = step(host, witness_servers=("witness",))
    assert report.reasons == ("witness.disagrees",)
    assert host.wrong_s == 0.0
    assert step(host).changed  # without the witness the lie is believed
    assert host.wrong_s == pytest.approx(600.0)


def test_a_witness_is_asked_again_after_a_forced_step() -> None:
    host = Host(wrong_s=0.0, false_s=600.0, witnesses={"witness": 0.0})
    report = step(host, witness_servers=("witness",), force=True)
    assert (report.failure, report.changed, report.verified) == (None, True, False)
    assert report.reasons == ("witness.disagrees", "step.unverified")


def test_a_silent_witness_stops_the_step() -> None:
    policy = StepPolicy(witnesses_required=True)
    report = step(Host(), policy=policy, witness_servers=("witness",))
    assert report.reasons == ("witness.unavailable",)


def test_a_step_by_chronyd_itself_is_reported() -> None:
    host = Host(wrong_s=-90.0, steps_by_itself=True)
    report = step(host)
    assert (report.failure, report.changed, report.verified) == (None, True, True)
    assert report.stepped_s == pytest.approx(90.0, abs=0.01)
    assert "chronyd itself stepped the clock by +90.000 s" in report.messages[0]
    assert "makestep" not in host.commands
    assert report.before.tracking is not None
    assert report.before.tracking.leap == "unsynchronised"
    assert report.after is not None
    assert report.after.tracking is not None
    assert report.after.tracking.offset_s == pytest.approx(0.0, abs=1e-6)


def test_reference_clocks_need_no_burst() -> None:
    report = step(Host(refclocks_only=True))
    assert (report.failure, report.changed, report.verified) == (None, True, True)


def test_without_the_socket_nothing_is_tried() -> None:
    host = Host(authorised=False)
    report = step(host, force=True)
    assert report.reasons == ("step.not_authorised",)
    assert report.failure is not None
    assert "become" in report.failure
    assert host.commands == ["burst 4/5"]


def test_a_failed_step_is_no_change_and_chronyd_measures_anew() -> None:
    host = Host(controls=False, processes=None)
    report = step(host)
    assert (report.changed, report.stepped_s, report.reasons) == (False, 0.0, ("step.uncontrolled",))
    assert report.failure is not None
    assert "500 Failure" in report.failure
    assert host.commands == ["burst 4/5", "makestep", "burst 2/3"]


@pytest.mark.parametrize(
    "options",
    [("-x",), ("-F", "1", "-x"), ("-dx",), ("-f", "/etc/chrony.conf", "-x"), ("-4xd",), ("-f/etc/chrony.conf", "-x")],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_chronyd_without_control_is_left_alone(options: tuple[str, ...], force: bool) -> None:
    host = Host(controls=False, processes=[Process(9, "chronyd", ("/usr/sbin/chronyd", *options))])
    report = step(host, force=force)
    assert report.reasons == ("step.uncontrolled",)
    assert host.commands == []


@pytest.mark.parametrize(
    "processes",
    [
        [Process(9, "chronyd", ("chronyd", "-F", "-x"))],
        [Process(9, "chronyd", ("chronyd", "-u", "x"))],
        [Process(9, "chronyd", ("chronyd", "-d", "server x"))],
        [Process(9, "chronyd", ("chronyd", "-f/etc/x.conf"))],
        [Process(9, "chronyd", ("chronyd", "--", "-x"))],
        [Process(9, "grep", ("grep", "-x", "chronyd"))],
        [CHRONYD, Process(9, "chronyd", ("chronyd", "-x"))],
        [],
        None,
    ],
)
def test_no_other_argument_is_taken_for_x(processes: list[Process] | None) -> None:
    assert step(Host(processes=processes)).changed


def test_a_chronyd_at_an_address_is_not_one_of_those_seen_here() -> None:
    host = Host(processes=[Process(9, "chronyd", ("chronyd", "-x"))], address="/run/other.sock")
    assert step(host, chronyc_address="/run/other.sock").changed


def test_no_chrony() -> None:
    report = step(Host(installed=False), force=True)
    assert report.reasons == ("chrony.missing",)


# --- check mode ------------------------------------------------------------------------------------------------------


def test_check_mode_predicts_and_sends_no_command() -> None:
    host = Host(believed_s=300.0, sampled_at=4900.0)
    report = predict(host)
    assert (report.failure, report.changed, report.predicted_step_s) == (None, True, -300.0)
    assert (report.stepped_s, report.after, report.verified) == (0.0, None, False)
    assert host.commands == []
    assert host.wrong_s == 300.0


def test_check_mode_leaves_open_what_new_samples_may_bring() -> None:
    report = predict(Host(believed_s=None))
    assert (report.failure, report.changed, report.predicted_step_s) == (None, False, None)
    assert report.reasons == ("clock.unsynchronised", "source.none_usable")
    assert len(report.warnings) == 2


def test_check_mode_refuses_what_the_run_would_refuse() -> None:
    report = predict(Host(wrong_s=7200.0, believed_s=7200.0, sampled_at=4900.0))
    assert report.failure is not None
    assert report.reasons == ("step.too_large",)
    assert not report.changed


def test_check_mode_of_a_forced_step() -> None:
    report = predict(Host(wrong_s=7200.0, believed_s=7200.0, sampled_at=4900.0), force=True)
    assert (report.failure, report.changed, report.forced, report.predicted_step_s) == (None, True, True, -7200.0)
    assert len(report.warnings) == 1


def test_check_mode_of_a_right_clock() -> None:
    assert not predict(Host(wrong_s=0.05, believed_s=0.05)).changed
    assert predict(Host(wrong_s=0.05, believed_s=0.05), force=True).changed
    assert not predict(Host(wrong_s=0.0005, believed_s=0.0005), force=True).changed


# --- what the module returns -----------------------------------------------------------------------------------------


def test_the_result_of_a_step() -> None:
    host = Host(wrong_s=-300.0, witnesses={"witness": 0.0})
    report = step(host, witness_servers=("witness", "silent"))
    result = result_of(report, StepPolicy())
    assert result["before"]["offset_s"] == pytest.approx(-300.0)
    assert 300.0 < result["before"]["bound_s"] < 300.01
    assert result["before"]["source"] == "10.0.2.2"
    assert result["before"]["taken_at"] == "2026-11-22T02:15:08Z"
    assert result["after"]["offset_s"] == pytest.approx(0.0, abs=1e-6)
    assert result["before"]["witnesses"] == [
        {"source": "witness", "offset_s": pytest.approx(-300.0), "uncertainty_s": 0.002},
        {"source": "silent", "offset_s": None, "uncertainty_s": None},
    ]
    assert set(result) == {
        "changed", "forced", "stepped_s", "predicted_step_s", "verified", "before", "after", "reasons", "messages",
    }  # fmt: skip


def test_the_result_of_a_host_that_never_synchronised_claims_no_offset() -> None:
    result = result_of(predict(Host(believed_s=None)), StepPolicy())
    assert (result["before"]["offset_s"], result["before"]["bound_s"], result["before"]["source"]) == (None, None, None)
    assert result["after"] is None
