# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guardrails: MFA-G01 to MFA-G07.

Private to this collection. What users can do is in rules_guardrail_users; here is what one document says by itself
(self-management, service control policies) and what watches the account (AWS Config, CloudWatch).
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .account import ConfigRule, MetricFilter
from .condition import Truth
from .context import AuditContext
from .decide import action_matches, matches
from .document import Document, Statement
from .effect import Draft, effect_of, is_stopped, requests_of
from .finding import Finding, Witness, finding
from .principals import confined_to_users
from .rules_guardrail_users import check_users
from .worlds import LONG_TERM_KEY

__all__ = ["check"]

_IDENTITY = frozenset(("inline", "managed"))

# What changes a user's way to sign in.
_OF_USERS = (
    "iam:ChangePassword",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:DeactivateMFADevice",
    "iam:DeleteAccessKey",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "iam:UpdateAccessKey",
    "iam:UpdateLoginProfile",
)
_ME = "alice"
_VARIABLE = "${aws:username}"
_OTHERS = ("user/bob", "user/team/bob", "user/alice2")


def check(context: AuditContext) -> Iterator[Finding]:
    """Yield what is wrong with the guardrails."""
    for distinct in context.documents:
        if not distinct.mentions_mfa:
            continue
        drafts: Dict[str, List[Draft]] = {}
        for ref in distinct.places:
            family = ref.family
            if family not in drafts:
                drafts[family] = list(_judge(distinct.document, family, context.account.account_id))
            for draft in drafts[family]:
                yield draft.at(context, ref)
    yield from check_users(context)
    yield from _config_rules(context)
    yield from _sign_in_alarm(context)


def _judge(document: Document, family: str, account: str) -> Iterator[Draft]:
    if family in _IDENTITY:
        yield from _others_reached(document)
    elif family == "scp" and document.has_mfa:
        for statement in document.statements:
            if statement.effect == "Deny" and statement.has_mfa:
                yield from _service_control(document, statement, account)


# --- MFA-G03 ---------------------------------------------------------------------------------------------------------


def _others_reached(document: Document) -> Iterator[Draft]:
    """Yield statements of a self-management policy that reach more than oneself."""
    if not any(_VARIABLE in resource.lower() for one in document.statements for resource in one.resources):
        return
    for statement in document.statements:
        if statement.effect != "Allow" or not _manages(statement):
            continue
        reached = _reached(statement)
        if reached:
            yield Draft(
                "MFA-G03",
                statement,
                f"The policy is for users to manage themselves, and {reached!r} reaches other users too. Use "
                "arn:aws:iam::*:user/${aws:username}.",
                "Resource",
                Witness("session_with_mfa", "allowed"),
            )


def _manages(statement: Statement) -> bool:
    """Whether it names, rather than includes in everything, what changes how users sign in."""
    if any(pattern.lower() in ("*", "iam:*") for pattern in statement.actions):
        return False
    return any(action_matches(pattern, action) for pattern in statement.actions for action in _OF_USERS)


def _reached(statement: Statement) -> str:
    """Give the first resource that fits somebody else's user, "" when there is none."""
    for resource in statement.resources:
        parts = resource.split(":")
        partition, account = parts[1] if len(parts) > 5 else "aws", parts[4] if len(parts) > 5 else ""
        # A pattern that names its account is tried in that account.
        head = f"arn:{_plain(partition, 'aws')}:iam::{_plain(account, '123456789012')}:"
        pattern = resource.replace(_VARIABLE, _ME) if statement.variables else resource
        if any(matches(pattern, head + other) for other in _OTHERS):
            return resource
    return ""


def _plain(part: str, default: str) -> str:
    return part if part and "*" not in part and "?" not in part else default


# --- MFA-G04 ---------------------------------------------------------------------------------------------------------


def _service_control(document: Document, statement: Statement, account: str) -> Iterator[Draft]:
    effect = effect_of(statement)
    paths = [condition.path for condition in statement.conditions if condition.is_mfa]
    if effect.fresh is not Truth.NO or not paths:
        return
    keys_pass = effect.key is Truth.NO and effect.session is Truth.YES
    if keys_pass and not is_stopped(document, requests_of(statement, account), LONG_TERM_KEY):
        yield Draft(
            "MFA-G04",
            statement,
            "The policy stops no access key: requests signed with one do not carry aws:MultiFactorAuthPresent. "
            "Use BoolIfExists.",
            paths[0],
            Witness("long_term_key", "allowed"),
        )
    if Truth.YES in (effect.key, effect.session) and not confined_to_users(statement):
        yield Draft(
            "MFA-G04",
            statement,
            "The policy asks every principal for MFA, and sessions of roles (of programs, of pipelines, of IAM "
            "Identity Center) carry none: it stops them too. Limit it to IAM users: ArnLike aws:PrincipalArn "
            "arn:*:iam::*:user/*.",
            paths[0],
            Witness("role_session", "denied"),
        )


# --- MFA-G06 ---------------------------------------------------------------------------------------------------------

