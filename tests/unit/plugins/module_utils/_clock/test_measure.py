"""From what can be seen of a host to a measurement, gaps included.

Hosts are doubles here, each with one thing that is missing, hidden or broken. Real hosts: tests/integration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import (
    SUBSETS,
    MeasureOptions,
    Ports,
    measure_clock,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockPolicy
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.verdict import judge
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import (
    CommandResult,
    Process,
    SntpOutcome,
    SntpReply,
    Unavailable,
)

from tests.fakes.files import DeniedFiles, RootedFiles
from tests.fakes.runner import ScriptedRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement

NOW = 1795310252.0
CONFIG = "server 192.0.2.1 iburst\nserver ntp.example.com iburst\nmakestep 1 3\nrtcsync\n"
TRACKING = (
    f"C0000201,192.0.2.1,3,{NOW - 12:.9f},0.000001366,0.0,0.0,4.420,-0.269,16.398,0.000013458,0.000416657,64.2,Normal\n"
)
SOURCES = (
    "^,*,192.0.2.1,2,6,377,12,-0.000001030,-0.000001609,0.000006778\n"
    "^,+,192.0.2.2,2,6,377,12,-0.000001030,-0.000001609,0.000006778\n"
)
NAMED = SOURCES.replace("192.0.2.2", "ntp.example.com")
ACTIVITY = "2,0,0,0,0\n"
SELECTDATA = (
    "*,192.0.2.1,N,-,-,-,-,-,-,-,-,-,-,12,1.0,-0.000001,0.000001,Normal\n"
    "+,192.0.2.2,N,-,-,-,-,-,-,-,-,-,-,12,1.0,-0.000001,0.000001,Normal\n"
)
SYSTEMD = (
    "Id=chrony.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=812\n"
    "WantedBy=multi-user.target\n"
)
CHRONYC = "/usr/bin/chronyc -n -c -m"
CHRONYC_NAMES = "/usr/bin/chronyc -n -N -c -m"
VERSION = "/usr/bin/chronyd -v"
PARSE = "/usr/bin/chronyd -p"
SYSTEMCTL = "/usr/bin/systemctl"


class Host:
    """A healthy Debian host; tests take something away."""

    def __init__(self, files: RootedFiles) -> None:
        self.files = files
        self.programs = {"chronyd", "chronyc", "systemctl"}
        self.answers: dict[str, CommandResult] = {
            CHRONYC: CommandResult(0, TRACKING + SOURCES + ACTIVITY + SELECTDATA, ""),
            CHRONYC_NAMES: CommandResult(0, NAMED, ""),
            VERSION: CommandResult(0, "chronyd (chrony) version 4.3 (+CMDMON)\n", ""),
            SYSTEMCTL: CommandResult(0, SYSTEMD, ""),
        }
        self.processes: list[Process] | str = [Process(812, "chronyd", ("/usr/sbin/chronyd", "-F", "1"), "_chrony")]
        self.replies: dict[str, SntpReply | str] = {}
        self.ntplib = ""
        self.runner = ScriptedRunner({})

    def measure(self, **options: Any) -> ClockMeasurement:
        self.runner = ScriptedRunner(dict(self.answers))
        self.runner.which = self._which  # type: ignore[method-assign]
        return measure_clock(Ports(self.runner, self.files, self, self, self), MeasureOptions(**options))

    def _which(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def wall(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 5.0

    def snapshot(self) -> list[Process]:
        if isinstance(self.processes, str):
            raise Unavailable(self.processes)
        return self.processes

    def query(self, server: str, *, timeout_s: float) -> SntpReply:
        raise NotImplementedError

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], list[SntpOutcome]]:
        assert timeout_s == 2.0
        if self.ntplib:
            raise Unavailable(self.ntplib)
        found = [self.replies[server] for server in servers]
        return lambda: [
            SntpOutcome(server, error=reply) if isinstance(reply, str) else SntpOutcome(server, reply)
            for server, reply in zip(servers, found, strict=True)
        ]


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    files = RootedFiles(tmp_path)
    files.write("/etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
    files.write("/etc/chrony/chrony.conf", CONFIG)
    files.write("/run/systemd/system/placeholder", "")
    return files


@pytest.fixture
def host(files: RootedFiles) -> Host:
    return Host(files)


def gaps(measurement: ClockMeasurement, subset: str) -> str:
    return "; ".join(gap.reason for gap in measurement.gaps if gap.subset == subset)


def verdict(measurement: ClockMeasurement) -> tuple[str, tuple[str, ...]]:
    judged = judge(measurement, ClockPolicy())
    return judged.verdict, judged.reasons


def test_a_healthy_host(host: Host) -> None:
    measurement = host.measure()
    assert measurement.gaps == ()
    assert (measurement.installed, measurement.version) == (True, "4.3")
    assert (measurement.active, measurement.enabled, measurement.reachable) == (True, True, True)
    assert measurement.tracking is not None
    assert measurement.tracking.offset_s == -0.000001366
    assert [source.name for source in measurement.sources or ()] == ["192.0.2.1", "192.0.2.2"]
    assert [row.state for row in measurement.selectdata or ()] == ["*", "+"]
    assert (measurement.config, measurement.rivals) == ((), ())
    assert verdict(measurement) == ("compliant", ())


def test_five_programs_are_run_at_most(host: Host) -> None:
    host.measure(configured_names=True)
    assert sorted(argv[0].rpartition("/")[2] for argv in host.runner.ran) == [
        "chronyc",
        "chronyc",
        "chronyd",
        "chronyd",
        "systemctl",
    ]


def test_configured_names_are_added_to_the_addresses(host: Host) -> None:
    sources = host.measure(configured_names=True).sources or ()
    assert [(source.name, source.configured_name) for source in sources] == [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "ntp.example.com"),
    ]


def test_a_chronyc_that_knows_no_configured_names_leaves_them_out(host: Host) -> None:
    host.answers[CHRONYC_NAMES] = CommandResult(1, "", "chronyc: invalid option -- 'N'\n")
    measurement = host.measure(configured_names=True)
    assert [source.configured_name for source in measurement.sources or ()] == [None, None]
    assert "invalid option" in gaps(measurement, "clock")
    assert verdict(measurement) == ("compliant", ())


def test_no_chrony(host: Host) -> None:
    host.programs -= {"chronyd", "chronyc"}
    measurement = host.measure()
    assert (measurement.installed, measurement.active, measurement.enabled) == (False, False, False)
    assert measurement.config is None
    assert verdict(measurement) == ("noncompliant", ("chrony.missing",))
    assert [argv[0] for argv in host.runner.ran] == [SYSTEMCTL]


def test_a_daemon_without_chronyc_cannot_be_asked(host: Host) -> None:
    host.programs.discard("chronyc")
    measurement = host.measure()
    assert measurement.reachable is None
    assert "chronyc is not on the path" in gaps(measurement, "clock")
    assert verdict(measurement) == ("unknown", ("chrony.unreachable_daemon",))


def test_a_daemon_that_is_stopped(host: Host) -> None:
    host.answers[CHRONYC] = CommandResult(1, "506 Cannot talk to daemon\n", "")
    host.answers[SYSTEMCTL] = CommandResult(0, SYSTEMD.replace("=active", "=inactive").replace("=812", "=0"), "")
    host.processes = []
    measurement = host.measure()
    assert (measurement.active, measurement.enabled, measurement.reachable) == (False, True, False)
    assert verdict(measurement) == ("noncompliant", ("chrony.inactive",))


def test_a_daemon_that_hangs(host: Host) -> None:
    host.answers[CHRONYC] = CommandResult(-9, "", "", timed_out=True)
    measurement = host.measure()
    assert (measurement.active, measurement.reachable) == (True, False)
    assert verdict(measurement) == ("unknown", ("chrony.unreachable_daemon",))


def test_an_unprivileged_look_says_what_it_could_not_see(host: Host) -> None:
    host.answers[CHRONYC] = CommandResult(1, TRACKING + SOURCES + ACTIVITY + "501 Not authorised\n", "")
    measurement = host.measure()
    assert measurement.selectdata is None
    assert gaps(measurement, "clock") == "chronyc selectdata: 501 Not authorised"
    assert verdict(measurement) == ("compliant", ())


def test_sources_that_were_cut_off_are_unknown(host: Host) -> None:
    host.answers[CHRONYC] = CommandResult(1, TRACKING + SOURCES + "506 Cannot talk to daemon\n", "")
    measurement = host.measure()
    assert measurement.tracking is not None
    assert measurement.sources is None
    assert verdict(measurement) == ("unknown", ("source.unmeasured",))


def test_a_report_that_makes_no_sense_is_unknown(host: Host) -> None:
    host.answers[CHRONYC] = CommandResult(0, TRACKING.replace("16.398", "1e5") + SOURCES + ACTIVITY + SELECTDATA, "")
    measurement = host.measure()
    assert measurement.tracking is None
    assert "chronyc tracking, line 1, column 9" in gaps(measurement, "clock")
    assert verdict(measurement) == ("unknown", ("clock.unmeasured",))


def test_a_daemon_started_by_hand_is_active_and_not_enabled(host: Host) -> None:
    host.answers[SYSTEMCTL] = CommandResult(0, "Id=chrony.service\nLoadState=not-found\n", "")
    measurement = host.measure()
    assert (measurement.active, measurement.enabled) == (True, False)
    assert verdict(measurement) == ("noncompliant", ("chrony.disabled",))


def test_a_systemd_that_does_not_answer_leaves_service_and_rivals_unknown(host: Host) -> None:
    host.answers[SYSTEMCTL] = CommandResult(1, "", "Failed to connect to bus")
    measurement = host.measure()
    assert (measurement.active, measurement.enabled, measurement.rivals) == (True, None, None)
    assert "Failed to connect to bus" in gaps(measurement, "service")
    assert verdict(measurement) == ("unknown", ("chrony.state_unknown", "daemon.rivals_unknown"))


@pytest.mark.parametrize(("running", "active"), [(True, True), (False, False)])
def test_without_an_init_the_process_and_the_links_tell(host: Host, running: bool, active: bool) -> None:
    (host.files.root / "run/systemd/system/placeholder").unlink()
    (host.files.root / "run/systemd/system").rmdir()
    host.files.write("/etc/systemd/system/multi-user.target.wants/chrony.service", "")
    host.files.write("/lib/systemd/system/chrony.service", "[Unit]\n")
    host.answers[CHRONYC] = CommandResult(1, "506 Cannot talk to daemon\n", "")
    host.processes = [Process(9, "chronyd", ("chronyd",))] if running else []
    measurement = host.measure()
    assert (measurement.active, measurement.enabled) == (active, True)
    assert "no init system runs" in gaps(measurement, "service")
    assert all(argv[0] != SYSTEMCTL for argv in host.runner.ran)


def test_without_init_and_psutil_nobody_knows_whether_it_runs(host: Host) -> None:
    (host.files.root / "run/systemd/system/placeholder").unlink()
    (host.files.root / "run/systemd/system").rmdir()
    host.answers[CHRONYC] = CommandResult(1, "506 Cannot talk to daemon\n", "")
    host.processes = "psutil is missing"
    measurement = host.measure()
    assert measurement.active is None
    assert "psutil is missing" in gaps(measurement, "service")
    assert measurement.rivals is None


def test_without_psutil_rivals_are_unknown_and_never_none(host: Host) -> None:
    host.processes = "psutil is missing: install python3-psutil"
    measurement = host.measure()
    assert measurement.rivals is None
    assert gaps(measurement, "rivals") == "psutil is missing: install python3-psutil"
    assert verdict(measurement) == ("unknown", ("daemon.rivals_unknown",))


def test_without_psutil_a_rival_that_systemd_runs_is_still_seen(host: Host) -> None:
    host.processes = "psutil is missing"
    rival = SYSTEMD.replace("chrony", "systemd-timesyncd")
    host.answers[SYSTEMCTL] = CommandResult(0, f"{SYSTEMD}\n{rival}", "")
    measurement = host.measure()
    assert measurement.rivals == ("systemd-timesyncd",)
    assert verdict(measurement)[0] == "noncompliant"


def test_a_rival_that_is_enabled_but_stopped_is_a_warning(host: Host) -> None:
    rival = SYSTEMD.replace("chrony", "ntpsec").replace("=active", "=inactive")
    host.answers[SYSTEMCTL] = CommandResult(0, f"{SYSTEMD}\n{rival}", "")
    judged = judge(host.measure(), ClockPolicy())
    assert (judged.verdict, judged.warnings) == ("compliant", ("daemon.rival",))
    assert "ntpsec is enabled" in judged.messages[0]


def test_vmware_tools_are_asked_where_they_run(host: Host) -> None:
    host.programs.add("vmware-toolbox-cmd")
    host.answers["/usr/bin/vmware-toolbox-cmd timesync status"] = CommandResult(0, "Enabled\n", "")
    assert host.measure().rivals == ()
    assert isinstance(host.processes, list)
    host.processes.append(Process(9, "vmtoolsd", ("/usr/bin/vmtoolsd",)))
    assert host.measure().rivals == ("vmware-tools",)


def test_the_configuration_that_the_service_was_started_with_counts(host: Host) -> None:
    host.files.write("/srv/chrony.conf", "server 192.0.2.1\nmakestep 1 3\n")
    host.processes = [
        Process(811, "chronyd", ("chronyd", "-f", "/another/container.conf")),
        Process(812, "chronyd", ("/usr/sbin/chronyd", "-f", "/srv/chrony.conf")),
    ]
    measurement = host.measure()
    assert [finding.code for finding in measurement.config or ()] == ["config.no_rtcsync"]
    assert ["/usr/bin/chronyd", "-p", "-f", "/srv/chrony.conf"] in host.runner.ran


def test_a_configuration_of_ones_own_counts_most(host: Host) -> None:
    host.files.write("/srv/own.conf", "makestep 1 3\nrtcsync\n")
    measurement = host.measure(config_file="/srv/own.conf")
    assert [finding.code for finding in measurement.config or ()] == ["source.too_few"]


def test_a_configuration_that_may_not_be_read_is_unknown_and_not_wrong(host: Host, tmp_path: Path) -> None:
    host.files = DeniedFiles(tmp_path, "/etc/chrony/chrony.conf")
    measurement = host.measure()
    assert measurement.config is None
    assert "not allowed to read /etc/chrony/chrony.conf" in gaps(measurement, "config")
    assert "config.unread" in verdict(measurement)[1]


def test_what_chronyd_itself_refuses(host: Host) -> None:
    said = "2026-11-22T01:12:33Z Fatal error : Could not parse maxslewrate directive at line 5 in file /etc/chrony/x\n"
    host.answers[PARSE] = CommandResult(1, "", said)
    (finding,) = host.measure().config or ()
    assert (finding.code, finding.severity, finding.file, finding.line) == (
        "config.invalid",
        "error",
        "/etc/chrony/x",
        5,
    )


def test_a_chronyd_that_cannot_check_is_no_finding(host: Host) -> None:
    host.answers[PARSE] = CommandResult(1, "", "Fatal error : Could not open /etc/x : Permission denied")
    measurement = host.measure()
    assert measurement.config == ()
    assert "Permission denied" in gaps(measurement, "config")


def test_a_container_needs_no_real_time_clock(host: Host) -> None:
    host.files.write("/etc/chrony/chrony.conf", "server 192.0.2.1\n")
    assert [finding.code for finding in host.measure().config or ()] == ["config.no_makestep", "config.no_rtcsync"]
    host.files.write("/run/systemd/container", "podman")
    assert host.measure().config == ()


def test_witnesses(host: Host) -> None:
    host.replies = {
        "a": SntpReply(0.001, 0.010, 0.0, 0.0, stratum=1, leap=0),
        "b": "no answer within 2 s",
        "c": SntpReply(9.0, 0.0, 0.0, 0.0, stratum=16, leap=0),
    }
    witnesses = host.measure(witness_servers=("a", "b", "c")).witnesses
    assert [(witness.source, witness.offset_s, witness.uncertainty_s) for witness in witnesses] == [
        ("a", 0.001, 0.005),
        ("b", None, None),
        ("c", None, None),
    ]


def test_witnesses_without_ntplib_are_unknown(host: Host) -> None:
    host.ntplib = "ntplib is missing: install python3-ntplib"
    measurement = host.measure(witness_servers=("a",))
    assert gaps(measurement, "witness") == host.ntplib
    assert verdict(measurement) == ("unknown", ("witness.unavailable",))


@pytest.mark.parametrize("left_out", sorted(SUBSETS - {"witness"}))
def test_what_is_left_out_is_not_looked_at_and_never_compliant(host: Host, left_out: str) -> None:
    measurement = host.measure(subsets=SUBSETS - {left_out})
    ran = " ".join(" ".join(argv) for argv in host.runner.ran)
    assert {"clock": "-m", "service": " -v", "config": " -p", "rivals": "timesyncd"}[left_out] not in ran
    assert verdict(measurement)[0] == "unknown"


def test_nothing_but_the_clock_runs_one_program(host: Host) -> None:
    host.processes = "not asked"
    host.measure(subsets=frozenset({"clock"}))
    assert len(host.runner.ran) == 1


@pytest.mark.parametrize(("own", "marks"), [(False, True), (False, False), (None, False)])
def test_the_daemon_around_a_chroot_is_not_the_chroots(
    host: Host, tmp_path: Path, own: bool | None, marks: bool
) -> None:
    host.files.own = own
    if not marks:
        (tmp_path / "run/systemd/system/placeholder").unlink()
        (tmp_path / "run/systemd/system").rmdir()
    if own is None:
        host.processes = "/proc is not mounted here"
    measurement = host.measure()
    assert measurement.tracking is None
    assert measurement.active is (False if own is False else None)
    assert "this is a chroot" in gaps(measurement, "clock")
    assert "no init system runs" in gaps(measurement, "service")
    assert [line for line in host.runner.ran if line[0] in ("/usr/bin/chronyc", "/usr/bin/systemctl")] == []
    # Whoever says which daemon to ask is answered.
    host.answers["/usr/bin/chronyc -n -h 127.0.0.1 -c -m"] = host.answers[CHRONYC]
    assert host.measure(chronyc_address="127.0.0.1").tracking is not None


def test_a_root_that_cannot_be_compared_is_no_chroot_where_an_init_runs(host: Host) -> None:
    host.files.own = None
    assert host.measure().active is True
