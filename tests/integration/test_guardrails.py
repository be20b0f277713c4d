"""The guardrails on the double, where policies bind: what they stop, what they spare, and what takes them away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.scp import ScpCalls
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import Choices, documents_of
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.dry_run import dry_run
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_ports import read_files
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.digest import digest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._scp import ScpPorts, run_scp
from botocore.exceptions import ClientError

from tests.fakes.aws import ACCOUNT, FakeAws, Keys
from tests.fakes.aws.policy import decide
from tests.integration.playbooks import PLAYBOOKS, Run, ansible_playbook, inventory_of
from tests.integration.trails import cannot_deliver, trail_into
from tests.rigs.iam_rules import MISTAKES, policy

POLICY = json.loads((PLAYBOOKS / "policies" / "guardrails.json").read_text(encoding="utf-8"))
ALL = "self_management,resync_only,scp,config_rules,login_alarm"
NAME = "softtoken-mfa-sign-in-without-mfa"
THEIRS = f"arn:aws:sns:us-east-1:{ACCOUNT}:theirs"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}],
}  # fmt: skip
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# Whoever may call them, or no policy has a say: nothing that a policy has to name.
FREE = {"sts:GetCallerIdentity"}


class Site:
    """An account of an organization, with what the guardrails stand on, and somebody who may apply them and no more."""

    def __init__(self, aws: FakeAws, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws = aws
        self.folder = folder
        aws.client("logs").create_log_group(logGroupName="trail")
        trail_into(aws, "trail", "main")
        recorder = {"name": "default", "roleARN": f"arn:aws:iam::{ACCOUNT}:role/config"}
        aws.client("config").put_configuration_recorder(ConfigurationRecorder=recorder)
        organizations = aws.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        self.root = organizations.list_roots()["Roots"][0]["Id"]
        aws.client("iam").create_group(GroupName="people")
        # A role, as a pipeline has it: the service control policy would stop a key.
        arn = self.role("guard", POLICY)
        session = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="guard")
        keys = Keys.of(session["Credentials"])
        for name, value in aws.environment_of(keys).items():
            monkeypatch.setenv(name, value)
        self.given: dict[str, Any] = {
            "softtoken_guardrails_parts": ALL, "mfa_guardrails_log_group": "trail",
            "mfa_guardrails_self_management_groups": ["people"], "softtoken_subscriber": "security@example.com",
        }  # fmt: skip
        aws.forget()

    def run(self, state: str, *arguments: str, **variables: Any) -> Run:
        given = {**self.given, "softtoken_guardrails": state, **variables}
        return ansible_playbook(self.folder, PLAYBOOKS / "guardrails.yml", inventory_of({}), *arguments, **given)

    def refused_scp(self, content: dict[str, Any], target: str, **parameters: Any) -> str:
        """Return why a service control policy is refused; nothing is written."""
        asked = {
            "name": "guard", "state": "present", "content": content, "description": None, "targets": [target],
            "purge_targets": False, "dry_run": None, "dry_run_max_age": 7, "accepted_principals": [],
            "accepted_accounts": [], "accepted_gaps": False, **parameters,
        }  # fmt: skip
        self.aws.forget()
        calls = ScpCalls(self.aws.client("organizations"))
        with pytest.raises(IamError) as error:
            run_scp(asked, ScpPorts(calls, time.time, calls.partition), check_mode=False)
        assert not {"organizations:CreatePolicy", "organizations:AttachPolicy"} & self.asked()
        return " ".join(str(error.value).split())

    def records_of(self, name: str) -> Path:
        """Make a user who assumes a role with a key alone, and return the trail's file on it."""
        keys = self.join(name, group=False)
        self.aws.client("sts", keys=keys).assume_role(RoleArn=self.role(f"of-{name}"), RoleSessionName="run")
        # Whoever sets the account up has a key as well.
        made = [one for one in self.aws.events if one["userIdentity"].get("userName") == name]
        path = self.folder / "trail.json"
        path.write_text(json.dumps({"Records": made}), encoding="utf-8")
        self.aws.forget()
        return path

    def left(self) -> list[str]:
        """Return what there is of what the guardrails make."""
        client = self.aws.client
        found = [
            *(one["ConfigRuleName"] for one in client("config").describe_config_rules()["ConfigRules"]),
            *(one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]),
            *(one["filterName"] for one in client("logs").describe_metric_filters()["metricFilters"]),
            *(one["TopicArn"] for one in client("sns").list_topics()["Topics"]),
            *(one["PolicyName"] for one in client("iam").list_policies(Scope="Local")["Policies"]),
            *(
                one["Name"]
                for one in client("organizations").list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
                if not one["AwsManaged"]
            ),
        ]
        self.aws.forget()
        return found

    def asked(self) -> set[str]:
        """Return the APIs that were asked for since the last time."""
        found = {asked.api for asked in self.aws.requests}
        self.aws.forget()
        return found

    def join(self, name: str, *, group: bool = True, policy: Any = None) -> Keys:
        """Make a user who may do everything but for a policy, in the group with the self-management policy or not."""
        keys = self.aws.add_user(name, policy=policy)
        if group:
            self.aws.client("iam").add_user_to_group(GroupName="people", UserName=name)
        return keys

    def role(self, name: str, grants: dict[str, Any] | None = None) -> str:
        """Make a role that may do what is granted, everything unless it is said."""
        iam = self.aws.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(grants or EVERYTHING))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with FakeAws(enforce=True) as aws:
        yield Site(aws, tmp_path, monkeypatch)


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value)


