"""Collecting an account over real HTTP: the same account whatever the pages, the refusals and the throttling."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions, collect
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.session import AwsError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account, Root
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import audit, coverage_to_dict
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot import (
    account_from_snapshot,
    parse_snapshot,
)

from tests.fakes.aws import ACCOUNT, FakeAws
from tests.fakes.aws.wire import Answer

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        }
    ],
}
GRANT = {"Version": "2012-10-17", "Statement": [{"Sid": "Läuft", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
WIDER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ROLES = 11
NO_TRAIL = CollectOptions()


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        people(aws)
        policies(aws)
        monitoring(aws)
        aws.events = [assume_role("gone", "AccessDenied"), assume_role("alice", ""), assume_role("", ""), login()]
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> FakeAws:
    server.forget()
    server.page_size = 1000
    server.first_page_empty = False
    return server


@pytest.fixture(scope="module")
def whole(server: FakeAws) -> dict[str, Any]:
    """Return what is collected when nothing is in the way."""
    server.forget()
    return collect(server.client, NO_TRAIL)


def people(aws: FakeAws) -> None:
    iam = aws.client("iam")
    for name in ("alice", "bob", "carol", "dave", "erin"):
        iam.create_user(UserName=name, Tags=[{"Key": "phone", "Value": "555-0100"}])
    for name in ("alice", "carol"):
        iam.create_login_profile(UserName=name, Password="correct-horse-battery")  # noqa: S106
    iam.create_access_key(UserName="dave")
    aws.virtual_device("alice", "phone", "/staff/")
    aws.hardware_device("bob", "GAHT12345678")
    aws.fido_device("erin", "key-AAAABBBB")
    iam.create_virtual_mfa_device(VirtualMFADeviceName="left-over")
    iam.create_virtual_mfa_device(VirtualMFADeviceName="root-account-mfa-device")
    # No API of IAM gives root a device.
    device = aws.iam.virtual_mfa_devices[f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"]
    device.user = {"UserId": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}  # type: ignore[assignment]


def policies(aws: FakeAws) -> None:
    iam = aws.client("iam")
    for number in range(ROLES):
        iam.create_role(RoleName=f"role-{number}", Path="/team/", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="role-3", PolicyName="grant", PolicyDocument=json.dumps(GRANT))
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=json.dumps(GRANT))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=json.dumps(WIDER), SetAsDefault=True)
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=json.dumps(GRANT))["Policy"]["Arn"]
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="alice")
    iam.attach_group_policy(GroupName="staff", PolicyArn=managed)
    iam.attach_role_policy(RoleName="role-5", PolicyArn=managed)
    iam.put_role_permissions_boundary(RoleName="role-5", PermissionsBoundary=bound)
    iam.create_instance_profile(InstanceProfileName="host")
    iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="role-1")
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    scp = organizations.create_policy(
        Name="mfa", Description="x", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(GRANT)
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=scp, TargetId=root)


def monitoring(aws: FakeAws) -> None:
    aws.client("config").put_config_rule(
        ConfigRule={
            "ConfigRuleName": "mfa",
            "Source": {"Owner": "AWS", "SourceIdentifier": "IAM_USER_MFA_ENABLED"},
        }
    )
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="trail")
    for name, pattern in (("logins", "{ $.eventName = ConsoleLogin }"), ("errors", "ERROR")):
        metric = {"metricName": name, "metricNamespace": "Watch", "metricValue": "1"}
        logs.put_metric_filter(
            logGroupName="trail", filterName=name, filterPattern=pattern, metricTransformations=[metric]
        )
    sns = aws.client("sns")
    topic = sns.create_topic(Name="alarm")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@example.com")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="logins",
        MetricName="logins",
        Namespace="Watch",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[topic],
    )


def assume_role(device: str, error: str) -> dict[str, Any]:
    serial = {"serialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/{device}"} if device else {}
    return {
        "eventName": "AssumeRole",
        "eventTime": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accessKeyId": "AKIAI44QH8DHBEXAMPLE"},
        "requestParameters": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/role-1", **serial},
        "sourceIPAddress": "192.0.2.7",
        **({"errorCode": error} if error else {}),
    }


def login() -> dict[str, Any]:
    return {
        "eventName": "ConsoleLogin",
        "additionalEventData": {"MFAUsed": "YES", "LoginTo": "https://console.example.com/secret"},
        "responseElements": {"ConsoleLogin": "Failure"},
    }


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=_written))


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode()


def by_hand(aws: FakeAws) -> dict[str, Any]:
    """Put together what the commands print, without the code under test."""
    iam, scps = aws.client("iam"), aws.client("organizations")
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    topic = alarms[0]["AlarmActions"][0]
    policies = [
        {
            **summary,
            "Content": scps.describe_policy(PolicyId=summary["Id"])["Policy"]["Content"],
            "Targets": scps.list_targets_for_policy(PolicyId=summary["Id"])["Targets"],
        }
        for summary in scps.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        if not summary["AwsManaged"]
    ]
    iam.generate_credential_report()
    return plain(
        {
            "authorization_details": iam.get_account_authorization_details(MaxItems=1000),
            "virtual_mfa_devices": iam.list_virtual_mfa_devices()["VirtualMFADevices"],
            "mfa_devices": {name: iam.list_mfa_devices(UserName=name)["MFADevices"] for name in aws.iam.users},
            "account_summary": iam.get_account_summary(),
            "credential_report": iam.get_credential_report(),
            "organization_policies": policies,
            "config_rules": aws.client("config").describe_config_rules(),
            "metric_filters": aws.client("logs").describe_metric_filters(metricName="logins", metricNamespace="Watch"),
            "metric_alarms": alarms,
            "alarm_topics": {topic: aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]},
        }
    )


def comparable(account: Account) -> Account:
    """Leave out what depends on the moment, and where a region is only known to who asked there."""
    filters = tuple(item._replace(region="") for item in account.metric_filters)
    return account._replace(collected_at=None, gaps=(), metric_filters=filters)


@pytest.mark.parametrize(("page_size", "first_page_empty"), [(1000, False), (3, False), (1, True)])
def test_live_collection_equals_the_snapshot_route(aws: FakeAws, page_size: int, first_page_empty: bool) -> None:
    expected = account_from_snapshot(parse_snapshot(json.dumps(by_hand(aws))))
    aws.page_size, aws.first_page_empty = page_size, first_page_empty

    snapshot = collect(aws.client, NO_TRAIL)
    account = account_from_snapshot(parse_snapshot(json.dumps(snapshot)))

    assert comparable(account) == comparable(expected)
    assert [(gap.part, gap.reason) for gap in account.gaps] == [("trail_events", "not asked for")]
    assert [(gap.part, gap.reason) for gap in expected.gaps] == [("trail_events", "not in the snapshot")]


def test_the_account_is_what_was_put_into_it(aws: FakeAws) -> None:
    account = account_from_snapshot(collect(aws.client, NO_TRAIL))
    phone = f"arn:aws:iam::{ACCOUNT}:mfa/staff/phone"
    key = f"arn:aws:iam::{ACCOUNT}:u2f/user/erin/key-AAAABBBB"
    root = f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"

    assert {name: user.devices for name, user in account.users.items()} == {
        "alice": (phone,), "bob": ("GAHT12345678",), "carol": (), "dave": (), "erin": (key,)
    }  # fmt: skip
    assert {name: (user.password, user.active_keys, user.has_mfa) for name, user in account.users.items()} == {
        "alice": (True, 0, True), "bob": (False, 0, True), "carol": (True, 0, False), "dave": (False, 1, False),
        "erin": (False, 0, True),
    }  # fmt: skip
    assert all(user.devices_complete for user in account.users.values())
    assert account.root == Root(mfa_enabled=False, active_keys=False, devices=(root,))
    assert account.devices[f"arn:aws:iam::{ACCOUNT}:mfa/left-over"].user is None
    managed = account.policies[f"arn:aws:iam::{ACCOUNT}:policy/managed"]
    assert (managed.default, sorted(managed.versions)) == ("v2", ["v1", "v2"])
    assert len(managed.attachments) == 2
    (watched,) = account.metric_filters
    assert watched.name == "logins"
    assert watched.alarms is not None
    assert [(alarm.name, alarm.subscribers) for alarm in watched.alarms] == [("logins", 1)]
    assert [rule.identifier for rule in account.config_rules] == ["IAM_USER_MFA_ENABLED"]
    kinds = sorted({ref.kind.partition("@")[0] for ref in account.documents()})
    assert kinds == [
        "boundary", "inline:grant", f"managed:{managed.arn}", f"scp:{account.organization_policies[0].id}", "trust"
    ]  # fmt: skip


def test_nothing_that_is_a_secret_or_nobodys_business_is_in_the_snapshot(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(aws, "_clock", clock.read)
    snapshot = collect(aws.client, CollectOptions(trail_hours=1), sleep=clock.sleep)
    text = json.dumps(snapshot)
    assert snapshot["trail_events"]
    seeds = [device.base32_string_seed for device in aws.iam.virtual_mfa_devices.values()]
    keys = [key.access_key_id for key in aws.iam.users["dave"].access_keys]
    assert len(seeds) == 3
    assert len(keys) == 1
    for secret in (*seeds, *keys, "Base32StringSeed", "555-0100", "oncall@example.com", "accessKeyId", "192.0.2.7"):
        assert secret not in text


@pytest.mark.parametrize("page_size", [1000, 4])
def test_no_more_calls_than_pages_and_users_who_may_hold_a_device(aws: FakeAws, page_size: int) -> None:
    aws.client("iam").generate_credential_report()
    aws.forget()
    aws.page_size = page_size

    snapshot = collect(aws.client, NO_TRAIL)

    entries = sum(map(len, snapshot["authorization_details"].values()))
    assert entries > ROLES
    constant = {
        "sts:GetCallerIdentity": 1,
        "iam:GenerateCredentialReport": 1,
        "iam:GetCredentialReport": 1,
        "iam:GetAccountSummary": 1,
        "organizations:ListPolicies": 1,
        "organizations:DescribePolicy": 1,
        "organizations:ListTargetsForPolicy": 1,
        "config:DescribeConfigRules": 1,
        "logs:DescribeMetricFilters": 1,
        "cloudwatch:DescribeAlarmsForMetric": 1,
        "sns:ListSubscriptionsByTopic": 1,
    }
    assert snapshot["api_calls"] == {
        **constant,
        "iam:GetAccountAuthorizationDetails": -(-entries // page_size),
        "iam:ListVirtualMFADevices": 1,
        "iam:ListMFADevices": 4,
    }
    assert snapshot["api_calls"] == {api: aws.count(api) for api in {asked.api for asked in aws.requests}}
    # dave has no password, and the report says that he has no device; carol's finding is not left to an old report.
    asked = [request.parameters["UserName"] for request in aws.requests if request.api == "iam:ListMFADevices"]
    assert sorted(asked) == ["alice", "bob", "carol", "erin"]


def test_throttling_is_survived_and_counted(aws: FakeAws, whole: dict[str, Any]) -> None:
    aws.throttle("iam:GetAccountAuthorizationDetails", 2)
    aws.throttle("iam:ListMFADevices", 1, UserName="bob")
    aws.throttle("config:DescribeConfigRules", 1)

    snapshot = collect(aws.client, NO_TRAIL)

    assert comparable(account_from_snapshot(snapshot)) == comparable(account_from_snapshot(whole))
    assert snapshot["api_retries"] == 4
    assert whole["api_retries"] == 0
    assert snapshot["coverage_gaps"] == whole["coverage_gaps"]


def test_throttling_without_end_is_a_gap(aws: FakeAws) -> None:
    aws.throttle("iam:GetAccountSummary", 99)
    snapshot = collect(aws.client, CollectOptions(attempts=2))
    (gap,) = [gap for gap in snapshot["coverage_gaps"] if gap["part"] == "account_summary"]
    assert (gap["api"], gap["code"]) == ("iam:GetAccountSummary", "Throttling")
    assert aws.count("iam:GetAccountSummary") == 2


@pytest.mark.parametrize(
    ("api", "code", "parts"),
    [
        ("iam:GetAccountAuthorizationDetails", "AccessDenied", {"authorization_details", "mfa_devices"}),
        ("iam:ListVirtualMFADevices", "AccessDenied", {"virtual_mfa_devices"}),
        ("iam:ListMFADevices", "AccessDenied", {"mfa_devices"}),
        ("iam:GetAccountSummary", "ServiceFailure", {"account_summary"}),
        ("iam:GenerateCredentialReport", "AccessDenied", {"credential_report"}),
        ("iam:GetCredentialReport", "AccessDenied", {"credential_report"}),
        ("organizations:ListPolicies", "AccessDeniedException", {"organization_policies"}),
        ("organizations:DescribePolicy", "AccessDeniedException", {"organization_policies"}),
        ("organizations:ListTargetsForPolicy", "AccessDeniedException", {"organization_policies"}),
        ("config:DescribeConfigRules", "AccessDeniedException", {"config_rules"}),
        ("logs:DescribeMetricFilters", "AccessDeniedException", {"metric_filters", "metric_alarms", "alarm_topics"}),
        ("cloudwatch:DescribeAlarmsForMetric", "AccessDenied", {"metric_alarms", "alarm_topics"}),
        ("sns:ListSubscriptionsByTopic", "AuthorizationError", {"alarm_topics"}),
    ],
)
def test_a_denied_call_is_a_gap_and_the_rest_goes_on(
    aws: FakeAws, whole: dict[str, Any], api: str, code: str, parts: set[str]
) -> None:
    aws.deny(api, code=code)

    snapshot = collect(aws.client, CollectOptions(attempts=1))

    account = account_from_snapshot(snapshot)
    gaps = [gap for gap in account.gaps if gap.part != "trail_events"]
    assert {gap.part for gap in gaps} == parts
    assert {(gap.api, gap.code) for gap in gaps if gap.api} == {(named(api), code)}
    # A gap with a subject leaves the rest of its part known; only these two are about one thing among many.
    assert all(gap.subject == "" or gap.part in ("organization_policies", "alarm_topics") for gap in gaps)
    assert_open(account, parts)
    unharmed = set(whole) - parts - {"collected_at", "coverage_gaps", "api_calls", "api_retries", "mfa_devices"}
    assert {part: snapshot[part] for part in unharmed} == {part: whole[part] for part in unharmed}


def assert_open(account: Account, parts: set[str]) -> None:
    """Every rule that looks at what was not read is unknown, with no finding, or partial; and nothing is green."""
    report = audit(account, AuditOptions())
    coverage = coverage_to_dict(report.coverage)
    status = {rule: state for state in ("unknown", "partial") for rule in coverage["rules"][state]}
    whole_parts = {gap.part for gap in account.gaps if not gap.subject} & parts
    looking = {rule.id for rule in RULES.values() if parts & {*rule.needs, *rule.also}}
    not_given = set(coverage["rules"]["not_given"])
    assert looking - not_given <= set(status)
    needing = {rule.id for rule in RULES.values() if whole_parts & set(rule.needs)}
    assert {rule for rule, state in status.items() if state == "unknown"} == needing
    assert needing & {found.rule for found in report.findings} == set()
    assert coverage["complete"] is False


def named(api: str) -> str:
    # The report is started and fetched in one go.
    return "iam:GetCredentialReport" if api == "iam:GenerateCredentialReport" else api


def answer_instead(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, api: str, content: bytes) -> None:
    """Let something on the way answer one call of IAM with 200 and a page of its own."""
    answer = aws._answer

    def other(environ: dict[str, Any], call: Any, body: bytes, request_id: str) -> Any:
        if call.asked.api == f"iam:{api}":
            return Answer(200, "text/xml", content), {}
        return answer(environ, call, body, request_id)

    monkeypatch.setattr(aws, "_answer", other)


def report_answer(csv: bytes) -> bytes:
    space = "https://iam.amazonaws.com/doc/2010-05-08/"
    return (
        f'<GetCredentialReportResponse xmlns="{space}"><GetCredentialReportResult>'
        f"<Content>{base64.b64encode(csv).decode()}</Content><ReportFormat>text/csv</ReportFormat>"
        "</GetCredentialReportResult></GetCredentialReportResponse>"
    ).encode()


@pytest.mark.parametrize(
    ("api", "content", "part", "reason"),
    [
        ("GetAccountSummary", b"<html>Sign in to the guest network", "account_summary", "ResponseParserError"),
        ("GetAccountSummary", b"<a><GetAccountSummaryResult/></a>", "account_summary", "SummaryMap"),
        ("GetCredentialReport", report_answer(b"user,arn\nalice,x\n"), "credential_report", "no column"),
        ("GetCredentialReport", report_answer(b"\xff\xfe\xfd"), "credential_report", "utf-8"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_gap_and_no_crash(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, api: str, content: bytes, part: str, reason: str
) -> None:
    answer_instead(aws, monkeypatch, api, content)
    snapshot = collect(aws.client, CollectOptions(attempts=1))
    (gap,) = [gap for gap in snapshot["coverage_gaps"] if gap["part"] != "trail_events"]
    assert (gap["part"], gap["api"]) == (part, f"iam:{api}")
    assert reason in gap["reason"]
    assert part not in snapshot


def test_a_region_named_twice_is_read_once(aws: FakeAws) -> None:
    collect(aws.client, CollectOptions(regions=("us-east-1", "us-east-1")))
    assert aws.count("config:DescribeConfigRules") == 1


def test_one_region_refused_leaves_the_whole_part_open_and_the_other_regions_read(aws: FakeAws) -> None:
    aws.deny("config:DescribeConfigRules", region="eu-west-1")
    account = account_from_snapshot(collect(aws.client, CollectOptions(regions=("us-east-1", "eu-west-1"))))
    (gap,) = [gap for gap in account.gaps if gap.part == "config_rules"]
    assert gap.subject == ""
    assert "(in eu-west-1)" in gap.reason
    assert [(rule.name, rule.region) for rule in account.config_rules] == [("mfa", "us-east-1")]


def test_a_listing_that_breaks_off_keeps_what_came_and_is_a_gap(aws: FakeAws) -> None:
    aws.page_size = 7
    aws.deny("iam:GetAccountAuthorizationDetails", Marker=base64.b64encode(b"14").decode())
    account = account_from_snapshot(collect(aws.client, NO_TRAIL))
    (gap,) = [gap for gap in account.gaps if gap.part == "authorization_details"]
    assert "after 14 entries" in gap.reason
    assert len(account.users) + len(account.groups) + len(account.roles) == 14
    # Who was not listed was not asked for devices either.
    assert [gap.subject for gap in account.gaps if gap.part == "mfa_devices"] == [""]


def test_one_user_refused_is_a_gap_of_its_own_and_never_without_mfa(aws: FakeAws) -> None:
    aws.deny("iam:ListMFADevices", UserName="bob")
    account = account_from_snapshot(collect(aws.client, NO_TRAIL))
    (gap,) = [gap for gap in account.gaps if gap.part == "mfa_devices"]
    assert (gap.subject, gap.code) == ("bob", "AccessDenied")
    assert account.users["bob"].devices == ()
    assert account.users["bob"].has_mfa is True  # the report says so, if not with which device
    assert account.users["erin"].devices_complete


def test_a_user_who_is_gone_is_a_gap(aws: FakeAws) -> None:
    aws.deny("iam:ListMFADevices", code="NoSuchEntity", status=404, UserName="carol")
    account = account_from_snapshot(collect(aws.client, CollectOptions(attempts=1)))
    (gap,) = [gap for gap in account.gaps if gap.part == "mfa_devices"]
    assert (gap.subject, gap.code) == ("carol", "NoSuchEntity")
    assert "gone" in gap.reason


def test_when_a_whole_round_is_refused_nobody_else_is_asked(aws: FakeAws) -> None:
    aws.deny("iam:ListMFADevices")
    aws.deny("iam:GetCredentialReport")
    snapshot = collect(aws.client, CollectOptions(workers=1))
    assert aws.count("iam:ListMFADevices") == 4
    assert "erin: not asked" in " ".join(gap["reason"] for gap in snapshot["coverage_gaps"])


def test_without_credentials_nothing_is_collected_and_the_error_says_why(aws: FakeAws) -> None:
    aws.deny("sts:GetCallerIdentity", code="InvalidClientTokenId")
    with pytest.raises(AwsError, match=r"sts:GetCallerIdentity failed: InvalidClientTokenId.*check the credentials"):
        collect(aws.client, NO_TRAIL)
    assert {asked.api for asked in aws.requests} == {"sts:GetCallerIdentity"}


class Clock:
    """Goes on when somebody sleeps, and never else."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_trail_events_are_read_no_faster_than_cloudtrail_allows(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(aws, "_clock", clock.read)
    snapshot = collect(aws.client, CollectOptions(trail_hours=24), sleep=clock.sleep)
    assert snapshot["api_retries"] == 0
    assert [event["eventName"] for event in snapshot["trail_events"]] == ["ConsoleLogin", "AssumeRole", "AssumeRole"]
    assert snapshot["trail_events"][0]["additionalEventData"] == {"MFAUsed": "YES"}
    assert snapshot["trail_events"][1]["requestParameters"]["serialNumber"] == f"arn:aws:iam::{ACCOUNT}:mfa/gone"
    assert not [gap for gap in snapshot["coverage_gaps"] if gap["part"] == "trail_events"]
    assert {asked.region for asked in aws.requests if asked.api == "cloudtrail:LookupEvents"} == {"us-east-1"}


