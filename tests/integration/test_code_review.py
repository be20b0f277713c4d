"""Code review with the real tools: Checkov loads the checks, pre-commit runs the hook, the action's steps are executed.

The tools come from the package registry, hash-pinned; nothing else is asked on a network.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import yaml

from tests.rigs.iam_rules import MISTAKES
from tests.rigs.reports import SCHEMAS
from tests.rigs.reviewers import ROOT, copy_of_the_project, tool

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
# Nothing of this machine's user: no configuration of git, of Checkov, of pre-commit.
IDENTITY = {
    name: "reviewer@example.com" if name.endswith("EMAIL") else "reviewer"
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
}

# Checkov asks nobody for a newer version, leaves nothing beside the checks, and tells what a plan does not know.
QUIET = {
    "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true",
    "PYTHONDONTWRITEBYTECODE": "1",
    "EVAL_TF_PLAN_AFTER_UNKNOWN": "true",
}


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


BROKEN = policy(MISTAKES["broken_trust_policy"])
INTENDED = policy(MISTAKES["intended_trust_policy"])
SCP = policy(MISTAKES["service_control_policy"])


def role(name: str, expression: str) -> str:
    return f'resource "aws_iam_role" "{name}" {{\n  name = "{name}"\n  assume_role_policy = {expression}\n}}\n'


def encoded(document: Mapping[str, Any]) -> str:
    return f"jsonencode({json.dumps(document, indent=2)})"


def document_of(test: str, variable: str, value: str, name: str) -> str:
    return f"""\
data "aws_iam_policy_document" "{name}" {{
  statement {{
    actions = ["sts:AssumeRole"]
    principals {{
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }}
    condition {{
      test     = "{test}"
      variable = "{variable}"
      values   = ["{value}"]
    }}
  }}
}}
"""


SCP_DOCUMENT = """\
data "aws_iam_policy_document" "scp" {
  statement {
    effect    = "Deny"
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
    condition {
      test     = "BoolIfExists"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["false"]
    }
  }
}
data "aws_iam_policy_document" "scps" {
  source_policy_documents = [data.aws_iam_policy_document.scp.json]
}
resource "aws_organizations_policy" "scp_documents" {
  name    = "documents"
  content = data.aws_iam_policy_document.scps.json
}
resource "aws_organizations_policy" "scp_document" {
  name    = "document"
  content = data.aws_iam_policy_document.scp.json
}
"""
DEVICE = "arn:aws:iam::123456789012:mfa/old-device"
MAIN = "".join(
    (
        'variable "trust" {}\nvariable "age" {}\nvariable "hour" {\n  default = "3600"\n}\n',
        role("broken", encoded(BROKEN)),
        role("broken_heredoc", f"<<-TRUST\n    {json.dumps(BROKEN)}\n  TRUST"),
        role("intended", encoded(INTENDED)),
        role("intended_heredoc", f"<<-TRUST\n    {json.dumps(INTENDED)}\n  TRUST"),
        role("intended_variable", encoded(INTENDED).replace('"3600"', "var.hour")),
        role("open", "var.trust"),
        role("open_age", encoded(INTENDED).replace('"3600"', "var.age")),
        role("open_key", encoded(INTENDED).replace('"aws:MultiFactorAuthAge"', '"aws:${var.key}"')),
        role("open_list", 'jsonencode({ Version = "2012-10-17", Statement = [for s in var.all : s] })'),
        role("open_template", 'templatefile("${path.module}/trust.tftpl", { account = "1" })'),
        role("accepted", encoded(BROKEN)).replace("{\n", "{\n  # checkov:skip=CKV_MFA_C01:replaced next week\n", 1),
        document_of("ArnLike", "aws:MultiFactorAuthAge", DEVICE, "broken"),
        document_of("ArnLike", "aws:MultiFactorAuthAge", DEVICE, "dynamic")
        .replace("    condition {", '    dynamic "condition" {\n      for_each = var.all\n      content {')
        .replace('"]\n    }\n  }\n}', '"]\n      }\n    }\n  }\n}'),
        'data "aws_iam_policy_document" "open_sources" {\n  source_policy_documents = [var.trust]\n}\n',
        document_of("Bool", "aws:MultiFactorAuthPresent", "true", "intended"),
        role("by_document", "data.aws_iam_policy_document.intended.json"),
        f'resource "aws_organizations_policy" "scp" {{\n  name    = "mfa"\n  content = {encoded(SCP)}\n}}\n',
        SCP_DOCUMENT,
        'resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n',
    )
)  # fmt: skip
TEMPLATE = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {"Age": {"Type": "String"}},
    "Resources": {
        name: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
        for name, document in (
            ("Broken", BROKEN),
            ("Intended", INTENDED),
            ("Open", json.loads(json.dumps(INTENDED).replace('"3600"', '{"Ref": "Age"}'))),
        )
    },
}
PLAN = {
    "format_version": "1.2",
    "terraform_version": "1.9.0",
    "planned_values": {
        "root_module": {
            "resources": [
                {
                    "address": f"aws_iam_role.{name}", "mode": "managed", "type": "aws_iam_role", "name": name,
                    "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 0,
                    "values": {"name": name, "assume_role_policy": json.dumps(document)},
                }
                for name, document in (("plan_broken", BROKEN), ("plan_intended", INTENDED))
            ]
            + [
                {
                    "address": "aws_iam_role.plan_open", "mode": "managed", "type": "aws_iam_role",
                    "name": "plan_open", "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 0,
                    "values": {"name": "plan_open"},
                }
            ]
        }
    },
    "resource_changes": [
        {
            "address": f"aws_iam_role.{name}", "mode": "managed", "type": "aws_iam_role", "name": name,
            "change": {"actions": ["create"], "before": None, "after": {"name": name}},
        }
        for name in ("plan_broken", "plan_intended")
    ]
    + [
        {
            "address": "aws_iam_role.plan_open", "mode": "managed", "type": "aws_iam_role", "name": "plan_open",
            "change": {
                "actions": ["create"], "before": None, "after": {"name": "plan_open"},
                "after_unknown": {"assume_role_policy": True},
            },
        }
    ],
}  # fmt: skip
TAGGED = """\
Resources:
  Tagged:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Deny
            Action: "s3:*"
            Resource: !Sub "arn:${AWS::Partition}:s3:::${AWS::AccountId}-logs/*"
            Condition: {Bool: {"aws:MultiFactorAuthPresent": "false"}}
