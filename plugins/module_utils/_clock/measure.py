# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host's clock: chronyd's reports, its service and configuration, rivals, witnesses.

Private to this collection. What a host lacks or hides is a gap in the measurement, never an exception.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Sequence, TypeVar

from .._ports import Clocks, Files, Process, Processes, Runner, SntpClient, SntpOutcome, Unavailable
from .chronyc import Chronyc, ReportBatch
from .config_lint import lint_config
from .config_read import read_config
from .errors import ReportError
from .layout import Layout, find_layout
from .model import ClockMeasurement, ConfigFinding, Gap, Source
from .reports import HOST_REPORTS, name_sources, parse_selectdata, parse_sources, parse_tracking
from .rivals import RIVAL_UNITS, Rival, find_rivals
from .service import CHRONY_UNITS, InitError, Unit, chrony_unit, detect_init, read_units
from .witness import ntp_witness

__all__ = ["SUBSETS", "Examination", "MeasureOptions", "Ports", "examine_clock", "measure_clock"]

SUBSETS = frozenset({"clock", "service", "config", "rivals", "witness"})

T = TypeVar("T")

_VERSION = re.compile(r"version (\S+)")
_FATAL = re.compile(r"Fatal error : (?P<what>.*?) at line (?P<line>\d+) in file (?P<file>.+)")
_CONTAINER_MARKS = ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")


class Ports(NamedTuple):
    """The side effects a measurement needs."""

    runner: Runner
    files: Files
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


class Examination(NamedTuple):
    """A measurement and what it was read from."""

    measurement: ClockMeasurement
    init: str
    unit: Unit | None
    rivals: tuple[Rival, ...]
    layout: Layout
    config_file: str


def measure_clock(ports: Ports, options: MeasureOptions) -> ClockMeasurement:
    """Return the measurement alone."""
    return examine_clock(ports, options).measurement


def examine_clock(ports: Ports, options: MeasureOptions) -> Examination:
    """Look at the host once; the witnesses are asked first and answer meanwhile."""
    return _Examiner(ports, options).examine()


