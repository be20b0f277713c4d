# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of ``chronyc -c`` output, read field by field.

Private to this collection. Every complaint is a ReportError that names the
report, the line and the zero-based column. Output of chronyc is untrusted here:
a name comes from the network, and a number must look exactly as chronyc prints
it (``%d``, ``%o``, ``%.3f``, ``%.9f``), so that a shifted column is noticed
instead of being read as something else.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator, List, Optional

from .errors import ReportError

__all__ = [
    "MAX_PPM",
    "MAX_SECONDS",
    "MAX_UNIX_TIME",
    "Row",
    "is_decimal",
    "is_integer",
    "is_reference_id",
    "only_row",
    "refusal_in",
    "rows",
]

# Beyond these nothing is a measurement any more: 3000 years, a clock that runs a thousand times too fast, year 5138.
MAX_SECONDS = 1e11
MAX_PPM = 1e9
MAX_UNIX_TIME = 1e11

# chronyc prints intervals as unsigned 32-bit numbers; the daemon sends -1 for "never", and small negative ages
# (a sample from the future, after the clock was stepped back) wrap round to just below it.
_NEVER = 2**31

_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")
_OCTAL = re.compile(r"[0-7]{1,6}\Z")
_DECIMAL = re.compile(r"-?[0-9]{1,20}\.[0-9]{1,12}\Z")
_HEX_ID = re.compile(r"[0-9A-Fa-f]{8}\Z")
_QUAD_ID = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}\Z")
_NAME = re.compile(r"[ -~]{0,255}\Z")
_REFUSAL = re.compile(r"5[0-9][0-9] [A-Z][ -~]{0,120}\Z")
_MAX_LINES = 4096


def refusal_in(line: str) -> Optional[str]:
    """Return the line when it is one of chronyc's ``5xx ...`` answers."""
    stripped = line.strip()
    return stripped if _REFUSAL.match(stripped) else None


def rows(report: str, text: str, columns: int) -> Iterator[Row]:
    """Yield the rows of one report. Each has at least ``columns`` fields; more are newer chrony's business."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip("\r")
        if not stripped:
            continue
        if number > _MAX_LINES:
            raise ReportError(report, number, None, f"more than {_MAX_LINES} lines, which no chronyd reports")
        refusal = refusal_in(stripped)
        if refusal:
            raise ReportError(report, number, None, f"the daemon answered '{refusal}' instead of a report")
        row = Row(report, number, stripped.split(","))
        row.require(columns)
        yield row


def is_integer(value: str) -> bool:
    """Say whether chronyc could have printed this with ``%d`` or ``%u``."""
    return _INTEGER.match(value) is not None


def is_decimal(value: str) -> bool:
    """Say whether chronyc could have printed this with ``%.3f`` or ``%.9f``."""
    return _DECIMAL.match(value) is not None


def is_reference_id(value: str) -> bool:
    """Say whether this can be a reference id: hexadecimal, or a dotted quad before chrony 3.0."""
    return bool(_HEX_ID.match(value) or _QUAD_ID.match(value))


def only_row(report: str, text: str, columns: int) -> Row:
    """Return the row of a report that has exactly one."""
    found = list(rows(report, text, columns))
    if len(found) != 1:
        number = found[1].number if found else 1
        raise ReportError(report, number, None, f"{len(found)} lines where exactly one belongs")
    return found[0]


class Row:
    """One line: its fields by zero-based column, converted on request."""

    def __init__(self, report: str, number: int, fields: List[str]) -> None:
        self._report = report
        self.number = number
        self._fields = fields

    def fault(self, column: Optional[int], detail: str) -> ReportError:
        """Return (not raise) the error for a column of this row."""
        return ReportError(self._report, self.number, column, detail)

    @property
    def width(self) -> int:
        """The number of fields."""
        return len(self._fields)

    def require(self, columns: int) -> None:
        """Refuse a row with fewer columns."""
        if len(self._fields) < columns:
            raise self.fault(None, f"{len(self._fields)} columns where at least {columns} belong")

    def close_name(self, column: int, width: int, follows: Callable[[str], bool] = is_integer) -> None:
        """Put a name that contains commas back together.

        A reference id may contain them, and chronyc quotes nothing. ``follows``
        says whether a field can be the one after the name.
        """
        fields = self._fields
        while len(fields) > width and not follows(fields[column + 1]):
            fields[column : column + 2] = [fields[column] + "," + fields[column + 1]]

    def text(self, column: int) -> str:
        """Return a field as it is; names must be printable and of a size that a name has."""
        value = self._fields[column]
        if not _NAME.match(value):
            raise self.fault(column, f"{_shown(value)} is not a printable ASCII name of at most 255 characters")
        return value

    def choice(self, column: int, meanings: dict[str, str]) -> str:
        """Translate a field that has a fixed set of values."""
        value = self._fields[column]
        if value not in meanings:
            known = " ".join(repr(key) for key in meanings)
            raise self.fault(column, f"{_shown(value)} is none of {known}")
        return meanings[value]

    def integer(self, column: int, low: int, high: int) -> int:
        """Return a decimal integer within limits."""
        value = self._fields[column]
        if not _INTEGER.match(value):
            raise self.fault(column, f"{_shown(value)} is not an integer")
        return self._limited(column, int(value), low, high)

    def octal(self, column: int, high: int) -> int:
        """Return an octal integer (the reachability register)."""
        value = self._fields[column]
        if not _OCTAL.match(value):
            raise self.fault(column, f"{_shown(value)} is not an octal number")
        return self._limited(column, int(value, 8), 0, high)

    def decimal(self, column: int, limit: float, low: Optional[float] = None) -> float:
        """Return a decimal fraction between ``low`` (``-limit`` when not given) and ``limit``."""
        value = self._fields[column]
        if not _DECIMAL.match(value):
            raise self.fault(column, f"{_shown(value)} is not a finite number as chronyc prints it")
        number = float(value)
        least = -limit if low is None else low
        if not least <= number <= limit:
            raise self.fault(column, f"{_shown(value)} is not between {least:g} and {limit:g}")
        return number + 0.0  # no negative zero

    def bits(self, column: int, width: int) -> str:
        """Return a group of binary digits as chronyc prints it."""
        value = self._fields[column]
        if len(value) != width or value.strip("01"):
            raise self.fault(column, f"{_shown(value)} is not {width} binary digits")
        return value

    def reference_id(self, column: int) -> str:
        """Return a reference id as eight upper-case hexadecimal digits."""
        value = self._fields[column]
        if _HEX_ID.match(value):
            return value.upper()
        parts = [int(part) for part in value.split(".")] if _QUAD_ID.match(value) else []
        if not parts or max(parts) > 255:
            raise self.fault(column, f"{_shown(value)} is not a reference id (eight hexadecimal digits)")
        return "".join(f"{part:02X}" for part in parts)

    def interval(self, column: int) -> Optional[int]:
        """Return an interval in whole seconds; None for never (and for an age below zero)."""
        value = self.integer(column, 0, 2**64 - 1)
        return value if value < _NEVER else None

    def _limited(self, column: int, value: int, low: int, high: int) -> int:
        if not low <= value <= high:
            raise self.fault(column, f"{value} is not between {low} and {high}")
        return value


def _shown(value: str) -> str:
    return ascii(value if len(value) <= 40 else value[:40] + "...")
