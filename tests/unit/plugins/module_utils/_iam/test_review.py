"""Policies in code, judged without an account: what is found, where, and what is said not to be judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils import _iac_files
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_text
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.review import (
    POLICY_RULES,
    TEXT_RULES,
    Reviewed,
    review,
)

from tests.rigs.iam_rules import MISTAKES, RECOMMENDED

EVERYTHING = ("",)  # every text has it


def reviewed(*files: tuple[str, str], beside: tuple[tuple[str, str], ...] = ()) -> Reviewed:
    texts = dict(files)
    return review(
        [read_text(path, text, EVERYTHING) for path, text in files],
        texts.__getitem__,
        beside=[read_text(path, text, EVERYTHING) for path, text in beside],
    )


def found(*files: tuple[str, str]) -> list[tuple[str, str]]:
    return [(one.rule, one.resource) for one in reviewed(*files).findings]


def reasons(*files: tuple[str, str]) -> list[tuple[str, str]]:
    return [(one.resource, one.reason) for one in reviewed(*files).unjudged]


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def hcl(value: Any) -> str:
    """Write a value as Terraform's language has it: JSON is nearly that."""
    return json.dumps(value, indent=2).replace("${", "$${")


def role(document: Any) -> str:
    return f'resource "aws_iam_role" "ops" {{\n  assume_role_policy = jsonencode({hcl(document)})\n}}\n'


BROKEN = policy(MISTAKES["broken_trust_policy"])
INTENDED = policy(MISTAKES["intended_trust_policy"])


def test_every_rule_that_is_applied_exists_and_needs_no_account() -> None:
    assert set(RULES) >= TEXT_RULES
    assert {rule for rule in RULES if rule.startswith("MFA-C")} <= POLICY_RULES <= TEXT_RULES
    # An account's devices, hosts and records are not in code.
    parts = {part for rule in TEXT_RULES for part in RULES[rule].needs}
    assert parts <= {"authorization_details", "organization_policies", "files"}


# --- the published mistake, in every form ----------------------------------------------------------------------------

HEREDOC = """\
resource "aws_iam_role" "ops" {{
  assume_role_policy = <<-POLICY
    {}
  POLICY
}}
"""
DATA_SOURCE = """\
data "aws_iam_policy_document" "trust" {{
  statement {{
    actions = ["sts:AssumeRole"]
    principals {{
      type        = "AWS"
      identifiers = ["arn:aws:iam::123456789012:root"]
    }}
{}
  }}
}}
resource "aws_iam_role" "ops" {{
  assume_role_policy = data.aws_iam_policy_document.trust.json
}}
"""
DATA_BROKEN = """\
    condition {
      test     = "ArnLike"
      variable = "aws:MultiFactorAuthAge"
      values   = ["arn:aws:iam::123456789012:mfa/old-device"]
    }
"""
DATA_INTENDED = """\
    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }
    condition {
      test     = "NumericLessThan"
      variable = "aws:MultiFactorAuthAge"
      values   = ["3600"]
    }
"""


def template(document: Any) -> dict[str, Any]:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
    return {"Resources": {"Ops": role}}


def yaml_template(document: Any) -> str:
    body = json.dumps(document)
    return f"Resources:\n  Ops:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {body}\n"


