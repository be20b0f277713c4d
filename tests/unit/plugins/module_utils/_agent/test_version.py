from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION


def test_the_agent_has_the_collections_version() -> None:
    galaxy = Path(__file__).resolve().parents[5] / "galaxy.yml"
    assert yaml.safe_load(galaxy.read_text(encoding="utf-8"))["version"] == VERSION
