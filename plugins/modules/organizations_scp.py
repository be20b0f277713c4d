#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: a service control policy, proven before it is in force."""

from __future__ import annotations

DOCUMENTATION = r"""
module: organizations_scp
short_description: Manage a service control policy, and refuse one that would lock people out
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Makes, changes, attaches, detaches and deletes a service control policy of an AWS organization.
  - What the statements on MFA do to access keys, to sessions with and without MFA, to sessions of roles and of IAM
    Identity Center is worked out first. A policy that stops whoever has MFA, that stops roles, that stops no access
    key, or that keeps users from getting to MFA is refused, with the reasons. There is no way around that.
  - A policy that is to be in force for the root, which is the whole organization, needs a dry run of the same text from
    M(softtoken.compliance.iam_mfa_guardrails_info).
  - Statements that do not look at MFA are applied as they are.
options:
  name:
    description:
      - Name of the policy. It is found by it.
    type: str
    required: true
  state:
    description:
      - V(absent) detaches the policy from everything and deletes it.
    type: str
    choices: [present, absent]
    default: present
  content:
    description:
      - The policy. Needed for O(state=present).
    type: json
  description:
    description:
      - What the policy is for. Without it the present description stays.
    type: str
  targets:
    description:
      - Ids of the roots, organizational units and accounts for which it is to be in force.
    type: list
    elements: str
    default: []
  purge_targets:
    description:
      - Whether to detach it from everything that O(targets) does not name.
    type: bool
    default: false
  dry_run:
    description:
      - RV(softtoken.compliance.iam_mfa_guardrails_info#module:dry_run) for the same text. Needed to attach the policy
        to a root, and to change one that is attached to a root.
    type: dict
  dry_run_max_age:
    description:
      - How many days the last record of the dry run may be old.
    type: int
    default: 7
  accepted_principals:
    description:
      - ARNs, with V(*) and V(?), of those who may lose what the dry run says.
    type: list
    elements: str
    default: []
  accepted_accounts:
    description:
      - Ids of accounts of which the dry run need not have records.
    type: list
    elements: str
    default: []
  accepted_gaps:
    description:
      - Whether a dry run counts that could not read everything.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - softtoken.compliance._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
notes:
  - Takes the credentials of the organization's management account, or of one that policies were delegated to, with
    C(organizations:ListPolicies), C(organizations:DescribePolicy), C(organizations:ListTargetsForPolicy), and to change
    something C(organizations:CreatePolicy), C(organizations:UpdatePolicy), C(organizations:AttachPolicy),
    C(organizations:DetachPolicy), C(organizations:DeletePolicy). For a root also C(organizations:DescribeOrganization)
    and C(organizations:ListAccounts).
  - A service control policy does not bind the management account, service-linked roles, nor anybody outside the
    organization.
seealso:
  - module: softtoken.compliance.iam_mfa_guardrails_info
"""

EXAMPLES = r"""
- name: Deny sensitive actions to IAM users without MFA, in one unit
  softtoken.compliance.organizations_scp:
    name: sensitive-actions
    content: "{{ guardrails.documents.scp }}"
    targets: [ou-ab12-cdefgh34]

- name: Take it away again
  softtoken.compliance.organizations_scp:
    name: sensitive-actions
    state: absent
"""

RETURN = r"""
policy:
  description: The policy as it is now, or would be; V(null) with O(state=absent).
  returned: success
  type: dict
  contains:
    id:
      description: Its id; V(null) in check mode when it is not there yet.
      type: str
      sample: p-1a2b3c4d
    hash:
      description: Hash of its text, as a dry run has it.
      type: str
      sample: sha256:5f0c
    name:
      description: Its name.
      type: str
      sample: sensitive-actions
    description:
      description: What it is for.
      type: str
      sample: Sensitive actions take MFA
    document:
      description: Its text.
      type: dict
      sample: {Version: "2012-10-17", Statement: []}
    targets:
      description: Ids of what it is in force for.
      type: list
      elements: str
      sample: [ou-ab12-cdefgh34]
proof:
  description: What the statements on MFA do, request by request and credential by credential.
  returned: success
  type: dict
  contains:
    part:
      description: Always V(scp).
      type: str
      sample: scp
    lines:
      description: One request each, as RV(softtoken.compliance.iam_mfa_guardrails_info#module:proof[].lines) has them.
      type: list
      elements: dict
      sample: []
    failures:
      description: Always empty here; a policy with any is refused.
      type: list
      elements: str
      sample: []
proof_table:
  description: The same as lines of text.
  returned: success
  type: list
  elements: str
  sample: ["sts:AssumeRole  denied  denied  allowed  allowed  allowed  allowed"]
"""

import time

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_ports import scp_calls
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._scp import ScpPorts, run_scp


def main() -> None:
    """Read the parameters, bring the policy about, return what was done."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "json"},
            "description": {"type": "str"},
            "targets": {"type": "list", "elements": "str", "default": []},
            "purge_targets": {"type": "bool", "default": False},
            "dry_run": {"type": "dict"},
            "dry_run_max_age": {"type": "int", "default": 7},
            "accepted_principals": {"type": "list", "elements": "str", "default": []},
            "accepted_accounts": {"type": "list", "elements": "str", "default": []},
            "accepted_gaps": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["content"])],
        supports_check_mode=True,
    )
    try:
        calls = scp_calls(module)
        ports = ScpPorts(calls, time.time, calls.partition)
        result = run_scp(module.params, ports, check_mode=module.check_mode)
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
