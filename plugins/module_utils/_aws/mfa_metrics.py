# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of refused MFA, and AWS Health's open events.

Private to this collection. CloudWatch has no metric of MFA by itself: there is one where somebody made a metric filter
over CloudTrail's log group, and none elsewhere.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import HealthEvent, MetricSeries

from .session import Session, api_name, failure_of, failures
from .shape import moment

__all__ = ["HEALTH", "METRICS", "counts_refusals", "read_health", "read_metrics"]

METRICS = "metrics"  # the parts that gaps are about
HEALTH = "health"

_PERIOD_S = 300
_SERVICES = ("IAM", "STS", "SIGNIN", "CONSOLE", "SSO")
_NO_PLAN = "SubscriptionRequiredException"


def counts_refusals(pattern: str) -> bool:
    """Return whether a filter counts sign-ins that failed, by what it looks for; case is not AWS's own everywhere."""
    text = pattern.lower()
    return "multifactorauthentication failed" in text or ("consolelogin" in text and "fail" in text)


def read_metrics(session: Session, region: str, since: datetime, until: datetime) -> Optional[List[MetricSeries]]:
    """Return the metrics that count refused sign-ins in a region; none, and no gap, where no filter makes one."""
    logs = session.client("logs", region)
    found = session.everything(METRICS, logs, "describe_metric_filters", ("metricFilters",), region=region)
    if found is None:
        return None
    wanted = [
        (entry["filterName"], made["metricNamespace"], made["metricName"])
        for entry in found["metricFilters"]
        if counts_refusals(entry.get("filterPattern", ""))
        for made in entry.get("metricTransformations", ())
    ]
    read = [_series(session, region, made, since, until) for made in wanted]
    return [series for series in read if series is not None] if any(read) or not wanted else None


def _series(
    session: Session, region: str, made: Tuple[str, str, str], since: datetime, until: datetime
) -> Optional[MetricSeries]:
    name, namespace, metric = made
    client = session.client("cloudwatch", region)
    asked = {"Metric": {"Namespace": namespace, "MetricName": metric}, "Period": _PERIOD_S, "Stat": "Sum"}
    queries = [{"Id": "refused", "MetricStat": asked, "ReturnData": True}]
    times: List[Tuple[str, float]] = []
    found = session.everything(
        METRICS, client, "get_metric_data", ("MetricDataResults",), region=region, subject=name,
        MetricDataQueries=queries, StartTime=since, EndTime=until,
    )  # fmt: skip
    if found is None:
        return None
    for result in found["MetricDataResults"]:
        times.extend(zip(map(moment, result["Timestamps"]), map(float, result["Values"])))
    return MetricSeries(name, namespace, metric, _PERIOD_S, tuple(sorted(times)))


def read_health(session: Session, region: str) -> Optional[List[HealthEvent]]:
    """Return the open events about IAM, STS and sign-in. The API is for those who pay for support; else it is a gap."""
    client = session.client("health", region)
    try:
        pages = list(
            client.get_paginator("describe_events").paginate(
                filter={"eventStatusCodes": ["open"], "eventTypeCategories": ["issue"]}
            )
        )
    except failures() as exc:
        failure = failure_of(exc, api_name(client, "describe_events"))
        reason = (
            "AWS Health answers accounts with a Business or Enterprise support plan only: look at its public page"
            if failure.code == _NO_PLAN
            else ""
        )
        session.note_failure(HEALTH, failure, reason=reason)
        return None
    events = [event for page in pages for event in page["events"]]
    return [_health_event(event) for event in events if str(event.get("service", "")).upper() in _SERVICES]


def _health_event(event: Dict[str, Any]) -> HealthEvent:
    return HealthEvent(
        event.get("arn", ""),
        event.get("service", ""),
        event.get("eventTypeCode", ""),
        event.get("region", ""),
        moment(event["startTime"]) if event.get("startTime") else "",
    )
