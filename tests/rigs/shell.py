"""Run a command of the rig, and say clearly what failed."""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: How long something may take that takes seconds where nothing else runs: a machine may be busy.
PATIENCE_S = 300.0

Result = subprocess.CompletedProcess[str]
T = TypeVar("T")


class RigError(RuntimeError):
    """A rig could not be set up or did not reach a state in time."""


class NeedsRootError(RigError):
    """What was asked for is root's alone: namespaces, containers, root file systems."""


def need_root(what: str) -> None:
    """Fail early where a program would only say that something is not permitted."""
    if os.geteuid() != 0:
        raise NeedsRootError(f"{what} needs root")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of rig commands: the caller's, with a fixed locale."""
    return {**os.environ, "LC_ALL": "C", **(extra or {})}


def run(
    argv: Sequence[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    timeout: float = PATIENCE_S,
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run ``argv`` to its end; a failure raises RigError with the command and what it printed."""
    try:
        result = subprocess.run(
            list(argv), input=stdin, text=True, capture_output=True, timeout=timeout, env=environment(env), check=False
        )
    except FileNotFoundError as exc:
        raise RigError(f"{argv[0]} is not installed; see requirements/system-test.txt") from exc
    except subprocess.TimeoutExpired as exc:
        raise RigError(f"{shlex.join(argv)} did not end within {timeout:g} s") from exc
    if check and result.returncode:
        said = (result.stderr or result.stdout).strip()[-4000:]
        raise RigError(f"{shlex.join(argv)} ended with {result.returncode}: {said}")
    return result


def need(*programs: str) -> None:
    """Fail early, with every missing program named."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise RigError(f"not installed: {', '.join(missing)}; see requirements/system-test.txt")


def wait_for(
    probe: Callable[[], T | None],
    what: str,
    *,
    timeout: float = PATIENCE_S,
    every: float = 0.1,
    hint: Callable[[], str] = str,
) -> T:
    """Call ``probe`` until it returns something true, and return that."""
    end = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise RigError(f"waited {timeout:g} s in vain for {what}. {hint()}".rstrip())
        time.sleep(every)
