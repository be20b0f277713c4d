# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live account can tell about one user's MFA: records, metrics, AWS's own health, beside the snapshot.

Private to this collection. A call that is refused makes its part Unknown, or leaves a gap in it, and nothing else.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Union

from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    HealthEvent,
    Known,
    MetricSeries,
    Unknown,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import TRAIL

from .collect import CollectOptions, collect
from .mfa_metrics import HEALTH, METRICS, read_health, read_metrics
from .session import ClientFactory, Session
from .trail import home_region
from .trail_search import History, InsightsQuery, LakeQuery, Wanted, search

__all__ = ["LiveAccount", "LiveOptions", "Metrics", "Records"]

_WORKERS = 8
_ATTEMPTS = 10


class LiveOptions(NamedTuple):
    """What to ask, and where."""

    user: str
    names: Tuple[str, ...]  # of events, whoever caused them
    device_names: Tuple[str, ...] = ()  # of events of devices: looked for as far back as the event history goes
    region: str = "us-east-1"  # signs the calls
    regions: Tuple[str, ...] = ()  # besides: where sign-ins may be recorded, and metrics be
    organization: bool = True
    log_group: str = ""  # asked by Logs Insights in the place of the event history
    event_data_store: str = ""  # asked by CloudTrail Lake in the place of the event history
    pages: int = 20  # of 50 events of the event history, for each attribute


class Records(NamedTuple):
    """CloudTrail's records, and what is missing in them."""

    found: Union[Known[Tuple[Mapping[str, Any], ...]], Unknown]
    gaps: Tuple[Unknown, ...] = ()


class Metrics(NamedTuple):
    """The metrics that count refused sign-ins, and what is missing in them: a region that refused, say."""

    found: Union[Known[Tuple[MetricSeries, ...]], Unknown]
    gaps: Tuple[Unknown, ...] = ()


class LiveAccount:
    """The account of the credentials that a factory makes clients with."""

    def __init__(
        self,
        factory: ClientFactory,
        options: LiveOptions,
        progress: Callable[[str], None] = lambda _message: None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._factory = factory
        self._options = options
        self._progress = progress
        self._sleep = sleep
        self._session = Session(factory, region=options.region, workers=_WORKERS, attempts=_ATTEMPTS)
        self._calls: Counter[str] = Counter()
        self._home = options.region
        self._looked_at_devices = False

    @property
    def calls(self) -> Dict[str, int]:
        """How often each API was called."""
        return dict(sorted((self._calls + Counter(self._session.calls)).items()))

    def snapshot(self) -> Mapping[str, Any]:
        """Collect the user, its devices and policies. Raises AwsError when AWS does not say whose account it is."""
        found = collect(
            self._factory,
            CollectOptions(
                region=self._options.region,
                organization=self._options.organization,
                monitoring=False,
                users=(self._options.user,),
            ),
            self._progress,
            sleep=self._sleep,
        )
        self._calls.update(found["api_calls"])
        self._home = home_region(found["partition"], self._options.region)
        return found

    def records(self, since_s: float, until_s: float) -> Records:
        """Return CloudTrail's records of a span of time."""
        before = len(self._session.gaps)
        source = self._source()
        # What was looked for in all of the event history needs no second look.
        devices = () if self._looked_at_devices and isinstance(source, History) else self._options.device_names
        self._looked_at_devices = True
        wanted = Wanted(self._options.user, self._options.names, _utc(since_s), _utc(until_s), devices)
        found = search(source, wanted)
        gaps = tuple(_unknown(gap) for gap in self._session.gaps[before:])
        if found is None:
            return Records(gaps[0] if gaps else Unknown("CloudTrail answered nothing"))
        return Records(Known(tuple(found)), gaps)

    def metrics(self, since_s: float, until_s: float) -> Metrics:
        """Return the metrics that count refused sign-ins, of all regions."""
        series: List[MetricSeries] = []
        for region in self._regions():
            self._progress(f"metric filters of {region}")
            found = read_metrics(self._session, region, _utc(since_s), _utc(until_s))
            series.extend(found or ())
        gaps = self._gaps(METRICS)
        # Without any series, one region that is not known is too many to say that there is no metric.
        return Metrics(gaps[0], gaps[1:]) if gaps and not series else Metrics(Known(tuple(series)), gaps)

    def health(self) -> Union[Known[Tuple[HealthEvent, ...]], Unknown]:
        """Return AWS's open events."""
        self._progress("AWS Health")
        found = read_health(self._session, self._home)
        gaps = (*self._gaps(HEALTH), Unknown("AWS Health answered nothing"))
        return gaps[0] if found is None else Known(tuple(found))

    def _gaps(self, part: str) -> Tuple[Unknown, ...]:
        return tuple(_unknown(gap) for gap in self._session.gaps if gap["part"] == part)

    def _regions(self) -> Sequence[str]:
        return list(dict.fromkeys((self._home, self._options.region, *self._options.regions)))

    def _source(self) -> Any:
        session, options = self._session, self._options
        if options.log_group:
            client = session.client("logs")
            return InsightsQuery(session, client, options.log_group, self._progress, self._sleep)
        if options.event_data_store:
            store = options.event_data_store.rpartition("/")[2]
            return LakeQuery(session, session.client("cloudtrail"), store, self._progress, self._sleep)
        clients = {region: session.client("cloudtrail", region) for region in self._regions()}
        return History(session, clients, options.pages, self._progress, self._sleep)


def _unknown(gap: Mapping[str, str]) -> Unknown:
    about = gap.get("subject", "")
    reason = f"{about}: {gap['reason']}" if about and gap["part"] == TRAIL else gap["reason"]
    return Unknown(reason, gap.get("api", ""), gap.get("code", ""))


def _utc(second: float) -> datetime:
    return datetime.fromtimestamp(second, timezone.utc)
