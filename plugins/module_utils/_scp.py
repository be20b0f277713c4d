# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of organizations_scp: a service control policy that is proven, then made, changed, attached or taken away.

Private to this collection. What is to be in force for a whole organization needs a dry run of that very text, which
names nobody who would be denied but those whom the caller accepts, and covers every account.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ._guardrails.proof import Proof, prove_service_control, table
from ._guardrails_info import proof_of
from ._iam.digest import digest
from ._iam.document import parse_document
from ._iam.errors import IamError
from ._iam.patterns import matches, read_date

__all__ = ["ScpPorts", "run_scp"]

_MOST_SHOWN = 10
_TARGET = re.compile(r"r-[0-9a-z]+|ou-[0-9a-z-]+|[0-9]{12}")
_NONE = (
    "There is no dry run: run iam_mfa_guardrails_info with trail_files (the organization's trail) or trail_hours, look "
    "at what it lists, and give its dry_run. Or attach the policy to a unit first."
)


class ScpPorts(NamedTuple):
    """The side effects: ``calls`` is a ScpCalls."""

    calls: Any
    now: Callable[[], float]
    partition: str = "aws"


class _Plan(NamedTuple):
    """What is to be done."""

    write: bool
    attach: Tuple[str, ...]
    detach: Tuple[str, ...]

    @property
    def changes(self) -> bool:
        return bool(self.write or self.attach or self.detach)


def run_scp(params: Mapping[str, Any], ports: ScpPorts, *, check_mode: bool) -> Dict[str, Any]:
    """Bring the policy about, and return what was done."""
    name = params["name"]
    if params["state"] == "absent":
        return _absent(name, ports, check_mode=check_mode)
    document = _document(params)
    proof = prove_service_control(document, ports.partition)
    if proof.failures:
        raise IamError(_refusal(name, proof))
    _check_targets(params["targets"])
    found = ports.calls.find(name)
    _refuse_aws(found)
    plan = _plan(params, document, found)
    _check_dry_run(params, document, plan, found, ports)
    before = _shown(found)
    description = _description(params, found)
    targets = tuple(sorted({*(found.targets if found else ()), *plan.attach} - set(plan.detach)))
    after = {"name": name, "description": description, "document": document, "targets": list(targets)}
    identity = found.id if found else None
    if plan.changes and not check_mode:
        identity = _apply(name, description, document, plan, found, ports)
    return {
        "changed": plan.changes,
        "policy": {"id": identity, "hash": digest(document), **after},
        "proof": proof_of(proof),
        "proof_table": table([proof]),
        "diff": _diff(name, before, after if plan.changes else before),
    }


def _absent(name: str, ports: ScpPorts, *, check_mode: bool) -> Dict[str, Any]:
    found = ports.calls.find(name)
    _refuse_aws(found)
    if found is not None and not check_mode:
        for target in found.targets:
            ports.calls.detach(found.id, target)
        ports.calls.delete(found.id)
    return {
        "changed": found is not None,
        "policy": None,
        "proof": None,
        "proof_table": [],
        "diff": _diff(name, _shown(found), {}),
    }


def _document(params: Mapping[str, Any]) -> Dict[str, Any]:
    parsed = parse_document(params["content"], "content")
    if parsed.problems:
        told = "; ".join(f"{one.path}: {one.message}" for one in parsed.problems)
        raise IamError(f"content would be refused by Organizations: {told}. Nothing was changed.")
    return parsed.obj


def _check_targets(targets: Sequence[str]) -> None:
    bad = [one for one in targets if not _TARGET.fullmatch(one)]
    if bad:
        raise IamError(
            f"targets: {', '.join(map(repr, bad))}: give ids, of roots (r-...), units (ou-...), accounts (12 digits). "
            "Nothing was changed."
        )


def _refusal(name: str, proof: Proof) -> str:
    reasons = "\n".join(f"- {text}" for text in proof.failures)
    shown = "\n".join(table([proof]))
    return f"The service control policy {name} is refused, and nothing was changed.\n{reasons}\n{shown}"


def _refuse_aws(found: Optional[Any]) -> None:
    if found is not None and found.aws_managed:
        raise IamError(f"{found.name} is a policy of AWS, which nobody can change: give another name")


