# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the running time sources count, and which may run at all.

Private to this collection. chronyd keeps reporting ``Normal`` and a tiny offset
long after its last source died, so only ``sources`` says whether anything still
feeds the clock.
"""

from __future__ import annotations

import ipaddress
from typing import FrozenSet, List, NamedTuple, Optional, Tuple

from .model import ClockMeasurement, ClockPolicy, Source

__all__ = [
    "SourceAudit",
    "audit_sources",
    "display_name",
    "falsetickers",
    "is_explained",
    "is_stale",
    "unexplained_sample",
    "usable_sources",
]

_SELECTABLE = frozenset({"selected", "combined", "not_combined"})
# chronyc(1), selectdata: the states of a source that cannot be selected.
_UNSELECTABLE_STATES = frozenset("NMsrd~wSOTx")


class SourceAudit(NamedTuple):
    """The running sources against the list of authorised ones."""

    unauthorised: Tuple[str, ...] = ()
    unidentified: Tuple[str, ...] = ()  # could be authorised: chronyd did not say by what name they are configured


def usable_sources(measurement: ClockMeasurement, policy: ClockPolicy) -> Optional[Tuple[Source, ...]]:
    """Return the sources with a fresh sample that chronyd would select; None where the sources are not known."""
    if measurement.sources is None:
        return None
    refused = {row.name for row in measurement.selectdata or () if row.state in _UNSELECTABLE_STATES}
    return tuple(
        source
        for source in measurement.sources
        if source.state in _SELECTABLE and source.name not in refused and not is_stale(source, policy)
    )


def is_stale(source: Source, policy: ClockPolicy) -> bool:
    """Say whether a source has no sample, or none of the last eight polls or of ``max_reference_age_s``."""
    return source.reach == 0 or source.last_rx_s is None or source.last_rx_s > policy.max_reference_age_s


def is_explained(source: Source, slack_s: float) -> bool:
    """Say whether a source's newest sample fits the clock as chronyd has corrected it in its books.

    It does not after a makestep that the kernel refused (chronyd drops the pending
    correction all the same), or when something set the clock beside chronyd.
    """
    return abs(source.offset_s) <= source.error_s + slack_s


def unexplained_sample(measurement: ClockMeasurement, slack_s: float) -> Optional[Source]:
    """Return the selected source if its newest sample does not fit what chronyd believes."""
    for source in measurement.sources or ():
        if source.state == "selected" and source.reach and not is_explained(source, slack_s):
            return source
    return None


def falsetickers(measurement: ClockMeasurement) -> Tuple[str, ...]:
    """Return the sources that contradict the others."""
    return tuple(display_name(source) for source in measurement.sources or () if source.state == "falseticker")


def audit_sources(measurement: ClockMeasurement, policy: ClockPolicy) -> SourceAudit:
    """Compare every running source, reachable or not, with the authorised ones.

    A source is authorised by its configured name, its address or its reference id;
    letter case, a final dot and the spelling of an IPv6 address do not matter.
    """
    if policy.authorised_sources is None or measurement.sources is None:
        return SourceAudit()
    authorised = frozenset(_canonical(entry) for entry in policy.authorised_sources)
    by_name = not all(_is_address(entry) for entry in authorised)
    unauthorised: List[str] = []
    unidentified: List[str] = []
    for source in measurement.sources:
        if _names(source) & authorised:
            continue
        nameless = source.configured_name is None and source.mode != "refclock"
        unresolved = source.name.startswith("ID#")
        (unidentified if nameless and (by_name or unresolved) else unauthorised).append(display_name(source))
    return SourceAudit(tuple(dict.fromkeys(unauthorised)), tuple(dict.fromkeys(unidentified)))


def display_name(source: Source) -> str:
    """Return the name that a reader knows the source by."""
    if source.configured_name is None or source.configured_name == source.name:
        return source.name
    if source.name.startswith("ID#"):
        return source.configured_name
    return f"{source.configured_name} ({source.name})"


def _names(source: Source) -> FrozenSet[str]:
    return frozenset(_canonical(name) for name in (source.name, source.configured_name) if name)


def _canonical(name: str) -> str:
    lowered = name.strip().strip("[]").lower()
    if ":" in lowered:
        try:
            return str(ipaddress.ip_address(lowered))
        except ValueError:
            return lowered
    return lowered[:-1] if lowered.endswith(".") else lowered


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
