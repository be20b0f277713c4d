# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place where an MFA serial can stand, as one kind of value.

Private to this collection. Places are statements of policies (of the account, of its organization, of resources, and
of infrastructure code), settings in infrastructure code, and the AWS configuration of hosts. What CloudTrail recorded
is in trail.py: that is use, not reference.

A text with a wildcard or a policy variable names no device and is no reference.
"""

from __future__ import annotations

import re
from typing import Any, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .account import PolicyRef
from .context import AuditContext, HostSerial
from .document import Statement
from .iac import MARKERS, UNRESOLVED, IacFile, IacPolicy, IacValue, Text, own
from .serial import Serial, parse_serial

__all__ = [
    "CONDITION",
    "PRINCIPAL",
    "RESOURCE",
    "SETTING",
    "Reference",
    "Spot",
    "Stated",
    "find_references",
    "has_marker",
    "is_pattern",
    "policy_spots",
    "profile_place",
    "shown",
    "stated",
    "subjects_of",
]

# What a serial is there for.
RESOURCE = "resource"
PRINCIPAL = "principal"
CONDITION = "condition"
SETTING = "setting"  # mfa_serial and its like: nothing but a serial belongs there

_USER = re.compile(r"arn:[^:]*:iam::[0-9]{12}:user/(?:[^*?$]*/)?([^/*?$]+)")
_BARE = 24  # hardware tokens have 8 to 16 characters; seeds, keys and passwords begin here
_SEED = re.compile(r"[A-Z2-7]{16,}=*", re.IGNORECASE)


class Stated(NamedTuple):
    """One text in one statement that can hold a serial."""

    use: str  # RESOURCE | PRINCIPAL | CONDITION
    text: str
    path: str
    operator: str = ""  # of a condition, folded
    key: str = ""  # of a condition, folded


class Spot(NamedTuple):
    """Where a finding stands."""

    resource: str
    document: str
    statement: Optional[str] = None
    path: str = ""


class Reference(NamedTuple):
    """One reference to an MFA device.

    ``subjects`` are the IAM users that the place is about, nobody where it does not say.
    """

    serial: Serial
    use: str
    spot: Spot
    subjects: FrozenSet[str] = frozenset()
    host: bool = False  # in the configuration of a host

    @property
    def text(self) -> str:
        """The serial as it is written, or "" where that might show a secret."""
        return shown(self.serial)


def shown(serial: Serial) -> str:
    """Return what of a serial may be shown: what stands in a serial's place may be a seed or a key."""
    text = serial.text
    if text[:4].lower() == "arn:" or "/" in text:
        return text[:256]
    return "" if len(text) > _BARE or _SEED.fullmatch(text) else text


def has_marker(text: str) -> bool:
    """Return whether a text can be the ARN of an MFA device."""
    return any(marker in text.lower() for marker in MARKERS)


def is_pattern(text: str) -> bool:
    """Return whether a text stands for more than one, or for what only a request or a run knows."""
    return "*" in text or "?" in text or "${" in text or UNRESOLVED in text


# --- policies --------------------------------------------------------------------------------------------------------


def stated(statement: Statement) -> Iterator[Stated]:
    """Yield every text of a statement that holds an MFA device's ARN, patterns too."""
    return (found for found in _texts(statement) if has_marker(found.text))


def _texts(statement: Statement) -> Iterator[Stated]:
    for element, texts in (("Resource", statement.resources), ("NotResource", statement.not_resources)):
        for text in texts:
            yield Stated(RESOURCE, text, element)
    for element, principals in (("Principal", statement.principal), ("NotPrincipal", statement.not_principal)):
        if principals is not None:
            for text in principals.aws:
                yield Stated(PRINCIPAL, text, f"{element}.AWS")
            for text in (*principals.service, *principals.federated, *principals.canonical):
                yield Stated(PRINCIPAL, text, element)
    for condition in statement.conditions:
        for text in condition.values:
            yield Stated(CONDITION, text, condition.path, condition.operator.lower(), condition.key_folded)


class PolicySpots(NamedTuple):
    """A policy and every place where it stands."""

    statements: Tuple[Statement, ...]
    kind: str  # trust | identity | resource
    spots: Tuple[Spot, ...]  # without statement and path
    holders: Tuple[PolicyRef, ...]  # one for each spot; () in infrastructure code
    iac: bool = False


