"""Queries over CloudTrail's records where a trail delivers them: CloudWatch Logs Insights and CloudTrail Lake.

Both answer as AWS does, later than they are asked: a query is running when it is looked at for the first time. And AWS
Health, which has events for those who pay for support.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from .iam_mfa import Call, Result
from .insights import QueryError, run_query
from .trail import Record
from .wire import ApiError

_TABLE = re.compile(r"\bFROM\s+([\w-]+)", re.IGNORECASE)
_DOTTED = re.compile(r"\b([a-z]\w*(?:\.[a-z]\w*)+)\b", re.IGNORECASE)
_LITERAL = re.compile(r"('(?:[^']|'')*')")
_COLUMNS = ("eventID", "eventName", "eventSource", "eventTime", "awsRegion", "errorCode", "errorMessage", "eventjson")
_STRUCTS = ("userIdentity.type", "userIdentity.userName", "userIdentity.arn", "userIdentity.accessKeyId")
_INSERTION = f"INSERT INTO store VALUES ({', '.join('?' * len((*_COLUMNS, *_STRUCTS)))})"  # noqa: S608 - only marks
_PAGE = 100


class Trail:
    """Where the account's trail delivers to; "" for nowhere. What AWS Health says; None without a support plan."""

    def __init__(self) -> None:
        self.log_group = ""
        self.event_data_store = ""
        self.health: list[dict[str, Any]] | None = None


class _Query(NamedTuple):
    rows: list[Any]
    looks: list[None]  # one for each look at it


class Queries:
    """The handlers, by API."""

    def __init__(self, trail: Trail, records: Callable[[], Iterable[Record]]) -> None:
        self._trail = trail
        self._records = records
        self._queries: dict[str, _Query] = {}
        self.handlers: dict[str, Callable[[Call], Result]] = {
            "logs:StartQuery": self._start_insights,
            "logs:GetQueryResults": self._results_of_insights,
            "cloudtrail:StartQuery": self._start_lake,
            "cloudtrail:GetQueryResults": self._results_of_lake,
            "health:DescribeEvents": self._events_of_health,
        }

    def _start_insights(self, call: Call) -> Result:
        given = call.asked.parameters
        if not self._trail.log_group or given.get("logGroupName") != self._trail.log_group:
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        since, until = given["startTime"], given["endTime"]
        found = [record for record in self._records() if since <= _seconds(record) <= until]
        try:
            rows = run_query(given["queryString"], found)
        except QueryError as exc:
            raise ApiError("MalformedQueryException", str(exc)) from exc
        return {"queryId": self._begin(rows)}

    def _results_of_insights(self, call: Call) -> Result:
        query = self._known(call.get("queryId"), "ResourceNotFoundException")
        if len(query.looks) == 1:
            return {"status": "Running", "results": []}
        return {"status": "Complete", "results": query.rows}

    def _start_lake(self, call: Call) -> Result:
        statement = call.get("QueryStatement")
        table = _TABLE.search(statement)
        if not self._trail.event_data_store or table is None or table[1] != self._trail.event_data_store:
            raise ApiError("EventDataStoreNotFoundException", "The event data store was not found.")
        try:
            rows = _select(statement.replace(table[1], "store"), self._records())
        except sqlite3.Error as exc:
            raise ApiError("InvalidQueryStatementException", f"The query cannot be run: {exc}") from exc
        return {"QueryId": self._begin(rows)}

    def _results_of_lake(self, call: Call) -> Result:
        query = self._known(call.get("QueryId"), "QueryIdNotFoundException")
        if len(query.looks) == 1:
            return {"QueryStatus": "RUNNING", "QueryResultRows": []}
        start = int((call.get("NextToken") or "page0")[4:])
        size = int(call.get("MaxQueryResults") or _PAGE)
        answer: Result = {"QueryStatus": "FINISHED", "QueryResultRows": query.rows[start : start + size]}
        if start + size < len(query.rows):
            answer["NextToken"] = f"page{start + size}"
        return answer

    def _events_of_health(self, call: Call) -> Result:
        if self._trail.health is None:
            raise ApiError("SubscriptionRequiredException", "")
        states = call.asked.parameters.get("filter", {}).get("eventStatusCodes")
        return {"events": [event for event in self._trail.health if not states or event["statusCode"] in states]}

    def _begin(self, rows: list[Any]) -> str:
        name = str(uuid.uuid4())
        self._queries[name] = _Query(rows, [])
        return name

    def _known(self, name: str, code: str) -> _Query:
        if name not in self._queries:
            raise ApiError(code, "The query does not exist.")
        self._queries[name].looks.append(None)
        return self._queries[name]


def _seconds(record: Record) -> float:
    return datetime.fromisoformat(record["eventTime"]).timestamp()


def _select(statement: str, records: Iterable[Record]) -> list[Any]:
    """Run a statement of the part of SQL that Presto and SQLite have in common, by SQLite."""
    parts = _LITERAL.split(statement)
    # What stands between quotes is no column.
    quoted = "".join(part if part[:1] == "'" else _DOTTED.sub(r'"\1"', part) for part in parts)
    columns = (*_COLUMNS, *_STRUCTS)
    with sqlite3.connect(":memory:") as database:
        database.row_factory = sqlite3.Row
        database.execute("CREATE TABLE store (" + ", ".join(f'"{column}"' for column in columns) + ")")
        for record in records:
            database.execute(_INSERTION, _row(record))
        return [[{name: row[name]} for name in row.keys()] for row in database.execute(quoted)]  # noqa: SIM118


def _row(record: Record) -> list[Any]:
    identity = record.get("userIdentity", {})
    plain = {
        **record,
        "eventTime": record["eventTime"].replace("T", " ").replace("Z", ""),
        "eventjson": json.dumps(record),
    }
    return [*(plain.get(column) for column in _COLUMNS), *(identity.get(name.partition(".")[2]) for name in _STRUCTS)]
