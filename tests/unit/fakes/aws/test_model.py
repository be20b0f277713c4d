"""Every answer and every refusal against botocore's model of the service: what AWS's own clients expect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from botocore.model import OperationModel, Shape

from tests.fakes.aws import KEYS, Keys
from tests.unit.fakes.aws.account import World, codes, refused

# What a service may answer to anything; not in the models of its operations.
COMMON = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InvalidClientTokenId": 403,
    "Throttling": 400,
    "ValidationError": 400,
}
OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}


class Prepared:
    """One account in which every call of the double can be made."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.name, self.keys = world.user()
        self.held = world.aws.virtual_device(self.name, "held")
        self.free = world.aws.virtual_device(None, "free")
        self.fido = world.aws.fido_device(self.name)
        made = world.iam().create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(OPEN))
        self.role = made["Role"]["Arn"]

    def pair(self, serial: str) -> dict[str, str]:
        return codes(*self.world.aws.soft_token(serial).pair())

    def mfa(self) -> dict[str, str]:
        return {"SerialNumber": self.held, "TokenCode": self.world.aws.soft_token(self.held).code()}


Case = Callable[[Prepared], dict[str, Any]]
GOOD: dict[str, Case] = {
    "iam:CreateVirtualMFADevice": lambda _has: {"VirtualMFADeviceName": "new", "Tags": [{"Key": "a", "Value": "b"}]},
    "iam:DeleteVirtualMFADevice": lambda has: {"SerialNumber": has.free},
    "iam:EnableMFADevice": lambda has: {"UserName": has.name, "SerialNumber": has.free, **has.pair(has.free)},
    "iam:DeactivateMFADevice": lambda has: {"UserName": has.name, "SerialNumber": has.held},
    "iam:ResyncMFADevice": lambda has: {"UserName": has.name, "SerialNumber": has.held, **has.pair(has.held)},
    "iam:GetMFADevice": lambda has: {"SerialNumber": has.fido},
    "iam:ListMFADevices": lambda has: {"UserName": has.name},
    "iam:ListVirtualMFADevices": lambda _has: {},
    "iam:TagMFADevice": lambda has: {"SerialNumber": has.free, "Tags": [{"Key": "a", "Value": "b"}]},
    "iam:UntagMFADevice": lambda has: {"SerialNumber": has.free, "TagKeys": ["a"]},
    "iam:ListMFADeviceTags": lambda has: {"SerialNumber": has.free},
    "iam:CreateUser": lambda _has: {"UserName": "fresh"},
    "sts:GetCallerIdentity": lambda _has: {},
    "sts:GetSessionToken": lambda has: has.mfa(),
    "sts:AssumeRole": lambda has: {"RoleArn": has.role, "RoleSessionName": "test", **has.mfa()},
    "cloudtrail:LookupEvents": lambda _has: {},
}  # fmt: skip
# Who has a device changes devices with an MFA session only.
CHANGES = ("iam:EnableMFADevice", "iam:DeactivateMFADevice")
# What the model calls optional, and AWS always answers.
ALWAYS = {
    "iam:CreateVirtualMFADevice": [
        "VirtualMFADevice.Base32StringSeed",
        "VirtualMFADevice.QRCodePNG",
        "VirtualMFADevice.Tags",
    ],
    "iam:GetMFADevice": ["UserName", "EnableDate"],
    "sts:GetCallerIdentity": ["UserId", "Account", "Arn"],
    "sts:GetSessionToken": ["Credentials"],
    "sts:AssumeRole": ["Credentials", "AssumedRoleUser"],
    "cloudtrail:LookupEvents": ["Events"],
}


@pytest.fixture
def has(world: World) -> Prepared:
    return Prepared(world)


def operation(api: str) -> OperationModel:
    service, _colon, name = api.partition(":")
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def send(has: Prepared, api: str, parameters: dict[str, Any], keys: Keys | None = None) -> Any:
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    service, _colon, name = api.partition(":")
    client = has.world.aws.client(service, config=config, keys=keys or has.keys)
    return client._make_api_call(name, parameters)


@pytest.mark.parametrize("api", GOOD)
def test_every_answer_has_what_the_model_requires(has: Prepared, api: str) -> None:
    keys = has.world.session(has.keys, has.held) if api in CHANGES else has.keys
    answer = send(has, api, GOOD[api](has), keys)
    shape = operation(api).output_shape
    metadata = answer.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == 200
    assert metadata["RequestId"]
    if shape is None:
        assert answer == {}
        return
    assert list(missing(shape, answer, "")) == []
    for path in ALWAYS.get(api, []):
        value: Any = answer
        for part in path.split("."):
            value = value[part]
        assert value


