# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of a verdict, worst first, and the sentence that goes with each.

Private to this collection. A sentence says what was measured, against what limit,
and what to do. Codes may be added; they are never renamed.
"""

from __future__ import annotations

from typing import Mapping

from .model import ClockMeasurement

__all__ = ["DOUBTS", "ORDER", "TEMPLATES", "VIOLATIONS", "WARNINGS", "gap_reason", "message_for"]

#: What was measured and is wrong. A few of these are warnings where they do less harm.
VIOLATIONS = {
    "chrony.missing": "chrony is not installed, so nothing keeps this clock right: install it (the role timesync does)",
    "chrony.inactive": "chronyd does not run: start its service and read its journal if it stops again",
    "clock.unsynchronised": "{how}: its reports say nothing about this clock until a source answers; "
    "check the sources, name resolution and UDP port 123 to them",
    "clock.local_reference": "chronyd follows its own clock (reference {id}, stratum {stratum}, the directive local): "
    "give it sources that answer, and remove local from hosts that are no time servers",
    "clock.offset_exceeded": "the clock is {offset:+.3f} s off ({where}), the limit is {limit:g} s: "
    "step it (chrony_makestep) after a look at the sources",
    "clock.sample_disagrees": "the newest sample of {source} lies {offset:+.3f} s beside what chronyd believes: "
    "it lost its correction, as after a step that was refused, or something set the clock beside it; "
    "wait for more samples or restart chronyd",
    "witness.disagrees": "{witness}, but {chrony}: find out which of the two is wrong before this host is trusted, "
    "and ask another witness",
    "totp.at_risk": "a TOTP code made now is taken with {likely:.1f} % only (validator {validator}, clock off by "
    "{offset:+.3f} s +/- {uncertainty:.3f} s), at least {limit:g} % is asked for: correct the clock first",
    "clock.bound_exceeded": "the error bound of the clock is {bound:.3f} s, the limit is {limit:g} s: "
    "use closer or better sources, or find out why updates stay away",
    "clock.stale": "{how}, the limit is {limit:g} s: check that the sources answer, and restart chronyd if they do",
    "source.none_usable": "no source has a fresh sample that chronyd would use ({states}): "
    "check the network to them, UDP port 123, and their own state",
    "source.too_few": "{usable} usable sources, at least {limit} are asked for: add sources or see why others fail",
    "source.falseticker": "{liars} contradict the other sources ({usable} usable): "
    "remove what is wrong, and use at least three sources so that a majority can tell",
    "source.unauthorised": "running sources that are not authorised: {names}; remove them from the effective "
    "configuration (chrony_config with exclusive) or authorise them",
    "daemon.rival": "other programs set this clock too: {rivals}; stop and mask them",
    "config.authselectmode": "{config}",
    "config.smear_mixed": "{config}",
    "config.invalid": "{config}",
    "config.no_rtcsync": "{config}",
    "config.no_makestep": "{config}",
    "chrony.disabled": "chronyd is not enabled, so it will not run after the next boot: enable its service",
}

#: What could not be measured.
DOUBTS = {
    "chrony.unreachable_daemon": "chronyd could not be asked for its reports ({gap}): run as root or as chronyd's user "
    "and check that it runs and what cmdport, bindcmdaddress and chronyc_address say",
    "clock.unmeasured": "the state of the clock could not be read ({gap}): run chronyc tracking on the host",
    "source.unmeasured": "the running sources could not be read ({gap}): run chronyc sources on the host",
    "source.unidentified": "it is not known by what name these running sources are configured: {names}; "
    "use chrony 4.0 or later, or authorise their addresses",
    "chrony.state_unknown": "whether chronyd is installed, runs and starts at boot could not be found out ({gap}): "
    "look at the init system of this host",
    "daemon.rivals_unknown": "whether another program sets this clock could not be found out ({gap}): "
    "install psutil on the host and measure the subset rivals",
    "config.unread": "the effective configuration of chronyd could not be read ({gap}): "
    "run with the rights to read it and measure the subset config",
    "witness.contradictory": "two witnesses cannot both be right: {one}, {other}; ask others, or correct these",
    "witness.unavailable": "no independent witness could say what time it is ({gap}): "
    "check that the host reaches a witness server, or do not ask for one",
}

#: What never changes a verdict.
WARNINGS = {
    "clock.bound_high": "the error bound of the clock is {bound:.3f} s, above the warning limit of {limit:g} s: "
    "use closer sources before it becomes a violation",
    "config.leap_smeared_twice": "{config}",
    "config.ambiguous_main": "{config}",
    "config.cmdport_disabled": "{config}",
    "witness.partial": "some witnesses did not answer ({gap}): check them, or ask others",
}

#: Every code that this collection gives a clock, in the order of the reasons.
TEMPLATES = {**VIOLATIONS, **DOUBTS, **WARNINGS}

ORDER = {code: rank for rank, code in enumerate(TEMPLATES)}


def message_for(code: str, values: Mapping[str, object]) -> str:
    """Return the sentence of one code. What the linter has to say is its own sentence."""
    if "config" in values:
        return str(values["config"])
    return TEMPLATES[code].format(**values)


def gap_reason(measurement: ClockMeasurement, subset: str) -> str:
    """Return why a subset is missing, for the reader."""
    reasons = list(dict.fromkeys(gap.reason for gap in measurement.gaps if gap.subset == subset))
    return "; ".join(reasons) or f"the subset {subset} was not measured"
