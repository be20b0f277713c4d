# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: the MFA serials of many hosts as one list."""

from __future__ import annotations

DOCUMENTATION = r"""
name: host_serials
short_description: The MFA serials that were found on hosts, and the role profiles without one, as one list
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Takes the fact C(softtoken) that M(softtoken.compliance.host_facts) set for each host, and returns all its MFA
    serials in the form that the option O(softtoken.compliance.iam_mfa_audit_info#module:host_serials) wants.
  - After the serials of a host come its AWS profiles that assume a role and name no MFA device, with C(role_arn) in the
    place of C(serial).
  - Hosts without the fact have no serials here.
positional: hostvars
extends_documentation_fragment:
  - softtoken.compliance._options.hosts
seealso:
  - plugin: softtoken.compliance.attached_roles
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compare the serials on the hosts with the account
  softtoken.compliance.iam_mfa_audit_info:
    host_serials: "{{ ansible_play_hosts_all | softtoken.compliance.host_serials(hostvars) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: The serials and the role profiles without one, in the order of the hosts.
  type: list
  elements: dict
  sample:
    - host: web1
      serial: arn:aws:iam::123456789012:mfa/alice
      where: /home/alice/.aws/config
      profile: prod
      user: alice
    - host: web1
      role_arn: arn:aws:iam::123456789012:role/deploy
      where: /home/alice/.aws/config
      profile: deploy
      user: alice
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._host_identities import host_serials


class FilterModule:
    """Hands the filter to Ansible."""

    def filters(self) -> dict[str, Callable[[Sequence[str], Mapping[str, Any]], list[dict[str, str | None]]]]:
        """Return the filter by its name."""
        return {"host_serials": host_serials}
