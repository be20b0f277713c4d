#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: every place that names a user or the user's MFA devices."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_references_info
short_description: Find every place that names an IAM user or its MFA devices
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Looks for the serials of a user's MFA devices, the user's unique id, ARN and name in all policies of the account
    (trust policies, policies of identities with their old versions, permissions boundaries, service control policies,
    given resource policies), in the AWS configuration of hosts, in files, and in CloudTrail.
  - Says for each device what can become of it, and for each place what to do there once the devices are gone. The
    corrections are those of M(softtoken.compliance.iam_mfa_audit_info), for the account as it will be then.
  - What could not be searched is in RV(coverage).
  - Changes nothing in the account. The playbook C(mfa_offboard) is built on it.
options:
  user:
    description:
      - Name of the user, without its path.
    type: str
    required: true
  serials:
    description:
      - Serials of devices that were the user's and are not any more, in addition to those that the user holds.
    type: list
    elements: str
    default: []
  unique_ids:
    description:
      - Unique ids (V(AIDA...)) that the user had, in addition to the present one. With this or O(serials) the user
        may be deleted already.
    type: list
    elements: str
    default: []
  snapshot:
    description:
      - Path of a snapshot file on the host where the module runs, as M(softtoken.compliance.iam_mfa_audit_info)
        writes it. With this option no call to AWS is made, and no AWS library is needed.
    type: path
  trail_hours:
    description:
      - How many hours of CloudTrail's event history to search for uses of the devices, 2160 at most. AWS answers two
        calls a second, of 50 events each.
      - V(0) leaves CloudTrail alone.
    type: int
    default: 0
  resource_policies:
    description:
      - Policies of buckets, keys and other resources to look into. Nothing collects them.
    type: list
    elements: dict
    default: []
    suboptions:
      Arn:
        description:
          - ARN of the resource.
        type: str
        required: true
      Policy:
        description:
          - Its policy, as JSON.
        type: json
        required: true
  host_serials:
    description:
      - MFA serials found on hosts, as the filter P(softtoken.compliance.host_serials#filter) gives them.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description:
          - The host.
        type: str
        required: true
      serial:
        description:
          - The serial.
        type: str
      where:
        description:
          - The file on the host.
        type: str
      profile:
        description:
          - The AWS profile.
        type: str
      user:
        description:
          - The user of the host's operating system whose file it is.
        type: str
      role_arn:
        description:
          - The role that the profile assumes.
        type: str
  code_paths:
    description:
      - Files or directories to look into, on the host where the module runs. Every line of every text file is
        searched; Terraform and CloudFormation are read as such too, so that an ARN put together from the account's
        number is found.
      - Terraform's own language needs the Python library C(python-hcl2), 8 or later.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - softtoken.compliance._attributes
  - softtoken.compliance._attributes.info
  - softtoken.compliance._options.organization
attributes:
  platform:
    support: full
    platforms: posix
requirements:
  - boto3 and botocore, for a live account
  - python-hcl2 >= 8, for Terraform files in O(code_paths)
notes:
  - Reads with C(iam:GetAccountAuthorizationDetails), C(iam:ListVirtualMFADevices), C(iam:ListMFADevices) and, where
    asked to, C(organizations:ListPolicies), C(organizations:DescribePolicy), C(organizations:ListTargetsForPolicy) and
    C(cloudtrail:LookupEvents). Each one that is denied becomes a gap in RV(coverage).
seealso:
  - module: softtoken.compliance.iam_mfa_audit_info
  - module: softtoken.compliance.iam_mfa_trust_policy
"""

EXAMPLES = r"""
- name: Find what names a user who leaves
  softtoken.compliance.iam_mfa_references_info:
    user: alice
    code_paths: [infrastructure]
    host_serials: "{{ groups.all | softtoken.compliance.host_serials(hostvars) }}"
  register: named

- name: Show where somebody has to decide
  ansible.builtin.debug:
    msg: "{{ item.resource }} {{ item.path }}: {{ item.advice }}"
  loop: "{{ named.references }}"
  loop_control:
    label: "{{ item.resource }}"
"""

RETURN = r"""
account:
  description: The account.
  returned: success
  type: dict
  contains:
    id:
      description: Its id.
      type: str
      sample: "123456789012"
    partition:
      description: Its partition.
      type: str
      sample: aws
    collected_at:
      description: When it was read; V(null) when the snapshot does not say.
      type: str
      sample: "2026-11-21T12:00:00Z"
user:
  description: The user.
  returned: success
  type: dict
  contains:
    name:
      description: The name.
      type: str
      sample: alice
    arn:
      description: The ARN; that of a user without a path when the user does not exist any more.
      type: str
      sample: arn:aws:iam::123456789012:user/staff/alice
    id:
      description: The present unique id, or V(null).
      type: str
      sample: AIDACKCEVSQ6C2EXAMPLE
    unique_ids:
      description: The present unique id and those in O(unique_ids).
      type: list
      elements: str
      sample: [AIDACKCEVSQ6C2EXAMPLE]
    exists:
      description: Whether the account has the user; V(null) when the users could not be read.
      type: bool
      sample: true
devices:
  description: The devices that the user holds, and those in O(serials).
  returned: success
  type: list
  elements: dict
  contains:
    serial:
      description: The serial.
      type: str
      sample: arn:aws:iam::123456789012:mfa/alice
    kind:
      description: V(virtual), V(hardware), V(fido), V(sms), V(root), or what is no serial, V(user) and V(malformed).
      type: str
      sample: virtual
    assigned_to:
      description: The user who holds it, or the empty string.
      type: str
      sample: alice
    action:
      description: What takes the device from the user. V(delete) (a virtual device, deactivated first), V(deactivate)
        (any other), V(none) when there is nothing to do, or it is not the user's any more.
      type: str
      sample: delete
    reason:
      description: Why that.
      type: str
      sample: the user holds it
references:
  description: Every place that names the user or a device, always in the same order.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: What is named. V(serial), V(unique_id) or V(user) (the ARN, or the name in a condition on
        C(aws:username)).
      type: str
      sample: serial
    value:
      description: Which serial, id, ARN or name it is.
      type: str
      sample: arn:aws:iam::123456789012:mfa/alice
    exact:
      description: Whether it stands there as it is; V(false) when a wildcard means it and not all its neighbours.
      type: bool
      sample: true
    in_force:
      description: V(false) in a version of a managed policy that is not the default.
      type: bool
      sample: true
    resource:
      description: ARN of what carries the document, or the file and line, or the host and file.
      type: str
      sample: arn:aws:iam::123456789012:role/billing
    document:
      description: Which document of the resource it is. V(trust), V(inline:NAME), V(managed:ARN@vN), V(boundary),
        V(scp:ID), V(resource:ARN), V(profile:NAME), V(code) or V(code:ADDRESS).
      type: str
      sample: trust
    statement:
      description: Sid of the statement, or its index from 0, or V(null).
      type: str
      sample: "0"
    path:
      description: The place in the statement.
      type: str
      sample: Condition.ArnLike.aws:MultiFactorAuthAge
    advice:
      description: What to do about it.
      type: str
      sample: "There is a proven correction (MFA-C01): iam_remediate applies it."
    findings:
      description: What the audit finds at this statement in the account without the devices.
      type: list
      elements: dict
      contains:
        rule:
          description: Id of the rule.
          type: str
          sample: MFA-C01
        severity:
          description: How severe it is.
          type: str
          sample: high
        path:
          description: The place in the statement.
          type: str
          sample: Condition.ArnLike.aws:MultiFactorAuthAge
        message:
          description: What is wrong.
          type: str
          sample: ArnLike does not fit aws:MultiFactorAuthAge.
        fix:
          description: The corrected document and the change in a sentence, where there is a proven one; else V(null).
          type: dict
          sample: null
uses:
  description: What CloudTrail shows of the devices.
  returned: success
  type: list
  elements: dict
  contains:
    serial:
      description: The serial.
      type: str
      sample: arn:aws:iam::123456789012:mfa/alice
    count:
      description: How many events used it.
      type: int
      sample: 3
    last_event:
      description: Name of the last one.
      type: str
      sample: AssumeRole
    last_time:
      description: Its time.
      type: str
      sample: "2026-11-20T08:00:00Z"
    last_principal:
      description: ARN of the caller.
      type: str
      sample: arn:aws:iam::123456789012:user/alice
    last_error:
      description: Its error code, or V(null).
      type: str
      sample: null
remediation:
  description: What the playbook C(iam_remediate) can correct of it.
  returned: success
  type: dict
  contains:
    roles:
      description: For its variable C(softtoken_account_roles).
      type: list
      elements: str
      sample: [arn:aws:iam::123456789012:role/billing]
    rules:
      description: For its variable C(softtoken_rules).
      type: list
      elements: str
      sample: [MFA-C01]
coverage:
  description: What was searched and what was not.
  returned: success
  type: dict
  contains:
    complete:
      description: Whether all that was to be searched could be.
      type: bool
      sample: true
    documents:
      description: How many places with a policy document were searched.
      type: int
      sample: 27
    not_searched:
      description: Where nobody asked to look, or nothing was given to look into.
      type: list
      elements: str
      sample: [trail_events]
    gaps:
      description: What could not be read, with the API's error where there was one.
      type: list
      elements: dict
      sample:
        - part: organization_policies
          subject: null
          reason: the call was denied
          api: organizations:ListPolicies
          code: AccessDeniedException
api_calls:
  description: How often each API was called, a page for a call; empty with O(snapshot).
  returned: success
  type: dict
  sample: {"iam:GetAccountAuthorizationDetails": 3, "iam:ListMFADevices": 1, "iam:ListVirtualMFADevices": 1}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_references import run_references
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_references_ports import (
    reference_ports,
    search_code,
)

_TEXTS = ("serial", "where", "profile", "user", "role_arn")
_HOST_SERIAL = {"host": {"type": "str", "required": True}, **{name: {"type": "str"} for name in _TEXTS}}
_RESOURCE_POLICY = {"Arn": {"type": "str", "required": True}, "Policy": {"type": "json", "required": True}}


def main() -> None:
    """Read the parameters, search, return what was found."""
    module = AnsibleAWSModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "serials": {"type": "list", "elements": "str", "default": []},
            "unique_ids": {"type": "list", "elements": "str", "default": []},
            "snapshot": {"type": "path"},
            "organization": {"type": "bool", "default": True},
            "trail_hours": {"type": "int", "default": 0},
            "resource_policies": {"type": "list", "elements": "dict", "default": [], "options": _RESOURCE_POLICY},
            "host_serials": {"type": "list", "elements": "dict", "default": [], "options": _HOST_SERIAL},
            "code_paths": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
        check_boto3=False,
    )
    try:
        result = run_references(module.params, reference_ports(module), search_code)
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
