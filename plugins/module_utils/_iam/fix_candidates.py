# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a faulty MFA condition should say instead: candidates, the likeliest first, for each rule.

Private to this collection. Nothing here is trusted: ``proof`` judges every candidate.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional

from .document import AGE, PRESENT, Condition, Statement
from .fix_edit import Cell, Cells, cells_of
from .operators import NEGATED
from .patterns import read_number
from .rules_condition import meant_key
from .worlds import MAX_AGE_S

__all__ = ["AGES", "CANDIDATES", "WRITING", "Candidate", "Case", "NoFix"]

PRESENT_KEY, AGE_KEY = "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"
DEFAULT_AGE_S = 3600
#: Rules whose corrections bring a limit of the age that the statement lacked.
AGES = frozenset(("MFA-C01", "MFA-C09"))
#: Rules about how a condition is written, which may do what was meant all the same.
WRITING = frozenset(("MFA-C02", "MFA-C08", "MFA-C11"))

_TRUE = frozenset(("true", "1", "yes", "y", "on", "t", "enabled", "required"))
_FALSE = frozenset(("false", "0", "no", "n", "off", "f", "disabled"))
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400}
_WITH_UNIT = re.compile(r"\s*([0-9]{1,12})\s*([a-z]+?)(s?)\s*")
_SHORTEST_AGE_S = 60
_HOUR, _DAY = 3600, 86400


class NoFix(Exception):
    """There is no correction, and why."""


class Candidate(NamedTuple):
    """A Condition that may be right, and the change in a sentence."""

    cells: Cells
    summary: str


class Case(NamedTuple):
    """The faulty statement, the condition that the finding is about, and the kind of document."""

    statement: Statement
    condition: Optional[Condition]
    family: str

    @property
    def cells(self) -> Cells:
        """Its Condition."""
        return cells_of(self.statement)

    @property
    def allows(self) -> bool:
        """Whether it is an Allow."""
        return self.statement.effect == "Allow"

    def here(self) -> Condition:
        """Give the condition, which the rule must have named."""
        if self.condition is None:
            raise NoFix("it is not certain which condition is meant")
        return self.condition


def _target(case: Case) -> Cell:
    """Give what MFA is asked for with."""
    return Cell("Bool", PRESENT_KEY, "true") if case.allows else Cell("BoolIfExists", PRESENT_KEY, "false")


def _swap(cells: Cells, condition: Condition, *new: Cell) -> Cells:
    """Put cells in the place of one."""
    swapped: List[Cell] = []
    for cell in cells:
        swapped.extend(new if cell.condition is condition else (cell,))
    return tuple(swapped)


def _map(cells: Cells, change: Callable[[Cell, Condition], Cell]) -> Cells:
    """Change the cells on MFA keys."""
    return tuple(
        change(cell, cell.condition) if cell.condition is not None and cell.condition.is_mfa else cell for cell in cells
    )


def _is_mistyped_age(condition: Optional[Condition]) -> bool:
    return (
        condition is not None
        and condition.key_folded == AGE
        and condition.base != "null"
        and not condition.base.startswith("numeric")
    )


def _c01(case: Case) -> Iterator[Candidate]:
    here = case.here()
    kept = [one for one in case.statement.conditions if one.is_mfa and not _is_mistyped_age(one)]
    new: List[Cell] = []
    if not any(one.key_folded == PRESENT for one in kept) and (case.allows or not kept):
        new.append(_target(case))
    if case.allows and not any(one.base.startswith("numeric") for one in kept):
        new.append(Cell("NumericLessThan", AGE_KEY, str(DEFAULT_AGE_S)))
    cells: List[Cell] = []
    for cell in case.cells:
        if cell.condition is here:
            cells.extend(new)
        elif not _is_mistyped_age(cell.condition):
            cells.append(cell)
    what = " and ".join(f"{cell.operator} {cell.key} {cell.value}" for cell in new)
    yield Candidate(
        tuple(cells),
        f"{here.operator} on {AGE_KEY} becomes {what}." if what else f"{here.operator} on {AGE_KEY} goes.",
    )


