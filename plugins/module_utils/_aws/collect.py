# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect an account into a snapshot: pages and one call for each user who may hold a device, never one for each role.

Private to this collection. A call that fails is a gap in the snapshot, and everything else goes on.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    ALARM_TOPICS,
    CREDENTIAL_REPORT,
    METRIC_ALARMS,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import (
    AUTHORIZATION,
    CONFIG_RULES,
    DEVICES,
    METRIC_FILTERS,
    NOT_ASKED,
    ORGANIZATION,
    SUMMARY,
    TRAIL,
    VIRTUAL,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.credential_report import credential_rows
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

from .devices import Reported, holders_to_ask, list_devices
from .monitoring import RegionClients, Watch, read_config_rules, read_watch
from .organization import read_organization
from .session import AwsError, ClientFactory, Session, api_name, failure_of, failures
from .shape import DETAILS, keep, moment
from .shape import VIRTUAL as VIRTUAL_SHAPE
from .trail import Lookup, home_region, read_trail

__all__ = ["CollectOptions", "Identity", "collect", "identify"]

_PAGE = {"PageSize": 1000}
_REPORT_SECONDS = 2.0
_REPORT_TRIES = 30
_REPORT_WAITS = ("ReportInProgress", "ReportNotPresent")

Entries = List[Dict[str, Any]]


class CollectOptions(NamedTuple):
    """What to collect, and how hard to try."""

    region: str = "us-east-1"  # signs the calls; GovCloud and China need one of theirs
    regions: Tuple[str, ...] = ()  # where to look for Config rules and metric filters; () means in ``region``
    organization: bool = True
    monitoring: bool = True
    trail_hours: int = 0  # 0: leave CloudTrail alone; it takes two calls a second
    trail_pages: int = 20  # of 50 events, for each name of an event
    users: Optional[Tuple[str, ...]] = None  # only their devices, and nothing that is about all users; (): no devices
    workers: int = 8
    attempts: int = 10  # at each request, the first one included, with adaptive waits between them


DEFAULTS = CollectOptions()


class Identity(NamedTuple):
    """Whose account it is, and in which partition."""

    account: str
    partition: str


def collect(
    client_factory: ClientFactory,
    options: CollectOptions = DEFAULTS,
    progress: Callable[[str], None] = lambda _message: None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Dict[str, Any]:
    """Return the snapshot of an account: JSON, without anything secret, gaps under coverage_gaps.

    ``client_factory`` is AnsibleAWSModule.client or something like it. ``progress`` is called from several threads.
    """
    session = Session(client_factory, region=options.region, workers=options.workers, attempts=options.attempts)
    identity = identify(session)
    snapshot: Dict[str, Any] = {
        "account_id": identity.account,
        "partition": identity.partition,
        "collected_at": moment(datetime.now(timezone.utc)),
    }
    with ThreadPoolExecutor(max_workers=options.workers) as executor:
        snapshot.update(_Collection(session, options, progress, sleep, executor).parts(identity.partition))
    return {
        **{key: value for key, value in snapshot.items() if value is not None},
        "coverage_gaps": sorted(session.gaps, key=lambda gap: (gap["part"], gap.get("subject", ""), gap["reason"])),
        "api_calls": session.calls,
        "api_retries": session.retries,
    }


def identify(session: Session) -> Identity:
    """Return whose account it is."""
    client = session.client("sts")
    try:
        caller = client.get_caller_identity()
    except failures() as exc:
        failure = failure_of(exc, api_name(client, "get_caller_identity"))
        raise AwsError(
            f"AWS does not say whose account this is, so nothing was done: {failure}. This call needs no"
            " permission: check the credentials, the region and the way to the endpoint."
        ) from exc
    return Identity(caller["Account"], caller["Arn"].split(":")[1])


class _Collection:
    """One run. All clients are made here, in the thread that runs the module; the calls go out from several."""

    def __init__(
        self,
        session: Session,
        options: CollectOptions,
        progress: Callable[[str], None],
        sleep: Callable[[float], None],
        executor: Executor,
    ) -> None:
        self._session = session
        self._options = options
        self._progress = progress
        self._sleep = sleep
        self._executor = executor
        self._iam = session.client("iam")

    def parts(self, partition: str) -> Dict[str, Any]:
        """Return everything but the heading."""
        submit = self._executor.submit
        details = submit(self._details)
        if self._options.users is not None:
            return self._of_some(self._options.users, details, partition)
        virtual = submit(self._virtual)
        report = submit(self._report)
        summary = submit(self._summary)
        others = [submit(read) for read in self._elsewhere(partition)]
        found: Dict[str, Any] = {
            AUTHORIZATION: details.result(),
            VIRTUAL: virtual.result(),
            SUMMARY: summary.result(),
        }
        reported = report.result()
        found[CREDENTIAL_REPORT] = None if reported is None else reported.rows
        found[DEVICES] = self._devices(found[AUTHORIZATION], found[VIRTUAL], reported)
        for other in others:
            _merge(found, other.result())
        return found

    def _of_some(self, users: Tuple[str, ...], details: Any, partition: str) -> Dict[str, Any]:
        others = [self._executor.submit(read) for read in self._elsewhere(partition)]
        for part in (SUMMARY, CREDENTIAL_REPORT, DEVICES, *(() if users else (VIRTUAL,))):
            self._session.note(part, NOT_ASKED)
        found: Dict[str, Any] = {}
        if users:
            found[VIRTUAL] = self._virtual()
            workers = self._options.workers
            found[DEVICES] = list_devices(self._session, list(users), self._executor, workers, self._progress)
        found[AUTHORIZATION] = details.result()
        for other in others:
            _merge(found, other.result())
        return found

    def _details(self) -> Optional[Dict[str, Entries]]:
        found = self._session.everything(
            AUTHORIZATION, self._iam, "get_account_authorization_details", tuple(DETAILS), PaginationConfig=_PAGE
        )
        if found is None:
            return None
        self._progress("users, groups, roles and policies")
        return {name: [keep(entry, shape) for entry in found[name]] for name, shape in DETAILS.items()}

    def _virtual(self) -> Optional[Entries]:
        found = self._session.everything(
            VIRTUAL,
            self._iam,
            "list_virtual_mfa_devices",
            ("VirtualMFADevices",),
            AssignmentStatus="Any",
            PaginationConfig=_PAGE,
        )
        self._progress("virtual MFA devices")
        return None if found is None else [keep(entry, VIRTUAL_SHAPE) for entry in found["VirtualMFADevices"]]

    def _summary(self) -> Optional[Dict[str, int]]:
        summary = self._session.attempt(
            SUMMARY, lambda: dict(self._iam.get_account_summary()["SummaryMap"]), api="iam:GetAccountSummary"
        )
        self._progress("account summary")
        return summary

    def _report(self) -> Optional[Reported]:
        report = self._session.attempt(CREDENTIAL_REPORT, self._generated_report, api="iam:GetCredentialReport")
        self._progress("credential report")
        return report

    def _generated_report(self) -> Optional[Reported]:
        # COMPLETE at once means one of the last four hours.
        fresh = self._iam.generate_credential_report()["State"] != "COMPLETE"
        for _try in range(_REPORT_TRIES):
            try:
                content = self._iam.get_credential_report()["Content"]
            except failures() as exc:
                if failure_of(exc, "").code not in _REPORT_WAITS:
                    raise
                self._sleep(_REPORT_SECONDS)
            else:
                return self._reported(content, fresh=fresh)
        self._session.note(CREDENTIAL_REPORT, f"not ready after {_REPORT_TRIES} tries", api="iam:GetCredentialReport")
        return None

    def _reported(self, content: bytes, *, fresh: bool) -> Optional[Reported]:
        try:
            return Reported(credential_rows(content.decode("utf-8")), fresh)
        except (IamError, UnicodeDecodeError) as exc:
            self._session.note(CREDENTIAL_REPORT, f"what came{exc}", api="iam:GetCredentialReport")
            return None

    def _devices(
        self, details: Optional[Dict[str, Entries]], virtual: Optional[Entries], report: Optional[Reported]
    ) -> Optional[Dict[str, Entries]]:
        if details is None:
            self._session.note(DEVICES, "the users could not be listed")
            return None
        holders = {device.get("User", {}).get("UserName") for device in virtual or ()}
        users = [user["UserName"] for user in details["UserDetailList"]]
        ask = holders_to_ask(users, holders, report)
        return list_devices(self._session, ask, self._executor, self._options.workers, self._progress)

    def _elsewhere(self, partition: str) -> List[Callable[[], Dict[str, Any]]]:
        """Return what is read beside IAM, each as a function for a thread, with its clients made."""
        reads: List[Callable[[], Dict[str, Any]]] = []
        if self._options.organization:
            reads.append(self._organization(self._session.client("organizations")))
        else:
            self._session.note(ORGANIZATION, NOT_ASKED)
        if self._options.monitoring:
            for region in dict.fromkeys(self._options.regions or (self._options.region,)):
                reads.extend(self._monitoring(region))
        else:
            for part in (CONFIG_RULES, METRIC_FILTERS, METRIC_ALARMS, ALARM_TOPICS):
                self._session.note(part, NOT_ASKED)
        if self._options.trail_hours:
            region = home_region(partition, self._options.region)
            reads.append(self._trail(self._session.client("cloudtrail", region)))
        else:
            self._session.note(TRAIL, NOT_ASKED)
        return reads

    def _organization(self, client: Any) -> Callable[[], Dict[str, Any]]:
        def read() -> Dict[str, Any]:
            policies = read_organization(self._session, client)
            self._progress("service control policies")
            return {ORGANIZATION: policies}

        return read

    def _monitoring(self, region: str) -> List[Callable[[], Dict[str, Any]]]:
        clients = RegionClients(
            region, *(self._session.client(service, region) for service in ("config", "logs", "cloudwatch", "sns"))
        )

        def read_rules() -> Dict[str, Any]:
            rules = read_config_rules(self._session, clients)
            self._progress(f"AWS Config rules of {region}")
            return {CONFIG_RULES: rules}

        def read_alarms() -> Dict[str, Any]:
            watch: Watch = read_watch(self._session, clients)
            self._progress(f"metric filters of {region}")
            return {METRIC_FILTERS: watch.filters, METRIC_ALARMS: watch.alarms, ALARM_TOPICS: watch.topics}

        return [read_rules, read_alarms]

    def _trail(self, client: Any) -> Callable[[], Dict[str, Any]]:
        until = datetime.now(timezone.utc)
        lookup = Lookup(until - timedelta(hours=self._options.trail_hours), until, self._options.trail_pages)

        def read() -> Dict[str, Any]:
            events = read_trail(self._session, client, lookup, self._sleep)
            self._progress("CloudTrail events")
            return {TRAIL: events}

        return read


def _merge(found: Dict[str, Any], more: Dict[str, Any]) -> None:
    """Add a region's lists and objects to those of the regions before it."""
    for part, value in more.items():
        if value is None:
            continue
        before = found.get(part)
        if before is None:
            found[part] = value
        elif isinstance(before, dict):
            before.update(value)
        else:
            before.extend(value)
