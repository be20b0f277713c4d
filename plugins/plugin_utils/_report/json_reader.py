# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json, read back into the report that it was written from. Private to this collection, pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .account import AccountAudit
from .json_report import SCHEMA
from .model import Enforcement, HistoryPoint, HostEntry, Report, State
from .origin import origin_of

__all__ = ["NotAReport", "read_json"]


class NotAReport(ValueError):
    """The text is no report of this schema; the message says what is wrong with it."""


def read_json(text: str) -> Report:
    """Return the report."""
    try:
        return _report(json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise NotAReport(f"no report that this release reads: {exc!r}") from exc


def _report(document: Mapping[str, Any]) -> Report:
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']!r} instead of {SCHEMA}")
    return Report(
        generated_at=document["generated_at"],
        mode=document["mode"],
        dry_run=document["dry_run"],
        hosts=tuple(map(_host, document["hosts"])),
        account=None if document["account"] is None else _account(document["account"]),
        notes=tuple(document.get("notes", ())),
    )


def _host(values: Mapping[str, Any]) -> HostEntry:
    before, enforcement = values["before"], values["enforcement"]
    return HostEntry(
        host=values["host"],
        state=_state(values),
        before=None if before is None else _state(before),
        enforcement=None if enforcement is None else Enforcement(**enforcement),
        history=tuple(HistoryPoint(*point) for point in values.get("history", ())),
    )


def _state(values: Mapping[str, Any]) -> State:
    return State(
        verdict=values["verdict"],
        reasons=tuple(values["reasons"]),
        warnings=tuple(values["warnings"]),
        messages=tuple(values["messages"]),
        facts=values["facts"],
        origin=origin_of(values),
    )


def _account(values: Mapping[str, Any]) -> AccountAudit:
    # Keys that a later release added are not its business; tuples are lists in JSON, and no message is null.
    known = {field.name for field in fields(AccountAudit)} & values.keys()
    read: dict[str, Any] = {
        name: tuple(values[name]) if isinstance(values[name], list) else values[name] for name in known
    }
    return AccountAudit(**{**read, "message": values["message"] or ""})
