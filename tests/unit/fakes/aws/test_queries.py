"""Logs Insights, CloudTrail Lake and AWS Health of the double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.fakes.aws.account import START, World, refused

GROUP = "trail"
STORE = "0a1b2c3d-1111-2222-3333-444455556666"
SELECT = f"SELECT eventJson FROM {STORE}"  # noqa: S608 - our own


@pytest.fixture(autouse=True)
def delivered(world: World) -> Iterator[None]:
    world.aws.trail.log_group, world.aws.trail.event_data_store = GROUP, STORE
    yield
    world.aws.trail.log_group = world.aws.trail.event_data_store = ""
    world.aws.trail.health = None


def insights(world: World, query: str, *, since: float = START - 60, until: float = START + 60) -> list[dict[str, Any]]:
    logs = world.aws.client("logs")
    started = logs.start_query(logGroupName=GROUP, startTime=int(since), endTime=int(until), queryString=query)
    first = logs.get_query_results(queryId=started["queryId"])
    assert (first["status"], first["results"]) == ("Running", [])
    done = logs.get_query_results(queryId=started["queryId"])
    assert done["status"] == "Complete"
    return [{field["field"]: field["value"] for field in row} for row in done["results"]]


def lake(world: World, statement: str) -> list[str]:
    client = world.aws.client("cloudtrail")
    query = client.start_query(QueryStatement=statement)["QueryId"]
    assert client.get_query_results(QueryId=query)["QueryStatus"] == "RUNNING"
    rows: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = client.get_query_results(QueryId=query, MaxQueryResults=1, **more)
        assert page["QueryStatus"] == "FINISHED"
        rows += [value for row in page["QueryResultRows"] for column in row for value in column.values()]
        if "NextToken" not in page:
            return rows
        more = {"NextToken": page["NextToken"]}


def test_insights_filters_sorts_and_limits(world: World) -> None:
    name, keys = world.user()
    iam = world.iam(keys)
    iam.list_mfa_devices(UserName=name)
    world.clock.go_on(5)
    refused(iam.list_mfa_devices, UserName="nobody")
    world.clock.go_on(5)
    iam.get_user(UserName=name)
    own = f'userIdentity.userName = "{name}"'
    rows = insights(world, f"fields @message | filter {own} | sort @timestamp desc | limit 2")
    assert [json.loads(row["@message"])["eventName"] for row in rows] == ["GetUser", "ListMFADevices"]
    rows = insights(world, f'fields eventName | filter {own} and eventName in ["GetUser", "X"] or eventName = "X"')
    assert [row["eventName"] for row in rows] == ["GetUser"]
    failed = insights(world, f"fields errorCode | filter ispresent(errorCode) and {own}")
    assert [row["errorCode"] for row in failed] == ["NoSuchEntityException"]
    assert insights(world, f"fields @message | filter {own}", until=START - 1) == []


@pytest.mark.parametrize("query", ["fields @message | filter eventName ~ 1", "pick @message", 'filter a = "1" b'])
def test_insights_refuses_what_is_no_query(world: World, query: str) -> None:
    assert refused(insights, world=world, query=query).code == "MalformedQueryException"


def test_lake_selects_by_columns_with_dots(world: World) -> None:
    name, keys = world.user()
    for _time in range(2):
        world.iam(keys).list_mfa_devices(UserName=name)
        world.clock.go_on(5)
    statement = " ".join(
        ("SELECT eventJson FROM", STORE, f"WHERE userIdentity.userName = '{name}' AND eventTime >= '%s'")
    )
    rows = lake(world, statement % "2027-01-15 08:00:12")
    assert [json.loads(row)["eventTime"] for row in rows] == ["2027-01-15T08:00:15Z"]
    assert len(lake(world, statement % "2027-01-15 08:00:00")) == 2


def test_what_is_not_there_is_refused(world: World) -> None:
    logs, trail = world.aws.client("logs"), world.aws.client("cloudtrail")
    wanted = {"startTime": 1, "endTime": 2, "queryString": "fields @message"}
    assert refused(logs.start_query, logGroupName="other", **wanted).code == "ResourceNotFoundException"
    missing = refused(trail.start_query, QueryStatement="SELECT eventJson FROM other")
    assert missing.code == "EventDataStoreNotFoundException"
    wrong = refused(trail.start_query, QueryStatement=SELECT.replace("eventJson", "nothing_such"))
    assert wrong.code == "InvalidQueryStatementException"


def test_health_answers_those_who_pay(world: World) -> None:
    health = world.aws.client("health")
    wanted = {"filter": {"eventStatusCodes": ["open"]}}
    assert refused(health.describe_events, **wanted).code == "SubscriptionRequiredException"
    world.aws.trail.health = [
        {"arn": f"arn:aws:health:::event/IAM/{state}", "service": "IAM", "statusCode": state}
        for state in ("open", "closed")
    ]
    assert [event["statusCode"] for event in health.describe_events(**wanted)["events"]] == ["open"]
