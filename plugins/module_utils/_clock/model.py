# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the clock code passes around.

Private to this collection. One sign everywhere: an offset is *host minus true
time* in seconds, positive when the host is fast. All times are Unix seconds
(UTC), all durations seconds, all frequencies parts per million.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .gap import Gap

__all__ = [
    "ClockMeasurement",
    "ClockPolicy",
    "ConfigFinding",
    "Gap",
    "SelectData",
    "Source",
    "Tracking",
    "Verdict",
    "Witness",
]


class Tracking(NamedTuple):
    """``chronyc tracking`` (chronyc(1)), with this project's sign.

    ``offset_s`` is the correction still pending (chronyc's "System time",
    negated); ``reference_time_s`` is 0.0 when the daemon never synchronised.
    """

    reference_id: str
    reference: str
    stratum: int
    reference_time_s: float
    offset_s: float
    last_offset_s: float
    rms_offset_s: float
    frequency_ppm: float
    residual_frequency_ppm: float
    skew_ppm: float
    root_delay_s: float
    root_dispersion_s: float
    update_interval_s: float
    leap: str  # normal | insert | delete | unsynchronised


class Source(NamedTuple):
    """One row of ``chronyc sources``.

    ``name`` is what ``chronyc -n`` prints: an address, the reference id of a
    refclock, or ``ID#...`` while the name is unresolved. ``configured_name`` is
    what ``chronyc -N`` (4.0 and later) prints: the name in the configuration.
    """

    mode: str  # server | peer | refclock
    state: str  # selected | combined | not_combined | unusable | falseticker | unstable
    name: str
    stratum: int
    poll: int  # log2 seconds
    reach: int  # eight-bit register, already decoded from octal
    last_rx_s: Optional[int]  # None: never
    offset_s: float  # adjusted to now
    measured_offset_s: float
    error_s: float
    configured_name: Optional[str] = None  # None: not known


class SelectData(NamedTuple):
    """One row of ``chronyc selectdata`` (chrony 4.0 and later, root only)."""

    state: str  # chronyc's own letter: N s M d D ~ w W S O T P U x + *
    name: str
    authenticated: bool
    last_sample_s: Optional[int]
    score: float
    low_s: float
    high_s: float
    leap: str


class Witness(NamedTuple):
    """An independent opinion about this host's clock.

    ``offset_s`` and ``uncertainty_s`` are None when the witness did not answer;
    ``error`` then says why.
    """

    kind: str  # ntp | controller
    source: str
    offset_s: Optional[float]
    uncertainty_s: Optional[float]
    error: Optional[str] = None


class ConfigFinding(NamedTuple):
    """Something the policy linter has to say about the effective configuration."""

    code: str  # a reason code, e.g. config.smear_mixed
    severity: str  # error | warning
    message: str
    file: Optional[str] = None
    line: Optional[int] = None


class ClockMeasurement(NamedTuple):
    """All that one look at a host found out about its clock; no opinion in it.

    None always means "not known", and a Gap says why. ``taken_at_s`` is the
    host's own wall clock at the moment the reports were read.
    """

    taken_at_s: float
    installed: Optional[bool] = None
    version: Optional[str] = None
    active: Optional[bool] = None
    enabled: Optional[bool] = None
    reachable: Optional[bool] = None
    tracking: Optional[Tracking] = None
    sources: Optional[Tuple[Source, ...]] = None
    selectdata: Optional[Tuple[SelectData, ...]] = None
    config: Optional[Tuple[ConfigFinding, ...]] = None
    rivals: Optional[Tuple[str, ...]] = None
    witnesses: Tuple[Witness, ...] = ()
    gaps: Tuple[Gap, ...] = ()


class ClockPolicy(NamedTuple):
    """What this site asks of a clock. The defaults are the collection's."""

    max_error_s: float = 1.0
    warn_error_s: float = 0.5
    min_sources: int = 1
    authorised_sources: Optional[Tuple[str, ...]] = None
    max_reference_age_s: float = 4096.0
    max_drift_ppm: float = 50.0
    witnesses_required: bool = False
    totp_validator: str = "rfc6238"  # strict | rfc6238 | window1
    totp_min_probability: float = 0.95


class Verdict(NamedTuple):
    """The judgement of a measurement under a policy."""

    verdict: str  # compliant | noncompliant | unknown
    reasons: Tuple[str, ...]  # stable codes, worst first
    warnings: Tuple[str, ...]  # codes that do not change the verdict
    messages: Tuple[str, ...]  # one sentence for each reason and warning, in that order
