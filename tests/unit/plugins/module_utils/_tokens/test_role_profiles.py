"""Profiles for a role that name no MFA device, in the files of a whole host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import (
    role_profile_facts,
    serial_details,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import Home, RoleProfile, SerialReport
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serials import find_serials
from ansible_collections.softtoken.compliance.tests.fakes.files import RootedFiles

ALICE = Home("alice", "/home/alice")
CONFIG = "/home/alice/.aws/config"
CREDENTIALS = "/home/alice/.aws/credentials"
ARN = "arn:aws:iam::123456789012:mfa/alice"
ROLE = "arn:aws:iam::123456789012:role/ops"
OPS = f"[profile ops]\nrole_arn = {ROLE}\nsource_profile = user\n"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    return RootedFiles(tmp_path)


def profiles(report: SerialReport) -> list[str]:
    return [found.profile for found in report.role_profiles]


def test_a_serial_of_the_source_profile_is_not_the_profiles_own(files: RootedFiles) -> None:
    files.write(CONFIG, f"[profile user]\nmfa_serial = {ARN}\n{OPS}")
    files.write(CREDENTIALS, f"[user]\n{KEYS}")
    report = find_serials(files, [ALICE])
    assert report.role_profiles == (RoleProfile(ROLE, CONFIG, "ops", "alice", 4),)
    # awsume makes do with it, and is told apart.
    assert [(found.profile, found.tool) for found in report.inherited] == [("ops", "awsume")]
    assert report.gaps == ()


@pytest.mark.parametrize(
    "own",
    [
        f"mfa_serial = {ARN}\n",
        f"MFA_Serial: {ARN}\n",
        "mfa_serial = my phone\n",  # a gap of its own
        "credential_source = Ec2InstanceMetadata\n",
        "web_identity_token_file = /var/run/token\n",
    ],
)
def test_not_with_a_serial_nor_with_credentials_of_no_user(files: RootedFiles, own: str) -> None:
    files.write(CONFIG, OPS + own)
    assert profiles(find_serials(files, [ALICE])) == []


@pytest.mark.parametrize("own", ["mfa_serial =\n", f"aws_mfa_device = {ARN}\n", "include_profile = user\n"])
def test_what_the_aws_cli_does_not_take_as_a_serial(files: RootedFiles, own: str) -> None:
    files.write(CONFIG, f"{OPS}{own}[profile user]\nmfa_serial = {ARN}\n")
    assert profiles(find_serials(files, [ALICE])) == ["ops"]


@pytest.mark.parametrize(
    "text",
    [
        f"role_arn = {ROLE}\n",
        "source_profile = user\n",
        "role_arn =\nsource_profile = user\n",
        f"role_arn = {ROLE}\nsource_profile =\n",
        "sso_session = corp\nsso_role_name = ops\nsso_account_id = 123456789012\n",
        f"s3 =\n  role_arn = {ROLE}\nsource_profile = user\n",
    ],
)
def test_not_without_role_and_source(files: RootedFiles, text: str) -> None:
    files.write(CONFIG, f"[profile ops]\n{text}")
    report = find_serials(files, [ALICE])
    assert (report.role_profiles, report.gaps) == ((), ())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ["ops"]),  # aws-vault keeps keys elsewhere
        (KEYS, ["ops"]),
        (f"{KEYS}aws_session_token = x\n", []),
        (f"{KEYS}aws_security_token = x\n", []),
        (f"{KEYS}role_arn = {ROLE}\n", ["ops"]),
        (f"role_arn = {ROLE}\ncredential_source = EcsContainer\n", []),
        (f"role_arn = {ROLE}\nsource_profile = far\n", ["user"]),
        ("sso_session = corp\n", []),
        ("sso_start_url = https://x\n", []),
        ("credential_process = aws-vault export user\n", []),
        (f"{KEYS}credential_process = x\n", ["ops"]),
        ("login_session = x\n", []),
    ],
)
def test_what_the_source_brings(files: RootedFiles, source: str, expected: list[str]) -> None:
    files.write(CONFIG, OPS + f"[profile user]\n{source}")
    assert profiles(find_serials(files, [ALICE])) == expected


def test_a_profile_may_be_its_own_source(files: RootedFiles) -> None:
    files.write(CONFIG, f"[profile ops]\nrole_arn = {ROLE}\nsource_profile = ops\n")
    # aws-vault keeps the keys elsewhere.
    assert profiles(find_serials(files, [ALICE])) == ["ops"]
    files.write(CREDENTIALS, f"[ops]\n{KEYS}")
    assert profiles(find_serials(files, [ALICE])) == ["ops"]
    files.write(CREDENTIALS, f"[ops]\n{KEYS}aws_session_token = x\n")
    assert profiles(find_serials(files, [ALICE])) == []


def test_both_files_make_one_profile(files: RootedFiles) -> None:
    files.write(CONFIG, OPS)
    files.write(CREDENTIALS, f"[ops]\nmfa_serial = {ARN}\n")
    assert profiles(find_serials(files, [ALICE])) == []
    files.write(CONFIG, "[profile ops]\nsource_profile = user\n")
    files.write(CREDENTIALS, f"[ops]\nrole_arn = {ROLE}\n")
    assert [found.where for found in find_serials(files, [ALICE]).role_profiles] == [CREDENTIALS]


def test_another_configuration_file_gives_no_serial(files: RootedFiles) -> None:
    files.write("/home/alice/.profile", "export AWS_CONFIG_FILE=~/work\n")
    files.write("/home/alice/work", f"{OPS}mfa_serial = {ARN}\n")
    files.write(CONFIG, OPS)
    assert [found.where for found in find_serials(files, [ALICE]).role_profiles] == [CONFIG]


def test_a_file_that_the_hosts_environment_names_is_nobodys(files: RootedFiles) -> None:
    files.write("/etc/environment", "AWS_CONFIG_FILE=/srv/aws\n")
    files.write("/srv/aws", OPS)
    assert find_serials(files, []).role_profiles == (RoleProfile(ROLE, "/srv/aws", "ops", None, 2),)


def test_a_section_that_is_no_profile_is_none(files: RootedFiles) -> None:
    files.write(CONFIG, OPS.replace("profile ops", "ops"))
    assert profiles(find_serials(files, [ALICE])) == []


@pytest.mark.parametrize(
    "value",
    [
        "ops",
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::1234:role/x",
        f"{ROLE} x",
        f"{ROLE}\n  more",
        f"{ROLE}é",
        "arn:aws:iam::123456789012:role/" + "x" * 577,
    ],
)
def test_what_is_no_role_is_a_gap_and_not_shown(files: RootedFiles, value: str) -> None:
    files.write(CONFIG, f"[profile ops]\nrole_arn = {value}\nsource_profile = user\n")
    report = find_serials(files, [ALICE])
    assert report.role_profiles == ()
    assert [gap.reason for gap in report.gaps] == [
        f"{CONFIG}:2: role_arn is no ARN of a role: whether it wants MFA is not known"
    ]


@pytest.mark.parametrize(
    "role", ["arn:aws-us-gov:iam::123456789012:role/a/b/c+=,.@-_", "arn:aws-cn:iam::123456789012:role/x"]
)
def test_roles_of_every_partition(files: RootedFiles, role: str) -> None:
    files.write(CONFIG, OPS.replace(ROLE, role))
    assert [found.role_arn for found in find_serials(files, [ALICE]).role_profiles] == [role]


def test_more_profiles_than_anybody_has(files: RootedFiles) -> None:
    files.write(CONFIG, "".join(OPS.replace("ops]", f"ops{i}]") for i in range(1001)))
    report = find_serials(files, [ALICE])
    assert len(report.role_profiles) == 1000
    assert [gap.reason for gap in report.gaps] == [
        f"{CONFIG} has role profiles beyond the 1000 of this user that are listed"
    ]
    files.write(CONFIG, "".join(OPS.replace("ops]", f"ops{i}]") for i in range(1000)))
    assert find_serials(files, [ALICE]).gaps == ()


def test_facts_have_exactly_the_four_keys_and_each_profile_once() -> None:
    found = RoleProfile(ROLE, CONFIG, "ops", "alice", 2)
    report = SerialReport((), (), (), (found, found._replace(line=9)))
    assert role_profile_facts(report) == [{"role_arn": ROLE, "where": CONFIG, "profile": "ops", "user": "alice"}]
    assert [one["line"] for one in serial_details(report)["role_profiles"]] == [2, 9]
