# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policy documents decide about one request, made with one kind of credential.

Private to this collection. Statements combine as IAM combines them within one kind of policy: an explicit Deny wins,
one Allow that applies is enough, and nothing at all is an implicit denial. Where a part is unknown that the outcome
turns on, the outcome is unknown, and says by which statements and keys.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .condition import NOTHING, Truth, all_of, any_of, negate, statement_applies, truth_of
from .document import Document, Principals, Statement
from .patterns import Known, action_matches, action_overlaps, literal, matches, resolve
from .worlds import World

__all__ = [
    "Decision",
    "Ground",
    "Request",
    "action_matches",
    "action_overlaps",
    "decide",
    "known_of",
    "matches",
    "statement_covers",
]


class Request(NamedTuple):
    """What is asked for, by whom.

    ``resource`` and ``principal`` are None where they are not part of the question: statements that name particular
    ones are then unknown. ``principal`` is an ARN (user, role, account root, role session, provider) or a service's
    name. ``known`` is what else the request is known to carry, by folded key.
    """

    action: str
    resource: Optional[str] = None
    principal: Optional[str] = None
    known: Optional[Known] = None


class Ground(NamedTuple):
    """A statement that an outcome rests on."""

    document: str
    statement: str  # its label
    index: int  # type: ignore[assignment] # hides tuple.index


class Decision(NamedTuple):
    """``allowed``, ``denied`` (explicitly), ``implicit`` (nothing allows it) or ``unknown``, and why."""

    outcome: str
    by: Tuple[Ground, ...] = ()
    unknown_keys: Tuple[str, ...] = ()


def decide(documents: Sequence[Document], request: Request, world: World) -> Decision:
    """Combine all statements of the documents: of one kind of policy, since kinds limit each other."""
    known = known_of(request)
    found: Dict[Tuple[str, Truth], List[Ground]] = {}
    keys: List[str] = []
    for document in documents:
        for statement in document.statements:
            truth, unknown_keys = _statement_truth(statement, request, known, world)
            if truth is not Truth.NO:
                ground = Ground(document.name, statement.label, statement.index)
                found.setdefault((statement.effect, truth), []).append(ground)
                keys.extend(key for key in unknown_keys if key not in keys)
    return _combine(found, tuple(keys))


def _combine(found: Dict[Tuple[str, Truth], List[Ground]], keys: Tuple[str, ...]) -> Decision:
    denies, allows = found.get(("Deny", Truth.YES)), found.get(("Allow", Truth.YES))
    if denies:
        return Decision("denied", tuple(denies))
    maybe_allow = found.get(("Allow", Truth.UNKNOWN), [])
    maybe_deny = found.get(("Deny", Truth.UNKNOWN), [])
    either = found.get(("", Truth.YES), []) + found.get(("", Truth.UNKNOWN), [])
    if either or (maybe_deny and (allows or maybe_allow)) or (maybe_allow and not allows):
        return Decision("unknown", tuple(maybe_deny + either + maybe_allow), keys)
    return Decision("allowed", tuple(allows)) if allows else Decision("implicit")


def _statement_truth(
    statement: Statement, request: Request, known: Known, world: World
) -> Tuple[Truth, Tuple[str, ...]]:
    covers = statement_covers(statement, request, known)
    if covers is Truth.NO:
        return covers, ()
    applies = statement_applies(statement, world, known)
    return all_of((covers, applies.truth)), applies.unknown_keys


def statement_covers(statement: Statement, request: Request, known: Optional[Known] = None) -> Truth:
    """Whether a statement is about this action, resource and principal, whatever its conditions say."""
    action = _action_truth(statement, request.action)
    if action is Truth.NO:
        return action
    if known is None:
        known = known_of(request)
    return all_of((action, _principal_truth(statement, request), _resource_truth(statement, request, known)))


# --- action and resource ---------------------------------------------------------------------------------------------


def _action_truth(statement: Statement, action: str) -> Truth:
    if statement.actions:
        named = any(action_matches(pattern, action) for pattern in statement.actions)
        return Truth.YES if named else _unless_malformed(statement)
    if statement.not_actions:
        excepted = any(action_matches(pattern, action) for pattern in statement.not_actions)
        return truth_of(not excepted)
    return Truth.UNKNOWN  # IAM takes no such statement


def _unless_malformed(statement: Statement) -> Truth:
    """No, unless a part was lost that might have said yes."""
    return Truth.UNKNOWN if statement.malformed else Truth.NO


def _resource_truth(statement: Statement, request: Request, known: Known) -> Truth:
    if statement.resources:
        named = _any_resource(statement, statement.resources, request.resource, known)
        return _unless_malformed(statement) if named is Truth.NO else named
    if statement.not_resources:
        return negate(_any_resource(statement, statement.not_resources, request.resource, known))
    return Truth.YES  # a trust policy's: the role itself


def _any_resource(statement: Statement, patterns: Iterable[str], resource: Optional[str], known: Known) -> Truth:
    return any_of([_one_resource(pattern, resource, known, statement.variables) for pattern in patterns])


