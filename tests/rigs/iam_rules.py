"""Small accounts for tests of the rules of the IAM audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._iam import (
    rules_condition,
    rules_guardrail,
    rules_trust,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    CoverageGap,
    Group,
    InlinePolicy,
    ManagedPolicy,
    OrganizationPolicy,
    ResourcePolicy,
    Role,
    User,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditContext, AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding

ACCOUNT = "123456789012"
OTHER = "210987654321"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ops"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/mfa"
BUCKET = "arn:aws:s3:::records"

PRESENT = "aws:MultiFactorAuthPresent"
AGE = "aws:MultiFactorAuthAge"

# Conditions: what an Allow asks for, what a Deny asks for, and users alone.
MFA = {"Bool": {PRESENT: "true"}}
NO_MFA = {"BoolIfExists": {PRESENT: "false"}}
USERS = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}

OWN = "arn:aws:iam::*:user/${aws:username}"

DATA = Path(__file__).resolve().parents[1] / "data" / "iam"
RECOMMENDED: dict[str, Any] = json.loads((DATA / "aws_recommended.json").read_text())
MISTAKES: dict[str, Any] = json.loads((DATA / "published_mistakes.json").read_text())

# What a test is not about is unknown, so that its rules keep quiet.
UNREAD = tuple(CoverageGap(part, "not part of the test") for part in ("config_rules", "metric_filters"))


def statement(effect: str, condition: Any = None, **elements: Any) -> dict[str, Any]:
    """Write a statement on everything, unless told otherwise."""
    written: dict[str, Any] = {"Effect": effect}
    if not {"Action", "NotAction"} & set(elements):
        written["Action"] = "ec2:TerminateInstances"
    if not {"Resource", "NotResource", "Principal", "NotPrincipal"} & set(elements):
        written["Resource"] = "*"
    written.update(elements)
    if condition is not None:
        written["Condition"] = condition
    return written


def trusting(principal: Any, condition: Any = None, **elements: Any) -> dict[str, Any]:
    """Write a statement of a trust policy."""
    return statement("Allow", condition, Principal=principal, **{"Action": "sts:AssumeRole", **elements})


def policy(*statements: Any) -> dict[str, Any]:
    """Write a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


ADMIN = policy(statement("Allow", Action="*"))


def role(trust: Any, **fields: Any) -> Account:
    """Give an account with one role, whose trust policy this is."""
    path = fields.pop("path", "/")
    arn = fields.pop("arn", ROLE)
    trusted = Role(name=arn.rpartition("/")[2], arn=arn, id="AROAEXAMPLEEXAMPLE01", trust=trust, path=path, **fields)
    return Account(ACCOUNT, roles={arn: trusted}, gaps=UNREAD)


def managed(document: Any, **fields: Any) -> Account:
    """Give an account with one managed policy and one user who has it."""
    alice = user("alice", attached=(POLICY,), **fields)
    held = ManagedPolicy(POLICY, "mfa", "v1", {"v1": document}, attachments=(alice.arn,))
    return Account(ACCOUNT, users={"alice": alice}, policies={POLICY: held}, gaps=UNREAD)


def user(name: str, **fields: Any) -> User:
    """Give a user."""
    path = fields.pop("path", "/")
    return User(
        name=name, arn=f"arn:aws:iam::{ACCOUNT}:user{path}{name}", id=f"AIDA{name.upper()}", path=path, **fields
    )


def carried(document: Any) -> Account:
    """Give an account with one managed policy, which a user and a role of a service have."""
    account = managed(document)
    held = account.policies[POLICY]._replace(attachments=(USER, ROLE))
    worker = role(policy(trusting({"Service": "ec2.amazonaws.com"}))).roles
    return account._replace(policies={POLICY: held}, roles=worker)


def with_inline(**documents: Any) -> Account:
    """Give an account with one user, who has these inline policies."""
    inline = tuple(InlinePolicy(name, document) for name, document in documents.items())
    return Account(ACCOUNT, users={"alice": user("alice", inline=inline)}, gaps=UNREAD)


def resource(document: Any) -> Account:
    """Give an account with one bucket, whose policy this is."""
    return Account(ACCOUNT, resource_policies=(ResourcePolicy(BUCKET, document),), gaps=UNREAD)


def scp(document: Any) -> Account:
    """Give an account under one service control policy."""
    return Account(ACCOUNT, organization_policies=(OrganizationPolicy("p-1", "mfa", document),), gaps=UNREAD)


def group(document: Any, *names: str) -> Account:
    """Give an account with a group that has an inline policy, and these users in it."""
    team = Group("team", f"arn:aws:iam::{ACCOUNT}:group/team", "AGPAEXAMPLE", inline=(InlinePolicy("mfa", document),))
    return Account(
        ACCOUNT, users={name: user(name, groups=("team",)) for name in names}, groups={"team": team}, gaps=UNREAD
    )


def found(account: Account, **options: Any) -> list[Finding]:
    """Run the rules on conditions, trust and guardrails."""
    context = AuditContext(account, AuditOptions(**options))
    return [
        one
        for module in (rules_condition, rules_trust, rules_guardrail)
        for one in module.check(context)
        if context.can_check(one.rule)
    ]


def rules(account: Account, **options: Any) -> list[str]:
    """Name the rules that found something, without MFA- before them."""
    return sorted(one.rule.replace("MFA-", "") for one in found(account, **options))


def only(account: Account, rule: str, **options: Any) -> Finding:
    """Give the one finding of a rule."""
    (one,) = [one for one in found(account, **options) if one.rule == f"MFA-{rule}"]
    return one


def of(effect: str, condition: Any, *more: Any) -> list[str]:
    """Name what is found in a user's policy with such a statement, and others."""
    return rules(managed(policy(statement(effect, condition), *more)))
