# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the IAM code.

Private to this collection.
"""

from __future__ import annotations

__all__ = ["DocumentError", "IamError"]


class IamError(Exception):
    """Root of everything the IAM code raises on purpose."""


class DocumentError(IamError):
    """What was given as a policy document is none: ``name`` says which, ``detail`` what was found instead."""

    def __init__(self, name: str, detail: str) -> None:
        self.name = name
        self.detail = detail
        super().__init__(f"{name} is not a policy document: {detail}")
