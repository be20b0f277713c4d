# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place that names one user: by the serials of its MFA devices, its unique id, its ARN or its name.

Private to this collection. Unlike references.py, which asks of every serial whether it is right, this looks for given
texts, and so looks everywhere: in any element of a statement, in versions of policies that are not in force, and in
documents that are no policies. A text with wildcards is reported where it means this one user or device and not all
its neighbours: ``mfa/alice*`` is, ``mfa/*`` is not.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple
from urllib.parse import unquote

from .context import AuditContext
from .document import Statement, parse_document
from .errors import DocumentError
from .iac import Text, own
from .patterns import matches
from .references import Spot, profile_place
from .trail import Use, events_of, uses

__all__ = [
    "SERIAL",
    "UNIQUE_ID",
    "USER",
    "CodeLine",
    "Subject",
    "UserReference",
    "expression",
    "find_user_references",
    "uses_of",
]

SERIAL = "serial"
UNIQUE_ID = "unique_id"
USER = "user"  # its ARN, or its name in a condition on aws:username

_FILLER = "\ue020"  # no name has it
_USERNAME = ".aws:username"
_MOST_LAYERS = 4  # of URL encoding


class Subject(NamedTuple):
    """Who is looked for. Ids are AIDA...; a user that was deleted and made anew has had several."""

    name: str
    arns: Tuple[str, ...]
    ids: Tuple[str, ...]
    serials: Tuple[str, ...]


class CodeLine(NamedTuple):
    """A line of a file that holds one of the texts."""

    path: str
    line: int
    text: str  # the one that was looked for, not the line


class UserReference(NamedTuple):
    """One place that names the user or a device of the user's."""

    kind: str  # SERIAL | UNIQUE_ID | USER
    value: str  # which serial, id, ARN or name
    exact: bool  # not by a wildcard
    spot: Spot
    in_force: bool = True  # not in an old version of a managed policy


class _Hit(NamedTuple):
    kind: str
    value: str
    exact: bool


class _Finder:
    """Looks for the subject in one text after the other."""

    def __init__(self, subject: Subject) -> None:
        self._name = subject.name
        self._kinds: Dict[str, str] = {
            **dict.fromkeys(subject.arns, USER),
            **dict.fromkeys(subject.ids, UNIQUE_ID),
            **dict.fromkeys(subject.serials, SERIAL),
        }
        self._neighbours = {value: _neighbour(value) for value in self._kinds}
        # The longest first: mfa/alice is the beginning of mfa/alice-2.
        ordered = sorted(self._kinds, key=len, reverse=True)
        self._exact = re.compile("|".join(map(expression, ordered))) if ordered else None

    def hits(self, text: str, path: str = "") -> Iterator[_Hit]:
        """Yield what of the subject a text names, each once."""
        found = set(self._exact.findall(text)) if self._exact is not None else set()
        for value in sorted(found):
            yield _Hit(self._kinds[value], value, exact=True)
        if ("*" in text or "?" in text) and "${" not in text:
            for value, kind in self._kinds.items():
                if value not in found and matches(text, value) and not matches(text, self._neighbours[value]):
                    yield _Hit(kind, value, exact=False)
        if text and text == self._name and path.lower().endswith(_USERNAME):
            yield _Hit(USER, text, exact=True)


def expression(value: str) -> str:
    """Return the regular expression that finds a serial, an id or an ARN as a whole."""
    # An id may stand before a colon (AIDA...:session); nothing stands inside an ARN or a longer word.
    return rf"(?<![\w+=/,.@:-]){re.escape(value)}(?![\w+=/,.@-])"


def _neighbour(value: str) -> str:
    """Return what stands beside a value, with the same path and length, and is certainly not it."""
    at = value.rfind("/") + 1 if value.startswith("arn:") else 0
    if value.startswith("AIDA"):
        at = len("AIDA")
    return value[:at] + _FILLER * (len(value) - at)


def find_user_references(
    context: AuditContext, subject: Subject, lines: Sequence[CodeLine] = ()
) -> Tuple[UserReference, ...]:
    """Return every place that names the subject, in the order of the places; ``lines`` are those found in files."""
    finder = _Finder(subject)
    found = [*_in_policies(context, finder), *_in_files(context, finder), *_on_hosts(context, finder)]
    seen = {(one.spot.resource, one.value) for one in found}
    for line in lines:
        place = f"{line.path}:{line.line}"
        # The lines know no language: what a reader of the language has found says more.
        if (place, line.text) not in seen:
            found.extend(
                UserReference(hit.kind, hit.value, hit.exact, Spot(place, "code")) for hit in finder.hits(line.text)
            )
    return tuple(sorted(dict.fromkeys(found), key=_order))


def _order(found: UserReference) -> Tuple[Any, ...]:
    spot = found.spot
    return (not found.in_force, spot.resource, spot.document, spot.statement or "", spot.path, found.kind, found.value)


# --- policies --------------------------------------------------------------------------------------------------------


def _in_policies(context: AuditContext, finder: _Finder) -> Iterator[UserReference]:
    for distinct in context.documents:
        for hit, statement, path in _in_statements(finder, distinct.document.statements):
            for ref in distinct.places:
                yield UserReference(*hit, Spot(ref.resource, ref.kind, statement, path))
    for broken in context.unreadable:
        for hit in finder.hits(_plain(broken.ref.text)):
            yield UserReference(*hit, Spot(broken.ref.resource, broken.ref.kind))
    yield from _in_old_versions(context, finder)


def _in_old_versions(context: AuditContext, finder: _Finder) -> Iterator[UserReference]:
    for policy in context.account.policies.values():
        for version, text in policy.versions.items():
            if version == policy.default:
                continue
            kind = f"managed:{policy.arn}@{version}"
            try:
                statements = parse_document(text, kind).statements
            except DocumentError:
                for hit in finder.hits(_plain(text)):
                    yield UserReference(*hit, Spot(policy.arn, kind), in_force=False)
                continue
            for hit, statement, path in _in_statements(finder, statements):
                yield UserReference(*hit, Spot(policy.arn, kind, statement, path), in_force=False)


def _in_statements(finder: _Finder, statements: Sequence[Statement]) -> Iterator[Tuple[_Hit, str, str]]:
    for statement in statements:
        for path, text in _texts(statement.obj):
            for hit in finder.hits(text, path):
                yield hit, statement.label, path


def _texts(value: Any, path: str = "") -> Iterator[Tuple[str, str]]:
    """Yield every text of a statement, whether or not it stands where IAM would take it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if path or key != "Sid":
                yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner, path)


def _plain(text: Any) -> str:
    """Return the text of what is no policy, without its URL encoding."""
    plain = text if isinstance(text, str) else repr(text)
    for _layer in range(_MOST_LAYERS):
        plain = unquote(plain)
    return plain


# --- code and hosts --------------------------------------------------------------------------------------------------


def _in_files(context: AuditContext, finder: _Finder) -> Iterator[UserReference]:
    account, partition = context.account.account_id, context.account.partition
    for file in context.options.files:
        for policy in file.policies:
            for statement in policy.document.statements:
                for path, text in _texts(statement.obj):
                    line = text.line if isinstance(text, Text) else policy.line
                    for hit in finder.hits(own(text, account, partition), path):
                        spot = Spot(f"{file.path}:{line}", f"code:{policy.address}", statement.label, path)
                        yield UserReference(*hit, spot)
        for value in file.values:
            for hit in finder.hits(own(value.text, account, partition)):
                spot = Spot(f"{file.path}:{value.line}", f"code:{value.address}", None, value.attribute)
                yield UserReference(*hit, spot)


def _on_hosts(context: AuditContext, finder: _Finder) -> Iterator[UserReference]:
    for found in context.options.host_serials:
        for hit in finder.hits(found.serial):
            yield UserReference(*hit, profile_place(found))


# --- CloudTrail ------------------------------------------------------------------------------------------------------


def uses_of(context: AuditContext, subject: Subject) -> Tuple[Tuple[str, int, Use], ...]:
    """Return each serial of the subject's that CloudTrail shows in use, how often, and its last use."""
    found: Dict[str, List[Use]] = {}
    for use in uses(events_of(context)):
        if use.serial.text in subject.serials:
            found.setdefault(use.serial.text, []).append(use)
    return tuple((serial, len(same), max(same, key=_time)) for serial, same in sorted(found.items()))


def _time(use: Use) -> str:
    # CloudTrail writes UTC to the second, so that texts order as times do.
    return use.time
