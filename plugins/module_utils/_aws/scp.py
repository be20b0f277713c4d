# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that read and write a service control policy.

Private to this collection. Every refusal becomes an error that says what was tried and what to do next.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from .session import api_name, failure_of, failures

__all__ = ["Organization", "ScpCalls", "ServiceControl"]

_KIND = "SERVICE_CONTROL_POLICY"
_ADVICE: Dict[str, str] = {
    "AccessDeniedException": "The credentials lack {api}: it takes the organization's management account, or one that "
    "policies were delegated to.",
    "AWSOrganizationsNotInUseException": "The account of these credentials is in no organization: leave out the "
    "service control policy.",
    "PolicyTypeNotEnabledException": "The organization has no service control policies yet: enable them (aws "
    "organizations enable-policy-type --policy-type SERVICE_CONTROL_POLICY --root-id ROOT), which takes all features.",
    "TargetNotFoundException": "The organization has no such root, unit or account: check the target.",
    "MalformedPolicyDocumentException": "Organizations takes no such document.",
    "ConstraintViolationException": "A quota of the organization is reached: five policies a target, the size of a "
    "policy, or the last policy of a target is to go.",
    "ConcurrentModificationException": "Somebody else is changing policies: run again.",
}


class ServiceControl(NamedTuple):
    """A policy of the organization."""

    id: str
    arn: str
    name: str
    description: str
    document: Dict[str, Any]
    targets: Tuple[str, ...]
    aws_managed: bool = False


class Organization(NamedTuple):
    """Who is in it; ``accounts`` are the active ones."""

    management_account: str
    accounts: Tuple[str, ...]


class ScpCalls:
    """Service control policies in the organization of a client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def partition(self) -> str:
        """The partition of the organization."""
        return str(self._client.meta.partition)

    def find(self, name: str) -> Optional[ServiceControl]:
        """Return the policy of that name; None where there is none."""
        pages = self._call("list_policies", name, lambda: self._pages("list_policies", "Policies", Filter=_KIND))
        summary = next((one for one in pages if one["Name"] == name), None)
        return None if summary is None else self._whole(summary)

    def _whole(self, summary: Dict[str, Any]) -> ServiceControl:
        identity = summary["Id"]
        described = self._call("describe_policy", identity, lambda: self._client.describe_policy(PolicyId=identity))
        targets = self._call(
            "list_targets_for_policy",
            identity,
            lambda: self._pages("list_targets_for_policy", "Targets", PolicyId=identity),
        )
        return ServiceControl(
            identity,
            summary.get("Arn", ""),
            summary["Name"],
            summary.get("Description", ""),
            parse_document(described["Policy"]["Content"], f"the service control policy {identity}").obj,
            tuple(target["TargetId"] for target in targets),
            bool(summary.get("AwsManaged")),
        )

    def organization(self) -> Organization:
        """Return who is in the organization."""
        what = "the organization"
        described = self._call("describe_organization", what, self._client.describe_organization)["Organization"]
        accounts = self._call("list_accounts", what, lambda: self._pages("list_accounts", "Accounts"))
        active = tuple(one["Id"] for one in accounts if one.get("Status", "ACTIVE") == "ACTIVE")
        return Organization(described.get("MasterAccountId", ""), active)

    def create(self, name: str, description: str, document: Dict[str, Any]) -> str:
        """Make a policy and return its id."""
        text = _compact(document)
        made = self._call(
            "create_policy",
            name,
            lambda: self._client.create_policy(Name=name, Description=description, Type=_KIND, Content=text),
        )
        return str(made["Policy"]["PolicySummary"]["Id"])

    def update(self, policy: str, description: str, document: Dict[str, Any]) -> None:
        """Replace a policy's text and description."""
        text = _compact(document)
        self._call(
            "update_policy",
            policy,
            lambda: self._client.update_policy(PolicyId=policy, Description=description, Content=text),
        )

    def attach(self, policy: str, target: str) -> None:
        """Put a policy in force for a root, a unit or an account."""
        self._call(
            "attach_policy",
            f"{policy} and target {target}",
            lambda: self._client.attach_policy(PolicyId=policy, TargetId=target),
        )

    def detach(self, policy: str, target: str) -> None:
        """Take a policy off a target."""
        self._call(
            "detach_policy",
            f"{policy} and target {target}",
            lambda: self._client.detach_policy(PolicyId=policy, TargetId=target),
        )

    def delete(self, policy: str) -> None:
        """Delete a policy that is attached nowhere."""
        self._call("delete_policy", policy, lambda: self._client.delete_policy(PolicyId=policy))

    def _pages(self, operation: str, key: str, **parameters: Any) -> List[Dict[str, Any]]:
        pages = self._client.get_paginator(operation).paginate(**parameters)
        return [entry for page in pages for entry in page[key]]

    def _call(self, operation: str, what: str, call: Any) -> Any:
        try:
            return call()
        except failures() as exc:
            failure = failure_of(exc, api_name(self._client, operation))
            advice = _ADVICE.get(failure.code, "").format(api=failure.api)
            raise IamError(f"service control policy {what}: {failure}. {advice}".rstrip()) from exc


def _compact(document: Dict[str, Any]) -> str:
    """Write a document without a blank: its size counts."""
    return json.dumps(document, separators=(",", ":"))
