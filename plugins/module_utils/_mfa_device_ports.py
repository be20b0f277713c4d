# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_mfa_device`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, Optional

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.sign_in import SignIn
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device import DevicePorts
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device_codes import CodeSender
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device_journal import JournalFile
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import ledger_directory
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync_ports import resync_ports
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_secret import (
    HAS_CRYPTOGRAPHY,
    SecretFiles,
    encrypt,
)

# Where it is missing, AnsibleAWSModule has said so before anything here is called.
with contextlib.suppress(ImportError):
    from botocore.session import Session

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
        codes=CodeSender(shared.ledger, time.time, time.sleep, look),
        sign_in=lambda own: _sign_in(module, shared.sign_in if own else None),
        journal=lambda account, user: JournalFile(directory, account, user, time.time),
        files=SecretFiles(params["file_owner"]),
        encrypt=_encrypt,
        hide=module.no_log_values.add,
        wait=time.sleep,
    )


def _sign_in(module: AnsibleAWSModule, own: Optional[SignIn]) -> Optional[SignIn]:
    """Prefer the user's access key where it is given."""
    key, secret = module.params["user_access_key"], module.params["user_secret_key"]
    if not key:
        return own
    session = Session()

    def client(service: str, *, region: str, config: Any) -> Any:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=module.params.get("endpoint_url"),
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=module.params.get("validate_certs"),
            config=config,
        )

    return SignIn(client, module.region or CollectOptions().region)


def _encrypt(public_key: str, text: str) -> str:
    if not HAS_CRYPTOGRAPHY:
        raise IamError(missing_required_lib("cryptography", reason="for public_key"))
    return encrypt(public_key, text)
