"""The audit of an account by the playbooks, run for real: from a snapshot, from AWS's double, and beside hosts."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from moto.server import ThreadedMotoServer

from tests.fakes.aws import FakeAws
from tests.integration.playbooks import PLAYBOOKS, THIS_MACHINE, Run, ansible_playbook, inventory_of

SAMPLE = PLAYBOOKS / "files" / "sample_account.json"
WEB = "arn:aws:iam::123456789012:role/web-server"
GONE = "arn:aws:iam::123456789012:mfa/nobody-has-this"
ADMIN = "arn:aws:iam::123456789012:role/admin"  # of the sample: its trust policy requires MFA
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
NEVER_FAIL: dict[str, Any] = {"softtoken_fail_on": []}


def iam_audit(folder: Path, *arguments: str, **variables: Any) -> Run:
    return ansible_playbook(folder, PLAYBOOKS / "iam_audit.yml", inventory_of({}), *arguments, **variables)


def rules(run: Run) -> set[str]:
    return {found["rule"] for found in run.report["account"]["findings"]}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Run:
    beside = f"@{SAMPLE.with_name('sample_hosts.yml')}"
    return iam_audit(tmp_path_factory.mktemp("sample"), "-e", beside, softtoken_account=str(SAMPLE))


@pytest.fixture(scope="module")
def beside_hosts(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run over this machine, with a serial in its environment and profiles for roles in a file that it names."""
    folder = tmp_path_factory.mktemp("beside")
    shutil.copy(SAMPLE, folder / "account.json")
    (folder / "aws").write_text(
        f"[profile keys]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n"
        f"[profile admin]\nrole_arn = {ADMIN}\nsource_profile = keys\n"
        f"[profile web]\nrole_arn = {WEB}\nsource_profile = keys\n"
        f"[profile machine]\nrole_arn = {ADMIN}\ncredential_source = Ec2InstanceMetadata\n"
        f"[profile complete]\nrole_arn = {ADMIN}\nsource_profile = keys\nmfa_serial = {GONE}\n",
        encoding="utf-8",
    )
    environment = folder / "serials.sh"
    environment.write_text(f"export AWS_MFA_SERIAL={GONE}\nexport AWS_CONFIG_FILE={folder / 'aws'}\n", encoding="utf-8")
    profile = Path("/etc/profile.d/softtoken-test-serial.sh")
    if not os.access(profile.parent, os.W_OK):
        pytest.skip("writing a serial into /etc/profile.d needs root")
    shutil.copy(environment, profile)
    try:
        return ansible_playbook(
            folder,
            PLAYBOOKS / "compliance.yml",
            inventory_of({"here": THIS_MACHINE}),
            softtoken_account="account.json",
            softtoken_account_severity="medium",
            **NEVER_FAIL,
        )
    finally:
        profile.unlink()


def test_the_account_is_reported_and_fails_the_run(sample: Run) -> None:
    assert sample.rc == 2, sample.output
    assert "account 123456789012: noncompliant: " in sample.output
    assert f"the report is in {sample.folder / 'report' / 'report.json'} and " in sample.output
    assert rules(sample) == set(RULES)
    assert (sample.report["mode"], sample.report["verdict"], sample.report["hosts"]) == ("account", "noncompliant", [])


def test_code_scanning_gets_every_finding(tmp_path: Path) -> None:
    beside = f"@{SAMPLE.with_name('sample_hosts.yml')}"
    run = iam_audit(
        tmp_path, "-e", beside, softtoken_account=str(SAMPLE), softtoken_formats=["json", "sarif"], **NEVER_FAIL
    )
    assert run.rc == 0, run.output
    (scan,) = json.loads((tmp_path / "report" / "report.sarif").read_text(encoding="utf-8"))["runs"]
    assert [one["ruleId"] for one in scan["results"]] == [one["rule"] for one in run.report["account"]["findings"]]


def test_a_format_that_there_is_not_stops_before_the_account_is_read(tmp_path: Path) -> None:
    run = iam_audit(tmp_path, softtoken_account=str(SAMPLE), softtoken_formats="pdf")
    assert run.rc == 2
    assert "pdf" in run.output
    assert "Audit the account] ***" not in run.output.partition("Check that the report can be written")[2]
    assert not (tmp_path / "report").exists()


def test_the_sample_says_that_it_is_one(sample: Run) -> None:
    assert "SAMPLE: written by hand to show the audit. No real account, user or device." in sample.text


def test_every_finding_is_in_the_text(sample: Run) -> None:
    for found in sample.report["account"]["findings"]:
        assert f"{found['severity']} {found['rule']}: {found['title']}\n    where: {found['resource']}" in sample.text


