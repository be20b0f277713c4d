"""docs/rules.md is where people look rules up: it must know every one, as the catalogue does, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rules.md"
ENTRY = re.compile(
    r"^### (MFA-[A-Z]\d\d): (.+)\n\nSeverity (\w+)\.(?: Needs ([^.]+)\.)?\n\n\S[^#]+?\*\*Do:\*\* \S", re.MULTILINE
)


def test_the_page_and_the_catalogue_agree() -> None:
    entries = ENTRY.findall(PAGE.read_text(encoding="utf-8"))
    assert [
        (rule, title, severity, tuple(re.findall(r"`(\w+)`", needs))) for rule, title, severity, needs in entries
    ] == [(rule.id, rule.title, rule.severity, rule.needs) for rule in RULES.values()]


def test_nothing_else_is_called_a_rule() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"MFA-[A-Z]\d\d", text)) == set(RULES)
