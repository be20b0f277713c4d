# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files with the line of each text, and CloudFormation's short tags written out.

Private to this collection. The loader makes plain values only, whatever tags a file has.
"""

from __future__ import annotations

import traceback
from typing import Any, Dict, Iterable, List, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import LONGEST_NUMBER, UNRESOLVED, Text

YAML_IMPORT_ERROR: Optional[str] = None
try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR = traceback.format_exc()

__all__ = ["YAML_IMPORT_ERROR", "YamlProblem", "yaml_trees"]

_SAME_NAME = frozenset(("Ref", "Condition"))
_DEEP = 200
_CORE = "tag:yaml.org,2002:"


class YamlProblem(Exception):
    """The text is no YAML; the message never quotes it."""


def yaml_trees(text: str) -> List[Any]:
    """Return the documents of a file."""
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _check_depth(yaml.parse(text, Loader=loader))
        nodes = list(yaml.compose_all(text, Loader=loader))
        return [_Builder().value(node) for node in nodes]
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise YamlProblem(f"it is not YAML{where}") from None
    except RecursionError:
        raise YamlProblem("it is nested too deeply") from None


def _check_depth(events: Iterable[Any]) -> None:
    """Refuse what would need more stack than there is: the C library ends the process then."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEP:
                raise YamlProblem("it is nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Makes values of nodes. An alias gives the same value again, and one within itself nothing."""

    def __init__(self) -> None:
        self._made: Dict[int, Any] = {}

    def value(self, node: Any) -> Any:
        """Return a node's value."""
        known = id(node)
        if known not in self._made:
            self._made[known] = UNRESOLVED
            self._made[known] = self._tagged(node)
        return self._made[known]

    def _tagged(self, node: Any) -> Any:
        tag = node.tag
        value = self._plain(node)
        if tag.startswith(_CORE) or not tag.startswith("!") or len(tag) == 1:
            return value
        name = tag[1:]
        if name == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {name if name in _SAME_NAME else f"Fn::{name}": value}

    def _plain(self, node: Any) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        return self._scalar(node)

    def _mapping(self, node: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for key, item in node.value:
            value = self.value(item)
            if key.tag == _CORE + "merge":
                for one in value if isinstance(value, list) else [value]:
                    found = {**one, **found} if isinstance(one, dict) else found
            else:
                name = self.value(key)
                found[name if isinstance(name, str) else str(name)] = value
        return found

    def _scalar(self, node: Any) -> Any:
        tag = node.tag
        if tag == _CORE + "bool":
            return node.value.lower() in ("yes", "true", "on")
        if tag == _CORE + "null":
            return None
        if tag == _CORE + "int" and node.value.isdigit() and not node.value.startswith("0"):
            return int(node.value) if len(node.value) <= LONGEST_NUMBER else UNRESOLVED
        # A number of another form stays as it is written: a hardware serial may look like one.
        return Text.at(node.value, node.start_mark.line + 1 + (node.style in ("|", ">")))
