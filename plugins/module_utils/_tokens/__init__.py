# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure logic about soft tokens: evidence of them on a host, and MFA serials in AWS configuration.

Private to this collection. Imports the standard library and itself; every
side effect (running a command, reading a file, asking for the time) comes in
through the Protocols of ``_ports``.
"""