FORMS = {
    "jsonencode": ("main.tf", role(BROKEN), role(INTENDED)),
    "heredoc": ("main.tf", HEREDOC.format(json.dumps(BROKEN)), HEREDOC.format(json.dumps(INTENDED))),
    "data source": ("main.tf", DATA_SOURCE.format(DATA_BROKEN), DATA_SOURCE.format(DATA_INTENDED)),
    "json": ("trust.json", json.dumps(BROKEN), json.dumps(INTENDED)),
    "template json": ("t.json", json.dumps(template(BROKEN)), json.dumps(template(INTENDED))),
    "template yaml": ("t.yaml", yaml_template(BROKEN), yaml_template(INTENDED)),
    "terraform json": (
        "main.tf.json",
        json.dumps({"resource": {"aws_iam_role": {"ops": {"assume_role_policy": json.dumps(BROKEN)}}}}),
        json.dumps({"resource": {"aws_iam_role": {"ops": {"assume_role_policy": json.dumps(INTENDED)}}}}),
    ),
    "plan": (
        "plan.json",
        *(
            json.dumps(
                {
                    "format_version": "1.2",
                    "planned_values": {
                        "root_module": {
                            "resources": [
                                {
                                    "address": "aws_iam_role.ops",
                                    "name": "ops",
                                    "values": {"assume_role_policy": json.dumps(document)},
                                }
                            ]
                        }
                    },
                }
            )
            for document in (BROKEN, INTENDED)
        ),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_published_mistake_is_found_and_its_correction_passes(form: str) -> None:
    path, broken, intended = FORMS[form]
    result = reviewed((path, broken))
    (one,) = result.findings
    assert (one.rule, one.severity, one.document) == ("MFA-C01", "high", "trust")
    assert one.resource.startswith(f"{path}:")
    assert result.unjudged == ()
    assert reviewed((path, intended)) == Reviewed((), (), 1)


@pytest.mark.parametrize("name", RECOMMENDED)
def test_what_is_recommended_gives_no_finding(name: str) -> None:
    document = RECOMMENDED[name]["document"]
    in_terraform = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({hcl(document)})\n}}\n'
    if RECOMMENDED[name]["family"] == "scp":
        in_terraform = in_terraform.replace('"aws_iam_policy"', '"aws_organizations_policy"').replace(
            "policy =", "content ="
        )
    result = reviewed(("main.tf", in_terraform))
    # Devices had to be named after their users then.
    expected = ["MFA-S11"] if name == "self_management_2022" else []
    assert ([one.rule for one in result.findings], result.unjudged, result.policies) == (expected, (), 1)