"""


class Checked(NamedTuple):
    """What Checkov said: the checks that failed, passed and were skipped, by resource."""

    failed: dict[str, list[str]]
    passed: dict[str, list[str]]
    skipped: dict[str, list[str]]
    details: dict[str, list[str]]
    errors: str


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    folder = tmp_path_factory.mktemp("checkov")
    code = folder / "code"
    code.mkdir()
    (code / "main.tf").write_text(MAIN, encoding="utf-8")
    (code / "template.json").write_text(json.dumps(TEMPLATE, indent=2), encoding="utf-8")
    (code / "tagged.yaml").write_text(TAGGED, encoding="utf-8")
    (code / "plan.json").write_text(json.dumps(PLAN, indent=2), encoding="utf-8")
    ended = subprocess.run(
        [
            tool("checkov"), "--directory", code, "--external-checks-dir", ROOT / "review" / "checkov",
            "--check", "CKV_MFA*", "--framework", "terraform", "terraform_plan", "cloudformation",
            "--skip-download", "--output", "json",
        ],
        cwd=folder, env={**os.environ, **QUIET, "HOME": str(folder)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    reports = json.loads(ended.stdout)
    results = {
        kind: [one for report in reports for one in report["results"][f"{kind}_checks"]]
        for kind in ("failed", "passed", "skipped")
    }
    by_resource = {
        kind: {
            resource: sorted(one["check_id"] for one in found if one["resource"] == resource)
            for resource in {one["resource"] for one in found}
        }
        for kind, found in results.items()
    }
    details: dict[str, list[str]] = {}
    for one in results["failed"]:
        details.setdefault(one["resource"], []).extend(one["details"])
    return Checked(by_resource["failed"], by_resource["passed"], by_resource["skipped"], details, ended.stderr)


UNJUDGED = ["CKV_MFA_UNJUDGED"]


@pytest.mark.parametrize(
    ("resource", "failed"),
    [
        ("aws_iam_role.broken", ["CKV_MFA_C01"]),
        ("aws_iam_role.broken_heredoc", ["CKV_MFA_C01"]),
        ("aws_iam_policy_document.broken", ["CKV_MFA_C01"]),
        ("aws_organizations_policy.scp", ["CKV_MFA_G04"]),
        ("aws_organizations_policy.scp_document", ["CKV_MFA_G04"]),
        ("aws_organizations_policy.scp_documents", ["CKV_MFA_G04"]),
        ("aws_iam_role.plan_broken", ["CKV_MFA_C01"]),
        ("AWS::IAM::Role.Broken", ["CKV_MFA_C01"]),
        ("AWS::IAM::ManagedPolicy.Tagged", ["CKV_MFA_C03"]),
        ("aws_iam_policy_document.dynamic", ["CKV_MFA_C01"]),
        ("aws_iam_policy_document.open_sources", UNJUDGED),
        ("aws_iam_role.open", UNJUDGED),
        ("aws_iam_role.open_key", UNJUDGED),
        ("aws_iam_role.open_list", UNJUDGED),
        ("aws_iam_role.open_age", UNJUDGED),
        ("aws_iam_role.open_template", UNJUDGED),
        ("aws_iam_role.plan_open", UNJUDGED),
        ("AWS::IAM::Role.Open", UNJUDGED),
    ],
)
def test_checkov_finds(checked: Checked, resource: str, failed: list[str]) -> None:
    assert checked.failed.get(resource) == failed, checked.errors


@pytest.mark.parametrize(
    "resource",
    [
        "aws_iam_role.intended",
        "aws_iam_role.intended_heredoc",
        "aws_iam_role.intended_variable",
        "aws_iam_policy_document.intended",
        "aws_iam_role.by_document",
        "aws_iam_role.plan_intended",
        "AWS::IAM::Role.Intended",
    ],
)
def test_checkov_passes_what_is_right(checked: Checked, resource: str) -> None:
    assert resource not in checked.failed
    assert {"CKV_MFA_C01", "CKV_MFA_T02", "CKV_MFA_UNJUDGED"} <= set(checked.passed[resource])


@pytest.mark.parametrize(
    "resource", ["aws_iam_role.open", "aws_iam_role.open_age", "aws_iam_role.open_template", "AWS::IAM::Role.Open"]
)
def test_checkov_passes_nothing_that_is_not_known(checked: Checked, resource: str) -> None:
    assert resource not in checked.passed


def test_checkov_says_why(checked: Checked) -> None:
    (why,) = checked.details["aws_iam_role.broken"]
    assert why.startswith("statement 0: ArnLike does not fit aws:MultiFactorAuthAge")
    assert checked.details["aws_iam_role.open"] == ["assume_role_policy is not known before a run"]


def test_checkov_takes_an_accepted_finding_and_says_nothing_of_other_resources(checked: Checked) -> None:
    assert checked.skipped["aws_iam_role.accepted"] == ["CKV_MFA_C01"]
    assert "aws_s3_bucket.b" not in {**checked.failed, **checked.passed}


def test_the_checks_need_no_ansible() -> None:
    ended = subprocess.run([tool("python"), "-c", "import ansible"], capture_output=True, text=True, check=False)
    assert "No module named 'ansible'" in ended.stderr


# --- pre-commit and the action, in a repository of a user ------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this project, changes included."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    commit(folder, "all")
    return folder


def command(folder: Path, *argv: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        argv, cwd=folder, env={**environ, **IDENTITY, "HOME": str(folder.parent), **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def git(folder: Path, *argv: str) -> str:
    ended = command(folder, "git", *argv)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def test_pre_commit_runs_the_hook(project: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    hook = {"id": "softtoken-mfa-review", "args": ["--sarif", "review.sarif"]}
    repository = {"repo": str(project), "rev": git(project, "rev-parse", "HEAD"), "hooks": [hook]}
    (code / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [repository]}), encoding="utf-8")
    (code / "main.tf").write_text(role("ops", encoded(BROKEN)), encoding="utf-8")
    (code / "notes.md").write_text("aws:MultiFactorAuthAge with ArnLike\n", encoding="utf-8")
    commit(code, "broken")

    broken = command(code, tool("pre-commit"), "run", "--all-files")
    assert broken.returncode == 1, broken.stderr
    assert f"main.tf:{line_of_the_mistake(code / 'main.tf')}: high MFA-C01: " in broken.stdout
    assert "1 finding (1 high); 1 policy in 2 files looked at" in broken.stdout  # pre-commit's own is YAML
    assert valid(code / "review.sarif")["results"][0]["ruleId"] == "MFA-C01"

    (code / "main.tf").write_text(role("ops", encoded(INTENDED)), encoding="utf-8")
    git(code, "add", "main.tf")
    intended = command(code, tool("pre-commit"), "run")
    assert (intended.returncode, intended.stderr) == (0, "")
    assert re.search(r"MFA conditions of IAM policies\.+Passed", intended.stdout)


def line_of_the_mistake(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if "aws:MultiFactorAuthAge" in line)


def valid(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


class Runner:
    """Runs the steps of action.yml as GitHub's runner does: bash, with the step's own environment and no other."""

    def __init__(self, action: Path, folder: Path) -> None:
        self.action = action
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.steps: list[dict[str, Any]] = ACTION["runs"]["steps"]

    def run(self, step: int, workspace: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run one step with inputs; those that are not given have their defaults."""
        told = self.steps[step]
        assert told["shell"] == "bash"
        assert "${{" not in told["run"], "what others write would become part of the script"
        script = self.temporary / f"step-{step}.sh"
        script.write_text(told["run"], encoding="utf-8")
        values = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()} | inputs
        environment = {name: self.value(text, values) for name, text in told.get("env", {}).items()}
        return command(
            workspace, "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script,
            GITHUB_ACTION_PATH=str(self.action), RUNNER_TEMP=str(self.temporary),
            GITHUB_OUTPUT=str(self.temporary / "output"), **environment,
        )  # fmt: skip

    @staticmethod
    def value(text: str, inputs: Mapping[str, str]) -> str:
        match = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)
        assert match, text
        return inputs[match[1]]

    @property
    def output(self) -> dict[str, str]:
        """What the steps have put out."""
        lines = (self.temporary / "output").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="module")
