"""The objects that are made in AWX, against the playbooks they run and the roles that take them as well."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.awx import rules
from tests.integration.awx_objects import GIVEN, playbook_names, resolved
from tests.integration.playbooks import PLAYBOOKS, ROOT, ansible_playbook, inventory_of

TAKEN = json.loads((ROOT / "tests" / "data" / "aap_configuration" / "3.0.0.json").read_text(encoding="utf-8"))["keys"]
SAMPLE = PLAYBOOKS / "files" / "sample_account.json"
SECRETS = re.compile(r"code\d|seed|_key$|password")
NO_SECRETS = {"softtoken_public_key"}
# Where a playbook takes the choices of a question from: the module's option, or the role's.
CHOICES = {
    "softtoken_account_scope": ("iam_mfa_audit_info", "scope"),
    "softtoken_account_severity": ("iam_mfa_audit_info", "severity_threshold"),
    "softtoken_confirm": ("iam_mfa_device", "confirm"),
    "softtoken_interrupted": ("iam_mfa_device", "interrupted"),
}
DEFAULTS = {
    **CHOICES,
    "softtoken_account_trail_hours": ("iam_mfa_audit_info", "trail_hours"),
    "softtoken_account_devices": ("iam_mfa_audit_info", "devices"),
    "softtoken_account_organization": ("iam_mfa_audit_info", "organization"),
    "softtoken_account_monitoring": ("iam_mfa_audit_info", "monitoring"),
    "softtoken_account_unassigned_after_days": ("iam_mfa_audit_info", "unassigned_after_days"),
    "softtoken_path": ("iam_mfa_device", "path"),
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return resolved(tmp_path_factory.mktemp("awx"))


@pytest.fixture(scope="module")
def templates(objects: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {template["name"]: template for template in objects["controller_templates"]}


def questions(template: dict[str, Any]) -> list[dict[str, Any]]:
    spec: list[dict[str, Any]] = template["survey_spec"]["spec"]
    return spec


@cache
def options(module: str) -> dict[str, Any]:
    """Return a module's options as ansible-doc shows them, those of doc fragments too."""
    name = f"softtoken.compliance.{module}"
    shown = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-doc")), "--json", name],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(shown.stdout)[name]["doc"]["options"]
    return found


def option(module: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = options(module)[name]
    return found


def test_every_playbook_has_a_template_and_no_template_a_playbook_that_there_is_not(templates: dict[str, Any]) -> None:
    assert sorted({Path(template["playbook"]).stem for template in templates.values()}) == playbook_names()


def test_audit_and_enforcement_are_cut_in_slices_of_one_run_each(objects: dict[str, Any]) -> None:
    sliced = [one for one in objects["controller_templates"] if "job_slice_count" in one]

    assert {one["extra_vars"]["softtoken_mode"] for one in sliced} == {"audit", "enforce"}
    assert all(one["extra_vars"]["softtoken_slice"] is True for one in sliced)
    assert len({one["extra_vars"]["softtoken_slices_run"] for one in sliced}) == 2


def test_a_survey_is_one_that_awx_takes(objects: dict[str, Any]) -> None:
    for template in objects["controller_templates"] + objects["controller_workflows"]:
        rules.check_survey(template["survey_spec"])


def test_a_question_has_a_variable_of_its_playbook(templates: dict[str, Any]) -> None:
    role = yaml.safe_load((ROOT / "roles/timesync/meta/argument_specs.yml").read_text(encoding="utf-8"))
    of_the_role = set(role["argument_specs"]["main"]["options"])
    shared = "".join(path.read_text(encoding="utf-8") for path in (PLAYBOOKS / "tasks").glob("*_account.yml"))
    for template in templates.values():
        text = (PLAYBOOKS / Path(template["playbook"]).name).read_text(encoding="utf-8")
        text += shared if "audit_account.yml" in text else ""
        code = re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE)
        for question in questions(template):
            name = question["variable"]
            assert re.search(rf"\b{name}\b", code) or name in of_the_role, (template["name"], name)


def test_the_extra_variables_are_the_playbooks_as_well(templates: dict[str, Any]) -> None:
    for template in templates.values():
        text = (PLAYBOOKS / Path(template["playbook"]).name).read_text(encoding="utf-8")
        for name in set(template["extra_vars"]) - {"softtoken_awx_state_dir"}:
            assert re.search(rf"\b{name}\b", text), (template["name"], name)


def test_what_is_secret_is_asked_for_as_a_password_without_a_default(templates: dict[str, Any]) -> None:
    asked = [question for template in templates.values() for question in questions(template)]
    secret = [one for one in asked if SECRETS.search(one["variable"]) and one["variable"] not in NO_SECRETS]

    assert secret
    assert {one["variable"] for one in asked if one["type"] == "password"} == {one["variable"] for one in secret}
    assert not any("default" in one for one in secret)


