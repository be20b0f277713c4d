"""Real files of each kind on disk, and what is read out of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils import _iac_files
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_code, read_text
from ansible_collections.softtoken.compliance.plugins.module_utils._iam import iac_tree
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import ACCOUNT, PARTITION, IacFile
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_device import check as check_devices
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_serial import check as check_serials

from tests.rigs.iam_serials import account, arn, device, findings, mfa

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KNOWN: Account = account(devices=[device(mfa("alice"), "alice")], users=["alice"])


def of(name: str, text: str) -> IacFile:
    return read_text(name, text)


def places(file: IacFile, rule: str) -> list[tuple[str, str | None, str]]:
    found = [*findings(check_serials, KNOWN, rule, files=(file,)), *findings(check_devices, KNOWN, rule, files=(file,))]
    return [(one.resource, one.serial, one.document) for one in found]


# --- Terraform's language --------------------------------------------------------------------------------------------

TERRAFORM = """\
# arn:aws:iam::123456789012:mfa/in-a-comment
locals {
  account    = "123456789012"
  mfa_serial = "arn:aws:iam::${local.account}:mfa/gone-local"
}

variable "mfa_serial" {
  default = "GAHT12345678"
}

resource "aws_iam_role" "ops" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Old"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::123456789012:root" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnLike = { "aws:MultiFactorAuthAge" = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:mfa/gone-trust" }
      }
    }]
  })
}

resource "aws_iam_policy" "self" {
  policy = <<-EOT
    {"Version": "2012-10-17", "Statement": [
      {"Effect": "Allow", "Action": "iam:EnableMFADevice", "Resource": "arn:aws:iam::*:mfa/$${aws:username}"},
      {"Effect": "Allow", "Action": "iam:TagMFADevice",
       "Resource": "arn:aws:iam::123456789012:mfa/gone-heredoc"}]}
  EOT
}

data "aws_iam_policy_document" "doc" {
  statement {
    sid       = "Doc"
    actions   = ["iam:CreateVirtualMFADevice"]
    resources = ["arn:aws:iam::*:mfa/&{aws:username}"]
  }
  dynamic "statement" {
    for_each = var.more
    content {
      actions   = ["iam:TagMFADevice"]
      resources = [format("arn:%s:iam::%s:mfa/gone-dynamic", data.aws_partition.p.partition, local.account)]
    }
  }
}

