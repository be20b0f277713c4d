#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: findings over the MFA of an AWS account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_audit_info
short_description: Find stale MFA serials and MFA conditions that do not do what they say
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Audits the MFA of an AWS account, live or from a snapshot file. Every reference to an MFA device is compared with
    the devices that exist, and every MFA condition is evaluated for each kind of credential that may meet it.
  - A finding comes from what a statement does, not from how it is written, and names the credential that shows it.
  - What could not be read makes the rules that need it unknown, in RV(coverage). It never makes an account clean.
  - Changes nothing in the account.
options:
  snapshot:
    description:
      - Path of a snapshot file on the host where the module runs, as O(snapshot_output) writes it.
      - The output of C(aws iam get-account-authorization-details) is a snapshot, too. Whatever it lacks is reported
        as unknown.
      - With this option no call to AWS is made, and no AWS library is needed.
    type: path
  snapshot_output:
    description:
      - Write what was read from the live account to this file, with mode 0600, so that the audit can be repeated
        from it. It holds policies and names, and no secrets, tags or addresses.
      - It is written before the audit, so that it is there whatever comes of that.
      - Nothing is written in check mode.
    type: path
  regions:
    description:
      - Regions to read AWS Config rules, metric filters and alarms from. IAM is the same in all of them.
      - By default the region of the connection.
    type: list
    elements: str
  devices:
    description:
      - Whether to read the MFA devices, the account summary and the credential report. Rules that need them are in
        RV(coverage.rules) as V(not_given) otherwise. What is wrong with policies alone is found without.
    type: bool
    default: true
  monitoring:
    description:
      - Whether to read AWS Config rules, metric filters and alarms.
    type: bool
    default: true
  trail_hours:
    description:
      - How many hours of CloudTrail's event history to search for failing codes and unknown serials, 2160 at most.
        AWS answers two calls a second, of 50 events each.
      - V(0) leaves CloudTrail alone.
    type: int
    default: 0
  scope:
    description:
      - V(account) reports every finding. V(roles) reports only those of the roles in O(roles), of the policies attached
        to them and of their boundaries.
    type: str
    choices: [account, roles]
    default: account
  roles:
    description:
      - Names or ARNs of the roles in scope, for O(scope=roles). The path in an ARN does not matter.
      - A role that the account does not have gives a warning, and the verdict V(unknown) at best.
    type: list
    elements: str
    default: []
  severity_threshold:
    description:
      - Findings that are less severe than this are counted in RV(summary.below_threshold) and left out of everything
        else.
    type: str
    choices: [critical, high, medium, low, info]
    default: info
  ignore:
    description:
      - Exceptions. A finding that one of them covers moves to RV(ignored).
      - After its expiry date an exception covers nothing; its findings come back and say so. One that matches no
        finding gives a warning.
    type: list
    elements: dict
    default: []
    suboptions:
      rule:
        description:
          - Id of the rule.
        type: str
        required: true
      resource:
        description:
          - The RV(findings[].resource) that is excepted. V(*) stands for any characters, V(?) for one.
        type: str
        required: true
      reason:
        description:
          - Why this is accepted. It may not be empty.
        type: str
        required: true
      expires:
        description:
          - The last day of the exception, in UTC, as C(YYYY-MM-DD).
        type: str
        required: true
  trusted_accounts:
    description:
      - Ids of other accounts of the same owner, which do not count as third parties.
    type: list
    elements: str
    default: []
  host_serials:
    description:
      - MFA serials found on hosts, as M(softtoken.compliance.host_facts) returns them in
        RV(softtoken.compliance.host_facts#module:ansible_facts.softtoken.serials), and profiles for a role that have
        none (RV(softtoken.compliance.host_facts#module:ansible_facts.softtoken.role_profiles)), each with its host.
      - The filter P(softtoken.compliance.host_serials#filter) makes this list of the facts of many hosts.
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
          - The serial. Leave it out for a profile that names a role (O(host_serials[].role_arn)) and no serial.
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
  trail_events:
    description:
      - CloudTrail records beside those of the account or snapshot, as a log file or C(aws cloudtrail lookup-events)
        has them.
    type: list
    elements: dict
    default: []
  code_paths:
    description:
      - Files or directories with infrastructure code to look for MFA serials in, on the host where the module runs.
        Terraform (C(*.tf), plans as JSON, state) and CloudFormation (YAML, JSON).
      - Terraform's own language needs the Python library C(python-hcl2), 8 or later.
    type: list
    elements: path
    default: []
  inventories:
    description:
      - Snapshots of other accounts, as O(snapshot_output) writes them, on the host where the module runs. A serial of
        one of these accounts is held against the devices that its snapshot has.
      - Without a snapshot it is unknown whether a device of another account exists, and that is what is reported.
    type: list
    elements: path
    default: []
  unassigned_after_days:
    description:
      - The age in days from which an unassigned virtual MFA device is reported.
    type: int
    default: 30
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
  - The live audit reads with C(iam:GetAccountAuthorizationDetails), C(iam:ListVirtualMFADevices),
    C(iam:ListMFADevices), C(iam:GetAccountSummary), C(iam:GenerateCredentialReport), C(iam:GetCredentialReport),
    C(organizations:ListPolicies), C(organizations:DescribePolicy), C(organizations:ListTargetsForPolicy),
    C(cloudtrail:LookupEvents), C(config:DescribeConfigRules), C(logs:DescribeMetricFilters),
    C(cloudwatch:DescribeAlarmsForMetric) and C(sns:ListSubscriptionsByTopic). Each one that is denied becomes a gap in
    RV(coverage). C(sts:GetCallerIdentity), which nobody can be denied, says whose account it is.
seealso:
  - module: softtoken.compliance.host_facts
  - module: softtoken.compliance.iam_mfa_trust_policy
  - name: AWS managed policy SecurityAudit
    description: Allows all that a live audit reads, C(iam:GenerateCredentialReport) included.
    link: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/SecurityAudit.html
"""

EXAMPLES = r"""
- name: Audit the account of the present credentials, and keep what was read
  softtoken.compliance.iam_mfa_audit_info:
    snapshot_output: /var/lib/audit/snapshot.json
  register: audit

- name: Audit it again without AWS
  softtoken.compliance.iam_mfa_audit_info:
    snapshot: /var/lib/audit/snapshot.json
    severity_threshold: medium
    ignore:
      - rule: MFA-T01
        resource: arn:aws:iam::123456789012:role/build-*
        reason: build agents, replaced by OIDC in spring
        expires: "2027-03-31"
  register: audit

- name: Fail on what is critical
  ansible.builtin.assert:
    that: audit.summary.severity.critical == 0
    fail_msg: "{{ audit.findings | selectattr('severity', 'eq', 'critical') | map(attribute='message') | list }}"
"""

RETURN = r"""
account:
  description: The account that was audited.
  returned: always
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
    source:
      description: V(live) or V(snapshot).
      type: str
      sample: live
    description:
      description: What the snapshot says of itself under C(description); V(null) when it says nothing.
      type: str
      sample: null
verdict:
  description: V(noncompliant) when there is a finding of severity V(low) or worse, V(unknown) when there is none and
    something could not be judged (RV(coverage.complete) is V(false)), else V(compliant).
  returned: always
  type: str
  sample: noncompliant
findings:
  description: What is wrong, the worst first, always in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    rule:
      description: Id of the rule.
      type: str
      sample: MFA-C04
    severity:
      description: V(critical), V(high), V(medium), V(low) or V(info).
      type: str
      sample: critical
    title:
      description: The rule in a few words.
      type: str
      sample: Allow with IfExists lets access keys pass without MFA
    account:
      description: Id of the account.
      type: str
      sample: "123456789012"
    resource:
      description: ARN of what carries the document, or the file and line.
      type: str
      sample: arn:aws:iam::123456789012:role/billing
    document:
      description: Which document of the resource it is. V(trust), V(inline:NAME), V(managed:ARN@vN), V(boundary),
        V(scp:ID), V(resource:ARN), V(profile:NAME), V(trail) or V(account). V(group:GROUP:inline:NAME) is the policy
        of a group that a user has it from.
      type: str
      sample: trust
    statement:
      description: Sid of the statement, its index from 0 where it has none or another statement has the same, V(null)
        where it is about no statement.
      type: raw
      sample: PeopleWithMFA
    path:
      description: The place in the statement.
      type: str
      sample: Condition.BoolIfExists.aws:MultiFactorAuthPresent
    serial:
      description: The MFA serial that it is about, or V(null).
      type: str
      sample: null
    witness:
      description: A credential that shows the fault, and what it gets; V(null) where the rule is about a text.
      type: dict
      contains:
        credential:
          description: V(long_term_key), V(session_without_mfa), V(session_with_mfa) or V(role_session).
          type: str
          sample: long_term_key
        outcome:
          description: V(allowed), V(denied), V(never) or V(always).
          type: str
          sample: allowed
    message:
      description: What is wrong here, and what to do.
      type: str
      sample: The condition is met without the key, so access keys can assume the role without MFA.
    fix:
      description: The corrected document, where there is one that is certain to allow no more than was meant and to
        lock out nobody who presents MFA; else V(null).
      type: dict
      contains:
        document:
          description: The whole document.
          type: dict
          sample: {"Version": "2012-10-17", "Statement": []}
        summary:
          description: The change in one sentence.
          type: str
          sample: BoolIfExists becomes Bool
    references:
      description: Documentation behind the rule.
      type: list
      elements: str
      sample: ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"]
ignored:
  description: Findings under an exception that holds.
  returned: always
  type: list
  elements: dict
  contains:
    reason:
      description: Why it is accepted.
      type: str
      sample: build agents, replaced by OIDC in spring
    expires:
      description: Last day of the exception.
      type: str
      sample: "2027-03-31"
    finding:
      description: The finding, as in RV(findings).
      type: dict
      sample: {"rule": "MFA-T01"}
documents:
  description: The policy documents that RV(findings) are about, each once, as they are now. A fix replaces one of them.
  returned: always
  type: list
  elements: dict
  contains:
    places:
      description: Where this document stands, as RV(findings) name it.
      type: list
      elements: dict
      sample: [{"resource": "arn:aws:iam::123456789012:role/billing", "document": "trust"}]
    policy:
      description: The document.
      type: dict
      sample: {"Version": "2012-10-17", "Statement": []}
unused_ignores:
  description: Entries of O(ignore) that match no finding, though their rules were judged, on the whole account.
  returned: always
  type: list
  elements: dict
  sample: []
expired_ignores:
  description: Entries of O(ignore) that match findings and have expired.
  returned: always
  type: list
  elements: dict
  sample: []
summary:
  description: Counts of RV(findings), and of what is not in it.
  returned: always
  type: dict
  contains:
    findings:
      description: How many findings there are.
      type: int
      sample: 1
    severity:
      description: How many there are of each severity.
      type: dict
      sample: {critical: 1, high: 0, medium: 0, low: 0, info: 0}
    rules:
      description: How many there are of each rule that found something.
      type: dict
      sample: {"MFA-C04": 1}
    below_threshold:
      description: How many were left out because of O(severity_threshold).
      type: int
      sample: 0
    ignored:
      description: How many are in RV(ignored).
      type: int
      sample: 0
coverage:
  description: What was judged and what was not.
  returned: always
  type: dict
  contains:
    complete:
      description: Whether everything was read, every document made sense, and every role in scope exists.
      type: bool
      sample: false
    documents:
      description: How many places with a policy document were audited.
      type: int
      sample: 27
    distinct_documents:
      description: How many different documents stand there.
      type: int
      sample: 27
    missing_roles:
      description: Entries of O(roles) that are no roles of the account, for O(scope=roles).
      type: list
      elements: str
      sample: []
    gaps:
      description: What was not read, with the API's error where there was one.
      type: list
      elements: dict
      sample:
        - part: organization_policies
          subject: null
          reason: the call was denied
          api: organizations:ListPolicies
          code: AccessDeniedException
          rules: [MFA-G04]
    unreadable:
      description: Documents that are no policies. They were not judged.
      type: list
      elements: dict
      sample:
        - resource: arn:aws:iam::123456789012:role/old
          document: trust
          reason: the text is empty
    problems:
      description: Parts of documents that IAM would not take.
      type: list
      elements: dict
      sample:
        - resource: arn:aws:iam::123456789012:role/old
          document: inline:uploads
          path: Statement[0].Condition
          message: it is a list, not an object
    rules:
      description: V(checked) lists the rules that were judged on everything they look at. V(partial), V(unknown) and
        V(not_given) hold the reason for each other rule. A partial one may have missed something, an unknown one
        has said nothing, and of the last kind nobody asked for what it looks at.
      type: dict
      sample:
        checked: [MFA-C01]
        partial: {"MFA-T01": "organization_policies: the call was denied"}
        unknown: {"MFA-G04": "organization_policies: the call was denied"}
        not_given: {"MFA-S08": "host_serials: not asked for, or nothing was given"}
api_calls:
  description: How often each API was called, a page for a call; empty with O(snapshot).
  returned: always
  type: dict
  sample: {"iam:GetAccountAuthorizationDetails": 3, "iam:ListMFADevices": 12, "iam:ListVirtualMFADevices": 1}
"""

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import SEVERITIES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import run_audit
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit_ports import audit_ports

_IGNORE = {name: {"type": "str", "required": True} for name in ("rule", "resource", "reason", "expires")}
_HOST_SERIAL = {
    "host": {"type": "str", "required": True},
    "serial": {"type": "str"},
    "where": {"type": "str"},
    "profile": {"type": "str"},
    "user": {"type": "str"},
    "role_arn": {"type": "str"},
}


def main() -> None:
    """Read the parameters, audit, return what was found."""
    module = AnsibleAWSModule(
        argument_spec={
            "snapshot": {"type": "path"},
            "snapshot_output": {"type": "path"},
            "regions": {"type": "list", "elements": "str"},
            "devices": {"type": "bool", "default": True},
            "organization": {"type": "bool", "default": True},
            "monitoring": {"type": "bool", "default": True},
            "trail_hours": {"type": "int", "default": 0},
            "scope": {"type": "str", "choices": ["account", "roles"], "default": "account"},
            "roles": {"type": "list", "elements": "str", "default": []},
            "severity_threshold": {"type": "str", "choices": list(SEVERITIES), "default": "info"},
            "ignore": {"type": "list", "elements": "dict", "default": [], "options": _IGNORE},
            "trusted_accounts": {"type": "list", "elements": "str", "default": []},
            "host_serials": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": _HOST_SERIAL,
                "required_one_of": [("serial", "role_arn")],
            },
            "trail_events": {"type": "list", "elements": "dict", "default": []},
            "code_paths": {"type": "list", "elements": "path", "default": []},
            "inventories": {"type": "list", "elements": "path", "default": []},
            "unassigned_after_days": {"type": "int", "default": 30},
        },
        mutually_exclusive=[("snapshot", "snapshot_output"), ("snapshot", "regions")],
        supports_check_mode=True,
        check_boto3=False,  # a snapshot needs none
    )
    try:
        result = run_audit(module.params, audit_ports(module), check_mode=module.check_mode)
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        for warning in result.pop("warnings"):
            warn(warning)  # module.warn of amazon.aws hands them to exit_json as well, which is deprecated
        module.exit_json(**result)


if __name__ == "__main__":
    main()
