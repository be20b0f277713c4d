# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a managed host sent as JSON, made into the named tuples they were, every type checked.

Private to this collection. JSON has no named tuples: they travel as lists, field by field. A host is not trusted to
send what its copy of the code sends, so nothing is taken over that does not have the annotated type.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

__all__ = ["PlainError", "depth", "learn", "read_as"]

T = TypeVar("T")

_MAX_ITEMS = 10000
_MAX_TEXT = 1048576


class PlainError(ValueError):
    """Data of another type than expected; the message names the place."""


def read_as(kind: type[T], value: object, path: str) -> T:
    """Return ``value`` as ``kind``: a named tuple of str, int, float, bool, None, tuples and named tuples of them."""
    read: T = _read(kind, value, path)
    return read


def depth(value: object) -> int:
    """Return how many levels a value has; whoever would call himself for each may not come back."""
    levels, level = 0, [value]
    while level:
        levels += 1
        level = [item for one in level for item in _items(one)]
    return levels


def _items(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def learn(kind: Any) -> None:
    """Work out the annotations of ``kind`` and of all it is made of, for whoever will read many values."""
    parts = _hints(kind).values() if hasattr(kind, "_fields") else typing.get_args(kind)
    for part in parts:
        learn(part)


def _read(kind: Any, value: object, path: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _read_union(kind, value, path)
    if origin is tuple:
        # Only tuples of one type and any length are in use.
        item = typing.get_args(kind)[0]
        return tuple(_read(item, one, f"{path}[{index}]") for index, one in enumerate(_listed(value, path)))
    if hasattr(kind, "_fields"):
        return _read_record(kind, value, path)
    return _read_scalar(kind, value, path)


def _read_union(kind: Any, value: object, path: str) -> Any:
    choices = [choice for choice in typing.get_args(kind) if choice is not types.NoneType]
    return None if value is None else _read(choices[0], value, path)


def _read_record(kind: Any, value: object, path: str) -> Any:
    values = _listed(value, path)
    hints = _hints(kind)
    if len(values) != len(hints):
        _refuse(path, f"{len(values)} values where {kind.__name__} has {len(hints)} fields")
    return kind(*(_read(hint, one, f"{path}.{name}") for (name, hint), one in zip(hints.items(), values, strict=True)))


@lru_cache(maxsize=32)
def _hints(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {name: hints[name] for name in kind._fields}


def _read_scalar(kind: Any, value: object, path: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**53 else math.inf
    # bool is an int to isinstance, and no number here.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        _refuse(path, f"{type(value).__name__} where {kind.__name__} belongs")
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(path, "a number that is not finite")
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        _refuse(path, f"{len(value)} characters")
    return value


def _listed(value: object, path: str) -> list[object]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        _refuse(path, f"{type(value).__name__} where a list of at most {_MAX_ITEMS} belongs")
    return value


def _refuse(path: str, what: str) -> NoReturn:
    raise PlainError(f"{path}: {what}")
