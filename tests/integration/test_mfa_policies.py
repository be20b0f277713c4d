"""The least-privilege policies: a playbook runs with its own alone, and names the permission that is taken away."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import botocore.exceptions
import botocore.session
import pytest

from tests.fakes.aws import ACCOUNT, FakeAws, Keys
from tests.fakes.aws.policy import decide
from tests.integration.playbooks import PLAYBOOKS, Run, ansible_playbook, inventory_of

FILES = sorted((PLAYBOOKS / "policies").glob("*.json"))
NOW = 1_800_000_015.0
NEW = f"arn:aws:iam::{ACCOUNT}:mfa/alice-2"
BROKEN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:MultiFactorAuthAge": f"arn:aws:iam::{ACCOUNT}:mfa/alice"}},
        }
    ],
}
GUARD = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "iam:CreateUser", "Resource": f"arn:aws:iam::{ACCOUNT}:mfa/alice"}],
}
RESOURCES = {
    "own": f"arn:aws:iam::{ACCOUNT}:user/alice",
    "below": f"arn:aws:iam::{ACCOUNT}:user/staff/london/alice",
    "other": f"arn:aws:iam::{ACCOUNT}:user/bob",
    "alike": f"arn:aws:iam::{ACCOUNT}:user/malice",
    "inside": f"arn:aws:iam::{ACCOUNT}:user/alice/bob",
    "device": f"arn:aws:iam::{ACCOUNT}:mfa/alice",
    "role": f"arn:aws:iam::{ACCOUNT}:role/ops",
    "any": "*",
}


def policy_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PLAYBOOKS / "policies" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def actions_of(name: str) -> list[str]:
    return [action for statement in policy_of(name)["Statement"] for action in statement["Action"]]


def without(policy: dict[str, Any], action: str) -> dict[str, Any]:
    less = copy.deepcopy(policy)
    for statement in less["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
    return less


class Scene:
    """An account with people, and somebody who runs a playbook there with a policy and nothing else."""

    def __init__(self, aws: FakeAws, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws = aws
        self.folder = folder
        self._monkeypatch = monkeypatch

    def become(self, user: str, policy: dict[str, Any], path: str = "/") -> Keys:
        keys = self.aws.add_user(user, policy=policy, path=path)
        for name, value in self.aws.environment_of(keys).items():
            self._monkeypatch.setenv(name, value)
        return keys

    def run(self, playbook: str, **variables: Any) -> Run:
        return ansible_playbook(self.folder, PLAYBOOKS / f"{playbook}.yml", inventory_of({}), **variables)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with FakeAws(enforce=True, true_time=lambda: NOW) as aws:
        aws.add_user("bob")
        aws.virtual_device("bob")
        yield Scene(aws, tmp_path, monkeypatch)


class Case(NamedTuple):
    """How a playbook is run with a policy, and how one sees that it did its work."""

    run: Callable[[Scene, dict[str, Any]], Run]
    worked: Callable[[Scene], bool]


def organization(aws: FakeAws) -> None:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    organizations.create_policy(
        Name="guard", Description="x", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(GUARD)
    )  # fmt: skip


def alarm(aws: FakeAws) -> None:
    logs, topic = aws.client("logs"), aws.client("sns").create_topic(Name="alarm")["TopicArn"]
    logs.create_log_group(logGroupName="trail")
    metric = {"metricName": "logins", "metricNamespace": "Watch", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName="trail", filterName="logins", filterPattern="{ $.eventName = ConsoleLogin }",
        metricTransformations=[metric],
    )  # fmt: skip
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="logins", MetricName="logins", Namespace="Watch", Statistic="Sum", Period=300, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[topic],
    )  # fmt: skip


def audit(scene: Scene, policy: dict[str, Any]) -> Run:
    organization(scene.aws)
    alarm(scene.aws)
    scene.become("auditor", policy)
    # Below critical nothing counts here: what fails the run is what could not be read.
    run = scene.run("iam_audit", softtoken_account_severity="critical")
    return run._replace(output=run.output + run.text)


def audited(scene: Scene) -> bool:
    report = json.loads((scene.folder / "report" / "report.json").read_text(encoding="utf-8"))
    return bool(report["account"]["coverage"]["complete"])


def diagnose(scene: Scene, policy: dict[str, Any]) -> Run:
    organization(scene.aws)
    alarm(scene.aws)
    scene.aws.add_user("alice")
    scene.aws.trail.health, scene.aws.trail.log_group = [], "trail"
    scene.become("helper", policy)
    # The event history takes half a minute, and is asked with this policy in test_mfa_diagnosis.py.
    return scene.run("mfa_diagnose", softtoken_user="alice", softtoken_trail="logs", softtoken_trail_log_group="trail")


def diagnosed(scene: Scene) -> bool:
    found = json.loads((scene.folder / "report" / "diagnosis.json").read_text(encoding="utf-8"))
    unknown = {gap["part"] for gap in found["gaps"]}
    return found["causes"][0]["code"] == "never_enabled" and unknown <= {"host", "trust"}


def remediate(scene: Scene, policy: dict[str, Any]) -> Run:
    scene.aws.client("iam").create_role(RoleName="ops", AssumeRolePolicyDocument=json.dumps(BROKEN))
    scene.become("repairer", policy)
    return scene.run("iam_remediate", softtoken_apply=True)


def remediated(scene: Scene) -> bool:
    role = scene.aws.client("iam").get_role(RoleName="ops")["Role"]
    return bool(role["AssumeRolePolicyDocument"] != BROKEN)


def resync(scene: Scene, policy: dict[str, Any]) -> Run:
    scene.aws.add_user("alice")
    serial = scene.aws.virtual_device("alice")
    scene.become("helper", policy)
    told = scene.run(
        "mfa_resync", softtoken_user="bob", softtoken_serial=serial, softtoken_code1="000000",
        softtoken_code2="000001", softtoken_ledger_dir=str(scene.folder / "other"),
    )  # fmt: skip
    if "is a device of alice" not in told.output:
        return told
    return _resync(scene, softtoken_user="alice")


def resync_self(scene: Scene, policy: dict[str, Any]) -> Run:
    scene.become("alice", policy, path="/staff/")
    scene.aws.virtual_device("alice")
    return _resync(scene)


def _resync(scene: Scene, **variables: Any) -> Run:
    first, second = scene.aws.soft_token(RESOURCES["device"], -600).pair()
    ledger = str(scene.folder / "ledger")
    return scene.run(
        "mfa_resync", softtoken_code1=first, softtoken_code2=second, softtoken_ledger_dir=ledger, **variables
    )  # fmt: skip


def resynchronised(scene: Scene) -> bool:
    return scene.aws.device(RESOURCES["device"]).drift == -600 // 30


def replace(scene: Scene, policy: dict[str, Any]) -> Run:
    scene.aws.add_user("alice")
    scene.aws.virtual_device("alice")
    scene.become("administrator", policy)
    # Not below /tmp, where no seed may be.
    with tempfile.TemporaryDirectory(prefix=".softtoken-policies-", dir=Path.home()) as private:
        wanted = {
            "softtoken_user": "alice", "softtoken_serial": RESOURCES["device"], "softtoken_name": "alice-2",
            "softtoken_tags": {"team": "x"}, "softtoken_confirm": "codes", "softtoken_seed_file": f"{private}/seed",
            "softtoken_journal_dir": str(scene.folder / "journal"),
            "softtoken_ledger_dir": str(scene.folder / "ledger"),
        }  # fmt: skip
        created = scene.run("mfa_replace", **wanted)
        if created.rc != 0:
            return created
        first, second = scene.aws.soft_token(NEW).pair()
        return scene.run("mfa_replace", softtoken_code1=first, softtoken_code2=second, **wanted)


def replaced(scene: Scene) -> bool:
    iam = scene.aws.client("iam")
    held = [one["SerialNumber"] for one in iam.list_mfa_devices(UserName="alice")["MFADevices"]]
    there = {one["SerialNumber"] for one in iam.list_virtual_mfa_devices()["VirtualMFADevices"]}
    return held == [NEW] and RESOURCES["device"] not in there


def offboard(scene: Scene, policy: dict[str, Any]) -> Run:
    organization(scene.aws)
    scene.aws.add_user("alice")
    scene.aws.virtual_device("alice")
    scene.aws.hardware_device("alice", "GAHT12345678")
    scene.become("administrator", policy)
    # CloudTrail is slow: it is asked where that is what is tried.
    allowed = [action for statement in policy["Statement"] for action in statement["Action"]]
    trail = policy == policy_of("mfa_offboard") or "cloudtrail:LookupEvents" not in allowed
    return scene.run(
        "mfa_offboard", softtoken_user="alice", softtoken_apply=True, softtoken_trail_hours=int(trail),
        softtoken_journal_dir=str(scene.folder / "journal"),
    )  # fmt: skip


def offboarded(scene: Scene) -> bool:
    iam = scene.aws.client("iam")
    devices = {one["SerialNumber"] for one in iam.list_virtual_mfa_devices()["VirtualMFADevices"]}
    return not iam.list_mfa_devices(UserName="alice")["MFADevices"] and RESOURCES["device"] not in devices


CASES = {
    "iam_audit": Case(audit, audited),
    "iam_remediate": Case(remediate, remediated),
    "mfa_diagnose": Case(diagnose, diagnosed),
    "mfa_offboard": Case(offboard, offboarded),
    "mfa_replace": Case(replace, replaced),
    "mfa_resync": Case(resync, resynchronised),
    "mfa_resync_self": Case(resync_self, resynchronised),
}


def test_every_policy_has_a_playbook_that_is_run_with_it() -> None:
    # test_guardrails.py compares the calls of whole runs with that policy.
    assert sorted([*CASES, "guardrails"]) == [path.stem for path in FILES]


@pytest.mark.parametrize("name", CASES)
def test_a_playbook_runs_with_its_policy_alone(scene: Scene, name: str) -> None:
    case = CASES[name]
    run = case.run(scene, policy_of(name))
    assert run.rc == 0, run.output
    assert case.worked(scene)


# What a diagnosis may not read is a gap in it: test_mfa_diagnosis.py takes away each action.
FAILING = [name for name in CASES if name != "mfa_diagnose"]


@pytest.mark.parametrize(("name", "action"), [(name, action) for name in FAILING for action in actions_of(name)])
def test_without_one_action_it_fails_and_names_it(scene: Scene, name: str, action: str) -> None:
    run = CASES[name].run(scene, without(policy_of(name), action))
    assert run.rc != 0, run.output
    assert action in run.output.replace("\n", " "), run.output


# --- nothing else ----------------------------------------------------------------------------------------------------

OWN = {"own", "below"}
USERS = {*OWN, "other", "alike", "inside"}
# What an action of a policy is on. Everything that is not listed is refused.
ON = {
    "iam_audit": {"iam:ListMFADevices": USERS},
    "iam_remediate": {"iam:GetRole": {"role"}, "iam:UpdateAssumeRolePolicy": {"role"}},
    "mfa_diagnose": {"iam:ListMFADevices": USERS},
    "mfa_offboard": {
        "iam:DeactivateMFADevice": USERS,
        "iam:DeleteVirtualMFADevice": {"device"},
        "iam:GetUser": USERS,
        "iam:ListMFADevices": USERS,
    },
    "mfa_replace": {
        "iam:CreateVirtualMFADevice": {"device"},
        "iam:DeactivateMFADevice": USERS,
        "iam:DeleteVirtualMFADevice": {"device"},
        "iam:EnableMFADevice": USERS,
        "iam:GetUser": USERS,
        "iam:ListMFADevices": USERS,
        "iam:TagMFADevice": {"device"},
    },
    "mfa_resync": {"iam:ListMFADevices": USERS, "iam:ResyncMFADevice": USERS},
    "mfa_resync_self": {"iam:ListMFADevices": OWN, "iam:ResyncMFADevice": OWN},
}
SERVICES = ("iam", "sts", "organizations", "cloudtrail", "cloudwatch", "config", "logs", "sns", "s3", "ec2", "kms",
            "health")  # fmt: skip
CONTEXT = {"aws:username": "alice", "aws:PrincipalAccount": ACCOUNT}


def operations() -> Iterator[str]:
    session = botocore.session.Session()
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            yield f"{service}:{operation}"


@pytest.mark.parametrize("name", CASES)
def test_nothing_else_is_allowed(name: str) -> None:
    document, actions = json.dumps(policy_of(name)), set(actions_of(name))
    known = list(operations())
    assert actions <= set(known)
    allowed = {
        action: on
        for action in known
        if (on := {kind for kind, arn in RESOURCES.items() if decide([document], action, arn, CONTEXT) == "allow"})
    }
    assert allowed == {action: ON[name].get(action, set(RESOURCES)) for action in actions}


@pytest.mark.parametrize("name", CASES)
def test_the_double_refuses_everything_else_too(scene: Scene, name: str) -> None:
    scene.aws.client("iam").create_role(RoleName="ops", AssumeRolePolicyDocument=json.dumps(BROKEN))
    keys = scene.become("alice", policy_of(name))
    iam = scene.aws.client("iam", keys=keys)
    others: dict[str, dict[str, str]] = {
        "create_access_key": {"UserName": "bob"},
        "create_login_profile": {"UserName": "bob", "Password": "correct-horse-battery"},
        "attach_user_policy": {"UserName": "alice", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        "put_user_policy": {"UserName": "alice", "PolicyName": "more", "PolicyDocument": json.dumps(GUARD)},
        "delete_user": {"UserName": "bob"},
        "delete_role": {"RoleName": "ops"},
        "deactivate_mfa_device": {"UserName": "bob", "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/bob"},
        "update_assume_role_policy": {"RoleName": "ops", "PolicyDocument": json.dumps(BROKEN)},
        "list_users": {},
    }
    for method, parameters in others.items():
        if f"iam:{iam.meta.method_to_api_mapping[method]}" in actions_of(name):
            continue
        with pytest.raises(botocore.exceptions.ClientError, match="is not authorized to perform"):
            getattr(iam, method)(**parameters)


def test_ones_own_device_is_the_only_one_that_self_service_reaches(scene: Scene) -> None:
    keys = scene.become("alice", policy_of("mfa_resync_self"))
    with pytest.raises(botocore.exceptions.ClientError, match="is not authorized to perform: iam:ListMFADevices"):
        scene.aws.client("iam", keys=keys).list_mfa_devices(UserName="bob")
    first, second = scene.aws.soft_token(f"arn:aws:iam::{ACCOUNT}:mfa/bob", -600).pair()
    ledger = str(scene.folder / "ledger")
    run = scene.run(
        "mfa_resync", softtoken_user="bob", softtoken_code1=first, softtoken_code2=second, softtoken_ledger_dir=ledger
    )  # fmt: skip
    assert run.rc != 0
    assert "iam:ListMFADevices" in run.output
    assert scene.aws.device(f"arn:aws:iam::{ACCOUNT}:mfa/bob").drift == 0
