#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: why a user's MFA fails."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_diagnosis_info
short_description: Say why a user's MFA fails, with evidence, and what to do next
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Collects what there is about one IAM user's MFA, and returns the causes, likeliest first. Each has its evidence (ids
    and times of CloudTrail's events, statements of policies), what would confirm it, and the next command or playbook.
  - Looks at the user, its devices, the conditions on MFA in its policies, its permissions boundary, service control
    policies and the trust policy of a role; refused sign-ins of the user and of others, devices that were created,
    enabled, deactivated and deleted, and policies that were changed, in CloudTrail; metrics of refused sign-ins, where
    a metric filter makes them; AWS Health; and the clock of the user's host.
  - Goes back 24 hours, and 48 when nothing in those explains the failures. In CloudTrail's event history, events of MFA
    devices are looked for as far back as it goes.
  - With O(error_text) and without O(user), no call to AWS is made, and no AWS library is needed. What AWS says about
    MFA is explained, and the command that failed is corrected.
  - What could not be read is in RV(gaps), and is never taken for a good sign.
  - Changes nothing in the account, and sends no code.
options:
  user:
    description:
      - Name of the user, without its path. Required unless O(error_text) is given.
    type: str
  error_text:
    description:
      - What the AWS CLI, an SDK, Terraform or the console said, as it stands there, with or without the command before.
      - Codes, keys and seeds in it are repeated nowhere.
    type: str
  serial:
    description:
      - The serial that the user gives, or that stands in the configuration of the user's host.
    type: str
  role_arn:
    description:
      - The role that the user wants to assume. Otherwise it is read from O(error_text).
    type: str
  host:
    description:
      - Name of the host that makes the user's codes.
    type: str
  host_facts:
    description:
      - What M(softtoken.compliance.host_facts) set there as C(ansible_facts.softtoken).
    type: dict
  snapshot:
    description:
      - Path of a snapshot of the account on the host where the module runs, as
        M(softtoken.compliance.iam_mfa_audit_info) writes it. With this option no call to AWS is made; CloudTrail's
        records are those of the snapshot, of O(trail_files) and of O(trail_events).
    type: path
  trail:
    description:
      - Where CloudTrail's records are read.
      - V(history) is CloudTrail's event history. It needs no set-up, has the last 90 days, and answers two calls a
        second, so a look takes about 15 seconds for each region.
      - V(logs) is CloudWatch Logs Insights over O(log_group), V(lake) is CloudTrail Lake over O(event_data_store). Both
        take one query.
      - V(none) reads none beside O(trail_files) and O(trail_events).
    type: str
    choices: [history, logs, lake, none]
    default: history
  log_group:
    description:
      - Name of the log group in the module's region that a trail delivers to.
    type: str
  event_data_store:
    description:
      - Id or ARN of the event data store.
    type: str
  trail_files:
    description:
      - Files with CloudTrail's records on the host where the module runs, or directories of such. As CloudTrail puts
        them into a bucket, as C(aws cloudtrail lookup-events) prints them, or one record a line; with gzip or without.
    type: list
    elements: path
    default: []
  trail_events:
    description:
      - CloudTrail's records themselves, in addition.
    type: list
    elements: dict
    default: []
  trail_pages:
    description:
      - How many pages of 50 events of the event history are read at most for each name that is looked for. What is left
        out is a gap.
    type: int
    default: 20
  regions:
    description:
      - Regions besides the module's and the one of IAM's events (C(us-east-1) in most partitions). A regional endpoint
        of STS records its calls in its own region; metric filters are where the log group is.
    type: list
    elements: str
    default: []
  monitoring:
    description:
      - Whether to look for metric filters and their metrics.
    type: bool
    default: true
  health:
    description:
      - Whether to ask AWS Health for open events. It answers accounts with a Business or Enterprise support plan only.
    type: bool
    default: true
  progress_file:
    description:
      - File that a line about each step is appended to, on the host where the module runs. On the controller the module
        shows these lines itself while it runs.
    type: path
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
notes:
  - Reads with C(iam:GetAccountAuthorizationDetails), C(iam:ListVirtualMFADevices), C(iam:ListMFADevices) and, where
    asked to, C(cloudtrail:LookupEvents) (or C(logs:StartQuery) and C(logs:GetQueryResults), or C(cloudtrail:StartQuery)
    and C(cloudtrail:GetQueryResults)), C(organizations:ListPolicies), C(organizations:DescribePolicy),
    C(organizations:ListTargetsForPolicy), C(logs:DescribeMetricFilters), C(cloudwatch:GetMetricData) and
    C(health:DescribeEvents). Each one that is denied becomes a gap.
  - CloudTrail delivers records after some minutes. A failure of just now may not be there yet.
