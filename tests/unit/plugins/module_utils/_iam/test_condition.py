"""The truth table of the MFA keys, row by row, and each operator on values that are known."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.condition import (
    Applies,
    Truth,
    all_of,
    any_of,
    evaluate_condition,
    negate,
    statement_applies,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Statement, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    ASSUME_ROLE_WITH_MFA,
    FEDERATED,
    LONG_TERM_KEY,
    ROLE_SESSION_ABSENT,
    ROLE_SESSION_FALSE,
    SERVICE,
    SESSION_WITH_MFA,
    SESSION_WITH_STALE_MFA,
    SESSION_WITHOUT_MFA,
    WITH_MFA,
    WORLDS,
)

PRESENT = "aws:MultiFactorAuthPresent"
AGE = "aws:MultiFactorAuthAge"
DEVICE = "arn:aws:iam::123456789012:mfa/old-device-name"
# The columns: long-term key, session without MFA, session with MFA (fresh), the same 36 hours later.
COLUMNS = (LONG_TERM_KEY, SESSION_WITHOUT_MFA, SESSION_WITH_MFA, SESSION_WITH_STALE_MFA)


def statement(condition: Any, version: str = "2012-10-17") -> Statement:
    return parse_document(
        {
            "Version": version,
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition},
        },
        "a policy",
    ).statements[0]


def row(operator: str, key: str, value: Any) -> str:
    """Whether the statement applies, a letter for each column: y, n or u."""
    applied = statement({operator: {key: value}})
    return "".join(statement_applies(applied, world).truth.value[0] for world in COLUMNS)


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("Bool", PRESENT, "true", "nnyy"),  # correct
        ("BoolIfExists", PRESENT, "true", "ynyy"),  # long-term keys bypass it
        ("Bool", PRESENT, "false", "nynn"),  # an Allow is inverted, a Deny forgets access keys
        ("BoolIfExists", PRESENT, "false", "yynn"),  # AWS's own Deny
        ("Null", PRESENT, "true", "ynnn"),
        ("Null", PRESENT, "false", "nyyy"),
        ("Null", AGE, "false", "nnyy"),
        ("Null", AGE, "true", "yynn"),
        ("NumericLessThan", AGE, "3600", "nnyn"),
        ("NumericLessThanEquals", AGE, "3600", "nnyn"),
        ("NumericLessThanIfExists", AGE, "3600", "yyyn"),
        ("NumericLessThanEqualsIfExists", AGE, "3600", "yyyn"),
        ("NumericGreaterThan", AGE, "3600", "nnny"),
        ("NumericGreaterThanIfExists", AGE, "3600", "yyny"),
        ("NumericGreaterThanEqualsIfExists", AGE, "3600", "yyny"),
        ("BoolIfExists", PRESENT, "TRUE", "ynyy"),
        ("ForAllValues:Bool", PRESENT, "true", "ynyy"),
        # Beyond the table's rows, by its rules.
        ("ForAllValues:Bool", PRESENT, "false", "yynn"),
        ("ForAllValues:BoolIfExists", PRESENT, "true", "ynyy"),
        ("ForAnyValue:Bool", PRESENT, "true", "nnyy"),
        ("ForAnyValue:BoolIfExists", PRESENT, "true", "nnyy"),  # IfExists is without effect there
        ("ForAnyValue:NumericLessThanIfExists", AGE, "3600", "nnyn"),
        ("ForAllValues:NumericLessThan", AGE, "3600", "yyyn"),
        ("ForAnyValue:StringNotEquals", AGE, "x", "nnyy"),
        ("Bool", PRESENT, ["true", "false"], "nyyy"),
        ("BoolIfExists", PRESENT, ["true", "false"], "yyyy"),
        ("Bool", PRESENT, [], "nnnn"),
        ("Bool", PRESENT, "yes", "nnnn"),
        ("Bool", PRESENT, "1", "nnnn"),
        ("NumericLessThan", AGE, ["10", "200000"], "nnyy"),
        ("NumericLessThan", AGE, "one hour", "nnnn"),
        ("NumericLessThan", AGE, "", "nnnn"),
        ("NumericNotEquals", AGE, "1", "yyny"),
        ("NumericEquals", AGE, "1.0", "nnyn"),
        ("NumericGreaterThan", AGE, "-1", "nnyy"),
        ("NumericLessThanEquals", AGE, "1e5", "nnyn"),
        ("Null", AGE, ["true", "false"], "yyyy"),
        ("Null", AGE, "no", "nnnn"),
    ],
)
def test_the_truth_table(operator: str, key: str, value: Any, expected: str) -> None:
    assert row(operator, key, value) == expected
    # Neither the operator nor the key counts by case, and a list of one is the value.
    assert row(operator.upper(), key.swapcase(), value) == expected
    if not isinstance(value, list):
        assert row(operator, key, [value]) == expected


@pytest.mark.parametrize("value", [True, "true", "True", ["true"], [True]])
def test_a_boolean_may_be_json_or_text(value: Any) -> None:
    assert row("Bool", PRESENT, value) == "nnyy"


@pytest.mark.parametrize("value", [3600, "3600", 3600.0, ["3600"], [3600], "3.6e3"])
def test_a_number_may_be_json_or_text(value: Any) -> None:
    assert row("NumericLessThan", AGE, value) == "nnyn"


MISMATCHES = [
    ("ArnLike", DEVICE), ("ArnEquals", DEVICE), ("ArnLike", "*"),
    ("StringEquals", DEVICE), ("StringLike", DEVICE), ("StringEqualsIgnoreCase", DEVICE),
    ("DateEquals", "2026-01-01T00:00:00Z"), ("DateLessThan", "2026-01-01"), ("DateGreaterThan", "0"),
    ("IpAddress", "10.0.0.0/8"), ("IpAddress", "::/0"), ("BinaryEquals", "dHJ1ZQ=="),
]  # fmt: skip
NEGATED = {
    "ArnLike": "ArnNotLike", "ArnEquals": "ArnNotEquals", "StringEquals": "StringNotEquals",
    "StringLike": "StringNotLike", "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "DateEquals": "DateNotEquals", "IpAddress": "NotIpAddress",
}  # fmt: skip


@pytest.mark.parametrize("key", [PRESENT, AGE])
@pytest.mark.parametrize(("operator", "value"), MISMATCHES)
def test_an_operator_of_another_type_never_matches(operator: str, value: str, key: str) -> None:
    assert row(operator, key, value) == "nnnn"
    # IfExists is about a key that is absent: Age is, without MFA, and Present with a long-term key.
    assert row(operator + "IfExists", key, value) == ("yynn" if key == AGE else "ynnn")
    if operator in NEGATED:
        assert row(NEGATED[operator], key, value) == "yyyy"
        assert row(NEGATED[operator] + "IfExists", key, value) == "yyyy"


def test_boolean_on_age_and_number_on_present_are_mismatches_too() -> None:
    assert row("Bool", AGE, "true") == "nnnn"
    assert row("BoolIfExists", AGE, "true") == "yynn"
    assert row("NumericLessThan", PRESENT, "3600") == "nnnn"
    assert row("NumericNotEquals", PRESENT, "1") == "yyyy"


def test_a_string_operator_on_present_works_by_accident() -> None:
    assert row("StringEquals", PRESENT, "true") == "nnyy"
    assert row("StringEquals", PRESENT, "True") == "nnnn"  # its case counts, unlike Bool's
    assert row("StringEqualsIgnoreCase", PRESENT, "True") == "nnyy"
    assert row("StringLike", PRESENT, "t*") == "nnyy"
    assert row("StringNotEquals", PRESENT, "true") == "yynn"


def test_an_age_is_no_text() -> None:
    assert row("StringLike", AGE, "*") == "nnnn"
    assert row("StringEquals", AGE, "1") == "nnnn"
    assert row("StringNotLike", AGE, "*") == "yyyy"


def test_the_seeds_policy_locks_everybody_out() -> None:
    broken = statement({"StringEquals": {PRESENT: "true"}, "ArnLike": {AGE: DEVICE}})
    assert {statement_applies(broken, world) for world in WORLDS} == {Applies(Truth.NO)}


def test_what_each_kind_of_credential_carries() -> None:
    present = statement({"Bool": {PRESENT: "true"}})
    without = statement({"BoolIfExists": {PRESENT: "false"}})
    absent = statement({"Null": {PRESENT: "true"}})
    held = {world.name: [one(world, each) for each in (present, without, absent)] for world in WORLDS}
    assert held == {
        "long_term_key": ["no", "yes", "yes"],
        "session_without_mfa": ["no", "yes", "no"],
        "session_with_mfa": ["yes", "no", "no"],
        "session_with_stale_mfa": ["yes", "no", "no"],
        "assume_role_with_mfa": ["yes", "no", "no"],
        "role_session_absent": ["no", "yes", "yes"],
        "role_session_false": ["no", "yes", "no"],
        "federated": ["no", "yes", "yes"],
        "service": ["no", "yes", "no"],
    }
    age = statement({"Null": {AGE: "false"}})
    assert [world for world in WORLDS if statement_applies(age, world).truth is Truth.YES] == list(WITH_MFA)
    fresh = statement({"NumericLessThan": {AGE: 1}})
    assert one(ASSUME_ROLE_WITH_MFA, fresh) == "yes"
    assert one(SESSION_WITH_MFA, fresh) == "no"
    assert {one(ROLE_SESSION_ABSENT, absent), one(ROLE_SESSION_FALSE, absent)} == {"yes", "no"}
    assert (one(FEDERATED, absent), one(SERVICE, absent)) == ("yes", "no")


def one(world: Any, applied: Statement) -> str:
    return str(statement_applies(applied, world).truth.value)


def test_operators_and_keys_are_anded() -> None:
    both = statement({"Bool": {PRESENT: "true"}, "NumericLessThan": {AGE: "3600"}})
    assert [one(world, both) for world in COLUMNS] == ["no", "no", "yes", "no"]
    never = statement({"Bool": {PRESENT: "true"}, "BoolIfExists": {PRESENT: "false"}})
    assert {one(world, never) for world in WORLDS} == {"no"}
    guarded = statement({"BoolIfExists": {PRESENT: "true"}, "Null": {PRESENT: "false"}})
    assert [one(world, guarded) for world in COLUMNS] == ["no", "no", "yes", "yes"]
    assert one(LONG_TERM_KEY, statement({})) == "yes"


def test_other_keys_are_unknown_and_named() -> None:
    several = statement(
        {
            "Bool": {PRESENT: "true", "aws:SecureTransport": "true"},
            "StringEquals": {"sts:ExternalId": "x"},
            "StringLike": {"sts:ExternalId": "y"},
        }
    )
    assert statement_applies(several, SESSION_WITH_MFA) == Applies(
        Truth.UNKNOWN, ("aws:SecureTransport", "sts:ExternalId")
    )
    # One no decides, whatever is not known.
    assert statement_applies(several, LONG_TERM_KEY) == Applies(Truth.NO)


def test_a_misspelt_key_is_just_another_key() -> None:
    typo = statement({"Bool": {"aws:MultiFactorAuthPresnt": "true"}})
    assert statement_applies(typo, SESSION_WITH_MFA) == Applies(Truth.UNKNOWN, ("aws:MultiFactorAuthPresnt",))


@pytest.mark.parametrize(
    "condition",
    [
        {"Boolean": {PRESENT: "true"}},
        {"NullIfExists": {PRESENT: "true"}},
        {"ForAllValues:Null": {PRESENT: "true"}},
        {"ForSomeValues:Bool": {PRESENT: "true"}},
        {"Bool": {PRESENT: None}},
        {"Bool": {PRESENT: ["true", {"Ref": "Wanted"}]}},
        {"Bool": "true"},
        [{"Bool": {PRESENT: "true"}}],
        "Bool",
    ],
)
def test_what_iam_would_not_take_is_unknown(condition: Any) -> None:
    for world in WORLDS:
        assert statement_applies(statement(condition), world).truth is Truth.UNKNOWN


def test_policy_variables() -> None:
    variable = {"Bool": {PRESENT: "${aws:PrincipalTag/mfa}"}}
    assert one(SESSION_WITH_MFA, statement(variable)) == "unknown"
    assert one(LONG_TERM_KEY, statement(variable)) == "no"  # the key is absent, whatever the variable says
    # The language of 2008 has none: it is a text that is no boolean.
    assert one(SESSION_WITH_MFA, statement(variable, "2008-10-17")) == "no"


def holds(operator: str, policy: Any, actual: Any, known: Any = None, version: str = "2012-10-17") -> str:
    """Evaluate a condition on a key of which the request's value is known."""
    condition = statement({operator: {"x:Key": policy}}, version).conditions[0]
    values = (actual,) if isinstance(actual, str) else actual
    return str(evaluate_condition(condition, LONG_TERM_KEY, {"x:key": values, **(known or {})}).value)


