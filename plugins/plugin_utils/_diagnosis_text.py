# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis as lines of text.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["diagnosis_lines"]

_PATTERNS = {
    "constant": "always",
    "intermittent": "now and then",
    "ended": "for a time",
    "single": "once",
    "none": "not at all in CloudTrail's records",
    "unknown": "not known, as there are no records of CloudTrail",
}
_NOT_COLLECTED = "not collected"


def diagnosis_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what iam_mfa_diagnosis_info found, for people."""
    return list(_lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield _headline(found)
    for number, cause in enumerate(found["causes"], 1):
        yield f"{number}. {cause['title']} ({cause['code']}, confidence {cause['confidence']})"
        for evidence in cause["evidence"]:
            yield f"   {_evidence(evidence)}"
        yield f"   to confirm: {cause['confirm']}"
        for step in cause["next"]:
            yield f"   next: {step['text']}"
    if found["explanation"]:
        yield f"The error text: {found['explanation']}"
    for step in found["corrected"]:
        yield f"The command as it should be: {step['text']}"
    for looked in found["looked_at"]:
        yield f"Looked at: {looked}"
    yield from _gaps(found)


def _headline(found: Mapping[str, Any]) -> str:
    if not found["user"]:
        return "By the error text alone:"
    since = f" since {found['since']}" if found["since"] else ""
    others = [user for user in found["users"] if user != found["user"]]
    with_others = f"; also of {', '.join(others)}" if others else ""
    how = _PATTERNS.get(found["pattern"], found["pattern"])
    over = ", and taken again by now" if found["pattern"] == "ended" else ""
    return f"MFA of {found['user']} in the last {found['window_h']} h: refused {how}{since}{over}{with_others}"


def _evidence(evidence: Mapping[str, Any]) -> str:
    head = f"{evidence['time']} " if evidence["time"] else ""
    against = "speaks against it: " if evidence["against"] else ""
    event = f" [event {evidence['event_id']}]" if evidence["event_id"] else ""
    return f"{head}{against}{evidence['text']}{event}"


def _gaps(found: Mapping[str, Any]) -> Iterator[str]:
    """Say each reason once, and what nobody asked for in one line."""
    left_out = [gap["part"] for gap in found["gaps"] if gap["reason"] == _NOT_COLLECTED]
    for gap in found["gaps"]:
        if gap["reason"] != _NOT_COLLECTED:
            yield f"Not known ({gap['part']}): {gap['matters']}. {gap['reason']}"
    if left_out:
        yield f"Not collected: {', '.join(left_out)}"
