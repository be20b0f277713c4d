# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helpers for text that other people wrote: paths, names, possibly hostile.

Private to this collection.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from .._ports import Files

__all__ = ["MAX_FILE", "lines", "listed", "read_regular", "shown", "why"]

MAX_FILE = 1048576  # bytes; an AWS configuration of 5,000 profiles has about half of that
MAX_SHOWN = 256
NAMES_LISTED = 3


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """Return ``text`` fit for a report: printable, encodable, at most ``limit`` characters."""
    clean = "".join(char if char.isprintable() else "?" for char in text[:limit])
    return clean if len(text) <= limit else clean + "..."


def lines(text: str) -> List[str]:
    """Split as Python's text files do (not at form feeds and the like), without a byte order mark."""
    if text.startswith("\ufeff"):
        text = text[1:]
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def listed(names: Sequence[str]) -> str:
    """Join names for a message, the first few of many."""
    some = ", ".join(shown(name, 64) for name in names[:NAMES_LISTED])
    more = len(names) - NAMES_LISTED
    return some if more <= 0 else f"{some} and {more} more"


def why(exc: OSError) -> str:
    """Say in words why a file could not be read; never the path, which the caller names."""
    return (exc.strerror or exc.__class__.__name__).lower()


def read_regular(files: Files, path: str, limit: int = MAX_FILE) -> Optional[str]:
    """Return the whole file; None when there is none. OSError when it may not be read or is longer than ``limit``."""
    try:
        text = files.read_text(path, limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(text.encode("utf-8", "replace")) > limit:
        raise OSError(0, f"larger than {limit} bytes")
    return text
