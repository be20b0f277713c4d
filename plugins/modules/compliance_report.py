#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action compliance_report."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compliance_report
short_description: Write the compliance report over all hosts of a run
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Collects what M(softtoken.compliance.host_facts) returned for every host of this run, and writes one report
    on the controller, as JSON for programs and as text for people.
  - A host that could not be reached, whose measurement failed, or that was not measured in this run is reported
    as V(unknown), with the reason. Unknown never counts as compliant, and neither does a run without hosts.
  - Facts from a fact cache are no measurement of this run. They are only mentioned in the message.
  - Runs on the controller and opens no connection. Use it with C(run_once), in a play over the same hosts and
    without C(serial), so that every batch is in the report.
options:
  hosts:
    description:
      - The hosts of the report. Duplicates count once.
    type: list
    elements: str
    required: true
  mode:
    description:
      - What the run did, as it is named in the report.
      - V(account) is an audit of an account alone. Then RV(summary.verdict) and RV(headline) are about the account, and
        no host is expected.
    type: str
    choices: [audit, enforce, account]
    default: audit
  dry_run:
    description:
      - Whether the run was in check mode, so that the report says so.
    type: bool
    default: false
  directory:
    description:
      - Directory on the controller that the files are written into. It is created where it does not exist.
      - A relative path starts at the working directory of the run.
    type: path
    default: report
  formats:
    description:
      - Formats to write. V(json) is C(report.json), V(text) is C(report.txt).
    type: list
    elements: str
    choices: [json, text]
    default: [json, text]
  fail_on:
    description:
      - Verdicts that put a host into RV(violations), or make RV(failed_account) true.
      - The module itself never fails because of a verdict.
      - Text is taken as well, V([]) and an empty one among it, as C(-e) and surveys give it.
    type: list
    elements: str
    choices: [noncompliant, unknown]
    default: [noncompliant, unknown]
  prepare:
    description:
      - Only checks the options, and that the directory can be written; writes no report.
      - Meant for the begin of a run, before anything is measured or changed.
    type: bool
    default: false
  measured:
    description:
      - Name of the variable that the result of M(softtoken.compliance.host_facts) was registered in.
    type: str
    default: softtoken_measured
  enforced:
    description:
      - Name of the variable that says how enforcing went on a host, a dictionary with the keys C(status)
        (V(ok), V(failed) or V(unreachable)), C(task) and C(message).
      - A host with this variable is shown before and after.
    type: str
    default: softtoken_enforced
  measured_again:
    description:
      - Name of the variable that the result of a measurement after enforcing was registered in.
      - Where it is missing, and enforcing went well, the host's present fact C(softtoken) is taken, because the
        role P(softtoken.compliance.timesync#role) ends with a measurement.
    type: str
    default: softtoken_measured_again
  account:
    description:
      - Name of the variable that the result of M(softtoken.compliance.iam_mfa_audit_info) was registered in. Without
        such a variable, or when the task was skipped, the report is over hosts alone.
      - Each finding is joined with the hosts whose AWS configuration names its serial, or that have its role.
    type: str
    default: softtoken_account_audit
extends_documentation_fragment:
  - softtoken.compliance._attributes
attributes:
  check_mode:
    support: full
    details:
      - Builds the report and returns it, but writes no file.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run writes its own report.
  platform:
    support: full
    platforms: posix
seealso:
  - module: softtoken.compliance.host_facts
"""

EXAMPLES = r"""
- name: Measure
  hosts: all
  gather_facts: false
  ignore_unreachable: true
  tasks:
    - name: Measure the host
      softtoken.compliance.host_facts:
      register: softtoken_measured
      ignore_errors: true

- name: Report
  hosts: all
  gather_facts: false
  ignore_unreachable: true
  tasks:
    - name: Write the report
      softtoken.compliance.compliance_report:
        hosts: "{{ ansible_play_hosts_all }}"
        directory: /var/lib/awx/reports
      register: softtoken_report
      run_once: true
"""

RETURN = r"""
files:
  description: Files on the controller that were written, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [/srv/report/report.json, /srv/report/report.txt]
summary:
  description: The report without its hosts.
  returned: always
  type: dict
  contains:
    verdict:
      description: The worst verdict of any host. V(unknown) when there was no host.
      type: str
      sample: noncompliant
    counts:
      description: How many hosts there are, in all and by verdict.
      type: dict
      sample: {hosts: 3, noncompliant: 1, unknown: 1, compliant: 1}
    reasons:
      description: How many hosts have each reason code, the worst first.
      type: dict
      sample: {"chrony.missing": 1, "host.unreachable": 1}
    warnings:
      description: How many hosts have each warning, the worst first.
      type: dict
      sample: {}
    account_summary:
      description: The audit of the account without its findings; V(null) without an audit.
      type: dict
      contains:
        id:
          description: Id of the account.
          type: str
          sample: "123456789012"
        verdict:
          description: V(noncompliant), V(unknown) or V(compliant).
          type: str
          sample: noncompliant
        headline:
          description: The audit in one line.
          type: str
          sample: "account 123456789012: noncompliant: 3 findings: 1 critical, 2 high"
        severity:
          description: How many findings there are of each severity that there is.
          type: dict
          sample: {critical: 1, high: 2}
headline:
  description: The report in one line. It counts the hosts that enforcing failed on, if there are any.
  returned: always
  type: str
  sample: "noncompliant: 3 hosts: 1 noncompliant, 1 unknown, 1 compliant"
failed_run:
  description: Whether the verdict of the whole report is in O(fail_on), or a host is in RV(violations). True as well
    when there was no host and V(unknown) is in O(fail_on).
  returned: always
  type: bool
  sample: true
account_headline:
  description: The audit of the account in one line; empty without an audit.
  returned: always
  type: str
  sample: "account 123456789012: noncompliant: 3 findings: 1 critical, 2 high"
failed_account:
  description: Whether the verdict on the account is in O(fail_on). An audit that failed is V(unknown).
  returned: always
  type: bool
  sample: true
violations:
  description: One line for each host whose verdict is in O(fail_on), and with O(mode=enforce) for each host that
    enforcing failed on, whatever was measured there afterwards. Empty when O(fail_on) is.
  returned: always
  type: dict
  sample: {"db1": "noncompliant: chrony.missing"}
"""