def _c02(case: Case) -> Iterator[Candidate]:
    here = case.here()
    wanted = _meaning(here)
    if here.base == "null":
        wanted = not wanted  # it asks whether the key is absent
    quantifier = here.operator.rpartition(":")[0] + ":" if here.quantifier else ""
    plain = f"{quantifier}Bool{'IfExists' if here.if_exists else ''}"
    if here.base not in NEGATED and here.base != "null":
        cell = Cell(plain, here.key, "true" if wanted else "false")
        yield Candidate(_swap(case.cells, here, cell), f"{here.operator} on {here.key} becomes {plain} {cell.value}.")
    if wanted is not case.allows:
        raise NoFix("it may be the wrong way round as well: its author must say what is meant")
    target = _target(case)._replace(key=here.key)
    yield Candidate(
        _swap(case.cells, here, target), f"{here.operator} on {here.key} becomes {target.operator} {target.value}."
    )


def _meaning(condition: Condition) -> bool:
    """Say which Boolean the values stand for."""
    values = {value.strip().lower() for value in condition.values}
    if values and values <= _TRUE:
        return condition.base not in NEGATED
    if values and values <= _FALSE:
        return condition.base in NEGATED
    raise NoFix("its value stands for neither true nor false")


def _c03(case: Case) -> Iterator[Candidate]:
    def absent_too(cell: Cell, condition: Condition) -> Cell:
        if condition.if_exists or condition.quantifier or condition.base in NEGATED or condition.base == "null":
            return cell
        return cell._replace(operator=cell.operator + "IfExists")

    yield Candidate(_map(case.cells, absent_too), "The conditions on MFA get IfExists, which access keys meet.")


def _strip(cell: Cell, condition: Condition) -> Cell:
    operator = cell.operator
    if condition.quantifier == "forallvalues":
        operator = operator.rpartition(":")[2]
    return cell._replace(operator=operator[: -len("IfExists")] if condition.if_exists else operator)


def _c04(case: Case) -> Iterator[Candidate]:
    stripped = _map(case.cells, _strip)
    yield Candidate(stripped, "The conditions on MFA lose IfExists and ForAllValues, which access keys met.")
    yield Candidate(
        (*stripped, _target(case)),
        f"The conditions on MFA lose IfExists and ForAllValues, and Bool {PRESENT_KEY} true is added.",
    )


def _c05(case: Case) -> Iterator[Candidate]:
    here = case.here()
    tests = [one for one in case.statement.conditions if one.is_mfa]
    if len(tests) != 1:
        raise NoFix("more than one condition makes it: its author must say what is meant")
    if here.base != "bool" or len(here.values) != 1:
        raise NoFix(f"what {here.operator} on {here.key} was to test, its author must say")
    if case.allows and case.family != "trust":
        raise NoFix("whether this was to be allowed with MFA, or only without, its author must say")
    target = _target(case)._replace(key=here.key)
    yield Candidate(
        _swap(case.cells, here, target),
        f"{here.operator} {here.key} {here.values[0]} becomes {target.operator} {target.value}.",
    )


def _c06(case: Case) -> Iterator[Candidate]:
    here = case.here()
    value = here.values[0].lower() if len(here.values) == 1 else ""
    sound = here.base == "null" and value == ("false" if case.allows else "true")
    if not sound and not (case.allows and case.family == "trust"):
        raise NoFix("it is the wrong way round as well: its author must say what is meant")
    target = _target(case)._replace(key=here.key)
    yield Candidate(_swap(case.cells, here, target), f"Null on {here.key} becomes {target.operator} {target.value}.")


