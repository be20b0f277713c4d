"""Each cause comes first on the facts that make it, with its evidence; unknown parts cost confidence, never hide."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    CODES,
    Facts,
    HealthEvent,
    HostReference,
    Known,
    MetricSeries,
    Unknown,
    to_dict,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, PolicyRef

from tests.rigs.diagnosis import (
    ACCOUNT,
    ALICE,
    ALLOW_ALL,
    BAD_CODE,
    BAD_SERIAL,
    DEAD_ALLOW,
    DENY_WITHOUT_MFA,
    DEVICE,
    EXPLICIT,
    FIDO,
    NOW,
    OLD,
    ROLE,
    SERIAL,
    TRUST_WITH_MFA,
    ask,
    bad_code,
    bad_serial,
    codes,
    denied,
    device_event,
    given,
    host,
    inline,
    policy,
    record,
    taken,
    trust,
    written,
)

WITH_DENY = (inline(ALLOW_ALL, DENY_WITHOUT_MFA),)
PUT = {"userName": "alice", "policyName": "mfa", "policyDocument": json.dumps(policy(DENY_WITHOUT_MFA))}
SESSION = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/alice"}
NOBODYS = DEVICE._replace(user=None)
BOB = Device(OLD, "virtual", "bob", "2024-01-01T00:00:00Z")
KEY = Device(FIDO, "fido", "alice")
GONE = {"devices": (), "inventory": ()}


def many() -> list[dict[str, Any]]:
    return [bad_code(100 * i, f"user{i}", sourceIPAddress=f"192.0.2.{i}") for i in range(1, 6)]


CASES = {
    "clock_drift": given(bad_code(600), bad_code(300), host=host(-90)),
    "stale_serial": given(device_event("DeactivateMFADevice", 3600, OLD), bad_serial(600)),
    "wrong_serial": given(bad_serial(600, SERIAL.replace("alice", "Alice"))),
    "device_deleted": given(
        device_event("DeactivateMFADevice", 3600), device_event("DeleteVirtualMFADevice", 3590), bad_serial(60, SERIAL),
        **GONE,
    ),
    "never_enabled": given(bad_serial(600, SERIAL), **GONE),
    "fido_for_cli": given(bad_serial(600, FIDO), devices=(KEY,), inventory=()),
    "mfa_required_without_device": given(denied(600), policies=WITH_DENY, **GONE),
    "condition_never_holds": given(denied(600), trust=trust(DEAD_ALLOW)),
    "recent_policy_change": given(
        record("PutUserPolicy", 3600, "admin", requestParameters=PUT), denied(600), policies=WITH_DENY
    ),
    "replayed_code": given(taken(595), bad_code(590), taken(295), bad_code(285)),
    "late_code": given(device_event("ResyncMFADevice", 900), bad_code(600), bad_code(300), host=host(0.001)),
    "role_session_without_mfa": given({**denied(600), "userIdentity": SESSION}, trust=trust(TRUST_WITH_MFA)),
    "service_wide": given(*many(), bad_code(50)),
    "no_correlation": given(),
    "wrong_device": given(
        device_event("DeleteVirtualMFADevice", 900), device_event("CreateVirtualMFADevice", 890),
        device_event("EnableMFADevice", 880), bad_code(600),
    ),
    "mfa_not_presented": given(denied(600), policies=WITH_DENY),
    "needs_mfa_session": given(record("DeactivateMFADevice", 600, error=("AccessDenied", "x is not authorized"))),
    "wrong_password": given(
        record(
            "ConsoleLogin", 600, errorMessage="Failed authentication", responseElements={"ConsoleLogin": "Failure"},
            additionalEventData={"MFAUsed": "No"},
        )
    ),
    "no_permission": given(denied(600, "x is not authorized to perform: sts:AssumeRole"), policies=()),
    "no_such_user": given(user=Known(None), devices=Unknown("no such user")),
    "invalid_credentials": given(record("GetSessionToken", 600, error=("InvalidClientTokenId", "The security token"))),
    "busy": given(record("EnableMFADevice", 600, error=("EntityTemporarilyUnmodifiable", "x"))),
    "malformed_request": given(record("AssumeRole", 600, error=("ValidationError", "1 validation error detected"))),
}  # fmt: skip


def test_every_cause_has_a_case() -> None:
    assert set(CASES) == set(CODES)


@pytest.mark.parametrize("code", CASES)
def test_a_cause_comes_first_on_its_own_facts(code: str) -> None:
    found = ask(CASES[code])
    assert codes(found)[0] == code
    first = found.causes[0]
    assert first.evidence
    assert first.confirm
    assert first.next
    assert found.correlated == (code != "no_correlation")


# What was said to be the cause, by what record: dropped, the cause has to be gone or to come later.
@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("clock_drift", "clock", "90.0 s slow (-3 steps"),
        ("clock_drift", "clock", "strict 0%, rfc6238 0%, window1 0%"),
        ("stale_serial", "lifecycle", "DeactivateMFADevice of " + OLD),
        ("stale_serial", "device", SERIAL),
        ("wrong_serial", "device", "(case)"),
        ("device_deleted", "lifecycle", "DeleteVirtualMFADevice"),
        ("mfa_required_without_device", "statement", "#DenyWithoutMFA"),
        ("condition_never_holds", "statement", f"trust of {ROLE}#Dead"),
        ("recent_policy_change", "policy_change", "by admin: the inline policy mfa of the user alice. It asks for MFA"),
        ("recent_policy_change", "pattern", "50 minutes after the change"),
        ("replayed_code", "success", "same 30 seconds"),
        ("late_code", "lifecycle", "ResyncMFADevice"),
        ("role_session_without_mfa", "statement", "#WithMFA"),
        ("service_wide", "pattern", "6 users were refused within an hour, from 5 addresses"),
        ("wrong_device", "lifecycle", "CreateVirtualMFADevice"),
        ("no_correlation", "absence", "no such metric by itself"),
    ],
)
def test_evidence_names_what_it_rests_on(code: str, kind: str, text: str) -> None:
    evidence = ask(CASES[code]).causes[0].evidence
    assert [one for one in evidence if one.kind == kind and text in one.text]


@pytest.mark.parametrize("code", sorted(set(CASES) - {"no_correlation", "no_such_user"}))
def test_evidence_carries_ids_and_times_of_the_records(code: str) -> None:
    facts = CASES[code]
    assert isinstance(facts.records, Known)
    known = {one["eventID"]: one["eventTime"] for one in facts.records.value}
    evidence = [one for one in ask(facts).causes[0].evidence if one.event_id]
    assert evidence
    assert all(known[one.event_id] == one.time for one in evidence)


# --- look-alikes -----------------------------------------------------------------------------------------------------

SERIAL_CAUSES = {"wrong_serial", "stale_serial", "device_deleted", "never_enabled"}
CODE_CAUSES = {"clock_drift", "replayed_code", "late_code", "wrong_device"}


def cli(message: str, operation: str = "AssumeRole") -> str:
    return f"An error occurred (AccessDenied) when calling the {operation} operation: {message}"


@pytest.mark.parametrize("frame", ["{}", "An error occurred (AccessDenied) when calling the AssumeRole operation: {}"])
@pytest.mark.parametrize(
    "facts", [Facts(), given(), given(devices=(), inventory=())], ids=["none", "fine", "no device"]
)
def test_the_two_look_alikes_never_name_each_others_causes(frame: str, facts: Facts) -> None:
    bad = set(codes(ask(facts, error_text=frame.format(BAD_CODE))))
    unknown = set(codes(ask(facts, error_text=frame.format(BAD_SERIAL))))
    assert "clock_drift" in bad
    assert not bad & {"wrong_serial", "stale_serial", "device_deleted"}
    assert unknown & SERIAL_CAUSES
    assert not unknown & CODE_CAUSES


def test_what_was_pasted_is_told_as_a_sentence_that_ends_once() -> None:
    (told,) = [one for one in ask(Facts(), error_text=cli(BAD_CODE)).looked_at if one.startswith("Error text")]
    assert told.endswith("one time pass code.")
    assert not told.endswith("..")


def test_records_of_the_two_look_alikes_are_kept_apart_as_well() -> None:
    assert not set(codes(ask(given(bad_code(600))))) & SERIAL_CAUSES
    assert not set(codes(ask(given(bad_serial(600))))) & CODE_CAUSES


# --- the clock -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-3600.0, -90.0, -31.0, -16.0, 5.0, 12.0, 45.0, 86400.0])
@pytest.mark.parametrize("more", [[], [taken(595)], [device_event("ResyncMFADevice", 900)]], ids=["", "replay", "late"])
def test_a_clock_known_to_be_wrong_comes_first_with_its_probability(offset: float, more: list[dict[str, Any]]) -> None:
    first = ask(given(*more, bad_code(590), bad_code(200), host=host(offset))).causes[0]
    assert first.code == "clock_drift"
    assert first.confidence == "high"
    assert [one for one in first.evidence if "with a probability of: strict" in one.text]
    assert "softtoken_mode=enforce" in first.next[0].text
    assert "laptop" in first.next[0].text


def test_a_clock_known_to_be_right_lowers_it_and_points_at_the_device() -> None:
    unknown, good = (ask(given(bad_code(600), bad_code(300), host=one)) for one in (Unknown("not asked"), host(0.01)))
    assert good.causes[0].score < unknown.causes[0].score
    assert codes(good)[:2] == ["clock_drift", "wrong_device"]
    assert "device's own clock" in good.causes[0].title
    assert "mfa_resync" in good.causes[0].next[0].text
    assert [one for one in good.causes[0].evidence if one.against and "laptop is right" in one.text]


@pytest.mark.parametrize(
    "measured",
    [host(None, "unknown"), host(0.01, "unknown"), host(0.5, "noncompliant", bound_s=60.0), Unknown("no such host")],
    ids=["no offset", "unknown", "wide", "none"],
)
def test_a_clock_that_was_not_measured_is_neither_right_nor_wrong(measured: Any) -> None:
    found = ask(given(bad_code(600), host=measured))
    assert found.causes[0].confidence == "medium"
    assert [gap for gap in found.gaps if gap.part == "host"]
    assert not [one for one in found.causes[0].evidence if one.against]


def test_an_old_measurement_weighs_less() -> None:
    measured = host(-90)
    old = Known(measured.value._replace(measured_at=written(NOW - 3 * 86400)))
    scores = [ask(given(bad_code(600), host=one)).causes[0].score for one in (measured, old)]
    assert scores[1] < scores[0]
    right = host(0.01)
    aged = Known(right.value._replace(measured_at=written(NOW - 3 * 86400)))
    assert [gap for gap in ask(given(bad_code(600), host=aged)).gaps if gap.part == "host"]


def test_a_signature_that_is_refused_is_the_hosts_clock() -> None:
    text = cli("Signature expired: 20261122T101500Z is now earlier than 20261122T111500Z", "GetCallerIdentity")
    found = ask(Facts(), error_text=text.replace("AccessDenied", "SignatureDoesNotMatch"))
    assert codes(found)[0] == "clock_drift"
    assert found.causes[0].confidence == "high"


# --- codes -----------------------------------------------------------------------------------------------------------


def test_a_code_of_the_next_step_is_no_replay() -> None:
    assert "replayed_code" not in codes(ask(given(taken(599), bad_code(569))))
    assert "replayed_code" in codes(ask(given(taken(599), bad_code(575))))


def test_a_code_of_another_device_is_no_replay() -> None:
    assert "replayed_code" not in codes(ask(given(taken(595, OLD), bad_code(590))))


def test_another_users_success_is_no_replay() -> None:
    assert "replayed_code" not in codes(ask(given(taken(595, user="bob"), bad_code(590))))


def test_a_resynchronisation_after_which_codes_were_taken_was_not_late() -> None:
    found = ask(given(device_event("ResyncMFADevice", 900), taken(800), bad_code(600), bad_code(300)))
    assert "resynchronised with codes" not in " ".join(cause.title for cause in found.causes)


def test_codes_in_turn_with_a_right_clock_are_late_ones() -> None:
    found = ask(given(taken(1200), bad_code(600), taken(560), bad_code(300), taken(200), host=host(0.01)))
    assert codes(found)[0] == "late_code"
    assert found.pattern == "intermittent"


# --- serials ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "code", "says"),
    [
        (given(bad_serial(600), inventory=(DEVICE, BOB)), "wrong_serial", "a device of the user bob"),
        (given(bad_serial(600, ALICE)), "wrong_serial", "mfa/ in the place of user/"),
        (given(bad_serial(600, SERIAL.replace(ACCOUNT, "210987654321"))), "wrong_serial", "account 210987654321"),
        (given(bad_serial(600, SERIAL.replace("alice", "alcie"))), "wrong_serial", "(spelling)"),
        (given(bad_serial(600), devices=(KEY, DEVICE)), "stale_serial", "(renamed)"),
        (given(taken(7200, OLD), bad_serial(600)), "stale_serial", "was taken then"),
        (given(device_event("DeactivateMFADevice", 60), bad_serial(30, SERIAL), devices=(), inventory=(NOBODYS,)),
         "device_deleted", "DeactivateMFADevice of"),
        (given(device_event("CreateVirtualMFADevice", 60), bad_serial(30, SERIAL), devices=(),
               inventory=(NOBODYS._replace(enabled_at=None),)), "never_enabled", "assigned to nobody"),
        (given(bad_serial(30, SERIAL), devices=(), inventory=(NOBODYS,)), "device_deleted", "assigned to nobody"),
        (given(bad_serial(600, "")), "wrong_serial", "Nothing says which serial"),
        (given(bad_serial(600, ""), devices=(KEY,)), "fido_for_cli", "gives no codes"),
        (given(bad_serial(600, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")), "wrong_serial", "is not shown"),
        (given(bad_serial(600, SERIAL)), "wrong_serial", "another user's credentials"),
    ],
)  # fmt: skip
def test_which_serial_it_was_decides(facts: Facts, code: str, says: str) -> None:
    found = ask(facts)
    assert codes(found)[0] == code
    assert [one for one in found.causes[0].evidence if says in one.text]
    assert "JBSWY3DP" not in json.dumps(to_dict(found))


def test_a_deleted_device_that_was_replaced_is_stale_before_it_is_deleted() -> None:
    found = ask(CASES["stale_serial"])
    assert codes(found) == ["stale_serial", "device_deleted"]
    assert f"mfa_serial {SERIAL}" in found.causes[0].next[1].text


def test_the_hosts_configuration_that_names_the_serial_is_evidence() -> None:
    clock = host(0.01, serials=(HostReference(OLD, "/home/alice/.aws/config", "prod"),))
    first = ask(given(taken(7200, OLD), bad_serial(600), host=clock)).causes[0]
    assert [one for one in first.evidence if one.kind == "reference" and "profile prod" in one.text]
    assert "--profile prod" in first.next[1].text


def test_a_device_deleted_by_somebody_names_who_and_when() -> None:
    first = ask(CASES["device_deleted"]).causes[0]
    removed = [one for one in first.evidence if one.kind == "lifecycle"]
    assert [one.time for one in removed] == [written(NOW - 3600), written(NOW - 3590)]
    assert all("by admin" in one.text for one in removed)


def test_a_fido_key_beside_a_device_for_codes_is_told_that_device() -> None:
    first = ask(given(bad_serial(600, FIDO), devices=(KEY, DEVICE))).causes[0]
    assert first.code == "fido_for_cli"
    assert SERIAL in first.next[0].text


# --- policies --------------------------------------------------------------------------------------------------------


def test_the_seeds_unmeetable_condition_is_found_without_a_failure_too() -> None:
    found = ask(given(trust=trust(DEAD_ALLOW)), role_arn=ROLE)
    assert codes(found)[0] == "condition_never_holds"


def test_a_corrected_condition_is_none() -> None:
    assert "condition_never_holds" not in codes(ask(given(denied(600), trust=trust(TRUST_WITH_MFA)), role_arn=ROLE))


def test_a_dead_statement_that_the_request_does_not_turn_on_weighs_little() -> None:
    elsewhere = inline(ALLOW_ALL, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
                                   "Condition": {"ArnLike": {"aws:MultiFactorAuthAge": OLD}}})  # fmt: skip
    found = {one.code: one.score for one in ask(given(denied(600), policies=(elsewhere,))).causes}
    assert found["condition_never_holds"] < 0.6


MANAGED = "arn:aws:iam::123456789012:policy/p"
DENY_TEXT = json.dumps(policy(DENY_WITHOUT_MFA))
TRUST_TEXT = json.dumps(policy(TRUST_WITH_MFA))


def carried(kind: str, resource: str) -> tuple[PolicyRef, ...]:
    return (inline(ALLOW_ALL), PolicyRef(kind, resource, policy(DENY_WITHOUT_MFA)))


@pytest.mark.parametrize(
    ("name", "parameters", "facts"),
    [
        (
            "AttachUserPolicy", {"userName": "alice", "policyArn": MANAGED},
            {"policies": carried(f"managed:{MANAGED}@v1", MANAGED)},
        ),
        (
            "CreatePolicyVersion", {"policyArn": MANAGED, "setAsDefault": True, "policyDocument": DENY_TEXT},
            {"policies": carried(f"managed:{MANAGED}@v2", MANAGED)},
        ),
        (
            "SetDefaultPolicyVersion", {"policyArn": MANAGED, "versionId": "v2"},
            {"policies": carried(f"managed:{MANAGED}@v2", MANAGED)},
        ),
        (
            "PutGroupPolicy", {"groupName": "people", "policyName": "g", "policyDocument": DENY_TEXT},
            {"policies": carried("inline:g", "arn:aws:iam::123456789012:group/people")},
        ),
        (
            "AddUserToGroup", {"groupName": "people", "userName": "alice"},
            {"policies": carried("inline:g", "arn:aws:iam::123456789012:group/people")},
        ),
        (
            "UpdateAssumeRolePolicy", {"roleName": "admin", "policyDocument": TRUST_TEXT},
            {"trust": trust(TRUST_WITH_MFA)},
        ),
        (
            "UpdatePolicy", {"policyId": "p-1", "content": DENY_TEXT},
            {"scps": (PolicyRef("scp:p-1", "p-1", policy(ALLOW_ALL, DENY_WITHOUT_MFA)),)},
        ),
    ],
)  # fmt: skip
def test_a_change_counts_wherever_it_touches_the_user(
    name: str, parameters: dict[str, Any], facts: dict[str, Any]
) -> None:
    change = record(name, 3600, "admin", requestParameters=parameters)
    found = ask(given(change, denied(600), **facts))
    assert codes(found)[0] == "recent_policy_change"
    assert change["eventID"] in {one.event_id for one in found.causes[0].evidence}


@pytest.mark.parametrize(
    "change",
    [
        record("PutUserPolicy", 3600, "admin", requestParameters={**PUT, "userName": "bob"}),
        record("PutUserPolicy", 3600, "admin", requestParameters=PUT, error=("AccessDenied", "x")),
        record("PutUserPolicy", 30 * 3600, "admin", requestParameters=PUT),
        record("PutUserPolicy", 300, "admin", requestParameters=PUT),
    ],
    ids=["another user's", "refused", "too old", "after it"],
)
def test_a_change_that_does_not_explain_is_none(change: dict[str, Any]) -> None:
    assert "recent_policy_change" not in codes(ask(given(change, denied(600), policies=WITH_DENY)))


def test_a_change_of_the_day_before_is_found_in_48_hours() -> None:
    change = record("PutUserPolicy", 30 * 3600, "admin", requestParameters=PUT)
    facts = given(change, denied(29 * 3600), policies=WITH_DENY)
    first = ask(facts)
    assert codes(first)[0] == "no_correlation"
    assert first.widen
    wide = ask(facts, window_h=48)
    assert codes(wide)[0] == "recent_policy_change"
    assert not wide.widen


def test_a_policy_refuses_no_code() -> None:
    change = record("PutUserPolicy", 3600, "admin", requestParameters=PUT)
    found = {one.code: one.score for one in ask(given(change, bad_code(600), policies=WITH_DENY)).causes}
    assert found["clock_drift"] > found["recent_policy_change"]


def test_a_user_with_mfa_is_not_told_to_present_it() -> None:
    session = {"attributes": {"mfaAuthenticated": "true"}}
    identity = {"type": "IAMUser", "userName": "alice", "arn": ALICE, "sessionContext": session}
    assert "mfa_not_presented" not in codes(ask(given({**denied(600), "userIdentity": identity}, policies=WITH_DENY)))


# --- many users, AWS itself ------------------------------------------------------------------------------------------


def test_two_users_are_not_many_and_three_days_are_not_at_once() -> None:
    two = given(bad_code(100, "bob"), bad_code(50))
    assert ask(two).scope == "one_user"
    assert "service_wide" not in codes(ask(two))
    spread = given(*[bad_code(5 * 3600 * i, f"user{i}") for i in range(1, 4)], bad_code(50))
    assert "service_wide" not in codes(ask(spread))


def test_many_users_behind_one_address_are_less_than_many_elsewhere() -> None:
    one = given(*[bad_code(100 * i, f"user{i}") for i in range(1, 6)], bad_code(50))
    assert ask(one).causes[0].score < ask(CASES["service_wide"]).causes[0].score
    assert ask(one).scope == "many_users"


def at_the_same_time(count: int) -> list[dict[str, Any]]:
    return [taken(10 * i, f"arn:aws:iam::{ACCOUNT}:mfa/good{i}", f"good{i}") for i in range(1, count + 1)]


def test_many_are_a_fifth_of_those_who_used_a_code_in_that_hour() -> None:
    # Six users are refused. With 24 others whose codes are taken they are a fifth of 30, with 25 they are not.
    some = ask(given(*many(), bad_code(50), *at_the_same_time(24)))
    assert codes(some)[0] == "service_wide"
    assert "In that hour codes of 24 users were taken" in " ".join(one.text for one in some.causes[0].evidence)
    few = ask(given(*many(), bad_code(50), *at_the_same_time(25)))
    assert "service_wide" not in codes(few)
    assert (some.scope, few.scope) == ("many_users", "one_user")
    # Who signed in without a code says nothing of codes, nor does who signed in at another hour.
    bare = [record("ConsoleLogin", 10 * i, f"bare{i}") for i in range(1, 30)]
    assert "service_wide" in codes(ask(given(*many(), bad_code(50), *bare)))
    before = [taken(6 * 3600 + i, f"arn:aws:iam::{ACCOUNT}:mfa/good{i}", f"good{i}") for i in range(1, 30)]
    assert "service_wide" in codes(ask(given(*many(), bad_code(50), *before)))


def test_a_user_whose_next_code_is_taken_counts_once() -> None:
    again = [taken(100 * i - 40, f"arn:aws:iam::{ACCOUNT}:mfa/user{i}", f"user{i}") for i in range(1, 6)]
    assert "service_wide" in codes(ask(given(*many(), bad_code(50), *again, *at_the_same_time(24))))


def test_a_metric_of_refused_sign_ins_is_evidence_of_a_fault_of_many_and_no_cause_by_itself() -> None:
    sums = ((written(NOW - 30 * 3600), 9.0), (written(NOW - 7200), 2.0), (written(NOW - 600), 40.0))
    metrics = (MetricSeries("refused", "Trail", "Refused", 300, sums), MetricSeries("still", "Trail", "Still", 300))
    found = ask(given(*many(), bad_code(50), metrics=metrics))
    [shown] = [one for one in found.causes[0].evidence if one.kind == "metric"]
    assert found.causes[0].code == "service_wide"
    assert "Trail/Refused counted 42 refused sign-ins of everybody in the last 24 hours, 40 of them" in shown.text
    assert (shown.time, shown.source) == (written(NOW - 600), "cloudwatch")
    assert "service_wide" not in codes(ask(given(bad_code(50), metrics=metrics)))


def test_an_open_event_of_aws_raises_it() -> None:
    event = HealthEvent("arn:aws:health:global::event/IAM/x", "IAM", "AWS_IAM_OPERATIONAL_ISSUE", "global", "now")
    quiet = given(health=(event,))
    assert "service_wide" not in codes(ask(quiet))
    found = ask(given(*many(), bad_code(50), health=(event,)))
    assert found.causes[0].score > ask(CASES["service_wide"]).causes[0].score


# --- mixed cases -----------------------------------------------------------------------------------------------------


def test_a_deleted_device_outranks_a_policy_that_changed_as_well() -> None:
    facts = given(
        record("PutUserPolicy", 7200, "admin", requestParameters=PUT), device_event("DeactivateMFADevice", 3600),
        denied(600), bad_serial(300, SERIAL), policies=WITH_DENY, **GONE,
    )  # fmt: skip
    assert codes(ask(facts))[:3] == ["device_deleted", "mfa_required_without_device", "recent_policy_change"]


def test_a_drifted_token_and_a_stale_profile_are_both_named() -> None:
    found = ask(given(bad_code(900), device_event("DeactivateMFADevice", 3600, OLD), bad_serial(300), host=host(-90)))
    assert set(codes(found)[:2]) == {"clock_drift", "stale_serial"}
    assert all(cause.confidence == "high" for cause in found.causes[:2])


# --- what is not known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(set(CASES) - {"no_correlation", "clock_drift", "no_such_user"}))
def test_nothing_known_but_the_records_is_never_more_certain(code: str) -> None:
    full = ask(CASES[code]).causes[0]
    bare = {one.code: one.score for one in ask(Facts(records=CASES[code].records)).causes}
    assert bare.get(code, 0.0) <= full.score


def test_no_collected_part_is_an_all_clear() -> None:
    found = ask(Facts())
    assert codes(found) == ["no_correlation"]
    assert "does not mean that all is well" in found.causes[0].title
    assert {gap.part for gap in found.gaps} == set(Facts._fields) - {"record_gaps", "metric_gaps", "trust"}
    assert (found.pattern, found.scope) == ("unknown", "unknown")


def test_a_refused_call_is_a_gap_with_its_error() -> None:
    refused = Unknown("the call was refused", "iam:ListMFADevices", "AccessDenied")
    found = ask(given(bad_serial(600), devices=refused)._replace(record_gaps=(Unknown("1 page only"),)))
    gaps = {gap.part: gap for gap in found.gaps}
    assert (gaps["devices"].api, gaps["devices"].error) == ("iam:ListMFADevices", "AccessDenied")
    assert gaps["records"].reason == "1 page only"
    assert found.causes[0].confidence == "medium"


def test_a_policy_that_cannot_be_read_is_a_gap() -> None:
    found = ask(given(denied(600), policies=(PolicyRef("inline:broken", ALICE, "{"),)))
    assert [gap for gap in found.gaps if gap.part == "policies" and "inline:broken" in gap.reason]


def test_no_correlation_says_what_to_look_at_next_and_when_to_look_further_back() -> None:
    near, wide = ask(given()), ask(given(), window_h=48)
    assert near.widen
    assert not wide.widen
    said = " ".join(f"{one.text} {one.why}" for one in near.causes[0].next)
    for item in ("48", "battery", "mfa_diagnose", "health describe-events", "simulate-principal-policy"):
        assert item in said
    assert "48" not in " ".join(one.why for one in wide.causes[0].next)


# --- the error text alone --------------------------------------------------------------------------------------------


def test_an_error_text_alone_is_diagnosed_and_its_command_corrected() -> None:
    text = (
        cli(BAD_CODE)
        + f"\n$ aws sts assume-role --role-arn {ROLE} --role-session-name a "
        + f"--serial-number {SERIAL} --token-code 123456"
    )
    found = ask(Facts(), error_text=text, user="")
    assert codes(found)[0] == "clock_drift"
    assert found.serial == SERIAL
    assert "--token-code CODE" in found.corrected[0].text
    assert "123456" not in json.dumps(to_dict(found)).replace(ACCOUNT, "")


def test_an_explicit_deny_fills_in_who_and_what() -> None:
    found = ask(Facts(), error_text=cli(EXPLICIT), user="")
    assert found.user == "alice"
    assert codes(found)[0] == "mfa_not_presented"
    assert ROLE in found.corrected[0].text
    assert "explicit" not in found.explanation or "AWS:" in found.explanation


def test_a_text_that_is_no_error_says_so() -> None:
    found = ask(Facts(), error_text="it does not work")
    assert codes(found)[0] == "no_correlation"
    assert "Paste the whole line" in found.explanation


def test_the_result_is_plain() -> None:
    found = to_dict(ask(CASES["clock_drift"]))
    assert json.loads(json.dumps(found)) == found
    assert found["causes"][0]["confidence"] == "high"
    assert found["widen"] is False


# --- what outweighs what ---------------------------------------------------------------------------------------------


def test_a_clock_that_is_a_little_wrong_comes_before_a_replay_too() -> None:
    found = ask(given(taken(595), bad_code(590), host=host(5)))
    assert codes(found)[:2] == ["clock_drift", "replayed_code"]


def test_a_device_made_anew_of_which_a_code_was_taken_is_the_right_one() -> None:
    made = [device_event("DeleteVirtualMFADevice", 900), device_event("CreateVirtualMFADevice", 890)]
    assert "wrong_device" in codes(ask(given(*made, bad_code(600))))
    assert "wrong_device" not in codes(ask(given(*made, taken(700), bad_code(600))))


def test_a_change_after_the_first_refusal_weighs_less() -> None:
    change = record("PutUserPolicy", 3600, "admin", requestParameters=PUT)
    scores = [
        {one.code: one.score for one in ask(given(change, *more, denied(600), policies=WITH_DENY)).causes}
        for more in ([], [denied(7200)])
    ]
    assert scores[1]["recent_policy_change"] < scores[0]["recent_policy_change"]


def test_each_unknown_part_that_a_cause_rests_on_costs_confidence() -> None:
    facts = given(device_event("DeactivateMFADevice", 3600, OLD), bad_serial(600))
    known = ask(facts).causes[0]
    half = ask(facts._replace(record_gaps=(Unknown("1 page only"),))).causes[0]
    assert known.code == half.code == "stale_serial"
    assert half.score < known.score
    blind = [ask(given(bad_serial(600, ""), devices=one)).causes[0].score for one in ((DEVICE,), Unknown("x"))]
    assert blind[1] < blind[0]


def test_a_clock_measured_without_a_result_is_as_unknown_as_none() -> None:
    scores = {ask(given(bad_code(600), host=one)).causes[0].score for one in (host(None, "unknown"), Unknown("x"))}
    assert len(scores) == 1
