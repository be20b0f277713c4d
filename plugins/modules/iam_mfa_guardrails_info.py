#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the MFA guardrails of an account, proven and compared with what is there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_guardrails_info
short_description: Prove MFA guardrails, try them on CloudTrail, and find drift
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Gives the guardrails that the role P(softtoken.compliance.mfa_guardrails#role) applies, for the partition and with
    the choices of the account's owner.
  - Works out what each policy does to access keys, to sessions without and with MFA, to sessions of roles and of IAM
    Identity Center, and to services that act for a user, and says in RV(failures) what is not as it should be.
  - Compares the account with them.
  - Tries the service control policy on CloudTrail's records, and lists who would have been denied.
  - Changes nothing.
options:
  parts:
    description:
      - Which guardrails.
    type: list
    elements: str
    choices: [self_management, resync_only, scp, config_rules, login_alarm]
    default: [self_management, resync_only, config_rules, login_alarm]
  enrolment:
    description:
      - Who enrols a user's first MFA device under the self-management policy.
      - V(keys), as AWS documents it, lets a user do it with access keys or a password. Whoever steals the keys of a
        user without a device can then enrol one, and has what MFA opens. A second device takes MFA in any case.
      - V(console) takes the password, by a session of the console.
      - V(administrator) leaves it to administrators.
    type: str
    choices: [keys, console, administrator]
    default: keys
  scp_actions:
    description:
      - The actions that the service control policy denies to IAM users without MFA. Empty for the collection's list,
        which RV(documents) shows.
    type: list
    elements: str
    default: []
  scp_exempt:
    description:
      - ARNs of IAM users, with V(*) and V(?), whom the service control policy leaves alone.
    type: list
    elements: str
    default: []
  scp_policy:
    description:
      - Another service control policy in place of the collection's, to prove it and to try it. Not together with
        O(scp_actions) and O(scp_exempt).
    type: json
  scp_targets:
    description:
      - Ids of the roots, units and accounts that the service control policy is to be attached to.
    type: list
    elements: str
    default: []
  name_prefix:
    description:
      - What the names of policies, filter, alarm and topic begin with. Letters, digits, V(-) and V(_).
    type: str
    default: softtoken-mfa-
  self_management_groups:
    description:
      - Groups that are to have the self-management policy.
    type: list
    elements: str
    default: []
  resync_only_groups:
    description:
      - Groups that are to have the resync-only policy.
    type: list
    elements: str
    default: []
  log_group:
    description:
      - The log group that a trail delivers to. Empty to find that of a trail of all regions, since the region of a
        sign-in varies. Of several, it is the one that holds the metric filter, or else one whose trail works.
    type: str
    default: ""
  subscriptions:
    description:
      - Who is to hear of the alarm.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description:
          - Of the subscription, as V(email) or V(https).
        type: str
        required: true
      endpoint:
        description:
          - Where to.
        type: str
        required: true
  live:
    description:
      - Whether to look at the account. Without, nothing is compared, and O(partition) says for which partition.
    type: bool
    default: true
  partition:
    description:
      - The partition, where O(live=false).
    type: str
    default: aws
  trail_hours:
    description:
      - How many hours of CloudTrail's event history to try the service control policy on, 2160 at most. AWS answers two
        calls a second, and each action of the policy takes one at least.
    type: int
    default: 0
  trail_regions:
    description:
      - Regions whose event history to look at, beside the one that records what IAM does and O(region).
    type: list
    elements: str
    default: []
  trail_files:
    description:
      - Files with CloudTrail records, or directories of such (C(.json), C(.json.gz)), on the host where the module
        runs. The event history shows one account; for an organization, give the files of its trail.
    type: list
    elements: path
    default: []
  management_account:
    description:
      - Id of the organization's management account, which no service control policy binds. Empty to ask where
        O(trail_hours) is given; of files alone it is not known then, and its calls are judged like those of others.
    type: str
    default: ""
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - softtoken.compliance._attributes
  - softtoken.compliance._attributes.info
attributes:
  platform:
    support: full
    platforms: posix
notes:
  - Reads with C(sts:GetCallerIdentity), C(iam:GetGroup), C(iam:GetPolicy), C(iam:GetPolicyVersion),
    C(iam:ListEntitiesForPolicy), C(iam:ListPolicies), C(organizations:ListPolicies), C(organizations:DescribePolicy),
    C(organizations:ListTargetsForPolicy), C(config:DescribeConfigRules), C(config:DescribeConfigurationRecorders),
    C(cloudtrail:DescribeTrails), C(cloudtrail:GetTrailStatus), C(logs:DescribeMetricFilters),
    C(cloudwatch:DescribeAlarms), C(sns:GetTopicAttributes), C(sns:ListSubscriptionsByTopic), and for a dry run
    C(cloudtrail:LookupEvents). A part whose calls are denied is V(unknown) in RV(drift).
seealso:
  - module: softtoken.compliance.organizations_scp
  - module: softtoken.compliance.iam_mfa_audit_info
"""

EXAMPLES = r"""
- name: Show what the guardrails do to whom
  softtoken.compliance.iam_mfa_guardrails_info:
    parts: [self_management, scp]
    live: false
  register: guardrails

- name: Try the service control policy on the organization's trail
  softtoken.compliance.iam_mfa_guardrails_info:
    parts: [scp]
    trail_files: [/var/lib/audit/trail]
    scp_exempt: ["arn:aws:iam::*:user/legacy-deploy"]
"""

RETURN = r"""
account:
  description: Id of the account; V(null) with O(live=false).
  returned: success
  type: str
  sample: "123456789012"
partition:
  description: The partition that everything is written for.
  returned: success
  type: str
  sample: aws
names:
  description: What the guardrails are called.
  returned: success
  type: dict
  sample: {self_management: softtoken-mfa-self-management, sign_in: softtoken-mfa-sign-in-without-mfa}
documents:
  description: The policy documents, by part.
  returned: success
  type: dict
  sample: {resync_only: {Version: "2012-10-17", Statement: []}}
config_rules:
  description: The rules of AWS Config that the partition has.
  returned: success
  type: list
  elements: dict
  contains:
    identifier:
      description: Of the managed rule.
      type: str
      sample: IAM_USER_MFA_ENABLED
    name:
      description: What it is called.
      type: str
      sample: softtoken-mfa-iam-users
    description:
      description: What it reports.
      type: str
      sample: Reports IAM users without an MFA device.
login_alarm:
  description: The metric filter for sign-ins without MFA, and where it is put.
  returned: success
  type: dict
  contains:
    pattern:
      description: What it counts.
      type: str
      sample: '{ ($.eventName = "ConsoleLogin") }'
    namespace:
      description: Namespace of its metric.
      type: str
      sample: SofttokenCompliance
    log_group:
      description: The log group, empty where there is none.
      type: str
      sample: trail
    topic_arn:
      description: ARN that the topic has or will have; V(null) where nothing was looked at.
      type: str
      sample: arn:aws:sns:eu-west-1:123456789012:softtoken-mfa-sign-in-without-mfa
proof:
  description: What each document does.
  returned: success
  type: list
  elements: dict
  contains:
    part:
      description: The guardrail.
      type: str
      sample: scp
    lines:
      description: One request each.
      type: list
      elements: dict
      contains:
        request:
          description: What is asked for.
          type: str
          sample: iam:ResyncMFADevice on one's own user
        outcomes:
          description:
            - V(allowed), V(denied), V(unknown) or V(untouched) (by a policy that such do not have) for
              C(long_term_key), C(session_without_mfa), C(session_with_mfa), C(role_session), C(sso_session) and
              C(service).
          type: dict
          sample: {long_term_key: allowed, session_with_mfa: allowed}
        wrong:
          description: The credentials for which that is not as it should be.
          type: list
          elements: str
          sample: []
    failures:
      description: The same in words, and what the audit's rules find.
      type: list
      elements: str
      sample: []
proof_table:
  description: The proof as lines of text.
  returned: success
  type: list
  elements: str
  sample: ["sts:AssumeRole  denied  denied  allowed  allowed  allowed  allowed"]
failures:
  description: Why a document must not be applied. Empty when all may.
  returned: success
  type: list
  elements: str
  sample: []
drift:
  description: Each thing that is to be in the account.
  returned: success
  type: list
  elements: dict
  contains:
    part:
      description: The guardrail that it belongs to.
      type: str
      sample: login_alarm
    key:
      description: Which thing of the guardrail.
      type: str
      sample: metric_filter
    name:
      description: What it is called.
      type: str
      sample: softtoken-mfa-sign-in-without-mfa
    state:
      description:
        - V(in_place), V(missing), V(drifted), or V(unknown) where it could not be read.
        - V(foreign) where what bears the name is somebody else's, which the role does not touch.
      type: str
      sample: drifted
    details:
      description: What is not as it should be.
      type: list
      elements: str
      sample: [its pattern was changed]
    before:
      description: What is there; V(null) where nothing is, or it is as it should be.
      type: raw
      sample: {pattern: "{ $.eventName = ConsoleLogin }"}
    after:
      description: What should be there.
      type: raw
      sample: {pattern: '{ ($.eventName = "ConsoleLogin") }'}
in_place:
  description: Whether everything is in the account as it should be.
  returned: success
  type: bool
  sample: false
dry_run:
  description: What the service control policy would have done to calls in CloudTrail; V(null) without records.
  returned: success
  type: dict
  contains:
    denied:
      description: Calls that would have been denied, the most frequent first.
      type: list
      elements: dict
      sample:
        - principal: arn:aws:iam::123456789012:user/deploy
          account: "123456789012"
          credential: long_term_key
          action: sts:AssumeRole
          count: 311
          last: "2026-11-21T11:58:00Z"
          event_id: 7f0c
          source: 192.0.2.7
    unclear:
      description: Calls of which it cannot be said, as where the policy names resources.
      type: list
      elements: dict
      sample: []
    judged:
      description: How many calls were looked at.
      type: int
      sample: 4211
    passed_over:
      description:
        - How many were not, since AWS had refused them (what failed otherwise is looked at), or no service control
          policy binds who made them.
      type: int
      sample: 17
    accounts:
      description: The accounts that were looked at.
      type: list
      elements: str
      sample: ["123456789012"]
    since:
      description: Since when.
      type: str
      sample: "2026-11-01T00:00:00Z"
    until:
      description: Until when.
      type: str
      sample: "2026-11-21T12:00:00Z"
    policy_hash:
      description: Hash of the text that was tried.
      type: str
      sample: sha256:5f0c
    management_account:
      description: The account that was passed over, V(null) when it is not known.
      type: str
      sample: "210987654321"
    gaps:
      description: What could not be read.
      type: list
      elements: str
      sample: []
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import ENROLMENTS, PARTS
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_info import run_guardrails
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_ports import guardrail_ports
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

_TEXTS = {"type": "list", "elements": "str", "default": []}
_SUBSCRIPTION = {"protocol": {"type": "str", "required": True}, "endpoint": {"type": "str", "required": True}}


def main() -> None:
    """Read the parameters, work out and look, return what was found."""
    module = AnsibleAWSModule(
        argument_spec={
            "parts": {
                "type": "list",
                "elements": "str",
                "choices": list(PARTS),
                "default": [one for one in PARTS if one != "scp"],
            },
            "enrolment": {"type": "str", "choices": list(ENROLMENTS), "default": ENROLMENTS[0]},
            "scp_actions": _TEXTS,
            "scp_exempt": _TEXTS,
            "scp_policy": {"type": "json"},
            "scp_targets": _TEXTS,
            "name_prefix": {"type": "str", "default": "softtoken-mfa-"},
            "self_management_groups": _TEXTS,
            "resync_only_groups": _TEXTS,
            "log_group": {"type": "str", "default": ""},
            "subscriptions": {"type": "list", "elements": "dict", "default": [], "options": _SUBSCRIPTION},
            "live": {"type": "bool", "default": True},
            "partition": {"type": "str", "default": "aws"},
            "trail_hours": {"type": "int", "default": 0},
            "trail_regions": _TEXTS,
            "trail_files": {"type": "list", "elements": "path", "default": []},
            "management_account": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        result = run_guardrails(module.params, guardrail_ports(module))
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
