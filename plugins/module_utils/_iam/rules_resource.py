# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules S09-S12: an MFA device's ARN in a statement where it does not do what it seems to.

Private to this collection. As a Resource a device is effective only for making, deleting and tagging it; everything
else about MFA acts on the user. As a principal a device never acts at all.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator, NamedTuple, Tuple

from .context import AuditContext
from .document import Statement
from .finding import Finding, finding
from .iac import own
from .patterns import action_matches
from .references import (
    CONDITION,
    PRINCIPAL,
    PolicySpots,
    Spot,
    Stated,
    is_pattern,
    place,
    policy_spots,
    stated,
)

__all__ = ["DEVICE_ACTIONS", "USER_ACTIONS", "check_resources"]

#: Actions whose resource is the device.
DEVICE_ACTIONS = (
    "iam:CreateVirtualMFADevice",
    "iam:DeleteVirtualMFADevice",
    "iam:ListMFADeviceTags",
    "iam:TagMFADevice",
    "iam:UntagMFADevice",
)
#: Actions whose resource is the user that holds the device.
USER_ACTIONS = (
    "iam:DeactivateMFADevice",
    "iam:EnableMFADevice",
    "iam:GetMFADevice",
    "iam:ListMFADevices",
    "iam:ResyncMFADevice",
)
_ON_NOTHING = ("iam:ListVirtualMFADevices",)  # knows no resource: * alone
_CREATE = DEVICE_ACTIONS[0]
_OWN_NAME = re.compile(r"arn:[^:]*:iam::[^:]*:mfa/(?:.*/)?\$\{aws:username\}", re.IGNORECASE)
_ANY_NAME = re.compile(r"\*|arn:(?:[^:]*:){4}(?:\*|mfa/\*+|mfa\*+)|arn:\*")
_PRINCIPAL_KEYS = frozenset(("aws:principalarn", "aws:sourcearn"))
_USERNAME = "${aws:username}"


class _Given(NamedTuple):
    policy: PolicySpots
    statement: Statement
    texts: Tuple[Stated, ...]  # that hold a device's ARN


class _Fault(NamedTuple):
    rule: str
    found: Stated
    serial: str  # "" for a pattern
    message: str


_Rule = Callable[[_Given], Iterator[_Fault]]


def check_resources(context: AuditContext) -> Iterator[Finding]:
    """Yield the findings of S09-S12."""
    rules = tuple(rule for name, rule in _RULES if context.can_check(name))
    account, partition = context.account.account_id, context.account.partition
    for policy in policy_spots(context):
        for statement in policy.statements:
            texts = tuple(stated(statement))
            faults = [fault for rule in rules if texts for fault in rule(_Given(policy, statement, texts))]
            for fault in dict.fromkeys(faults):
                for spot in _spots(context, policy, fault):
                    at = place(spot, statement, fault.found)
                    yield finding(
                        fault.rule, account=account, resource=at.resource, document=at.document,
                        statement=at.statement, path=at.path, serial=own(fault.serial, account, partition) or None,
                        message=own(fault.message, account, partition),
                    )  # fmt: skip


def _spots(context: AuditContext, policy: PolicySpots, fault: _Fault) -> Iterator[Spot]:
    """Leave out, for self-management, what only roles carry: automation may well name one device."""
    for at, spot in enumerate(policy.spots):
        if fault.rule == "MFA-S09" and policy.holders and _only_roles(context, spot, policy.holders[at].family):
            continue
        yield spot


def _only_roles(context: AuditContext, spot: Spot, family: str) -> bool:
    if family == "inline":
        return ":role/" in spot.resource
    known = context.account.policies.get(spot.resource)
    return known is not None and bool(known.attachments) and all(":role/" in arn for arn in known.attachments)


def _allows(statement: Statement, actions: Tuple[str, ...]) -> bool:
    if statement.effect != "Allow":
        return False
    if statement.actions:
        return _any_covered(statement.actions, actions)
    return bool(statement.not_actions) and any(not _any_covered(statement.not_actions, (one,)) for one in actions)


def _any_covered(patterns: Tuple[str, ...], actions: Tuple[str, ...]) -> bool:
    return any(action_matches(pattern, action) for pattern in patterns for action in actions)


# --- S09 -------------------------------------------------------------------------------------------------------------


