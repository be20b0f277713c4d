"""The ports on a real host: real programs, files, processes and UDP servers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import (
    HostClocks,
    HostFiles,
    ModuleRunner,
    PsutilProcesses,
    has_library,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Unavailable

from tests.rigs.shell import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Far more than loopback needs, and far less than a test run has.
PATIENCE = 5.0


@pytest.fixture
def runner() -> Iterator[ModuleRunner]:
    with patch_module_args({}):
        yield ModuleRunner(AnsibleModule(argument_spec={}))


def test_a_command_runs_without_a_shell_in_the_c_locale(runner: ModuleRunner) -> None:
    script = "import os, sys; print(sys.argv[1], os.environ['LC_ALL']); print('oops', file=sys.stderr); sys.exit(3)"
    result = runner.run([sys.executable, "-c", script, "$HOME;~"])
    assert result == (3, "$HOME;~ C\n", "oops\n", False)


def test_data_goes_to_standard_input(runner: ModuleRunner) -> None:
    assert runner.run(["cat"], data="a key\n").stdout == "a key\n"


def test_a_command_that_hangs_is_killed(runner: ModuleRunner) -> None:
    script = "import time; print('started', flush=True); time.sleep(600)"
    result = runner.run([sys.executable, "-c", script], timeout_s=1.0)
    assert result.timed_out
    assert result.rc != 0


@pytest.mark.parametrize("noise", ["echo x", ":"])
def test_a_script_that_hangs_is_killed_with_its_children(runner: ModuleRunner, tmp_path: Path, noise: str) -> None:
    # Whoever only kills the shell reads on from the pipe that its children still hold.
    child = f"(i=0; while [ $i -lt 60 ]; do {noise}; sleep 0.2; i=$((i+1)); done; touch ended)"
    script = f"cd {tmp_path}; {child} & echo $! >child; wait"
    result = runner.run(["sh", "-c", script], timeout_s=3.0)
    assert result.timed_out
    assert result.rc != 0
    assert not (tmp_path / "ended").exists()
    child_pid = int((tmp_path / "child").read_text(encoding="utf-8"))
    wait_for(lambda: not _runs(child_pid), "the child to be gone", timeout=PATIENCE)


def test_a_script_that_leaves_a_talking_child_behind_ends_too(runner: ModuleRunner, tmp_path: Path) -> None:
    # Nobody knows whose child that is once the script has ended; its pipe is no longer read.
    child = "(i=0; while [ $i -lt 60 ]; do echo x; sleep 0.2; i=$((i+1)); done; touch ended)"
    result = runner.run(["sh", "-c", f"cd {tmp_path}; {child} & exit 0"], timeout_s=1.0)
    assert result.timed_out
    assert not (tmp_path / "ended").exists()


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_is_cut_off_and_said(runner: ModuleRunner, tmp_path: Path, stream: str) -> None:
    # Ends by itself, after a lot, so that a module without a limit fails here instead of eating the machine.
    script = f"import sys, pathlib\nfor _ in range(400): sys.{stream}.write('x' * 65536)\npathlib.Path('ended').touch()"
    result = runner.run(["env", "-C", str(tmp_path), sys.executable, "-c", script])
    assert result.rc != 0
    assert not result.timed_out
    assert result.stdout == ""
    assert "more than 1048576 bytes" in result.stderr
    assert not (tmp_path / "ended").exists()


def test_output_below_the_limit_is_whole(runner: ModuleRunner) -> None:
    script = "import sys; print('x' * 1000000, end=''); print('y' * 1000000, end='', file=sys.stderr)"
    assert runner.run([sys.executable, "-c", script]) == (0, "x" * 1000000, "y" * 1000000, False)


def test_output_that_is_no_utf8_is_no_error(runner: ModuleRunner) -> None:
    assert runner.run(["printf", r"a\377b"]).stdout == "a\ufffdb"


def test_a_missing_program_is_127_and_a_forbidden_one_126(runner: ModuleRunner, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program", encoding="utf-8")
    missing = runner.run([str(tmp_path / "nothing")])
    assert missing.rc == 127
    assert "nothing" in missing.stderr
    assert runner.run([str(plain)]).rc == 126


def test_programs_are_found_in_sbin(runner: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert runner.which("ldconfig") in ("/sbin/ldconfig", "/usr/sbin/ldconfig")
    assert runner.which("no-such-program") is None


def test_files_are_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"ab\xffcd")
    assert HostFiles().read_text(str(tmp_path / "text"), 4) == "ab\ufffdc"
    assert HostFiles().list_dir(str(tmp_path)) == ["text"]
    assert "Name:" in HostFiles().read_text("/proc/self/status")


@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "missing"])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str) -> None:
    paths = {"device": "/dev/zero", "directory": str(tmp_path), "missing": str(tmp_path / "missing")}
    path = paths.get(kind, str(tmp_path / "fifo"))
    if kind == "fifo":
        os.mkfifo(path)  # opening it for reading would wait for a writer for ever
    with pytest.raises(OSError, match=path):
        HostFiles().read_text(path)


def test_the_clocks_run() -> None:
    clocks = HostClocks()
    wall, monotonic = clocks.wall(), clocks.monotonic()
    time.sleep(0.01)
    assert clocks.wall() - wall > 0.005
    assert clocks.monotonic() - monotonic > 0.005


def test_processes_have_name_command_line_and_user() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "marker"]) as child:
        try:
            found = {process.pid: process for process in PsutilProcesses().snapshot()}
        finally:
            child.kill()
    assert found[child.pid].cmdline[-1] == "marker"
    assert found[child.pid].name.startswith("python")
    assert found[child.pid].user == found[os.getpid()].user
    assert all(process.cmdline for process in found.values()), "kernel threads are left out"


def test_a_missing_library_is_said_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(Unavailable, match="install python3-psutil"):
        PsutilProcesses().snapshot()


def test_has_library() -> None:
    assert has_library("json")
    assert not has_library("no_such_library")
