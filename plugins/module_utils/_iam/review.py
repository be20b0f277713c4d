# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies in infrastructure code, judged by what they say alone: no account is there to ask.

Private to this collection. The rules are the audit's own, run over an account that holds nothing but these policies;
only those count whose findings hold whatever the account is like (TEXT_RULES). What a run of the code would have to
fill in is a policy variable to them, and what they could not judge because of it is in the result.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Sequence, Set, Tuple

from .account import Account, CoverageGap, InlinePolicy, ManagedPolicy, OrganizationPolicy, ResourcePolicy, Role
from .audit import audit
from .catalogue import AUTHORIZATION, FILES, ORGANIZATION, PARTS
from .context import AuditContext, AuditOptions
from .document import MFA_KEYS, Document, Problem
from .finding import Finding, order
from .iac import FILE, UNRESOLVED, IacFile, IacPolicy, IacUse, own
from .iac_tree import SERIAL_NOT_JUDGED
from .review_lines import Places

__all__ = ["POLICY_RULES", "TEXT_RULES", "Reviewed", "Unjudged", "file_candidates", "review"]

_CONDITIONS = tuple(f"MFA-C{number:02}" for number in range(1, 13))
_OF_FILES = frozenset(("MFA-D06", "MFA-S07", "MFA-S09", "MFA-S10", "MFA-S11", "MFA-S12"))
#: The rules whose findings a text alone proves.
TEXT_RULES: FrozenSet[str] = _OF_FILES.union(
    _CONDITIONS, ("MFA-T02", "MFA-T03", "MFA-T04", "MFA-T05", "MFA-G02", "MFA-G03", "MFA-G04")
)
#: Those of them that are about policies; the others are about seeds, and serials outside of policies.
POLICY_RULES: FrozenSet[str] = TEXT_RULES - {"MFA-D06", "MFA-S07"}

_ACCOUNT = "000000000000"
_PARTITION = "aws"
_VARIABLE = "${not-known-before-a-run-%d}"
_NAMED = "${not-known-before-a-run-"
_OPEN = re.compile(rf"{re.escape(_NAMED)}\d+\}}")
_HOLDERS = f"arn:{_PARTITION}:iam::{_ACCOUNT}:"
_SERVICE = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
# A policy that roles carry, and no user.
_OF_ROLES = frozenset(
    (
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_ssoadmin_permission_set_inline_policy",
        "AWS::IAM::Role",
        "AWS::IAM::RolePolicy",
    )
)
_OF_ORGANIZATIONS = frozenset(("aws_organizations_policy", "AWS::Organizations::Policy"))
_DATA = "data."
_PROBLEM = re.compile(r"(?::([0-9]+))?:? ?(.*)", re.DOTALL)


class Unjudged(NamedTuple):
    """Something that could not be judged, and why."""

    resource: str  # file:line, or the file
    document: str  # as a finding has it, "" for a whole file
    reason: str


class Reviewed(NamedTuple):
    """What the rules found, the worst first, what they could not judge, and how many policies there were."""

    findings: Tuple[Finding, ...]
    unjudged: Tuple[Unjudged, ...]
    policies: int


class _Held(NamedTuple):
    """One policy of the code, and the holder that it has in the account."""

    file: IacFile
    policy: IacPolicy
    kind: str  # trust | identity | role | scp | resource
    holder: str
    name: str  # what a finding calls the document
    obj: Mapping[str, Any]

    @property
    def place(self) -> str:
        """The file and line where it begins."""
        return f"{self.file.path}:{self.policy.line}"


def review(
    files: Sequence[IacFile],
    text_of: Callable[[str], str] = lambda _path: "",
    *,
    beside: Sequence[IacFile] = (),
) -> Reviewed:
    """Judge what is in files.

    ``text_of`` gives a file's text, to find lines in. Files ``beside`` them are not judged: they say what the policy
    documents of their folder are used for.
    """
    held = _held(files, beside)
    account = _account(held)
    options = AuditOptions(files=tuple(file._replace(problems=()) for file in files))
    places = Places(text_of)
    by_holder = {one.holder: one for one in held}
    found: Dict[Any, Finding] = {}
    for one in audit(account, options).findings:
        if one.rule in TEXT_RULES and _NAMED not in one.path:
            carrier = by_holder.get(one.resource)
            if (carrier is None) == (one.rule in _OF_FILES):
                placed = one if carrier is None else _placed(one, carrier, places)
                found[order(placed)] = placed._replace(account="")
    unjudged = [*_of_files(files, {file.path for file in (*files, *beside)}), *_of_policies(account, by_holder)]
    return Reviewed(tuple(found[key] for key in sorted(found)), tuple(dict.fromkeys(unjudged)), len(held))


