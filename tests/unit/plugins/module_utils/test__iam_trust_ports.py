"""The ports of the repair: real files, and a client of the module's."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_ports import trust_ports


class Module:
    """What of an AnsibleAWSModule the ports use."""

    def __init__(self, region: str | None, snapshot: str | None = None) -> None:
        self.region = region
        self.params = {"snapshot": snapshot}
        self.asked: list[tuple[str, str]] = []
        self.written: dict[str, str] = {}

    def client(self, service: str, region: str) -> Any:
        self.asked.append((service, region))
        return self

    def update_assume_role_policy(self, *, RoleName: str, PolicyDocument: str) -> None:  # noqa: N803 - AWS's names
        self.written[RoleName] = PolicyDocument


@pytest.mark.parametrize(("region", "asked"), [("eu-central-1", "eu-central-1"), (None, "us-east-1")])
def test_the_client_is_the_modules_and_has_a_region(region: str | None, asked: str) -> None:
    module: Any = Module(region)
    trust_ports(module).write_trust("ops", "{}")
    assert module.asked == [("iam", asked)]
    assert module.written == {"ops": "{}"}


def test_a_backup_is_its_owners_alone_and_reads_as_it_was_written(tmp_path: Path) -> None:
    module: Any = Module(None)
    ports, path = trust_ports(module), tmp_path / "ops.json"
    assert ports.read_file(str(path)) is None
    ports.write_private(str(path), "zürich \u6771\n")
    assert ports.read_file(str(path)) == "zürich \u6771\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["ops.json"]


def test_what_is_there_and_cannot_be_read_is_not_taken_for_nothing(tmp_path: Path) -> None:
    module: Any = Module(None)
    with pytest.raises(OSError, match="directory"):
        trust_ports(module).read_file(str(tmp_path))


def test_a_role_of_a_snapshot_is_read_without_aws_and_nothing_is_written(tmp_path: Path) -> None:
    role = {
        "RoleName": "ops", "Arn": "arn:aws:iam::123456789012:role/team/ops", "Path": "/team/", "RoleId": "AROAEXAMPLE",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}, "RolePolicyList": [],
        "AttachedManagedPolicies": [], "InstanceProfileList": [],
    }  # fmt: skip
    details = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [role], "Policies": []}
    path = tmp_path / "kept.json"
    path.write_text(json.dumps({"account_id": "123456789012", "authorization_details": details}), encoding="utf-16")
    module: Any = Module(None, str(path))
    ports = trust_ports(module)
    assert ports.read_role("ops")[:4] == ("ops", role["Arn"], "/team/", "AROAEXAMPLE")
    with pytest.raises(IamError, match=r"kept\.json has no role gone"):
        ports.read_role("gone")
    with pytest.raises(IamError, match="nothing is written"):
        ports.write_trust("ops", "{}")
    assert module.asked == []


@pytest.mark.parametrize("text", [None, "{"])
def test_a_snapshot_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kept.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    module: Any = Module(None, str(path))
    with pytest.raises(IamError, match=str(path)):
        trust_ports(module).read_role("ops")
