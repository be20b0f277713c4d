# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of ``chronyc -c -n`` that only a closer look needs.

Private to this collection; apart from ``reports`` so that the common path does not
load them. Signs are those of ``reports``: host minus true time. chronyc's
"sourcestats" has that sign already, "ntpdata" has the opposite one (RFC 5905:
negative when the host is fast).
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .reports import LEAPS
from .reports_row import MAX_PPM, MAX_SECONDS, MAX_UNIX_TIME, Row, is_decimal, only_row, rows

__all__ = [
    "AuthData",
    "NtpData",
    "ServerStats",
    "SourceStats",
    "parse_authdata",
    "parse_ntpdata",
    "parse_serverstats",
    "parse_sourcestats",
]

_MAX_COUNT = 2**32 - 1
_MAX_SHORT = 2**16 - 1

_AUTH_MODES = {"-": "none", "SK": "symmetric", "NTS": "nts", "?": "unknown"}
_PACKET_LEAPS = {**LEAPS, "Invalid": "unsynchronised"}
_PACKET_MODES = {
    "Server": "server",
    "Symmetric active": "active",
    "Symmetric passive": "passive",
    "Invalid": "none",  # no packet yet
}
_YES_NO = {"Yes": "yes", "No": "no"}
_TIMESTAMPS = {"Daemon": "daemon", "Kernel": "kernel", "Hardware": "hardware", "Invalid": "none"}


class SourceStats(NamedTuple):
    """One row of ``chronyc sourcestats``."""

    name: str
    samples: int
    runs: int
    span_s: int
    frequency_ppm: float
    skew_ppm: float
    offset_s: float
    deviation_s: float


class AuthData(NamedTuple):
    """One row of ``chronyc authdata`` (chrony 4.0 and later)."""

    name: str
    mode: str  # none | symmetric | nts | unknown
    key_id: int
    key_type: int
    key_length: int
    last_exchange_s: Optional[int]  # None: never
    attempts: int
    naks: int
    cookies: int
    cookie_length: int


class NtpData(NamedTuple):
    """One row of ``chronyc ntpdata`` (chrony 3.0 and later): the last packet of a source."""

    remote: str
    port: int
    local: str
    leap: str
    version: int
    mode: str  # server | active | passive | none
    stratum: int
    poll: int
    precision_s: float
    root_delay_s: float
    root_dispersion_s: float
    reference_id: str
    reference: str
    reference_time_s: float
    offset_s: float
    delay_s: float
    dispersion_s: float
    response_time_s: float
    jitter_asymmetry: float
    tests: str  # RFC 5905 tests 1-3, 5-7 and chronyd's own four, 1 for passed
    interleaved: bool
    authenticated: bool
    transmit_timestamp: str
    receive_timestamp: str
    sent: int
    received: int
    valid: int
    good: Optional[int]  # chrony 4.3 and later


class ServerStats(NamedTuple):
    """``chronyc serverstats``; None for what the version of chrony does not count."""

    ntp_received: int
    ntp_dropped: int
    command_received: int
    command_dropped: int
    log_dropped: int
    nts_accepted: Optional[int] = None
    nts_dropped: Optional[int] = None
    authenticated: Optional[int] = None
    interleaved: Optional[int] = None
    timestamps_held: Optional[int] = None
    timestamp_span_s: Optional[int] = None
    daemon_receive: Optional[int] = None
    daemon_transmit: Optional[int] = None
    kernel_receive: Optional[int] = None
    kernel_transmit: Optional[int] = None
    hardware_receive: Optional[int] = None
    hardware_transmit: Optional[int] = None


def parse_sourcestats(text: str) -> Tuple[SourceStats, ...]:
    """Read ``chronyc -c -n sourcestats`` (also with ``-a``)."""
    return tuple(_source_stats(row) for row in rows("sourcestats", text, 8))


def parse_authdata(text: str) -> Tuple[AuthData, ...]:
    """Read ``chronyc -c -n authdata`` (also with ``-a``)."""
    return tuple(_auth_data(row) for row in rows("authdata", text, 10))


