# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a measurement of what was collected: chronyd's reports, its service and configuration, rivals, witnesses.

Private to this collection. What a host lacks or hides is a gap in the measurement, never an exception.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, TypeVar

from .chronyc import ReportBatch, read_batch
from .collect import REPORTS, SUBSETS, Look, MeasureOptions, Ports, collect
from .config_lint import lint_config
from .errors import ReportError
from .model import ClockMeasurement, ConfigFinding, Gap, Source, Witness
from .reports import name_sources, parse_selectdata, parse_sources, parse_tracking
from .rivals import Rival, find_rivals
from .service import FOREIGN, chrony_unit
from .witness import ntp_witness

__all__ = ["SUBSETS", "MeasureOptions", "Ports", "Reading", "interpret", "measure_clock"]

T = TypeVar("T")

_VERSION = re.compile(r"version (\S+)")
_FATAL = re.compile(r"Fatal error : (?P<what>.*?) at line (?P<line>\d{1,9}) in file (?P<file>.+)")


def measure_clock(ports: Ports, options: MeasureOptions) -> ClockMeasurement:
    """Look at the host once and say what was seen."""
    return interpret(collect(ports, options), min_sources=options.min_sources).measurement


class Reading(NamedTuple):
    """A measurement, and the rivals with more than their names."""

    measurement: ClockMeasurement
    rivals: tuple[Rival, ...]


def interpret(look: Look, *, min_sources: int = 1) -> Reading:
    """Make a measurement of a look. ``min_sources`` is how many the site wants configured."""
    return _Reader(look, min_sources).read()


class _Reader:
    def __init__(self, look: Look, min_sources: int) -> None:
        self._look = look
        self._min_sources = min_sources
        self._gaps: list[Gap] = []

    def read(self) -> Reading:
        look = self._look
        measurement = self._clock(ClockMeasurement(look.taken_at_s, installed=look.layout.chronyd is not None))
        if "service" in look.subsets:
            measurement = self._service(measurement)
        rivals, seen = self._rivals() if "rivals" in look.subsets else ((), False)
        findings = self._config() if "config" in look.subsets else None
        witnesses = self._witnesses()
        measurement = measurement._replace(
            config=None if findings is None else (*findings, *_rivals_to_come(rivals)),
            rivals=tuple(rival.name for rival in rivals if rival.running) if seen else None,
            witnesses=witnesses,
            gaps=tuple(self._gaps),
        )
        return Reading(measurement, rivals)

    def _gap(self, subset: str, code: str, reason: str) -> None:
        self._gaps.append(Gap(subset, code, reason))

    def _witnesses(self) -> tuple[Witness, ...]:
        if self._look.witness_error is not None:
            self._gap("witness", "witness.unavailable", self._look.witness_error)
        return tuple(ntp_witness(outcome) for outcome in self._look.witnesses)

    # --- chronyd's own reports ---------------------------------------------------------------------------------------

    def _clock(self, measurement: ClockMeasurement) -> ClockMeasurement:
        look = self._look
        if "clock" not in look.subsets:
            return measurement
        if look.reports is None:
            if measurement.installed:
                missing = "chronyc is not on the path: chronyd cannot be asked"
                self._gap("clock", "chrony.unreachable_daemon", FOREIGN if look.chroot else missing)
            return measurement
        batch = read_batch(look.reports, REPORTS)
        if "tracking" not in batch.texts:
            self._gap("clock", "chrony.unreachable_daemon", batch.error or "chronyc gave no tracking report")
            return measurement._replace(reachable=False)
        return measurement._replace(
            reachable=True,
            tracking=self._report(batch, "tracking", "clock.unsynchronised", parse_tracking),
            sources=self._named(self._report(batch, "sources", "source.none_usable", parse_sources)),
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

    def _named(self, sources: tuple[Source, ...] | None) -> tuple[Source, ...] | None:
        if not sources or self._look.named_sources is None:
            return sources
        batch = read_batch(self._look.named_sources, REPORTS[1:2])
        named = self._report(batch, "sources", "", parse_sources)
        return sources if named is None else name_sources(sources, named)

    # --- the init system and the processes ---------------------------------------------------------------------------

    def _service(self, measurement: ClockMeasurement) -> ClockMeasurement:
        look = self._look
        if not measurement.installed:
            return measurement._replace(active=False, enabled=False)
        if look.init == "none":
            self._gap(
                "service", "", "no init system runs: active is judged by the process, enabled by the links on disk"
            )
        if look.units_error is not None:
            self._gap("service", "chrony.disabled", look.units_error)
        unit = chrony_unit(look.units or ())
        active = bool(measurement.reachable) or (None if unit is None else unit.active)
        if active is None and look.processes is not None:
            active = any(process.name == "chronyd" for process in look.processes)
        if active is None:
            self._gap("service", "chrony.inactive", look.processes_error or "it could not be seen whether chronyd runs")
        enabled = None if look.units is None else unit is not None and unit.enabled
        return measurement._replace(version=self._version(), active=active, enabled=enabled)

    def _version(self) -> str | None:
        result = self._look.version
        match = _VERSION.search(result.stdout) if result is not None else None
        if match is None:
            self._gap("service", "", "chronyd -v does not name a version")
        return match.group(1) if match else None

    def _rivals(self) -> tuple[tuple[Rival, ...], bool]:
        """Return the rivals that were found, and whether that says which ones run."""
        look = self._look
        for error in (look.units_error, look.processes_error):
            if error is not None:
                self._gap("rivals", "daemon.rival", error)
        rivals, problems = find_rivals(look.units or (), look.processes or (), look.vmware)
        for problem in problems:
            self._gap("rivals", "daemon.rival", problem)
        blind = look.units is None or look.processes is None
        # Half a look that finds nothing proves nothing; one that finds something does.
        return rivals, not blind or any(rival.running for rival in rivals)

    # --- the configuration -------------------------------------------------------------------------------------------

    def _config(self) -> tuple[ConfigFinding, ...] | None:
        look = self._look
        if look.config is None:
            self._gap("config", "", "chrony is not installed")
            return None
        if look.config_denied:
            denied = ", ".join(look.config_denied)
            self._gap("config", "config.invalid", f"not allowed to read {denied}: run with more rights")
            return None
        findings = lint_config(
            look.config,
            # Whoever names the file, or started chronyd with it, leaves no doubt which one counts.
            other_configs=look.layout.other_configs if look.config_file == look.layout.config_file else (),
            container=look.container,
            min_sources=self._min_sources,
        )
        if any(finding.code == "config.invalid" for finding in findings):
            return findings
        return (*findings, *self._refused_by_chronyd())

    def _refused_by_chronyd(self) -> tuple[ConfigFinding, ...]:
        result = self._look.parsed
        if result is None or result.rc == 0:
            return ()
        match = _FATAL.search(result.stderr)
        if match is None:
            said = (result.stderr or result.stdout).strip() or "no answer"
            self._gap("config", "", f"chronyd -p could not check {self._look.config_file}: {said}")
            return ()
        message = f"chronyd refuses to start: {match.group('what')}"
        return (ConfigFinding("config.invalid", "error", message, match.group("file"), int(match.group("line"))),)


def _rivals_to_come(rivals: tuple[Rival, ...]) -> tuple[ConfigFinding, ...]:
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
