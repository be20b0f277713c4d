# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which guardrails an account has, and the calls that a service control policy would have stopped.

Private to this collection. What is refused makes its part unknown, with the reason.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import Names
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.drift import Delivery, State
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import TRAIL
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from .collect import Identity
from .scp import ScpCalls
from .session import AwsError, Session, api_name, failure_of, failures
from .trail import Event, Lookup, look_up

__all__ = ["Wishes", "look_back", "read_state"]

_NO_GROUP = (
    "no trail of this account that is of all regions delivers to a log group of CloudWatch Logs in this region, so "
    "that there is nothing to count sign-ins in: have one deliver there, or name the log group"
)
_MISSING = ("NoSuchEntity", "NotFound", "NotFoundException", "ResourceNotFoundException")


class Wishes(NamedTuple):
    """What is looked for; ``groups`` are those that are to have a policy, by part."""

    names: Names
    log_group: str
    groups: Mapping[str, Tuple[str, ...]]


class _Group(NamedTuple):
    """A log group, the trail that fills it, whether it is there, and the metric filter that it holds."""

    name: str
    delivery: Optional[Delivery] = None
    there: bool = False
    metric_filter: Optional[Mapping[str, Any]] = None


class _Asked(NamedTuple):
    identity: Identity
    names: Names
    log_group: str
    groups: Mapping[str, Tuple[str, ...]]


def read_state(session: Session, identity: Identity, parts: Iterable[str], wishes: Wishes) -> State:
    """Return what the account has of some parts."""
    asked = _Asked(identity, *wishes)
    state = State()
    unread: Dict[str, str] = {}
    for part in parts:
        try:
            state = _READERS[part](session, asked, state)
        except IamError as exc:
            unread[part] = str(exc)
    return state._replace(unread=unread)


def _tried(client: Any, operation: str, **parameters: Any) -> Optional[Dict[str, Any]]:
    """Make a call; None where what it is about is not there."""
    try:
        answer: Dict[str, Any] = getattr(client, operation)(**parameters)
    except failures() as exc:
        failure = failure_of(exc, api_name(client, operation))
        if failure.code in _MISSING:
            return None
        raise AwsError(str(failure)) from exc
    return answer


def _all(client: Any, operation: str, key: str, **parameters: Any) -> List[Any]:
    try:
        return [one for page in client.get_paginator(operation).paginate(**parameters) for one in page[key]]
    except failures() as exc:
        raise AwsError(str(failure_of(exc, api_name(client, operation)))) from exc


def _identity_policy(part: str, session: Session, asked: _Asked, state: State) -> State:
    client, name = session.client("iam"), getattr(asked.names, part)
    for group in asked.groups.get(part, ()):
        if _tried(client, "get_group", GroupName=group, MaxItems=1) is None:
            raise AwsError(f"there is no group {group} that {name} could be given to: check the name, without its path")
    arn = f"arn:{asked.identity.partition}:iam::{asked.identity.account}:policy/{name}"
    found = _tried(client, "get_policy", PolicyArn=arn)
    if found is None:
        # Names are there once in an account, whatever their path, and a policy is changed by its name.
        local = _all(client, "list_policies", "Policies", Scope="Local")
        there = {one["PolicyName"]: one["Arn"] for one in local if one["PolicyName"] == name}
        return state._replace(elsewhere={**state.elsewhere, **there})
    version = _tried(client, "get_policy_version", PolicyArn=arn, VersionId=found["Policy"]["DefaultVersionId"])
    if version is None:
        return state
    groups = _all(client, "list_entities_for_policy", "PolicyGroups", PolicyArn=arn, EntityFilter="Group")
    held = (version["PolicyVersion"]["Document"], tuple(one["GroupName"] for one in groups))
    return state._replace(policies={**state.policies, name: held})


def _service_control(session: Session, asked: _Asked, state: State) -> State:
    found = ScpCalls(session.client("organizations")).find(asked.names.scp)
    return state if found is None else state._replace(scp=(found.document, found.targets))


def _config_rules(session: Session, _asked: _Asked, state: State) -> State:
    client = session.client("config")
    rules = _all(client, "describe_config_rules", "ConfigRules")
    recorders = _tried(client, "describe_configuration_recorders") or {}
    if not recorders.get("ConfigurationRecorders"):
        raise AwsError(
            f"AWS Config has no recorder in {session.region}, and takes no rules without one: set it up "
            "(community.aws.config_recorder, config_delivery_channel), or leave out config_rules"
        )
    return state._replace(config_rules=tuple(rules))


