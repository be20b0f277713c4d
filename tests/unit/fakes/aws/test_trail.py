"""CloudTrail's records of what the double did, and looking them up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config

from tests.fakes.aws import ACCOUNT
from tests.unit.fakes.aws.account import START, World, codes, refused

BAD_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code."


def look(world: World, key: str = "", value: str = "", **more: Any) -> list[dict[str, Any]]:
    world.aws.lookups.clear()
    if key:
        more["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    return world.aws.client("cloudtrail").lookup_events(**more)["Events"]


def records(world: World, name: str) -> list[dict[str, Any]]:
    return [json.loads(event["CloudTrailEvent"]) for event in look(world, "EventName", name)]


def test_a_call_leaves_a_record_that_says_who_what_and_when(world: World) -> None:
    name, keys = world.user()
    serial = world.iam(keys).create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    pair = world.aws.soft_token(serial).pair()
    world.iam(keys).enable_mfa_device(UserName=name, SerialNumber=serial, **codes(*pair))
    (created,) = records(world, "CreateVirtualMFADevice")
    assert created["requestParameters"] == {"virtualMFADeviceName": "phone"}
    assert created["responseElements"] == {"virtualMFADevice": {"serialNumber": serial}}
    (enabled,) = records(world, "EnableMFADevice")
    assert enabled["requestParameters"] == {"userName": name, "serialNumber": serial}
    assert enabled["userIdentity"] == {
        "type": "IAMUser",
        "principalId": world.aws.iam.users[name].id,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": keys.access_key_id,
        "userName": name,
    }
    assert enabled["eventTime"] == "2027-01-15T08:00:10Z"
    assert (enabled["eventSource"], enabled["awsRegion"], enabled["readOnly"]) == (
        "iam.amazonaws.com", "us-east-1", False
    )  # fmt: skip
    assert "errorCode" not in enabled


def test_no_secret_is_in_a_record(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    token = world.aws.soft_token(serial)
    session = world.session(keys, serial)
    world.clock.go_on(60)  # the session's code is used
    pair = token.pair()
    world.iam(session).resync_mfa_device(UserName=name, SerialNumber=serial, **codes(*pair))
    world.iam().create_login_profile(UserName=name, Password="correct-horse")  # noqa: S106
    assert world.aws.console_login(name, code=token.code(1))
    text = json.dumps(world.aws.events)
    secrets = (*pair, world.aws.seed(serial), keys.secret_access_key, session.session_token, "correct-horse")
    for secret in (*secrets, token.code(1), "AuthenticationCode", "authenticationCode"):
        assert secret not in text


def test_a_refused_code_leaves_aws_error_and_text(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    request = {"SerialNumber": serial, "TokenCode": "000000"}
    refused(world.sts(keys).get_session_token, **request)
    (record,) = records(world, "GetSessionToken")
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", BAD_CODE)
    assert record["requestParameters"] == {"serialNumber": serial}
    assert record["responseElements"] is None
    world.aws.rules.trail_keeps_serial = False
    refused(world.sts(keys).get_session_token, **request)
    assert records(world, "GetSessionToken")[0]["requestParameters"] is None


def test_errors_of_iam_are_named_as_cloudtrail_names_them(world: World) -> None:
    name, _keys = world.user()
    serial = world.aws.virtual_device(name)
    refused(world.iam().delete_virtual_mfa_device, SerialNumber=serial)
    refused(world.iam().get_user, UserName="nobody")
    assert records(world, "DeleteVirtualMFADevice")[0]["errorCode"] == "DeleteConflictException"
    assert records(world, "GetUser")[0]["errorCode"] == "NoSuchEntityException"


def test_a_session_shows_whether_it_holds_mfa_and_a_role_who_issued_it(world: World) -> None:
    name, keys = world.user()
    session = world.session(keys, world.aws.virtual_device(name))
    world.iam(session).list_users()
    (listed,) = records(world, "ListUsers")
    assert listed["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
    assert listed["readOnly"] is True
    trust = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}], "Version": "2012-10-17"}
    arn = world.iam().create_role(RoleName="ops", Path="/t/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    assumed = world.sts(session).assume_role(RoleArn=arn, RoleSessionName="me")
    (record,) = records(world, "AssumeRole")
    assert record["requestParameters"] == {"roleArn": arn, "roleSessionName": "me"}
    assert record["responseElements"]["credentials"]["accessKeyId"] == assumed["Credentials"]["AccessKeyId"]
    assert "secretAccessKey" not in record["responseElements"]["credentials"]


@pytest.mark.parametrize(
    ("password", "code", "worked", "used", "error"),
    [
        (True, "right", True, "Yes", None),
        (True, "000000", False, "Yes", "Failed authentication"),
        (False, "right", False, "No", "Failed authentication"),
        (True, None, False, "No", "Failed authentication"),
    ],
)
def test_console_sign_ins(
    world: World, password: bool, code: str | None, worked: bool, used: str, error: str | None
) -> None:
    name, _keys = world.user()
    serial = world.aws.virtual_device(name)
    code = world.aws.soft_token(serial).code() if code == "right" else code
    assert world.aws.console_login(name, code=code, password=password) is worked
    (record,) = records(world, "ConsoleLogin")
    assert record["responseElements"] == {"ConsoleLogin": "Success" if worked else "Failure"}
    assert record["additionalEventData"]["MFAUsed"] == used
    assert record["additionalEventData"].get("MFAIdentifier") == (serial if used == "Yes" else None)
    assert record.get("errorMessage") == error
    assert record["userIdentity"]["userName"] == name


def test_a_code_of_the_console_is_used_up_for_all(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    code = world.aws.soft_token(serial).code()
    assert world.aws.console_login(name, code=code)
    assert not world.aws.console_login(name, code=code)
    assert refused(world.sts(keys).get_session_token, SerialNumber=serial, TokenCode=code).message == BAD_CODE


def test_a_user_without_a_device_signs_in_without_mfa(world: World) -> None:
    name, _keys = world.user()
    assert world.aws.console_login(name)
    assert records(world, "ConsoleLogin")[0]["additionalEventData"]["MFAUsed"] == "No"


def test_events_are_found_by_one_attribute_of_several_kinds(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    world.iam(keys).list_users()
    world.iam(keys).resync_mfa_device(
        UserName=name, SerialNumber=serial, **codes(*world.aws.soft_token(serial).pair())
    )  # fmt: skip
    (event,) = look(world, "ResourceName", serial)
    assert (event["EventName"], event["Username"], event["AccessKeyId"]) == (
        "ResyncMFADevice", name, keys.access_key_id
    )  # fmt: skip
    assert event["EventTime"].timestamp() == START
    for key, value in (
        ("EventId", event["EventId"]), ("ReadOnly", "false"), ("EventName", "ResyncMFADevice"),
        ("ResourceType", "AWS::IAM::MfaDevice"),
    ):  # fmt: skip
        assert [found["EventId"] for found in look(world, key, value)] == [event["EventId"]]
    for key, value in (("Username", name), ("AccessKeyId", keys.access_key_id), ("EventSource", "iam.amazonaws.com")):
        assert [found["EventName"] for found in look(world, key, value)] == ["ResyncMFADevice", "ListUsers"]
    both = [{"AttributeKey": "ReadOnly", "AttributeValue": "true"}] * 2
    answer = refused(world.aws.client("cloudtrail").lookup_events, LookupAttributes=both)
    assert answer.code == "InvalidLookupAttributesException"


def test_pages_hold_fifty_and_go_on_where_they_ended(world: World) -> None:
    for _number in range(55):
        world.sts().get_caller_identity()
    client = world.aws.client("cloudtrail")
    first = client.lookup_events()
    assert (len(first["Events"]), "NextToken" in first) == (50, True)
    second = client.lookup_events(NextToken=first["NextToken"])
    assert (len(second["Events"]), "NextToken" in second) == (5, False)
    ids = {event["EventId"] for event in first["Events"] + second["Events"]}
    assert len(ids) == 55


def test_two_lookups_a_second(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.aws, "_clock", lambda: 5.0)
    client = world.aws.client("cloudtrail", config=Config(retries={"total_max_attempts": 1}))
    client.lookup_events()
    client.lookup_events()
    assert refused(client.lookup_events).code == "ThrottlingException"
    world.aws.client("cloudtrail", region="eu-west-1").lookup_events()
    monkeypatch.setattr(world.aws, "_clock", lambda: 6.0)
    client.lookup_events()


def test_records_are_of_their_time_their_region_and_ninety_days(world: World) -> None:
    world.sts().get_caller_identity()
    world.clock.go_on(3600)
    world.iam().list_users()
    names = [event["EventName"] for event in look(world, StartTime=START + 1, EndTime=START + 7200)]
    assert names == ["ListUsers"]
    assert [event["EventName"] for event in look(world, EndTime=START + 1)] == ["GetCallerIdentity"]
    world.aws.rules.trail_delay_s = 900
    assert [event["EventName"] for event in look(world)] == ["GetCallerIdentity"]
    world.clock.go_on(900)
    assert [event["EventName"] for event in look(world)] == ["ListUsers", "GetCallerIdentity"]
    world.aws.lookups.clear()
    assert world.aws.client("cloudtrail", region="eu-west-1").lookup_events()["Events"] == []
    world.clock.go_on(90 * 86400)
    assert look(world) == []


def test_what_was_throttled_leaves_no_record(world: World) -> None:
    world.aws.throttle("iam:ListUsers", 1)
    world.iam().list_users()
    assert len(records(world, "ListUsers")) == 1
