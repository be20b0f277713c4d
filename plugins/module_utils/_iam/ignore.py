# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions: findings that somebody has accepted, for a reason and until a date.

Private to this collection. An exception that has expired excepts nothing any more: its findings come back and say so.
One that matches nothing is reported, since it either outlived its finding or never named it.
"""

from __future__ import annotations

import datetime
import re
from fnmatch import translate
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .catalogue import RULES
from .errors import IamError
from .finding import Finding

__all__ = ["Ignore", "IgnoreError", "Ignored", "Sifted", "read_ignores", "sift"]

_KEYS = ("rule", "resource", "reason", "expires")


class IgnoreError(IamError):
    """An entry of the list of exceptions that cannot be taken."""


class Ignore(NamedTuple):
    """One exception. It holds through the day that it expires on."""

    rule: str
    resource: str  # with * and ?
    reason: str
    expires: datetime.date


class Ignored(NamedTuple):
    """A finding, and the exception that it falls under."""

    finding: Finding
    entry: Ignore


class Sifted(NamedTuple):
    """The findings that stand, those that are excepted, and the exceptions that were of no use."""

    findings: Tuple[Finding, ...]
    ignored: Tuple[Ignored, ...]
    expired: Tuple[Ignore, ...]  # matched findings, which are back
    unused: Tuple[Ignore, ...]  # matched nothing


def read_ignores(entries: Sequence[Mapping[str, Any]]) -> Tuple[Ignore, ...]:
    """Read the list of exceptions; raise IgnoreError that names the entry."""
    return tuple(_read(entry, f"ignore entry {number}") for number, entry in enumerate(entries, 1))


def _read(entry: Mapping[str, Any], name: str) -> Ignore:
    texts = {key: str(entry.get(key) or "").strip() for key in _KEYS}
    for key, text in texts.items():
        if not text:
            raise IgnoreError(
                f"{name} has no {key}: an exception needs a rule, a resource, a reason and an expiry date"
            )
    if texts["rule"] not in RULES:
        raise IgnoreError(f"{name} names the rule {texts['rule']!r}, which does not exist: ids look like MFA-C01")
    try:
        expires = datetime.datetime.strptime(texts["expires"], "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc).date()
    except ValueError:
        raise IgnoreError(f"{name} expires {texts['expires']!r}: write a date like 2027-03-31") from None
    return Ignore(texts["rule"], texts["resource"], texts["reason"], expires)


def sift(findings: Iterable[Finding], entries: Sequence[Ignore], *, today: datetime.date) -> Sifted:
    """Take the excepted findings out. Of several matching exceptions one that still holds counts."""
    matchers = _by_rule(entries)
    standing: List[Finding] = []
    ignored: List[Ignored] = []
    used: Dict[Ignore, bool] = {}
    for found in findings:
        matching = [entry for pattern, entry in matchers.get(found.rule, ()) if pattern.match(found.resource)]
        used.update(dict.fromkeys(matching, True))
        holding = [entry for entry in matching if entry.expires >= today]
        if holding:
            ignored.append(Ignored(found, holding[0]))
        else:
            standing.append(_returned(found, matching[-1]) if matching else found)
    expired = tuple(entry for entry in entries if entry in used and entry.expires < today)
    return Sifted(tuple(standing), tuple(ignored), expired, tuple(entry for entry in entries if entry not in used))


def _by_rule(entries: Sequence[Ignore]) -> Dict[str, List[Tuple[re.Pattern[str], Ignore]]]:
    matchers: Dict[str, List[Tuple[re.Pattern[str], Ignore]]] = {}
    for entry in entries:
        # Only * and ? are special, as in IAM: a bracket in a file's name is a bracket.
        pattern = re.compile(translate(entry.resource.replace("[", "[[]")))
        matchers.setdefault(entry.rule, []).append((pattern, entry))
    return matchers


def _returned(found: Finding, entry: Ignore) -> Finding:
    note = f" (The exception for this expired on {entry.expires.isoformat()}; its reason was: {entry.reason})"
    return found._replace(message=found.message + note)
