"""Records are found wherever they are kept, each once; what AWS does not answer is a gap and not an end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.session import Session
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.trail_search import (
    History,
    InsightsQuery,
    LakeQuery,
    Wanted,
    search,
)
from botocore.exceptions import ClientError

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
WANTED = Wanted("alice", ("ConsoleLogin", "EnableMFADevice"), NOW - timedelta(hours=24), NOW)


def record(name: str, number: int, **more: Any) -> dict[str, Any]:
    identity = {"type": "IAMUser", "userName": "alice", "accessKeyId": "AKIA1"}
    return {"eventID": f"e{number}", "eventName": name, "userIdentity": identity, **more}


def opened(number: int, key: str) -> dict[str, Any]:
    return record("AssumeRole", number, responseElements={"credentials": {"accessKeyId": key, "sessionToken": "x"}})


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "LookupEvents")


class Trail:
    """A client whose answers are made by a function of the attribute, or of the number of the look."""

    def __init__(self, service: str, answer: Callable[..., Any]) -> None:
        names = ("lookup_events", "start_query", "get_query_results")
        operations = {name: "".join(word.title() for word in name.split("_")) for name in names}
        self.meta = SimpleNamespace(
            service_model=SimpleNamespace(service_name=service), method_to_api_mapping=operations
        )  # fmt: skip
        self.asked: list[dict[str, Any]] = []
        self._answer = answer
        self._looks = 0

    def lookup_events(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        (attribute,) = parameters["LookupAttributes"]
        found = self._answer(attribute["AttributeKey"], attribute["AttributeValue"])
        if isinstance(found, ClientError):
            raise found
        return {"Events": [{"CloudTrailEvent": one if isinstance(one, str) else json.dumps(one)} for one in found]}

    def start_query(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        self._looks = 0
        return {"queryId": "q", "QueryId": "q"}

    def get_query_results(self, **_parameters: Any) -> Any:
        self._looks += 1
        return self._answer(self._looks)


@pytest.fixture
def session() -> Session:
    return Session(lambda *_service, **_options: None, region="us-east-1", workers=1, attempts=1)


@pytest.fixture
def waits() -> list[float]:
    return []


def history(session: Session, client: Trail, waits: list[float], **others: Trail) -> History:
    return History(session, {"us-east-1": client, **others}, 3, lambda _message: None, waits.append)


def test_a_record_that_is_found_by_its_user_and_by_its_name_comes_once(session: Session, waits: list[float]) -> None:
    login = record("ConsoleLogin", 1)
    trail = Trail("cloudtrail", lambda _key, value: [login] if value in ("alice", "ConsoleLogin") else [])
    found = search(history(session, trail, waits), WANTED)
    assert found is not None
    assert [one["eventID"] for one in found] == ["e1"]
    assert len(trail.asked) == len(waits)
    assert session.gaps == []


def test_calls_of_sessions_are_looked_for_by_their_keys_the_newest_five(session: Session, waits: list[float]) -> None:
    sessions = [opened(number, f"ASIA{number}") for number in range(7)]
    denied = record("ListUsers", 9, userIdentity={"type": "AssumedRole"}, errorCode="AccessDenied")
    answers = {"alice": sessions, "ASIA0": [denied]}
    trail = Trail("cloudtrail", lambda _key, value: answers.get(value, []))
    found = search(history(session, trail, waits), WANTED)
    assert found is not None
    assert "e9" in {one["eventID"] for one in found}
    keys = [one["LookupAttributes"][0] for one in trail.asked]
    assert [one["AttributeValue"] for one in keys if one["AttributeKey"] == "AccessKeyId"] == [
        f"ASIA{number}" for number in range(5)
    ]
    assert "sessionToken" not in json.dumps(found)


def test_of_other_regions_sign_ins_are_enough(session: Session, waits: list[float]) -> None:
    home, away = (Trail("cloudtrail", lambda _key, _value: []) for _region in range(2))
    search(history(session, home, waits, **{"eu-central-1": away}), WANTED)
    named = [{one["LookupAttributes"][0]["AttributeValue"] for one in trail.asked} for trail in (home, away)]
    assert "EnableMFADevice" in named[0] - named[1]
    assert named[1] == {"alice", "ConsoleLogin", "AssumeRole", "GetSessionToken"}


def test_a_name_that_fails_is_a_gap_and_the_others_are_read(session: Session, waits: list[float]) -> None:
    def answer(_key: str, value: str) -> Any:
        return refusal("InternalFailure") if value == "ConsoleLogin" else [record("X", 1)]

    found = search(history(session, Trail("cloudtrail", answer), waits), WANTED)
    assert found
    (gap,) = session.gaps
    assert (gap["subject"], gap["code"], gap["api"]) == ("ConsoleLogin", "InternalFailure", "cloudtrail:LookupEvents")


def test_who_is_denied_once_does_not_ask_forty_times(session: Session, waits: list[float]) -> None:
    trail = Trail("cloudtrail", lambda _key, _value: refusal("AccessDeniedException"))
    assert search(history(session, trail, waits), WANTED) is None
    assert len(trail.asked) == 1
    (gap,) = session.gaps
    assert "4 more names were not asked for" in gap["reason"]


def test_a_record_that_is_none_is_counted(session: Session, waits: list[float]) -> None:
    trail = Trail("cloudtrail", lambda _key, value: ["{", record("ConsoleLogin", 1)] if value == "alice" else [])
    assert len(search(history(session, trail, waits), WANTED) or ()) == 1
    assert [gap["reason"] for gap in session.gaps] == ["1 record could not be read"]


def insights(*texts: str, status: str = "Complete") -> dict[str, Any]:
    return {"status": status, "results": [[{"field": "@message", "value": text}] for text in texts]}


def test_a_query_is_waited_for_and_asked_again_for_sessions(session: Session, waits: list[float]) -> None:
    whole = [json.dumps(opened(1, "ASIA1")), "no json"]
    logs = Trail("logs", lambda look: insights(status="Running") if look < 3 else insights(*whole))
    found = search(InsightsQuery(session, logs, "trail", lambda _message: None, waits.append), WANTED)
    assert [one["eventID"] for one in found or ()] == ["e1"]
    assert waits == [1.0] * 4
    assert [one["logGroupName"] for one in logs.asked] == ["trail", "trail"]
    assert 'userIdentity.userName = "alice"' in logs.asked[0]["queryString"]
    assert 'accessKeyId in ["ASIA1"]' in logs.asked[1]["queryString"]
    assert {gap["reason"] for gap in session.gaps} == {"CloudWatch Logs Insights: 1 records could not be read"}


@pytest.mark.parametrize(
    ("source", "answer", "reason"),
    [
        (InsightsQuery, {"status": "Failed", "results": []}, "CloudWatch Logs Insights: the query ended as Failed"),
        (InsightsQuery, {"status": "Running", "results": []}, "CloudWatch Logs Insights: the query ended as Running"),
        (
            LakeQuery,
            {"QueryStatus": "TIMED_OUT", "ErrorMessage": "too much"},
            "CloudTrail Lake: the query ended as TIMED_OUT: too much",
        ),
    ],
)
def test_a_query_that_comes_to_no_end_is_a_gap(
    session: Session, waits: list[float], source: Any, answer: dict[str, Any], reason: str
) -> None:
    client = Trail("any", lambda _look: answer)
    assert search(source(session, client, "store", lambda _message: None, waits.append), WANTED) is None
    assert [gap["reason"] for gap in session.gaps] == [reason]
    assert len(waits) <= 300


def test_as_many_records_as_a_query_gives_are_perhaps_not_all(session: Session, waits: list[float]) -> None:
    text = json.dumps(record("X", 1))
    logs = Trail("logs", lambda _look: insights(*[text] * 10_000))
    search(InsightsQuery(session, logs, "trail", lambda _message: None, waits.append), WANTED)
    assert [gap["reason"] for gap in session.gaps] == [
        "CloudWatch Logs Insights: only the newest 10000 records were read"
    ]


def test_pages_of_the_lake_are_put_together(session: Session, waits: list[float]) -> None:
    def answer(look: int) -> dict[str, Any]:
        row = [{"eventID": "x"}, {"eventJson": json.dumps(record("X", look))}]
        return {"QueryStatus": "FINISHED", "QueryResultRows": [row], **({"NextToken": "more"} if look < 3 else {})}

    lake = Trail("cloudtrail", answer)
    found = search(LakeQuery(session, lake, "store-1", lambda _message: None, waits.append), WANTED)
    assert [one["eventID"] for one in found or ()] == ["e1", "e2", "e3"]
    statement = lake.asked[0]["QueryStatement"]
    assert "FROM store-1 WHERE eventTime >= '2027-01-14 08:00:00' AND eventTime <= '2027-01-15 08:00:00'" in statement
