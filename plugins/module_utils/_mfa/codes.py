# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes of soft tokens (RFC 6238 with SHA-1, as AWS's devices make them), and the moment to send them.

Private to this collection. No error of this file repeats a seed or a code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from typing import Container, NamedTuple

__all__ = [
    "DIGITS",
    "EARLY_S",
    "MARGIN_S",
    "STEP_S",
    "CodeError",
    "Pair",
    "SeedError",
    "Turn",
    "code_at",
    "code_of",
    "parse_code",
    "parse_seed",
    "plan_code",
    "plan_pair",
    "step_of",
]

STEP_S = 30
DIGITS = 6

#: A code is sent when its step is this old: a host whose clock is off by less has reached the step by then.
MARGIN_S = 2.0
#: And not later than this: a code that is sent late may be taken, and leave the device out of step.
EARLY_S = 12.0

_LEAST_SEED = 10  # bytes; RFC 4226 asks for 16, and old applications make 10
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


class CodeError(ValueError):
    """What was given is no code."""


class SeedError(ValueError):
    """What was given is no seed."""


class Turn(NamedTuple):
    """A step whose code is sent not before ``send_at_s`` and not after ``until_s``."""

    step: int
    send_at_s: float
    until_s: float


class Pair(NamedTuple):
    """Two consecutive steps; both codes are sent while the second is young."""

    first_step: int
    second_step: int
    send_at_s: float
    until_s: float


def parse_code(text: str, name: str) -> str:
    """Return the six digits of a code as people type it; ``name`` is what to call it in an error."""
    code = "".join(text.split())
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        raise CodeError(
            f"{name} is not a code of {DIGITS} digits: it has {len(code)} characters. Put codes in quotes in YAML, "
            "where a number that begins with 0 is another one."
        )
    return code


def parse_seed(text: str) -> bytes:
    """Return the bytes of a seed in base32; blanks, dashes, small letters and missing padding do not matter."""
    letters = "".join(text.split()).replace("-", "").rstrip("=").upper()
    # Upper case makes two letters of one that is not ASCII.
    if not letters or not text.isascii() or not _ALPHABET.issuperset(letters):
        raise SeedError("the seed is not base32: it may have the letters A to Z and the digits 2 to 7 only")
    try:
        seed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        raise SeedError(f"the seed is not base32: no text of {len(letters)} characters is; it was cut off") from None
    if len(seed) < _LEAST_SEED:
        raise SeedError(f"the seed has {8 * len(seed)} bits, and {8 * _LEAST_SEED} at least are needed: it was cut off")
    return seed


def step_of(time_s: float, step_s: int = STEP_S) -> int:
    """Return the number of the step that a moment is in."""
    return int(time_s // step_s)


def code_of(seed: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step (RFC 4226 section 5.3)."""
    digest = hmac.new(seed, struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 0xF
    number = struct.unpack_from(">I", digest, start)[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def code_at(seed: bytes, time_s: float, step_s: int = STEP_S, digits: int = DIGITS) -> str:
    """Return the code of a moment."""
    return code_of(seed, step_of(time_s, step_s), digits)


def plan_pair(now_s: float, used: Container[int], early_s: float = EARLY_S) -> Pair:
    """Return the next two consecutive steps that nobody used, the first not before the present one.

    The second has not begun yet: whoever waits for it sends both codes early.
    """
    first = step_of(now_s)
    while first in used or first + 1 in used:
        first += 1
    begin = float((first + 1) * STEP_S)
    return Pair(first, first + 1, begin + MARGIN_S, begin + early_s)


def plan_code(now_s: float, used: Container[int], early_s: float = EARLY_S) -> Turn:
    """Return the next step that nobody used and whose code still can be sent early."""
    step = step_of(now_s)
    while step in used or now_s > step * STEP_S + early_s:
        step += 1
    begin = float(step * STEP_S)
    return Turn(step, max(now_s, begin + MARGIN_S), begin + early_s)