resource "aws_instance" "x" {
  user_data = <<EOF
aws sts get-session-token \\
  --serial-number arn:aws:iam::123456789012:mfa/gone-script --token-code $CODE
aws sts get-session-token --serial-number arn:aws:iam::$ACCOUNT:mfa/someone
EOF
  other = "arn:aws:iam::${var.account}:mfa/someone"
}
"""


def test_terraform_serials_with_their_lines() -> None:
    file = of("main.tf", TERRAFORM)
    assert file.form == "terraform"
    assert places(file, "MFA-S01") == [
        ("main.tf:20", mfa("gone-trust"), "trust"),
        ("main.tf:31", mfa("gone-heredoc"), "inline:aws_iam_policy.self"),
        ("main.tf:45", mfa("gone-dynamic"), "inline:data.aws_iam_policy_document.doc"),
        ("main.tf:4", mfa("gone-local"), "resource:locals"),
        ("main.tf:53", mfa("gone-script"), "resource:aws_instance.x"),
    ]
    assert places(file, "MFA-S02") == [("main.tf:8", "GAHT12345678", "resource:variable.mfa_serial")]


def test_terraform_statements_are_judged() -> None:
    file = of("main.tf", TERRAFORM)
    assert places(file, "MFA-S10") == [("main.tf:29", None, "inline:aws_iam_policy.self")]
    assert places(file, "MFA-S11") == [("main.tf:39", None, "inline:data.aws_iam_policy_document.doc")]


def test_terraform_says_what_it_could_not_judge() -> None:
    file = of("main.tf", TERRAFORM)
    assert [one.partition(": ")[0] for one in file.problems] == ["main.tf:54", "main.tf:56"]


@pytest.mark.parametrize("text", ['a = "mfa', "resource {{{ mfa", 'x = "' + SEED + " mfa\n", "{" * 5000 + "mfa"])
def test_terraform_that_is_none_is_a_problem_and_not_quoted(text: str) -> None:
    file = of("main.tf", text)
    assert (file.form, len(file.problems)) == ("unreadable", 1)
    assert SEED not in repr(file)


def test_terraform_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_iac_files, "HCL2_IMPORT_ERROR", "ImportError: hcl2")
    monkeypatch.setattr(_iac_files, "YAML_IMPORT_ERROR", "ImportError: yaml")
    assert "python-hcl2" in of("main.tf", TERRAFORM).problems[0]
    assert "PyYAML" in of("t.yaml", "a: mfa").problems[0]


def test_tfvars() -> None:
    file = of("prod.tfvars", f'mfa_serial = "{mfa("gone")}"\n')
    assert [(one.text, one.line, one.address) for one in file.values] == [(mfa("gone"), 1, "mfa_serial")]


# --- Terraform's JSON ------------------------------------------------------------------------------------------------


def test_terraform_state_holds_seeds_that_are_never_read_out() -> None:
    attributes = {"arn": mfa("a"), "base_32_string_seed": SEED, "qr_code_png": "aGVsbG8="}
    resource = {
        "mode": "managed",
        "type": "aws_iam_virtual_mfa_device",
        "name": "a",
        "instances": [{"attributes": attributes}],
    }
    text = json.dumps({"version": 4, "terraform_version": "1.9.0", "resources": [resource]}, indent=1)
    file = of("terraform.tfstate", text)
    assert SEED not in repr(file)
    line = 1 + text[: text.index(SEED)].count("\n")
    address = "resource:aws_iam_virtual_mfa_device.a"
    assert places(file, "MFA-D06") == [
        (f"terraform.tfstate:{line}", None, address),
        (f"terraform.tfstate:{line + 1}", None, address),
    ]


@pytest.mark.parametrize("seed", [None, "", "(sensitive value)", "${aws_iam_virtual_mfa_device.a.base_32_string_seed}"])
def test_what_stands_for_a_seed_is_none(seed: Any) -> None:
    values = {"address": "aws_iam_virtual_mfa_device.a", "values": {"base_32_string_seed": seed}}
    file = of("plan.json", json.dumps({"planned_values": {"root_module": {"resources": [values]}}}))
    assert file.form == "terraform-plan"
    assert places(file, "MFA-D06") == []


def test_old_state_and_plans_with_modules() -> None:
    old = {
        "terraform_version": "0.11",
        "modules": [{"resources": {"x.y": {"primary": {"attributes": {"base_32_string_seed": SEED}}}}}],
    }
    assert places(of("old.tfstate", json.dumps(old)), "MFA-D06") == [("old.tfstate:1", None, "resource:x.y")]
    trust = json.dumps(
        {"Statement": {"Effect": "Allow", "Principal": {"AWS": mfa("alice")}, "Action": "sts:AssumeRole"}}
    )
    role = {"address": "module.m.aws_iam_role.r", "values": {"assume_role_policy": trust}}
    plan = {"format_version": "1.2", "values": {"root_module": {"child_modules": [{"resources": [role]}]}}}
    assert places(of("plan.json", json.dumps(plan)), "MFA-S12") == [("plan.json:1", mfa("alice"), "trust")]


def test_configuration_in_json() -> None:
    text = json.dumps(
        {"resource": {"aws_iam_user_policy": {"p": [{"policy": "x", "mfa_serial": mfa("gone")}]}}}, indent=2
    )
    (value,) = of("main.tf.json", text).values
    assert (value.address, value.line) == ("aws_iam_user_policy.p", 7)


# --- CloudFormation --------------------------------------------------------------------------------------------------

TEMPLATE = """\
Parameters:
  MfaSerial:
    Type: String
    Default: arn:aws:iam::123456789012:mfa/gone-parameter
