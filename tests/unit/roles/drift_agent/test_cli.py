"""What the command line prints where nobody reads. Real commands: tests/integration/test_drift_agent.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
