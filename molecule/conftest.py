"""One report for each time that a run of a scenario verifies."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before pytest's own plugin takes the path
def pytest_configure(config: pytest.Config) -> None:
    """Keep the reports of earlier times: the next one gets a number."""
    given = config.getoption("xmlpath", None)
    if given and Path(given).exists():
        path = Path(given)
        numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
        config.option.xmlpath = str(next(free for free in numbered if not free.exists()))