seealso:
  - module: softtoken.compliance.iam_mfa_device_resync
  - module: softtoken.compliance.iam_mfa_audit_info
"""

EXAMPLES = r"""
- name: Ask what an error means; no account is needed for it
  softtoken.compliance.iam_mfa_diagnosis_info:
    error_text: >-
      An error occurred (AccessDenied) when calling the AssumeRole operation: MultiFactorAuthentication failed with
      invalid MFA one time pass code.
  register: said

- name: Measure the host that makes the codes
  softtoken.compliance.host_facts:
  delegate_to: workstation
  delegate_facts: true

- name: Find out why alice cannot sign in
  softtoken.compliance.iam_mfa_diagnosis_info:
    user: alice
    host: workstation
    host_facts: "{{ hostvars.workstation.ansible_facts.softtoken }}"
  register: diagnosis

- name: Show the likeliest cause
  ansible.builtin.debug:
    msg: "{{ diagnosis.causes[0].title }}: {{ diagnosis.causes[0].next | map(attribute='text') | join('; ') }}"

- name: Ask the log group of a trail in the place of the event history
  softtoken.compliance.iam_mfa_diagnosis_info:
    user: alice
    trail: logs
    log_group: organization-trail
"""

RETURN = r"""
causes:
  description: The causes, likeliest first; there is always one.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: What it is, always by the same word. C(docs/diagnose.md) lists them.
      type: str
      sample: clock_drift
    title:
      description: The same in a sentence.
      type: str
      sample: The clock that makes the codes is wrong
    confidence:
      description: V(high), V(medium) or V(low).
      type: str
      sample: high
    score:
      description: What the causes are ranked by, from 0 to 1. It is no probability.
      type: float
      sample: 0.95
    evidence:
      description: What speaks for it, and with RV(causes[].evidence[].against) against it.
      type: list
      elements: dict
      contains:
        kind:
          description: What kind of evidence it is.
          type: str
          sample: clock
        text:
          description: The evidence in a sentence.
          type: str
          sample: The clock of workstation is 600.0 s fast
        time:
          description: When it was, or the empty string.
          type: str
          sample: "2026-11-21T12:00:00Z"
        event_id:
          description: Id of CloudTrail's event, or the empty string.
          type: str
          sample: 9d1f8c0e-1111-2222-3333-444455556666
        statement:
          description: Document and statement, or the empty string.
          type: str
          sample: inline:mfa#DenyWithoutMFA
        source:
          description: Where it is from.
          type: str
          sample: host_facts
        against:
          description: Whether it speaks against the cause.
          type: bool
          sample: false
    confirm:
      description: What would confirm it.
      type: str
      sample: Compare the host's clock with another one.
    next:
      description: What to run next. Codes in it are placeholders.
      type: list
      elements: dict
      contains:
        kind:
          description: V(command) (of a shell) or V(playbook).
          type: str
          sample: playbook
        text:
          description: The command.
          type: str
          sample: ansible-playbook softtoken.compliance.compliance --limit workstation
        why:
          description: What it does, in a sentence.
          type: str
          sample: Corrects the clock.
pattern:
  description:
    - How failures lie among successes with the same device. V(constant), V(intermittent), V(ended) where a code was
      taken after the last of them, V(single), V(none) or V(unknown).
  returned: success
  type: str
  sample: constant
since:
  description: Time of the first failure in the window, or the empty string.
  returned: success
  type: str
  sample: "2026-11-21T09:30:00Z"
scope:
  description:
    - V(one_user), V(many_users) or V(unknown). Where records are missing, one user alone is not known.
    - Many are at least three, and at least a fifth of those who used a code in these hours.
  returned: success
  type: str
  sample: one_user
