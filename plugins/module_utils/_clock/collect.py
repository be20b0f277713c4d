# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what can be seen of a host's clock: outputs, states and directives as they are, no reading of them.

Private to this collection. This part runs on every host, and hosts compile it on every run: what can be done elsewhere
is not done here. ``measure`` makes a measurement of it, on the host or, for ``host_facts``, on the controller.
"""

from __future__ import annotations

from typing import NamedTuple

from .._ports import (
    Clocks,
    CommandResult,
    Files,
    HostRoot,
    Process,
    Processes,
    Runner,
    SntpClient,
    SntpOutcome,
    Unavailable,
)
from .chronyc import Chronyc
from .config_read import EffectiveConfig, read_config
from .layout import Layout, find_layout
from .service import CHRONY_UNITS, InitError, Unit, chrony_unit, config_of, detect_init, in_chroot, read_units

__all__ = ["REPORTS", "RIVAL_UNITS", "SUBSETS", "Look", "MeasureOptions", "Ports", "collect"]

SUBSETS = frozenset({"clock", "service", "config", "rivals", "witness"})

#: One chronyc process, in the order that ``reports.split_reports`` can take apart.
REPORTS = ("tracking", "sources -a", "activity", "selectdata -a")

RIVAL_UNITS = (
    "ntp",
    "ntpd",
    "ntpsec",
    "openntpd",
    "systemd-timesyncd",
    "open-vm-tools",
    "vmtoolsd",
    "vmware-tools",
    "vboxadd-service",
    "vboxservice",
    "virtualbox-guest-utils",
)
#: The programs whose command lines are looked at; all others stay on the host.
_DAEMONS = frozenset({"chronyd", "ntpd", "systemd-timesyncd", "vmtoolsd", "VBoxService"})
_VMWARE = frozenset({"vmtoolsd", "open-vm-tools", "vmware-tools"})

_CONTAINER_MARKS = ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")
_TIMEOUT_S = 5.0


class Ports(NamedTuple):
    """The side effects a look needs."""

    runner: Runner
    files: HostRoot
    clocks: Clocks
    processes: Processes
    sntp: SntpClient


class MeasureOptions(NamedTuple):
    """What to look at, and where chronyd is when it is in an unusual place."""

    subsets: frozenset[str] = SUBSETS
    chronyc_address: str | None = None
    config_file: str | None = None
    witness_servers: tuple[str, ...] = ()
    witness_timeout_s: float = 2.0
    #: Ask for the names in the configuration too: authorised lists may hold names.
    configured_names: bool = False
    min_sources: int = 1


class Look(NamedTuple):
    """What was seen. None: nobody asked, or it could not be seen; then the field with ``error`` says why."""

    subsets: tuple[str, ...]
    taken_at_s: float
    layout: Layout
    init: str
    container: bool
    chroot: bool = False  # what answers or runs here is another system's
    reports: CommandResult | None = None
    named_sources: CommandResult | None = None  # ``sources -a`` again, by configured name
    version: CommandResult | None = None  # chronyd -v
    units: tuple[Unit, ...] | None = None
    units_error: str | None = None
    processes: tuple[Process, ...] | None = None  # time daemons only
    processes_error: str | None = None
    vmware: CommandResult | None = None  # vmware-toolbox-cmd timesync status
    config_file: str = ""
    config: EffectiveConfig | None = None
    config_denied: tuple[str, ...] = ()  # what this user may not read
    parsed: CommandResult | None = None  # chronyd -p
    witnesses: tuple[SntpOutcome, ...] = ()
    witness_error: str | None = None


def collect(ports: Ports, options: MeasureOptions) -> Look:
    """Look at the host once; the witnesses are asked first and answer meanwhile."""
    asked = options.subsets
    error: str | None = None
    wait = None
    if options.witness_servers and "witness" in asked:
        try:
            wait = ports.sntp.query_all(options.witness_servers, timeout_s=options.witness_timeout_s)
        except Unavailable as exc:
            error = str(exc)
    layout = find_layout(ports.files, ports.runner.which)
    look = Look(
        subsets=tuple(sorted(asked)),
        taken_at_s=ports.clocks.wall(),
        layout=layout,
        init=detect_init(ports.files),
        container=any(ports.files.exists(path) for path in _CONTAINER_MARKS),
        chroot=in_chroot(ports.files),
    )
    if "clock" in asked and layout.chronyc is not None and (options.chronyc_address or not look.chroot):
        look = _with_reports(look, ports, options, layout.chronyc)
    if asked & {"service", "rivals"}:
        look = _with_services(look, ports)
    if "service" in asked and layout.chronyd is not None:
        look = look._replace(version=ports.runner.run([layout.chronyd, "-v"], timeout_s=_TIMEOUT_S))
    look = look._replace(config_file=options.config_file or _config_of(look) or layout.config_file)
    if "config" in asked and layout.chronyd is not None:
        look = _with_config(look, ports, layout.chronyd)
    return look._replace(witnesses=tuple(wait()) if wait is not None else (), witness_error=error)


def _with_reports(look: Look, ports: Ports, options: MeasureOptions, program: str) -> Look:
    chronyc = Chronyc(ports.runner, program, options.chronyc_address)
    look = look._replace(reports=chronyc.batch(REPORTS), taken_at_s=ports.clocks.wall())
    if options.configured_names:
        # chronyc shows addresses or names, never both.
        look = look._replace(named_sources=chronyc.batch(REPORTS[1:2], configured_names=True))
    return look


def _with_services(look: Look, ports: Ports) -> Look:
    rivals = "rivals" in look.subsets
    try:
        units = read_units(look.init, ports.runner, ports.files, (*CHRONY_UNITS, *(RIVAL_UNITS if rivals else ())))
        look = look._replace(units=units)
    except InitError as exc:
        look = look._replace(units_error=str(exc))
    try:
        # Seen from a chroot, every process is another system's.
        seen = () if ports.files.own_root() is False else ports.processes.snapshot()
        look = look._replace(processes=tuple(process for process in seen if process.name in _DAEMONS))
    except Unavailable as exc:
        look = look._replace(processes_error=str(exc))
    return look._replace(vmware=_vmware(look, ports.runner)) if rivals else look


def _vmware(look: Look, runner: Runner) -> CommandResult | None:
    running = {process.name for process in look.processes or ()} | {
        unit.name for unit in look.units or () if unit.active
    }
    program = runner.which("vmware-toolbox-cmd") if running & _VMWARE else None
    return None if program is None else runner.run([program, "timesync", "status"], timeout_s=_TIMEOUT_S)


def _config_of(look: Look) -> str | None:
    """Return the file that the service's chronyd was started with, when its command line says so."""
    unit = chrony_unit(look.units or ())
    for process in look.processes or ():
        if unit is not None and process.pid == unit.main_pid:
            return config_of(process.cmdline)
    return None


def _with_config(look: Look, ports: Ports, chronyd: str) -> Look:
    files = _Watching(ports.files)
    look = look._replace(config=read_config(files, look.config_file), config_denied=tuple(files.denied))
    if files.denied:
        return look
    # chronyd itself parses the main file and the drop-ins (4.0 and later), though no ``.sources`` file.
    return look._replace(parsed=ports.runner.run([chronyd, "-p", "-f", look.config_file], timeout_s=_TIMEOUT_S))


class _Watching:
    """Files that remember what may not be read: to chronyd, which is root, nothing is wrong with those."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.denied: list[str] = []

    def read_text(self, path: str, limit: int = 1048576) -> str:
        try:
            return self._files.read_text(path, limit)
        except PermissionError:
            self.denied.append(path)
            raise

    def list_dir(self, path: str) -> list[str]:
        try:
            return self._files.list_dir(path)
        except PermissionError:
            self.denied.append(path)
            raise

    def exists(self, path: str) -> bool:
        return self._files.exists(path)

    def is_dir(self, path: str) -> bool:
        return self._files.is_dir(path)
