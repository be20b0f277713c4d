"""A snapshot becomes an account; what is missing is a gap, what is wrong is an error that says where."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import ROOT_USER, Alarm, CoverageGap
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot import (
    SNAPSHOT_PARTS,
    account_from_snapshot,
    parse_snapshot,
)

A = "123456789012"
IAM = f"arn:aws:iam::{A}:"
PHONE, LOOSE, ROOT = f"{IAM}mfa/phone", f"{IAM}mfa/loose", f"{IAM}mfa/root-account-mfa-device"
TOPIC = f"arn:aws:sns:eu-west-1:{A}:alarm"

DETAILS: dict[str, Any] = {
    "UserDetailList": [
        {
            "UserName": name,
            "Arn": f"{IAM}user/{name}",
            "UserId": f"AIDA{name.upper()}",
            "Path": "/",
            "CreateDate": "2024-01-01T00:00:00Z",
            "GroupList": ["staff"],
            "AttachedManagedPolicies": [{"PolicyName": "limit", "PolicyArn": f"{IAM}policy/limit"}],
        }
        for name in ("alice", "bob", "root")
    ],
    "GroupDetailList": [{"GroupName": "staff", "Arn": f"{IAM}group/staff", "GroupId": "AGPA1"}],
    "RoleDetailList": [
        {
            "RoleName": "ci",
            "Arn": f"{IAM}role/team/ci",
            "RoleId": "AROA1",
            "Path": "/team/",
            "AssumeRolePolicyDocument": "%7B%7D",
            "RolePolicyList": [{"PolicyName": "run", "PolicyDocument": {"Statement": []}}],
            "PermissionsBoundary": {
                "PermissionsBoundaryType": "Policy",
                "PermissionsBoundaryArn": f"{IAM}policy/limit",
            },
            "InstanceProfileList": [{"InstanceProfileName": "host"}],
        }
    ],
    "Policies": [
        {
            "PolicyName": "limit",
            "Arn": f"{IAM}policy/limit",
            "DefaultVersionId": "v2",
            "PolicyVersionList": [
                {"VersionId": "v2", "Document": {}, "IsDefaultVersion": True},
                {"VersionId": "v1", "Document": {}, "IsDefaultVersion": False},
            ],
        }
    ],
}
ROW = {"access_key_1_active": "false", "access_key_2_active": "false", "password_enabled": "true"}
WHOLE: dict[str, Any] = {
    "account_id": A,
    "partition": "aws",
    "collected_at": "2026-11-22T00:00:00Z",
    "authorization_details": DETAILS,
    "virtual_mfa_devices": [
        {"SerialNumber": PHONE, "User": {"UserName": "alice", "Arn": f"{IAM}user/alice"}, "EnableDate": "2025-01-01"},
        {"SerialNumber": LOOSE},
        {"SerialNumber": ROOT, "User": {"Arn": f"{IAM}root"}},
    ],
    "mfa_devices": {"alice": [{"SerialNumber": PHONE}, {"SerialNumber": "GAHT12345678"}], "bob": []},
    "credential_report": [
        {**ROW, "user": ROOT_USER, "mfa_active": "true", "access_key_1_active": "true"},
        {**ROW, "user": "alice", "mfa_active": "true"},
        {**ROW, "user": "bob", "mfa_active": "false"},
        {**ROW, "user": "root", "mfa_active": "false"},
    ],
    "account_summary": {"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0},
    "organization_policies": [{"Id": "p-1", "Name": "mfa", "Content": "{}", "Targets": [{"TargetId": "r-1"}, A]}],
    "trail_events": [{"eventName": "ConsoleLogin"}],
    "config_rules": [{"ConfigRuleName": "mfa", "Source": {"Owner": "AWS", "SourceIdentifier": "IAM_USER_MFA_ENABLED"}}],
    "metric_filters": [
        {
            "filterName": "logins",
            "filterPattern": "{ $.eventName = ConsoleLogin }",
            "logGroupName": "trail",
            "metricTransformations": [{"metricName": "Logins", "metricNamespace": "Watch"}],
        }
    ],
    "metric_alarms": [
        {"AlarmName": "logins", "MetricName": "Logins", "Namespace": "Watch", "AlarmActions": [TOPIC]},
        {"AlarmName": "other", "MetricName": "Other", "Namespace": "Watch", "AlarmActions": []},
    ],
    "alarm_topics": {
        TOPIC: [{"SubscriptionArn": f"{TOPIC}:1"}, {"SubscriptionArn": "PendingConfirmation"}],
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the snapshot with one value put in, or taken out (...)."""
    snapshot = copy.deepcopy(WHOLE)
    place: Any = snapshot
    *keys, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in keys:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return snapshot


