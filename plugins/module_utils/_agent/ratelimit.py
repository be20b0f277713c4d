# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a check may step the clock by itself. Private to this collection.

Counted in boot time, which no step moves: a clock that is stepped back and forth cannot reset its own limit.
"""

from __future__ import annotations

import json
from typing import List, NamedTuple, Tuple

__all__ = ["Attempt", "admit", "read_attempts", "write_attempts"]

_MAX_ATTEMPTS = 1000


class Attempt(NamedTuple):
    """One step that was tried, whatever came of it."""

    boot_id: str
    boottime_s: float


def admit(attempts: List[Attempt], now: Attempt, *, at_most: int, within_s: float) -> Tuple[bool, List[Attempt]]:
    """Say whether one more attempt is within the limit, and which attempts still count.

    How long ago an attempt of an earlier boot was cannot be known from boot time. It counts until this boot is as old
    as the window is wide: rebooting resets no limit.
    """
    count = [attempt for attempt in attempts if _counts(attempt, now, within_s)]
    return len(count) < at_most, count


def _counts(attempt: Attempt, now: Attempt, within_s: float) -> bool:
    since = attempt.boottime_s if attempt.boot_id == now.boot_id else 0.0
    return 0.0 <= now.boottime_s - since <= within_s


def read_attempts(text: str) -> List[Attempt]:
    """Return the attempts that a file holds. Raises ValueError for any other text."""
    found = json.loads(text)
    if not isinstance(found, list) or len(found) > _MAX_ATTEMPTS:
        raise ValueError("expected a list of attempts")
    attempts = []
    for entry in found:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            raise ValueError("expected attempts as pairs of boot id and seconds")
        if isinstance(entry[1], bool) or not isinstance(entry[1], (int, float)) or not 0 <= entry[1] < 1e12:
            raise ValueError("expected seconds since boot")
        attempts.append(Attempt(entry[0], float(entry[1])))
    return attempts


def write_attempts(attempts: List[Attempt]) -> str:
    """Return the text of the file."""
    return json.dumps(attempts[-_MAX_ATTEMPTS:]) + "\n"