Resources:
  Self:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: iam:TagMFADevice
            Resource: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:mfa/gone-sub
          - !If
            - More
            - Effect: Allow
              Action: iam:TagMFADevice
              Resource: !Join [":", [arn, aws, iam, "", !Ref AWS::AccountId, mfa/gone-join]]
            - !Ref AWS::NoValue
          - Effect: Allow
            Action: iam:CreateVirtualMFADevice
            Resource: !Sub 'arn:aws:iam::*:mfa/${!aws:username}'
          - Effect: Allow
            Action: iam:TagMFADevice
            Resource: !Sub 'arn:aws:iam::${Elsewhere}:mfa/someone'
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          Effect: Allow
          Principal: {AWS: !Ref MfaSerial}
          Action: sts:AssumeRole
"""


def test_cloudformation_yaml() -> None:
    file = of("stack.yaml", TEMPLATE)
    assert file.form == "cloudformation"
    assert places(file, "MFA-S01") == [
        ("stack.yaml:14", mfa("gone-sub"), "inline:Self"),
        ("stack.yaml:19", mfa("gone-join"), "inline:Self"),
        ("stack.yaml:4", mfa("gone-parameter"), "resource:Parameters.MfaSerial"),
    ]
    assert places(file, "MFA-S11") == [("stack.yaml:23", None, "inline:Self")]
    assert [one[1:] for one in places(file, "MFA-S12")] == [(mfa("gone-parameter"), "trust")]
    assert [one.partition(": ")[0] for one in file.problems] == ["stack.yaml:26"]


def test_cloudformation_json() -> None:
    sub = {"Fn::Sub": ["arn:aws:iam::${A}:mfa/gone", {"A": {"Ref": "AWS::AccountId"}}]}
    statement = {"Effect": "Allow", "Action": "iam:TagMFADevice", "Resource": sub}
    body = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
    file = of("stack.template", json.dumps({"Resources": {"P": body}}))
    assert places(file, "MFA-S01") == [("stack.template:1", mfa("gone"), "inline:P")]


def test_yaml_of_other_kinds_and_templates_of_others() -> None:
    text = f"mfa_serial: {mfa('gone')}\nother: arn:aws:iam::{{{{ account }}}}:mfa/x\nkey: !vault |\n  mfa\n"
    file = of("vars.yml", text)
    assert [(one.text, one.line) for one in file.values] == [(mfa("gone"), 1)]
    assert len(file.problems) == 1


@pytest.mark.parametrize(
    "text", ["a: [mfa", "mfa: *none", "a: b: mfa", "\x00mfa", "[" * 2000 + "mfa", "- " * 200000 + "mfa"]
)
def test_yaml_that_is_none_is_a_problem(text: str) -> None:
    assert len(of("x.yaml", text).problems) == 1


def test_yaml_aliases_cannot_make_it_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iac_tree, "_MANY", 10_000)
    levels = "".join(f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]\n" for at in range(1, 12))
    file = of("bomb.yaml", "l0: &l0 [mfa, mfa]\n" + levels)
    assert "more than" in file.problems[0]


def test_yaml_makes_no_objects() -> None:
    file = of("x.yaml", "a: !!python/object/apply:os.system [mfa_serial]\nmfa_serial: ABCDEFGH1\n")
    assert [one.text for one in file.values] == ["ABCDEFGH1"]


# --- what was left behind, and disks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("QRCode.png", b"\x89PNG\r\n\x1a\nxx", True),
        ("alice-mfa.png", b"\x89PNG\r\n\x1a\nxx", True),
        ("logo.png", b"\x89PNG\r\n\x1a\nxx", False),
        ("seed.txt", SEED.encode() + b"\n", True),
        ("uri.txt", b"otpauth://totp/x?secret=" + SEED.encode(), True),
        ("notes.txt", b"We use mfa.", False),
        ("key.txt", b"ABCDEFGH", False),
    ],
)
def test_what_enrolling_leaves_behind(tmp_path: Path, name: str, content: bytes, found: bool) -> None:
    (tmp_path / name).write_bytes(content)
    (file,) = read_code([str(tmp_path)])
    assert bool(places(file, "MFA-D06")) is found
    assert SEED not in repr(file)


def test_directories_are_walked_in_order_without_copies_of_others(tmp_path: Path) -> None:
    for name in ("b.tf", "a.tf", ".terraform/modules/x.tf", "sub/c.yaml", "readme.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "link.tf").symlink_to("/etc/hostname")
    names = [os.path.relpath(file.path, tmp_path) for file in read_code([str(tmp_path)])]
    assert names == ["a.tf", "b.tf", "sub/c.yaml"]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tf")
    (tmp_path / "latin.tf").write_bytes(b"\xfc mfa")
    missing, pipe, latin = read_code([str(tmp_path / "none.tf"), str(tmp_path / "pipe.tf"), str(tmp_path / "latin.tf")])
    assert "No such file" in missing.problems[0]
    assert "not a regular file" in pipe.problems[0]
    assert "UTF-8" in latin.problems[0]


@pytest.mark.parametrize("name", ["a.tf", "a.yaml", "a.json", "a.tfvars"])
def test_a_number_that_python_does_not_read_is_no_crash(name: str) -> None:
    number = "9" * 5000
    text = f'{{"x": {number}, "mfa_serial": "ABCDEFGH1"}}' if name == "a.json" else f"mfa_x = {number}\n"
    file = of(name, text.replace(" = ", ": ") if name == "a.yaml" else text)
    assert bool(file.problems) is (name == "a.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_as_windows_writes_them(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "plan.json").write_text('{"mfa_serial": "ABCDEFGH1"}', encoding=encoding)
    (file,) = read_code([str(tmp_path)])
    assert ([one.text for one in file.values], file.problems) == (["ABCDEFGH1"], ())


def test_code_in_another_encoding_is_not_passed_over_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "latin.tf").write_bytes("# f\xfcr mfa\n".encode("latin-1"))
    (tmp_path / "picture.svg").write_bytes(b"\xfc")
    latin, picture = read_code([str(tmp_path)])
    assert "UTF-8" in latin.problems[0]
    assert picture.problems == ()


def test_a_directory_without_code_is_said(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("mfa")
    (file,) = read_code([str(tmp_path)])
    assert file.problems == (f"{tmp_path} holds no file that may be infrastructure code",)


def test_a_directory_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.tf").write_text("")
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    read, closed = read_code([str(tmp_path)])
    assert read.problems == ()
    assert closed.problems == (f"{tmp_path / 'closed'} cannot be read: Permission denied",)


def test_own_account_is_left_open_until_it_is_known() -> None:
    text = 'x = "arn:${data.aws_partition.p.partition}:iam::${data.aws_caller_identity.c.account_id}:mfa/alice"\n'
    file = of("main.tf", text)
    assert [one.text for one in file.values] == [f"arn:{PARTITION}:iam::{ACCOUNT}:mfa/alice"]
    assert places(file, "MFA-S01") == []
    assert arn("mfa/alice") in KNOWN.devices


def test_a_secret_in_a_vault_is_no_serial() -> None:
    assert of("vars.yml", "mfa_serial: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162636465\n").values == ()
    assert [one.text for one in of("vars.yml", "mfa_serial: |\n  ABCDEFGH1\n").values] == ["ABCDEFGH1"]


def test_terraform_escapes_policy_variables() -> None:
    statement = '{ Effect = "Allow", Action = "iam:*", Resource = "arn:aws:iam::*:mfa/$${aws:username}" }'
    file = of(
        "main.tf", f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n'
    )
    assert places(file, "MFA-S11") == [("main.tf:2", None, "inline:aws_iam_policy.p")]