def test_the_same_account_gives_the_same_report_in_the_same_order(sample: Run, tmp_path: Path) -> None:
    beside = f"@{SAMPLE.with_name('sample_hosts.yml')}"
    again = iam_audit(tmp_path, "--check", "-e", beside, softtoken_account=str(SAMPLE), **NEVER_FAIL)
    assert again.rc == 0, again.output
    assert again.report["account"] == sample.report["account"]
    assert again.recap["localhost"]["changed"] == 0


def test_hosts_and_account_are_in_one_report(beside_hosts: Run) -> None:
    assert beside_hosts.rc == 0, beside_hosts.output
    assert list(beside_hosts.hosts) == ["here"]
    assert beside_hosts.report["verdict"] == beside_hosts.hosts["here"]["verdict"]
    assert beside_hosts.report["account"]["verdict"] == "noncompliant"
    assert {found["severity"] for found in beside_hosts.report["account"]["findings"]} == {"critical", "high", "medium"}


def test_a_serial_on_a_host_is_held_against_the_account(beside_hosts: Run) -> None:
    assert GONE in [entry["serial"] for entry in beside_hosts.hosts["here"]["facts"]["serials"]]
    found = [one for one in beside_hosts.report["account"]["findings"] if one["serial"] == GONE]
    assert {(one["rule"], *one["hosts"]) for one in found} == {("MFA-S01", "here")}


def test_a_profile_without_a_serial_is_held_against_the_trust_of_its_role(beside_hosts: Run) -> None:
    file = str(beside_hosts.folder / "aws")
    entry = {"where": file, "user": None}
    assert [one for one in beside_hosts.hosts["here"]["facts"]["role_profiles"] if one["where"] == file] == [
        {"role_arn": ADMIN, "profile": "admin", **entry},
        {"role_arn": WEB, "profile": "web", **entry},
    ]
    # The web server's role wants no MFA.
    found = [one for one in beside_hosts.report["account"]["findings"] if one["rule"] == "MFA-S13"]
    assert [(one["resource"], one["document"], one["hosts"]) for one in found] == [
        (f"here:{file}", "profile:admin", ["here"])
    ]
    assert ADMIN in found[0]["message"]
    assert f"where: here:{file}" in beside_hosts.text


def test_no_key_beside_such_a_profile_leaves_the_host(beside_hosts: Run) -> None:
    for text in (beside_hosts.output, beside_hosts.text, json.dumps(beside_hosts.report)):
        assert "AKIAIOSFODNN7EXAMPLE" not in text
        assert SECRET not in text


def test_roles_attached_to_hosts_can_be_the_scope(tmp_path: Path) -> None:
    fact = {"schema": 1, "attached_role": {"account": "123456789012", "role": "web-server"}}
    plays = [
        {
            "hosts": "all",
            "gather_facts": False,
            "tags": ["always"],
            "tasks": [{"ansible.builtin.set_fact": {"softtoken": fact, "cacheable": True}}],
        },
        {"ansible.builtin.import_playbook": str(PLAYBOOKS / "compliance.yml")},
    ]
    playbook = tmp_path / "site.yml"
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    # Only the account is asked about: the fact stands as it is.
    run = ansible_playbook(
        tmp_path,
        playbook,
        inventory_of({"web1": THIS_MACHINE}),
        "--tags",
        "account,report",
        softtoken_account=str(SAMPLE),
        softtoken_account_scope="roles",
        **NEVER_FAIL,
    )
    assert run.rc == 0, run.output
    assert {(one["rule"], one["resource"]) for one in run.report["account"]["findings"]} == {("MFA-T04", WEB)}


@pytest.mark.parametrize(
    ("playbook", "wrong", "says"),
    [
        ("iam_audit.yml", {"softtoken_account": "nosuch.json"}, "nosuch.json"),
        ("compliance.yml", {"softtoken_account": "nosuch.json"}, "nosuch.json"),
        ("compliance.yml", {"softtoken_account": "."}, ""),
        (
            "compliance.yml",
            {"softtoken_account": str(SAMPLE), "softtoken_account_inventories": "other.json"},
            "other.json",
        ),
    ],
)
def test_a_path_that_does_not_exist_stops_before_anything_is_measured(
    tmp_path: Path, playbook: str, wrong: dict[str, Any], says: str
) -> None:
    hosts = inventory_of({"here": THIS_MACHINE} if playbook == "compliance.yml" else {})
    run = ansible_playbook(tmp_path, PLAYBOOKS / playbook, hosts, **wrong, **NEVER_FAIL)
    assert run.rc == 2
    assert f"there is no file {tmp_path / says}" in run.output
    assert "Measure the host" not in run.output
    assert not (tmp_path / "report" / "report.json").exists()


