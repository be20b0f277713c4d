"""When the gate opens, look by look; the looks are made up here, and real in tests/integration/test_clock_gate.py."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

GATE = Path(__file__).resolve().parents[4] / "roles" / "timesync" / "files" / "clock_gate.py"
WRONG = ["clock.bound_exceeded: the error bound is 2.7 s"]
RIGHT: list[str] = []


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The gate, whose clock runs as it sleeps."""
    spec = importlib.util.spec_from_file_location("clock_gate", GATE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "measure_clock", lambda *_given: None)
    monkeypatch.setattr(module, "describe", lambda _measurement: "right")
    return module


def opened(gate: ModuleType, monkeypatch: pytest.MonkeyPatch, looks: list[list[str]], timeout: float = 60) -> Any:
    """Let the gate look until it ends; return its status and how many looks it took."""
    now = [0.0]
    seen = iter(looks)
    left = len(looks)
    monkeypatch.setattr(gate, "objections", lambda *_given: next(seen))
    monkeypatch.setattr(gate.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    options = argparse.Namespace(
        max_error=1.0,
        min_sources=1,
        max_reference_age=4096.0,
        max_drift=50.0,
        timeout=timeout,
        interval=2.0,
        chronyc_address=None,
    )
    status = gate.wait(SimpleNamespace(clocks=SimpleNamespace(monotonic=lambda: now[0])), options)
    return status, left - len(list(seen))


def test_it_opens_when_two_looks_in_a_row_find_the_clock_right(
    gate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(gate, monkeypatch, [WRONG, RIGHT, RIGHT, WRONG]) == (0, 3)


def test_one_good_look_after_a_step_does_not_open_it(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after chronyd's first step its bound was within the limit for a moment, and 2.7 s two seconds later."""
    assert opened(gate, monkeypatch, [RIGHT, WRONG, RIGHT, WRONG, RIGHT, RIGHT]) == (0, 6)


def test_a_clock_that_is_right_now_and_then_is_not_proven(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(gate, monkeypatch, [RIGHT, WRONG] * 4, timeout=6)[0] == 1


def test_the_second_look_may_come_after_the_time_limit(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(gate, monkeypatch, [WRONG, RIGHT, RIGHT], timeout=2) == (0, 3)
