# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guardrail does to each kind of credential, worked out before it is put anywhere.

Private to this collection. A line of the proof is one request, what becomes of it for each credential, and what should;
a document is refused where the two differ, where the evaluator cannot decide, and where the audit's own rules find a
fault in it. Requests are decided by the evaluator of the audit (``_iam.decide``) for direct requests and, in the column
``service``, for what an AWS service asks for in a user's name.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    ManagedPolicy,
    OrganizationPolicy,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import audit
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import severity_rank
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Decision, Request, decide
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import (
    Document,
    Statement,
    parse_document,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.effect import requests_of
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.patterns import Known
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    ASSUME_ROLE_WITH_MFA,
    LONG_TERM_KEY,
    ROLE_SESSIONS,
    SERVICE,
    SESSION_WITH_MFA,
    SESSION_WITHOUT_MFA,
    World,
)

from .documents import NEEDED, Choices, Policy

__all__ = ["COLUMNS", "Line", "Proof", "direct", "failures_of", "prove", "prove_service_control", "table"]

ALLOWED, DENIED, UNTOUCHED = "allowed", "denied", "untouched"
_ACCOUNT = "123456789012"
_MOST_NAMED = 8
_EVERYTHING = parse_document(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "everything"
)


class Credential(NamedTuple):
    """One column: whose requests, the worlds that it may stand for, and what they carry beside MFA's keys."""

    name: str
    shown: str
    worlds: Tuple[World, ...]
    principal: str  # the ARN's last part
    known: Known


def direct(world: World) -> Known:
    """Say what a request that nobody passes on carries: temporary credentials have a time of issue."""
    issued = None if world is LONG_TERM_KEY else ("2026-01-01T00:00:00Z",)
    return {"aws:viaawsservice": ("false",), "aws:tokenissuetime": issued}


_PASSED_ON: Known = {"aws:viaawsservice": ("true",), "aws:tokenissuetime": None}
# A name that an exemption of some users does not mean.
_USER = "user/7-guardrails-proof-7"
_SSO = "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
COLUMNS = (
    Credential("long_term_key", "key", (LONG_TERM_KEY,), _USER, direct(LONG_TERM_KEY)),
    Credential("session_without_mfa", "session", (SESSION_WITHOUT_MFA,), _USER, direct(SESSION_WITHOUT_MFA)),
    Credential(
        "session_with_mfa", "with MFA", (ASSUME_ROLE_WITH_MFA, SESSION_WITH_MFA), _USER, direct(SESSION_WITH_MFA)
    ),
    Credential("role_session", "role", ROLE_SESSIONS, "role/ci", direct(ROLE_SESSIONS[0])),
    Credential("sso_session", "SSO", ROLE_SESSIONS, _SSO, direct(ROLE_SESSIONS[0])),
    Credential("service", "service", (SERVICE,), _USER, _PASSED_ON),
)
_PEOPLE = COLUMNS[:3]


class Line(NamedTuple):
    """One request: what becomes of it and what should, by credential; a credential without a wish is only shown."""

    request: str
    outcomes: Mapping[str, str]
    wanted: Mapping[str, str]

    @property
    def wrong(self) -> Tuple[str, ...]:
        """The credentials for which it is not as it should be."""
        return tuple([name for name, want in self.wanted.items() if self.outcomes[name] != want])


class Proof(NamedTuple):
    """What was worked out about one document."""

    part: str
    lines: Tuple[Line, ...]
    faults: Tuple[str, ...]  # what the audit finds in it

    @property
    def failures(self) -> Tuple[str, ...]:
        """Why it must not be applied; empty when it may."""
        return (*[text for line in self.lines for text in failures_of(line)], *self.faults)


_WHY = {
    ("role_session", DENIED): "a role's session carries no MFA, so that pipelines and programs stop",
    ("sso_session", DENIED): "a session of IAM Identity Center carries no MFA towards IAM, so that people stop",
    ("long_term_key", ALLOWED): "a request signed with an access key carries no MFA key at all",
    ("session_with_mfa", DENIED): "whoever has MFA is stopped too",
}


def failures_of(line: Line) -> Iterator[str]:
    """Say in words what is not as it should be."""
    for name in line.wrong:
        outcome, want = line.outcomes[name], line.wanted[name]
        why = _WHY.get((name, outcome))
        yield f"{line.request} is {outcome} for {name}, and should be {want}{f': {why}' if why else ''}"


