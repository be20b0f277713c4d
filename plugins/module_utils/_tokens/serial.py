# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a value is an MFA serial that may be shown.

Private to this collection. What people put into the wrong setting is often a secret, and access keys and seeds pass
the API's own pattern for serials. So only what looks like an ARN or like the serial number of a token leaves here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Serial", "read_serial"]

# sts:AssumeRole, parameter SerialNumber
_VALID = re.compile(r"[\w+=/:,.@-]+", re.ASCII)
_MIN, _MAX = 9, 256
# TOTP seeds, and access key ids too.
_BASE32 = re.compile(r"[A-Z2-7]{16,}=*", re.IGNORECASE)
_MAX_BARE = 24  # hardware tokens have 8 to 16 characters; seeds, keys and passwords begin here

_LENGTH = f"an MFA serial has {_MIN} to {_MAX} characters"
_CHARACTERS = "it has characters that no MFA serial has"
_KEY_LIKE = "it looks like a key or a seed, not like a serial number, and is not shown"
_MORE = "other text follows it, on the line or on indented lines below, and counts as part of it"


class Serial(NamedTuple):
    """``text`` is what may be shown, "" for nothing; ``problem`` says what is wrong with the value, "" for nothing."""

    text: str
    problem: str


def read_serial(value: str) -> Serial:
    """Judge a value that stands where a serial belongs."""
    match = _VALID.match(value)
    valid = match.group() if match else ""
    if value.startswith("arn:"):
        # Only the leading valid part is shown: what follows may be another setting, drawn in by its indentation.
        problem = _MORE if valid != value else "" if _MIN <= len(value) <= _MAX else _LENGTH
        return Serial(valid[:_MAX], problem)
    if valid != value:
        return Serial("", _CHARACTERS)
    if len(value) > _MAX_BARE or _BASE32.fullmatch(value):
        return Serial("", _KEY_LIKE)
    return Serial(value, "" if len(value) >= _MIN else _LENGTH)
