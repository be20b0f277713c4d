# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which public time sources smear leap seconds, and which do not.

Private to this collection. Around a leap second a smearing source is up to
0.5 s (AWS, Google) away from UTC for a day, so chronyd must not see both kinds.
"""

from __future__ import annotations

import posixpath

from .config_read import Directive

__all__ = ["NOT_SMEARED", "UNKNOWN", "smear_of"]

NOT_SMEARED = "utc"
UNKNOWN = "unknown"

#: 24 hours, linear, noon to noon.
_LINEAR = "24 h linear"
#: Meta's own shape over 18 hours.
_META = "Meta"

_ADDRESSES = {
    "169.254.169.123": _LINEAR,  # AWS, link-local
    "fd00:ec2::123": _LINEAR,
    "216.239.35.0": _LINEAR,  # time1..4.google.com
    "216.239.35.4": _LINEAR,
    "216.239.35.8": _LINEAR,
    "216.239.35.12": _LINEAR,
    "2001:4860:4806::": _LINEAR,
    "2001:4860:4806:4::": _LINEAR,
    "2001:4860:4806:8::": _LINEAR,
    "2001:4860:4806:c::": _LINEAR,
}

_SUFFIXES = (
    ("time.aws.com", _LINEAR),
    ("time.google.com", _LINEAR),
    ("time.android.com", _LINEAR),
    ("metadata.google.internal", _LINEAR),
    ("time.facebook.com", _META),
    ("pool.ntp.org", NOT_SMEARED),
    ("ntp.ubuntu.com", NOT_SMEARED),
    ("nist.gov", NOT_SMEARED),
    ("navy.mil", NOT_SMEARED),
    ("ptb.de", NOT_SMEARED),
    ("netnod.se", NOT_SMEARED),
)

_GOOGLE = tuple(f"time{number}.google.com" for number in range(1, 5))
_FACEBOOK = tuple(f"time{number}.facebook.com" for number in range(1, 6))


def smear_of(source: Directive) -> str:
    """The smear of a server, pool, peer or refclock directive: a shape's name, NOT_SMEARED, or UNKNOWN."""
    if source.name == "refclock":
        return _refclock_smear(source)
    address = (source.args[0] if source.args else "").lower().rstrip(".")
    if address in _ADDRESSES:
        return _ADDRESSES[address]
    if address in _GOOGLE:
        return _LINEAR
    if address in _FACEBOOK:
        return _META
    for suffix, smear in _SUFFIXES:
        if address == suffix or address.endswith("." + suffix):
            return smear
    return UNKNOWN


def _refclock_smear(source: Directive) -> str:
    # A receiver or a hardware clock gives UTC (or TAI): AWS says so of its PHC. SHM and SOCK carry whatever their
    # feeder gives them.
    driver = source.args[0].upper() if source.args else ""
    device = posixpath.basename(source.args[1].split(":")[0]) if len(source.args) > 1 else ""
    return NOT_SMEARED if driver in ("PHC", "PPS") or device.startswith("ptp") else UNKNOWN
