"""The checks that the tests of traps are there for, each with the edit that takes it out of the collection.

A test of a trap runs twice: with the collection as it is, and with a copy that lacks the check. The second run has to
fail the very same expectation. So no such test can pass for another reason than the check.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.fleet import EVERYWHERE, Where
from tests.rigs.shell import RigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rigs.roots import Suite

    Look = Callable[[Where], dict[Suite, dict[str, Any]]]
    Expect = Callable[[dict[str, Any]], None]

ROOT = Path(__file__).resolve().parents[2]
_CLOCK = "plugins/module_utils/_clock"


class Mutation(NamedTuple):
    """What is taken away, and how."""

    removes: str
    file: str
    old: str
    new: str


MUTATIONS = {
    "every-source-usable": Mutation(
        "the look at reach, sample age and state of each source",
        f"{_CLOCK}/source_state.py",
        "        if source.state in _SELECTABLE and source.name not in refused and not is_stale(source, policy)\n",
        "",
    ),
    "unsynchronised-offset-believed": Mutation(
        "the rule that a daemon without a source knows no offset",
        f"{_CLOCK}/evidence.py",
        'return tracking.leap != "unsynchronised" and not never and not is_local_reference(tracking)',
        "return True",
    ),
    "never-synchronised-unseen": Mutation(
        "the reason clock.unsynchronised",
        f"{_CLOCK}/verdict.py",
        '        yield _Finding("clock.unsynchronised", {"how": _never_or_lost(tracking)})\n',
        "",
    ),
    "makestep-believed": Mutation(
        "the comparison with the monotonic clock around makestep",
        f"{_CLOCK}/step.py",
        "    report = _moved(report, movement, CHANGE_S)\n",
        "    report = report._replace(changed=result.rc == 0, stepped_s=report.predicted_step_s or 0.0)\n",
    ),
    "makestep-status-ignored": Mutation(
        "the look at how makestep ended",
        f"{_CLOCK}/step.py",
        "    if result.rc != 0:\n        # chronyd has struck",
        "    if result.timed_out:\n        # chronyd has struck",
    ),
    "sources-files-unread": Mutation(
        "the lines of .sources files from what chrony_config lets chronyd parse",
        f"{_CLOCK}/config_check.py",
        "if one.name not in _READS_FILES]",
        "if one.name not in _READS_FILES and not one.in_sourcedir]",
    ),
    "sources-files-unlinted": Mutation(
        "the linter's look at the options in .sources files",
        f"{_CLOCK}/config_lint.py",
        "        if fault:\n",
        "        if fault and not source.in_sourcedir:\n",
    ),
    "local-reference-believed": Mutation(
        "the recognition of the reference 7F7F0101",
        f"{_CLOCK}/evidence.py",
        "return tracking.reference_id == _LOCAL_REFERENCE_ID",
        "return False",
    ),
    "bound-not-grown": Mutation(
        "the growth of the bound with the age of the reference",
        f"{_CLOCK}/bound.py",
        "growth = max_drift_ppm * 1e-6 * age if age >= 0.0 else -age",
        "growth = 0.0",
    ),
    "age-not-limited": Mutation(
        "the limit on the age of the reference",
        f"{_CLOCK}/verdict.py",
        "    elif age > policy.max_reference_age_s:\n",
        "    elif age < -policy.max_reference_age_s:\n",
    ),
    "tracking-sign": Mutation(
        "the change of sign of tracking's pending correction",
        f"{_CLOCK}/reports.py",
        "offset_s=0.0 - row.decimal(4, MAX_SECONDS)",
        "offset_s=row.decimal(4, MAX_SECONDS)",
    ),
    "sources-sign": Mutation(
        "the sign of the sources' offsets",
        f"{_CLOCK}/reports.py",
        "offset_s=row.decimal(7, MAX_SECONDS)",
        "offset_s=0.0 - row.decimal(7, MAX_SECONDS)",
    ),
    "witness-sign": Mutation(
        "the change of sign of ntplib's offset",
        "plugins/module_utils/_sntp.py",
        "offset_s=-stats.offset",
        "offset_s=stats.offset",
    ),
    "totp-sign": Mutation(
        "the direction in the model of the validator",
        f"{_CLOCK}/totp.py",
        "ahead = offset_s / STEP_S",
        "ahead = -offset_s / STEP_S",
    ),
    "smear-not-linted": Mutation(
        "the linter's rule on smearing and other servers side by side",
        f"{_CLOCK}/config_lint.py",
        "    _smear_mixed,\n",
        "",
    ),
    "authselectmode-not-linted": Mutation(
        "the linter's rule on authselectmode require without authenticated sources",
        f"{_CLOCK}/config_lint.py",
        "    _authselectmode,\n",
        "",
    ),
    "cmdport-not-linted": Mutation(
        "the linter's rule on cmdport 0",
        f"{_CLOCK}/config_lint.py",
        "    _cmdport,\n",
        "",
    ),
    "doubt-is-compliant": Mutation(
        "the rule that unknown is not compliant",
        f"{_CLOCK}/verdict.py",
        '"unknown" if doubts else "compliant"',
        '"compliant"',
    ),
    "second-config-not-linted": Mutation(
        "the linter's rule on two main files",
        f"{_CLOCK}/config_lint.py",
        "    _ambiguous_main,\n",
        "",
    ),
    "second-config-managed": Mutation(
        "the preference for the distribution's own main file",
        f"{_CLOCK}/layout.py",
        "for path in (expected, _IN_DIR, _IN_ETC)",
        "for path in (_IN_ETC, expected, _IN_DIR)",
    ),
    "unauthorised-allowed": Mutation(
        "the comparison of running sources with the authorised ones",
        f"{_CLOCK}/verdict.py",
        "    if unauthorised:\n",
        "    if unauthorised and not usable:\n",
    ),
    "exclusive-ignored": Mutation(
        "the search for sources of others, under exclusive",
        f"{_CLOCK}/config_plan.py",
        "            return unwanted + self._foreign_sources(config)\n",
        "            return unwanted\n",
    ),
    "restart-without-unit": Mutation(
        "the restart by way of the service's unit",
        f"{_CLOCK}/daemon.py",
        'return [self._runner.which("systemctl") or "systemctl", "restart", f"{unit.name}.service"]',
        'return ["sh", "-c", "systemctl stop chrony; exec chronyd -x"]',
    ),
    "facts-with-measurement": Mutation(
        "the line between the facts and the long form",
        "plugins/action/host_facts.py",
        'facts = host_facts(measurement, policy, measured["identity"])',
        'facts = {**host_facts(measurement, policy, measured["identity"]), "measurement": dict(measured)}',
    ),
}


def mutated(name: str, folder: Path) -> Path:
    """Copy the collection to ``folder`` without one of its checks, once; return what to search for collections."""
    mutation = MUTATIONS[name]
    copy = folder / "ansible_collections" / "softtoken" / "compliance"
    if copy.exists():
        return folder
    for part in ("plugins", "meta"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", copy)
    path = copy / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        raise RigError(f"{name}: {mutation.file} holds {text.count(mutation.old)} times {mutation.old!r}, not once")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    return folder


class Proof:
    """Holds the collection to an expectation, and shows that the expectation depends on a check."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, look: Look, expect: Expect, *without: str) -> None:
        for result in look(EVERYWHERE).values():
            expect(result)
        for name in without:
            self.breaks(name, look, expect)

    def breaks(self, name: str, look: Look, expect: Expect, on: Suite = "bookworm") -> None:
        collections = mutated(name, self._folder / name)
        (result,) = look(Where(collections, on)).values()
        try:
            expect(result)
        except AssertionError:
            return
        pytest.fail(f"nothing notices that {MUTATIONS[name].removes} is missing ({name}): {json.dumps(result)}")
