"""The readers of other people's files under arbitrary text: an answer, always."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.environment import read_assignments
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import serial_facts
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.homes import parse_passwd
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.ini import read_ini
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.model import Home
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serial import read_serial
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serials import VARIABLES, find_serials
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.text import shown
from ansible_collections.softtoken.compliance.tests.fakes.files import RootedFiles
from hypothesis import given
from hypothesis import strategies as st

ARN = "arn:aws:iam::123456789012:mfa/alice"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example

# Text made of what the readers look out for, so that more than the first branch is seen.
PIECES = st.sampled_from(
    [
        "[", "]", "[default]", "[profile ", '"', "'", "\\", "=", ":", "#", ";", " ", "\t", "\n", "\r", "\0", "\f",
        "\x85", "\u2028", "\ufeff", "$", "${", "}", "`", "$(", "~/", "/", "mfa_serial", "MFA_SERIAL", "source_profile",
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
