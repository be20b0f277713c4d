"""A document that can be read, at a place where IAM would not take it: it is named, and never passes for clean."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditContext, AuditOptions

from tests.rigs.iam_rules import BUCKET, PRESENT, ROOT, managed, policy, resource, role, scp, statement, trusting

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole"}
MFA = {"Bool": {PRESENT: "true"}}


def paths(account: Any) -> list[str]:
    documents = AuditContext(account, AuditOptions()).documents
    return [problem.path for one in documents for problem in one.document.problems]


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (role(policy(TRUST)), ["Statement[0].Principal"]),
        (role(policy(trusting({"AWS": ROOT}, MFA), {**TRUST, "Condition": MFA})), ["Statement[1].Principal"]),
        (role(policy(trusting({"AWS": ROOT}, MFA, Resource="*"))), ["Statement[0].Resource"]),
        (resource(policy(statement("Allow", MFA, Resource=BUCKET))), ["Statement[0].Principal"]),
        (managed(policy({"Effect": "Allow", "Action": "s3:*"})), ["Statement[0].Resource"]),
        (managed(policy({**statement("Deny"), "Principal": "*"})), ["Statement[0].Principal"]),
        (scp(policy({"Effect": "Deny", "Action": "s3:*"})), ["Statement[0].Resource"]),
    ],
)
def test_what_iam_would_refuse_there_is_named(account: Any, expected: list[str]) -> None:
    assert paths(account) == expected


@pytest.mark.parametrize(
    "account",
    [
        role(policy(trusting({"AWS": ROOT}), {**TRUST, "Effect": "Deny", "NotPrincipal": {"AWS": ROOT}})),
        managed(policy(statement("Deny"), {"Effect": "Allow", "Action": "s3:*", "NotResource": BUCKET})),
        resource(policy(statement("Allow", Resource=BUCKET, Principal="*"))),
        scp(policy(statement("Deny"))),
    ],
)
def test_what_is_right_there_is_not(account: Any) -> None:
    assert paths(account) == []


def test_a_part_that_could_not_be_read_is_named_once() -> None:
    assert paths(role(policy({**TRUST, "Principal": None}))) == ["Statement[0].Principal"]
