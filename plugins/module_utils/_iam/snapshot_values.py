# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading values out of a snapshot, with errors that say where.

Private to this collection. A Malformed carries the end of a place (".RoleDetailList[3].Arn is missing"); whoever knows
what stands before it puts that in front.
"""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Optional, Tuple, TypeVar

from .errors import IamError

__all__ = ["Malformed", "array", "each", "mapping", "maybe_text", "names", "required", "text", "unwrapped"]

Built = TypeVar("Built")

_MISSING = object()
_KINDS = {dict: "an object", list: "an array", str: "a text", bool: "a truth value", int: "a number", float: "a number"}
# What commands say when there is more than they printed.
_MORE = ("IsTruncated", "Marker", "NextToken", "nextToken")


class Malformed(IamError):
    """Something in a snapshot that is not what the API would have said."""


def each(items: Any, build: Callable[[Any], Built]) -> Tuple[Built, ...]:
    """Build something of every item of an array."""
    if not isinstance(items, list):
        raise Malformed(f" is {kind_of(items)}, an array is needed")
    built: List[Built] = []
    for item in items:
        try:
            built.append(build(item))
        except Malformed as exc:
            raise Malformed(f"[{len(built)}]{exc}") from None
    return tuple(built)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise Malformed(f" is {kind_of(value)}, an object is needed")
    return value


def required(entry: Any, key: str) -> Any:
    """Return a value that has to be there, of any type."""
    value = mapping(entry).get(key, _MISSING)
    if value is _MISSING:
        raise Malformed(f".{key} is missing")
    return value


def text(entry: Any, key: str) -> str:
    """Return a text that has to be there and say something."""
    value = required(entry, key)
    if not isinstance(value, str) or not value:
        raise Malformed(f".{key} is {kind_of(value)}, a text is needed")
    return value


def maybe_text(entry: Mapping[str, Any], key: str) -> Optional[str]:
    """Return a text, or None where there is none."""
    value = entry.get(key)
    if value is None or isinstance(value, str):
        return value or None
    raise Malformed(f".{key} is {kind_of(value)}, a text is needed")


def array(entry: Any, key: str, build: Callable[[Any], Built]) -> Tuple[Built, ...]:
    """Build something of every item of an array that may be missing."""
    items = mapping(entry).get(key)
    if items is None:
        return ()
    try:
        return each(items, build)
    except Malformed as exc:
        raise Malformed(f".{key}{exc}") from None


def names(entry: Any, key: str) -> Tuple[str, ...]:
    """Return an array of texts that may be missing."""
    return array(entry, key, _name)


def unwrapped(value: Any, *keys: str) -> Any:
    """Take off the object that a command prints around its list, if it is there; refuse a list that was cut off."""
    if not isinstance(value, dict):
        return value
    inner = next((value[key] for key in keys if key in value), value)
    if inner is not value:
        refuse_cut(value)
    return inner


def refuse_cut(value: Mapping[str, Any]) -> None:
    """Refuse what says itself that it is only the beginning: from a part of a list nothing is certainly missing."""
    more = next((key for key in _MORE if value.get(key)), None)
    if more is not None:
        raise Malformed(f" is only the first part of a longer list ({more} is set): collect all of its pages")


def kind_of(value: Any) -> str:
    """Say what kind of JSON value it is."""
    if value is None:
        return "null"
    if value == "":
        return "empty"
    return _KINDS.get(type(value), type(value).__name__)


def _name(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Malformed(f" is {kind_of(value)}, a text is needed")
