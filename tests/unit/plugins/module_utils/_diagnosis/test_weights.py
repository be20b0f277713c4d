"""What makes a cause likelier than with other facts, and what rules it out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis import kinds
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.case import Draft, build_case
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.error_text import read_error_text
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    Cause,
    Command,
    Evidence,
    Facts,
    Known,
    Unknown,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.rank import rank
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, PolicyRef

from tests.rigs.diagnosis import (
    ACCOUNT,
    ALLOW_ALL,
    BAD_CODE,
    BAD_SERIAL,
    DEAD_ALLOW,
    DENY_WITHOUT_MFA,
    DEVICE,
    EXPLICIT,
    FIDO,
    OLD,
    QUESTION,
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
)

SESSION = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/alice"}
SPARE = Device(f"{SERIAL}-2", "virtual", "alice", "2025-01-01T00:00:00Z")
KEY = Device(FIDO, "fido", "alice")
GONE = {"devices": (), "inventory": ()}
NOBODY = record(
    "DeactivateMFADevice", 600, error=("NoSuchEntityException", "The user with name alice cannot be found."),
    requestParameters={"userName": "alice"},
)  # fmt: skip
BROKEN = record("GetSessionToken", 600, error=("ServiceUnavailable", "x"))
NAMELESS = record("AssumeRole", 600, error=("AccessDenied", BAD_SERIAL))
SKEW = record("GetSessionToken", 600, error=("SignatureDoesNotMatch", "Signature expired: it is too old"))
USED = record("GetSessionToken", 600, error=("AccessDenied", f"{BAD_CODE} The code was already used."))
LISTED = record("ListUsers", 600, error=("AccessDenied", "x is not authorized to perform: iam:ListUsers"))
CHANGE = record("DeactivateMFADevice", 600, error=("AccessDenied", "x is not authorized"))
PAIR = record(
    "ResyncMFADevice", 600, error=("InvalidAuthenticationCode", "Authentication code is not valid"),
    requestParameters={"serialNumber": SERIAL, "userName": "alice"},
)  # fmt: skip
WITH_MFA = {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}
TRUST_OF_ALL = {key: value for key, value in TRUST_WITH_MFA.items() if key != "Condition"}
MONTHS = 40 * 86400
PLAIN = "x is not authorized to perform: sts:AssumeRole"
WITH_DENY = (inline(ALLOW_ALL, DENY_WITHOUT_MFA),)
DEAD = {**ALLOW_ALL, "Condition": DEAD_ALLOW["Condition"]}
MANAGED = f"arn:aws:iam::{ACCOUNT}:policy/mfa"
ATTACHED = (PolicyRef(f"managed:{MANAGED}@v2", MANAGED, policy(ALLOW_ALL, DENY_WITHOUT_MFA)),)
CONSOLE = record(
    "ConsoleLogin", 600, errorMessage="Failed authentication", responseElements={"ConsoleLogin": "Failure"},
    additionalEventData={"MFAUsed": "No"},
)  # fmt: skip


def changed(name: str, ago_s: float = 3600, **parameters: Any) -> dict[str, Any]:
    return record(name, ago_s, "admin", requestParameters=parameters)


def put(*statements: dict[str, Any]) -> dict[str, Any]:
    return changed(
        "PutUserPolicy", userName="alice", policyName="mfa", policyDocument=json.dumps(policy(*statements))
    )  # fmt: skip


def bounded(*statements: dict[str, Any]) -> PolicyRef:
    return PolicyRef("boundary", MANAGED, policy(*statements))


def by_session(made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "userIdentity": SESSION}


def with_mfa(made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "userIdentity": {**made["userIdentity"], **WITH_MFA}}


def weight(code: str, facts: Facts, error_text: str = "") -> float:
    """Return the score of a cause; 0 where it is not named."""
    found = ask(facts, role_arn=ROLE, error_text=error_text)
    return next((one.score for one in found.causes if one.code == code), 0.0)


@pytest.mark.parametrize(
    ("code", "more", "less"),
    [
        (
            "stale_serial", given(device_event("DeactivateMFADevice", 3600, OLD), bad_serial(600)),
            given(taken(MONTHS, OLD), bad_serial(600)),
        ),
        ("stale_serial", given(device_event("DeactivateMFADevice", 3600, OLD), NAMELESS), given(NAMELESS)),
        (
            "fido_for_cli", given(bad_code(600, serial=""), devices=(KEY,), inventory=()),
            given(denied(600), devices=(KEY,), inventory=()),
        ),
        # A single code that was refused, and the next one taken, may be mistyped.
        ("clock_drift", given(bad_code(600)), given(bad_code(600), taken(300))),
        ("clock_drift", given(bad_code(600), host=host(0.001)), given(bad_code(600), taken(300), host=host(0.001))),
        ("clock_drift", given(SKEW), given(SKEW, host=host(0.001))),
        (
            "late_code", given(device_event("ResyncMFADevice", 900), bad_code(600)),
            given(device_event("ResyncMFADevice", 900), bad_code(600), host=host(-90)),
        ),
        (
            "wrong_device", given(bad_code(600), devices=(DEVICE, SPARE), host=host(0.001)),
            given(bad_code(600), devices=(DEVICE, SPARE)),
        ),
        ("condition_never_holds", given(denied(600), trust=trust(DEAD_ALLOW)), given(trust=trust(DEAD_ALLOW))),
        (
            "role_session_without_mfa", given(by_session(denied(600)), trust=Unknown("x")),
            given(by_session(LISTED), trust=Unknown("x")),
        ),
        (
            "role_session_without_mfa", given(by_session(denied(600)), trust=trust(TRUST_WITH_MFA)),
            given(by_session(denied(600)), trust=trust(TRUST_OF_ALL)),
        ),
        (
            "mfa_required_without_device", given(denied(600), policies=WITH_DENY, **GONE),
            given(policies=WITH_DENY, **GONE),
        ),
        # An explicit deny is likelier to be one for want of MFA.
        (
            "mfa_not_presented", given(denied(600), policies=Unknown("x")),
            given(denied(600, PLAIN), policies=Unknown("x")),
        ),
        ("no_permission", given(denied(600, PLAIN), policies=()), given(denied(600), policies=())),
        ("recent_policy_change", given(put(DENY_WITHOUT_MFA), denied(600)), given(put(ALLOW_ALL), denied(600))),
        (
            "recent_policy_change", given(put(DENY_WITHOUT_MFA), denied(600)),
            given(denied(7200), put(DENY_WITHOUT_MFA), denied(600)),
        ),
        (
            "recent_policy_change",
            given(changed("AttachUserPolicy", userName="alice", policyArn=MANAGED), denied(600), policies=ATTACHED),
            given(changed("DetachUserPolicy", userName="alice", policyArn=MANAGED), denied(600), policies=ATTACHED),
        ),
        (
            "no_such_user", given(user=Known(None), devices=Unknown("no such user")),
            given(NOBODY),
        ),
    ],
)  # fmt: skip
def test_it_is_likelier_with_this_than_with_that(code: str, more: Facts, less: Facts) -> None:
    assert weight(code, more) > weight(code, less) > 0


@pytest.mark.parametrize(
    ("code", "there", "gone"),
    [
        (
            "never_enabled", given(bad_serial(600, SERIAL), **GONE),
            given(taken(MONTHS), bad_serial(600, SERIAL), **GONE),
        ),
        # By a clock that is 8 s slow they are codes of two steps.
        ("replayed_code", given(taken(595), bad_code(590)), given(taken(595), bad_code(590), host=host(-8))),
        ("replayed_code", given(USED), given(bad_code(600))),
        ("clock_drift", given(PAIR, host=host(-90)), given(PAIR)),
        ("needs_mfa_session", given(CHANGE), given(CHANGE, **GONE)),
        ("needs_mfa_session", given(CHANGE), given(with_mfa(CHANGE))),
        (
            "mfa_not_presented", given(denied(600), policies=WITH_DENY),
            given({**denied(600), "requestParameters": {"roleArn": ROLE, "serialNumber": SERIAL}}, policies=WITH_DENY),
        ),
        (
            "mfa_not_presented", given(denied(600), policies=WITH_DENY),
            given(by_session(denied(600)), policies=WITH_DENY),
        ),
        (
            "mfa_not_presented", given(denied(600), policies=WITH_DENY),
            given(denied(600), policies=WITH_DENY, **GONE),
        ),
        (
            "no_permission", given(denied(600, PLAIN), policies=()),
            given(denied(600, PLAIN), policies=(inline(DEAD),)),
        ),
        (
            "recent_policy_change", given(put(DENY_WITHOUT_MFA)),
            given(changed("PutUserPolicy", userName="bob", policyName="mfa")),
        ),
        (
            "recent_policy_change", given(changed("PutGroupPolicy", groupName="people", policyName="mfa")),
            given(changed("PutGroupPolicy", groupName="others", policyName="mfa")),
        ),
        (
            "recent_policy_change",
            given(changed("CreatePolicyVersion", policyArn=MANAGED, setAsDefault=True), policies=ATTACHED),
            given(changed("CreatePolicyVersion", policyArn=MANAGED, setAsDefault=False), policies=ATTACHED),
        ),
        (
            "recent_policy_change", given(changed("SetDefaultPolicyVersion", policyArn=MANAGED), policies=ATTACHED),
            given(changed("SetDefaultPolicyVersion", policyArn=MANAGED + "-2"), policies=ATTACHED),
        ),
        (
            "recent_policy_change", given(changed("UpdateAssumeRolePolicy", roleName="admin")),
            given(changed("UpdateAssumeRolePolicy", roleName="other")),
        ),
        # What was detached is in no list of what is attached.
        (
            "recent_policy_change", given(changed("DetachPolicy", policyId="p-1")),
            given(changed("AttachPolicy", policyId="p-1")),
        ),
        ("service_wide", given(BROKEN), given(bad_code(600))),
        # A boundary that allows nothing allows it with MFA no more than without.
        (
            "mfa_not_presented", given(denied(600), boundary=bounded(ALLOW_ALL, DENY_WITHOUT_MFA)),
            given(denied(600), boundary=bounded(DENY_WITHOUT_MFA)),
        ),
    ],
)  # fmt: skip
def test_it_is_named_with_this_and_not_with_that(code: str, there: Facts, gone: Facts) -> None:
    assert weight(code, there) > 0
    assert weight(code, gone) == 0


def test_a_pasted_refusal_has_no_time_and_may_be_of_after_a_change() -> None:
    text = f"An error occurred (AccessDenied) when calling the AssumeRole operation: {EXPLICIT}"
    change = given(put(DENY_WITHOUT_MFA), policies=WITH_DENY)
    assert (
        0.7
        < weight("recent_policy_change", change, text)
        < weight("recent_policy_change", given(put(DENY_WITHOUT_MFA), denied(600), policies=WITH_DENY))
    )


def test_the_record_tells_a_wrong_password_better_than_the_words() -> None:
    words = "Your authentication information is incorrect. Please try again."
    assert weight("wrong_password", given(CONSOLE)) > weight("wrong_password", given(), words) > 0


# --- what counts as the user's failures ------------------------------------------------------------------------------


def test_what_a_session_that_the_user_opened_was_refused_is_the_users() -> None:
    opened = record("AssumeRole", 900, responseElements={"credentials": {"accessKeyId": "ASIA1"}})
    other = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/run-17", "accessKeyId": "ASIA1"}
    assert ask(given(opened, {**LISTED, "userIdentity": other})).failures == 1
    assert ask(given(opened, {**LISTED, "userIdentity": {**other, "accessKeyId": "ASIA2"}})).failures == 0


def test_a_refusal_that_is_not_understood_is_no_failure_of_mfa() -> None:
    assert ask(given(record("AssumeRole", 600, error=("NeverHeardOf", "x")))).failures == 0


def test_too_many_calls_are_known_by_the_words_alone() -> None:
    assert kinds.kind_of("AssumeRole", "", "Rate exceeded") == kinds.BUSY


def test_a_word_after_the_name_of_the_parameter_is_no_serial() -> None:
    read = read_error_text(f"the serialNumber parameter is wrong: {SERIAL}")
    assert read is not None
    assert read.serial == SERIAL


# --- the order -------------------------------------------------------------------------------------------------------


def draft(code: str, score: float, said: str) -> Draft:
    return Draft(code, code, score, (Evidence("device", said),), "confirm", (Command("command", "true"),))


def ranked(*drafts: Draft) -> tuple[Cause, ...]:
    return rank(build_case(QUESTION, given()), drafts, ())


def test_of_two_that_are_as_likely_the_first_code_comes_first() -> None:
    two = [draft("wrong_device", 0.6, "a"), draft("clock_drift", 0.6, "b")]
    assert (
        [one.code for one in ranked(*two)]
        == [one.code for one in ranked(*two[::-1])]
        == ["clock_drift", "wrong_device"]
    )


def test_a_cause_that_is_found_twice_is_told_once_with_the_evidence_of_both() -> None:
    [one] = ranked(draft("busy", 0.6, "a"), draft("busy", 0.9, "b"), draft("busy", 0.7, "b"))
    assert (one.score, [shown.text for shown in one.evidence]) == (0.9, ["b", "a"])


# --- what is not known -----------------------------------------------------------------------------------------------


def test_a_device_that_was_taken_away_may_have_been_replaced_where_devices_are_not_known() -> None:
    facts = given(device_event("DeactivateMFADevice", 3600), bad_serial(60, SERIAL), devices=Unknown("refused"))
    found = ask(facts)
    assert (codes(found)[0], found.causes[0].confidence) == ("device_deleted", "medium")


def test_the_users_own_device_is_called_nobody_elses_where_the_users_list_is_not_known() -> None:
    found = ask(given(bad_serial(600, SERIAL), devices=Unknown("refused")))
    assert "wrong_serial" in codes(found)
    assert "a device of the user alice" not in " ".join(one.text for cause in found.causes for one in cause.evidence)
