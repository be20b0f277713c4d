# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the clock code.

Private to this collection.
"""

from __future__ import annotations

from typing import Optional

__all__ = ["ClockError", "ReportError"]


class ClockError(Exception):
    """Root of everything the clock code raises on purpose."""


class ReportError(ClockError):
    """A report of chronyc that does not say what chronyc's reports say.

    ``line`` counts from 1, ``column`` is the zero-based CSV column or None where
    the whole line (or the whole report) is at fault.
    """

    def __init__(self, report: str, line: int, column: Optional[int], detail: str) -> None:
        self.report = report
        self.line = line
        self.column = column
        self.detail = detail
        where = "" if column is None else f", column {column}"
        super().__init__(f"chronyc {report}, line {line}{where}: {detail}")