class _Examiner:
    def __init__(self, ports: Ports, options: MeasureOptions) -> None:
        self._ports = ports
        self._options = options
        self._gaps: list[Gap] = []

    def examine(self) -> Examination:
        collect = self._ask_witnesses()
        layout = find_layout(self._ports.files, self._ports.runner.which)
        measurement = self._clock(layout)
        host = self._host(reachable=measurement.reachable)
        if self._asked("service"):
            measurement = self._service(measurement, layout, host)
        rivals = self._rivals(host) if self._asked("rivals") else None
        config_file = self._options.config_file or _config_of(host) or layout.config_file
        findings = self._config(config_file, layout) if self._asked("config") else None
        measurement = measurement._replace(
            installed=layout.chronyd is not None,
            config=None if findings is None else (*findings, *_rivals_to_come(rivals or ())),
            rivals=None if rivals is None else tuple(rival.name for rival in rivals if rival.running),
            witnesses=tuple(ntp_witness(outcome) for outcome in collect()),
            gaps=tuple(self._gaps),
        )
        return Examination(measurement, host.init, host.unit, rivals or (), layout, config_file)

    def _asked(self, subset: str) -> bool:
        return subset in self._options.subsets

    def _gap(self, subset: str, code: str, reason: str) -> None:
        self._gaps.append(Gap(subset, code, reason))

    def _ask_witnesses(self) -> Callable[[], Sequence[SntpOutcome]]:
        servers = self._options.witness_servers
        if not servers or not self._asked("witness"):
            return tuple
        try:
            return self._ports.sntp.query_all(servers, timeout_s=self._options.witness_timeout_s)
        except Unavailable as exc:
            reason = str(exc)
            self._gap("witness", "witness.unavailable", reason)
            return lambda: [SntpOutcome(server, error=reason) for server in servers]

    # --- chronyd's own reports ---------------------------------------------------------------------------------------

    def _clock(self, layout: Layout) -> ClockMeasurement:
        measurement = ClockMeasurement(taken_at_s=self._ports.clocks.wall())
        if not self._asked("clock"):
            return measurement
        if layout.chronyc is None:
            if layout.chronyd is not None:
                self._gap("clock", "chrony.unreachable_daemon", "chronyc is not on the path: chronyd cannot be asked")
            return measurement
        chronyc = Chronyc(self._ports.runner, layout.chronyc, self._options.chronyc_address)
        batch = chronyc.reports(HOST_REPORTS)
        measurement = measurement._replace(taken_at_s=self._ports.clocks.wall(), reachable="tracking" in batch.texts)
        if not measurement.reachable:
            self._gap("clock", "chrony.unreachable_daemon", batch.error or "chronyc gave no tracking report")
            return measurement
        sources = self._report(batch, "sources", "source.none_usable", parse_sources)
        if sources and self._options.configured_names:
            sources = self._name(sources, chronyc)
        return measurement._replace(
            tracking=self._report(batch, "tracking", "clock.unsynchronised", parse_tracking),
            sources=sources,
            selectdata=self._report(batch, "selectdata", "", parse_selectdata),
        )

    def _report(self, batch: ReportBatch, name: str, code: str, parse: Callable[[str], T]) -> T | None:
        if name not in batch.texts:
            self._gap("clock", code, f"chronyc {name}: {batch.error or 'no report'}")
            return None
        try:
            return parse(batch.texts[name])
        except ReportError as exc:
            self._gap("clock", code, str(exc))
            return None

    def _name(self, sources: tuple[Source, ...], chronyc: Chronyc) -> tuple[Source, ...]:
        """Add the configured names with a second look; chronyc shows either addresses or names."""
        batch = chronyc.reports(HOST_REPORTS[1:2], configured_names=True)
        named = self._report(batch, "sources", "", parse_sources)
        return sources if named is None else name_sources(sources, named)

    # --- the init system and the processes ---------------------------------------------------------------------------

    def _host(self, *, reachable: bool | None) -> _Host:
        """Look at services and processes once, for everything that wants to know about them."""
        init = detect_init(self._ports.files)
        if not self._options.subsets & {"service", "rivals"}:
            return _Host(init, None, None)
        names = (*CHRONY_UNITS, *(RIVAL_UNITS if self._asked("rivals") else ()))
        units: tuple[Unit, ...] | None = None
        try:
            units = read_units(init, self._ports.runner, self._ports.files, names)
        except InitError as exc:
            for subset, code in (("service", "chrony.disabled"), ("rivals", "daemon.rival")):
                if self._asked(subset):
                    self._gap(subset, code, str(exc))
        unit = chrony_unit(units or ())
        # Where a unit or a report has answered, nothing but the rivals needs the processes.
        needed = self._asked("rivals") or (not reachable and (unit is None or unit.active is None))
        return _Host(init, units, self._processes() if needed else None)

    def _processes(self) -> list[Process] | None:
        try:
            return self._ports.processes.snapshot()
        except Unavailable as exc:
            if self._asked("rivals"):
                self._gap("rivals", "daemon.rival", str(exc))
            return None

    def _service(self, measurement: ClockMeasurement, layout: Layout, host: _Host) -> ClockMeasurement:
        if layout.chronyd is None:
            return measurement._replace(active=False, enabled=False)
        if host.init == "none":
            self._gap(
                "service", "", "no init system runs: active is judged by the process, enabled by the links on disk"
            )
        unit = host.unit
        active = bool(measurement.reachable) or (None if unit is None else unit.active)
        if active is None and host.processes is not None:
            active = any(process.name == "chronyd" for process in host.processes)
        if active is None:
            self._gap("service", "chrony.inactive", "neither the init system nor the processes could be looked at")
        enabled = None if host.units is None else unit is not None and unit.enabled
        return measurement._replace(version=self._version(layout.chronyd), active=active, enabled=enabled)

    def _version(self, chronyd: str) -> str | None:
        result = self._ports.runner.run([chronyd, "-v"], timeout_s=5.0)
        match = _VERSION.search(result.stdout)
        if match is None:
            self._gap(
                "service", "", f"{chronyd} -v does not name a version: {(result.stderr or result.stdout).strip()}"
            )
        return match.group(1) if match else None

    def _rivals(self, host: _Host) -> tuple[Rival, ...] | None:
        rivals, problems = find_rivals(host.units or (), host.processes or (), self._ports.runner)
        for problem in problems:
            self._gap("rivals", "daemon.rival", problem)
        blind = host.units is None or host.processes is None
        # Half a look that finds nothing proves nothing; one that finds something does.
        return None if blind and not any(rival.running for rival in rivals) else rivals

    # --- the configuration -------------------------------------------------------------------------------------------

    def _config(self, config_file: str, layout: Layout) -> tuple[ConfigFinding, ...] | None:
        if layout.chronyd is None:
            self._gap("config", "", "chrony is not installed")
            return None
        files = _Watching(self._ports.files)
        config = read_config(files, config_file)
        if files.denied:
            self._gap(
                "config", "config.invalid", f"not allowed to read {', '.join(files.denied)}: run with more rights"
            )
            return None
        findings = lint_config(
            config,
            other_configs=() if self._options.config_file else layout.other_configs,
            container=any(self._ports.files.exists(path) for path in _CONTAINER_MARKS),
            min_sources=self._options.min_sources,
        )
        if any(finding.code == "config.invalid" for finding in findings):
            return findings
        return (*findings, *self._parsed_by_chronyd(layout.chronyd, config_file))

    def _parsed_by_chronyd(self, chronyd: str, config_file: str) -> tuple[ConfigFinding, ...]:
        """Let chronyd itself parse the file (4.0 and later); it does not look at ``.sources`` files."""
        result = self._ports.runner.run([chronyd, "-p", "-f", config_file], timeout_s=5.0)
        if result.rc == 0:
            return ()
        match = _FATAL.search(result.stderr)
        if match is None:
            said = (result.stderr or result.stdout).strip()
            self._gap("config", "", f"chronyd -p could not check {config_file}: {said or 'no answer'}")
            return ()
        message = f"chronyd refuses to start: {match.group('what')}"
        return (ConfigFinding("config.invalid", "error", message, match.group("file"), int(match.group("line"))),)


