# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock's part of ``ansible_facts.softtoken`` (schema 1).

Private to this collection. AWX keeps these facts for every host, so they are
compact and deterministic. Rounding, half to even: offsets and bounds to 1 us, the
witnesses' to 0.1 ms, frequency to 0.001 ppm, probabilities to 0.0001, ages to the
second. The verdict is judged before anything is rounded. What is not known is
null, never a value that looks well.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from .bound import reference_age_s
from .evidence import Estimate, best_offset, is_synchronised
from .model import ClockMeasurement, ClockPolicy, Tracking, Witness
from .source_state import audit_sources, usable_sources
from .totp import VALIDATORS, accept_probability, steps_off
from .verdict import judge

__all__ = ["best_offset", "clock_facts"]


def clock_facts(measurement: ClockMeasurement, policy: ClockPolicy) -> Dict[str, Any]:
    """Return the keys verdict, reasons, warnings (only if there are any), measured_at, clock, totp and chrony."""
    verdict = judge(measurement, policy)
    best = best_offset(measurement, policy)
    facts: Dict[str, Any] = {"verdict": verdict.verdict, "reasons": list(verdict.reasons)}
    if verdict.warnings:
        facts["warnings"] = list(verdict.warnings)
    facts["measured_at"] = _timestamp(measurement.taken_at_s)
    facts["clock"] = {**_offset_facts(best), **_tracking_facts(measurement)}
    facts["clock"]["witnesses"] = [_witness_facts(witness) for witness in measurement.witnesses]
    facts["totp"] = _totp_facts(best)
    facts["chrony"] = _chrony_facts(measurement, policy)
    return facts


def _offset_facts(best: Optional[Estimate]) -> Dict[str, Any]:
    if best is None:
        return {"offset_s": None, "bound_s": None}
    return {"offset_s": _rounded(best.offset_s, 6), "bound_s": _rounded(best.bound_s, 6)}


def _tracking_facts(measurement: ClockMeasurement) -> Dict[str, Any]:
    tracking = measurement.tracking
    if tracking is None:
        names = ("synchronised", "leap", "stratum", "reference", "reference_age_s", "frequency_ppm")
        return dict.fromkeys(names)
    age = reference_age_s(tracking, measurement.taken_at_s)
    return {
        "synchronised": is_synchronised(tracking),
        "leap": tracking.leap,
        "stratum": tracking.stratum,
        "reference": _reference(tracking),
        "reference_age_s": None if age is None else round(age),
        "frequency_ppm": _rounded(tracking.frequency_ppm, 3),
    }


def _reference(tracking: Tracking) -> Optional[str]:
    """Return the source that the daemon follows, by address, refclock id or reference id; None when there is none."""
    if tracking.reference_id == "00000000":
        return None
    return tracking.reference or tracking.reference_id


def _witness_facts(witness: Witness) -> Dict[str, Any]:
    return {
        "kind": witness.kind,
        "source": witness.source,
        "offset_s": None if witness.offset_s is None else _rounded(witness.offset_s, 4),
        "uncertainty_s": None if witness.uncertainty_s is None else _rounded(witness.uncertainty_s, 4),
    }


def _totp_facts(best: Optional[Estimate]) -> Optional[Dict[str, Any]]:
    if best is None:
        return None
    probabilities = {name: _rounded(accept_probability(best.offset_s, name), 4) for name in VALIDATORS}
    return {"steps_off": steps_off(best.offset_s), "accept_probability": probabilities}


def _chrony_facts(measurement: ClockMeasurement, policy: ClockPolicy) -> Dict[str, Any]:
    usable = usable_sources(measurement, policy)
    return {
        "installed": measurement.installed,
        "version": measurement.version,
        "active": measurement.active,
        "enabled": measurement.enabled,
        "usable_sources": None if usable is None else len(usable),
        "unauthorised": None if usable is None else list(audit_sources(measurement, policy).unauthorised),
        "rivals": None if measurement.rivals is None else list(measurement.rivals),
    }


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # no negative zero
