# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each reason code means to a reader, and what to do about it.

Private to this collection. The codes are those of ``_clock.verdict`` (a test compares), the ``host.*`` codes that only
a report over many hosts can have, and the ``agent.*`` codes of an agent's facts that no longer count. Advice depends on
the run: who enforced already is not told to enforce.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import CONFIG_INVALID
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.messages import DOUBTS, VIOLATIONS, WARNINGS

__all__ = [
    "HOST_FAILED",
    "HOST_MALFORMED",
    "HOST_NOT_MEASURED",
    "HOST_UNREACHABLE",
    "REASONS",
    "Reason",
    "advice",
    "enforceable",
    "explain",
    "severity",
]

HOST_UNREACHABLE = "host.unreachable"
HOST_FAILED = "host.failed"
HOST_NOT_MEASURED = "host.not_measured"
HOST_MALFORMED = "host.malformed_facts"

#: Worst first. A host of which nothing is known comes after what was measured and is wrong, and before single doubts.
_UNKNOWN = (HOST_UNREACHABLE, HOST_FAILED, HOST_MALFORMED, HOST_NOT_MEASURED, CONFIG_INVALID)
_ORDER = (*VIOLATIONS, *_UNKNOWN, *DOUBTS, *WARNINGS)
_RANKS = {code: rank for rank, code in enumerate(_ORDER)}

_ENFORCE = "{enforce}"  # advice that begins so is what the role timesync does
_TO_ENFORCE = "run the playbook with -e softtoken_mode=enforce (role softtoken.compliance.timesync)"
_WOULD_BE_ENFORCED = "this would be enforced: run the playbook without check mode"
_WAS_ENFORCED = "enforcing did not mend this: see under Enforced what failed, or look at the host"
_LIST_SOURCES = "chronyc -n sources"
_SOURCES = f"check that the sources answer ({_LIST_SOURCES}) and that UDP port 123 is open to them"


class Reason(NamedTuple):
    """A reason code for people. ``advice`` completes the action."""

    meaning: str
    action: str
    command: str = ""  # what to run on the host for it


