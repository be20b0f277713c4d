# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of source directives, as far as it can be judged without chronyd.

Private to this collection. chronyd checks its main configuration aloud; what
it cannot use in a ``.sources`` file it drops without a word, so those lines
need a second reader. Options are those of chrony 4.8.
"""

from __future__ import annotations

from typing import Dict, Optional, Sequence

from .config_read import Directive

__all__ = ["NTP_OPTIONS", "REFCLOCK_OPTIONS", "bad_source"]

FLAG = "flag"
INTEGER = "whole number"
NUMBER = "number"
HEX = "hexadecimal number"
WORD = "word"

_BOTH: Dict[str, str] = {
    "filter": INTEGER,
    "maxsamples": INTEGER,
    "maxunreach": INTEGER,
    "minsamples": INTEGER,
    "noselect": FLAG,
    "offset": NUMBER,
    "prefer": FLAG,
    "require": FLAG,
    "trust": FLAG,
}

#: Options of server, pool and peer, and what each takes.
NTP_OPTIONS: Dict[str, str] = {
    **_BOTH,
    "asymmetry": NUMBER,
    "auto_offline": FLAG,
    "burst": FLAG,
    "certset": INTEGER,
    "copy": FLAG,
    "extfield": HEX,
    "iburst": FLAG,
    "ipv4": FLAG,
    "ipv6": FLAG,
    "key": INTEGER,
    "maxdelay": NUMBER,
    "maxdelaydevratio": NUMBER,
    "maxdelayquant": NUMBER,
    "maxdelayratio": NUMBER,
    "maxpoll": INTEGER,
    "maxsources": INTEGER,
    "mindelay": NUMBER,
    "minpoll": INTEGER,
    "minstratum": INTEGER,
    "nts": FLAG,
    "ntsport": INTEGER,
    "offline": FLAG,
    "polltarget": INTEGER,
    "port": INTEGER,
    "presend": INTEGER,
    "version": INTEGER,
    "xleave": FLAG,
}

#: Options of refclock, and what each takes.
REFCLOCK_OPTIONS: Dict[str, str] = {
    **_BOTH,
    "delay": NUMBER,
    "dpoll": INTEGER,
    "local": FLAG,
    "lock": WORD,
    "maxdispersion": NUMBER,
    "maxlockage": INTEGER,
    "poll": INTEGER,
    "pps": FLAG,
    "precision": NUMBER,
    "rate": INTEGER,
    "refid": WORD,
    "stratum": INTEGER,
    "tai": FLAG,
    "width": NUMBER,
}


def bad_source(source: Directive) -> Optional[str]:
    """Say what is wrong with a server, pool, peer or refclock directive; None when nothing is."""
    refclock = source.name == "refclock"
    needed = 2 if refclock else 1
    if len(source.args) < needed:
        return "a driver and its parameter are missing" if refclock else "the address is missing"
    return _bad_options(source.args[needed:], REFCLOCK_OPTIONS if refclock else NTP_OPTIONS)


def _bad_options(words: Sequence[str], known: Dict[str, str]) -> Optional[str]:
    remaining = list(words)
    while remaining:
        option = remaining.pop(0)
        kind = known.get(option.lower())
        if kind is None:
            return f"unknown option {option}"
        if kind == FLAG:
            continue
        if not remaining:
            return f"option {option} needs a value"
        value = remaining.pop(0)
        if not _is_a(kind, value):
            return f"option {option} needs a {kind}, not {value}"
    return None


def _is_a(kind: str, value: str) -> bool:
    if kind == WORD:
        return True
    try:
        if kind == INTEGER:
            int(value)
        elif kind == HEX:
            int(value, 16)
        else:
            float(value)
    except ValueError:
        return False
    return True
