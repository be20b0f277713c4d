"""Cases as they come in practice: several devices, several refusals, other accounts, other people's noise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    Diagnosis,
    Facts,
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
    DENY_WITHOUT_MFA,
    DEVICE,
    FIDO,
    NOW,
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
    record,
    taken,
    trust,
    written,
)

SPARE = Device(f"{SERIAL}-2", "virtual", "alice", "2025-01-01T00:00:00Z")
HARDWARE = Device("GAHT12345678", "hardware", "alice", "2025-06-01T00:00:00Z")
KEY = Device(FIDO, "fido", "alice", "2025-07-01T00:00:00Z")
MAY_ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
NO_TRUST = Unknown("no role was named")
ELSEWHERE = "999999999999"
FOREIGN_ROLE = f"arn:aws:iam::{ELSEWHERE}:role/admin"
NOT_ALLOWED = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"


def console(ago_s: float, serial: str) -> dict[str, Any]:
    return record(
        "ConsoleLogin", ago_s, additionalEventData={"MFAUsed": "Yes", "MFAIdentifier": serial},
        responseElements={"ConsoleLogin": "Success"},
    )  # fmt: skip


def other_account(made: dict[str, Any]) -> dict[str, Any]:
    arn = made["userIdentity"]["arn"].replace(ACCOUNT, ELSEWHERE)
    identity = {**made["userIdentity"], "arn": arn, "accountId": ELSEWHERE}
    return {**made, "userIdentity": identity, "recipientAccountId": ELSEWHERE}


def steps(found: Diagnosis) -> str:
    return "\n".join(step.text for cause in found.causes for step in cause.next)


# --- several devices -------------------------------------------------------------------------------------------------


def test_the_device_whose_code_was_refused_is_the_one_to_resynchronise() -> None:
    found = ask(given(bad_code(600), bad_code(300), devices=(DEVICE, SPARE, HARDWARE)))
    assert f"softtoken_serial={SERIAL}\n" in steps(found) + "\n"
    assert SPARE.serial not in steps(found)
    assert HARDWARE.serial not in steps(found)


@pytest.mark.parametrize(
    ("between", "devices"),
    [(console(600, FIDO), (DEVICE, KEY)), (taken(600, SPARE.serial), (DEVICE, SPARE))],
    ids=["a FIDO key in the browser", "a code of another device"],
)
def test_what_works_with_another_device_makes_no_failure_intermittent(
    between: dict[str, Any], devices: tuple[Device, ...]
) -> None:
    found = ask(given(bad_code(900), between, bad_code(300), devices=devices, host=host(0.001)))
    assert found.pattern == "constant"
    assert "late_code" not in codes(found)


def test_a_fido_key_used_in_the_same_half_minute_is_no_replay() -> None:
    assert "replayed_code" not in codes(ask(given(console(595, FIDO), bad_code(590, serial=""), devices=(DEVICE, KEY))))


def test_what_is_taken_again_is_said_to_be() -> None:
    found = ask(given(bad_code(900), bad_code(800), taken(60)))
    assert found.pattern == "ended"
    assert [one.kind for one in found.causes[0].evidence].count("success") == 1


def test_a_device_made_anew_long_ago_is_not_surely_the_wrong_one() -> None:
    ages = {}
    for days in (0.1, 60.0):
        made = [
            device_event("DeleteVirtualMFADevice", days * 86400),
            device_event("CreateVirtualMFADevice", days * 86400 - 10),
        ]
        ages[days] = next(one for one in ask(given(*made, bad_code(600))).causes if one.code == "wrong_device")
    assert ages[0.1].confidence == "high"
    assert ages[60.0].confidence == "medium"


def test_a_resynchronisation_of_months_ago_was_not_the_late_one() -> None:
    found = ask(given(device_event("ResyncMFADevice", 60 * 86400), bad_code(600), bad_code(300)))
    assert "late_code" not in codes(found)


# --- several refusals ------------------------------------------------------------------------------------------------


def test_a_refusal_that_is_no_matter_of_mfa_does_not_hide_the_one_that_is() -> None:
    message = f"User: {ALICE} is not authorized to perform: cloudformation:DescribeStacks"
    noise = record("DescribeStacks", 300, error=("AccessDenied", message), eventSource="cloudformation.amazonaws.com")
    found = ask(given(denied(600), noise, policies=(inline(MAY_ASSUME),), trust=trust(TRUST_WITH_MFA)), role_arn=ROLE)
    assert codes(found)[:2] == ["mfa_not_presented", "no_permission"]
    by_code = {cause.code: cause for cause in found.causes}
    ids = {code: {one.event_id for one in by_code[code].evidence if one.event_id} for code in by_code}
    assert ids["no_permission"] == {noise["eventID"]}
    assert noise["eventID"] not in ids["mfa_not_presented"]


@pytest.mark.parametrize("role", [ROLE, FOREIGN_ROLE])
def test_where_only_the_roles_trust_is_not_known_it_is_not_said_that_nothing_allows(role: str) -> None:
    refused = record(
        "AssumeRole", 600, error=("AccessDenied", NOT_ALLOWED.replace(ROLE, role)), requestParameters={"roleArn": role}
    )
    found = ask(given(refused, policies=(inline(MAY_ASSUME),), trust=NO_TRUST), role_arn=role)
    assert codes(found)[0] == "mfa_not_presented"
    assert found.causes[0].confidence == "medium"
    assert f"--role-arn {role}" in found.causes[0].next[0].text
    assert "No policy allows" not in " ".join(cause.title for cause in found.causes)
    assert "trust" in {gap.part for gap in found.gaps}


def test_what_the_policies_allow_by_now_is_not_called_missing() -> None:
    refused = record("ListUsers", 600, error=("AccessDenied", "x is not authorized to perform: iam:ListUsers"))
    found = {cause.code: cause for cause in ask(given(refused)).causes}
    assert found["no_permission"].confidence == "low"
    assert "No policy allows" not in found["no_permission"].title


# --- other users, other accounts -------------------------------------------------------------------------------------


def others() -> list[dict[str, Any]]:
    return [bad_code(100 * i, f"user{i}", sourceIPAddress=f"192.0.2.{i}") for i in range(1, 5)]


def test_other_peoples_typing_errors_explain_nothing_of_a_user_without_any() -> None:
    found = ask(given(*others()))
    assert codes(found)[0] == "no_correlation"
    deleted = ask(
        given(*others(), device_event("DeactivateMFADevice", 3600), bad_serial(60, SERIAL), devices=(), inventory=())
    )
    assert codes(deleted)[0] == "device_deleted"
    assert all(cause.confidence == "low" for cause in deleted.causes if cause.code == "service_wide")


def test_a_user_of_that_name_in_another_account_is_another_user() -> None:
    records = [
        bad_code(600), device_event("DeactivateMFADevice", 900),
        record("PutUserPolicy", 900, "admin", requestParameters={"userName": "alice", "policyName": "mfa"}),
    ]  # fmt: skip
    found = ask(given(*map(other_account, records), policies=(inline(DENY_WITHOUT_MFA),)))
    assert found.failures == 0
    assert codes(found)[0] == "no_correlation"
    assert found.users == (f"alice of {ELSEWHERE}",)
    assert ask(given(*records)).failures == 1


def test_that_it_is_one_user_alone_is_known_only_where_all_records_are() -> None:
    facts = given(bad_code(600))
    assert ask(facts).scope == "one_user"
    assert ask(facts._replace(record_gaps=(Unknown("only the newest 1000 events were read"),))).scope == "unknown"
    assert ask(given()).scope == "unknown"


def test_a_metric_is_told_for_the_window_and_the_last_hour() -> None:
    sums = tuple((written(NOW - ago), 2.0) for ago in (300, 600, 7200, 30 * 3600))
    found = ask(given(metrics=(MetricSeries("f", "Security", "Refused", 300, sums),)))
    assert [one for one in found.looked_at if "Security/Refused 6 in the last 24 hours and 4 in the last hour" in one]


def test_a_region_whose_metrics_are_not_known_is_a_gap_whatever_another_one_has() -> None:
    missing = Unknown("logs:DescribeMetricFilters failed (in eu-west-1)", "logs:DescribeMetricFilters", "AccessDenied")
    series = (MetricSeries("f", "Security", "Refused", 300, ()),)
    [gap] = [one for one in ask(given(metrics=series)._replace(metric_gaps=(missing,))).gaps if one.part == "metrics"]
    assert (gap.reason, gap.api, gap.error) == missing


# --- an organization that does not allow it --------------------------------------------------------------------------

NO_SCP = (
    f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE} because no service control policy "
    "allows the sts:AssumeRole action"
)


@pytest.mark.parametrize("parts", [{}, {"policies": Unknown("refused")}, {"policies": (inline(DENY_WITHOUT_MFA),)}])
def test_where_no_service_control_policy_allows_it_that_is_what_is_named(parts: dict[str, Any]) -> None:
    refused = record("AssumeRole", 600, error=("AccessDenied", NO_SCP), requestParameters={"roleArn": ROLE})
    for found in (ask(given(refused, **parts)), ask(given(**parts), error_text=said(NO_SCP))):
        first = found.causes[0]
        assert (first.code, first.confidence) == ("no_permission", "high")
        assert first.title == "No service control policy allows sts:AssumeRole"
        assert "explicit" not in " ".join(one.text for one in first.evidence)
        assert "organizations list-policies-for-target" in first.next[0].text
        assert f"--target-id {ACCOUNT}" in first.next[0].text
        assert not {"mfa_not_presented", "role_session_without_mfa"} & set(codes(found))


def test_the_words_alone_are_explained_by_the_service_control_policy() -> None:
    found = ask(Facts(), error_text=said(NO_SCP), user="", account_id="")
    assert "service control policy" in found.explanation.partition("(AWS:")[0]
    assert found.causes[0].title == "No service control policy allows sts:AssumeRole"


def test_an_organization_that_allows_it_with_mfa_alone_asks_for_mfa() -> None:
    allow = {**ALLOW_ALL, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    scp = PolicyRef("scp:p-1", "p-1", {"Version": "2012-10-17", "Statement": [allow]})
    refused = record("AssumeRole", 600, error=("AccessDenied", NO_SCP), requestParameters={"roleArn": ROLE})
    assert codes(ask(given(refused, scps=(scp,))))[0] == "mfa_not_presented"


# --- the command as it should be -------------------------------------------------------------------------------------

_ASSUME = f"aws sts assume-role --role-arn {ROLE} --serial-number {SERIAL}"
_RESYNC = f"aws iam resync-mfa-device --user-name alice --serial-number {SERIAL}"
_INCOMPLETE = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
_LISTED = f"User: {ALICE} is not authorized to perform: iam:ListUsers with an explicit deny in an identity-based policy"


def said(message: str, operation: str = "AssumeRole") -> str:
    return f"An error occurred (AccessDenied) when calling the {operation} operation: {message}"


@pytest.mark.parametrize(
    ("typed", "error", "expected"),
    [
        (
            f"aws sts get-session-token --serial-number {SERIAL}", said(_INCOMPLETE, "GetSessionToken"),
            [f"aws sts get-session-token --serial-number {SERIAL} --token-code CODE"],
        ),
        (
            f"aws sts assume-role --role-arn {ROLE} --role-session-name x", said(NOT_ALLOWED),
            [f"aws sts assume-role --role-arn {ROLE} --role-session-name x --serial-number SERIAL --token-code CODE"],
        ),
        (
            f"{_ASSUME} --token-code 123456",
            "aws: error: the following arguments are required: --role-session-name",
            [f"{_ASSUME} --token-code CODE --role-session-name SESSION"],
        ),
        (
            f"{_RESYNC} --authentication-code 123456 654321",
            "aws: error: Unknown options: --authentication-code, 654321",
            [f"{_RESYNC} --authentication-code1 CODE1 --authentication-code2 CODE2"],
        ),
        (
            "aws iam list-users --output json", said(_LISTED, "ListUsers"),
            ["aws sts get-session-token --serial-number SERIAL --token-code CODE", "aws iam list-users --output json"],
        ),
        (
            f"aws sts get-session-token --serial-number {SERIAL} --token-code 123456 > out.json 2>&1",
            said(BAD_CODE, "GetSessionToken"),
            [f"aws sts get-session-token --serial-number {SERIAL} --token-code CODE"],
        ),
    ],
)  # fmt: skip
def test_a_typed_command_comes_back_as_it_runs(typed: str, error: str, expected: list[str]) -> None:
    found = ask(Facts(), error_text=f"$ {typed}\n\n{error}", user="")
    assert [one.text for one in found.corrected] == expected
    if codes(found)[0] == "malformed_request":
        assert [one.text for one in found.causes[0].next] == expected


@pytest.mark.parametrize("text", ["aws " + "--a=b " * 3000, "aws " + "--a " * 5000, "aws " * 5000])
def test_a_paste_that_almost_is_a_command_is_read_to_its_end(text: str) -> None:
    # Read in more than one way, it would take longer than anybody waits.
    assert ask(Facts(), error_text=text, user="").corrected == ()


def test_nothing_of_a_record_moves_a_terminals_cursor() -> None:
    name = "\x1b[2J\x1b[31mall is well\n\u202e"
    change = record("PutUserPolicy", 3600, name, requestParameters={"userName": "alice", "policyName": name})
    failed = record("GetSessionToken", 600, error=("AccessDenied", BAD_CODE + name))
    found = to_dict(ask(given(change, failed, denied(500), bad_code(400, name))))
    texts = json.dumps(found, ensure_ascii=False)
    assert "all is well" in texts
    assert [one for one in ("\\u001b", "\\n", "\u202e") if one in texts] == []
