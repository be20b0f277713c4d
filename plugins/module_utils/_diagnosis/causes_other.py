# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes that are not the user's device, clock or policies: AWS itself, many users, the password, the credentials.

Private to this collection.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Deque, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.trail import seconds_of

from . import commands, kinds
from .case import Case, Draft, of_failure, of_failures
from .model import Evidence, Known, MetricSeries
from .timeline import Failure, are_many
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
        users = tuple(dict.fromkeys(one.user for one in many.refused))
        places = {one.address for one in many.refused if one.address}
        text = f"Codes of {len(users)} users were refused within an hour, from {len(places)} addresses: {_some(users)}."
        text += f" In that hour codes of {many.taken} users were taken." if many.taken else ""
        first = many.refused[0]
        evidence.append(Evidence("pattern", text, first.time, first.event_id, source="cloudtrail"))
        evidence += [of_failure(one, f"{one.user}: {one.operation} refused.") for one in _one_each(many.refused)[:4]]
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
        evidence += _metrics(case)
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


class _Hour(NamedTuple):
    """An hour in which many users' codes were refused, and how many users had one taken in it."""

    refused: Tuple[Failure, ...]
    taken: int


def _at_once(case: Case) -> Optional[_Hour]:
    """Give the hour in which most users had a code refused, among those in which they are many."""
    failures = [one for one in (*case.timeline.failures, *case.timeline.others) if one.kind == kinds.CODE]
    uses: List[_Use] = [_Use(one.seconds or 0.0, one.user, one) for one in failures]
    uses += [_Use(one.seconds, one.user, None) for one in case.timeline.coded]
    best, most = None, 0
    inside: Deque[_Use] = deque()
    refused: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    # From the last one back: the hour that follows a refusal has those who signed in well after it.
    for use in sorted(uses, key=lambda one: one.seconds, reverse=True):
        inside.appendleft(use)
        (taken if use.failure is None else refused)[use.user] += 1
        while inside[-1].seconds - use.seconds > _AT_ONCE_S:
            _take_out(inside.pop(), refused, taken)
        if use.failure is not None and len(refused) > most and are_many(refused, taken):
            most = len(refused)
            best = _Hour(tuple(one.failure for one in inside if one.failure is not None), len(taken))
    return best


class _Use(NamedTuple):
    """A code that was refused, or taken."""

    seconds: float
    user: str
    failure: Optional[Failure]


def _take_out(use: _Use, refused: Counter[str], taken: Counter[str]) -> None:
    users = taken if use.failure is None else refused
    users[use.user] -= 1
    if not users[use.user]:
        del users[use.user]


def _metrics(case: Case) -> List[Evidence]:
    """Show what metrics counted in the window. They count wrong passwords too: by themselves they say little."""
    series = case.facts.metrics.value if isinstance(case.facts.metrics, Known) else ()
    return [shown for shown in (_metric(case, one) for one in series) if shown is not None]


def _metric(case: Case, series: MetricSeries) -> Optional[Evidence]:
    sums = [(number, at) for at, number in series.sums if seconds_of(at) >= case.question.since_s and number > 0]
    if not sums:
        return None
    most, at = max(sums)
    name, count = f"{series.namespace}/{series.metric}", sum(number for number, _at in sums)
    text = (
        f"{name} counted {count:g} refused sign-ins of everybody in the last {case.question.window_h} hours, {most:g} "
        f"of them in the {series.period_s // 60} minutes from {at}."
    )
    return Evidence("metric", text, at, source="cloudwatch")


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
