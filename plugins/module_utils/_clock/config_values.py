# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys chronyd uses, of those that it can read.

Private to this collection. A key that chronyd cannot use it leaves out with a
line in its log, and the sources with that key are never authenticated.
"""

from __future__ import annotations

import re
from typing import Optional

__all__ = ["bad_key"]

#: Bytes of a cipher's key. A hash takes a key of any length.
_CIPHERS = {"AES128": 16, "AES256": 32}
_HEX_BYTES = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
#: chronyd reads a key file in pieces of so many characters, the newline included.
_MAX_LINE = 2047


def bad_key(number: int, kind: str, value: str) -> Optional[str]:
    """Say why chronyd would drop a key, without the key; None when it would not."""
    if len(f"{number} {kind} {value}\n") > _MAX_LINE:
        return f"the key is too long: a line of the key file holds {_MAX_LINE} characters"
    if value.startswith("HEX:"):
        digits = value[len("HEX:") :]
        if not _HEX_BYTES.match(digits):
            return "HEX: must be followed by hexadecimal digits, two for each byte"
        length = len(digits) // 2
    else:
        length = len(value[len("ASCII:") :] if value.startswith("ASCII:") else value)
    if length == 0:
        return "the value is empty"
    wanted = _CIPHERS.get(kind, length)
    if length != wanted:
        return f"an {kind} key has {wanted} bytes (HEX: and {2 * wanted} hexadecimal digits), and this one has {length}"
    return None
