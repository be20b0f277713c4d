"""docs/facts.md is where people look codes up: it must know every one, no others, and their order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.messages import ORDER
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.reasons import REASONS, severity

ROOT = Path(__file__).resolve().parents[3]
CLOCK = ROOT / "plugins" / "module_utils" / "_clock"
FAMILIES = "chrony|clock|config|daemon|source|totp|witness"


def documented(families: str = FAMILIES) -> list[str]:
    """Return the codes of the tables' first column, as they stand."""
    text = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    return list(re.findall(rf"^\| `((?:{families})\.\w+)` \|", text, re.MULTILINE))


def linted() -> set[str]:
    """Return the codes that the linter of configurations gives."""
    text = (CLOCK / "config_lint.py").read_text(encoding="utf-8")
    return set(re.findall(r'"(config\.\w+)"', text))


def test_every_code_is_documented_once_worst_first_and_nothing_else() -> None:
    assert documented() == list(ORDER)


@pytest.mark.parametrize("family", ["host", "agent"])
def test_every_code_of_other_parts_that_a_report_may_show_is_documented_worst_first(family: str) -> None:
    known = sorted((code for code in REASONS if code.startswith(f"{family}.")), key=severity)
    assert known
    assert documented(family) == known


def test_every_finding_of_the_linter_has_its_place_in_the_order() -> None:
    assert "config.invalid" in linted()
    assert linted() <= set(ORDER)
