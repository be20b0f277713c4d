"""Measurements as plain data: what goes out comes back, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    ConfigFinding,
    Gap,
    SelectData,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.wire import (
    measurement_from_dict,
    measurement_to_dict,
    policy_from_params,
)
from ansible_collections.softtoken.compliance.tests.unit.plugins.module_utils._clock.samples import (
    CONTROLLER,
    NOW,
    SERVER,
    healthy,
)

FULL = healthy(
    selectdata=(SelectData("*", "10.91.0.3", False, 12, 1.0, -0.001, 0.001, "normal"),),
    config=(ConfigFinding("config.no_rtcsync", "warning", "rtcsync is not set", "/etc/chrony.conf", 3),),
    rivals=("ntpd",),
    witnesses=(CONTROLLER, SERVER._replace(offset_s=None, uncertainty_s=None, error="no answer")),
    gaps=(Gap("service", "", "no init system"),),
)


@pytest.mark.parametrize("measurement", [FULL, healthy(), ClockMeasurement(NOW)])
def test_a_measurement_survives_the_way_to_the_controller(measurement: ClockMeasurement) -> None:
    sent = json.dumps(measurement_to_dict(measurement), allow_nan=False)
    assert measurement_from_dict(json.loads(sent)) == measurement


def changed(path: str, value: object) -> Any:
    """Return the full measurement as plain data with one value replaced."""
    data: Any = json.loads(json.dumps(measurement_to_dict(FULL)))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = data
    for part in parents:
        place = place[part]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("taken_at_s", "now", r"measurement.taken_at_s is 'now': expected a number"),
        ("taken_at_s", float("nan"), r"measurement.taken_at_s is nan: expected a number from 0 to"),
        ("taken_at_s", True, r"measurement.taken_at_s is True: expected a number"),
        ("taken_at_s", 10**400, r"measurement.taken_at_s is 1000.*\.\.\.: expected a number from 0 to"),
        ("taken_at_s", None, r"measurement.taken_at_s is None: expected a number"),
        ("active", 1, r"measurement.active is 1: expected true or false"),
        ("version", ["4.6"], r"measurement.version is list: expected text"),
        ("version", "4" * 2001, r"measurement.version is '4+\.\.\.: expected text of at most 2000 characters"),
        ("tracking", [], r"measurement.tracking is list: expected a mapping"),
        ("tracking.offset_s", float("inf"), r"measurement.tracking.offset_s is inf"),
        ("tracking.offset_s", "0.0", r"measurement.tracking.offset_s is '0.0'"),
        ("tracking.root_delay_s", -1.0, r"measurement.tracking.root_delay_s is -1.0: expected a number from 0 to"),
        ("tracking.leap", "Normal", r"measurement.tracking.leap is 'Normal': expected one of normal, insert"),
        ("tracking.stratum", 1.5, r"measurement.tracking.stratum is 1.5: expected an integer from 0 to 16"),
        ("tracking.extra", 1, r"measurement.tracking has the unknown keys 'extra'"),
        ("sources", "x", r"measurement.sources is 'x': expected a list"),
        ("sources", [None] * 5000, r"measurement.sources is list: expected a list of at most 4096 items"),
        ("sources.1.reach", 256, r"measurement.sources\[1\].reach is 256: expected an integer from 0 to 255"),
        ("sources.0.state", "good", r"measurement.sources\[0\].state is 'good': expected one of selected"),
        ("sources.0.last_rx_s", -1, r"measurement.sources\[0\].last_rx_s is -1"),
        ("selectdata.0.authenticated", "no", r"measurement.selectdata\[0\].authenticated is 'no': expected true"),
        ("config.0.severity", "fatal", r"measurement.config\[0\].severity is 'fatal': expected one of error, warning"),
        ("rivals.0", 7, r"measurement.rivals\[0\] is 7: expected text"),
        ("witnesses", None, r"measurement.witnesses is None: expected a list"),
        ("witnesses.0.kind", "friend", r"measurement.witnesses\[0\].kind is 'friend'"),
        ("witnesses.0.uncertainty_s", -0.1, r"measurement.witnesses\[0\].uncertainty_s is -0.1"),
        ("gaps.0.reason", {}, r"measurement.gaps\[0\].reason is dict: expected text"),
    ],
)
def test_what_a_host_made_up_is_named_by_its_path(path: str, value: object, complaint: str) -> None:
    with pytest.raises(ClockError, match=complaint):
        measurement_from_dict(changed(path, value))


@pytest.mark.parametrize("key", measurement_to_dict(FULL))
def test_a_key_that_is_missing_is_named(key: str) -> None:
    data = measurement_to_dict(FULL)
    del data[key]
    with pytest.raises(ClockError, match=rf"measurement\.{key} is missing"):
        measurement_from_dict(data)


@pytest.mark.parametrize("data", [None, 1, "x", [], [("taken_at_s", 1.0)]])
def test_something_else_is_no_measurement(data: object) -> None:
    with pytest.raises(ClockError, match=r"measurement is .*: expected a mapping"):
        measurement_from_dict(data)


def test_endless_texts_are_cut_before_they_travel() -> None:
    measurement = healthy(gaps=(Gap("config", "", "x" * 100000),))
    assert len(measurement_from_dict(measurement_to_dict(measurement)).gaps[0].reason) == 2000


# --- policies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"max_error": None, "authorised_sources": None}, {"gather_subset": ["all"]}])
def test_no_parameters_give_the_default_policy(params: dict[str, Any]) -> None:
    assert policy_from_params(params) == ClockPolicy()


def test_every_parameter_arrives_in_its_field() -> None:
    params = {
        "max_error": 2,
        "warn_error": 0.25,
        "min_sources": 3,
        "authorised_sources": ["a", "b"],
        "max_reference_age": 600.0,
        "max_drift": 10.0,
        "witnesses_required": True,
        "totp_validator": "strict",
        "totp_min_probability": 0.9,
    }
    assert policy_from_params(params) == ClockPolicy(2.0, 0.25, 3, ("a", "b"), 600.0, 10.0, True, "strict", 0.9)


def test_an_empty_list_of_sources_is_a_list() -> None:
    assert policy_from_params({"authorised_sources": []}).authorised_sources == ()


def test_a_lower_limit_takes_the_default_warning_down_with_it() -> None:
    assert policy_from_params({"max_error": 0.1}).warn_error_s == 0.1


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"max_error": 0}, "max_error is 0: expected a number from 1e-06"),
        ({"max_error": float("nan")}, "max_error is nan"),
        ({"warn_error": 2.0}, r"warn_error \(2 s\) is above max_error \(1 s\)"),
        ({"min_sources": 0}, "min_sources is 0: expected an integer from 1"),
        ({"min_sources": True}, "min_sources is True"),
        ({"authorised_sources": "a"}, "authorised_sources is 'a': expected a list"),
        ({"totp_validator": "window9"}, "totp_validator is 'window9': expected one of strict, rfc6238, window1"),
        ({"totp_min_probability": 95}, "totp_min_probability is 95: expected a number from 0 to 1"),
        ({"max_drift": -1}, "max_drift is -1"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ClockError, match=complaint):
        policy_from_params(params)
