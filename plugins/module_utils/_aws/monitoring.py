# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What watches over MFA in a region: AWS Config rules, metric filters for logins, their alarms and subscribers.

Private to this collection.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import ALARM_TOPICS, METRIC_ALARMS
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import CONFIG_RULES, METRIC_FILTERS

from .session import Session, api_name
from .shape import ALARM, CONFIG_RULE, METRIC_FILTER, SUBSCRIPTION, keep

__all__ = ["RegionClients", "Watch", "read_config_rules", "read_watch"]

# What a filter has to mention to be about logins or MFA, in any case: a wrong case is a finding.
_ABOUT = ("login", "mfa")
_TOPIC = ":sns:"

Entry = Dict[str, Any]


class RegionClients(NamedTuple):
    """The clients of one region."""

    region: str
    config: Any
    logs: Any
    cloudwatch: Any
    sns: Any


class Watch(NamedTuple):
    """The metric filters of a region and what hangs on them; None where it could not be read."""

    filters: Optional[List[Entry]]
    alarms: Optional[List[Entry]]
    topics: Optional[Dict[str, List[Entry]]]


def read_config_rules(session: Session, clients: RegionClients) -> Optional[List[Entry]]:
    """Return the rules of AWS Config."""
    found = session.everything(
        CONFIG_RULES, clients.config, "describe_config_rules", ("ConfigRules",), region=clients.region
    )
    return None if found is None else [keep(rule, CONFIG_RULE, Region=clients.region) for rule in found["ConfigRules"]]


def read_watch(session: Session, clients: RegionClients) -> Watch:
    """Return the filters that are about logins, the alarms on their metrics, and who hears those."""
    found = session.everything(
        METRIC_FILTERS, clients.logs, "describe_metric_filters", ("metricFilters",), region=clients.region
    )
    if found is None:
        for part in (METRIC_ALARMS, ALARM_TOPICS):
            session.note(part, f"the metric filters of {clients.region} could not be read")
        return Watch(None, None, None)
    filters = [
        keep(entry, METRIC_FILTER, region=clients.region)
        for entry in found["metricFilters"]
        if any(word in entry.get("filterPattern", "").lower() for word in _ABOUT)
    ]
    alarms = _alarms(session, clients, filters)
    if alarms is None:
        session.note(ALARM_TOPICS, f"the alarms of {clients.region} could not be read")
    return Watch(filters, alarms, None if alarms is None else _topics(session, clients, alarms))


def _alarms(session: Session, clients: RegionClients, filters: List[Entry]) -> Optional[List[Entry]]:
    metrics = {
        (metric["metricNamespace"], metric["metricName"])
        for entry in filters
        for metric in entry.get("metricTransformations", ())
    }
    alarms: List[Entry] = []
    for namespace, name in sorted(metrics):
        answer = session.attempt(
            METRIC_ALARMS,
            partial(_alarms_of, clients.cloudwatch, namespace, name),
            api=api_name(clients.cloudwatch, "describe_alarms_for_metric"),
            region=clients.region,
        )
        if answer is None:
            return None
        alarms.extend(keep(alarm, ALARM) for alarm in answer)
    return alarms


def _alarms_of(client: Any, namespace: str, name: str) -> List[Entry]:
    found: List[Entry] = client.describe_alarms_for_metric(Namespace=namespace, MetricName=name)["MetricAlarms"]
    return found


def _topics(session: Session, clients: RegionClients, alarms: List[Entry]) -> Dict[str, List[Entry]]:
    wanted = {action for alarm in alarms for action in alarm.get("AlarmActions", ()) if _TOPIC in action}
    topics: Dict[str, List[Entry]] = {}
    for topic in sorted(wanted):
        found = session.everything(
            ALARM_TOPICS, clients.sns, "list_subscriptions_by_topic", ("Subscriptions",), subject=topic, TopicArn=topic
        )
        if found is not None:
            topics[topic] = [keep(entry, SUBSCRIPTION) for entry in found["Subscriptions"]]
    return topics
