# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's credential report: who has a password, active keys and an MFA device.

Private to this collection. Of the report's columns only those that the audit needs are read; the report knows that a
user has MFA, not which device.
"""

from __future__ import annotations

import base64
import binascii
import csv
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .snapshot_values import Malformed, each, kind_of, mapping, text

__all__ = ["COLUMNS", "Credentials", "credential_rows", "read_credentials"]

# The columns that are kept.
COLUMNS = ("user", "arn", "password_enabled", "mfa_active", "access_key_1_active", "access_key_2_active")

_TRUTH = {"true": True, "false": False}


class Credentials(NamedTuple):
    """What one line says; None where it says nothing (root's password is "not_supported")."""

    user: str
    password: Optional[bool]
    mfa_active: Optional[bool]
    active_keys: Optional[int]


def credential_rows(report: str) -> List[Dict[str, str]]:
    """Return the lines of a report (CSV), with the columns that the audit needs and no others."""
    lines = csv.reader(report.splitlines())
    try:
        header = next(lines, [])
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            raise Malformed(f" is no credential report: it has no column {missing[0]}")
        places = [(column, header.index(column)) for column in COLUMNS]
        return [_row(number, line, len(header), places) for number, line in enumerate(lines, 2) if line]
    except csv.Error as exc:
        raise Malformed(f", line {lines.line_num}: {exc}") from exc


def read_credentials(part: Any) -> Mapping[str, Credentials]:
    """Read the part of a snapshot: rows, the report itself, or what GetCredentialReport gives."""
    if isinstance(part, dict):
        part = _decoded(text(part, "Content"))
    if isinstance(part, str):
        part = credential_rows(part)
    return {line.user: line for line in each(part, _credentials)}


def _row(number: int, line: List[str], width: int, places: Any) -> Dict[str, str]:
    if len(line) < width:
        raise Malformed(f", line {number}, has {len(line)} of {width} columns: the report was cut off")
    return {column: line[place] for column, place in places}


def _decoded(content: str) -> str:
    try:
        return base64.b64decode(content, validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as exc:
        raise Malformed(f".Content is not a report in base64: {exc}") from exc


def _credentials(row: Any) -> Credentials:
    keys = [_truth(row, "access_key_1_active"), _truth(row, "access_key_2_active")]
    return Credentials(
        user=text(row, "user"),
        password=_truth(row, "password_enabled"),
        mfa_active=_truth(row, "mfa_active"),
        active_keys=None if None in keys else sum(1 for key in keys if key),
    )


def _truth(row: Any, column: str) -> Optional[bool]:
    value = mapping(row).get(column)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _TRUTH.get(value.lower())
    raise Malformed(f".{column} is {kind_of(value)}, true or false is needed")
