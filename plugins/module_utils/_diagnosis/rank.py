# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes in the order of their likelihood; what is unknown costs confidence.

Private to this collection.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

from . import commands
from .case import DOUBT, Case, Draft
from .model import CODES, NO_CORRELATION, WIDE_H, Cause, Command, Evidence, Unknown

__all__ = ["CORRELATED", "rank"]

CORRELATED = 0.5  # medium confidence
_HALF_DOUBT = 0.95  # for records with gaps in them


def rank(case: Case, drafts: Iterable[Draft], looked: Tuple[str, ...]) -> Tuple[Cause, ...]:
    """Put the causes into order; no_correlation comes first where none is likely."""
    merged = _merged(sorted((_cause(case, draft) for draft in drafts), key=_order))
    if merged and merged[0].score >= CORRELATED:
        return merged
    return (_no_correlation(case, merged[0].score if merged else 0.0, looked), *merged)


def _cause(case: Case, draft: Draft) -> Cause:
    score = draft.score
    for part in draft.rests_on:
        if isinstance(getattr(case.facts, part), Unknown):
            score *= DOUBT
        elif part == "records" and case.facts.record_gaps:
            score *= _HALF_DOUBT
    return Cause(draft.code, draft.title, round(min(score, 1.0), 3), draft.evidence, draft.confirm, draft.next)


def _order(cause: Cause) -> Tuple[float, int]:
    return (-cause.score, CODES.index(cause.code))


def _merged(causes: List[Cause]) -> Tuple[Cause, ...]:
    """Keep one of each code, the likeliest, with the evidence of all."""
    found: Dict[str, Cause] = {}
    for one in causes:
        same = found.get(one.code)
        if same is None:
            found[one.code] = one._replace(evidence=tuple(dict.fromkeys(one.evidence)))
        else:
            found[one.code] = same._replace(evidence=tuple(dict.fromkeys(same.evidence + one.evidence)))
    return tuple(found.values())


def _no_correlation(case: Case, score: float, looked: Tuple[str, ...]) -> Cause:
    """Say that nothing fits, and what the runbook looks at then."""
    evidence = tuple(Evidence("absence", line) for line in looked) or (
        Evidence("absence", "Nothing was collected, and no error text was given."),
    )
    question = case.question
    steps: List[Command] = []
    if question.window_h < WIDE_H:
        steps.append(commands.wider(question))
    steps += [
        commands.list_devices(
            question, "Has the user a hardware device? A weak battery makes it slow or blank: replace it."
        ),
        commands.measure_clock(question),
        commands.health(question),
        commands.simulate(question, "", case.user_arn),
        commands.audit(),
    ]
    title = f"Nothing in the last {question.window_h} hours explains it. That does not mean that all is well"
    confirm = "One of the next steps finds something, or the user's exact error text (error_text) names it."
    return Cause(NO_CORRELATION, title, score, evidence, confirm, tuple(steps))
