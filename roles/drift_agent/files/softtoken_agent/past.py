# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the history tells of the time to come."""

from __future__ import annotations

from typing import Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import ConfigFault, read_config
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.history import (
    Forecast,
    forecast,
    read_entries,
)

from .check import load_config
from .store import Places, read_lines

__all__ = ["last_outlook"]

_MAX_HISTORY = 268435456


def last_outlook(places: Places) -> Optional[Forecast]:
    """Return when the budget would be lost, by the newest check; None where that said nothing of the clock."""
    try:
        entries = list(read_entries(read_lines(places.history, _MAX_HISTORY)[-1:]))
    except OSError:
        return None
    try:
        parameters = load_config(places).parameters
    except ConfigFault:
        parameters = read_config("").parameters
    if not entries:
        return None
    last = entries[-1]
    return forecast(
        last.offset_s,
        last.bound_s,
        last.frequency_ppm,
        last.skew_ppm,
        max_error_s=parameters["max_error"],
        validator=parameters["totp_validator"],
        min_probability=parameters["totp_min_probability"],
    )
