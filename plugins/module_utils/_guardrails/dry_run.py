# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who would have been denied by a service control policy, had it been in force: CloudTrail's records, judged again.

Private to this collection. A record says who called, with which kind of credential, and whether the session had MFA;
it does not say the resource as policies name it, so that a statement limited to resources leaves a call in doubt. What
AWS had refused already loses nothing; a call that failed for another reason would be denied like one that did not.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request, decide
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Document, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    ASSUME_ROLE_WITH_MFA,
    LONG_TERM_KEY,
    ROLE_SESSIONS,
    SERVICE,
    SESSION_WITH_MFA,
    SESSION_WITHOUT_MFA,
    World,
)

from .documents import Policy
from .proof import direct

__all__ = ["Call", "DryRun", "dry_run", "event_names"]

_EVERYTHING = parse_document(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "everything"
)
# What CloudTrail calls a service, where policies call it otherwise.
_PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}
# Events of some services bear the API's version.
_VERSION = re.compile(r"(?:20[0-9]{6}|[0-9]{4}_[0-9]{2}_[0-9]{2}|v[0-9]+)$")
_LINKED = "/aws-service-role/"
# What AWS answers whom it does not let. Other errors, such as a stack without updates, come after that.
_REFUSED = re.compile(r"AccessDenied|Unauthorized|NotAuthorized|Forbidden", re.IGNORECASE)
# The console asks in person: such a call is not one that a service makes for a user.
_CONSOLE = ("signin.amazonaws.com", "console.amazonaws.com")


class Call(NamedTuple):
    """What one principal did, with one kind of credential, as often as the records say."""

    principal: str
    account: str
    credential: str
    action: str
    count: int  # type: ignore[assignment] # hides tuple.count
    last: str
    event_id: str  # of the last one
    source: str  # address


class DryRun(NamedTuple):
    """What would have become of the calls in the records; ``unclear`` is what cannot be decided."""

    denied: Tuple[Call, ...]
    unclear: Tuple[Call, ...]
    judged: int
    passed_over: int  # refused already, or by nobody that a policy binds
    accounts: Tuple[str, ...]
    since: str
    until: str


class _Asked(NamedTuple):
    request: Request
    worlds: Tuple[World, ...]
    account: str


def event_names(policy: Policy) -> Optional[List[str]]:
    """Return the names of the events that a policy denies; None where it does not name its actions one by one."""
    names: List[str] = []
    for statement in parse_document(policy, "scp").statements:
        if statement.effect != "Deny":
            continue
        if statement.not_actions or any("*" in one or "?" in one for one in statement.actions):
            return None
        names.extend(one.partition(":")[2] for one in statement.actions)
    return list(dict.fromkeys(names))


def dry_run(policy: Policy, records: Iterable[Mapping[str, Any]], management_account: str = "") -> DryRun:
    """Judge records; those of the management account, whom no service control policy binds, are passed over."""
    document = parse_document(policy, "scp")
    found: Dict[str, Dict[Tuple[str, str, str], Call]] = {"denied": {}, "unknown": {}}
    accounts: Dict[str, None] = {}
    times: List[str] = []
    seen, judged, passed = set(), 0, 0
    for record in records:
        identity = _text(record, "eventID")
        if identity and identity in seen:
            continue
        seen.add(identity)
        account = _text(record, "recipientAccountId") or _at(record, "userIdentity", "accountId")
        accounts[account] = None
        times.append(_text(record, "eventTime"))
        asked = _asked(record, account)
        if asked is None or account == management_account:
            passed += 1
            continue
        judged += 1
        outcome = _outcome(document, asked)
        if outcome in found:
            _add(found[outcome], record, asked)
    return DryRun(
        _ordered(found["denied"]),
        _ordered(found["unknown"]),
        judged,
        passed,
        tuple(sorted(filter(None, accounts))),
        min(filter(None, times), default=""),
        max(filter(None, times), default=""),
    )


def _outcome(document: Document, asked: _Asked) -> str:
    outcomes = {decide((_EVERYTHING, document), asked.request, world).outcome for world in asked.worlds}
    return outcomes.pop() if len(outcomes) == 1 else "unknown"


def _add(calls: Dict[Tuple[str, str, str], Call], record: Mapping[str, Any], asked: _Asked) -> None:
    request, credential = asked.request, asked.worlds[0].credential
    time = _text(record, "eventTime")
    key = (request.principal or "", credential, request.action)
    before = calls.get(key)
    if before is not None and before.last >= time:
        calls[key] = before._replace(count=before.count + 1)
        return
    count = before.count + 1 if before else 1
    calls[key] = Call(
        key[0], asked.account, credential, request.action, count, time, _text(record, "eventID"),
        _text(record, "sourceIPAddress"),
    )  # fmt: skip


def _ordered(calls: Mapping[Tuple[str, str, str], Call]) -> Tuple[Call, ...]:
    return tuple(sorted(calls.values(), key=lambda call: (-call.count, call)))


# --- what a record says ----------------------------------------------------------------------------------------------


def _asked(record: Mapping[str, Any], account: str) -> Optional[_Asked]:
    """Read a call as a request; None where it was refused, or nobody made it whom policies bind."""
    if _REFUSED.search(_text(record, "errorCode")) or _text(record, "eventType") not in ("", "AwsApiCall"):
        return None
    principal = _principal(record)
    if not principal or _LINKED in principal:
        return None
    service = _text(record, "eventSource").partition(".")[0]
    name = _VERSION.sub("", _text(record, "eventName"))
    if not service or not name:
        return None
    worlds = _worlds(record)
    # Nothing is known of when a session began; only that it is one.
    known = {"aws:viaawsservice": ("true",)} if worlds == (SERVICE,) else dict(direct(worlds[0]))
    action = f"{_PREFIXES.get(service, service)}:{name}"
    return _Asked(Request(action, None, principal, known), worlds, account)


def _principal(record: Mapping[str, Any]) -> str:
    """Return what aws:PrincipalArn says: of a role's session the role."""
    if _at(record, "userIdentity", "type") == "AssumedRole":
        return _at(record, "userIdentity", "sessionContext", "sessionIssuer", "arn")
    return _at(record, "userIdentity", "arn") if _at(record, "userIdentity", "type") in ("IAMUser", "Root") else ""


def _worlds(record: Mapping[str, Any]) -> Tuple[World, ...]:
    if _at(record, "userIdentity", "type") == "AssumedRole":
        return ROLE_SESSIONS
    if _at(record, "userIdentity", "invokedBy") not in ("", *_CONSOLE):
        return (SERVICE,)
    if _text(record, "eventName") == "AssumeRole" and _at(record, "requestParameters", "serialNumber"):
        return (ASSUME_ROLE_WITH_MFA,)
    with_mfa = _at(record, "userIdentity", "sessionContext", "attributes", "mfaAuthenticated")
    if not with_mfa:
        return (LONG_TERM_KEY,)
    return (SESSION_WITH_MFA,) if with_mfa.lower() == "true" else (SESSION_WITHOUT_MFA,)


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _at(record: Mapping[str, Any], *path: str) -> str:
    inner: Any = record
    for key in path[:-1]:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    value = inner.get(path[-1]) if isinstance(inner, Mapping) else None
    return "true" if value is True else value if isinstance(value, str) else ""
