# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How IAM compares texts: wildcards, policy variables, numbers, dates, ARNs and addresses.

Private to this collection. ``*`` stands for any characters and ``?`` for one; nothing else is special, and matching
takes time proportional to pattern times text at worst, whatever the pattern.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Mapping, NamedTuple, Optional, Tuple

__all__ = [
    "Known",
    "Resolved",
    "action_matches",
    "action_overlaps",
    "arn_matches",
    "literal",
    "matches",
    "read_date",
    "read_number",
    "resolve",
    "same_address",
]

#: What is known of the request context: folded key -> its values; None where the key is known to be absent.
Known = Mapping[str, Optional[Tuple[str, ...]]]

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
# A wildcard that a variable brought stands for itself.
_LITERAL = {ord("*"): "\ue000", ord("?"): "\ue001"}
_ARN_PARTS = 6


def matches(pattern: str, value: str) -> bool:
    """Whether the text fits the pattern, case and all."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == value
    return _glob(pattern, value)


def _glob(pattern: str, value: str) -> bool:
    """Compare from the left; a mismatch goes back to the last star alone, which then takes one character more."""
    at, here, star, mark = 0, 0, -1, 0
    while here < len(value):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", value[here]):
            at += 1
            here += 1
        elif star >= 0:
            mark += 1
            at, here = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("*")


@lru_cache(maxsize=8192)
def action_matches(pattern: str, action: str) -> bool:
    """Whether an action fits a pattern; the case of actions does not count."""
    return matches(pattern.lower(), action.lower())


@lru_cache(maxsize=8192)
def action_overlaps(one: str, other: str) -> bool:
    """Whether there is a text that fits both patterns; the case of actions does not count."""
    one, other = one.lower(), other.lower()
    # Which prefixes of `other` can end where the walked prefix of `one` ends.
    reachable = _stars({0}, other)
    for char in one:
        if char == "*":
            following = set(range(min(reachable), len(other) + 1))
        else:
            following = {
                at if other[at] == "*" else at + 1
                for at in reachable
                if at < len(other) and (char == "?" or other[at] in ("?", "*", char))
            }
        reachable = _stars(following, other)
        if not reachable:
            return False
    return len(other) in reachable


def _stars(positions: set[int], pattern: str) -> set[int]:
    """Add what a star reaches by standing for nothing."""
    found = set(positions)
    for at in sorted(positions):
        end = at
        while end < len(pattern) and pattern[end] == "*":
            end += 1
            found.add(end)
    return found


# --- policy variables ------------------------------------------------------------------------------------------------


class Resolved(NamedTuple):
    """A text with its policy variables replaced; an unknown one is a ``*`` there, and ``whole`` is False."""

    text: str
    whole: bool


def resolve(text: str, known: Known, *, wildcards: bool) -> Resolved:
    """Replace policy variables. With ``wildcards`` the result is a pattern, to be held against ``literal`` texts."""
    whole = True

    def replace(match: re.Match[str]) -> str:
        nonlocal whole
        value = _variable(match.group(1), known)
        if value is None:
            whole = False
            return "*"
        return literal(value) if wildcards else value

    return Resolved(_VARIABLE.sub(replace, text), whole)


def _variable(name: str, known: Known) -> Optional[str]:
    if name in ("*", "?", "$"):
        return name
    key, comma, rest = name.partition(",")
    folded = key.strip().lower()
    if folded not in known:
        return None
    values = known[folded]
    if values is None:  # known to be absent: its default, where it has one
        default = rest.strip()
        return default[1:-1] if comma and len(default) > 1 and default[0] == default[-1] == "'" else None
    return values[0] if len(values) == 1 else None


def literal(text: str) -> str:
    """Write a text so that it can be held against a pattern that ``resolve`` made."""
    return text.translate(_LITERAL)


# --- typed values ----------------------------------------------------------------------------------------------------


def read_number(text: str) -> Optional[float]:
    """Read a number as Numeric operators do, or None."""
    return float(text) if _NUMBER.fullmatch(text) else None


def read_date(text: str) -> Optional[float]:
    """Read an ISO 8601 date (W3C profile) or epoch seconds as seconds since 1970, or None."""
    match = _DATE.fullmatch(text)
    return _seconds(match) if match else read_number(text)


def _seconds(match: re.Match[str]) -> Optional[float]:
    from datetime import datetime, timedelta, timezone

    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=timezone.utc,
        )  # fmt: skip
    except ValueError:
        return None
    offset = timedelta()
    if zone and zone not in "Zz":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc) - offset
    return since.total_seconds() + float(fraction or 0)


def arn_matches(pattern: str, value: str) -> bool:
    """Compare ARNs as ArnLike does: each of the six parts on its own, the last with all that follows."""
    actual = value.split(":", _ARN_PARTS - 1)
    if len(actual) != _ARN_PARTS or actual[0] != "arn":
        return False
    if pattern == "*":
        return True
    wanted = pattern.split(":", _ARN_PARTS - 1)
    return len(wanted) == _ARN_PARTS and all(matches(one, other) for one, other in zip(wanted, actual))


def same_address(network: str, address: str) -> bool:
    """Whether an address lies in a network (or is the address) that IpAddress names."""
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False
