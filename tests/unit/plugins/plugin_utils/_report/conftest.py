"""Facts as host_facts returns them, for the report's tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

FACTS: dict[str, Any] = {
    "schema": 1,
    "verdict": "compliant",
    "reasons": [],
    "measured_at": "2026-11-21T12:00:00Z",
    "clock": {"offset_s": 0.000004, "bound_s": 0.0004, "synchronised": True, "stratum": 3},
    "totp": {"steps_off": 0, "accept_probability": {"strict": 1.0, "rfc6238": 1.0, "window1": 1.0}},
    "chrony": {"installed": True, "active": True, "enabled": True, "usable_sources": 4},
}


@pytest.fixture
def result() -> Callable[..., dict[str, Any]]:
    """Return a maker of host_facts results: the given keys replace those of a compliant host."""

    def make(*, messages: list[str] | None = None, offset_s: float | None = 0.000004, **facts: Any) -> dict[str, Any]:
        softtoken = copy.deepcopy(FACTS) | facts
        softtoken["clock"]["offset_s"] = offset_s
        made: dict[str, Any] = {"changed": False, "ansible_facts": {"softtoken": softtoken}}
        return made if messages is None else made | {"detail": {"messages": messages}}

    return make
