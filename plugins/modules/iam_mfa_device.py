#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: creates, enables, disables, deletes and replaces a user's MFA device."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_device
short_description: Create, enable, disable, delete or replace the MFA device of an IAM user
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Creates virtual MFA devices, enables virtual and hardware ones, disables devices of every kind, and puts a new
    virtual device in the place of another.
  - A replacement enables and tries the new device before it touches the old one, wherever AWS lets both exist. What
    is begun is written to a journal before each step. After an interruption the next run finishes it, or goes back
    with O(interrupted=restore).
  - The seed of a new device goes into files that the caller names, or is returned encrypted. It is in nothing else that
    the module writes or returns.
options:
  user:
    description:
      - Name of the user, without its path.
    type: str
    required: true
  state:
    description:
      - V(enabled). The device is the user's. A virtual device that does not exist is created.
      - V(disabled). The device is nobody's. A virtual device that does not exist is created, and one that is there is
        kept. It can be enabled again with its codes.
      - V(absent). The device is nobody's, and a virtual one is deleted.
      - V(replaced). The virtual device O(name) is enabled, and the device O(serial) is gone. When that is so already,
        nothing is done.
    type: str
    choices: [enabled, disabled, absent, replaced]
    default: enabled
  name:
    description:
      - Name of the virtual device. Required to create one.
    type: str
  path:
    description:
      - Path of the virtual device O(name).
    type: str
    default: /
  serial:
    description:
      - Serial of the device, instead of O(name). It is the ARN of a virtual device or of a FIDO key, or the number of a
        hardware token.
      - With O(state=replaced) the device to replace. By default the only one that the user has beside O(name).
    type: str
  tags:
    description:
      - Tags of the virtual device.
    type: dict
  purge_tags:
    description:
      - Whether to remove the tags that O(tags) does not name.
    type: bool
    default: false
  code1:
    description:
      - A code that the device to enable shows. Put it in quotes, since it may begin with 0.
    type: str
  code2:
    description:
      - The code that it shows after O(code1). Run the module within seconds.
    type: str
  seed:
    description:
      - The seed in base32 of a device that exists, instead of two codes.
      - A new device needs none, since AWS makes its seed.
    type: str
  confirm:
    description:
      - How a new device is enabled.
      - V(seed). At once, with codes that the module makes of the seed it just received.
      - V(codes). By its holder. The first run creates the device, and a second one with O(code1) and O(code2) enables
        it, which proves that the holder has it. A device to replace stays as it is until then, if both can exist.
    type: str
    choices: [seed, codes]
    default: seed
  seed_file:
    description:
      - File on the host where the module runs that gets the seed of a new device, in base32, with mode 0600. It must
        not exist. No directory on its path may be writable for everybody, which rules out C(/tmp).
    type: path
  qr_file:
    description:
      - The same for the QR code, a PNG picture.
    type: path
  file_owner:
    description:
      - User of the host who gets these files. By default the one who runs the module.
    type: str
  public_key:
    description:
      - RSA public key in PEM, of 2048 bits or more. The seed of a new device is encrypted with it and returned as
        RV(encrypted_seed). Needs cryptography on the host where the module runs.
    type: str
  recreate:
    description:
      - Whether a virtual device O(name) that is nobody's is deleted and made anew. Its seed cannot be read again, so it
        is of no use unless somebody holds the seed.
    type: bool
    default: false
  allow_gap:
    description:
      - Whether the user's only device may be replaced by one of the same name. The user has no device while that is
        done.
    type: bool
    default: false
  interrupted:
    description:
      - What to do with work for the user that an earlier run did not end.
      - V(finish) goes on where it ended. Other work for the user is refused.
      - V(restore) enables the old device again where it is still there, and removes the new one. When the old one is
        deactivated already, O(seed), or O(code1) and O(code2), of the old one are needed.
    type: str
    choices: [finish, restore]
    default: finish
  wait_timeout:
    description:
      - How long to try again while AWS is busy with the user or the device, in seconds, for each step.
    type: int
    default: 120
  user_access_key:
    description:
      - The user's own access key id, to try a code of the new device with. Not needed when the module has these
        credentials itself.
    type: str
  journal_dir:
    description:
      - Directory for the journal of what was begun. It has to belong to the user who runs the module, with mode 0700,
        and is made when it is missing. It holds no seed and no code in clear.
      - By default the one of the ledger, which does not outlive a restart of the host or the end of a container. Name
        one that does where that matters.
    type: path
  ledger_dir:
    description:
      - Directory for the ledger of used codes, of the same kind.
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
    details: The journal and the files are not touched either.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(state=replaced) and the name of the device that is replaced, every run replaces it.
  platform:
    support: full
    platforms: posix
notes:
  - Calls C(sts:GetCallerIdentity), C(iam:GetUser), C(iam:ListMFADevices), C(iam:ListVirtualMFADevices), and as needed
    C(iam:CreateVirtualMFADevice), C(iam:EnableMFADevice), C(iam:DeactivateMFADevice), C(iam:DeleteVirtualMFADevice),
    C(iam:ListMFADeviceTags), C(iam:TagMFADevice), C(iam:UntagMFADevice), and C(sts:GetSessionToken) to try a code.
  - A user who has an MFA device changes the own devices with a session that was opened with MFA. With an access key
    alone the module fails before it changes anything. When the only device does not work, an administrator is needed.
  - FIDO keys can be disabled and replaced. They are enabled in the browser only.
  - Making and trying codes takes up to two minutes, since each code is of another 30 seconds.
