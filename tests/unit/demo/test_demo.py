"""What the demo does before it starts anything, and how it writes."""

from __future__ import annotations

import os
import platform
import signal
from pathlib import Path

import pytest

from tests.demo import __main__ as demo
from tests.demo.checks import Check
from tests.demo.facts import Facts
from tests.demo.narration import Narrator
from tests.rigs import vm_image

FACTS = Facts(host="build-7", user="alice", true_servers=["10.91.0.1", "10.91.0.3"], serials={"prod": "arn:x"})


def status_and_error(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = demo.main([])
    out, error = capsys.readouterr()
    assert out == ""
    return status, error


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep signals and environment of the test run; nothing may be started."""
    monkeypatch.setattr(signal, "signal", lambda *_given: None)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(demo, "play", lambda *_given: pytest.fail("it was started"))


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    status, error = status_and_error(capsys)
    assert status == 2
    assert error == "demo: the demo needs root, for network namespaces and a virtual machine: sudo make demo\n"


def test_missing_programs_are_named_with_what_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    status, error = status_and_error(capsys)
    assert status == 2
    assert "not installed: qemu-system-x86_64, qemu-img" in error
    assert "make test-tools" in error


def test_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    status, error = status_and_error(capsys)
    assert status == 2
    assert "this is aarch64 on linux" in error


def test_settings_of_other_accounts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "ANSIBLE_INVENTORY", "https_proxy", "HTTP_PROXY"):
        monkeypatch.setitem(os.environ, name, "somebody's")
    demo.forget_accounts()
    assert "somebody's" not in os.environ.values()
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_a_first_run_says_that_it_takes_longer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(demo, "need", lambda *_programs: None)
    monkeypatch.setattr(demo, "machine_folder", lambda _suite: tmp_path)
    demo.check_machine()
    assert "for the first time" in capsys.readouterr().out
    vm_image.Image(tmp_path).booted_memory.touch()
    demo.check_machine()
    assert capsys.readouterr().out == ""


def test_what_is_not_so_is_told_with_what_was_measured() -> None:
    check = Check("AWS takes the code", holds=False, measured="403 AccessDenied")
    assert Narrator(100, colours=False).failed([check]) == (
        "   NOT SO      AWS takes the code. Measured: 403 AccessDenied"
    )


def test_colours_are_only_where_they_can_be_seen() -> None:
    assert "\033[1m1  What AWS says\033[0m" in Narrator(100, colours=True).heading("sign_in", FACTS)
    assert "\033" not in Narrator(100, colours=False).heading("sign_in", FACTS)


@pytest.mark.parametrize(("terminal", "longest"), [(20, 60), (80, 80), (400, 100)])
def test_lines_fit_a_terminal(terminal: int, longest: int) -> None:
    told = Narrator(terminal, colours=False).opening(FACTS)
    assert max(len(line) for line in told.splitlines()) <= longest
