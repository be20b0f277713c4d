"""A healthy host, measured; tests change what they are about."""

from __future__ import annotations

from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    Source,
    Tracking,
    Witness,
)

NOW = 1795310252.0

#: As chrony 4.3 reported a host with three servers, its bound rounded up.
TRACKING = Tracking(
    reference_id="0A5B0003",
    reference="10.91.0.3",
    stratum=3,
    reference_time_s=NOW - 12.0,
    offset_s=0.000001366,
    last_offset_s=-0.000000579,
    rms_offset_s=0.000001486,
    frequency_ppm=4.420,
    residual_frequency_ppm=-0.269,
    skew_ppm=16.398,
    root_delay_s=0.000013458,
    root_dispersion_s=0.000416657,
    update_interval_s=64.2,
    leap="normal",
)

SOURCE = Source(
    mode="server",
    state="selected",
    name="10.91.0.3",
    stratum=2,
    poll=6,
    reach=0o377,
    last_rx_s=12,
    offset_s=-0.000001030,
    measured_offset_s=-0.000001609,
    error_s=0.000006778,
    configured_name="ntp3.example.net",
)

OTHER = SOURCE._replace(state="combined", name="10.91.0.2", configured_name="ntp2.example.net")
SPARE = SOURCE._replace(state="not_combined", name="2001:db8::1", configured_name="ntp1.example.net")

CONTROLLER = Witness("controller", "awx-7", 0.02, 0.2)
SERVER = Witness("ntp", "time.example.net", -0.001, 0.004)


def healthy(**changes: Any) -> ClockMeasurement:
    """Return the measurement of a host that has nothing wrong, except for ``changes``."""
    measured = ClockMeasurement(
        taken_at_s=NOW,
        installed=True,
        version="4.6.1",
        active=True,
        enabled=True,
        reachable=True,
        tracking=TRACKING,
        sources=(SOURCE, OTHER, SPARE),
        config=(),
        rivals=(),
        witnesses=(CONTROLLER,),
    )
    return measured._replace(**changes)


def tracking(**changes: Any) -> Tracking:
    """Return the tracking report of the healthy host, except for ``changes``."""
    return TRACKING._replace(**changes)


#: ``chronyc tracking`` of a daemon that never synchronised, and of one that follows its own clock (chrony 4.3).
NEVER_SYNCHRONISED = Tracking("00000000", "", 0, 0.0, 0.0, 0.0, 0.0, -3.1, 0.0, 0.0, 1.0, 1.0, 0.0, "unsynchronised")
LOCAL_ORPHAN = Tracking("7F7F0101", "", 10, NOW - 1.0, 0.0, 0.0, 0.0, -3.1, 0.0, 0.0, 0.0, 0.0, 0.0, "normal")
