# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement's Condition taken apart, changed in one place, and put together again.

Private to this collection. Everything that is not changed keeps its spelling, its order and its values.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .document import Condition, Document, Statement, parse_document

__all__ = ["Cell", "Cells", "cells_of", "folded", "join", "parse_statement", "with_statement"]


class Cell(NamedTuple):
    """One key under one operator, as written; ``condition`` is what it was read as, None for a new one.

    An operator that has no keys is a cell too, with the key "".
    """

    operator: str
    key: str
    value: Any
    condition: Optional[Condition] = None


Cells = Tuple[Cell, ...]


def cells_of(statement: Statement) -> Cells:
    """Take the Condition of a statement apart; nothing where it cannot be read."""
    block = statement.obj.get("Condition", {}) if isinstance(statement.obj, dict) else {}
    read = {(one.operator, one.key): one for one in statement.conditions}
    return tuple(
        Cell(operator, key, value, read.get((operator, key)))
        for operator, keys in block.items()
        if isinstance(keys, dict)
        for key, value in (keys or {"": None}).items()
    )


def folded(cell: Cell) -> Tuple[str, str]:
    """Give what of a cell counts: operators and keys have no case."""
    return cell.operator.lower(), cell.key.lower()


def join(cells: Sequence[Cell]) -> Optional[Dict[str, Any]]:
    """Put a Condition together; None where one key would stand twice under one operator with different values."""
    seen: Dict[Tuple[str, str], Any] = {}
    spelling: Dict[str, str] = {}
    block: Dict[str, Any] = {}
    for cell in cells:
        place = folded(cell)
        if place in seen:
            if seen[place] != cell.value:
                return None
            continue
        seen[place] = cell.value
        keys = block.setdefault(spelling.setdefault(place[0], cell.operator), {})
        if cell.key:
            keys[cell.key] = cell.value
    return block


def parse_statement(document: Document, statement: Statement, block: Dict[str, Any]) -> Statement:
    """Read a statement as it is with another Condition."""
    obj = {**statement.obj, "Condition": block}
    return parse_document({"Version": document.version, "Statement": obj}, document.name).statements[0]


def with_statement(document: Document, index: int, obj: Dict[str, Any]) -> Dict[str, Any]:
    """Give a document with one statement replaced; the rest is the same objects."""
    statements: Any = document.obj["Statement"]
    if isinstance(statements, list):
        replaced: List[Any] = list(statements)
        replaced[index] = obj
        return {**document.obj, "Statement": replaced}
    return {**document.obj, "Statement": obj}
