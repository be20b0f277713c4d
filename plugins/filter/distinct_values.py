# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: the different values that variables have over many hosts, in one pass over them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: distinct_values
short_description: The different values that variables have over many hosts
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Tells whether a variable is the same for every host, as one that holds for a whole run has to be.
  - Asks for the variables of each host once, however many are named. On an inventory of thousands of hosts that is what
    takes the time.
positional: hostvars, names
options:
  names:
    description:
      - Names of variables.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - softtoken.compliance._options.hosts
"""

EXAMPLES = r"""
- name: Refuse a variable that only some hosts know
  ansible.builtin.assert:
    that: (groups.all | softtoken.compliance.distinct_values(hostvars, ['site'])).site | length <= 1
"""

RETURN = r"""
_value:
  description:
    - The values of each variable as JSON, in the order of the hosts that have them first.
    - Hosts that do not know a variable have V(not set) there, which is no JSON.
  type: dict
  sample:
    site: ['"berlin"', not set]
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

NOT_SET = "not set"


def distinct_values(
    hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> dict[str, list[str]]:
    """Return the values of each variable as JSON, each once."""
    found: dict[str, dict[str, None]] = {name: {} for name in names}
    for host in hosts:
        values = hostvars[host]
        for name in names:
            found[name][_text(values[name]) if name in values else NOT_SET] = None
    return {name: list(values) for name, values in found.items()}


def _text(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)


class FilterModule:
    """Hands the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., dict[str, list[str]]]]:
        """Return the filter by its name."""
        return {"distinct_values": distinct_values}
