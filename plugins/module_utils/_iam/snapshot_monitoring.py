# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Config rules, metric filters with their alarms and subscribers, and CloudTrail records, out of a snapshot.

Private to this collection.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .account import Alarm, ConfigRule, MetricFilter
from .snapshot_values import Malformed, array, each, mapping, maybe_text, names, text, unwrapped

__all__ = [
    "WatchedAlarm",
    "join_alarms",
    "read_alarms",
    "read_config_rules",
    "read_filters",
    "read_topics",
    "read_trail_events",
]

_TOPIC = ":sns:"
# A subscription that nobody confirmed, or that was deleted, has no ARN.
_ARN = "arn:"


class WatchedAlarm(NamedTuple):
    """An alarm and the metrics that it watches, as (namespace, name)."""

    alarm: Alarm
    metrics: Tuple[Tuple[str, str], ...]
    region: str


def read_config_rules(part: Any) -> Tuple[ConfigRule, ...]:
    """Read the entries of DescribeConfigRules."""
    return each(unwrapped(part, "ConfigRules"), _config_rule)


def read_filters(part: Any) -> Tuple[MetricFilter, ...]:
    """Read the entries of DescribeMetricFilters; no alarms yet."""
    return each(unwrapped(part, "metricFilters"), _filter)


def read_alarms(part: Any) -> Tuple[WatchedAlarm, ...]:
    """Read the metric alarms of DescribeAlarms."""
    return each(unwrapped(part, "MetricAlarms"), _alarm)


def read_topics(part: Any) -> Mapping[str, int]:
    """Count the confirmed subscriptions of each topic, from the answers of ListSubscriptionsByTopic by topic."""
    counts: Dict[str, int] = {}
    for topic, entries in mapping(part).items():
        try:
            arns = each(unwrapped(entries, "Subscriptions"), _subscription)
        except Malformed as exc:
            raise Malformed(f"[{topic!r}]{exc}") from None
        counts[topic] = sum(arn.startswith(_ARN) for arn in arns)
    return counts


def join_alarms(
    filters: Tuple[MetricFilter, ...], alarms: Tuple[WatchedAlarm, ...], topics: Optional[Mapping[str, int]]
) -> Tuple[MetricFilter, ...]:
    """Give each filter the alarms that watch one of its metrics in its region."""
    watching: Dict[Tuple[str, str], List[WatchedAlarm]] = {}
    for watched in alarms:
        for metric in watched.metrics:
            watching.setdefault(metric, []).append(watched)
    return tuple(
        item._replace(
            alarms=tuple(
                watched.alarm._replace(subscribers=_subscribers(watched.alarm.actions, topics))
                for metric in item.metrics
                for watched in watching.get(metric, ())
                if not item.region or not watched.region or item.region == watched.region
            )
        )
        for item in filters
    )


def read_trail_events(part: Any) -> Tuple[Mapping[str, Any], ...]:
    """Read CloudTrail records, whether they come bare, from a log file or from LookupEvents."""
    return each(unwrapped(part, "Events", "Records"), _event)


def _config_rule(entry: Any) -> ConfigRule:
    source = entry.get("Source") if isinstance(entry, dict) else None
    source = mapping(source) if source else {}
    return ConfigRule(
        name=text(entry, "ConfigRuleName"),
        identifier=maybe_text(source, "SourceIdentifier") or "",
        owner=maybe_text(source, "Owner") or "",
        state=maybe_text(entry, "ConfigRuleState") or "",
        region=maybe_text(entry, "Region") or _region_of(maybe_text(entry, "ConfigRuleArn")),
    )


def _filter(entry: Any) -> MetricFilter:
    return MetricFilter(
        name=text(entry, "filterName"),
        pattern=maybe_text(entry, "filterPattern") or "",
        log_group=maybe_text(entry, "logGroupName") or "",
        metrics=array(entry, "metricTransformations", _metric),
        region=maybe_text(entry, "region") or "",
    )


def _metric(entry: Any) -> Tuple[str, str]:
    return text(entry, "metricNamespace"), text(entry, "metricName")


def _alarm(entry: Any) -> WatchedAlarm:
    enabled = mapping(entry).get("ActionsEnabled", True)
    alarm = Alarm(text(entry, "AlarmName"), enabled is True, names(entry, "AlarmActions"))
    metrics: List[Tuple[str, str]] = [metric for metric in array(entry, "Metrics", _queried) if metric is not None]
    if entry.get("MetricName"):
        metrics.append((text(entry, "Namespace"), text(entry, "MetricName")))
    return WatchedAlarm(alarm, tuple(metrics), _region_of(maybe_text(entry, "AlarmArn")))


def _queried(query: Any) -> Optional[Tuple[str, str]]:
    """Return what a metric query reads; an expression reads nothing itself."""
    stat = mapping(query).get("MetricStat")
    metric = mapping(stat).get("Metric") if stat else None
    return (text(metric, "Namespace"), text(metric, "MetricName")) if metric else None


def _subscription(entry: Any) -> str:
    return text(entry, "SubscriptionArn")


def _subscribers(actions: Tuple[str, ...], topics: Optional[Mapping[str, int]]) -> Optional[int]:
    wanted = [action for action in actions if _TOPIC in action]
    if topics is None or any(topic not in topics for topic in wanted):
        return None
    return sum(topics[topic] for topic in wanted)


def _event(entry: Any) -> Mapping[str, Any]:
    inner = mapping(entry).get("CloudTrailEvent")
    try:
        record = mapping(entry if inner is None else json.loads(inner))
    except (TypeError, ValueError, RecursionError) as exc:
        raise Malformed(f".CloudTrailEvent is not JSON: {exc}") from None
    text(record, "eventName")  # without one it is something else, and nothing would be found in it
    return record


def _region_of(arn: Optional[str]) -> str:
    parts = (arn or "").split(":", 4)
    return parts[3] if len(parts) > 4 else ""