# --- what decides on the kind of a policy ----------------------------------------------------------------------------

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
"""
SCP_RESOURCE = """\
resource "aws_organizations_policy" "scp" {
  name    = "mfa"
  content = data.aws_iam_policy_document.scp.json
}
"""
SCP = policy(MISTAKES["service_control_policy"])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("main.tf", SCP_DOCUMENT + SCP_RESOURCE),
        ("main.tf", f'resource "aws_organizations_policy" "p" {{\n  content = jsonencode({hcl(SCP)})\n}}\n'),
        (
            "t.json",
            json.dumps({"Resources": {"P": {"Type": "AWS::Organizations::Policy", "Properties": {"Content": SCP}}}}),
        ),
    ],
)
def test_the_published_service_control_policy_is_known_as_one(path: str, text: str) -> None:
    (one,) = reviewed((path, text)).findings
    assert one.rule == "MFA-G04"
    assert one.witness is not None
    assert one.witness.credential == "role_session"


def test_the_same_statement_for_users_is_no_service_control_policy() -> None:
    text = SCP_DOCUMENT + SCP_RESOURCE.replace("aws_organizations_policy", "aws_iam_policy").replace(
        "content", "policy"
    )
    assert found(("main.tf", text)) == []


def test_a_document_that_another_file_of_the_folder_uses_is_known_by_that() -> None:
    one = ("live/scp.tf", SCP_DOCUMENT)
    assert [each.rule for each in reviewed(one, beside=(("live/use.tf", SCP_RESOURCE),)).findings] == ["MFA-G04"]
    assert reviewed(one, beside=(("other/use.tf", SCP_RESOURCE),)).findings == ()


def test_files_beside_are_not_judged() -> None:
    assert reviewed(("a.tf", role(INTENDED)), beside=(("b.tf", role(BROKEN)),)) == Reviewed((), (), 1)


GUARD = {
    "Effect": "Deny",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
}


@pytest.mark.parametrize(
    ("resource", "rules"),
    [("aws_iam_role_policy", ["MFA-T04"]), ("aws_iam_user_policy", []), ("aws_iam_policy", [])],
)
def test_a_policy_of_roles_cannot_ask_for_mfa(resource: str, rules: list[str]) -> None:
    text = f'resource "{resource}" "p" {{\n  policy = jsonencode({hcl(policy(GUARD))})\n}}\n'
    assert [rule for rule, _place in found(("main.tf", text))] == rules


def test_an_inline_policy_of_a_role_of_a_template_is_a_policy_of_roles() -> None:
    inline = {"PolicyName": "p", "PolicyDocument": policy(GUARD)}
    properties = {"AssumeRolePolicyDocument": INTENDED, "Policies": [inline]}
    text = json.dumps({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": properties}}})
    assert [rule for rule, _place in found(("t.json", text))] == ["MFA-T04"]


def test_a_bucket_policy_is_judged() -> None:
    statement = {**GUARD, "Principal": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}
    text = f'resource "aws_s3_bucket_policy" "p" {{\n  policy = jsonencode({hcl(policy(statement))})\n}}\n'
    (one,) = reviewed(("main.tf", text)).findings
    assert (one.rule, one.document) == ("MFA-C03", "resource:aws_s3_bucket_policy.p")


def test_a_sibling_voids_the_condition() -> None:
    sibling = {key: value for key, value in MISTAKES["intended_trust_policy"].items() if key != "Condition"}
    document = policy({**MISTAKES["intended_trust_policy"], "Sid": "People"}, {**sibling, "Sid": "All"})
    (one,) = reviewed(("main.tf", role(document))).findings
    assert (one.rule, one.severity, one.statement) == ("MFA-T02", "critical", "All")


def test_a_misspelt_key_is_found_though_the_file_says_nothing_of_mfa() -> None:
    wrong = {**MISTAKES["intended_trust_policy"], "Condition": {"Bool": {"aws:MultiFacorAuthPresent": "true"}}}
    text = role(policy(wrong))
    file = read_text("main.tf", text, (*_iac_files._TOPICS, *_iac_files._POLICIES))
    assert [one.rule for one in review([file]).findings] == ["MFA-C08"]


def test_seeds_and_what_is_no_serial_are_found_outside_of_policies() -> None:
    text = 'locals {\n  mfa_serial = "arn:aws:iam::123456789012:user/alice"\n}\noutput "o" {\n  value = "otpauth://totp/x"\n}\n'
    assert found(("main.tf", text)) == [("MFA-D06", "main.tf:5"), ("MFA-S07", "main.tf:2")]


def test_whether_a_device_exists_is_not_asked() -> None:
    text = 'locals {\n  mfa_serial = "arn:aws:iam::${var.account}:mfa/a"\n  b = "arn:aws:iam::123456789012:mfa/b"\n}\n'
    assert reviewed(("main.tf", text)) == Reviewed((), (), 0)


# --- lines -----------------------------------------------------------------------------------------------------------


def test_a_finding_has_the_line_of_its_condition() -> None:
    good, bad = {**MISTAKES["intended_trust_policy"]}, {**MISTAKES["broken_trust_policy"]}
    text = role(INTENDED) + role(policy(good, bad)).replace('"ops"', '"two"')
    (one,) = reviewed(("main.tf", text)).findings
    line = int(one.resource.rpartition(":")[2])
    lines = text.splitlines()
    assert '"aws:MultiFactorAuthAge": "arn:' in lines[line - 1]
    assert sum("MultiFactorAuthAge" in before for before in lines[: line - 1]) == 2


def test_a_finding_without_a_condition_has_the_line_of_its_sid() -> None:
    sibling = {key: value for key, value in MISTAKES["intended_trust_policy"].items() if key != "Condition"}
    text = json.dumps(policy({**MISTAKES["intended_trust_policy"]}, {"Sid": "All", **sibling}), indent=1)
    (one,) = reviewed(("trust.json", text)).findings
    assert '"All"' in text.splitlines()[int(one.resource.rpartition(":")[2]) - 1]


# --- what is not known -----------------------------------------------------------------------------------------------

AGE_OF_VARIABLE = role(INTENDED).replace('"3600"', "var.age")
NOT_KNOWN = "it is not known before a run"
PART = "Statement[0].Condition: a part of it that may be about MFA is not known before a run"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (AGE_OF_VARIABLE, PART),
        (role(INTENDED).replace('"NumericLessThan"', "(var.operator)"), PART),
        (role(INTENDED).replace('"aws:MultiFactorAuthAge"', "(var.key)"), PART),
        (role(INTENDED).replace('"Allow"', "var.effect"), f"Statement[0].Effect: {NOT_KNOWN}"),
        (role(INTENDED).replace('"sts:AssumeRole"', "var.action"), f"Statement[0].Action: {NOT_KNOWN}"),
        (
            'resource "aws_iam_role" "r" {\n  assume_role_policy = var.policy\n}\n',
            "assume_role_policy is not known before a run",
        ),
        (
            'resource "aws_iam_role" "r" {\n  assume_role_policy = templatefile("trust.tftpl", {})\n}\n',
            "assume_role_policy is not known before a run",
        ),
        (
            'resource "aws_organizations_policy" "p" {\n  content = module.scp.json\n}\n',
            "content is not known before a run",
        ),
        (
            'resource "aws_iam_role" "r" {\n  inline_policy {\n    policy = var.policy\n  }\n}\n',
            "inline_policy.policy is not known before a run",
        ),
        (
            HEREDOC.format('{"Statement": ${jsonencode(var.statements)}}'),
            "assume_role_policy is not known before a run",
        ),
    ],
)
def test_what_is_not_known_is_said_and_never_judged(text: str, reason: str) -> None:
    result = reviewed(("main.tf", text))
    assert [one.reason for one in result.unjudged] == [reason]
    assert result.findings == ()


def test_a_statement_that_is_not_known_leaves_the_others() -> None:
    text = role(BROKEN).replace('"Statement": [', '"Statement": [var.statement,')
    result = reviewed(("main.tf", text))
    assert [one.rule for one in result.findings] == ["MFA-C01"]
    assert [one.reason for one in result.unjudged] == ["Statement[0]: the statement is not known before a run"]


@pytest.mark.parametrize(
    "text",
    [
        role(INTENDED).replace("arn:aws:iam::123456789012:root", "arn:aws:iam::${var.account}:root"),
        role(INTENDED).replace("arn:aws:iam::123456789012:root", "${aws_iam_user.a.arn}"),
        'resource "aws_iam_role" "r" {\n  assume_role_policy = data.aws_iam_policy_document.a[0].json\n}\n',
        'resource "aws_iam_policy" "p" {\n  policy = ""\n}\n',
        'resource "aws_ecr_lifecycle_policy" "p" {\n  policy = jsonencode({rules = []})\n}\n',
        'resource "azurerm_thing" "p" {\n  policy = var.policy\n}\n',
        role(INTENDED).replace("jsonencode(", f"var.a ? jsonencode({hcl(INTENDED)}) : jsonencode("),
    ],
)
def test_what_does_not_decide_on_mfa_or_is_judged_elsewhere_is_no_gap(text: str) -> None:
    result = reviewed(("main.tf", text))
    assert (result.findings, result.unjudged) == ((), ())


def test_a_parameter_without_a_default_is_not_known() -> None:
    text = yaml_template(INTENDED).replace('"3600"', "!Ref Age")
    assert reasons(("t.yaml", text)) == [("t.yaml:5", PART)]
    with_default = 'Parameters:\n  Age: {Type: String, Default: "3600"}\n' + text
    assert reviewed(("t.yaml", with_default)) == Reviewed((), (), 1)


def test_both_branches_of_an_if_are_judged() -> None:
    text = json.dumps(template({"Fn::If": ["Strict", INTENDED, BROKEN]}))
    assert [rule for rule, _place in found(("t.json", text))] == ["MFA-C01"]


def test_expressions_in_terraform_json_are_no_policy_variables() -> None:
    document = json.dumps(INTENDED).replace('"3600"', '"${var.age}"')
    text = json.dumps({"resource": {"aws_iam_role": {"ops": {"assume_role_policy": document}}}})
    assert [reason for _place, reason in reasons(("main.tf.json", text))] == [PART]


def test_a_file_that_cannot_be_read_is_a_gap_with_its_line() -> None:
    assert reasons(("main.tf", 'resource "aws_iam_role" "mfa" {\n  = \n}\n')) == [
        ("main.tf", "cannot be read: it is not Terraform's language at line 2")
    ]


def test_what_iam_would_not_take_is_a_gap() -> None:
    document = policy({**MISTAKES["intended_trust_policy"], "Resource": "*"})
    assert [reason for _place, reason in reasons(("main.tf", role(document)))] == [
        "Statement[0].Resource: a trust policy names no resource: IAM refuses it"
    ]


def test_two_principals_that_are_not_known_are_not_taken_for_one() -> None:
    intended = {**MISTAKES["intended_trust_policy"], "Principal": {"AWS": "@1@"}}
    other = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "@2@"}}
    text = role(policy(intended, other)).replace('"@1@"', "var.people").replace('"@2@"', "var.programs")
    assert found(("main.tf", text)) == []


# --- what would slip through -----------------------------------------------------------------------------------------

FILE_OF_ORGANIZATION = 'resource "aws_organizations_policy" "p" {\n  content = file("${path.module}/scp.json")\n}\n'
OUTSIDE = "has an MFA condition that stands in no policy: what it becomes a part of was not judged"


def test_a_policy_in_a_file_of_its_own_is_judged_as_what_it_is_used_for() -> None:
    scp = json.dumps(policy(MISTAKES["service_control_policy"]))
    files = (("live/main.tf", FILE_OF_ORGANIZATION), ("live/scp.json", scp))
    assert found(*files) == [("MFA-G04", "live/scp.json:1")]
    assert reasons(*files) == []


def test_a_policy_in_a_file_that_is_not_there_is_a_gap() -> None:
    why = "content is the file live/scp.json, which was not looked at"
    assert reasons(("live/main.tf", FILE_OF_ORGANIZATION)) == [("live/main.tf:2", why)]


def test_a_document_is_known_by_what_uses_it_by_way_of_another() -> None:
    text = """\
