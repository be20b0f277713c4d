# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could not be measured, and why.

Private to this collection. Apart from ``model``, because hosts name gaps and need nothing else of it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Gap"]


class Gap(NamedTuple):
    """Something that was asked for and could not be measured."""

    subset: str
    code: str  # a reason code, or "" where no verdict depends on it
    reason: str
