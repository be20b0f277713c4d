"""docs/diagnose.md names every cause that the diagnosis can return, and every variable that the playbook has."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import CODES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8")


def test_every_cause_is_there_once() -> None:
    table = PAGE.split("\n## The causes\n", 1)[1].split("\n## ", 1)[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(CODES)


def test_every_variable_that_the_page_names_is_one_of_the_playbook() -> None:
    playbook = (ROOT / "playbooks" / "mfa_diagnose.yml").read_text(encoding="utf-8")
    known = set(re.findall(r"^#   (softtoken_\w+)", playbook, re.MULTILINE))
    assert set(re.findall(r"\bsofttoken_(?!mode)\w+", PAGE)) <= known | {"softtoken_serial"}
    assert known == set(re.findall(r"\b(softtoken_\w+) \|", playbook))
