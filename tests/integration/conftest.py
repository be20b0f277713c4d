"""What several integration tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rigs.vm import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def vm() -> Iterator[VirtualMachine]:
    """Start a virtual machine, the only place where a test moves a clock."""
    with VirtualMachine() as machine:
        yield machine