# --- the account -----------------------------------------------------------------------------------------------------


def _held(files: Sequence[IacFile], beside: Sequence[IacFile]) -> List[_Held]:
    users = _users((*files, *beside))
    held: List[_Held] = []
    for file in files:
        for policy in file.policies:
            for kind in sorted(_kinds(file, policy, users)):
                holder = f"{_HOLDERS}{'role' if kind in ('trust', 'role') else 'policy'}/in-code-{len(held)}"
                held.append(_Held(file, policy, kind, holder, _name(kind, policy), _Known().of(policy.document.obj)))
    return held


def _users(files: Sequence[IacFile]) -> Dict[Tuple[str, str], Set[str]]:
    """Say which types of resources use a document of a folder: to Terraform, a folder is one module."""
    uses: Dict[Tuple[str, str], List[IacUse]] = {}
    paths = {file.path for file in files}
    for file in files:
        for use in file.uses:
            for path in file_candidates(file.path, use):
                if path in paths:
                    uses.setdefault(("", path), []).append(use)
            uses.setdefault((_folder(file), use.name), []).append(use)
    return {key: _types(key, uses, set()) for key in uses}


def _types(key: Tuple[str, str], uses: Mapping[Tuple[str, str], List[IacUse]], seen: Set[Tuple[str, str]]) -> Set[str]:
    """Return the types of the resources that use a document, by way of other documents too."""
    types: Set[str] = set()
    if key not in seen:
        seen.add(key)
        for use in uses.get(key, ()):
            through = (key[0], use.address.rpartition(".")[2])
            if use.address.startswith(_DATA) and through in uses:
                types |= _types(through, uses, seen)
            else:
                types.add(use.resource_type)
    return types


def file_candidates(path: str, use: IacUse) -> Tuple[str, ...]:
    """Return where the file of file("...") may be; () when the use is of something else."""
    if not use.name.startswith(FILE):
        return ()
    name = use.name[len(FILE) :]
    return tuple(
        dict.fromkeys(posixpath.normpath(one) for one in (posixpath.join(posixpath.dirname(path), name), name))
    )


def _folder(file: IacFile) -> str:
    return file.path.rpartition("/")[0]


def _kinds(file: IacFile, policy: IacPolicy, users: Mapping[Tuple[str, str], Set[str]]) -> Set[str]:
    types = {policy.resource_type}
    if policy.address.startswith(_DATA):
        name = policy.address.rpartition(".")[2]
        types = users.get((_folder(file), name), types)
    elif not policy.address:
        types = users.get(("", file.path), types)
    return {_kind(policy.kind, one) for one in types}


def _kind(kind: str, resource_type: str) -> str:
    if kind != "identity":
        return kind
    if resource_type in _OF_ORGANIZATIONS:
        return "scp"
    return "role" if resource_type in _OF_ROLES else "identity"


def _name(kind: str, policy: IacPolicy) -> str:
    if kind == "trust":
        return "trust"
    family = {"scp": "scp", "resource": "resource"}.get(kind, "inline")
    return f"{family}:{policy.address or policy.attribute or 'policy'}"


class _Known:
    """Writes what is not known as policy variables: the rules know that one can be anything. No two are the same."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, obj: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the document as the rules take it."""
        known: Dict[str, Any] = self._value(obj)
        if self._count:
            known["Version"] = "2012-10-17"  # the older one has no variables
        return known

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        while UNRESOLVED in text:
            self._count += 1
            text = text.replace(UNRESOLVED, _VARIABLE % self._count, 1)
        return own(text, _ACCOUNT, _PARTITION)


def _account(held: Sequence[_Held]) -> Account:
    roles: List[Role] = []
    policies: List[ManagedPolicy] = []
    scps: List[OrganizationPolicy] = []
    resources: List[ResourcePolicy] = []
    for one in held:
        name = one.holder.rpartition("/")[2]
        if one.kind == "trust":
            roles.append(Role(name, one.holder, "", one.obj))
        elif one.kind == "role":
            roles.append(Role(name, one.holder, "", _SERVICE, inline=(InlinePolicy(name, one.obj),)))
        elif one.kind == "scp":
            scps.append(OrganizationPolicy(name, name, one.obj, one.holder))
        elif one.kind == "resource":
            resources.append(ResourcePolicy(one.holder, one.obj))
        else:
            policies.append(ManagedPolicy(one.holder, name, "v1", {"v1": one.obj}))
    judged = (AUTHORIZATION, ORGANIZATION, FILES)
    return Account(
        _ACCOUNT,
        _PARTITION,
        roles={role.arn: role for role in roles},
        policies={policy.arn: policy for policy in policies},
        organization_policies=tuple(scps),
        resource_policies=tuple(resources),
        gaps=tuple(CoverageGap(part, "only code is looked at") for part in PARTS if part not in judged),
    )


