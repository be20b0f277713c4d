"""The double as a program of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
import pyotp
import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def alone(*arguments: str) -> Iterator[str]:
    """Run it as the documentation says; gives its first line."""
    argv = [sys.executable, "-m", "tests.fakes.aws", "--port", "0", *arguments]
    with subprocess.Popen(argv, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[0]
        assert process.returncode == 0, rest


def sts(environment: dict[str, str]) -> Any:
    return botocore.session.Session().create_client(
        "sts",
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def test_its_people_sign_in_with_what_it_prints() -> None:
    with alone("--json") as line:
        printed = json.loads(line)
        for name in ("alice", "bob", "carol"):
            person = printed["users"][name]
            client = sts(person["environment"])
            assert client.get_caller_identity()["Arn"].endswith(f":user/{name}")
            code = pyotp.TOTP(person["seed"]).now()
            client.get_session_token(SerialNumber=person["serial"], TokenCode=code)
        assert printed["users"]["dave"]["seed"] == ""


def test_true_time_can_be_ahead_of_this_host() -> None:
    with alone("--json", "--ahead", "600") as line:
        person = json.loads(line)["users"]["alice"]
        totp = pyotp.TOTP(person["seed"])
        client = sts(person["environment"])
        with pytest.raises(ClientError, match="invalid MFA one time pass code"):
            client.get_session_token(SerialNumber=person["serial"], TokenCode=totp.now())
        code = totp.at(int(time.time()) + 600)
        client.get_session_token(SerialNumber=person["serial"], TokenCode=code)


def test_for_people_it_prints_the_endpoint_first() -> None:
    with alone() as line:
        assert line.startswith("endpoint  http://127.0.0.1:")
