# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What infrastructure code says of MFA, found in the tree of values that a file of any language becomes.

Private to this collection. A file is a list of blocks (a resource, a variable...), each with an address and a body of
mappings, lists and texts. Policies are found wherever they stand, as objects or as JSON in a text; seeds are only
noted, their values go nowhere.
"""

from __future__ import annotations

import json
import re
from typing import Any, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional

from .document import MFA_KEYS, Document, parse_document
from .errors import DocumentError
from .iac import DOCUMENT, UNRESOLVED, IacFile, IacPolicy, IacSecret, IacUnread, IacUse, IacValue, Text
from .references import has_marker

__all__ = ["SERIAL_NOT_JUDGED", "Block", "Lines", "is_policy", "read_blocks"]

#: How the problem of a serial ends of which a part is not known.
SERIAL_NOT_JUDGED = "a serial that is put together from variables was not judged"

_TRUST_KEYS = frozenset(("assume_role_policy", "AssumeRolePolicyDocument"))
# Where resources of AWS have their policies.
_POLICY_KEYS = _TRUST_KEYS | {
    "policy", "inline_policy", "policy_document", "resource_policy", "access_policy", "access_policies",
    "assume_role_policy_document", "PolicyDocument", "KeyPolicy", "InlinePolicy", "ResourcePolicy", "AccessPolicies",
}  # fmt: skip
_CONTENT_KEYS = frozenset(("content", "Content"))
_ORGANIZATION = ("aws_organizations_policy", "AWS::Organizations::Policy")
_OF_IAM = (None, "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
# Where a policy document of Terraform has parts that stand elsewhere.
_SOURCES = frozenset(("source_policy_documents", "override_policy_documents", "source_json", "override_json"))
_HOLDERS = {
    **dict.fromkeys((*_ORGANIZATION, "aws_organizations_resource_policy", "AWS::Organizations::ResourcePolicy"),
                    _CONTENT_KEYS),
    "aws_iam_policy_document": _SOURCES,
    # Theirs are no policies of IAM.
    "aws_ecr_lifecycle_policy": frozenset(),
    "aws_iam_policy_attachment": frozenset(),
}  # fmt: skip
_RESOURCE_TYPE = re.compile(r"(?:^|\.)((?:aws|awscc)_\w+)\.")
_AWS = ("aws_", "awscc_", "AWS::")
_SEED_KEYS = {
    "base_32_string_seed": "the seed of an MFA device in clear",
    "qr_code_png": "the QR code of an MFA device, which holds its seed",
}
_OTPAUTH = "otpauth://totp"
# Keys that hold a serial and nothing else, folded and without separators.
_SERIAL_KEYS = frozenset(("mfaserial", "mfaserialnumber", "awsmfaserial", "awsmfaserialnumber"))
_DEFAULTS = frozenset(("default", "value"))  # of a variable or output: its name says what it is
_ARN = re.compile(
    r"arn:[^:\s\"']{1,40}:[a-z]{0,16}:[^:\s\"']{0,40}:[^:\s\"']{0,60}:(?:mfa|u2f|sms-mfa)/[^\s\"'`\\,;)\]}<>]+",
    re.IGNORECASE,
)
# What a template engine or a shell puts in.
_LATER = re.compile(r"\{\{.*?\}\}|\$[A-Za-z_]\w*", re.DOTALL)
_OUTSIDE = "has an MFA condition that stands in no policy: what it becomes a part of was not judged"
_TEXT = "holds a text with an MFA condition that is no policy by itself: it was not judged"
_OF_CONDITIONS = ("aws:multifactorauth", "statement", "effect")
_DEEP = 200
_MANY = 2_000_000  # values in a file; YAML's aliases can make any number of a few lines
_PROBLEMS = 20


class Block(NamedTuple):
    """A part of a file with an address of its own. ``name`` is what the author calls it."""

    address: str
    body: Any
    name: str = ""


class Lines:
    """Finds the lines of strings that a JSON parser gives without them; it expects them in the file's order."""

    def __init__(self, text: str, first: int = 1) -> None:
        self._text = text
        self._first = first
        self._at = 0
        self._line = first

    def of(self, value: str) -> int:
        """Return the line of a string; that of the one before where the text does not show it."""
        if isinstance(value, Text):
            return value.line
        at = -1
        for written in (json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]):
            at = self._text.find(written, self._at)
            if at >= 0:
                self._line += self._text.count("\n", self._at, at)
                self._at = at
                break
        return self._line


def is_policy(value: Any) -> bool:
    """Return whether a value is a policy document."""
    if not isinstance(value, dict) or "Statement" not in value:
        return False
    statements = value["Statement"]
    statements = statements if isinstance(statements, list) else [statements]
    return any(isinstance(one, dict) and "Effect" in one for one in statements)


