#!/usr/bin/python
# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action zipapp."""

from __future__ import annotations

DOCUMENTATION = r"""
module: zipapp
short_description: Install code of this collection on a host, as one file that Python runs
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - Programs that stay on a host judge by the same code as the modules. This action puts such a program and the parts
    of the collection's C(module_utils) that it imports into one archive, and copies it to the host.
  - The same code makes the same archive on every controller, so nothing changes on the host unless the code did.
  - For the roles of this collection. C(module_utils) is private, and may change in every release.
options:
  main:
    description:
      - The Python file, on the controller, that the archive runs. Looked for as M(ansible.builtin.copy) does it, in
        the directory C(files) of the role or beside the playbook.
      - Or the directory of a package, which goes into the archive whole. Its C(__main__.py) is what the archive runs.
      - It imports the parts by their full names, such as
        C(ansible_collections.softtoken.compliance.plugins.module_utils._clock.verdict).
    type: path
    required: true
  parts:
    description:
      - Modules and packages of the collection's C(module_utils), by name, such as V(_ports) and V(_clock).
    type: list
    elements: str
    required: true
  dest:
    description:
      - The file on the host. Its directory is made where there is none.
    type: path
    required: true
  owner:
    description:
      - Owner of the file.
    type: str
  group:
    description:
      - Group of the file.
    type: str
  mode:
    description:
      - Permissions of the file.
    type: raw
    default: "0755"
extends_documentation_fragment:
  - softtoken.compliance._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
seealso:
  - name: PEP 441
    description: Executable archives of Python code.
    link: https://peps.python.org/pep-0441/
"""

EXAMPLES = r"""
# As the role timesync does it: clock_gate.py lies in the role's directory files, and imports what parts names.
- name: Make the directory
  ansible.builtin.file:
    path: /usr/local/lib/softtoken
    state: directory
    mode: "0755"
  become: true

- name: Install the gate
  softtoken.compliance.zipapp:
    main: clock_gate.py
    parts: [_ports, _clock]
    dest: /usr/local/lib/softtoken/clock-gate.pyz
  become: true
"""

RETURN = r"""
dest:
  description: The file on the host.
  returned: success
  type: str
  sample: /usr/local/lib/softtoken/clock-gate.pyz
checksum:
  description: SHA1 of the archive.
  returned: success
  type: str
  sample: 6e642bb8dd5c2e027bf21dd923337cbb4214f827
"""
