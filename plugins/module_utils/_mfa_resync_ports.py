# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_mfa_resync`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import (
    HostClocks,
    HostFiles,
    ModuleRunner,
    PsutilProcesses,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import AwsRefusal, MfaDevices
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.sign_in import SignIn, clients_of_key
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement, Witness
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.clock import date_witness
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_clock import look_at_clock
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import CodeLedger, ledger_directory
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync import ResyncPorts
from ansible_collections.softtoken.compliance.plugins.module_utils._sntp import NtplibClient

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["resync_ports"]

_WITNESS_TIMEOUT_S = 2.0


def resync_ports(module: AnsibleAWSModule) -> ResyncPorts:
    """Return the ports on this host, with the module's credentials."""
    # IAM is one for all regions, but boto3 wants one.
    region = module.region or CollectOptions().region
    sign_in = SignIn(module.client, region)
    host = Ports(ModuleRunner(module), HostFiles(), HostClocks(), PsutilProcesses(), NtplibClient())

    def look() -> ClockMeasurement:
        return look_at_clock(host, module.params["clock_witness"], _WITNESS_TIMEOUT_S, lambda: _aws_witness(sign_in))

    return ResyncPorts(
        devices=MfaDevices(module.client, region),
        sign_in=sign_in,
        user_sign_in=_user_sign_in(module, region),
        ledger=CodeLedger(ledger_directory(module.params["ledger_dir"], os.environ, os.geteuid()), time.time),
        look_at_clock=look,
        wall=time.time,
        wait=time.sleep,
        say=module.log,
    )


def _user_sign_in(module: AnsibleAWSModule, region: str) -> Optional[SignIn]:
    params = module.params
    if not params["user_access_key"]:
        return None
    endpoint_url, verify = params.get("endpoint_url"), params.get("validate_certs")
    factory = clients_of_key(
        params["user_access_key"], params["user_secret_key"], endpoint_url=endpoint_url, verify=verify
    )
    return SignIn(factory, region)


def _aws_witness(sign_in: SignIn) -> Witness:
    try:
        dated = sign_in.date(time.time)
    except AwsRefusal as exc:
        return Witness("aws", "AWS", None, None, str(exc))
    return date_witness(*dated)
