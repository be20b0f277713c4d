# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page holds of a report, packed: each distinct value is there once. Private to this collection, pure.

``pool`` has the values, and everything else refers to them by number: the facts of ten thousand like hosts, or the
messages of five thousand like findings, take the room of one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from .account import AccountAudit
from .account_text import from_here
from .html_policy import Lines, changes, write_policy
from .json_report import report_to_dict
from .model import Report
from .reasons import HOST_UNREACHABLE, advice, explain, severity
from .sarif_report import fingerprint
from .values import number

__all__ = ["codes_of", "pack"]

HISTORY_POINTS = 60_000  # in the whole page: a curve is a few hundred pixels wide
LEAST_POINTS = 12
DOCUMENT_CHARS = 5_000_000  # of policy documents in the whole page, those of the worst findings first
# What nobody reads to its end, and a browser would be busy with for minutes.
TEXT_CHARS = 2_000
LIST_ITEMS = 1_000
ONCE = frozenset({"schema", "verdict", "reasons", "warnings"})  # of the facts, what the host's entry says itself


def pack(report: Report) -> dict[str, Any]:
    """Return what the page's script reads."""
    whole = report_to_dict(report)
    pool = _Pool()
    history = max(LEAST_POINTS, HISTORY_POINTS // max(1, sum(bool(entry.history) for entry in report.hosts)))
    packed = {
        "mode": report.mode,
        "dryRun": report.dry_run,
        "generatedAt": report.generated_at,
        "codes": {code["code"]: code for code in [*codes_of(report, "reasons"), *codes_of(report, "warnings")]},
        "hosts": [_host(host, pool, history) for host in whole["hosts"]],
        "account": None if report.account is None else _account(whole["account"], report.account, pool, whole["hosts"]),
    }
    return {**packed, "pool": pool.values}


def codes_of(report: Report, kind: str) -> list[dict[str, Any]]:
    """Return the reasons or warnings of the report with what they mean and what to do, the worst first."""
    codes: Mapping[str, Sequence[str]] = getattr(report, kind)
    enforced = {entry.host for entry in report.hosts if entry.enforcement is not None}
    return [
        {
            "code": code,
            "count": len(hosts),
            "wrong": severity(code) < severity(HOST_UNREACHABLE),
            "meaning": explain(code).meaning,
            "sentence": _sentence(code),
            "action": advice(code, enforced=enforced.issuperset(hosts), dry_run=report.dry_run),
        }
        for code, hosts in codes.items()
    ]


def _sentence(code: str) -> str:
    """Begin with a capital, but leave the names of programs alone, and codes that stand for themselves."""
    meaning = explain(code).meaning
    return meaning if meaning == code or meaning.startswith("chrony") else meaning[:1].upper() + meaning[1:]


class _Pool:
    """Values by number, each once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        text = json.dumps(value)
        known = self._numbers.setdefault(text, len(self.values))
        if known == len(self.values):
            self.values.append(value)
        return known


def _host(host: Mapping[str, Any], pool: _Pool, history: int) -> list[Any]:
    before = host["before"]
    return [
        host["host"],
        *_state(host, pool),
        None if before is None else _state(before, pool),
        None if host["enforcement"] is None else pool.number(host["enforcement"]),
        _thinned(host.get("history", ()), history),
        *_rest(_origin(host, pool), _shortened(host["facts"]) != host["facts"]),
    ]


def _rest(*values: Any) -> list[Any]:
    """Leave out at the end what most hosts have not."""
    kept = list(values)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _origin(host: Mapping[str, Any], pool: _Pool) -> list[Any] | None:
    if "source" not in host:
        return None
    report = host.get("report") or (host["before"] or {}).get("report")
    said = pool.number({"source": host["source"], "report": report})
    return [said, host["report_age_s"]] if "report_age_s" in host else [said]


def _shortened(value: Any) -> Any:
    """Leave out what is too long to be read: a host can send a million of anything. report.json has all of it."""
    if isinstance(value, str):
        return value if len(value) <= TEXT_CHARS else f"{value[:TEXT_CHARS]}..."
    if isinstance(value, Mapping):
        return {_shortened(key): _shortened(item) for key, item in islice(value.items(), LIST_ITEMS)}
    return [_shortened(item) for item in value[:LIST_ITEMS]] if isinstance(value, list) else value


def _state(state: Mapping[str, Any], pool: _Pool) -> list[Any]:
    facts = _shortened(state["facts"])
    parts = None
    if facts is not None:
        # The clock differs from host to host, and so does the time; the rest is mostly the same everywhere.
        parts = {key: value if key in {"clock", "measured_at"} else pool.number(value) for key, value in facts.items()}
        parts = {key: value for key, value in parts.items() if key not in ONCE}
    codes = pool.number({key: state[key] for key in ("verdict", "reasons", "warnings")})
    return [codes, pool.number(state["messages"]), parts]


def _thinned(points: Sequence[Sequence[float | None]], most: int) -> list[list[float | None]]:
    """Keep of each stretch of time the point that is worst: what went wrong stays to be seen."""
    size = -(-len(points) // most)
    if size > 1:
        stretches = (points[start : start + size] for start in range(0, len(points), size))
        points = [max(stretch, key=lambda point: abs(point[1] or 0.0)) for stretch in stretches]
    # The largest floats are infinite once rounded.
    return [[None if value is None else number(float(f"{value:.11g}")) for value in point] for point in points]


def _account(
    whole: Mapping[str, Any], audit: AccountAudit, pool: _Pool, hosts: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    documents = _Documents(audit)
    numbers = {host["host"]: number for number, host in enumerate(hosts)}
    seen: Counter[str] = Counter()
    findings = [
        {"id": fingerprint(found, seen), **_finding(found, pool, documents, numbers)} for found in whole["findings"]
    ]
    return {"findings": findings, "documents": documents.texts, "leftOut": documents.left_out}


def _finding(
    found: Mapping[str, Any], pool: _Pool, documents: _Documents, numbers: Mapping[str, int]
) -> dict[str, Any]:
    same = {key: found.get(key) for key in ("rule", "severity", "title", "references", "witness")}
    packed = {
        "rule": pool.number(same),
        "resource": from_here(str(found["resource"])),
        "document": found["document"],
        "statement": found["statement"],
        "path": found["path"],
        "serial": found["serial"],
        "message": pool.number(found["message"]),
        "hosts": pool.number([numbers[host] for host in found.get("hosts", ()) if host in numbers]),
        **documents.of(found),
    }
    return {key: value for key, value in packed.items() if value not in (None, "")}


class _Documents:
    """The policy documents of findings, each once, as far as there is room for them."""

    def __init__(self, audit: AccountAudit) -> None:
        self.texts: list[str] = []
        self.left_out = 0
        self._room = DOCUMENT_CHARS
        self._policies = {
            (place["resource"], place["document"]): entry["policy"]
            for entry in audit.documents
            for place in entry["places"]
        }
        self._lines: dict[str, Lines] = {}
        self._numbers: dict[tuple[str, ...], int | None] = {}
        self._changes: dict[tuple[str, str], list[list[Any]]] = {}

    def of(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the number of a finding's document, the lines that it is about, and its fix."""
        policy, fix = self._policies.get((found["resource"], found["document"])), found.get("fix")
        shown: dict[str, Any] = {}
        if policy is not None:
            lines = self._written(policy)
            shown = {"text": self._number(lines), "lines": lines.place(found["statement"], found["path"])}
        if fix is not None:
            shown["fix"] = self._fix(policy, fix, kept=shown.get("text") is not None)
        return shown

    def _fix(self, policy: Mapping[str, Any] | None, fix: Mapping[str, Any], *, kept: bool) -> dict[str, Any]:
        after = self._written(fix["document"])
        if policy is None:
            return {"summary": fix["summary"], "text": self._number(after)}
        if not kept:
            return {"summary": fix["summary"]}
        key = (json.dumps(policy), json.dumps(fix["document"]))
        if key not in self._changes:
            self._changes[key] = changes(self._written(policy), after)
        return {"summary": fix["summary"], "changes": self._changes[key]}

    def _written(self, policy: Mapping[str, Any]) -> Lines:
        key = json.dumps(policy)
        if key not in self._lines:
            self._lines[key] = write_policy(policy)
        return self._lines[key]

    def _number(self, lines: Lines) -> int | None:
        if lines.lines not in self._numbers:
            text = "\n".join(lines.lines)
            fits = len(text) <= self._room
            self._numbers[lines.lines] = len(self.texts) if fits else None
            if fits:
                self.texts.append(text)
                self._room -= len(text)
            else:
                self.left_out += 1
        return self._numbers[lines.lines]
