"""Reports as the product makes them: the sample account by the audit itself, beside hosts of every kind."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_code
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts, run_audit
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
)

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "tests" / "data" / "schemas"
FILES = ROOT / "playbooks" / "files"
NOW = 1795255200.0  # 2026-11-21T10:00:00Z
GENERATED_AT = "2026-11-21T10:00:05Z"
BILLING = "arn:aws:iam::123456789012:role/billing"
ACCEPTED = {"rule": "MFA-C04", "resource": BILLING, "reason": "migration until December", "expires": "2026-12-01"}

_PARAMS: dict[str, Any] = {
    "snapshot": str(FILES / "sample_account.json"),
    "snapshot_output": None,
    "scope": "account",
    "roles": [],
    "severity_threshold": "info",
    "ignore": [],
    "trusted_accounts": [],
    "trail_events": [],
    "inventories": [],
    "trail_hours": 0,
    "unassigned_after_days": 30,
}


@cache
def _sample(without: str, ignored: str) -> dict[str, Any]:
    def read(path: str) -> str:
        snapshot = json.loads(Path(path).read_text(encoding="utf-8"))
        snapshot.pop(without, None)
        return json.dumps(snapshot)

    def nowhere(*_arguments: Any) -> Any:
        raise AssertionError("an audit of a snapshot writes nothing and asks nobody")

    beside = yaml.safe_load((FILES / "sample_hosts.yml").read_text(encoding="utf-8"))
    params = {
        **_PARAMS,
        "host_serials": [{"serial": None, "role_arn": None, **one} for one in beside["softtoken_account_host_serials"]],
        "code_paths": [str(FILES / "sample_code")],
        "ignore": json.loads(ignored),
    }
    return run_audit(params, AuditPorts(read, nowhere, nowhere, read_code, lambda: NOW), check_mode=True)


def audited(*ignore: dict[str, str], without: str = "") -> dict[str, Any]:
    """Return what iam_mfa_audit_info returns for the sample account, of which one part may be missing."""
    return copy.deepcopy(_sample(without, json.dumps(ignore)))


FAILED_AUDIT: dict[str, Any] = {"failed": True, "msg": "Unable to locate credentials"}


def facts(**more: Any) -> dict[str, Any]:
    """Return the fact softtoken of a host that is well."""
    return {
        "schema": 1,
        "verdict": "compliant",
        "reasons": [],
        "measured_at": "2026-11-21T10:00:00Z",
        "clock": {
            "offset_s": -0.000004, "bound_s": 0.0004, "synchronised": True, "leap": "normal", "stratum": 3,
            "reference": "169.254.169.123", "reference_age_s": 41, "frequency_ppm": -3.1, "witnesses": [],
        },
        "totp": {"steps_off": 0, "accept_probability": {"strict": 0.98, "rfc6238": 1.0, "window1": 1.0}},
        "chrony": {
            "installed": True, "version": "4.6.1", "active": True, "enabled": True, "usable_sources": 4,
            "unauthorised": [], "rivals": [],
        },
        "tokens": {"present": True, "kinds": ["oathtool", "aws-config"]},
        "serials": [
            {"serial": "GAHT87654321", "where": "/root/.aws/config", "profile": "prod", "user": "root"},
            {"serial": "arn:aws:iam::123456789012:mfa/alice", "where": "/x", "profile": None, "user": None},
        ],
        "attached_role": {"account": "123456789012", "role": "ci-runner"},
        **more,
    }  # fmt: skip


def result(*, detail: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return what host_facts returns for a host; ``more`` are other facts."""
    made = {"changed": False, "ansible_facts": {"softtoken": facts(**more)}}
    return made if detail is None else made | {"detail": detail}


UNMEASURED_CLOCK: dict[str, Any] = {"offset_s": None, "bound_s": None, "synchronised": None, "witnesses": []}


def hosts_of_all_kinds() -> tuple[HostAnswers, ...]:
    """Return hosts that are well, wrong, unknown, unreachable, failed, enforced, strange, and one with an agent."""
    wrong = result(
        detail={"messages": ["The clock is 300 s behind."]},
        verdict="noncompliant",
        reasons=["clock.offset_exceeded", "totp.at_risk"],
        warnings=["config.no_rtcsync"],
        clock={**facts()["clock"], "offset_s": -300.0021, "bound_s": 300.1},
    )
    unknown = result(verdict="unknown", reasons=["clock.unmeasured"], clock=UNMEASURED_CLOCK, totp=None)
    nonsense: dict[str, Any] = {
        "clock": [],
        "totp": "x",
        "chrony": None,
        "serials": {},
        "tokens": 1,
        "attached_role": 2,
    }
    history = [[1795250000.0, 0.001, 0.002], [1795253600.0, None, None]]
    return (
        HostAnswers(host="well", measured=result() | {"source": "module", "report": "it is stale"}),
        HostAnswers(host="wrong", measured=wrong),
        HostAnswers(host="unmeasured", measured=unknown),
        HostAnswers(host="gone", measured={"unreachable": True, "msg": "Connection refused"}),
        HostAnswers(host="broken", measured={"failed": True, "msg": "No Python"}),
        HostAnswers(host="absent"),
        HostAnswers(host="strange", measured={"ansible_facts": {"softtoken": {"schema": 99}}}),
        HostAnswers(host="odd", measured=result(**nonsense)),
        HostAnswers(
            host="remembered",
            measured=result(detail={"history": history}) | {"source": "agent", "report_age_s": 244.1},
        ),
        HostAnswers(host="mended", measured=wrong, enforced={"status": "ok"}, measured_again=result()),
        HostAnswers(
            host="stuck",
            measured=result(),
            enforced={"status": "failed", "task": "Install chrony", "message": "no package"},
            measured_again=result(),
        ),
    )


def report_of(*answers: HostAnswers, account: dict[str, Any] | None = None, mode: str = "audit") -> Report:
    """Return the report over these answers."""
    return build_report(answers, generated_at=GENERATED_AT, mode=mode, account=account)


def every_report() -> dict[str, Report]:
    """Return reports of all shapes."""
    hosts = hosts_of_all_kinds()
    return {
        "whole": report_of(*hosts, account=audited(), mode="enforce"),
        "accepted": report_of(*hosts[:1], account=audited(ACCEPTED)),
        "partial": report_of(*hosts[:1], account=audited(without="mfa_devices")),
        "failed": report_of(*hosts[:1], account=FAILED_AUDIT),
        "hosts": report_of(*hosts),
        "account": report_of(account=audited(), mode="account"),
        "failed_account": report_of(account=FAILED_AUDIT, mode="account"),
        "no_hosts": report_of(account=audited()),
        "nothing": report_of(),
    }
