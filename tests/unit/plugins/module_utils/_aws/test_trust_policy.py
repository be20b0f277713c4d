"""The calls that read and write a trust policy, against botocore itself with its answers given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import botocore.session
import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.trust_policy import TrustCalls
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_plan import RoleTrust
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from tests.fakes.aws import KEYS
from tests.rigs.iam_rules import ROLE, ROOT, policy, trusting

DOCUMENT = policy(trusting({"AWS": ROOT}))
NAMED = {"RoleName": "ops"}


@pytest.fixture
def client() -> Any:
    return botocore.session.Session().create_client(
        "iam",
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_role_is_read_with_its_policy(client: Any, stub: Stubber) -> None:
    role = {
        "RoleName": "ops", "Arn": ROLE, "Path": "/", "RoleId": "AROAEXAMPLEEXAMPLE01",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC), "AssumeRolePolicyDocument": quote(json.dumps(DOCUMENT)),
    }  # fmt: skip
    stub.add_response("get_role", {"Role": role}, NAMED)
    read = TrustCalls(client).read("ops")
    assert read._replace(document=None) == RoleTrust("ops", ROLE, "/", "AROAEXAMPLEEXAMPLE01", None)
    assert read.document in (DOCUMENT, quote(json.dumps(DOCUMENT)))  # the stub stands behind botocore's decoding


def test_a_policy_is_written_under_the_roles_name(client: Any, stub: Stubber) -> None:
    stub.add_response("update_assume_role_policy", {}, {**NAMED, "PolicyDocument": "{}"})
    TrustCalls(client).write("ops", "{}")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AccessDenied", "The credentials lack iam:UpdateAssumeRolePolicy"),
        ("AccessDeniedException", "The credentials lack iam:UpdateAssumeRolePolicy"),
        ("NoSuchEntity", "has no such role"),
        ("MalformedPolicyDocument", "principals must exist"),
        ("LimitExceeded", "2048 characters"),
        ("UnmodifiableEntity", "only that service changes it"),
        ("ConcurrentModification", "run again"),
    ],
)
def test_a_refusal_says_what_was_tried_and_what_to_do(client: Any, stub: Stubber, code: str, says: str) -> None:
    stub.add_client_error("update_assume_role_policy", code, "no")
    with pytest.raises(IamError, match=says) as caught:
        TrustCalls(client).write("ops", "{}")
    assert str(caught.value).startswith(f"role ops: iam:UpdateAssumeRolePolicy failed: {code}: no.")


def test_an_error_without_advice_stands_alone(client: Any, stub: Stubber) -> None:
    stub.add_client_error("get_role", "ServiceFailure", "later")
    with pytest.raises(IamError) as caught:
        TrustCalls(client).read("ops")
    assert str(caught.value) == "role ops: iam:GetRole failed: ServiceFailure: later."


def _no_answer(**_parameters: Any) -> None:
    raise ReadTimeoutError(endpoint_url="https://iam.example")


def test_a_write_without_an_answer_may_have_been_done(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "update_assume_role_policy", _no_answer)
    with pytest.raises(IamError, match="whether the policy was written is unknown: run again"):
        TrustCalls(client).write("ops", "{}")


def test_a_read_without_an_answer_changed_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "get_role", _no_answer)
    with pytest.raises(IamError, match="ReadTimeoutError") as caught:
        TrustCalls(client).read("ops")
    assert "written" not in str(caught.value)


def test_a_name_that_botocore_refuses_is_an_error(client: Any) -> None:
    with pytest.raises(IamError, match="ParamValidationError"):
        TrustCalls(client).read("")
