"""Assignments in files that shells and others read."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.environment import (
    Assignment,
    read_assignments,
)

NAME = "AWS_MFA_SERIAL"
ARN = "arn:aws:iam::123456789012:mfa/alice"


def read(text: str, home: str | None = "/home/alice", user: str | None = "alice") -> list[Assignment]:
    return list(read_assignments(text, [NAME, "AWS_CONFIG_FILE"], home=home, user=user))


@pytest.mark.parametrize(
    "line",
    [
        f"{NAME}={ARN}",
        f"export {NAME}={ARN}",
        f"  export {NAME}='{ARN}'",
        f'export {NAME}="{ARN}"; export X=1',
        f"export A=1 {NAME}={ARN} B=2",
        f"declare -x {NAME}={ARN}",
        f"test -t 0 && export {NAME}={ARN} # my phone",
        f"setenv {NAME} {ARN}",
        f"set -gx {NAME} {ARN}",
        f"set -x -g {NAME} '{ARN}'",
        f"alias a='x';{NAME}={ARN}",
        f'export {NAME}="arn:aws:iam::123456789012:mfa/$USER"',
        f"export {NAME}=arn:aws:iam::123456789012:mfa/${{LOGNAME}}",
    ],
)
def test_an_assignment(line: str) -> None:
    assert read(f"# first\n{line}\n") == [Assignment(NAME, ARN, 2)]


@pytest.mark.parametrize(
    "line",
    [
        f"# export {NAME}={ARN}",
        f"true # {NAME}={ARN}",
        f"echo {NAME}={ARN}",
        f"printf 'set {NAME}={ARN}'",
        f"OTHER_{NAME}={ARN}",
        f"{NAME}_2={ARN}",
        f"set {NAME} {ARN}",
        f"export {NAME}=",
        f"export {NAME}=''",
        f"unset {NAME}",
        f'test "${NAME}" = x',
    ],
)
def test_no_assignment(line: str) -> None:
    assert read(line) == []


@pytest.mark.parametrize(
    "value",
    [
        '"arn:aws:iam::$ACCOUNT:mfa/alice"',
        "$(aws iam list-mfa-devices)",
        "`cat serial`",
        "${1:-x}",
        "arn:$",
    ],
)
def test_a_value_that_only_the_shell_knows(value: str) -> None:
    assert read(f"export {NAME}={value}") == [Assignment(NAME, None, 1)]


def test_a_file_of_the_whole_host_has_no_user() -> None:
    assert read("AWS_CONFIG_FILE=$HOME/x\nAWS_CONFIG_FILE='$HOME/x'", home=None, user=None) == [
        Assignment("AWS_CONFIG_FILE", None, 1),
        Assignment("AWS_CONFIG_FILE", "$HOME/x", 2),
    ]


def test_a_very_long_line_is_passed_over() -> None:
    assert read("x" * 5000 + f" {NAME}={ARN}\n{NAME}={ARN}") == [Assignment(NAME, ARN, 2)]