def test_a_whole_snapshot_has_no_gap() -> None:
    account = account_from_snapshot(WHOLE)
    assert account.gaps == ()
    assert (account.account_id, account.partition, account.collected_at) == (A, "aws", "2026-11-22T00:00:00Z")
    assert set(SNAPSHOT_PARTS) == set(WHOLE) - {"account_id", "partition", "collected_at"}


def test_devices_and_who_holds_them() -> None:
    account = account_from_snapshot(WHOLE)
    assert {serial: (device.kind, device.user) for serial, device in account.devices.items()} == {
        PHONE: ("virtual", "alice"),
        LOOSE: ("virtual", None),
        ROOT: ("root", ROOT_USER),
        "GAHT12345678": ("hardware", "alice"),
    }
    assert account.users["alice"].devices == (PHONE, "GAHT12345678")
    # Nobody asked for the user root's devices, but the report says that there is none.
    assert {name: (user.devices_complete, user.has_mfa) for name, user in account.users.items()} == {
        "alice": (True, True), "bob": (True, False), "root": (True, False)
    }  # fmt: skip
    assert account.users["root"].devices == ()
    assert (account.root.mfa_enabled, account.root.active_keys, account.root.devices) == (True, False, (ROOT,))


def test_root_from_the_report_where_there_is_no_summary() -> None:
    root = account_from_snapshot(changed("account_summary", None)).root
    assert (root.mfa_enabled, root.active_keys) == (True, True)


def test_policies_and_who_carries_them() -> None:
    account = account_from_snapshot(WHOLE)
    policy = account.policies[f"{IAM}policy/limit"]
    assert (policy.default, sorted(policy.versions)) == ("v2", ["v1", "v2"])
    assert policy.attachments == tuple(user.arn for user in account.users.values())
    assert policy.bounds == (f"{IAM}role/team/ci",)
    role = account.roles[f"{IAM}role/team/ci"]
    assert (role.trust, role.path, role.instance_profiles) == ("%7B%7D", "/team/", ("host",))


def test_alarms_are_joined_to_the_filters_whose_metric_they_watch() -> None:
    (item,) = account_from_snapshot(WHOLE).metric_filters
    assert item.alarms == (Alarm("logins", enabled=True, actions=(TOPIC,), subscribers=1),)


@pytest.mark.parametrize(
    ("path", "value", "alarms"),
    [
        ("metric_alarms", None, None),
        ("metric_alarms", [], ()),
        ("alarm_topics", None, (Alarm("logins", enabled=True, actions=(TOPIC,)),)),
        ("alarm_topics", {}, (Alarm("logins", enabled=True, actions=(TOPIC,)),)),
        ("alarm_topics", {TOPIC: []}, (Alarm("logins", enabled=True, actions=(TOPIC,), subscribers=0),)),
        ("metric_alarms/0/ActionsEnabled", False, (Alarm("logins", enabled=False, actions=(TOPIC,), subscribers=1),)),
        ("metric_alarms/0/AlarmArn", f"arn:aws:cloudwatch:us-east-1:{A}:alarm:logins", ()),
    ],
)
def test_what_is_known_of_alarms(path: str, value: Any, alarms: tuple[Alarm, ...] | None) -> None:
    snapshot = changed(path, value)
    snapshot["metric_filters"][0]["region"] = "eu-west-1"
    (item,) = account_from_snapshot(snapshot).metric_filters
    assert item.alarms == alarms


def test_an_alarm_on_a_sum_of_metrics_watches_each() -> None:
    metric = {"Namespace": "Watch", "MetricName": "Logins"}
    queries = [{"Id": "all", "Expression": "SUM(METRICS())"}, {"Id": "m1", "MetricStat": {"Metric": metric}}]
    snapshot = changed("metric_alarms", [{"AlarmName": "sum", "Metrics": queries}])
    (item,) = account_from_snapshot(snapshot).metric_filters
    assert [alarm.name for alarm in item.alarms or ()] == ["sum"]


@pytest.mark.parametrize("part", SNAPSHOT_PARTS)
@pytest.mark.parametrize("value", [..., None])
def test_a_missing_part_is_a_gap(part: str, value: Any) -> None:
    gaps = account_from_snapshot(changed(part, value)).gaps
    assert CoverageGap(part, "not in the snapshot") in gaps


