# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudTrail's records about one user, from where they are kept: the event history, a log group, an event data store.

Private to this collection. The event history needs no set-up, and takes two calls a second; the other two are asked
once. What cannot be read is a gap of the session, under the part ``trail_events``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import TRAIL

from .session import Failure, Session, api_name, failure_of, failures
from .shape import DIAGNOSIS_EVENT, keep
from .trail import MASSES, Event, Lookup, is_telling, look_up

__all__ = ["History", "InsightsQuery", "LakeQuery", "Wanted", "search"]

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_KEPT = timedelta(days=89)  # AWS keeps the event history for 90 days
_SESSIONS = 5  # the newest sessions of roles whose calls are looked for
_LIMIT = 10_000  # the most that Logs Insights returns
_POLL_S = 1.0
_POLLS = 300

Progress = Callable[[str], None]
Sleep = Callable[[float], None]


class Wanted(NamedTuple):
    """Which records: all of a user (a name, or ""), those with these names of everybody, sign-ins that tell.

    A device that was removed weeks ago is what fails today; ``device_names`` are the events of that.
    """

    user: str
    names: Tuple[str, ...]
    since: datetime
    until: datetime
    device_names: Tuple[str, ...] = ()  # besides: looked for in all of the event history, where that is asked


def search(source: Any, wanted: Wanted) -> Optional[List[Event]]:
    """Return the records, each with what a diagnosis reads of it; None where nothing could be read.

    ``source`` is a History, InsightsQuery or LakeQuery. The calls of a role's session bear the session's name, which
    anybody chooses: they are found by the key that the user's AssumeRole was answered with.
    """
    found = source.first(wanted)
    if found is None:
        return None
    # Newest first, as they come.
    keys = list(dict.fromkeys(_session_keys(found, wanted.user)))[:_SESSIONS]
    more = source.of_keys(keys, wanted) if keys else None
    # What is the user's and has one of the names comes twice.
    once = {event.get("eventID", number): event for number, event in enumerate((*found, *(more or ())))}
    return [keep(event, DIAGNOSIS_EVENT) for event in once.values()]


def _session_keys(records: Iterable[Event], user: str) -> Iterator[str]:
    for record in records:
        answered = _inner(_inner(record, "responseElements"), "credentials")
        if record.get("eventName") == "AssumeRole" and _inner(record, "userIdentity").get("userName") == user:
            key = answered.get("accessKeyId")
            if isinstance(key, str) and key.isalnum():
                yield key


