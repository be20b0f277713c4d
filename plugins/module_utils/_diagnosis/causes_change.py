# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a policy changed shortly before MFA began to fail.

Private to this collection. A change counts when it touches the user, one of its groups, a policy that it carries, the
role that is asked for, or the organization's policies over the account.
"""

from __future__ import annotations

from typing import Callable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import PolicyRef
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import Document, parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import DocumentError

from . import commands, kinds
from .case import Case, Draft, of_failures
from .model import Evidence, Known
from .policy_view import about_mfa
from .timeline import ORGANIZATION_EVENTS, Failure, PolicyEvent

__all__ = ["causes"]

_REMOVALS = ("Delete", "Detach", "Remove")


class _Change(NamedTuple):
    event: PolicyEvent
    what: str  # "the inline policy mfa of the user alice"
    asks: Optional[bool]  # for MFA; None: not known
    kind: str  # of the document, for the command that shows it
    resource: str


def causes(case: Case) -> Iterator[Draft]:
    """Yield the changes that may be the cause, as one: the last before the failures first."""
    found = [change for change in (_read(case, event) for event in case.timeline.changes) if change is not None]
    denied = case.of(kinds.DENIED)
    scored = [(_score(case, change, denied), change) for change in found]
    telling = [pair for pair in scored if pair[0] >= 0.3]
    if not telling:
        return
    score = max(one for one, _change in telling)
    changes = [change for one, change in sorted(telling, key=lambda pair: -pair[0])]
    first = changes[0]
    after = tuple(one for one in denied if one.seconds is None or one.seconds >= first.event.seconds)
    evidence = (*[_evidence(change) for change in changes[:4]], *_since(first, after), *of_failures(after))
    question = case.question
    yield Draft(
        "recent_policy_change", f"{first.what[0].upper()}{first.what[1:]} changed shortly before", score, evidence,
        "The failures began after the change, and end when it is taken back or MFA is used.",
        (
            commands.get_policy(question, first.kind, first.resource),
            commands.lookup(question, first.event.operation, "Shows who changed it, and when."),
            commands.simulate(question, "", case.user_arn),
        ),
        ("records", "policies"),
    )  # fmt: skip


def _evidence(change: _Change) -> Evidence:
    event = change.event
    asks = {True: " It asks for MFA.", False: "", None: " Whether it asks for MFA is not known."}[change.asks]
    text = f"{event.operation} by {event.by}: {change.what}.{asks}"
    return Evidence("policy_change", text, event.time, event.event_id, source="cloudtrail")


def _since(change: _Change, after: Tuple[Failure, ...]) -> Tuple[Evidence, ...]:
    timed = [one for one in after if one.seconds is not None]
    if not timed or timed[0].seconds is None:
        return ()
    minutes = (timed[0].seconds - change.event.seconds) / 60
    text = f"The first refusal came {minutes:.0f} minutes after the change."
    return (Evidence("pattern", text, timed[0].time, timed[0].event_id, source="cloudtrail"),)


def _score(case: Case, change: _Change, denied: Tuple[Failure, ...]) -> float:
    """Weigh a change: whether it asks for MFA, and whether refusals by policies follow it and none came before."""
    asks = {True: 1.0, None: 0.75, False: 0.66}[change.asks]
    timed = [one.seconds for one in denied if one.seconds is not None]
    before = [one for one in timed if one < change.event.seconds]
    if len(timed) > len(before):
        return asks * (0.55 if before else 0.9)
    if any(one.seconds is None for one in denied):
        return asks * 0.8  # pasted: when is not known
    if case.failures and not denied:
        # A policy refuses no code. But who never needed one may need it now.
        return asks * 0.45
    return asks * 0.52 if not denied else 0.0


# --- what a change touches -------------------------------------------------------------------------------------------


def _read(case: Case, event: PolicyEvent) -> Optional[_Change]:
    for suffixes, reader in _READERS:
        if event.operation in suffixes:
            return reader(case, event)
    return None


def _text(event: PolicyEvent, key: str) -> str:
    value = event.parameters.get(key)
    return value if isinstance(value, str) else ""


def _of_user(case: Case, event: PolicyEvent) -> Optional[_Change]:
    name = _text(event, "userName")
    if not case.question.user or name != case.question.user:
        return None
    if event.operation in ("AddUserToGroup", "RemoveUserFromGroup"):
        group = _text(event, "groupName")
        asks = any(f":group/{group}" in ref.resource and _asks(ref.text) for ref in _policies(case))
        what = f"the membership of {name} in the group {group}"
        return _Change(
            event, what, asks and event.operation == "AddUserToGroup", "inline:POLICY", f"arn:aws:iam:::group/{group}"
        )
    return _held(case, event, f"the user {name}", case.user_arn or f"arn:aws:iam:::user/{name}")


def _of_group(case: Case, event: PolicyEvent) -> Optional[_Change]:
    name = _text(event, "groupName")
    if case.user is None or name not in case.user.groups:
        return None
    return _held(case, event, f"the group {name}", f"arn:aws:iam:::group/{name}")


def _held(case: Case, event: PolicyEvent, holder: str, resource: str) -> _Change:
    """Read a change of what a user or group carries: an inline policy, an attached one, a boundary."""
    arn = _text(event, "policyArn") or _text(event, "permissionsBoundary")
    removed = event.operation.startswith(_REMOVALS)
    if arn:
        what = f"{arn} on {holder}"
        refs = [ref for ref in _policies(case) if ref.resource == arn]
        asks = None if not refs and not removed else any(_asks(ref.text) for ref in refs)
        return _Change(event, what, False if removed else asks, f"managed:{arn}", arn)
    name = _text(event, "policyName")
    what = f"the inline policy {name} of {holder}" if name else f"the permissions boundary of {holder}"
    asks = False if removed else _asks(event.parameters.get("policyDocument"))
    return _Change(event, what, asks, f"inline:{name}", resource)


def _of_version(case: Case, event: PolicyEvent) -> Optional[_Change]:
    arn = _text(event, "policyArn")
    refs = [ref for ref in _policies(case) if ref.resource == arn]
    if not arn or (isinstance(case.facts.policies, Known) and not refs):
        return None
    if event.operation == "CreatePolicyVersion" and event.parameters.get("setAsDefault") in (False, "false"):
        return None
    asks = _asks(event.parameters.get("policyDocument"))
    if asks is None and refs:
        asks = any(_asks(ref.text) for ref in refs)
    return _Change(event, f"the policy {arn}", asks, refs[0].kind if refs else f"managed:{arn}", arn)


def _of_role(case: Case, event: PolicyEvent) -> Optional[_Change]:
    name = _text(event, "roleName")
    role = case.question.role_arn or next((one.role_arn for one in reversed(case.failures) if one.role_arn), "")
    if not name or role.rpartition("/")[2] != name:
        return None
    document = event.parameters.get("policyDocument") or event.parameters.get("assumeRolePolicyDocument")
    return _Change(event, f"the trust policy of the role {name}", _asks(document), "trust", role)


def _of_organization(case: Case, event: PolicyEvent) -> Optional[_Change]:
    known = case.facts.scps.value if isinstance(case.facts.scps, Known) else None
    name = _text(event, "policyId")
    refs = [ref for ref in known or () if ref.kind == f"scp:{name}"]
    if not name or (known is not None and not refs and event.operation != "DetachPolicy"):
        return None
    asks = _asks(event.parameters.get("content"))
    if asks is None and refs:
        asks = any(_asks(ref.text) for ref in refs)
    removed = event.operation == "DetachPolicy"
    return _Change(event, f"the organization's policy {name}", False if removed else asks, f"scp:{name}", name)


def _policies(case: Case) -> Tuple[PolicyRef, ...]:
    found: List[PolicyRef] = list(case.facts.policies.value) if isinstance(case.facts.policies, Known) else []
    if isinstance(case.facts.boundary, Known) and case.facts.boundary.value is not None:
        found.append(case.facts.boundary.value)
    return tuple(found)


def _asks(text: object) -> Optional[bool]:
    """Say whether a document has conditions on MFA; None where there is none to read."""
    if not isinstance(text, (str, Mapping)) or not text:
        return None
    try:
        document: Document = parse_document(dict(text) if isinstance(text, Mapping) else text, "policy")
    except DocumentError:
        return None
    return any(about_mfa(statement) for statement in document.statements)


_Reader = Callable[[Case, PolicyEvent], Optional[_Change]]
_READERS: Tuple[Tuple[Tuple[str, ...], _Reader], ...] = (
    (
        (
            "PutUserPolicy", "DeleteUserPolicy", "AttachUserPolicy", "DetachUserPolicy", "AddUserToGroup",
            "RemoveUserFromGroup", "PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary",
        ),
        _of_user,
    ),
    (("PutGroupPolicy", "DeleteGroupPolicy", "AttachGroupPolicy", "DetachGroupPolicy"), _of_group),
    (("CreatePolicyVersion", "SetDefaultPolicyVersion"), _of_version),
    (("UpdateAssumeRolePolicy", "CreateRole"), _of_role),
    (ORGANIZATION_EVENTS, _of_organization),
)  # fmt: skip
