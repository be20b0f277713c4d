# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One case: the question, the facts and the timeline side by side, with what every cause asks of them.

Private to this collection.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, User
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import parse_serial

from . import kinds
from .error_text import ErrorText, read_error_text
from .model import Command, Evidence, Facts, Host, Known, Question
from .policy_view import PolicyView, view_of
from .redact import shown_serial
from .timeline import Failure, LifecycleEvent, Success, Timeline, pasted, read_timeline

__all__ = ["DOUBT", "Case", "Draft", "build_case", "of_failure", "of_failures", "of_lifecycle", "of_success"]

DOUBT = 0.85  # what each part that a cause rests on and that is not known leaves of its score
_MOST = 5  # events in the evidence of one cause
_MOST_REQUESTS = 20  # different ones that were denied, the last ones


class Draft(NamedTuple):
    """A cause before what is unknown was counted against it; ``rests_on`` names fields of Facts."""

    code: str
    title: str
    score: float
    evidence: Tuple[Evidence, ...]
    confirm: str
    next: Tuple[Command, ...]
    rests_on: Tuple[str, ...] = ()


class Case(NamedTuple):
    """Everything that a cause looks at. ``failures`` are those in the window, and the pasted one."""

    question: Question  # with what the error text names
    facts: Facts
    error: Optional[ErrorText]
    timeline: Timeline
    failures: Tuple[Failure, ...]
    policies: PolicyView

    def of(self, *wanted: str) -> Tuple[Failure, ...]:
        """Give the failures of some kinds."""
        return tuple(one for one in self.failures if one.kind in wanted)

    @property
    def devices(self) -> Optional[Tuple[Device, ...]]:
        """The user's devices; None where they are not known."""
        return self.facts.devices.value if isinstance(self.facts.devices, Known) else None

    @property
    def code_devices(self) -> Optional[Tuple[Device, ...]]:
        """Those of them that give codes."""
        devices = self.devices
        return None if devices is None else tuple(one for one in devices if parse_serial(one.serial).gives_codes)

    @property
    def own_serial(self) -> str:
        """The serial for a command: the one asked about or refused if it is the user's, else the user's own."""
        codes = self.code_devices
        if codes is None:
            return self.question.serial
        serials = [one.serial for one in codes]
        if self.question.serial in serials:
            return self.question.serial
        refused = [one.serial for one in self.of(kinds.CODE) if one.serial in serials]
        if refused:
            return refused[-1]
        # Of several, the newest: the older ones are spares, or what it replaced.
        newest = sorted(codes, key=lambda one: one.enabled_at or "")
        return newest[-1].serial if newest else ""

    @property
    def host(self) -> Optional[Host]:
        """The user's host, None where it was not measured."""
        return self.facts.host.value if isinstance(self.facts.host, Known) else None

    @property
    def user(self) -> Optional[User]:
        """The user, None where there is none or nobody knows."""
        return self.facts.user.value if isinstance(self.facts.user, Known) else None

    @property
    def user_arn(self) -> str:
        """The user's ARN; without a path where only the name is known."""
        if self.user is not None:
            return self.user.arn
        named = [one.principal for one in self.failures if ":user/" in one.principal]
        if named:
            return named[0]
        question = self.question
        if question.user and question.account_id:
            return f"arn:{question.partition}:iam::{question.account_id}:user/{question.user}"
        return ""

    @property
    def serials(self) -> Tuple[str, ...]:
        """The serials that the user's requests name, the one asked about first."""
        refused = [one.serial for one in self.of(kinds.SERIAL, kinds.NO_DEVICE, kinds.CODE) if one.serial]
        return tuple(dict.fromkeys(([self.question.serial] if self.question.serial else []) + refused))

    def requests(self) -> Tuple[Tuple[Optional[Request], Tuple[Failure, ...]], ...]:
        """Give the requests that policies refused, the last first, each with its refusals.

        Without a refusal it is the request that the question is about; None stands for one that nobody knows.
        """
        found: Dict[Optional[Tuple[str, str]], List[Failure]] = {}
        for one in reversed(self.of(kinds.DENIED)):
            action = one.action or (f"sts:{one.operation}" if one.operation in _OF_STS else "")
            role = (one.role_arn or self.question.role_arn) if action == "sts:AssumeRole" else ""
            found.setdefault((action, role) if action else None, []).insert(0, one)
        if not found:
            role = self.question.role_arn
            return ((self._request(("sts:AssumeRole", role)) if role else None, ()),)
        return tuple((self._request(key), tuple(failures)) for key, failures in list(found.items())[:_MOST_REQUESTS])

    def _request(self, key: Optional[Tuple[str, str]]) -> Optional[Request]:
        return None if key is None else Request(key[0], key[1] or None, self.user_arn or None)

    def lifecycle(self, *operations: str, serial: str = "") -> Tuple[LifecycleEvent, ...]:
        """Give what was done, with success, to a device, or to any of the user's."""
        return tuple(
            one
            for one in self.timeline.lifecycle
            if one.operation in operations
            and not one.error
            and (one.serial == serial if serial else bool(one.user) and one.user == self.question.user)
        )


_OF_STS = ("AssumeRole", "GetFederationToken")


def build_case(question: Question, facts: Facts) -> Case:
    """Lay everything side by side."""
    error = read_error_text(question.error_text)
    if error is not None:
        question = question._replace(
            user=question.user or error.user,
            serial=question.serial or error.serial,
            role_arn=question.role_arn or error.role_arn,
        )
    question = question._replace(serial=shown_serial(question.serial))
    records = facts.records.value if isinstance(facts.records, Known) else ()
    timeline = read_timeline(records, question)
    given = (pasted(error),) if error is not None and error.kind != kinds.UNKNOWN else ()
    return Case(question, facts, error, timeline, timeline.failures + given, view_of(facts))


# --- evidence --------------------------------------------------------------------------------------------------------


def of_failure(failure: Failure, text: str = "") -> Evidence:
    """Make evidence of a failure."""
    if not failure.time:
        return Evidence("error_text", text or f"The error text says: {_said(failure)}", source="error_text")
    return Evidence("failure", text or _said(failure), failure.time, failure.event_id, source="cloudtrail")


def _said(failure: Failure) -> str:
    where = f" for {failure.serial}" if failure.serial else ""
    said = ": ".join(part for part in (failure.operation, failure.code, failure.message) if part)
    return f"{said}{where}"


def of_failures(failures: Tuple[Failure, ...]) -> Tuple[Evidence, ...]:
    """Make evidence of the first and the last failures, and say how many there are."""
    pasted_ones = [one for one in failures if not one.time]
    recorded = [one for one in failures if one.time]
    shown = recorded if len(recorded) <= _MOST else recorded[:2] + recorded[-(_MOST - 2) :]
    found: List[Evidence] = [of_failure(one) for one in pasted_ones + shown]
    if len(recorded) > len(shown):
        text = f"{len(recorded)} such failures in all, from {recorded[0].time} to {recorded[-1].time}."
        found.append(Evidence("pattern", text, recorded[0].time, source="cloudtrail"))
    return tuple(found)


def of_success(success: Success, text: str) -> Evidence:
    """Make evidence of a success."""
    return Evidence("success", text, success.time, success.event_id, source="cloudtrail")


def of_lifecycle(event: LifecycleEvent, text: str = "") -> Evidence:
    """Make evidence of what was done to a device."""
    said = f"{event.operation} of {event.serial or 'a device'} by {event.by}."
    return Evidence("lifecycle", text or said, event.time, event.event_id, source="cloudtrail")
