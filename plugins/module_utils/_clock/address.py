# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a time server is named in parameters.

Private to this collection.
"""

from __future__ import annotations

import re

__all__ = ["server_address"]

NTP_PORT = 123

_BRACKETED = re.compile(r"\[(?P<host>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[^\]\s]+)?)\](?::(?P<port>\d{1,5}))?")
_PLAIN = re.compile(r"(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]*)(?::(?P<port>\d{1,5}))?")
_BARE_IPV6 = re.compile(r"(?P<host>[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%\S+)?)")


def server_address(server: str) -> tuple[str, int]:
    """Split ``host``, ``host:port``, ``[ipv6]:port`` or a bare IPv6 address. Raises ValueError."""
    match = _BRACKETED.fullmatch(server) or _PLAIN.fullmatch(server) or _BARE_IPV6.fullmatch(server)
    if match is None:
        raise ValueError(f"{server!r} is no time server: write host, host:port or [IPv6 address]:port")
    port = int(match.groupdict().get("port") or NTP_PORT)
    if not 0 < port < 65536:
        raise ValueError(f"{server!r} names port {port}: ports go from 1 to 65535")
    return match.group("host"), port
