"""Policy documents in every shape they come in, and what is wrong with those that IAM would not take."""

from __future__ import annotations

import datetime
import json
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import (
    AGE,
    PRESENT,
    Principals,
    Problem,
    Statement,
    parse_document,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import DocumentError, IamError

NAME = "the trust policy of arn:aws:iam::123456789012:role/deploy"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "People",
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::123456789012:root", "210987654321"], "Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "BoolIfExists": {"aws:MultiFactorAuthPresent": True},
                "ForAllValues:NumericLessThan": {"AWS:multifactorauthAGE": [3600, "60", 1.5]},
                "StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/${aws:username}"},
            },
        },
        {"Effect": "Deny", "NotPrincipal": "*", "NotAction": ["iam:*"], "NotResource": ["arn:aws:s3:::a", "b"]},
    ],
}


def only(statement: Any, version: Any = "2012-10-17") -> tuple[Statement, tuple[Problem, ...]]:
    document = parse_document({"Version": version, "Statement": statement}, NAME)
    assert len(document.statements) == 1
    return document.statements[0], document.problems


def test_a_document_is_taken_apart() -> None:
    document = parse_document(TRUST, NAME)
    assert (document.name, document.version, document.problems) == (NAME, "2012-10-17", ())
    assert document.obj is TRUST
    assert document.has_mfa
    people, others = document.statements
    assert (people.index, people.sid, people.label, people.effect) == (0, "People", "People", "Allow")
    assert people.principal == Principals(
        ("arn:aws:iam::123456789012:root", "210987654321"), ("ec2.amazonaws.com",), (), ()
    )
    assert people.actions == ("sts:AssumeRole",)
    assert (people.not_principal, people.not_actions, people.resources, people.not_resources) == (None, (), (), ())
    assert people.has_mfa
    assert not people.malformed
    assert people.obj is TRUST["Statement"][0]
    present, age, arn = people.conditions
    assert (present.operator, present.base, present.quantifier, present.if_exists) == ("BoolIfExists", "bool", "", True)
    assert (present.key, present.key_folded, present.values) == ("aws:MultiFactorAuthPresent", PRESENT, ("true",))
    assert (present.path, present.is_mfa) == ("Condition.BoolIfExists.aws:MultiFactorAuthPresent", True)
    assert (age.base, age.quantifier, age.if_exists) == ("numericlessthan", "forallvalues", False)
    assert (age.key_folded, age.values, age.is_mfa) == (AGE, ("3600", "60", "1.5"), True)
    assert (arn.is_mfa, arn.variables, age.variables) == (False, True, False)
    assert (others.label, others.effect, others.has_mfa) == ("1", "Deny", False)
    assert others.not_principal is not None
    assert others.not_principal.everyone
    assert (others.not_actions, others.not_resources) == (("iam:*",), ("arn:aws:s3:::a", "b"))


def plain(text: str) -> str:
    return text


def once(text: str) -> str:
    return quote(text)


def twice(text: str) -> str:
    return quote(quote(text))


@pytest.mark.parametrize(
    "encode",
    [
        plain,
        once,
        twice,
        lambda text: quote(text, safe=""),
        lambda text: quote(twice(text)),
        json.dumps,  # a JSON text in a JSON string
        lambda text: quote(json.dumps(text)),
        lambda text: json.dumps(quote(text)),
        lambda text: f"\ufeff\r\n  {text}\n",
        lambda text: quote(f"\n{text}"),
    ],
)
def test_every_encoding_of_a_text(encode: Any) -> None:
    text = json.dumps({**TRUST, "Id": "100%25 {plain}"}, indent=1)
    document = parse_document(encode(text), NAME)
    assert document.obj == json.loads(text)  # a per cent sign inside stays what it is
    assert document.statements == parse_document(json.loads(text), NAME).statements


