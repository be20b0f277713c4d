"""What the guardrails say: nothing that the collection's own audit would object to."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import (
    CONFIG_RULES,
    ENROLMENTS,
    SIGN_IN_PATTERN,
    Choices,
    config_rules_of,
    documents_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    Alarm,
    ConfigRule,
    Device,
    Group,
    ManagedPolicy,
    MetricFilter,
    OrganizationPolicy,
    User,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import audit
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditOptions

ID = "123456789012"
ABOUT = re.compile(r"MFA-[GCTS]\d\d")


def account(enrolment: str, partition: str) -> Account:
    """Return an account with the guardrails and a user who has them."""
    documents = documents_of(Choices(partition, enrolment, scp_exempt=(f"arn:{partition}:iam::*:user/deploy",)))
    arns = {part: f"arn:{partition}:iam::{ID}:policy/{part}" for part in ("self_management", "resync_only")}
    people = f"arn:{partition}:iam::{ID}:group/people"
    managed = {arn: ManagedPolicy(arn, part, "v1", {"v1": documents[part]}, (people,)) for part, arn in arns.items()}
    serial = f"arn:{partition}:iam::{ID}:mfa/alice"
    user = User(
        "alice", f"arn:{partition}:iam::{ID}:user/staff/alice", "AIDAALICE0EXAMPLE0001", "/staff/", ("people",),
        devices=(serial,), devices_complete=True, active_keys=1,
    )  # fmt: skip
    alarm = Alarm("alarm", enabled=True, actions=("arn:aws:sns:eu-west-1:1:topic",), subscribers=1)
    return Account(
        ID,
        partition,
        users={"alice": user},
        groups={"people": Group("people", people, "AGPAPEOPLE0EXAMPLE001", attached=tuple(arns.values()))},
        policies=managed,
        devices={serial: Device(serial, "virtual", "alice")},
        organization_policies=(OrganizationPolicy("p-1", "sensitive", documents["scp"], targets=("r-1",)),),
        config_rules=tuple(ConfigRule(one, one, "AWS", "ACTIVE") for one in config_rules_of(partition)),
        metric_filters=(MetricFilter("sign-in", SIGN_IN_PATTERN, "trail", alarms=(alarm,)),),
    )


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("enrolment", ENROLMENTS)
def test_the_audit_finds_nothing_in_an_account_that_has_them(enrolment: str, partition: str) -> None:
    found = [one for one in audit(account(enrolment, partition), AuditOptions()).findings if ABOUT.match(one.rule)]
    assert found == []


def test_the_audit_would_see_them_missing() -> None:
    empty = account("keys", "aws")._replace(config_rules=(), metric_filters=())
    assert {one.rule for one in audit(empty, AuditOptions()).findings} >= {"MFA-G06", "MFA-G07"}


def test_root_rules_are_where_aws_has_them() -> None:
    assert config_rules_of("aws") == list(CONFIG_RULES)
    for partition in ("aws-cn", "aws-us-gov"):
        assert config_rules_of(partition) == ["IAM_USER_MFA_ENABLED", "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS"]


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_sizes_are_within_the_quotas(partition: str) -> None:
    documents = documents_of(Choices(partition, "console"))
    sizes = {part: len(json.dumps(text, separators=(",", ":"))) for part, text in documents.items()}
    assert sizes["scp"] < 5120
    assert max(sizes.values()) < 6144


# --- the filter ------------------------------------------------------------------------------------------------------


def counts(pattern: str, record: dict[str, Any]) -> bool:
    """Judge a filter pattern of CloudWatch Logs on a record: && before ||, names and values by case."""

    def holds(match: re.Match[str]) -> str:
        value: Any = record
        for key in match[1].split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return "False"
        return str((value == match[3]) == (match[2] == "="))

    text = re.sub(r'\$\.([\w.]+) (!?=) "(\w+)"', holds, pattern.strip(" {}"))
    text = text.replace("&&", "and").replace("||", "or")
    assert re.fullmatch(r"(True|False|and|or|[() ])+", text), text
    return bool(eval(text))  # noqa: S307 - words of Python, by the line above


def sign_in(kind: str, mfa: str, result: str = "Success") -> dict[str, Any]:
    return {
        "eventName": "ConsoleLogin",
        "userIdentity": {"type": kind},
        "additionalEventData": {"MFAUsed": mfa},
        "responseElements": {"ConsoleLogin": result},
    }


@pytest.mark.parametrize(
    ("record", "counted"),
    [
        (sign_in("IAMUser", "No"), True),
        (sign_in("Root", "No"), True),
        (sign_in("IAMUser", "Yes"), False),
        (sign_in("Root", "Yes"), False),
        (sign_in("Root", "YES"), False),
        (sign_in("AssumedRole", "No"), False),  # IAM Identity Center, SAML
        (sign_in("FederatedUser", "No"), False),
        (sign_in("IAMUser", "No", "Failure"), False),
        ({**sign_in("IAMUser", "No"), "eventName": "CheckMfa"}, False),
    ],
)
def test_the_filter_counts_sign_ins_of_people_without_mfa(record: dict[str, Any], counted: bool) -> None:
    assert counts(SIGN_IN_PATTERN, record) is counted
