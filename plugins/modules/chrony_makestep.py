#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guarded, verified step of the clock by chronyd."""

from __future__ import annotations

DOCUMENTATION = r"""
module: chrony_makestep
short_description: Step a host's clock by chronyd, guarded and verified
version_added: 0.1.0
extends_documentation_fragment:
  - softtoken.compliance._attributes
description:
  - Corrects the clock of a host at once with C(chronyc makestep), where chronyd alone would slew for hours.
  - C(makestep) is no measurement. It applies the correction that is pending in chronyd, however old, and answers
    C(200 OK) whether that moved the clock by nothing or by three hours. So this module first asks chronyd for new
    samples (C(burst)), waits until its correction rests on them, checks what stands behind it, steps, takes new
    samples again and measures.
  - The step is refused, and the task fails, when chronyd is missing, cannot be asked, has no control of the clock or
    has not synchronised, when it follows its own clock, when no fresh sample came in time, when too few sources agree,
    when the newest sample does not fit what chronyd believes, when the step would be larger than O(max_step), or when
    a witness contradicts the sources. RV(ignore:reasons) and the message say which, and what to do.
  - RV(ignore:changed) says whether the clock really moved, read from the difference between the wall clock and the
    monotonic clock. It is true when that difference changed by more than 1 ms beyond what the kernel could have slewed
    meanwhile (10 % of the time that passed, a few milliseconds in all).
  - Also counted is a step that chronyd makes by itself on the new samples, by its own directive C(makestep).
options:
  force:
    description:
      - The plain forced step. Steps even when the guard objects or nothing is due, and reports as honestly. What the
        guard objects to becomes a warning, and what the measurement afterwards could not confirm as well.
      - Even so new samples are fetched first, for at most O(burst_timeout).
      - Cannot replace a chronyd that is missing, does not answer or has no control of the clock.
    type: bool
    default: false
  max_step:
    description:
      - Largest step in seconds, forward or backward, that is made without O(force).
      - The default of one hour covers what a clock can lose by drifting or by a sleep of some minutes. A larger error
        has a cause that somebody should know first - a machine resumed from an old snapshot, a hardware clock in local
        time, or time servers that lie, which unauthenticated ones on the way to the host can. Raise it where such a
        cause is expected, as in the build of an image, best together with O(witness_servers).
    type: float
    default: 3600.0
  threshold:
    description:
      - Smallest offset in seconds that is worth a step. Below it the module changes nothing, as chronyd slews such an
        offset away within seconds, and a step could only disturb other programs.
    type: float
    default: 0.1
  min_agreeing:
    description:
      - How many sources must agree with each other on fresh samples. Sources that do not answer have no say.
      - Whatever the number, of the sources that answer more must agree than chronyd marks as falsetickers.
    type: int
    default: 1
  witness_servers:
    description:
      - Time servers, as V(host), V(host:port) or V([IPv6 address]:port), that are asked by SNTP beside chronyd. Choose
        ones that chronyd does not use.
      - One that contradicts chronyd beyond the uncertainties of both, and 0.1 s, prevents the step. So does a list of
        which none answers. Afterwards they are asked again.
      - Needs the Python library C(ntplib) on the host.
    type: list
    elements: str
    default: []
  witness_timeout:
    description:
      - Seconds to wait for the answers of O(witness_servers), all together.
    type: float
    default: 2.0
  burst_timeout:
    description:
      - Seconds to wait for new samples, before the step and again after it. chronyd takes about 8 seconds for the four
        samples that it is asked for.
    type: float
    default: 20.0
  chronyc_address:
    description:
      - Where chronyc finds chronyd, as its option C(-h) takes it. By default its own Unix socket.
      - chronyd takes the commands that are needed here on its Unix socket only.
    type: str
attributes:
  check_mode:
    support: full
    details:
      - Measures and predicts. Does not ask chronyd for new samples, since chronyd might step the clock on them. So a
        reason that new samples may remove is returned in RV(ignore:reasons) but is no failure.
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - With O(force) a step is made each time, which moves a clock that is right by next to nothing.
  platform:
    support: full
    platforms: posix
requirements:
  - chrony 2.4 or later, and access to chronyd's Unix socket (root or chronyd's user)
  - python3-ntplib, for O(witness_servers)
  - python3-psutil helps to see beforehand that chronyd runs with C(-x)
notes:
  - Programs that rely on time running evenly may not like a step, backward ones least. Run this before such programs
    start, or where the wrong time is worse.
seealso:
  - module: softtoken.compliance.host_facts
  - module: softtoken.compliance.chrony_config
  - name: chronyc(1)
    description: The commands C(makestep) and C(burst).
    link: https://chrony-project.org/doc/latest/chronyc.html
author:
  - softtoken.compliance contributors (@softtoken)
"""