def policy_spots(context: AuditContext) -> Iterator[PolicySpots]:
    """Yield every policy that names an MFA device anywhere, of the account and of the files."""
    for distinct in context.documents:
        if distinct.mentions_serial:
            kinds = {_KINDS.get(ref.family, "identity") for ref in distinct.places}
            for kind in sorted(kinds):
                refs = tuple(ref for ref in distinct.places if _KINDS.get(ref.family, "identity") == kind)
                spots = tuple(Spot(ref.resource, ref.kind) for ref in refs)
                yield PolicySpots(distinct.document.statements, kind, spots, refs)
    for file in context.options.files:
        for policy in file.policies:
            yield PolicySpots(policy.document.statements, policy.kind, (_policy_spot(file, policy),), (), iac=True)


_KINDS = {"trust": "trust", "resource": "resource"}
_IAC_DOCUMENTS = {"trust": "trust", "identity": "inline", "resource": "resource"}


def _policy_spot(file: IacFile, policy: IacPolicy) -> Spot:
    kind = _IAC_DOCUMENTS[policy.kind]
    return Spot(f"{file.path}:{policy.line}", kind if kind == "trust" else f"{kind}:{policy.address}")


def place(spot: Spot, statement: Statement, found: Stated) -> Spot:
    """Return the place of a text in one of the policy's places; in a file, its own line."""
    resource = spot.resource
    if isinstance(found.text, Text):
        resource = f"{resource.rpartition(':')[0]}:{found.text.line}"
    return Spot(resource, spot.document, statement.label, found.path)


def subjects_of(context: AuditContext, statement: Statement, holder: Optional[PolicyRef]) -> FrozenSet[str]:
    """Return the users that a statement is about.

    The statement's own words come first (user ARNs among its resources or principals), then who carries the policy.
    """
    texts: List[str] = list(statement.resources)
    if statement.principal is not None:
        texts += statement.principal.aws
    named = frozenset(match.group(1) for match in map(_USER.fullmatch, texts) if match)
    if named or holder is None or holder.family not in ("inline", "managed"):
        return named
    if holder.family == "inline":
        match = _USER.fullmatch(holder.resource)
        return frozenset((match.group(1),)) if match else frozenset()
    policy = context.account.policies.get(holder.resource)
    if policy is None or not policy.attachments:
        return frozenset()
    users = [_USER.fullmatch(arn) for arn in policy.attachments]
    return frozenset(match.group(1) for match in users if match) if all(users) else frozenset()


def _of_policies(context: AuditContext) -> Iterator[Reference]:
    account, partition = context.account.account_id, context.account.partition
    for policy in policy_spots(context):
        for statement in policy.statements:
            for found in stated(statement):
                text = own(found.text, account, partition)
                if is_pattern(text):
                    continue
                serial = parse_serial(text)
                for at, spot in enumerate(policy.spots):
                    holder = policy.holders[at] if policy.holders else None
                    subjects = subjects_of(context, statement, holder)
                    yield Reference(serial, found.use, place(spot, statement, found), subjects)


# --- settings --------------------------------------------------------------------------------------------------------


def _of_files(context: AuditContext) -> Iterator[Reference]:
    for file in context.options.files:
        for value in file.values:
            text = own(value.text, context.account.account_id, context.account.partition)
            if not is_pattern(text):
                yield Reference(parse_serial(text), SETTING, _value_spot(file, value))


def _value_spot(file: IacFile, value: IacValue) -> Spot:
    return Spot(f"{file.path}:{value.line}", f"resource:{value.address}", None, value.attribute)


def profile_place(found: HostSerial) -> Spot:
    """Return the place of a setting on a host."""
    return Spot(f"{found.host}:{found.where}", f"profile:{found.profile or '(environment)'}", None, "mfa_serial")


def _of_hosts(context: AuditContext) -> Iterator[Reference]:
    users = {name.lower(): name for name in context.account.users}
    for found in context.options.host_serials:
        if found.serial:
            # A profile is called after whom it is for more often than the host's user is.
            names: Iterable[Any] = (found.profile, found.user)
            subject = next((users[name.lower()] for name in names if name and name.lower() in users), None)
            subjects = frozenset((subject,)) if subject else frozenset()
            yield Reference(parse_serial(found.serial), SETTING, profile_place(found), subjects, host=True)


def find_references(context: AuditContext) -> Iterator[Reference]:
    """Yield every reference to an MFA device, with duplicates where a statement repeats itself."""
    yield from _of_policies(context)
    yield from _of_files(context)
    yield from _of_hosts(context)
