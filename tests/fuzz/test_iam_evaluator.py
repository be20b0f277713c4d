"""The evaluator against a second reading of IAM's rules, written another way, and against whatever JSON there is.

The second reading knows no three-valued logic. It writes down, for a condition on an MFA key, the set of worlds in
which the condition holds; a condition on any other key it takes once as true and once as false, in all combinations,
and looks whether the outcome changes.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.condition import statement_applies
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request, decide
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Document, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import DocumentError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.patterns import (
    action_overlaps,
    matches,
    read_date,
    read_number,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import WORLDS, World, worlds_for
from hypothesis import assume, event, given
from hypothesis import strategies as st

# --- the second reading ----------------------------------------------------------------------------------------------

DEVICE = "arn:aws:iam::123456789012:mfa/phone"
PRESENT, AGE = "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"
OTHERS = ("aws:SourceIp", "sts:ExternalId", "aws:MultiFactorAuthPresnt")
#: For each operator, which of the values that Present and Age can have are accepted by one value in a policy.
ACCEPTED = {
    "Bool": lambda key, here, value: key == PRESENT and here == value.lower(),
    "StringEquals": lambda key, here, value: key == PRESENT and here == value,
    "StringEqualsIgnoreCase": lambda key, here, value: key == PRESENT and here == value.lower(),
    "StringLike": lambda key, here, value: key == PRESENT and (here == value or value in ("*", f"{here[0]}*")),
    "NumericEquals": lambda key, here, value: key == AGE and numeric(here, value, "="),
    "NumericLessThan": lambda key, here, value: key == AGE and numeric(here, value, "<"),
    "NumericLessThanEquals": lambda key, here, value: key == AGE and numeric(here, value, "<="),
    "NumericGreaterThan": lambda key, here, value: key == AGE and numeric(here, value, ">"),
    "NumericGreaterThanEquals": lambda key, here, value: key == AGE and numeric(here, value, ">="),
    **dict.fromkeys(
        ("ArnLike", "ArnEquals", "IpAddress", "BinaryEquals", "DateEquals", "DateLessThan", "DateGreaterThan"),
        lambda *_: False,
    ),
}
OPPOSITE = {
    "StringNotLike": "StringLike",
    "StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "NumericNotEquals": "NumericEquals", "DateNotEquals": "DateEquals", "NotIpAddress": "IpAddress",
    "ArnNotLike": "ArnLike", "ArnNotEquals": "ArnEquals",
}  # fmt: skip
VALUES = (
    "true", "false", "t*", "*", "True", "FALSE", "yes", "", "0", "2", "3600", "129600", "3600.5", "-1", "1e3", "900s",
    "2026-01-01T00:00:00Z", "10.0.0.0/8", DEVICE,
)  # fmt: skip


def numeric(here: str, value: str, sign: str) -> bool:
    try:
        one, other = Decimal(here), Decimal(value)
    except ArithmeticError:
        return False
    return {"=": one == other, "<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[sign]


def holds(world: World, operator: str, key: str, values: list[str]) -> bool:
    """Whether a condition on an MFA key holds in a world, read off the rules one by one."""
    here = {PRESENT: world.present, AGE: world.age_s}[key]
    if operator == "Null":
        return ("true" if here is None else "false") in [value.lower() for value in values]
    prefix, _colon, rest = operator.rpartition(":")
    plain = rest.removesuffix("IfExists")
    if here is None:
        return prefix == "ForAllValues" or (prefix == "" and (plain != rest or plain in OPPOSITE))
    accepts = ACCEPTED[OPPOSITE.get(plain, plain)]
    accepted = any(accepts(key, str(here).lower(), value) for value in values)
    return accepted != (plain in OPPOSITE)


def blocks(statement: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            yield operator, key, value


def possible(statements: list[dict[str, Any]], world: World) -> set[str]:
    """Every outcome there can be, over all that is not known."""
    places = [
        (index, operator, key)
        for index, statement in enumerate(statements)
        for operator, key, _values in blocks(statement)
        if key in OTHERS
    ]
    outcomes = set()
    for guess in itertools.product((True, False), repeat=len(places)):
        guessed = dict(zip(places, guess, strict=True))
        applying = [
            statement["Effect"]
            for index, statement in enumerate(statements)
            if all(
                guessed[index, operator, key] if key in OTHERS else holds(world, operator, key, values)
                for operator, key, values in blocks(statement)
            )
        ]
        outcomes.add("denied" if "Deny" in applying else "allowed" if "Allow" in applying else "implicit")
    return outcomes


# --- policies --------------------------------------------------------------------------------------------------------

BASES = (*ACCEPTED, *OPPOSITE)
operators = st.one_of(
    st.just("Null"),
    st.sampled_from(("Bool", "BoolIfExists", "ForAllValues:Bool", "NumericLessThan", "NumericGreaterThanIfExists")),
    st.builds(
        lambda prefix, base, suffix: prefix + base + suffix,
        st.sampled_from(("", "", "ForAllValues:", "ForAnyValue:")),
        st.sampled_from(BASES),
        st.sampled_from(("", "IfExists")),
    ),
)
values = st.lists(st.sampled_from(VALUES), min_size=1, max_size=3)
keys = st.sampled_from((PRESENT, PRESENT, AGE, AGE, *OTHERS))
conditions = st.dictionaries(operators, st.dictionaries(keys, values, min_size=1, max_size=2), max_size=3)
statements = st.builds(
    lambda effect, condition: {"Effect": effect, "Action": "sts:AssumeRole", "Condition": condition},
    st.sampled_from(("Allow", "Allow", "Deny")),
    conditions,
)
policies = st.lists(statements, min_size=1, max_size=3)


def parsed(items: list[dict[str, Any]]) -> Document:
    document = parse_document({"Version": "2012-10-17", "Statement": items}, "a policy")
    assert document.problems == ()
    return document


@given(policies)
def test_the_evaluator_agrees_with_the_second_reading(items: list[dict[str, Any]]) -> None:
    assume(sum(key in OTHERS for item in items for _operator, key, _values in blocks(item)) <= 8)
    document = parsed(items)
    for world in worlds_for([document]):
        expected = possible(items, world)
        found = decide([document], Request("sts:AssumeRole"), world)
        event(found.outcome)
        if found.outcome == "unknown":
            assert len(expected) > 1
            assert found.unknown_keys
        elif found.outcome == "implicit":  # a Deny that may apply to what nothing allows changes nothing
            assert "implicit" in expected
            assert "allowed" not in expected
        else:
            assert expected == {found.outcome}


@given(statements)
def test_a_statement_agrees_with_the_second_reading(item: dict[str, Any]) -> None:
    statement = parsed([item]).statements[0]
    for world in WORLDS:
        certain = [holds(world, *block) for block in blocks(item) if block[1] not in OTHERS]
        others = {key for _operator, key, _values in blocks(item) if key in OTHERS}
        expected = "no" if not all(certain) else "unknown" if others else "yes"
        found = statement_applies(statement, world)
        assert found.truth.value == expected
        assert set(found.unknown_keys) == (others if expected == "unknown" else set())


def shuffled(text: str, flags: int) -> str:
    """Change the case of the letters that the flags say."""
    return "".join(char.swapcase() if flags >> (at % 16) & 1 else char for at, char in enumerate(text))


@given(policies, st.integers(0, 65535))
def test_case_order_and_encoding_change_nothing(items: list[dict[str, Any]], flags: int) -> None:
    changed = [
        {
            **item,
            "Action": shuffled(item["Action"], flags),
            "Condition": {
                shuffled(operator, flags): {shuffled(key, flags): found[::-1] for key, found in within.items()}
                for operator, within in reversed(item["Condition"].items())
            },
        }
        for item in reversed(items)
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": changed})
    others = [parse_document(form, "a policy") for form in (text, quote(text), quote(quote(text)), json.dumps(text))]
    for world in WORLDS:
        expected = decide([parsed(items)], Request("sts:AssumeRole"), world).outcome
        for other in others:
            assert decide([other], Request("sts:AssumeRole"), world).outcome == expected


# --- what is no policy -----------------------------------------------------------------------------------------------

ELEMENTS = (
    "Statement", "Version", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal",
    "Condition", "Sid", "AWS", "Bool", "Null", "ForAllValues:NumericLessThanIfExists", "ArnLike", PRESENT, AGE,
    "Fn::Sub",
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(
        (*VALUES, "Allow", "Deny", "2012-10-17", "*", "${aws:username}", "${", "sts:*", "arn:aws:iam::1:root")
    ),
    st.text(max_size=8),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ELEMENTS) | st.text(max_size=4), inner),
    max_leaves=25,
)
nearly = st.fixed_dictionaries({"Statement": anything}, optional={"Version": st.just("2012-10-17") | scalars})
requests = st.builds(
    Request,
    st.sampled_from(("sts:AssumeRole", "", "*")),
    st.none() | st.sampled_from(("*", DEVICE, "")),
    st.none()
    | st.sampled_from(("arn:aws:iam::123456789012:user/a", "ec2.amazonaws.com", "", "arn:aws:sts::1:assumed-role")),
)


@given(st.one_of(nearly, st.builds(lambda one: {"Statement": [one]}, anything), anything), requests)
def test_whatever_stands_in_a_policy_it_is_judged_or_named(given_: Any, request: Request) -> None:
    try:
        document = parse_document(given_, "a policy")
    except DocumentError as error:
        assert str(error).startswith("a policy is not a policy document: ")  # noqa: PT017 - both ways are right
        return
    for world in worlds_for([document]):
        found = decide([document], request, world)
        assert found.outcome in ("allowed", "denied", "implicit", "unknown")
        if found.outcome in ("allowed", "denied"):
            grounds = [document.statements[ground.index] for ground in found.by]
            assert grounds
            assert not any(ground.malformed for ground in grounds)


@given(st.text() | nearly.map(json.dumps).flatmap(lambda text: st.integers(0, len(text)).map(lambda at: text[:at])))
def test_whatever_text_is_read_or_named(text: str) -> None:
    for form in (text, quote(text), quote(quote(text))):
        try:
            assert isinstance(parse_document(form, "a policy").obj, dict)
        except DocumentError as error:
            assert error.name == "a policy"  # noqa: PT017 - both ways are right


# --- texts -----------------------------------------------------------------------------------------------------------

globs = st.text("ab*?", max_size=7)
TEXTS = ["".join(chars) for size in range(7) for chars in itertools.product("ab", repeat=size)]


@given(globs, st.text("ab*?\n", max_size=9))
def test_wildcards_agree_with_regular_expressions(pattern: str, value: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    assert matches(pattern, value) is bool(re.fullmatch(expression, value, re.DOTALL))


@given(st.text("ab*?", max_size=4), st.text("ab*?", max_size=4))
def test_overlap_is_a_text_that_fits_both(one: str, other: str) -> None:
    """Six characters are enough: as many as the pattern without a star has, or three and three where both have one."""
    assert action_overlaps(one, other) is any(matches(one, text) and matches(other, text) for text in TEXTS)


@given(st.text("0123456789.+-eETZ: ", max_size=26) | st.text())
def test_typed_values_are_numbers_or_nothing(text: str) -> None:
    for read in (read_number, read_date):
        found = read(text)
        assert found is None or not math.isnan(found)
