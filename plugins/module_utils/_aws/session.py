# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of one collection: clients made once, every call counted, every failure a gap.

Private to this collection.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, TypeVar

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError

try:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
except ImportError:
    # AnsibleAWSModule has said so before anything here is called.
    pass

__all__ = ["AwsError", "ClientFactory", "Failure", "Session", "failures"]

# (service, region=..., config=...) -> client; AnsibleAWSModule.client is one.
ClientFactory = Callable[..., Any]
Answer = TypeVar("Answer")

_MAX_MESSAGE = 300  # an encoded authorization message has thousands


class AwsError(IamError):
    """Without this call there is nothing to audit."""


class Failure(NamedTuple):
    """A call that failed for good."""

    api: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.api} failed: {self.code}: {self.message}"


def failures() -> Tuple[Any, ...]:
    """Return the exceptions that a call can end with: refused, not sent, or answered by something that is not AWS."""
    return (ClientError, BotoCoreError, ResponseParserError, KeyError)


class Session:
    """Makes clients that count their calls, and keeps what went wrong."""

    def __init__(self, factory: ClientFactory, *, region: str, workers: int, attempts: int) -> None:
        self.region = region
        self.gaps: List[Dict[str, str]] = []
        self._factory = factory
        self._config = Config(
            retries={"mode": "adaptive", "total_max_attempts": attempts},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=workers,
        )
        self._clients: Dict[Tuple[str, str], Any] = {}
        self._calls: Counter[str] = Counter()
        self._requests = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> Dict[str, int]:
        """How often each API was called; a page is a call, a retry is not."""
        return dict(sorted(self._calls.items()))

    @property
    def retries(self) -> int:
        """How many requests were sent again, after throttling or a fault on the way."""
        return self._requests - sum(self._calls.values())

    def client(self, service: str, region: Optional[str] = None) -> Any:
        """Return a client, made once. Not for threads: a factory may end the program where it cannot make one."""
        key = (service, region or self.region)
        if key not in self._clients:
            client = self._factory(service, region=key[1], config=self._config)
            client.meta.events.register("before-call", self._count_call)
            client.meta.events.register("before-send", self._count_request)
            self._clients[key] = client
        return self._clients[key]

    def attempt(
        self, part: str, call: Callable[[], Answer], *, api: str, subject: str = "", region: str = ""
    ) -> Optional[Answer]:
        """Make a call; None and a gap when it fails."""
        try:
            return call()
        except failures() as exc:
            self.note_failure(part, _placed(failure_of(exc, api), region), subject=subject)
            return None

    def everything(
        self,
        part: str,
        client: Any,
        operation: str,
        keys: Tuple[str, ...],
        *,
        subject: str = "",
        region: str = "",
        **parameters: Any,
    ) -> Optional[Dict[str, List[Any]]]:
        """Return the lists of all pages. What came before a failure is kept, beside the gap; None when nothing came.

        ``subject`` narrows the gap to one thing in the part. ``region`` does not: what one region has may be missing
        nowhere, so not having seen it leaves the whole part open.
        """
        found: Optional[Dict[str, List[Any]]] = None
        try:
            for page in _pages(client, operation, parameters):
                found = found or {key: [] for key in keys}
                for key in keys:
                    found[key].extend(page.get(key, ()))
        except failures() as exc:
            failure = _placed(failure_of(exc, api_name(client, operation)), region)
            read = f" after {sum(map(len, found.values()))} entries" if found else ""
            self.note_failure(part, failure._replace(message=failure.message + read), subject=subject)
        return found

    def note_failure(self, part: str, failure: Failure, *, subject: str = "", reason: str = "") -> None:
        """Keep a failed call as a gap."""
        self.note(part, reason or str(failure), api=failure.api, code=failure.code, subject=subject)

    def note(self, part: str, reason: str, **more: str) -> None:
        """Keep a gap."""
        with self._lock:
            self.gaps.append({"part": part, "reason": reason, **{key: value for key, value in more.items() if value}})

    def _count_call(self, model: Any, **_event: Any) -> None:
        with self._lock:
            self._calls[f"{model.service_model.service_name}:{model.name}"] += 1

    def _count_request(self, **_event: Any) -> None:
        with self._lock:
            self._requests += 1


def api_name(client: Any, operation: str) -> str:
    """Return "iam:ListMFADevices" for list_mfa_devices."""
    return f"{client.meta.service_model.service_name}:{client.meta.method_to_api_mapping[operation]}"


def failure_of(error: Any, api: str) -> Failure:
    """Say what went wrong, with AWS's own code where AWS answered."""
    answer = getattr(error, "response", None) or {}
    stated = answer.get("Error", {})
    code = str(stated.get("Code") or type(error).__name__)
    what = f"the answer has no {error}" if isinstance(error, KeyError) else error
    message = " ".join(str(stated.get("Message") or what).split())
    return Failure(api, code, message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "...")


def _placed(failure: Failure, region: str) -> Failure:
    return failure._replace(message=f"{failure.message} (in {region})") if region else failure


def _pages(client: Any, operation: str, parameters: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    if not client.can_paginate(operation):
        yield getattr(client, operation)(**parameters)
        return
    yield from client.get_paginator(operation).paginate(**parameters)