def read_blocks(path: str, form: str, blocks: Iterable[Block], lines: Lines, problems: Iterable[str] = ()) -> IacFile:
    """Read the blocks of one file."""
    reader = _Reader(path, form, lines)
    reader.problems.extend(problems)
    try:
        for block in blocks:
            reader.read(block)
    except RecursionError:
        reader.problem("it is nested too deeply: the rest was not read")
    except _TooMuch as exc:
        reader.problem(str(exc))
    return IacFile(
        path,
        form,
        tuple(dict.fromkeys(reader.values)),
        tuple(reader.policies),
        tuple(dict.fromkeys(reader.secrets)),
        tuple(dict.fromkeys(reader.problems)),
        tuple(dict.fromkeys(reader.uses)),
        tuple(dict.fromkeys(reader.unread)),
    )


class _TooMuch(Exception):
    """The file holds more than can be looked at."""


class _Reader:
    """What one file says."""

    def __init__(self, path: str, form: str, lines: Lines) -> None:
        self._path = path
        self._form = form
        self._lines = lines
        self._seen = 0
        self._block = Block("", None)
        self._type = ""
        self._keys: FrozenSet[str] = frozenset()
        self.values: List[IacValue] = []
        self.policies: List[IacPolicy] = []
        self.secrets: List[IacSecret] = []
        self.problems: List[str] = []
        self.uses: List[IacUse] = []
        self.unread: List[IacUnread] = []

    def problem(self, what: str, line: int = 0) -> None:
        """Note what could not be read."""
        if len(self.problems) < _PROBLEMS:
            self.problems.append(f"{self._path}:{line}: {what}" if line else f"{self._path}: {what}")

    def read(self, block: Block) -> None:
        """Read one block."""
        self._block = block
        self._type = _type_of(block)
        self._keys = _policy_keys(self._type, block.body)
        self._walk(block.body, "", "", 0)

    def _walk(self, value: Any, attribute: str, key: str, depth: int) -> None:
        self._seen += 1
        if self._seen > _MANY:
            raise _TooMuch(f"it has more than {_MANY} values: the rest was not read")
        if depth > _DEEP:
            raise _TooMuch(f"it is nested more than {_DEEP} deep: the rest was not read")
        if isinstance(value, dict):
            self._mapping(value, attribute, key, depth)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self._walk(item, attribute, key, depth + 1)
        elif isinstance(value, str):
            self._string(value, attribute, key)

    def _mapping(self, value: Any, attribute: str, key: str, depth: int) -> None:
        if is_policy(value):
            self._policy(value, attribute, key, self._line_in(value))
            return
        for name, item in value.items():
            inner = f"{attribute}.{name}" if attribute else str(name)
            if name in _SEED_KEYS and isinstance(item, str):
                self._seed(item, inner, _SEED_KEYS[name])
            elif str(name) in self._keys:
                self._place(item, inner, str(name), depth + 1)
            else:
                self._outside(str(name), inner, name)
                self._walk(item, inner, str(name), depth + 1)

    def _noted(self) -> int:
        return len(self.policies) + len(self.uses) + len(self.unread) + len(self.problems)

    def _place(self, value: Any, attribute: str, key: str, depth: int) -> None:
        """Read what stands where a policy belongs, and note what of it shows none and might."""
        for one in value if isinstance(value, (list, tuple)) else (value,):
            before = self._noted()
            self._walk(one, attribute, key, depth + 1)
            if self._noted() == before and _may_be_policy(one):
                line = next((self._lines.of(text) for text in _strings(one)), 1)
                self.unread.append(IacUnread(line, self._block.address, attribute))

    def _outside(self, text: str, attribute: str, written: Any) -> None:
        """Note an MFA condition key outside of every policy: what it becomes a part of cannot be seen."""
        if text.lower() in MFA_KEYS and self._form != "text":
            line = self._lines.of(written if isinstance(written, str) else text)
            self.unread.append(IacUnread(line, self._block.address, attribute, _OUTSIDE))

    def _seed(self, value: str, attribute: str, what: str) -> None:
        # A reference to the attribute is no seed; neither is what Terraform writes in a seed's place.
        if value and UNRESOLVED not in value and "${" not in value and not value.startswith("("):
            self.secrets.append(IacSecret(self._lines.of(value), self._block.address, attribute, what))

    def _line_in(self, value: Any) -> int:
        """Return the first line that is known of a policy."""
        return next((self._lines.of(text) for text in _strings(value) if isinstance(text, Text) or has_marker(text)), 1)

    # --- texts -------------------------------------------------------------------------------------------------------

    def _string(self, value: str, attribute: str, key: str) -> None:
        if value.startswith(DOCUMENT):
            self.uses.append(IacUse(value[1:], self._type, attribute, self._block.address, self._lines.of(value)))
            return
        self._outside(value.strip(), attribute, value)
        if _OTPAUTH in value:
            what = "an otpauth URI, which holds the seed of a device"
            self.secrets.append(IacSecret(self._lines.of(value), self._block.address, attribute, what))
            return
        embedded = _embedded(value)
        if embedded is not None:
            line = self._lines.of(value)
            self._policy(_marked(embedded, Lines(value, line)), attribute, key, line)
        elif self._form != "text" and all(word in value.lower() for word in _OF_CONDITIONS):
            self.unread.append(IacUnread(self._lines.of(value), self._block.address, attribute, _TEXT))
        elif has_marker(value):
            self._serials(value, attribute)
        elif self._is_serial_key(key) and value.strip() and UNRESOLVED not in value and not _LATER.search(value):
            self.values.append(IacValue(value.strip(), self._lines.of(value), self._block.address, attribute))

    def _is_serial_key(self, key: str) -> bool:
        if key.lower() in _DEFAULTS:
            key = self._block.name
        return key.lower().replace("_", "").replace("-", "") in _SERIAL_KEYS

    def _serials(self, value: str, attribute: str) -> None:
        line = self._lines.of(value)
        for match in _ARN.finditer(_LATER.sub(UNRESOLVED, value)):
            at = line + match.string.count("\n", 0, match.start())
            text = match.group().rstrip(".:")
            if UNRESOLVED in text:
                self.problem(SERIAL_NOT_JUDGED, at)
            else:
                self.values.append(IacValue(text, at, self._block.address, attribute))

    # --- policies ----------------------------------------------------------------------------------------------------

    def _policy(self, value: Any, attribute: str, key: str, line: int) -> None:
        for text in _strings(value):
            if has_marker(text) and UNRESOLVED in text:
                self.problem(SERIAL_NOT_JUDGED, self._lines.of(text))
        try:
            document = parse_document(_marked(value, self._lines), f"{self._path}: {attribute}")
        except DocumentError as exc:
            self.problem(str(exc), line)
            return
        kind = "trust" if key in _TRUST_KEYS else _kind(document)
        self.policies.append(IacPolicy(document, kind, line, self._block.address, attribute, self._type))