def test_a_gap_of_the_collection_is_kept_and_not_told_twice() -> None:
    snapshot = changed("config_rules", ...)
    snapshot["coverage_gaps"] = [
        {"part": "config_rules", "reason": "refused", "api": "config:DescribeConfigRules", "code": "AccessDenied"},
        {"part": "mfa_devices", "reason": "gone", "subject": "bob"},
    ]
    del snapshot["mfa_devices"]["bob"]
    snapshot["credential_report"] = []
    assert account_from_snapshot(snapshot).gaps == (
        CoverageGap("config_rules", "refused", (), "config:DescribeConfigRules", "AccessDenied"),
        CoverageGap("mfa_devices", "gone", subject="bob"),
    )


def test_a_bare_output_is_accepted_and_everything_else_unknown() -> None:
    account = account_from_snapshot(DETAILS)
    assert account.account_id == A
    assert len(account.roles) == 1
    assert {gap.part for gap in account.gaps} >= set(SNAPSHOT_PARTS) - {"authorization_details"}
    assert "authorization_details" not in {gap.part for gap in account.gaps}
    assert {user.has_mfa for user in account.users.values()} == {None}


def test_a_missing_list_makes_the_part_a_gap() -> None:
    gaps = account_from_snapshot(changed("authorization_details/GroupDetailList", ...)).gaps
    assert gaps == (CoverageGap("authorization_details", "it has no GroupDetailList"),)


def test_users_nobody_asked_for_are_a_gap() -> None:
    snapshot = changed("mfa_devices/alice", ...)
    assert [gap.reason for gap in account_from_snapshot(snapshot).gaps] == [
        "the devices of 1 user (alice) were not listed; they may hold more"
    ]


def test_a_device_newer_than_the_report_leaves_the_user_open() -> None:
    snapshot = changed("virtual_mfa_devices/1/User", {"UserName": "root", "Arn": f"{IAM}user/root"})
    user = account_from_snapshot(snapshot).users["root"]
    assert (user.devices, user.devices_complete, user.has_mfa) == ((LOOSE,), False, True)


def test_an_attached_policy_without_its_text_is_a_gap() -> None:
    (gap,) = account_from_snapshot(changed("authorization_details/Policies", [])).gaps
    reason = f"the text of 1 attached policy ({IAM}policy/limit) is not known"
    assert gap == CoverageGap("authorization_details", reason, subject="Policies")


def test_what_aws_own_policies_say_is_no_gap() -> None:
    path = "authorization_details/GroupDetailList/0/AttachedManagedPolicies"
    snapshot = changed(path, [{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}])
    assert account_from_snapshot(snapshot).gaps == ()


