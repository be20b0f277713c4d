# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions of Terraform inside texts: in its JSON syntax, and in what other tools make of its language.

Private to this collection. IAM's own variables (${aws:username}) look like expressions; Terraform writes them $${...}.
"""

from __future__ import annotations

import re
from typing import Any

from .iac import ACCOUNT, DOCUMENT, PARTITION, UNRESOLVED

__all__ = ["account_facts", "marked", "policy_reference"]

_ACCOUNT = re.compile(r"data\.aws_caller_identity\.[\w-]+(?:\[0\])?\.account_id")
_PARTITION = re.compile(r"data\.aws_partition\.[\w-]+(?:\[0\])?\.partition")
_POLICY = re.compile(r"data\.aws_iam_policy_document\.([\w-]+)(?:\[[^\[\]]*\]|\.\*)?\.(?:minified_)?json")
_INNERMOST = re.compile(r"\$\{([^{}]*)\}|%\{[^{}]*\}")
_OF_IAM = re.compile(r"\s*(?:[\w-]+:[\w/:.+=@-]+\s*(?:,\s*'[^']*'\s*)?|[*?$])")
# An expression without ${...} around it, as parsers of Terraform's language give it.
_BARE = re.compile(
    r"(?:(?:var|local|module|data|each|count|self|path|terraform)\.|aws_\w+\.[\w-]+[.\[])[^\s:]*"
    r"|[a-z]\w*\.(?:key|value)(?:[.\[][^\s:]*)?|[a-z]\w*\(.*\)|.*\S \? .* : .*|[\[{]+for\s.*\sin\s.*",
    re.DOTALL,
)
# The same inside a key, where other tools leave out the braces around it: aws:var.key.
_BARE_INSIDE = re.compile(r"(?<![\w.-])(?:var|local|module|data|each)\.[\w.\[\]-]+")
# In the place of braces that are to stay.
_OPEN = "\ue01d"
_CLOSE = "\ue01e"
_PERCENT = "\ue01f"


def account_facts(name: str) -> str:
    """Return the mark of the account's number or partition where a reference means it, else ""."""
    if _ACCOUNT.fullmatch(name):
        return ACCOUNT
    return PARTITION if _PARTITION.fullmatch(name) else ""


def policy_reference(name: str) -> str:
    """Return the mark of the policy document that a reference means, "" for another reference."""
    match = _POLICY.fullmatch(name)
    return DOCUMENT + match.group(1) if match else ""


def marked(value: Any, *, bare: bool = False) -> Any:
    """Put marks in the place of expressions in every text; ``bare`` texts may be expressions as a whole."""
    if isinstance(value, dict):
        return {_key(key, bare=bare): marked(item, bare=bare) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [marked(item, bare=bare) for item in value]
    if not isinstance(value, str):
        return value
    if bare and _BARE.fullmatch(value):
        return _worth(value)
    return _text(value) if "${" in value or "%{" in value else value


def _key(key: Any, *, bare: bool) -> Any:
    return _BARE_INSIDE.sub(UNRESOLVED, marked(key)) if bare and isinstance(key, str) else marked(key)


def _text(value: str) -> str:
    whole = _INNERMOST.fullmatch(value)
    if whole and whole.group(1) is not None and not _OF_IAM.fullmatch(whole.group(1)):
        return _worth(whole.group(1).strip())
    text = value.replace("$${", _OPEN).replace("%%{", _PERCENT)
    before = ""
    while before != text:
        before, text = text, _INNERMOST.sub(_inner, text)
    if "${" in text or "%{" in text:
        return UNRESOLVED  # with braces of its own inside
    return text.replace(_OPEN, "${").replace(_CLOSE, "}").replace(_PERCENT, "%{")


def _inner(match: re.Match[str]) -> str:
    name = match.group(1)
    if name is not None and _OF_IAM.fullmatch(name):
        return f"{_OPEN}{name}{_CLOSE}"
    return UNRESOLVED if name is None else account_facts(name.strip()) or UNRESOLVED


def _worth(name: str) -> str:
    return account_facts(name) or policy_reference(name) or UNRESOLVED
