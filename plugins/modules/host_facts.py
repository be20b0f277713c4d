#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures whether a TOTP code made on a host now would be accepted.

What is documented here as returned is made by the action plugin, from the measurement that this module returns.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: Measure a host's clock and find its soft tokens
version_added: 0.1.0
description:
  - Measures in one remote execution whether the clock of a host may be relied on for TOTP codes, and finds soft
    tokens, the MFA devices that AWS configurations name, and the attached IAM role.
  - The verdict is V(compliant) only when everything it needs was measured and holds. chronyd is active and enabled, it
    is synchronised to a source other than its own clock, enough sources have fresh samples, the error bound is within
    O(max_error), every running source is authorised, no other program sets the clock, the configuration has no trap,
    and the witnesses agree. What could not be measured, or was left out of O(gather_subset), makes it V(unknown), never
    V(compliant).
  - The controller's own clock is a witness too, at no extra cost. It is left out where the host runs on the
    controller's own kernel, and so has the same clock.
  - Changes nothing on the host.
options:
  gather_subset:
    description:
      - What to look at. V(all), or some of V(clock) (chronyd's reports), V(service) (is it installed, active, enabled),
        V(config) (its effective configuration), V(rivals) (other programs that set the clock), V(witness)
        (O(witness_servers) and the controller), V(tokens) (traces of soft tokens), V(serials) (MFA devices in the AWS
        configuration of every user) and V(role) (the IAM role attached to an EC2 instance).
      - A name after V(!) is left out; exclusions alone mean everything else.
      - A verdict needs V(clock), V(service), V(config) and V(rivals).
    type: list
    elements: str
    default: [all]
  detail:
    description:
      - Also return the long form, RV(detail), with a sentence for each reason.
    type: bool
    default: false
  max_error:
    description:
      - The largest error bound in seconds that is compliant. See RV(ansible_facts.softtoken.clock.bound_s).
    type: float
    default: 1.0
  warn_error:
    description:
      - The error bound in seconds above which a compliant clock gets a warning. Witnesses may differ by as much beyond
        their uncertainty.
      - By default 0.5, or O(max_error) where that is less.
    type: float
  min_sources:
    description:
      - How many sources must have a fresh sample that chronyd would use.
    type: int
    default: 1
  authorised_sources:
    description:
      - The time sources that may run, by name as configured (also for a pool), address, or reference id of a refclock.
      - Without this option every source is authorised.
      - Names need chrony 4.0 or later on the host.
    type: list
    elements: str
  max_reference_age:
    description:
      - The age in seconds of chronyd's last update, and of a source's last sample, from which it is stale.
    type: float
    default: 4096.0
  max_drift:
    description:
      - How fast the clock may drift, in parts per million, while nothing updates it. The error bound grows by this.
    type: float
    default: 50.0
  witness_servers:
    description:
      - Time servers, as V(host), V(host:port) or V([IPv6 address]:port), that the host asks by SNTP beside chronyd.
        Choose ones that chronyd does not use. All are asked at once.
      - When servers are given and none answers, the verdict is V(unknown) at best.
      - Needs the Python library C(ntplib) on the host.
    type: list
    elements: str
    default: []
  witness_timeout:
    description:
      - Seconds to wait for the answers of O(witness_servers), all together.
    type: float
    default: 2.0
  totp_validator:
    description:
      - Which codes the other side takes. V(strict) takes the current one, V(rfc6238) one past one as well, V(window1)
        one past and one future one.
      - AWS does not publish what it takes.
    type: str
    choices: [strict, rfc6238, window1]
    default: rfc6238
  totp_min_probability:
    description:
      - The probability, from 0 to 1, with which a code must be accepted at the first try.
    type: float
    default: 0.95
  config_file:
    description:
      - Absolute path of chronyd's main configuration file, where it is not the distribution's own and chronyd was not
        started with C(-f) by its service.
    type: path
  chronyc_address:
    description:
      - Where chronyc finds chronyd, as its option C(-h) takes it, the path of a Unix socket or an address. By default
        its own Unix socket, then UDP on the loopback.
      - In a chroot nothing is asked by default, since the daemon that answers on the loopback is that of the system
        around it. An address that is given counts there too.
    type: str
  imds:
    description:
      - Whether to ask the EC2 instance metadata service for the attached role. V(auto) does where the machine says that
        it is an EC2 instance.
    type: str
    choices: [auto, force, never]
    default: auto
  imds_endpoint:
    description:
      - The instance metadata service.
    type: str
    default: http://169.254.169.254
  imds_timeout:
    description:
      - Seconds to wait for the instance metadata service, all its answers together.
    type: float
    default: 1.0
  max_report_age:
    description:
      - Where the agent (role P(softtoken.compliance.drift_agent#role)) runs on the host, its report stands for a
        measurement for so many seconds. V(0) always measures.
      - The report and the host's clock are read with one shell command, without Python. The facts are made of it by the
        policy of this task, with the controller as a witness of the clock as it is now.
        RV(ansible_facts.softtoken.measured_at) tells when the agent measured. The samples and the reference are older
        by the time since, and the error bound grows by O(max_drift) with it.
      - The host is measured nevertheless, and RV(report) says why, where the report is older, of another boot or host,
        or of another version of this collection; where somebody other than root and the agent could have written it;
        where the clock was stepped, chronyd was started or its configuration was changed since; where it was made with
        another O(gather_subset), O(chronyc_address), O(config_file), O(imds) or O(imds_endpoint), or without one of
        O(witness_servers); where a witness contradicts it; where its age alone would break a limit such as
        O(max_reference_age) or O(max_error); and where the agent could not see everything, or the verdict would be
        V(unknown).
      - Use V(0) to prove what a task before has repaired.
    type: float
    default: 900.0
extends_documentation_fragment:
  - softtoken.compliance._attributes
  - softtoken.compliance._attributes.INFO
attributes:
  platform:
    support: full
    platforms: posix
notes:
  - Runs unprivileged and then says what it could not see. Root (O(ignore:become)) is needed for chronyd's
    report C(selectdata) and for other users' files.
  - The host measures, the controller judges. So this cannot be run with C(async), nor as one of the fact modules of
    M(ansible.builtin.gather_facts).
requirements:
  - chrony 2.4 or later
  - python3-psutil on the host, for the subsets V(rivals) and V(tokens)
  - python3-ntplib on the host, for O(witness_servers)
seealso:
  - module: softtoken.compliance.chrony_makestep
  - module: softtoken.compliance.chrony_config
  - name: RFC 6238
    description: Time-based one-time passwords.
    link: https://www.rfc-editor.org/rfc/rfc6238
author:
  - softtoken.compliance contributors (@softtoken)
"""

EXAMPLES = r"""
- name: Measure the host
  softtoken.compliance.host_facts:
  become: true

- name: Fail where a code might be refused
  ansible.builtin.assert:
    that: ansible_facts['softtoken']['verdict'] == 'compliant'
    fail_msg: "{{ ansible_facts['softtoken']['reasons'] | join(', ') }}"

- name: Ask for more than the defaults
  softtoken.compliance.host_facts:
    authorised_sources: [169.254.169.123]
    witness_servers: [ntp1.example.com, "ntp2.example.com:1123"]
    max_error: 0.5
    warn_error: 0.1
    totp_validator: strict
    detail: true
  become: true
  register: measured

- name: Say what is wrong and what to do
  ansible.builtin.debug:
    var: measured.detail.messages

- name: Measure now, whatever an agent has reported
  softtoken.compliance.host_facts:
    max_report_age: 0
  become: true

- name: Measure the clock alone, which gives no verdict better than unknown
  softtoken.compliance.host_facts:
    gather_subset: [clock]
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    softtoken:
      description: Under 1 KiB for a healthy host.
      returned: always
      type: dict
      contains:
        schema:
          description: Version of this structure.
          type: int
          returned: always
          sample: 1
        verdict:
          description: V(compliant), V(noncompliant), or V(unknown) where something needed could not be measured.
          type: str
          returned: always
          sample: compliant
        reasons:
          description: Stable codes of what speaks against the clock, worst first. Empty when it is compliant.
          type: list
          elements: str
          returned: always
          sample: [clock.bound_exceeded]
        warnings:
          description: Stable codes of what does not change the verdict.
          type: list
          elements: str
          returned: when there are some
          sample: [clock.bound_high]
        measured_at:
          description: When this was measured (UTC), by the host's own clock.
          type: str
          returned: always
          sample: "2026-11-21T12:00:00Z"
        clock:
          description: What chronyd and the witnesses say about the clock.
          type: dict
          returned: always
          contains:
            offset_s:
              description:
                - Host minus true time in seconds, positive when the host is fast. V(null) when nobody knows.
                - It is chronyd's, unless it has none or a witness contradicts it; then it is the most exact witness's.
              type: float
              sample: -300.0021
            bound_s:
              description:
                - Largest error in seconds that the clock may have by the same opinion. chronyd's is the pending
                  correction, the root dispersion and half of the root delay, grown by O(max_drift) since its last
                  update.
              type: float
              sample: 0.0004
            synchronised:
              description: Whether chronyd follows a source.
              type: bool
              sample: true
            leap:
              description: V(normal), V(insert), V(delete) or V(unsynchronised).
              type: str
              sample: normal
            stratum:
              description: Distance from a reference clock in servers.
              type: int
              sample: 3
            reference:
              description: The source that chronyd follows.
              type: str
              sample: 169.254.169.123
            reference_age_s:
              description: Seconds since chronyd's last update from a source.
              type: float
              sample: 41
            frequency_ppm:
              description: How much faster than true time the clock runs by itself, in parts per million.
              type: float
              sample: -3.1
            witnesses:
              description: Opinions beside chronyd's.
              type: list
              elements: dict
              contains:
                kind:
                  description: V(ntp) or V(controller).
                  type: str
                  sample: ntp
                source:
                  description: The server, or the controller's name.
                  type: str
                  sample: ntp1.example.com
                offset_s:
                  description: Host minus witness in seconds, positive when the host is fast. V(null) without an answer.
                  type: float
                  sample: 0.0002
                uncertainty_s:
                  description: How many seconds the witness and the way to it may be off.
                  type: float
                  sample: 0.004
        totp:
          description: What the clock means for TOTP codes. V(null) when the offset is not known.
          type: dict
          returned: always
          contains:
            steps_off:
              description: Whole 30 s steps between this host and true time.
              type: int
              sample: -10
            accept_probability:
              description: Probability that a code made now is accepted at the first try, for each validator.
              type: dict
              sample: {strict: 1.0, rfc6238: 1.0, window1: 1.0}
        chrony:
          description: The daemon and its sources. V(null) stands for what could not be found out.
          type: dict
          returned: always
          contains:
            installed:
              description: Whether there is a chronyd on the path.
              type: bool
              sample: true
            version:
              description: Its version.
              type: str
              sample: "4.6.1"
            active:
              description: Whether it runs.
              type: bool
              sample: true
            enabled:
              description: Whether it will run after the next boot.
              type: bool
              sample: true
            usable_sources:
              description: Number of sources with a fresh sample that chronyd would use.
              type: int
              sample: 4
            unauthorised:
              description: Running sources that are not in O(authorised_sources).
              type: list
              elements: str
              sample: []
            rivals:
              description: Running programs that set the clock too.
              type: list
              elements: str
              sample: []
        tokens:
          description: Soft tokens. V(null) when the subset was left out.
          type: dict
          returned: always
          contains:
            present:
              description: Whether there are traces of any. V(null) when none was found, but not all could be seen.
              type: bool
              sample: true
            kinds:
              description: Which.
              type: list
              elements: str
              sample: [oathtool, aws-config]
        serials:
          description: References to MFA devices in AWS configurations. V(null) when the subset was left out.
          type: list
          elements: dict
          returned: always
          contains:
            serial:
              description: ARN or serial number of the device.
              type: str
              sample: "arn:aws:iam::123456789012:mfa/alice"
            where:
              description: The file.
              type: str
              sample: /home/alice/.aws/config
            profile:
              description: The AWS profile; V(null) for an environment variable.
              type: str
              sample: prod
            user:
              description: The user whose file it is; V(null) for a file of the whole host.
              type: str
              sample: alice
        role_profiles:
          description:
            - AWS profiles that assume a role (C(role_arn)) with a user's credentials (C(source_profile)) and have no
              C(mfa_serial) themselves. Where the role wants MFA the AWS CLI and SDKs fail with them, since they do not
              take it from the source profile.
            - Profiles whose source has its credentials from an instance, SSO, a web identity, another role, a process
              or a session are not among them.
          type: list
          elements: dict
          returned: when there are some
          contains:
            role_arn:
              description: The role.
              type: str
              sample: "arn:aws:iam::123456789012:role/deploy"
            where:
              description: The file.
              type: str
              sample: /home/alice/.aws/config
            profile:
              description: The AWS profile.
              type: str
              sample: deploy
            user:
              description: The user whose file it is; V(null) for a file that the whole host's environment names.
              type: str
              sample: alice
        attached_role:
          description: The IAM role attached to the instance. V(null) when there is none or the subset was left out.
          type: dict
          returned: always
          contains:
            account:
              description: AWS account number.
              type: str
              sample: "123456789012"
            role:
              description: Name of the role.
              type: str
              sample: ci-runner
            partition:
              description: Partition of the account, where it is another than V(aws).
              type: str
              returned: outside the partition V(aws)
              sample: aws-us-gov
source:
  description:
    - Which way the facts came. V(agent) stands for the report of the host's agent, V(module) for a measurement of this
      task.
  returned: success
  type: str
  sample: agent
report_age_s:
  description: How old the agent's report was when it was judged, in seconds.
  returned: when RV(source) is V(agent)
  type: float
  sample: 132.4
report:
  description: Why the agent's report did not count.
  returned: when the host has a report and O(max_report_age) is not 0, and RV(source) is V(module)
  type: str
  sample: "it is stale: 1520 s old, at most 900 are asked for"
detail:
  description: The long form.
  returned: when O(detail=true)
  type: dict
  contains:
    messages:
      description: One sentence for each reason and warning of the verdict, with what to do.
      type: list
      elements: str
      sample: ["chronyd is not enabled, so it will not run after the next boot: enable its service"]
    warnings:
      description: Codes of what does not change the verdict.
      type: list
      elements: str
      sample: [clock.bound_high]
    gaps:
      description: What of the clock could not be measured, each with C(subset), C(code) and C(reason).
      type: list
      elements: dict
      sample: [{subset: clock, code: "", reason: "chronyc selectdata: 501 Not authorised"}]
    identity_gaps:
      description: What of the subsets V(tokens), V(serials) and V(role) could not be found out, in the same form.
      type: list
      elements: dict
      sample: []
    measurement:
      description: Everything that was measured about the clock, in seconds and with the sign of the facts.
      type: dict
      sample: {installed: true, version: "4.6.1", active: true}
    history:
      description:
        - What the agent's checks of the last day found, oldest first, at most 48 of them. Each is a list of the time by
          the host's clock (Unix seconds), the offset and the bound, both in seconds, or V(null) where not known.
        - The last one is the check that the facts are made of. They are as the agent judged them, by its own policy and
          without the controller.
      type: list
      elements: list
      returned: when RV(source) is V(agent)
      sample: [[1795325543.871, 0.000211, 0.000871], [1795325844.125, 0.000204, 0.000893]]
    evidence:
      description:
        - Every trace of a soft token (C(tokens)), every reference to an MFA device and every profile for a role
          without one, with its line (C(serials)).
      type: dict
      sample: {tokens: [{kind: oathtool, how: executable, where: /usr/bin/oathtool, user: null}]}
    system:
      description: What kind of host this is, as far as work on its time service needs to know.
      type: dict
      contains:
        distribution:
          description: ID of os-release.
          type: str
          sample: debian
        distribution_like:
          description: ID_LIKE of os-release.
          type: list
          elements: str
          sample: []
        version:
          description: VERSION_ID of os-release.
          type: str
          sample: "12"
        package_manager:
          description: The package manager, as M(ansible.builtin.package) calls it in its option C(use).
          type: str
          sample: apt
        ec2:
          description: Whether the machine says that it is an EC2 instance.
          type: bool
          sample: false
        agent:
          description: What runs the checks of the host's agent (role P(softtoken.compliance.drift_agent#role)),
            V(systemd) or V(cron). V(null) without one.
          type: str
          sample: systemd
        container:
          description: Whether systemd, Podman or Docker says that this is a container.
          type: bool
          sample: false
        systemd:
          description: Whether systemd is installed, whether it runs or not.
          type: bool
          sample: true
        init:
          description: V(systemd), V(openrc), or V(none) where neither runs.
          type: str
          sample: systemd
        chrony_unit:
          description: Name of chronyd's service; where it is not installed, the name it would have.
          type: str
          sample: chrony
        chrony_unit_found:
          description: Whether that service exists.
          type: bool
          sample: true
        chrony_masked:
          description: Whether it is masked.
          type: bool
          sample: false
        chrony_package:
          description: Name of the package.
          type: str
          sample: chrony
        chrony_user:
          description: The user that chronyd runs as.
          type: str
          sample: _chrony
        config_file:
          description: The main configuration file that was looked at.
          type: str
          sample: /etc/chrony/chrony.conf
        confdir:
          description: Directory for configuration drop-ins.
          type: str
          sample: /etc/chrony/conf.d
        sourcedir:
          description: Directory for source drop-ins.
          type: str
          sample: /etc/chrony/sources.d
        psutil:
          description: Whether the Python that ran this module has psutil.
          type: bool
          sample: true
        ntplib:
          description: Whether it has ntplib.
          type: bool
          sample: true
        rivals:
          description: Other programs that set the clock, or will after the next boot.
          type: list
          elements: dict
          contains:
            name:
              description: The program.
              type: str
              sample: systemd-timesyncd
            running:
              description: Whether it runs.
              type: bool
              sample: false
            enabled:
              description: Whether it is enabled.
              type: bool
              sample: true
            unit:
              description: Name of its service; V(null) for a program that was started by hand.
              type: str
              sample: systemd-timesyncd
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.softtoken.compliance.plugins.module_utils._quick_start import quick_start

# The action plugin reads a task by it, too.
ARGUMENT_SPEC: dict[str, dict[str, object]] = {
    "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
    "detail": {"type": "bool", "default": False},
    "max_error": {"type": "float", "default": 1.0},
    "warn_error": {"type": "float"},
    "min_sources": {"type": "int", "default": 1},
    "authorised_sources": {"type": "list", "elements": "str"},
    "max_reference_age": {"type": "float", "default": 4096.0},
    "max_drift": {"type": "float", "default": 50.0},
    "witness_servers": {"type": "list", "elements": "str", "default": []},
    "witness_timeout": {"type": "float", "default": 2.0},
    "totp_validator": {"type": "str", "choices": ["strict", "rfc6238", "window1"], "default": "rfc6238"},
    "totp_min_probability": {"type": "float", "default": 0.95},
    "config_file": {"type": "path"},
    "chronyc_address": {"type": "str"},
    "imds": {"type": "str", "choices": ["auto", "force", "never"], "default": "auto"},
    "imds_endpoint": {"type": "str", "default": "http://169.254.169.254"},
    "imds_timeout": {"type": "float", "default": 1.0},
    "max_report_age": {"type": "float", "default": 900.0},
}


def main() -> None:
    """Read the parameters, look, return what was seen."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
    )
    quick_start()
    # Not before: hosts compile what they import, on every run.
    from ansible_collections.softtoken.compliance.plugins.module_utils._host_module import ParameterError, measure

    try:
        module.exit_json(measurement=measure(module))
    except ParameterError as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
