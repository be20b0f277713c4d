# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_diagnosis_info: from the parameters to what the module returns.

Private to this collection. Files, AWS and the time of day come in through DiagnosisPorts.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Protocol, Sequence, Tuple, Union

from ._aws.diagnosis import Metrics, Records
from ._aws.session import AwsError
from ._diagnosis.diagnose import diagnose
from ._diagnosis.error_text import read_error_text
from ._diagnosis.kinds import DENIED
from ._diagnosis.model import (
    WIDE_H,
    Diagnosis,
    Facts,
    HealthEvent,
    Known,
    Question,
    Unknown,
    to_dict,
)
from ._diagnosis.timeline import read_timeline
from ._iam.account import Account
from ._iam.errors import IamError
from ._iam.snapshot import account_from_snapshot, parse_snapshot
from ._mfa_diagnosis_facts import account_facts, host_of

__all__ = ["DiagnosisPorts", "Live", "run_diagnosis"]

_USER = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_STORE = re.compile(r"(?:arn:[\w:-]+/)?[A-Za-z0-9-]{3,64}")
_LOG_GROUP = re.compile(r"[A-Za-z0-9_/.#-]{1,512}")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_HOUR_S = 3600.0


class Live(Protocol):
    """The account of the credentials."""

    @property
    def calls(self) -> Dict[str, int]:
        """How often each API was called."""

    def snapshot(self) -> Mapping[str, Any]:
        """Collect the account. Raises AwsError."""

    def records(self, since_s: float, until_s: float) -> Records:
        """Return CloudTrail's records."""

    def metrics(self, since_s: float, until_s: float) -> Metrics:
        """Return the metrics that count refused sign-ins."""

    def health(self) -> Union[Known[Tuple[HealthEvent, ...]], Unknown]:
        """Return AWS's open events."""


class DiagnosisPorts(NamedTuple):
    """What the flow needs of the world. Functions that fail raise OSError or IamError."""

    read: Callable[[str], str]
    read_records: Callable[[Sequence[str]], List[Mapping[str, Any]]]  # of files and directories
    connect: Callable[[], Live]
    now: Callable[[], float]


def run_diagnosis(params: Mapping[str, Any], ports: DiagnosisPorts) -> Dict[str, Any]:
    """Collect what can be had, diagnose, look further back where nothing correlates, and return the result."""
    _check(params)
    given = _given(params, ports)
    if not params["user"]:
        return _result(diagnose(*given), None, {})
    if params["snapshot"]:
        account = account_from_snapshot(_parsed(params["snapshot"], ports))
        return _result(_offline(_with_role(_with_account(given, account, params), account)), account, {})
    return _live(given, params, ports)


class _Asked(NamedTuple):
    """A question, and what there is to answer it."""

    question: Question
    facts: Facts


def _check(params: Mapping[str, Any]) -> None:
    if not params["user"] and not (params["error_text"] or "").strip():
        raise IamError("user or error_text is needed: whose MFA fails, or what was said when it did")
    patterns = {"user": _USER, "event_data_store": _STORE, "log_group": _LOG_GROUP, "role_arn": _ROLE}
    for name, pattern in patterns.items():
        if params[name] and not pattern.fullmatch(params[name]):
            raise IamError(f"{name}: {params[name]!r} cannot be one")
    if params["trail_pages"] < 1:
        raise IamError(f"trail_pages is {params['trail_pages']}: at least 1 is needed")


def _given(params: Mapping[str, Any], ports: DiagnosisPorts) -> _Asked:
    """Take what the caller hands in."""
    pasted = read_error_text(params["error_text"] or "")
    question = Question(
        now_s=ports.now(),
        user=params["user"] or "",
        serial=params["serial"] or "",
        error_text=params["error_text"] or "",
        role_arn=params["role_arn"] or (pasted.role_arn if pasted else ""),
        region=params["region"] or "",
        profile=params["profile"] or "",
        host=params["host"] or "",
    )
    facts = Facts()
    if params["host_facts"]:
        facts = facts._replace(host=host_of(question.host, params["host_facts"]))
    elif question.host:
        facts = facts._replace(host=Unknown(f"{question.host} was not measured in this run"))
    records = [*ports.read_records(params["trail_files"] or ()), *(params["trail_events"] or ())]
    if records:
        facts = facts._replace(records=Known(tuple(records)))
    return _Asked(question, facts)


def _with_account(asked: _Asked, account: Account, params: Mapping[str, Any]) -> _Asked:
    question = asked.question._replace(account_id=account.account_id, partition=account.partition)
    facts = account_facts(asked.facts, account, params["user"], question.role_arn)
    if account.trail_events:
        facts = facts._replace(records=_joined(facts.records, Known(account.trail_events)))
    return _Asked(question, facts)


