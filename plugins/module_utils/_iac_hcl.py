# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terraform's own language as the blocks that the rules' reader takes, with the line of each string.

Private to this collection. The text is parsed by python-hcl2; what only a run of Terraform knows becomes UNRESOLVED,
except the account's own number and partition, and locals and defaults that are plain texts in the same file.
"""

from __future__ import annotations

import re
import traceback
from typing import Any, Callable, Dict, Iterator, List, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import (
    DOCUMENT,
    FILE,
    LONGEST_NUMBER,
    UNRESOLVED,
    Text,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_expression import (
    account_facts,
    policy_reference,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_terraform import named_block
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_tree import Block

HCL2_IMPORT_ERROR: Optional[str] = None
try:
    from hcl2 import parses_to_tree
    from lark.exceptions import LarkError
except ImportError:
    HCL2_IMPORT_ERROR = traceback.format_exc()

__all__ = ["HCL2_IMPORT_ERROR", "HclProblem", "hcl_blocks"]

_INTERPOLATION = re.compile(r"\$\$\{|%%\{|\$\{([^{}]*)\}|%\{[^{}]*\}")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt"\\]))')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
# What stands in another file; policies there are read where they stand.
_FILES = frozenset(("file", "templatefile", "filebase64"))
_SAME = frozenset(
    ("jsonencode", "tolist", "toset", "tostring", "distinct", "sort", "trimspace", "sensitive", "nonsensitive")
)


class HclProblem(Exception):
    """The text is no Terraform configuration; the message never quotes it."""


def hcl_blocks(text: str) -> List[Block]:
    """Return the blocks of a file in Terraform's language, and its plain settings (*.tfvars)."""
    try:
        tree = parses_to_tree(text if text.endswith("\n") else text + "\n")
    except LarkError as exc:
        line = getattr(exc, "line", None)
        where = f" at line {line}" if isinstance(line, int) and line > 0 else ""
        raise HclProblem(f"it is not Terraform's language{where}") from None
    except RecursionError:
        raise HclProblem("it is nested too deeply") from None
    body = tree.children[0]
    return list(_Reader(_plain_texts(body)).blocks(body))


def _plain_texts(body: Any) -> Dict[str, str]:
    """Return the locals and the defaults of variables that are texts, by the name that refers to them."""
    reader, known = _Reader({}), {}
    for kind, labels, inner in reader.raw_blocks(body):
        for name, value in reader.body(inner).items():
            if isinstance(value, str) and UNRESOLVED not in value:
                if kind == "locals":
                    known[f"local.{name}"] = str(value)
                elif kind == "variable" and name == "default" and labels:
                    known[f"var.{labels[0]}"] = str(value)
    return known


