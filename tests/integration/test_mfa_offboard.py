"""A leaving user's devices are found, planned, taken away and looked up again, against AWS's double over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.aws import ACCOUNT, FakeAws
from tests.fakes.aws.wire import ApiError, Asked
from tests.integration.playbooks import PLAYBOOKS, ROOT, THIS_MACHINE, Run, ansible_playbook, inventory_of

PHONE = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
TOKEN = "GAHT12345678"  # noqa: S105 - a serial
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ops"
UNREACHABLE = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_connection": "ssh", "ansible_ssh_retries": 0}


def statement(**elements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **elements}]})


TRUST = statement(
    Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    Action="sts:AssumeRole",
    Condition={"ArnLike": {"aws:MultiFactorAuthAge": PHONE}},
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    with FakeAws() as server:
        server.add_user("alice", path="/staff/")
        server.add_user("bob")
        server.virtual_device("alice")
        server.hardware_device("alice", TOKEN)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def offboard(folder: Path, *flags: str, hosts: Any = None, **variables: Any) -> Run:
    given = {
        "softtoken_user": "alice",
        "softtoken_organization": False,
        "softtoken_journal_dir": str(folder / "journal"),
    }
    playbook = PLAYBOOKS / "mfa_offboard.yml"
    return ansible_playbook(folder, playbook, inventory_of(hosts or {}), *flags, **{**given, **variables})


def plan_of(folder: Path, name: str = "alice") -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((folder / "offboarding" / f"{name}.json").read_text(encoding="utf-8"))
    return plan


def held(aws: FakeAws, user: str = "alice") -> set[str]:
    return {one["SerialNumber"] for one in aws.client("iam").list_mfa_devices(UserName=user)["MFADevices"]}


def virtual(aws: FakeAws) -> set[str]:
    return {one["SerialNumber"] for one in aws.client("iam").list_virtual_mfa_devices()["VirtualMFADevices"]}


def on_call(aws: FakeAws, api: str, act: Callable[[Asked], None]) -> None:
    """Do something whenever the double gets a call, before it answers."""
    check = aws._authority.check

    def checked(asked: Asked, caller: Any) -> None:
        if asked.api == api:
            act(asked)
        check(asked, caller)

    aws._authority.check = checked  # type: ignore[method-assign]


def name_alice_everywhere(aws: FakeAws, folder: Path) -> dict[str, Any]:
    """Put the user and her devices in all kinds of places; returns what is not in the account."""
    iam, unique_id = aws.client("iam"), aws.client("iam").get_user(UserName="alice")["User"]["UserId"]
    iam.create_role(RoleName="ops", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(
        RoleName="ops", PolicyName="own", PolicyDocument=statement(Action="iam:ListMFADeviceTags", Resource=PHONE)
    )
    limit = statement(Action="*", Resource="*", Condition={"StringNotLike": {"aws:userid": f"{unique_id}:*"}})
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=limit)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="ops", PermissionsBoundary=bound)
    iam.create_policy_version(
        PolicyArn=bound, PolicyDocument=statement(Action="*", Resource="*"), SetAsDefault=False
    )  # fmt: skip
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    guard = statement(Action="s3:*", Resource="*", Condition={"StringEquals": {"aws:username": "alice"}})
    organizations.create_policy(Name="g", Description="x", Type="SERVICE_CONTROL_POLICY", Content=guard)
    code = folder / "code"
    code.mkdir()
    (code / "main.tf").write_text(
        'data "aws_caller_identity" "me" {}\n'
        "locals {\n"
        '  mfa_serial = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:mfa/alice"\n'
        "}\n"
    )
    (code / "unlock.sh").write_text(f'aws s3api put-bucket-versioning --mfa "{TOKEN} $1"\n')
    bucket = statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/staff/alice"}, Action="s3:*", Resource="*")
    return {
        "softtoken_organization": True,
        "softtoken_code_paths": ["code"],
        "softtoken_resource_policies": [{"Arn": "arn:aws:s3:::records", "Policy": bucket}],
        "softtoken_host_serials": [{"host": "web1", "serial": PHONE, "where": "/etc/aws", "profile": "prod"}],
    }


def test_the_plan_names_every_place_and_nothing_is_changed(aws: FakeAws, tmp_path: Path) -> None:
    elsewhere = name_alice_everywhere(aws, tmp_path)
    run = offboard(tmp_path, **elsewhere)
    assert run.rc == 0, run.output
    assert run.recap["localhost"]["changed"] == 0
    assert held(aws) == {PHONE, TOKEN}

    plan = plan_of(tmp_path)
    assert stat.S_IMODE((tmp_path / "offboarding" / "alice.json").stat().st_mode) == 0o600
    assert {one["serial"]: one["action"] for one in plan["devices"]} == {PHONE: "delete", TOKEN: "deactivate"}
    found = {
        (one["document"].partition(":")[0], one["kind"], one["resource"].rpartition("/")[2])
        for one in plan["references"]
    }
    found = {(kind, what, "g" if kind == "scp" else where) for kind, what, where in found}  # SCPs go by their ids
    assert found == {
        ("trust", "serial", "ops"),
        ("inline", "serial", "ops"),
        ("boundary", "unique_id", "bound"),
        ("scp", "user", "g"),
        ("resource", "user", "arn:aws:s3:::records"),
        ("code", "serial", "main.tf:3"),
        ("code", "serial", "unlock.sh:1"),
        ("profile", "serial", "aws"),
    }  # fmt: skip
    assert plan["coverage"]["complete"] is True
    assert plan["remediation"] == {"roles": [ROLE], "rules": ["MFA-C01"]}
    assert "Take the serial out of this profile" in run.output


def test_the_repair_that_the_plan_names_is_made_by_iam_remediate(aws: FakeAws, tmp_path: Path) -> None:
    aws.client("iam").create_role(RoleName="ops", AssumeRolePolicyDocument=TRUST)
    assert offboard(tmp_path, softtoken_apply=True).rc == 0
    names = plan_of(tmp_path)["remediation"]
    repaired = ansible_playbook(
        tmp_path, PLAYBOOKS / "iam_remediate.yml", inventory_of({}),
        softtoken_apply=True, softtoken_account_roles=names["roles"], softtoken_rules=names["rules"],
    )  # fmt: skip
    assert repaired.rc == 0, repaired.output
    assert offboard(tmp_path).rc == 0
    assert plan_of(tmp_path)["references"] == []


def test_devices_go_after_the_plan_and_a_second_run_has_nothing_to_do(aws: FakeAws, tmp_path: Path) -> None:
    planned: list[bool] = []
    on_call(
        aws, "iam:DeactivateMFADevice", lambda _asked: planned.append((tmp_path / "offboarding/alice.json").exists())
    )
    run = offboard(tmp_path, "--diff", softtoken_apply=True)
    assert run.rc == 0, run.output
    assert planned == [True, True]
    assert (held(aws), virtual(aws)) == (set(), set())
    assert '-    "' + PHONE in run.output
    assert '"removed": [' in run.output

    aws.forget()
    again = offboard(tmp_path, softtoken_apply=True)
    assert again.rc == 0, again.output
    assert again.recap["localhost"]["changed"] == 0
    assert aws.count("iam:DeactivateMFADevice") + aws.count("iam:DeleteVirtualMFADevice") == 0
    assert {one["serial"]: one["action"] for one in plan_of(tmp_path)["devices"]} == {PHONE: "none", TOKEN: "none"}


def test_check_mode_shows_all_and_changes_nothing(aws: FakeAws, tmp_path: Path) -> None:
    run = offboard(tmp_path, "--check", "--diff", softtoken_apply=True)
    assert run.rc == 0, run.output
    assert run.recap["localhost"]["changed"] == 1
    assert '-    "' + PHONE in run.output
    assert held(aws) == {PHONE, TOKEN}
    assert len(plan_of(tmp_path)["devices"]) == 2


def test_nothing_is_removed_when_the_plan_cannot_be_written(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = offboard(tmp_path, softtoken_apply=True, softtoken_plan="file/plan.json")
    assert run.rc == 2, run.output
    assert held(aws) == {PHONE, TOKEN}
    assert aws.count("iam:DeactivateMFADevice") == 0


def test_a_run_that_was_killed_is_taken_up_from_its_plan(aws: FakeAws, tmp_path: Path) -> None:
    variables = {
        "softtoken_user": "alice", "softtoken_organization": False, "softtoken_apply": True,
        "softtoken_journal_dir": str(tmp_path / "journal"),
    }  # fmt: skip
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), str(PLAYBOOKS / "mfa_offboard.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    process = subprocess.Popen(
        [*argv, "-e", json.dumps(variables)], cwd=tmp_path, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    killed: list[int] = []

    def kill(_asked: Asked) -> None:
        if process.poll() is None:
            killed.append(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            # Modules are in groups of their own: this one ends here.
            raise ApiError("AccessDenied", "killed", 403)

    on_call(aws, "iam:DeleteVirtualMFADevice", kill)
    assert process.wait(timeout=600) != 0
    assert killed
    assert (PHONE in held(aws), PHONE in virtual(aws)) == (False, True)

    run = offboard(tmp_path, softtoken_apply=True)
    assert run.rc == 0, run.output
    assert (held(aws), virtual(aws)) == (set(), set())


def test_one_device_that_stays_does_not_keep_the_others_and_fails_the_run(aws: FakeAws, tmp_path: Path) -> None:
    aws.deny("iam:DeactivateMFADevice", SerialNumber=TOKEN)
    run = offboard(tmp_path, softtoken_apply=True)
    assert run.rc == 2
    assert f"{TOKEN} could not be taken away" in run.output
    assert held(aws) == {TOKEN}


def test_a_device_that_is_another_users_by_now_stays(aws: FakeAws, tmp_path: Path) -> None:
    assert offboard(tmp_path).rc == 0
    aws.client("iam").deactivate_mfa_device(UserName="alice", SerialNumber=PHONE)
    aws.state.assign("bob", PHONE)
    run = offboard(tmp_path, softtoken_apply=True)
    assert run.rc == 0, run.output
    assert (held(aws), held(aws, "bob")) == (set(), {PHONE})
    assert "it is bob's by now" in run.output


def test_it_stops_where_it_could_not_look_unless_told_to_go_on(aws: FakeAws, tmp_path: Path) -> None:
    aws.deny("organizations:ListPolicies", code="AccessDeniedException")
    run = offboard(tmp_path, softtoken_apply=True, softtoken_organization=True)
    assert run.rc == 2
    assert "organizations:ListPolicies failed: AccessDeniedException" in run.output
    assert plan_of(tmp_path)["coverage"]["complete"] is False
    assert held(aws) == {PHONE, TOKEN}
    accepted = offboard(tmp_path, softtoken_apply=True, softtoken_organization=True, softtoken_accept_gaps=True)
    assert accepted.rc == 0, accepted.output
    assert held(aws) == set()


def test_a_host_that_cannot_be_read_is_such_a_place(aws: FakeAws, tmp_path: Path) -> None:
    hosts = {"gone": UNREACHABLE, "here": THIS_MACHINE}
    run = offboard(tmp_path, hosts=hosts, softtoken_hosts="all", softtoken_apply=True)
    assert run.rc != 0
    assert "hosts that could not be read: gone" in run.output
    assert plan_of(tmp_path)["coverage"]["hosts_not_read"] == ["gone"]
    assert held(aws) == {PHONE, TOKEN}


def test_a_user_who_was_deleted_meanwhile_is_still_looked_for(aws: FakeAws, tmp_path: Path) -> None:
    iam = aws.client("iam")
    unique_id = iam.get_user(UserName="alice")["User"]["UserId"]
    assert offboard(tmp_path, softtoken_apply=True).rc == 0
    for key in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="alice", PolicyName="granted")
    iam.delete_user(UserName="alice")
    deleted = statement(Principal={"AWS": unique_id}, Action="sts:AssumeRole")
    iam.create_role(RoleName="left", AssumeRolePolicyDocument=deleted)
    run = offboard(tmp_path, softtoken_apply=True)
    assert run.rc == 0, run.output
    (reference,) = plan_of(tmp_path)["references"]
    assert (reference["kind"], reference["value"]) == ("unique_id", unique_id)
    assert [one["rule"] for one in reference["findings"]] == ["MFA-T05"]

    aws.add_user("alice")
    refused = offboard(tmp_path, softtoken_apply=True)
    assert refused.rc == 2
    assert "who is somebody else" in refused.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "is no plan of this playbook"),
        ("torn", "is no plan of this playbook"),
        (json.dumps({"account": {"id": ACCOUNT}, "user": {"name": "bob", "unique_ids": []}, "devices": []}), "for bob"),
        (json.dumps({"account": {"id": "9" * 12}, "user": {"name": "alice", "unique_ids": []}, "devices": []}), "else"),
    ],
)
def test_what_is_no_plan_for_this_user_is_not_written_over(
    aws: FakeAws, tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "plan.json").write_text(content)
    run = offboard(tmp_path, softtoken_apply=True, softtoken_plan="plan.json")
    assert run.rc == 2
    assert says in run.output
    assert (tmp_path / "plan.json").read_text() == content
    assert held(aws) == {PHONE, TOKEN}


@pytest.mark.parametrize("name", ["", "staff/alice", "../alice", "bob2"])
def test_names_that_are_no_users(aws: FakeAws, tmp_path: Path, name: str) -> None:
    run = offboard(tmp_path, softtoken_user=name, softtoken_apply=True)
    assert run.rc == 2
    assert ("has no user bob2" if name == "bob2" else "has to be the name of an IAM user") in run.output
    assert held(aws) == {PHONE, TOKEN}
