"""Traces of soft tokens, kind by kind and place by place."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Process
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.catalogue import CATALOGUE
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.evidence import find_evidence
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import token_details, token_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import (
    Evidence,
    Home,
    SerialReference,
    TokenEvidence,
)
from ansible_collections.softtoken.compliance.tests.fakes.files import DeniedFiles, RootedFiles

ALICE = Home("alice", "/home/alice")
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

DPKG_STATUS = """\
Package: oathtool
Status: install ok installed
Version: 2.6.7

Package: keepassxc
Status: deinstall ok config-files
Version: 2.7.4

Package: pass-otp
Status: install ok installed
"""
APK_INSTALLED = "C:Q1abc\nP:musl\nV:1.2\n\nP:aws-vault\nV:7.2\nT:a tool\n"


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    return RootedFiles(tmp_path)


def look(files: RootedFiles, *processes: Process) -> TokenEvidence:
    return find_evidence(list(processes), files, [ALICE], files.which)


def test_nothing_at_all_is_absent(files: RootedFiles) -> None:
    files.write("/home/alice/.profile", "")
    evidence = look(files, Process(1, "systemd", ("/sbin/init",), "root"))
    assert evidence == TokenEvidence(present=False, kinds=(), details=(), gaps=())
    assert token_facts(evidence) == {"present": False, "kinds": []}


def test_processes_that_could_not_be_listed_are_unknown_not_absent(files: RootedFiles) -> None:
    evidence = find_evidence(None, files, [ALICE], files.which)
    assert evidence.present is None
    assert len(evidence.gaps) == 1
    files.write("/home/alice/.2fa", "")
    evidence = find_evidence(None, files, [ALICE], files.which)
    assert evidence.present is True
    assert len(evidence.gaps) == 1


@pytest.mark.parametrize("denied", ["/home/alice", "/home/alice/.config", "/etc/pam.d", "/etc/pam.d/sshd"])
def test_what_could_not_be_looked_at_is_unknown_not_absent(tmp_path: Path, denied: str) -> None:
    files = DeniedFiles(tmp_path, denied)
    files.write("/home/alice/.config/x", "")
    files.write("/etc/pam.d/sshd", "")
    evidence = look(files)
    assert evidence.present is None
    assert len(evidence.gaps) == 1


@pytest.mark.parametrize(
    ("process", "kind", "shown"),
    [
        (Process(7, "oathtool", ("oathtool", "--totp", "-b", SEED), "alice"), "oathtool", "oathtool"),
        (Process(7, "keepassxc", (), "alice"), "keepassxc", "keepassxc"),
        (Process(7, "bash", ("bash", "/usr/bin/pass", "otp", "aws"), "alice"), "pass-otp", "pass"),
        (Process(7, "python3", ("/usr/bin/python3.11", "-I", "/usr/bin/ykman", "oath"), "alice"), "ykman", "ykman"),
        (Process(7, "node", ("/usr/bin/node", "/usr/lib/bin/bw", "serve"), "alice"), "bitwarden-cli", "bw"),
        (
            Process(7, "google-authenti", ("x",), "alice"),
            "google-authenticator-pam",
            "google-authenticator",
        ),
        (Process(7, "MainThread", ("/opt/1p/op", "run"), "alice"), "1password-cli", "op"),
    ],
)
def test_a_running_program(files: RootedFiles, process: Process, kind: str, shown: str) -> None:
    evidence = look(files, process, process._replace(pid=8))
    assert evidence.details == (Evidence(kind, "process", shown, "alice"),)
    assert evidence.kinds == (kind,)
    assert evidence.present is True
    assert SEED not in repr(evidence)


@pytest.mark.parametrize(
    "process",
    [
        Process(7, "bash", ("bash", "/usr/bin/pass", "show", "aws"), "alice"),
        Process(7, "vim", ("vim", "/home/alice/oathtool"), "alice"),
        Process(7, "top", ("top",), "alice"),
        Process(7, "python3", ("python3", "-I"), "alice"),
        Process(7, "", (), None),
    ],
)
def test_another_program(files: RootedFiles, process: Process) -> None:
    assert look(files, process).details == ()


def test_packages_of_dpkg_that_are_installed_and_not_only_remembered(files: RootedFiles) -> None:
    for name in ("oathtool", "keepassxc", "pass-otp"):
        files.write(f"/var/lib/dpkg/info/{name}.list", "")
    files.write("/var/lib/dpkg/status", DPKG_STATUS)
    assert look(files).details == (
        Evidence("oathtool", "package", "oathtool"),
        Evidence("pass-otp", "package", "pass-otp"),
    )


def test_the_large_dpkg_file_is_read_only_on_a_hit(files: RootedFiles) -> None:
    files.write("/var/lib/dpkg/info/bash.list", "")
    files.write("/var/lib/dpkg/status", DPKG_STATUS)
    look(files)
    assert "/var/lib/dpkg/status" not in files.opened


def test_packages_of_apk(files: RootedFiles) -> None:
    files.write("/lib/apk/db/installed", APK_INSTALLED)
    assert look(files).details == (Evidence("aws-vault", "package", "aws-vault"),)


def test_packages_of_pacman(files: RootedFiles) -> None:
    for entry in ("oath-toolkit-2.6.11-2", "keepassxc-docs-1-1", "ALPM_DB_VERSION"):
        files.write(f"/var/lib/pacman/local/{entry}/desc", "")
    assert look(files).details == (Evidence("oathtool", "package", "oath-toolkit"),)


def test_a_package_database_that_cannot_be_read(tmp_path: Path) -> None:
    files = DeniedFiles(tmp_path, "/var/lib/dpkg/status")
    files.write("/var/lib/dpkg/info/oathtool.list", "")
    evidence = look(files)
    assert evidence.present is None
    assert evidence.gaps[0].reason == "cannot read the package database /var/lib/dpkg/status: permission denied"


def test_executables_on_the_path_and_beside_it(files: RootedFiles) -> None:
    for path in (
        "/usr/bin/oathtool",
        "/usr/bin/pass",  # keeps passwords; with otp it has an extension
        "/snap/bin/bw",
        "/var/lib/flatpak/exports/bin/com.belmoussaoui.Authenticator",
        "/home/alice/go/bin/2fa",
        "/home/alice/.local/bin/awsume",
        "/home/alice/.local/bin/pass",
    ):
        files.write(path, "")
    assert set(look(files).details) == {
        Evidence("oathtool", "executable", "/usr/bin/oathtool"),
        Evidence("bitwarden-cli", "executable", "/snap/bin/bw"),
        Evidence("gnome-authenticator", "executable", "/var/lib/flatpak/exports/bin/com.belmoussaoui.Authenticator"),
        Evidence("2fa", "executable", "/home/alice/go/bin/2fa", "alice"),
        Evidence("awsume", "executable", "/home/alice/.local/bin/awsume", "alice"),
    }


@pytest.mark.parametrize("entry", [entry for entry in CATALOGUE if entry.configuration], ids=lambda entry: entry.kind)
def test_configuration_in_a_home_is_seen_and_not_opened(files: RootedFiles, entry: object) -> None:
    kind, paths = entry.kind, entry.configuration  # type: ignore[attr-defined]
    for path in paths:
        files.write(f"/home/alice/{path}", SEED)
    assert set(look(files).details) == {
        Evidence(kind, "configuration", f"/home/alice/{path}", "alice") for path in paths
    }
    assert files.opened == []


def test_the_extension_of_pass_and_the_users_of_oath(files: RootedFiles) -> None:
    files.write("/usr/lib/password-store/extensions/otp.bash", "")
    files.write("/etc/users.oath", f"HOTP/T30 root - {SEED}")
    assert look(files).kinds == ("pass-otp", "oath-pam")
    assert files.opened == []


def test_pam_modules_that_verify_codes(files: RootedFiles) -> None:
    files.write("/etc/pam.d/sshd", "# auth required pam_oath.so\nauth required pam_google_authenticator.so nullok\n")
    files.write("/etc/pam.d/login", "auth required pam_unix.so # not pam_oath.so\n")
    files.write("/etc/pam.d/backup/sshd", "auth required pam_oath.so\n")
    evidence = look(files)
    assert evidence.details == (Evidence("google-authenticator-pam", "configuration", "/etc/pam.d/sshd"),)
    assert evidence.gaps == ()


def test_an_mfa_serial_is_evidence_too_and_named_last(files: RootedFiles) -> None:
    files.write("/usr/bin/oathtool", "")
    serial = SerialReference("arn:x", "/home/alice/.aws/config", "prod", "alice")
    evidence = find_evidence([], files, [], files.which, [serial, serial._replace(profile="test")])
    assert evidence.kinds == ("oathtool", "aws-config")
    assert token_details(evidence)[-1] == {
        "kind": "aws-config",
        "how": "aws-config",
        "where": "/home/alice/.aws/config",
        "user": "alice",
    }
    assert len(evidence.details) == 2


def test_the_catalogue_names_nothing_twice() -> None:
    kinds = [entry.kind for entry in CATALOGUE]
    programs = [program for entry in CATALOGUE for program in entry.programs]
    paths = [path for entry in CATALOGUE for path in entry.configuration]
    for names in (kinds, programs, paths):
        assert len(set(names)) == len(names)
    cut = [program[:15] for program in programs]
    assert len(set(cut)) == len(cut)


def test_no_trace_is_found_by_accident(files: RootedFiles) -> None:
    """RHEL's upgrade tool shares its name with Leapp; a password store is no token."""
    files.write("/usr/bin/leapp", "")
    files.write("/home/alice/.password-store/aws.gpg", "")
    assert look(files, Process(7, "leapp", ("/usr/bin/leapp", "upgrade"), "root")).present is False
