"""The guardrails on the double, where policies bind: what they stop, what they spare, and what takes them away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws import ACCOUNT, FakeAws, Keys
from tests.fakes.aws.policy import decide
from tests.integration.playbooks import PLAYBOOKS, Run, ansible_playbook, inventory_of
from tests.rigs.iam_rules import MISTAKES, policy

POLICY = json.loads((PLAYBOOKS / "policies" / "guardrails.json").read_text(encoding="utf-8"))
ALL = "self_management,resync_only,scp,config_rules,login_alarm"
NAME = "softtoken-mfa-sign-in-without-mfa"
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
        aws.forget()

    def run(self, state: str, *arguments: str, **variables: Any) -> Run:
        given = {
            "softtoken_guardrails": state, "softtoken_guardrails_parts": ALL, "mfa_guardrails_log_group": "trail",
            "mfa_guardrails_self_management_groups": ["people"], "softtoken_scp_targets": ACCOUNT,
            "softtoken_subscriber": "security@example.com",
        }  # fmt: skip
        playbook = PLAYBOOKS / "guardrails.yml"
        return ansible_playbook(self.folder, playbook, inventory_of({}), *arguments, **{**given, **variables})

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

    def role(self, name: str, grants: dict[str, Any] = EVERYTHING) -> str:
        iam = self.aws.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(grants))
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

    aws = site.aws
    aws.client("logs").delete_metric_filter(logGroupName="trail", filterName=NAME)
    aws.forget()
    audited = site.run("audit")
    assert audited.rc != 0
    assert f"login_alarm, metric_filter {NAME} is missing" in audited.output.replace("\n", " "), audited.output
    mended = site.run("present")
    assert (mended.rc, mended.recap["localhost"]["changed"]) == (0, 1), mended.output

    removed = site.run("absent")
    assert removed.rc == 0, removed.output
    asked |= site.asked()
    again = site.run("absent")
    assert (again.rc, again.recap["localhost"]["changed"]) == (0, 0), again.output
    assert aws.client("config").describe_config_rules()["ConfigRules"] == []
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert aws.client("sns").list_topics()["Topics"] == []
    left = aws.client("iam").list_policies(Scope="Local")["Policies"]
    assert left == []
    # Its own policy allowed all of that, and nothing that was not needed.
    allowed = {action for statement in POLICY["Statement"] for action in statement["Action"]}
    assert asked - FREE == allowed - {"cloudtrail:LookupEvents", "cloudtrail:DescribeTrails"} - ROOT_ONLY


# For what this test does not do: attach to a root, change what is there, detach from elsewhere.
ROOT_ONLY = {
    "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
    "organizations:DescribeOrganization", "organizations:ListAccounts", "organizations:UpdatePolicy",
}  # fmt: skip


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
    seed = policy(MISTAKES["service_control_policy"])
    run = site.run("present", softtoken_guardrails_parts="scp", mfa_guardrails_scp_policy=seed)
    assert run.rc != 0
    told = " ".join(run.output.split())
    assert "sts:AssumeRole is denied for role_session, and should be allowed" in told
    assert "Limit it to IAM users" in told
    assert not {"organizations:CreatePolicy", "organizations:AttachPolicy"} & site.asked()


def test_the_whole_organization_takes_a_dry_run_that_names_who_would_be_denied(site: Site) -> None:
    keys = site.join("deploy", group=False)
    site.aws.client("sts", keys=keys).assume_role(RoleArn=site.role("ci"), RoleSessionName="run")
    records = site.folder / "trail.json"
    # Whoever sets the account up has a key as well.
    made = [one for one in site.aws.events if one["userIdentity"].get("userName") == "deploy"]
    records.write_text(json.dumps({"Records": made}), encoding="utf-8")
    wanted = {
        "softtoken_guardrails_parts": "scp", "softtoken_scp_targets": site.root,
        "mfa_guardrails_trail_files": [str(records)],
    }  # fmt: skip
    site.aws.forget()
    run = site.run("present", **wanted)
    assert run.rc != 0
    told = " ".join(run.output.split())
    assert f"would have been denied: arn:aws:iam::{ACCOUNT}:user/deploy sts:AssumeRole (1 times, long_term_key)" in told
    assert "organizations:AttachPolicy" not in site.asked()

    exempt = site.run("present", mfa_guardrails_scp_exempt=["arn:aws:iam::*:user/deploy"], **wanted)
    assert exempt.rc == 0, exempt.output
    assert "organizations:AttachPolicy" in site.asked()
    site.aws.client("sts", keys=keys).assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ci", RoleSessionName="next")
