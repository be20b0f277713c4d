"""Who would have been denied: records as CloudTrail writes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import (
    SENSITIVE,
    Choices,
    documents_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.dry_run import dry_run, event_names

from tests.rigs.iam_rules import NO_MFA, USERS, policy, statement

ACCOUNT = "111122223333"
SCP = documents_of(Choices(scp_exempt=("arn:aws:iam::*:user/legacy",)))["scp"]
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci"


def record(event: str = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    service, _colon, name = event.partition(":")
    return {
        "eventID": f"{len(str(more))}-{event}-{more}",
        "eventTime": "2026-11-21T12:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "recipientAccountId": ACCOUNT,
        "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"type": "IAMUser", "arn": USER, "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        **more,
    }


def person(mfa: str | None = None, arn: str = USER, **more: Any) -> dict[str, Any]:
    identity: dict[str, Any] = {"type": "IAMUser", "arn": arn, **more}
    if mfa is not None:
        identity["sessionContext"] = {"attributes": {"mfaAuthenticated": mfa}}
    return identity


SESSION = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run",
    "sessionContext": {
        "attributes": {"mfaAuthenticated": "false"}, "sessionIssuer": {"type": "Role", "arn": ROLE},
    },
}  # fmt: skip
LINKED = {
    "type": "AssumedRole",
    "sessionContext": {
        "sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleX"}
    },
}


@pytest.mark.parametrize(
    ("one", "credential"),
    [
        (record(), "long_term_key"),
        (record(userIdentity=person("false")), "session_without_mfa"),
        (record("iam:CreateUser"), "long_term_key"),
        (record("cloudtrail:StopLogging", userIdentity=person("false")), "session_without_mfa"),
        # In person at the console, though it says that somebody invoked it.
        (
            record("iam:CreateUser", userIdentity=person("false", invokedBy="signin.amazonaws.com")),
            "session_without_mfa",
        ),
        # Let through, and failed: it would not be let through any more.
        (record("cloudformation:UpdateStack", errorCode="ValidationException"), "long_term_key"),
        # The federated user would be no IAM user.
        (record("sts:GetFederationToken"), "long_term_key"),
    ],
)
def test_who_would_have_been_denied(one: dict[str, Any], credential: str) -> None:
    made = dry_run(SCP, [one])
    [call] = made.denied
    assert (call.principal, call.credential, call.count, call.account) == (USER, credential, 1, ACCOUNT)
    assert call.event_id == one["eventID"]
    assert (made.judged, made.passed_over, made.accounts) == (1, 0, (ACCOUNT,))


@pytest.mark.parametrize(
    "one",
    [
        record(requestParameters={"serialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/alice"}),
        record(userIdentity=person("true")),
        record(userIdentity=SESSION),
        record(userIdentity=person(arn=f"arn:aws:iam::{ACCOUNT}:user/legacy")),
        record(userIdentity=person("true", invokedBy="cloudformation.amazonaws.com")),
        record("iam:ResyncMFADevice"),
        record(userIdentity={"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}),
    ],
)
def test_who_would_not(one: dict[str, Any]) -> None:
    made = dry_run(SCP, [one])
    assert (made.denied, made.unclear, made.judged) == ((), (), 1)


@pytest.mark.parametrize(
    "one",
    [
        record(errorCode="AccessDenied"),
        record(errorCode="Client.UnauthorizedOperation"),
        record(errorCode="AccessDeniedException"),
        record(userIdentity=LINKED),
        record(userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
        record("signin:ConsoleLogin", eventType="AwsConsoleSignIn"),
    ],
)
def test_what_no_policy_would_change_is_passed_over(one: dict[str, Any]) -> None:
    made = dry_run(SCP, [one])
    assert (made.denied, made.judged, made.passed_over) == ((), 0, 1)


def test_the_management_account_is_bound_by_nothing() -> None:
    assert dry_run(SCP, [record()], ACCOUNT).denied == ()


def test_calls_are_counted_once_and_the_most_frequent_come_first() -> None:
    rare = record("iam:CreateUser", eventID="1")
    often = [record(eventID=str(number), eventTime=f"2026-11-2{number}T00:00:00Z") for number in (2, 4, 3)]
    made = dry_run(SCP, [rare, *often, often[0]])
    assert [(call.action, call.count) for call in made.denied] == [("sts:AssumeRole", 3), ("iam:CreateUser", 1)]
    assert (made.denied[0].last, made.denied[0].event_id) == ("2026-11-24T00:00:00Z", "4")
    assert (made.since, made.until) == ("2026-11-21T12:00:00Z", "2026-11-24T00:00:00Z")


def test_what_hangs_on_the_resource_is_in_doubt() -> None:
    document = policy(statement("Deny", {**NO_MFA, **USERS}, Action="sts:AssumeRole", Resource=ROLE))
    made = dry_run(document, [record()])
    assert (made.denied, [call.action for call in made.unclear]) == ((), ["sts:AssumeRole"])


def test_what_to_look_up() -> None:
    assert event_names(SCP) == [one.partition(":")[2] for one in SENSITIVE]
    assert event_names(policy(statement("Deny", NO_MFA, Action=["iam:Create*"]))) is None
    assert event_names(policy(statement("Deny", NO_MFA, NotAction=["iam:GetUser"]))) is None
