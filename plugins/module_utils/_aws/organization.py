# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service control policies, as the organisation's management account (or a delegated administrator) may read them.

Private to this collection.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import ORGANIZATION

from .session import Session, api_name, failure_of, failures

__all__ = ["read_organization"]

_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"

Policy = Dict[str, Any]


def read_organization(session: Session, client: Any) -> Optional[List[Policy]]:
    """Return the SCPs that are not AWS's own; none, and no gap, where there is no organisation."""
    try:
        pages = list(client.get_paginator("list_policies").paginate(Filter="SERVICE_CONTROL_POLICY"))
    except failures() as exc:
        failure = failure_of(exc, api_name(client, "list_policies"))
        if failure.code == _NO_ORGANIZATION:
            return []
        session.note_failure(ORGANIZATION, failure)
        return None
    own = [summary for page in pages for summary in page["Policies"] if not summary.get("AwsManaged")]
    policies = [_policy(session, client, summary) for summary in own]
    return [policy for policy in policies if policy is not None]


def _policy(session: Session, client: Any, summary: Policy) -> Optional[Policy]:
    described = session.attempt(
        ORGANIZATION,
        lambda: client.describe_policy(PolicyId=summary["Id"]),
        api=api_name(client, "describe_policy"),
        subject=summary["Id"],
    )
    if described is None:
        return None
    policy: Policy = {key: summary[key] for key in ("Id", "Arn", "Name") if key in summary}
    policy["Content"] = described["Policy"]["Content"]
    targets = session.everything(
        ORGANIZATION, client, "list_targets_for_policy", ("Targets",), subject=summary["Id"], PolicyId=summary["Id"]
    )
    if targets is not None:
        policy["Targets"] = [
            {key: target[key] for key in ("TargetId", "Type") if key in target} for target in targets["Targets"]
        ]
    return policy