def test_applied_seen_changed_mended_and_taken_away(site: Site) -> None:
    # For the whole organization: who would be denied is exempt.
    records = site.records_of("deploy")
    site.given.update(
        softtoken_scp_targets=site.root,
        mfa_guardrails_trail_files=[str(records)],
        mfa_guardrails_scp_exempt=["arn:aws:iam::*:user/deploy"],
    )
    looked = site.run("present", "--check", "--diff")
    assert looked.rc == 0, looked.output
    assert "changed=2 " in looked.output, looked.output
    assert "+++ after: softtoken-mfa-sensitive-actions" in looked.output
    assert not [api for api in site.asked() if ":Describe" not in api and ":List" not in api and ":Get" not in api]

    applied = site.run("present")
    assert applied.rc == 0, applied.output
    assert "iam:ResyncMFADevice on one's own user" in applied.output  # the proof is shown
    asked = site.asked()
    what_they_do(site)

    spoil(site)
    mended = site.run("present")
    # The filter, and the silenced alarm taken away and made anew; nothing else is touched.
    assert (mended.rc, mended.recap["localhost"]["changed"]) == (0, 3), mended.output
    [alarm] = site.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarm["ActionsEnabled"]
    assert alarm["AlarmActions"] == [THEIRS, f"arn:aws:sns:us-east-1:{ACCOUNT}:{NAME}"]
    site.asked()

    # What could not be looked at is not gone, and not said to be.
    site.aws.deny("iam:GetPolicy")
    unsure = site.run("absent", softtoken_guardrails_parts="self_management,")
    asked |= site.asked()
    told = " ".join(unsure.output.split())
    assert unsure.rc != 0
    assert "Not known to be gone: self_management, self_management self_management is unknown" in told, unsure.output
    assert "softtoken-mfa-self-management" in site.left()

    # A group that is no more keeps no policy in place.
    removed = site.run("absent", mfa_guardrails_self_management_groups=["gone"])
    assert removed.rc == 0, removed.output
    asked |= site.asked()
    assert site.left() == []

    audited = site.run("audit")
    assert (audited.rc, audited.recap["localhost"]["changed"]) == (2, 0), audited.output
    assert f"login_alarm, metric_filter {NAME} is missing" in " ".join(audited.output.split()), audited.output
    # Its own policy allowed all of that, and nothing that was not needed.
    allowed = {action for statement in POLICY["Statement"] for action in statement["Action"]}
    assert asked - FREE == allowed - ELSEWHERE


# For what this test does not do: search for events, change the text of a policy.
ELSEWHERE = {
    "cloudtrail:LookupEvents", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
    "organizations:UpdatePolicy",
}  # fmt: skip