@pytest.mark.parametrize(
    ("part", "wrapped"),
    [
        ("virtual_mfa_devices", {"VirtualMFADevices": WHOLE["virtual_mfa_devices"], "IsTruncated": False}),
        ("mfa_devices", {user: {"MFADevices": held} for user, held in WHOLE["mfa_devices"].items()}),
        ("account_summary", {"SummaryMap": WHOLE["account_summary"]}),
        ("config_rules", {"ConfigRules": WHOLE["config_rules"]}),
        ("metric_filters", {"metricFilters": WHOLE["metric_filters"]}),
        ("metric_alarms", {"MetricAlarms": WHOLE["metric_alarms"], "CompositeAlarms": []}),
        ("alarm_topics", {TOPIC: {"Subscriptions": WHOLE["alarm_topics"][TOPIC]}}),
        ("trail_events", {"Records": WHOLE["trail_events"]}),
        ("trail_events", {"Events": [{"CloudTrailEvent": json.dumps(WHOLE["trail_events"][0])}]}),
    ],
)
def test_what_a_command_prints_around_a_list_is_taken_off(part: str, wrapped: Any) -> None:
    assert account_from_snapshot(changed(part, wrapped)) == account_from_snapshot(WHOLE)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("authorization_details", [], "authorization_details is an array, an object is needed"),
        ("authorization_details/IsTruncated", True, r"authorization_details is only the first part .*IsTruncated"),
        ("authorization_details/NextToken", "x", "collect all of its pages"),
        ("authorization_details/RoleDetailList", {}, r"authorization_details\.RoleDetailList is an object"),
        ("authorization_details/RoleDetailList/0", 7, r"authorization_details\.RoleDetailList\[0\] is a number"),
        ("authorization_details/RoleDetailList/0/RoleName", ..., r"RoleDetailList\[0\]\.RoleName is missing"),
        ("authorization_details/RoleDetailList/0/RoleName", "", r"RoleName is empty"),
        ("authorization_details/RoleDetailList/0/AssumeRolePolicyDocument", ..., "AssumeRolePolicyDocument is missing"),
        ("authorization_details/RoleDetailList/0/Arn", "arn:aws:s3:::x", "the ARN of something in IAM is needed"),
        ("authorization_details/RoleDetailList/0/Arn", "arn:aws:iam::210987654321:role/ci", "mixes several accounts"),
        ("authorization_details/RoleDetailList/0/PermissionsBoundary", "x", "PermissionsBoundary is a text"),
        ("authorization_details/UserDetailList/1/GroupList/0", 7, r"UserDetailList\[1\]\.GroupList\[0\] is a number"),
        ("authorization_details/Policies/0/DefaultVersionId", "v9", "does not have the version in force, v9"),
        ("virtual_mfa_devices", {"VirtualMFADevices": [], "Marker": "x"}, "virtual_mfa_devices is only the first part"),
        ("virtual_mfa_devices/0/SerialNumber", None, r"virtual_mfa_devices\[0\]\.SerialNumber is null"),
        ("virtual_mfa_devices/0/User/UserName", ..., r"virtual_mfa_devices\[0\]\.UserName is missing"),
        ("mfa_devices", [], "mfa_devices is an array"),
        ("mfa_devices/alice/1", "x", r"mfa_devices\['alice'\]\[1\] is a text"),
        ("account_summary/AccountMFAEnabled", "1", r"account_summary\.AccountMFAEnabled is a text"),
        ("credential_report", "user,arn\n", "credential_report is no credential report"),
        ("organization_policies/0/Content", ..., r"organization_policies\[0\]\.Content is missing"),
        ("trail_events", [{"CloudTrailEvent": "{"}], r"trail_events\[0\]\.CloudTrailEvent is not JSON"),
        ("config_rules/0", {}, r"config_rules\[0\]\.ConfigRuleName is missing"),
        ("alarm_topics", {TOPIC: 1}, r"alarm_topics\['arn.*'\] is a number"),
        ("coverage_gaps", [{}], r"coverage_gaps\[0\]\.part is missing"),
        ("account_id", "210987654321", f"account_id is 210987654321, but authorization_details is of account {A}"),
    ],
)
def test_a_malformed_part_is_an_error_that_names_the_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(IamError, match=f"^The snapshot cannot be used: .*{message}"):
        account_from_snapshot(changed(path, value))


@pytest.mark.parametrize("snapshot", [{}, {"findings": []}])
def test_something_else_is_no_snapshot(snapshot: dict[str, Any]) -> None:
    with pytest.raises(IamError, match="neither authorization_details nor another part"):
        account_from_snapshot(snapshot)


def test_an_account_without_anything_in_it_has_no_name() -> None:
    account = account_from_snapshot({"account_summary": {}})
    assert account.account_id == ""
    assert "account_id" in {gap.part for gap in account.gaps}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"ends too early.*Collect it again"),
        (json.dumps(WHOLE)[:-3], "ends too early"),
        (json.dumps(WHOLE)[:500], "not JSON"),
        ('{"account_id": }', r"not JSON: .*column 16"),
        ("[]", "is an array, an object is needed"),
        ("[" * 100000, "nested deeper"),
    ],
)
def test_a_file_that_holds_no_snapshot(content: str, message: str) -> None:
    with pytest.raises(IamError, match=message):
        parse_snapshot(content)


def test_a_file_with_a_byte_order_mark() -> None:
    assert parse_snapshot("\ufeff" + json.dumps(WHOLE)) == WHOLE


def test_a_number_that_python_does_not_read_is_an_error_and_no_crash() -> None:
    with pytest.raises(IamError, match=r"^The snapshot holds what AWS never answers: .*4300 digits"):
        parse_snapshot('{"account_id": ' + "9" * 5000 + "}")


@pytest.mark.parametrize(
    "less",
    [
        {"authorization_details": {key: value for key, value in DETAILS.items() if key != "UserDetailList"}},
        {"coverage_gaps": [{"part": "authorization_details", "reason": "denied after 1000 entries"}]},
    ],
)
def test_where_not_all_users_are_known_neither_are_the_devices(less: dict[str, Any]) -> None:
    gaps = {(gap.part, gap.subject) for gap in account_from_snapshot({**WHOLE, **less}).gaps}
    assert gaps == {("authorization_details", ""), ("mfa_devices", "")}
