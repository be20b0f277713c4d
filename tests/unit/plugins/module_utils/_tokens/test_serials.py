"""MFA serials in the files of a whole host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import serial_details, serial_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import (
    Home,
    InheritedSerial,
    SerialReference,
    SerialReport,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serials import find_serials
from ansible_collections.softtoken.compliance.tests.fakes.files import DeniedFiles, RootedFiles

ALICE = Home("alice", "/home/alice")
CONFIG = "/home/alice/.aws/config"
ARN = "arn:aws:iam::123456789012:mfa/alice"


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    return RootedFiles(tmp_path)


def reasons(report: SerialReport) -> list[str]:
    assert {gap.subset for gap in report.gaps} <= {"serials"}
    return [gap.reason for gap in report.gaps]


def test_every_place_of_a_user(files: RootedFiles) -> None:
    files.write(CONFIG, f"[default]\nmfa_serial = {ARN}\n[profile prod]\nregion = x\nmfa_serial = {ARN}-2\n")
    files.write("/home/alice/.aws/credentials", f"[legacy-long-term]\naws_mfa_device = {ARN}-3\n")
    files.write("/home/alice/.bashrc", f"export AWS_MFA_SERIAL={ARN}-4\n")
    files.write("/home/alice/.config/environment.d/aws.conf", f"MFA_DEVICE={ARN}-5\n")
    files.write("/home/alice/.config/environment.d/aws.conf.bak", f"MFA_DEVICE={ARN}-6\n")
    report = find_serials(files, [ALICE])
    assert report.references == (
        SerialReference(f"{ARN}-4", "/home/alice/.bashrc", None, "alice", 1, "AWS_MFA_SERIAL"),
        SerialReference(f"{ARN}-5", "/home/alice/.config/environment.d/aws.conf", None, "alice", 1, "MFA_DEVICE"),
        SerialReference(ARN, CONFIG, "default", "alice", 2, "mfa_serial"),
        SerialReference(f"{ARN}-2", CONFIG, "prod", "alice", 5, "mfa_serial"),
        SerialReference(f"{ARN}-3", "/home/alice/.aws/credentials", "legacy-long-term", "alice", 2, "aws_mfa_device"),
    )
    assert report.gaps == ()


def test_files_of_the_host_belong_to_nobody(files: RootedFiles) -> None:
    files.write("/etc/environment", f"AWS_MFA_SERIAL={ARN}\n")
    files.write("/etc/profile.d/aws.sh", "export AWS_CONFIG_FILE=/srv/aws/config\n")
    files.write("/srv/aws/config", f"[profile shared]\nmfa_serial={ARN}\n")
    assert [(found.where, found.profile, found.user) for found in find_serials(files, []).references] == [
        ("/etc/environment", None, None),
        ("/srv/aws/config", "shared", None),
    ]


def test_configuration_files_that_the_environment_names(files: RootedFiles) -> None:
    files.write(
        "/home/alice/.zshrc",
        'export AWS_CONFIG_FILE="$HOME/work/aws"\n'
        "AWS_SHARED_CREDENTIALS_FILE=~/work/keys\n"
        "export AWS_CONFIG_FILE=~/.aws/config\n",
    )
    files.write(CONFIG, f"[default]\nmfa_serial={ARN}\n")
    files.write("/home/alice/work/aws", f"[profile a]\nmfa_serial={ARN}\n[b]\n")
    files.write("/home/alice/work/keys", f"[b]\nmfa_serial={ARN}\n")
    report = find_serials(files, [ALICE])
    assert [(found.where, found.profile) for found in report.references] == [
        (CONFIG, "default"),
        ("/home/alice/work/aws", "a"),
        ("/home/alice/work/keys", "b"),
    ]
    assert files.opened.count(CONFIG) == 1
    assert report.gaps == ()


@pytest.mark.parametrize("value", ["$WHERE/config", "relative/config", "/proc/kmsg", "/dev/zero", "/sys/x", "'/a\0b'"])
def test_a_configuration_file_that_is_not_read_is_said(files: RootedFiles, value: str) -> None:
    files.write("/home/alice/.profile", f"\nexport AWS_CONFIG_FILE={value}\n")
    (reason,) = reasons(find_serials(files, [ALICE]))
    assert reason.startswith("/home/alice/.profile:2: AWS_CONFIG_FILE names no file")
    assert value not in reason


@pytest.mark.parametrize(
    ("section", "profile", "problems"),
    [
        ("default", "default", 0),
        ("profile prod", "prod", 0),
        ('profile "with space"', "with space", 0),
        ("profile  'x'", "x", 0),
        ("prod", "prod", 1),
        ("profile a b", "profile a b", 1),
        ("profile it's", "profile it's", 1),
    ],
)
def test_sections_are_profiles_as_botocore_sees_them(
    files: RootedFiles, section: str, profile: str, problems: int
) -> None:
    files.write(CONFIG, f"[{section}]\nmfa_serial = {ARN}\n")
    report = find_serials(files, [ALICE])
    assert [found.profile for found in report.references] == [profile]
    assert len(report.gaps) == problems
    assert all(f"{CONFIG}:2: stands in a section that is no profile" in reason for reason in reasons(report))


def test_inheritance_is_told_apart_from_references(files: RootedFiles) -> None:
    files.write(
        CONFIG,
        f"[profile user]\nmfa_serial = {ARN}\n"
        "[profile role]\nsource_profile = user\nrole_arn = arn:aws:iam::210987654321:role/x\n"
        "[profile vault]\ninclude_profile = user\n"
        f"[profile own]\nsource_profile = user\nmfa_serial = {ARN}-own\n"
        "[profile far]\nsource_profile = role\n[profile self]\nsource_profile = self\n",
    )
    report = find_serials(files, [ALICE])
    assert [found.profile for found in report.references] == ["user", "own"]
    assert report.inherited == (
        InheritedSerial(ARN, "role", "alice", "user", "source_profile", "awsume"),
        InheritedSerial(ARN, "vault", "alice", "user", "include_profile", "aws-vault"),
    )


def test_the_source_profile_may_stand_in_the_credentials_file(files: RootedFiles) -> None:
    files.write(CONFIG, "[profile role]\nsource_profile = user\n")
    files.write("/home/alice/.aws/credentials", f"[user]\nmfa_serial = {ARN}\n")
    assert [found.profile for found in find_serials(files, [ALICE]).inherited] == ["role"]


def test_a_broken_file_is_named_by_line_and_still_read(files: RootedFiles) -> None:
    files.write(CONFIG, f"[default]\nmfa_serial = {ARN}\nwJalrXUtnFEMI/K7MDENG\n[default]\n")
    report = find_serials(files, [ALICE])
    assert [found.serial for found in report.references] == [ARN]
    (reason,) = reasons(report)
    assert reason == (
        f"{CONFIG}: line 3 is neither a section nor a setting (and 1 more problems): the AWS CLI refuses the whole file"
    )


def test_a_malformed_serial_is_a_gap_at_its_line(files: RootedFiles) -> None:
    files.write(CONFIG, "[default]\n\nmfa_serial = my phone\n[profile b]\nmfa_serial =\n")
    report = find_serials(files, [ALICE])
    assert report.references == ()
    assert reasons(report) == [f"{CONFIG}:3: mfa_serial is malformed: it has characters that no MFA serial has"]


def test_a_variable_that_may_be_anything_counts_when_it_looks_like_a_serial(files: RootedFiles) -> None:
    files.write("/home/alice/.profile", "MFA_DEVICE=/dev/hidraw0\nMFA_SERIAL=GAHT12345678\nAWS_MFA_DEVICE=x/y/z-1234\n")
    found = find_serials(files, [ALICE]).references
    assert [reference.serial for reference in found] == ["GAHT12345678", "x/y/z-1234"]


def test_a_computed_serial_is_unknown_not_absent(files: RootedFiles) -> None:
    files.write("/home/alice/.profile", "AWS_MFA_SERIAL=$(aws iam list-mfa-devices)\n")
    assert reasons(find_serials(files, [ALICE])) == [
        "/home/alice/.profile:1: AWS_MFA_SERIAL is made of other variables or a command: only that shell knows it"
    ]


def test_leapp_keeps_its_devices_to_itself(files: RootedFiles) -> None:
    files.write("/home/alice/.Leapp/Leapp-lock.json", f'{{"mfaDevice": "{ARN}"}}')
    (reason,) = reasons(find_serials(files, [ALICE]))
    assert "Leapp-lock.json is encrypted" in reason
    assert "/home/alice/.Leapp/Leapp-lock.json" not in files.opened


def test_a_fifo_a_device_and_a_directory_hold_nobody_up(files: RootedFiles) -> None:
    aws = Path(files.root, "home/alice/.aws")
    aws.mkdir(parents=True)
    os.mkfifo(aws / "config")
    (aws / "credentials").symlink_to("/dev/zero")
    (aws.parent / ".bashrc").mkdir()
    report = find_serials(files, [ALICE])
    assert report.references == ()
    assert reasons(report) == [
        f"cannot read {CONFIG}: not a regular file",
        "cannot read /home/alice/.aws/credentials: not a regular file",
    ]


def test_a_file_too_large_to_be_a_configuration(files: RootedFiles) -> None:
    files.write(CONFIG, f"[default]\nmfa_serial = {ARN}\n" + "#" * 1048576)
    report = find_serials(files, [ALICE])
    assert report.references == ()
    assert reasons(report) == [f"cannot read {CONFIG}: larger than 1048576 bytes"]


def test_more_serials_than_anybody_has(files: RootedFiles) -> None:
    files.write(CONFIG, "".join(f"[profile p{i}]\nmfa_serial = {ARN}{i}\n" for i in range(1001)))
    report = find_serials(files, [ALICE])
    assert len(report.references) == 1000
    assert reasons(report) == [f"{CONFIG} has more than 1000 MFA serials: the rest was not read"]
    files.write(CONFIG, "".join(f"[profile p{i}]\nmfa_serial = {ARN}{i}\n" for i in range(1000)))
    assert find_serials(files, [ALICE]).gaps == ()


def test_what_this_user_may_not_read_is_said_once(tmp_path: Path) -> None:
    files = DeniedFiles(tmp_path, "/home/alice/.aws", "/home/alice/.config/environment.d", "/home/bob")
    for name in (CONFIG, "/home/alice/.config/environment.d/x.conf", "/home/bob/.aws/config"):
        files.write(name, f"[default]\nmfa_serial = {ARN}\n")
    files.write("/home/alice/.profile", f"AWS_MFA_SERIAL={ARN}\n")
    report = find_serials(files, [ALICE, Home("bob", "/home/bob")])
    assert [found.where for found in report.references] == ["/home/alice/.profile"]
    (reason,) = reasons(report)
    assert "alice" in reason
    assert "bob" in reason
    assert "root" in reason


def test_bytes_that_are_no_text(files: RootedFiles) -> None:
    files.write(CONFIG, f"[profile b\udcffd]\nmfa_serial = {ARN}\n")
    (found,) = find_serials(files, [ALICE]).references
    assert found.profile == "b\ufffdd"


def test_facts_have_exactly_the_four_keys_and_each_reference_once() -> None:
    reference = SerialReference(ARN, CONFIG, "a", "alice", 2, "mfa_serial")
    report = SerialReport((reference, reference._replace(line=9), reference._replace(profile=None)), (), ())
    assert serial_facts(report) == [
        {"serial": ARN, "where": CONFIG, "profile": "a", "user": "alice"},
        {"serial": ARN, "where": CONFIG, "profile": None, "user": "alice"},
    ]
    assert [found["line"] for found in serial_details(report)["references"]] == [2, 9, 2]
