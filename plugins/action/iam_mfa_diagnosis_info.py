# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action part of iam_mfa_diagnosis_info: shows what the module is doing while it does it, where it runs on this host.

CloudTrail's event history answers two calls a second: without a word in between, a diagnosis looks like one that hangs.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_EVERY_S = 3.0
_LOCAL = ("local", "ansible.builtin.local")


class ActionModule(ActionBase):
    """Runs the module, and reads the file that it writes its progress to."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what C(RETURN) of the module documents."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        if given.get("progress_file") or self._connection.transport not in _LOCAL:
            result.update(self._execute_module(task_vars=task_vars))
            return result
        with _shown() as path:
            result.update(self._execute_module(module_args={**given, "progress_file": path}, task_vars=task_vars))
        return result


@contextmanager
def _shown() -> Iterator[str]:
    """Give the name of a file, of which the newest line is shown every few seconds."""
    over = threading.Event()
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", prefix="softtoken-progress-") as file:
        thread = threading.Thread(target=_show, args=(file, over), daemon=True)
        thread.start()
        try:
            yield file.name
        finally:
            over.set()
            thread.join()


def _show(file: TextIO, over: threading.Event) -> None:
    display = Display()
    while not over.wait(_EVERY_S):
        lines = [line for line in file.read().splitlines() if line]
        if lines:
            display.display(f"  {lines[-1]}")
