# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values chronyd uses as they stand, of those that it can read.

Private to this collection. A key that chronyd cannot use it leaves out with a
line in its log, and the sources with that key are never authenticated. Numbers
it moves to the next limit, or to its default, without a word.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Mapping, Optional, Tuple

__all__ = ["bad_address", "bad_key", "bad_number", "bad_source_options"]

_INFINITE = float("inf")
_MAX_INT = 2**31 - 1

#: Numbers of the policy, and how far each goes. An infinite limit is itself outside.
_POLICY: Dict[str, Tuple[float, float]] = {
    "makestep threshold": (0, _INFINITE),
    "makestep limit": (-1, _MAX_INT),
    "maxclockerror": (0, 1000000),
    "minsources": (1, _MAX_INT),
    "nocerttimecheck": (0, _MAX_INT),
}

#: Numbers of a source. chrony before 4.3 takes -6 for the shortest polling interval.
_SOURCE: Dict[str, Tuple[float, float]] = {
    "certset": (0, 2**32 - 1),
    "delay": (0, _INFINITE),
    "dpoll": (-7, 24),
    "filter": (1, 64),
    "key": (1, 2**32 - 1),
    "maxdelay": (0, 1000),
    "maxpoll": (-7, 24),
    "maxsamples": (0, 64),
    "maxsources": (1, 16),
    "minpoll": (-7, 24),
    "minsamples": (0, 64),
    "ntsport": (1, 65535),
    "offset": (-_INFINITE, _INFINITE),
    "poll": (-7, 24),
    "port": (1, 65535),
    "precision": (0, _INFINITE),
    "stratum": (0, 15),
    "version": (1, 4),
}
#: Where a refclock differs: it has many more samples to reduce to one.
_REFCLOCK = {**_SOURCE, "filter": (1, 256)}

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_MAX_NAME = 253

#: Bytes of a cipher's key. A hash takes a key of any length.
_CIPHERS = {"AES128": 16, "AES256": 32}
_HEX_BYTES = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")
#: chronyd reads a key file in pieces of so many characters, the newline included.
_MAX_LINE = 2047


def bad_key(number: int, kind: str, value: str) -> Optional[str]:
    """Say why chronyd would drop a key, without the key; None when it would not."""
    if len(f"{number} {kind} {value}\n") > _MAX_LINE:
        return f"the key is too long: a line of the key file holds {_MAX_LINE} characters"
    if value.startswith("HEX:"):
        digits = value[len("HEX:") :]
        if not _HEX_BYTES.match(digits):
            return "HEX: must be followed by hexadecimal digits, two for each byte"
        length = len(digits) // 2
    else:
        length = len(value[len("ASCII:") :] if value.startswith("ASCII:") else value)
    if length == 0:
        return "the value is empty"
    wanted = _CIPHERS.get(kind, length)
    if length != wanted:
        return f"an {kind} key has {wanted} bytes (HEX: and {2 * wanted} hexadecimal digits), and this one has {length}"
    return None


def bad_number(name: str, value: float) -> Optional[str]:
    """Say why a number of the policy is none that chronyd would use; None when it is."""
    return _outside(_POLICY, name, value)


def bad_source_options(source: Mapping[str, Any]) -> Optional[str]:
    """Say which options of a source chronyd would not use as they are, or not together; None when there are none."""
    limits = _REFCLOCK if source["type"] == "refclock" else _SOURCE
    for name in sorted(limits):
        value = source.get(name)
        fault = None if value is None else _outside(limits, name, value)
        if fault:
            return fault
    return _reversed(source) or _not_together(source)


def bad_address(address: str) -> Optional[str]:
    """Say why no NTP server can have this address; None when one can."""
    if _is_ip(address) or _is_host_name(address):
        return None
    return "the address is neither a host name nor an IPv4 or IPv6 address (without brackets, port and scope)"


def _outside(limits: Mapping[str, Tuple[float, float]], name: str, value: float) -> Optional[str]:
    low, high = limits[name]
    if low <= value <= high and abs(value) != _INFINITE:  # false for what is not a number, too
        return None
    if high != _INFINITE:
        return f"{name} is {value}, and must be a number from {low} to {high}"
    return f"{name} is {value}, and must be a finite number" + ("" if low == -_INFINITE else f" from {low}")


def _reversed(source: Mapping[str, Any]) -> Optional[str]:
    for kind in ("poll", "samples"):
        low, high = source.get(f"min{kind}"), source.get(f"max{kind}")
        unlimited = kind == "samples" and high == 0
        if low is not None and high is not None and low > high and not unlimited:
            return f"min{kind} {low} is more than max{kind} {high}"
    return None


def _not_together(source: Mapping[str, Any]) -> Optional[str]:
    kind, nts = source["type"], source.get("nts")
    if kind == "refclock":
        return None  # has none of these options
    if nts and source.get("key") is not None:
        return "nts and key exclude each other: chronyd would not use the key"
    if nts and kind == "peer":
        return "nts does not work with a peer"
    if source.get("certset") is not None and not nts:
        return "certset is of use with nts only"
    return None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_host_name(text: str) -> bool:
    name = text[:-1] if text.endswith(".") else text
    labels = name.split(".")
    # A name of figures alone at its end is an address, or part of one.
    return len(name) <= _MAX_NAME and all(map(_LABEL.match, labels)) and not labels[-1].isdigit()
