# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions on MFA that do not do what they say: MFA-C01 to MFA-C12.

Private to this collection. Here is what stands in a single condition (its operator, its values, its key); what a
statement does as a whole is in rules_condition_effect.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from .condition import Truth
from .context import AuditContext, Distinct
from .document import AGE, MFA_KEYS, PRESENT, Condition, Document, Statement
from .effect import Draft, Effect, effect_of_one
from .finding import Finding, Witness
from .operators import NEGATED
from .patterns import Known, read_number
from .rules_condition_effect import judge_effect
from .worlds import MAX_AGE_S

__all__ = ["check", "meant_key", "misspelt_keys"]

_NAMES = {PRESENT: "aws:MultiFactorAuthPresent", AGE: "aws:MultiFactorAuthAge"}
_BARE = {key.partition(":")[2]: key for key in MFA_KEYS}
# What people make of the keys without coming near their spelling. No other condition key of AWS has any of that in its
# name; tags (aws:PrincipalTag/...) and claims of identity providers (their prefix has a dot) may have.
_ABOUT_MFA = re.compile(r"mfa|multi-?_?factor|(?:two|second)-?_?factor|2fa")
_ABOUT_AGE = re.compile(r"age|time|second|duration|old|expir")
_NO_KEY_OF_AWS = re.compile(r"[/\[]|^(?:saml|[^:]*\.[^:]*):")
_PREFIXES = frozenset(("", "aws", "sts", "iam", "amazon", "was", "asw", "ws", "awss"))
_ALIKE = 0.84
_UNLIKE = 9  # letters more or less
_SHORTEST_AGE_S = 60  # a limit below that is a number of minutes or hours
_NUMERIC = "numeric"
_BOOLEANS = frozenset(("true", "false"))


def check(context: AuditContext) -> Iterator[Finding]:
    """Yield what is wrong with the MFA conditions of every document."""
    account = context.account.account_id
    for distinct in context.documents:
        # A misspelt key is no MFA key: it has to be looked for everywhere.
        statements = [one for one in distinct.document.statements if one.conditions and one.effect]
        if not statements:
            continue
        drafts = [draft for one in statements for draft in _misspelt(one)]
        if distinct.mentions_mfa:
            drafts.extend(_judge(distinct.document, account))
        if drafts:
            yield from _placed(context, distinct, drafts)


def _placed(context: AuditContext, distinct: Distinct, drafts: List[Draft]) -> Iterator[Finding]:
    for ref in distinct.places:
        for draft in drafts:
            if draft.rule == "MFA-C03" and ref.family == "scp":
                continue  # MFA-G04 says it
            if draft.rule == "MFA-C04" and ref.family == "trust":
                yield draft._replace(severity="critical").at(context, ref)
            elif draft.rule == "MFA-C12" and ref.family == "trust" and not draft.path:
                continue  # MFA-T03 says it
            else:
                yield draft.at(context, ref)


def _judge(document: Document, account: str) -> Iterator[Draft]:
    for statement in document.statements:
        if not statement.has_mfa or not statement.effect:
            continue
        sound = True
        for condition in statement.conditions:
            if condition.is_mfa:
                drafts = list(_one(statement, condition))
                yield from drafts
                sound = sound and not any(_spoils(draft) for draft in drafts)
        yield from _twice(statement)
        if sound:
            yield from judge_effect(document, statement, account)


def _spoils(draft: Draft) -> bool:
    """Whether a condition is so wrong that to judge what the statement does would only repeat it."""
    return draft.rule == "MFA-C01" or (draft.rule == "MFA-C02" and draft.severity is None)


def _one(statement: Statement, condition: Condition) -> Iterator[Draft]:
    effect = effect_of_one(condition)
    if condition.key_folded == AGE:
        if condition.base.startswith(_NUMERIC):
            yield from _age_values(statement, condition, effect)
        elif condition.base != "null":
            yield _age_type(statement, condition, effect)
    elif condition.base not in ("bool", "null"):
        yield _present_type(statement, condition, effect)
    if condition.base in ("bool", "null") and condition.key_folded == PRESENT:
        yield from _booleans(statement, condition, effect)
    elif condition.base == "null":
        yield from _null_of_age(statement, condition, effect)


