# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks everybody who may know it whether this host's clock is right: time servers, chronyd, and AWS itself.

Private to this collection.
"""

from __future__ import annotations

from typing import Callable, Sequence

from ._clock.measure import MeasureOptions, Ports, measure_clock
from ._clock.model import ClockMeasurement, Witness

__all__ = ["look_at_clock"]

_SUBSETS = frozenset(("clock", "witness"))


def look_at_clock(
    ports: Ports, servers: Sequence[str], timeout_s: float, ask_aws: Callable[[], Witness]
) -> ClockMeasurement:
    """Return what chronyd, the time servers and AWS's answer say."""
    options = MeasureOptions(subsets=_SUBSETS, witness_servers=tuple(servers), witness_timeout_s=timeout_s)
    measurement = measure_clock(ports, options)
    return measurement._replace(witnesses=(*measurement.witnesses, ask_aws()))