@pytest.mark.parametrize(
    ("operator", "policy", "actual", "expected"),
    [
        ("StringEquals", "a", "a", "yes"),
        ("StringEquals", "a", "A", "no"),
        ("StringEquals", "a*", "ab", "no"),
        ("StringEquals", ["b", "a"], "a", "yes"),
        ("StringNotEquals", ["b", "a"], "a", "no"),
        ("StringNotEquals", ["b", "c"], "a", "yes"),
        ("StringEqualsIgnoreCase", "AbC", "aBc", "yes"),
        ("StringNotEqualsIgnoreCase", "AbC", "aBc", "no"),
        ("StringLike", "a*d?", "abcde", "yes"),
        ("StringLike", "a*d?", "abcd", "no"),
        ("StringLike", "[ab]", "a", "no"),
        ("StringNotLike", "a*", "abc", "no"),
        ("NumericEquals", "10", "1e1", "yes"),
        ("NumericNotEquals", "10", "ten", "yes"),
        ("NumericLessThan", "10", "10", "no"),
        ("NumericLessThanEquals", "10", "10", "yes"),
        ("NumericGreaterThan", "10", "10", "no"),
        ("NumericGreaterThanEquals", "10", "10.0", "yes"),
        ("NumericLessThan", "9" * 399, "1", "yes"),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01", "yes"),
        ("DateEquals", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", "yes"),
        ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", "yes"),
        ("DateNotEquals", "2026-01-01", "2026-01-02", "yes"),
        ("DateLessThan", "2026", "2025-12-31T23:59:59.5Z", "yes"),
        ("DateLessThanEquals", "2026-01", "2026-01-01", "yes"),
        ("DateGreaterThan", "2026-01-01", "2026-01-01", "no"),
        ("DateGreaterThanEquals", "2026-01-01", "2026-01-01", "yes"),
        ("DateLessThan", "2026-02-30", "2000-01-01", "no"),
        ("Bool", "true", "TRUE", "yes"),
        ("Bool", "true", "yes", "no"),
        ("Bool", "yes", "yes", "no"),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "yes"),
        ("BinaryEquals", "QmluYXJ5", "qmluyxj5", "no"),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", "yes"),
        ("IpAddress", "203.0.113.7", "203.0.113.9", "no"),
        ("IpAddress", "203.0.113.0/24", "2001:db8::1", "no"),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", "yes"),
        ("IpAddress", "everywhere", "203.0.113.9", "no"),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.9", "no"),
        ("ArnEquals", "arn:aws:iam::*:user/b*", "arn:aws:iam::123456789012:user/bob", "yes"),
        ("ArnLike", "arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:role/bob", "no"),
        ("ArnLike", "arn:aws:*:user/bob", "arn:aws:iam::123456789012:user/bob", "no"),  # a star stays in its part
        ("ArnLike", "arn:aws:sns:*:*:a:*", "arn:aws:sns:eu-west-1:1:a:b:c", "yes"),
        ("ArnLike", "*", "arn:aws:iam::123456789012:user/bob", "yes"),
        ("ArnLike", "*", "bob", "no"),
        ("ArnLike", "arn:*", "arn:aws:iam::123456789012:user/bob", "no"),
        ("ArnNotLike", "arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:role/bob", "yes"),
        ("ArnNotEquals", "arn:aws:iam::*:user/*", "arn:aws:iam::123456789012:user/bob", "no"),
        ("Null", "true", None, "yes"),
        ("Null", False, None, "no"),
        ("Null", "false", "x", "yes"),
        ("Null", "true", (), "yes"),  # a key without a value is absent
        ("StringNotEquals", "a", (), "yes"),
        ("StringEquals", "a", None, "no"),
        ("StringEqualsIfExists", "a", None, "yes"),
        ("StringEqualsIfExists", "a", "b", "no"),
        ("StringNotEquals", "a", None, "yes"),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b", "a"), "yes"),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), "no"),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "d"), "yes"),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "a"), "no"),
        ("ForAllValues:StringEquals", ["a"], (), "yes"),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "a"), "yes"),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "d"), "no"),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("a", "c"), "yes"),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("a", "b"), "no"),
        ("ForAnyValue:StringNotEquals", ["a"], None, "no"),
        ("ForAnyValue:StringEqualsIfExists", ["a"], (), "no"),
        ("StringEquals", "a", ("a", "b"), "unknown"),
    ],
)
def test_every_operator_on_a_known_value(operator: str, policy: Any, actual: Any, expected: str) -> None:
    assert holds(operator, policy, actual) == expected