def _one_resource(pattern: str, resource: Optional[str], known: Known, variables: bool) -> Truth:  # noqa: FBT001
    if pattern == "*":
        return Truth.YES
    if resource is None:
        return Truth.UNKNOWN
    if not variables or "${" not in pattern:
        return truth_of(matches(pattern, resource))
    resolved = resolve(pattern, known, wildcards=True)
    if not matches(resolved.text, literal(resource)):
        return Truth.NO
    return Truth.YES if resolved.whole else Truth.UNKNOWN


# --- principal -------------------------------------------------------------------------------------------------------


def _principal_truth(statement: Statement, request: Request) -> Truth:
    if statement.principal is not None:
        named = _named(statement.principal, request.principal)
        return _unless_malformed(statement) if named is Truth.NO else named
    if statement.not_principal is not None:
        return _not_named(statement, statement.not_principal, request.principal)
    return Truth.YES  # an identity policy: whoever it is attached to


def _named(principals: Principals, caller: Optional[str]) -> Truth:
    if principals.everyone:
        return Truth.YES
    if caller is None:
        return Truth.UNKNOWN
    if caller in principals.service or caller in principals.federated or caller in principals.canonical:
        return Truth.YES
    return any_of([_names(entry, caller) for entry in principals.aws])


def _names(entry: str, caller: str) -> Truth:
    """Whether an entry under AWS means this caller. An account means everybody in it; part of an ARN means nobody."""
    if entry == caller:
        return Truth.YES
    actual = caller.split(":", 5)
    if len(actual) != 6 or actual[2] not in ("iam", "sts") or _is_provider(actual[5]):
        return Truth.NO
    if entry == actual[4] and entry:
        return Truth.YES
    wanted = entry.split(":", 5)
    if len(wanted) != 6 or (wanted[1], wanted[4]) != (actual[1], actual[4]):
        return Truth.NO
    if (wanted[2], wanted[5]) == ("iam", "root"):
        return Truth.YES
    return _names_session(wanted[5], actual[5])


def _is_provider(resource: str) -> bool:
    return resource.startswith(("saml-provider/", "oidc-provider/"))


def _names_session(wanted: str, actual: str) -> Truth:
    """Compare a role with a session of it; a session's ARN lacks the role's path."""
    if wanted.startswith("role/") and actual.startswith("assumed-role/"):
        return truth_of(wanted.rpartition("/")[2] == actual.split("/")[1])
    if wanted.startswith("assumed-role/") and actual.startswith("role/"):
        same = wanted.split("/")[1] == actual.rpartition("/")[2]
        return Truth.UNKNOWN if same else Truth.NO  # some of its sessions
    return Truth.NO


def _not_named(statement: Statement, principals: Principals, caller: Optional[str]) -> Truth:
    """Whether a statement is about somebody whom NotPrincipal does not except.

    An account there excepts the account itself, not everybody in it. A Deny checks the account before who is in it,
    so that who is excepted without their account may be denied all the same.
    """
    if caller is None:
        return Truth.UNKNOWN
    if statement.malformed:
        return Truth.UNKNOWN
    excepted = _named(principals._replace(aws=tuple([one for one in principals.aws if not _is_account(one)])), caller)
    if caller in principals.aws:
        excepted = Truth.YES
    if excepted is not Truth.YES:
        return negate(excepted)
    parts = caller.split(":", 5)
    if statement.effect == "Deny" and len(parts) == 6 and not principals.everyone:
        accounts = (parts[4], ":".join([*parts[:2], "iam", "", parts[4], "root"]))
        return Truth.NO if any(account in principals.aws for account in accounts) else Truth.UNKNOWN
    return Truth.NO


def _is_account(entry: str) -> bool:
    return entry.endswith(":root") or (len(entry) == 12 and entry.isdigit())


# --- what a request says of itself -----------------------------------------------------------------------------------


def known_of(request: Request) -> Known:
    """Give the context keys that follow from who asks, and those the request was said to carry."""
    known: Dict[str, Optional[Tuple[str, ...]]] = dict(_known_of_principal(request.principal))
    if request.known:
        known.update(request.known)
    return known


def _known_of_principal(caller: Optional[str]) -> Known:
    parts = (caller or "").split(":", 5)
    if len(parts) != 6 or parts[2] not in ("iam", "sts") or _is_provider(parts[5]):
        return NOTHING
    known: Dict[str, Optional[Tuple[str, ...]]] = {"aws:principalaccount": (parts[4],)}
    kind, _slash, name = parts[5].partition("/")
    if kind == "user" and caller:
        known.update({
            "aws:principalarn": (caller,), "aws:principaltype": ("User",), "aws:username": (name.rpartition("/")[2],),
        })  # fmt: skip
    elif kind == "root" and caller:
        known.update({"aws:principalarn": (caller,), "aws:principaltype": ("Account",), "aws:username": None})
    elif kind == "role" and caller:
        known.update({"aws:principalarn": (caller,), "aws:principaltype": ("AssumedRole",), "aws:username": None})
    elif kind == "assumed-role":
        known.update({"aws:principaltype": ("AssumedRole",), "aws:username": None})
    return known