# --- the policies of users -------------------------------------------------------------------------------------------


def prove(part: str, policy: Policy, choices: Choices) -> Proof:
    """Work out what one of the guardrails does."""
    if part == "scp":
        return prove_service_control(policy, choices.partition)
    document = parse_document(policy, part)
    wishes = _wishes_of_self_management(choices) if part == "self_management" else _wishes_of_resync()
    lines = tuple([_of_users(document, wish, choices.partition) for wish in wishes])
    name = f"arn:{choices.partition}:iam::{_ACCOUNT}:policy/{part}"
    account = Account(_ACCOUNT, choices.partition, policies={name: ManagedPolicy(name, part, "v1", {"v1": policy}, ())})
    return Proof(part, lines, _faults(account, name))


class Wish(NamedTuple):
    """What should become of a request, in the order key, session, session with MFA: + is allowed, - denied."""

    action: str
    on: str  # own | other | own_device | other_device | anything
    people: str
    beside: bool = False  # beside rights to everything, which the policy limits


_ON = {
    "own": (_USER, "one's own user"),
    "other": ("user/bob", "another user"),
    "own_device": ("mfa/anything", "a new device"),
    "other_device": ("mfa/bob", "another user's device"),
    "anything": ("", ""),
}


def _wishes_of_self_management(choices: Choices) -> Sequence[Wish]:
    enrol = {"keys": "+++", "console": "-++", "administrator": "---"}[choices.enrolment]
    remove = "---" if choices.enrolment == "administrator" else "--+"
    return (
        Wish("iam:CreateVirtualMFADevice", "own_device", enrol),
        Wish("iam:EnableMFADevice", "own", enrol),
        Wish("iam:EnableMFADevice", "other", "---"),
        Wish("iam:ListMFADevices", "own", "+++"),
        Wish("iam:ResyncMFADevice", "own", "+++"),
        Wish("iam:ResyncMFADevice", "other", "---"),
        Wish("iam:DeactivateMFADevice", "own", remove),
        Wish("iam:DeactivateMFADevice", "other", "---"),
        Wish("iam:DeleteVirtualMFADevice", "other_device", "---"),
        # MFA alone gives nothing: what it opens is granted elsewhere, or not at all.
        Wish("iam:CreateAccessKey", "own", "---"),
        Wish("ec2:RunInstances", "anything", "---"),
        Wish("sts:GetSessionToken", "anything", "+++", beside=True),
        Wish("iam:ResyncMFADevice", "own", "+++", beside=True),
        Wish("iam:DeactivateMFADevice", "own", "--+", beside=True),
        Wish("iam:CreateAccessKey", "own", "--+", beside=True),
        Wish("ec2:RunInstances", "anything", "--+", beside=True),
    )


def _wishes_of_resync() -> Sequence[Wish]:
    return (
        Wish("iam:ListMFADevices", "own", "+++"),
        Wish("iam:ResyncMFADevice", "own", "+++"),
        Wish("iam:ResyncMFADevice", "other", "---"),
        Wish("iam:EnableMFADevice", "own", "---"),
        Wish("iam:DeactivateMFADevice", "own", "---"),
        Wish("ec2:RunInstances", "anything", "---"),
    )


def _of_users(document: Document, wish: Wish, partition: str) -> Line:
    last, words = _ON[wish.on]
    resource = f"arn:{partition}:iam::{_ACCOUNT}:{last}" if last else "*"
    documents = (document, _EVERYTHING) if wish.beside else (document,)
    outcomes = {one.name: _outcome(documents, wish.action, resource, one, partition) for one in _PEOPLE}
    wanted = {one.name: ALLOWED if sign == "+" else DENIED for one, sign in zip(_PEOPLE, wish.people)}
    # The policy is attached to users: others do not have it.
    others = {one.name: UNTOUCHED for one in COLUMNS[3:5]}
    words = f"{wish.action}{f' on {words}' if words else ''}{' (with all rights)' if wish.beside else ''}"
    shown = {"service": _outcome(documents, wish.action, resource, COLUMNS[5], partition)}
    return Line(words, {**outcomes, **others, **shown}, wanted)


# --- service control policies ----------------------------------------------------------------------------------------


