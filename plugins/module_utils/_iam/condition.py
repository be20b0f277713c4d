# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a statement's conditions hold, for one kind of credential.

Private to this collection. The answer is yes, no or unknown: a world says what the request carries for the two MFA
keys, ``known`` what it carries beside them, and about every other key nothing is known.

The rules are IAM's. Operators and keys are ANDed, the values of one key ORed. On an absent key a condition is false,
but true for a negated operator, with ``IfExists`` and under ``ForAllValues``; under ``ForAnyValue`` it is false
whatever follows (IAM answers so, although its manual's page on IfExists reads otherwise). ``IfExists`` says nothing
about a key that is there. A value that is not of the operator's type matches nothing, so that a negated operator is
true of it.
"""

from __future__ import annotations

import operator
from enum import Enum
from types import MappingProxyType
from typing import Callable, Container, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .document import AGE, PRESENT, Condition, Statement
from .operators import NEGATED
from .patterns import Known, arn_matches, literal, matches, read_date, read_number, resolve, same_address
from .worlds import World

__all__ = [
    "NOTHING",
    "Applies",
    "Truth",
    "all_of",
    "any_of",
    "evaluate_condition",
    "negate",
    "statement_applies",
    "truth_of",
]

#: Nothing is known of the request beside its MFA keys.
NOTHING: Known = MappingProxyType({})


class Truth(Enum):
    """Yes, no, or not known. Compare it: ``if truth is Truth.YES``."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("a Truth has three values: compare it with Truth.YES, Truth.NO or Truth.UNKNOWN")


class Applies(NamedTuple):
    """Whether conditions hold, and the keys (as written) that keep it from being known."""

    truth: Truth
    unknown_keys: Tuple[str, ...] = ()


def truth_of(holds: bool) -> Truth:  # noqa: FBT001 - the argument is the subject
    """Say yes or no."""
    return Truth.YES if holds else Truth.NO


def negate(truth: Truth) -> Truth:
    """Not; what is unknown stays so."""
    if truth is Truth.UNKNOWN:
        return truth
    return truth_of(truth is Truth.NO)


def all_of(truths: Iterable[Truth]) -> Truth:
    """And: one no decides."""
    result = Truth.YES
    for truth in truths:
        if truth is Truth.NO:
            return truth
        if truth is Truth.UNKNOWN:
            result = truth
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Or: one yes decides."""
    result = Truth.NO
    for truth in truths:
        if truth is Truth.YES:
            return truth
        if truth is Truth.UNKNOWN:
            result = truth
    return result


def statement_applies(statement: Statement, world: World, known: Known = NOTHING) -> Applies:
    """Whether all of a statement's conditions hold. What else it names, ``decide`` looks at."""
    unknown: List[str] = []
    for condition in statement.conditions:
        truth = evaluate_condition(condition, world, known)
        if truth is Truth.NO:
            return _NO
        if truth is Truth.UNKNOWN and condition.key not in unknown:
            unknown.append(condition.key)
    if unknown:
        return Applies(Truth.UNKNOWN, tuple(unknown))
    return _MALFORMED if statement.malformed else _YES


_YES, _NO, _MALFORMED = Applies(Truth.YES), Applies(Truth.NO), Applies(Truth.UNKNOWN)


def evaluate_condition(condition: Condition, world: World, known: Known = NOTHING) -> Truth:
    """Whether one key under one operator holds."""
    if not condition.base or condition.malformed:
        return Truth.UNKNOWN
    is_known, values = _carried(condition.key_folded, world, known)
    if not is_known:
        return Truth.UNKNOWN
    if condition.base == "null":
        return _null(condition, is_absent=values is None)
    if values is None:
        return truth_of(_holds_on_absence(condition))
    return _quantified(condition.quantifier, [_one_value(condition, value, known) for value in values])


def _carried(key: str, world: World, known: Known) -> Tuple[bool, Optional[Tuple[str, ...]]]:
    """Give what the request carries for a key (None: nothing), after whether that is known at all."""
    if key == PRESENT:
        return True, None if world.present is None else (str(world.present).lower(),)
    if key == AGE:
        return True, None if world.age_s is None else (str(world.age_s),)
    if key in known:
        return True, known[key] or None  # a key without a value counts as absent
    return False, None


def _null(condition: Condition, *, is_absent: bool) -> Truth:
    wanted = "true" if is_absent else "false"
    if any(value.lower() == wanted for value in condition.values):
        return Truth.YES
    return Truth.UNKNOWN if condition.variables else Truth.NO


def _holds_on_absence(condition: Condition) -> bool:
    if condition.quantifier:
        return condition.quantifier == "forallvalues"
    return condition.if_exists or condition.base in NEGATED


def _quantified(quantifier: str, truths: List[Truth]) -> Truth:
    if quantifier == "foranyvalue":
        return any_of(truths)
    if quantifier == "forallvalues":
        return all_of(truths)
    return truths[0] if len(truths) == 1 else Truth.UNKNOWN  # several values want a set operator


def _one_value(condition: Condition, actual: str, known: Known) -> Truth:
    base = condition.base
    if base in NEGATED:
        return negate(_any_match(condition, _POSITIVE[base], actual, known))
    return _any_match(condition, base, actual, known)


def _any_match(condition: Condition, base: str, actual: str, known: Known) -> Truth:
    """Whether the request's value matches one of the condition's."""
    if base not in _COMPARABLE.get(condition.key_folded, _MATCH):
        return Truth.NO
    if condition.variables:
        return any_of([_match_variable(base, value, actual, known) for value in condition.values])
    match = _MATCH[base]
    return truth_of(any(match(value, actual) for value in condition.values))


def _match_variable(base: str, value: str, actual: str, known: Known) -> Truth:
    """Compare with a value that may hold policy variables."""
    wildcards = base in _WITH_WILDCARDS
    resolved = resolve(value, known, wildcards=wildcards)
    found = _MATCH[base](resolved.text, literal(actual) if wildcards else actual)
    if resolved.whole:
        return truth_of(found)
    # Where even anything in the variable's place does not fit, nothing does.
    return Truth.NO if wildcards and not found else Truth.UNKNOWN


# --- what matches, by operator ---------------------------------------------------------------------------------------


def _ignore_case(value: str, actual: str) -> bool:
    return value.lower() == actual.lower()


def _boolean(value: str, actual: str) -> bool:
    return actual.lower() in ("true", "false") and _ignore_case(value, actual)


def _typed(
    read: Callable[[str], Optional[float]], compare: Callable[[float, float], bool]
) -> Callable[[str, str], bool]:
    def match(value: str, actual: str) -> bool:
        limit, found = read(value), read(actual)
        return limit is not None and found is not None and compare(found, limit)

    return match


_COMPARISONS = {
    "equals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}
_MATCH: Dict[str, Callable[[str, str], bool]] = {
    "stringequals": operator.eq,
    "stringequalsignorecase": _ignore_case,
    "stringlike": matches,
    "bool": _boolean,
    "binaryequals": operator.eq,  # both sides are base64
    "ipaddress": same_address,
    "arnequals": arn_matches,
    "arnlike": arn_matches,
}
_MATCH.update({f"numeric{name}": _typed(read_number, compare) for name, compare in _COMPARISONS.items()})
_MATCH.update({f"date{name}": _typed(read_date, compare) for name, compare in _COMPARISONS.items()})

_POSITIVE = {name: name.replace("not", "", 1) for name in NEGATED}
_WITH_WILDCARDS = frozenset(("stringlike", "arnequals", "arnlike"))
# The operators that fit the type of an MFA key; that strings fit Present is an accident of how IAM writes it.
_COMPARABLE: Dict[str, Container[str]] = {
    PRESENT: frozenset(("bool", "stringequals", "stringequalsignorecase", "stringlike")),
    AGE: frozenset([f"numeric{name}" for name in _COMPARISONS]),
}
