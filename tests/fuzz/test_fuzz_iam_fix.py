"""Corrections of any faulty policy, judged by what the whole document decides before and after."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import audit
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request, decide
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Document, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import World, worlds_for
from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.fuzz.test_iam_evaluator import holds
from tests.rigs.iam_rules import (
    ACCOUNT,
    AGE,
    PRESENT,
    ROOT,
    USER,
    carried,
    policy,
    role,
    statement,
    trusting,
    with_inline,
)

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
        for value in ("3600", "900", "3600000", "2592000", "1h", "60ms", "0", "15", f"arn:aws:iam::{ACCOUNT}:mfa/old")
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


# --- a second reading ------------------------------------------------------------------------------------------------

MOMENTS = [(None, None), (False, None)]
AGES = (0, 1, 2, 59, 60, 61, 899, 900, 901, 3599, 3600, 3601, 86400, 129600)
WITH_MFA = [(True, age) for age in AGES]
SPELT = {PRESENT.lower(): PRESENT, AGE.lower(): AGE}


def applies(item: dict[str, Any], moment: tuple[bool | None, int | None]) -> bool:
    """Whether a statement's conditions hold; a misspelt key is one that no request carries."""
    for operator, keys in item.get("Condition", {}).items():
        for key, value in keys.items():
            right = SPELT.get(key.lower())
            here = World("", "", *(moment if right else (None, None)), frozenset())
            listed = value if isinstance(value, list) else [value]
            texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in listed]
            if not holds(here, operator, right or AGE, texts):
                return False
    return True


def gets(statements: list[dict[str, Any]], caller: str, moment: tuple[bool | None, int | None]) -> bool:
    effects = {item["Effect"] for item in statements if names(item, caller) and applies(item, moment)}
    return "Allow" in effects and "Deny" not in effects


def names(item: dict[str, Any], caller: str) -> bool:
    principal = item.get("Principal", "*")
    listed = [principal] if principal == "*" else principal["AWS"]
    return bool({"*", ROOT, caller} & set([listed] if isinstance(listed, str) else listed))


def weigh(before: Any, found: Any, *, roles: bool) -> None:
    """Judge a correction without the evaluator: nothing new without MFA, nobody with fresh MFA out, no age widened."""
    old, new = before["Statement"], found.fix.document["Statement"]
    ((was, now),) = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    what = (found.rule, was, now)
    allows, limited = was["Effect"] == "Allow", found.rule in ("MFA-C01", "MFA-C09")
    asked = any(applies(was, moment) for moment in WITH_MFA[:2])
    for moment in MOMENTS + WITH_MFA:
        lets, let = gets(new, USER, moment), gets(old, USER, moment)
        if moment[0] is not True:
            assert let or not lets, (what, moment)
        elif lets and not let:
            # A statement that was dead, or stopped those with MFA, lets them in now; one that asked for MFA lets in no
            # other age.
            assert asked is not allows, (what, moment)
        elif let and not lets:
            assert limited, (what, moment)
            assert moment[1] not in (0, 1), (what, moment)
    if not roles:
        return
    for moment in MOMENTS:
        lets, let = gets(new, CI, moment), gets(old, CI, moment)
        assert let or not lets, (what, moment)
        if CI in str(was["Principal"]) or not allows:
            assert lets or not let, (what, moment)


@given(trusts())
@example(policy(trusting({"AWS": ROOT}, {"Bool": {"aws:MultiFactorAuthPresnt": "false"}})))
@example(policy(trusting({"AWS": ROOT}, {"Bool": {PRESENT: "no"}})))
def test_corrections_of_trust_policies_by_a_second_reading(document: Any) -> None:
    for found in audit(role(document), AuditOptions()).findings:
        if found.fix is not None:
            event(found.rule)
            weigh(document, found, roles=True)


@given(grants())
def test_corrections_of_a_users_policies_by_a_second_reading(document: Any) -> None:
    for found in audit(with_inline(mfa=document), AuditOptions()).findings:
        if found.fix is not None:
            event(found.rule)
            weigh(document, found, roles=False)


@given(trusts())
def test_what_has_no_correction_says_why(document: Any) -> None:
    for found in audit(role(document), AuditOptions()).findings:
        assert (found.fix is None) is ("No automatic fix: " in found.message), found


#: Conditions on who asks, and whether they hold for the role ``ROLE``.
WHO: list[tuple[str, str, Any, bool]] = [
    ("StringNotEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/*", True),  # there a * is no wildcard
    ("StringNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", False),
    ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/ci"], True),
    ("ArnLike", "aws:PrincipalArn", "arn:*:iam::*:user/*", False),
    ("ArnLike", "aws:PrincipalArn", "*", True),
    ("StringLike", "aws:PrincipalType", "Assumed*", True),
    ("StringEquals", "aws:PrincipalType", "User", False),
    ("StringNotEquals", "aws:PrincipalType", "AssumedRole", False),
    ("StringNotEquals", "aws:PrincipalType", "User", True),
    ("StringLike", "aws:username", "*", False),
    ("StringLikeIfExists", "aws:username", "*", True),
    ("StringNotLike", "aws:username", "bot-*", True),
    ("Null", "aws:username", "true", True),
]


def role_gets(statements: list[dict[str, Any]], moment: tuple[bool | None, int | None], *, reached: bool) -> bool:
    """Whether the role gets anything; ``reached`` tells whether a statement that says who asks means it."""
    effects = set()
    for item in statements:
        block = item.get("Condition", {})
        about_mfa = {
            operator: {key: value for key, value in keys.items() if key not in ABOUT_WHO}
            for operator, keys in block.items()
        }
        says_who = any(key in ABOUT_WHO for keys in block.values() for key in keys)
        if (reached or not says_who) and applies({"Condition": about_mfa}, moment):
            effects.add(item["Effect"])
    return "Allow" in effects and "Deny" not in effects


ABOUT_WHO = frozenset(key for _operator, key, _value, _reached in WHO)


@given(st.sampled_from(["Allow", "Deny"]), conditions(), st.sampled_from(WHO))
@example("Deny", {"Bool": {PRESENT: "false"}}, WHO[0])
@example("Deny", {"Bool": {PRESENT: "false"}}, WHO[5])
def test_a_role_that_carries_a_corrected_policy_loses_nothing(
    effect: str, condition: Any, who: tuple[str, str, Any, bool]
) -> None:
    operator, key, value, reached = who
    block = {**condition, operator: {**condition.get(operator, {}), key: value}}
    document = policy(statement(effect, block, Action="*"), statement("Allow", Action="*"))
    if effect == "Allow":
        document["Statement"].pop()
    for found in audit(carried(document), AuditOptions()).findings:
        if found.fix is None:
            continue
        event(found.rule)
        for moment in MOMENTS:
            was = role_gets(document["Statement"], moment, reached=reached)
            now = role_gets(found.fix.document["Statement"], moment, reached=reached)
            assert was == now, (found.rule, moment, document, found.fix.document)
