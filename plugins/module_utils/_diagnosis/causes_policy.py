# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes that lie in policies: MFA is asked of who has none, nobody can meet the condition, or it changed of late.

Private to this collection. What a policy does is said by the evaluator, for the request that was refused where it is
known, and else for what its statements are about.
"""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.decide import Request

from . import commands, kinds
from .case import Case, Draft, of_failure, of_failures
from .model import Command, Evidence, Known
from .policy_view import Place
from .timeline import Failure

__all__ = ["causes"]

_DEVICE_CHANGES = ("EnableMFADevice", "DeactivateMFADevice", "CreateVirtualMFADevice", "DeleteVirtualMFADevice")
_RESTS = ("devices", "policies")
_MOST = 4  # statements in the evidence of one cause


def causes(case: Case) -> Iterator[Draft]:
    """Yield what is wrong with policies, or with how a request was made before them."""
    yield from _half_presented(case)
    yield from _called_with_session(case)
    for request, refused in case.requests():
        asked = case.policies.asked(request)
        by_scp = any(place.ref.family == "scp" for place in asked)
        limited = () if by_scp else tuple(one for one in refused if one.lacking)
        if limited:
            yield _not_allowed_by_organization(case, limited)
            if limited == refused:
                continue
        denied = tuple(one for one in refused if one not in limited)
        yield from _dead(case, request, denied)
        yield from _role_session(case, request, denied)
        yield from _own_devices(case, denied)
        yield from _without_device(case, asked, denied)
        yield from _not_presented(case, request, asked, denied)
        yield from _no_permission(case, request, asked, denied)


def _statements(places: Tuple[Place, ...], what: str) -> Tuple[Evidence, ...]:
    return tuple(
        Evidence("statement", f"{place.text} ({place.statement.effect}) {what}", statement=place.text, source="iam")
        for place in places[:_MOST]
    )


# --- condition_never_holds -------------------------------------------------------------------------------------------


def _dead(case: Case, request: Optional[Request], denied: Tuple[Failure, ...]) -> Iterator[Draft]:
    dead = case.policies.dead(request) if request is not None else ()
    score = 0.94 if denied else 0.82
    if not dead:
        dead, score = case.policies.dead(None), 0.55 if denied else 0.4
    if not dead:
        return
    refused = tuple(of_failure(one) for one in denied[:_MOST])
    what = "has an MFA condition that does not let through who used MFA, whatever the code."
    first = dead[0]
    steps: List[Command] = [commands.get_policy(case.question, first.ref.kind, first.ref.resource)]
    steps += [commands.remediate_role(first.ref.resource)] if first.ref.family == "trust" else [commands.audit()]
    if first.ref.family != "trust":
        action = request.action if request is not None else ""
        steps.append(commands.simulate(case.question, action, case.user_arn))
    yield Draft(
        "condition_never_holds", "An MFA condition can never hold", score, (*_statements(dead, what), *refused),
        "The evaluator refuses the request with MFA and without; it is taken once the condition is corrected.",
        tuple(steps), ("policies",) if first.ref.family != "trust" else ("trust",),
    )  # fmt: skip


# --- role_session_without_mfa ----------------------------------------------------------------------------------------


def _called_with_session(case: Case) -> Iterator[Draft]:
    called = case.of(kinds.SESSION)
    if called:
        text = "GetSessionToken takes the user's own access key only, and the credentials are temporary."
        yield _session_draft(case, 0.9, (*of_failures(called), Evidence("failure", text, source="error_text")), ())


def _role_session(case: Case, request: Optional[Request], denied: Tuple[Failure, ...]) -> Iterator[Draft]:
    sessions = tuple(one for one in denied if one.is_session)
    if not sessions:
        return
    caller = sessions[-1].principal
    text = f"{caller} is the session of a role: it carries no MFA, whatever was used to open it."
    evidence = (*of_failures(sessions), Evidence("failure", text, sessions[-1].time, sessions[-1].event_id))
    asks: Tuple[Place, ...] = ()
    # What else a role's policies deny a session is no matter of MFA: an explicit deny is likelier to be one.
    score = 0.68 if any(one.explicit_deny or one.operation == "AssumeRole" for one in sessions) else 0.5
    rests: Tuple[str, ...] = ("trust",)
    if request is not None and request.action == "sts:AssumeRole" and isinstance(case.facts.trust, Known):
        asks = case.policies.refuses_sessions(request._replace(principal=caller))
        score = 0.94 if asks else 0.3
        rests = ()
    what = "asks for MFA, which the session of a role cannot present."
    yield _session_draft(case, score, (*evidence, *_statements(asks, what)), rests)


def _session_draft(case: Case, score: float, evidence: Tuple[Evidence, ...], rests: Tuple[str, ...]) -> Draft:
    return Draft(
        "role_session_without_mfa", "A role's session asks, and those carry no MFA", score, evidence,
        "The same call with the user's own access key, serial and code is taken.",
        (
            commands.caller(case.question),
            commands.assume_role(
                case.question, case.own_serial,
                why="Assumes the role directly, with the user's own access key (source_profile) and a code.",
            ),
        ),
        rests,
    )  # fmt: skip


# --- needs_mfa_session -----------------------------------------------------------------------------------------------


def _own_devices(case: Case, denied: Tuple[Failure, ...]) -> Iterator[Draft]:
    changes = tuple(one for one in denied if one.operation in _DEVICE_CHANGES and one.mfa is not True)
    if not changes or case.devices == ():
        return
    text = "Since April 2023 a user who has a device changes devices only in a session that was opened with MFA."
    steps = [commands.open_session(case.question, case.own_serial)]
    if case.devices is not None and len(case.devices) == 1:
        text += " With the only device dead, an administrator has to do it."
        steps.append(commands.replace(case.question, case.own_serial))
    yield Draft(
        "needs_mfa_session", "Devices are changed without a session with MFA", 0.87,
        (*of_failures(changes), Evidence("device", text, source="iam")),
        "The same call is taken in a session that was opened with MFA.", tuple(steps), ("devices",),
    )  # fmt: skip


# --- mfa_required_without_device, mfa_not_presented ------------------------------------------------------------------


def _without_device(case: Case, asked: Tuple[Place, ...], denied: Tuple[Failure, ...]) -> Iterator[Draft]:
    if case.code_devices is None or case.code_devices or not asked:
        return
    has = "has no MFA device" if not case.devices else "has no device that gives codes"
    evidence = (
        *_statements(asked, "asks for MFA."),
        Evidence("absence", f"The user {case.question.user} {has}.", source="iam"),
        *of_failures(denied),
    )
    yield Draft(
        "mfa_required_without_device", f"A policy asks for MFA, and the user {has}", 0.92 if denied else 0.66, evidence,
        "The request is taken once the user has a device and uses it.",
        (
            commands.create_device(case.question),
            commands.enable_device(case.question, ""),
            commands.list_devices(case.question),
        ),
        _RESTS,
    )  # fmt: skip


def _half_presented(case: Case) -> Iterator[Draft]:
    half = case.of(kinds.INCOMPLETE)
    if half:
        yield _present(case, 0.92, of_failures(half), ())


def _not_presented(
    case: Case, request: Optional[Request], asked: Tuple[Place, ...], denied: Tuple[Failure, ...]
) -> Iterator[Draft]:
    bare = tuple(one for one in denied if one.mfa is not True and not one.is_session and not one.serial)
    if not bare or case.code_devices == ():
        return
    if asked:
        yield _present(case, 0.86, (*of_failures(bare), *_statements(asked, "asks for MFA.")), _RESTS)
    elif not isinstance(case.facts.policies, Known) and (bare[-1].explicit_deny or bare[-1].operation == "AssumeRole"):
        score = 0.66 if bare[-1].explicit_deny else 0.6
        yield _present(case, score, of_failures(bare), ("policies",))
    elif request is not None and _only_trust_is_left(case, request):
        text = "The user's policies allow it. What the role's trust policy says is not known: it is what refused."
        yield _present(case, 0.64, (*of_failures(bare), Evidence("absence", text, source="iam")), ("trust",))


def _only_trust_is_left(case: Case, request: Request) -> bool:
    """Whether nothing but a trust policy that was not read can have refused."""
    if request.action != "sts:AssumeRole" or isinstance(case.facts.trust, Known):
        return False
    return case.policies.allows(request)


def _present(case: Case, score: float, evidence: Tuple[Evidence, ...], rests: Tuple[str, ...]) -> Draft:
    question, serial = case.question, case.own_serial
    step = commands.assume_role(question, serial) if question.role_arn else commands.open_session(question, serial)
    return Draft(
        "mfa_not_presented", "A policy asks for MFA, and the request was made without", score, evidence,
        "The same request is taken with MFA.", (step, commands.list_devices(question)), rests,
    )  # fmt: skip


# --- no_permission ---------------------------------------------------------------------------------------------------


def _not_allowed_by_organization(case: Case, limited: Tuple[Failure, ...]) -> Draft:
    """AWS comes to these policies after every Deny and before what the user's own policies say of MFA."""
    question, last = case.question, limited[-1]
    kind, action = last.lacking, last.action or last.operation or "it"
    text = f"No {kind} that reaches the account allows {action}. Neither MFA nor the user's own policies change that."
    return Draft(
        "no_permission", f"No {kind} allows {action}", 0.93,
        (*of_failures(limited), Evidence("absence", text, source="cloudtrail" if last.time else "error_text")),
        "At the root, at every unit down to the account and at the account one of these policies has to allow it.",
        (
            commands.aws(
                question, "organizations list-policies-for-target", "--target-id", question.account_id or "ACCOUNT_ID",
                "--filter", kind.upper().replace(" ", "_"),
                why="For the organization's administrator: shows the account's own; those of its parents count too.",
            ),
        ),
    )  # fmt: skip


def _no_permission(
    case: Case, request: Optional[Request], asked: Tuple[Place, ...], denied: Tuple[Failure, ...]
) -> Iterator[Draft]:
    if not denied or asked or request is None:
        return
    last = denied[-1]
    known = isinstance(case.facts.policies, Known)
    if known and case.policies.dead(request):
        return
    allowed = known and case.policies.allows(request)
    text = f"Nothing that was read allows {request.action} with MFA, and nothing denies it for want of MFA."
    title = f"No policy allows {request.action}"
    if not known:
        text = "What the user's policies say is not known."
    elif allowed:
        text = "What was read allows it now, with MFA and without: something refused that was not read, or it changed."
        title = f"A policy that was not read refuses {request.action}, or it was granted since"
    evidence = (*of_failures(denied), Evidence("absence", text, source="iam"))
    score = 0.82 if known and not allowed and not last.explicit_deny else 0.45 if allowed else 0.5
    yield Draft(
        "no_permission", title, score, evidence,
        "AWS's policy simulator refuses the action with MFA as well.",
        (commands.simulate(case.question, request.action, case.user_arn),), ("policies", "scps"),
    )  # fmt: skip
