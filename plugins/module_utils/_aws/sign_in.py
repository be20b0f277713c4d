# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A code tried as a sign-in would use it, and AWS's own idea of the time.

Private to this collection. A code is sent once and never again. The session that a good code opens is dropped at once.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, NamedTuple, Optional

from .mfa_device import answer_of
from .session import ClientFactory, Session

# Where it is missing, AnsibleAWSModule has said so before anything here is called.
with contextlib.suppress(ImportError):
    from botocore.session import Session as BotocoreSession

__all__ = ["Dated", "SignIn", "clients_of_key"]

_SHORTEST_S = 900  # no session lives less


class Dated(NamedTuple):
    """The Date of an answer ("" when it has none), and the host's clock around the call."""

    source: str
    date: str
    asked_s: float
    answered_s: float


class SignIn:
    """The security token service, with the caller's credentials."""

    def __init__(self, factory: ClientFactory, region: str) -> None:
        """``factory`` is AnsibleAWSModule.client, or what makes clients alike."""
        self._once = Session(factory, region=region, workers=1, attempts=1)

    def try_code(self, serial: str, code: str) -> None:
        """Use a code for the shortest session there is. Raises AwsRefusal; takes a user's long-term key."""
        self._call("get_session_token", code, DurationSeconds=_SHORTEST_S, SerialNumber=serial, TokenCode=code)

    def date(self, wall: Callable[[], float]) -> Dated:
        """Ask AWS for anything, and return when it answered by its own clock. Raises AwsRefusal."""
        asked = wall()
        answer = self._call("get_caller_identity", "")
        answered = wall()
        headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        return Dated(self._once.client("sts").meta.endpoint_url, headers.get("date", ""), asked, answered)

    def _call(self, method: str, hidden: str, **parameters: Any) -> Any:
        return answer_of(self._once.client("sts"), method, parameters, hidden=(hidden,))


def clients_of_key(
    access_key: str, secret_key: str, *, endpoint_url: Optional[str], verify: Optional[bool]
) -> ClientFactory:
    """Return what makes clients of another key than the module's."""
    session = BotocoreSession()

    def client(service: str, *, region: str, config: Any) -> Any:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=verify,
            config=config,
        )

    return client
