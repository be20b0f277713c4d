"""Corrections of any faulty policy, judged by what the whole document decides before and after."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import audit
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request, decide
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Document, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import World, worlds_for
from hypothesis import event, given
from hypothesis import strategies as st

from tests.rigs.iam_rules import ACCOUNT, AGE, PRESENT, ROOT, USER, policy, role, statement, trusting, with_inline

CI = f"arn:aws:iam::{ACCOUNT}:role/ci"
PARTS = st.sampled_from(
    [
        (operator, PRESENT, value)
        for operator in (
            "Bool", "BoolIfExists", "ForAllValues:Bool", "ForAnyValue:Bool", "StringEquals", "StringNotEquals",
            "StringEqualsIfExists", "ArnLike", "ArnNotLike", "NumericEquals", "DateLessThan", "Null",
        )
        for value in ("true", "false", ["true", "false"], True, "yes")
    ]
    + [
        (operator, AGE, value)
        for operator in (
            "NumericLessThan", "NumericLessThanIfExists", "NumericLessThanEquals", "NumericGreaterThan",
            "NumericGreaterThanIfExists", "NumericNotEquals", "ForAllValues:NumericLessThan", "ArnLike", "ArnNotLike",
            "StringLikeIfExists", "IpAddress",
        )
        for value in ("3600", "900", "3600000", "1h", "0", "15", f"arn:aws:iam::{ACCOUNT}:mfa/old")
    ]
    + [("Null", AGE, "true"), ("Null", AGE, "false")]
    + [(operator, "aws:MultiFactorAuthPresnt", value) for operator in ("Bool", "BoolIfExists")
       for value in ("true", "false")]
    + [("Bool", PRESENT.lower(), "true")]
)  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    block: dict[str, Any] = {}
    for operator, key, value in draw(st.lists(PARTS, min_size=1, max_size=3)):
        block.setdefault(operator, {})[key] = value
    return block


PRINCIPALS = st.sampled_from([{"AWS": ROOT}, {"AWS": USER}, "*", {"AWS": [ROOT, CI]}, {"AWS": CI}])


@st.composite
def trusts(draw: st.DrawFn) -> Any:
    count = draw(st.integers(1, 3))
    return policy(
        *[
            {
                **trusting(draw(PRINCIPALS), draw(st.one_of(st.none(), conditions()))),
                "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
            }
            for _number in range(count)
        ]
    )


@st.composite
def grants(draw: st.DrawFn) -> Any:
    count = draw(st.integers(1, 3))
    effects = st.sampled_from(["Allow", "Deny"])
    return policy(
        *[
            statement(
                draw(effects), draw(st.one_of(st.none(), conditions())), Action=draw(st.sampled_from(["*", "s3:*"]))
            )
            for _number in range(count)
        ]
    )


def outcome(document: Document, action: str, caller: str, world: World) -> str:
    return decide(
        (document,), Request(action, "arn:aws:s3:::x" if action == "s3:GetObject" else None, caller), world
    ).outcome


def hold(before: Any, found: Any, action: str, callers: dict[str, frozenset[str]]) -> None:
    """Judge one correction."""
    old, new = parse_document(before, "before"), parse_document(found.fix.document, "after")
    assert not new.problems
    changed = [(one, other) for one, other in zip(old.statements, new.statements, strict=True) if one.obj != other.obj]
    assert len(changed) == 1
    was, now = ({key: value for key, value in one.obj.items() if key != "Condition"} for one in changed[0])
    assert was == now
    for world in worlds_for((old, new)):
        for caller, kinds in callers.items():
            if world.can_hold & kinds:
                judge(old, new, action, caller, world, found)


def judge(old: Document, new: Document, action: str, caller: str, world: World, found: Any) -> None:
    was, now = outcome(old, action, caller, world), outcome(new, action, caller, world)
    what = (found.rule, world.name, caller, was, now, old.obj, new.obj)
    if not world.with_mfa and now == "allowed":
        assert was in ("allowed", "unknown"), what  # never widened
    if world.with_mfa and (world.age_s or 0) <= 1 and was == "allowed":
        assert now == "allowed", what  # who has just used MFA gets in
    if "role" in world.can_hold and was == "allowed" and _names(old, caller):
        assert now == "allowed", what  # a role that is named keeps what it has


def _names(document: Document, caller: str) -> bool:
    """Whether every Allow names this caller, so that it is not let in as one of an account or as anybody."""
    return all(
        one.principal is not None and caller in one.principal.aws
        for one in document.statements
        if one.effect == "Allow"
    )


@given(trusts())
def test_corrections_of_trust_policies(document: Any) -> None:
    before = copy.deepcopy(document)
    fixed = [found for found in audit(role(document), AuditOptions()).findings if found.fix is not None]
    assert document == before
    callers = {USER: frozenset(("user",)), CI: frozenset(("role",))}
    for found in fixed:
        event(found.rule)
        hold(document, found, "sts:AssumeRole", callers)


@given(grants())
def test_corrections_of_a_users_policies(document: Any) -> None:
    fixed = [found for found in audit(with_inline(mfa=document), AuditOptions()).findings if found.fix is not None]
    for found in fixed:
        event(found.rule)
        hold(document, found, "s3:GetObject", {USER: frozenset(("user",))})


@given(trusts())
def test_applied_one_after_the_other_they_come_to_an_end_and_leave_no_correctable_fault(document: Any) -> None:
    for _round in range(20):
        first = next((one for one in audit(role(document), AuditOptions()).findings if one.fix is not None), None)
        if first is None or first.fix is None:
            return
        document = first.fix.document
    raise AssertionError(document)