@pytest.mark.parametrize(
    ("operator", "policy", "actual", "expected"),
    [
        ("StringEquals", "${aws:username}", "bob", "yes"),
        ("StringEquals", "${AWS:UserName}", "bob", "yes"),
        ("StringNotEquals", "${aws:username}", "bob", "no"),
        ("StringEquals", "${aws:userid}", "bob", "unknown"),
        ("StringEquals", ["${aws:userid}", "bob"], "bob", "yes"),
        ("StringLike", "team-${aws:userid}", "team-1", "unknown"),
        ("StringLike", "team-${aws:userid}", "other", "no"),
        ("StringNotLike", "team-${aws:userid}", "other", "yes"),
        ("StringLike", "${aws:username}*", "bobby", "yes"),
        ("StringLike", "${x:star}", "anything", "no"),  # a star that a variable brings is a star
        ("StringLike", "${x:star}", "*", "yes"),
        ("StringLike", "${*}", "*", "yes"),
        ("StringLike", "${*}", "a", "no"),
        ("StringLike", "${?}${$}", "?$", "yes"),
        ("StringEquals", "${*}", "*", "yes"),
        ("StringEquals", "${x:none, 'nobody'}", "nobody", "yes"),
        ("StringEquals", "${x:none}", "nobody", "unknown"),
        ("StringEquals", "${x:many}", "1", "unknown"),
        ("ArnLike", "arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::123456789012:user/bob", "yes"),
        ("ArnLike", "arn:aws:iam::*:user/${aws:userid}", "arn:aws:iam::123456789012:role/bob", "no"),
        ("Null", "${aws:userid}", "a", "unknown"),
    ],
)
def test_variables_that_are_known(operator: str, policy: Any, actual: str, expected: str) -> None:
    known = {"aws:username": ("bob",), "x:star": ("*",), "x:none": None, "x:many": ("1", "2")}
    assert holds(operator, policy, actual, known) == expected


def test_the_old_language_takes_variables_as_text() -> None:
    known = {"aws:username": ("bob",)}
    assert holds("StringEquals", "${aws:username}", "bob", known, "2008-10-17") == "no"
    assert holds("StringEquals", "${aws:username}", "${aws:username}", known, "2008-10-17") == "yes"


def test_three_valued_logic() -> None:
    yes, no, unknown = Truth.YES, Truth.NO, Truth.UNKNOWN
    assert [negate(truth) for truth in (yes, no, unknown)] == [no, yes, unknown]
    assert [all_of(pair) for pair in ((yes, yes), (yes, unknown), (unknown, no), ())] == [yes, unknown, no, yes]
    assert [any_of(pair) for pair in ((no, no), (no, unknown), (unknown, yes), ())] == [no, unknown, yes, no]


def test_a_truth_is_no_boolean() -> None:
    with pytest.raises(TypeError, match="compare it"):
        assert Truth.NO