def _plan(params: Mapping[str, Any], document: Dict[str, Any], found: Optional[Any]) -> _Plan:
    has = found.targets if found else ()
    wanted = params["targets"]
    write = (
        found is None or digest(found.document) != digest(document) or _description(params, found) != found.description
    )
    detach = tuple(one for one in has if one not in wanted) if params["purge_targets"] else ()
    return _Plan(write, tuple(one for one in dict.fromkeys(wanted) if one not in has), detach)


def _description(params: Mapping[str, Any], found: Optional[Any]) -> str:
    if params["description"] is None:
        return found.description if found else ""
    return str(params["description"])


def _shown(found: Optional[Any]) -> Dict[str, Any]:
    if found is None:
        return {}
    return {
        "name": found.name,
        "description": found.description,
        "document": found.document,
        "targets": sorted(found.targets),
    }


def _diff(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Dict[str, str]:
    def pretty(value: Mapping[str, Any]) -> str:
        return json.dumps(value, indent=2, sort_keys=True) + "\n" if value else ""

    return {"before_header": name, "after_header": name, "before": pretty(before), "after": pretty(after)}


def _apply(
    name: str, description: str, document: Dict[str, Any], plan: _Plan, found: Optional[Any], ports: ScpPorts
) -> str:
    if found is None:
        identity = str(ports.calls.create(name, description, document))
    else:
        identity = found.id
        if plan.write:
            ports.calls.update(identity, description, document)
    for target in plan.attach:
        ports.calls.attach(identity, target)
    for target in plan.detach:
        ports.calls.detach(identity, target)
    return identity


# --- the dry run -----------------------------------------------------------------------------------------------------


def _check_dry_run(
    params: Mapping[str, Any], document: Dict[str, Any], plan: _Plan, found: Optional[Any], ports: ScpPorts
) -> None:
    """Refuse what would newly bind a whole organization, unless a dry run shows what comes of it."""
    rewritten = found is not None and digest(found.document) != digest(document)
    held = [one for one in (found.targets if found else ()) if rewritten and one not in plan.detach]
    roots = [one for one in (*plan.attach, *held) if one.startswith("r-")]
    if not roots:
        return
    objections = list(_objections(params, document, ports))
    if objections:
        told = "\n".join(f"- {text}" for text in objections)
        raise IamError(
            f"The service control policy {params['name']} would bind the whole organization ({', '.join(roots)}), and "
            f"is not attached there. Nothing was changed.\n{told}"
        )


def _objections(params: Mapping[str, Any], document: Dict[str, Any], ports: ScpPorts) -> List[str]:
    made = params["dry_run"]
    if not made:
        return [_NONE]
    found: List[str] = []
    if made.get("policy_hash") != digest(document):
        found.append("The dry run is of another text than content: make it again.")
    found += _age(made, params["dry_run_max_age"], ports.now())
    if not made.get("judged"):
        found.append("The dry run judged no call at all: the records are not those that are needed.")
    found += _people(made, params["accepted_principals"])
    if not params["accepted_gaps"]:
        found += [f"The dry run lacks records: {gap}." for gap in made.get("gaps") or ()]
    organization = ports.calls.organization()
    passed = {*made.get("accounts", ()), *params["accepted_accounts"], organization.management_account}
    missing = [one for one in organization.accounts if one not in passed]
    if missing:
        found.append(
            f"The dry run has no records of the accounts {', '.join(missing)}: what would become of them is not known. "
            "Give records of them, or name them in accepted_accounts."
        )
    return found


def _age(made: Mapping[str, Any], days: int, now: float) -> List[str]:
    until = read_date(str(made.get("until") or ""))
    if until is not None and now - until <= days * 86400:
        return []
    limit = datetime.fromtimestamp(now - days * 86400, timezone.utc).strftime("%Y-%m-%d")
    return [f"The dry run ends at {made.get('until')}, and records until {limit} at least are wanted: make it again."]


def _people(made: Mapping[str, Any], accepted: Sequence[str]) -> List[str]:
    found = []
    for key, what in (("denied", "would have been denied"), ("unclear", "may have been denied")):
        calls = [call for call in made.get(key) or () if not any(matches(one, call["principal"]) for one in accepted)]
        if calls:
            told = [f"{one['principal']} {one['action']} ({one['count']} times, {one['credential']})" for one in calls]
            more = f" and {len(told) - _MOST_SHOWN} more" if len(told) > _MOST_SHOWN else ""
            text = (
                f"These calls {what}: {'; '.join(told[:_MOST_SHOWN])}{more}. Give those users MFA or another way in, "
            )
            found.append(f"{text}exempt them in the policy, or name them in accepted_principals.")
    return found
