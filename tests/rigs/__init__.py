"""Test rigs: real systemd containers, real NTP servers, a virtual machine with its own clock.

Nothing here moves the clock of the machine that runs it: every chronyd gets ``-x``, no container gets
CAP_SYS_TIME, and every server listens in a network namespace that the rig made itself.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations
