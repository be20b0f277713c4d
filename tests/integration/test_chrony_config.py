"""``chrony_config`` against real chronyd processes of three releases, by real Ansible runs.

Each daemon runs with ``-x`` in a network namespace that leads nowhere, on a copy of Debian's own configuration in a
directory of the test, and is restarted by a command of the test.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.rigs.network import Network
from tests.rigs.ntp import program
from tests.rigs.roots import unpacked
from tests.rigs.shell import environment, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rigs.network import Host
    from tests.rigs.roots import Suite

ROOT = Path(__file__).resolve().parents[2]
MODULE = "ansible_collections.softtoken.compliance.plugins.modules.chrony_config"
ANSIBLE = Path(sys.executable).with_name("ansible")


class Site:
    """One host's chrony, on Debian's default configuration: files in a directory, a daemon, and a way to restart it."""

    def __init__(self, host: Host, suite: Suite) -> None:
        self.host = host
        self.suite: Suite = suite
        self.directory = Path(tempfile.mkdtemp(prefix="softtoken-config-"))
        self.etc = self.directory / "etc" / "chrony"
        self.main = self.etc / "chrony.conf"
        self.run_dir = self.directory / "run"
        self.dhcp = Path(tempfile.mkdtemp(prefix="softtoken-dhcp-", dir="/run"))
        self.socket = self.run_dir / "chronyd.sock"
        self.programs = self.directory / "bin"
        self.policy = self.etc / "conf.d" / "softtoken.conf"
        self.sources = self.etc / "sources.d" / "softtoken.sources"
        self._lay_out()

    def _lay_out(self) -> None:
        for folder in (self.etc / "conf.d", self.etc / "sources.d", self.programs):
            folder.mkdir(parents=True)
        self.run_dir.mkdir(mode=0o750)
        default = (unpacked(self.suite) / "usr/share/chrony/chrony.conf").read_text(encoding="utf-8")
        for theirs, ours in (
            ("/etc/chrony", self.etc),
            ("/run/chrony-dhcp", self.dhcp),
            ("/var/lib/chrony", self.run_dir),
            ("/var/log/chrony", self.run_dir),
        ):
            default = default.replace(theirs, str(ours))
        own = f"bindcmdaddress {self.socket}\npidfile {self.run_dir}/chronyd.pid\ncmdport 0\n"
        self.main.write_text(default + own, encoding="utf-8")
        (self.etc / "chrony.keys").touch(0o640)
        chronyd = shlex.join(program(self.suite, "usr/sbin/chronyd"))
        chronyc = shlex.join(program(self.suite, "usr/bin/chronyc"))
        self._script("chronyd", f'echo chronyd "$@" >> {self.directory}/calls\nexec {chronyd} "$@"')
        self._script("chronyc", f'echo chronyc "$@" >> {self.directory}/calls\nexec {chronyc} "$@"')
        start = shlex.join(
            self.host.argv([*program(self.suite, "usr/sbin/chronyd"), "-x", "-u", "root", "-f", str(self.main)])
        )
        self._script("restart", f"echo restart >> {self.directory}/calls\n{self.programs}/stop\nexec {start} 2>&1")
        self._script(
            "stop",
            f'pid=$(cat {self.run_dir}/chronyd.pid 2>/dev/null) || exit 0\nkill "$pid"\n'
            'while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done',
        )

    def _script(self, name: str, body: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def start(self) -> None:
        run([str(self.programs / "restart")])
        wait_for(lambda: self.chronyc("tracking") is not None, "chronyd to answer")
        self.forget_calls()

    def stop(self) -> None:
        run([str(self.programs / "stop")])

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory)
        shutil.rmtree(self.dhcp)

    def chronyc(self, *words: str) -> str | None:
        result = run([str(self.programs / "chronyc"), "-n", "-h", str(self.socket), *words], check=False)
        return result.stdout if result.returncode == 0 else None

    def running(self) -> set[str]:
        """The sources of the daemon, asked without the help of what is tested."""
        rows = self.chronyc("-c", "-N", "sources", "-a")
        assert rows is not None
        return {row.split(",")[2] for row in rows.splitlines()}

    def pid(self) -> str:
        return (self.run_dir / "chronyd.pid").read_text(encoding="utf-8").strip()

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.etc.rglob("*") if path.is_file()}

    def calls(self) -> list[str]:
        """What was run since the last time it was asked."""
        log = self.directory / "calls"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        self.forget_calls()
        return lines

    def forget_calls(self) -> None:
        (self.directory / "calls").unlink(missing_ok=True)

    def options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "config_file": str(self.main),
            "chronyc_address": str(self.socket),
            "restart_command": [str(self.programs / "restart")],
            "timeout": 20,
            **options,
        }

    def environment(self) -> dict[str, str]:
        return environment(
            {
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "PYTHONPATH": str(ROOT / ".ansible" / "collections"),
            }
        )

    def apply(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module as Ansible does on a host, without Ansible's own seconds around it."""
        arguments = {**self.options(options), "_ansible_check_mode": check, "_ansible_diff": True}
        self.forget_calls()
        result = run(
            [sys.executable, "-m", MODULE],
            stdin=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            check=False,
            env=self.environment(),
        )
        printed = result.stdout + result.stderr
        assert result.stdout.startswith(("\n{", "{")), printed
        return {"failed": result.returncode != 0, "printed": printed, **json.loads(result.stdout)}

    def ansible(self, *flags: str, **options: Any) -> tuple[dict[str, Any], str]:
        """Run the module by Ansible; the result, and all that was printed."""
        self.forget_calls()
        result = run(
            [
                str(ANSIBLE), "localhost", "-i", "localhost,", "-c", "local",
                "-e", f"ansible_python_interpreter={sys.executable}", *flags,
                "-m", "softtoken.compliance.chrony_config", "-a", json.dumps(self.options(options)),
            ],
            check=False,
            env=self.environment(),
        )  # fmt: skip
        printed = result.stdout + result.stderr
        _before, found, text = result.stdout.partition("=> {")
        assert found, printed
        return {"failed": result.returncode != 0, **json.JSONDecoder().raw_decode("{" + text)[0]}, printed