def _inner(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = record.get(key)
    return inner if isinstance(inner, Mapping) else {}


class _Ask(NamedTuple):
    region: str
    client: Any
    attribute: Tuple[str, str]
    since: datetime


class History:
    """CloudTrail's event history: 90 days, each region for itself, one attribute at a time."""

    def __init__(
        self, session: Session, clients: Mapping[str, Any], pages: int, progress: Progress, sleep: Sleep
    ) -> None:
        """``clients`` by region; the first is the one where IAM's events are, and sign-ins are in all of them."""
        self._session = session
        self._clients = clients
        self._pages = pages
        self._progress = progress
        self._sleep = sleep

    def first(self, wanted: Wanted) -> Optional[List[Event]]:
        """Look for the user's records, and for those with the names."""
        own = [("Username", wanted.user)] if wanted.user else []
        everywhere = [*own, *(("EventName", name) for name in ("ConsoleLogin", *MASSES))]
        at_home = [("EventName", name) for name in wanted.names if ("EventName", name) not in everywhere]
        oldest = min(wanted.since, wanted.until - _KEPT)
        asks: List[_Ask] = []
        for number, (region, client) in enumerate(self._clients.items()):
            attributes = [*everywhere, *(at_home if number == 0 else ())]
            asks.extend(_Ask(region, client, attribute, wanted.since) for attribute in attributes)
            devices = wanted.device_names if number == 0 else ()
            asks.extend(_Ask(region, client, ("EventName", name), oldest) for name in devices)
        return self._ask_all(asks, wanted)

    def of_keys(self, keys: Sequence[str], wanted: Wanted) -> Optional[List[Event]]:
        """Look for what was called with keys."""
        asks = [
            _Ask(region, client, ("AccessKeyId", key), wanted.since)
            for region, client in self._clients.items()
            for key in keys
        ]
        return self._ask_all(asks, wanted)

    def _ask_all(self, asks: List[_Ask], wanted: Wanted) -> Optional[List[Event]]:
        found: Optional[List[Event]] = None
        for number, ask in enumerate(asks):
            self._progress(
                f"CloudTrail's event history in {ask.region}: {number + 1} of {len(asks)} ({ask.attribute[1]}), "
                f"records so far: {len(found or ())}, at least {(len(asks) - number) / 2:.0f} s to go"
            )
            try:
                lookup = Lookup(ask.since, wanted.until, self._pages)
                events = list(look_up(self._session, ask.client, ask.attribute, lookup, self._sleep))
            except failures() as exc:
                failure = failure_of(exc, api_name(ask.client, "lookup_events"))
                if self._gives_up(failure, asks[number:]):
                    break
                continue
            mass = ask.attribute[0] == "EventName" and ask.attribute[1] in MASSES
            found = (found or []) + [event for event in events if not mass or is_telling(event)]
        return found

    def _gives_up(self, failure: Failure, asks: List[_Ask]) -> bool:
        """Keep a gap, one for all that would be refused alike."""
        if failure.code not in _DENIED:
            self._session.note_failure(TRAIL, failure, subject=asks[0].attribute[1])
            return False
        others = f", and {len(asks) - 1} more names were not asked for" if len(asks) > 1 else ""
        self._session.note_failure(TRAIL, failure, reason=f"{failure}{others}")
        return True


class _Query(ABC):
    """What both kinds of queries have in common: started once, looked at until it is done."""

    name = ""
    done = ""
    running: Tuple[str, ...] = ()

    def __init__(self, session: Session, client: Any, progress: Progress, sleep: Sleep) -> None:
        self._session = session
        self._client = client
        self._progress = progress
        self._sleep = sleep

    def first(self, wanted: Wanted) -> Optional[List[Event]]:
        """Ask for the user's records, those with the names, and refused sign-ins of everybody."""
        return self._records(self._about(wanted), wanted)

    def of_keys(self, keys: Sequence[str], wanted: Wanted) -> Optional[List[Event]]:
        """Ask for what was called with keys."""
        return self._records(self._by_keys(keys), wanted)

    @abstractmethod
    def _about(self, wanted: Wanted) -> str:
        """Return the condition on the user's records, those with the names, and refused sign-ins of everybody."""

    @abstractmethod
    def _by_keys(self, keys: Sequence[str]) -> str:
        """Return the condition on what was called with keys."""

    @abstractmethod
    def _start(self, condition: str, wanted: Wanted) -> str:
        """Start the query, and return its id."""

    @abstractmethod
    def _look(self, query: str) -> Tuple[str, List[str], str]:
        """Return the state, the records as text, and what AWS says of a failure."""

    def _records(self, condition: str, wanted: Wanted) -> Optional[List[Event]]:
        api = api_name(self._client, "start_query")
        try:
            query = self._start(condition, wanted)
            api = api_name(self._client, "get_query_results")
            texts = self._wait_for(query)
        except failures() as exc:
            self._session.note_failure(TRAIL, failure_of(exc, api))
            return None
        return None if texts is None else self._read(texts)

    def _wait_for(self, query: str) -> Optional[List[str]]:
        state, why = "", ""
        for poll in range(_POLLS):
            state, texts, why = self._look(query)
            if state == self.done:
                self._progress(f"{self.name}: records: {len(texts)}")
                return texts
            if state not in self.running:
                break
            self._progress(f"{self.name}: the query is {state.lower()}, {poll * _POLL_S:.0f} s so far")
            self._sleep(_POLL_S)
        self._session.note(TRAIL, f"{self.name}: the query ended as {state}{': ' + why if why else ''}", code=state)
        return None

    def _read(self, texts: List[str]) -> List[Event]:
        records = [_parsed(text) for text in texts]
        unread = records.count(None)
        if unread:
            self._session.note(TRAIL, f"{self.name}: {unread} records could not be read")
        if len(texts) >= _LIMIT:
            self._session.note(TRAIL, f"{self.name}: only the newest {_LIMIT} records were read")
        return [record for record in records if record is not None]


class InsightsQuery(_Query):
    """CloudWatch Logs Insights over the log group that a trail delivers to."""

    name = "CloudWatch Logs Insights"
    done = "Complete"
    running = ("Scheduled", "Running", "Unknown")

    def __init__(self, session: Session, client: Any, log_group: str, progress: Progress, sleep: Sleep) -> None:
        super().__init__(session, client, progress, sleep)
        self._log_group = log_group

    def _about(self, wanted: Wanted) -> str:
        named = [name for name in (*wanted.names, *wanted.device_names) if name not in MASSES]
        own = f" or userIdentity.userName = {json.dumps(wanted.user)}" if wanted.user else ""
        return f"eventName in {json.dumps(named)} or (eventName in {json.dumps(MASSES)} and ispresent(errorCode)){own}"

    def _by_keys(self, keys: Sequence[str]) -> str:
        return f"userIdentity.accessKeyId in {json.dumps(list(keys))}"

    def _start(self, condition: str, wanted: Wanted) -> str:
        started = self._client.start_query(
            logGroupName=self._log_group,
            startTime=int(wanted.since.timestamp()),
            endTime=int(wanted.until.timestamp()) + 1,
            queryString=f"fields @message | filter {condition} | sort @timestamp desc | limit {_LIMIT}",
        )
        return str(started["queryId"])

    def _look(self, query: str) -> Tuple[str, List[str], str]:
        answer = self._client.get_query_results(queryId=query)
        rows = [{field["field"]: field["value"] for field in row} for row in answer["results"]]
        return answer["status"], [row.get("@message", "") for row in rows], ""


class LakeQuery(_Query):
    """CloudTrail Lake: SQL over an event data store."""

    name = "CloudTrail Lake"
    done = "FINISHED"
    running = ("QUEUED", "RUNNING")

    def __init__(self, session: Session, client: Any, store: str, progress: Progress, sleep: Sleep) -> None:
        """``store`` is the id of the event data store, which is the last part of its ARN."""
        super().__init__(session, client, progress, sleep)
        self._store = store

    def _about(self, wanted: Wanted) -> str:
        named = [name for name in (*wanted.names, *wanted.device_names) if name not in MASSES]
        own = f" OR userIdentity.userName = '{wanted.user}'" if wanted.user else ""
        return f"eventName IN {_quoted(named)} OR (eventName IN {_quoted(MASSES)} AND errorCode IS NOT NULL){own}"

    def _by_keys(self, keys: Sequence[str]) -> str:
        return f"userIdentity.accessKeyId IN {_quoted(keys)}"

    def _start(self, condition: str, wanted: Wanted) -> str:
        # The names in it are those of events and of a user, which the caller has checked.
        statement = (
            f"SELECT eventJson FROM {self._store} WHERE eventTime >= '{_sql_time(wanted.since)}' "  # noqa: S608
            f"AND eventTime <= '{_sql_time(wanted.until)}' AND ({condition}) ORDER BY eventTime DESC LIMIT {_LIMIT}"
        )
        return str(self._client.start_query(QueryStatement=statement)["QueryId"])

    def _look(self, query: str) -> Tuple[str, List[str], str]:
        parameters: Dict[str, Any] = {"QueryId": query, "MaxQueryResults": 1000}
        texts: List[str] = []
        while True:
            answer = self._client.get_query_results(**parameters)
            for row in answer.get("QueryResultRows", ()):
                columns = {name.lower(): value for column in row for name, value in column.items()}
                texts.append(columns.get("eventjson", ""))
            if not answer.get("NextToken"):
                return answer["QueryStatus"], texts, answer.get("ErrorMessage", "")
            parameters["NextToken"] = answer["NextToken"]


def _quoted(names: Sequence[str]) -> str:
    # Names of events and ids of keys are letters and digits.
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"


def _sql_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _parsed(text: str) -> Optional[Event]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
