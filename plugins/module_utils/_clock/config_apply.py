# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a plan true: validate, write, reload or restart, prove, and go back when any of that fails.

Private to this collection.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .._ports import Access, Clocks, FileStore, Runner
from .config_plan import Plan, make_plan, option_of
from .config_read import read_config
from .config_write import ConfigError, Declared
from .daemon import Daemon, differences
from .layout import Layout
from .model import Source

__all__ = ["ApplyError", "Host", "Outcome", "Request", "apply"]

_POLL_S = 0.2
_PUBLIC = Access(0o644)
#: Present from before the first change until the running daemon is proven: whoever finds it restarts the daemon.
_PENDING = ".softtoken-pending"
_PENDING_TEXT = "softtoken.compliance.chrony_config was interrupted here; its next run restarts chronyd.\n"


class ApplyError(ConfigError):
    """Files were changed, and the daemon did not take them."""

    def __init__(self, message: str, *, rolled_back: bool, files: Tuple[str, ...]) -> None:
        super().__init__(message)
        self.rolled_back = rolled_back
        self.files = files


class Host(NamedTuple):
    """The host's side: what to run, to read and to write, and to wait with. ``pause`` sleeps."""

    runner: Runner
    store: FileStore
    daemon: Daemon
    clocks: Clocks
    pause: Callable[[float], None]
    layout: Layout


class Request(NamedTuple):
    """What a task wants."""

    config_file: str
    declared: Declared
    check: bool = False
    backup: bool = True
    timeout_s: float = 10.0


class Outcome(NamedTuple):
    """What was done. ``sources``: the running daemon's, afterwards; None when it does not run."""

    changed: bool
    action: str  # none | reloaded | restarted
    files: Tuple[str, ...] = ()
    backups: Tuple[str, ...] = ()
    sources: Optional[Tuple[str, ...]] = None
    messages: Tuple[str, ...] = ()
    diffs: Tuple[Tuple[str, str, str], ...] = ()  # path, before, after


def apply(host: Host, request: Request) -> Outcome:
    """Bring the host's chrony to what is declared. Raises ConfigError, and ApplyError where files had been changed."""
    if not 0 <= request.timeout_s < float("inf"):
        raise ConfigError(f"timeout is {request.timeout_s}, and must be a finite number of seconds from 0")
    return _Run(host, request).run()


class _Written(NamedTuple):
    """A file that was changed, and what it was before (None: it did not exist)."""

    path: str
    text: Optional[str]
    access: Optional[Access]


