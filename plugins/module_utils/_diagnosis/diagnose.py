# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a user's MFA fails: from what was asked and collected to ranked causes.

Private to this collection. The same question and facts give the same diagnosis.
"""

from __future__ import annotations

from typing import Iterator

from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.explain import Situation, explain

from . import causes_change, causes_clock, causes_other, causes_policy, causes_serial, kinds
from .case import Case, Draft, build_case
from .gaps import gaps, looked_at
from .model import NO_CORRELATION, Diagnosis, Facts, Known, Question
from .rank import rank
from .typed_command import corrected

__all__ = ["diagnose"]

_MODULES = (causes_serial, causes_clock, causes_policy, causes_change, causes_other)


def diagnose(question: Question, facts: Facts) -> Diagnosis:
    """Rank the causes of what was asked."""
    case = build_case(question, facts)
    looked = looked_at(case)
    causes = rank(case, _drafts(case), looked)
    line = case.timeline
    read = isinstance(facts.records, Known)
    return Diagnosis(
        causes=causes,
        pattern=line.pattern if read else "unknown",
        since=line.failures[0].time if line.failures else "",
        scope=_scope(case),
        users=line.users,
        failures=len(line.failures),
        gaps=gaps(case),
        looked_at=looked,
        correlated=causes[0].code != NO_CORRELATION,
        window_h=case.question.window_h,
        user=case.question.user,
        serial=case.question.serial,
        explanation=_explanation(case),
        corrected=corrected(case),
    )


def _scope(case: Case) -> str:
    """Say whether it is one user or many; that it is one alone takes a refusal, and records without gaps."""
    scope = case.timeline.scope
    partly = case.facts.record_gaps or not (case.timeline.failures or case.timeline.others)
    return "unknown" if not isinstance(case.facts.records, Known) or (scope == "one_user" and partly) else scope


def _drafts(case: Case) -> Iterator[Draft]:
    for module in _MODULES:
        yield from module.causes(case)


# Without the name of the call, AWS's words alone.
_WORDS = {
    kinds.CODE: "AWS refused the code: the clock that it was made with is off, or it was mistyped, late or "
    "used before. It says nothing against the serial.",
    kinds.SERIAL: "AWS has no such device of the user whose credentials ask: the serial is old, wrong or another "
    "user's. It says nothing of the code.",
    kinds.DENIED: "A policy refused the request. Where it asks for MFA, the request has to be made with it.",
    kinds.SESSION: "The call takes the user's own access key, and not temporary credentials.",
    kinds.SKEW: "The clock of the host that asked is minutes off: AWS does not take its signatures.",
    kinds.CREDENTIALS: "AWS does not know the credentials, or not any more. It did not come to MFA.",
    kinds.NO_USER: "The account has no such user.",
    kinds.NO_DEVICE: "The user has no such device.",
    kinds.BUSY: "Somebody else changes the same device, or AWS had too many calls.",
    kinds.LIMIT: "AWS takes no more of these calls at present, or the user has as many devices as it may.",
    kinds.SERVICE: "AWS itself failed. Nobody knows whether the call was done.",
    kinds.INCOMPLETE: "AWS wants both, the serial of the device and a code, and got one of them.",
    kinds.SIGN_IN: "The console refused the sign-in. It says the same of a wrong password and of a wrong code.",
    kinds.MALFORMED: "The command has flags or values that AWS does not know; the code was never looked at.",
    kinds.UNKNOWN: "This is no error of AWS or its tools that is known here. Paste the whole line that begins with "
    "'An error occurred', or the record of CloudTrail.",
}
_OWN = frozenset((kinds.INCOMPLETE, kinds.SIGN_IN, kinds.MALFORMED, kinds.UNKNOWN))


def _explanation(case: Case) -> str:
    error = case.error
    if error is None:
        return ""
    if error.kind in _OWN or error.operation in ("", "ConsoleLogin"):
        return _WORDS[error.kind]
    situation = Situation(
        user=case.question.user or "the user",
        serial=case.question.serial or ("the device" if error.kind == kinds.CODE else "of that serial"),
        clock_checked=False,
        session=":assumed-role/" in error.principal,
        caller=error.principal,
        devices=None if case.devices is None else len(case.devices),
    )
    return str(explain(error.operation, error.code or "AccessDenied", error.message, situation))
