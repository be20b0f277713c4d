# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_audit_info: from the parameters to what the module returns.

Private to this collection. Files, AWS and the time of day come in through AuditPorts.
"""

from __future__ import annotations

import datetime
import gc
import json
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ._iam.account import Account
from ._iam.audit import AuditReport, audit, coverage_to_dict, documents_to_dicts, summarise
from ._iam.catalogue import DEVICES, VIRTUAL, at_least
from ._iam.context import AuditOptions, HostSerial
from ._iam.errors import IamError
from ._iam.finding import Finding, to_dict
from ._iam.iac import IacFile
from ._iam.ignore import Ignore, Sifted, read_ignores, sift
from ._iam.snapshot import account_from_snapshot, parse_snapshot
from ._iam.snapshot_monitoring import read_trail_events
from ._iam.snapshot_values import Malformed

__all__ = ["AuditPorts", "host_serial", "read_or_collect", "run_audit"]

_ACCOUNT_DIGITS = 12
_LIMITS = {"trail_hours": 90 * 24, "unassigned_after_days": 36500}  # CloudTrail's event history has 90 days


class AuditPorts(NamedTuple):
    """What the flow needs of the world. Functions that fail raise OSError or IamError."""

    read: Callable[[str], str]
    write_private: Callable[[str, str], None]  # path and text; mode 0600
    collect: Callable[[], Mapping[str, Any]]  # a snapshot of the live account, with its calls counted in api_calls
    read_code: Callable[[Sequence[str]], Tuple[IacFile, ...]]  # infrastructure code below these paths
    now: Callable[[], float]


def run_audit(params: Mapping[str, Any], ports: AuditPorts, *, check_mode: bool) -> Dict[str, Any]:
    """Collect or read, audit, take the exceptions out, and return the module's result."""
    collecting = gc.isenabled()
    # Millions of objects are made and no cycles: to walk them again and again takes as long as the audit itself.
    gc.disable()
    try:
        return _run(params, ports, check_mode=check_mode)
    finally:
        if collecting:
            gc.enable()


def _run(params: Mapping[str, Any], ports: AuditPorts, *, check_mode: bool) -> Dict[str, Any]:
    ignores = read_ignores(params["ignore"] or ())
    now = ports.now()
    options = _options(params, ports, now)
    snapshot = read_or_collect(params["snapshot"], ports)
    if params["snapshot_output"] and not check_mode:
        _write(params["snapshot_output"], snapshot, ports)  # first: whatever the audit makes of it can be repeated
    account = account_from_snapshot(snapshot)
    report = audit(account, options)
    today = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).date()
    sifted = sift(report.findings, ignores, today=today)
    sifted = sifted._replace(unused=tuple(entry for entry in sifted.unused if _is_judged(entry, report, options)))
    result: Dict[str, Any] = _sendable(
        {
            "account": _account(account, snapshot, params["snapshot"]),
            **_results(report, sifted, params["severity_threshold"]),
            "api_calls": snapshot["api_calls"] if params["snapshot"] is None else {},
            "warnings": [*_missing(report, account), *_warnings(sifted)],
        }
    )
    return result


def _sendable(value: Any) -> Any:
    """Write out the half characters that JSON can name and UTF-8 cannot hold: no result with one would arrive."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_sendable(key): _sendable(item) for key, item in value.items()}
    return [_sendable(item) for item in value] if isinstance(value, (list, tuple)) else value


def _is_judged(entry: Ignore, report: AuditReport, options: AuditOptions) -> bool:
    """Return whether what an exception is for would have been found: not by a rule that said nothing, nor elsewhere."""
    status, _why = report.coverage.rules.get(entry.rule, ("checked", ""))
    return status in ("checked", "partial") and options.scope == "account"


def _options(params: Mapping[str, Any], ports: AuditPorts, now: float) -> AuditOptions:
    trusted = frozenset(params["trusted_accounts"] or ())
    for account in trusted:
        if len(account) != _ACCOUNT_DIGITS or not account.isdigit():
            raise IamError(
                f"trusted_accounts: {account!r} is no account id; an account id has {_ACCOUNT_DIGITS} digits"
            )
    for name, most in _LIMITS.items():
        if not 0 <= params[name] <= most:
            raise IamError(f"{name} is {params[name]}: a number from 0 to {most} is needed")
    if params["scope"] == "roles" and not params["roles"]:
        raise IamError("scope is roles, but roles is empty: name the roles, or audit the whole account")
    return AuditOptions(
        scope=params["scope"],
        roles=frozenset(params["roles"] or ()),
        trusted_accounts=trusted,
        host_serials=tuple(host_serial(entry) for entry in params["host_serials"] or ()),
        trail_events=_trail_events(params["trail_events"] or []),
        unassigned_after_days=params["unassigned_after_days"],
        now=now,
        files=ports.read_code(params["code_paths"]) if params["code_paths"] else (),
        inventories=dict(_inventory(path, ports) for path in params["inventories"] or ()),
    )


def _trail_events(events: List[Any]) -> Tuple[Mapping[str, Any], ...]:
    try:
        return read_trail_events(events)
    except Malformed as exc:
        raise IamError(f"trail_events{exc}") from None


def _inventory(path: str, ports: AuditPorts) -> Tuple[str, FrozenSet[str]]:
    """Return another account's id and its devices, from a snapshot of it."""
    try:
        account = account_from_snapshot(_parsed(path, ports))
    except IamError as exc:
        raise IamError(f"inventories: {exc}") from exc
    lacks = [f"{gap.part}: {gap.reason}" for gap in account.gaps if gap.part in (VIRTUAL, DEVICES, "account_id")]
    if lacks:
        raise IamError(f"inventories: {path} does not say which devices its account has: {'; '.join(lacks)}")
    return account.account_id, frozenset(account.devices)