class _Host(NamedTuple):
    """What runs and what is enabled; None where it could not be seen or nobody asked."""

    init: str
    units: tuple[Unit, ...] | None
    processes: list[Process] | None

    @property
    def unit(self) -> Unit | None:
        return chrony_unit(self.units or ())


class _Watching:
    """Files that remember what may not be read: to chronyd, which is root, nothing is wrong with those."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.denied: list[str] = []

    def read_text(self, path: str, limit: int = 1048576) -> str:
        return self._watch(path, lambda: self._files.read_text(path, limit))

    def list_dir(self, path: str) -> list[str]:
        return self._watch(path, lambda: self._files.list_dir(path))

    def exists(self, path: str) -> bool:
        return self._files.exists(path)

    def is_dir(self, path: str) -> bool:
        return self._files.is_dir(path)

    def _watch(self, path: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except PermissionError:
            self.denied.append(path)
            raise


def _rivals_to_come(rivals: Sequence[Rival]) -> tuple[ConfigFinding, ...]:
    return tuple(
        ConfigFinding(
            "daemon.rival",
            "warning",
            f"{rival.name} is enabled, though it does not run: after the next boot it sets the clock too; "
            f"mask {rival.unit or 'it'}",
        )
        for rival in rivals
        if rival.enabled and not rival.running
    )


def _config_of(host: _Host) -> str | None:
    """Return the file that the running service's chronyd was started with, when that is not the usual one."""
    pid = host.unit.main_pid if host.unit is not None else 0
    for process in host.processes or ():
        if pid and process.pid == pid and "-f" in process.cmdline[:-1]:
            return process.cmdline[process.cmdline.index("-f") + 1]
    return None
