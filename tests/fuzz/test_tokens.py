"""The readers of other people's files under arbitrary text: an answer, always."""

from __future__ import annotations

import configparser
import datetime
import json
import re
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.environment import read_assignments
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import (
    role_profile_facts,
    serial_facts,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.homes import parse_passwd
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.ini import read_ini
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import Home
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serial import read_serial
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serials import VARIABLES, find_serials
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.text import shown
from ansible_collections.softtoken.compliance.tests.fakes.files import RootedFiles
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

ARN = "arn:aws:iam::123456789012:mfa/alice"
ROLE = "arn:aws:iam::123456789012:role/ops"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example

# Text made of what the readers look out for, so that more than the first branch is seen.
PIECES = st.sampled_from(
    [
        "[", "]", "[default]", "[profile ", '"', "'", "\\", "=", ":", "#", ";", " ", "\t", "\n", "\r", "\0", "\f",
        "\x85", "\u2028", "\ufeff", "$", "${", "}", "`", "$(", "~/", "/", "mfa_serial", "MFA_SERIAL", "source_profile",
        "role_arn = ", "source_profile = x\n", "[profile r]\n", ROLE,
        "export ", "setenv ", "set -x ", "AWS_MFA_SERIAL", "AWS_CONFIG_FILE", "HOME", "USER", "%(x)s", ARN,
        SECRET, "é",
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join))
# What Python's parser takes without complaint, to compare with.
LINES = st.lists(
    st.sampled_from(["[a]", "[b]", "k = 1", "l: 2", "  more", "", "   ", "# c", "  ; c", "K2=", "m = x", "\tm"]),
    max_size=12,
)


@given(TEXT)
def test_settings(text: str) -> None:
    found = read_ini(text)
    count = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert all(1 <= item.line <= count and item.key == item.key.strip().lower() for item in found.settings)
    assert all(1 <= problem.line <= count for problem in found.problems)
    assert not any(SECRET in problem.what for problem in found.problems)


@given(LINES)
def test_settings_are_those_of_python(rows: list[str]) -> None:
    text = "\n".join(["[default]", *rows])
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        assert read_ini(text).problems
        return
    found = read_ini(text)
    assert found.problems == ()
    assert {(item.section, item.key): item.value.split() for item in found.settings} == {
        (section, key): parser.get(section, key).split() for section in parser.sections() for key in parser[section]
    }


@given(TEXT)
def test_assignments(text: str) -> None:
    for found in read_assignments(text, VARIABLES, home="/home/alice", user="alice"):
        assert found.name in VARIABLES
        assert found.line >= 1


@given(TEXT)
def test_serials_are_short_plain_and_no_keys(text: str) -> None:
    value, problem = read_serial(text)
    assert value or problem
    assert len(value) <= 256
    assert value.isprintable()
    assert value.isascii()
    assert text.startswith(value)
    assert not value.startswith(SECRET)


@given(TEXT)
def test_accounts(text: str) -> None:
    assert all(account.user for account in parse_passwd(text))


@given(st.text(st.characters()), st.integers(min_value=1, max_value=300))
def test_shown_text_can_be_stored_anywhere(text: str, limit: int) -> None:
    clean = shown(text, limit)
    assert clean.encode().decode() == clean
    assert len(clean) <= limit + 3
    assert clean.isprintable()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@given(config=TEXT, profile=TEXT)
def test_a_whole_home(root: Path, config: str, profile: str) -> None:
    files = RootedFiles(root)
    for path, text in ((".aws/config", config), (".aws/credentials", config), (".profile", profile)):
        files.write(f"/home/alice/{path}", text.encode("utf-8", "replace").decode())
    report = find_serials(files, [Home("alice", "/home/alice")])
    assert json.dumps(serial_facts(report)).isprintable()
    assert not any(SECRET in gap.reason for gap in report.gaps)
    profiles = role_profile_facts(report)
    assert json.dumps(profiles).isprintable()
    assert all(re.fullmatch(r"arn:aws:iam::123456789012:role/ops[\w+=,.@/-]*", one["role_arn"]) for one in profiles)


KEYS = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": SECRET}
MORE = {
    "role_arn": ROLE,
    "mfa_serial": ARN,
    "aws_session_token": "of a session",
    "credential_source": "Ec2InstanceMetadata",
    "credential_process": "false",
    "web_identity_token_file": "/nonexistent",
    "sso_session": "x",
    "sso_account_id": "123456789012",
}


def profile(always: dict[str, str], source: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    """Return profiles with few settings, mostly with keys: what has everything is refused by every tool."""
    return st.builds(
        lambda keys, more, other: {
            **always, **(KEYS if keys else {}), **{key: MORE[key] for key in more},
            **({"source_profile": other} if always or "role_arn" in more else {}),
        },
        st.sampled_from([True, True, False]),
        st.lists(st.sampled_from(sorted(MORE)), max_size=2, unique=True),
        source,
    )  # fmt: skip


PROFILES = st.fixed_dictionaries(
    {
        "ops": profile({"role_arn": ROLE}, st.sampled_from(["user", "user", "ops", "default", "nobody"])),
        "user": profile({}, st.sampled_from(["default", "user"])),
        "default": profile({}, st.just("user")),
    }
)


class _Sts:
    """Takes botocore's calls of AssumeRole down: with which keys, and with which serial."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | None, str | None]] = []

    def client(self, _service: str, **given: Any) -> _Sts:
        self._token = given["aws_session_token"]
        return self

    def assume_role(self, **request: Any) -> dict[str, Any]:
        self.calls.append((self._token, request.get("SerialNumber")))
        expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        credentials = {"AccessKeyId": "ASIA", "SecretAccessKey": "x", "SessionToken": "of a role", "Expiration": expiry}
        return {"Credentials": credentials}


def botocore_calls(home: Path, profile: str) -> list[tuple[str | None, str | None]]:
    """Return the session token and the serial of each AssumeRole that the AWS CLI would make, first to last."""
    session = botocore.session.Session(profile=profile)
    session.set_config_variable("config_file", str(home / ".aws/config"))
    session.set_config_variable("credentials_file", str(home / ".aws/credentials"))
    session.set_config_variable("region", "us-east-1")
    provider = session.get_component("credential_provider").get_provider("assume-role")
    sts = _Sts()
    provider._client_creator = sts.client
    provider._prompter = lambda _prompt: "123456"
    try:
        credentials = provider.load()
        if credentials is not None:
            credentials.get_frozen_credentials()
    except botocore.exceptions.BotoCoreError:
        return []
    return sts.calls


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(profiles=PROFILES, in_credentials=st.sets(st.sampled_from(["ops", "user"])))
def test_role_profiles_are_those_that_botocore_calls_for_without_mfa(
    root: Path, monkeypatch: pytest.MonkeyPatch, profiles: dict[str, dict[str, str]], in_credentials: set[str]
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(root / "home/bob/.aws/config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(root / "home/bob/.aws/credentials"))
    texts = {"config": "", "credentials": ""}
    for name, values in profiles.items():
        section = name if name in {"default", *in_credentials} else f"profile {name}"
        rows = "".join(f"{key} = {value}\n" for key, value in values.items())
        texts["credentials" if name in in_credentials else "config"] += f"[{section}]\n{rows}"
    files = RootedFiles(root)
    for file, text in texts.items():
        files.write(f"/home/bob/.aws/{file}", text)
    report = find_serials(files, [Home("bob", "/home/bob")])
    listed = {found.profile for found in report.role_profiles}
    for name in profiles:
        calls = botocore_calls(root / "home/bob", name)
        event("called" if calls else "not called")
        if calls:
            # Only the first call is made with the user's keys.
            assert (name in listed) == (calls == [(None, None)]), (texts, calls)
