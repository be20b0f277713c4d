# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account at the end of a run, on the terminal. Private to this collection, pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .account import NONCOMPLIANT, UNKNOWN, AccountAudit, one_line
from .account_text import from_here, statement_of
from .commands import Commands, shell_lines
from .terminal_line import TITLE, Line, wrapped

__all__ = ["account_lines"]

_TONES = {"critical": NONCOMPLIANT, "high": NONCOMPLIANT, "medium": UNKNOWN}
_NAMED_PLACES = 2

Found = Mapping[str, Any]


def account_lines(audit: AccountAudit, *, width: int, limit: int, commands: Commands | None) -> Iterator[Line]:
    """Return the worst findings of each severity, what could not be judged, and where the corrections are."""
    if not audit.findings and not _open_rules(audit):
        return
    yield from wrapped(f"Account {audit.name}, findings by severity", width, tone=TITLE)
    if audit.account.get("description"):
        yield from wrapped(str(audit.account["description"]), width, first="  ")
    for severity, count in audit.severities.items():
        yield from _severity(audit, severity, count, width, max(1, limit // (2 if severity == "critical" else 5)))
    if rules := _open_rules(audit):
        said = (
            f"{len(rules)} rules could not be judged: {', '.join(rules[:limit])}{', ...' if len(rules) > limit else ''}"
        )
        yield from wrapped(said, width, first="  ", tone=UNKNOWN)
    yield from _fixes(audit, width, commands)


def _severity(audit: AccountAudit, severity: str, count: int, width: int, limit: int) -> Iterator[Line]:
    """Tell a severity rule by rule: one rule is one thing to understand, however often it was found."""
    rules: dict[str, list[Found]] = {}
    for found in audit.findings:
        if found["severity"] == severity:
            rules.setdefault(str(found["rule"]), []).append(found)
    often_first = sorted(rules.items(), key=lambda item: (-len(item[1]), item[0]))
    tone = _TONES.get(severity, "")
    for rule, some in often_first[:limit]:
        yield from wrapped(f"{rule} {some[0]['title']}", width, first=f"  {severity:<8}  ", tone=tone)
        yield from wrapped(_places(some), width, first=" " * 12)
    left_out = sum(len(some) for _rule, some in often_first[limit:])
    if left_out:
        more = len(often_first) - limit
        said = f"and {left_out} more of {count}, by {more} other rule{'' if more == 1 else 's'}"
        yield from wrapped(said, width, first=f"  {severity:<8}  ", tone=tone)


def _places(some: Sequence[Found]) -> str:
    places = list(dict.fromkeys(_place(found) for found in some))
    left_out = len(places) - _NAMED_PLACES
    named = ", ".join(places[:_NAMED_PLACES])
    return f"{named} and {left_out} more" if left_out > 0 else named


def _place(found: Found) -> str:
    """Say briefly where it is: the account's own ARNs are long, and alike to their last part."""
    resource = str(found["resource"])
    is_arn = resource.startswith("arn:") and resource.count(":") >= 5
    short = resource.split(":", 5)[5] if is_arn else from_here(resource)
    kind = str(found["document"]).partition(":")[0]
    return f"{short} ({' '.join(filter(None, (kind, statement_of(found))))})"


def _fixes(audit: AccountAudit, width: int, commands: Commands | None) -> Iterator[Line]:
    corrected = [found for found in audit.findings if found.get("fix")]
    trust = sum(found["document"] == "trust" for found in corrected)
    if trust:
        said = f"{trust} of these, in trust policies, can be corrected now; this shows how, and changes nothing"
        yield from wrapped(said, width, first="    -> ")
        # Without the snapshot's path the command would be about the live account, which may be another.
        if commands is not None and (commands.account not in {"", "live"} or audit.account.get("source") != "snapshot"):
            yield from (Line(f"       {one_line(text)}") for text in shell_lines(commands.remediate(), width - 7))
    if others := len(corrected) - trust:
        yield from wrapped(f"{others}, in other policies, have their correction in the report", width, first="    -> ")


def _open_rules(audit: AccountAudit) -> list[str]:
    rules = audit.coverage.get("rules", {})
    return sorted(rules.get("unknown", {})) if isinstance(rules, Mapping) else []
