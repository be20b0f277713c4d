"""docs/report.schema.json describes report.json: all of it, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import SCHEMA, render_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers, assemble

from tests.rigs.reports import GENERATED_AT, ROOT, every_report, report_of, result

DOCUMENT = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """Return the schema as one that knows every key."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if "properties" in made and "required" in made:
        made.setdefault("additionalProperties", False)
    return made


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def test_it_is_a_schema_of_this_version() -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)
    assert DOCUMENT["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize("name", list(every_report()))
def test_it_knows_every_key_of_every_report(name: str) -> None:
    report = json.loads(render_json(every_report()[name]))
    validator(closed(DOCUMENT)).validate(report)
    validator(DOCUMENT).validate({**report, "added_later": 1})


def test_notes_are_known() -> None:
    report = assemble((), generated_at=GENERATED_AT, mode="audit", dry_run=True, account=None, notes=("slice 3 of 4",))
    document = json.loads(render_json(report))
    assert document["notes"] == ["slice 3 of 4"]
    validator(closed(DOCUMENT)).validate(document)


def test_whatever_a_host_sends_the_report_is_valid() -> None:
    odd: dict[str, Any] = {"clock": float("nan"), "totp": [1], "chrony": {"version": {}}, "serials": "x", "new": None}
    report = report_of(HostAnswers(host="", measured=result(**odd)))
    validator(closed(DOCUMENT)).validate(json.loads(render_json(report)))


def drop(*path: Any) -> Callable[[Any], None]:
    def change(report: Any) -> None:
        for key in path[:-1]:
            report = report[key]
        del report[path[-1]]

    return change


def put(value: Any, *path: Any) -> Callable[[Any], None]:
    def change(report: Any) -> None:
        for key in path[:-1]:
            report = report[key]
        report[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put(2, "schema"),
        put("yesterday", "generated_at"),
        put("green", "verdict"),
        put(-1, "counts", "hosts"),
        put("1", "reasons", "totp.at_risk"),
        drop("account"),
        drop("counts", "unknown"),
        drop("hosts", 0, "verdict"),
        put(None, "hosts", 0, "host"),
        put({"schema": 2, "verdict": "compliant"}, "hosts", 0, "facts"),
        put([[1.0, 2.0]], "hosts", 0, "history"),
        put("skipped", "hosts", 0, "enforcement"),
        put("worst", "account", "findings", 0, "severity"),
        drop("account", "findings", 0, "resource"),
        put("C04", "account", "findings", 0, "rule"),
        drop("account", "coverage", "rules", "unknown"),
        put(None, "account", "summary", "findings"),
        put("it failed", "account", "message"),
        put("soon", "account", "ignored", 0, "expires"),
    ],
)
def test_it_refuses_what_is_broken(change: Callable[[Any], None]) -> None:
    report = json.loads(render_json(every_report()["accepted"]))
    broken = copy.deepcopy(report)
    change(broken)
    validator(DOCUMENT).validate(report)
    with pytest.raises(jsonschema.ValidationError):
        validator(DOCUMENT).validate(broken)
