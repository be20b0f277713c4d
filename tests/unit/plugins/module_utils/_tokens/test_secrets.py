"""Seeds and keys lie in every place that is looked at; none of them leaves the code."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Process
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.catalogue import CATALOGUE
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.evidence import find_evidence
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import (
    role_profile_facts,
    serial_details,
    serial_facts,
    token_details,
    token_facts,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import Home
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serials import (
    HOME_FILES,
    SERIAL_VARIABLES,
    find_serials,
)
from ansible_collections.softtoken.compliance.tests.fakes.files import RootedFiles

ARN = "arn:aws:iam::123456789012:mfa/alice"
ROLE = "arn:aws:iam::123456789012:role/ops"
# AWS's own examples, and the seed that every tutorial has.
SECRETS = (
    "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "JBSWY3DPEHPK3PXP",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AKIAIOSFODNN7EXAMPLE",
    "correct horse battery",
    "FwoGZXIvYXdzEBYaDPLEHOLDER1234567890abcdef",
    "deadbeefdeadbeefdeadbeefdeadbeef",
)


def plant(files: RootedFiles) -> list[Process]:
    everything = "\n".join(SECRETS)
    for entry in CATALOGUE:
        for path in entry.configuration:
            files.write(f"/home/alice/{path}", everything)
        for path in entry.system:
            files.write(path, everything)
    files.write("/etc/pam.d/sshd", f"auth required pam_google_authenticator.so secret={SECRETS[0]}\n{everything}\n")
    settings = "".join(
        f"[profile p{i}]\naws_secret_access_key = {secret}\nmfa_serial = {ARN}\n   {secret}\n"
        f"[profile q{i}]\nmfa_serial = {secret}\naws_mfa_device = {ARN} {secret}\n{secret}\n{secret} = {secret}\n"
        f"source_profile = {secret}\n"
        f"[profile r{i}]\nrole_arn = {secret}\nsource_profile = {secret}\n"
        f"[profile s{i}]\nrole_arn = {ROLE}\n  {secret}\nsource_profile = {secret}\n"
        f"[profile t{i}]\nrole_arn = {ROLE}\nsource_profile = {secret}\naws_secret_access_key = {secret}\n"
        for i, secret in enumerate(SECRETS)
    )
    for name in ("config", "credentials"):
        files.write(f"/home/alice/.aws/{name}", everything + "\n" + settings)
    shell = "".join(
        f"export AWS_SECRET_ACCESS_KEY={secret}\nexport {variable}='{secret}'\nexport {variable}=\"{ARN} {secret}\"\n"
        f"export AWS_CONFIG_FILE='{secret}'\n{variable}=$(oathtool -b {secret})\n"
        for variable in SERIAL_VARIABLES
        for secret in SECRETS
    )
    for name in (*HOME_FILES, ".config/environment.d/x.conf"):
        files.write(f"/home/alice/{name}", shell)
    files.write("/etc/environment", shell)
    return [
        Process(pid, name, (f"/usr/bin/{name}", "--totp", "-b", *SECRETS), "alice")
        for pid, name in enumerate(program for entry in CATALOGUE for program in entry.programs)
    ]


def test_no_secret_leaves(tmp_path: Path) -> None:
    files = RootedFiles(tmp_path)
    processes = plant(files)
    homes = [Home("alice", "/home/alice")]
    report = find_serials(files, homes)
    evidence = find_evidence(processes, files, homes, files.which, report.references)

    returned = [report, evidence, serial_facts(report), serial_details(report), token_facts(evidence)]
    returned.append(role_profile_facts(report))
    texts = [repr(value) for value in returned] + [json.dumps(token_details(evidence))]
    for secret in SECRETS:
        assert not [text for text in texts if secret in text], secret
    # It was all looked at.
    assert len(evidence.kinds) == len(CATALOGUE) + 1
    assert {reference.serial for reference in report.references} == {ARN}
    assert {found.role_arn for found in report.role_profiles} == {ROLE}
    assert len(report.gaps) > len(SECRETS)
