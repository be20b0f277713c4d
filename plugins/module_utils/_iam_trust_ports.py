# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_iam_trust`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.trust_policy import TrustCalls
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit_ports import write_private
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust import TrustPorts

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["trust_ports"]


def trust_ports(module: AnsibleAWSModule) -> TrustPorts:
    """Return the ports on this host, with the module's credentials."""
    # IAM is one for all regions, but boto3 wants one.
    calls = TrustCalls(module.client("iam", region=module.region or CollectOptions().region))
    return TrustPorts(
        read_role=calls.read,
        write_trust=calls.write,
        read_file=_read,
        write_private=write_private,
        wait=time.sleep,
    )


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
