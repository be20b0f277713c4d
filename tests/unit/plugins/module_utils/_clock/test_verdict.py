"""The verdict: every code, every way to be unknown, and the order of the reasons."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.evidence import best_offset
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.messages import TEMPLATES
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
    ConfigFinding,
    Gap,
    SelectData,
    Witness,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.reports import parse_sources, parse_tracking
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.verdict import judge
from ansible_collections.softtoken.compliance.tests.unit.plugins.module_utils._clock.samples import (
    CONTROLLER,
    LOCAL_ORPHAN,
    NEVER_SYNCHRONISED,
    NOW,
    OTHER,
    SERVER,
    SOURCE,
    SPARE,
    healthy,
    tracking,
)

POLICY = ClockPolicy()
CAPTURES = Path(__file__).resolve().parents[4] / "data" / "chrony"
ABSENT = healthy(
    installed=False,
    version=None,
    active=False,
    enabled=False,
    reachable=False,
    tracking=None,
    sources=None,
    config=None,
)
OFF_BY_45 = tracking(offset_s=45.0, reference_time_s=NOW - 45.0)
OFF_BY_0_9 = tracking(offset_s=0.9, reference_time_s=NOW - 0.9)
STOPPED = healthy(active=False, reachable=False, tracking=None, sources=None)


def finding(code: str, severity: str = "error") -> ConfigFinding:
    return ConfigFinding(code, severity, f"what {code} is about", "/etc/chrony/chrony.conf", 7)


def silent(source: str = "time.example.net") -> Witness:
    return Witness("ntp", source, None, None, "no answer within 2 s")


def selection(name: str, state: str) -> SelectData:
    return SelectData(state, name, False, 12, 1.0, -0.001, 0.001, "normal")


def test_a_healthy_host_is_compliant_and_nothing_is_said() -> None:
    assert judge(healthy(), POLICY) == ("compliant", (), (), ())
    assert judge(healthy(witnesses=()), POLICY).verdict == "compliant"
    assert judge(healthy(witnesses=(CONTROLLER, SERVER)), POLICY).verdict == "compliant"


VIOLATIONS: dict[str, tuple[ClockMeasurement, ClockPolicy]] = {
    "chrony.missing": (ABSENT, POLICY),
    "chrony.inactive": (STOPPED, POLICY),
    "chrony.disabled": (healthy(enabled=False), POLICY),
    "clock.unsynchronised": (healthy(tracking=NEVER_SYNCHRONISED), POLICY),
    "clock.local_reference": (healthy(tracking=LOCAL_ORPHAN), POLICY),
    "clock.offset_exceeded": (healthy(tracking=tracking(offset_s=-1.001, reference_time_s=NOW)), POLICY),
    "clock.sample_disagrees": (healthy(sources=(SOURCE._replace(offset_s=-0.6), OTHER)), POLICY),
    "clock.bound_exceeded": (healthy(tracking=tracking(root_delay_s=2.1)), POLICY),
    "clock.stale": (healthy(tracking=tracking(reference_time_s=NOW - 4097.0)), POLICY),
    "source.none_usable": (healthy(sources=()), POLICY),
    "source.too_few": (healthy(), ClockPolicy(min_sources=4)),
    "source.falseticker": (healthy(sources=(SOURCE, OTHER._replace(state="falseticker"))), POLICY),
    "source.unauthorised": (healthy(), ClockPolicy(authorised_sources=("10.91.0.2", "10.91.0.3"))),
    "config.smear_mixed": (healthy(config=(finding("config.smear_mixed"),)), POLICY),
    "config.no_rtcsync": (healthy(config=(finding("config.no_rtcsync"),)), POLICY),
    "config.no_makestep": (healthy(config=(finding("config.no_makestep"),)), POLICY),
    "config.invalid": (healthy(config=(finding("config.invalid"),)), POLICY),
    "config.authselectmode": (healthy(config=(finding("config.authselectmode"),)), POLICY),
    "daemon.rival": (healthy(rivals=("systemd-timesyncd",)), POLICY),
    "witness.disagrees": (healthy(witnesses=(Witness("ntp", "x", 0.6, 0.004),)), POLICY),
    "totp.at_risk": (healthy(tracking=OFF_BY_0_9, witnesses=()), ClockPolicy(totp_min_probability=0.99)),
}

DOUBTS: dict[str, tuple[ClockMeasurement, ClockPolicy]] = {
    "chrony.state_unknown": (healthy(enabled=None), POLICY),
    "chrony.unreachable_daemon": (healthy(reachable=False, tracking=None, sources=None), POLICY),
    "clock.unmeasured": (healthy(tracking=None), POLICY),
    "source.unmeasured": (healthy(sources=None), POLICY),
    "source.unidentified": (
        healthy(sources=(SOURCE._replace(configured_name=None),)),
        ClockPolicy(authorised_sources=("ntp3.example.net",)),
    ),
    "daemon.rivals_unknown": (healthy(rivals=None), POLICY),
    "config.unread": (healthy(config=None), POLICY),
    "witness.contradictory": (healthy(witnesses=(SERVER, Witness("ntp", "y", 5.0, 0.004))), POLICY),
    "witness.unavailable": (healthy(witnesses=(silent(), CONTROLLER)), POLICY),
}

WARNINGS: dict[str, tuple[ClockMeasurement, ClockPolicy]] = {
    "clock.bound_high": (healthy(tracking=tracking(root_delay_s=1.2)), POLICY),
    "source.falseticker": (healthy(sources=(SOURCE, OTHER, SPARE._replace(state="falseticker"))), POLICY),
    "config.no_rtcsync": (healthy(config=(finding("config.no_rtcsync", "warning"),)), POLICY),
    "config.leap_smeared_twice": (healthy(config=(finding("config.leap_smeared_twice", "warning"),)), POLICY),
    "config.ambiguous_main": (healthy(config=(finding("config.ambiguous_main", "warning"),)), POLICY),
    "config.cmdport_disabled": (healthy(config=(finding("config.cmdport_disabled", "warning"),)), POLICY),
    "witness.partial": (healthy(witnesses=(SERVER, silent("b.example.net"))), POLICY),
}


def test_every_code_has_a_case() -> None:
    assert set(TEMPLATES) <= set(VIOLATIONS) | set(DOUBTS) | set(WARNINGS)


def test_what_the_linter_finds_wrong_stands_before_every_doubt() -> None:
    lint = finding("config.authselectmode"), finding("config.ambiguous_main", "warning")
    verdict = judge(healthy(config=lint, rivals=None, witnesses=(SERVER, silent("b.example.net"))), POLICY)
    assert verdict.reasons == ("config.authselectmode", "daemon.rivals_unknown")
    assert verdict.warnings == ("config.ambiguous_main", "witness.partial")
    assert verdict.messages[0] == "what config.authselectmode is about (/etc/chrony/chrony.conf, line 7)"


@pytest.mark.parametrize("code", VIOLATIONS)
def test_a_violation_makes_the_host_noncompliant(code: str) -> None:
    verdict = judge(*VIOLATIONS[code])
    assert verdict.verdict == "noncompliant"
    assert code in verdict.reasons


@pytest.mark.parametrize("code", DOUBTS)
def test_a_doubt_alone_makes_the_host_unknown(code: str) -> None:
    verdict = judge(*DOUBTS[code])
    assert (verdict.verdict, verdict.reasons) == ("unknown", (code,))


@pytest.mark.parametrize("code", WARNINGS)
def test_a_warning_alone_leaves_the_host_compliant(code: str) -> None:
    verdict = judge(*WARNINGS[code])
    assert (verdict.verdict, verdict.reasons, verdict.warnings) == ("compliant", (), (code,))


@pytest.mark.parametrize("case", [*VIOLATIONS.values(), *DOUBTS.values(), *WARNINGS.values()])
def test_each_code_has_one_sentence_that_says_what_to_do(case: tuple[ClockMeasurement, ClockPolicy]) -> None:
    verdict = judge(*case)
    assert len(verdict.messages) == len(verdict.reasons) + len(verdict.warnings)
    for code, message in zip(verdict.reasons + verdict.warnings, verdict.messages, strict=True):
        assert message
        assert "{" not in message
        assert code.startswith("config.") or ": " in message or "; " in message


@pytest.mark.parametrize("code", TEMPLATES)
def test_templates_have_only_named_fields(code: str) -> None:
    for _text, field, _spec, conversion in string.Formatter().parse(TEMPLATES[code]):
        assert field is None or field.isidentifier()
        assert conversion is None


def test_a_violation_outweighs_a_doubt_and_stands_before_it() -> None:
    verdict = judge(healthy(rivals=None, tracking=OFF_BY_45, witnesses=()), POLICY)
    assert verdict.verdict == "noncompliant"
    assert verdict.reasons == (
        "clock.offset_exceeded", "totp.at_risk", "clock.bound_exceeded", "daemon.rivals_unknown"
    )  # fmt: skip


def test_what_chronyd_admits_counts_even_if_a_witness_denies_it() -> None:
    verdict = judge(healthy(tracking=OFF_BY_45), POLICY)
    assert verdict.reasons == ("clock.offset_exceeded", "witness.disagrees", "clock.bound_exceeded")


def test_the_order_of_the_reasons_does_not_depend_on_the_order_of_the_findings() -> None:
    findings = tuple(finding(code) for code in ("config.zzz", "config.no_makestep", "config.aaa", "config.smear_mixed"))
    first, second = (
        judge(healthy(config=config, rivals=("ntpd",), enabled=False), POLICY) for config in (findings, findings[::-1])
    )
    assert first.reasons == second.reasons
    assert first.reasons == (
        "daemon.rival", "config.smear_mixed", "config.no_makestep", "chrony.disabled", "config.aaa", "config.zzz"
    )  # fmt: skip


def test_several_findings_of_one_code_are_one_reason_with_both_sentences() -> None:
    other = ConfigFinding("config.invalid", "error", "a second problem", "/etc/chrony/conf.d/x.conf", 2)
    verdict = judge(healthy(config=(finding("config.invalid"), other)), POLICY)
    assert verdict.reasons == ("config.invalid",)
    assert "line 7" in verdict.messages[0]
    assert "a second problem (/etc/chrony/conf.d/x.conf, line 2)" in verdict.messages[0]


# --- what a missing daemon implies ----------------------------------------------------------------------------------


def test_a_missing_chrony_is_one_reason_and_not_a_list_of_consequences() -> None:
    assert judge(ABSENT, POLICY).reasons == ("chrony.missing",)
    assert judge(STOPPED, POLICY).reasons == ("chrony.inactive",)


def test_a_missing_chrony_does_not_hide_what_a_witness_saw() -> None:
    verdict = judge(ABSENT._replace(witnesses=(Witness("controller", "awx", -300.0, 0.3),)), POLICY)
    assert verdict.reasons == ("chrony.missing", "clock.offset_exceeded", "totp.at_risk")


def test_a_daemon_that_runs_outside_the_init_system_is_judged_by_its_reports() -> None:
    verdict = judge(healthy(active=False, tracking=OFF_BY_45), POLICY)
    assert "chrony.inactive" in verdict.reasons
    assert "clock.offset_exceeded" in verdict.reasons


# --- gaps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("daemon.rival", "daemon.rivals_unknown"),
        ("source.none_usable", "source.unmeasured"),
        ("config.invalid", "config.unread"),
        ("clock.unsynchronised", "clock.unmeasured"),
        ("chrony.inactive", "chrony.state_unknown"),
        ("chrony.unreachable_daemon", "chrony.unreachable_daemon"),
        ("witness.unavailable", "witness.unavailable"),
        ("anything.else", "clock.unmeasured"),
    ],
)
def test_a_gap_with_a_code_is_a_doubt_and_never_a_violation(code: str, reason: str) -> None:
    verdict = judge(healthy(gaps=(Gap("x", code, "psutil is missing"),)), POLICY)
    assert (verdict.verdict, verdict.reasons) == ("unknown", (reason,))
    assert "psutil is missing" in verdict.messages[0]


def test_a_gap_without_a_code_decides_nothing() -> None:
    assert judge(healthy(gaps=(Gap("clock", "", "selectdata: 501 Not authorised"),)), POLICY).verdict == "compliant"


def test_the_reason_of_a_gap_is_told() -> None:
    gap = Gap("rivals", "", "psutil 5.9 is missing")
    (message,) = judge(healthy(rivals=None, gaps=(gap,)), POLICY).messages
    assert "psutil 5.9 is missing" in message


@pytest.mark.parametrize(
    "piece", ["installed", "active", "enabled", "reachable", "tracking", "sources", "config", "rivals"]
)
def test_without_any_needed_piece_a_host_is_unknown(piece: str) -> None:
    assert judge(healthy(**{piece: None}), POLICY).verdict == "unknown"


def test_the_first_look_at_nothing_is_unknown() -> None:
    verdict = judge(ClockMeasurement(NOW), POLICY)
    assert verdict.verdict == "unknown"
    assert verdict.reasons[0] == "chrony.unreachable_daemon"


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delay", "verdict", "warnings"),
    [
        (0.9, "compliant", ()),
        (1.1, "compliant", ("clock.bound_high",)),
        (1.9, "compliant", ("clock.bound_high",)),
        (2.1, "noncompliant", ()),
    ],
)
def test_the_bound_warns_before_it_fails(delay: float, verdict: str, warnings: tuple[str, ...]) -> None:
    found = judge(healthy(tracking=tracking(root_delay_s=delay)), POLICY)
    assert (found.verdict, found.warnings) == (verdict, warnings)


@pytest.mark.parametrize(("age", "stale"), [(4095.0, False), (4097.0, True), (-0.5, False), (-2.0, True)])
def test_a_reference_that_is_old_or_from_the_future_is_stale(age: float, stale: bool) -> None:
    report = tracking(reference_time_s=NOW - age, offset_s=0.0)
    found = judge(healthy(tracking=report), ClockPolicy(max_error_s=5.0)).reasons
    assert ("clock.stale" in found) is stale


def test_a_clock_that_was_stepped_back_behind_chronyds_back_is_told_so() -> None:
    verdict = judge(healthy(tracking=tracking(reference_time_s=NOW + 600.0), witnesses=()), POLICY)
    assert {"clock.stale", "clock.bound_exceeded", "totp.at_risk"} <= set(verdict.reasons)
    assert any("600 s in the future: something stepped the clock back" in message for message in verdict.messages)


@pytest.mark.parametrize(
    ("offset", "validator", "risk"),
    [
        (0.9, "rfc6238", False),
        (0.9, "strict", False),
        (-0.9, "rfc6238", False),
        (1.6, "rfc6238", True),
        (-1.6, "rfc6238", False),
        (-1.6, "strict", True),
        (29.0, "window1", False),
        (32.0, "window1", True),
    ],
)
def test_the_codes_are_at_risk_by_the_sign_and_the_validator(offset: float, validator: str, risk: bool) -> None:
    policy = ClockPolicy(max_error_s=60.0, warn_error_s=60.0, totp_validator=validator)
    report = tracking(offset_s=offset, reference_time_s=NOW - offset)
    assert ("totp.at_risk" in judge(healthy(tracking=report), policy).reasons) is risk


def test_the_codes_are_at_risk_when_the_worst_case_of_the_bound_is() -> None:
    policy = ClockPolicy(max_error_s=60.0, warn_error_s=60.0)
    assert "totp.at_risk" in judge(healthy(tracking=tracking(root_dispersion_s=2.0)), policy).reasons


def test_a_vague_witness_alone_does_not_put_the_codes_at_risk() -> None:
    vague = Witness("controller", "awx", 0.0, 5.0)
    verdict = judge(healthy(reachable=False, tracking=None, sources=None, witnesses=(vague,)), POLICY)
    assert (verdict.verdict, verdict.reasons) == ("unknown", ("chrony.unreachable_daemon",))


# --- sources --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"state": "unusable"}, {"state": "falseticker"}, {"state": "unstable"}, {"reach": 0}, {"last_rx_s": None},
        {"last_rx_s": 4097},
    ],
)  # fmt: skip
def test_a_source_counts_only_when_it_is_selectable_and_fresh(change: dict[str, Any]) -> None:
    assert "source.none_usable" in judge(healthy(sources=(SOURCE._replace(**change),)), POLICY).reasons


@pytest.mark.parametrize("state", ["selected", "combined", "not_combined"])
def test_the_selectable_states_count(state: str) -> None:
    assert judge(healthy(sources=(SOURCE._replace(state=state),)), POLICY).verdict == "compliant"


@pytest.mark.parametrize("state", "NMsrd~wSOTx")
def test_the_state_of_the_last_selection_counts_where_it_is_known(state: str) -> None:
    measurement = healthy(sources=(SOURCE,), selectdata=(selection(SOURCE.name, state),))
    assert "source.none_usable" in judge(measurement, POLICY).reasons


@pytest.mark.parametrize("state", "*+WPUDL")
def test_the_other_states_of_a_selection_do_no_harm(state: str) -> None:
    measurement = healthy(sources=(SOURCE,), selectdata=(selection(SOURCE.name, state),))
    assert judge(measurement, POLICY).verdict == "compliant"


@pytest.mark.parametrize(
    "authorised",
    [
        ("10.91.0.3", "10.91.0.2", "2001:db8::1"),
        ("10.91.0.3", "10.91.0.2", "2001:0DB8:0:0::1"),
        ("NTP3.example.NET", "ntp2.example.net.", "ntp1.example.net"),
        ("ntp3.example.net", "10.91.0.2", "[2001:db8::1]", "unused.example.net"),
    ],
)
def test_sources_are_authorised_by_name_or_address(authorised: tuple[str, ...]) -> None:
    assert judge(healthy(), ClockPolicy(authorised_sources=authorised)).verdict == "compliant"


def test_a_reference_clock_is_authorised_by_its_id() -> None:
    measurement = healthy(sources=(SOURCE._replace(mode="refclock", name="PHC0", configured_name=None),))
    assert judge(measurement, ClockPolicy(authorised_sources=("phc0",))).verdict == "compliant"
    assert judge(measurement, ClockPolicy(authorised_sources=("ntp3.example.net",))).verdict == "noncompliant"


def test_an_empty_list_authorises_nothing() -> None:
    assert "source.unauthorised" in judge(healthy(), ClockPolicy(authorised_sources=())).reasons


def test_a_rogue_source_is_named_even_if_it_never_answered() -> None:
    rogue = SOURCE._replace(name="ID#0000000001", configured_name="rogue.example.org", state="unusable", reach=0)
    policy = ClockPolicy(authorised_sources=("10.91.0.3",))
    verdict = judge(healthy(sources=(SOURCE, rogue)), policy)
    assert verdict.reasons == ("source.unauthorised",)
    assert "rogue.example.org" in verdict.messages[0]


def test_addresses_alone_cannot_clear_or_convict_what_has_no_known_name() -> None:
    unresolved = SOURCE._replace(name="ID#0000000001", configured_name=None, state="unusable", reach=0)
    by_address = ClockPolicy(authorised_sources=("10.91.0.3",))
    assert judge(healthy(sources=(SOURCE, unresolved)), by_address).reasons == ("source.unidentified",)
    nameless = OTHER._replace(configured_name=None)
    assert judge(healthy(sources=(SOURCE, nameless)), by_address).reasons == ("source.unauthorised",)
    by_name = ClockPolicy(authorised_sources=("ntp3.example.net",))
    assert judge(healthy(sources=(SOURCE, nameless)), by_name).reasons == ("source.unidentified",)


# --- witnesses ------------------------------------------------------------------------------------------------------


def test_witnesses_that_are_required_must_know_something() -> None:
    policy = ClockPolicy(witnesses_required=True)
    vague = Witness("controller", "awx", 0.0, 5.0)
    assert judge(healthy(witnesses=()), policy).reasons == ("witness.unavailable",)
    assert judge(healthy(witnesses=(vague,)), policy).reasons == ("witness.unavailable",)
    assert judge(healthy(), policy).verdict == "compliant"


def test_witness_servers_that_were_asked_are_not_replaced_by_the_controller() -> None:
    verdict = judge(healthy(witnesses=(silent(), CONTROLLER)), POLICY)
    assert (verdict.verdict, verdict.reasons, verdict.warnings) == (
        "unknown", ("witness.unavailable",), ("witness.partial",)
    )  # fmt: skip
    assert "no answer within 2 s" in verdict.messages[0]


def test_witnesses_that_contradict_each_other_convict_nobody() -> None:
    verdict = judge(healthy(witnesses=(SERVER, Witness("ntp", "y", 300.0, 0.004))), POLICY)
    assert (verdict.verdict, verdict.reasons) == ("unknown", ("witness.contradictory",))


# --- the nine traps that existing tools fall into, as far as they show in a measurement ------------------------------

DEAD = SOURCE._replace(state="unusable", reach=0, last_rx_s=75)
TRAPS: dict[str, tuple[ClockMeasurement, ClockPolicy, str]] = {
    "1-dead_server_looks_normal_in_tracking": (healthy(sources=(DEAD,)), POLICY, "source.none_usable"),
    "1-dead_server_stale_in_selectdata_only": (
        healthy(sources=(SOURCE,), selectdata=(selection(SOURCE.name, "S"),)), POLICY, "source.none_usable",
    ),
    "2-never_synchronised_reports_offset_zero": (
        healthy(tracking=NEVER_SYNCHRONISED), POLICY, "clock.unsynchronised",
    ),
    "3-makestep_said_ok_but_the_clock_is_wrong": (
        healthy(tracking=NEVER_SYNCHRONISED, witnesses=(Witness("ntp", "x", 10800.0, 0.01),)), POLICY,
        "clock.offset_exceeded",
    ),
    "4-broken_sources_file": (healthy(config=(finding("config.invalid"),)), POLICY, "config.invalid"),
    "5-local_stratum_looks_normal": (healthy(tracking=LOCAL_ORPHAN), POLICY, "clock.local_reference"),
    "6-dispersion_hides_staleness": (
        healthy(tracking=tracking(reference_time_s=NOW - 86400.0)), ClockPolicy(max_reference_age_s=1e6),
        "clock.bound_exceeded",
    ),
    "7-sign_of_a_fast_host_with_a_past_only_validator": (
        healthy(tracking=tracking(offset_s=20.0, reference_time_s=NOW - 20.0)),
        ClockPolicy(max_error_s=60.0, warn_error_s=60.0), "totp.at_risk",
    ),
    "8-smearing_servers_mixed": (healthy(config=(finding("config.smear_mixed"),)), POLICY, "config.smear_mixed"),
    "9-authselectmode_require_never_synchronises": (
        healthy(tracking=NEVER_SYNCHRONISED, sources=(SOURCE._replace(state="unusable"),)), POLICY,
        "clock.unsynchronised",
    ),
    "9-cmdport_0_hides_the_daemon": (
        healthy(reachable=False, tracking=None, sources=None), POLICY, "chrony.unreachable_daemon",
    ),
    "9-distribution_default_source_beside_managed_ones": (
        healthy(), ClockPolicy(authorised_sources=("ntp3.example.net", "ntp2.example.net")), "source.unauthorised",
    ),
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_no_trap_looks_compliant(trap: str) -> None:
    measurement, policy, code = TRAPS[trap]
    verdict = judge(measurement, policy)
    assert verdict.verdict != "compliant"
    assert code in verdict.reasons


def test_the_sign_decides_in_trap_7() -> None:
    policy = ClockPolicy(max_error_s=60.0, warn_error_s=60.0)
    slow = healthy(tracking=tracking(offset_s=-20.0, reference_time_s=NOW + 20.0 - 12.0), witnesses=())
    assert judge(slow, policy).verdict == "compliant"


def test_staleness_alone_moves_the_bound_in_trap_6() -> None:
    day = tracking(reference_time_s=NOW - 86400.0)
    lax = ClockPolicy(max_reference_age_s=1e6, max_drift_ppm=1.0)
    assert judge(healthy(tracking=day), lax).verdict == "compliant"


@pytest.mark.parametrize("version", ["4.0", "4.3"])
def test_a_step_that_was_refused_leaves_the_clock_off_though_tracking_says_zero(version: str) -> None:
    # Captured after a makestep that chronyd -x refused: tracking shows no offset, the sample still shows 300 s.
    folder = CAPTURES / version / "makestep_refused"
    report = parse_tracking((folder / "tracking.csv").read_text(encoding="utf-8"))
    sources = parse_sources((folder / "sources.csv").read_text(encoding="utf-8"))
    assert report.offset_s == 0.0
    measured = healthy(tracking=report, sources=sources, taken_at_s=report.reference_time_s + 1.0, witnesses=())
    verdict = judge(measured, POLICY)
    assert {"clock.offset_exceeded", "clock.sample_disagrees", "totp.at_risk"} <= set(verdict.reasons)
    best = best_offset(measured, POLICY)
    assert best is not None
    assert best.offset_s == pytest.approx(-300.0, abs=0.01)


def test_the_servers_of_a_pool_are_named_once_with_their_number() -> None:
    def told(*names: str) -> str:
        sources = tuple(SOURCE._replace(name=name, configured_name=None, reach=0) for name in names)
        verdict = judge(healthy(sources=sources), POLICY)
        return verdict.messages[verdict.reasons.index("source.none_usable")]

    pool = ["pool.example.org"] * 7
    assert "(pool.example.org: no fresh sample (7 times), ntp1: no fresh sample)" in told(*pool, "ntp1")
    many = told(*pool, *[f"ntp{number}" for number in range(1, 8)])
    assert "ntp4: no fresh sample and 3 more)" in many
