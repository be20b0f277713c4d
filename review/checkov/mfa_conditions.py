# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkov checks: the audit's rules for policies, one check each, for Terraform and CloudFormation.

Checkov loads this file with --external-checks-dir; docs/code-review.md says how. The rules are the collection's own:
they are imported from the checkout that this file is in, Ansible is not needed.

A policy of which something is not known before a run passes no check: CKV_MFA_UNJUDGED fails for it and says why, and
the others either fail or say nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from checkov.cloudformation.checks.resource.base_resource_check import BaseResourceCheck as CloudFormationCheck
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.common.util.consts import TRUE_AFTER_UNKNOWN
from checkov.terraform.checks.data.base_check import BaseDataCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from checkov.terraform.checks.resource.registry import resource_registry


def _find_collection() -> None:
    """Let ansible_collections.softtoken.compliance be this checkout, unless it is imported already."""
    path: list[str] = []
    for name in ("ansible_collections", "ansible_collections.softtoken", "ansible_collections.softtoken.compliance"):
        if name.endswith(".compliance"):
            path = [str(Path(__file__).resolve().parents[2])]
        if name not in sys.modules:
            module = ModuleType(name)
            module.__path__ = path
            sys.modules[name] = module


_find_collection()

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES  # noqa: E402
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import UNRESOLVED, IacFile, IacUse  # noqa: E402
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_cloudformation import (  # noqa: E402
    template_blocks,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_expression import marked  # noqa: E402
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_terraform import policy_of  # noqa: E402
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_tree import (  # noqa: E402
    Block,
    Lines,
    read_blocks,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.review import (  # noqa: E402
    POLICY_RULES,
    Reviewed,
    review,
)

_GUIDE = "https://github.com/softtoken/compliance/blob/main/docs"
_DATA = "aws_iam_policy_document"
_UNJUDGED = "CKV_MFA_UNJUDGED"


class _Verdict(NamedTuple):
    """What the rules say of one resource. ``failed`` holds the messages of each rule."""

    policies: int = 0
    failed: Mapping[str, tuple[str, ...]] = {}
    unjudged: tuple[str, ...] = ()

    def of(self, rule: str) -> tuple[CheckResult, tuple[str, ...]]:
        """Return the result of one rule ("" for what could not be judged), and what there is to say."""
        failed = self.failed.get(rule, ()) if rule else self.unjudged
        if failed:
            return CheckResult.FAILED, failed
        clean = self.policies and not (rule and self.unjudged)
        return CheckResult.PASSED if clean else CheckResult.UNKNOWN, ()


# --- from Checkov's values to blocks ---------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Take off the list that Checkov has around each value of Terraform, and its notes."""
    if isinstance(value, dict):
        return {key: _plain(_only(item)) for key, item in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return UNRESOLVED if value == TRUE_AFTER_UNKNOWN else value


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _noted(value: Any) -> Any:
    """Take Checkov's notes out of a part of a template."""
    if isinstance(value, dict):
        return {key: _noted(item) for key, item in value.items() if not str(key).startswith("__")}
    return [_noted(item) for item in value] if isinstance(value, list) else value


def _terraform(address: str, conf: Mapping[str, Any]) -> Block:
    return Block(address, marked(_plain(conf), bare=True))


def _document(name: str, conf: Mapping[str, Any]) -> Block:
    return Block(f"data.{_DATA}.{name}", policy_of(marked(_plain(conf), bare=True)))


def _read(blocks: Iterable[Block]) -> IacFile:
    return read_blocks("code", "terraform", blocks, Lines(""))


# --- judging ---------------------------------------------------------------------------------------------------------


def _verdict(reviewed: Reviewed, *, without: frozenset[str] = frozenset()) -> _Verdict:
    failed: dict[str, tuple[str, ...]] = {}
    for found in reviewed.findings:
        if found.rule in POLICY_RULES - without:
            where = "" if found.statement is None else f"statement {found.statement}: "
            failed[found.rule] = (*failed.get(found.rule, ()), f"{where}{found.message}")
    return _Verdict(reviewed.policies, failed, tuple(one.reason for one in reviewed.unjudged))


def _of_resource(resource_type: str, conf: Mapping[str, Any], path: str) -> _Verdict:
    address = str(conf.get("__address__") or f"{resource_type}.resource")
    file = _read([_terraform(address, conf)])
    verdict = _verdict(review([file]))
    module = address.partition(f"{resource_type}.")[0]
    for use in file.uses:
        verdict = _joined(verdict, _as_used(use, module, path, frozenset()))
    return verdict


def _as_used(use: IacUse, module: str, path: str, seen: frozenset[str]) -> _Verdict:
    """Judge a document, and those it is made of, as a resource uses it; what it says by itself is told elsewhere."""
    name = use.name
    documents = _documents(name, module, path)
    if len(documents) != 1:
        what = "is not in what Checkov has read" if not documents else "is several in what Checkov has read"
        return _Verdict(unjudged=(f"the policy document {name} {what}",))
    document = _read([_document(name, documents[0])])
    alone = review([document])
    told = frozenset(found.rule for found in alone.findings)
    verdict = _verdict(review([document._replace(uses=(use,))]), without=told)._replace(unjudged=())
    for part in document.uses:
        if part.name not in seen | {name}:
            of_part = _as_used(use._replace(name=part.name), module, path, seen | {name})
            verdict = _joined(verdict, of_part)
    return verdict


def _joined(one: _Verdict, other: _Verdict) -> _Verdict:
    failed = {**one.failed, **{rule: one.failed.get(rule, ()) + told for rule, told in other.failed.items()}}
    return _Verdict(one.policies + other.policies, failed, one.unjudged + other.unjudged)


def _documents(name: str, module: str, path: str) -> list[Mapping[str, Any]]:
    """Return the policy documents of that name in the same module and folder, from Checkov's graph."""
    folder = path.rpartition("/")[0]
    found: list[Mapping[str, Any]] = []
    for attributes in _nodes(resource_registry.graph):
        if attributes.get("block_type_") == "data" and attributes.get("block_name_") == f"{_DATA}.{name}":
            conf = attributes.get("config_", {}).get(_DATA, {}).get(name, {})
            inside = str(conf.get("__address__", "")).partition(_DATA)[0].removesuffix("data.")
            beside = str(attributes.get("file_path_", "")).rpartition("/")[0].endswith(folder)
            if inside == module and beside and conf not in found:
                found.append(conf)
    return found


def _nodes(graph: Any) -> Iterator[Mapping[str, Any]]:
    """Yield what Checkov's graph has, whichever of its two libraries made it."""
    for node in graph.nodes() if graph is not None else ():
        yield node[1] if isinstance(node, tuple) else graph.nodes[node]


class _Last:
    """Keeps the verdict of the resource at hand: every check asks for it in turn."""

    def __init__(self) -> None:
        self._conf: object = None
        self._verdict = _Verdict()

    def terraform(self, resource_type: str, conf: Mapping[str, Any], path: str) -> _Verdict:
        """Judge a resource of the file at a path below what is scanned."""
        if conf is not self._conf:
            self._verdict = _of_resource(resource_type, conf, path)
            self._conf = conf
        return self._verdict

    def document(self, conf: Mapping[str, Any]) -> _Verdict:
        """Judge an aws_iam_policy_document."""
        if conf is not self._conf:
            name = str(conf.get("__address__", "document")).rpartition(".")[2]
            self._verdict = _verdict(review([_read([_document(name, conf)])]))
            self._conf = conf
        return self._verdict

    def cloudformation(self, conf: Mapping[str, Any]) -> _Verdict:
        """Judge a resource of a template."""
        if conf is not self._conf:
            file = _read(template_blocks({"Resources": {"Resource": _noted(conf)}}))
            self._verdict = _verdict(review([file]))
            self._conf = conf
        return self._verdict


_LAST = _Last()


# --- the checks ------------------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    id: str
    name: str
    guideline: str


def _said(rule: str) -> _Said:
    if not rule:
        name = "MFA conditions of the policy are known before a run"
        return _Said(_UNJUDGED, name, f"{_GUIDE}/code-review.md#what-is-not-known-before-a-run")
    known = RULES[rule]
    anchor = f"{rule}-{known.title}".lower()
    kept = "".join(char if char.isalnum() or char in "-_" else "-" * (char == " ") for char in anchor)
    return _Said(f"CKV_{rule.replace('-', '_')}", f"{rule}: {known.title}", f"{_GUIDE}/rules.md#{kept}")


class _ResourceRule(BaseResourceCheck):
    def __init__(self, rule: str) -> None:
        said = _said(rule)
        super().__init__(said.name, said.id, [CheckCategories.IAM], ["aws_*", "awscc_*"], said.guideline)
        self._rule = rule

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        result, details = _LAST.terraform(self.entity_type, conf, self.entity_path.partition(":")[0]).of(self._rule)
        self.details.extend(details)
        return result


class _DocumentRule(BaseDataCheck):
    def __init__(self, rule: str) -> None:
        said = _said(rule)
        super().__init__(said.name, said.id, [CheckCategories.IAM], [_DATA], said.guideline)
        self._rule = rule

    def scan_data_conf(self, conf: dict[str, Any]) -> CheckResult:
        result, details = _LAST.document(conf).of(self._rule)
        self.details.extend(details)
        return result


class _TemplateRule(CloudFormationCheck):
    def __init__(self, rule: str) -> None:
        said = _said(rule)
        super().__init__(said.name, said.id, [CheckCategories.IAM], ["AWS::*"], said.guideline)
        self._rule = rule

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        result, details = _LAST.cloudformation(conf).of(self._rule)
        self.details.extend(details)
        return result


for _rule in (*sorted(POLICY_RULES), ""):
    _ResourceRule(_rule)
    _DocumentRule(_rule)
    _TemplateRule(_rule)
