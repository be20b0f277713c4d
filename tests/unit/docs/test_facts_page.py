"""docs/facts.md is where people look codes up: it must know every one, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.messages import TEMPLATES

ROOT = Path(__file__).resolve().parents[3]
CLOCK = ROOT / "plugins" / "module_utils" / "_clock"
FAMILIES = "chrony|clock|config|daemon|source|totp|witness"


def documented() -> set[str]:
    """Return the codes of the tables' first column."""
    text = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    return set(re.findall(rf"^\| `((?:{FAMILIES})\.\w+)` \|", text, re.MULTILINE))


def linted() -> set[str]:
    """Return the codes that the linter of configurations gives."""
    text = (CLOCK / "config_lint.py").read_text(encoding="utf-8")
    return set(re.findall(r'"(config\.\w+)"', text))


def test_every_code_is_documented_and_nothing_else() -> None:
    assert documented() == set(TEMPLATES) | linted()


@pytest.mark.parametrize("code", sorted(TEMPLATES))
def test_a_code_stands_once(code: str) -> None:
    text = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^\| `{re.escape(code)}` \|", text, re.MULTILINE)) == 1
