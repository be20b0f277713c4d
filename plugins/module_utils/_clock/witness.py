# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Independent opinions about the host's clock: time servers that chronyd does not use, and the controller.

Private to this collection.
"""

from __future__ import annotations

from .._ports import SntpOutcome
from .bound import MAX_SLEW
from .model import Witness

__all__ = ["controller_witness", "ntp_witness"]


def ntp_witness(outcome: SntpOutcome) -> Witness:
    """Turn an SNTP exchange into an opinion; a server that does not know the time itself has none."""
    reply = outcome.reply
    if reply is None:
        return Witness("ntp", outcome.server, None, None, outcome.error or "no answer")
    if not 0 < reply.stratum < 16 or reply.leap == 3:
        error = f"the server says that it is not synchronised (stratum {reply.stratum}, leap {reply.leap})"
        return Witness("ntp", outcome.server, None, None, error)
    # RFC 5905: half of the whole way to the reference clock and back, and what that clock may be off.
    uncertainty = (reply.delay_s + reply.root_delay_s) / 2 + reply.root_dispersion_s
    return Witness("ntp", outcome.server, reply.offset_s, uncertainty)


def controller_witness(
    source: str, *, started: tuple[float, float], ended: tuple[float, float], pending_s: float = 0.0
) -> Witness:
    """Compare two clocks from two moments at each end.

    ``started`` and ``ended`` are (controller, host) times. The host read its clock after the controller's start and
    before the controller's end, so host minus controller lies between ``ended`` and ``started`` differences; further
    apart by what chronyd may have slewed meanwhile of the correction that was still pending (``pending_s``).
    """
    slewed = min(abs(pending_s), MAX_SLEW * max(0.0, ended[1] - started[1]))
    low = ended[1] - ended[0] - slewed
    high = started[1] - started[0] + slewed
    if low > high:
        error = "a clock was stepped while the host was measured: compare again"
        return Witness("controller", source, None, None, error)
    return Witness("controller", source, (low + high) / 2, (high - low) / 2)
