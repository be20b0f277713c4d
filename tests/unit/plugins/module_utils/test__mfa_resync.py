"""Who asks for whose device, where the double has no such credentials; the rest is in tests/integration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import Caller
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ClockMeasurement
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import CodeLedger
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync import (
    ResyncFailure,
    ResyncPorts,
    run_resync,
)

ACCOUNT = "123456789012"


class SignedBy:
    """An AWS that knows who signs, and is asked nothing else."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def caller(self) -> Caller:
        return Caller(self._arn, ACCOUNT, "", long_term=True)


def run(arn: str, folder: Path, **parameters: Any) -> None:
    defaults = {"user": None, "serial": None, "code1": "860211", "code2": "047593", "seed": None, "clock_check": True}
    aws: Any = SignedBy(arn)
    nobody: Any = None
    ports = ResyncPorts(
        aws, nobody, None, CodeLedger(str(folder), lambda: 0.0),
        lambda: ClockMeasurement(0.0), lambda: 0.0, lambda _seconds: None, lambda _text: None,
    )  # fmt: skip
    run_resync({**defaults, **parameters}, ports, check_mode=False)


@pytest.mark.parametrize(
    ("arn", "says"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "in the console"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/me", "Name the user whose device it is"),
    ],
)
def test_credentials_of_no_user_need_a_name(tmp_path: Path, arn: str, says: str) -> None:
    with pytest.raises(ResyncFailure, match=says) as caught:
        run(arn, tmp_path)
    assert caught.value.result["cause"] == "no_user"
    assert (caught.value.result["changed"], caught.value.result["verification"]) == (False, "Nothing was sent.")


def test_codes_that_are_none_are_refused_before_aws_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ResyncFailure, match="code2 is not a code") as caught:
        run("", tmp_path, code2="47593", user="alice", serial="GALT12345678")
    assert caught.value.result == {
        "changed": False, "user": "alice", "serial": "GALT12345678", "verified": False,
        "verification": "Nothing was sent.", "waited_s": 0.0, "clock": None, "cause": "not_consecutive",
        "next_step": caught.value.result["next_step"],
    }  # fmt: skip
