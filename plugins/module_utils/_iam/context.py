# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every rule looks at: the account with its documents parsed once, and what the caller asked for.

Private to this collection. A policy that stands in a thousand places is one Distinct with a thousand places: a rule
judges the document once and then yields a finding for each place.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from .account import Account, CoverageGap, PolicyRef, Role, User
from .catalogue import FILES, RULES, TRAIL
from .document import Document, parse_document
from .errors import DocumentError
from .iac import IacFile
from .placement import at_its_place

__all__ = ["AuditContext", "AuditOptions", "Distinct", "HostSerial", "Place", "Unreadable"]


_ATTACHED = frozenset(("inline", "managed", "boundary", "scp"))


class HostSerial(NamedTuple):
    """A reference to an MFA device in the AWS configuration of a host, or a role profile without one."""

    host: str
    serial: str  # "" for a role profile that names none
    where: str  # the file
    profile: Optional[str] = None
    user: Optional[str] = None  # of the host's operating system
    role_arn: str = ""  # the role that the profile assumes, where it is known


class AuditOptions(NamedTuple):
    """What the caller asked for, and what it knows beside the account."""

    scope: str = "account"  # account | roles
    roles: FrozenSet[str] = frozenset()  # names or ARNs, with scope roles
    trusted_accounts: FrozenSet[str] = frozenset()  # account ids that count as own
    host_serials: Tuple[HostSerial, ...] = ()
    trail_events: Tuple[Mapping[str, Any], ...] = ()
    unassigned_after_days: int = 30
    now: Optional[float] = None  # seconds since 1970; None: ages are not judged
    files: Tuple[IacFile, ...] = ()  # infrastructure code
    inventories: Mapping[str, FrozenSet[str]] = {}  # serials of other accounts, by account id


class Distinct(NamedTuple):
    """One policy text, and every place where it stands."""

    document: Document
    places: Tuple[PolicyRef, ...]
    mentions_mfa: bool  # "mfa" or "multifactor" anywhere in it, in any case: nothing else can hold an MFA key or serial
    mentions_serial: bool  # :mfa/, :u2f/ or :sms-mfa/ anywhere in it


class Place(NamedTuple):
    """One place where a document stands."""

    ref: PolicyRef
    distinct: Distinct

    @property
    def document(self) -> Document:
        """The parsed document."""
        return self.distinct.document


class Unreadable(NamedTuple):
    """A document that is no policy, and why."""

    ref: PolicyRef
    reason: str


class AuditContext:
    """The account as the rules see it."""

    def __init__(self, account: Account, options: AuditOptions) -> None:
        self.account = account
        self.options = options
        self.documents, self.unreadable = _parsed(account.documents())
        # CloudTrail records that the caller has stand in for those that nobody looked up; not for a refused look-up.
        self.trail_events = (*account.trail_events, *options.trail_events)
        given = {TRAIL} if options.trail_events else set()
        self.gaps = (
            *(gap for gap in account.gaps if gap.part not in given or gap.subject),
            *(CoverageGap(FILES, why, subject=file.path) for file in options.files for why in file.problems),
        )
        self.missing = self._missing_parts()
        self._places: Dict[Tuple[str, str], Place] = {
            (ref.resource, ref.kind): Place(ref, distinct) for distinct in self.documents for ref in distinct.places
        }

    def _missing_parts(self) -> FrozenSet[str]:
        missing = {gap.part for gap in self.gaps if not gap.subject}
        # Event names that could not be looked up, one by one, until nothing is left to look at.
        if not self.trail_events and any(gap.part == TRAIL for gap in self.gaps):
            missing.add(TRAIL)
        return frozenset(missing)

    def has(self, part: str) -> bool:
        """Return whether a part of the account (names in the catalogue) was read; single things in it may be gaps."""
        return part not in self.missing

    def can_check(self, rule: str) -> bool:
        """Return whether everything that a rule needs was read."""
        return all(part not in self.missing for part in RULES[rule].needs)

    def place(self, resource: str, kind: str) -> Optional[Place]:
        """Return a document by the ARN it stands at and its kind; None where there is none that could be read."""
        return self._places.get((resource, kind))

    def trust(self, role_arn: str) -> Optional[Place]:
        """Return the trust policy of a role."""
        return self._places.get((role_arn, "trust"))

    def at(self, ref: PolicyRef) -> Optional[Place]:
        """Return the parsed document of a reference that the account gave."""
        return self._places.get((ref.resource, ref.kind))

    def identity_documents(self, principal: Union[User, Role]) -> Iterator[Place]:
        """Yield what grants or denies a user (with its groups) or a role's sessions something, without boundaries."""
        account = self.account
        refs = account.user_policies(principal) if isinstance(principal, User) else account.role_policies(principal)
        for ref in refs:
            place = self.at(ref)
            if place is not None:
                yield place


def _parsed(refs: Iterable[PolicyRef]) -> Tuple[Tuple[Distinct, ...], Tuple[Unreadable, ...]]:
    places: Dict[str, List[PolicyRef]] = {}
    for ref in refs:
        text = ref.text if isinstance(ref.text, str) else repr(ref.text)
        same = places.get(text)
        if same is None:
            places[text] = [ref]
        else:
            same.append(ref)
    distinct: List[Distinct] = []
    unreadable: List[Unreadable] = []
    for text, same in places.items():
        try:
            document = parse_document(same[0].text, f"{same[0].kind} of {same[0].resource}")
        except DocumentError as exc:
            unreadable.extend(Unreadable(ref, exc.detail) for ref in same)
            continue
        families = {ref.family for ref in same}
        if len(families) == 1 or families <= _ATTACHED:
            document = at_its_place(document, families)
        # Of what was parsed, not of the text that came: escapes and URL encoding hide letters.
        content = (repr(document.obj) if isinstance(same[0].text, str) else text).lower()
        serial = ":mfa/" in content or ":u2f/" in content or ":sms-mfa/" in content
        distinct.append(Distinct(document, tuple(same), "mfa" in content or "multifactor" in content, serial))
    return tuple(distinct), tuple(unreadable)