def _with_role(asked: _Asked, account: Account) -> _Asked:
    """Take the role of the last AssumeRole that was denied, where the caller names none: its trust policy counts."""
    question, records = asked.question, asked.facts.records
    if question.role_arn or isinstance(records, Unknown):
        return asked
    failures = read_timeline(records.value, question).failures
    role = next(
        (one.role_arn for one in reversed(failures) if one.kind == DENIED and _ROLE.fullmatch(one.role_arn)), ""
    )
    if not role:
        return asked
    facts = account_facts(asked.facts, account, question.user, role)
    return _Asked(question._replace(role_arn=role), facts)


def _offline(asked: _Asked) -> Diagnosis:
    diagnosis = diagnose(*asked)
    if _explains_nothing(diagnosis):
        return diagnose(asked.question._replace(window_h=WIDE_H), asked.facts)
    return diagnosis


def _explains_nothing(diagnosis: Diagnosis) -> bool:
    """Return whether to look further back: nothing correlates, or there is no failure that anything could explain."""
    told = diagnosis.failures or diagnosis.explanation
    return diagnosis.widen or (diagnosis.window_h < WIDE_H and not told)


def _live(given: _Asked, params: Mapping[str, Any], ports: DiagnosisPorts) -> Dict[str, Any]:
    live = ports.connect()
    try:
        account = account_from_snapshot(live.snapshot())
    except AwsError as exc:
        if not params["error_text"]:
            raise
        # The text tells something by itself.
        return _result(diagnose(given.question, _all_unknown(given.facts, str(exc))), None, live.calls)
    asked = _with_role(_observed(_with_account(given, account, params), params, live), account)
    diagnosis = diagnose(*asked)
    if _explains_nothing(diagnosis):
        asked = _with_role(_widened(asked, params, live), account)
        diagnosis = diagnose(*asked)
    return _result(diagnosis, account, live.calls)


def _all_unknown(facts: Facts, reason: str) -> Facts:
    """Say why nothing was collected; what the caller handed in stays."""
    unknown = Unknown(reason)
    return Facts(
        user=unknown,
        devices=unknown,
        inventory=unknown,
        policies=unknown,
        boundary=unknown,
        scps=unknown,
        trust=unknown,
        records=facts.records if isinstance(facts.records, Known) else unknown,
        metrics=unknown,
        health=unknown,
        host=facts.host,
    )


def _observed(asked: _Asked, params: Mapping[str, Any], live: Live) -> _Asked:
    question, facts = asked
    if params["trail"] != "none":
        found = live.records(question.since_s, question.now_s)
        facts = _with_records(facts, found)
    if params["monitoring"]:
        read = live.metrics(question.now_s - WIDE_H * _HOUR_S, question.now_s)
        facts = facts._replace(metrics=read.found, metric_gaps=read.gaps)
    if params["health"]:
        facts = facts._replace(health=live.health())
    return _Asked(question, facts)


def _widened(asked: _Asked, params: Mapping[str, Any], live: Live) -> _Asked:
    """Look further back. What was read before stays, whatever becomes of the rest."""
    wide = asked.question._replace(window_h=WIDE_H)
    if params["trail"] == "none" or isinstance(asked.facts.records, Unknown):
        return _Asked(wide, asked.facts)
    found = live.records(wide.since_s, asked.question.since_s)
    return _Asked(wide, _with_records(asked.facts, found))


def _with_records(facts: Facts, found: Records) -> Facts:
    gaps = (*facts.record_gaps, *found.gaps)
    if isinstance(found.found, Unknown) and isinstance(facts.records, Known):
        gaps = (*gaps, found.found)
    return facts._replace(records=_joined(facts.records, found.found), record_gaps=tuple(dict.fromkeys(gaps)))


def _joined(
    before: Union[Known[Tuple[Mapping[str, Any], ...]], Unknown],
    more: Union[Known[Tuple[Mapping[str, Any], ...]], Unknown],
) -> Union[Known[Tuple[Mapping[str, Any], ...]], Unknown]:
    if isinstance(before, Known):
        return Known((*before.value, *more.value)) if isinstance(more, Known) else before
    return more


def _parsed(path: str, ports: DiagnosisPorts) -> Mapping[str, Any]:
    try:
        return parse_snapshot(ports.read(path))
    except (OSError, UnicodeDecodeError) as exc:
        raise IamError(f"the snapshot {path} cannot be read: {exc}") from exc


def _result(diagnosis: Diagnosis, account: Optional[Account], calls: Mapping[str, int]) -> Dict[str, Any]:
    owner = None
    if account is not None:
        owner = {"id": account.account_id, "partition": account.partition, "collected_at": account.collected_at}
    return {**to_dict(diagnosis), "account": owner, "api_calls": dict(calls)}
