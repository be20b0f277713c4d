"""The flow where this machine has no such chrony or init system. The rest: tests/integration/test_chrony_config.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.chronyc import Chronyc
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_apply import (
    ApplyError,
    Host,
    Outcome,
    Request,
    apply,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import ConfigError, Declared, Key
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.daemon import Daemon
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import find_layout
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Access, CommandResult

from tests.fakes.files import RootedFiles
from tests.fakes.runner import ScriptedRunner

MAIN = "/etc/chrony.conf"
VERSION = "chronyd (chrony) version {} (+CMDMON)\n"
SHOWN = "Id=chronyd.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=7\n"
DECLARED = Declared(ntp=("server 192.0.2.1",), exclusive=True)


class Store(RootedFiles):
    """A file store below a directory of the test. ``on_replace`` may interfere."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.wanted: dict[str, Access | None] = {}
        self.on_replace: Callable[[str], None] = lambda _path: None

    def access(self, path: str) -> Access:
        return self.wanted.get(path) or Access(0o644)

    def has_group(self, name: str) -> bool:
        return name == "chrony"

    def replace(self, path: str, text: str, access: Access | None = None) -> None:
        self.on_replace(path)
        self.write(path, text)
        self.wanted[path] = access

    def remove(self, path: str) -> None:
        Path(self._below(path)).unlink()

    def back_up(self, path: str) -> str:
        self.write(path + "~", self.read_text(path))
        return path + "~"

    def content(self) -> dict[str, str]:
        return {str(path): path.read_text(encoding="utf-8") for path in self.root.rglob("*") if path.is_file()}


