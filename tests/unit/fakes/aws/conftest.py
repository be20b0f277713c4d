"""One double for each file of tests: starting one costs a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.aws import FakeAws, Rules
from tests.unit.fakes.aws.account import Clock, World


@pytest.fixture(scope="module")
def served() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def world(served: FakeAws) -> World:
    clock = Clock()
    served.true_time = clock
    served.state.rules = Rules()
    served.reset()
    return World(served, clock)
