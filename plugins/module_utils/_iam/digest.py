# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash of a policy document.

Private to this collection.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

__all__ = ["digest"]

_PRINCIPALS = ("Principal", "NotPrincipal")
_ROOT = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):root")


def digest(document: Any) -> str:
    """Return a hash of a document. What IAM itself rewrites does not count.

    That is white space, the order of members and of the texts in a list, a list of one, and, as a principal, an
    account's id in the place of its root's ARN.
    """
    text = json.dumps(_canonical(document), sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any, *, names: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(one, names=names or key in _PRINCIPALS) for key, one in value.items()}
    if isinstance(value, list):
        items = [_canonical(one, names=names) for one in value]
        if all(isinstance(one, str) for one in items):
            items = sorted(set(items))
        return items[0] if len(items) == 1 else items
    match = _ROOT.fullmatch(value) if names and isinstance(value, str) else None
    return match.group(1) if match else value
