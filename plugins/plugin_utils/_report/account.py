# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account in the report: what iam_mfa_audit_info returned, joined with the hosts. Private to this collection, pure.

A finding belongs to a host when it is about a serial that the host's AWS configuration names, or about the role that is
attached to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._host_identities import attached_role, role_profiles_of, serials_of

__all__ = ["NONCOMPLIANT", "SEVERITIES", "UNKNOWN", "AccountAudit", "account_headline", "build_account", "one_line"]

NONCOMPLIANT = "noncompliant"
UNKNOWN = "unknown"
VERDICTS = (NONCOMPLIANT, UNKNOWN, "compliant")
SEVERITIES = ("critical", "high", "medium", "low", "info")
MESSAGE_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAudit:
    """One audit of one account. ``message`` says why there is none, where there is none."""

    verdict: str
    account: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Mapping[str, Any], ...] = ()  # as the module returned them, each with the hosts that it touches
    ignored: tuple[Mapping[str, Any], ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)
    documents: tuple[Mapping[str, Any], ...] = ()  # what the findings are about, each once with its places
    message: str = ""

    @property
    def name(self) -> str:
        """The account's id, or what there is instead."""
        return str(self.account.get("id") or "of unknown id")

    @property
    def severities(self) -> dict[str, int]:
        """Findings by severity, those only that there are."""
        counts = dict.fromkeys(SEVERITIES, 0)
        for found in self.findings:
            counts[found["severity"]] += 1
        return {severity: count for severity, count in counts.items() if count}


def build_account(
    result: Mapping[str, Any] | None, facts: Iterable[tuple[str, Mapping[str, Any]]]
) -> AccountAudit | None:
    """Read what the task returned; None when the account was not to be audited."""
    if result is None or result.get("skipped") is True:
        return None
    if result.get("failed") is True or result.get("unreachable") is True:
        message = str(result.get("msg") or "iam_mfa_audit_info failed and gave no message")[:MESSAGE_LIMIT]
        return AccountAudit(verdict=UNKNOWN, message=message)
    if result.get("verdict") not in VERDICTS:
        return AccountAudit(verdict=UNKNOWN, message="this is no result of iam_mfa_audit_info")
    touched = _Touched(facts)
    return AccountAudit(
        verdict=result["verdict"],
        account=result["account"],
        findings=tuple({**found, "hosts": touched(found)} for found in result["findings"]),
        ignored=tuple(result["ignored"]),
        summary=result["summary"],
        coverage=result["coverage"],
        documents=tuple(result.get("documents", ())),
    )


def account_headline(audit: AccountAudit) -> str:
    """Return the audit in one line."""
    if audit.message:
        return one_line(f"account {audit.name}: {audit.verdict}: {audit.message}")
    total = len(audit.findings)
    counts = ", ".join(f"{count} {severity}" for severity, count in audit.severities.items())
    found = f"{total} finding{'' if total == 1 else 's'}" + (f": {counts}" if counts else "")
    return one_line(f"account {audit.name}: {audit.verdict}: {found}")


def one_line(text: str) -> str:
    """Write out what would start a line or steer a terminal: names and Sids are whatever somebody put there."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


class _Touched:
    """Which hosts a finding is about."""

    def __init__(self, facts: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        self._serials: dict[str, list[str]] = {}
        self._roles: dict[tuple[str, str], list[str]] = {}
        self._files: dict[str, str] = {}  # as findings about a profile without a serial name them
        for host, values in facts:
            for entry in serials_of(values):
                self._serials.setdefault(str(entry["serial"]), []).append(host)
            self._files.update((f"{host}:{entry['where']}", host) for entry in role_profiles_of(values))
            role = attached_role(values)
            if role is not None:
                self._roles.setdefault(role, []).append(host)

    def __call__(self, found: Mapping[str, Any]) -> list[str]:
        resource = str(found.get("resource"))
        hosts = [*self._serials.get(str(found.get("serial")), ()), *self._of_role(resource)]
        if resource in self._files:
            hosts.append(self._files[resource])
        return list(dict.fromkeys(hosts))

    def _of_role(self, resource: str) -> list[str]:
        parts = resource.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("role/"):
            return []
        return self._roles.get((parts[4], parts[5].rpartition("/")[2]), [])