class _Run:
    def __init__(self, host: Host, request: Request) -> None:
        self.host = host
        self.request = request
        self.store = host.store
        self.pending = request.config_file + _PENDING
        self.messages: List[str] = []
        self.modern = self._is_modern()
        self.plan: Plan = make_plan(host.store, request.config_file, request.declared, modern=self.modern)
        self.access = self._managed_access()
        self.changes = tuple(sorted({*self.plan.changed, *self._wrong_access()}))
        self.running, self.silence = host.daemon.sources(modern=self.modern)
        self.answered = self.running is not None
        self.restart: Optional[List[str]] = None

    def run(self) -> Outcome:
        if self.changes:
            self._validate()
        action = self._needed_action()
        if action == "none" and not self.changes:
            return self._outcome("none", changed=False)
        if self.request.check:
            return self._outcome(action, changed=True)
        return self._change(action)

    # --- before anything is touched ------------------------------------------------------------------------------

    def _is_modern(self) -> bool:
        """Say whether this is chrony 4.0 or later; a configuration that uses its directives answers for free."""
        if read_config(self.store, self.request.config_file).named("confdir", "sourcedir"):
            return True
        if self.request.declared == Declared() and self.host.layout.chronyd is None:
            return True  # it does not matter any more
        from .config_check import chronyd_version  # a converged host does without

        return chronyd_version(self.host.runner, self._chronyd()) >= (4, 0)

    def _chronyd(self) -> str:
        if self.host.layout.chronyd is None:
            raise ConfigError(
                "chronyd is not installed, so nothing can be validated: install the package "
                f"{self.host.layout.package} first (the role softtoken.compliance.timesync does)"
            )
        return self.host.layout.chronyd

    def _managed_access(self) -> Dict[str, Access]:
        user = self.plan.effective.last("user")
        group = user.args[0] if user and user.args else self.host.layout.user
        # chronyd reads the keys again after it has given root up; without its group only root can.
        secret = Access(0o640, group) if self.store.has_group(group) else Access(0o600)
        paths = self.plan.paths
        return {paths.policy: _PUBLIC, paths.sources: _PUBLIC, paths.keys: secret}

    def _wrong_access(self) -> List[str]:
        present = [path for path in self.access if self.plan.texts.get(path) and self.store.exists(path)]
        return [path for path in present if not _as_wanted(self.store.access(path), self.access[path])]

    def _validate(self) -> None:
        from .config_check import refuse_invalid, refuse_never_synchronising

        if self.request.declared == Declared():
            return  # the way back leads to what was there: if the daemon does not take that, this run goes back as well
        chronyd = self._chronyd()
        refuse_never_synchronising(self.plan.effective)
        if self.modern:
            refuse_invalid(self.host.runner, chronyd, self.plan.effective)
        else:
            self.messages.append(
                "chronyd before 4.0 cannot check a configuration (it has no -p): only its restart shows what it takes"
            )

    def _needed_action(self) -> str:
        """``none``, ``reloaded`` or ``restarted``: what the running daemon needs."""
        if self.running is None and not self._service_active():
            self.messages.append(f"chronyd is not running and was not started ({self.silence})")
            return "none"
        if self.running is None and not self.changes:
            raise ConfigError(
                f"chronyd runs but does not answer, so its sources cannot be proven: {self.silence}. "
                "Check bindcmdaddress and cmdport, or set chronyc_address"
            )
        if self._reload_is_enough():
            return "reloaded"
        if not self.changes and not self.store.exists(self.pending) and not self._mismatch():
            return "none"
        self.restart = self.host.daemon.how_to_restart()
        if self.restart is None:
            raise ConfigError(
                "chronyd runs and has to be restarted, but neither systemd nor OpenRC runs it here: set restart_command"
            )
        return "restarted"

    def _service_active(self) -> bool:
        unit = self.host.daemon.unit()
        return bool(unit and unit.active)

    def _reload_is_enough(self) -> bool:
        if not self.modern or self.running is None or self.store.exists(self.pending):
            return False
        if self.changes:
            return set(self.changes) <= {*self.plan.before.source_files, *self.plan.effective.source_files}
        missing, extra = differences(self.plan.sources, self.running, modern=True)
        reloadable = [source for source in self.plan.sources if source.in_sourcedir]
        lacks_only_those = not differences(
            [one for one in self.plan.sources if one not in reloadable], self.running, modern=True
        )[0]
        return bool(missing) and not extra and lacks_only_those

    def _mismatch(self) -> str:
        """What the running daemon's sources are not, or lack; empty when they are right."""
        if self.running is None:
            return f"chronyd does not answer: {self.silence}"
        missing, extra = differences(self.plan.sources, self.running, modern=self.modern)
        said = [f"it lacks {', '.join(missing)}"] if missing else []
        if extra and self.request.declared.exclusive:
            said.append(f"it has {', '.join(extra)} besides")
        if not said:
            said = self._dropped_keys()
        return " and ".join(said)

    def _dropped_keys(self) -> List[str]:
        """The declared sources that chronyd has no usable key for: it would never authenticate them."""
        keyed = [one for one in self.plan.sources if one.text in self.request.declared.ntp and option_of(one, "key")]
        if not keyed or not self.modern:
            return []
        names = self.host.daemon.without_key(keyed)
        hint = "see its log, and whether this build of chronyd knows the key's type"
        return [f"it has no usable key for {', '.join(names)}: {hint}"] if names else []

    # --- the change ----------------------------------------------------------------------------------------------

    def _change(self, action: str) -> Outcome:
        backups: List[str] = []
        written: List[_Written] = []
        touched = False
        try:
            if self.changes:
                self.store.replace(self.pending, _PENDING_TEXT, Access(0o600))
                self._write(written, backups)
            if action != "none":
                touched = True
                action = self._tell_daemon(action)
            self._remove_pending()
        except (ConfigError, OSError) as exc:
            raise self._rolled_back(exc, written, backups, touched=touched) from exc
        return self._outcome(action, changed=True, backups=tuple(backups))

    def _write(self, written: List[_Written], backups: List[str]) -> None:
        managed = set(self.plan.paths)
        # The main file last: until then nothing new is read.
        for path in sorted(self.changes, key=lambda one: (one == self.request.config_file, one)):
            now, text = self.plan.current[path], self.plan.texts[path]
            access = None if now is None else self.store.access(path)
            if self.request.backup and now is not None and path not in managed:
                backups.append(self.store.back_up(path))
            written.append(_Written(path, now, access))
            if text is None:
                self.store.remove(path)
            else:
                self.store.replace(path, text, self.access.get(path))
        found = read_config(self.store, self.request.config_file)
        if found.directives != self.plan.effective.directives:
            raise ConfigError("the files on disk do not give the planned configuration: somebody else changes them too")

    def _tell_daemon(self, action: str) -> str:
        """Reload or restart, and prove it; the action that it took in the end."""
        if action == "reloaded":
            self.host.daemon.reload()
            if not self._proven():
                # Sources added by hand outlive a reload, and before 4.7 a reload could leave duplicates.
                action = "restarted"
                self.restart = self.host.daemon.how_to_restart()
        if action == "restarted":
            if self.restart is None:
                raise ConfigError(f"chronyd has not the intended sources ({self._mismatch()}), nor can it be restarted")
            self.host.daemon.run_restart(self.restart)
            if not self._proven():
                raise ConfigError(f"the restarted chronyd has not the intended sources: {self._mismatch()}")
        return action

    def _proven(self) -> bool:
        return self._wait(lambda: not self._mismatch())

    def _wait(self, condition: Callable[[], bool]) -> bool:
        """Ask the daemon until it answers and the condition holds, within the time limit."""
        end = self.host.clocks.monotonic() + self.request.timeout_s
        while True:
            self.running, self.silence = self.host.daemon.sources(modern=self.modern)
            if self.running is not None and condition():
                return True
            if self.host.clocks.monotonic() >= end:
                return False
            self.host.pause(_POLL_S)

    def _remove_pending(self) -> None:
        if self.store.exists(self.pending):
            self.store.remove(self.pending)

    # --- the way back --------------------------------------------------------------------------------------------

    def _rolled_back(
        self, cause: Exception, written: List[_Written], backups: List[str], *, touched: bool
    ) -> ConfigError:
        if not self.changes:
            return ConfigError(f"{cause}. No file was changed")
        try:
            for path, text, access in reversed(written):
                if text is not None:
                    self.store.replace(path, text, access)
                elif self.store.exists(path):
                    self.store.remove(path)
            for path in backups:
                self.store.remove(path)
            said = "every file is as it was"
            if touched:
                said += f", and {self._restore_daemon()}"
            self._remove_pending()
        except (ConfigError, OSError) as exc:
            message = (
                f"{cause}. Going back failed as well: {exc}. {self.request.config_file} and its drop-ins need a look"
            )
            return ApplyError(message, rolled_back=False, files=self.changes)
        return ApplyError(f"{cause}. Rolled back: {said}", rolled_back=True, files=self.changes)

    def _restore_daemon(self) -> str:
        command = self.restart or self.host.daemon.how_to_restart()
        if command is None:
            self.host.daemon.reload()
        else:
            self.host.daemon.run_restart(command)
        if self._wait(lambda: True):
            return "chronyd runs with its former configuration"
        if self.answered:
            raise ConfigError(f"chronyd does not answer with its former configuration either: {self.silence}")
        return "chronyd was restarted with its former configuration; it still does not answer, as before"

    # --- the result ----------------------------------------------------------------------------------------------

    def _outcome(self, action: str, *, changed: bool, backups: Tuple[str, ...] = ()) -> Outcome:
        return Outcome(
            changed=changed,
            action=action,
            files=self.changes,
            backups=backups,
            sources=None if self.running is None else _names(self.running),
            messages=tuple(self.messages),
            diffs=tuple(self._diff(path) for path in self.plan.changed),
        )

    def _diff(self, path: str) -> Tuple[str, str, str]:
        before, after = self.plan.current[path] or "", self.plan.texts[path] or ""
        if path == self.plan.paths.keys or path.endswith(".keys"):
            before, after = _masked(before), _masked(after)
        return path, before, after


def _as_wanted(found: Access, wanted: Access) -> bool:
    return found.mode == wanted.mode and (wanted.group is None or found.group == wanted.group)


def _names(running: Tuple[Source, ...]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(source.name for source in running))


def _masked(keys: str) -> str:
    """A key file without its secrets."""
    lines = [line if line.startswith("#") else " ".join((*line.split()[:2], "********")) for line in keys.splitlines()]
    return "".join(f"{line}\n" for line in lines)
