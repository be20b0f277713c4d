"""Whatever policies code holds: judging them never fails, says the same again, and takes nothing unknown for good."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_text
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_expression import marked
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.review import TEXT_RULES, Reviewed, review
from hypothesis import given
from hypothesis import strategies as st

EVERYTHING = ("",)
OPEN = "${var.open}"
TYPES = ("aws_iam_role", "aws_iam_policy", "aws_organizations_policy", "aws_s3_bucket_policy", "aws_iam_role_policy")
OPERATORS = ("Bool", "BoolIfExists", "Null", "NumericLessThan", "NumericGreaterThanIfExists", "ArnLike", "StringEquals")
KEYS = ("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:multifactorauthage", "aws:PrincipalArn")

texts = st.sampled_from(("true", "false", "3600", "*", "sts:AssumeRole", "iam:*", OPEN, "arn:aws:iam::1:mfa/a", ""))
conditions = st.dictionaries(
    st.sampled_from(OPERATORS), st.dictionaries(st.sampled_from(KEYS), texts | st.lists(texts, max_size=3), max_size=2)
)
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(("Allow", "Deny"))},
    optional={
        "Action": texts | st.lists(texts, max_size=2),
        "NotAction": texts,
        "Resource": texts,
        "Principal": texts | st.dictionaries(st.sampled_from(("AWS", "Service")), texts, max_size=2),
        "Condition": conditions,
    },
)
documents = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": st.lists(statements | texts, min_size=1, max_size=3) | statements}
)


def judged(resource: str, document: Any) -> Reviewed:
    key = {"aws_iam_role": "assume_role_policy", "aws_organizations_policy": "content"}.get(resource, "policy")
    text = json.dumps({"resource": {resource: {"r": {key: json.dumps(document)}}}}, indent=1)
    return review([read_text("main.tf.json", text, EVERYTHING)], lambda _path: text)


@given(st.sampled_from(TYPES), documents)
def test_any_policy_is_judged_and_always_the_same(resource: str, document: Any) -> None:
    result = judged(resource, document)
    assert result == judged(resource, document)
    assert {one.rule for one in result.findings} <= TEXT_RULES
    for one in result.findings:
        assert one.resource.startswith("main.tf.json:")
        assert "not-known-before" not in one.path


@given(
    st.sampled_from(TYPES), st.sampled_from(("Allow", "Deny")), st.sampled_from(OPERATORS), st.sampled_from(KEYS[:3])
)
def test_a_value_that_is_not_known_is_never_clean(resource: str, effect: str, operator: str, key: str) -> None:
    statement = {"Effect": effect, "Action": "sts:AssumeRole", "Condition": {operator: {key: OPEN}}}
    assert judged(resource, {"Version": "2012-10-17", "Statement": statement}).unjudged


@given(
    st.text() | st.lists(st.sampled_from(("${", "}", "$${", "%{", "aws:username", "var.a", " ? ", "("))).map("".join)
)
def test_any_text_is_marked(text: str) -> None:
    for bare in (False, True):
        assert isinstance(marked(text, bare=bare), str)
    if "${" not in text and "%{" not in text:
        assert marked(text) == text
