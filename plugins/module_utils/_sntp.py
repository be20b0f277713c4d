# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks time servers through ntplib, several at once.

Private to this collection. Apart from the other adapters, since most runs name no server and need not compile it.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._ports import SntpOutcome, SntpReply, Unavailable

__all__ = ["NtplibClient"]


class NtplibClient:
    """Asks time servers with ntplib."""

    def query(self, server: str, *, timeout_s: float) -> SntpReply:
        """Ask one server; Unavailable without ntplib, OSError when it does not answer or answers nonsense."""
        from ansible_collections.softtoken.compliance.plugins.module_utils._clock.address import server_address

        ntplib = _import_ntplib()
        host, port = server_address(server)
        before = time.time()
        try:
            stats = ntplib.NTPClient().request(host, version=4, port=port, timeout=timeout_s)
        except ntplib.NTPException as exc:
            raise OSError(str(exc)) from exc
        # ntplib does not compare the origin timestamp, and keeps its own to itself: this much can be told from outside.
        asked = ntplib.ntp_to_system_time(stats.orig_timestamp)
        if stats.mode != 4 or not before - 1e-5 <= asked <= time.time() + 1e-5:
            raise OSError(f"the reply from {server} does not belong to the question: ignored")
        return SntpReply(
            offset_s=-stats.offset,
            delay_s=max(0.0, stats.delay),
            root_delay_s=stats.root_delay,
            root_dispersion_s=stats.root_dispersion,
            stratum=stats.stratum,
            leap=stats.leap,
        )

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> Callable[[], list[SntpOutcome]]:
        """Ask all servers at once; the returned function waits for them, together at most ``timeout_s``."""
        _import_ntplib()
        end = time.monotonic() + timeout_s
        questions = [_Question(self, server, timeout_s) for server in servers]

        def collect() -> list[SntpOutcome]:
            return [question.outcome(end) for question in questions]

        return collect


class _Question:
    """One server, asked in a daemon thread: a name server that hangs does not hold the module."""

    def __init__(self, client: NtplibClient, server: str, timeout_s: float) -> None:
        self._client = client
        self._server = server
        self._timeout_s = timeout_s
        self._outcome: SntpOutcome | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def outcome(self, end: float) -> SntpOutcome:
        self._thread.join(max(0.0, end - time.monotonic()))
        late = f"no answer within {self._timeout_s:g} s"
        return self._outcome or SntpOutcome(self._server, error=late)

    def _ask(self) -> None:
        try:
            self._outcome = SntpOutcome(self._server, self._client.query(self._server, timeout_s=self._timeout_s))
        except (OSError, ValueError) as exc:
            self._outcome = SntpOutcome(self._server, error=str(exc))


def _import_ntplib() -> Any:
    try:
        import ntplib
    except ImportError:
        raise Unavailable(
            "the Python library ntplib is missing: install python3-ntplib (py3-ntplib on Alpine, python-ntplib on Arch)"
        ) from None
    return ntplib
