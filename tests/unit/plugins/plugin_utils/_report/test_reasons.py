from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.reasons import (
    REASONS,
    advice,
    explain,
    severity,
)

ROOT = Path(__file__).resolve().parents[5]
CLOCK = ROOT / "plugins" / "module_utils" / "_clock"
AGENT = (ROOT / "plugins" / "module_utils" / "_agent", ROOT / "roles" / "drift_agent" / "files")
REASON = re.compile(r'"((?:chrony|clock|source|config|daemon|witness|totp)\.[a-z_]+)"')


def codes_in_the_clock_code() -> list[str]:
    """Return every reason code that the verdict, or what feeds it, can produce."""
    return sorted({code for path in CLOCK.rglob("*.py") for code in REASON.findall(path.read_text(encoding="utf-8"))})


def test_the_clock_code_has_reasons() -> None:
    assert "chrony.missing" in codes_in_the_clock_code()


def codes_of_the_agent() -> list[str]:
    """Return every reason code that the agent has of its own."""
    texts = [path.read_text(encoding="utf-8") for folder in AGENT for path in folder.rglob("*.py")]
    return sorted({code for text in texts for code in re.findall(r'"(agent\.[a-z_]+)"', text)})


def test_the_agent_has_a_reason_of_its_own() -> None:
    assert "agent.config_invalid" in codes_of_the_agent()


@pytest.mark.parametrize("code", [*codes_in_the_clock_code(), *codes_of_the_agent()])
def test_every_reason_is_explained(code: str) -> None:
    assert code in REASONS


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_its_place(code: str) -> None:
    assert severity(code) < severity("clock.brand_new")


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize(("enforced", "dry_run"), [(False, False), (False, True), (True, False), (True, True)])
def test_who_enforced_is_not_told_to_enforce(code: str, enforced: bool, dry_run: bool) -> None:
    text = advice(code, enforced=enforced, dry_run=dry_run)
    assert text
    assert "{" not in text
    assert not (enforced and "softtoken_mode=enforce" in text)


def test_the_advice_fits_what_the_run_did() -> None:
    assert "softtoken_mode=enforce" in advice("chrony.missing", enforced=False, dry_run=True)
    assert "would be enforced" in advice("chrony.missing", enforced=True, dry_run=True)
    assert "-e softtoken_mode=enforce" in advice("chrony.missing", enforced=False, dry_run=False)
    assert "did not mend this" in advice("chrony.missing", enforced=True, dry_run=False)


@pytest.mark.parametrize("code", ["daemon.rivals_unknown", "witness.unavailable"])
def test_nobody_installs_by_hand_what_the_role_installs(code: str) -> None:
    assert "(the role timesync does)" in explain(code).action


def test_the_advice_on_leap_seconds_names_the_directives_of_the_linter() -> None:
    lint = (CLOCK / "config_lint.py").read_text(encoding="utf-8")
    rule = lint[lint.index("def _leap_source_smeared") : lint.index('"config.leap_smeared_twice"')]
    directives = set(re.findall(r'config\.last\("(\w+)"\)', rule))
    assert directives == {"leapsectz", "leapseclist"}
    assert set(re.findall(r"leapsec\w+", explain("config.leap_smeared_twice").action)) == directives


def test_a_newer_code_stands_for_itself() -> None:
    assert explain("clock.brand_new").meaning == "clock.brand_new"
