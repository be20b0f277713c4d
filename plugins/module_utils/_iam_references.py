# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_references_info: from the parameters to what the module returns.

Private to this collection. Files and AWS come in through AuditPorts and the search for texts in files.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Sequence, Tuple

from ._iam.account import Account, CoverageGap
from ._iam.catalogue import AUTHORIZATION, DEVICES, FILES, HOSTS, NOT_ASKED, ORGANIZATION, TRAIL, VIRTUAL
from ._iam.context import AuditContext, AuditOptions
from ._iam.errors import IamError
from ._iam.snapshot import RESOURCE_POLICIES, account_from_snapshot
from ._iam.trail import Use
from ._iam.user_offboarding import DevicePlan, described, plan_devices, remediation, repairs_of
from ._iam.user_references import CodeLine, Subject, find_user_references, uses_of
from ._iam_audit import AuditPorts, host_serial, read_or_collect

__all__ = ["CodeSearch", "SearchCode", "run_references"]


class CodeSearch(NamedTuple):
    """The lines that hold a text, and what could not be searched."""

    lines: Tuple[CodeLine, ...] = ()
    problems: Tuple[CoverageGap, ...] = ()


SearchCode = Callable[[Sequence[str], Sequence[str]], CodeSearch]  # paths and texts

# What this is about. The rest of an account (the credential report, alarms) names no user's devices.
_PARTS = frozenset((AUTHORIZATION, VIRTUAL, DEVICES, ORGANIZATION, TRAIL, FILES, "policies"))
_GONE = "NoSuchEntity"


def run_references(params: Mapping[str, Any], ports: AuditPorts, search: SearchCode) -> Dict[str, Any]:
    """Find the user, its devices, and every place that names them, and return the module's result."""
    snapshot = dict(read_or_collect(params["snapshot"], ports))
    snapshot[RESOURCE_POLICIES] = [*snapshot.get(RESOURCE_POLICIES, ()), *(params["resource_policies"] or ())]
    account = account_from_snapshot(snapshot)
    paths = params["code_paths"] or ()
    options = AuditOptions(
        host_serials=tuple(host_serial(entry) for entry in params["host_serials"] or ()),
        files=ports.read_code(paths) if paths else (),
        now=ports.now(),
    )
    context = AuditContext(account, options)
    plans = plan_devices(context, params["user"], params["serials"] or ())
    subject = _subject(params, context, plans)
    code = search(paths, (*subject.serials, *subject.ids, *subject.arns)) if paths else CodeSearch()
    references = find_user_references(context, subject, code.lines)
    repairs = repairs_of(account, options, plans, references)
    return {
        "account": {"id": account.account_id, "partition": account.partition, "collected_at": account.collected_at},
        "user": _user(params["user"], account, subject),
        "devices": [plan._asdict() for plan in plans],
        "references": [described(one, repairs[one]) for one in references],
        "uses": [_use(*one) for one in uses_of(context, subject)],
        "remediation": remediation(repairs),
        "coverage": _coverage(context, params, code.problems),
        "api_calls": snapshot["api_calls"] if params["snapshot"] is None else {},
    }


def _use(serial: str, count: int, last: Use) -> Dict[str, Any]:
    return {
        "serial": serial,
        "count": count,
        "last_event": last.event,
        "last_time": last.time,
        "last_principal": last.principal,
        "last_error": last.error or None,
    }


def _subject(params: Mapping[str, Any], context: AuditContext, plans: Sequence[DevicePlan]) -> Subject:
    name, account = params["user"], context.account
    user = account.users.get(name)
    ids = list(params["unique_ids"] or ())
    arns = [f"arn:{account.partition}:iam::{account.account_id}:user/{name}"]
    if user is not None:
        ids.append(user.id)
        arns = [user.arn]
    elif not (ids or plans) and context.has(AUTHORIZATION):
        raise IamError(
            f"account {account.account_id} has no user {name}, so its devices and ids are not known. Check the name "
            "(without its path) and the account. If the user was deleted, give serials and unique_ids, as an earlier "
            "plan or CloudTrail's DeleteUser and DeactivateMFADevice have them."
        )
    serials = [plan.serial for plan in plans]
    return Subject(name, tuple(arns), tuple(dict.fromkeys(ids)), tuple(serials))


def _user(name: str, account: Account, subject: Subject) -> Dict[str, Any]:
    user = account.users.get(name)
    unread = any(gap.part == AUTHORIZATION and not gap.subject for gap in account.gaps)
    return {
        "name": name,
        "arn": subject.arns[0],
        "id": None if user is None else user.id,
        "unique_ids": list(subject.ids),
        "exists": None if user is None and unread else user is not None,
    }


def _coverage(context: AuditContext, params: Mapping[str, Any], problems: Sequence[CoverageGap]) -> Dict[str, Any]:
    wanted = [gap for gap in (*context.gaps, *problems) if gap.part in _PARTS and not _complete(context, gap, params)]
    gaps = list(dict.fromkeys(wanted))
    skipped = {gap.part for gap in context.gaps if gap.part in (ORGANIZATION, TRAIL) and gap.reason == NOT_ASKED}
    given = {RESOURCE_POLICIES: context.account.resource_policies, HOSTS: params["host_serials"],
             FILES: params["code_paths"]}  # fmt: skip
    return {
        "complete": not gaps,
        "documents": sum(len(distinct.places) for distinct in context.documents) + len(context.unreadable),
        "not_searched": sorted(skipped | {part for part, things in given.items() if not things}),
        "gaps": list(_described(gaps)),
    }


def _complete(context: AuditContext, gap: CoverageGap, params: Mapping[str, Any]) -> bool:
    """Say whether nothing is missing where the gap is."""
    if gap.reason == NOT_ASKED:
        return True
    if gap.part != DEVICES:
        return False
    # The devices of others do not matter, and of a user who is gone there is no list.
    user = context.account.users.get(params["user"])
    return gap.code == _GONE if user is None else user.devices_complete


def _described(gaps: Sequence[CoverageGap]) -> Iterator[Dict[str, Any]]:
    for gap in gaps:
        yield {
            "part": gap.part,
            "subject": gap.subject or None,
            "reason": gap.reason,
            "api": gap.api or None,
            "code": gap.code or None,
        }
