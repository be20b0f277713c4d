# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation templates as blocks, with the functions in them worked out as far as the template itself allows.

Private to this collection. The short forms of YAML (!Sub) have been written out before ({"Fn::Sub": ...}).
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .iac import ACCOUNT, PARTITION, UNRESOLVED, Text
from .iac_tree import Block

__all__ = ["is_template", "template_blocks"]

_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION}
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_UNKNOWN = frozenset(
    (
        "Fn::GetAtt", "Fn::ImportValue", "Fn::FindInMap", "Fn::Select", "Fn::Split", "Fn::Base64", "Fn::Cidr",
        "Fn::GetAZs", "Fn::Transform", "Fn::Length",
    )
)  # fmt: skip
_FOR_EACH = "Fn::ForEach::"
_DEEP = 200


def is_template(tree: Any) -> bool:
    """Return whether a tree is a CloudFormation template."""
    if not isinstance(tree, dict):
        return False
    resources = tree.get("Resources")
    return isinstance(resources, dict) and any(
        isinstance(one, dict) and isinstance(one.get("Type"), str) and "::" in one["Type"] for one in resources.values()
    )


def template_blocks(tree: Mapping[str, Any]) -> Iterator[Block]:
    """Yield resources, parameters, mappings and outputs."""
    known = _defaults(tree.get("Parameters"))
    for section in ("Parameters", "Mappings", "Resources", "Outputs"):
        entries = tree.get(section)
        for name, body in (entries if isinstance(entries, dict) else {}).items():
            for logical, one in _repeated(str(name), body, 0):
                address = logical if section == "Resources" else f"{section}.{logical}"
                yield Block(address, _resolved(one, known, 0), logical)


def _repeated(name: str, body: Any, depth: int) -> Iterator[Tuple[str, Any]]:
    """Yield an entry of a section, or what Fn::ForEach makes many of, once."""
    if name.startswith(_FOR_EACH) and isinstance(body, list) and depth < _DEEP:
        for one in body[2:]:
            for inner, entry in (one if isinstance(one, dict) else {}).items():
                yield from _repeated(str(inner), entry, depth + 1)
    else:
        yield name, body


def _defaults(parameters: Any) -> Dict[str, str]:
    """Return the parameters' defaults: what the template means when nobody says otherwise."""
    known = dict(_PSEUDO)
    for name, body in (parameters if isinstance(parameters, dict) else {}).items():
        default = body.get("Default") if isinstance(body, dict) else None
        if isinstance(default, str) and default:
            known[str(name)] = str(default)
    return known


def _resolved(value: Any, known: Mapping[str, str], depth: int) -> Any:
    if depth > _DEEP:
        return value  # the walk that follows says so
    if isinstance(value, list):
        return _items(value, known, depth)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, argument = next(iter(value.items()))
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](_resolved(argument, known, depth + 1), known)
        if name in _UNKNOWN:
            return UNRESOLVED
    return {key: _resolved(item, known, depth + 1) for key, item in value.items()}


def _items(values: List[Any], known: Mapping[str, str], depth: int) -> List[Any]:
    """Work out a list; an item that depends on a condition may be there in either form, or not at all."""
    items: List[Any] = []
    for value in values:
        item = _resolved(value, known, depth + 1)
        if isinstance(value, dict) and list(value) == ["Fn::If"] and isinstance(item, list):
            items.extend(item)
        else:
            items.append(item)
    return items


def _ref(argument: Any, known: Mapping[str, str]) -> Any:
    if argument == "AWS::NoValue":
        return None
    return known.get(str(argument), UNRESOLVED)


def _sub(argument: Any, known: Mapping[str, str]) -> Any:
    own: Mapping[str, Any] = {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
        argument, own = argument
    if not isinstance(argument, str):
        return UNRESOLVED

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        value = own.get(name, known.get(name))
        return value if isinstance(value, str) else UNRESOLVED

    return _like(argument, _VARIABLE.sub(replace, argument))


def _join(argument: Any, _known: Mapping[str, str]) -> Any:
    if not (isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list)):
        return UNRESOLVED
    glue = argument[0] if isinstance(argument[0], str) else UNRESOLVED
    parts: List[str] = [part if isinstance(part, str) else UNRESOLVED for part in argument[1]]
    return _like(next((part for part in parts if isinstance(part, Text)), ""), glue.join(parts))


def _if(argument: Any, _known: Mapping[str, str]) -> Any:
    """Return both branches: either may be what is deployed."""
    if not (isinstance(argument, list) and len(argument) == 3):
        return UNRESOLVED
    return [one for one in argument[1:] if one is not None]


def _like(written: str, text: str) -> str:
    return Text.at(text, written.line) if isinstance(written, Text) else text


_FUNCTIONS = {"Ref": _ref, "Fn::Sub": _sub, "Fn::Join": _join, "Fn::If": _if}