def spoil(site: Site) -> None:
    """Change what was applied, as people do."""
    client = site.aws.client
    client("logs").delete_metric_filter(logGroupName="trail", filterName=NAME)
    [alarm] = client("cloudwatch").describe_alarms()["MetricAlarms"]
    kept = ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "Threshold")
    client("cloudwatch").put_metric_alarm(
        **{key: alarm[key] for key in kept},
        ComparisonOperator=alarm["ComparisonOperator"],
        TreatMissingData="notBreaching",
        AlarmDescription=alarm["AlarmDescription"],
        AlarmActions=[THEIRS, *alarm["AlarmActions"]],
        ActionsEnabled=False,
    )
    policy = f"arn:aws:iam::{ACCOUNT}:policy/softtoken-mfa-self-management"
    client("iam").attach_user_policy(UserName="bob", PolicyArn=policy)
    client("iam").attach_role_policy(RoleName="ci", PolicyArn=policy)
    site.aws.forget()


def what_they_do(site: Site) -> None:
    """Try the guardrails with every kind of credential."""
    aws = site.aws
    ci = site.role("ci")
    alice = site.join("alice")
    iam = aws.client("iam", keys=alice)
    # The way to a first device is open to a key alone; nothing else is, whatever the user's own policy grants.
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="any-name-at-all")["VirtualMFADevice"]
    serial = made["SerialNumber"]
    first, second = aws.soft_token(serial).pair()
    codes = {"AuthenticationCode1": first, "AuthenticationCode2": second}
    iam.enable_mfa_device(UserName="alice", SerialNumber=serial, **codes)
    assert "explicit deny in an identity-based policy" in refused(iam.list_users)
    assert "explicit deny" in refused(iam.create_access_key, UserName="alice")
    assert "explicit deny" in refused(iam.deactivate_mfa_device, UserName="alice", SerialNumber=serial)
    # A second device takes MFA: AWS's own rule.
    other = iam.create_virtual_mfa_device(VirtualMFADeviceName="second")["VirtualMFADevice"]["SerialNumber"]
    pair = aws.soft_token(other).pair()
    codes = {"AuthenticationCode1": pair[0], "AuthenticationCode2": pair[1]}
    refused(iam.enable_mfa_device, UserName="alice", SerialNumber=other, **codes)

    # A device that has drifted is put in step again, with the key alone; another user's is not.
    drifted = aws.soft_token(serial, -600).pair()
    codes = {"AuthenticationCode1": drifted[0], "AuthenticationCode2": drifted[1]}
    iam.resync_mfa_device(UserName="alice", SerialNumber=serial, **codes)
    bob = site.join("bob", group=False)
    theirs = aws.virtual_device("bob")
    pair = aws.soft_token(theirs).pair()
    codes = {"AuthenticationCode1": pair[0], "AuthenticationCode2": pair[1]}
    carol = aws.client("iam", keys=site.join("carol", policy={}))
    told = refused(carol.resync_mfa_device, UserName="bob", SerialNumber=theirs, **codes)
    assert "no identity-based policy allows the iam:ResyncMFADevice action" in told

    # Outside the group the organization's policy is what is left.
    key = aws.client("iam", keys=bob)
    key.list_users()
    assert "explicit deny in a service control policy" in refused(key.create_user, UserName="mallory")
    assume = {"RoleArn": ci, "RoleSessionName": "run"}
    assert "service control policy" in refused(aws.client("sts", keys=bob).assume_role, **assume)
    token = aws.soft_token(theirs)
    with_mfa = aws.client("sts", keys=bob).assume_role(**assume, SerialNumber=theirs, TokenCode=token.code())

    # Sessions of roles (pipelines, IAM Identity Center) carry no MFA and are left alone, when they chain too.
    session = Keys.of(with_mfa["Credentials"])
    aws.client("iam", keys=session).create_user(UserName="made-by-ci")
    chained = aws.client("sts", keys=session).assume_role(RoleArn=site.role("deploy"), RoleSessionName="next")
    aws.client("iam", keys=Keys.of(chained["Credentials"])).delete_user(UserName="made-by-ci")

    # And with MFA everything that was granted works.
    aws.true_time = lambda: time.time() + 60
    person = aws.client("sts", keys=bob).get_session_token(SerialNumber=theirs, TokenCode=token.code())
    people = aws.client("iam", keys=Keys.of(person["Credentials"]))
    people.create_user(UserName="made-with-mfa")
    people.delete_user(UserName="made-with-mfa")
    aws.true_time = time.time


