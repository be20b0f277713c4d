"""The command softtoken-mfa-review: what it says, writes and returns."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.plugin_utils._code_review import (
    CLEAN,
    FOUND,
    UNJUDGED,
    USAGE,
    run,
)

from tests.rigs.iam_rules import MISTAKES
from tests.rigs.reports import ROOT, SCHEMAS

BROKEN = json.dumps({"Version": "2012-10-17", "Statement": [MISTAKES["broken_trust_policy"]]}, indent=1)
INTENDED = json.dumps({"Version": "2012-10-17", "Statement": [MISTAKES["intended_trust_policy"]]}, indent=1)
UNKNOWN = 'resource "aws_iam_role" "r" {\n  assume_role_policy = var.trust\n}\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(**files: str) -> None:
    for name, text in files.items():
        Path(name.replace("__", ".")).write_text(text, encoding="utf-8")


def sarif(path: str = "out.sarif") -> dict[str, Any]:
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())).validate(document)
    (run_,) = document["runs"]
    assert isinstance(run_, dict)
    return run_


def exception(**more: str) -> str:
    entry = {"rule": "MFA-C01", "resource": "broken.json:*", "reason": "replaced soon", "expires": "2099-01-01", **more}
    return yaml.safe_dump([entry])


def test_findings_fail_and_are_told_with_place_and_rule(capsys: pytest.CaptureFixture[str]) -> None:
    write(broken__json=BROKEN)
    assert run(["broken.json"]) == FOUND
    lines = capsys.readouterr().out.splitlines()
    number = next(at for at, line in enumerate(BROKEN.splitlines(), 1) if "MultiFactorAuthAge" in line)
    assert lines[0].startswith(f"broken.json:{number}: high MFA-C01: ")
    assert lines[-1] == "softtoken-mfa-review: 1 finding (1 high); 1 policy in 1 file looked at"


def test_what_is_right_passes(capsys: pytest.CaptureFixture[str]) -> None:
    write(intended__json=INTENDED)
    assert run(["."]) == CLEAN
    assert capsys.readouterr().out == "softtoken-mfa-review: 0 findings; 1 policy in 1 file looked at\n"


def test_a_fix_that_is_proven_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write(keys__json=json.dumps({**json.loads(INTENDED), "Statement": [
        {**MISTAKES["intended_trust_policy"], "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}
    ]}))  # fmt: skip
    assert run(["keys.json"]) == FOUND
    assert "    fix:   " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "status"), [([], UNJUDGED), (["--unjudged", "fail"], UNJUDGED), (["--unjudged", "report"], CLEAN)]
)
def test_what_is_not_known_is_told_and_fails_unless_it_is_only_to_be_reported(
    options: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write(main__tf=UNKNOWN)
    assert run(["main.tf", *options]) == status
    assert "main.tf:2: not judged: inline:aws_iam_role.r: assume_role_policy is not" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("threshold", "status"), [("critical", CLEAN), ("high", FOUND), ("info", FOUND), ("never", CLEAN)]
)
def test_the_threshold_decides_on_the_exit_status_alone(threshold: str, status: int) -> None:
    write(broken__json=BROKEN)
    assert run(["broken.json", "--fail-on", threshold, "--sarif", "out.sarif"]) == status
    assert [one["ruleId"] for one in sarif()["results"]] == ["MFA-C01"]


def test_sarif_names_files_below_the_working_directory_and_what_was_not_judged() -> None:
    Path("live").mkdir()
    write(**{"live/broken__json": BROKEN, "main__tf": UNKNOWN})
    assert run([".", "--sarif", "out.sarif"]) == FOUND
    told = sarif()
    (result,) = told["results"]
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "live/broken.json"
    assert "MultiFactorAuthAge" in BROKEN.splitlines()[where["region"]["startLine"] - 1]
    assert told["automationDetails"]["id"].startswith("softtoken.compliance/code-review/")
    (note,) = told["invocations"][0]["toolExecutionNotifications"]
    assert "main.tf:2" in note["message"]["text"]


def test_a_finding_keeps_its_fingerprint_when_lines_move() -> None:
    prints = []
    for text in (BROKEN, "\n\n" + BROKEN):
        write(broken__json=text)
        run(["broken.json", "--sarif", "out.sarif"])
        prints.append(sarif()["results"][0]["partialFingerprints"])
    assert prints[0] == prints[1]


def test_paths_from_a_file_end_with_nul_bytes_and_only_code_counts() -> None:
    write(broken__json=BROKEN)
    Path("notes.pdf").write_bytes(b"\xff\xfe\xfd mfa")
    Path("changed").write_bytes(b"broken.json\0notes.pdf\0")
    assert run(["--paths-from", "changed", "--sarif", "out.sarif"]) == FOUND
    assert sarif()["invocations"][0]["toolExecutionNotifications"] == []


def test_nothing_changed_is_clean_and_still_writes_sarif() -> None:
    Path("changed").write_bytes(b"")
    assert run(["--paths-from", "changed", "--sarif", "out.sarif"]) == CLEAN
    assert sarif()["results"] == []


def test_a_whole_path_below_the_working_directory_is_named_from_there(tmp_path: Path) -> None:
    write(broken__json=BROKEN)
    assert run([str(tmp_path / "broken.json"), "--sarif", "out.sarif"]) == FOUND
    (result,) = sarif()["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "broken.json"


def test_a_policy_that_a_changed_file_names_is_read_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    write(main__tf='resource "aws_iam_role" "r" {\n  assume_role_policy = file("${path.module}/broken.json")\n}\n')
    assert run(["main.tf"]) == UNJUDGED
    assert "is the file broken.json, which was not looked at" in capsys.readouterr().out
    write(broken__json=BROKEN)
    assert run(["main.tf"]) == FOUND
    assert "broken.json:" in capsys.readouterr().out


def test_a_changed_policy_is_judged_for_what_the_file_beside_it_uses_it_for(capsys: pytest.CaptureFixture[str]) -> None:
    scp = {"Version": "2012-10-17", "Statement": [MISTAKES["service_control_policy"]]}
    write(
        main__tf='resource "aws_organizations_policy" "p" {\n  content = file("scp.json")\n}\n',
        scp__json=json.dumps(scp),
    )
    assert run(["scp.json"]) == FOUND
    assert "MFA-G04" in capsys.readouterr().out


def test_a_changed_document_is_judged_for_what_the_module_uses_it_for(capsys: pytest.CaptureFixture[str]) -> None:
    statement = '  statement {\n    effect = "Deny"\n    actions = ["sts:AssumeRole"]\n    resources = ["*"]\n'
    condition = '    condition {\n      test = "BoolIfExists"\n      variable = "aws:MultiFactorAuthPresent"\n'
    document = f'{statement}{condition}      values = ["false"]\n    }}\n  }}\n'
    write(scp__tf=f'data "aws_iam_policy_document" "scp" {{\n{document}}}\n')
    assert run(["scp.tf"]) == CLEAN
    content = "data.aws_iam_policy_document.scp.json"
    write(use__tf=f'resource "aws_organizations_policy" "p" {{\n  content = {content}\n}}\n')
    assert run(["scp.tf"]) == FOUND
    assert "MFA-G04" in capsys.readouterr().out


def test_an_exception_that_holds_takes_a_finding_out_and_stays_in_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    write(broken__json=BROKEN, exceptions__yml=exception())
    assert run(["broken.json", "--ignore", "exceptions.yml", "--sarif", "out.sarif"]) == CLEAN
    assert capsys.readouterr().out.endswith("0 findings, 1 accepted; 1 policy in 1 file looked at\n")
    (result,) = sarif()["results"]
    assert "replaced soon" in result["suppressions"][0]["justification"]


@pytest.mark.parametrize(
    ("more", "said"),
    [({"expires": "2020-01-01"}, "has expired"), ({"resource": "other.json:*"}, "matches nothing here")],
)
def test_an_exception_of_no_use_is_told(more: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(broken__json=BROKEN, exceptions__yml=exception(**more))
    assert run(["broken.json", "--ignore", "exceptions.yml"]) == FOUND
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to look at"),
        (["a.tf", "--ignore", "missing.yml"], "missing.yml"),
        (["a.tf", "--ignore", "broken.json"], "no list of exceptions"),
        (["a.tf", "--ignore", "tabs.yml"], "no YAML"),
        (["a.tf", "--sarif", "missing/out.sarif"], "missing/out.sarif"),
        (["--paths-from", "missing"], "missing"),
    ],
)
def test_wrong_arguments_have_a_status_of_their_own(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(broken__json=BROKEN, tabs__yml="a:\n\t- b\n")
    assert run(arguments) == USAGE
    assert said in capsys.readouterr().err


def test_an_unknown_option_has_that_status_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["--nothing"])
    assert ended.value.code == USAGE
    assert "--nothing" in capsys.readouterr().err


def test_a_missing_file_is_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gone.tf"]) == UNJUDGED
    assert capsys.readouterr().out.startswith("gone.tf: not judged: cannot be read: No such file")


def test_names_of_others_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write(broken__json=BROKEN.replace('"Effect"', '"Sid": "a\\u001b[2Jb", "Effect"', 1))
    run(["broken.json"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2Jb" in out


def test_the_package_holds_all_that_the_command_imports() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    collection = "ansible_collections.softtoken.compliance."
    script = (
        "import importlib, sys\n"
        f"importlib.import_module('{collection}plugins.plugin_utils._code_review')\n"
        f"names = [name for name in sys.modules if name.startswith('{collection}plugins.')]\n"
        "files = [name for name in names if not hasattr(sys.modules[name], '__path__')]\n"
        "print(*sorted({name.rpartition('.')[0] for name in files}), 'ansible' in sys.modules)"
    )
    path = {"PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    ended = subprocess.run([sys.executable, "-c", script], env=path, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [*sorted(packages), "False"]


def test_the_package_has_the_collections_version_and_needs_what_the_action_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    pinned = (ROOT / "requirements" / "review.in").read_text(encoding="utf-8").splitlines()
    assert set(project["dependencies"]) <= set(pinned)