seealso:
  - module: softtoken.compliance.iam_mfa_device_resync
  - module: softtoken.compliance.iam_mfa_audit_info
"""

EXAMPLES = r"""
- name: Give a user a virtual device, and keep its seed for the user's soft token
  softtoken.compliance.iam_mfa_device:
    user: ci-runner
    name: ci-runner
    seed_file: /etc/softtoken/ci-runner.seed
    file_owner: ci-runner

- name: Create a device, and hand its QR code to whoever will hold it
  softtoken.compliance.iam_mfa_device:
    user: alice
    name: alice-phone
    confirm: codes
    qr_file: /root/enrolment/alice.png

- name: Enable it with two codes that its holder reads
  softtoken.compliance.iam_mfa_device:
    user: alice
    name: alice-phone
    confirm: codes
    code1: "{{ first_code }}"
    code2: "{{ second_code }}"

- name: Replace a lost device, and get the new seed for the holder of a private key
  softtoken.compliance.iam_mfa_device:
    user: alice
    state: replaced
    serial: arn:aws:iam::123456789012:mfa/alice-phone
    name: alice-phone-2
    public_key: "{{ lookup('ansible.builtin.file', 'alice.pem') }}"
  register: replacement
  # openssl pkeyutl -decrypt -inkey private.pem -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256

- name: Go back after a replacement that was interrupted
  softtoken.compliance.iam_mfa_device:
    user: alice
    state: replaced
    name: alice-phone-2
    interrupted: restore

- name: Remove a device
  softtoken.compliance.iam_mfa_device:
    user: alice
    serial: arn:aws:iam::123456789012:mfa/alice-phone
    state: absent
"""

RETURN = r"""
user:
  description: The user.
  returned: success
  type: str
  sample: alice
serial:
  description: Serial of the device.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:mfa/alice-phone-2
state:
  description: What it is now, or would be in check mode. V(enabled), V(disabled) or V(absent).
  returned: success
  type: str
  sample: enabled
enabled_at:
  description: When it was enabled. V(null) when it is not.
  returned: success
  type: str
  sample: "2026-11-22T05:00:00Z"
previous_serial:
  description: Serial of the device that it replaced. V(null) when none was.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:mfa/alice-phone
steps:
  description:
    - What was done, or would be, in this order. V(create), V(enable), V(verify), V(deactivate_old), V(delete_old), and
      V(deactivate), V(delete) without a replacement. V(deactivate_new), V(delete_new) and V(enable_old) take back what
      an earlier run had begun.
  returned: success
  type: list
  elements: str
  sample: [create, enable, verify, deactivate_old, delete_old]
pending:
  description: Whether the device waits for two codes of its holder, with O(confirm=codes).
  returned: success
  type: bool
  sample: false
resumed:
  description: Whether an earlier run had begun this.
  returned: success
  type: bool
  sample: false
restored:
  description: Whether what an earlier run had begun was taken back.
  returned: success
  type: bool
  sample: false
verified:
  description: Whether AWS took a third code after the device was enabled.
  returned: success
  type: bool
  sample: true
verification:
  description: What was tried, or how to try the device.
  returned: success
  type: str
  sample: AWS took a fresh code of the device after that (sts:GetSessionToken).
encrypted_seed:
  description:
    - The new seed, encrypted with O(public_key) (RSA-OAEP with SHA-256), in base64. V(null) without it.
    - Returned again by later runs that change nothing, as long as the journal is there.
  returned: success
  type: str
  sample: bm90IGEgcmVhbCBvbmU=
files:
  description: The files that got the seed or its QR code.
  returned: success
  type: list
  elements: str
  sample: [/etc/softtoken/ci-runner.seed]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device import run_device
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device_ports import device_ports


def main() -> None:
    """Read the parameters, bring the device about, return what was done."""
    module = AnsibleAWSModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["enabled", "disabled", "absent", "replaced"], "default": "enabled"},
            "name": {"type": "str"},
            "path": {"type": "str", "default": "/"},
            "serial": {"type": "str"},
            "tags": {"type": "dict"},
            "purge_tags": {"type": "bool", "default": False},
            "code1": {"type": "str", "no_log": True},
            "code2": {"type": "str", "no_log": True},
            "seed": {"type": "str", "no_log": True},
            "confirm": {"type": "str", "choices": ["seed", "codes"], "default": "seed"},
            "seed_file": {"type": "path"},
            "qr_file": {"type": "path"},
            "file_owner": {"type": "str"},
            "public_key": {"type": "str", "no_log": False},
            "recreate": {"type": "bool", "default": False},
            "allow_gap": {"type": "bool", "default": False},
            "interrupted": {"type": "str", "choices": ["finish", "restore"], "default": "finish"},
            "wait_timeout": {"type": "int", "default": 120},
            "user_access_key": {"type": "str", "no_log": False},
            "user_secret_key": {"type": "str", "no_log": True},
            "clock_check": {"type": "bool", "default": True},
            "clock_witness": {"type": "list", "elements": "str", "default": []},
            "journal_dir": {"type": "path"},
            "ledger_dir": {"type": "path"},
        },
        required_one_of=[("name", "serial")],
        required_if=[("state", "replaced", ["name"])],
        required_together=[("code1", "code2"), ("user_access_key", "user_secret_key")],
        mutually_exclusive=[("code1", "seed")],
        supports_check_mode=True,
    )
    if not module.params["clock_check"]:
        module.warn("clock_check is false: codes are made with a clock that nobody looked at")
    try:
        result = run_device(module.params, device_ports(module), check_mode=module.check_mode)
    except IamError as exc:
        module.fail_json(msg=str(exc))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
