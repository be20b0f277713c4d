"""The model of AWX refuses what AWX refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.awx import rules
from tests.fakes.awx.rules import Refused
from tests.fakes.awx.state import State

QUESTION = {"question_name": "Q", "variable": "q", "type": "text", "required": False}


def survey(**changed: Any) -> dict[str, Any]:
    return {"name": "", "description": "", "spec": [{**QUESTION, **changed}]}


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "", "description": "", "spec": []},
        {"name": "", "spec": [QUESTION]},
        {"name": "", "description": "", "spec": [QUESTION, QUESTION]},
        survey(required="yes"),
        survey(type="number"),
        survey(type="integer", default="1"),
        survey(default=False),
        survey(max="7"),
        survey(type="multiplechoice"),
        survey(type="multiplechoice", choices=["a"], default="b"),
    ],
)
def test_a_survey_that_awx_refuses(spec: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        rules.check_survey(spec)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ({}, 7),
        ({"type": "integer"}, "7"),
        ({"type": "integer"}, True),
        ({"max": 3}, "long"),
        ({"type": "integer", "min": 1}, 0),
        ({"type": "multiplechoice", "choices": ["a"]}, ""),
        ({"type": "multiselect", "choices": ["a"]}, ["a", "b"]),
    ],
)
def test_an_answer_that_awx_refuses(question: dict[str, Any], answer: Any) -> None:
    with pytest.raises(Refused):
        rules.answers(survey(**question), {"q": answer})


def test_a_default_holds_unless_answered_and_a_password_has_none() -> None:
    assert rules.answers(survey(default="x"), {}) == {"q": "x"}
    assert rules.answers(survey(default="x"), {"q": "y"}) == {"q": "y"}
    assert rules.answers(survey(type="password", default="x"), {}) == {}
    with pytest.raises(Refused):
        rules.answers(survey(required=True), {})


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20260105T020000 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART;TZID=Nowhere/Atall:20260105T020000 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART;TZID=Etc/UTC:20260105T020000 RRULE:FREQ=DAILY",
        "DTSTART;TZID=Etc/UTC:20260105T020000",
        "DTSTART;TZID=Etc/UTC:20260105T250000 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART;TZID=Etc/UTC:20260105T020000 RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO",
    ],
)
def test_a_recurrence_rule_that_awx_refuses(rule: str) -> None:
    with pytest.raises(Refused):
        rules.check_rrule(rule)


@pytest.mark.parametrize(
    "messages",
    [
        {"finished": {}},
        {"success": {"message": "two\nlines"}},
        {"success": {"text": "x"}},
        {"success": {"message": "{{ job.artifacts.softtoken.verdict }}"}},
        {"success": {"message": "{{ nothing }}"}},
        {"workflow_approval": {"pending": {"message": "x"}}},
    ],
)
def test_a_message_that_awx_refuses(messages: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        rules.check_messages(messages)


def test_an_injector_names_only_fields_of_its_type() -> None:
    inputs = {"fields": [{"id": "value", "label": "Value", "type": "string", "secret": True}]}

    rules.check_credential_type(inputs, {"extra_vars": {"keys": [{"value": "{{ value }}"}]}})
    with pytest.raises(Refused):
        rules.check_credential_type(inputs, {"extra_vars": {"keys": [{"value": "{{ other }}"}]}})


def test_fields_are_typed_and_what_is_unknown_is_passed_over_and_noted() -> None:
    state = State([])
    for wanted in (
        {},
        {"name": 7},
        {"name": "x" * 513},
        {"name": "x", "max_hosts": "1"},
        {"name": "x", "max_hosts": -1},
    ):
        with pytest.raises(Refused):
            state.create("organizations", wanted)
    made = state.create("organizations", {"name": "x", "colour": "red"})

    assert "colour" not in made
    assert state.ignored == {("organizations", "colour")}
    with pytest.raises(Refused):
        state.create("organizations", {"name": "x"})
    with pytest.raises(Refused):
        state.create("inventories", {"name": "x", "organization": made["id"] + 1})


def test_a_node_takes_only_what_its_template_asks_for() -> None:
    template = {"survey_enabled": True, "ask_limit_on_launch": False}
    spec = survey()

    rules.check_prompts(template, spec, {"extra_data": {"q": "x"}})
    for wanted in ({"extra_data": {"other": "x"}}, {"extra_data": {"q": 7}}, {"limit": "web"}):
        with pytest.raises(Refused):
            rules.check_prompts(template, spec, wanted)


def test_a_workflow_has_no_circle() -> None:
    state = State([])
    workflow = state.create("workflow_job_templates", {"name": "w"})["id"]
    first, second = (
        state.create("workflow_job_template_nodes", {"workflow_job_template": workflow, "identifier": name})["id"]
        for name in ("first", "second")
    )
    state.associate("workflow_job_template_nodes", first, "success_nodes", second, away=False)

    for number, key, other in (
        (second, "always_nodes", first),
        (first, "failure_nodes", second),
        (first, "always_nodes", first),
    ):
        with pytest.raises(Refused):
            state.associate("workflow_job_template_nodes", number, key, other, away=False)
