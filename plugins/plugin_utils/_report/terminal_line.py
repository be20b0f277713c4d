# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line on a terminal. Private to this collection, pure."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import NamedTuple

from .account import one_line

__all__ = ["TITLE", "Line", "wrapped"]

TITLE = "title"


class Line(NamedTuple):
    """A line, and what it is about: a verdict, TITLE, or nothing in particular."""

    text: str
    tone: str = ""


def wrapped(text: str, width: int, *, first: str = "", tone: str = "") -> Iterator[Line]:
    """Break a text into lines; those after the first begin below its first word."""
    lines = wrap(
        one_line(text),
        width,
        initial_indent=first,
        subsequent_indent=" " * min(len(first) + (0 if first.strip() else 2), width // 2) if first else "",
        break_on_hyphens=False,
    )
    return (Line(line, tone) for line in lines)
