# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The long form of what was found out about a clock, for people.

Private to this collection.
"""

from __future__ import annotations

from typing import Any

from .model import ClockMeasurement, ClockPolicy
from .verdict import judge
from .wire import measurement_to_dict

__all__ = ["clock_detail"]


def clock_detail(measurement: ClockMeasurement, policy: ClockPolicy) -> dict[str, Any]:
    """Return the verdict's sentences, what could not be measured, and everything that was."""
    verdict = judge(measurement, policy)
    long_form = measurement_to_dict(measurement)
    return {
        "messages": list(verdict.messages),
        "warnings": list(verdict.warnings),
        "gaps": long_form.pop("gaps"),
        "measurement": long_form,
    }
