"""A scenario that is verified more than once leaves a report of each time, where one would overwrite the other."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Name the JUnit report after the folder too: NAME.xml for ``tests``, NAME-present.xml for ``tests/present``."""
    folders = {Path(argument.partition("::")[0]).parent.name for argument in config.args}
    if config.option.xmlpath and len(folders) == 1 and "tests" not in folders:
        path = Path(config.option.xmlpath)
        config.option.xmlpath = str(path.with_stem(f"{path.stem}-{folders.pop()}"))
