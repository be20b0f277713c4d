# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people paste holds codes, keys and seeds: nothing of a paste is repeated before it went through here.

Private to this collection. Rather too much is taken out than too little.
"""

from __future__ import annotations

import re

from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serial import read_serial

__all__ = ["NOT_SHOWN", "redact", "shown_serial"]

#: Stands for a serial that looks like a key or a seed.
NOT_SHOWN = "[not shown]"

_HIDDEN = "[redacted]"
# The value of anything that is called a secret, whatever it looks like.
_NAMED = re.compile(
    r"(?i)((?:secret|password|passwd|token[_-]?code|session[_-]?token|access[_-]?key(?:[_-]?id)?|seed|credential"
    r"|authentication[_-]?code[_-]?[12]?|mfa[_-]?(?:code|token)|otp|code[12]?)"
    r"(?:[\"']?\s*[=:]\s*|\s+)[\"']?)([^\s\"',;&]*[0-9/+=][^\s\"',;&]*)"
)
# The time in 20261122T101500Z is none.
_CODE = re.compile(r"(?<![0-9])(?<!\dT)[0-9]{3}[ -]?[0-9]{3}(?![0-9])")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{8,}")
_SEED = re.compile(r"(?<![A-Za-z0-9])(?=[A-Z]*[2-7])[A-Z2-7]{16,}(?![A-Za-z0-9])|(?<![A-Za-z0-9])[A-Z2-7]{26,}=*")
_SPACED_SEED = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z2-7]{4}[ ]){4,}[A-Za-z2-7]{1,4}(?![A-Za-z0-9])")
# Secret keys have 40 characters, session tokens and signatures more. No ARN is hit: they have colons and, with a
# slash in it, a run of this kind has digits and both cases.
_KEY = re.compile(r"(?<![A-Za-z0-9/+])(?=[^\s:]*[0-9])(?=[^\s:]*[A-Za-z])[A-Za-z0-9/+]{40,}={0,2}")


def redact(text: str) -> str:
    """Return the text without codes, keys, seeds and passwords."""
    text = _NAMED.sub(rf"\1{_HIDDEN}", text)
    for pattern in (_ACCESS_KEY, _SPACED_SEED, _KEY, _SEED, _CODE):
        text = pattern.sub(_HIDDEN, text)
    return text


def shown_serial(text: str) -> str:
    """Return a serial as it may be shown: what stands in a serial's place may be a secret."""
    return (read_serial(text).text or NOT_SHOWN) if text else ""
