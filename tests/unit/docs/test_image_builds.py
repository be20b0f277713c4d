"""The examples for image builds are what the tools that read them take, and set variables that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import hcl2
import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PACKER = DOCS / "packer"
COMPONENT = DOCS / "image-builder" / "softtoken-compliance.yml"
SCHEMA = ROOT / "tests" / "data" / "image_builder" / "component.schema.json"
_REFERENCE = re.compile(r"\{\{ *(\w+) *\}\}")


def component() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPONENT.read_text(encoding="utf-8"))
    return document


def steps(phase: str) -> list[dict[str, Any]]:
    (found,) = [one["steps"] for one in component()["phases"] if one["name"] == phase]
    return list(found)


SCRIPTS = {
    f"{phase['name']}-{step['name']}": "\n".join(step["inputs"]["commands"])
    for phase in component()["phases"]
    for step in phase["steps"]
    if step["action"] == "ExecuteBash"
}


def known_variables() -> set[str]:
    """Return what may be set in a run of bootstrap.yml: its own variables, and those of its roles."""
    playbook = (ROOT / "playbooks" / "bootstrap.yml").read_text(encoding="utf-8")
    known = set(re.findall(r"\bsofttoken_\w+", playbook.split("\n- name:")[0]))
    for role in ("timesync", "drift_agent"):
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        for entry in specs["argument_specs"].values():
            known |= set(entry.get("options", {}))
    return known


def template() -> dict[str, Any]:
    parsed: dict[str, Any] = hcl2.loads((PACKER / "image.pkr.hcl").read_text(encoding="utf-8"))
    return parsed


def test_the_component_is_one() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(component())


def test_phases_and_steps_have_names_of_their_own() -> None:
    phases = [phase["name"] for phase in component()["phases"]]
    assert sorted(phases) == ["build", "test", "validate"]
    for phase in phases:
        names = [step["name"] for step in steps(phase)]
        assert len(names) == len(set(names))


def test_the_component_uses_each_of_its_parameters_and_no_other() -> None:
    declared = {name for parameter in component()["parameters"] for name in parameter}
    assert set(_REFERENCE.findall(COMPONENT.read_text(encoding="utf-8"))) == declared


def test_the_component_fits_into_the_request_that_its_first_lines_show() -> None:
    text = COMPONENT.read_text(encoding="utf-8")
    service = botocore.session.get_session().get_service_model("imagebuilder")
    shape = service.operation_model("CreateComponent").input_shape
    assert shape is not None
    shown = set(re.findall(r"--([a-z-]+) ", text.split("create-component")[1].split("\nname:")[0]))
    members = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): member for name, member in shape.members.items()}
    required = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in shape.required_members}
    assert required - {"client-token"} <= shown <= set(members)
    assert len(text) <= members["data"].metadata["max"]
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert f"--semantic-version {version} " in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_of_the_component_are_sound(name: str) -> None:
    script = _REFERENCE.sub("value", SCRIPTS[name])
    assert script.startswith("set -euo pipefail\n"), "a failed command would be passed over"
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "--severity=style", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_identity_goes_last() -> None:
    # What a later step of the component did would be the builder's again.
    assert steps("build")[-1]["name"] == "Bootstrap"
    provisioners = template()["build"][0]["provisioner"]
    assert [kind.strip('"') for provisioner in provisioners for kind in provisioner if "__" not in kind] == ["ansible"]


def test_the_component_sets_variables_that_exist() -> None:
    given = set(re.findall(r"--extra-vars '?(\w+)=", SCRIPTS["build-Bootstrap"]))
    assert "timesync_gated_units" in given
    assert {name for name in given if not name.startswith("ansible_")} <= known_variables()


def test_the_template_sets_variables_that_exist() -> None:
    (variables,) = [one["ansible_variables"] for one in template()["locals"] if "ansible_variables" in one]
    given = {str(name).strip('"') for name in variables}
    assert "timesync_gated_units" in given
    assert {name for name in given if not name.startswith("ansible_")} <= known_variables()


def test_the_template_uses_each_of_its_variables_and_no_other() -> None:
    text = (PACKER / "image.pkr.hcl").read_text(encoding="utf-8")
    declared = {name.strip('"') for variable in template()["variable"] for name in variable}
    assert set(re.findall(r"\bvar\.(\w+)", text)) == declared


def test_the_plugins_are_those_that_the_template_uses() -> None:
    parsed = hcl2.loads((PACKER / "plugins.pkr.hcl").read_text(encoding="utf-8"))
    (wanted,) = parsed["packer"][0]["required_plugins"]
    assert {name.strip('"') for name in wanted if "__" not in name} == {"amazon", "ansible"}
