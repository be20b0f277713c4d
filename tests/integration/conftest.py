"""What several integration tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.guest import Guest, guest_with_servers
from tests.rigs.shell import NeedsRootError
from tests.rigs.vm import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

#: The files that take a minute or more. They are begun first, so that no worker goes on for minutes after the other.
LONGEST = (
    "test_fast_path",
    "test_mfa_policies",
    "test_timesync_role",
    "test_iam_trust_policy",
    "test_demo",
    "test_drift_agent",
    "test_awx_setup",
    "test_traps",
    "test_code_review",
    "test_guardrails",
    "test_drift_agent_image",
    "test_enforce_vm",
    "test_chrony_config_systemd",
    "test_makestep_vm",
    "test_report_page",
    "test_rigs",
    "test_iam_audit_playbook",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; pytest-xdist hands the files out in this order."""
    begun = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: begun.get(item.path.stem, len(LONGEST)))


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
