from __future__ import annotations

import random
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import (
    Finding,
    Fix,
    Witness,
    finding,
    order,
    to_dict,
)

ROLE = "arn:aws:iam::123456789012:role/a"


def found(rule: str = "MFA-C03", **more: Any) -> Finding:
    values: dict[str, Any] = {"account": "123456789012", "resource": ROLE, "document": "trust", "message": "it is so"}
    return finding(rule, **{**values, **more})


def test_the_catalogue_fills_in_severity_title_and_references() -> None:
    one = found()
    rule = RULES["MFA-C03"]
    assert (one.severity, one.title, one.references) == (rule.severity, rule.title, rule.references)


def test_a_finding_may_be_worse_than_its_rule() -> None:
    assert found(severity="critical").severity == "critical"


def test_the_plain_form_has_the_public_keys_in_their_order() -> None:
    one = found(
        statement="Sid",
        path="Condition.Bool.aws:MultiFactorAuthPresent",
        serial="GAHT12345678",
        witness=Witness("long_term_key", "allowed"),
        fix=Fix({"Version": "2012-10-17"}, "Bool becomes BoolIfExists"),
    )
    plain = to_dict(one)
    assert list(plain) == [
        "rule", "severity", "title", "account", "resource", "document", "statement", "path", "serial", "witness",
        "message", "fix", "references",
    ]  # fmt: skip
    assert plain["witness"] == {"credential": "long_term_key", "outcome": "allowed"}
    assert plain["fix"] == {"document": {"Version": "2012-10-17"}, "summary": "Bool becomes BoolIfExists"}
    assert isinstance(plain["references"], list)


def test_what_a_finding_does_not_have_is_null() -> None:
    plain = to_dict(found())
    assert [plain[key] for key in ("statement", "serial", "witness", "fix")] == [None, None, None, None]


def test_the_order_is_worst_first_then_rule_then_place() -> None:
    expected = [
        found(severity="critical"),
        found("MFA-C01", severity="high", resource=ROLE + "2"),
        found("MFA-C03", statement=2),
        found("MFA-C03", statement=10),
        found("MFA-C03", statement="Sid"),
        found("MFA-C03", resource=ROLE + "b", statement=0),
        found("MFA-T07"),
    ]
    mixed = expected[:]
    random.Random(7).shuffle(mixed)  # noqa: S311 - an order, not a secret
    assert sorted(mixed, key=order) == expected
