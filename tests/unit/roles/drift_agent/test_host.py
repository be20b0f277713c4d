"""Programs run within their limits, without the module subprocess."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from roles.drift_agent.files.softtoken_agent.host import HostRunner, stamp
from tests.rigs.shell import wait_for


@pytest.fixture
def runner() -> HostRunner:
    return HostRunner()


def sh(runner: HostRunner, script: str, **options: object) -> tuple[int, str, str, bool]:
    found = runner.run(["sh", "-c", script], **options)  # type: ignore[arg-type]
    return found.rc, found.stdout, found.stderr, found.timed_out


def test_output_and_status_come_back(runner: HostRunner) -> None:
    assert sh(runner, "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n", False)
    assert sh(runner, "kill -9 $$") == (-9, "", "", False)
    assert sh(runner, "printf '\\377'") == (0, "\ufffd", "", False)


def test_much_output_does_not_block(runner: HostRunner) -> None:
    code, out, err, _late = sh(runner, "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2")
    assert (code, len(out), len(err)) == (0, 300000, 300000)


def test_endless_output_is_ended(runner: HostRunner) -> None:
    code, out, err, late = sh(runner, "cat /dev/zero", timeout_s=60.0)
    assert (code, out, late) == (-9, "", False)
    assert "printed more than 1048576 bytes" in err


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "sleep 60 & wait",
        # Without its pipes, and without its parent.
        "exec >/dev/null 2>&1; sleep 60",
        "sleep 60 & exit 0",
        "trap '' TERM; sleep 60",
    ],
)
def test_what_does_not_end_is_ended_with_its_children(runner: HostRunner, script: str, tmp_path: Path) -> None:
    child = _sleeper(tmp_path)
    code, _out, err, late = sh(runner, f": {child}; {script.replace('sleep', child)}", timeout_s=0.3)
    assert (code, late) == (-9, True)
    assert "did not end in time" in err
    _ends(child)


def test_what_a_program_leaves_running_ends_with_it(runner: HostRunner, tmp_path: Path) -> None:
    child = _sleeper(tmp_path)
    found = sh(runner, f"{child} 60 >/dev/null 2>&1 & echo done")
    assert found == (0, "done\n", "", False)
    _ends(child)


def _sleeper(folder: Path) -> str:
    """Return a sleep by a name of its own, which tells its processes from all others."""
    program = folder / "sleeps"
    program.symlink_to(str(shutil.which("sleep")))
    return str(program)


def _ends(mark: str) -> None:
    """Assert that its processes are killed: by themselves they would go on for a minute."""
    wait_for(lambda: not _alive(mark), f"{mark} to end", timeout=20)


def _alive(mark: str) -> list[str]:
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_data_is_given_and_nothing_waits_for_more(runner: HostRunner) -> None:
    assert runner.run(["cat"], data="told").stdout == "told"
    assert runner.run(["cat"]).stdout == ""


def test_programs_speak_english_and_mind_closed_pipes(runner: HostRunner) -> None:
    assert sh(runner, "echo $LC_ALL")[1] == "C\n"
    assert sh(runner, "yes | head -1; echo $?")[1] == "y\n0\n"


def test_a_program_that_is_not_there_is_127(runner: HostRunner, tmp_path: Path) -> None:
    assert runner.run(["no-such-program"]).rc == 127
    assert runner.run([str(tmp_path / "none")]).rc == 127
    plain = tmp_path / "plain"
    plain.write_text("not executable", encoding="utf-8")
    assert runner.run([str(plain)]).rc == 126


def test_which_looks_in_the_sbin_directories(
    runner: HostRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", ".:relative")
    assert (runner.which("sh") or "").startswith("/")
    assert runner.which("no-such-program") is None
    (tmp_path / "mine").write_text("#!/bin/sh\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runner.which("mine") is None
    (tmp_path / "mine").chmod(0o755)
    assert runner.which("mine") == str(tmp_path / "mine")


def test_no_descriptor_is_left_open(runner: HostRunner) -> None:
    runner.run(["true"])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for argv in (["true"], ["no-such-program"], ["/etc/passwd"]):
        runner.run(argv)
    runner.run(["sleep", "9"], timeout_s=0.05)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_stamp_is_of_now() -> None:
    uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    now = stamp()
    assert abs(now.boottime_s - uptime) < 5
    # It is the earlier one by all suspends, and is read microseconds later.
    assert now.monotonic_s < now.boottime_s + 1
    assert now.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