def runner(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner on which the action's first step has been run."""
    one = Runner(project, tmp_path_factory.mktemp("runner"))
    ended = one.run(0, project, python="python3")
    assert ended.returncode == 0, ended.stderr
    assert git(project, "status", "--porcelain") == ""
    return one


class History(NamedTuple):
    """A repository of a user with three commits."""

    folder: Path
    first: str
    broken: str
    head: str


@pytest.fixture
def history(tmp_path: Path) -> History:
    folder = tmp_path / "workspace"
    (folder / "live").mkdir(parents=True)
    (folder / "old.json").write_text(json.dumps(policy(MISTAKES["service_control_policy"])), encoding="utf-8")
    (folder / "old.tf").write_text(role("old", encoded(BROKEN)), encoding="utf-8")
    first = commit(folder, "first")
    (folder / "live" / "new one.tf").write_text(role("new", encoded(BROKEN)), encoding="utf-8")
    (folder / "old.json").unlink()
    (folder / "picture.pdf").write_bytes(b"\xff\xd8 mfa")
    broken = commit(folder, "broken")
    (folder / "README.md").write_text("aws:MultiFactorAuthAge\n", encoding="utf-8")
    return History(folder, first, broken, commit(folder, "nothing about policies"))


def places(run: Mapping[str, Any]) -> list[str]:
    return [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]


def test_the_action_looks_at_what_changed(runner: Runner, history: History) -> None:
    ended = runner.run(1, history.folder, base=history.first)
    assert ended.returncode == 1, ended.stderr
    line = line_of_the_mistake(history.folder / "live" / "new one.tf")
    assert f"live/new one.tf:{line}: high MFA-C01: " in ended.stdout
    path = history.folder / runner.output["sarif"]
    assert places(valid(path)) == ["live/new%20one.tf"]


def test_the_action_is_done_where_nothing_changed(runner: Runner, history: History) -> None:
    ended = runner.run(1, history.folder, base=history.broken, sarif="other.sarif")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert valid(history.folder / runner.output["sarif"])["results"] == []


@pytest.mark.parametrize("base", ["", "0" * 40])
def test_the_action_looks_at_everything_where_it_cannot_compare(runner: Runner, history: History, base: str) -> None:
    ended = runner.run(1, history.folder, base=base)
    assert ended.returncode == 1, ended.stderr
    assert "everything is looked at" in ended.stdout
    assert sorted(places(valid(history.folder / runner.output["sarif"]))) == ["live/new%20one.tf", "old.tf"]


def test_the_action_passes_its_inputs_on(runner: Runner, history: History) -> None:
    exceptions = [{"rule": "MFA-C01", "resource": "old.tf:*", "reason": "known", "expires": "2099-01-01"}]
    (history.folder / "exceptions.yml").write_text(yaml.safe_dump(exceptions), encoding="utf-8")
    (history.folder / "open.tf").write_text(role("open", "var.trust"), encoding="utf-8")
    given = {"base": "", "paths": "old.tf\nopen.tf", "ignore": "exceptions.yml"}
    assert runner.run(1, history.folder, **given).returncode == 2
    assert runner.run(1, history.folder, **given, unjudged="report").returncode == 0
    assert runner.run(1, history.folder, **{**given, "ignore": ""}, unjudged="report").returncode == 1
    critical = {"ignore": "", "unjudged": "report", "fail-on": "critical"}
    assert runner.run(1, history.folder, **{**given, **critical}).returncode == 0


def test_a_path_of_somebody_else_is_no_command(runner: Runner, history: History) -> None:
    marker = history.folder / "marker"
    name = f"$(touch {shlex.quote(str(marker))});.tf"
    runner.run(1, history.folder, base="", paths=name)
    assert not marker.exists()


def test_the_definitions_are_what_github_and_pre_commit_take() -> None:
    commands: tuple[list[str | Path], ...] = (
        [tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"],
        [tool("pre-commit"), "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
    )
    for argv in commands:
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
