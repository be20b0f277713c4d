# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running chronyd: which sources it has, and how to make it read its files again.

Private to this collection.
"""

from __future__ import annotations

import ipaddress
from typing import List, Optional, Sequence, Set, Tuple

from .._ports import CommandResult, HostRoot, Runner
from .chronyc import Chronyc
from .config_read import Directive
from .config_write import ConfigError
from .errors import ReportError
from .model import Source
from .reports import parse_sources
from .service import CHRONY_UNITS, FOREIGN, InitError, Unit, chrony_unit, config_of, detect_init, in_chroot, read_units

__all__ = ["Daemon", "differences"]

_RESTART_TIMEOUT_S = 60.0


class Daemon:
    """This host's chronyd; ``restart_command`` replaces what the init system would do.

    ``modern``: chrony 4.0 or later, whose chronyc knows sources by their configured names.
    """

    def __init__(
        self,
        runner: Runner,
        files: HostRoot,
        chronyc: Chronyc,
        *,
        service: Optional[str] = None,
        restart_command: Sequence[str] = (),
    ) -> None:
        self._runner = runner
        self._files = files
        self._chronyc = chronyc
        self._service = service
        self._restart_command = list(restart_command)

    def sources(self, *, modern: bool) -> Tuple[Optional[Tuple[Source, ...]], str]:
        """The daemon's sources, by configured name where chronyc can; None, and why, when it does not answer."""
        if not self._chronyc.addressed and in_chroot(self._files):
            return None, FOREIGN
        batch = self._chronyc.reports(("sources -a", "activity"), configured_names=modern)
        text = batch.texts.get("sources")
        if batch.error is not None or text is None:
            return None, batch.error or "chronyc printed no report"
        try:
            return parse_sources(text), ""
        except ReportError as exc:
            return None, str(exc)

    def without_key(self, sources: Sequence[Directive]) -> List[str]:
        """Those of the sources whose symmetric key chronyd (4.0 or later) does not have. Raises ConfigError."""
        from .reports_extra import parse_authdata  # only for sources with keys

        batch = self._chronyc.reports(("authdata -a",), configured_names=True)
        text = batch.texts.get("authdata")
        if batch.error is not None or text is None:
            raise ConfigError(
                f"chronyc authdata, which proves keys, said: {batch.error or 'nothing'}. "
                "chronyd answers it on its own Unix socket only: chronyc_address must name that, or be left out"
            )
        try:
            rows = parse_authdata(text)
        except ReportError as exc:
            raise ConfigError(str(exc)) from exc
        sound = {_plain(row.name): True for row in rows}
        for row in rows:
            if row.mode != "symmetric" or not row.key_type or not row.key_length:
                sound[_plain(row.name)] = False
        return [one.args[0] for one in sources if not sound.get(_plain(one.args[0]), False)]

    def unit(self) -> Optional[Unit]:
        """The service as the init system sees it; None without an init system or without the service."""
        init = detect_init(self._files)
        if init == "none":
            return None
        names = (self._service,) if self._service else CHRONY_UNITS
        try:
            return chrony_unit(read_units(init, self._runner, self._files, names))
        except InitError as exc:
            raise ConfigError(str(exc)) from exc

    def config_file(self) -> Optional[str]:
        """The file that the service's chronyd was started with, when its command line says so. Raises ConfigError."""
        unit = self.unit()
        if unit is None or not unit.main_pid:
            return None
        try:
            line = self._files.read_text(f"/proc/{unit.main_pid}/cmdline")
        except OSError as exc:
            raise ConfigError(
                f"cannot see which file chronyd (process {unit.main_pid}) reads: {exc.strerror or exc}. Set config_file"
            ) from exc
        return config_of(line.split("\0"))

    def how_to_restart(self) -> Optional[List[str]]:
        """The command that restarts the daemon; None where there is none."""
        if self._restart_command:
            return self._restart_command
        unit = self.unit()
        if unit is None or not unit.active:
            return None
        if detect_init(self._files) == "systemd":
            return [self._runner.which("systemctl") or "systemctl", "restart", f"{unit.name}.service"]
        return [self._runner.which("rc-service") or "rc-service", unit.name, "restart"]

    def reload(self) -> None:
        """Make the daemon read its ``.sources`` files again. Raises ConfigError."""
        _check(self._chronyc.command("reload", "sources"), "chronyc reload sources")

    def run_restart(self, command: Sequence[str]) -> None:
        """Run what ``how_to_restart`` gave. Raises ConfigError."""
        _check(self._runner.run(command, timeout_s=_RESTART_TIMEOUT_S), " ".join(command))


def differences(wanted: Sequence[Directive], running: Sequence[Source], *, modern: bool) -> Tuple[List[str], List[str]]:
    """What the daemon lacks of the wanted sources, and what it has beside them.

    chronyc before 4.0 knows only addresses: there a source wanted by its host name cannot be told apart, is not
    missed, and makes any other source possible.
    """
    want = _wanted(wanted)
    have = {(source.mode, _plain(source.name)) for source in running}
    if modern:
        return _told(want - have), _told(have - want)
    named = {(mode, name) for mode, name in want if mode != "refclock" and not _is_address(name)}
    extra = {(mode, name) for mode, name in have - want if not named or mode == "refclock"}
    return _told(want - named - have), _told(extra)


def _wanted(directives: Sequence[Directive]) -> Set[Tuple[str, str]]:
    refclocks = [directive for directive in directives if directive.name == "refclock"]
    found = {("refclock", _refid(directive, index)) for index, directive in enumerate(refclocks)}
    for directive in directives:
        if directive.name != "refclock" and directive.args:
            found.add(("peer" if directive.name == "peer" else "server", _plain(directive.args[0])))
    return found


def _refid(refclock: Directive, index: int) -> str:
    """The name under which chronyd lists a refclock: its refid, or three letters of the driver and a number."""
    for option, value in zip(refclock.args[2:], refclock.args[3:]):
        if option.lower() == "refid":
            return value.lower()
    driver = refclock.args[0] if refclock.args else ""
    return (driver[:3] + str(index) if index < 10 else driver[:2] + str(index)).lower()


def _plain(name: str) -> str:
    if _is_address(name):
        return str(ipaddress.ip_address(name))
    return name.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _told(found: Set[Tuple[str, str]]) -> List[str]:
    return sorted(f"{mode} {name}" for mode, name in found)


def _check(result: CommandResult, what: str) -> None:
    if result.timed_out:
        raise ConfigError(f"{what} did not end in time")
    if result.rc:
        said = (result.stderr or result.stdout).strip()
        raise ConfigError(f"{what} failed with status {result.rc}" + (f": {said}" if said else ""))
