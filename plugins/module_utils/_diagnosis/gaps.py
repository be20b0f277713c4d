# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis could not know, and what it did look at.

Private to this collection.
"""

from __future__ import annotations

from typing import Iterator, List, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.trail import seconds_of

from .case import Case
from .causes_clock import host_clock
from .model import Gap, Known, MetricSeries, Unknown

__all__ = ["gaps", "looked_at"]

_MATTERS = {
    "user": "whether the user exists, and its groups",
    "devices": "which devices the user has: stale, wrong and never enabled cannot be told apart",
    "inventory": "whether the serial exists with another user, or with none",
    "policies": "whether a policy asks for MFA, and whether its conditions can hold",
    "boundary": "whether the permissions boundary denies",
    "scps": "whether the organization's policies deny",
    "trust": "whether the role's trust policy asks for MFA, and whether anybody can meet it",
    "records": "when it began, how often, whom else, and what changed before",
    "metrics": "how often MFA fails by a metric; CloudWatch has none by itself",
    "health": "whether AWS has an event open",
    "host": "whether the clock that makes the codes is right",
}


def gaps(case: Case) -> Tuple[Gap, ...]:
    """List what is not known."""
    return tuple(_gaps(case))


def _gaps(case: Case) -> Iterator[Gap]:
    for part, matters in _MATTERS.items():
        value = getattr(case.facts, part)
        if isinstance(value, Unknown) and (part != "trust" or case.question.role_arn):
            yield Gap(part, value.reason, matters, value.api, value.error)
    for part, lost in (("records", case.facts.record_gaps), ("metrics", case.facts.metric_gaps)):
        for missing in lost:
            yield Gap(part, missing.reason, _MATTERS[part], missing.api, missing.error)
    for broken in case.policies.unreadable:
        yield Gap("policies", f"{broken.ref.kind} of {broken.ref.resource}: {broken.reason}", _MATTERS["policies"])
    for place in case.policies.places():
        if place.statement.malformed:
            yield Gap("policies", f"{place.text} is not as IAM writes it", _MATTERS["policies"])
    clock = host_clock(case)
    if clock.state == "unknown" and clock.host is not None:
        yield Gap("host", clock.reason, _MATTERS["host"])


def looked_at(case: Case) -> Tuple[str, ...]:
    """Say what was read and what it said, the good too."""
    found: List[str] = []
    if case.error is not None:
        found.append(f"Error text: {(case.error.said or 'nothing in it was recognised').rstrip('.')}.")
    for part, say in _SAYINGS:
        value = getattr(case.facts, part)
        if isinstance(value, Known):
            found.append(say(case, value.value))
    return tuple(found)


def _records(case: Case, _value: object) -> str:
    line = case.timeline
    hours, who = case.question.window_h, case.question.user or "anybody"
    return (
        f"CloudTrail: {line.records} records; in the last {hours} hours {len(line.failures)} refusals of "
        f"{who}, {len(line.others)} refused codes or serials of others, "
        f"{len(line.changes)} changes of policies. Devices: {len(line.lifecycle)} events."
    )


def _user(case: Case, value: object) -> str:
    return f"IAM user {case.question.user}: {'exists' if value is not None else 'does not exist'}."


def _devices(case: Case, _value: object) -> str:
    devices = case.devices or ()
    shown = ", ".join(one.serial + (f" since {one.enabled_at}" if one.enabled_at else "") for one in devices)
    return f"MFA devices of the user: {shown or 'none'}."


def _policies(case: Case, _value: object) -> str:
    documents = sum(len(layer.refs) for layer in case.policies.layers)
    asked, dead = len(case.policies.asked(None)), len(case.policies.dead(None))
    return f"Policies: {documents} documents, {asked} statements that ask for MFA, {dead} that nobody can meet."


def _metrics(case: Case, value: Tuple[MetricSeries, ...]) -> str:
    if not value:
        return "Metrics: no metric filter counts refused MFA, and AWS has no such metric by itself."
    return f"Metrics of refused sign-ins, of everybody: {'; '.join(_counted(case, one) for one in value)}."


def _counted(case: Case, series: MetricSeries) -> str:
    hours = ((case.question.window_h, f"{case.question.window_h} hours"), (1, "hour"))
    counts = [
        f"{sum(number for at, number in series.sums if seconds_of(at) >= case.question.now_s - back * 3600):g} "
        f"in the last {name}"
        for back, name in hours
    ]
    return f"{series.namespace}/{series.metric} {' and '.join(counts)}"


def _host(case: Case, _value: object) -> str:
    clock = host_clock(case)
    offset = clock.host.offset_s if clock.host is not None else None
    name = clock.host.name if clock.host is not None else ""
    figure = "" if offset is None else f", {offset:+.1f} s"
    return f"Clock of {name}: {clock.state}{figure}{': ' + clock.reason if clock.reason else ''}."


def _health(_case: Case, value: Tuple[object, ...]) -> str:
    return f"AWS Health: {len(value)} open events." if value else "AWS Health: no open event."


_SAYINGS = (
    ("user", _user),
    ("devices", _devices),
    ("policies", _policies),
    ("records", _records),
    ("metrics", _metrics),
    ("host", _host),
    ("health", _health),
)
