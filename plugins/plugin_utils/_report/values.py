# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that nobody vouches for, as numbers and texts that can be shown. Private to this collection, pure."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

__all__ = ["MESSAGE_LIMIT", "STRINGS_LIMIT", "number", "strings", "text_of"]

MESSAGE_LIMIT = 500
STRINGS_LIMIT = 100  # codes of a kind, and messages, of a host: there are not half as many codes


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer of JSON may be larger than any float.
    return float(value) if abs(value) <= sys.float_info.max else None


def text_of(value: Any, limit: int = MESSAGE_LIMIT) -> str | None:
    """Return a text in one line, as it can be shown; None where there is none."""
    if not isinstance(value, str) or not value.strip():
        return None
    # What a host sent is shown on terminals: one line, and no control sequences.
    text = "".join(char if char.isprintable() else "?" for char in " ".join(value.split()))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def strings(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, each once."""
    if not isinstance(value, list | tuple):
        return ()
    texts = (text for item in value if (text := text_of(item)) is not None)
    # A host that said one thing twice would count as two.
    return tuple(islice(dict.fromkeys(texts), STRINGS_LIMIT))
