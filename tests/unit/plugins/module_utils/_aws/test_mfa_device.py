"""The calls about MFA devices: what is sent again and what never, and what an error says."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import AwsRefusal, MfaDevices
from moto.moto_api._internal.models import moto_api_backend

from tests.fakes.aws import ACCOUNT, REGION, FakeAws
from tests.fakes.aws.identity import Keys


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws(page_size=2) as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> FakeAws:
    moto_api_backend.reset()
    server.forget()
    return server


def calls(aws: FakeAws, keys: Keys | None = None) -> MfaDevices:
    def factory(service: str, **options: Any) -> Any:
        return aws.client(service, keys=keys, **options)

    return MfaDevices(factory, REGION)


def test_a_device_is_made_and_found_on_any_page(aws: FakeAws) -> None:
    aws.add_user("alice")
    made = [calls(aws).create_virtual(f"phone-{number}", path="/staff/", tags={"a": "b"}) for number in range(5)]
    assert made[4].serial == f"arn:aws:iam::{ACCOUNT}:mfa/staff/phone-4"
    assert made[4].seed == aws.seed(made[4].serial)
    assert made[4].qr_png.startswith(b"\x89PNG")
    assert made[4].seed not in repr(made)
    found = calls(aws).find(made[4].serial)
    assert found is not None
    assert (found.user, found.enabled_at) == ("", "")
    assert calls(aws).tags(made[4].serial) == {"a": "b"}
    code1, code2 = aws.soft_token(made[4].serial).pair()
    calls(aws).enable("alice", made[4].serial, code1, code2)
    (mine,) = calls(aws).list_user_devices("alice")
    assert mine == calls(aws).find(made[4].serial)
    assert (mine.user, mine.enabled_at[-1]) == ("alice", "Z")
    assert calls(aws).find(f"{made[4].serial}x") is None


@pytest.mark.parametrize("method", ["enable", "resync"])
def test_codes_are_sent_once_and_in_no_error(aws: FakeAws, method: str) -> None:
    aws.add_user("alice")
    serial = aws.virtual_device("alice" if method == "resync" else None, "phone")
    api = {"enable": "iam:EnableMFADevice", "resync": "iam:ResyncMFADevice"}[method]
    for code in ("Throttling", "ServiceFailure", "InternalFailure"):
        aws.forget()
        aws.fail(api, code, 9, status=500 if code != "Throttling" else 400, message="Value '860211' at 'code1', 047593")
        with pytest.raises(AwsRefusal) as caught:
            getattr(calls(aws), method)("alice", serial, "860211", "047593")
        assert aws.count(api) == 1
        assert (caught.value.operation, caught.value.code) == (api.partition(":")[2], code)
        told = "".join(traceback.format_exception(caught.value))
        assert "******" in told
        assert "860211" not in told.replace('"860211", "047593"', "")


def test_what_carries_no_code_is_sent_again(aws: FakeAws) -> None:
    aws.add_user("alice")
    aws.throttle("iam:ListMFADevices", 2)
    assert calls(aws).list_user_devices("alice") == []
    assert aws.count("iam:ListMFADevices") == 3


def test_who_signs_and_with_what(aws: FakeAws) -> None:
    keys = aws.add_user("alice", path="/staff/")
    serial = aws.virtual_device("alice")
    own = calls(aws, keys).caller()
    assert (own.user, own.long_term, own.account) == ("alice", True, ACCOUNT)
    code = aws.soft_token(serial).code()
    answer = aws.client("sts", keys=keys).get_session_token(SerialNumber=serial, TokenCode=code)
    session = calls(aws, Keys.of(answer["Credentials"])).caller()
    assert (session.user, session.long_term) == ("alice", False)


def test_roots_device_has_a_holder(aws: FakeAws) -> None:
    found = calls(aws).find(aws.root_device())
    assert found is not None
    assert found.user == "root"