data "aws_iam_policy_document" "part" {
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
data "aws_iam_policy_document" "all" {
  source_policy_documents = [data.aws_iam_policy_document.part.json]
}
resource "aws_organizations_policy" "scp" {
  content = data.aws_iam_policy_document.all.json
}
"""
    assert [rule for rule, _place in found(("main.tf", text))] == ["MFA-G04"]


@pytest.mark.parametrize("name", ["source_policy_documents", "override_policy_documents", "source_json"])
def test_a_document_made_of_what_is_not_known_is_a_gap(name: str) -> None:
    value = "var.other" if name == "source_json" else "[var.other]"
    text = f"""data "aws_iam_policy_document" "d" {{
  {name} = {value}
  statement {{
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }}
}}
"""
    assert reasons(("main.tf", text)) == [("main.tf:2", f"{name} is not known before a run")]


@pytest.mark.parametrize(
    "text",
    [
        role(INTENDED).replace("jsonencode(", "var.own ? var.trust : jsonencode("),
        role(INTENDED).replace("jsonencode(", "coalesce(var.trust, jsonencode(").replace(")\n}", "))\n}"),
    ],
)
def test_the_branch_that_is_known_does_not_hide_the_other(text: str) -> None:
    assert [reason for _place, reason in reasons(("main.tf", text))] == ["assume_role_policy is not known before a run"]


@pytest.mark.parametrize(
    ("other", "gaps"), [({"Ref": "Trust"}, ["is not known before a run"]), ({"Ref": "AWS::NoValue"}, [])]
)
def test_an_if_in_a_template_hides_nothing(other: dict[str, str], gaps: list[str]) -> None:
    text = json.dumps(template({"Fn::If": ["Own", INTENDED, other]}))
    assert [reason.partition(" ")[2] for _place, reason in reasons(("t.json", text))] == gaps


def test_what_a_template_repeats_is_read() -> None:
    for document, rules in ((BROKEN, ["MFA-C01"]), (INTENDED, [])):
        entry = {"R${N}": template(document)["Resources"]["Ops"]}
        text = json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket"}, "Fn::ForEach::All": ["N", ["a"], entry]}})
        assert [rule for rule, _place in found(("t.json", text))] == rules
    unknown = {"R${N}": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Ref": "Trust"}}}}
    text = json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket"}, "Fn::ForEach::All": ["N", ["a"], unknown]}})
    why = "Properties.AssumeRolePolicyDocument is not known before a run"
    assert [reason for _place, reason in reasons(("t.json", text))] == [why]


@pytest.mark.parametrize(
    "text",
    [
        'module "m" {\n  statements = [{ Bool = { "aws:MultiFactorAuthPresent" = "true" } }]\n}\n',
        'module "m" {\n  condition = [{ test = "Bool", variable = "aws:MultiFactorAuthPresent", values = ["x"] }]\n}\n',
    ],
)
def test_a_condition_outside_of_every_policy_is_a_gap(text: str) -> None:
    (why,) = (reason for _place, reason in reasons(("main.tf", text)))
    assert why.endswith(OUTSIDE)


def test_a_choice_of_effects_or_operators_is_a_gap() -> None:
    text = DATA_SOURCE.format(DATA_INTENDED)
    for old, new in (
        ("    actions", '    effect  = try(var.effect, "Allow")\n    actions'),
        ('"Bool"', 'coalesce(var.test, "Bool")'),
    ):
        assert old in text
        (why,) = (reason for _place, reason in reasons(("main.tf", text.replace(old, new, 1))))
        assert why.endswith("not known before a run")


def test_what_a_plan_knows_only_after_it_is_applied_is_a_gap() -> None:
    place = {"address": "aws_iam_role.r", "type": "aws_iam_role", "name": "r"}
    after = {"arn": True, "assume_role_policy": True, "inline_policy": [{"policy": True}], "tags": {"a": False}}
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [{**place, "values": {"name": "r", "inline_policy": [{}]}}]}},
        "resource_changes": [{**place, "change": {"actions": ["create"], "after_unknown": after}}],
    }
    whys = [reason for _place, reason in reasons(("plan.json", json.dumps(plan)))]
    assert whys == [f"{name} is not known before a run" for name in ("assume_role_policy", "inline_policy.policy")]


def test_a_text_that_begins_like_json_is_a_text() -> None:
    assert reasons(("notes.txt", "[console]\nmfa = yes\n")) == []


def test_a_template_in_a_text_is_a_gap_where_it_has_a_condition_on_mfa() -> None:
    inner = yaml_template(INTENDED).replace("\n", "\n        ")
    stack_set = "Type: AWS::CloudFormation::StackSet\n    Properties:\n      TemplateBody: |\n"
    text = f"Resources:\n  S:\n    {stack_set}        {inner}\n"
    (why,) = (reason for _place, reason in reasons(("t.yaml", text)))
    assert why.startswith("Properties.TemplateBody holds a text with an MFA condition")


def test_dynamic_blocks_in_json_are_read() -> None:
    condition = {"test": "ArnLike", "variable": "aws:MultiFactorAuthAge", "values": ["x"]}
    statement = {
        "actions": ["s3:*"],
        "resources": ["*"],
        "dynamic": {"condition": {"for_each": "${var.a}", "content": condition}},
    }
    for body in (
        {"statement": statement},
        {"dynamic": {"statement": [{"for_each": "${var.b}", "content": statement}]}},
    ):
        text = json.dumps({"data": {"aws_iam_policy_document": {"d": body}}})
        assert [rule for rule, _place in found(("main.tf.json", text))] == ["MFA-C01"]


@pytest.mark.parametrize(
    "text",
    [
        'resource "aws_kms_key" "k" {\n  policy = var.own\n}\n',
        "Resources: {K: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Ref: P}}}}\n",
        'resource "awscc_iam_role" "r" {\n  assume_role_policy_document = var.own\n}\n',
        '# of OpenTofu\nresource "aws_kms_key" "k" {\n  policy = var.own\n}\n',
    ],
)
def test_a_file_that_names_neither_mfa_nor_iam_is_looked_at_for_policies(text: str, tmp_path: Path) -> None:
    path = tmp_path / ("t.yaml" if "Type:" in text else "t.tofu" if "Tofu" in text else "t.tf")
    path.write_text(text, encoding="utf-8")
    (unjudged,) = review(_iac_files.read_code([str(path)], policies=True)).unjudged
    assert unjudged.reason.endswith("is not known before a run")


DATA_REPLACED = """\
data "aws_iam_policy_document" "d" {
  statement {
    sid       = replace(var.a, "/", "")
    actions   = ["s3:*"]
    resources = coalescelist([for one in var.b : "arn:${one}"], ["a"])
  }
}
"""


@pytest.mark.parametrize(
    "text",
    [
        role(INTENDED)
        .replace("aws:MultiFactorAuthAge", "${var.issuer}:sub")
        .replace("NumericLessThan", "StringEquals"),
        'resource "aws_organizations_policy" "t" {\n  type = "TAG_POLICY"\n  content = var.tags\n}\n',
        'resource "aws_ecr_lifecycle_policy" "p" {\n  policy = var.rules\n}\n',
        'resource "aws_iam_role" "r" {\n  assume_role_policy = join("", data.aws_iam_policy_document.a.*.json)\n}\n',
        role(INTENDED).replace('"arn:aws:iam::123456789012:root"', 'var.a ? ["*"] : [for one in var.b : "arn:${one}"]'),
        DATA_REPLACED,
        "on: push\njobs: {a: {steps: [{run: aws iam get-policy}]}}\n",
    ],
)
def test_what_is_never_about_mfa_is_no_gap(text: str) -> None:
    assert reviewed(("main.yaml" if text.startswith("on:") else "main.tf", text)).unjudged == ()