_CONFIG = {
    "IAM_USER_MFA_ENABLED": "users without MFA",
    "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS": "console users without MFA",
    "ROOT_ACCOUNT_MFA_ENABLED": "a root user without MFA",
    "ROOT_ACCOUNT_HARDWARE_MFA_ENABLED": "a root user without hardware MFA",
}


def _config_rules(context: AuditContext) -> Iterator[Finding]:
    if not context.can_check("MFA-G06"):
        return
    account = context.account
    active = {rule.identifier for rule in account.config_rules if _is_active(rule)}
    there = {rule.identifier: rule for rule in account.config_rules}
    for identifier, what in _CONFIG.items():
        if identifier in active or (identifier.startswith("ROOT_") and account.partition != "aws"):
            continue
        rule = there.get(identifier)
        state = f"is {rule.state} (rule {rule.name})" if rule else "is not set up"
        yield _of_account(context, "MFA-G06", f"The AWS Config rule {identifier}, which reports {what}, {state}.")


def _is_active(rule: ConfigRule) -> bool:
    return rule.state.upper() in ("ACTIVE", "EVALUATING", "")


def _of_account(context: AuditContext, rule: str, message: str, path: str = "") -> Finding:
    account = context.account
    return finding(
        rule,
        account=account.account_id,
        resource=f"arn:{account.partition}:iam::{account.account_id}:root",
        document="account",
        message=message,
        path=path,
    )


# --- MFA-G07 ---------------------------------------------------------------------------------------------------------

_SIGN_IN = re.compile(r'\$\.eventName\s*=\s*"?ConsoleLogin"?', re.IGNORECASE)
_MFA_USED = re.compile(r'\$\.(additionalEventData\.MFAUsed)\s*(!=|=)\s*"?([^"\s)}]*)"?', re.IGNORECASE)
_EXACT = re.compile(r'\$\.eventName\s*=\s*"?ConsoleLogin"?')
_TYPE = re.compile(r'\$\.userIdentity\.type\s*=\s*"?(?:IAMUser|Root)"?')
_NO_ROLE = re.compile(r'\$\.userIdentity\.(?:type\s*!=\s*"?AssumedRole|arn\s*!=\s*"?[^"]*assumed-role)')


class _Fault(NamedTuple):
    """What is wrong with a metric filter."""

    message: str
    path: str


def _sign_in_alarm(context: AuditContext) -> Iterator[Finding]:
    if not context.can_check("MFA-G07"):
        return
    candidates = [one for one in context.account.metric_filters if _watches(one)]
    if not candidates:
        yield _of_account(
            context,
            "MFA-G07",
            "No metric filter counts sign-ins without MFA (ConsoleLogin with additionalEventData.MFAUsed other than "
            "Yes): there is no such metric but what a filter makes.",
        )
        return
    faults = [(one, _fault(one)) for one in candidates]
    if any(fault is None for _one, fault in faults):
        return
    for one, fault in faults:
        if fault is not None:
            name = f"The metric filter {one.name} of {one.log_group or 'its log group'}"
            yield _of_account(context, "MFA-G07", f"{name} {fault.message}", f"{fault.path}:{one.name}")


def _watches(one: MetricFilter) -> bool:
    return bool(_SIGN_IN.search(one.pattern) and _MFA_USED.search(one.pattern))


def _fault(one: MetricFilter) -> Optional[_Fault]:
    return _fault_of_pattern(one.pattern) or _fault_of_alarms(one)


def _fault_of_pattern(pattern: str) -> Optional[_Fault]:
    match = _MFA_USED.search(pattern)
    if match is None or not _EXACT.search(pattern) or match.group(1) != "additionalEventData.MFAUsed":
        return _Fault("misses every event: names in filters count by case, and one of them is off.", "pattern")
    compare, value = match.group(2), match.group(3)
    if value in ("Yes", "No"):
        if (compare, value) in (("=", "Yes"), ("!=", "No")):
            return _Fault("counts the sign-ins with MFA instead of those without.", "pattern")
    elif value.lower() in ("yes", "no"):
        what = "never matches" if compare == "=" else "matches every sign-in"
        return _Fault(f"compares MFAUsed with {value!r}, which {what}: CloudTrail writes Yes and No.", "pattern")
    if not _TYPE.search(pattern) and not _NO_ROLE.search(pattern):
        return _Fault(
            "counts sign-ins through IAM Identity Center and other federation, which always say No: limit it to "
            "$.userIdentity.type = IAMUser.",
            "pattern",
        )
    return None


def _fault_of_alarms(one: MetricFilter) -> Optional[_Fault]:
    if one.alarms is None:
        return None
    acting: Tuple[Optional[int], ...] = tuple(
        alarm.subscribers for alarm in one.alarms if alarm.enabled and alarm.actions
    )
    if not acting:
        return _Fault("counts, and no alarm that does anything watches its metric.", "alarm")
    if all(count == 0 for count in acting):
        return _Fault("has an alarm, and nobody is subscribed to what it notifies.", "alarm")
    return None
