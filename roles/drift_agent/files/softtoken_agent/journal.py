# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent tells the journal. Under systemd a prefix says how important a line is; elsewhere there is none."""

from __future__ import annotations

import os
import sys

__all__ = ["NOTICE", "PROBLEM", "tell"]

NOTICE, PROBLEM = 5, 4


def tell(text: str, level: int = PROBLEM) -> None:
    """Write one line to standard error."""
    prefix = f"<{level}>" if "JOURNAL_STREAM" in os.environ else ""
    sys.stderr.write(f"{prefix}softtoken-agent: {' '.join(text.split())}\n")
    sys.stderr.flush()