class _Reader:
    """Turns the parser's tree into values."""

    def __init__(self, known: Dict[str, str]) -> None:
        self._known = known
        self._readers: Dict[str, Callable[[Any], Any]] = {
            "string": self._string,
            "object": self._object,
            "tuple": self._several,
            "function_call": self._call,
            "heredoc_template": self._heredoc,
            "heredoc_template_trim": self._heredoc,
            "identifier": self._reference,
            "get_attr_expr_term": self._reference,
            "index_expr_term": self._reference,
            "attr_splat_expr_term": self._reference,
            "full_splat_expr_term": self._reference,
            "conditional": lambda node: _flat([self._value(part) for part in _parts(node)[1:]]),
            "literal_value": lambda node: {"true": True, "false": False}.get(_words(node)),
            "int_lit": _number,
            "float_lit": lambda node: float(_words(node)),
        }

    def blocks(self, body: Any) -> Iterator[Block]:
        """Yield the blocks of a file."""
        for name, value in self._attributes(body):
            yield Block(name, value, name)
        for kind, labels, inner in self.raw_blocks(body):
            yield named_block(kind, labels, self.body(inner))

    def raw_blocks(self, body: Any) -> Iterator[Any]:
        """Yield the type, the labels and the body of each block."""
        for node in body.children:
            if _kind(node) == "block":
                names = [str(self._label(one)) for one in node.children if _kind(one) in ("identifier", "string")]
                (inner,) = [one for one in node.children if _kind(one) == "body"]
                yield names[0], names[1:], inner

    def _label(self, node: Any) -> str:
        return _words(node) if _kind(node) == "identifier" else self._string(node)

    def body(self, body: Any) -> Dict[str, Any]:
        """Return a block's content: attributes by name, inner blocks as lists."""
        content = dict(self._attributes(body))
        for kind, labels, inner in self.raw_blocks(body):
            if kind == "dynamic" and labels:
                # What it is repeated over is not known: it is there once, with unresolved parts.
                repeated = (one for name, _labels, one in self.raw_blocks(inner) if name == "content")
                _add(content, labels[0], self.body(next(repeated, inner)))
            else:
                _add(content, kind, self.body(inner))
        return content

    def _attributes(self, body: Any) -> Iterator[Any]:
        for node in body.children:
            if _kind(node) == "attribute":
                name, *_equals, expression = node.children
                yield _words(name), self._value(expression)

    # --- expressions -------------------------------------------------------------------------------------------------

    def _value(self, node: Any) -> Any:
        kind = _kind(node)
        if kind == "expr_term":
            parts = _parts(node)
            return self._value(parts[0]) if len(parts) == 1 else self._several(node)
        reader = self._readers.get(kind)
        return reader(node) if reader else self._several(node)

    def _several(self, node: Any) -> List[Any]:
        """Return every value in an expression: a list's, or those that one of which will be taken."""
        return _flat([self._value(part) for part in _parts(node)])

    def _object(self, node: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for element in node.children:
            if _kind(element) == "object_elem":
                key, *_equals, value = element.children
                found[self._key(key)] = self._value(value)
        return found

    def _key(self, node: Any) -> str:
        while _kind(node) in ("object_elem_key", "expr_term") and len(_parts(node)) == 1:
            node = _parts(node)[0]
        return _words(node) if _kind(node) == "identifier" else str(self._value(node))

    def _call(self, node: Any) -> Any:
        name = _words(node.children[0])
        arguments = [self._value(part) for one in node.children if _kind(one) == "arguments" for part in _parts(one)]
        if name in _SAME and len(arguments) == 1:
            return arguments[0]
        if name in _FILES:
            return self._file(node, name, arguments)
        if name == "merge" and all(isinstance(one, dict) for one in arguments):
            return {key: value for one in arguments for key, value in one.items()}
        if name in ("concat", "flatten"):
            return _flat(arguments)
        if name == "format" and arguments and isinstance(arguments[0], str):
            return _formatted(arguments[0], arguments[1:])
        return _flat(arguments)

    def _file(self, node: Any, name: str, arguments: List[Any]) -> Any:
        if name == "file" and len(arguments) == 1 and str(arguments[0]).endswith(".json"):
            path = str(arguments[0]).replace(UNRESOLVED, "", 1).lstrip("/")
            return Text.at(f"{DOCUMENT}{FILE}{path}", _line(node))
        return [Text.at(UNRESOLVED, _line(node)), *arguments]

    def _reference(self, node: Any) -> str:
        return Text.at(self._resolved(_words(node)), _line(node))

    def _resolved(self, name: str) -> str:
        return account_facts(name) or policy_reference(name) or self._known.get(name, UNRESOLVED)

    # --- texts -------------------------------------------------------------------------------------------------------

    def _string(self, node: Any) -> str:
        text = "".join(self._part(one) for one in node.children if _kind(one) == "string_part")
        return Text.at(text, _line(node))

    def _part(self, node: Any) -> str:
        child = node.children[0]
        if _kind(child) == "interpolation":
            values = self._several(child)
            return str(values[0]) if len(values) == 1 and isinstance(values[0], (str, int)) else UNRESOLVED
        if _kind(child):
            return UNRESOLVED  # a directive
        return _unescaped(str(child))

    def _heredoc(self, node: Any) -> str:
        written = "".join(str(one) for one in node.children)
        _mark, _newline, rest = written.partition("\n")
        return Text.at(_INTERPOLATION.sub(self._interpolated, rest.rstrip("\n").rpartition("\n")[0]), _line(node) + 1)

    def _interpolated(self, match: re.Match[str]) -> str:
        if match.group().startswith(("$$", "%%")):
            return match.group()[1:]
        return self._resolved((match.group(1) or "").strip())


def _add(content: Dict[str, Any], kind: str, body: Any) -> None:
    blocks = content.setdefault(kind, [])
    if isinstance(blocks, list):
        blocks.append(body)


def _unescaped(text: str) -> str:
    if text.startswith(("$${", "%%{")):
        return text[1:]
    return _ESCAPE.sub(_escape, text) if "\\" in text else text


def _escape(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2)
    if code is None:
        return _ESCAPES[match.group(3)]
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else UNRESOLVED


def _formatted(pattern: str, arguments: List[Any]) -> str:
    """Fill in a format of plain %s; another one is not worked out."""
    pieces = pattern.split("%s")
    if len(pieces) != len(arguments) + 1 or "%" in "".join(pieces):
        text = re.sub(r"%[^\s:/]*", UNRESOLVED, pattern)
    else:
        values = [str(one) if isinstance(one, (str, int)) else UNRESOLVED for one in arguments] + [""]
        text = "".join(piece + value for piece, value in zip(pieces, values))
    return Text.at(text, pattern.line) if isinstance(pattern, Text) else text


def _flat(values: List[Any]) -> List[Any]:
    return [inner for one in values for inner in (_flat(one) if isinstance(one, list) else [one])]


# --- the parser's tree -----------------------------------------------------------------------------------------------


def _kind(node: Any) -> str:
    """Return the name of a node's rule; "" for a token."""
    return str(getattr(node, "data", ""))


def _parts(node: Any) -> List[Any]:
    """Return the children that mean something: no punctuation, no comments, no line ends."""
    return [one for one in node.children if _kind(one) and _kind(one) != "new_line_or_comment"]


def _words(node: Any) -> str:
    """Return the text of a node without white space."""
    if not _kind(node):
        return str(node).strip()
    return "".join(_words(one) for one in node.children)


def _number(node: Any) -> Any:
    words = _words(node)
    return int(words) if len(words) <= LONGEST_NUMBER else UNRESOLVED


def _line(node: Any) -> int:
    while _kind(node):
        node = node.children[0]
    return int(node.line)
