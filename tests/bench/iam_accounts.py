"""The audit of large accounts, beside parliament and cloudsplaining on the same file.

The accounts are made here, the same ones each time: people, deployments and services as organisations have them, most
policies a role's own and some shared by many, and one role in ten with a mistake. The audit runs as the module does,
from the file to the result, in a process of its own on one core. Its figures are CPU seconds: on a machine that does
nothing else they are the wall time, and on a busy one they still compare.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .timing import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SOFTTOKEN_CACHE", Path.home() / ".cache" / "softtoken-compliance"))
ACCOUNT = "123456789012"
SHARED = 60  # different texts among the policies that many roles have
PEOPLE = 200
ONE_CORE = ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))
# The tools beside, in an environment of their own: they want other versions of boto3 than this project.
OTHERS = ("parliament==1.6.4", "cloudsplaining==0.9.1", "setuptools<81")

# Audits the file as the module does, and prints what that took. Its own process: memory and imports are its own.
AUDIT = """
import json, resource, sys, time
begun = time.process_time()
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts, run_audit

def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()

parameters = dict.fromkeys(("ignore", "trusted_accounts", "roles", "host_serials", "trail_events", "code_paths"), ())
parameters.update(
    snapshot=sys.argv[1], snapshot_output=None, scope="account", severity_threshold="info", unassigned_after_days=30,
    inventories=(), trail_hours=0,
)
ports = AuditPorts(read, None, None, None, lambda: 1790000000.0)
imported = time.process_time()
result = run_audit(parameters, ports, check_mode=False)
done = time.process_time()
coverage = result["coverage"]
print(json.dumps({
    "import_s": imported - begun, "audit_s": done - imported,
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "documents": coverage["documents"], "distinct": coverage["distinct_documents"],
    "findings": len(result["findings"]), "rules": len(result["summary"]["rules"]),
    "unknown": list(coverage["rules"]["unknown"]),
}))
"""


class Audited(NamedTuple):
    """One run of the audit."""

    import_s: float
    audit_s: float
    peak_mib: float
    documents: int
    distinct: int
    findings: int
    rules: int
    unknown: list[str]


def arn(resource: str) -> str:
    """Return an ARN of the account."""
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def person(number: int) -> str:
    """Return a user's name."""
    return f"person{number % PEOPLE:03d}"