def test_choices_and_defaults_are_those_of_the_modules(templates: dict[str, Any]) -> None:
    seen = set()
    for name, template in templates.items():
        for question in questions(template):
            variable = question["variable"]
            if variable in CHOICES:
                assert question["choices"] == option(*CHOICES[variable])["choices"], (name, variable)
            if variable in DEFAULTS and (name, variable) != (
                "softtoken account remediate",
                "softtoken_account_severity",
            ):
                default = option(*DEFAULTS[variable])["default"]
                assert question["default"] == (str(default).lower() if isinstance(default, bool) else default)
                seen.add(variable)

    assert seen == set(DEFAULTS)


def test_steps_may_be_what_the_role_takes(templates: dict[str, Any]) -> None:
    role = yaml.safe_load((ROOT / "roles/timesync/meta/argument_specs.yml").read_text(encoding="utf-8"))
    [question] = [q for q in questions(templates["softtoken compliance enforce"]) if q["variable"] == "timesync_step"]

    assert question["choices"] == role["argument_specs"]["main"]["options"]["timesync_step"]["choices"]


def test_no_default_of_a_question_overrules_the_policy_in_the_inventory(templates: dict[str, Any]) -> None:
    asked = [question for template in templates.values() for question in questions(template)]

    assert not [one for one in asked if one["variable"].startswith("timesync_") and "default" in one]


def test_an_image_is_never_made_of_the_whole_fleet_by_accident(templates: dict[str, Any]) -> None:
    [machine, *_others] = questions(templates["softtoken image bootstrap"])

    assert machine["required"]
    assert "default" not in machine
    with pytest.raises(rules.Refused):
        rules.answers(templates["softtoken image bootstrap"]["survey_spec"], {})


def test_nothing_is_left_to_a_prompt(templates: dict[str, Any]) -> None:
    """A job of AWX has a terminal, so Ansible would ask for what is not given, and wait for ever."""
    asked = 0
    for name, template in templates.items():
        given = {*template["extra_vars"], *rules.answers(template["survey_spec"], needed(template))}
        for play in yaml.safe_load((PLAYBOOKS / Path(template["playbook"]).name).read_text(encoding="utf-8")):
            prompts = {prompt["name"] for prompt in play.get("vars_prompt", [])}
            assert prompts <= given, name
            asked += len(prompts)
    assert asked


def needed(template: dict[str, Any]) -> dict[str, Any]:
    """Answer what has to be answered, and nothing else."""
    return {q["variable"]: examples(q) for q in questions(template) if q["required"] and "default" not in q}


def examples(question: dict[str, Any]) -> Any:
    """Return an answer that differs from the default."""
    if "choices" in question:
        return question["choices"][-1]
    if question["type"] in {"integer", "float"}:
        return 7
    return {"softtoken_code1": "012345", "softtoken_code2": "678901"}.get(question["variable"], "alice")


@pytest.mark.parametrize("answered", [False, True], ids=["nothing answered", "everything answered"])
def test_the_playbook_takes_what_awx_makes_of_the_answers(
    templates: dict[str, Any], tmp_path: Path, answered: bool
) -> None:
    for name, template in templates.items():
        required = [q for q in questions(template) if answered or (q["required"] and "default" not in q)]
        variables = rules.answers(template["survey_spec"], {q["variable"]: examples(q) for q in required})
        path = tmp_path / "extravars.json"
        path.write_text(json.dumps({**template["extra_vars"], **variables, "awx_job_id": 5}), encoding="utf-8")
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "--syntax-check",
                "-e", f"@{path}", str(PLAYBOOKS / Path(template["playbook"]).name),
            ],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (name, done.stderr)


def test_a_playbook_runs_with_answers_that_are_all_text(templates: dict[str, Any], tmp_path: Path) -> None:
    """The audit of the sample account, with every question answered as AWX hands answers over."""
    template = templates["softtoken account audit"]
    given = {question["variable"]: examples(question) for question in questions(template)}
    # A snapshot has no regions and no event history to read.
    given |= {"softtoken_account_regions": "", "softtoken_account_trail_hours": 0}
    given |= {"softtoken_account_trusted": "210987654321", "softtoken_account_roles": "operations, web-server"}
    variables = {**template["extra_vars"], **rules.answers(template["survey_spec"], given)}
    variables |= {"awx_job_id": 5, "softtoken_awx_state_dir": str(tmp_path), "softtoken_account": str(SAMPLE)}
    run = ansible_playbook(tmp_path, PLAYBOOKS / "iam_audit.yml", inventory_of({}), **variables)

    assert run.rc == 0, run.output  # the last choice of what fails the job is nothing
    report = json.loads((tmp_path / "report" / "5" / "report.json").read_text(encoding="utf-8"))
    assert report["account"]["findings"], report["account"]["message"]
    assert all(
        "operations" in one["resource"] or "web-server" in one["resource"] for one in report["account"]["findings"]
    )


