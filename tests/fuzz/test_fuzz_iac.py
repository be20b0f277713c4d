"""No file whatever makes the readers of infrastructure code or the rules over it fail, and no seed gets out."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_text
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_device import check as check_devices
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_serial import check as check_serials
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.iam_serials import account, device, findings, mfa, profile

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NAMES = ("a.tf", "a.tfvars", "a.tf.json", "a.json", "a.tfstate", "a.yaml", "a.template", "a.txt", "a.svg")
KEYS = (
    "Resources", "Type", "Properties", "PolicyDocument", "Statement", "Effect", "Action", "Resource", "Principal",
    "Condition", "Fn::Sub", "Fn::Join", "Fn::If", "Ref", "Parameters", "Default", "mfa_serial", "base_32_string_seed",
    "planned_values", "root_module", "resources", "child_modules", "values", "address", "instances", "attributes",
    "terraform_version", "modules", "primary", "outputs", "format_version", "variables", "data", "resource",
    "aws_iam_policy_document", "statement", "principals", "condition", "identifiers", "locals",
)  # fmt: skip
WORDS = (
    mfa("alice"), mfa("gone"), "arn:aws:iam::*:mfa/*", "AWS::IAM::Policy", "Allow", "GAHT12345678", "mfa",
    "arn:${AWS::Partition}:iam::x:u2f/y", "otpauth://totp/", "{{ x }}",
    '{"Statement": {"Effect": "Allow", "Resource": ":mfa/"}}',
)  # fmt: skip
LINES = (
    'resource "aws_iam_policy" "p" {', "}", "policy = jsonencode({", "})", "policy = <<EOF", "EOF", "locals {", "# mfa",
    f'x = "{mfa("gone")}"', 'y = "${local.x}:mfa/${x}"', "Statement = [{", "}]", 'a = format("%s:mfa/", 1)', "a:",
    "  - &x mfa", "  - *x", "  !Sub mfa", "  <<: *x", "a: !If [mfa, b]", "? mfa", 'dynamic "statement" {', "content {",
    'b = x ? "a" : "b"', "%{ if mfa }", '"\\ud800 mfa"', "[for a in b : a]",
)  # fmt: skip

words = st.sampled_from(WORDS) | st.text(max_size=12)
leaves = words | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
keys = st.sampled_from(KEYS) | st.text(max_size=5)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)
texts = st.lists(st.sampled_from(LINES) | words, max_size=10).map("\n".join)
KNOWN = account(devices=[device(mfa("alice"), "alice"), device(mfa("spare"), "alice")], users=["alice"])


def judge(name: str, text: str) -> str:
    file = read_text(name, text)
    found = [*findings(check_serials, KNOWN, files=(file,)), *findings(check_devices, KNOWN, files=(file,))]
    for one in found:
        assert one.resource.startswith(name)
        assert one.message
    return repr((file, found))


@given(st.sampled_from(NAMES), trees)
def test_any_tree(name: str, tree: Any) -> None:
    judge(name, json.dumps(tree))


@given(st.sampled_from(NAMES), texts)
def test_any_text(name: str, text: str) -> None:
    judge(name, text)


@given(st.sampled_from(NAMES[2:7]), trees)
def test_no_seed_gets_out(name: str, tree: Any) -> None:
    held = {"base_32_string_seed": SEED, "uri": f"otpauth://totp/x?secret={SEED}", "mfa": tree}
    assert SEED not in judge(
        name, json.dumps({"terraform_version": "1", "resources": [{"instances": [{"attributes": held}]}]})
    )


@given(st.text(max_size=40) | st.sampled_from(WORDS), st.text(max_size=5) | st.just("alice"))
def test_any_setting_of_a_host(serial: str, name: str) -> None:
    given_serials = (profile(serial, profile=name, user=name),)
    for one in findings(check_serials, KNOWN, host_serials=given_serials):
        assert one.serial is None or one.serial in serial


@given(st.lists(trees, max_size=4))
def test_any_trail(records: list[Any]) -> None:
    events = [one if isinstance(one, dict) else {"userIdentity": one, "requestParameters": one} for one in records]
    findings(check_serials, KNOWN, trail_events=tuple(events))
    findings(check_devices, KNOWN, trail_events=tuple(events), now=0.0)
