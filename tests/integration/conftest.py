"""What several integration tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.guest import Guest, guest_with_servers
from tests.rigs.shell import NeedsRootError
from tests.rigs.vm import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Skip what needs a rig that only root may build, and say so."""
    return (yield from _skipping_without_root())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Do the same where a test starts its own rig."""
    return (yield from _skipping_without_root())


def _skipping_without_root() -> Generator[None, object, object]:
    try:
        return (yield)
    except NeedsRootError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def vm() -> Iterator[VirtualMachine]:
    """Start a virtual machine, the only place where a test moves a clock."""
    with VirtualMachine() as machine:
        yield machine


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    """Start a virtual machine of the module's own, with a time server and a witness."""
    with guest_with_servers() as made:
        yield made
