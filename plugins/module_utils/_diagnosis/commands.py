# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands and playbooks that a diagnosis tells to run next.

Private to this collection. Codes and what is not known are placeholders in capitals; no code ever stands on a line.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Dict, Tuple

from .model import Command, Question

__all__ = [
    "assume_role", "audit", "aws", "caller", "config_serial", "create_device", "enable_device", "enforce_clock",
    "get_policy", "health", "list_devices", "lookup", "measure_clock", "open_session", "playbook", "remediate_role",
    "replace", "resync", "resync_cli", "simulate", "wider",
]  # fmt: skip

_PLAIN = re.compile(r"[\w+,.@:/-]+", re.ASCII)


def aws(question: Question, words: str, *options: str, why: str = "") -> Command:
    """Make a command of the AWS CLI: ``words`` as "iam list-mfa-devices", options as flag, value, flag, value."""
    where = []
    if question.region and "--region" not in options:
        where += ["--region", question.region]
    if question.profile:
        where += ["--profile", question.profile]
    line = ["aws", *words.split(), *[shlex.quote(one) for one in (*options, *where)]]
    return Command("command", " ".join(line), why)


def playbook(name: str, variables: Dict[str, str], *options: str, why: str = "") -> Command:
    """Make a call of one of the collection's playbooks; empty variables are left out."""
    line = ["ansible-playbook", *options, f"softtoken.compliance.{name}"]
    for key, value in variables.items():
        if value:
            text = f"{key}={value}" if _PLAIN.fullmatch(value) else json.dumps({key: value})
            line += ["-e", shlex.quote(text)]
    return Command("playbook", " ".join(line), why)


def _user(question: Question) -> Tuple[str, ...]:
    return ("--user-name", question.user or "USER")


def list_devices(question: Question, why: str = "Shows the serials that AWS has for the user.") -> Command:
    """List the user's devices."""
    return aws(question, "iam list-mfa-devices", *_user(question), why=why)


def caller(question: Question) -> Command:
    """Show whose credentials are in use."""
    return aws(
        question, "sts get-caller-identity", why="Shows whose credentials these are: the device has to be theirs."
    )


def resync(question: Question, serial: str) -> Command:
    """Resynchronise by the playbook, which asks for the codes."""
    return playbook(
        "mfa_resync",
        {"softtoken_user": question.user, "softtoken_serial": serial},
        why="Asks for two codes in a row, and teaches AWS how far the device's clock is off.",
    )


def resync_cli(question: Question, serial: str) -> Command:
    """Resynchronise by the AWS CLI."""
    return aws(
        question, "iam resync-mfa-device", *_user(question), "--serial-number", serial or "SERIAL",
        "--authentication-code1", "CODE1", "--authentication-code2", "CODE2",
        why="The same without Ansible; CODE2 is the code that follows CODE1. Send them within seconds.",
    )  # fmt: skip


def open_session(question: Question, serial: str, why: str = "") -> Command:
    """Open a session with MFA."""
    return aws(
        question, "sts get-session-token", "--serial-number", serial or "SERIAL", "--token-code", "CODE",
        why=why or "Opens a session with MFA; sign what comes after with its credentials. A code works once.",
    )  # fmt: skip


def assume_role(question: Question, serial: str, why: str = "") -> Command:
    """Assume the role with MFA."""
    return aws(
        question, "sts assume-role", "--role-arn", question.role_arn or "ROLE_ARN", "--role-session-name",
        question.user or "SESSION", "--serial-number", serial or "SERIAL", "--token-code", "CODE",
        why=why or "Assumes the role with the user's own access key and a code that was not used before.",
    )  # fmt: skip


def config_serial(question: Question, serial: str, profile: str = "") -> Command:
    """Put the serial into the CLI's configuration."""
    line = [
        "aws",
        "configure",
        "set",
        "mfa_serial",
        serial or "SERIAL",
        "--profile",
        profile or question.profile or "PROFILE",
    ]
    return Command(
        "command", " ".join(map(shlex.quote, line)), "Puts the right serial into the profile's configuration."
    )


def create_device(question: Question) -> Command:
    """Create a device; the file holds a secret."""
    name = question.user or "NAME"
    return aws(
        question, "iam create-virtual-mfa-device", "--virtual-mfa-device-name", name, "--bootstrap-method", "QRCodePNG",
        "--outfile", f"{name}.png",
        why="Creates a device. The file is a secret: scan it, then delete it.",
    )  # fmt: skip