def _login_alarm(session: Session, asked: _Asked, state: State) -> State:
    name = asked.names.sign_in
    group = _log_group(session, asked)
    alarms = _tried(session.client("cloudwatch"), "describe_alarms", AlarmNames=[name]) or {}
    region = session.client("sns").meta.region_name
    topic = f"arn:{asked.identity.partition}:sns:{region}:{asked.identity.account}:{name}"
    there = _tried(session.client("sns"), "get_topic_attributes", TopicArn=topic) is not None
    heard: List[Any] = []
    if there:
        listed = _all(session.client("sns"), "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic)
        heard = [one for one in listed if one["SubscriptionArn"] != "Deleted"]
    return state._replace(
        log_group=group.name if group.there else "",
        delivery=group.delivery,
        no_log_group=f"there is no log group {group.name} in {session.region}" if group.name else _NO_GROUP,
        metric_filter=group.metric_filter,
        alarm=next(iter(alarms.get("MetricAlarms", ())), None),
        topic=topic,
        has_topic=there,
        subscriptions=tuple((one["Protocol"], one["Endpoint"]) for one in heard),
        pending=tuple(one["Endpoint"] for one in heard if one["SubscriptionArn"] == "PendingConfirmation"),
    )


def _log_group(session: Session, asked: _Asked) -> _Group:
    """Return the log group of the filter: the one that holds it already, whichever trail is logging at the moment."""
    named: Dict[str, Optional[Delivery]] = {asked.log_group: None} if asked.log_group else {}
    filled = _filled(session, asked) or named
    groups = [_group(session, name, delivery, asked.names.sign_in) for name, delivery in filled.items()]
    return min(groups, key=lambda one: one.metric_filter is None, default=_Group(""))


def _group(session: Session, name: str, delivery: Optional[Delivery], wanted: str) -> _Group:
    answer = _tried(session.client("logs"), "describe_metric_filters", logGroupName=name, filterNamePrefix=wanted)
    found = [one for one in (answer or {}).get("metricFilters", ()) if one["filterName"] == wanted]
    return _Group(name, delivery, answer is not None, next(iter(found), None))


def _filled(session: Session, asked: _Asked) -> Dict[str, Optional[Delivery]]:
    """Return log groups with the trail that fills each: one that works before one that does not.

    A group has to be in this account and region. It is the one that was named, whatever trail delivers to it, or those
    of trails of all regions: the region of a sign-in varies with the address and the browser's cookies, and a trail of
    one region misses most.
    """
    answer = _tried(session.client("cloudtrail"), "describe_trails") or {}
    here = f":logs:{session.region}:{asked.identity.account}:log-group:"
    found: List[Tuple[str, Delivery]] = []
    for trail in answer.get("trailList", ()):
        arn = trail.get("CloudWatchLogsLogGroupArn", "")
        group = arn.partition(":log-group:")[2].split(":")[0] if here in arn else ""
        if group and (group == asked.log_group if asked.log_group else trail.get("IsMultiRegionTrail")):
            found.append((group, _delivery(session, trail)))
    # Those that work first, then those not known.
    found.sort(key=lambda one: (one[1].works is False, one[1].works is None))
    best: Dict[str, Optional[Delivery]] = {}
    for group, delivery in found:
        best.setdefault(group, delivery)
    return best


def _delivery(session: Session, trail: Mapping[str, Any]) -> Delivery:
    """Say whether a trail is logging, and what keeps it from delivering.

    It may be of another region, and is then known by its ARN alone.
    """
    arn = trail.get("TrailARN", "")
    name = trail.get("Name") or arn
    try:
        status = _tried(session.client("cloudtrail"), "get_trail_status", Name=arn or name)
    except IamError as exc:
        return Delivery(name, reason=str(exc))
    if not status:
        return Delivery(name, reason="it is gone")
    return Delivery(
        name,
        logging=bool(status.get("IsLogging")),
        error=status.get("LatestCloudWatchLogsDeliveryError") or "",
        one_region=not trail.get("IsMultiRegionTrail"),
    )


_Reader = Callable[[Session, _Asked, State], State]
_READERS: Dict[str, _Reader] = {
    "self_management": partial(_identity_policy, "self_management"),
    "resync_only": partial(_identity_policy, "resync_only"),
    "scp": _service_control,
    "config_rules": _config_rules,
    "login_alarm": _login_alarm,
}


def look_back(
    session: Session,
    regions: Sequence[str],
    names: Optional[Sequence[str]],
    lookup: Lookup,
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> Tuple[Event, ...]:
    """Return the records of some events, without names of all. Two calls a second."""
    # AssumeRole counts as a call that only reads.
    everything = [("ReadOnly", "false"), ("ReadOnly", "true")]
    wanted = everything if names is None else [("EventName", name) for name in names]
    found: List[Event] = []
    for region in regions:
        client = session.client("cloudtrail", region)
        for number, attribute in enumerate(wanted):
            say(f"CloudTrail in {region}: {attribute[1]} ({number + 1} of {len(wanted)}), {len(found)} records so far")
            try:
                found.extend(look_up(session, client, attribute, lookup, sleep))
            except failures() as exc:
                session.note_failure(TRAIL, failure_of(exc, api_name(client, "lookup_events")), subject=attribute[1])
                break  # refused once, refused for all names
    return tuple(found)