REASONS: dict[str, Reason] = {
    HOST_UNREACHABLE: Reason("the host could not be reached", "repair the connection, then measure again"),
    HOST_FAILED: Reason("the measurement failed on the host", "read its message, then measure again"),
    HOST_NOT_MEASURED: Reason(
        "the host was not measured in this run",
        "read the message, then run again what was to measure it",
    ),
    HOST_MALFORMED: Reason(
        "the host returned facts that are none of this collection's",
        "look for another version of the collection or a stale fact cache, then measure again",
    ),
    CONFIG_INVALID: Reason(
        "the configuration of the host's agent is wrong, so these facts no longer count",
        "correct what softtoken-agent config names on the host, or run the role drift_agent again",
    ),
    "chrony.missing": Reason("chronyd is not installed", _ENFORCE),
    "chrony.inactive": Reason("chronyd does not run", _ENFORCE),
    "chrony.disabled": Reason("chronyd will not start at the next boot", _ENFORCE),
    "chrony.unreachable_daemon": Reason(
        "chronyd runs but answers no questions",
        "measure as root, and check the directives bindcmdaddress and cmdport",
    ),
    "chrony.state_unknown": Reason(
        "it is not known whether chronyd runs and starts at boot", "look at the init system of the host"
    ),
    "clock.unmeasured": Reason(
        "the state of the clock could not be read", "run chronyc -n tracking on the host as root", "chronyc -n tracking"
    ),
    "clock.bound_high": Reason("the clock may soon be further off than allowed", "use nearer sources"),
    "clock.unsynchronised": Reason("the clock is not synchronised", _SOURCES, _LIST_SOURCES),
    "clock.offset_exceeded": Reason(
        "the clock is further off than allowed", _ENFORCE + "; to step it alone: softtoken.compliance.chrony_makestep"
    ),
    "clock.sample_disagrees": Reason(
        "chronyd's newest sample contradicts what it believes about the clock",
        "wait for more samples, or restart chronyd; then measure again",
    ),
    "clock.bound_exceeded": Reason(
        "the clock may be further off than allowed", _SOURCES + ", or use nearer ones", _LIST_SOURCES
    ),
    "clock.stale": Reason("the clock has had no update for too long", _SOURCES, _LIST_SOURCES),
    "clock.local_reference": Reason(
        "chronyd follows its own clock (directive local)", "remove the directive local, and give the host real sources"
    ),
    "source.none_usable": Reason("no time source can be used now", _SOURCES, _LIST_SOURCES),
    "source.too_few": Reason("there are fewer usable time sources than required", "configure more sources"),
    "source.falseticker": Reason(
        "time sources contradict each other",
        "find the source that lies (chronyc -n selectdata) and replace it",
        "chronyc -n selectdata",
    ),
    "source.unauthorised": Reason(
        "chronyd uses a source that is not authorised", _ENFORCE + "; or authorise the source"
    ),
    "source.unmeasured": Reason(
        "the time sources could not be read", "run chronyc -n sources on the host as root", _LIST_SOURCES
    ),
    "source.unidentified": Reason(
        "it is not known by what name a source is configured", "use chrony 4.0 or later, or authorise addresses"
    ),
    "config.unread": Reason("the configuration of chronyd could not be read", "measure as root"),
    "config.smear_mixed": Reason(
        "sources that smear leap seconds are mixed with others", "use one kind only: all of them smear, or none does"
    ),
    "config.leap_smeared_twice": Reason(
        "chronyd would insert a leap second that its sources smear already",
        "remove the directive leapsectz or leapseclist",
    ),
    "config.ambiguous_main": Reason(
        "there are two main configuration files", "keep the one that chronyd reads, and remove the other"
    ),
    "config.authselectmode": Reason(
        "sources without authentication are kept out of the selection",
        "authenticate the sources (key or nts), or choose another authselectmode",
    ),
    "config.cmdport_disabled": Reason(
        "chronyd cannot be asked over the network (cmdport 0)", "measure as root, or remove the directive cmdport"
    ),
    "config.no_rtcsync": Reason("the hardware clock is not kept right (no rtcsync)", _ENFORCE),
    "config.no_makestep": Reason("a wrong clock is not stepped at start (no makestep)", _ENFORCE),
    "config.invalid": Reason("the configuration of chronyd has errors", "correct the file that the message names"),
    "daemon.rival": Reason("another program sets the same clock", _ENFORCE),
    "daemon.rivals_unknown": Reason(
        "it is not known whether another program sets the same clock",
        "install python3-psutil (the role timesync does), and measure as root",
    ),
    "witness.disagrees": Reason(
        "an independent witness contradicts the host's clock",
        "check the time of the witness, then the host's sources; do not step before it is known who is right",
    ),
    "witness.contradictory": Reason(
        "two witnesses contradict each other", "ask other witnesses, or correct the time of these"
    ),
    "witness.partial": Reason("some witnesses did not answer", "check them, or ask others"),
    "witness.unavailable": Reason(
        "no independent witness could be asked",
        "install python3-ntplib (the role timesync does), and open UDP port 123 to the witnesses",
    ),
    "totp.at_risk": Reason(
        "codes made on the host may be refused", "bring the clock right first: see the other reasons"
    ),
}


def explain(code: str) -> Reason:
    """Return what is known about a reason code; a code of a newer release stands for itself."""
    return REASONS.get(code, Reason(code, "see the documentation of this reason"))


def advice(code: str, *, enforced: bool, dry_run: bool) -> str:
    """Return what to do about a reason code; ``enforced`` says whether this run did so (or would have) already."""
    enforce = _TO_ENFORCE if not enforced else _WOULD_BE_ENFORCED if dry_run else _WAS_ENFORCED
    return explain(code).action.replace(_ENFORCE, enforce)


def enforceable(code: str) -> bool:
    """Whether enforcing mends the reason."""
    return explain(code).action.startswith(_ENFORCE)


def severity(code: str) -> int:
    """Return the place of a reason code, the worst first; codes of a newer release come last."""
    return _RANKS.get(code, len(_RANKS))
