# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: a diagnosis as people read it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: diagnosis_lines
short_description: A diagnosis of failing MFA as people read it
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Takes the result of M(softtoken.compliance.iam_mfa_diagnosis_info) and returns it as lines of text. The causes with
    their evidence and what to do next, what an error text means, what was looked at, and what is not known.
options:
  _input:
    description:
      - The result of the module.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show why alice cannot sign in
  ansible.builtin.debug:
    msg: "{{ diagnosis | softtoken.compliance.diagnosis_lines }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - "1. The clock of workstation, which makes the codes, is wrong (clock_drift, confidence high)"
    - "   The clock of workstation is 600.0 s slow (-20 steps of 30 s)."
    - "   next: ansible-playbook softtoken.compliance.compliance --limit workstation"
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._diagnosis_text import diagnosis_lines


class FilterModule:
    """Hands the filter to Ansible."""

    def filters(self) -> dict[str, Callable[[Mapping[str, Any]], list[str]]]:
        """Return the filter by its name."""
        return {"diagnosis_lines": diagnosis_lines}