class Clock:
    """A clock that runs only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


class World:
    """A host whose chronyd has the sources of its files as soon as it is restarted."""

    def __init__(self, root: Path, *, version: str = "3.4", systemd: bool = True) -> None:
        self.store = Store(root)
        self.store.write(MAIN, "pool pool.example.com\n")
        self.running: list[str] | None = ["203.0.113.5"]
        self.after_restart: list[str] | None = ["192.0.2.1"]
        self.restarts = CommandResult(0, "", "")
        self.runner = ScriptedRunner(
            {
                "/usr/bin/chronyd --version": CommandResult(0, VERSION.format(version), ""),
                "/usr/bin/chronyc": self._chronyc,
                "/usr/bin/systemctl --no-pager": CommandResult(0, SHOWN, ""),
                "/usr/bin/systemctl restart": self._restart,
            }
        )
        if systemd:
            (root / "run/systemd/system").mkdir(parents=True)

    def _chronyc(self, _argv: list[str]) -> CommandResult:
        if self.running is None:
            return CommandResult(1, "506 Cannot talk to daemon\n", "")
        listed = "".join(f"^,?,{name},0,6,0,4294967295,0.0,0.0,0.0\n" for name in self.running)
        return CommandResult(0, listed + "1,0,0,0,0\n", "")

    def _restart(self, _argv: list[str]) -> CommandResult:
        if self.restarts.rc == 0:
            self.running = self.after_restart
        return self.restarts

    def apply(self, declared: Declared = DECLARED, *, installed: bool = True, **options: Any) -> Outcome:
        layout = find_layout(self.store, self.runner.which if installed else lambda _program: None)
        daemon = Daemon(self.runner, self.store, Chronyc(self.runner, "/usr/bin/chronyc"))
        clock = Clock()
        host = Host(self.runner, self.store, daemon, clock, clock.pause, layout)
        return apply(host, Request(MAIN, declared, **options))

    def commands(self) -> list[str]:
        return [" ".join(argv) for argv in self.runner.ran]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_chrony_before_4_gets_one_included_file_and_no_check_by_chronyd(world: World) -> None:
    outcome = world.apply()
    assert (outcome.changed, outcome.action, outcome.sources) == (True, "restarted", ("192.0.2.1",))
    assert "-p" in outcome.messages[0]
    assert not [line for line in world.commands() if "chronyd -p" in line]
    assert "/usr/bin/systemctl restart chronyd.service" in world.commands()
    assert world.store.read_text("/etc/chrony.d/softtoken.conf").endswith("\nserver 192.0.2.1\n")
    assert world.store.read_text(MAIN).splitlines()[-2] == "include /etc/chrony.d/*.conf"
    assert world.store.wanted["/etc/chrony.d/softtoken.conf"] == Access(0o644)
    again = world.apply()
    assert (again.changed, again.action, again.messages) == (False, "none", ())


def test_an_image_without_init_and_without_daemon(tmp_path: Path) -> None:
    world = World(tmp_path, version="4.5", systemd=False)
    world.running = None
    outcome = world.apply()
    assert (outcome.changed, outcome.action, outcome.sources) == (True, "none", None)
    assert "506" in outcome.messages[0]
    assert [line for line in world.commands() if line.startswith("/usr/bin/chronyd -p -- server 192.0.2.1")]
    again = world.apply()
    assert (again.changed, again.action) == (False, "none")


def test_a_daemon_that_nobody_can_restart_is_refused_before_anything_changes(tmp_path: Path) -> None:
    world = World(tmp_path, systemd=False)
    before = world.store.content()
    for check in (True, False):
        with pytest.raises(ConfigError, match="restart_command"):
            world.apply(check=check)
    assert world.store.content() == before


def test_without_chrony_the_role_is_named(world: World) -> None:
    with pytest.raises(ConfigError, match="timesync"):
        world.apply(installed=False)


def test_what_a_removed_chrony_leaves_can_still_be_cleaned(world: World) -> None:
    before = world.store.content()
    world.store.write(MAIN, "confdir /etc/chrony.d\n" + world.store.read_text(MAIN))
    world.apply(backup=False)
    world.running = None
    world.runner.answers["/usr/bin/systemctl --no-pager"] = CommandResult(0, "", "")
    outcome = world.apply(Declared(), installed=False, backup=False)
    assert outcome.changed
    assert world.store.content() == {path: "confdir /etc/chrony.d\n" + text for path, text in before.items()}


def test_a_daemon_that_never_shows_the_sources_is_put_back(world: World) -> None:
    before = world.store.content()
    world.after_restart = ["198.51.100.1"]
    with pytest.raises(ApplyError) as caught:
        world.apply()
    assert caught.value.rolled_back
    assert "lacks server 192.0.2.1" in str(caught.value)
    assert world.store.content() == before
    assert world.commands().count("/usr/bin/systemctl restart chronyd.service") == 2


def test_a_daemon_that_stays_silent_afterwards(world: World) -> None:
    world.after_restart = None
    before = world.store.content()
    with pytest.raises(ApplyError) as caught:
        world.apply()
    assert not caught.value.rolled_back
    assert "does not answer with its former configuration either" in str(caught.value)
    assert world.store.content() == before | {
        path: text for path, text in world.store.content().items() if path.endswith(".softtoken-pending")
    }


def test_a_daemon_that_was_silent_before(world: World) -> None:
    world.running = world.after_restart = None
    before = world.store.content()
    with pytest.raises(ApplyError) as caught:
        world.apply()
    assert caught.value.rolled_back
    assert "as before" in str(caught.value)
    assert world.store.content() == before


def test_a_silent_daemon_with_the_right_files_is_an_error(world: World) -> None:
    world.apply()
    world.running = None
    with pytest.raises(ConfigError, match="chronyc_address"):
        world.apply()


def test_a_full_disk_leaves_everything_as_it_was(world: World) -> None:
    before = world.store.content()

    def full(path: str) -> None:
        if path == MAIN:
            world.store.on_replace = lambda _path: None
            raise OSError(28, "No space left on device")

    world.store.on_replace = full
    with pytest.raises(ApplyError, match="No space left") as caught:
        world.apply()
    assert caught.value.rolled_back
    assert world.store.content() == before
    assert not [line for line in world.commands() if "systemctl restart" in line]


def test_somebody_who_writes_at_the_same_time_is_noticed(world: World) -> None:
    def meddle(path: str) -> None:
        if path == MAIN:
            world.store.on_replace = lambda _path: None
            world.store.write("/etc/chrony.d/other.conf", "server 192.0.2.200\n")

    world.store.on_replace = meddle
    with pytest.raises(ApplyError, match="somebody else"):
        world.apply()
    assert world.store.read_text(MAIN) == "pool pool.example.com\n"


def test_a_run_that_was_killed_is_finished_by_the_next(world: World) -> None:
    def kill(argv: list[str]) -> CommandResult:
        raise KeyboardInterrupt(argv)

    restart = world.runner.answers["/usr/bin/systemctl restart"]
    world.runner.answers["/usr/bin/systemctl restart"] = kill
    declared = Declared(policy=("minsources 1",))
    with pytest.raises(KeyboardInterrupt):
        world.apply(declared)
    # Files and sources are right now, only the policy is not in effect, which no daemon tells.
    world.running = world.after_restart = ["203.0.113.5"]
    world.runner.answers["/usr/bin/systemctl restart"] = restart
    assert world.apply(declared, check=True).action == "restarted"
    assert world.apply(declared).action == "restarted"
    assert world.apply(declared).action == "none"


@pytest.mark.parametrize("timeout_s", [float("nan"), float("inf"), -1.0])
def test_a_time_limit_that_is_none_is_refused(world: World, timeout_s: float) -> None:
    before = world.store.content()
    with pytest.raises(ConfigError, match="timeout"):
        world.apply(timeout_s=timeout_s)
    assert world.store.content() == before


def test_keys_are_for_root_and_chronyd(world: World) -> None:
    declared = DECLARED._replace(ntp=("server 192.0.2.1 key 3",), keys=(Key(3, "SHA1", "HEX:AB"),))
    outcome = world.apply(declared)
    keys = "/etc/chrony.d/softtoken.keys"
    assert world.store.wanted[keys] == Access(0o640, "chrony")
    (shown,) = [after for path, _before, after in outcome.diffs if path == keys]
    assert "3 SHA1 ********" in shown
    assert "AB" not in shown
    world.store.wanted[keys] = Access(0o644)
    assert world.apply(declared).files == (keys,)
    world.store.write(MAIN, "user nobody\n" + world.store.read_text(MAIN))
    assert world.apply(declared).files == (keys,)
    assert world.store.wanted[keys] == Access(0o600)