def _placed(found: Finding, held: _Held, places: Places) -> Finding:
    line = places.line(held.file.path, held.policy, found)
    message = found.message.replace(held.holder, "the role").replace(_ACCOUNT, "ACCOUNT")
    return found._replace(resource=f"{held.file.path}:{line}", document=held.name, message=message)


# --- what could not be judged ----------------------------------------------------------------------------------------


def _of_files(files: Sequence[IacFile], known: Set[str]) -> Iterator[Unjudged]:
    for file in files:
        for problem in file.problems:
            # Whether a device exists is for the audit of an account.
            if not problem.endswith(SERIAL_NOT_JUDGED):
                line, what = _parted(file.path, problem)
                yield Unjudged(f"{file.path}:{line}" if line else file.path, "", what)
        for one in file.unread:
            where = f"inline:{one.address or one.attribute}"
            yield Unjudged(f"{file.path}:{one.line}", where, f"{one.attribute} {one.why}")
        for use in file.uses:
            candidates = file_candidates(file.path, use)
            if candidates and not known.intersection(candidates):
                why = f"{use.attribute} is the file {candidates[0].replace(UNRESOLVED, '...')}, which was not looked at"
                yield Unjudged(f"{file.path}:{use.line}", f"inline:{use.address or use.attribute}", why)


def _parted(path: str, problem: str) -> Tuple[str, str]:
    """Return the line and the words of a problem, which begins with the file's path."""
    match = _PROBLEM.fullmatch(problem[len(path) :]) if problem.startswith(path) else None
    return (match.group(1) or "", match.group(2)) if match else ("", problem)


def _of_policies(account: Account, by_holder: Mapping[str, _Held]) -> Iterator[Unjudged]:
    context = AuditContext(account, AuditOptions())
    for lost in context.unreadable:
        held = by_holder[lost.ref.resource]
        yield Unjudged(held.place, held.name, lost.reason)
    for distinct in context.documents:
        for ref in distinct.places:
            carrier = by_holder.get(ref.resource)
            if carrier is not None and not (carrier.kind == "role" and ref.kind == "trust"):
                for reason in _reasons(distinct.document):
                    yield Unjudged(carrier.place, carrier.name, reason)


def _reasons(document: Document) -> Iterator[str]:
    unknown = list(_unknown(document))
    for path, reason in unknown:
        yield f"{path}: {reason}"
    paths = [path for path, _reason in unknown]
    for problem in document.problems:
        if not any(_is_within(problem, path) for path in paths):
            yield f"{problem.path}: {problem.message}"


def _is_within(problem: Problem, path: str) -> bool:
    return problem.path == path or problem.path.startswith(f"{path}.")


def _unknown(document: Document) -> Iterator[Tuple[str, str]]:
    """Yield the parts that decide on MFA and are not known."""
    for statement in document.statements:
        path, obj = f"Statement[{statement.index}]", statement.obj
        if not isinstance(obj, dict):
            if _is_open(obj):
                yield path, "the statement is not known before a run"
            continue
        for name in ("Effect", "Action", "NotAction"):
            if name in obj and _is_open(obj[name]) and (name == "Effect" or statement.has_mfa):
                yield f"{path}.{name}", "it is not known before a run"
        if "Condition" in obj and _condition_is_open(obj["Condition"]):
            yield f"{path}.Condition", "a part of it that may be about MFA is not known before a run"


def _condition_is_open(block: Any) -> bool:
    if not isinstance(block, dict):
        return _is_open(block)
    for operator, keys in block.items():
        if _NAMED in operator or (not isinstance(keys, dict) and _is_open(keys)):
            return True
        for key, values in keys.items() if isinstance(keys, dict) else ():
            if _may_be_mfa(key) or (key.lower() in MFA_KEYS and _is_open(values)):
                return True
    return False


def _may_be_mfa(key: str) -> bool:
    """Whether a key of which a part is not known may be one about MFA: issuer:sub never is."""
    if _NAMED not in key:
        return False
    pattern = ".*".join(map(re.escape, _OPEN.split(key.lower())))
    return any(re.fullmatch(pattern, known) for known in MFA_KEYS)


def _is_open(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_open(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return any(map(_is_open, value))
    return isinstance(value, str) and _NAMED in value
