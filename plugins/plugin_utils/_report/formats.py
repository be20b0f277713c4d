# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats a report can be written in. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .json_report import render_json
from .model import Report
from .text_report import render_text

__all__ = ["FORMATS", "Format"]


class Format(NamedTuple):
    """One format: the file it goes to, and what makes its text."""

    file_name: str
    render: Callable[[Report], str]


FORMATS: dict[str, Format] = {
    "json": Format("report.json", render_json),
    "text": Format("report.txt", render_text),
}
