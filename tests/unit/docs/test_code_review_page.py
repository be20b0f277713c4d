"""docs/code-review.md names every option, input and rule there is, and the defaults they have."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.review import POLICY_RULES, TEXT_RULES
from ansible_collections.softtoken.compliance.plugins.plugin_utils._code_review import _parser

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "code-review.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_option_of_the_command_is_there() -> None:
    options = {name for action in _parser()._actions for name in action.option_strings if name.startswith("--")}
    assert set(re.findall(r"^\| `(--[\w-]+)", section("The command"), re.MULTILINE)) == options - {"--help"}


def test_every_input_of_the_action_is_there_with_its_default() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([^|]*?) ?\|", section("GitHub Action"), re.MULTILINE))
    assert set(rows) == set(inputs)
    plain = {name: str(one["default"]) for name, one in inputs.items() if "${{" not in str(one["default"])}
    assert {name: rows[name].strip("`") for name in plain} == plain


def test_the_rules_that_it_lists_are_those_that_are_applied() -> None:
    told = section("What is judged")
    spans = re.findall(r"`MFA-([A-Z])(\d\d)` to `MFA-[A-Z](\d\d)`", told)
    ranges = {f"MFA-{family}{number:02}" for family, low, high in spans for number in range(int(low), int(high) + 1)}
    assert ranges | set(re.findall(r"`(MFA-[A-Z]\d\d)`", told)) == TEXT_RULES
    assert set(re.findall(r"`(MFA-[A-Z]\d\d)`", told.split("the command also has")[1])) == TEXT_RULES - POLICY_RULES


def test_the_hook_and_the_package_of_the_page_exist() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert f"- id: {hook['id']}" in PAGE
    assert hook["entry"] == "softtoken-mfa-review"
    assert (ROOT / "review" / "checkov" / "mfa_conditions.py").is_file()