def trust(number: int) -> dict[str, Any]:
    """Return a role's trust policy: half a service's or a provider's, half people's, some wrong."""
    own = {"AWS": arn(f"user/{person(number)}")}
    everybody = {"AWS": arn("root")}
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    kinds: list[tuple[dict[str, Any], str, dict[str, Any] | None]] = [
        ({"Service": "ec2.amazonaws.com"}, "sts:AssumeRole", None),
        ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole", None),
        (
            {"Service": "ecs-tasks.amazonaws.com"},
            "sts:AssumeRole",
            {"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service{number}"}},
        ),
        (
            {"Federated": arn("oidc-provider/token.actions.githubusercontent.com")},
            "sts:AssumeRoleWithWebIdentity",
            {
                "StringEquals": {
                    "token.actions.githubusercontent.com:sub": f"repo:example/app{number}:ref:refs/heads/main"
                }
            },
        ),
        ({"Service": "states.amazonaws.com"}, "sts:AssumeRole", None),
        (own, "sts:AssumeRole", with_mfa),
        (everybody, "sts:AssumeRole", with_mfa),
        (everybody, "sts:AssumeRole", {**with_mfa, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}),
        ({"AWS": arn(f"role/caller{number}")}, "sts:AssumeRole", None),
    ]
    mistakes: list[tuple[dict[str, Any], str, dict[str, Any] | None]] = [
        (everybody, "sts:AssumeRole", {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
        (everybody, "sts:AssumeRole", {"ArnLike": {"aws:MultiFactorAuthAge": arn(f"mfa/old{number}")}}),
        (own, "sts:AssumeRole", None),
        (own, "sts:AssumeRole", {"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
        ({"Service": "ec2.amazonaws.com"}, "sts:AssumeRole", with_mfa),
    ]
    kind = mistakes[number // 10 % len(mistakes)] if number % 10 == 9 else kinds[number % 10]
    statement = {"Sid": "Trust", "Effect": "Allow", "Principal": kind[0], "Action": kind[1]}
    return policy({**statement, "Condition": kind[2]} if kind[2] else statement)


def permissions(number: int) -> dict[str, Any]:
    """Return a role's own policy: two in three name what is only that role's."""
    name = f"app{number}" if number % 3 else f"shared{number % SHARED}"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Objects",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:*:{ACCOUNT}:log-group:/{name}/*",
        },
    ]
    if number % 40 == 7:
        statements.append({
            "Sid": "WithMFA",
            "Effect": "Allow",
            "Action": "s3:DeleteObject",
            "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        })  # fmt: skip
    return policy(*statements)


def account(roles: int) -> dict[str, Any]:
    """Return the snapshot of an account with this many roles, two documents each."""
    names = [person(number) for number in range(PEOPLE)]
    made = "2024-01-01T00:00:00Z"
    user_list = [
        {
            "Path": "/", "UserName": name, "UserId": f"AIDA{number:017d}", "Arn": arn(f"user/{name}"),
            "CreateDate": made, "GroupList": ["everybody"], "AttachedManagedPolicies": [],
        }
        for number, name in enumerate(names)
    ]  # fmt: skip
    role_list = [
        {
            "Path": "/", "RoleName": f"role{number}", "RoleId": f"AROA{number:017d}", "Arn": arn(f"role/role{number}"),
            "CreateDate": made, "AssumeRolePolicyDocument": trust(number), "InstanceProfileList": [],
            "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": permissions(number)}],
            "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {},
        }
        for number in range(roles)
    ]  # fmt: skip
    holders = {name: f"{name}-phone" for number, name in enumerate(names) if number % 20}
    return {
        "description": f"GENERATED: {roles} roles for the benchmark",
        "account_id": ACCOUNT,
        "partition": "aws",
        "collected_at": "2026-11-01T00:00:00Z",
        "authorization_details": {
            "UserDetailList": user_list,
            "GroupDetailList": [
                {
                    "Path": "/", "GroupName": "everybody", "GroupId": "AGPA00000000000000001",
                    "Arn": arn("group/everybody"), "CreateDate": made, "AttachedManagedPolicies": [],
                    "GroupPolicyList": [
                        {"PolicyName": "assume", "PolicyDocument": policy(
                            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn("role/*")}
                        )}
                    ],
                }
            ],
            "RoleDetailList": role_list,
            "Policies": [],
        },
        "virtual_mfa_devices": [
            {"SerialNumber": arn(f"mfa/{device}"), "EnableDate": made, "User": user_list[names.index(name)]}
            for name, device in holders.items()
        ],
        "mfa_devices": {
            name: [{"UserName": name, "SerialNumber": arn(f"mfa/{holders[name]}"), "EnableDate": made}]
            if name in holders
            else []
            for name in names
        },
        "credential_report": [
            {
                "user": name, "arn": arn(f"user/{name}"), "password_enabled": "true",
                "mfa_active": "true" if name in holders else "false",
                "access_key_1_active": "true", "access_key_2_active": "false",
            }
            for name in names
        ],
        "account_summary": {"Users": PEOPLE, "Roles": roles, "AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0},
        "organization_policies": [],
        "trail_events": [],
        "config_rules": [],
        "metric_filters": [],
        "metric_alarms": [],
        "alarm_topics": {},
    }  # fmt: skip


def run_audit(path: Path) -> Audited:
    """Audit the file in a process of its own, on one core."""
    done = subprocess.run(
        [*ONE_CORE, sys.executable, "-c", AUDIT, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the audit of {path} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return Audited(**json.loads(done.stdout))


def other_tools() -> Path:
    """Install the tools beside into an environment of their own, and return its bin directory."""
    venv = CACHE / "bench-iam-tools"
    ready = venv / ".ready"
    wanted = "\n".join(OTHERS)
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        for argv in (
            [sys.executable, "-m", "venv", "--clear", str(venv)],
            [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", *OTHERS],
        ):
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise BenchError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        ready.write_text(wanted, encoding="utf-8")
    return venv / "bin"


def run_other(argv: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run another tool on one core: CPU seconds and peak MiB. Exit status 1 says that it found something."""
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [*ONE_CORE, *argv], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        said = (folder / "stderr").read_text(encoding="utf-8", errors="replace")
        raise BenchError(f"{' '.join(argv)} ended with {process.returncode}:\n{said[-4000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(sizes: Sequence[int], rounds: int, *, beside: bool) -> str:
    """Return a Markdown table; ``beside`` runs the other tools on the smallest account as well."""
    lines = [
        "| what | roles | documents (distinct) | CPU, median s | min | max | a role, ms | MiB | findings (rules) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="softtoken-bench-") as name:
        folder = Path(name)
        for roles in sizes:
            path = folder / f"account-{roles}.json"
            path.write_text(json.dumps(account(roles)), encoding="utf-8")
            runs = [run_audit(path) for _round in range(rounds)]
            if runs[0].unknown:
                raise BenchError(f"rules were not measured because of gaps: {', '.join(runs[0].unknown)}")
            lines.append(row(roles, runs))
        if beside:
            lines += [*beside_rows(folder, min(sizes))]
    return "\n".join(lines)


def row(roles: int, runs: Sequence[Audited]) -> str:
    """Return the line of one size."""
    seconds = [run.audit_s for run in runs]
    median = statistics.median(seconds)
    first = runs[0]
    return (
        f"| `iam_mfa_audit_info` | {roles} | {first.documents} ({first.distinct})"
        f" | {median:.2f} | {min(seconds):.2f} | {max(seconds):.2f} | {1000 * median / roles:.3f}"
        f" | {max(run.peak_mib for run in runs):.0f} | {first.findings} ({first.rules}) |"
    )


def beside_rows(folder: Path, roles: int) -> list[str]:
    """Run the other tools once on the account with this many roles."""
    tools = other_tools()
    bare = folder / "details.json"
    bare.write_text(json.dumps(account(roles)["authorization_details"]), encoding="utf-8")
    commands = {
        "parliament": [str(tools / "parliament"), "--auth-details-file", str(bare)],
        "cloudsplaining": [str(tools / "cloudsplaining"), "scan", "--input-file", str(bare), "--skip-open-report"],
    }
    lines = []
    for name, argv in commands.items():
        seconds, peak = run_other(argv, folder)
        lines.append(
            f"| `{name}` | {roles} | {2 * roles} | {seconds:.2f} | | | {1000 * seconds / roles:.3f} | {peak:.0f} | |"
        )
    return lines