EXAMPLES = r"""
- name: Put the clock right at once
  softtoken.compliance.chrony_makestep:
  become: true

- name: Put the clock right during an image build, where it may be days off
  softtoken.compliance.chrony_makestep:
    max_step: 864000
    min_agreeing: 2
    witness_servers: [time.example.com]
  become: true

- name: See what a step would do
  softtoken.compliance.chrony_makestep:
  become: true
  check_mode: true
  register: step

- name: Say it
  ansible.builtin.debug:
    msg: "The clock would be moved by {{ step.predicted_step_s }} s"

- name: Step whatever the guard thinks of it
  softtoken.compliance.chrony_makestep:
    force: true
  become: true
"""

RETURN = r"""
changed:
  description: Whether the clock was moved by a step. In check mode, whether it would be.
  type: bool
  returned: always
  sample: true
stepped_s:
  description: Seconds by which the clock was moved; positive when it was moved forward. 0 when it was not stepped.
  type: float
  returned: always
  sample: -300.000214
predicted_step_s:
  description:
    - Seconds by which chronyd would move the clock by the samples it has, positive for forward. The guard's opinion
      and O(threshold) do not change it. V(null) when chronyd has no estimate.
  type: float
  returned: always
  sample: -300.000198
verified:
  description:
    - Whether new samples, taken after the step or showing that none is due, confirm that the clock is right, and no
      witness contradicts. Always V(false) in check mode.
  type: bool
  returned: always
  sample: true
forced:
  description: Whether O(force) was in effect.
  type: bool
  returned: always
  sample: false
before:
  description:
    - The clock before the step, measured on the newest samples; on the older ones when chronyd stepped by itself.
  type: dict
  returned: always
  contains: &clock
    offset_s:
      description: Seconds between host and true time, positive when the host is fast; V(null) when not synchronised.
      type: float
      sample: 300.000198
    bound_s:
      description: Largest error in seconds that the clock may have, by chronyd; V(null) when not synchronised.
      type: float
      sample: 300.000912
    source:
      description: The source that chronyd follows; V(null) when not synchronised.
      type: str
      sample: 169.254.169.123
    taken_at:
      description: When this was measured (UTC), by the host's own clock at that moment.
      type: str
      sample: "2026-11-21T12:05:00Z"
    witnesses:
      description: What O(witness_servers) say.
      type: list
      elements: dict
      contains:
        source:
          description: The server.
          type: str
          sample: time.example.com
        offset_s:
          description: Seconds between host and server, positive when the host is fast; V(null) when it did not answer.
          type: float
          sample: 300.000112
        uncertainty_s:
          description: How far the server and the way to it may be off, in seconds; V(null) when it did not answer.
          type: float
          sample: 0.0041
after:
  description:
    - The clock after the step, or, when none was due, after the new samples. V(null) when the step was refused and
      in check mode.
  type: dict
  returned: always
  contains: *clock
reasons:
  description:
    - Stable codes of what the guard objects to, in order. With O(force) they did not prevent the step.
    - V(chrony.missing), V(chrony.unreachable_daemon), V(step.uncontrolled), V(step.not_authorised),
      V(step.command_failed), V(clock.unsynchronised), V(clock.local_reference), V(clock.stale),
      V(source.none_usable), V(source.falseticker), V(source.too_few), V(step.unexplained_sample),
      V(step.too_large), V(witness.disagrees), V(witness.unavailable), V(step.unverified).
  type: list
  elements: str
  returned: always
  sample: [step.too_large]
messages:
  description: The reasons in words, each with what to do, and what else is worth knowing about the run.
  type: list
  elements: str
  returned: always
  sample: []
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import (
    HostClocks,
    HostFiles,
    ModuleRunner,
    PsutilProcesses,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.guard import StepPolicy
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.step import (
    StepOptions,
    predict_step,
    result_of,
    step_clock,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._sntp import NtplibClient


def main() -> None:
    """Read the parameters, step, report."""
    module = AnsibleModule(
        argument_spec={
            "force": {"type": "bool", "default": False},
            "max_step": {"type": "float", "default": 3600.0},
            "threshold": {"type": "float", "default": 0.1},
            "min_agreeing": {"type": "int", "default": 1},
            "witness_servers": {"type": "list", "elements": "str", "default": []},
            "witness_timeout": {"type": "float", "default": 2.0},
            "burst_timeout": {"type": "float", "default": 20.0},
            "chronyc_address": {"type": "str"},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    options = StepOptions(
        policy=StepPolicy(
            max_step_s=parameters["max_step"],
            min_agreeing=parameters["min_agreeing"],
            witnesses_required=bool(parameters["witness_servers"]),
        ),
        threshold_s=parameters["threshold"],
        force=parameters["force"],
        burst_timeout_s=parameters["burst_timeout"],
        chronyc_address=parameters["chronyc_address"],
        witness_servers=tuple(parameters["witness_servers"]),
        witness_timeout_s=parameters["witness_timeout"],
    )
    ports = Ports(ModuleRunner(module), HostFiles(), HostClocks(), PsutilProcesses(), NtplibClient())
    report = predict_step(ports, options) if module.check_mode else step_clock(ports, options, time.sleep)
    for warning in report.warnings:
        module.warn(warning)
    result = result_of(report, options.policy)
    if report.failure is not None:
        module.fail_json(msg=report.failure, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
