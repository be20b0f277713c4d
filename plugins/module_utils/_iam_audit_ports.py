# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_iam_audit`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection. boto3 is only needed for a live account, python-hcl2 only for Terraform files.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, Any, Mapping

from ansible.module_utils.common.warnings import warn
from ansible_collections.amazon.aws.plugins.module_utils.botocore import check_sdk_version_supported
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleBotocoreError
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions, collect
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_code
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.encoding import decoded
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["audit_ports", "need_sdk", "read_text", "write_private"]


def audit_ports(module: AnsibleAWSModule) -> AuditPorts:
    """Return the ports on this host, with the module's credentials."""
    return AuditPorts(
        read=read_text,
        write_private=write_private,
        collect=lambda: _collect(module),
        read_code=read_code,
        now=time.time,
    )


def write_private(path: str, text: str) -> None:
    """Put a whole file in place that only its owner can read; a file or a link that is there is replaced."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".snapshot-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_text(path: str) -> str:
    """Read a snapshot, in the encodings that shells write one in."""
    with open(path, "rb") as file:
        return decoded(file.read())


def need_sdk() -> None:
    """Say so where boto3 is missing or too old: with a snapshot it is not needed."""
    try:
        check_sdk_version_supported(warn=warn)
    except AnsibleBotocoreError as exc:
        raise IamError(f"a live account is read with boto3 and botocore: {exc}; or give a snapshot") from exc


def _collect(module: AnsibleAWSModule) -> Mapping[str, Any]:
    need_sdk()
    params = module.params
    region = module.region or CollectOptions().region
    return collect(
        module.client,
        CollectOptions(
            region=region,
            regions=tuple(params["regions"] or ()),
            organization=params["organization"],
            monitoring=params["monitoring"],
            trail_hours=params["trail_hours"],
            users=None if params["devices"] else (),
        ),
        module.debug,
    )