def enable_device(question: Question, serial: str) -> Command:
    """Enable a device that was created."""
    return aws(
        question, "iam enable-mfa-device", *_user(question), "--serial-number", serial or "SERIAL",
        "--authentication-code1", "CODE1", "--authentication-code2", "CODE2",
        why="Gives the device to the user; CODE2 is the code that follows CODE1.",
    )  # fmt: skip


def replace(question: Question, serial: str) -> Command:
    """Replace a device by a new one."""
    return playbook(
        "mfa_replace",
        {
            "softtoken_user": question.user or "USER",
            "softtoken_serial": serial,
            "softtoken_name": f"{question.user or 'USER'}-new",
            "softtoken_seed_file": f"{question.user or 'USER'}.seed",
        },
        why="Replaces the device by one with a new seed; an administrator runs it.",
    )


def enforce_clock(host: str) -> Command:
    """Put the host's clock right."""
    return playbook(
        "compliance", {"softtoken_mode": "enforce"}, "--become", "--limit", shlex.quote(f"{host or 'HOST'},localhost"),
        why="Puts the host's clock right and proves it. Resynchronise the device afterwards if its codes are refused.",
    )  # fmt: skip


def measure_clock(question: Question, host: str = "") -> Command:
    """Diagnose again, with the host's clock."""
    return playbook(
        "mfa_diagnose",
        {"softtoken_user": question.user or "USER", "softtoken_user_host": host or question.host or "HOST"},
        why="Measures the clock of the host that makes the codes, and joins it to the diagnosis.",
    )


def wider(question: Question) -> Command:
    """Diagnose again, further back."""
    return playbook(
        "mfa_diagnose",
        {"softtoken_user": question.user or "USER"},
        why="Reads the account and CloudTrail, and looks at 48 hours where 24 tell nothing.",
    )


def lookup(question: Question, event: str, why: str = "") -> Command:
    """Look up an event by its name; IAM's are in us-east-1."""
    region = {"aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}.get(question.partition, "us-east-1")
    return aws(
        question, "cloudtrail lookup-events", "--lookup-attributes",
        f"AttributeKey=EventName,AttributeValue={event}", "--region", region,
        why=why or "Shows who did it, and when.",
    )  # fmt: skip


def get_policy(question: Question, kind: str, resource: str) -> Command:
    """Show a policy document."""
    family, _colon, name = kind.partition(":")
    holder = resource.rpartition("/")[2]
    if family == "trust":
        return aws(question, "iam get-role", "--role-name", holder, why="Shows the trust policy.")
    if family == "inline":
        what = "group" if ":group/" in resource else "role" if ":role/" in resource else "user"
        return aws(
            question, f"iam get-{what}-policy", f"--{what}-name", holder, "--policy-name", name,
            why="Shows the policy.",
        )  # fmt: skip
    if family == "scp":
        return aws(question, "organizations describe-policy", "--policy-id", name, why="Shows the policy.")
    arn, _at, version = name.rpartition("@") if "@" in name else (resource, "", "")
    if not version:
        return aws(question, "iam get-policy", "--policy-arn", arn, why="Shows the policy's versions.")
    return aws(
        question, "iam get-policy-version", "--policy-arn", arn, "--version-id", version, why="Shows the policy."
    )  # fmt: skip


def simulate(question: Question, action: str, user_arn: str) -> Command:
    """Ask AWS's own simulator what MFA changes."""
    return aws(
        question, "iam simulate-principal-policy", "--policy-source-arn", user_arn or "USER_ARN", "--action-names",
        action or "sts:AssumeRole", "--context-entries",
        "ContextKeyName=aws:MultiFactorAuthPresent,ContextKeyType=boolean,ContextKeyValues=true",
        why="Asks AWS what the user's policies say to a request with MFA.",
    )  # fmt: skip


def remediate_role(role_arn: str) -> Command:
    """Repair a trust policy, as a plan."""
    return playbook(
        "iam_remediate", {"softtoken_account_roles": role_arn.rpartition("/")[2]}, "--diff",
        why="Shows the corrected trust policy; with softtoken_apply=true it is put in place.",
    )  # fmt: skip


def audit() -> Command:
    """Audit the account."""
    return playbook(
        "iam_audit", {}, why="Finds every MFA condition that does not do what it was meant to, with a correction."
    )


def health(question: Question) -> Command:
    """Ask for open events of AWS."""
    return aws(
        question, "health describe-events", "--filter", "services=IAM,eventStatusCodes=open", "--region", "us-east-1",
        why="Shows open events of IAM; needs a support plan. health.aws.amazon.com shows the public ones to everybody.",
    )  # fmt: skip