def good(result: dict[str, Any], *, changed: bool, action: str) -> None:
    assert not result["failed"], result
    assert (result["changed"], result["action"]) == (changed, action), result


@pytest.fixture(scope="module")
def nowhere() -> Iterator[Host]:
    """A network namespace in which there is nobody to ask."""
    with Network() as network:
        yield network.host("config", "10.98.0.1")


@pytest.fixture
def site(nowhere: Host) -> Iterator[Site]:
    made = Site(nowhere, "bookworm")
    made.start()
    yield made
    made.remove()


THREE = [{"address": f"192.0.2.{number}", "iburst": True} for number in (1, 2, 3)]
NAMES = {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
DEFAULT = "2.debian.pool.ntp.org"


def test_sources_take_effect_by_a_reload_beside_the_distributions(site: Site) -> None:
    before = site.pid()
    good(site.apply(sources=THREE), changed=True, action="reloaded")
    assert site.running() == {*NAMES, DEFAULT}
    assert site.pid() == before


def test_check_predicts_then_changes_then_nothing_is_left_to_do(site: Site) -> None:
    task: dict[str, Any] = {
        "sources": THREE,
        "exclusive": True,
        "makestep": {"threshold": 0.5, "limit": -1},
        "maxclockerror": 50,
    }
    before = site.files()
    predicted = site.apply(check=True, **task)
    good(predicted, changed=True, action="restarted")
    assert site.files() == before
    assert site.running() == {DEFAULT}
    done = site.apply(**task)
    good(done, changed=True, action="restarted")
    assert (done["files"], done["diff"]) == (predicted["files"], predicted["diff"])
    assert site.running() == NAMES == set(done["sources"])
    after = site.files()
    site.calls()
    good(site.apply(**task), changed=False, action="none")
    assert site.files() == after
    # The proof is one chronyc and nothing else: a converged run must be cheap.
    (only,) = site.calls()
    assert only.startswith("chronyc")
    good(site.apply(check=True, **task), changed=False, action="none")


@pytest.mark.parametrize("suite", ["bullseye", "trixie"])
def test_other_releases_of_chrony(nowhere: Host, suite: Suite) -> None:
    site = Site(nowhere, suite)
    try:
        site.start()
        # Names that nobody resolves here: they have to be proven all the same.
        good(site.apply(profile="nts", exclusive=True), changed=True, action="restarted")
        assert "nts.netnod.se" in site.running()
        assert DEFAULT not in site.running()
        good(site.apply(profile="nts", exclusive=True), changed=False, action="none")
        good(site.apply(profile="aws", exclusive=True), changed=True, action="restarted")
        assert site.running() == {"169.254.169.123"}
        good(site.apply(state="absent"), changed=True, action="restarted")
        assert site.running() == {DEFAULT}
    finally:
        site.remove()


def test_exclusive_disables_sources_wherever_they_are_and_gives_them_back(site: Site) -> None:
    (site.dhcp / "eth0.sources").write_text("server 192.0.2.50 iburst\n", encoding="utf-8")
    (site.etc / "sources.d" / "site.sources").write_text(
        "# ours\nserver 192.0.2.51\nserver 192.0.2.52 ibrust\n", encoding="utf-8"
    )
    (site.etc / "conf.d" / "site.conf").write_text("peer 192.0.2.53\nlogchange 0.5\n", encoding="utf-8")
    site.start()
    before = site.files()
    assert site.running() == {DEFAULT, "192.0.2.50", "192.0.2.51", "192.0.2.53"}
    done = site.apply(sources=THREE, exclusive=True)
    good(done, changed=True, action="restarted")
    assert site.running() == NAMES
    assert len(done["backup_files"]) == 3
    assert b"\nlogchange 0.5\n" in site.files()[str(site.etc / "conf.d" / "site.conf")]
    # What DHCP brings later does not come in either.
    (site.dhcp / "eth1.sources").write_text("server 192.0.2.54 iburst\n", encoding="utf-8")
    site.chronyc("reload", "sources")
    assert site.running() == NAMES
    (site.dhcp / "eth1.sources").unlink()
    good(site.apply(sources=THREE, exclusive=True), changed=False, action="none")
    for copy in done["backup_files"]:
        Path(copy).unlink()
    good(site.apply(state="absent", backup=False), changed=True, action="restarted")
    assert site.files() == before
    assert site.running() == {DEFAULT, "192.0.2.50", "192.0.2.51", "192.0.2.53"}
    good(site.apply(state="absent"), changed=False, action="none")


def test_by_ansible_itself(site: Site) -> None:
    task: dict[str, Any] = {"profile": "aws", "exclusive": True}
    predicted, shown = site.ansible("--check", "--diff", **task)
    good(predicted, changed=True, action="restarted")
    assert "+server 169.254.169.123 iburst maxpoll 4 minpoll 4 prefer" in shown
    assert f"-pool {DEFAULT} iburst" in shown
    assert site.running() == {DEFAULT}
    good(site.ansible(**task)[0], changed=True, action="restarted")
    assert site.running() == {"169.254.169.123"}
    good(site.ansible(**task)[0], changed=False, action="none")


def test_policy_wins_over_later_lines_and_leaves_the_others(site: Site) -> None:
    good(site.apply(makestep={"threshold": 0.5, "limit": -1}, rtcsync=False), changed=True, action="restarted")
    printed = run([str(site.programs / "chronyd"), "-p", "-f", str(site.main)]).stdout.splitlines()
    assert [line for line in printed if line.startswith("makestep")] == ["makestep 0.5 -1"]
    assert "rtcsync" not in printed
    assert "maxupdateskew 100.0" in printed
    # A line that says the same may stay.
    good(site.apply(makestep={"threshold": 1.0, "limit": 3}), changed=True, action="restarted")
    assert b"\nmakestep 1 3\n" in site.main.read_bytes()
    assert b"\nrtcsync\n" in site.main.read_bytes()


def test_a_broken_sources_file_is_refused_before_anything_changes(site: Site) -> None:
    # chronyd -p says nothing about it, and the daemon would ignore the line without a word.
    broken = site.etc / "sources.d" / "broken.sources"
    broken.write_text("\nserver 192.0.2.60 minpoll four\n", encoding="utf-8")
    run([str(site.programs / "chronyd"), "-p", "-f", str(site.main)])
    before = site.files()
    for check in (True, False):
        result = site.apply(check=check, sources=THREE)
        assert result["failed"]
        assert f"{broken}, line 2" in result["msg"]
        assert "four" in result["msg"]
        assert not result["rolled_back"]
    assert site.files() == before
    assert site.running() == {DEFAULT}


def test_rolls_back_when_the_daemon_does_not_start_with_it(site: Site) -> None:
    # chronyd parses it, and dies at its start for want of the device.
    bad = {"type": "refclock", "driver": "PHC", "address": "/dev/there-is-no-such-clock"}
    before = site.files()
    result = site.apply(sources=[*THREE, bad], exclusive=True, timeout=8)
    assert result["failed"]
    assert result["rolled_back"]
    assert "Rolled back" in result["msg"]
    assert site.files() == before
    assert site.running() == {DEFAULT}


def test_rolls_back_when_the_running_daemon_has_other_sources(site: Site) -> None:
    before = site.files()
    result = site.apply(sources=THREE, exclusive=True, timeout=5, restart_command=["true"])
    assert result["rolled_back"]
    assert "besides" in result["msg"]
    assert "192.0.2.1" in result["msg"]
    assert site.files() == before
    assert site.running() == {DEFAULT}


def test_says_so_when_even_the_way_back_fails(site: Site) -> None:
    site._script("restart-fails", f"{site.programs}/stop\necho no restart today >&2\nexit 7")
    command = [str(site.programs / "restart-fails")]
    result = site.apply(sources=THREE, exclusive=True, timeout=1, restart_command=command)
    assert result["failed"]
    assert not result["rolled_back"]
    assert "no restart today" in result["msg"]
    assert "Going back failed" in result["msg"]


def test_a_daemon_that_runs_with_other_sources_than_its_files_is_put_right(site: Site) -> None:
    good(site.apply(sources=THREE, exclusive=True), changed=True, action="restarted")
    site.chronyc("add", "server", "192.0.2.99")
    assert site.running() == {*NAMES, "192.0.2.99"}
    good(site.apply(check=True, sources=THREE, exclusive=True), changed=True, action="restarted")
    assert site.running() == {*NAMES, "192.0.2.99"}
    good(site.apply(sources=THREE, exclusive=True), changed=True, action="restarted")
    assert site.running() == NAMES
    site.chronyc("delete", "192.0.2.2")
    assert site.running() == NAMES - {"192.0.2.2"}
    assert site.apply(sources=THREE, exclusive=True)["changed"]
    assert site.running() == NAMES


def test_an_interrupted_run_is_caught_up_on(site: Site) -> None:
    task: dict[str, Any] = {"sources": THREE, "makestep": {"threshold": 0.5, "limit": -1}}
    # It is killed when it has written its files and restarts the daemon.
    site._script("kill", "kill -9 $PPID")
    with pytest.raises(AssertionError):
        site.apply(**task, restart_command=[str(site.programs / "kill")])
    assert site.policy.exists()
    good(site.apply(**task), changed=True, action="restarted")
    assert site.running() == {*NAMES, DEFAULT}
    good(site.apply(**task), changed=False, action="none")


def test_without_a_running_daemon_files_are_written_and_validated(site: Site) -> None:
    site.stop()
    result = site.apply(sources=THREE, exclusive=True)
    good(result, changed=True, action="none")
    assert result["sources"] is None
    assert "was not started" in result["messages"][0]
    clock = {"type": "refclock", "driver": "SOCK", "address": "/run/gps.sock", "refid": "TOO-LONG"}
    refused = site.apply(sources=[*THREE, clock])
    assert refused["failed"]
    assert f"refid TOO-LONG' ({site.policy}, line 2)" in refused["msg"]
    assert not [call for call in site.calls() if call == "restart"]
    site.start()
    assert site.running() == NAMES


def test_keys_are_secret(site: Site) -> None:
    value = "HEX:00112233445566778899aabbccddeeff"
    task: dict[str, Any] = {
        "sources": [{"address": "192.0.2.1", "key": 7}],
        "exclusive": True,
        "authselectmode": "require",
        "keys": [{"id": 7, "type": "AES128", "value": value}],
    }
    done, printed = site.ansible("--diff", **task)
    good(done, changed=True, action="restarted")
    keyfile = site.etc / "softtoken.keys"
    assert keyfile.read_text(encoding="utf-8").endswith(f"7 AES128 {value}\n")
    assert stat.S_IMODE(keyfile.stat().st_mode) in (0o600, 0o640)
    assert "7 AES128 ********" in printed
    assert value not in printed
    assert not [call for call in site.calls() if value in call]
    keyfile.chmod(0o644)
    good(site.apply(**task), changed=True, action="restarted")
    assert stat.S_IMODE(keyfile.stat().st_mode) in (0o600, 0o640)
    good(site.apply(**task), changed=False, action="none")
    refused = site.apply(sources=[{"address": "192.0.2.1", "key": 8}], keys=task["keys"])
    assert "key 8" in refused["msg"]
    good(site.apply(state="absent"), changed=True, action="restarted")
    assert not keyfile.exists()


def test_a_key_that_chronyd_drops_fails_and_rolls_back(site: Site) -> None:
    # Debian builds chrony with a library that lacks this hash. The host name is one that nobody resolves.
    task: dict[str, Any] = {
        "sources": [{"address": "ntp1.example.com", "key": 7}, {"address": "2001:DB8::1", "key": 8}],
        "exclusive": True,
        "keys": [{"id": 7, "value": "HEX:" + "5a" * 20}, {"id": 8, "value": "HEX:" + "a5" * 20}],
        "timeout": 8,
    }
    before = site.files()
    unknown = [task["keys"][0], {**task["keys"][1], "type": "WHIRLPOOL"}]
    result = site.apply(**{**task, "keys": unknown})
    assert result["failed"]
    assert result["rolled_back"]
    assert "no usable key for 2001:DB8::1:" in result["msg"]
    assert site.files() == before
    assert site.running() == {DEFAULT}
    refused = site.apply(**{**task, "keys": [task["keys"][0], {**task["keys"][1], "value": "HEX:zz"}]})
    assert "key 8" in refused["msg"]
    assert not refused["rolled_back"]
    good(site.apply(**task), changed=True, action="restarted")
    good(site.apply(**task), changed=False, action="none")
    # The files are right, and the daemon has read others since.
    keys = site.etc / "softtoken.keys"
    right = keys.read_bytes()
    keys.write_bytes(right.replace(b"8 SHA256", b"8 TIGER!"))
    site.chronyc("rekey")
    keys.write_bytes(right)
    good(site.apply(check=True, **task), changed=True, action="restarted")
    good(site.apply(**task), changed=True, action="restarted")
    good(site.apply(**task), changed=False, action="none")


def test_a_key_of_the_hosts_own_file_is_proven_too(site: Site) -> None:
    own = site.etc / "chrony.keys"
    own.write_text("3 SHA256 HEX:zz\n", encoding="utf-8")
    before = site.files()
    result = site.apply(sources=[{"type": "pool", "address": "pool.example.com", "key": 3}], timeout=8)
    assert result["rolled_back"]
    assert "no usable key for pool.example.com" in result["msg"]
    assert site.files() == before


@pytest.mark.parametrize(
    "task",
    [
        {"sources": THREE, "minsources": 4, "exclusive": True},
        {"sources": THREE, "authselectmode": "require", "exclusive": True},
    ],
)
def test_what_would_never_synchronise_is_refused(site: Site, task: dict[str, Any]) -> None:
    before = site.files()
    result = site.apply(**task)
    assert "never synchronises" in result["msg"]
    assert site.files() == before


def test_a_main_file_that_reads_no_directories_gets_a_block_and_loses_it_again(site: Site) -> None:
    own = f"bindcmdaddress {site.socket}\npidfile {site.run_dir}/chronyd.pid\n"
    # Windows line ends, Latin-1 in a comment, and no newline at the end.
    original = own.encode() + b"# Zeit f\xfcr alle\r\nserver 192.0.2.70\r\nmakestep 1 3"
    site.main.write_bytes(original)
    site.main.chmod(0o600)
    for folder in ("conf.d", "sources.d"):
        for path in (site.etc / folder).iterdir():
            path.unlink()
        (site.etc / folder).rmdir()
    site.start()
    task: dict[str, Any] = {"sources": THREE, "exclusive": True, "minsources": 2}
    good(site.apply(**task), changed=True, action="restarted")
    assert site.running() == NAMES
    assert b"# Zeit f\xfcr alle\r\n" in site.main.read_bytes()
    assert stat.S_IMODE(site.main.stat().st_mode) == 0o600
    assert stat.S_IMODE(site.sources.stat().st_mode) == 0o644
    good(site.apply(**task), changed=False, action="none")
    good(site.apply(state="absent", backup=False), changed=True, action="restarted")
    assert site.main.read_bytes() == original
    assert site.running() == {"192.0.2.70"}


def test_a_directory_that_becomes_read_brings_nothing_else_in(site: Site) -> None:
    own = f"bindcmdaddress {site.socket}\npidfile {site.run_dir}/chronyd.pid\n"
    site.main.write_text(own, encoding="utf-8")
    (site.etc / "sources.d" / "forgotten.sources").write_text("server 192.0.2.80\n", encoding="utf-8")
    site.start()
    assert site.running() == set()
    good(site.apply(sources=THREE, exclusive=True), changed=True, action="restarted")
    assert site.running() == NAMES


def test_refclocks_are_proven_too(site: Site) -> None:
    clock = {"type": "refclock", "driver": "SOCK", "address": str(site.run_dir / "gps.sock"), "refid": "GPS"}
    good(
        site.apply(
            sources=[*THREE, clock, {**clock, "address": str(site.run_dir / "b.sock"), "refid": None}], exclusive=True
        ),
        changed=True,
        action="restarted",
    )
    assert site.running() == {*NAMES, "GPS", "SOC1"}


def test_the_wrong_place_is_named(site: Site) -> None:
    result = site.apply(config_file=str(site.etc / "elsewhere.conf"), sources=THREE)
    assert result["failed"]
    assert "elsewhere.conf" in result["msg"]
    assert "config_file" in result["msg"]
