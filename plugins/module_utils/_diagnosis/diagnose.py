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
        scope=line.scope if read else "unknown",
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


def _drafts(case: Case) -> Iterator[Draft]:
    for module in _MODULES:
        yield from module.causes(case)


_OWN_WORDS = {
    kinds.INCOMPLETE: "AWS wants both, the serial of the device and a code, and got one of them.",
    kinds.SIGN_IN: "The console refused the sign-in. It says the same of a wrong password and of a wrong code.",
    kinds.MALFORMED: "The command has flags or values that AWS does not know; the code was never looked at.",
    kinds.UNKNOWN: "This is no error of AWS or its tools that is known here. Paste the whole line that begins with "
    "'An error occurred', or the record of CloudTrail.",
}


def _explanation(case: Case) -> str:
    error = case.error
    if error is None:
        return ""
    own = _OWN_WORDS.get(error.kind)
    if own is not None:
        return own
    code = "InvalidAuthenticationCode" if error.kind == kinds.CODE and not error.code else error.code
    situation = Situation(
        user=case.question.user or "the user",
        serial=case.question.serial or "with that serial",
        clock_checked=False,
        session=":assumed-role/" in error.principal,
        caller=error.principal,
        devices=None if case.devices is None else len(case.devices),
    )
    return str(explain(error.operation or "AssumeRole", code, error.message, situation))
