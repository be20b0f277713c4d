"""Reports to look at in a browser: a small one with everything in it, a large one, and one made by an attacker."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.totp import accept_probability, steps_off
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts, run_audit
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = "2026-11-21T12:00:05Z"
NOW = 1795255200.0
ACCOUNT = "123456789012"
PARAMETERS: dict[str, Any] = {
    "snapshot": "/account.json", "snapshot_output": None, "scope": "account", "roles": [], "inventories": [],
    "severity_threshold": "info", "ignore": [], "trusted_accounts": [], "host_serials": [], "trail_events": [],
    "code_paths": [], "trail_hours": 0, "unassigned_after_days": 30,
}  # fmt: skip

#: Text that does something wherever it is taken for markup, for script, or for the end of either.
ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "'\"><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}${7*7}<%= 7*7 %>",
    "\u2028\u2029\u202e&lt;b&gt;",
    "__proto__",
)


def facts(offset_s: float | None, bound_s: float | None = 0.0004, **more: Any) -> dict[str, Any]:
    """Return what host_facts measures on a host whose clock is so far off."""
    reasons = more.pop("reasons", [])
    verdict = more.pop("verdict", "noncompliant" if reasons else "compliant")
    totp = None
    if offset_s is not None:
        chance = {name: round(accept_probability(offset_s, name), 4) for name in ("strict", "rfc6238", "window1")}
        totp = {"steps_off": steps_off(offset_s), "accept_probability": chance}
    clock: dict[str, Any] = {
        "offset_s": offset_s, "bound_s": bound_s, "synchronised": offset_s is not None, "leap": "normal", "stratum": 3,
        "reference": "169.254.169.123", "reference_age_s": 41, "frequency_ppm": -3.1, "witnesses": [],
    }  # fmt: skip
    return {
        "schema": 1, "verdict": verdict, "reasons": reasons, "measured_at": "2026-11-21T12:00:00Z", "totp": totp,
        "clock": {**clock, **more.pop("clock", {})},
        "chrony": {
            "installed": True, "version": "4.6.1", "active": True, "enabled": True, "usable_sources": 4,
            "unauthorised": [], "rivals": [],
        },
        "tokens": {"present": True, "kinds": ["oathtool", "aws-config"]}, "serials": [], "attached_role": None, **more,
    }  # fmt: skip


def measured(values: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """Return it as host_facts does."""
    return {"ansible_facts": {"softtoken": values}, **({"detail": detail} if detail else {})}


def history(offsets: list[float | None]) -> list[list[float | None]]:
    """Return a check every 15 minutes."""
    return [[NOW - 900.0 * (len(offsets) - place), offset, 0.002] for place, offset in enumerate(offsets)]


def serial(name: str, user: str = "alice") -> dict[str, Any]:
    """Return a reference to an MFA device as host_facts lists it."""
    return {
        "serial": f"arn:aws:iam::{ACCOUNT}:mfa/{name}", "where": f"/home/{user}/.aws/config", "profile": "prod",
        "user": user,
    }  # fmt: skip


def sample_account(**parameters: Any) -> dict[str, Any]:
    """Audit the sample account."""
    text = (ROOT / "playbooks" / "files" / "sample_account.json").read_text(encoding="utf-8")
    ports = AuditPorts(lambda _path: text, _refuse, _refuse, lambda _paths: (), lambda: NOW)
    return run_audit({**PARAMETERS, **parameters}, ports, check_mode=False)


def _refuse(*_arguments: object) -> Any:
    raise AssertionError("a snapshot is to be read, and nothing else done")


def mixed_report() -> Report:
    """Return a run with one host of each kind, over an account with findings of every severity."""
    wave: list[float | None] = [0.0003 * math.sin(place / 5) for place in range(96)]
    drifting: list[float | None] = [0.002 * 1.09**place for place in range(96)]
    answers = [
        *(HostAnswers(host=f"web-{place}", measured=measured(facts(0.00001 * (place - 3)))) for place in range(1, 6)),
        HostAnswers(
            host="bastion-1",
            measured=measured(facts(0.0021, serials=[serial("alice")]), history=history(wave))
            | {"source": "agent", "report_age_s": 244.0},
        ),
        HostAnswers(
            host="build-7",
            measured=measured(
                facts(
                    8.2,
                    8.3,
                    reasons=["clock.offset_exceeded", "totp.at_risk", "clock.bound_exceeded"],
                    serials=[serial("old-phone", "carol")],
                    attached_role={"account": ACCOUNT, "role": "night-reports"},
                    clock={
                        "witnesses": [
                            {"kind": "ntp", "source": "ntp1.example.com", "offset_s": 8.21, "uncertainty_s": 0.004}
                        ]
                    },
                ),
                messages=["the clock is 8.2 s fast, and 1 s is allowed: step it"],
                history=history([*drifting[:40], None, None, *drifting[42:]]),
            ),
        ),
        HostAnswers(
            host="laptop-erin",
            measured=measured(facts(-412.7, 413.5, reasons=["clock.offset_exceeded", "totp.at_risk"])),
        ),
        HostAnswers(
            host="db-2", measured=measured(facts(0.12, 1.4, reasons=["clock.bound_exceeded", "source.too_few"]))
        ),
        HostAnswers(
            host="edge-3",
            measured=measured(facts(0.00002, warnings=["clock.bound_high", "witness.partial"]))
            | {"source": "module", "report": "it is stale"},
        ),
        HostAnswers(
            host="vault-1",
            measured=measured(facts(31.0, 31.1, reasons=["clock.offset_exceeded", "totp.at_risk"])),
            enforced={"status": "ok"},
            measured_again=measured(facts(0.00004)),
        ),
        HostAnswers(
            host="gpu-4",
            measured=measured(facts(None, None, verdict="unknown", reasons=["clock.unmeasured"], tokens=None)),
        ),
        HostAnswers(
            host="db-9",
            measured={"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host"},
        ),
    ]
    account = sample_account(
        ignore=[
            {
                "rule": "MFA-T06",
                "resource": f"arn:aws:iam::{ACCOUNT}:role/on-call",
                "reason": "devices are on their way to the new colleagues",
                "expires": "2026-12-31",
            }
        ]
    )
    account["coverage"]["rules"]["unknown"] = {"MFA-G04": "organization_policies: the call was denied"}
    account["coverage"]["problems"] = [
        {
            "resource": f"arn:aws:iam::{ACCOUNT}:role/old",
            "document": "inline:uploads",
            "path": "Statement[0].Condition",
            "message": "it is a list, not an object",
        }
    ]
    return build_report(answers, generated_at=WRITTEN, mode="enforce", account=account)


def large_report(hosts: int = 10_000, findings: int = 5_000) -> Report:
    """Return a fleet: most hosts are well, and an account where every other role has its own policy."""
    numbers = random.Random(20261121)  # noqa: S311 - the same fleet every time
    answers = (
        HostAnswers(host=f"node-{place:05d}.eu-central-1.compute.example", measured=_some_host(numbers, place))
        for place in range(hosts)
    )
    return build_report(answers, generated_at=WRITTEN, mode="audit", account=_large_account(findings))


def _some_host(numbers: random.Random, place: int) -> dict[str, Any]:
    kind = numbers.random()
    more: dict[str, Any] = {
        "serials": [serial(f"device-{place % 700}", f"user{place % 900}")] if place % 3 == 0 else [],
        "attached_role": {"account": ACCOUNT, "role": f"service-{place % 2500}"},
    }
    if kind < 0.02:
        return {"unreachable": True, "msg": "Failed to connect to the host via ssh: Connection timed out"}
    if kind < 0.03:
        return measured(facts(None, None, verdict="unknown", reasons=["clock.unmeasured"], **more))
    if kind < 0.07:
        offset = numbers.choice((-1, 1)) * 10 ** numbers.uniform(0, 4)
        return measured(facts(offset, abs(offset) + 0.02, reasons=["clock.offset_exceeded", "totp.at_risk"], **more))
    if kind < 0.10:
        return measured(facts(numbers.gauss(0, 0.02), numbers.uniform(1, 3), reasons=["clock.bound_exceeded"], **more))
    checks = history([numbers.gauss(0, 0.0004) for _check in range(8)])
    return measured(facts(numbers.gauss(0, 0.0004), numbers.uniform(0.0005, 0.03), **more), history=checks)


def _large_account(findings: int) -> dict[str, Any]:
    severities = ("critical", "high", "medium", "low", "info")
    listed = [_some_finding(place, severities[place * 5 // max(1, findings)]) for place in range(findings)]
    documents = [
        {"places": [{"resource": one["resource"], "document": "trust"}], "policy": _trust(place, "BoolIfExists")}
        for place, one in enumerate(listed)
    ]
    return {
        "verdict": "noncompliant", "findings": listed, "documents": documents, "ignored": [], "summary": {},
        "account": {"id": ACCOUNT, "partition": "aws", "collected_at": WRITTEN, "source": "live", "description": None},
        "coverage": {"rules": {"checked": ["MFA-C04"], "partial": {}, "unknown": {}, "not_given": {}}},
    }  # fmt: skip


def _some_finding(place: int, severity: str) -> dict[str, Any]:
    role = f"arn:aws:iam::{ACCOUNT}:role/service-{place}"
    return {
        "rule": "MFA-C04", "severity": severity, "title": "Allow with IfExists lets access keys pass without MFA",
        "account": ACCOUNT, "resource": role, "document": "trust", "statement": f"PeopleWithMFA{place}",
        "path": "Condition.BoolIfExists.aws:MultiFactorAuthPresent", "serial": None,
        "witness": {"credential": "long_term_key", "outcome": "allowed"},
        "message": f"BoolIfExists is true where aws:MultiFactorAuthPresent is absent, as with access keys: {role} is "
        "open to them. Use the operator without IfExists.",
        "fix": {"document": _trust(place, "Bool"), "summary": "BoolIfExists becomes Bool."},
        "references": ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"],
    }  # fmt: skip


def _trust(place: int, operator: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": f"PeopleWithMFA{place}", "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/user{one}" for one in range(place, place + 4)]},
                "Condition": {operator: {"aws:MultiFactorAuthPresent": "true"}},
            },
        ],
    }  # fmt: skip


def hostile_report() -> Report:
    """Return a report in which every text that somebody else writes is an attack."""
    return build_report(
        (HostAnswers(host=f"{attack} host", measured=_hostile_host(attack)) for attack in ATTACKS),
        generated_at=WRITTEN, mode="audit", account=_hostile_account(),
    )  # fmt: skip


def absurd_report() -> Report:
    """Return a report with a host that sent figures and texts of a size that nothing has."""
    huge = "x" * 1_000_000
    values = facts(
        5.0, reasons=["clock.offset_exceeded"], serials=[serial(huge)], tokens={"present": True, "kinds": [huge]},
        clock={"offset_s": sys.float_info.max, "bound_s": sys.float_info.max, "reference": huge, "stratum": 10**400},
        totp={"steps_off": 0, "accept_probability": {"strict": -1, "rfc6238": 5, "window1": 1.5}},
    )  # fmt: skip
    checks = history([sys.float_info.max, -sys.float_info.max, None, 0.001])
    return build_report(
        [
            HostAnswers(host="absurd", measured=measured(values, history=checks)),
            HostAnswers(host="well", measured=measured(facts(0.0001))),
        ],
        generated_at=WRITTEN, mode="audit", account=sample_account(),
    )  # fmt: skip


def _hostile_host(attack: str) -> dict[str, Any]:
    entry = {"serial": attack, "where": attack, "profile": attack, "user": attack, "role_arn": attack}
    values = facts(
        5.0, 5.1, reasons=["clock.offset_exceeded", attack], warnings=[attack], serials=[entry], role_profiles=[entry],
        attached_role={"account": attack, "role": attack}, measured_at=attack,
        tokens={"present": True, "kinds": [attack, {"a": attack}]},
        clock={"leap": attack, "reference": attack, "witnesses": [{"kind": attack, "source": attack}, attack]},
    )  # fmt: skip
    return measured(values, messages=[attack], history=history([1.0, None, 3.0]))


def _hostile_account() -> dict[str, Any]:
    account = _large_account(len(ATTACKS))
    for found, entry, attack in zip(account["findings"], account["documents"], ATTACKS, strict=True):
        policy = {"Statement": [{"Sid": attack, attack: {attack: attack}}]}
        found.update(
            rule=attack, title=attack, resource=attack, document=f"inline:{attack}", statement=attack, path=attack,
            serial=attack, message=attack, references=[attack, f"https://example.com/{attack}"],
            witness={"credential": attack, "outcome": attack},
            fix={"summary": attack, "document": {"Statement": [{"Sid": f"{attack}2", attack: attack}]}},
        )  # fmt: skip
        entry.update(places=[{"resource": attack, "document": f"inline:{attack}"}], policy=policy)
    account["account"]["id"] = account["account"]["description"] = ATTACKS[2]
    account["coverage"]["problems"] = [
        {"resource": attack, "document": attack, "path": attack, "message": attack} for attack in ATTACKS
    ]
    account["ignored"] = [
        {"reason": attack, "expires": attack, "finding": json.loads(json.dumps(found))}
        for attack, found in zip(ATTACKS, account["findings"], strict=True)
    ]
    return account


def reports() -> Iterator[tuple[str, Report]]:
    """Yield each report with its name."""
    yield "mixed", mixed_report()
    yield "large", large_report()
    yield "hostile", hostile_report()
    yield "absurd", absurd_report()
