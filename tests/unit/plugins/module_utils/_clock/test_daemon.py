"""What the running daemon is asked, told, and compared with. Real daemons: tests/integration/test_chrony_config.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.chronyc import Chronyc
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import Directive, split_line
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import ConfigError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.daemon import Daemon, differences
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.reports import parse_sources
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult

from tests.fakes.files import RootedFiles
from tests.fakes.runner import ScriptedRunner

PROPERTIES = "Id={name}.service\nLoadState=loaded\nActiveState={state}\nUnitFileState=enabled\nMainPID=7\n"


def directives(*lines: str) -> list[Directive]:
    found = []
    for number, line in enumerate(lines, start=1):
        name, *args = split_line(line)
        found.append(Directive(name, tuple(args), "/etc/chrony.conf", number))
    return found


def rows(*names: str) -> str:
    """``chronyc -c sources`` rows; a name may carry its mode."""
    modes = [(name[0], name[1:]) if name[0] in "=#" else ("^", name) for name in names]
    return "".join(f"{mode},?,{name},0,6,0,4294967295,0.0,0.0,0.0\n" for mode, name in modes)


@pytest.mark.parametrize(
    ("wanted", "running", "missing", "extra"),
    [
        (["server a", "pool b"], ["a", "b", "b", "b"], [], []),
        (["server A.Example.com"], ["a.example.com"], [], []),
        (["server fd00:EC2:0::123"], ["fd00:ec2::123"], [], []),
        (["peer a"], ["=a"], [], []),
        (["peer a"], ["a"], ["peer a"], ["server a"]),
        (["server a", "server b"], ["b", "c"], ["server a"], ["server c"]),
        (["refclock PHC /dev/ptp0", "refclock PPS /dev/pps0 lock NMEA refid GPS"], ["#PHC0", "#GPS"], [], []),
        (["refclock SOCK /a", "refclock SOCK /b"], ["#SOC0"], ["refclock soc1"], []),
        ([], ["a"], [], ["server a"]),
    ],
)
def test_differences(wanted: list[str], running: list[str], missing: list[str], extra: list[str]) -> None:
    assert differences(directives(*wanted), parse_sources(rows(*running)), modern=True) == (missing, extra)


@pytest.mark.parametrize(
    ("wanted", "running", "missing", "extra"),
    [
        (["server 192.0.2.1"], ["192.0.2.1"], [], []),
        (["server 192.0.2.1"], ["192.0.2.2"], ["server 192.0.2.1"], ["server 192.0.2.2"]),
        # A name may have become any address, and unresolved ones are not listed.
        (["server a.example.com", "server 192.0.2.1"], ["192.0.2.7"], ["server 192.0.2.1"], []),
        (["server a.example.com"], ["#PHC0"], [], ["refclock phc0"]),
    ],
)
def test_differences_before_chrony_4(
    wanted: list[str], running: list[str], missing: list[str], extra: list[str]
) -> None:
    assert differences(directives(*wanted), parse_sources(rows(*running)), modern=False) == (missing, extra)


def daemon_on(tmp_path: Path, answers: dict[str, Any], **options: Any) -> tuple[Daemon, ScriptedRunner]:
    runner = ScriptedRunner(answers)
    chronyc = Chronyc(runner, "chronyc")
    return Daemon(runner, RootedFiles(tmp_path), chronyc, **options), runner


def test_sources_of_a_daemon(tmp_path: Path) -> None:
    answers = {"chronyc": CommandResult(0, rows("a") + "1,0,0,0,0\n", "")}
    daemon, runner = daemon_on(tmp_path, answers)
    sources, silence = daemon.sources(modern=True)
    assert [source.name for source in sources or ()] == ["a"]
    assert silence == ""
    assert "-N" in runner.ran[0]
    daemon.sources(modern=False)
    assert "-N" not in runner.ran[1]


def test_no_sources_are_sources_too(tmp_path: Path) -> None:
    daemon, _runner = daemon_on(tmp_path, {"chronyc": CommandResult(0, "0,0,0,0,0\n", "")})
    assert daemon.sources(modern=True) == ((), "")


def test_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    daemon, _runner = daemon_on(tmp_path, {"chronyc": CommandResult(1, "506 Cannot talk to daemon\n", "")})
    sources, silence = daemon.sources(modern=True)
    assert sources is None
    assert "506" in silence


@pytest.mark.parametrize(
    ("printed", "lacking"),
    [
        ("192.0.2.1,SK,7,3,160,4294967295,0,0,0,0\n2001:db8::1,SK,8,13,128,4294967295,0,0,0,0\n", []),
        (
            "192.0.2.1,SK,7,0,0,4294967295,0,0,0,0\n2001:db8::1,SK,8,13,0,4294967295,0,0,0,0\n",
            ["192.0.2.1", "2001:DB8::1"],
        ),
        # One server of a pool that was told nothing, another kind of authentication, and no row at all.
        (
            "192.0.2.1,SK,7,3,160,4294967295,0,0,0,0\n192.0.2.1,-,0,0,0,4294967295,0,0,0,0\n",
            ["192.0.2.1", "2001:DB8::1"],
        ),
    ],
)
def test_sources_without_their_key(tmp_path: Path, printed: str, lacking: list[str]) -> None:
    daemon, _runner = daemon_on(tmp_path, {"chronyc": CommandResult(0, printed, "")})
    assert daemon.without_key(directives("server 192.0.2.1 key 7", "server 2001:DB8::1 key 8")) == lacking


def test_keys_that_chronyd_does_not_tell_about_are_not_proven(tmp_path: Path) -> None:
    daemon, _runner = daemon_on(tmp_path, {"chronyc": CommandResult(1, "501 Not authorised\n", "")})
    with pytest.raises(ConfigError, match=r"501.*chronyc_address"):
        daemon.without_key(directives("server 192.0.2.1 key 7"))


def test_the_file_that_the_service_was_started_with(tmp_path: Path) -> None:
    answers = {"/usr/bin/systemctl": CommandResult(0, PROPERTIES.format(name="chrony", state="active"), "")}
    daemon, _runner = daemon_on(tmp_path, answers)
    files = RootedFiles(tmp_path)
    assert daemon.config_file() is None  # no init system, no main process
    files.write("/run/systemd/system/placeholder", "")
    with pytest.raises(ConfigError, match=r"process 7.*Set config_file"):
        daemon.config_file()
    files.write("/proc/7/cmdline", "/usr/sbin/chronyd\0-x\0-f/etc/chrony/site.conf\0")
    assert daemon.config_file() == "/etc/chrony/site.conf"


def test_a_chroot_has_no_daemon_of_its_own(tmp_path: Path) -> None:
    runner = ScriptedRunner({"chronyc": CommandResult(0, rows("a") + "1,0,0,0,0\n", "")})
    files = RootedFiles(tmp_path)
    files.write("/run/systemd/system/placeholder", "")
    files.own = False
    daemon = Daemon(runner, files, Chronyc(runner, "chronyc"))
    sources, silence = daemon.sources(modern=True)
    assert sources is None
    assert "this is a chroot" in silence
    assert daemon.unit() is None
    named = Daemon(runner, files, Chronyc(runner, "chronyc", "127.0.0.1"))
    assert [source.name for source in named.sources(modern=True)[0] or ()] == ["a"]


@pytest.mark.parametrize("name", ["chrony", "chronyd"])
def test_systemd_restarts_the_unit_that_runs(tmp_path: Path, name: str) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    shown = PROPERTIES.format(name=name, state="active")
    daemon, _runner = daemon_on(tmp_path, {"/usr/bin/systemctl": CommandResult(0, shown, "")})
    assert daemon.how_to_restart() == ["/usr/bin/systemctl", "restart", f"{name}.service"]


def test_what_does_not_run_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    shown = PROPERTIES.format(name="chrony", state="inactive")
    daemon, _runner = daemon_on(tmp_path, {"/usr/bin/systemctl": CommandResult(0, shown, "")})
    assert daemon.how_to_restart() is None


def test_openrc(tmp_path: Path) -> None:
    for path in ("run/openrc/softlevel", "run/openrc/started/chronyd", "etc/init.d/chronyd"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    daemon, _runner = daemon_on(tmp_path, {})
    assert daemon.how_to_restart() == ["/usr/bin/rc-service", "chronyd", "restart"]


def test_no_init_system_and_a_command_instead(tmp_path: Path) -> None:
    assert daemon_on(tmp_path, {})[0].how_to_restart() is None
    daemon, runner = daemon_on(tmp_path, {}, restart_command=["sv", "restart", "chronyd"])
    assert daemon.how_to_restart() == ["sv", "restart", "chronyd"]
    assert runner.ran == []


def test_an_init_system_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    daemon, _runner = daemon_on(tmp_path, {"/usr/bin/systemctl": CommandResult(1, "", "Failed to connect to bus")})
    with pytest.raises(ConfigError, match="Failed to connect to bus"):
        daemon.how_to_restart()


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (CommandResult(1, "501 Not authorised\n", ""), "501 Not authorised"),
        (CommandResult(1, "", ""), "status 1"),
        (CommandResult(-9, "", "", timed_out=True), "did not end in time"),
    ],
)
def test_what_fails_is_named(tmp_path: Path, result: CommandResult, said: str) -> None:
    daemon, _runner = daemon_on(tmp_path, {"chronyc": result, "restart-it": result})
    with pytest.raises(ConfigError, match=said):
        daemon.reload()
    with pytest.raises(ConfigError, match=f"restart-it now.*{said}"):
        daemon.run_restart(["restart-it", "now"])
