from __future__ import annotations

import re

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import (
    PARTS,
    RULES,
    SEVERITIES,
    Rule,
    at_least,
)

FAMILIES = {"S": 14, "C": 12, "T": 7, "G": 7, "D": 7}


def test_has_every_rule_of_every_family() -> None:
    assert list(RULES) == [
        f"MFA-{family}{number:02d}" for family, count in FAMILIES.items() for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_a_reader_and_the_audit_need(rule: Rule) -> None:
    assert RULES[rule.id] is rule
    assert rule.severity in SEVERITIES
    assert 10 < len(rule.title) <= 72
    assert not rule.title.endswith(".")
    assert rule.references
    assert all(re.fullmatch(r"https://(docs\.)?aws\.amazon\.com/\S+", url) for url in rule.references)
    assert set(rule.needs) | set(rule.also) <= set(PARTS)
    assert not set(rule.needs) & set(rule.also)


@pytest.mark.parametrize(
    ("severity", "threshold", "expected"),
    [
        ("critical", "high", True),
        ("high", "high", True),
        ("medium", "high", False),
        ("info", "info", True),
        ("info", "low", False),
    ],
)
def test_compares_severities(severity: str, threshold: str, expected: bool) -> None:
    assert at_least(severity, threshold) is expected
