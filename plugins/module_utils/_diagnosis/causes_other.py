# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes that are not the user's device, clock or policies: AWS itself, many users, the password, the credentials.

Private to this collection.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Tuple

from . import commands, kinds
from .case import Case, Draft, of_failure, of_failures
from .model import Evidence, Known
from .timeline import MANY_USERS, Failure
from .typed_command import corrected

__all__ = ["causes"]

_AT_ONCE_S = 3600.0


def causes(case: Case) -> Iterator[Draft]:
    """Yield them."""
    yield from _service_wide(case)
    yield from _no_such_user(case)
    for wanted, draft in (
        ((kinds.CREDENTIALS,), _credentials),
        ((kinds.SIGN_IN,), _password),
        ((kinds.BUSY, kinds.LIMIT), _busy),
        ((kinds.MALFORMED,), _malformed),
    ):
        failures = case.of(*wanted)
        if failures:
            yield draft(case, failures)


# --- service_wide ----------------------------------------------------------------------------------------------------


def _service_wide(case: Case) -> Iterator[Draft]:
    many = _at_once(case)
    broken = case.of(kinds.SERVICE)
    health = case.facts.health.value if isinstance(case.facts.health, Known) else ()
    evidence: List[Evidence] = list(of_failures(broken))
    score = 0.82 if broken else 0.0
    if many:
        users = tuple(dict.fromkeys(one.user for one in many))
        places = {one.address for one in many if one.address}
        text = f"Codes of {len(users)} users were refused within an hour, from {len(places)} addresses: {_some(users)}."
        evidence.append(Evidence("pattern", text, many[0].time, many[0].event_id, source="cloudtrail"))
        evidence += [of_failure(one, f"{one.user}: {one.operation} refused.") for one in _one_each(many)[:4]]
        # All from one address: that is the clock of one host before it is AWS.
        found = 0.6 if len(places) == 1 else 0.9
        # Where the user that was asked about has no part in it, it explains nothing of that one.
        score = max(score, found if not case.question.user or case.of(kinds.CODE) else 0.4)
    for event in health:
        text = f"AWS Health has {event.code} of {event.service} open since {event.start}."
        evidence.append(Evidence("health", text, event.start, event.arn, source="health"))
    if health and case.failures:
        score = min(0.96, max(score + 0.06, 0.7))
    if score and evidence:
        yield Draft(
            "service_wide", "Many users at once, or AWS itself", score, tuple(evidence),
            "Other users' codes are refused at the same time, from other hosts; AWS Health shows an event.",
            (
                commands.health(case.question),
                commands.lookup(case.question, "ConsoleLogin", "Shows who else was refused."),
                commands.measure_clock(case.question),
            ),
            ("records",) if many else (),
        )  # fmt: skip


def _at_once(case: Case) -> Tuple[Failure, ...]:
    """Give the refused codes of the hour in which most users had one, if they are many."""
    refused = sorted(
        (one for one in (*case.timeline.failures, *case.timeline.others) if one.kind == kinds.CODE),
        key=lambda one: one.seconds or 0.0,
    )
    best: Tuple[Failure, ...] = ()
    most, start = MANY_USERS - 1, 0
    held: Dict[str, int] = {}
    for end, one in enumerate(refused):
        held[one.user] = held.get(one.user, 0) + 1
        while (one.seconds or 0.0) - (refused[start].seconds or 0.0) > _AT_ONCE_S:
            held[refused[start].user] -= 1
            if not held[refused[start].user]:
                del held[refused[start].user]
            start += 1
        if len(held) > most:
            most, best = len(held), tuple(refused[start : end + 1])
    return best


def _one_each(failures: Tuple[Failure, ...]) -> Tuple[Failure, ...]:
    return tuple({one.user: one for one in failures}.values())


def _some(names: Tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


# --- the rest --------------------------------------------------------------------------------------------------------


def _no_such_user(case: Case) -> Iterator[Draft]:
    failures = case.of(kinds.NO_USER)
    missing = isinstance(case.facts.user, Known) and case.facts.user.value is None
    if not failures and not missing:
        return
    evidence: List[Evidence] = list(of_failures(failures))
    if missing:
        text = f"The account has no IAM user {case.question.user}. Names count by case, and come without their path."
        evidence.append(Evidence("absence", text, source="iam"))
    yield Draft(
        "no_such_user", "The account has no such IAM user", 0.97 if missing else 0.88, tuple(evidence),
        "iam:GetUser does not find the user with credentials of the account that is meant.",
        (
            commands.caller(case.question),
            commands.aws(case.question, "iam list-users", why="Shows the users of the account, with their paths."),
        ),
    )  # fmt: skip


def _credentials(case: Case, failures: Tuple[Failure, ...]) -> Draft:
    return Draft(
        "invalid_credentials", "AWS does not take the credentials, before it comes to MFA", 0.9, of_failures(failures),
        "sts:GetCallerIdentity is refused in the same way.",
        (
            commands.caller(case.question),
            commands.aws(
                case.question, "iam list-access-keys", "--user-name", case.question.user or "USER",
                why="For an administrator: shows which access keys the user has, and which are inactive.",
            ),
        ),
    )  # fmt: skip


def _password(case: Case, failures: Tuple[Failure, ...]) -> Draft:
    known = any(one.time for one in failures) or (case.error is not None and case.error.mfa_used is False)
    text = (
        "The console had not asked for MFA yet (MFAUsed No): it refused name or password."
        if known
        else "The console says the same of a wrong password and of a wrong code."
    )
    return Draft(
        "wrong_password", "The console refused name or password", 0.72 if known else 0.62,
        (*of_failures(failures), Evidence("failure", text, source="cloudtrail" if known else "error_text")),
        "The record of ConsoleLogin says MFAUsed No.",
        (
            commands.lookup(case.question, "ConsoleLogin", "Shows MFAUsed: Yes means that the code was refused."),
            commands.aws(
                case.question, "iam get-login-profile", "--user-name", case.question.user or "USER",
                why="Shows whether the user has a password at all.",
            ),
        ),
        () if known else ("records",),
    )  # fmt: skip


def _busy(case: Case, failures: Tuple[Failure, ...]) -> Draft:
    last = failures[-1]
    text = (
        "Another change of the same device or user is under way, or AWS had too many calls. The code was not the fault."
    )
    return Draft(
        "busy", "Somebody changes the same device, or calls are throttled", 0.82,
        (*of_failures(failures), Evidence("failure", text, last.time, last.event_id, source="cloudtrail")),
        "The same call is taken a minute later, with fresh codes.",
        (
            commands.lookup(case.question, last.operation or "EnableMFADevice", "Shows who else is at it."),
            commands.list_devices(case.question),
        ),
    )  # fmt: skip


def _malformed(case: Case, failures: Tuple[Failure, ...]) -> Draft:
    mended = corrected(case)
    usual = (commands.resync_cli(case.question, case.own_serial), commands.open_session(case.question, case.own_serial))
    return Draft(
        "malformed_request", "The command has flags or values that AWS does not know", 0.9, of_failures(failures),
        "The corrected command is taken.", mended or usual,
    )  # fmt: skip
