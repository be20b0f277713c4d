"""The tools that review code for others: Checkov, pre-commit and check-jsonschema, in an environment of their own.

It is made once, into ``$SOFTTOKEN_CACHE``, and anew when its requirements change.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from .roots import cache_dir, locked
from .shell import run

__all__ = ["copy_of_the_project", "tool"]

ROOT = Path(__file__).resolve().parents[2]
_REQUIREMENTS = ROOT / "requirements" / "checkov.txt"


def tool(name: str) -> Path:
    """Return a program of the environment."""
    venv = cache_dir() / "reviewers"
    needed = (ROOT / "requirements" / "bootstrap.txt").read_bytes() + _REQUIREMENTS.read_bytes()
    wanted, ready = hashlib.sha256(needed).hexdigest(), venv / ".ready"
    with locked("reviewers"):
        if not ready.is_file() or ready.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(venv, ignore_errors=True)
            run([str(ROOT / "tests" / "tools" / "bootstrap.sh"), str(venv), str(_REQUIREMENTS)], timeout=600)
            ready.write_text(wanted, encoding="utf-8")
    return venv / "bin" / name


def copy_of_the_project(folder: Path) -> Path:
    """Copy what a clone would hold, changes included, and commit it; return the folder."""
    listed = run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return folder
