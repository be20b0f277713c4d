"""Commands that a diagnosis gives are commands: AWS's own operations and flags, our own playbooks."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import botocore.session
import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis import commands
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import Command, Facts, Question
from botocore import xform_name

from tests.rigs.diagnosis import QUESTION, ROLE, SERIAL, ask

PLAYBOOKS = Path(__file__).resolve().parents[5] / "playbooks"
FULL = QUESTION._replace(serial=SERIAL, role_arn=ROLE, region="eu-central-1", profile="prod", host="laptop")
EMPTY = Question(now_s=0)
# The AWS CLI's own, beside the parameters of the API.
GLOBAL = {"--region", "--profile"}
CUSTOM = {"create-virtual-mfa-device": {"--outfile", "--bootstrap-method"}}


def every(question: Question) -> list[Command]:
    return [
        commands.assume_role(question, SERIAL),
        commands.audit(),
        commands.caller(question),
        commands.create_device(question),
        commands.enable_device(question, SERIAL),
        commands.enforce_clock(question.host),
        commands.get_policy(question, "trust", ROLE),
        commands.get_policy(question, "inline:mfa", "arn:aws:iam::123456789012:user/alice"),
        commands.get_policy(question, "inline:mfa", "arn:aws:iam::123456789012:group/people"),
        commands.get_policy(question, "inline:mfa", ROLE),
        commands.get_policy(question, "managed:arn:aws:iam::123456789012:policy/p@v2", "x"),
        commands.get_policy(question, "boundary", "arn:aws:iam::123456789012:policy/p"),
        commands.get_policy(question, "scp:p-12345678", "p-12345678"),
        commands.health(question),
        commands.list_devices(question),
        commands.lookup(question, "ConsoleLogin"),
        commands.measure_clock(question),
        commands.open_session(question, SERIAL),
        commands.remediate_role(ROLE),
        commands.replace(question, SERIAL),
        commands.resync(question, SERIAL),
        commands.resync_cli(question, SERIAL),
        commands.simulate(question, "", ""),
        commands.wider(question),
    ]


@pytest.fixture(scope="module")
def aws() -> botocore.session.Session:
    return botocore.session.get_session()


@pytest.mark.parametrize("question", [FULL, EMPTY], ids=["full", "empty"])
def test_every_aws_command_has_only_flags_that_aws_knows(question: Question, aws: botocore.session.Session) -> None:
    for command in every(question):
        if command.kind == "command":
            words = shlex.split(command.text)
            model = aws.get_service_model(words[1])
            known = {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}
            assert words[2] in known, command.text
            shape = known[words[2]].input_shape
            members = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else ())}
            # The CLI writes code1 where the API's name has AuthenticationCode1.
            members |= {flag.replace("-code-", "-code") for flag in members}
            given = {word for word in words if word.startswith("--")}
            assert given <= members | GLOBAL | CUSTOM.get(words[2], set()), command.text
            required = {f"--{xform_name(name, '-')}" for name in (shape.required_members if shape else ())}
            assert {flag.replace("-code-", "-code") for flag in required} <= given, command.text


@pytest.mark.parametrize("question", [FULL, EMPTY], ids=["full", "empty"])
def test_every_playbook_is_one_of_ours_with_variables_that_it_documents(question: Question) -> None:
    for command in every(question):
        if command.kind == "playbook":
            words = shlex.split(command.text)
            name = next(word for word in words if word.startswith("softtoken.compliance."))
            path = PLAYBOOKS / f"{name.rpartition('.')[2]}.yml"
            assert path.is_file(), command.text
            for before, word in itertools.pairwise(words):
                if before == "-e":
                    assert word.partition("=")[0] in path.read_text(encoding="utf-8"), command.text


def test_the_flags_of_codes_are_the_clis_own() -> None:
    text = commands.resync_cli(FULL, SERIAL).text
    assert "--authentication-code1 CODE1 --authentication-code2 CODE2" in text
    assert text.endswith("--region eu-central-1 --profile prod")


def test_events_of_iam_are_looked_up_where_they_are() -> None:
    assert commands.lookup(FULL, "ConsoleLogin").text.count("--region") == 1
    assert "--region us-east-1" in commands.lookup(FULL, "ConsoleLogin").text
    assert "us-gov-west-1" in commands.lookup(FULL._replace(partition="aws-us-gov"), "ConsoleLogin").text


def test_nothing_from_outside_becomes_a_part_of_the_command() -> None:
    evil = FULL._replace(user="alice; rm -rf ~ #", profile="$(id)", host="x y")
    for command in every(evil):
        words = shlex.split(command.text)
        assert "rm" not in words
        assert "$(id)" in words or command.kind == "playbook" or "configure" in words


def test_a_playbook_with_an_odd_name_gets_it_whole() -> None:
    words = shlex.split(commands.resync(FULL._replace(user="al ice"), SERIAL).text)
    assert '{"softtoken_user": "al ice"}' in words


def test_a_configuration_is_set_for_the_profile() -> None:
    assert commands.config_serial(FULL, SERIAL).text == f"aws configure set mfa_serial {SERIAL} --profile prod"


JOHN = "--serial-number arn:aws:iam::123456789012:mfa/john"
PAIR = "--authentication-code1 CODE1 --authentication-code2 CODE2"
# As the seeds have it: a diff, continued lines, one code.
DIFF = f"- aws iam enable-mfa-device \\\n-   --user-name john \\\n-   {JOHN} \\\n-   --authentication-code-1 123456"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (
            f"aws iam resync-mfa-device --user-name j {JOHN} --authentication-code-1 123456 --code2 789012",
            f"aws iam resync-mfa-device --user-name j {JOHN} {PAIR}",
        ),
        (DIFF, f"aws iam enable-mfa-device --user-name john {JOHN} {PAIR}"),
        (
            f"aws --profile prod sts get-session-token {JOHN.replace('mfa/', 'user/')} --token-code=123456",
            f"aws --profile prod sts get-session-token {JOHN} --token-code CODE",
        ),
        (
            f"aws sts get-session-token {JOHN.replace('--serial-number', '--mfa-serial')} --mfa-code 123456",
            f"aws sts get-session-token {JOHN} --token-code CODE",
        ),
    ],
)
def test_a_typed_command_comes_back_corrected(typed: str, text: str) -> None:
    found = ask(Facts(), error_text=f"$ {typed}\n\naws: error: Unknown options: --authentication-code-1", user="")
    assert [one.text for one in found.corrected] == [text]
