"""The facts: their form, their size, and null for what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.facts import clock_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    Witness,
)
from ansible_collections.softtoken.compliance.tests.unit.plugins.module_utils._clock.samples import (
    CONTROLLER,
    LOCAL_ORPHAN,
    NEVER_SYNCHRONISED,
    NOW,
    SERVER,
    healthy,
    tracking,
)

POLICY = ClockPolicy()


def compact(facts: dict[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), allow_nan=False)


def test_the_facts_of_a_healthy_host() -> None:
    assert clock_facts(healthy(), POLICY) == {
        "verdict": "compliant",
        "reasons": [],
        "measured_at": "2026-11-22T01:17:32Z",
        "clock": {
            "offset_s": 0.000001,
            "bound_s": 0.001025,
            "synchronised": True,
            "leap": "normal",
            "stratum": 3,
            "reference": "10.91.0.3",
            "reference_age_s": 12,
            "frequency_ppm": 4.42,
            "witnesses": [{"kind": "controller", "source": "awx-7", "offset_s": 0.02, "uncertainty_s": 0.2}],
        },
        "totp": {"steps_off": 0, "accept_probability": {"strict": 1.0, "rfc6238": 1.0, "window1": 1.0}},
        "chrony": {
            "installed": True,
            "version": "4.6.1",
            "active": True,
            "enabled": True,
            "usable_sources": 3,
            "unauthorised": [],
            "rivals": [],
        },
    }


def test_the_facts_of_a_host_that_is_ten_steps_slow() -> None:
    report = tracking(offset_s=-300.0021, reference_time_s=NOW + 300.0021 - 41.0)
    facts = clock_facts(healthy(tracking=report, witnesses=()), POLICY)
    assert facts["verdict"] == "noncompliant"
    assert facts["reasons"][0] == "clock.offset_exceeded"
    assert facts["clock"]["offset_s"] == -300.0021
    assert facts["clock"]["bound_s"] > 300.0021
    assert facts["clock"]["reference_age_s"] == 41
    assert facts["totp"] == {"steps_off": -10, "accept_probability": {"strict": 0.0, "rfc6238": 0.0, "window1": 0.0}}


def test_a_healthy_host_with_tokens_and_a_serial_stays_under_a_kilobyte() -> None:
    facts = {
        "schema": 1,
        **clock_facts(healthy(witnesses=(CONTROLLER, SERVER)), ClockPolicy(authorised_sources=("10.91.0.3",))),
        "tokens": {"present": True, "kinds": ["oathtool", "aws-config"]},
        "serials": [
            {
                "serial": "arn:aws:iam::123456789012:mfa/alice",
                "where": "/home/alice/.aws/config",
                "profile": "prod",
                "user": "alice",
            }
        ],
        "attached_role": {"account": "123456789012", "role": "ci-runner"},
    }
    assert len(compact(facts).encode()) < 1024


@pytest.mark.parametrize("report", [NEVER_SYNCHRONISED, LOCAL_ORPHAN])
def test_a_host_without_a_source_has_no_offset_unless_a_witness_measured_it(report: Any) -> None:
    alone = clock_facts(healthy(tracking=report, witnesses=()), POLICY)
    assert (alone["clock"]["offset_s"], alone["clock"]["bound_s"], alone["totp"]) == (None, None, None)
    assert alone["clock"]["synchronised"] is False
    seen = clock_facts(healthy(tracking=report, witnesses=(Witness("ntp", "x", 45.0, 0.5),)), POLICY)
    assert (seen["clock"]["offset_s"], seen["clock"]["bound_s"]) == (45.0, 45.5)
    assert seen["totp"]["steps_off"] == 1
    assert seen["totp"]["accept_probability"]["window1"] == 0.5


def test_what_was_not_measured_is_null() -> None:
    facts = clock_facts(ClockMeasurement(NOW), POLICY)
    assert facts["verdict"] == "unknown"
    assert {key: value for key, value in facts["clock"].items() if value is not None} == {"witnesses": []}
    assert facts["totp"] is None
    assert set(facts["chrony"].values()) == {None}


def test_a_witness_without_an_answer_is_listed_with_nulls() -> None:
    facts = clock_facts(healthy(witnesses=(Witness("ntp", "x", None, None, "no answer"),)), POLICY)
    assert facts["clock"]["witnesses"] == [{"kind": "ntp", "source": "x", "offset_s": None, "uncertainty_s": None}]


def test_warnings_are_there_only_when_there_are_some() -> None:
    assert "warnings" not in clock_facts(healthy(), POLICY)
    assert clock_facts(healthy(tracking=tracking(root_delay_s=1.2)), POLICY)["warnings"] == ["clock.bound_high"]


def test_unauthorised_sources_and_rivals_are_named() -> None:
    policy = ClockPolicy(authorised_sources=("10.91.0.3", "10.91.0.2"))
    facts = clock_facts(healthy(rivals=("ntpd",)), policy)
    assert facts["chrony"]["unauthorised"] == ["ntp1.example.net (2001:db8::1)"]
    assert facts["chrony"]["rivals"] == ["ntpd"]


def test_the_same_measurement_gives_the_same_bytes() -> None:
    assert compact(clock_facts(healthy(), POLICY)) == compact(clock_facts(healthy(), POLICY))


def test_there_is_no_negative_zero() -> None:
    facts = clock_facts(healthy(tracking=tracking(offset_s=-0.0000001, frequency_ppm=-0.0001)), POLICY)
    assert "-0.0" not in compact(facts)
