# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a policy's Principal means, and who can present MFA at all.

Private to this collection. Only IAM users (and root) hold MFA devices: an account as a principal stands for them, a
role, a service or an identity provider does not. ``*`` stands for everybody.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterable, NamedTuple, Optional, Tuple

from .condition import Truth, evaluate_condition
from .document import Condition, Statement
from .operators import NEGATED
from .worlds import ROLE_SESSION_ABSENT

__all__ = [
    "Principal",
    "confined_to_roles",
    "confined_to_users",
    "is_of_roles",
    "is_required",
    "overlap",
    "people",
    "read_principal",
    "third_party",
]

_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE = re.compile(r"A(?:IDA|ROA|GPA|NPA|NVA|SCA|BIA|CCA|KIA|SIA)[A-Z0-9]{8,}")
_DEVICES = ("mfa/", "u2f/", "sms-mfa/")
_KINDS = {"user": "user", "role": "role", "assumed-role": "session", "federated-user": "federated_user"}
_PEOPLE = frozenset(("everyone", "account", "user"))

_ROLE_ARNS = (":role/", ":assumed-role/")
# What is true of both is true of every role.
_ANY_ROLES = ("arn:aws:iam::999999999999:role/path/any", "arn:aws:iam::888888888888:role/other")


class Principal(NamedTuple):
    """One entry under AWS.

    ``kind`` is everyone, account, user, role, session, federated_user, unique_id (of what was deleted), device or
    malformed; ``name`` comes without the path.
    """

    kind: str
    text: str
    account: str = ""
    name: str = ""
    partition: str = "aws"

    @property
    def is_person(self) -> bool:
        """Whether somebody with an MFA device can be meant."""
        return self.kind in _PEOPLE

    def example(self) -> str:
        """Name one caller who is meant, as an ARN: an account's are its users."""
        if self.kind in ("everyone", "account"):
            return f"arn:{self.partition}:iam::{self.account or '000000000000'}:user/anybody"
        return self.text


@lru_cache(maxsize=65536)
def read_principal(text: str) -> Principal:
    """Say what an entry under AWS means."""
    if text == "*":
        return Principal("everyone", text)
    if _ACCOUNT.fullmatch(text):
        return Principal("account", text, text)
    parts = text.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and parts[2] in ("iam", "sts"):
        return _read_arn(text, parts[1], parts[4], parts[5])
    return Principal("unique_id" if _UNIQUE.fullmatch(text) else "malformed", text)


def _read_arn(text: str, partition: str, account: str, resource: str) -> Principal:
    if resource == "root":
        return Principal("account", text, account, partition=partition)
    if resource.startswith(_DEVICES):
        return Principal("device", text, account, resource.rpartition("/")[2], partition)
    head, _slash, rest = resource.partition("/")
    kind = _KINDS.get(head, "malformed")
    name = rest.partition("/")[0] if kind == "session" else rest.rpartition("/")[2]
    return Principal(kind, text, account, name, partition)


_EVERYONE = Principal("everyone", "*")


def people(statement: Statement) -> Tuple[Principal, ...]:
    """Give those of a statement's principals who can hold MFA devices; NotPrincipal means all but a few."""
    if statement.principal is not None:
        return tuple([one for one in map(read_principal, statement.principal.aws) if one.is_person])
    return (_EVERYONE,) if statement.not_principal is not None else ()


def overlap(one: Principal, other: Principal) -> Optional[Principal]:
    """Give the narrower of two principals when somebody is meant by both, else None."""
    for narrow, wide in ((one, other), (other, one)):
        if wide.kind == "everyone" or narrow.text == wide.text:
            return narrow
        if wide.kind == "account" and wide.account == narrow.account and narrow.kind != "everyone":
            return narrow
    return None


def third_party(principals: Iterable[Principal], own: Iterable[str]) -> Tuple[Principal, ...]:
    """Give the principals that belong to accounts which are not one's own."""
    known = frozenset(own)
    return tuple(one for one in principals if one.account and one.account not in known)


def is_required(condition: Condition) -> bool:
    """Whether a request must carry the condition's key for it to hold."""
    if condition.base == "null":
        return all(value.lower() == "false" for value in condition.values)
    return not (condition.if_exists or condition.base in NEGATED or condition.quantifier == "forallvalues")


def confined_to_users(statement: Statement) -> bool:
    """Whether its conditions leave roles' sessions, and so everybody who cannot present MFA, out of it."""
    return any(_only_users(condition) for condition in statement.conditions)


def confined_to_roles(statement: Statement) -> bool:
    """Whether its conditions leave only roles' sessions and services in it."""
    return any(is_of_roles(condition) or _is_of_services(condition) for condition in statement.conditions)


def _only_users(condition: Condition) -> bool:
    key, values = condition.key_folded, condition.values
    if key == "aws:username":
        return is_required(condition)
    if not values or condition.base == "null" or condition.quantifier == "forallvalues":
        return False
    # IfExists makes no difference: whoever signs a request has both of these.
    if key == "aws:principaltype":
        return _keeps_out(condition, "AssumedRole")
    if key != "aws:principalarn":
        return False
    if condition.base in NEGATED:
        return all(_keeps_out(condition, arn) for arn in _ANY_ROLES)
    return all(":user/" in value or value.endswith(":root") for value in values)


def _keeps_out(condition: Condition, value: str) -> bool:
    """Whether a condition does not hold for a role's session whose request has this value."""
    return evaluate_condition(condition, ROLE_SESSION_ABSENT, {condition.key_folded: (value,)}) is Truth.NO


def is_of_roles(condition: Condition) -> bool:
    """Whether a condition holds for roles' sessions alone."""
    if not is_required(condition) or condition.base == "null" or not condition.values:
        return False
    key, values = condition.key_folded, condition.values
    if key == "aws:principalarn":
        return all(any(part in value for part in _ROLE_ARNS) for value in values)
    if key == "aws:principaltype":
        return all(value == "AssumedRole" for value in values)
    return key == "aws:userid" and all(value.startswith("AROA") for value in values)


def _is_of_services(condition: Condition) -> bool:
    if not is_required(condition) or condition.base == "null" or not condition.values:
        return False
    return condition.key_folded == "aws:principalisawsservice" and all(
        value.lower() == "true" for value in condition.values
    )