def test_an_audit_that_fails_is_unknown_and_hosts_are_reported_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    run = ansible_playbook(
        tmp_path,
        PLAYBOOKS / "compliance.yml",
        inventory_of({"here": THIS_MACHINE}),
        softtoken_account="broken.json",
        softtoken_fail_on=["unknown"],
    )
    assert run.rc == 2, run.output
    assert run.report["account"]["verdict"] == "unknown"
    assert str(tmp_path / "broken.json") in run.report["account"]["message"]
    assert run.hosts["here"]["facts"] is not None


def test_the_account_may_come_from_the_inventory(tmp_path: Path) -> None:
    """A play's hosts know no inventory variables: an account that only those name must not be passed over."""
    run = ansible_playbook(
        tmp_path,
        PLAYBOOKS / "compliance.yml",
        inventory_of({"here": THIS_MACHINE}, softtoken_account=str(SAMPLE), **NEVER_FAIL),
        "--tags",
        "account,report",
    )
    assert run.report["account"]["account"]["id"] == "123456789012", run.output


def test_serials_from_elsewhere_and_other_accounts_inventories_are_judged(tmp_path: Path) -> None:
    other = {
        "account_id": "444455556666",
        "authorization_details": {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []},
        "virtual_mfa_devices": [],
        "mfa_devices": {},
    }
    (tmp_path / "other.json").write_text(json.dumps(other), encoding="utf-8")
    laptop = {"host": "laptop-7", "serial": "arn:aws:iam::444455556666:mfa/gone", "where": "~/.aws/config"}
    run = iam_audit(
        tmp_path,
        softtoken_account=str(SAMPLE),
        softtoken_account_host_serials=[laptop],
        softtoken_account_inventories=["other.json"],
        **NEVER_FAIL,
    )
    assert run.rc == 0, run.output
    found = [one for one in run.report["account"]["findings"] if one["serial"] == laptop["serial"]]
    assert [(one["rule"], "laptop-7" in one["resource"]) for one in found] == [("MFA-S01", True)]


def test_without_an_account_nothing_is_audited(tmp_path: Path) -> None:
    run = ansible_playbook(tmp_path, PLAYBOOKS / "compliance.yml", inventory_of({"here": THIS_MACHINE}), **NEVER_FAIL)
    assert run.report["account"] is None
    assert run.report["account_summary"] is None


def test_the_live_account_is_audited_and_its_snapshot_gives_the_same(tmp_path: Path, moto_account: str) -> None:
    credentials = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        # Long enough to be masked nowhere else than where it should be.
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }
    os.environ.update({**credentials, "AWS_URL": moto_account})
    try:
        live = iam_audit(tmp_path, softtoken_account_snapshot_output="kept.json", **NEVER_FAIL)
    finally:
        for name in (*credentials, "AWS_URL"):
            del os.environ[name]
    assert live.rc == 0, live.output
    document = live.report["account"]
    assert document["account"]["source"] == "live"
    assert {("MFA-C04", "arn:aws:iam::123456789012:role/bypass")} <= {
        (one["rule"], one["resource"]) for one in document["findings"]
    }
    kept = tmp_path / "kept.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    again = iam_audit(tmp_path, softtoken_account="kept.json", **NEVER_FAIL)
    assert again.report["account"]["findings"] == document["findings"]
    assert again.report["account"]["coverage"] == document["coverage"]


def test_what_to_read_of_the_live_account_is_up_to_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeAws() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        aws.deny("cloudtrail:LookupEvents", code="AccessDeniedException")
        run = iam_audit(
            tmp_path,
            softtoken_account_organization=False,
            softtoken_account_monitoring=False,
            softtoken_account_trail_hours=1,
        )
    assert run.rc == 2, run.output
    assert {asked.api.partition(":")[0] for asked in aws.requests} == {"sts", "iam", "cloudtrail"}
    # What was not asked for is no gap; what was asked for and refused is.
    coverage = run.report["account"]["coverage"]
    assert {"MFA-G04", "MFA-G06", "MFA-G07"} <= set(coverage["rules"]["not_given"])
    assert {"MFA-D05", "MFA-S14"} <= set(coverage["rules"]["unknown"])
    assert {gap["api"] for gap in coverage["gaps"]} == {"cloudtrail:LookupEvents"}


@pytest.fixture
def moto_account() -> Any:
    """Serve an account with one role that lets access keys pass; yield its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
        },
    }
    try:
        iam = boto3.client(
            "iam",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key=SECRET,
        )
        iam.create_role(RoleName="bypass", AssumeRolePolicyDocument=json.dumps(trust))
        yield address
    finally:
        server.stop()
