"""The proof: it passes what the role applies, and names what is wrong with everything else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import (
    ENROLMENTS,
    NEEDED,
    Choices,
    documents_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.proof import (
    COLUMNS,
    Line,
    prove,
    prove_service_control,
    table,
)

from tests.rigs.iam_rules import MFA, MISTAKES, NO_MFA, PRESENT, USERS, policy, statement

SEED = policy(MISTAKES["service_control_policy"])


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("enrolment", ENROLMENTS)
def test_what_is_applied_is_proven(enrolment: str, partition: str) -> None:
    choices = Choices(partition, enrolment)
    for part, document in documents_of(choices).items():
        proof = prove(part, document, choices)
        assert proof.failures == (), part
        assert proof.lines


def of(lines: tuple[Line, ...], request: str) -> dict[str, str]:
    [line] = [one for one in lines if one.request == request]
    return dict(line.outcomes)


@pytest.mark.parametrize(
    ("enrolment", "key", "session", "with_mfa"),
    [
        ("keys", "allowed", "allowed", "allowed"),
        ("console", "denied", "allowed", "allowed"),
        ("administrator", "denied", "denied", "denied"),
    ],
)
def test_who_enrols_a_first_device(enrolment: str, key: str, session: str, with_mfa: str) -> None:
    choices = Choices(enrolment=enrolment)
    lines = prove("self_management", documents_of(choices)["self_management"], choices).lines
    outcomes = of(lines, "iam:EnableMFADevice on one's own user")
    assert [outcomes[one.name] for one in COLUMNS[:3]] == [key, session, with_mfa]


def test_the_collections_scp_spares_what_services_do_for_users() -> None:
    proof = prove("scp", documents_of(Choices())["scp"], Choices())
    stopped = next(line for line in proof.lines if line.outcomes["long_term_key"] == "denied")
    assert stopped.outcomes == {
        "long_term_key": "denied", "session_without_mfa": "denied", "session_with_mfa": "allowed",
        "role_session": "allowed", "sso_session": "allowed", "service": "allowed",
    }  # fmt: skip


def test_the_published_scp_fails_for_roles_and_single_sign_on() -> None:
    proof = prove_service_control(SEED)
    told = " ".join(proof.failures)
    assert "sts:AssumeRole is denied for role_session, and should be allowed" in told
    assert "denied for sso_session" in told
    assert "MFA-G04" in told
    assert "arn:*:iam::*:user/*" in told
    assert any("denied!" in row for row in table([proof]))


@pytest.mark.parametrize(
    ("condition", "actions", "told"),
    [
        ({"Bool": {PRESENT: "false"}, **USERS}, ["iam:CreateUser"], "is allowed for long_term_key"),
        ({"BoolIfExists": {PRESENT: "true"}, **USERS}, ["iam:CreateUser"], "is denied for session_with_mfa"),
        ({**NO_MFA, **USERS}, ["iam:*"], "iam:ResyncMFADevice is denied for long_term_key, and should be allowed"),
        ({**NO_MFA, **USERS}, ["iam:EnableMFADevice"], "iam:EnableMFADevice is denied for session_without_mfa"),
        (
            {**NO_MFA, **USERS, "ArnNotLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}},
            ["iam:CreateUser"],
            "is allowed for long_term_key",
        ),
        (
            {**NO_MFA, **USERS, "StringEquals": {"aws:PrincipalTag/team": "x"}},
            ["iam:CreateUser"],
            "is unknown for long_term_key",
        ),
    ],
)
def test_a_scp_that_fails(condition: dict[str, Any], actions: list[str], told: str) -> None:
    failures = prove_service_control(policy(statement("Deny", condition, Action=actions))).failures
    assert any(told in one for one in failures), failures


@pytest.mark.parametrize(
    "written",
    [
        statement("Deny", {**NO_MFA, **USERS}, Action=["iam:CreateUser", "kms:Disable*"]),
        statement("Deny", {**NO_MFA, **USERS}, NotAction=list(NEEDED)),
        statement("Deny", Action="organizations:LeaveOrganization"),  # nothing about MFA
        statement("Allow", Action="*"),
    ],
)
def test_a_sound_scp_of_somebody_else_passes(written: dict[str, Any]) -> None:
    assert prove_service_control(policy(written)).failures == ()


def test_one_bad_statement_is_not_hidden_by_a_good_one() -> None:
    document = copy.deepcopy(documents_of(Choices())["scp"])
    document["Statement"].append(SEED["Statement"][0])
    assert prove_service_control(document).failures


# Each takes something away from the self-management policy, or puts something in, and has to be seen.
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda said: said.pop(), "ec2:RunInstances (with all rights) is allowed for long_term_key"),
        (lambda said: said[-1]["NotAction"].remove("iam:ResyncMFADevice"), "iam:ResyncMFADevice on one's own user"),
        (lambda said: said[-1]["NotAction"].append("iam:DeactivateMFADevice"), "(with all rights) is allowed for long"),
        (lambda said: said[2].update(Resource="*"), "iam:EnableMFADevice on another user is allowed"),
        (lambda said: said.append(statement("Allow", MFA, Action="*")), "ec2:RunInstances is allowed for session_with"),
        (lambda said: said[-1].update(Condition={"Bool": {PRESENT: "false"}}), "MFA-C03"),
        (
            lambda said: said[1].update(Action=["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"]),
            "iam:DeleteVirtualMFADevice on another user's device is allowed",
        ),
    ],
)
def test_a_self_management_policy_that_was_spoilt(change: Any, told: str) -> None:
    document = copy.deepcopy(documents_of(Choices())["self_management"])
    change(document["Statement"])
    failures = prove("self_management", document, Choices()).failures
    assert any(told in one for one in failures), failures
