"""The module's credentials, the user's own, and AWS as a witness of the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.clock import judge_clock
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_resync_ports import resync_ports

from tests.fakes.aws import REGION, FakeAws
from tests.fakes.aws.identity import Keys


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> FakeAws:
    server.forget()
    return server


def module(aws: FakeAws, folder: Path, keys: Keys | None = None) -> Any:
    params: dict[str, Any] = {
        "user_access_key": keys and keys.access_key_id,
        "user_secret_key": keys and keys.secret_access_key,
        "endpoint_url": aws.endpoint,
        "ledger_dir": str(folder),
        "clock_witness": [],
    }
    nothing_there = SimpleNamespace(
        run_command=lambda *_arguments, **_options: (1, "", "506 Cannot talk to daemon"),
        get_bin_path=lambda program: f"/usr/bin/{program}",
    )
    return SimpleNamespace(params=params, client=aws.client, region=None, log=str, **vars(nothing_there))


def test_a_code_is_tried_with_the_users_own_key(aws: FakeAws, tmp_path: Path) -> None:
    keys = aws.add_user("alice")
    serial = aws.virtual_device("alice")
    ports = resync_ports(module(aws, tmp_path, keys))
    assert ports.user_sign_in is not None
    ports.user_sign_in.try_code(serial, aws.soft_token(serial).code())
    assert resync_ports(module(aws, tmp_path)).user_sign_in is None
    assert ports.ledger.directory == str(tmp_path)


def test_aws_says_whether_this_clock_is_right(aws: FakeAws, tmp_path: Path) -> None:
    # On a busy machine one exchange may take so long that it proves nothing.
    looks = (judge_clock(resync_ports(module(aws, tmp_path)).look_at_clock()) for _exchange in range(5))
    state = next(state for state in looks if state.good is not None)
    assert (state.good, state.source) == (True, f"aws:{aws.endpoint}")


def test_an_aws_that_refuses_is_no_witness(aws: FakeAws, tmp_path: Path) -> None:
    aws.deny("sts:GetCallerIdentity", code="InvalidClientTokenId")
    state = judge_clock(resync_ports(module(aws, tmp_path)).look_at_clock())
    assert state.good is None
    assert "InvalidClientTokenId" in state.text


def test_iam_is_asked_somewhere_where_no_region_is_given(aws: FakeAws, tmp_path: Path) -> None:
    aws.add_user("bob")
    assert resync_ports(module(aws, tmp_path)).devices.list_user_devices("bob") == []
    assert {asked.region for asked in aws.requests} == {REGION}
