# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One check: look, judge, step if that is asked for and due, leave the results."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import (
    Config,
    ConfigFault,
    Outputs,
    read_config,
    read_outputs,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.history import (
    Entry,
    Forecast,
    entry_of,
    forecast,
    last_day,
    line_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import (
    CONFIG_INVALID,
    Judgement,
    judge_measured,
    notices_between,
    stale_report,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.metrics import (
    metrics_text,
    unknown_metrics,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import (
    MAX_BYTES,
    Report,
    ReportFault,
    from_json,
    machine_key,
    to_json,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.wire import policy_from_params
from ansible_collections.softtoken.compliance.plugins.module_utils._host_facts import (
    ParameterError,
    check_parameters,
    look_at_host,
)

from .host import host_ports, machine_id, stamp
from .journal import tell
from .store import Places, append_bounded, make_folder, read_last_lines, read_text, write_atomically

__all__ = ["Checked", "check", "last_report", "load_config", "mark_stale", "outlook_of", "outputs_of"]

_NODE_EXPORTER = "/var/lib/prometheus/node-exporter"
_MAX_CONFIG = 65536
#: Holds a day of checks, of one a minute at least.
_DAY_BYTES = 262144
#: The largest number that a report may have: whatever stands in a file, the next one has to fit.
_LAST_NUMBER = 2**53 - 1
_MAX_FACTS = 1048576


class Checked(NamedTuple):
    """A check that was made."""

    report: Report
    outlook: Optional[Forecast]
    #: What could not be written, and why.
    problems: List[str]


def load_config(places: Places) -> Config:
    """Return the configuration; the defaults where there is no file. Raises ConfigFault."""
    text = _config_text(places)
    try:
        config = read_config(text)
        policy_from_params(config.parameters)
        check_parameters(config.parameters)
    except (ConfigFault, ParameterError, ClockError) as exc:
        raise ConfigFault(f"{places.config}: {exc}") from None
    return config


def _config_text(places: Places) -> str:
    try:
        return read_text(places.config, _MAX_CONFIG) or ""
    except OSError as exc:
        raise ConfigFault(f"{places.config} cannot be read: {exc.strerror or exc}") from None


def last_report(places: Places) -> Optional[Report]:
    """Return the report that is there; None when there is none. Raises ReportFault, OSError."""
    text = read_text(places.report, MAX_BYTES)
    return None if text is None else from_json(text)


def check(places: Places, config: Config) -> Checked:
    """Look at this host now. The caller holds the lock."""
    before = _report_before(places)
    measured = look_at_host(config.parameters, host_ports(config.parameters))
    judgement = judge_measured(measured)
    stepped: Optional[float] = None
    if config.enforcement.enabled:
        # Few hosts let their timer step the clock: the others do not load the code for it.
        from .stepping import enforce

        stepped = enforce(places, config, judgement)
        if stepped is not None:
            measured = look_at_host(config.parameters, host_ports(config.parameters))
            judgement = judge_measured(measured)
    report = _report(places, config, measured, judgement, before)
    outlook = outlook_of(judgement, config.parameters)
    entry = _entry(report, judgement, stepped)
    report = report._replace(history=last_day(read_last_lines(places.history, _DAY_BYTES), entry))
    problems = _leave(places, config.outputs, report, outlook)
    problems += _remember(places, config.outputs, entry)
    return Checked(report, outlook, problems)


def _report_before(places: Places) -> Optional[Report]:
    try:
        return last_report(places)
    except (OSError, ReportFault) as exc:
        tell(f"the report of the check before is passed over: {exc}")
        return None


def _report(
    places: Places,
    config: Config,
    measured: Dict[str, Any],
    judgement: Judgement,
    before: Optional[Report],
) -> Report:
    now = stamp()
    return Report(
        agent_version=VERSION,
        machine=machine_key(machine_id()),
        hostname=os.uname().nodename,
        boot_id=now.boot_id,
        sequence=_next_number(places, before),
        taken_at_s=now.taken_at_s,
        boottime_s=now.boottime_s,
        monotonic_s=now.monotonic_s,
        stale=None,
        notices=notices_between(None if before is None else before.stamp(), now),
        parameters=config.parameters,
        measured=measured,
        facts=judgement.facts,
        messages=judgement.messages,
        warnings=judgement.warnings,
        history=[],
    )


def _next_number(places: Places, before: Optional[Report]) -> int:
    known = 0 if before is None else before.sequence
    try:
        text = (read_text(places.sequence, 32) or "0").strip()
    except OSError:
        text = "0"
    kept = int(text) if text.isascii() and text.isdigit() else 0
    return max([0, *(number for number in (known, kept) if number < _LAST_NUMBER)]) + 1


def outlook_of(judgement: Judgement, parameters: Mapping[str, Any]) -> Optional[Forecast]:
    """Return when the budget would be lost."""
    tracking = judgement.measurement.tracking
    clock = judgement.facts["clock"]
    if tracking is None or not clock["synchronised"]:
        return None
    return forecast(
        clock["offset_s"],
        clock["bound_s"],
        tracking.frequency_ppm,
        tracking.skew_ppm,
        max_error_s=parameters["max_error"],
        validator=parameters["totp_validator"],
        min_probability=parameters["totp_min_probability"],
    )


# --- what is left behind ---------------------------------------------------------------------------------------------


def _leave(places: Places, outputs: Outputs, report: Report, outlook: Optional[Forecast]) -> List[str]:
    """Write each result, whatever becomes of the others; returns what went wrong."""
    problems: List[str] = []
    _write(problems, places.sequence, f"{report.sequence}\n")
    try:
        _write(problems, places.report, to_json(report))
    except ReportFault as exc:
        # Somebody's thousand profiles would keep the report before for the next, and what it says is not so any more.
        problems.append(f"{exc}; the one before was removed, so that nobody takes it for this one")
        with contextlib.suppress(OSError):
            os.unlink(places.report)
    facts_file = os.environ.get("SOFTTOKEN_FACTS_FILE") or outputs.facts_file
    if facts_file:
        _write(problems, facts_file, _local_facts(report))
    metrics_file = _metrics_file(outputs)
    if metrics_file:
        _write(problems, metrics_file, metrics_text(report, outlook))
    return problems


def _entry(report: Report, judgement: Judgement, stepped: Optional[float]) -> Entry:
    return entry_of(
        report.facts,
        judgement.measurement,
        boot_id=report.boot_id,
        boottime_s=report.boottime_s,
        taken_at_s=report.taken_at_s,
        sequence=report.sequence,
        notices=report.notices,
        stepped_s=stepped,
    )


def _remember(places: Places, outputs: Outputs, entry: Entry) -> List[str]:
    try:
        make_folder(os.path.dirname(places.history))
        append_bounded(places.history, line_of(entry), outputs.history_bytes)
    except OSError as exc:
        return [_not_written(places.history, exc)]
    return []


def _write(problems: List[str], path: str, text: str) -> None:
    try:
        make_folder(os.path.dirname(path))
        write_atomically(path, text)
    except OSError as exc:
        problems.append(_not_written(path, exc))


def _not_written(path: str, exc: OSError) -> str:
    return f"{path} could not be written: {exc.strerror or exc}; what was there before is still there"


def _local_facts(report: Report) -> str:
    agent = {
        "version": report.agent_version,
        "sequence": report.sequence,
        "boot_id": report.boot_id,
        "boottime_s": round(report.boottime_s, 3),
        "stale": report.stale,
        "notices": {notice.kind: notice.seconds for notice in report.notices},
    }
    return json.dumps({**report.facts, "agent": agent}, separators=(",", ":")) + "\n"


def _metrics_file(outputs: Outputs) -> str:
    if outputs.metrics_file != "auto":
        return outputs.metrics_file
    return os.path.join(_NODE_EXPORTER, "softtoken.prom") if os.path.isdir(_NODE_EXPORTER) else ""


def mark_stale(places: Places, reason: str) -> List[str]:
    """Say in every result that nothing may be concluded from it, since the configuration is wrong; returns failures."""
    outputs = outputs_of(places)
    report = _report_before(places)
    if report is None:
        return _mark_others_stale(outputs, reason)
    stale = stale_report(report, CONFIG_INVALID, _since(reason, report.stale))
    # The outlook of a measurement that no longer counts does not count either.
    return _leave(places, outputs, stale, None)


def _since(reason: str, before: object) -> str:
    """Say since when it has been so: since the first check that found it."""
    if isinstance(before, str) and before.startswith(f"{reason} (since "):
        return before
    return f"{reason} (since {_utc(time.time())})"


def _mark_others_stale(outputs: Outputs, reason: str) -> List[str]:
    """Mark facts and metrics that outlived their report: it goes with the boot, and they do not."""
    problems: List[str] = []
    facts = _facts_before(outputs.facts_file)
    if facts is not None:
        reasons = [code for code in facts.get("reasons") or () if code != CONFIG_INVALID]
        agent = facts.get("agent") or {}
        agent = {**agent, "stale": _since(reason, agent.get("stale"))}
        text = json.dumps(
            {**facts, "verdict": "unknown", "reasons": [CONFIG_INVALID, *reasons], "agent": agent},
            separators=(",", ":"),
        )
        _write(problems, os.environ.get("SOFTTOKEN_FACTS_FILE") or outputs.facts_file, f"{text}\n")
    metrics_file = _metrics_file(outputs)
    if metrics_file:
        _write(problems, metrics_file, unknown_metrics())
    return problems


def _facts_before(path: str) -> Optional[Dict[str, Any]]:
    try:
        found = json.loads((read_text(path, _MAX_FACTS) if path else None) or "null")
    except (OSError, ValueError, RecursionError) as exc:
        tell(f"the facts of the check before are passed over: {exc}")
        return None
    return found if isinstance(found, dict) else None


def outputs_of(places: Places) -> Outputs:
    """Return where the results go, whatever else is wrong with the configuration."""
    try:
        return read_outputs(_config_text(places))
    except ConfigFault:
        return Outputs()


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