def test_one_statement_needs_no_list() -> None:
    alone, problems = only(TRUST["Statement"][0])
    assert alone == parse_document(TRUST, NAME).statements[0]
    assert problems == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "the text is empty"),
        ("  \n", "the text is empty"),
        ("{", "Expecting property name"),
        (json.dumps(TRUST)[:-20], "the text is "),
        (quote(json.dumps(TRUST))[:200], "Unterminated string"),
        ("not a policy", "'not a policy'"),
        ("{'Statement': []}", "Expecting property name"),
        ('{"Statement": [NaN]}', "NaN is not JSON"),
        ('{"Statement": [' + "9" * 5000 + "]}", "the text is 5017 characters"),
        ('{"Statement": [], "Statement": []}', "'Statement' stands twice"),
        ('{"Statement": [{"Effect": "Allow", "Effect": "Deny"}]}', "'Effect' stands twice"),
        ('{"a":' * 100000, "nested too deeply"),
        ("[" * 100000, "nested too deeply"),
        (quote(quote(quote(quote(json.dumps(TRUST))))), "still encoded"),
        ("[]", "it is a list"),
        ("7", "it is a number"),
        (None, "it is null"),
        (True, "it is a boolean"),
        (b"{}", "it is a bytes"),
        ({}, "no Statement element (found no member at all)"),
        ({"statement": [], "Version": 1}, "found 'statement', 'Version'"),
        ({"Statement": "Allow"}, "its Statement is a string"),
        ({"Statement": None}, "its Statement is null"),
    ],
)
def test_what_is_no_policy_is_named(given: Any, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(given, NAME)
    assert isinstance(caught.value, IamError)
    assert str(caught.value).startswith(f"{NAME} is not a policy document: ")
    assert says in caught.value.detail
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        ({"Effect": "allow"}, "Statement[0].Effect", "'allow', neither Allow nor Deny"),
        ({"Effect": None}, "Statement[0].Effect", "'null', neither"),
        ({"Effect": ["Allow"]}, "Statement[0].Effect", "'a list', neither"),
        ({"Action": 7}, "Statement[0].Action", "a number, not a string"),
        ({"Action": []}, "Statement[0].Action", "the list is empty"),
        ({"Action": ["a:b", {"Ref": "X"}]}, "Statement[0].Action", "something else than strings"),
        ({"NotAction": "a:b"}, "Statement[0].NotAction", "exclude each other"),
        ({"NotResource": "*"}, "Statement[0].NotResource", "exclude each other"),
        ({"Resource": {"Fn::Sub": "x"}}, "Statement[0].Resource", "an object, not a string"),
        ({"Principal": "123456789012"}, "Statement[0].Principal", "'123456789012', neither"),
        ({"Principal": {}}, "Statement[0].Principal", "names nobody"),
        ({"Principal": {"aws": "*"}}, "Statement[0].Principal.aws", "IAM knows AWS"),
        ({"Principal": {"AWS": [7]}}, "Statement[0].Principal.AWS", "something else"),
        ({"NotPrincipal": None}, "Statement[0].NotPrincipal", "'null', neither"),
        ({"condition": {}}, "Statement[0].condition", "no such element"),
        ({"Condition": []}, "Statement[0].Condition", "a list, not an object"),
        ({"Condition": {"Bool": "x"}}, "Statement[0].Condition.Bool", "a string, not an object"),
    ],
)
def test_a_part_that_iam_would_not_take(change: dict[str, Any], path: str, says: str) -> None:
    statement, problems = only({"Effect": "Allow", "Action": "a:b", "Resource": "*", **change})
    assert statement.malformed
    assert [problem.path for problem in problems] == [path]
    assert says in problems[0].message


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        ({"Sid": 1}, "Statement[0].Sid", "a number, not a string"),
        ({"Condition": {"Boolean": {"x:y": "1"}}}, "Statement[0].Condition.Boolean", "no such operator"),
        ({"Condition": {"NullIfExists": {"x:y": "1"}}}, "Statement[0].Condition.NullIfExists", "no such operator"),
        ({"Condition": {"Bool": {"x:y": None}}}, "Statement[0].Condition.Bool.x:y", "no string, number or boolean"),
        ({"Condition": {"Bool": {"x:y": [[]]}}}, "Statement[0].Condition.Bool.x:y", "no string, number or boolean"),
        ({"Condition": {"Bool": {"x:y": 10**400}}}, "Statement[0].Condition.Bool.x:y", "no string, number or boolean"),
        ({"Condition": {"Bool": {"x:y": []}}}, "Statement[0].Condition.Bool.x:y", "the list of values is empty"),
    ],
)
def test_a_problem_of_a_condition_is_the_conditions_own(change: dict[str, Any], path: str, says: str) -> None:
    statement, problems = only({"Effect": "Allow", "Action": "a:b", "Resource": "*", **change})
    assert not statement.malformed
    assert [problem.path for problem in problems] == [path]
    assert says in problems[0].message


