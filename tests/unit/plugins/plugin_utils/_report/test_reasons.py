from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.reasons import REASONS, explain

CLOCK = Path(__file__).resolve().parents[5] / "plugins" / "module_utils" / "_clock"
REASON = re.compile(r'"((?:chrony|clock|source|config|daemon|witness|totp)\.[a-z_]+)"')


def codes_in_the_clock_code() -> list[str]:
    """Return every reason code that the verdict, or what feeds it, can produce."""
    return sorted({code for path in CLOCK.rglob("*.py") for code in REASON.findall(path.read_text(encoding="utf-8"))})


def test_the_clock_code_has_reasons() -> None:
    assert "chrony.missing" in codes_in_the_clock_code()


@pytest.mark.parametrize("code", codes_in_the_clock_code())
def test_every_reason_is_explained(code: str) -> None:
    assert code in REASONS


def test_a_newer_code_stands_for_itself() -> None:
    assert explain("clock.brand_new").meaning == "clock.brand_new"