def _type_of(block: Block) -> str:
    """Return what Terraform or CloudFormation calls the block's resource; "" for what is none."""
    kind = block.body.get("Type") if isinstance(block.body, dict) else None
    if isinstance(kind, str) and "::" in kind:
        return str(kind)
    found = _RESOURCE_TYPE.search(block.address)
    return found.group(1) if found else ""


def _policy_keys(kind: str, body: Any) -> FrozenSet[str]:
    """Return the keys under which a resource has policies."""
    if kind in _ORGANIZATION and isinstance(body, dict):
        inner = body.get("Properties")
        told = inner.get("Type") if isinstance(inner, dict) else body.get("type")
        if isinstance(told, str) and UNRESOLVED not in told and told not in _OF_IAM:
            return frozenset()  # of tags, backups...
    return _HOLDERS.get(kind, _POLICY_KEYS) if kind.startswith(_AWS) else frozenset()


def _may_be_policy(value: Any) -> bool:
    """Whether what shows no policy may become one: something is not known, or it is written as one and is none."""
    if isinstance(value, str):
        if UNRESOLVED in value:
            return True
        if value.lstrip()[:1] not in ("{", "["):
            return False
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return True
    if isinstance(value, dict):
        return any(key in ("Statement", "Fn::Transform") or UNRESOLVED in str(key) for key in value)
    return isinstance(value, (list, tuple)) and any(map(_may_be_policy, value))


def _kind(document: Document) -> str:
    about = [one for one in document.statements if one.principal is not None or one.not_principal is not None]
    if not about:
        return "identity"
    assumes = any(action.lower().startswith("sts:assumerole") for one in about for action in one.actions)
    return "trust" if assumes else "resource"


def _embedded(value: str) -> Optional[Any]:
    """Return the policy that a text holds as JSON, or None."""
    if '"Statement"' not in value or not value.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if is_policy(found) else None


def _strings(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            stack.extend(reversed(list(one.values())))
        elif isinstance(one, (list, tuple)):
            stack.extend(reversed(one))


def _marked(value: Any, lines: Lines) -> Any:
    """Return a policy whose serials know their lines, as plain dicts and lists."""
    if isinstance(value, dict):
        return {str(key): _marked(item, lines) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_marked(item, lines) for item in value]
    if isinstance(value, str) and not isinstance(value, Text) and has_marker(value):
        return Text.at(value, lines.of(value))
    return value
