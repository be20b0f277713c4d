# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far off the host's clock can be, by what chronyd knows.

Private to this collection. chronyd's own bound (chronyc(1), "tracking") grows by
1 ppm only while no sample comes in: 86 ms a day, whatever the oscillator does. So
the bound here grows by what a free-running clock may drift.
"""

from __future__ import annotations

from typing import Optional

from .model import Tracking

__all__ = ["MAX_SLEW", "error_bound_s", "reference_age_s"]

#: A kernel slews by at most 10 % of the time that passes (chronyd: 8.3 %). What moved more was a step.
MAX_SLEW = 0.1


def reference_age_s(tracking: Tracking, now_s: float) -> Optional[float]:
    """Return the time since the last update from a source; None when there never was one.

    ``now_s`` is the host's wall clock; chronyd's reference time is already
    corrected by what is still pending, so the pending offset comes off first. A
    result below zero means that something other than chronyd has stepped the clock
    back since that update.
    """
    if tracking.reference_time_s <= 0.0:
        return None
    return now_s - tracking.offset_s - tracking.reference_time_s


def error_bound_s(tracking: Tracking, now_s: float, max_drift_ppm: float) -> float:
    """Return the largest error the clock may have: |offset| + dispersion + delay/2 + drift over the reference age.

    A clock that was stepped back is off by at least as much as its last update lies
    in the future; that is added whole. For a daemon that never synchronised the
    result means nothing: chronyd reports placeholders then.
    """
    age = reference_age_s(tracking, now_s) or 0.0
    growth = max_drift_ppm * 1e-6 * age if age >= 0.0 else -age
    return abs(tracking.offset_s) + tracking.root_dispersion_s + tracking.root_delay_s / 2 + growth
