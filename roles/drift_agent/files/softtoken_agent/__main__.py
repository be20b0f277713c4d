# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the agent out of the directory that the role installs; the shipped archive makes that directory."""

from __future__ import annotations

import os
import sys


def _start() -> int:
    if os.path.isfile(sys.path[0]):
        from softtoken_agent.unpack import main as install  # type: ignore[import-not-found] # from within the archive

        sys.stdout.write(f"{install(os.path.abspath(sys.path[0]), sys.argv[1:])}\n")
        return 0
    # The directory is reached by a link that an upgrade moves: one run imports from one version.
    sys.path[0] = os.path.realpath(sys.path[0])
    try:
        from softtoken_agent.cli import main  # type: ignore[import-not-found] # from beside this

        code: int = main(sys.argv[1:])
    except Exception:  # noqa: BLE001 - whatever it is, nothing is known
        # Python would end with 1, which to monitoring is a warning beside a clock that is right.
        sys.excepthook(*sys.exc_info())
        return 3
    return code


if __name__ == "__main__":
    sys.exit(_start())
