# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins the code of ``host_facts`` to an ``AnsibleModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import (
    HostClocks,
    HostFiles,
    ModuleRunner,
    PsutilProcesses,
    has_library,
    instance_role,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._host_facts import (
    HostPorts,
    ParameterError,
    check_parameters,
    look_at_host,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.softtoken.compliance.plugins.module_utils._ports import SntpOutcome

__all__ = ["ParameterError", "measure"]


def measure(module: AnsibleModule) -> dict[str, Any]:
    """Look at this host as the module's parameters say. Raises ParameterError."""
    check_parameters(module.params)
    files = HostFiles()
    ports = HostPorts(
        clock=Ports(ModuleRunner(module), files, HostClocks(), PsutilProcesses(), _Sntp()),
        attached_role=lambda: instance_role(
            files, module.params["imds"], module.params["imds_endpoint"], module.params["imds_timeout"]
        ),
        has_library=has_library,
    )
    return look_at_host(module.params, ports)


class _Sntp:
    """Loads the client when there is somebody to ask: hosts compile what they import, on every run."""

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], list[SntpOutcome]]:
        from ansible_collections.softtoken.compliance.plugins.module_utils._sntp import NtplibClient

        return NtplibClient().query_all(servers, timeout_s=timeout_s)
