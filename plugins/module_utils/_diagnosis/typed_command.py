# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of a paste as it should be: the CLI's own flags, the right serial, placeholders for codes.

Private to this collection.
"""

from __future__ import annotations

import re
import shlex
from typing import List, Optional, Tuple

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
_CODES = {"--authentication-code1": "CODE1", "--authentication-code2": "CODE2", "--token-code": "CODE"}
_PAIRS = ("enable-mfa-device", "resync-mfa-device")
_TYPED = re.compile(r"\baws (?:--?[\w-]+[ =]\S+ )*(?:iam|sts) [a-z][a-z-]+[^\n|;&]*")


def corrected(case: Case) -> Tuple[Command, ...]:
    """Return the command that was typed, corrected; or, where none was pasted, the one that the error calls for."""
    if case.error is None:
        return ()
    typed = _typed(case.question.error_text)
    if typed is not None:
        return (Command("command", _mended(typed, case), "Your command, with AWS's flags and without codes."),)
    return _called_for(case)


def _typed(text: str) -> Optional[List[str]]:
    # A shell's line continuations, and the marks that a diff puts before lines.
    joined = re.sub(r"\\[ ]*\n[ \t]*[+-]?(?=[ \t])[ \t]*", " ", text[:20_000])
    match = _TYPED.search(joined)
    if match is None:
        return None
    try:
        return shlex.split(match.group())
    except ValueError:
        return None


def _mended(words: List[str], case: Case) -> str:
    line: List[str] = []
    flag = ""
    for word in [part for one in words for part in _parts(one)]:
        if word.startswith("--"):
            flag = _FLAGS.get(word, word)
            line.append(flag)
        else:
            line.append(_value(flag, word, case))
            flag = ""
    if any(one in line for one in _PAIRS):
        for wanted in ("--authentication-code1", "--authentication-code2"):
            if wanted not in line:
                line += [wanted, _CODES[wanted]]
    return " ".join(shlex.quote(one) for one in line)


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
