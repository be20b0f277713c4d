# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_mfa_device`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device import DevicePorts
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device_journal import JournalFile
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import ledger_directory
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync_ports import resync_ports
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_secret import (
    HAS_CRYPTOGRAPHY,
    SecretFiles,
    encrypt,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_send import CodeSender

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["device_ports"]


def device_ports(module: AnsibleAWSModule) -> DevicePorts:
    """Return the ports on this host, with the module's credentials."""
    params = module.params
    shared = resync_ports(module)
    directory = ledger_directory(params["journal_dir"], os.environ, os.geteuid())
    look = shared.look_at_clock if params["clock_check"] else None
    return DevicePorts(
        devices=shared.devices,
        codes=CodeSender(shared.ledger, shared.wall, shared.wait, look, shared.say),
        sign_in=lambda own_key: shared.user_sign_in or (shared.sign_in if own_key else None),
        journal=lambda account, user: JournalFile(directory, account, user, shared.wall),
        files=SecretFiles(params["file_owner"]),
        encrypt=_encrypt,
        hide=module.no_log_values.add,
        wait=shared.wait,
    )


def _encrypt(public_key: str, text: str) -> str:
    if not HAS_CRYPTOGRAPHY:
        raise IamError(missing_required_lib("cryptography", reason="for public_key"))
    return encrypt(public_key, text)
