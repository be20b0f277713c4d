"""A report as a check of a healthy host makes it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import Point, Report


@pytest.fixture
def facts() -> dict[str, Any]:
    return {
        "schema": 1,
        "verdict": "compliant",
        "reasons": [],
        "measured_at": "2026-11-21T12:00:00Z",
        "clock": {
            "offset_s": 0.0002,
            "bound_s": 0.0009,
            "synchronised": True,
            "leap": "normal",
            "stratum": 3,
            "reference": "10.0.0.1",
            "reference_age_s": 12,
            "frequency_ppm": -3.125,
            "witnesses": [{"kind": "ntp", "source": 'a"b\\c', "offset_s": 0.001, "uncertainty_s": 0.004}],
        },
        "totp": {"steps_off": 0, "accept_probability": {"strict": 1.0, "rfc6238": 1.0, "window1": 1.0}},
        "chrony": {
            "installed": True,
            "version": "4.6.1",
            "active": True,
            "enabled": True,
            "usable_sources": 4,
            "unauthorised": [],
            "rivals": None,
        },
        "tokens": {"present": True, "kinds": ["oathtool"]},
        "serials": [
            {"serial": "arn:aws:iam::123456789012:mfa/alice", "where": "/etc/x", "profile": None, "user": None}
        ],
        "attached_role": None,
    }


@pytest.fixture
def report(facts: dict[str, Any]) -> Report:
    return Report(
        agent_version="0.1.0",
        machine="ab" * 32,
        hostname="host",
        boot_id="0210fe37-af28-4147-9819-0d5bd43adf81",
        sequence=7,
        taken_at_s=1795325844.125,
        boottime_s=1000.5,
        monotonic_s=990.25,
        stale=None,
        notices=[],
        parameters={"max_error": 1.0, "witness_servers": []},
        measured={"policy": {"max_error": 1.0, "warn_error": None, "min_sources": 1}, "look": [1, [2.5, None]]},
        facts=facts,
        messages=[],
        warnings=[],
        history=[Point(1795325544.5, None, None), Point(1795325844.125, 0.0002, 0.0009)],
    )