def test_a_record_that_makes_no_sense_is_a_gap_and_the_others_are_kept(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(aws, "_clock", clock.read)
    odd = {"eventName": "AssumeRole", "requestParameters": "HIDDEN", "responseElements": None}
    monkeypatch.setattr(aws, "events", [odd, assume_role("gone", "AccessDenied")])
    dumps = json.dumps
    monkeypatch.setattr(json, "dumps", lambda value, **more: "{" if value == odd else dumps(value, **more))
    snapshot = collect(aws.client, CollectOptions(trail_hours=24), sleep=clock.sleep)
    assert [event["eventName"] for event in snapshot["trail_events"]] == ["AssumeRole"]
    (gap,) = [gap for gap in snapshot["coverage_gaps"] if gap["part"] == "trail_events"]
    assert (gap["subject"], gap["reason"]) == ("AssumeRole", "1 record could not be read")


def test_a_record_whose_parameters_are_hidden_is_no_crash(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(aws, "_clock", clock.read)
    hidden = {"eventName": "AssumeRole", "requestParameters": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    monkeypatch.setattr(aws, "events", [hidden])
    snapshot = collect(aws.client, CollectOptions(trail_hours=24), sleep=clock.sleep)
    assert snapshot["trail_events"] == []


def test_trail_events_beyond_the_limit_are_a_gap(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(aws, "_clock", clock.read)
    monkeypatch.setattr(aws, "events", [login() for _number in range(120)])
    snapshot = collect(aws.client, CollectOptions(trail_hours=24, trail_pages=2), sleep=clock.sleep)
    assert len(snapshot["trail_events"]) == 100
    (gap,) = [gap for gap in snapshot["coverage_gaps"] if gap["part"] == "trail_events"]
    assert (gap["subject"], gap["reason"]) == ("ConsoleLogin", "only the newest 100 events were read")