def prove_service_control(policy: Policy, partition: str = "aws") -> Proof:
    """Work out what the statements on MFA of a service control policy do, beside the AWS policy that allows everything.

    Statements that do not look at MFA limit everybody alike, and are nobody's business here.
    """
    whole = parse_document(policy, "scp")
    denials = tuple([one for one in whole.statements if one.effect == "Deny" and one.has_mfa])
    document = whole._replace(statements=denials)
    lines = [_stopped(document, request, partition) for denial in denials for request in _samples(denial)]
    if denials:
        lines += [_spared(document, action, partition) for action in NEEDED]
    account = Account(_ACCOUNT, organization_policies=(OrganizationPolicy("scp", "scp", policy),))
    return Proof("scp", tuple(_merged(lines)), _faults(account, "scp"))


def _samples(denial: Statement) -> Iterator[Request]:
    for action in denial.actions:
        yield requests_of(denial._replace(actions=(action,)), _ACCOUNT)[0]
    if not denial.actions:
        yield requests_of(denial, _ACCOUNT)[0]


def _stopped(document: Document, request: Request, partition: str) -> Line:
    wanted = dict.fromkeys((one.name for one in COLUMNS), ALLOWED)
    wanted.update(long_term_key=DENIED, session_without_mfa=DENIED)
    # Whether to spare what services do for users is the owner's choice: it is shown.
    del wanted["service"]
    return _of_everybody(document, request.action, request.resource or "*", wanted, partition)


def _spared(document: Document, action: str, partition: str) -> Line:
    user = f"arn:{partition}:iam::{_ACCOUNT}:{_USER}"
    return _of_everybody(document, action, user, {one.name: ALLOWED for one in _PEOPLE}, partition)


def _of_everybody(document: Document, action: str, resource: str, wanted: Mapping[str, str], partition: str) -> Line:
    outcomes = {one.name: _outcome((_EVERYTHING, document), action, resource, one, partition) for one in COLUMNS}
    return Line(action, outcomes, wanted)


def _merged(lines: Sequence[Line]) -> Iterator[Line]:
    """Put requests of which the same becomes into one line; wrong ones first."""
    groups: Dict[Tuple[Tuple[str, str], ...], List[Line]] = {}
    for line in lines:
        groups.setdefault((*sorted(line.outcomes.items()), ("", ""), *sorted(line.wanted.items())), []).append(line)
    for same in sorted(groups.values(), key=lambda group: not group[0].wrong):
        names = list(dict.fromkeys(line.request for line in same))
        most = _MOST_NAMED if same[0].wrong else 1
        shown = ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
        yield same[0]._replace(request=shown)


# --- both ------------------------------------------------------------------------------------------------------------


def _outcome(documents: Sequence[Document], action: str, resource: str, credential: Credential, partition: str) -> str:
    """Say what becomes of a request; of two readings of one credential the worse for whoever relies on it: unknown."""
    principal = f"arn:{partition}:iam::{_ACCOUNT}:{credential.principal}"
    request = Request(action, resource, principal, credential.known)
    outcomes = {_plain(decide(documents, request, world)) for world in credential.worlds}
    return outcomes.pop() if len(outcomes) == 1 else "unknown"


def _plain(decision: Decision) -> str:
    return DENIED if decision.outcome == "implicit" else decision.outcome


def _faults(account: Account, resource: str) -> Tuple[str, ...]:
    """Return what the audit's rules say about the document, from medium on."""
    found = audit(account, AuditOptions()).findings
    return tuple(
        f"{one.rule}: {one.message}"
        for one in found
        if one.resource == resource and severity_rank(one.severity) <= severity_rank("medium")
    )


def table(proofs: Sequence[Proof], width: Optional[int] = None) -> List[str]:
    """Write proofs as lines of text, a column for each credential; a ! marks what is not as it should be."""
    rows = [(proof.part, line) for proof in proofs for line in proof.lines]
    widest = max([len(line.request) for _part, line in rows] + [7])
    first = min(widest, width) if width else widest
    text = [f"{'':{first}}  " + "  ".join(f"{one.shown:9}" for one in COLUMNS).rstrip()]
    part = ""
    for here, line in rows:
        if here != part:
            part = here
            text.append(f"{part}:")
        cells = [line.outcomes[one.name] + ("!" if one.name in line.wrong else "") for one in COLUMNS]
        text.append(f"{line.request:{first}}  " + "  ".join(f"{cell:9}" for cell in cells).rstrip())
    return text
