"""What the command line refuses, and prints where nobody reads. Real ones: tests/integration/test_drift_agent.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roles.drift_agent.files.softtoken_agent import cli

ROOT = Path(__file__).resolve().parents[4]
PRINT = "import sys; from roles.drift_agent.files.softtoken_agent.cli import _print; _print('x' * 100000); sys.exit(2)"


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("| true", ""),
        (">&-", ""),
        (">/dev/full", "softtoken-agent: the result could not be printed: No space left on device\n"),
        (">/dev/null", ""),
    ],
)
def test_the_exit_code_is_the_verdict_whoever_reads(to: str, said: str) -> None:
    script = f'set -o pipefail; "$0" -c "$1" {to}'
    argv = ["bash", "-c", script, sys.executable, PRINT]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=ROOT, env=env, timeout=60)
    assert (ran.returncode, ran.stderr) == (2, said)


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many"])
def test_a_count_that_is_none_is_refused_in_plain_words(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["history", f"--count={text}"])
    assert ended.value.code == 3
    assert f"argument --count: '{text}' is not a whole number from 1" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["config", "check", "status", "step"])
def test_a_configuration_that_was_named_has_to_be_there(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "--config", str(tmp_path / "agnet.conf")]) == 3
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"softtoken-agent: there is no {tmp_path}/agnet.conf\n")


def test_the_usual_configuration_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = tmp_path / "agent.conf"
    monkeypatch.setattr(cli, "CONFIG", str(usual))
    assert cli.main(["config"]) == 0
    usual.write_text("[policy]\n", encoding="utf-8")
    assert cli.main(["config"]) == 0
    assert capsys.readouterr().out == f"there is no {usual}: the defaults hold\n{usual} is right\n"


def test_who_may_not_check_is_told_who_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_path: str) -> object:
        raise PermissionError(13, "Permission denied", "/run/softtoken/lock")

    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(cli, "locked", refuse)
    assert cli.main(["check"]) == 3
    assert "/run/softtoken/lock: Permission denied; only root and the timer may check" in capsys.readouterr().err