def _hard_coded(given: _Given) -> Iterator[_Fault]:
    if given.policy.kind != "identity" or not _allows(given.statement, DEVICE_ACTIONS):
        return
    # One device among those of a wildcard that is there too is not what the statement hangs on.
    if any(_ANY_NAME.fullmatch(text) for text in given.statement.resources):
        return
    for found in given.texts:
        if found.path == "Resource" and _names_one(found.text):
            message = (
                f"The statement names {found.text} where the user's own devices are meant: one of another name cannot "
                "be "
                "enrolled, and this one's successor cannot be managed. Use mfa/* here, and limit what acts on users to "
                f"user/{_USERNAME}."
            )
            yield _Fault("MFA-S09", found, found.text if not is_pattern(found.text) else "", message)


def _names_one(text: str) -> bool:
    """Return whether the device's own name is written out; account and path may be open."""
    return ":mfa/" in text.lower() and not is_pattern(text.rpartition("/")[2])


# --- S10 -------------------------------------------------------------------------------------------------------------


def _dead_resource(given: _Given) -> Iterator[_Fault]:
    statement = given.statement
    named = [one for one in given.texts if one.path == "Resource"]
    if not named or len(named) < len(statement.resources):
        return
    dead = sorted({action for pattern in statement.actions for action in _dead_actions(pattern)})
    if not dead:
        return
    wanted = "*" if all(action in _ON_NOTHING for action in dead) else f"arn:PARTITION:iam::ACCOUNT:user/{_USERNAME}"
    if wanted != "*" and any(action in _ON_NOTHING for action in dead):
        wanted += f" (and * for {_ON_NOTHING[0]})"
    verb = "is" if len(dead) == 1 else "are"
    consequence = f"{verb} not granted" if statement.effect == "Allow" else f"{verb} not denied"
    found = named[0]
    message = (
        f"{', '.join(dead)} {consequence} by this statement: the resource of {'it' if len(dead) == 1 else 'these'} is "
        "never an "
        f"MFA device. Write {wanted} as Resource."
    )
    yield _Fault("MFA-S10", found, found.text if not is_pattern(found.text) else "", message)


def _dead_actions(pattern: str) -> Tuple[str, ...]:
    """Return what a pattern names of the actions that take no device; nothing where devices are meant as well."""
    if _any_covered((pattern,), DEVICE_ACTIONS):
        return ()
    return tuple(action for action in USER_ACTIONS + _ON_NOTHING if action_matches(pattern, action))


# --- S11 -------------------------------------------------------------------------------------------------------------


def _own_name_only(given: _Given) -> Iterator[_Fault]:
    if given.policy.kind != "identity" or not _allows(given.statement, (_CREATE,)):
        return
    if any(_creates_any(other) for other in given.policy.statements):
        return
    for found in given.texts:
        if found.path == "Resource" and _OWN_NAME.fullmatch(found.text):
            message = (
                "A user can only make a device that is called like the user: since November 2022 devices have names of "
                "their "
                "own, the console asks for one, and a second device needs another. Use mfa/* for "
                "CreateVirtualMFADevice."
            )
            yield _Fault("MFA-S11", found, "", message)


def _creates_any(statement: Statement) -> bool:
    if not _allows(statement, (_CREATE,)):
        return False
    if statement.not_resources:
        return True
    # A wildcard in the name, as in mfa/${aws:username}-*, is room for names too.
    return any(_ANY_NAME.fullmatch(text) or "*" in text.rpartition("/")[2] for text in statement.resources)


# --- S12 -------------------------------------------------------------------------------------------------------------


def _as_principal(given: _Given) -> Iterator[_Fault]:
    for found in given.texts:
        serial = "" if is_pattern(found.text) else found.text
        if found.use == PRINCIPAL:
            message = (
                f"{found.text} is a device, and a device makes no requests: this never matches (IAM refuses such a "
                "policy when "
                "it is saved). Name the user, and require MFA with Bool aws:MultiFactorAuthPresent true."
            )
            yield _Fault("MFA-S12", found, serial, message)
        elif found.use == CONDITION and found.key in _PRINCIPAL_KEYS:
            message = (
                f"No request ever has an MFA device in {found.path.rpartition('.')[2]}: {_outcome(found.operator)} "
                "Name the user's ARN, "
                "and require "
                "MFA with Bool aws:MultiFactorAuthPresent true."
            )
            yield _Fault("MFA-S12", found, serial, message)


def _outcome(operator: str) -> str:
    if "not" in operator:
        return "the condition always holds."
    if operator.endswith("ifexists"):
        return "the condition holds only where the key is absent."
    return "the condition never holds, and so the statement never applies."


_RULES: Tuple[Tuple[str, _Rule], ...] = (
    ("MFA-S09", _hard_coded),
    ("MFA-S10", _dead_resource),
    ("MFA-S11", _own_name_only),
    ("MFA-S12", _as_principal),
)