def host_serial(entry: Mapping[str, Any]) -> HostSerial:
    """Read one of the option host_serials."""
    return HostSerial(
        entry["host"],
        entry.get("serial") or "",
        entry.get("where") or "",
        entry.get("profile"),
        entry.get("user"),
        entry.get("role_arn") or "",
    )


def read_or_collect(path: Optional[str], ports: AuditPorts) -> Mapping[str, Any]:
    """Return the snapshot in a file, or without one that of the live account."""
    return ports.collect() if path is None else _parsed(path, ports)


def _parsed(path: str, ports: AuditPorts) -> Mapping[str, Any]:
    try:
        text = ports.read(path)
    except (OSError, UnicodeDecodeError) as exc:
        raise IamError(f"the snapshot {path} cannot be read: {exc}") from exc
    try:
        return parse_snapshot(text)
    except IamError as exc:
        raise IamError(f"{path}: {exc}") from exc


def _write(path: str, snapshot: Mapping[str, Any], ports: AuditPorts) -> None:
    try:
        ports.write_private(path, json.dumps(snapshot, indent=1, sort_keys=True, default=str) + "\n")
    except OSError as exc:
        raise IamError(f"the snapshot cannot be written to {path}: {exc}") from exc


def _account(account: Account, snapshot: Mapping[str, Any], path: Any) -> Dict[str, Any]:
    description = snapshot.get("description")
    return {
        "id": account.account_id,
        "partition": account.partition,
        "collected_at": account.collected_at,
        "source": "live" if path is None else "snapshot",
        "description": description if isinstance(description, str) else None,
    }


def _results(report: AuditReport, sifted: Sifted, threshold: str) -> Dict[str, Any]:
    shown = [found for found in sifted.findings if at_least(found.severity, threshold)]
    summary = summarise(shown)
    summary["below_threshold"] = len(sifted.findings) - len(shown)
    summary["ignored"] = len(sifted.ignored)
    coverage = coverage_to_dict(report.coverage)
    return {
        "verdict": _verdict(shown, coverage),
        "findings": [to_dict(found) for found in shown],
        "ignored": [
            {"reason": one.entry.reason, "expires": one.entry.expires.isoformat(), "finding": to_dict(one.finding)}
            for one in sifted.ignored
        ],
        "documents": documents_to_dicts(report.documents, shown),
        "unused_ignores": [_ignore(entry) for entry in sifted.unused],
        "expired_ignores": [_ignore(entry) for entry in sifted.expired],
        "summary": summary,
        "coverage": coverage,
    }


def _verdict(findings: Sequence[Finding], coverage: Mapping[str, Any]) -> str:
    if any(found.severity != "info" for found in findings):
        return "noncompliant"
    return "compliant" if coverage["complete"] else "unknown"


def _ignore(entry: Ignore) -> Dict[str, str]:
    return {**entry._asdict(), "expires": entry.expires.isoformat()}


def _missing(report: AuditReport, account: Account) -> List[str]:
    return [
        f"role {role} is in scope, but account {account.account_id} has no such role: nothing was audited for it"
        for role in report.coverage.missing_roles
    ]


def _warnings(sifted: Sifted) -> List[str]:
    unused = [f"{_named(entry)} matches no finding: remove it, or correct it" for entry in sifted.unused]
    expired = [
        f"{_named(entry)} expired on {entry.expires.isoformat()}: its findings are back" for entry in sifted.expired
    ]
    return [*unused, *expired]


def _named(entry: Ignore) -> str:
    return f"the exception for {entry.rule} on {entry.resource}"
