# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How likely a validator takes the TOTP codes of a host whose clock is wrong.

Private to this collection. A code is made from the number of the 30-second step
that the host believes in; the validator compares it with the codes of its own
step and perhaps of neighbouring ones. The model: the host makes a code at a
moment that is uniformly distributed over the step, and the validator sees it at
that moment. The way there takes no time: a delay makes every code older, which
only the past step of ``rfc6238`` and ``window1`` forgives.

With a clock that is ``x`` steps ahead of true time (host minus true time, in
steps; fractions count), a code comes from the step that is ``j`` ahead of the
validator's with the probability ``max(0, 1 - |x - j|)``.
"""

from __future__ import annotations

from typing import Tuple

from .errors import ClockError

__all__ = ["STEP_S", "VALIDATORS", "accept_probability", "best_probability", "steps_off", "worst_probability"]

STEP_S = 30

#: Which steps each validator takes, relative to its own: RFC 6238 section 5.2 recommends one past step at most.
VALIDATORS = {
    "strict": (0,),
    "rfc6238": (-1, 0),
    "window1": (-1, 0, 1),
}


def steps_off(offset_s: float) -> int:
    """Return how many whole steps the host is off, negative when it is slow."""
    return int(offset_s / STEP_S)


def accept_probability(offset_s: float, validator: str) -> float:
    """Return the probability that a code made now is taken at the first try."""
    ahead = offset_s / STEP_S
    return min(1.0, sum(max(0.0, 1.0 - abs(ahead - step)) for step in _accepted(validator)))


def worst_probability(offset_s: float, uncertainty_s: float, validator: str) -> float:
    """Return the least probability for any offset within ``uncertainty_s`` of ``offset_s``.

    The probability rises to one plateau and falls again, so the worst is at an end.
    """
    return min(
        accept_probability(offset_s - uncertainty_s, validator),
        accept_probability(offset_s + uncertainty_s, validator),
    )


def best_probability(offset_s: float, uncertainty_s: float, validator: str) -> float:
    """Return the greatest probability for any offset within ``uncertainty_s`` of ``offset_s``."""
    steps = _accepted(validator)
    middle = STEP_S * (steps[0] + steps[-1]) / 2
    return accept_probability(min(max(middle, offset_s - uncertainty_s), offset_s + uncertainty_s), validator)


def _accepted(validator: str) -> Tuple[int, ...]:
    if validator not in VALIDATORS:
        raise ClockError(f"there is no TOTP validator {validator[:40]!r}: use one of {', '.join(VALIDATORS)}")
    return VALIDATORS[validator]
