# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of a paste as it should be: the CLI's own flags, the right serial, placeholders for codes.

Private to this collection.
"""

from __future__ import annotations

import re
import shlex
from typing import Iterator, List, Optional, Tuple

from . import commands, kinds
from .case import Case
from .model import Command
from .redact import redact

__all__ = ["corrected"]

_FLAGS = {
    "--authentication-code-1": "--authentication-code1",
    "--authentication-code-2": "--authentication-code2",
    "--auth-code1": "--authentication-code1",
    "--auth-code2": "--authentication-code2",
    "--code1": "--authentication-code1",
    "--code2": "--authentication-code2",
    "--mfa-code": "--token-code",
    "--mfa-serial": "--serial-number",
    "--mfa-serial-number": "--serial-number",
    "--mfa-token": "--token-code",
    "--otp": "--token-code",
    "--serial": "--serial-number",
    "--token": "--token-code",
    "--user": "--user-name",
    "--username": "--user-name",
}
_CODE = re.compile(r"[0-9]{6}")
_CODES = {"--authentication-code1": "CODE1", "--authentication-code2": "CODE2", "--token-code": "CODE"}
#: What the CLI does without in no call, and what stands for it.
_NEEDED = {
    "assume-role": (("--role-arn", "ROLE_ARN"), ("--role-session-name", "SESSION")),
    "enable-mfa-device": (
        ("--user-name", "USER"), ("--serial-number", "SERIAL"),
        ("--authentication-code1", "CODE1"), ("--authentication-code2", "CODE2"),
    ),
    "resync-mfa-device": (
        ("--user-name", "USER"), ("--serial-number", "SERIAL"),
        ("--authentication-code1", "CODE1"), ("--authentication-code2", "CODE2"),
    ),
}  # fmt: skip
_WITH_MFA = ("assume-role", "get-session-token")  # these take a serial and a code, both or none
_NOT_FLAGS = ("--authentication-code", "--authentication-codes")  # one that takes two codes: there is none
# One way to read a text alone, and not many options: who pastes a log waits for no regular expression.
_TYPED = re.compile(r"\baws (?:-[\w-]+[ =]\S+ ){0,20}(?:iam|sts) [a-z][a-z-]+[^\n|;&]*")
_REDIRECTED = re.compile(r"\s[0-9]?>.*")


def corrected(case: Case) -> Tuple[Command, ...]:
    """Return the command that was typed, corrected; or, where none was pasted, the one that the error calls for."""
    if case.error is None:
        return ()
    typed = _typed(case.question.error_text)
    if typed is None:
        return _called_for(case)
    mended = Command("command", _mended(typed, case), "Your command, with AWS's flags and without codes.")
    if case.error.kind == kinds.DENIED and not any(one in typed for one in _WITH_MFA):
        # The call itself takes no code: it has to be made in a session.
        return (commands.open_session(case.question, case.own_serial), mended)
    return (mended,)


def _typed(text: str) -> Optional[List[str]]:
    # A shell's line continuations, and the marks that a diff puts before lines.
    joined = re.sub(r"\\[ ]*\n[ \t]*[+-]?(?=[ \t])[ \t]*", " ", text[:20_000])
    match = _TYPED.search(joined)
    if match is None:
        return None
    try:
        return shlex.split(_REDIRECTED.sub("", match.group()))
    except ValueError:
        return None


def _mended(words: List[str], case: Case) -> str:
    line: List[str] = []
    flag = ""
    for word in [part for one in words for part in _parts(one)]:
        if word in _NOT_FLAGS:
            flag = ""
        elif word.startswith("--"):
            flag = _FLAGS.get(word, word)
            line.append(flag)
        elif flag or not _CODE.fullmatch(word):
            line.append(_value(flag, word, case))
            flag = ""
    line += [word for flag, value in _missing(line, case) for word in (flag, value)]
    return " ".join(shlex.quote(one) for one in line)


def _missing(line: List[str], case: Case) -> Iterator[Tuple[str, str]]:
    """Yield the flags that the call needs and that were left out, each with its value or what stands for it."""
    if any(word.startswith("--cli-input") for word in line):
        return
    known = {
        "--serial-number": case.own_serial,
        "--role-arn": case.question.role_arn,
        "--role-session-name": case.question.user,
        "--user-name": case.question.user,
    }
    wanted = [pair for operation, pairs in _NEEDED.items() if operation in line for pair in pairs]
    if any(one in line for one in _WITH_MFA) and _wants_mfa(line, case):
        wanted += [("--serial-number", "SERIAL"), ("--token-code", "CODE")]
    for flag, placeholder in wanted:
        if flag not in line:
            yield flag, known.get(flag) or placeholder


def _wants_mfa(line: List[str], case: Case) -> bool:
    half = "--serial-number" in line or "--token-code" in line
    return half or (case.error is not None and case.error.kind in (kinds.DENIED, kinds.INCOMPLETE))


def _parts(word: str) -> List[str]:
    flag, equals, value = word.partition("=")
    return [flag, value] if equals and flag.startswith("--") else [word]


def _value(flag: str, value: str, case: Case) -> str:
    if flag in _CODES:
        return _CODES[flag]
    if flag == "--serial-number":
        # The paste's own serial may be what is wrong.
        own = case.own_serial
        if own and case.code_devices is not None:
            return own
        return value.replace(":user/", ":mfa/", 1) if value.startswith("arn:") else redact(value)
    return value if value.startswith("arn:") else redact(value)


def _called_for(case: Case) -> Tuple[Command, ...]:
    if case.error is None:
        return ()
    kind, question = case.error.kind, case.question
    serial = case.own_serial
    wants_role = case.error.operation == "AssumeRole" or bool(question.role_arn)
    again = commands.assume_role(question, serial) if wants_role else commands.open_session(question, serial)
    if kind == kinds.CODE:
        return (commands.resync_cli(question, serial), again)
    if kind in (kinds.SERIAL, kinds.NO_DEVICE):
        right = serial if case.code_devices else ""
        fixed = commands.assume_role(question, right) if wants_role else commands.open_session(question, right)
        return (commands.list_devices(question), fixed)
    if kind in (kinds.INCOMPLETE, kinds.DENIED, kinds.SESSION):
        return (again,)
    return ()