def _witness(statement: Statement, effect: Effect) -> Witness:
    """Say who shows that a condition is without meaning."""
    if effect.never:
        return Witness("session_with_mfa" if statement.effect == "Allow" else "long_term_key", "never")
    if effect.always:
        return Witness("long_term_key" if statement.effect == "Allow" else "session_with_mfa", "always")
    outcome = "allowed" if statement.effect == "Allow" else "denied"
    if effect.key is Truth.YES:
        return Witness("long_term_key", outcome)
    if effect.session is Truth.YES:
        return Witness("session_without_mfa", outcome)
    return Witness("session_with_mfa", outcome)


def _so(statement: Statement, effect: Effect) -> str:
    """Say what comes of it."""
    if effect.never:
        if statement.effect == "Deny":
            return "It never holds, so the Deny stops nobody."
        return "It never holds, so the statement allows nobody anything, with MFA or without."
    if effect.always:
        if statement.effect == "Deny":
            return "It always holds, so the Deny stops those with MFA too."
        return "It always holds, so the statement asks for no MFA."
    return "What IAM makes of it is not what the condition says."


# --- operators and values --------------------------------------------------------------------------------------------


def _age_type(statement: Statement, condition: Condition, effect: Effect) -> Draft:
    what = f"{condition.operator} does not fit {_NAMES[AGE]}, which is a number of seconds"
    if any(":mfa/" in value for value in condition.values):
        what += " and never names a device (no condition key does)"
    return Draft(
        "MFA-C01",
        statement,
        f"{what}. {_so(statement, effect)} Use Bool on {_NAMES[PRESENT]}, with a Numeric operator for the age.",
        condition.path,
        _witness(statement, effect),
        "critical" if statement.effect == "Deny" else None,
    )


def _present_type(statement: Statement, condition: Condition, effect: Effect) -> Draft:
    as_bool = _as_bool(condition)
    if as_bool is not None and not effect.never and effect == effect_of_one(as_bool):
        return Draft(
            "MFA-C02",
            statement,
            f"{condition.operator} on {_NAMES[PRESENT]} works by accident: it compares the text of a Boolean, and its "
            "case counts. Use Bool.",
            condition.path,
            _witness(statement, effect),
            "medium",
        )
    return Draft(
        "MFA-C02",
        statement,
        f"{condition.operator} does not fit {_NAMES[PRESENT]}, which is true or false. {_so(statement, effect)} "
        "Use Bool.",
        condition.path,
        _witness(statement, effect),
    )


def _as_bool(condition: Condition) -> Optional[Condition]:
    """Write a String condition as the Bool that it stands for."""
    if not condition.base.startswith("string") or condition.base in NEGATED:
        return None
    return condition._replace(base="bool")


def _booleans(statement: Statement, condition: Condition, effect: Effect) -> Iterator[Draft]:
    literals = {value.lower() for value in condition.values}
    wrong = sorted(literals - _BOOLEANS)
    if wrong and not condition.variables:
        yield Draft(
            "MFA-C02",
            statement,
            f"{condition.operator} on {_NAMES[PRESENT]} takes true or false, not {', '.join(map(repr, wrong))}. "
            f"{_so(statement, effect)}",
            condition.path,
            _witness(statement, effect),
        )
    elif len(condition.values) > 1:
        nothing = "it tests nothing" if condition.base == "null" else "it tests nothing but that the key is there"
        yield _several(statement, condition, effect, nothing)


def _several(statement: Statement, condition: Condition, effect: Effect, nothing: str) -> Draft:
    both = len({value.lower() for value in condition.values}) > 1
    return Draft(
        "MFA-C11",
        statement,
        f"{condition.operator} on {_NAMES[condition.key_folded]} lists {len(condition.values)} values, of which one is "
        f"enough{f': with true and false among them {nothing}' if both else ''}.",
        condition.path,
        _witness(statement, effect),
    )


