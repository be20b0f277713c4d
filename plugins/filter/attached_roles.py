# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: the IAM roles that are attached to hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: attached_roles
short_description: The IAM roles that are attached to hosts
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Takes the fact C(softtoken) that M(softtoken.compliance.host_facts) set for each host, and returns the ARN of each
    role that is attached to one of them, once.
  - A role whose fact names no partition is taken for one of the partition C(aws). M(softtoken.compliance.host_facts)
    names any other.
  - The metadata of an instance does not tell the path of its role, so the ARNs have none. The option
    O(softtoken.compliance.iam_mfa_audit_info#module:roles) takes them so.
positional: hostvars
extends_documentation_fragment:
  - softtoken.compliance._options.hosts
seealso:
  - plugin: softtoken.compliance.host_serials
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit the roles that these hosts have
  softtoken.compliance.iam_mfa_audit_info:
    scope: roles
    roles: "{{ ansible_play_hosts_all | softtoken.compliance.attached_roles(hostvars) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: The ARNs, without the roles' paths.
  type: list
  elements: str
  sample: ["arn:aws:iam::123456789012:role/web-server"]
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._host_identities import attached_roles


class FilterModule:
    """Hands the filter to Ansible."""

    def filters(self) -> dict[str, Callable[[Sequence[str], Mapping[str, Any]], list[str]]]:
        """Return the filter by its name."""
        return {"attached_roles": attached_roles}
