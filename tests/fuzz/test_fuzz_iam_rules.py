"""The rules on conditions, trust and guardrails: any policy is judged, and no way into a role without MFA missed."""

from __future__ import annotations

from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request, decide
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import order, to_dict
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    LONG_TERM_KEY,
    SESSION_WITHOUT_MFA,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.iam_rules import (
    ACCOUNT,
    AGE,
    OTHER,
    PRESENT,
    ROOT,
    found,
    managed,
    policy,
    resource,
    role,
    rules,
    scp,
    user,
)

CREDENTIALS = {"long_term_key", "session_without_mfa", "session_with_mfa", "role_session"}
OUTCOMES = {"allowed", "denied", "never", "always"}

OPERATORS = ("Bool", "BoolIfExists", "Null", "NumericLessThan", "NumericGreaterThanIfExists", "ForAllValues:Bool")
ANY_OPERATOR = st.sampled_from(
    (*OPERATORS, "ArnLike", "StringNotLike", "DateLessThanIfExists", "Nonsense", "ForAnyValue:Bool")
)
KEYS = st.sampled_from((PRESENT, AGE, PRESENT.lower(), "aws:MultiFactorAuth", "aws:SourceIp", "aws:PrincipalArn", "x"))
SCALARS = st.sampled_from(("true", "false", "3600", "0", "-1", "1e9", "x", "*", "${aws:username}")) | st.booleans()
VALUES = (
    SCALARS | st.integers() | st.none() | st.lists(SCALARS | st.none(), max_size=3) | st.dictionaries(KEYS, SCALARS)
)
CONDITIONS = st.dictionaries(ANY_OPERATOR, st.dictionaries(KEYS, VALUES, max_size=2) | VALUES, max_size=3) | VALUES
NAMES = st.sampled_from(
    (
        "*",
        "iam:*",
        "sts:AssumeRole",
        "iam:*MFADevice",
        "iam:DeactivateMFADevice",
        "ec2:Run*",
        ROOT,
        "AIDAEXAMPLEEXAMPLE1",
        "arn:aws:iam::*:user/${aws:username}",
        f"arn:aws:iam::{ACCOUNT}:role/ci",
        f"arn:aws:iam::{OTHER}:root",
        "",
        "?",
        "::::",
    )
)
SOME = NAMES | st.lists(NAMES, max_size=3) | st.none() | st.integers()
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(("Allow", "Deny", "Deny", "Maybe"))},
    optional={
        "Sid": st.sampled_from(("one", "two")),
        "Action": SOME,
        "NotAction": SOME,
        "Resource": SOME,
        "NotResource": SOME,
        "Principal": SOME | st.dictionaries(st.sampled_from(("AWS", "Service", "Federated", "Else")), SOME),
        "NotPrincipal": st.dictionaries(st.just("AWS"), SOME),
        "Condition": CONDITIONS,
    },
)


@given(st.lists(STATEMENTS | VALUES, min_size=1, max_size=4))
def test_any_policy_is_judged_wherever_it_stands(statements: list[Any]) -> None:
    document = policy(*statements)
    for account in (role(document), managed(document, devices_complete=True), resource(document), scp(document)):
        for one in found(account):
            assert one.statement in ("one", "two", *range(len(statements)))
            assert one.message
            assert to_dict(one)["rule"] == one.rule
            assert order(one)
            if one.witness is not None:
                assert one.witness.credential in CREDENTIALS
                assert one.witness.outcome in OUTCOMES


SOUND = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(st.sampled_from((PRESENT, AGE)), st.sampled_from(("true", "false", "3600")), min_size=1),
    max_size=2,
)
TRUSTING = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(("Allow", "Allow", "Deny")),
        "Principal": st.sampled_from(
            ("*", {"AWS": ROOT}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}, {"Service": "ec2.amazonaws.com"})
        ),
        "Action": st.sampled_from(("sts:AssumeRole", "sts:*", "sts:TagSession", ["sts:TagSession", "sts:AssumeRole"])),
    },
    optional={"Condition": SOUND},
)


@given(st.lists(TRUSTING, min_size=1, max_size=3))
def test_a_way_in_without_mfa_is_found_where_there_is_one_and_only_there(statements: list[Any]) -> None:
    document = parse_document(policy(*statements), "trust")
    open_to = [
        (name, world.name)
        for name in ("alice", "anybody")
        for world in (LONG_TERM_KEY, SESSION_WITHOUT_MFA)
        if decide(
            (document,), Request("sts:AssumeRole", None, f"arn:aws:iam::{ACCOUNT}:user/{name}"), world
        ).outcome == "allowed"
    ]  # fmt: skip
    account = role(policy(*statements))._replace(users={"alice": user("alice")})
    assert bool({"T01", "T02"} & set(rules(account))) == bool(open_to)
