"""The part of CloudWatch Logs Insights' language that filters: fields, filter, sort by time, limit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .trail import Record

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([@\w.-]+)|(!=|[=()\[\],]))')
_LIMIT = 10_000

Test = Callable[[Record], bool]


class QueryError(ValueError):
    """What AWS calls a malformed query."""


def run_query(text: str, records: list[Record]) -> list[Any]:
    """Return the rows of a query over records, newest first as they are."""
    fields, limit, rows = ["@timestamp", "@message"], _LIMIT, list(records)
    for command in _commands(text):
        name, _blank, rest = command.partition(" ")
        if name == "fields":
            fields = [field.strip() for field in rest.split(",")]
        elif name == "filter":
            test = _Parser(rest).whole()
            rows = [record for record in rows if test(record)]
        elif name == "sort" and rest.split()[:1] == ["@timestamp"]:
            rows.sort(key=lambda record: str(record["eventTime"]), reverse=rest.split()[1:] == ["desc"])
        elif name == "limit" and rest.isdigit() and 1 <= int(rest) <= _LIMIT:
            limit = int(rest)
        else:
            raise QueryError(f"unexpected symbol found: {command}")
    return [_shown(record, fields) for record in rows[:limit]]


def _commands(text: str) -> list[str]:
    parts = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^|"])+', text)
    return [part.strip() for part in parts if part.strip()]


def _shown(record: Record, fields: list[str]) -> list[dict[str, str]]:
    special = {"@message": json.dumps(record), "@timestamp": record["eventTime"].replace("T", " ").replace("Z", ".000")}
    found = ((field, special.get(field, _value(record, field))) for field in fields)
    return [*({"field": field, "value": value} for field, value in found if value), {"field": "@ptr", "value": "CmEK"}]


def _value(record: Record, field: str) -> str:
    here: Any = record
    for part in field.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return "" if here is None else str(here)


class _Parser:
    """filter: or, and, parentheses, =, !=, in [...], ispresent()."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise QueryError(f"unexpected symbol found at {text[at:]!r}")
            self._tokens.append(match[0].strip())
            at = match.end()
        self._at = 0

    def whole(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise QueryError(f"unexpected symbol found: {self._tokens[self._at]}")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda record: any(test(record) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda record: all(test(record) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            test = self._either()
            self._need(")")
            return test
        field = self._next()
        if field == "ispresent":
            self._need("(")
            present = self._next()
            self._need(")")
            return lambda record: bool(_value(record, present))
        if self._take("in"):
            values = self._list()
            return lambda record: _value(record, field) in values
        operator = self._next()
        if operator not in ("=", "!="):
            raise QueryError(f"unexpected symbol found: {operator}")
        wanted, value = operator == "=", self._text()
        return lambda record: (_value(record, field) == value) is wanted

    def _list(self) -> list[str]:
        self._need("[")
        values = [self._text()]
        while self._take(","):
            values.append(self._text())
        self._need("]")
        return values

    def _text(self) -> str:
        token = self._next()
        if token[:1] != '"':
            raise QueryError(f"a text in quotes is needed, not {token}")
        return str(json.loads(token))

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise QueryError("unexpected end of the query")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        here = self._tokens[self._at : self._at + 1] == [token]
        self._at += here
        return here

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise QueryError(f"{token} is needed")