def _null_of_age(statement: Statement, condition: Condition, effect: Effect) -> Iterator[Draft]:
    wrong = sorted({value for value in condition.values if value.lower() not in _BOOLEANS})
    if wrong and not condition.variables:
        yield Draft(
            "MFA-C09",
            statement,
            f"Null takes true or false, not {', '.join(map(repr, wrong))}. {_so(statement, effect)}",
            condition.path,
            _witness(statement, effect),
        )
    elif len(condition.values) > 1:
        yield _several(statement, condition, effect, "it tests nothing")


def _age_values(statement: Statement, condition: Condition, effect: Effect) -> Iterator[Draft]:
    if condition.variables:
        return
    for value in condition.values:
        problem = _age_problem(value)
        if problem:
            yield Draft(
                "MFA-C09",
                statement,
                f"The age {value!r} {problem}. {_NAMES[AGE]} is whole seconds, from 0 to {MAX_AGE_S} (36 hours).",
                condition.path,
                _witness(statement, effect),
            )


def _age_problem(value: str) -> str:
    number = read_number(value)
    if number is None:
        return "is no number, and nothing compares with it"
    if number <= 0:
        return "is not above 0"
    if number <= MAX_AGE_S and number != int(number):
        return "is no whole number"
    if number > MAX_AGE_S:  # infinity too
        slip = " (milliseconds?)" if number % 1000 == 0 else ""
        return f"is more than any session with MFA lasts{slip}, so it limits nothing"
    if number < _SHORTEST_AGE_S:
        return f"is {int(number)} seconds, which looks like minutes or hours"
    return ""


# --- keys ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def meant_key(key: str) -> str:
    """Say which MFA key a folded key was meant to be, or ""."""
    text = key.strip()
    if text.startswith("aws/"):
        text = text.replace("/", ":", 1)
    if _NO_KEY_OF_AWS.search(text):
        return ""
    prefix, name = text.split(":", 1) if ":" in text else ("", text)
    if _ABOUT_MFA.search(name):
        return AGE if _ABOUT_AGE.search(_ABOUT_MFA.sub("", name)) else PRESENT
    letters = "".join(char for char in name if char.isalpha())
    if prefix not in _PREFIXES:
        return ""
    for bare, right in _BARE.items():
        if abs(len(letters) - len(bare)) <= _UNLIKE and SequenceMatcher(None, letters, bare).ratio() >= _ALIKE:
            return right
    return ""


def misspelt_keys(statements: Iterable[Statement]) -> Known:
    """Give the misspelt MFA keys of statements, as what no request carries."""
    return dict.fromkeys(
        [
            condition.key_folded
            for statement in statements
            for condition in statement.conditions
            if not condition.is_mfa and meant_key(condition.key_folded)
        ]
    )


def _misspelt(statement: Statement) -> Iterator[Draft]:
    for condition in statement.conditions:
        meant = "" if condition.is_mfa else meant_key(condition.key_folded)
        if meant:
            yield _wrong_key(statement, condition, meant)


def _wrong_key(statement: Statement, condition: Condition, meant: str) -> Draft:
    # No request carries such a key: what holds for a key that is absent holds always.
    absent = effect_of_one(condition._replace(key_folded=AGE)).key
    effect = Effect(absent, absent, absent, absent)
    device = " (no key names a device)" if any(":mfa/" in value for value in condition.values) else ""
    return Draft(
        "MFA-C08",
        statement,
        f"There is no condition key {condition.key!r}; {_NAMES[meant]} is meant{device}. {_so(statement, effect)}",
        condition.path,
        _witness(statement, effect),
    )


def _twice(statement: Statement) -> Iterator[Draft]:
    seen: Dict[Tuple[str, str], Condition] = {}
    for condition in statement.conditions:
        if not condition.is_mfa:
            continue
        first = seen.setdefault((condition.operator.lower(), condition.key_folded), condition)
        if first is not condition:
            yield Draft(
                "MFA-C08",
                statement,
                f"{condition.key} stands under {condition.operator} although {first.key} already does: keys differ by "
                "more than case, so it is one key written twice.",
                condition.path,
            )