def test_infra_aap_configuration_takes_every_variable_and_every_key(objects: dict[str, Any]) -> None:
    assert set(objects) == set(TAKEN) - {"simplified_workflow_nodes"}
    for variable, items in objects.items():
        assert items, variable
        for item in items:
            assert set(item) <= set(TAKEN[variable]) | {"simplified_workflow_nodes"}, (variable, item["name"])
    for workflow in objects["controller_workflows"]:
        for node in workflow["simplified_workflow_nodes"]:
            assert set(node) <= set(TAKEN["simplified_workflow_nodes"]), node["identifier"]


def test_every_schedule_names_the_time_zone_that_was_asked_for(tmp_path: Path) -> None:
    found = resolved(tmp_path, softtoken_awx_time_zone="Europe/Berlin", softtoken_awx_time="033000")

    for schedule in found["controller_schedules"]:
        assert re.match(r"DTSTART;TZID=Europe/Berlin:\d{8}T033000 RRULE:\S+$", schedule["rrule"])
        rules.check_rrule(schedule["rrule"])


def test_a_credential_of_ones_own_is_not_made(tmp_path: Path) -> None:
    found = resolved(tmp_path, softtoken_awx_aws_credential="theirs", softtoken_awx_extra_vars={"iam_audit": {"x": 1}})
    audit = next(one for one in found["controller_templates"] if one["name"] == "softtoken account audit")

    assert [one["name"] for one in found["controller_credentials"]] == ["softtoken machine"]
    assert audit["credentials"] == ["theirs"]
    assert audit["extra_vars"]["x"] == 1


# --- what notifications say ------------------------------------------------------------------------------------------

SUMMARY = {
    "verdict": "noncompliant",
    "counts": {"hosts": 200, "noncompliant": 3, "unknown": 1, "compliant": 196},
    "reasons": {"clock.bound_exceeded": 3},
    "account_summary": {"headline": 'noncompliant: "quoted" finding'},
    "files": ["/var/lib/softtoken/report/7/index.html"],
}
JOB = {"id": 7, "name": "softtoken compliance report", "status": "failed"}
NAMES = {"url": "https://awx/#/jobs/7", "job_friendly_name": "Job", "job_metadata": "{}"}


def messages(objects: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one["messages"] for one in objects["controller_notifications"] if one["name"] == name]
    return dict(found)


def test_a_notification_has_the_numbers_of_the_run(objects: dict[str, Any]) -> None:
    context = {**NAMES, "job": {**JOB, "artifacts": {"softtoken": SUMMARY}}}
    mail = messages(objects, "softtoken mail")["error"]
    line = rules.render(mail["message"], context)
    text = rules.render(mail["body"], context)

    assert line == (
        "softtoken compliance report #7: noncompliant, 200 hosts, 3 noncompliant, 1 unknown; "
        'account noncompliant: "quoted" finding (https://awx/#/jobs/7)'
    )
    for part in ("Verdict: noncompliant", "unknown: 1", "because of clock.bound_exceeded: 3", "Report: /var/lib/"):
        assert part in text


def test_a_webhook_gets_json_whatever_is_in_the_summary(objects: dict[str, Any]) -> None:
    body = messages(objects, "softtoken chat")["error"]["body"]

    sent = json.loads(rules.render(body, {**NAMES, "job": {**JOB, "artifacts": {"softtoken": SUMMARY}}}))
    assert sent["summary"] == SUMMARY
    assert json.loads(rules.render(body, {**NAMES, "job": JOB}))["summary"] is None


@pytest.mark.parametrize(
    "artifacts", [{}, "$hidden due to Ansible no_log flag$", {"softtoken": {"account_summary": None}}]
)
def test_a_job_that_left_nothing_is_told_of_as_well(objects: dict[str, Any], artifacts: Any) -> None:
    for name in ("softtoken mail", "softtoken chat"):
        for kind in ("message", "body"):
            text = rules.render(
                messages(objects, name)["error"][kind], {**NAMES, "job": {**JOB, "artifacts": artifacts}}
            )
            assert text.strip()
    line = rules.render(
        messages(objects, "softtoken mail")["error"]["message"], {**NAMES, "job": {**JOB, "artifacts": artifacts}}
    )
    assert line == "softtoken compliance report #7: no report (https://awx/#/jobs/7)"


@pytest.mark.parametrize("state", ["running", "approved", "timed_out", "denied"])
def test_each_state_of_an_approval_has_its_words(objects: dict[str, Any], state: str) -> None:
    context = {"approval_status": state, "approval_node_name": "Enforce", "workflow_url": "https://awx/#/jobs/9"}
    for given in GIVEN["softtoken_awx_notifications"]:
        texts = messages(objects, given["name"])["workflow_approval"][state]
        assert "https://awx/#/jobs/9" in rules.render(texts["message"], context, approval=True)
        assert "Enforce" in rules.render(texts["body"], context, approval=True)
