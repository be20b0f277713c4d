"""Expressions of Terraform in texts, told apart from IAM's own variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import (
    ACCOUNT,
    DOCUMENT,
    PARTITION,
    UNRESOLVED,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_expression import marked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${var.age}", UNRESOLVED),
        ("arn:aws:iam::${var.account}:root", f"arn:aws:iam::{UNRESOLVED}:root"),
        ("arn:${data.aws_partition.p.partition}:iam::x", f"arn:{PARTITION}:iam::x"),
        ("${data.aws_caller_identity.me.account_id}", ACCOUNT),
        ("${data.aws_caller_identity.me[0].account_id}", ACCOUNT),
        ("${data.aws_iam_policy_document.trust.json}", f"{DOCUMENT}trust"),
        ("${data.aws_iam_policy_document.trust[count.index].minified_json}", f"{DOCUMENT}trust"),
        ("user/${aws:username}", "user/${aws:username}"),
        ("user/$${aws:username}", "user/${aws:username}"),
        ("${aws:PrincipalTag/team, 'none'}", "${aws:PrincipalTag/team, 'none'}"),
        ("a${*}b", "a${*}b"),
        ("${var.a ? var.b : var.c}", UNRESOLVED),
        ("%{if var.a}x%{endif}", f"{UNRESOLVED}x{UNRESOLVED}"),
        ("%%{a}", "%{a}"),
        ('${templatefile("${path.module}/x.json",{"a": 1})}', UNRESOLVED),
        ("${", UNRESOLVED),
    ],
)
def test_an_expression_becomes_a_mark(text: str, expected: str) -> None:
    assert marked(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("var.policy", UNRESOLVED),
        ("local.age", UNRESOLVED),
        ("module.scp.json", UNRESOLVED),
        ("aws_s3_bucket.b.arn", UNRESOLVED),
        ("data.aws_iam_policy_document.trust.json", f"{DOCUMENT}trust"),
        ("data.aws_caller_identity.me.account_id", ACCOUNT),
        ("jsonencode({'a': 1})", UNRESOLVED),
        ("var.a ? jsonencode({'a': 1}) : var.b", UNRESOLVED),
        ("sts:AssumeRole", "sts:AssumeRole"),
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
        ("aws:MultiFactorAuthAge", "aws:MultiFactorAuthAge"),
        ("iam.amazonaws.com", "iam.amazonaws.com"),
        ("aws_s3", "aws_s3"),
        ('{"Statement": []}', '{"Statement": []}'),
    ],
)
def test_a_bare_expression_is_one_where_that_is_asked_for(text: str, expected: str) -> None:
    assert marked(text, bare=True) == expected
    if not text.startswith("${"):
        assert marked(text) == text


def test_whatever_is_nested_is_looked_into() -> None:
    value: dict[str, Any] = {"a": ["${var.x}", {"${var.k}": 1}], "b": True, "c": None}
    assert marked(value) == {"a": [UNRESOLVED, {UNRESOLVED: 1}], "b": True, "c": None}


def test_a_key_may_have_a_bare_expression_inside() -> None:
    assert marked({"aws:var.key": "local.a b"}, bare=True) == {f"aws:{UNRESOLVED}": "local.a b"}
    assert marked({"oidc.example.com/data.x:sub": "a"}) == {"oidc.example.com/data.x:sub": "a"}
