"""Whatever a host is found to be: the verdict has a form, and unknown is never green."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.errors import ClockError
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.evidence import best_offset, chrony_estimate
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.facts import clock_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    ConfigFinding,
    Gap,
    SelectData,
    Source,
    Tracking,
    Witness,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.totp import (
    VALIDATORS,
    accept_probability,
    best_probability,
    worst_probability,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.verdict import judge
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.wire import (
    measurement_from_dict,
    measurement_to_dict,
    policy_from_params,
)
from ansible_collections.softtoken.compliance.tests.unit.plugins.module_utils._clock.samples import TRACKING, healthy
from hypothesis import assume, given
from hypothesis import strategies as st

NOW = 1795310252.0

names = st.one_of(
    st.sampled_from(["10.0.0.1", "PHC0", "ID#0000000001", "ntp.example.net", "{0}", "%s"]), st.text(max_size=12)
)
small = st.floats(-2.0, 2.0, allow_nan=False)
numbers = st.one_of(small, st.floats(-1e6, 1e6, allow_nan=False), st.just(0.0))
positive = st.one_of(st.floats(0.0, 0.5), st.floats(0.0, 1e6))
leaps = st.sampled_from(["normal", "insert", "delete", "unsynchronised"])
trackings = st.builds(
    Tracking,
    reference_id=st.sampled_from(["0A5B0003", "7F7F0101", "00000000", "50484330"]),
    reference=names,
    stratum=st.integers(0, 16),
    reference_time_s=st.one_of(st.just(0.0), st.floats(NOW - 10000, NOW + 100), st.floats(0, 1e11)),
    offset_s=numbers,
    last_offset_s=numbers,
    rms_offset_s=positive,
    frequency_ppm=numbers,
    residual_frequency_ppm=numbers,
    skew_ppm=positive,
    root_delay_s=positive,
    root_dispersion_s=positive,
    update_interval_s=numbers,
    leap=leaps,
)
sources = st.builds(
    Source,
    mode=st.sampled_from(["server", "peer", "refclock"]),
    state=st.sampled_from(["selected", "combined", "not_combined", "unusable", "falseticker", "unstable"]),
    name=names,
    stratum=st.integers(0, 16),
    poll=st.integers(-7, 24),
    reach=st.integers(0, 255),
    last_rx_s=st.none() | st.integers(0, 10000),
    offset_s=numbers,
    measured_offset_s=numbers,
    error_s=positive,
    configured_name=st.none() | names,
)
selections = st.builds(
    SelectData,
    state=st.sampled_from("NsMdD~wWSOTPUx+*rL"),
    name=names,
    authenticated=st.booleans(),
    last_sample_s=st.none() | st.integers(0, 10000),
    score=positive,
    low_s=numbers,
    high_s=numbers,
    leap=leaps,
)
codes = st.sampled_from(["config.invalid", "config.no_rtcsync", "source.too_few", "daemon.rival", "config.new", "odd"])
findings = st.builds(ConfigFinding, code=codes, severity=st.sampled_from(["error", "warning"]), message=names,
                     file=st.none() | names, line=st.none() | st.integers(0, 999))  # fmt: skip
witnesses = st.builds(
    Witness,
    kind=st.sampled_from(["ntp", "controller"]),
    source=names,
    offset_s=st.none() | numbers,
    uncertainty_s=st.none() | positive,
    error=st.none() | names,
)
gaps = st.builds(
    Gap,
    subset=st.sampled_from(["clock", "service", "config", "rivals", "witness", "tokens", "?"]),
    code=st.sampled_from(["", "", "daemon.rival", "chrony.inactive", "source.none_usable", "witness.unavailable", "x"]),
    reason=names,
)
maybe = st.none() | st.booleans()
measurements = st.builds(
    ClockMeasurement,
    taken_at_s=st.just(NOW) | st.floats(0, 2e11),
    installed=maybe,
    version=st.none() | names,
    active=maybe,
    enabled=maybe,
    reachable=maybe,
    tracking=st.none() | trackings,
    sources=st.none() | st.lists(sources, max_size=4).map(tuple),
    selectdata=st.none() | st.lists(selections, max_size=3).map(tuple),
    config=st.none() | st.lists(findings, max_size=3).map(tuple),
    rivals=st.none() | st.lists(names, max_size=2).map(tuple),
    witnesses=st.lists(witnesses, max_size=3).map(tuple),
    gaps=st.lists(gaps, max_size=3).map(tuple),
)
policies = st.builds(
    ClockPolicy,
    max_error_s=st.floats(0.1, 60.0),
    warn_error_s=st.floats(0.0, 0.1),
    min_sources=st.integers(1, 4),
    authorised_sources=st.none() | st.lists(names, max_size=3).map(tuple),
    max_reference_age_s=st.floats(1.0, 1e5),
    max_drift_ppm=st.floats(0.0, 500.0),
    witnesses_required=st.booleans(),
    totp_validator=st.sampled_from(sorted(VALIDATORS)),
    totp_min_probability=st.floats(0.0, 1.0),
)

# A host that is compliant or nearly so, so that the green path is taken often.
good_trackings = st.builds(
    TRACKING._replace,
    offset_s=st.floats(-0.3, 0.3),
    root_delay_s=st.floats(0.0, 0.2),
    root_dispersion_s=st.floats(0.0, 0.2),
    reference_time_s=st.floats(NOW - 4000.0, NOW - 1.0),
    leap=st.sampled_from(["normal", "insert"]),
)
good_witnesses = st.builds(Witness, kind=st.sampled_from(["ntp", "controller"]), source=names,
                           offset_s=st.floats(-0.2, 0.2), uncertainty_s=st.floats(0.0, 0.5))  # fmt: skip
good_measurements = st.builds(
    healthy,
    tracking=good_trackings,
    witnesses=st.lists(good_witnesses, max_size=3).map(tuple),
    version=st.none() | names,
)


@given(measurements, policies)
def test_every_measurement_has_a_verdict_with_a_form(measurement: ClockMeasurement, policy: ClockPolicy) -> None:
    verdict = judge(measurement, policy)
    assert verdict.verdict in {"compliant", "noncompliant", "unknown"}
    assert (verdict.verdict == "compliant") == (not verdict.reasons)
    assert len(set(verdict.reasons + verdict.warnings)) == len(verdict.reasons) + len(verdict.warnings)
    assert len(verdict.messages) == len(verdict.reasons) + len(verdict.warnings)
    assert judge(measurement, policy) == verdict


@given(good_measurements, measurements, st.sets(st.sampled_from(ClockMeasurement._fields), max_size=2), policies)
def test_green_means_that_everything_was_measured_and_is_right(
    good: ClockMeasurement, other: ClockMeasurement, fields: set[str], policy: ClockPolicy
) -> None:
    mixed = good._replace(**{field: getattr(other, field) for field in fields})
    for judged_by in (policy, ClockPolicy()):
        if judge(mixed, judged_by).verdict == "compliant":
            assert_green(mixed, judged_by)


@given(good_measurements)
def test_nearly_all_good_hosts_are_green_and_rightly_so(measurement: ClockMeasurement) -> None:
    verdict = judge(measurement, ClockPolicy())
    if verdict.verdict == "compliant":
        assert_green(measurement, ClockPolicy())
    else:
        bound = chrony_estimate(measurement, ClockPolicy())
        assert bound is not None
        assert bound.bound_s > 0.5 or verdict.reasons == ("witness.contradictory",)


def assert_green(measurement: ClockMeasurement, policy: ClockPolicy) -> None:
    """Check the rule of the design, written a second time."""
    report = measurement.tracking
    assert measurement.installed is measurement.active is measurement.enabled is measurement.reachable is True
    assert report is not None
    assert report.leap != "unsynchronised"
    assert report.reference_time_s > 0
    assert report.reference_id != "7F7F0101"
    fresh = [
        source
        for source in measurement.sources or ()
        if source.state in {"selected", "combined", "not_combined"} and source.reach and source.last_rx_s is not None
    ]
    assert len(fresh) >= policy.min_sources
    assert abs(report.offset_s) + report.root_dispersion_s + report.root_delay_s / 2 <= policy.max_error_s
    assert measurement.rivals == ()
    assert measurement.config is not None
    assert not [finding for finding in measurement.config if finding.severity == "error"]
    assert not [gap for gap in measurement.gaps if gap.code]
    best = best_offset(measurement, policy)
    assert best is not None
    assert best.where == "chrony"


PIECES = ["installed", "active", "enabled", "reachable", "tracking", "sources", "config", "rivals"]


@given(
    st.one_of(good_measurements, measurements),
    policies | st.just(ClockPolicy()),
    st.sets(st.sampled_from(PIECES), min_size=1),
)
def test_taking_away_what_is_needed_never_makes_a_host_green(
    measurement: ClockMeasurement, policy: ClockPolicy, pieces: set[str]
) -> None:
    missing: dict[str, Any] = dict.fromkeys(pieces)
    assert judge(measurement._replace(**missing), policy).verdict != "compliant"


@given(good_measurements, gaps.filter(lambda gap: gap.code))
def test_a_gap_that_matters_is_never_green(measurement: ClockMeasurement, gap: Gap) -> None:
    assert judge(measurement._replace(gaps=(gap,)), ClockPolicy()).verdict != "compliant"


@given(good_measurements)
def test_silencing_every_witness_that_is_required_is_never_green(measurement: ClockMeasurement) -> None:
    silent = tuple(item._replace(offset_s=None, uncertainty_s=None, error="x") for item in measurement.witnesses)
    policy = ClockPolicy(witnesses_required=True)
    assert judge(measurement._replace(witnesses=silent), policy).verdict != "compliant"


@given(measurements, policies)
def test_the_facts_are_json_without_nan_and_agree_with_the_verdict(
    measurement: ClockMeasurement, policy: ClockPolicy
) -> None:
    assume(measurement.taken_at_s < 253402300799)
    facts = clock_facts(measurement, policy)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["verdict"] == judge(measurement, policy).verdict
    assert (facts["clock"]["offset_s"] is None) == (facts["totp"] is None)


@given(measurements)
def test_every_measurement_travels(measurement: ClockMeasurement) -> None:
    assume(measurement.taken_at_s < 253402300799)
    plain = json.loads(json.dumps(measurement_to_dict(measurement)))
    assert measurement_from_dict(plain) == measurement


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def complaint_about(value: object) -> str | None:
    """Read a measurement from data and return the documented error, if it was refused."""
    try:
        clock_facts(measurement_from_dict(value), ClockPolicy())
    except ClockError as exc:
        return str(exc)
    return None


@given(json_values)
def test_any_json_is_refused_with_the_documented_error(value: object) -> None:
    complaint = complaint_about(value)
    assert complaint is not None
    assert complaint.startswith("measurement")
    assert len(complaint) < 500


@given(measurements, json_values, st.data())
def test_a_measurement_with_one_value_replaced_is_read_or_refused(
    measurement: ClockMeasurement, value: object, data: st.DataObject
) -> None:
    plain: Any = json.loads(json.dumps(measurement_to_dict(measurement)))
    place, key = plain, data.draw(st.sampled_from(sorted(plain)))
    while isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = value
    complaint = complaint_about(plain)
    assert complaint is None or complaint.startswith("measurement.")


parameter_names = st.sampled_from(
    ["max_error", "warn_error", "min_sources", "authorised_sources", "max_reference_age", "max_drift",
     "witnesses_required", "totp_validator", "totp_min_probability", "other"]
)  # fmt: skip


@given(st.dictionaries(parameter_names, json_values, max_size=4))
def test_any_parameters_give_a_policy_or_the_documented_error(params: dict[str, Any]) -> None:
    try:
        policy = policy_from_params(params)
    except ClockError:
        return
    judge(healthy(), policy)


@given(numbers, positive, st.sampled_from(sorted(VALIDATORS)))
def test_probabilities_are_probabilities_and_the_worst_is_below_the_best(
    offset: float, uncertainty: float, validator: str
) -> None:
    nominal = accept_probability(offset, validator)
    worst = worst_probability(offset, uncertainty, validator)
    best = best_probability(offset, uncertainty, validator)
    assert 0.0 <= worst <= nominal + 1e-9
    assert nominal <= best + 1e-9
    assert best <= 1.0


@given(st.floats(-200.0, 200.0), st.floats(0.0, 100.0), st.floats(-1.0, 1.0), st.sampled_from(sorted(VALIDATORS)))
def test_nothing_within_the_interval_is_worse_than_the_worst(
    offset: float, uncertainty: float, where: float, validator: str
) -> None:
    inside = accept_probability(offset + where * uncertainty, validator)
    assert worst_probability(offset, uncertainty, validator) <= inside + 1e-9
    assert inside <= best_probability(offset, uncertainty, validator) + 1e-9
