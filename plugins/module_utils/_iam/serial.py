# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of MFA device a serial names, judged by its text alone.

Private to this collection. A virtual device's serial is its ARN, a FIDO key and a legacy SMS device have ARNs of their
own, and the serial of a hardware token is the bare text printed on it. Whether the device exists is not said here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["KINDS", "ROOT_DEVICE", "TOTP_KINDS", "Serial", "parse_serial"]

# user: the ARN or the path of an IAM user where a serial belongs, the commonest mistake.
KINDS = ("virtual", "root", "fido", "sms", "hardware", "user", "malformed")
# Only these give codes that the CLI and STS take.
TOTP_KINDS = frozenset(("virtual", "root", "hardware"))

ROOT_DEVICE = "root-account-mfa-device"

# sts:AssumeRole and iam:EnableMFADevice, parameter SerialNumber
_ALLOWED = re.compile(r"[\w+=/:,.@-]+", re.ASCII)
_MIN, _MAX = 9, 256

_ARN = re.compile(r"arn:([^:]*):([^:]*):([^:]*):([^:]*):(.*)", re.DOTALL)
_PARTITION = re.compile(r"aws(?:-[a-z]+)*")
_ACCOUNT = re.compile(r"[0-9]{12}")
# What stands before the first slash of an ARN's resource.
_RESOURCES = {"mfa": "virtual", "u2f": "fido", "sms-mfa": "sms", "user": "user"}


class Serial(NamedTuple):
    """A classified serial; "" for each part that the text does not have.

    ``path`` begins and ends with a slash ("/" when there is none). ``name`` is the device's own name: for a hardware
    token its serial number, for a FIDO key the name of the key without its owner. ``owner`` is the user that the text
    names (a FIDO key's, or the user itself), ``problem`` says what is wrong with a malformed one.
    """

    kind: str
    text: str
    partition: str = ""
    account: str = ""
    path: str = ""
    name: str = ""
    owner: str = ""
    problem: str = ""

    @property
    def is_arn(self) -> bool:
        """Whether it says which account it belongs to."""
        return bool(self.account)

    @property
    def gives_codes(self) -> bool:
        """Whether the device makes the six-digit codes that the CLI and STS ask for."""
        return self.kind in TOTP_KINDS


def parse_serial(text: str) -> Serial:
    """Classify a value that stands where an MFA serial belongs."""
    if text[:4].lower() == "arn:":
        return _parse_arn(text)
    problem = _bare_problem(text)
    if problem:
        return _malformed(text, problem)
    head, slash, rest = text.partition("/")
    if slash and head in _RESOURCES:
        return _without_arn(text, head, rest)
    return Serial("hardware", text, path="/", name=text)


def _parse_arn(text: str) -> Serial:
    match = _ARN.fullmatch(text)
    if match is None:
        return _malformed(text, "an ARN has six parts, divided by colons")
    partition, service, region, account, resource = match.groups()
    problem = _text_problem(text) or _arn_problem(partition, service, region, account)
    if problem:
        return _malformed(text, problem, partition, account)
    head, slash, rest = resource.partition("/")
    kind = _RESOURCES.get(head) if slash else None
    if kind is None:
        return _malformed(text, f"{resource.partition('/')[0]!r} is not a kind of MFA device", partition, account)
    return _device(kind, Serial(kind, text, partition, account), rest)


def _arn_problem(partition: str, service: str, region: str, account: str) -> str:
    if not _PARTITION.fullmatch(partition):
        return f"{partition!r} is not a partition of AWS"
    if service != "iam":
        return f"the ARN of an MFA device is one of iam, not of {service!r}"
    if region:
        return f"the ARN of an MFA device has no region, this one has {region!r}"
    return "" if _ACCOUNT.fullmatch(account) else f"{account!r} is not an account number of twelve digits"


def _device(kind: str, serial: Serial, rest: str) -> Serial:
    path, _slash, name = rest.rpartition("/")
    if not name:
        return _malformed(serial.text, "it ends where the name belongs", serial.partition, serial.account)
    if kind == "fido":
        # user/NAME/KEY; root's keys have no user before the key.
        owner = path.rpartition("/")[2] if path.startswith("user/") else ""
        return serial._replace(path="/", name=name, owner=owner)
    folder = f"/{path}/" if path else "/"
    if kind == "virtual" and rest == ROOT_DEVICE:
        kind = "root"
    return serial._replace(kind=kind, path=folder, name=name, owner=name if kind == "user" else "")


def _without_arn(text: str, head: str, rest: str) -> Serial:
    if head == "user" and rest.rpartition("/")[2]:
        return _device("user", Serial("user", text), rest)
    return _malformed(text, f"{head}/ is the end of an ARN whose beginning (arn:...:iam::ACCOUNT:) is missing")


def _bare_problem(text: str) -> str:
    if text != text.strip():
        return "it has white space around it"
    return _text_problem(text)


def _text_problem(text: str) -> str:
    if not text:
        return "it is empty"
    match = _ALLOWED.match(text)
    if match is None or match.end() != len(text):
        wrong = text[match.end() if match else 0]
        return f"no MFA serial has the character {wrong!r}"
    if not _MIN <= len(text) <= _MAX:
        return f"an MFA serial has {_MIN} to {_MAX} characters, this one has {len(text)}"
    return ""


def _malformed(text: str, problem: str, partition: str = "", account: str = "") -> Serial:
    return Serial("malformed", text, partition, account, problem=problem)
