"""Records of any order become a user's failures, successes, devices and changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis import kinds
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.timeline import (
    POLICY_EVENTS,
    read_timeline,
)

from tests.rigs.diagnosis import (
    QUESTION,
    SERIAL,
    bad_code,
    bad_serial,
    denied,
    device_event,
    record,
    taken,
)


def test_order_doubles_and_wrappings_do_not_matter() -> None:
    records = [bad_code(300), taken(200), bad_serial(100), device_event("EnableMFADevice", 4000)]
    wrapped = [{"EventId": one["eventID"], "CloudTrailEvent": json.dumps(one)} for one in records]
    mixed = [*wrapped, *reversed(records)]
    assert read_timeline(mixed, QUESTION) == read_timeline(records, QUESTION)
    assert len(read_timeline(mixed, QUESTION).failures) == 2


@pytest.mark.parametrize(
    ("records", "pattern"),
    [
        ([], "none"),
        ([taken(100)], "none"),
        ([bad_code(100)], "single"),
        ([bad_code(300), bad_code(100)], "constant"),
        ([taken(400), bad_code(300), bad_code(100), taken(50)], "ended"),
        ([bad_code(300), taken(200), bad_code(100)], "intermittent"),
        ([bad_code(300), record("AssumeRole", 200), bad_code(100)], "constant"),  # without MFA
    ],
)
def test_the_pattern_of_failures(records: list[dict[str, Any]], pattern: str) -> None:
    assert read_timeline(records, QUESTION).pattern == pattern


def test_failures_count_in_the_window_and_devices_at_any_time() -> None:
    old = [bad_code(25 * 3600), device_event("DeactivateMFADevice", 60 * 86400), taken(30 * 86400)]
    near = read_timeline(old, QUESTION)
    assert (len(near.failures), len(near.lifecycle), len(near.successes)) == (0, 1, 1)
    assert len(read_timeline(old, QUESTION._replace(window_h=48)).failures) == 1


@pytest.mark.parametrize("name", POLICY_EVENTS)
def test_policy_changes_that_worked_are_kept(name: str) -> None:
    records = [record(name, 60, "admin", requestParameters={}), record(name, 30, "admin", error=("AccessDenied", "x"))]
    assert len(read_timeline(records, QUESTION).changes) == 1


def test_other_users_count_by_refused_mfa_alone() -> None:
    other = {**denied(50), "userIdentity": {"type": "IAMUser", "userName": "bob", "arn": "x/bob"}}
    found = read_timeline([bad_code(60, "bob"), other, bad_code(40, "carol")], QUESTION)
    assert [one.user for one in found.others] == ["bob", "carol"]
    assert found.failures == ()


def test_without_a_user_to_ask_for_everybody_who_was_refused_counts() -> None:
    nobody = QUESTION._replace(user="")
    refused = [bad_code(60, "alice"), bad_code(50, "bob"), bad_code(40, "alice"), bad_code(30, "carol")]
    found = read_timeline(refused, nobody)
    assert (found.users, found.scope) == (("alice", "bob", "carol"), "many_users")
    again = [bad_code(60), bad_code(50), bad_code(40)]
    assert read_timeline(again, nobody).scope == "one_user"
    # Policies refuse each for a reason of its own.
    other = {**denied(50), "userIdentity": {"type": "IAMUser", "userName": "bob", "arn": "x/bob"}}
    assert read_timeline([other, denied(40), bad_code(30, "carol")], nobody).users == ("carol",)
    assert read_timeline([other, denied(40)], nobody).users == ("bob",)


def test_without_a_user_to_ask_for_names_of_another_account_are_those_of_others() -> None:
    theirs = {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::999999999999:user/alice"}
    records = [bad_code(60), {**bad_code(50), "userIdentity": theirs}]
    found = read_timeline(records, QUESTION._replace(user=""))
    assert found.users == ("alice", "alice of 999999999999")


def test_who_failed_for_the_user_is_not_another_user() -> None:
    asked = {"userName": "alice", "serialNumber": SERIAL}
    failed = [
        record("ResyncMFADevice", ago, by, ("InvalidAuthenticationCode", "x"), requestParameters=asked)
        for ago, by in ((60, "admin"), (50, "helper"), (40, "alice"))
    ]
    assert read_timeline(failed, QUESTION).scope == "one_user"


def test_a_resynchronisation_that_an_administrator_failed_is_the_users() -> None:
    failed = record(
        "ResyncMFADevice", 60, "admin", ("InvalidAuthenticationCode", "x"),
        requestParameters={"userName": "alice", "serialNumber": SERIAL},
    )  # fmt: skip
    assert [one.kind for one in read_timeline([failed], QUESTION).failures] == [kinds.CODE]
    assert read_timeline([failed], QUESTION._replace(user="admin")).failures == ()


def test_what_fails_for_reasons_of_its_own_is_left_out() -> None:
    noise = [
        record("GetRole", 60, error=("NoSuchEntity", "The role with name x cannot be found.")),
        record("DescribeInstances", 50, error=("RequestLimitExceeded", "x")),
    ]
    assert read_timeline(noise, QUESTION).failures == ()


@pytest.mark.parametrize("used", ["Yes", "YES"])
def test_a_console_sign_in_that_failed_at_mfa_is_a_refused_code(used: str) -> None:
    login = record(
        "ConsoleLogin", 60, errorMessage="Failed authentication", responseElements={"ConsoleLogin": "Failure"},
        additionalEventData={"MFAUsed": used, "MFAIdentifier": SERIAL},
    )  # fmt: skip
    failure = read_timeline([login], QUESTION).failures[0]
    assert (failure.kind, failure.serial) == (kinds.CODE, SERIAL)


@pytest.mark.parametrize(
    "broken", [None, "x", 1, {}, {"eventName": 1}, {"CloudTrailEvent": "{"}, {"eventTime": "never"}]
)
def test_what_is_no_record_says_nothing(broken: Any) -> None:
    found = read_timeline([broken, bad_code(60)], QUESTION)
    assert len(found.failures) == 1
