#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: repairs the trust policy of a role."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_trust_policy
short_description: Repair the trust policy of an IAM role
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Replaces the trust policy of a role by a given one, or by its own with the findings of some rules corrected, or
    puts back the one that was saved before.
  - A correction changes one condition and nothing else. Only one is applied that is proved, for each kind of
    credential, to allow nothing beyond what the statement means and to lock out nobody who can present MFA. Findings
    without such a correction are in RV(unfixed), with the reason.
  - The policy is read again right before it is written, and again afterwards. IAM has no conditional write, so that
    between that last look and the write there is a moment in which somebody else's change is not seen.
options:
  role:
    description:
      - Name or ARN of the role. With an ARN the module fails when the credentials are another account's.
    type: str
    required: true
  state:
    description:
      - V(present) applies O(policy) or the corrections for O(fix_rules).
      - V(restored) puts back the policy that is saved in O(backup).
    type: str
    choices: [present, restored]
    default: present
  policy:
    description:
      - The whole trust policy.
    type: dict
  fix_rules:
    description:
      - Ids of the rules whose findings are corrected, one after the other until none has a correction left.
    type: list
    elements: str
  severity_threshold:
    description:
      - With O(fix_rules), the least severe findings that are corrected. The others are left, and not returned.
    type: str
    choices: [critical, high, medium, low, info]
    default: info
  backup:
    description:
      - File on the host where the module runs. It gets the previous policy before anything is written, with mode 0600.
      - Required with O(state=restored), which reads it. A file that holds another backup is not overwritten.
      - Restoring fails when the policy was changed again after the backup was made, unless O(expected) says that this
        is known.
    type: path
  expected:
    description:
      - The RV(previous_hash) that the present policy must have, as an earlier run in check mode returned it. With
        another one nothing is changed.
    type: str
  snapshot:
    description:
      - Path of a snapshot file on the host where the module runs, as
        O(softtoken.compliance.iam_mfa_audit_info#module:snapshot_output) writes it. The role is read from it, without
        AWS and without an AWS library.
      - Only in check mode. Nothing is applied from a snapshot.
    type: path
  lockout_check:
    description:
      - Whether to refuse a policy by which somebody whom the present one names could not assume the role any more with
        any kind of credential.
    type: bool
    default: true
  trusted_accounts:
    description:
      - Ids of other accounts of the same owner, which do not count as third parties.
    type: list
    elements: str
    default: []
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
  - Calls C(iam:GetRole) and C(iam:UpdateAssumeRolePolicy).
seealso:
  - module: softtoken.compliance.iam_mfa_audit_info
"""

EXAMPLES = r"""
- name: Show what correcting conditions on MFA would change
  softtoken.compliance.iam_mfa_trust_policy:
    role: operations
    fix_rules: [MFA-C01, MFA-C04]
  check_mode: true
  diff: true
  register: plan

- name: Do exactly that
  softtoken.compliance.iam_mfa_trust_policy:
    role: "{{ plan.role_arn }}"
    fix_rules: [MFA-C01, MFA-C04]
    expected: "{{ plan.previous_hash }}"
    backup: /var/lib/audit/operations.json

- name: Undo it
  softtoken.compliance.iam_mfa_trust_policy:
    role: operations
    state: restored
    backup: /var/lib/audit/operations.json
"""

RETURN = r"""
role_arn:
  description: ARN of the role.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:role/operations
previous:
  description: The trust policy that was there before.
  returned: success
  type: dict
  sample: {"Version": "2012-10-17", "Statement": []}
previous_hash:
  description: Hash of RV(previous), for O(expected).
  returned: success
  type: str
  sample: sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
policy:
  description: The trust policy that is there now, or would be in check mode.
  returned: success
  type: dict
  sample: {"Version": "2012-10-17", "Statement": []}
policy_hash:
  description: Hash of RV(policy).
  returned: success
  type: str
  sample: sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
fixes:
  description: The findings that were corrected, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    rule:
      description: Id of the rule.
      type: str
      sample: MFA-C01
    severity:
      description: How severe it was.
      type: str
      sample: high
    statement:
      description: Sid of the statement, or its index from 0.
      type: raw
      sample: 0
    path:
      description: The place in the statement.
      type: str
      sample: Condition.ArnLike.aws:MultiFactorAuthAge
    message:
      description: What was wrong.
      type: str
      sample: ArnLike does not fit aws:MultiFactorAuthAge.
    summary:
      description: What was changed.
      type: str
      sample: ArnLike on aws:MultiFactorAuthAge becomes Bool aws:MultiFactorAuthPresent true.
unfixed:
  description: Findings of O(fix_rules) that have no correction. RV(unfixed[].message) says why.
  returned: success
  type: list
  elements: dict
  contains:
    rule:
      description: Id of the rule.
      type: str
      sample: MFA-T01
    severity:
      description: How severe it is.
      type: str
      sample: medium
    statement:
      description: Sid of the statement, or its index from 0.
      type: raw
      sample: 0
    path:
      description: The place in the statement.
      type: str
      sample: ""
    message:
      description: What is wrong, and why there is no automatic fix.
      type: str
      sample: "People may assume the role without MFA. No automatic fix: roles may come in by this statement."
locked_out:
  description: Principals of the previous policy who cannot assume the role any more with any kind of credential.
  returned: success
  type: list
  elements: str
  sample: []
backup:
  description: The file that holds the previous policy, or would; V(null) when nothing changes.
  returned: success
  type: str
  sample: /var/lib/audit/operations.json
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import SEVERITIES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust import run_trust
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_ports import trust_ports


def main() -> None:
    """Read the parameters, bring the policy about, return what was done."""
    module = AnsibleAWSModule(
        argument_spec={
            "role": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            "policy": {"type": "dict"},
            "fix_rules": {"type": "list", "elements": "str"},
            "severity_threshold": {"type": "str", "choices": list(SEVERITIES), "default": SEVERITIES[-1]},
            "backup": {"type": "path"},
            "expected": {"type": "str"},
            "snapshot": {"type": "path"},
            "lockout_check": {"type": "bool", "default": True},
            "trusted_accounts": {"type": "list", "elements": "str", "default": []},
        },
        mutually_exclusive=[("policy", "fix_rules")],
        required_if=[("state", "restored", ["backup"]), ("state", "present", ["policy", "fix_rules"], True)],
        supports_check_mode=True,
        check_boto3=False,  # a snapshot needs none
    )
    try:
        result = run_trust(module.params, trust_ports(module), check_mode=module.check_mode)
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
