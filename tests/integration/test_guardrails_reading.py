"""Reading the guardrails of an account and its event history over real HTTP; what is refused is never in place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import identify
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.guardrails import (
    Wishes,
    look_back,
    read_state,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.session import Session
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.trail import Lookup
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import (
    PARTS,
    Choices,
    documents_of,
    names_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.drift import Delivery, State
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.dry_run import dry_run
from moto.sns.models import sns_backends

from tests.fakes.aws import ACCOUNT, REGION, FakeAws
from tests.integration.trails import cannot_deliver, trail_into

NAMES = names_of("g-")
RECORDER = {"name": "default", "roleARN": f"arn:aws:iam::{ACCOUNT}:role/config"}


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as running:
        yield running


def session_of(aws: FakeAws) -> Session:
    return Session(aws.client, region=REGION, workers=1, attempts=2)


def state_of(aws: FakeAws, *parts: str, log_group: str = "", **groups: tuple[str, ...]) -> State:
    session = session_of(aws)
    return read_state(session, identify(session), parts or PARTS, Wishes(NAMES, log_group, groups))


def test_a_part_whose_calls_are_refused_is_unknown_and_named(aws: FakeAws) -> None:
    for api in (
        "iam:GetPolicy", "organizations:ListPolicies", "config:DescribeConfigRules", "cloudtrail:DescribeTrails",
    ):  # fmt: skip
        aws.deny(api)
    unread = state_of(aws).unread
    assert set(unread) == set(PARTS)
    assert "iam:GetPolicy failed: AccessDenied" in unread["self_management"]
    assert "lack organizations:ListPolicies" in unread["scp"] or "organizations:ListPolicies failed" in unread["scp"]


def test_what_the_guardrails_stand_on_is_asked_for(aws: FakeAws) -> None:
    aws.client("organizations").create_organization(FeatureSet="ALL")
    state = state_of(aws, self_management=("people",))
    assert "no group people" in state.unread["self_management"]
    assert "has no recorder in us-east-1" in state.unread["config_rules"]
    assert set(state.unread) == {"self_management", "config_rules"}
    assert state.log_group == ""
    assert "no trail of this account that is of all regions" in state.no_log_group
    assert "no log group absent" in state_of(aws, "login_alarm", log_group="absent").no_log_group
    aws.client("config").put_configuration_recorder(ConfigurationRecorder=RECORDER)
    assert state_of(aws, "config_rules").unread == {}


def test_the_log_group_is_that_of_a_trail_in_this_account_and_region(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trail(region: str, account: str, group: str, **more: Any) -> dict[str, Any]:
        return {"CloudWatchLogsLogGroupArn": f"arn:aws:logs:{region}:{account}:log-group:{group}:*", **more}

    trails = [
        {"Name": "without"},
        trail("eu-west-1", ACCOUNT, "elsewhere", IsMultiRegionTrail=True),
        trail(REGION, "999999999999", "of-the-organization", IsMultiRegionTrail=True),
        trail(REGION, ACCOUNT, "one-region"),
        trail(REGION, ACCOUNT, "trail/all", IsMultiRegionTrail=True),
    ]
    client = aws.client
    client("logs").create_log_group(logGroupName="trail/all")

    def made(service: str, **more: Any) -> Any:
        one = client(service, **more)
        if service == "cloudtrail":
            monkeypatch.setattr(one, "describe_trails", lambda: {"trailList": trails}, raising=False)
        return one

    monkeypatch.setattr(aws, "client", made)
    state = state_of(aws, "login_alarm")
    assert state.log_group == "trail/all"
    trails.pop()
    assert "all regions" in state_of(aws, "login_alarm").no_log_group  # sign-ins are in several
    assert (state.has_topic, state.topic) == (False, f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAMES.sign_in}")


def trail(aws: FakeAws, name: str, *, logging: bool) -> str:
    """Make a log group, and the trail that fills it."""
    aws.client("logs").create_log_group(logGroupName=name)
    return trail_into(aws, name, f"trail-of-{name}", logging=logging)


def test_whether_the_trail_is_logging_is_asked(aws: FakeAws) -> None:
    arn = trail(aws, "records", logging=True)
    for named in ("", "records"):
        assert state_of(aws, "login_alarm", log_group=named).delivery == Delivery("trail-of-records", logging=True)
    aws.client("cloudtrail").stop_logging(Name=arn)
    assert state_of(aws, "login_alarm").delivery == Delivery("trail-of-records", logging=False)
    aws.deny("cloudtrail:GetTrailStatus")
    state = state_of(aws, "login_alarm")
    assert state.unread == {}
    assert state.log_group == "records"
    assert state.delivery is not None
    assert state.delivery.logging is None
    assert "cloudtrail:GetTrailStatus failed: AccessDenied" in state.delivery.reason


def test_one_trail_that_is_logging_is_enough(aws: FakeAws) -> None:
    stopped = trail(aws, "a", logging=False)
    trail_into(aws, "a", "second")
    assert state_of(aws, "login_alarm").delivery == Delivery("second", logging=True)
    aws.client("cloudtrail").stop_logging(Name="second")
    aws.client("cloudtrail").start_logging(Name=stopped)
    assert state_of(aws, "login_alarm").delivery == Delivery("trail-of-a", logging=True)


def test_a_log_group_that_no_trail_fills_is_told(aws: FakeAws) -> None:
    trail(aws, "records", logging=True)
    aws.client("logs").create_log_group(logGroupName="other")
    state = state_of(aws, "login_alarm", log_group="other")
    assert (state.log_group, state.delivery) == ("other", None)


def test_a_log_group_that_is_filled_comes_before_one_that_is_not(aws: FakeAws) -> None:
    trail(aws, "first", logging=False)
    trail(aws, "second", logging=True)
    state = state_of(aws, "login_alarm")
    assert (state.log_group, state.delivery) == ("second", Delivery("trail-of-second", logging=True))


def test_a_trail_that_cannot_deliver_is_told(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    trail(aws, "records", logging=True)
    cannot_deliver(monkeypatch, "trail-of-records", "AccessDenied")
    told = Delivery("trail-of-records", logging=True, error="AccessDenied")
    assert state_of(aws, "login_alarm").delivery == told
    trail_into(aws, "records", "second")
    assert state_of(aws, "login_alarm").delivery == Delivery("second", logging=True)


def test_a_trail_of_one_region_does_not_do_where_the_log_group_was_named(aws: FakeAws) -> None:
    aws.client("logs").create_log_group(logGroupName="records")
    trail_into(aws, "records", "local", all_regions=False)
    told = Delivery("local", logging=True, one_region=True)
    assert state_of(aws, "login_alarm", log_group="records").delivery == told
    trail_into(aws, "records", "whole")
    assert state_of(aws, "login_alarm", log_group="records").delivery == Delivery("whole", logging=True)


def counted_in(aws: FakeAws, group: str) -> None:
    """Put the metric filter on a log group."""
    metric = {"metricNamespace": "n", "metricName": "m", "metricValue": "1"}
    aws.client("logs").put_metric_filter(
        logGroupName=group, filterName=NAMES.sign_in, filterPattern="", metricTransformations=[metric]
    )


def test_the_log_group_that_has_the_filter_stays_the_one_whichever_trail_is_logging(aws: FakeAws) -> None:
    first, second = trail(aws, "first", logging=True), trail(aws, "second", logging=True)
    counted_in(aws, "first")
    aws.client("cloudtrail").stop_logging(Name=first)
    state = state_of(aws, "login_alarm")
    assert (state.log_group, state.delivery) == ("first", Delivery("trail-of-first", logging=False))
    assert state.metric_filter is not None
    aws.client("cloudtrail").start_logging(Name=first)
    aws.deny("cloudtrail:GetTrailStatus", code="ThrottlingException", status=400, Name=first)
    state = state_of(aws, "login_alarm")
    assert state.log_group == "first"
    assert state.delivery is not None
    assert state.delivery.logging is None
    # Of two that have it, the one that is filled: what is taken away there shows the other.
    counted_in(aws, "second")
    assert state_of(aws, "login_alarm").log_group == "second"
    aws.client("logs").delete_metric_filter(logGroupName="second", filterName=NAMES.sign_in)
    aws.client("cloudtrail").stop_logging(Name=second)
    assert state_of(aws, "login_alarm").log_group == "first"


def test_log_groups_whose_filters_cannot_be_read_make_the_alarm_unknown(aws: FakeAws) -> None:
    trail(aws, "first", logging=True)
    trail(aws, "second", logging=True)
    counted_in(aws, "second")
    aws.deny("logs:DescribeMetricFilters", logGroupName="first")
    assert "logs:DescribeMetricFilters failed" in state_of(aws, "login_alarm").unread["login_alarm"]


def test_a_policy_of_that_name_under_another_path_is_found(aws: FakeAws) -> None:
    text = json.dumps(documents_of(Choices())["resync_only"])
    made = aws.client("iam").create_policy(PolicyName=NAMES.resync_only, Path="/team/", PolicyDocument=text)
    assert state_of(aws, "resync_only").elsewhere == {NAMES.resync_only: made["Policy"]["Arn"]}
    assert state_of(aws, "self_management").elsewhere == {}


def lookback(aws: FakeAws, names: list[str] | None) -> tuple[Session, tuple[dict[str, Any], ...]]:
    session, now = session_of(aws), datetime.now(UTC)
    lookup = Lookup(now - timedelta(hours=1), now + timedelta(minutes=1), 10)
    return session, look_back(session, [REGION], names, lookup, time.sleep, lambda _text: None)


@pytest.mark.parametrize("names", [["CreateUser", "CreateAccessKey"], None])
def test_the_event_history_tells_who_would_have_been_denied(aws: FakeAws, names: list[str] | None) -> None:
    keys = aws.add_user("deploy")
    aws.client("iam", keys=keys).create_user(UserName="made-by-key")
    serial = aws.virtual_device("deploy")
    code = aws.soft_token(serial).code()
    aws.client("sts", keys=keys).get_session_token(SerialNumber=serial, TokenCode=code)
    session, records = lookback(aws, names)
    assert session.gaps == []
    made = dry_run(documents_of(Choices())["scp"], records)
    assert [(call.principal, call.action) for call in made.denied] == [
        (f"arn:aws:iam::{ACCOUNT}:user/deploy", "iam:CreateUser")
    ]


def test_calls_that_only_read_are_in_a_history_without_names(aws: FakeAws) -> None:
    # AssumeRole is such a one, and the most important.
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}}
    aws.client("iam").create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(trust))
    keys = aws.add_user("deploy")
    aws.client("sts", keys=keys).assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ci", RoleSessionName="run")
    _session, records = lookback(aws, None)
    assert "AssumeRole" in [one["eventName"] for one in records]


def test_who_was_unsubscribed_hears_nothing(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.client("logs").create_log_group(logGroupName="trail")
    topic = aws.client("sns").create_topic(Name=NAMES.sign_in)["TopicArn"]
    for address in ("there@example.com", "gone@example.com"):
        aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    backend = sns_backends[ACCOUNT][REGION]
    gone = next(one for one in backend.subscriptions.values() if one.endpoint == "gone@example.com")
    monkeypatch.setattr(gone, "arn", "Deleted")
    assert state_of(aws, "login_alarm", log_group="trail").subscriptions == (("email", "there@example.com"),)


def test_an_event_history_that_is_refused_is_a_gap(aws: FakeAws) -> None:
    aws.deny("cloudtrail:LookupEvents")
    session, records = lookback(aws, ["CreateUser", "AssumeRole"])
    assert records == ()
    [gap] = session.gaps
    assert "cloudtrail:LookupEvents failed: AccessDenied" in gap["reason"]
