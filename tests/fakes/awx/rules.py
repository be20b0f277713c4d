"""What AWX refuses, beside wrong types: surveys, recurrence rules, messages, prompts that a template does not take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from jinja2 import ChainableUndefined, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.fakes.awx.resources import PROMPTS

__all__ = [
    "CONFIGURATIONS",
    "Refused",
    "answers",
    "check_messages",
    "check_prompts",
    "check_rrule",
    "check_survey",
    "render",
]

ANSWERS: dict[str, tuple[type, ...]] = {
    "text": (str,), "textarea": (str,), "password": (str,), "multiplechoice": (str,), "multiselect": (str, list),
    "integer": (int,), "float": (int, float),
}  # fmt: skip
EVENTS = ("started", "success", "error", "workflow_approval")
APPROVALS = ("running", "approved", "timed_out", "denied")

# Of each kind of notification: name of an option, its type, and its default, if it has one.
CONFIGURATIONS: dict[str, dict[str, tuple[type, ...] | tuple[type, Any]]] = {
    "webhook": {
        "url": (str,), "http_method": (str, "POST"), "disable_ssl_verification": (bool, False), "username": (str, ""),
        "password": (str, ""), "headers": (dict,),
    },
    "email": {
        "host": (str,), "port": (int,), "username": (str,), "password": (str,), "use_tls": (bool,), "use_ssl": (bool,),
        "sender": (str,), "recipients": (list,), "timeout": (int, 30),
    },
    "slack": {"token": (str,), "channels": (list,), "hex_color": (str, "")},
}  # fmt: skip
SECRET = {"password", "token"}


class Refused(Exception):
    """AWX answers with a 400."""

    def __init__(self, **errors: Any) -> None:
        super().__init__(str(errors))
        self.errors = errors


# --- surveys ---------------------------------------------------------------------------------------------------------


def check_survey(spec: Mapping[str, Any]) -> None:
    """Refuse a survey as JobTemplateSurveySpec does."""
    for field, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(spec.get(field), kind):
            raise Refused(error=f"Field {field!r} is missing from survey spec, or is no {kind.__name__}.")
    if not spec["spec"]:
        raise Refused(error="'spec' doesn't contain any items.")
    names = [_checked_question(index, question)["variable"] for index, question in enumerate(spec["spec"])]
    if len(set(names)) < len(names):
        raise Refused(error=f"'variable' duplicated in survey: {names}")


def _checked_question(index: int, question: Mapping[str, Any]) -> Mapping[str, Any]:
    for field, kind in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
        if not isinstance(question.get(field), kind):
            raise Refused(error=f"{field!r} missing from survey question {index}, or no {kind.__name__}.")
    if question["type"] not in ANSWERS:
        raise Refused(error=f"{question['type']!r} in survey question {index} is not one of {list(ANSWERS)}.")
    default = question.get("default", "")
    if default != "" and (isinstance(default, bool) or not isinstance(default, ANSWERS[question["type"]])):
        raise Refused(error=f"Default value {default!r} in survey question {index} expected to be {question['type']}.")
    for limit in ("min", "max"):
        if question.get(limit) is not None and not _is_whole(question[limit]):
            raise Refused(error=f"The {limit} limit in survey question {index} expected to be integer.")
    if question["type"] in {"multiplechoice", "multiselect"}:
        _check_choices(index, question)
    return question


def _check_choices(index: int, question: Mapping[str, Any]) -> None:
    if "choices" not in question:
        raise Refused(error=f"Survey question {index} of type {question['type']} must specify choices.")
    chosen = question.get("default", "")
    chosen = chosen.splitlines() if isinstance(chosen, str) else chosen
    if any(one not in question["choices"] for one in chosen):
        raise Refused(error="Default choice must be answered from the choices listed.")


def _refusal(question: Mapping[str, Any], value: Any) -> str | None:
    """Return why AWX does not take this answer."""
    kind = question["type"]
    name = question["variable"]
    expected = (list,) if kind == "multiselect" else ANSWERS[kind]
    if type(value) not in expected:
        return f"Value {value!r} for {name!r} expected to be {kind}."
    if kind not in {"multiplechoice", "multiselect"}:
        size = len(value) if isinstance(value, str) else value
        least, most = (question.get(limit) for limit in ("min", "max"))
        if (least is not None and size < least) or (most is not None and size > most):
            return f"{name!r} value {value!r} is not between {least} and {most}."
        return None
    wrong = [one for one in ([value] if isinstance(value, str) else value) if one not in question["choices"]]
    return f"Value {wrong} for {name!r} expected to be one of {question['choices']}." if wrong else None


def answers(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that a launch with these answers has: defaults, and the answers over them."""
    found: dict[str, Any] = {}
    for question in spec["spec"]:
        name = question["variable"]
        if "default" in question and question["type"] != "password" and _refusal(question, question["default"]) is None:
            found[name] = question["default"]
        if name in given and (refusal := _refusal(question, given[name])):
            raise Refused(variables_needed_to_start=[refusal])
        if question["required"] and name not in given and name not in found:
            raise Refused(variables_needed_to_start=[f"{name!r} value missing"])
    return {**found, **given}


