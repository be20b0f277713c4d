# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that only their holder's own list knows, with no more calls than there are users who may hold one.

Private to this collection.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, Callable, Container, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import DEVICES

from .session import Failure, Session, api_name, failure_of, failures
from .shape import DEVICE, keep

__all__ = ["Reported", "holders_to_ask", "list_devices"]

_OPERATION = "list_mfa_devices"
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_GONE = "NoSuchEntity"
_SHOWN = 5

Devices = List[Dict[str, Any]]


class Reported(NamedTuple):
    """The credential report: its rows, and whether it was made for this run rather than up to four hours ago."""

    rows: List[Dict[str, str]]
    fresh: bool


def holders_to_ask(users: Iterable[str], virtual: Container[Optional[str]], report: Optional[Reported]) -> List[str]:
    """Return the users whose devices have to be listed.

    ``virtual`` has those who hold a virtual device: they may hold others too, eight of any kind are allowed.
    """
    rows = {row["user"]: row for row in report.rows} if report is not None else {}
    fresh = report is not None and report.fresh
    return [user for user in users if _may_hold(rows.get(user), user in virtual, fresh=fresh)]


def list_devices(
    session: Session, users: List[str], executor: Executor, workers: int, progress: Callable[[str], None]
) -> Dict[str, Devices]:
    """Ask each user's list once; give up on the others when a first round is refused to a man."""
    found: Dict[str, Devices] = {}
    failed: Dict[str, List[Tuple[str, Failure]]] = {}
    client = session.client("iam")
    size = workers * 4
    for start in range(0, len(users), size):
        some = users[start : start + size]
        answers = list(executor.map(lambda user: _listed(client, user), some))
        for user, answer in zip(some, answers):
            if isinstance(answer, Failure):
                failed.setdefault(answer.code, []).append((user, answer))
            else:
                found[user] = answer
        progress(f"MFA devices of {min(start + size, len(users))} of {len(users)} users")
        if all(isinstance(answer, Failure) and answer.code in _DENIED for answer in answers):
            _note_unasked(session, users[start + size :])
            break
    for failures_of_code in failed.values():
        _note_failed(session, failures_of_code)
    return found


def _may_hold(row: Optional[Mapping[str, str]], has_virtual: bool, *, fresh: bool) -> bool:  # noqa: FBT001
    if row is None:
        return True  # no report, or a user younger than it
    if row["mfa_active"] == "true" or has_virtual:
        return True
    # The finding that a console user has no MFA is a heavy one: not on the word of an old report.
    may_sign_in = row["password_enabled"] == "true"  # noqa: S105 - a column, no password
    return may_sign_in and not fresh


def _listed(client: Any, user: str) -> Union[Devices, Failure]:
    try:
        pages = client.get_paginator(_OPERATION).paginate(UserName=user)
        return [keep(device, DEVICE) for page in pages for device in page["MFADevices"]]
    except failures() as exc:
        return failure_of(exc, api_name(client, _OPERATION))


def _note_failed(session: Session, failed: List[Tuple[str, Failure]]) -> None:
    users = [user for user, _failure in failed]
    failure = failed[0][1]
    why = "gone since they were listed" if failure.code == _GONE else "their devices could not be listed"
    session.note_failure(
        DEVICES, failure, subject=users[0] if len(users) == 1 else "", reason=f"{_some(users)}: {why}: {failure}"
    )


def _note_unasked(session: Session, users: List[str]) -> None:
    if users:
        session.note(DEVICES, f"{_some(users)}: not asked, as all before them were refused")


def _some(users: List[str]) -> str:
    more = f" and {len(users) - _SHOWN} more users" if len(users) > _SHOWN else ""
    return ", ".join(users[:_SHOWN]) + more
