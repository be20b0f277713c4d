"""A code is tried once, and AWS's clock is read beside the host's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import AwsRefusal
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.sign_in import SignIn

from tests.fakes.aws import REGION, FakeAws


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> FakeAws:
    server.forget()
    return server


def test_a_good_code_is_taken_and_a_bad_one_refused_without_being_repeated(aws: FakeAws) -> None:
    keys = aws.add_user("alice")
    serial = aws.virtual_device("alice")
    sign_in = SignIn(lambda service, **options: aws.client(service, keys=keys, **options), REGION)
    code = aws.soft_token(serial).code()
    sign_in.try_code(serial, code)
    with pytest.raises(AwsRefusal, match="invalid MFA one time pass code") as caught:
        sign_in.try_code(serial, code)
    assert (caught.value.operation, caught.value.code) == ("GetSessionToken", "AccessDenied")
    assert caught.value.__context__ is None


@pytest.mark.parametrize("code", ["Throttling", "ServiceFailure", "InternalFailure"])
def test_no_refusal_makes_it_send_a_code_again(aws: FakeAws, code: str) -> None:
    aws.deny("sts:GetSessionToken", code=code, status=500)
    with pytest.raises(AwsRefusal):
        SignIn(aws.client, REGION).try_code("GALT12345678", "860211")
    assert aws.count("sts:GetSessionToken") == 1


def test_a_code_that_aws_repeats_is_hidden(aws: FakeAws) -> None:
    aws.fail("sts:GetSessionToken", "ValidationError", 1, message="Value '860211' at 'tokenCode' failed")
    with pytest.raises(AwsRefusal) as caught:
        SignIn(aws.client, REGION).try_code("GALT12345678", "860211")
    assert "860211" not in str(caught.value)
    assert "******" in str(caught.value)


def test_the_date_comes_with_the_hosts_clock_on_both_sides(aws: FakeAws) -> None:
    ticks = iter((10.0, 11.0))
    dated = SignIn(aws.client, REGION).date(lambda: next(ticks))
    assert (dated.source, dated.asked_s, dated.answered_s) == (aws.endpoint, 10.0, 11.0)
    assert dated.date.endswith("GMT")


def test_an_aws_that_cannot_be_reached_is_a_refusal() -> None:
    with FakeAws() as gone:
        client = gone.client

    def factory(service: str, **options: Any) -> Any:
        return client(service, **options)

    with pytest.raises(AwsRefusal, match="EndpointConnectionError"):
        SignIn(factory, REGION).date(lambda: 0.0)
