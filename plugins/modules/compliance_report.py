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
    on the controller, in the formats that O(formats) names.
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
      - Formats to write.
      - V(json) is C(report.json), for programs. V(text) is C(report.txt) and V(html) is C(index.html), for people.
      - V(csv) is C(hosts.csv) and C(findings.csv), for spreadsheets.
      - V(junit) is C(junit.xml), for the test results of a CI system.
      - V(sarif) is C(report.sarif), the findings in the account for code scanning. Hosts are not in it.
      - V(openmetrics) is C(metrics.prom), for Prometheus.
      - Text is taken as well, as C(-e) and surveys give it.
    type: list
    elements: str
    choices: [json, text, html, csv, junit, sarif, openmetrics]
    default: [json, text, html]
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
  slice:
    description:
      - This run is one slice of a fleet. What it found on O(hosts) is handed on as an artifact, as
        M(ansible.builtin.set_stats) does, under a key of its own that RV(slice.key) names.
      - Mutually exclusive with O(slices), which makes one report of such artifacts.
    type: dict
    suboptions:
      name:
        description:
          - The number of the slice and how many there are, as V(3/4), or V(true) where O(slice.job) names it.
        type: str
        required: true
      run:
        description:
          - What all slices of one run have in common, and no other run has. Letters, digits, dots, dashes and
            underscores, 64 at most.
        type: str
        required: true
      job:
        description:
          - Id of the AWX job. AWX does not tell a job the number of its slice.
        type: str
        default: ""
      directory:
        description:
          - Directory on the controller that the artifact is written into as well.
        type: path
  slices:
    description:
      - The report is made of the artifacts that slices left, and not of what this run knows of O(hosts). They are taken
        from the variables C(softtoken_slice_<number>_of_<count>) and C(softtoken_slice_job_<id>), as AWX hands them on.
      - A host of O(hosts) that no slice told of is V(unknown). Where O(hosts) does not name the hosts of a slice that
        is missing or cannot be read, the slice itself is in the report, as V(unknown).
      - Of a host in two slices the newer word counts.
      - The report's mode and whether it was a dry run are those of the slices. O(mode) and O(dry_run) are not used.
      - Nothing in an artifact is trusted. Sizes are bounded, and hosts are judged anew from their facts.
    type: dict
    suboptions:
      run:
        description:
          - The run that is wanted. The artifacts of others are refused.
          - Without it the run of the newest artifact is.
        type: str
      count:
        description:
          - How many slices there were, where their names do not tell it.
        type: int
      directory:
        description:
          - Directory on the controller whose artifacts are read as well.
        type: path
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
  sample: [/srv/report/report.json, /srv/report/report.txt, /srv/report/index.html]
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
slice:
  description: The artifact that was handed on. The artifact itself is in RV(ignore:ansible_stats).
  returned: with O(slice), unless O(prepare)
  type: dict
  contains:
    key:
      description: Its name.
      type: str
      sample: softtoken_slice_3_of_4
    run:
      description: The run that it is a part of.
      type: str
      sample: "4711"
    hosts:
      description: How many hosts are in it.
      type: int
      sample: 2500
    bytes:
      description: Size of its data.
      type: int
      sample: 139294
    file:
      description: The file that it was written into; V(null) without O(slice.directory).
      type: str
      sample: /srv/slices/softtoken_slice_3_of_4.4711.json
slices:
  description: Which slices the report is made of.
  returned: with O(slices)
  type: dict
  contains:
    run:
      description: Their run; V(null) when none arrived.
      type: str
      sample: "4711"
    arrived:
      description: The slices that told of their hosts.
      type: list
      elements: str
      sample: [slice 1 of 2]
    lost:
      description: The slices that are missing or cannot be read, each with the reason.
      type: list
      elements: str
      sample: [slice 2 of 2 left no artifact]
    notes:
      description: What a reader of the report has to know of the slices. The report has it as well.
      type: list
      elements: str
      sample: [made of 1 slice of run 4711, "slice 2 of 2 left no artifact: what it would have told is unknown"]
identities:
  description: The hosts with MFA serials, profiles for a role, or an attached role, in the form of C(hostvars), for the
    filters P(softtoken.compliance.host_serials#filter) and P(softtoken.compliance.attached_roles#filter).
  returned: with O(slices) and O(prepare)
  type: dict
  sample: {"web-1": {"ansible_facts": {"softtoken": {"attached_role": {"account": "123456789012", "role": "web"}}}}}
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