def test_values_are_written_as_iam_compares_them() -> None:
    condition = {"Bool": {"a:b": [True, False, "True", 1, -2, 1.5, ""]}}
    statement, problems = only({"Effect": "Allow", "Action": "*", "Condition": condition})
    assert statement.conditions[0].values == ("true", "false", "True", "1", "-2", "1.5", "")
    assert problems == ()


def test_a_statement_that_is_none_is_not_forgotten() -> None:
    document = parse_document({"Version": "2012-10-17", "Statement": ["Allow", TRUST["Statement"][0]]}, NAME)
    assert document.problems == (Problem("Statement[0]", "it is a string, not an object"),)
    lost, kept = document.statements
    assert (lost.effect, lost.malformed, lost.label) == ("", True, "0")
    assert (kept.index, kept.sid) == (1, "People")


def test_neither_action_nor_statement() -> None:
    assert only({"Effect": "Deny"})[1] == (Problem("Statement[0].Action", "there is neither Action nor NotAction"),)
    assert parse_document({"Version": "2012-10-17", "Statement": []}, NAME).problems == (
        Problem("Statement", "the list of statements is empty"),
    )


def test_versions() -> None:
    variable = {"Effect": "Allow", "Action": "*", "Condition": {"StringLike": {"a:b": "${aws:username}"}}}
    new, problems = only(variable)
    assert (new.variables, new.conditions[0].variables, problems) == (True, True, ())
    # YAML reads the version as a date.
    assert only(variable, datetime.date(2012, 10, 17)) == (new, ())
    old, problems = only(variable, "2008-10-17")
    assert (old.variables, old.conditions[0].variables, problems) == (False, False, ())
    assert parse_document({"Statement": variable}, NAME).version == "2008-10-17"
    strange, problems = only(variable, "2012-10-18")
    assert (strange.variables, [problem.path for problem in problems]) == (False, ["Version"])


def test_members_that_are_no_strings() -> None:
    """An object that YAML made may have any scalar for a key."""
    statement, problems = only(
        {"Effect": "Allow", "Action": "*", 1: 2, "Principal": {True: "x"}, "Condition": {None: {7: "x"}}}
    )
    assert statement.malformed
    assert {problem.path for problem in problems} == {
        "Statement[0].a number", "Statement[0].Principal.a boolean", "Statement[0].Condition.null",
    }  # fmt: skip
    assert statement.conditions[0].key == "7"


def test_a_deep_value_is_not_walked() -> None:
    deep: Any = {}
    for _level in range(100000):
        deep = {"a": deep}
    statement, problems = only({"Effect": "Allow", "Action": "*", "Condition": {"Bool": {"a:b": deep}}})
    assert statement.conditions[0].malformed
    assert len(problems) == 1


def test_an_enormous_document() -> None:
    one = TRUST["Statement"][0]
    document = parse_document(json.dumps({"Version": "2012-10-17", "Statement": [one] * 20000}), NAME)
    assert len(document.statements) == 20000
    assert document.statements[-1].index == 19999
