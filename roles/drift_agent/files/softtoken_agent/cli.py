# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of softtoken-agent."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.outcome import (
    CRITICAL,
    FORMATS,
    OK,
    UNKNOWN,
    exit_code,
    history_text,
    show,
    stale_reason,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION

from .journal import tell
from .store import Busy, Places, locked, make_folder, read_lines

__all__ = ["main"]

CONFIG = "/etc/softtoken/agent.conf"
RUNTIME = "/run/softtoken"
STATE = "/var/lib/softtoken"

_COMMANDS = {
    "check": "measure, judge, write the results (the default)",
    "status": "show the last check: verdict, reason, what to do",
    "history": "show past checks, and when the budget would be lost without correction",
    "step": "step the clock, guarded and verified",
    "config": "say whether the configuration is right",
}


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code of a monitoring plugin."""
    # A run is over before anything is worth collecting.
    gc.disable()
    options = _options(argv)
    places = Places(
        config=options["config"],
        runtime=_first(os.environ.get("RUNTIME_DIRECTORY"), RUNTIME),
        state=_first(os.environ.get("STATE_DIRECTORY"), STATE),
    )
    if places.config != CONFIG and not os.path.exists(places.config):
        # Only the usual file may be missing: whoever names another one wants it read.
        return _unknown(f"there is no {places.config}", options)
    return _RUN[options["command"]](places, options)


def _first(directories: Optional[str], default: str) -> str:
    return (directories or default).split(":")[0]


def _options(argv: Sequence[str]) -> Dict[str, Any]:
    # What the timer runs does without argparse, which takes longer to load than the command line to read.
    if list(argv) == ["check", "--format", "nagios"]:
        return {"command": "check", "format": "nagios", "config": CONFIG}
    from .arguments import parse

    return parse(argv, commands=_COMMANDS, formats=FORMATS, config=CONFIG, version=_version())


def _version() -> str:
    # The role unpacks each version into a directory that is named for its contents.
    return f"softtoken-agent {VERSION} ({os.path.basename(sys.path[0]) or 'not installed'})"


def _print(text: str) -> None:
    """Write the result, if anybody wants to read it: the exit code tells the verdict as well."""
    if sys.stdout is None:
        return  # closed by whoever started this
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as exc:
        if not isinstance(exc, BrokenPipeError):
            tell(f"the result could not be printed: {exc.strerror}")
        # Python writes what is left once more at its end, and would change the exit code if that fails again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _unknown(message: str, options: Mapping[str, Any]) -> int:
    """Say that nothing is known, in the form that was asked for."""
    tell(message)
    if options.get("format") == "nagios":
        _print(f"SOFTTOKEN UNKNOWN - {' '.join(message.replace('|', '/').split())}\n")
    elif options.get("format") == "json":
        import json

        _print(json.dumps({"status": "unknown", "stale": message}, indent=2) + "\n")
    return UNKNOWN


# --- check -----------------------------------------------------------------------------------------------------------


def _check(places: Places, options: Mapping[str, Any]) -> int:
    try:
        make_folder(places.runtime)
    except OSError as exc:
        return _unknown(f"{places.runtime} is missing and cannot be made: {exc.strerror}", options)
    try:
        with locked(places.lock):
            return _locked_check(places, options)
    except Busy:
        return _unknown("another check runs: its report will be there in a moment", options)
    except OSError as exc:
        hint = "; only root and the timer may check, status is for anybody" if isinstance(exc, PermissionError) else ""
        return _unknown(f"no check can be made: {exc.filename or places.lock}: {exc.strerror}{hint}", options)


def _locked_check(places: Places, options: Mapping[str, Any]) -> int:
    from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import ConfigFault

    from .check import check, load_config, mark_stale

    try:
        config = load_config(places)
    except ConfigFault as exc:
        reason = f"the configuration is wrong, so nothing was measured: {exc}"
        for problem in mark_stale(places, reason):
            tell(problem)
        return _unknown(reason, options)
    checked = check(places, config)
    for problem in checked.problems:
        tell(problem)
    _print(show(checked.report, options["format"], checked.outlook, problems=checked.problems))
    return exit_code(checked.report, checked.problems)


# --- status and history ----------------------------------------------------------------------------------------------


def _status(places: Places, options: Mapping[str, Any]) -> int:
    from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import ReportFault

    from .check import last_report, outputs_of
    from .host import stamp

    try:
        report = last_report(places)
    except (OSError, ReportFault) as exc:
        return _unknown(f"{places.report} cannot be read: {exc}; run softtoken-agent check", options)
    if report is None:
        return _unknown(f"there is no {places.report}: run softtoken-agent check, and see its timer", options)
    now = stamp()
    reason = stale_reason(
        report, boot_id=now.boot_id, boottime_s=now.boottime_s, max_age_s=outputs_of(places).max_age_s
    )
    age = now.boottime_s - report.boottime_s if now.boot_id == report.boot_id else None
    shown = report._replace(stale=reason)
    _print(show(shown, options["format"], _last_outlook(places), age))
    return exit_code(shown)


def _last_outlook(places: Places) -> Any:
    from .past import last_outlook

    return last_outlook(places)


def _history(places: Places, options: Mapping[str, Any]) -> int:
    from ansible_collections.softtoken.compliance.plugins.module_utils._agent.history import read_entries, trend

    try:
        entries = list(read_entries(read_lines(places.history, 268435456)))
    except OSError as exc:
        return _unknown(f"{places.history} cannot be read: {exc.strerror}", options)
    shown = entries[-options["count"] :]
    _print(history_text(shown, trend(entries), _last_outlook(places), options["format"]))
    return OK if entries else UNKNOWN


# --- step ------------------------------------------------------------------------------------------------------------


def _step(places: Places, options: Mapping[str, Any]) -> int:
    from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import ConfigFault
    from ansible_collections.softtoken.compliance.plugins.module_utils._clock.step import result_of

    from .check import load_config
    from .stepping import options_of, step

    try:
        config = load_config(places)
    except ConfigFault as exc:
        return _unknown(f"the configuration is wrong, so nothing was done: {exc}", options)
    report = step(config, force=options["force"], dry_run=options["dry_run"])
    if options["format"] == "json":
        import json

        result = result_of(report, options_of(config).policy)
        _print(json.dumps({**result, "failure": report.failure}, indent=2) + "\n")
    else:
        _print("".join(f"{line}\n" for line in _step_lines(report, dry_run=options["dry_run"])))
    return OK if report.failure is None else CRITICAL


def _step_lines(report: Any, *, dry_run: bool) -> List[str]:
    if report.failure is not None:
        return [report.failure]
    notes = list(report.messages)
    if dry_run:
        verb = f"would be stepped by {report.predicted_step_s:+.6f} s" if report.changed else "would not be stepped"
        return [f"The clock {verb}", *notes]
    verb = f"was stepped by {report.stepped_s:+.6f} s" if report.changed else "was not stepped: nothing is due"
    return [f"The clock {verb}{' (verified)' if report.verified else ''}", *notes]


def _config(places: Places, options: Mapping[str, Any]) -> int:
    from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import ConfigFault

    from .check import load_config

    try:
        load_config(places)
    except ConfigFault as exc:
        return _unknown(str(exc), options)
    there = os.path.exists(places.config)
    _print(f"{places.config} is right\n" if there else f"there is no {places.config}: the defaults hold\n")
    return OK


_RUN: Dict[str, Callable[[Places, Mapping[str, Any]], int]] = {
    "check": _check,
    "status": _status,
    "history": _history,
    "step": _step,
    "config": _config,
}
