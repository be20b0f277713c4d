# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terraform's JSON forms (configuration, plan, state) as blocks, and its policy documents as IAM's.

Private to this collection. Configuration in Terraform's own language becomes the same blocks elsewhere.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional

from .iac import UNRESOLVED, Text
from .iac_expression import marked
from .iac_tree import Block

__all__ = ["configuration_blocks", "is_configuration", "named_block", "plan_blocks", "policy_of", "state_blocks"]

_LABELS = {
    "resource": 2,
    "data": 2,
    "variable": 1,
    "output": 1,
    "module": 1,
    "provider": 1,
    "locals": 0,
    "terraform": 0,
}
_POLICY_DATA = "aws_iam_policy_document"
_PRINCIPAL_TYPES = frozenset(("AWS", "Service", "Federated", "CanonicalUser"))
_ELEMENTS = {
    "actions": "Action",
    "not_actions": "NotAction",
    "resources": "Resource",
    "not_resources": "NotResource",
}


def is_configuration(tree: Any) -> bool:
    """Return whether a JSON object is Terraform configuration."""
    return isinstance(tree, dict) and bool(tree) and all(key in _LABELS or key == "//" for key in tree)


def configuration_blocks(tree: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the blocks of a configuration in JSON syntax, where each label is a level of objects."""
    for kind, content in tree.items():
        yield from _labelled(kind, content, _LABELS.get(kind, 0), [])


def _labelled(kind: str, content: Any, depth: int, labels: List[str]) -> Iterator[Block]:
    if isinstance(content, list):
        for item in content:
            yield from _labelled(kind, item, depth, labels)
    elif depth and isinstance(content, dict):
        for label, inner in content.items():
            yield from _labelled(kind, inner, depth - 1, [*labels, str(label)])
    else:
        yield named_block(kind, labels, marked(content))


def named_block(kind: str, labels: List[str], body: Any) -> Block:
    """Return a block with the address that Terraform gives it; a policy document becomes the policy it stands for."""
    address = ".".join(labels) if kind == "resource" else ".".join([kind, *labels])
    if kind == "data" and labels[:1] == [_POLICY_DATA]:
        body = policy_of(body)
    return Block(address, body, labels[-1] if labels else "")


def plan_blocks(tree: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the resources of a plan (terraform show -json) as they will be, and those of the state before it."""
    unknown = _known_after_apply(tree.get("resource_changes"))
    for part in ("planned_values", "prior_state"):
        values = tree.get(part)
        if isinstance(values, dict) and isinstance(values.get("values"), dict):
            values = values["values"]
        if isinstance(values, dict):
            yield Block("outputs", values.get("outputs"))
            yield from _module(values.get("root_module"), unknown if part == "planned_values" else {})
    variables = tree.get("variables")
    if isinstance(variables, dict):
        yield from (Block(f"variable.{name}", value, str(name)) for name, value in variables.items())


def _known_after_apply(changes: Any) -> Dict[str, Any]:
    """Return what a plan does not know, by the address of the resource: planned_values leaves it out."""
    found: Dict[str, Any] = {}
    for change in _dicts(changes):
        told = change.get("change")
        unknown = told.get("after_unknown") if isinstance(told, dict) else None
        if isinstance(unknown, dict):
            found[str(change.get("address", ""))] = _unresolved(unknown)
    return found


def _unresolved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unresolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unresolved(item) for item in value]
    return UNRESOLVED if value is True else None


def _module(module: Any, unknown: Mapping[str, Any]) -> Iterator[Block]:
    stack = [module]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            for resource in _dicts(one.get("resources")):
                address, name = str(resource.get("address", "")), str(resource.get("name", ""))
                yield Block(address, resource.get("values"), name)
                if address in unknown:
                    yield Block(address, unknown[address], name)
            stack.extend(reversed(_dicts(one.get("child_modules"))))


def state_blocks(tree: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the resources of a state file: version 4's, and those of the modules of version 3."""
    yield Block("outputs", tree.get("outputs"))
    for resource in _dicts(tree.get("resources")):
        address = _address(resource)
        for instance in _dicts(resource.get("instances")):
            yield Block(address, instance.get("attributes"), str(resource.get("name", "")))
    for module in _dicts(tree.get("modules")):
        yield Block("outputs", module.get("outputs"))
        resources = module.get("resources")
        for address, resource in (resources if isinstance(resources, dict) else {}).items():
            primary = resource.get("primary") if isinstance(resource, dict) else None
            if isinstance(primary, dict):
                yield Block(str(address), primary.get("attributes"))


def _address(resource: Mapping[str, Any]) -> str:
    parts = [resource.get("module"), "data" if resource.get("mode") == "data" else None]
    return ".".join(str(part) for part in (*parts, resource.get("type"), resource.get("name")) if part)


def _dicts(value: Any) -> List[Dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# --- aws_iam_policy_document -----------------------------------------------------------------------------------------


def policy_of(body: Any) -> Any:
    """Return the policy that the body of an aws_iam_policy_document stands for; other content stays beside it."""
    if not isinstance(body, dict):
        return body
    body = _written_out(body)
    statements = [_statement(one) for one in _blocks(body.get("statement"))]
    rest = {key: value for key, value in body.items() if key != "statement"}
    if not statements:
        return rest
    return [{"Version": body.get("version") or "2012-10-17", "Statement": statements}, rest]


def _written_out(block: Mapping[str, Any]) -> Dict[str, Any]:
    """Put the content of dynamic blocks among the others: how often it will be there is not known."""
    content = {key: value for key, value in block.items() if key != "dynamic"}
    for dynamic in _blocks(block.get("dynamic")):
        for kind, repeated in dynamic.items():
            for one in _blocks(repeated):
                content[kind] = [*_blocks(content.get(kind)), *_blocks(one.get("content"))]
    return content


def _statement(block: Mapping[str, Any]) -> Dict[str, Any]:
    block = _written_out(block)
    statement: Dict[str, Any] = {"Effect": _word(block.get("effect")) or "Allow"}
    if block.get("sid"):
        statement["Sid"] = _word(block["sid"])
    for name, element in _ELEMENTS.items():
        if name in block:
            statement[element] = _iam(block[name])
    for name, element in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        principals = _principals(_blocks(block.get(name)))
        if principals is not None:
            statement[element] = principals
    conditions: Dict[str, Dict[str, List[Any]]] = {}
    for condition in _blocks(block.get("condition")):
        keys = conditions.setdefault(str(_word(condition.get("test"))), {})
        keys.setdefault(str(_word(condition.get("variable"))), []).extend(_list(_iam(condition.get("values"))))
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principals(blocks: List[Mapping[str, Any]]) -> Optional[Any]:
    principals: Dict[str, List[Any]] = {}
    for block in blocks:
        kind, names = str(block.get("type")), _list(_iam(block.get("identifiers")))
        if kind == "*":
            return "*"
        if kind in _PRINCIPAL_TYPES:
            principals.setdefault(kind, []).extend(names)
    return principals or None


def _blocks(value: Any) -> List[Mapping[str, Any]]:
    return [value] if isinstance(value, dict) else list(_dicts(value))


def _word(value: Any) -> Any:
    """Return what can only be one word; which of several it will be is not known."""
    return UNRESOLVED if isinstance(value, (dict, list)) else value


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _iam(value: Any) -> Any:
    """Write a policy variable as IAM does: Terraform has &{...} for it, since ${...} is its own."""
    if isinstance(value, list):
        return [_iam(item) for item in value]
    if isinstance(value, str) and "&{" in value:
        text = value.replace("&{", "${")
        return Text.at(text, value.line) if isinstance(value, Text) else text
    return value
