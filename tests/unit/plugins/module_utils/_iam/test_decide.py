"""How statements combine, and whom, what and which action each is about."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import (
    Decision,
    Ground,
    Request,
    decide,
    known_of,
    statement_covers,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    LONG_TERM_KEY,
    ROLE_SESSION_ABSENT,
    SESSION_WITH_MFA,
    SESSION_WITHOUT_MFA,
    WORLDS,
)

ACCOUNT = "arn:aws:iam::123456789012:root"
ALICE = "arn:aws:iam::123456789012:user/people/alice"
BOB = "arn:aws:iam::123456789012:user/bob"
STRANGER = "arn:aws:iam::210987654321:user/eve"
ROLE = "arn:aws:iam::123456789012:role/teams/deploy"
SESSION = "arn:aws:sts::123456789012:assumed-role/deploy/alice"
ASSUME = Request("sts:AssumeRole", principal=ALICE)

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
WITHOUT_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
UNKNOWN = {"StringEquals": {"sts:ExternalId": "x"}}
ODD = {"Boolean": {"aws:MultiFactorAuthPresent": "true"}}


def allow(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}, **elements}


def deny(**elements: Any) -> dict[str, Any]:
    return {**allow(**elements), "Effect": "Deny"}


def policy(*statements: Any, name: str = "trust", version: str = "2012-10-17") -> Any:
    return parse_document({"Version": version, "Statement": list(statements)}, name)


def outcome(*statements: Any, request: Request = ASSUME, world: Any = LONG_TERM_KEY) -> str:
    return decide([policy(*statements)], request, world).outcome


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], "implicit"),
        ([allow()], "allowed"),
        ([allow(Condition=WITH_MFA)], "implicit"),
        ([allow(Condition=WITH_MFA), allow()], "allowed"),  # a sibling voids the condition
        ([allow(), deny(Condition=WITHOUT_MFA)], "denied"),  # and an explicit Deny wins
        ([deny(Condition=WITHOUT_MFA), allow()], "denied"),
        ([deny()], "denied"),
        ([allow(), deny(Condition=WITH_MFA)], "allowed"),
        ([allow(), deny(Condition=UNKNOWN)], "unknown"),
        ([allow(Condition=UNKNOWN)], "unknown"),
        ([allow(Condition=UNKNOWN), allow()], "allowed"),
        ([allow(Condition=UNKNOWN), deny()], "denied"),
        ([deny(Condition=UNKNOWN)], "implicit"),  # refused either way
        ([allow(Condition=ODD)], "unknown"),
        ([allow(), deny(Condition=ODD)], "unknown"),
        ([allow(Effect="allow")], "unknown"),
        ([allow(), allow(Effect="allow")], "unknown"),
        ([deny(), allow(Effect="allow")], "denied"),
        (["Allow"], "unknown"),
    ],
)
def test_statements_combine(statements: list[Any], expected: str) -> None:
    assert outcome(*statements) == expected
    documents = [policy(statement, name=str(index)) for index, statement in enumerate(statements)]
    assert decide(documents, ASSUME, LONG_TERM_KEY).outcome == expected  # one document or several


def test_a_decision_says_by_what() -> None:
    one = policy(allow(Sid="Open"), allow(Condition=UNKNOWN), deny(Sid="NoKeys", Condition=WITHOUT_MFA), name="one")
    two = policy(deny(Action="*", Condition={"StringLike": {"aws:SourceIp": "x"}}), name="two")
    assert decide([one], ASSUME, LONG_TERM_KEY) == Decision("denied", (Ground("one", "NoKeys", 2),))
    assert decide([one], ASSUME, SESSION_WITH_MFA) == Decision("allowed", (Ground("one", "Open", 0),))
    assert decide([policy(allow(Condition=UNKNOWN), name="one"), two], ASSUME, SESSION_WITH_MFA) == Decision(
        "unknown", (Ground("two", "0", 0), Ground("one", "0", 0)), ("sts:ExternalId", "aws:SourceIp")
    )
    assert decide([], ASSUME, LONG_TERM_KEY) == Decision("implicit")


def test_the_self_management_policy_of_aws() -> None:
    """AWS's own: everything but the enrolment is denied without MFA, on the user's own devices only."""
    document = policy(
        {"Effect": "Allow", "Action": "iam:ListVirtualMFADevices", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["iam:EnableMFADevice", "iam:ResyncMFADevice", "iam:DeactivateMFADevice"],
            "Resource": "arn:aws:iam::*:user/people/${aws:username}",
        },
        {
            "Effect": "Deny",
            "NotAction": ["iam:EnableMFADevice", "iam:ListVirtualMFADevices", "iam:resyncmfadevice"],
            "Resource": "*",
            "Condition": WITHOUT_MFA,
        },
    )

    def asked(action: str, resource: str, world: Any) -> str:
        return decide([document], Request(action, resource, ALICE), world).outcome

    for world in (LONG_TERM_KEY, SESSION_WITHOUT_MFA):
        assert asked("iam:EnableMFADevice", ALICE, world) == "allowed"
        assert asked("iam:ResyncMFADevice", ALICE, world) == "allowed"
        assert asked("iam:DeactivateMFADevice", ALICE, world) == "denied"
        assert asked("iam:ListVirtualMFADevices", "*", world) == "allowed"
    assert asked("iam:DeactivateMFADevice", ALICE, SESSION_WITH_MFA) == "allowed"
    assert asked("iam:DeactivateMFADevice", BOB, SESSION_WITH_MFA) == "implicit"
    # Without a principal the variable could be anybody's, but never part of another path.
    anybody = Request("iam:EnableMFADevice", ALICE)
    assert decide([document], anybody, LONG_TERM_KEY).outcome == "unknown"
    assert decide([document], anybody._replace(resource=BOB), LONG_TERM_KEY).outcome == "implicit"


def covers(statement: dict[str, Any], request: Request = ASSUME, version: str = "2012-10-17") -> str:
    return str(statement_covers(policy(statement, version=version).statements[0], request).value)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Action": "sts:AssumeRole"}, "yes"),
        ({"Action": "STS:assumerole"}, "yes"),
        ({"Action": "*"}, "yes"),
        ({"Action": "sts:*"}, "yes"),
        ({"Action": "sts:Assume?ole"}, "yes"),
        ({"Action": ["iam:*", "sts:AssumeRole*"]}, "yes"),
        ({"Action": "sts:AssumeRoleWithSAML"}, "no"),
        ({"Action": "sts:assume"}, "no"),
        ({"Action": ["iam:*", 7]}, "unknown"),
        ({"NotAction": "iam:*"}, "yes"),
        ({"NotAction": ["iam:*", "sts:assume*"]}, "no"),
        ({}, "unknown"),
    ],
)
def test_actions(elements: dict[str, Any], expected: str) -> None:
    assert covers({"Effect": "Allow", "Principal": "*", **elements}) == expected


@pytest.mark.parametrize(
    ("elements", "resource", "expected"),
    [
        ({}, ROLE, "yes"),
        ({"Resource": "*"}, ROLE, "yes"),
        ({"Resource": "*"}, None, "yes"),
        ({"Resource": ROLE}, ROLE, "yes"),
        ({"Resource": ROLE}, None, "unknown"),
        ({"Resource": ROLE}, BOB, "no"),
        ({"Resource": ROLE.upper()}, ROLE, "no"),
        ({"Resource": ["x", "arn:aws:iam::*:role/teams/*"]}, ROLE, "yes"),
        ({"Resource": "arn:aws:iam::*:role/${aws:PrincipalTag/team}/deploy"}, ROLE, "unknown"),
        ({"Resource": "arn:aws:iam::*:role/${aws:PrincipalTag/team}/build"}, ROLE, "no"),
        ({"Resource": ["x", 7]}, ROLE, "unknown"),
        ({"NotResource": "*"}, ROLE, "no"),
        ({"NotResource": ROLE}, ROLE, "no"),
        ({"NotResource": ROLE}, BOB, "yes"),
        ({"NotResource": ROLE}, None, "unknown"),
        ({"NotResource": "arn:aws:iam::*:role/${aws:PrincipalTag/team}/build"}, ROLE, "yes"),
    ],
)
def test_resources(elements: dict[str, Any], resource: str | None, expected: str) -> None:
    assert covers({"Effect": "Allow", "Action": "*", **elements}, Request("iam:GetRole", resource)) == expected


def test_a_variable_is_text_in_the_old_language() -> None:
    own = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::*:user/people/${aws:username}"}
    assert covers(own, Request("iam:GetUser", ALICE, ALICE)) == "yes"
    assert covers(own, Request("iam:GetUser", ALICE, ALICE), "2008-10-17") == "no"


PROVIDER = "arn:aws:iam::123456789012:saml-provider/corp"


@pytest.mark.parametrize(
    ("principal", "caller", "expected"),
    [
        ("*", ALICE, "yes"),
        ({"AWS": "*"}, STRANGER, "yes"),
        ({"AWS": "*"}, None, "yes"),
        ({"AWS": ALICE}, None, "unknown"),
        ({"AWS": ALICE}, ALICE, "yes"),
        ({"AWS": ALICE}, BOB, "no"),
        ({"AWS": [BOB, ALICE]}, ALICE, "yes"),
        ({"AWS": "arn:aws:iam::123456789012:user/*"}, ALICE, "no"),  # no wildcard in part of an ARN
        ({"AWS": ACCOUNT}, ALICE, "yes"),
        ({"AWS": ACCOUNT}, ACCOUNT, "yes"),
        ({"AWS": ACCOUNT}, SESSION, "yes"),
        ({"AWS": ACCOUNT}, STRANGER, "no"),
        ({"AWS": "123456789012"}, ALICE, "yes"),
        ({"AWS": "123456789012"}, STRANGER, "no"),
        ({"AWS": "arn:aws-cn:iam::123456789012:root"}, ALICE, "no"),
        ({"AWS": ACCOUNT}, PROVIDER, "no"),
        ({"AWS": ACCOUNT}, "ec2.amazonaws.com", "no"),
        ({"AWS": ROLE}, ROLE, "yes"),
        ({"AWS": ROLE}, SESSION, "yes"),
        ({"AWS": "arn:aws:iam::123456789012:role/other"}, SESSION, "no"),
        ({"AWS": SESSION}, ROLE, "unknown"),
        ({"AWS": SESSION}, SESSION, "yes"),
        ({"AWS": SESSION}, SESSION + "2", "no"),
        ({"AWS": "AIDAEXAMPLE"}, ALICE, "no"),
        ({"Service": "ec2.amazonaws.com"}, "ec2.amazonaws.com", "yes"),
        ({"Service": "ec2.amazonaws.com"}, "lambda.amazonaws.com", "no"),
        ({"Service": "ec2.amazonaws.com"}, ALICE, "no"),
        ({"Federated": PROVIDER}, PROVIDER, "yes"),
        ({"Federated": "accounts.google.com"}, PROVIDER, "no"),
        ({"CanonicalUser": "79a59df900b949e5"}, "79a59df900b949e5", "yes"),
        ({"aws": ALICE}, BOB, "unknown"),
    ],
)
def test_principals(principal: Any, caller: str | None, expected: str) -> None:
    request = ASSUME._replace(principal=caller)
    assert covers({"Effect": "Allow", "Action": "*", "Principal": principal}, request) == expected


@pytest.mark.parametrize(
    ("excepted", "caller", "expected"),
    [
        ([ALICE], BOB, "yes"),
        ([ALICE], STRANGER, "yes"),
        ([ALICE], None, "unknown"),
        ([ALICE], ALICE, "unknown"),  # her account is not excepted, and is checked before her
        ([ALICE, ACCOUNT], ALICE, "no"),
        ([ALICE, "123456789012"], ALICE, "no"),
        ([ALICE, ACCOUNT], BOB, "yes"),  # an account excepts itself, not those in it
        ([ACCOUNT], ACCOUNT, "no"),
        (["*"], ALICE, "no"),
        ([ROLE, ACCOUNT], SESSION, "no"),
        ([SESSION, ACCOUNT], ROLE, "unknown"),
    ],
)
def test_not_principal_of_a_deny(excepted: list[str], caller: str | None, expected: str) -> None:
    statement = {"Effect": "Deny", "Action": "*", "NotPrincipal": {"AWS": excepted}}
    assert covers(statement, ASSUME._replace(principal=caller)) == expected


def test_not_principal_of_an_allow_and_of_services() -> None:
    statement = {"Effect": "Allow", "Action": "*", "NotPrincipal": {"AWS": ALICE, "Service": "ec2.amazonaws.com"}}
    assert covers(statement) == "no"
    assert covers(statement, ASSUME._replace(principal=BOB)) == "yes"
    assert covers(statement, ASSUME._replace(principal="ec2.amazonaws.com")) == "no"
    assert covers({**statement, "Effect": "Deny"}, ASSUME._replace(principal="ec2.amazonaws.com")) == "no"


@pytest.mark.parametrize(
    ("caller", "known"),
    [
        (None, {}),
        ("ec2.amazonaws.com", {}),
        (PROVIDER, {}),
        ("arn:aws:s3:::bucket", {}),
        (
            ALICE,
            {
                "aws:principalarn": (ALICE,), "aws:principalaccount": ("123456789012",),
                "aws:principaltype": ("User",), "aws:username": ("alice",),
            },
        ),
        (
            ACCOUNT,
            {
                "aws:principalarn": (ACCOUNT,), "aws:principalaccount": ("123456789012",),
                "aws:principaltype": ("Account",), "aws:username": None,
            },
        ),
        (
            ROLE,
            {
                "aws:principalarn": (ROLE,), "aws:principalaccount": ("123456789012",),
                "aws:principaltype": ("AssumedRole",), "aws:username": None,
            },
        ),
        (
            SESSION,
            {
                "aws:principalaccount": ("123456789012",), "aws:principaltype": ("AssumedRole",),
                "aws:username": None,
            },
        ),
    ],
)  # fmt: skip
def test_what_follows_from_who_asks(caller: str | None, known: dict[str, Any]) -> None:
    assert known_of(Request("sts:AssumeRole", principal=caller)) == known


def test_a_guardrail_scoped_to_users_spares_roles() -> None:
    scoped = {**WITHOUT_MFA, "ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}
    guardrail = policy(
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": scoped},
    )
    assert decide([guardrail], Request("sts:AssumeRole", ROLE, ALICE), LONG_TERM_KEY).outcome == "denied"
    assert decide([guardrail], Request("sts:AssumeRole", ROLE, ALICE), SESSION_WITH_MFA).outcome == "allowed"
    assert decide([guardrail], Request("sts:AssumeRole", ROLE, ROLE), ROLE_SESSION_ABSENT).outcome == "allowed"
    unsure = decide([guardrail], Request("sts:AssumeRole", ROLE), LONG_TERM_KEY)
    assert (unsure.outcome, unsure.unknown_keys) == ("unknown", ("aws:PrincipalArn",))


def test_what_a_request_is_said_to_carry() -> None:
    external = ASSUME._replace(known={"sts:externalid": ("x",)})
    assert outcome(allow(Condition=UNKNOWN), request=external) == "allowed"
    assert outcome(allow(Condition=UNKNOWN), request=ASSUME._replace(known={"sts:externalid": None})) == "implicit"


def test_no_world_passes_the_seeds_policy() -> None:
    broken = {
        "StringEquals": {"aws:MultiFactorAuthPresent": "true"},
        "ArnLike": {"aws:MultiFactorAuthAge": "arn:aws:iam::123456789012:mfa/old-device-name"},
    }
    assert {outcome(allow(Condition=broken), world=world) for world in WORLDS} == {"implicit"}
