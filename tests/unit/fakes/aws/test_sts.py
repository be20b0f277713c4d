"""Sessions: codes that are checked for real, what a session may do, and trust policies that want MFA."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.aws import ACCOUNT, OPERATOR, Keys
from tests.unit.fakes.aws.account import Refused, World, refused

BAD_CODE = Refused("AccessDenied", 403, "MultiFactorAuthentication failed with invalid MFA one time pass code.")
BAD_SERIAL = Refused(
    "AccessDenied",
    403,
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user.",
)
INVALID = Refused("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
EXPIRED = Refused("ExpiredToken", 403, "The security token included in the request is expired")
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
TRUE = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def role(world: World, *statements: dict[str, Any], principal: Any = None, condition: Any = None, **more: Any) -> str:
    own = {"Effect": "Allow", "Principal": principal or ROOT, "Action": "sts:AssumeRole"}
    given = statements or (own | ({"Condition": condition} if condition else {}),)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(given)})
    made = world.iam().create_role(RoleName=world.name(), AssumeRolePolicyDocument=document, **more)
    return made["Role"]["Arn"]


def holder(world: World) -> tuple[str, Keys, str]:
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    return name, keys, serial


def assume(world: World, keys: Keys, arn: str, **more: Any) -> Any:
    return world.sts(keys).assume_role(RoleArn=arn, RoleSessionName="test", **more)


def denied(world: World, keys: Keys, arn: str, **more: Any) -> Refused:
    return refused(world.sts(keys).assume_role, RoleArn=arn, RoleSessionName="test", **more)


def test_the_caller_is_who_signs(world: World) -> None:
    name, keys, serial = holder(world)
    user_id = world.iam().get_user(UserName=name)["User"]["UserId"]
    whole = {"UserId": user_id, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}"}
    session = world.session(keys, serial)
    for who in (keys, session):
        answer = world.sts(who).get_caller_identity()
        assert {key: answer[key] for key in whole} == whole
    arn = role(world)
    assumed = assume(world, session, arn)
    answer = world.sts(Keys.of(assumed["Credentials"])).get_caller_identity()
    assert answer["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{arn.partition('/')[2]}/test"
    assert answer["UserId"] == assumed["AssumedRoleUser"]["AssumedRoleId"]
    assert world.sts().get_caller_identity()["Arn"] == OPERATOR


def test_a_key_that_nobody_has_is_refused(world: World) -> None:
    _name, keys = world.user()
    world.iam().update_access_key(UserName=_name, AccessKeyId=keys.access_key_id, Status="Inactive")
    for key in (keys, Keys("AKIAXXXXXXXXXXXXXXXX", "secret")):
        assert refused(world.sts(key).get_caller_identity) == INVALID


def test_a_key_is_nothing_without_its_secret(world: World) -> None:
    _name, keys, serial = holder(world)
    for who in (keys, world.session(keys, serial)):
        for service, call, code in (
            ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
            ("cloudtrail", "lookup_events", "InvalidSignatureException"),
        ):
            client = world.aws.client(service, keys=who._replace(secret_access_key="another"))  # noqa: S106
            assert refused(getattr(client, call))[:2] == (code, 403)


# A request's date is of a whole second, and it takes its time: half a minute is left for both.
@pytest.mark.parametrize(("ahead", "text"), [(301, "Signature expired: "), (-330, "Signature not yet current: ")])
def test_a_host_that_is_more_than_five_minutes_off_is_not_heard(world: World, ahead: float, text: str) -> None:
    world.aws.rules.skew_s = 300
    world.aws.true_time = lambda: time.time() + ahead
    answer = refused(world.sts().get_caller_identity)
    assert (answer.code, answer.status) == ("SignatureDoesNotMatch", 403)
    assert answer.message.startswith(text)
    less = ahead * 0.9
    world.aws.true_time = lambda: time.time() + less
    world.sts().get_caller_identity()


def test_serial_and_code_belong_together(world: World) -> None:
    _name, keys, serial = holder(world)
    message = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
    for half in ({"SerialNumber": serial}, {"TokenCode": "123456"}):
        assert refused(world.sts(keys).get_session_token, **half) == Refused("AccessDenied", 403, message)


def test_a_code_is_taken_once_and_by_one_call(world: World) -> None:
    _name, keys, serial = holder(world)
    arn = role(world, condition=TRUE)
    mfa = {"SerialNumber": serial, "TokenCode": world.aws.soft_token(serial).code()}
    world.sts(keys).get_session_token(**mfa)
    assert refused(world.sts(keys).get_session_token, **mfa) == BAD_CODE
    assert denied(world, keys, arn, **mfa) == BAD_CODE
    world.clock.go_on()
    assume(world, keys, arn, **{**mfa, "TokenCode": world.aws.soft_token(serial).code()})


@pytest.mark.parametrize(
    ("window", "steps", "good"),
    [(0, 0, True), (0, 1, False), (1, -1, True), (1, 1, True), (1, 2, False), (3, -3, True), (3, -4, False)],
)
def test_the_window_is_what_it_is_set_to(world: World, window: int, steps: int, good: bool) -> None:
    world.aws.rules.window = window
    _name, keys, serial = holder(world)
    mfa = {"SerialNumber": serial, "TokenCode": world.aws.soft_token(serial).code(steps)}
    if good:
        world.sts(keys).get_session_token(**mfa)
    else:
        assert refused(world.sts(keys).get_session_token, **mfa) == BAD_CODE


def test_a_wrong_serial_is_another_text_than_a_wrong_code(world: World) -> None:
    name, keys, serial = holder(world)
    _other, other_keys, other_serial = holder(world)
    arn = role(world)
    code = world.aws.soft_token(other_serial).code()
    free = world.aws.virtual_device(None, "free")
    wrong = [f"{serial}x", other_serial, free, world.aws.fido_device(name), f"arn:aws:iam::{ACCOUNT}:user/{name}"]
    for stale in wrong:
        assert refused(world.sts(keys).get_session_token, SerialNumber=stale, TokenCode=code) == BAD_SERIAL
        assert denied(world, keys, arn, SerialNumber=stale, TokenCode=code) == BAD_SERIAL
    assert refused(world.sts(keys).get_session_token, SerialNumber=serial, TokenCode=code) == BAD_CODE
    # None of that has used up the other's code.
    world.sts(other_keys).get_session_token(SerialNumber=other_serial, TokenCode=code)


def test_a_device_that_was_deactivated_signs_nobody_in(world: World) -> None:
    name, keys, serial = holder(world)
    world.iam().deactivate_mfa_device(UserName=name, SerialNumber=serial)
    code = world.aws.soft_token(serial).code()
    assert refused(world.sts(keys).get_session_token, SerialNumber=serial, TokenCode=code) == BAD_SERIAL


def test_a_session_ends(world: World) -> None:
    _name, keys, serial = holder(world)
    session = world.session(keys, serial, DurationSeconds=900)
    world.clock.go_on(899)
    world.sts(session).get_caller_identity()
    world.clock.go_on(1)
    assert refused(world.sts(session).get_caller_identity) == EXPIRED
    assert refused(world.iam(session).list_users) == EXPIRED


def test_a_session_needs_its_own_token(world: World) -> None:
    _name, keys, serial = holder(world)
    session = world.session(keys, serial)
    for token in ("", "another"):
        assert refused(world.sts(session._replace(session_token=token)).get_caller_identity) == INVALID


def test_a_session_ends_with_its_user(world: World) -> None:
    name, keys, serial = holder(world)
    session = world.session(keys, serial)
    world.iam().deactivate_mfa_device(UserName=name, SerialNumber=serial)
    world.iam().delete_access_key(UserName=name, AccessKeyId=keys.access_key_id)
    world.iam().delete_user_policy(UserName=name, PolicyName="granted")
    world.iam().delete_user(UserName=name)
    world.aws.add_user(name)
    assert refused(world.sts(session).get_caller_identity) == INVALID


def test_a_session_without_mfa_calls_no_iam(world: World) -> None:
    _name, keys = world.user()
    session = Keys.of(world.sts(keys).get_session_token()["Credentials"])
    assert refused(world.iam(session).list_users) == INVALID
    world.sts(session).get_caller_identity()
    assume(world, session, role(world))


def test_a_session_begets_no_session(world: World) -> None:
    _name, keys, serial = holder(world)
    session = world.session(keys, serial)
    message = "Cannot call GetSessionToken with session credentials"
    role_keys = Keys.of(assume(world, session, role(world))["Credentials"])
    operator = Keys.of(world.sts().get_session_token()["Credentials"])
    for who in (session, role_keys, operator):
        assert refused(world.sts(who).get_session_token) == Refused("AccessDenied", 403, message)


@pytest.mark.parametrize("seconds", [899, 129_601])
def test_a_session_has_bounds(world: World, seconds: int) -> None:
    _name, keys = world.user()
    sts = world.aws.client("sts", keys=keys, config=Config(parameter_validation=False))
    answer = refused(sts.get_session_token, DurationSeconds=seconds)
    assert (answer.code, answer.status) == ("ValidationError", 400)
    assert f"Value '{seconds}' at 'durationSeconds'" in answer.message


# How a trust policy is met by: keys alone, a session without MFA, one with MFA of ten minutes ago, a code in the call.
WAYS = ("key", "session", "mfa", "code")
AGE = "aws:MultiFactorAuthAge"
PRESENT = "aws:MultiFactorAuthPresent"
MFA_ONLY = (False, False, True, True)
ALL, NONE = (True,) * 4, (False,) * 4


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"Bool": {PRESENT: "true"}}, MFA_ONLY),
        ({"bool": {"AWS:multifactorauthpresent": True}}, MFA_ONLY),
        ({"BoolIfExists": {PRESENT: "true"}}, (True, False, True, True)),
        ({"Bool": {PRESENT: "false"}}, (False, True, False, False)),
        ({"Null": {PRESENT: "false"}}, (False, True, True, True)),
        ({"Null": {AGE: "false"}}, MFA_ONLY),
        ({"NumericLessThan": {AGE: "300"}}, (False, False, False, True)),
        ({"NumericLessThan": {AGE: "3600"}}, MFA_ONLY),
        ({"NumericLessThanIfExists": {AGE: "300"}}, (True, True, False, True)),
        ({"ArnLike": {AGE: f"arn:aws:iam::{ACCOUNT}:mfa/old"}}, NONE),
        ({"ArnNotLike": {AGE: f"arn:aws:iam::{ACCOUNT}:mfa/old"}}, ALL),
        ({"ForAllValues:Bool": {PRESENT: "true"}}, (True, False, True, True)),
        ({"Bool": {PRESENT: "true"}, "NumericLessThan": {AGE: "300"}}, (False, False, False, True)),
        ({"StringEquals": {"sts:ExternalId": "x"}}, NONE),
    ],
)
def test_trust_policies_are_met_as_documented(world: World, condition: Any, allowed: tuple[bool, ...]) -> None:
    _name, keys, serial = holder(world)
    arn = role(world, condition=condition)
    found = {}
    for way in WAYS:
        who, more = keys, {}
        if way == "session":
            who = Keys.of(world.sts(keys).get_session_token()["Credentials"])
        if way == "mfa":
            who = world.session(keys, serial)
            world.clock.go_on(600)
        if way == "code":
            world.clock.go_on()
            more = {"SerialNumber": serial, "TokenCode": world.aws.soft_token(serial).code()}
        world.aws.events.clear()
        found[way] = may_assume(world, who, arn, **more)
    assert found == dict(zip(WAYS, allowed, strict=True))


def may_assume(world: World, keys: Keys, arn: str, **more: Any) -> bool:
    try:
        assume(world, keys, arn, **more)
    except ClientError as error:
        if "is not authorized to perform: sts:AssumeRole on resource" not in str(error):
            raise
        return False
    return True


def test_a_sibling_without_mfa_voids_the_condition_and_a_deny_beats_all(world: World) -> None:
    _name, keys = world.user()
    guarded = {"Effect": "Allow", "Principal": ROOT, "Action": "sts:AssumeRole", "Condition": TRUE}
    open_one = {"Effect": "Allow", "Principal": ROOT, "Action": "sts:*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"BoolIfExists": {PRESENT: "false"}}}
    assume(world, keys, role(world, guarded, open_one))
    assert denied(world, keys, role(world, open_one, deny)).code == "AccessDenied"


def test_only_who_is_meant_may_assume(world: World) -> None:
    name, keys = world.user()
    other, other_keys = world.user()
    user_id = world.iam().get_user(UserName=name)["User"]["UserId"]
    for principal in ({"AWS": [f"arn:aws:iam::{ACCOUNT}:user/{name}"]}, {"AWS": user_id}):
        arn = role(world, principal=principal)
        assume(world, keys, arn)
        assert denied(world, other_keys, arn).code == "AccessDenied"
    for principal in ({"AWS": "arn:aws:iam::999999999999:root"}, {"Service": "ec2.amazonaws.com"}):
        assert denied(world, keys, role(world, principal=principal)).code == "AccessDenied"
    ghost = denied(world, keys, f"arn:aws:iam::{ACCOUNT}:role/ghost")
    assert ghost.message.endswith(
        f"is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{ACCOUNT}:role/ghost"
    )
    assert other in denied(world, other_keys, role(world, principal={"AWS": user_id})).message


def test_a_chained_role_brings_no_mfa_and_an_hour_at_most(world: World) -> None:
    _name, keys, serial = holder(world)
    first = Keys.of(assume(world, world.session(keys, serial), role(world, condition=TRUE))["Credentials"])
    assert denied(world, first, role(world, condition=TRUE)).code == "AccessDenied"
    long = role(world, MaxSessionDuration=7200)
    assume(world, first, long)
    assert "1 hour" in denied(world, first, long, DurationSeconds=7200).message
    code = world.aws.soft_token(serial).code(1)
    assert denied(world, first, long, SerialNumber=serial, TokenCode=code) == BAD_SERIAL


def test_a_role_has_a_longest_session(world: World) -> None:
    _name, keys = world.user()
    arn = role(world, MaxSessionDuration=7200)
    assume(world, keys, arn, DurationSeconds=7200)
    answer = denied(world, keys, arn, DurationSeconds=7201)
    assert answer.code == "ValidationError"
    assert "MaxSessionDuration" in answer.message


def test_the_right_code_is_spent_even_where_the_trust_policy_says_no(world: World) -> None:
    _name, keys, serial = holder(world)
    mfa = {"SerialNumber": serial, "TokenCode": world.aws.soft_token(serial).code()}
    arn = role(world, condition={"StringEquals": {"sts:ExternalId": "x"}})
    assert "not authorized" in denied(world, keys, arn, **mfa).message
    assert refused(world.sts(keys).get_session_token, **mfa) == BAD_CODE
