# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of IAM's condition operators, taken apart.

Private to this collection. IAM reads them without regard to case.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

__all__ = ["BASES", "NEGATED", "Operator", "read_operator"]

#: Operators that are true where the value does not match, and so where the key is absent.
NEGATED = frozenset(
    (
        "stringnotequals",
        "stringnotequalsignorecase",
        "stringnotlike",
        "numericnotequals",
        "datenotequals",
        "notipaddress",
        "arnnotequals",
        "arnnotlike",
    )
)
#: Every operator, folded, without set prefix and without IfExists.
BASES = NEGATED | frozenset(
    (
        "stringequals",
        "stringequalsignorecase",
        "stringlike",
        "numericequals",
        "numericlessthan",
        "numericlessthanequals",
        "numericgreaterthan",
        "numericgreaterthanequals",
        "dateequals",
        "datelessthan",
        "datelessthanequals",
        "dategreaterthan",
        "dategreaterthanequals",
        "bool",
        "binaryequals",
        "ipaddress",
        "arnequals",
        "arnlike",
        "null",
    )
)
_QUANTIFIERS = frozenset(("forallvalues", "foranyvalue"))
_IF_EXISTS = "ifexists"


class Operator(NamedTuple):
    """An operator's parts; ``base`` is empty where IAM knows no such operator."""

    base: str
    quantifier: str  # "" | forallvalues | foranyvalue
    if_exists: bool


@lru_cache(maxsize=1024)
def read_operator(text: str) -> Operator:
    """Take an operator apart. ``Null`` stands alone: it takes neither IfExists nor a set prefix."""
    quantifier, colon, base = text.lower().rpartition(":")
    if colon and quantifier not in _QUANTIFIERS:
        return Operator("", "", False)  # noqa: FBT003 - a NamedTuple's field
    if_exists = base.endswith(_IF_EXISTS)
    if if_exists:
        base = base[: -len(_IF_EXISTS)]
    if base not in BASES or (base == "null" and (if_exists or quantifier)):
        base = ""
    return Operator(base, quantifier, if_exists)
