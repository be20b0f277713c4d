# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role attached to this EC2 instance, from the instance metadata service, version 2 only.

Private to this collection. Asks for a session token, the instance profile and the role's name. The role's
credentials lie one path further and are never asked for.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Unavailable
from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.ec2 import is_ec2

if TYPE_CHECKING:
    from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Files

__all__ = ["DEFAULT_ENDPOINT", "attached_role"]

DEFAULT_ENDPOINT = "http://169.254.169.254"

_TOKEN = "/latest/api/token"  # noqa: S105 - a path
_PROFILE = "/latest/meta-data/iam/info"
_ROLES = "/latest/meta-data/iam/security-credentials/"
_TOKEN_LIFE_S = "60"  # noqa: S105 - seconds
_MAX_BODY = 16384

_ENDPOINT = re.compile(r"http://(?P<host>\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?/?", re.ASCII)
_TOKEN_TEXT = re.compile(r"[\x21-\x7e]{1,4096}")
_INSTANCE_PROFILE = re.compile(
    r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):instance-profile/[\w+=,.@/-]+", re.ASCII
)
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def attached_role(
    files: Files, *, mode: str = "auto", endpoint: str = DEFAULT_ENDPOINT, timeout_s: float = 1.0
) -> dict[str, str | None] | None:
    """Return the attached role as ``account`` and ``role``; None where there is no role, or no EC2.

    Outside the partition ``aws`` (in China, GovCloud and such) ``partition`` names it.

    ``mode`` is ``auto`` (ask only where the machine says it is EC2), ``force`` or ``never``. All questions together
    take at most ``timeout_s``. Raises Unavailable when there should be an answer and there is none.
    """
    if mode == "never" or (mode == "auto" and not is_ec2(files)):
        return None
    return _Service(endpoint, timeout_s).role()


class _Service:
    """One metadata service, and the moment by which it has to have answered everything."""

    def __init__(self, endpoint: str, timeout_s: float) -> None:
        match = _ENDPOINT.fullmatch(endpoint)
        if match is None or int(match.group("port") or 80) > 65535:
            raise Unavailable(f"{endpoint!r} is no metadata endpoint: give it as http://host or http://host:port")
        self._endpoint = endpoint
        self._host = match.group("host").strip("[]")
        self._port = int(match.group("port") or 80)
        self._timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def role(self) -> dict[str, str | None] | None:
        """Ask for the token, the role's name and the account."""
        headers = {"X-aws-ec2-metadata-token": self._token()}
        status, text = self._ask("GET", _ROLES, headers)
        if status == 404:
            return None
        name = self._expect(_ROLES, status, text).strip().split("\n")[0].strip()
        if not name:
            return None
        if not _ROLE_NAME.fullmatch(name):
            raise self._unavailable(f"the answer to {_ROLES} is no role name")
        status, text = self._ask("GET", _PROFILE, headers)
        partition, account = self._account(self._expect(_PROFILE, status, text))
        found: dict[str, str | None] = {"account": account, "role": name}
        return found if partition == "aws" else {**found, "partition": partition}

    def _token(self) -> str:
        status, text = self._ask("PUT", _TOKEN, {"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_LIFE_S})
        if status == 403:
            raise self._unavailable("it is turned off for this instance (403): enable the metadata endpoint")
        token = self._expect(_TOKEN, status, text)
        if not _TOKEN_TEXT.fullmatch(token):
            raise self._unavailable("the answer to the token request is no session token")
        return token

    def _account(self, text: str) -> tuple[str, str]:
        try:
            arn = json.loads(text)["InstanceProfileArn"]
            match = _INSTANCE_PROFILE.fullmatch(arn)
        except (ValueError, KeyError, TypeError, RecursionError):
            match = None
        if match is None:
            raise self._unavailable(f"the answer to {_PROFILE} names no instance profile")
        return match.group("partition"), match.group("account")

    def _expect(self, path: str, status: int, text: str) -> str:
        if 300 <= status < 400:
            raise self._unavailable(f"{path} is redirected ({status}), which a metadata service never does: refused")
        if status != 200:
            raise self._unavailable(f"the answer to {path} is {status}")
        return text

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        # Imported here: it costs more than all the rest of the module, and most hosts are no EC2 instances.
        import http.client

        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._left())
        try:
            connection.connect()
            # The socket's own time limit starts anew with each byte: somebody has to hang up on a server that drips.
            hang_up = threading.Timer(self._left(), _hang_up, [connection.sock])
            hang_up.daemon = True
            hang_up.start()
            try:
                connection.request(method, path, headers={"Accept-Encoding": "identity", **headers})
                answer = connection.getresponse()
                body = answer.read(_MAX_BODY)
                if answer.length and len(body) < _MAX_BODY:
                    raise http.client.IncompleteRead(body, answer.length)
            finally:
                hang_up.cancel()
        except (OSError, ValueError, http.client.HTTPException) as exc:
            self._left()
            raise self._unavailable(_reason(exc)) from None
        finally:
            connection.close()
        self._left()
        return answer.status, body.decode("ascii", "replace")

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._unavailable(
                f"no full answer within {self._timeout_s:g} s; inside a container the metadata hop limit has to be 2"
            )
        return left

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(f"asked the instance metadata service at {self._endpoint} for the attached role: {reason}")


def _hang_up(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _reason(exc: Exception) -> str:
    if isinstance(exc, OSError):
        return (exc.strerror or str(exc)).lower()
    return f"the answer is no HTTP ({exc.__class__.__name__})"
