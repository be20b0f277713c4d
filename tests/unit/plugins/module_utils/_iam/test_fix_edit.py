"""A Condition taken apart and put together again is the same, but for what was changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.fix_edit import (
    Cell,
    cells_of,
    join,
    parse_statement,
    with_statement,
)

from tests.rigs.iam_rules import PRESENT, ROOT, policy, trusting

CONDITIONS: list[dict[str, Any]] = [
    {},
    {"Bool": {PRESENT: True, "aws:SecureTransport": ["true"]}, "StringLike": {"sts:ExternalId": "x"}},
    {"StringLike": {}, "Bool": {PRESENT: "true"}, "IpAddress": {}},
    {"boolifexists": {PRESENT.upper(): "TRUE"}, "NumericLessThan": {"aws:MultiFactorAuthAge": 3600}},
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_is_not_changed_keeps_spelling_order_and_values(condition: Any) -> None:
    document = parse_document(policy(trusting({"AWS": ROOT}, condition)), "test")
    block = join(cells_of(document.statements[0]))
    assert json.dumps(block) == json.dumps(condition)


def test_a_statement_without_conditions_gets_the_first() -> None:
    document = parse_document(policy(trusting({"AWS": ROOT})), "test")
    assert cells_of(document.statements[0]) == ()
    block = join((Cell("Bool", PRESENT, "true"),))
    assert block == {"Bool": {PRESENT: "true"}}
    after = parse_statement(document, document.statements[0], block)
    assert after.obj == trusting({"AWS": ROOT}, block)
    assert after.conditions[0].is_mfa


def test_one_key_has_one_value_under_one_operator() -> None:
    assert join((Cell("Bool", PRESENT, "true"), Cell("bool", PRESENT.lower(), "true"))) == {"Bool": {PRESENT: "true"}}
    assert join((Cell("Bool", PRESENT, "true"), Cell("bool", PRESENT.lower(), "false"))) is None


def test_a_new_key_goes_where_its_operator_stands() -> None:
    cells = (Cell("bool", "aws:SecureTransport", "true"), Cell("Bool", PRESENT, "true"))
    assert join(cells) == {"bool": {"aws:SecureTransport": "true", PRESENT: "true"}}


@pytest.mark.parametrize("several", [True, False])
def test_the_rest_of_the_document_is_the_same(several: bool) -> None:
    statement, other = trusting({"AWS": ROOT}), trusting("*", Effect="Deny")
    obj = {"Statement": [other, statement] if several else statement, "Version": "2012-10-17", "Id": "x"}
    document = parse_document(obj, "test")
    new = with_statement(document, int(several), {"new": 1})
    assert list(new) == list(obj)
    assert new == {**obj, "Statement": [other, {"new": 1}] if several else {"new": 1}}
    assert obj["Statement"] == ([other, statement] if several else statement)
