"""Who a Principal means, and whom conditions leave in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Statement, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.principals import (
    confined_to_roles,
    confined_to_users,
    overlap,
    people,
    read_principal,
)

from tests.rigs.iam_rules import ACCOUNT, OTHER, ROOT, policy, statement, trusting


def read(written: Any) -> Statement:
    return parse_document(policy(written), "test").statements[0]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("*", "everyone", ""),
        (ACCOUNT, "account", ""),
        (ROOT, "account", ""),
        (f"arn:aws-cn:iam::{ACCOUNT}:root", "account", ""),
        (f"arn:aws:iam::{ACCOUNT}:user/team/alice", "user", "alice"),
        (f"arn:aws:iam::{ACCOUNT}:role/team/ops", "role", "ops"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/session", "session", "ops"),
        (f"arn:aws:iam::{ACCOUNT}:mfa/alice", "device", "alice"),
        ("AIDACKCEVSQ6C2EXAMPLE", "unique_id", ""),
        ("AROACKCEVSQ6C2EXAMPLE", "unique_id", ""),
        ("arn:aws:s3:::bucket", "malformed", ""),
        ("alice", "malformed", ""),
    ],
)
def test_kinds(text: str, kind: str, name: str) -> None:
    assert (read_principal(text).kind, read_principal(text).name) == (kind, name)


def test_people_are_users_accounts_and_everyone() -> None:
    everybody = [
        ROOT,
        f"arn:aws:iam::{ACCOUNT}:role/ops",
        f"arn:aws:iam::{ACCOUNT}:user/alice",
        "AROACKCEVSQ6C2EXAMPLE",
    ]
    assert [one.kind for one in people(read(trusting({"AWS": everybody})))] == ["account", "user"]
    assert people(read(trusting({"Service": "ec2.amazonaws.com"}))) == ()
    but = {"Effect": "Allow", "NotPrincipal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    assert [one.kind for one in people(read(but))] == ["everyone"]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (ROOT, f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:iam::{ACCOUNT}:user/alice"),
        (ACCOUNT, ROOT, ACCOUNT),
        ("*", ROOT, ROOT),
        (ROOT, f"arn:aws:iam::{OTHER}:user/alice", None),
        (f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:iam::{ACCOUNT}:user/bob", None),
    ],
)
def test_overlap(one: str, other: str, both: str | None) -> None:
    for left, right in ((one, other), (other, one)):
        found = overlap(read_principal(left), read_principal(right))
        assert (found is None) == (both is None)
        if found is not None and "user/" in (both or ""):
            assert found.text == both


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}, True),
        ({"StringLike": {"aws:PrincipalArn": ["arn:aws:iam::*:user/*", "arn:aws:iam::*:root"]}}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, True),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
        ({"Null": {"aws:username": "false"}}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/breakglass"}}, False),
        # Every principal's request carries its ARN and its type.
        ({"ArnLikeIfExists": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}, True),
        ({"StringEqualsIfExists": {"aws:PrincipalType": "User"}}, True),
        ({"StringLikeIfExists": {"aws:username": "*"}}, False),
        ({"ForAllValues:ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}, False),
        ({"Null": {"aws:PrincipalArn": "false"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": ["arn:*:iam::*:user/*", "arn:*:iam::*:role/*"]}}, False),
        ({"Null": {"aws:username": "true"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
    ],
)
def test_confined_to_users(condition: Any, expected: bool) -> None:
    assert confined_to_users(read(statement("Deny", condition))) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ci-*"}}, True),
        ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, True),
        ({"StringLike": {"aws:userid": "AROACKCEVSQ6C2EXAMPLE:*"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:*"}}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ci"}}, False),
    ],
)
def test_confined_to_roles(condition: Any, expected: bool) -> None:
    assert confined_to_roles(read(statement("Allow", condition))) is expected
