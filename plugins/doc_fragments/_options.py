# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several plugins have in the same words, private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """One fragment for each group: ``softtoken.compliance._options.hosts`` and its like."""

    # Of filters over hosts.
    HOSTS = r"""
options:
  _input:
    description:
      - Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variable C(hostvars).
    type: dict
    required: true
"""

    # Of modules that read an account.
    ORGANIZATION = r"""
options:
  organization:
    description:
      - Whether to read the service control policies. That takes the organization's management account, or one that it
        has delegated to.
    type: bool
    default: true
"""

    # Of modules that make codes.
    CODES = r"""
options:
  user_secret_key:
    description:
      - The secret of O(user_access_key).
    type: str
  clock_check:
    description:
      - Whether codes are only made when this host's clock is known to be right to 2 seconds. The answers of AWS, the
        servers of O(clock_witness) and chronyd are asked, and one that rules it out suffices to refuse.
    type: bool
    default: true
  clock_witness:
    description:
      - Time servers to ask as well, as name, C(name:port), IPv4 address or C([IPv6 address]:port). Needs ntplib.
    type: list
    elements: str
    default: []
"""