def parse_ntpdata(text: str) -> Tuple[NtpData, ...]:
    """Read ``chronyc -c -n ntpdata``."""
    return tuple(_ntp_data(row) for row in rows("ntpdata", text, 33))


def parse_serverstats(text: str) -> ServerStats:
    """Read ``chronyc -c serverstats``: 5, 8, 11 or 17 counters, by version."""
    row = only_row("serverstats", text, 5)
    columns = min(row.width, len(ServerStats._fields))
    return ServerStats(*(row.integer(column, 0, 2**64 - 1) for column in range(columns)))


def _source_stats(row: Row) -> SourceStats:
    row.close_name(0, 8)
    return SourceStats(
        name=row.text(0),
        samples=row.integer(1, 0, _MAX_COUNT),
        runs=row.integer(2, 0, _MAX_COUNT),
        span_s=row.integer(3, 0, _MAX_COUNT),
        frequency_ppm=row.decimal(4, MAX_PPM),
        skew_ppm=row.decimal(5, MAX_PPM, low=0.0),
        offset_s=row.decimal(6, MAX_SECONDS),
        deviation_s=row.decimal(7, MAX_SECONDS, low=0.0),
    )


def _auth_data(row: Row) -> AuthData:
    row.close_name(0, 10, _AUTH_MODES.__contains__)
    return AuthData(
        name=row.text(0),
        mode=row.choice(1, _AUTH_MODES),
        key_id=row.integer(2, 0, _MAX_COUNT),
        key_type=row.integer(3, 0, _MAX_SHORT),
        key_length=row.integer(4, 0, _MAX_SHORT),
        last_exchange_s=row.interval(5),
        attempts=row.integer(6, 0, _MAX_SHORT),
        naks=row.integer(7, 0, _MAX_SHORT),
        cookies=row.integer(8, 0, _MAX_SHORT),
        cookie_length=row.integer(9, 0, _MAX_SHORT),
    )


def _ntp_data(row: Row) -> NtpData:
    row.close_name(16, 33, is_decimal)  # a server of stratum 1 chooses its reference id as it likes
    return NtpData(
        remote=row.text(0),
        port=row.integer(2, 0, _MAX_SHORT),
        local=row.text(3),
        leap=row.choice(5, _PACKET_LEAPS),
        version=row.integer(6, 0, 7),
        mode=row.choice(7, _PACKET_MODES),
        stratum=row.integer(8, 0, 255),
        poll=row.integer(9, -128, 127),
        precision_s=row.decimal(12, MAX_SECONDS, low=0.0),
        root_delay_s=row.decimal(13, MAX_SECONDS),
        root_dispersion_s=row.decimal(14, MAX_SECONDS, low=0.0),
        reference_id=row.reference_id(15),
        reference=row.text(16),
        reference_time_s=row.decimal(17, MAX_UNIX_TIME, low=0.0),
        offset_s=0.0 - row.decimal(18, MAX_SECONDS),
        delay_s=row.decimal(19, MAX_SECONDS),
        dispersion_s=row.decimal(20, MAX_SECONDS, low=0.0),
        response_time_s=row.decimal(21, MAX_SECONDS),
        jitter_asymmetry=row.decimal(22, 1.0),
        tests=" ".join((row.bits(23, 3), row.bits(24, 3), row.bits(25, 4))),
        interleaved=row.choice(26, _YES_NO) == "yes",
        authenticated=row.choice(27, _YES_NO) == "yes",
        transmit_timestamp=row.choice(28, _TIMESTAMPS),
        receive_timestamp=row.choice(29, _TIMESTAMPS),
        sent=row.integer(30, 0, _MAX_COUNT),
        received=row.integer(31, 0, _MAX_COUNT),
        valid=row.integer(32, 0, _MAX_COUNT),
        good=row.integer(33, 0, _MAX_COUNT) if row.width > 33 else None,
    )