def _c08(case: Case) -> Iterator[Candidate]:
    here = case.here()
    if here.is_mfa:
        once = [cell for cell in case.cells if cell.condition is not here]
        first = [one for one in case.statement.conditions if _same_place(one, here) and one is not here]
        if any(one.values != here.values for one in first):
            raise NoFix("which of the two values counts, its author must say")
        yield Candidate(tuple(once), f"{here.key} stands once under {here.operator}.")
        return
    right = PRESENT_KEY if meant_key(here.key_folded) == PRESENT else AGE_KEY
    spelt = [cell._replace(key=right) if cell.condition is here else cell for cell in case.cells]
    yield Candidate(tuple(spelt), f"{here.key} becomes {right}.")
    if right == PRESENT_KEY and here.base == "bool" and len(here.values) == 1:
        target = _target(case)
        if here.values[0].lower() == target.value:
            yield Candidate(
                _swap(case.cells, here, target), f"{here.operator} {here.key} becomes {target.operator} {right}."
            )


def _same_place(one: Condition, other: Condition) -> bool:
    return (one.operator.lower(), one.key_folded) == (other.operator.lower(), other.key_folded)


def _c09(case: Case) -> Iterator[Candidate]:
    here = case.here()
    if len(here.values) != 1 or not here.base.startswith("numeric"):
        raise NoFix("which value is meant, its author must say")
    seconds = _seconds(here.values[0])
    yield Candidate(
        tuple(cell._replace(value=str(seconds)) if cell.condition is here else cell for cell in case.cells),
        f"The age {here.values[0]} becomes {seconds} seconds.",
    )


def _seconds(text: str) -> int:
    match = _WITH_UNIT.fullmatch(text.lower())
    number = read_number(text)
    seconds = 0
    if match:
        seconds = _with_unit(int(match.group(1)), match.group(2), match.group(2) + match.group(3))
    elif number is not None and abs(number) < 1e12:
        seconds = int(number)
        if seconds > MAX_AGE_S and not _may_be_seconds(seconds):
            seconds = _from_milliseconds(seconds)
    if not _SHORTEST_AGE_S <= seconds <= MAX_AGE_S:
        raise NoFix("how many seconds are meant, its author must say")
    return seconds


def _with_unit(number: int, unit: str, written: str) -> int:
    if written == "ms":
        return _from_milliseconds(number)
    return number * _UNITS.get(unit, 0)


def _may_be_seconds(number: int) -> bool:
    """Whether somebody may have meant a number that is too big as seconds: whole hours of a week, days of a year."""
    return number % _HOUR == 0 and (number <= 7 * _DAY or (number % _DAY == 0 and number <= 366 * _DAY))


def _from_milliseconds(number: int) -> int:
    """Convert a whole number of minutes; another number of milliseconds nobody means."""
    return 0 if number % 60_000 else number // 1000


def _c10(case: Case) -> Iterator[Candidate]:
    yield from (one._replace(summary="The limit of the age gets IfExists, so that it stops what has no MFA.")
                for one in _c03(case))  # fmt: skip


def _c11(case: Case) -> Iterator[Candidate]:
    here = case.here()
    values = {value.lower() for value in here.values}
    value = min(values) if len(values) == 1 else "true"
    if len(values) > 1 and not (case.allows and here.base == "bool"):
        raise NoFix("which of its values counts, its author must say")
    yield Candidate(
        tuple(cell._replace(value=value) if cell.condition is here else cell for cell in case.cells),
        f"{here.operator} on {here.key} has the one value {value}.",
    )


def _ask(case: Case) -> Iterator[Candidate]:
    target = _target(case)
    if not case.allows or case.statement.has_mfa:
        raise NoFix("the statement has conditions on MFA already")
    yield Candidate((*case.cells, target), f"{target.operator} {target.key} {target.value} is added.")


CANDIDATES: Dict[str, Callable[[Case], Iterator[Candidate]]] = {
    "MFA-C01": _c01,
    "MFA-C02": _c02,
    "MFA-C03": _c03,
    "MFA-C04": _c04,
    "MFA-C05": _c05,
    "MFA-C06": _c06,
    "MFA-C07": _c04,
    "MFA-C08": _c08,
    "MFA-C09": _c09,
    "MFA-C10": _c10,
    "MFA-C11": _c11,
    "MFA-T02": _ask,
}
