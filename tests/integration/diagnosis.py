"""What the tests of the diagnosis stand on: an account in which things went wrong, and the module's code over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions, collect
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.diagnosis import LiveAccount
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_diagnosis import DiagnosisPorts, run_diagnosis
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_diagnosis_ports import (
    live_options,
    read_records,
)
from ansible_collections.softtoken.compliance.plugins.modules.iam_mfa_diagnosis_info import ARGUMENT_SPEC
from botocore.exceptions import ClientError

from tests.fakes.aws import ACCOUNT, REGION, FakeAws
from tests.fakes.aws.identity import Keys
from tests.integration.mfa import STEP, MovedClock

DENY_WITHOUT_MFA = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenyWithoutMFA",
            "Effect": "Deny",
            "NotAction": ["iam:ListMFADevices", "sts:GetSessionToken"],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        }
    ],
}
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ops"
Result = dict[str, Any]


class Scene:
    """An account with alice in it, who signs in with a soft token; time passes when something is done."""

    def __init__(self, aws: FakeAws, clock: MovedClock, folder: Path) -> None:
        self.aws = aws
        self.clock = clock
        self.folder = folder
        self.said: list[str] = []
        self.errors: list[str] = []
        self.alice = aws.add_user("alice")
        self.operator = aws.client("iam")

    def wait(self, *, hours: float = 0.0, seconds: float = 0.0) -> None:
        self.clock.now += hours * 3600 + seconds

    def device(self, user: str = "alice", name: str = "") -> str:
        """Enrol a device as an administrator does it, with the records of that."""
        serial: str = self.operator.create_virtual_mfa_device(VirtualMFADeviceName=name or user)["VirtualMFADevice"][
            "SerialNumber"
        ]
        first, second = self.aws.soft_token(serial).pair()
        self.operator.enable_mfa_device(
            UserName=user, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second
        )
        self.wait(hours=1)
        return serial

    def remove(self, serial: str, user: str = "alice") -> None:
        self.operator.deactivate_mfa_device(UserName=user, SerialNumber=serial)
        self.operator.delete_virtual_mfa_device(SerialNumber=serial)
        self.wait(hours=1)

    def deny_without_mfa(self, user: str = "alice") -> None:
        self.operator.put_user_policy(
            UserName=user, PolicyName="mfa", PolicyDocument=json.dumps(DENY_WITHOUT_MFA)
        )  # fmt: skip
        self.wait(hours=1)

    def role(self, *, condition: dict[str, Any] | None = None, policy: dict[str, Any] | None = None) -> None:
        trust = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
        document = {
            "Version": "2012-10-17",
            "Statement": [{**trust, **({"Condition": condition} if condition else {})}],
        }
        self.operator.create_role(RoleName="ops", AssumeRolePolicyDocument=json.dumps(document))
        if policy is not None:
            self.operator.put_role_policy(RoleName="ops", PolicyName="mfa", PolicyDocument=json.dumps(policy))
        self.wait(hours=1)

    def sign_in(self, serial: str, code: str, keys: Keys | None = None) -> Keys | None:
        """Ask for a session with MFA; None when AWS refuses."""
        return self.attempt("sts", "get_session_token", keys, SerialNumber=serial, TokenCode=code)

    def fail(self, serial: str, make: Callable[[], str], times: int = 4, keys: Keys | None = None) -> None:
        """Be refused time and again, some minutes apart."""
        for _attempt in range(times):
            assert self.sign_in(serial, make(), keys) is None
            self.wait(seconds=5 * STEP)

    def attempt(self, service: str, method: str, keys: Keys | None = None, **parameters: Any) -> Keys | None:
        """Call as alice, or with other keys; None and the CLI's words in ``errors`` when AWS refuses."""
        with suppress(ClientError):
            try:
                answer = getattr(self.aws.client(service, keys=keys or self.alice), method)(**parameters)
            except ClientError as exc:
                self.errors.append(str(exc))
                raise
            return Keys.of(answer["Credentials"]) if "Credentials" in answer else keys or self.alice
        return None

    def keys_with_mfa(self, serial: str) -> Keys:
        """Sign in, with a code that was not used."""
        self.wait(seconds=2 * STEP)
        keys = self.sign_in(serial, self.aws.soft_token(serial).code())
        assert keys is not None
        return keys

    def host(self, offset_s: float) -> Result:
        """Say what host_facts sets for the host that makes the codes, whose clock is off by so much."""
        reasons = ["clock.offset_exceeded", "totp.at_risk"] if abs(offset_s) > 1 else []
        facts = {
            "schema": 1,
            "verdict": "noncompliant" if reasons else "compliant",
            "reasons": reasons,
            "measured_at": datetime.fromtimestamp(self.clock.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "clock": {"offset_s": offset_s, "bound_s": abs(offset_s) + 0.01, "synchronised": True},
            "serials": [],
        }
        return {"host": "workstation", "host_facts": facts}

    def account(self) -> Mapping[str, Any]:
        """Collect a snapshot."""
        return collect(self.aws.client, CollectOptions(monitoring=False, users=("alice",)))

    def diagnose(self, user: str | None = "alice", *, keys: Keys | None = None, **parameters: Any) -> Result:
        """Run the module's code, as the operator or with other keys."""
        defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
        params = {**defaults, "region": None, "profile": None, "user": user, **parameters}

        def connect() -> LiveAccount:
            options = live_options(params, REGION)
            return LiveAccount(partial(self.aws.client, keys=keys), options, self.said.append, sleep=self.clock.wait)

        ports = DiagnosisPorts(
            read=lambda path: Path(path).read_text(encoding="utf-8"),
            read_records=read_records,
            connect=connect,
            now=self.clock.wall,
        )
        return run_diagnosis(params, ports)
