#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: resynchronises an MFA device and verifies it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_device_resync
short_description: Resynchronise the MFA device of an IAM user
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Has AWS learn anew how far the clock of a virtual or hardware MFA device is off, with two consecutive codes of the
    device. Then its codes are accepted again.
  - The two codes are given, as the device shows them, or made from the seed of a soft token. With the seed the module
    waits for the next code, which takes up to half a minute, sends both at once, waits for another half a minute, and
    tries a third code as a sign-in does.
  - A code is sent once and never again. Which ones were sent is kept for an hour in a ledger that all runs of the same
    user on the host share.
  - It cannot be done for FIDO keys, which are never out of step, and for the account's root user, for whom there is no
    such call.
options:
  user:
    description:
      - Name of the user whose device it is. By default the user whose credentials the module has.
    type: str
  serial:
    description:
      - Serial of the device, the ARN of a virtual one. May be left away when the user has one device that gives codes.
    type: str
  code1:
    description:
      - A code that the device shows. Put it in quotes, since it may begin with 0.
    type: str
  code2:
    description:
      - The code that the device shows after O(code1). Run the module within seconds.
    type: str
  seed:
    description:
      - The device's seed in base32, as V(Base32StringSeed) or the QR code has it.
      - AWS then expects the codes of the right time. Use it for a soft token on a host whose clock is right. A
        telephone with a wrong clock is resynchronised with its own codes.
    type: str
  user_access_key:
    description:
      - The user's own access key id, to try the third code with when O(seed) is given. Not needed when the module has
        these credentials itself.
    type: str
  ledger_dir:
    description:
      - Directory for the ledger of used codes. It has to belong to the user who runs the module, with mode 0700. It is
        made when it is missing. It holds neither seeds nor codes.
      - By default C(/run/softtoken) for root, C($XDG_RUNTIME_DIR/softtoken), or C(~/.cache/softtoken).
    type: path
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - softtoken.compliance._attributes
  - softtoken.compliance._options.codes
attributes:
  check_mode:
    support: full
    details: Nothing is sent, not even to the ledger.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Every run sends other codes.
  platform:
    support: full
    platforms: posix
notes:
  - Calls C(iam:ListMFADevices) and C(iam:ResyncMFADevice) on the user, and C(sts:GetCallerIdentity). With a serial that
    is none of the user's, C(iam:ListVirtualMFADevices) says whose it is. With the seed, C(sts:GetSessionToken).
  - Only the user's own access key can try a code. With other credentials, and without O(user_access_key), RV(verified)
    is V(false).
  - What AWS does with codes that reach it late is not an error. It takes them, and the device stays out of step. So try
    the device after RV(verified) was V(false).
seealso:
  - module: softtoken.compliance.chrony_makestep
  - module: softtoken.compliance.iam_mfa_audit_info
"""

EXAMPLES = r"""
- name: Resynchronise the only device of whoever runs this
  softtoken.compliance.iam_mfa_device_resync:
    code1: "{{ first_code }}"
    code2: "{{ second_code }}"

- name: Resynchronise the device of a user, as an administrator
  softtoken.compliance.iam_mfa_device_resync:
    user: alice
    serial: arn:aws:iam::123456789012:mfa/alice
    code1: "{{ first_code }}"
    code2: "{{ second_code }}"

- name: Resynchronise a soft token after its host's clock was put right, which takes up to a minute
  softtoken.compliance.iam_mfa_device_resync:
    user: ci-runner
    seed: "{{ vaulted_seed }}"
    clock_witness: [time.example.com]
"""

RETURN = r"""
user:
  description: The user.
  returned: always
  type: str
  sample: alice
serial:
  description: Serial of the device.
  returned: always
  type: str
  sample: arn:aws:iam::123456789012:mfa/alice
verified:
  description: Whether a third code was accepted afterwards.
  returned: always
  type: bool
  sample: true
verification:
  description: What was tried, or why nothing was and how to do it. In check mode what would be done.
  returned: always
  type: str
  sample: AWS took a fresh code of the device after that (sts:GetSessionToken).
waited_s:
  description: How long it waited for the next codes, in seconds.
  returned: always
  type: float
  sample: 41.3
clock:
  description: What is known of this host's clock. V(null) when no codes were made, or with O(clock_check=false).
  returned: always
  type: dict
  contains:
    offset_s:
      description: Host minus true time in seconds, positive when the host is fast. V(null) when nobody knows.
      type: float
      sample: -0.04
    uncertainty_s:
      description: How far that may be off, in seconds.
      type: float
      sample: 0.52
    source:
      description: Who says so, V(chrony), C(ntp:SERVER) or C(aws:ENDPOINT).
      type: str
      sample: aws:https://sts.amazonaws.com
cause:
  description:
    - Why it failed. V(busy), V(denied), V(host_clock), V(late), V(limit), V(no_answer), V(no_user),
      V(not_consecutive), V(not_owned), V(replay), V(throttled), V(unknown), V(wrong_seed), V(wrong_serial).
    - V(not_consecutive) means as well that the codes were swapped, typed wrong or used, or are another device's, since
      AWS does not tell these apart.
  returned: failure
  type: str
  sample: wrong_serial
next_step:
  description: What to do about it.
  returned: failure
  type: str
  sample: Say by its serial which one is meant.
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync import ResyncFailure, run_resync
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync_ports import resync_ports


def main() -> None:
    """Read the parameters, resynchronise, return what is known of it."""
    module = AnsibleAWSModule(
        argument_spec={
            "user": {"type": "str"},
            "serial": {"type": "str"},
            "code1": {"type": "str", "no_log": True},
            "code2": {"type": "str", "no_log": True},
            "seed": {"type": "str", "no_log": True},
            "user_access_key": {"type": "str", "no_log": False},
            "user_secret_key": {"type": "str", "no_log": True},
            "clock_check": {"type": "bool", "default": True},
            "clock_witness": {"type": "list", "elements": "str", "default": []},
            "ledger_dir": {"type": "path"},
        },
        required_one_of=[("code1", "seed")],
        required_together=[("code1", "code2"), ("user_access_key", "user_secret_key")],
        mutually_exclusive=[("code1", "seed")],
        supports_check_mode=True,
    )
    if module.params["seed"] is not None and not module.params["clock_check"]:
        module.warn("clock_check is false: codes are made with a clock that nobody looked at")
    try:
        result = run_resync(module.params, resync_ports(module), check_mode=module.check_mode)
    except ResyncFailure as exc:
        module.fail_json(msg=str(exc), **exc.result)
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
