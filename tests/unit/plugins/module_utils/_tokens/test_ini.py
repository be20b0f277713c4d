"""The reader of AWS configuration files against Python's own, which botocore uses."""

from __future__ import annotations

import configparser

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.ini import IniProblem, Setting, read_ini

GOOD = """\
# a comment
[default]
region = eu-central-1
MFA_Serial=arn:aws:iam::123456789012:mfa/alice
s3 =
  max_concurrent_requests = 20
  mfa_serial = nested, not a setting of the profile
; another
   # and one that is indented

[profile "with space"]
mfa_serial: arn:aws:iam::123456789012:mfa/with-colon
empty =
cli_history = enabled ; no comment, a part of the value
[profile indented]
    role_arn = arn:aws:iam::123456789012:role/x
    mfa_serial = GAHT12345678
"""


def as_botocore(text: str) -> dict[tuple[str, str], str]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    # The empty lines that the parser keeps inside values never matter to botocore.
    return {
        (section, key): "\n".join(line for line in parser.get(section, key).split("\n") if line or key == "s3")
        for section in parser.sections()
        for key in parser.options(section)
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_same_settings_as_botocore(end: str, mark: str) -> None:
    found = read_ini(mark + GOOD.replace("\n", end))
    assert found.problems == ()
    assert {(item.section, item.key): item.value for item in found.settings} == as_botocore(GOOD)


def test_lines_are_counted_from_one() -> None:
    found = {(item.section, item.key): item.line for item in read_ini(GOOD).settings}
    assert found["default", "mfa_serial"] == 4
    assert found["profile indented", "mfa_serial"] == 17


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mfa_serial = x\n[a]\n", IniProblem(1, "stands before the first section")),
        ("[a]\nnonsense\n", IniProblem(2, "is neither a section nor a setting")),
        ("[a]\n= value\n", IniProblem(2, "is neither a section nor a setting")),
        ("[a]\nk = 1\n[b]\n[a]\n", IniProblem(4, "repeats the section that starts at line 1")),
        ("[a]\nk = 1\nK = 2\n", IniProblem(3, "repeats the setting of line 2")),
    ],
)
def test_what_botocore_refuses_is_a_problem_at_its_line(text: str, problem: IniProblem) -> None:
    assert read_ini(text).problems == (problem,)
    if not text.startswith("[a]\n="):  # refused since Python 3.13 only
        with pytest.raises(configparser.Error):
            configparser.RawConfigParser().read_string(text)


def test_what_follows_a_problem_is_still_read() -> None:
    found = read_ini("stray\n[a]\nstray\nk = 1\n[a]\nk = 2\n")
    assert found.settings == (Setting("a", "k", "1", 4), Setting("a", "k", "2", 6))
    assert len(found.problems) == 4


def test_a_deeper_line_belongs_to_the_value_above() -> None:
    (setting,) = read_ini("[a]\nmfa_serial = one\n  aws_secret_access_key = two\n").settings
    assert setting == Setting("a", "mfa_serial", "one\naws_secret_access_key = two", 2)