# --- launches --------------------------------------------------------------------------------------------------------


def check_prompts(template: Mapping[str, Any], spec: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse what the template does not ask for at launch."""
    for field, flag in PROMPTS.items():
        value = wanted.get(field)
        if field == "extra_data" or value in (None, "") or template.get(flag):
            continue
        raise Refused(**{field: ["Field is not configured to prompt on launch."]})
    questions = {question["variable"]: question for question in spec.get("spec", [])}
    for name, value in (wanted.get("extra_data") or {}).items():
        if name in questions and template.get("survey_enabled"):
            if refusal := _refusal(questions[name], value):
                raise Refused(extra_data=[refusal])
        elif not template.get("ask_variables_on_launch"):
            raise Refused(extra_data=[f"Variables {name} are not allowed on launch."])


def check_rrule(rule: str) -> None:
    """Refuse a recurrence rule as SchedulePreviewSerializer does."""
    starts = re.findall(r".*?(DTSTART(;[^:]+)?\:[0-9]+T[0-9]+Z?)", rule)
    errors = []
    if len(starts) != 1:
        errors.append("One valid DTSTART required in rrule.")
    if re.findall(r".*?(DTSTART:[0-9]+T[0-9]+) ", rule):
        errors.append("DTSTART cannot be a naive datetime.  Specify ;TZINFO= or YYYYMMDDTHHMMSSZZ.")
    if "rrule:" not in rule.lower():
        errors.append("One or more rule required in rrule.")
    if "exdate:" in rule.lower() or "rdate:" in rule.lower():
        errors.append("EXDATE and RDATE not allowed in rrule.")
    for one in re.findall(r".*?(RULE\:[^\s]*)", rule):
        errors += _rule_errors(one)
    try:
        for zone in re.findall(r"TZID=([^:;]+):", rule):
            ZoneInfo(zone)
        rrulestr(rule.replace(" ", "\n"))
    except (ValueError, OSError, LookupError) as exc:  # a zone that there is not is a KeyError
        errors.append(f"rrule parsing failed validation: {exc}")
    if errors:
        raise Refused(rrule=errors)


def _rule_errors(rule: str) -> list[str]:
    found = []
    if "interval" not in rule.lower():
        found.append(f"INTERVAL required in rrule: {rule}")
    if "secondly" in rule.lower():
        found.append(f"SECONDLY is not supported: {rule}")
    if re.match(r".*?BYDAY[\:\=][0-9]+[a-zA-Z]{2}", rule):
        found.append(f"BYDAY with numeric prefix not supported: {rule}")
    if "COUNT" in rule and "UNTIL" in rule:
        found.append(f"RRULE may not contain both COUNT and UNTIL: {rule}")
    return found


# --- notifications ---------------------------------------------------------------------------------------------------

# What a message is tried with when it is saved: no job has left anything yet.
STUB: dict[str, Any] = {
    "job": {
        "id": 42,
        "name": "Stub JobTemplate",
        "status": "running",
        "artifacts": {},
        "limit": "",
        "playbook": "a.yml",
    },
    "job_friendly_name": "Job",
    "url": "https://awx/#/jobs/playbook/1010",
    "approval_status": "approved",
    "approval_node_name": "Approve Me",
    "workflow_url": "https://awx/#/jobs/workflow/1010",
    "job_metadata": "{'url': 'https://awx/$/jobs/playbook/13'}",
}


def check_messages(messages: Mapping[str, Any]) -> None:
    """Refuse messages as NotificationTemplateSerializer does: their keys, and names that are not always there."""
    for event, found in messages.items():
        if event not in EVENTS:
            raise Refused(messages=[f"Event {event!r} invalid, must be one of {EVENTS}"])
        if found is None:
            continue
        by_state = found if event == "workflow_approval" else {event: found}
        for state, texts in by_state.items():
            if event == "workflow_approval" and state not in APPROVALS:
                raise Refused(messages=[f"Workflow Approval event {state!r} invalid, must be one of {APPROVALS}"])
            _check_texts(event, texts or {})


def _check_texts(event: str, texts: Mapping[str, Any]) -> None:
    for kind, text in texts.items():
        if kind not in {"message", "body"} or not isinstance(text, str):
            raise Refused(messages=[f"Message type {kind!r} invalid, must be a string 'message' or 'body'"])
        if kind == "message" and "\n" in text:
            raise Refused(messages=[f"Messages cannot contain newlines (found newline in {event} event)"])
        try:
            ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(STUB)
        except TemplateError as exc:
            raise Refused(messages=[f"Unable to render message {text!r}: {exc}"]) from exc


def render(text: str, context: Mapping[str, Any], *, approval: bool = False) -> str:
    """Return the text as AWX sends it: of a job, or of an approval, whose names are fewer."""
    undefined = StrictUndefined if approval else ChainableUndefined
    return ImmutableSandboxedEnvironment(undefined=undefined).from_string(text).render(**context)


def check_configuration(kind: str, configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with AWX's defaults, or refuse it."""
    found = dict(configuration)
    for name, option in CONFIGURATIONS.get(kind, {}).items():
        if name not in found and len(option) > 1:
            found[name] = option[1]
        if name not in found:
            raise Refused(
                notification_configuration=[f"Missing required fields for Notification Configuration: {name}."]
            )
        # A subclass is another type here: true is no number.
        if found[name].__class__ is not option[0]:
            raise Refused(notification_configuration=[f"Configuration field {name!r} incorrect type."])
    return found


def hidden(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it is shown."""
    return {name: "$encrypted$" if name in SECRET and value else value for name, value in configuration.items()}


# --- credential types ------------------------------------------------------------------------------------------------


def check_credential_type(inputs: Mapping[str, Any], injectors: Mapping[str, Any]) -> None:
    """Refuse fields that AWX does not know, and injectors that name a field there is not."""
    fields: Sequence[Mapping[str, Any]] = inputs.get("fields", [])
    allowed = {
        "id",
        "label",
        "type",
        "format",
        "help_text",
        "multiline",
        "secret",
        "ask_at_runtime",
        "default",
        "choices",
    }
    for field in fields:
        if not {"id", "label"} <= set(field) <= allowed or field.get("type", "string") not in {"string", "boolean"}:
            raise Refused(inputs=[f"field {field} is not valid"])
        if field.get("choices") and field.get("secret"):
            raise Refused(inputs=[f"{field['id']}: a secret has no choices"])
    known = {field["id"] for field in fields}
    if not set(inputs.get("required", [])) <= known:
        raise Refused(inputs=[f"required names what is no field: {inputs['required']}"])
    if not set(injectors) <= {"file", "env", "extra_vars"}:
        raise Refused(injectors=[f"{sorted(injectors)} are not all of file, env, extra_vars"])
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for text in _texts(injectors):
        try:
            environment.from_string(text).render(dict.fromkeys(known, "EXAMPLE"))
        except TemplateError as exc:
            raise Refused(injectors=[f"{text!r} uses an undefined field: {exc}"]) from exc


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