def test_what_is_somebody_elses_and_a_trail_that_is_stopped_are_refused_and_left_alone(site: Site) -> None:
    source = {"Owner": "AWS", "SourceIdentifier": "IAM_ROOT_ACCESS_KEY_CHECK"}
    rule = {"ConfigRuleName": "softtoken-mfa-root", "Source": source}
    site.aws.client("config").put_config_rule(ConfigRule=rule)
    site.aws.client("cloudtrail").stop_logging(Name="main")
    site.aws.forget()
    site.given["softtoken_guardrails_parts"] = "config_rules,login_alarm"
    for state in ("present", "audit"):
        told = " ".join(site.run(state).output.split())
        assert "ROOT_ACCOUNT_MFA_ENABLED softtoken-mfa-root is foreign: a rule of that name checks something" in told
        assert "IAM_ROOT_ACCESS_KEY_CHECK" in told
        assert "login_alarm, trail main is drifted: the trail main is stopped" in told
    assert not [api for api in site.asked() if ":Put" in api or ":Create" in api or ":Start" in api]
    absent = site.run("absent")
    assert absent.rc == 0, absent.output
    [left] = site.aws.client("config").describe_config_rules()["ConfigRules"]
    assert left["Source"] == source


def test_a_filter_is_found_again_and_taken_away_whichever_trail_is_logging(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site.aws.client
    client("logs").create_log_group(logGroupName="second")
    trail_into(site.aws, "second", "other")
    site.given.update(softtoken_guardrails_parts="login_alarm", mfa_guardrails_log_group="")
    made = site.run("present")
    assert made.rc == 0, made.output
    [kept] = client("logs").describe_metric_filters()["metricFilters"]
    assert kept["logGroupName"] == "trail"
    cannot_deliver(monkeypatch, "main", "AccessDenied")
    site.aws.forget()
    refused_again = site.run("present")
    assert refused_again.rc != 0
    told = " ".join(refused_again.output.split())
    assert "Nothing was changed. login_alarm, trail main is drifted: the trail main cannot deliver to trail" in told
    assert not [api for api in site.asked() if ":Put" in api or ":Create" in api]
    client("cloudtrail").stop_logging(Name="main")
    absent = site.run("absent")
    assert absent.rc == 0, absent.output
    assert site.left() == []


def test_its_policy_gives_groups_nothing_but_the_guardrails() -> None:
    group, own, other = (
        f"arn:aws:iam::{ACCOUNT}:{name}" for name in ("group/people", "policy/softtoken-mfa-x", "policy/x")
    )
    documents = [json.dumps(POLICY)]
    admin = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}
    assert decide(documents, "iam:AttachGroupPolicy", group, admin) == "none"
    assert decide(documents, "iam:AttachGroupPolicy", group, {"iam:PolicyARN": own}) == "allow"
    assert decide(documents, "iam:CreatePolicyVersion", other, {}) == "none"
    assert decide(documents, "sns:DeleteTopic", f"arn:aws:sns:us-east-1:{ACCOUNT}:orders", {}) == "none"


def test_the_published_scp_is_refused_with_the_reason(site: Site) -> None:
    told = site.refused_scp(policy(MISTAKES["service_control_policy"]), ACCOUNT)
    assert "sts:AssumeRole is denied for role_session, and should be allowed" in told
    assert "Limit it to IAM users" in told


def test_the_whole_organization_takes_a_dry_run_that_names_who_would_be_denied(site: Site) -> None:
    scp = documents_of(Choices())["scp"]
    assert "There is no dry run" in site.refused_scp(scp, site.root)
    records = read_files([str(site.records_of("deploy"))]).records
    made = dry_run(scp, records)
    call = f"arn:aws:iam::{ACCOUNT}:user/deploy sts:AssumeRole (1 times, long_term_key)"
    given = {**made._asdict(), "denied": [one._asdict() for one in made.denied], "policy_hash": digest(scp)}
    assert f"would have been denied: {call}" in site.refused_scp(scp, site.root, dry_run=given)
