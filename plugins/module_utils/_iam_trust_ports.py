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
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot import (
    account_from_snapshot,
    parse_snapshot,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit_ports import (
    need_sdk,
    read_text,
    write_private,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust import TrustPorts
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_plan import role_in_snapshot

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
    from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account

__all__ = ["trust_ports"]


def trust_ports(module: AnsibleAWSModule) -> TrustPorts:
    """Return the ports on this host, with the module's credentials, or over a snapshot."""
    if module.params["snapshot"]:
        return snapshot_ports(module.params["snapshot"])
    need_sdk()
    # IAM is one for all regions, but boto3 wants one.
    calls = TrustCalls(module.client("iam", region=module.region or CollectOptions().region))
    return TrustPorts(
        read_role=calls.read,
        write_trust=calls.write,
        read_file=_read,
        write_private=write_private,
        wait=time.sleep,
    )


def snapshot_ports(path: str) -> TrustPorts:
    """Return ports that read roles of a snapshot; run_trust writes through them in no mode."""
    return TrustPorts(
        read_role=lambda name: role_in_snapshot(_account(path), name, path),
        write_trust=_refuse,
        read_file=_read,
        write_private=_refuse,
        wait=time.sleep,
    )


def _account(path: str) -> Account:
    try:
        return account_from_snapshot(parse_snapshot(read_text(path)))
    except (OSError, UnicodeDecodeError) as exc:
        raise IamError(f"the snapshot {path} cannot be read: {exc}") from exc
    except IamError as exc:
        raise IamError(f"{path}: {exc}") from exc


def _refuse(_name: str, _text: str) -> None:
    raise IamError("nothing is written from a snapshot")


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