def missing(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Walk an answer by the model: required members that are not there, and values of another type."""
    if shape.type_name == "structure":
        yield from (f"{path}.{name}" for name in shape.required_members if name not in value)
        for name, given in value.items():
            yield from missing(shape.members[name], given, f"{path}.{name}")
    elif shape.type_name == "list":
        for number, given in enumerate(value):
            yield from missing(shape.member, given, f"{path}[{number}]")
    elif value is None or not bounds(shape, value):
        yield f"{path}={value!r}"


def bounds(shape: Shape, value: Any) -> bool:
    if shape.type_name != "string":
        return True
    return shape.metadata.get("min", 0) <= len(value) <= shape.metadata.get("max", len(value))


WRONG = codes("000000", "000001")
TAG = [{"Key": "a", "Value": ""}]
NO_ATTRIBUTE = [{"AttributeKey": "X", "AttributeValue": "x"}]
BAD: list[tuple[str, str, Case]] = [
    ("iam:CreateVirtualMFADevice", "EntityAlreadyExists", lambda _has: {"VirtualMFADeviceName": "free"}),
    ("iam:CreateVirtualMFADevice", "InvalidInput", lambda _has: {"VirtualMFADeviceName": "x", "Tags": TAG * 2}),
    ("iam:CreateVirtualMFADevice", "ValidationError", lambda _has: {"VirtualMFADeviceName": "no/such"}),
    ("iam:DeleteVirtualMFADevice", "NoSuchEntity", lambda has: {"SerialNumber": has.free + "x"}),
    ("iam:DeleteVirtualMFADevice", "DeleteConflict", lambda has: {"SerialNumber": has.held}),
    ("iam:DeleteVirtualMFADevice", "ValidationError", lambda _has: {}),
    ("iam:EnableMFADevice", "AccessDenied", lambda has: {"UserName": has.name, "SerialNumber": has.free, **WRONG}),
    ("iam:EnableMFADevice", "NoSuchEntity", lambda has: {"UserName": "x", "SerialNumber": has.free, **WRONG}),
    ("iam:DeactivateMFADevice", "NoSuchEntity", lambda has: {"UserName": "x", "SerialNumber": has.held}),
    ("iam:ResyncMFADevice", "InvalidAuthenticationCode",
     lambda has: {"UserName": has.name, "SerialNumber": has.held, **WRONG}),
    ("iam:ResyncMFADevice", "NoSuchEntity", lambda has: {"UserName": has.name, "SerialNumber": has.free, **WRONG}),
    ("iam:GetMFADevice", "NoSuchEntity", lambda has: {"SerialNumber": has.fido + "x"}),
    ("iam:ListMFADevices", "NoSuchEntity", lambda _has: {"UserName": "x"}),
    ("iam:TagMFADevice", "NoSuchEntity", lambda has: {"SerialNumber": has.free + "x", "Tags": TAG}),
    ("iam:UntagMFADevice", "NoSuchEntity", lambda has: {"SerialNumber": has.free + "x", "TagKeys": ["a"]}),
    ("iam:ListMFADeviceTags", "NoSuchEntity", lambda has: {"SerialNumber": has.free + "x"}),
    ("sts:GetSessionToken", "AccessDenied", lambda has: {"SerialNumber": has.held, "TokenCode": "000000"}),
    ("sts:GetSessionToken", "ValidationError", lambda _has: {"DurationSeconds": 1}),
    ("sts:AssumeRole", "AccessDenied", lambda has: {"RoleArn": has.role + "x", "RoleSessionName": "test"}),
    ("sts:AssumeRole", "ValidationError", lambda has: {"RoleArn": has.role, "RoleSessionName": "with blank"}),
    ("cloudtrail:LookupEvents", "InvalidMaxResultsException", lambda _has: {"MaxResults": 51}),
    ("cloudtrail:LookupEvents", "InvalidNextTokenException", lambda _has: {"NextToken": "x"}),
    ("cloudtrail:LookupEvents", "InvalidTimeRangeException", lambda _has: {"StartTime": 2, "EndTime": 1}),
    ("cloudtrail:LookupEvents", "InvalidLookupAttributesException", lambda _has: {"LookupAttributes": NO_ATTRIBUTE}),
]  # fmt: skip


@pytest.mark.parametrize(("api", "code", "case"), BAD)
def test_every_refusal_is_one_the_model_knows(has: Prepared, api: str, code: str, case: Case) -> None:
    answer = refused(send, has=has, api=api, parameters=case(has))
    assert answer.code == code
    assert answer.message
    assert answer.status == known(api)[code]


@pytest.mark.parametrize("api", [api for api in GOOD if api.startswith("iam:")])
def test_changes_that_meet_another_are_refused_as_the_model_has_it(has: Prepared, api: str) -> None:
    # Any error of the model can be asked for, and comes with the model's status.
    for code, status in known(api).items():
        has.world.aws.fail(api, code, 1)
        answer = refused(send, has=has, api=api, parameters=GOOD[api](has))
        assert (answer.code, answer.status) == (code, status)


def known(api: str) -> dict[str, int]:
    own = {}
    for shape in operation(api).error_shapes:
        error = shape.metadata.get("error") or {"code": shape.name, "httpStatusCode": 400}
        own[error["code"]] = error["httpStatusCode"]
    return {**COMMON, **own}


def test_an_operation_that_nobody_knows_is_an_error_and_not_the_end(world: World) -> None:
    request = AWSRequest("POST", world.aws.endpoint, data=b"Action=NoSuchThing&Version=2010-05-08")
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    SigV4Auth(Credentials(*KEYS.values()), "iam", "us-east-1").add_auth(request)
    answer = URLLib3Session().send(request.prepare())
    assert answer.status_code >= 400
    world.sts().get_caller_identity()
