# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which codes of which device were used lately, so that none is sent twice.

Private to this collection. The ledger holds neither seeds nor codes. A code that was made here is known by its step.
Of a code that somebody typed the step is unknown, so every code is also kept as a mark: 16 bits of an HMAC under a key
of this ledger. Six digits are too few for any hash to hide them from somebody who holds the key. With so short a mark
he does not get them either: some fifteen codes share each. The price is that a fresh code looks used once in
some ten thousand times, and then the next one is taken.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Dict, FrozenSet, Iterable, Mapping, NamedTuple, Union

__all__ = [
    "WINDOW_S",
    "Ledger",
    "LedgerFormatError",
    "Refused",
    "claim",
    "code_mark",
    "dump",
    "load",
    "step_mark",
    "used_steps",
]

#: How long a use is remembered. No published limit says how old a code AWS takes in a resynchronisation.
WINDOW_S = 3600.0

_MARK_BYTES = 2
_STEP = "step:"
_FORMAT = 1


class LedgerFormatError(ValueError):
    """The text is not a ledger."""


class Ledger(NamedTuple):
    """For each serial the marks of what was used, with the time of use."""

    key: bytes
    used: Mapping[str, Mapping[str, float]]


class Refused(NamedTuple):
    """Something of a claim was used before; the ledger forgets it at ``free_at_s``."""

    reason: str
    free_at_s: float


def step_mark(step: int) -> str:
    """Return the mark of a step."""
    return f"{_STEP}{step}"


def code_mark(ledger: Ledger, serial: str, code: str) -> str:
    """Return the mark of a code."""
    digest = hmac.new(ledger.key, f"{serial}\0{code}".encode(), hashlib.sha256).hexdigest()
    return f"code:{digest[: 2 * _MARK_BYTES]}"


def claim(
    ledger: Ledger, serial: str, marks: Iterable[str], now_s: float, window_s: float = WINDOW_S
) -> Union[Ledger, Refused]:
    """Enter all marks as used now, or none of them when one was used within the window."""
    current = _current(ledger, now_s, window_s)
    mine = current.used.get(serial, {})
    wanted = list(marks)
    before = [mine[mark] for mark in wanted if mark in mine]
    if before:
        ago = max(0.0, now_s - max(before))
        return Refused(f"used {ago:.0f} s ago", max(before) + window_s)
    entered = {**mine, **dict.fromkeys(wanted, now_s)}
    return current._replace(used={**current.used, serial: entered})


def used_steps(ledger: Ledger, serial: str, now_s: float, window_s: float = WINDOW_S) -> FrozenSet[int]:
    """Return the steps of a device that were used within the window."""
    marks = _current(ledger, now_s, window_s).used.get(serial, {})
    return frozenset(int(mark[len(_STEP) :]) for mark in marks if mark.startswith(_STEP))


def dump(ledger: Ledger) -> str:
    """Return the text of a ledger."""
    return json.dumps({"format": _FORMAT, "key": ledger.key.hex(), "used": ledger.used}, indent=1) + "\n"


def load(text: str) -> Ledger:
    """Read a ledger. Raises LedgerFormatError: what cannot be read cannot say that a code is fresh."""
    try:
        found = json.loads(text)
        if found["format"] != _FORMAT:
            raise LedgerFormatError(f"its format is {found['format']!r}, not {_FORMAT}")
        return Ledger(bytes.fromhex(found["key"]), {str(serial): _uses(uses) for serial, uses in found["used"].items()})
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        # The message of json's own error may repeat the text, and the text holds the key.
        detail = str(exc) if isinstance(exc, LedgerFormatError) else f"it is damaged ({type(exc).__name__})"
        raise LedgerFormatError(detail) from None


def _uses(entries: Any) -> Dict[str, float]:
    uses = {str(mark): float(at) for mark, at in entries.items()}
    for mark in uses:
        if mark.startswith(_STEP):
            int(mark[len(_STEP) :])
    return uses


def _current(ledger: Ledger, now_s: float, window_s: float) -> Ledger:
    """Drop what is older than the window. A use in the future is kept as long: the clock may have been set back."""
    used = {
        serial: fresh
        for serial, marks in ledger.used.items()
        if (fresh := {mark: at for mark, at in marks.items() if abs(now_s - at) < window_s})
    }
    return ledger._replace(used=used)