users:
  description: Who had MFA refused in the window, the user first; everybody who had, where no user is known.
  returned: success
  type: list
  elements: str
  sample: [alice]
failures:
  description: How many requests of the user were refused in the window.
  returned: success
  type: int
  sample: 4
gaps:
  description: What is not known.
  returned: success
  type: list
  elements: dict
  contains:
    part:
      description: What it is about.
      type: str
      sample: records
    reason:
      description: Why it is not known.
      type: str
      sample: "cloudtrail:LookupEvents failed: AccessDeniedException: not authorized"
    matters:
      description: What could not be judged without it.
      type: str
      sample: Whether and since when codes are refused
    api:
      description: The call that was refused, or the empty string.
      type: str
      sample: cloudtrail:LookupEvents
    error:
      description: Its error code, or the empty string.
      type: str
      sample: AccessDeniedException
looked_at:
  description: What was read and what it said, in sentences.
  returned: success
  type: list
  elements: str
  sample: ["alice has 1 device: arn:aws:iam::123456789012:mfa/alice"]
correlated:
  description: Whether there is a cause of at least medium confidence.
  returned: success
  type: bool
  sample: true
window_h:
  description: How many hours back failures and changes count. 24, or 48 when nothing correlated in 24.
  returned: success
  type: int
  sample: 24
widen:
  description: Whether it would help to look further back; V(false) once RV(window_h) is 48.
  returned: success
  type: bool
  sample: false
user:
  description: The user, as given or as read from O(error_text).
  returned: success
  type: str
  sample: alice
serial:
  description: The serial, as given or as read from O(error_text).
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:mfa/alice
explanation:
  description: What O(error_text) means, or the empty string.
  returned: success
  type: str
  sample: AWS has no such device of this user.
corrected:
  description: The command in O(error_text) as it should be; the same keys as RV(causes[].next).
  returned: success
  type: list
  elements: dict
  sample:
    - kind: command
      text: aws sts get-session-token --serial-number arn:aws:iam::123456789012:mfa/alice --token-code CODE
      why: The code is one that the device shows now.
account:
  description: The account, V(null) when none was read.
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
api_calls:
  description: How often each API was called, a page for a call; empty without a live account.
  returned: success
  type: dict
  sample: {"cloudtrail:LookupEvents": 31, "iam:ListMFADevices": 1}
"""

from typing import Any, Dict

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.redact import redact
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_diagnosis import run_diagnosis
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_diagnosis_ports import diagnosis_ports

ARGUMENT_SPEC: Dict[str, Dict[str, Any]] = {
    "user": {"type": "str"},
    "error_text": {"type": "str"},
    "serial": {"type": "str"},
    "role_arn": {"type": "str"},
    "host": {"type": "str"},
    "host_facts": {"type": "dict"},
    "snapshot": {"type": "path"},
    "trail": {"type": "str", "choices": ["history", "logs", "lake", "none"], "default": "history"},
    "log_group": {"type": "str"},
    "event_data_store": {"type": "str"},
    "trail_files": {"type": "list", "elements": "path", "default": []},
    "trail_events": {"type": "list", "elements": "dict", "default": []},
    "trail_pages": {"type": "int", "default": 20},
    "regions": {"type": "list", "elements": "str", "default": []},
    "organization": {"type": "bool", "default": True},
    "monitoring": {"type": "bool", "default": True},
    "health": {"type": "bool", "default": True},
    "progress_file": {"type": "path"},
}


def main() -> None:
    """Read the parameters, diagnose, return the causes."""
    module = AnsibleAWSModule(
        argument_spec=ARGUMENT_SPEC,
        required_one_of=[["user", "error_text"]],
        required_if=[["trail", "logs", ["log_group"]], ["trail", "lake", ["event_data_store"]]],
        supports_check_mode=True,
        check_boto3=False,
        no_log=True,  # what was called goes to no log: people paste codes and keys
    )
    params = dict(module.params)
    # Ansible returns the parameters with the result.
    module.params["error_text"] = params["error_text"] and redact(params["error_text"])
    try:
        result = run_diagnosis(params, diagnosis_ports(module))
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
