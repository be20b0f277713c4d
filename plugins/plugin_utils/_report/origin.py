# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way the facts of a host came: by a measurement of the run, or by the report of the host's agent.

Private to this collection, pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .values import number, text_of

__all__ = ["AGENT", "MODULE", "Origin", "origin_of", "origin_to_dict"]

AGENT = "agent"
MODULE = "module"


class Origin(NamedTuple):
    """Where the facts of one measurement come from."""

    source: str  # agent | module
    report_age_s: float | None = None  # of the agent's report when it was judged
    report: str | None = None  # why the agent's report did not count, where there was one


def origin_of(result: Mapping[str, Any]) -> Origin | None:
    """Return what host_facts said about it; None where it said nothing, as that of an older release."""
    source = result.get("source")
    if source == AGENT:
        age_s = number(result.get("report_age_s"))
        return Origin(AGENT, report_age_s=None if age_s is None or age_s < 0 else round(age_s, 1))
    if source == MODULE:
        return Origin(MODULE, report=text_of(result.get("report")))
    return None


def origin_to_dict(origin: Origin | None) -> dict[str, Any]:
    """Return the keys of report.json: only those that say something."""
    return {} if origin is None else {key: value for key, value in origin._asdict().items() if value is not None}
