# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_guardrails_info: from the parameters to what the module returns.

Private to this collection. AWS and files come in through GuardrailPorts.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ._guardrails.documents import (
    ALARM_NAMESPACE,
    CONFIG_RULES,
    SENSITIVE,
    SIGN_IN_PATTERN,
    Choices,
    Names,
    config_rules_of,
    documents_of,
    names_of,
)
from ._guardrails.drift import Item, State, Wanted, compare
from ._guardrails.dry_run import DryRun, dry_run, event_names
from ._guardrails.proof import Proof, prove, table
from ._iam.digest import digest
from ._iam.document import parse_document
from ._iam.errors import IamError

__all__ = ["GuardrailPorts", "Seen", "Trail", "proof_of", "run_guardrails"]

_MOST_HOURS = 90 * 24  # CloudTrail's event history
# What policies, topics, rules and alarms may all be called.
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Seen(NamedTuple):
    """What was read of the account."""

    account: str
    partition: str
    state: State


class Trail(NamedTuple):
    """Records, what of them is missing, and the management account of the organization ("" when not known).

    ``accounts`` and ``span`` are what was searched, whether or not it had records; of files only these say so.
    """

    records: Sequence[Mapping[str, Any]] = ()
    gaps: Tuple[str, ...] = ()
    management_account: str = ""
    accounts: Tuple[str, ...] = ()
    span: Tuple[str, ...] = ()


class GuardrailPorts(NamedTuple):
    """The side effects."""

    look: Callable[[Sequence[str], Names, str, Mapping[str, Tuple[str, ...]]], Seen]
    look_back: Callable[[Optional[List[str]], int, Sequence[str]], Trail]
    read_files: Callable[[Sequence[str]], Trail]


def run_guardrails(params: Mapping[str, Any], ports: GuardrailPorts) -> Dict[str, Any]:
    """Work out the guardrails, prove them, compare them with the account, and return the module's result."""
    _check(params)
    names = names_of(params["name_prefix"])
    parts = tuple(params["parts"])
    groups = {part: tuple(params[f"{part}_groups"]) for part in ("self_management", "resync_only")}
    seen = ports.look(parts, names, params["log_group"], groups) if params["live"] else None
    choices = _choices(params, seen.partition if seen else params["partition"])
    documents = documents_of(choices)
    if params["scp_policy"] is not None:
        documents["scp"] = parse_document(params["scp_policy"], "scp_policy").obj
    documents = {part: text for part, text in documents.items() if part in parts}
    proofs = [prove(part, text, choices) for part, text in documents.items()]
    rules = config_rules_of(choices.partition) if "config_rules" in parts else []
    subscriptions = tuple((one["protocol"], one["endpoint"]) for one in params["subscriptions"])
    targets = tuple(params["scp_targets"])
    wanted = Wanted(parts, names, documents, groups, targets, tuple(rules), subscriptions)
    items = compare(wanted, seen.state) if seen else []
    return {
        "account": seen.account if seen else None,
        "partition": choices.partition,
        "names": names._asdict(),
        "documents": documents,
        "config_rules": [
            {
                "identifier": one,
                "name": names.config_rules + CONFIG_RULES[one][0],
                "description": f"Reports {CONFIG_RULES[one][1]}.",
            }
            for one in rules
        ],
        "login_alarm": {
            "pattern": SIGN_IN_PATTERN,
            "namespace": ALARM_NAMESPACE,
            "log_group": seen.state.log_group if seen else params["log_group"],
            "topic_arn": (seen.state.topic or None) if seen else None,
        },
        "proof": [proof_of(one) for one in proofs],
        "proof_table": table(proofs),
        "failures": [f"{one.part}: {text}" for one in proofs for text in one.failures],
        "drift": [_item(one) for one in items],
        "in_place": bool(items) and all(one.state == "in_place" for one in items),
        "dry_run": _dry_run(params, documents, ports),
    }


def proof_of(proof: Proof) -> Dict[str, Any]:
    """Return a proof as plain values."""
    return {
        "part": proof.part,
        "lines": [
            {"request": line.request, "outcomes": dict(line.outcomes), "wrong": list(line.wrong)}
            for line in proof.lines
        ],
        "failures": list(proof.failures),
    }


def _check(params: Mapping[str, Any]) -> None:
    if not params["parts"]:
        raise IamError("parts is empty: there is nothing to prove or to look at")
    if not _PREFIX.fullmatch(params["name_prefix"]):
        raise IamError(
            f"name_prefix is {params['name_prefix']!r}: give 1 to 64 letters, digits, - and _, so that what is "
            "made, changed and taken away under these names is nobody else's"
        )
    if params["scp_policy"] is not None and (params["scp_exempt"] or params["scp_actions"]):
        raise IamError("scp_policy stands in place of the collection's: scp_exempt and scp_actions would do nothing")
    if not 0 <= params["trail_hours"] <= _MOST_HOURS:
        raise IamError(f"trail_hours is {params['trail_hours']}: CloudTrail's event history has 90 days, 2160 hours")
    if (params["trail_hours"] or params["trail_files"]) and "scp" not in params["parts"]:
        raise IamError("a dry run is of the service control policy: parts does not name scp")
    bad = [one for one in params["scp_exempt"] if not one.startswith("arn:") or ":user/" not in one]
    if bad:
        raise IamError(
            f"scp_exempt: {', '.join(bad)}: the policy binds IAM users alone; give ARNs as arn:aws:iam::*:user/NAME"
        )


def _choices(params: Mapping[str, Any], partition: str) -> Choices:
    actions = tuple(params["scp_actions"] or SENSITIVE)
    return Choices(partition, params["enrolment"], actions, tuple(params["scp_exempt"]))


def _item(item: Item) -> Dict[str, Any]:
    return {**item._asdict(), "details": list(item.details)}


def _dry_run(
    params: Mapping[str, Any], documents: Mapping[str, Dict[str, Any]], ports: GuardrailPorts
) -> Optional[Dict[str, Any]]:
    if not (params["trail_hours"] or params["trail_files"]):
        return None
    document = documents["scp"]
    trails = [ports.read_files(params["trail_files"])] if params["trail_files"] else []
    if params["trail_hours"]:
        trails.append(ports.look_back(event_names(document), params["trail_hours"], params["trail_regions"]))
    management = next((one.management_account for one in trails if one.management_account), "")
    management = params["management_account"] or management
    records = [record for trail in trails for record in trail.records]
    made = dry_run(document, records, management)
    times = sorted([*(time for trail in trails for time in trail.span), *filter(None, (made.since, made.until))])
    return {
        **_calls(made),
        "accounts": sorted({*made.accounts, *(one for trail in trails for one in trail.accounts)}),
        "since": times[0] if times else None,
        "until": times[-1] if times else None,
        "policy_hash": digest(document),
        "management_account": management or None,
        "gaps": [gap for trail in trails for gap in trail.gaps],
    }


def _calls(made: DryRun) -> Dict[str, Any]:
    return {
        "denied": [call._asdict() for call in made.denied],
        "unclear": [call._asdict() for call in made.unclear],
        "judged": made.judged,
        "passed_over": made.passed_over,
    }
