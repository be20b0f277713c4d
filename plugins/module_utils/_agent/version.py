# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's version: that of the collection it comes with. Private to this collection."""

from __future__ import annotations

__all__ = ["VERSION"]

#: As in galaxy.yml; a test compares them.
VERSION = "0.1.0"
