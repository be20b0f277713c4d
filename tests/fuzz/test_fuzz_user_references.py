"""A user's serial is found wherever it is put, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditContext, AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_references import (
    Subject,
    find_user_references,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.iam_serials import account, inline, managed, mfa, policy, role

NAMES = st.from_regex(r"[a-z][a-z0-9+=,.@_-]{0,20}", fullmatch=True)
KEYS = st.sampled_from(["Resource", "NotResource", "Action", "Condition", "Principal", "AWS", "StringLike", "x"])
OTHERS = st.one_of(st.text(max_size=20), st.booleans(), st.integers(), st.none())
TREES: st.SearchStrategy[Any] = st.recursive(
    OTHERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=10
)


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, dict[str, Any], bool]:
    """Draw a name, a statement, and whether the serial of that name was put into it."""
    name = draw(NAMES)
    statement = {"Effect": "Allow", **draw(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))}
    put = draw(st.booleans())
    if put:
        value: Any = mfa(name)
        for key in draw(st.lists(st.one_of(KEYS, st.none()), max_size=4)):
            value = [value] if key is None else {key: value}
        statement[draw(KEYS)] = value
    return name, statement, put


@given(planted(), st.booleans())
def test_a_serial_is_found_wherever_it_stands_and_only_there(case: tuple[str, Any, bool], as_text: bool) -> None:
    name, statement, put = case
    document: Any = policy(statement)
    known = account(
        roles=[role("r", document, inline=inline(json.dumps(document) if as_text else document))],
        policies=[managed("p", policy())._replace(versions={"v1": policy(), "v0": document})],
    )
    subject = Subject(name, (), (), (mfa(name),))
    found = find_user_references(AuditContext(known, AuditOptions()), subject)
    expected = {"trust", "inline", "managed"} if put else set()
    exact = {one.spot.document.partition(":")[0] for one in found if one.kind == "serial" and one.exact}
    assert exact == expected


@given(NAMES, NAMES)
def test_one_name_is_never_taken_for_another(name: str, other: str) -> None:
    known = account(policies=[managed("p", policy({"Effect": "Allow", "Action": "s3:*", "Resource": mfa(other)}))])
    found = find_user_references(AuditContext(known, AuditOptions()), Subject(name, (), (), (mfa(name),)))
    assert bool(found) == (name == other)
