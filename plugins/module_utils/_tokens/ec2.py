# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine says that it is an EC2 instance, told from the firmware's tables; nothing is asked.

Private to this collection.
"""

from __future__ import annotations

from .._ports import Files

__all__ = ["is_ec2"]

# Path, what the text begins with there (lower case). The vendor is readable for everybody; the identifiers cover
# Xen instances, whose vendor is Xen.
_MARKS = (
    ("/sys/class/dmi/id/sys_vendor", "amazon ec2"),
    ("/sys/class/dmi/id/bios_vendor", "amazon ec2"),
    ("/sys/class/dmi/id/board_asset_tag", "i-"),
    ("/sys/hypervisor/uuid", "ec2"),
    ("/sys/class/dmi/id/product_uuid", "ec2"),
)


def is_ec2(files: Files) -> bool:
    """Say whether the machine calls itself EC2."""
    return any(_text(files, path).startswith(mark) for path, mark in _MARKS)


def _text(files: Files, path: str) -> str:
    try:
        return files.read_text(path, 256).strip().lower()
    except OSError:
        return ""
