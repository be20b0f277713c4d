# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What infrastructure code says of MFA, whatever language it is written in: values for the rules.

Private to this collection. A serial in infrastructure code is often put together from variables: what stands for the
account and the partition is kept as a mark that own() replaces, everything else that only a run would know becomes
UNRESOLVED. Of a seed only the place is kept, never the seed.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

from .document import Document

__all__ = [
    "ACCOUNT",
    "DOCUMENT",
    "FILE",
    "LONGEST_NUMBER",
    "MARKERS",
    "PARTITION",
    "UNRESOLVED",
    "IacFile",
    "IacPolicy",
    "IacSecret",
    "IacUnread",
    "IacUse",
    "IacValue",
    "Text",
    "own",
]

# Characters of the private use area: no file has them.
ACCOUNT = "\ue010"
PARTITION = "\ue011"
UNRESOLVED = "\ue012"
# Before the name of a policy that stands elsewhere in the code, as a document of its own.
DOCUMENT = "\ue013"
#: Between the two where it is a file.
FILE = "file:"

#: Digits; Python refuses to read a number of more than 4300, and nothing here is one.
LONGEST_NUMBER = 100

#: What every ARN of an MFA device has.
MARKERS = (":mfa/", ":u2f/", ":sms-mfa/")


class Text(str):
    """A string that knows its line in the file."""

    __slots__ = ("line",)

    line: int

    @classmethod
    def at(cls, value: str, line: int) -> Text:
        """Return the value with its line (1-based)."""
        text = cls(value)
        text.line = line
        return text


class IacValue(NamedTuple):
    """A value that stands where a serial belongs, or that is one."""

    text: str
    line: int
    address: str  # aws_iam_policy.self, locals, a logical id
    attribute: str


class IacPolicy(NamedTuple):
    """A policy document in the code.

    ``kind`` is trust, identity or resource; ``resource_type`` is what Terraform or CloudFormation calls the resource
    around it (aws_iam_role), "" where there is none.
    """

    document: Document
    kind: str
    line: int
    address: str
    attribute: str
    resource_type: str = ""


class IacUse(NamedTuple):
    """A resource, or another document, whose policy stands elsewhere: ``name`` is the document's, or a file's path."""

    name: str
    resource_type: str
    attribute: str
    address: str = ""
    line: int = 0


class IacUnread(NamedTuple):
    """A place where a policy, or a part of one, stands that could not be read; ``why`` goes on after the attribute."""

    line: int
    address: str
    attribute: str
    why: str = "is not known before a run"


class IacSecret(NamedTuple):
    """The place of a seed in clear; ``what`` names its form."""

    line: int
    address: str
    attribute: str
    what: str


class IacFile(NamedTuple):
    """One file. ``problems`` say what of it could not be read or judged."""

    path: str
    form: str  # terraform | terraform-plan | terraform-state | cloudformation | policy | data | qr | text
    values: Tuple[IacValue, ...] = ()
    policies: Tuple[IacPolicy, ...] = ()
    secrets: Tuple[IacSecret, ...] = ()
    problems: Tuple[str, ...] = ()
    uses: Tuple[IacUse, ...] = ()
    unread: Tuple[IacUnread, ...] = ()


def own(text: str, account: str, partition: str) -> str:
    """Put the account's own number and partition where the code means them."""
    return text.replace(ACCOUNT, account).replace(PARTITION, partition)
