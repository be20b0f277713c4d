# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a policy document for the place where it stands, though each part of it can be read.

Private to this collection. IAM refuses such a policy; a rule would find nothing in it, and that must not look clean.
"""

from __future__ import annotations

from typing import Container, Optional, Tuple

from .document import Document, Problem, Statement

__all__ = ["at_its_place"]


def at_its_place(document: Document, families: Container[str]) -> Document:
    """Add the problems of a document that stands at such places (families of PolicyRef), and nowhere else.

    A trust policy says whom it trusts, and no resource; what is attached to somebody says on what, and not whom.
    """
    told = {problem.path.partition(".")[0] for problem in document.problems}
    wrong = [
        Problem(f"Statement[{one.index}].{wrong[0]}", wrong[1])
        for one in document.statements
        for wrong in [_out_of_place(one, families)]
        if wrong is not None and f"Statement[{one.index}]" not in told
    ]
    return document._replace(problems=(*document.problems, *wrong)) if wrong else document


def _out_of_place(statement: Statement, families: Container[str]) -> Optional[Tuple[str, str]]:
    named = statement.principal is not None or statement.not_principal is not None
    on = bool(statement.resources or statement.not_resources)
    if "trust" in families:
        if not named:
            return "Principal", "there is neither Principal nor NotPrincipal, and so the statement trusts nobody"
        return ("Resource", "a trust policy names no resource: IAM refuses it") if on else None
    if "resource" in families:
        return None if named else ("Principal", "there is neither Principal nor NotPrincipal")
    if named:
        return "Principal", "a policy that is attached to somebody names no principal: IAM refuses it"
    return None if on else ("Resource", "there is neither Resource nor NotResource")
