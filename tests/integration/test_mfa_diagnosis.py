"""Each cause is brought about in an account that checks codes and policies, and is named first, with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import CODES
from moto.moto_api._internal import mock_random

from tests.fakes.aws import ACCOUNT, FakeAws, Rules
from tests.integration.diagnosis import ROLE, Result, Scene
from tests.integration.mfa import STEP, MovedClock

GHOST = f"arn:aws:iam::{ACCOUNT}:mfa/alcie"
GROUP, STORE = "trail", "0a1b2c3d-1111-2222-3333-444455556666"
HOLDS_NEVER = {"ArnLike": {"aws:MultiFactorAuthAge": f"arn:aws:iam::{ACCOUNT}:mfa/alice"}}


@pytest.fixture(scope="module")
def clock() -> MovedClock:
    return MovedClock(10.0)


@pytest.fixture(scope="module")
def server(clock: MovedClock) -> Iterator[FakeAws]:
    with FakeAws(true_time=clock.wall, clock=clock.wall, enforce=True) as aws:
        yield aws


@pytest.fixture
def scene(server: FakeAws, clock: MovedClock, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    mock_random.seed(request.node.name)
    server.state.rules = Rules(enforce=True)
    server.reset()
    server.trail.log_group, server.trail.event_data_store, server.trail.health = GROUP, STORE, []
    # Nothing of the test before is in the last two days.
    clock.now = (clock.now // STEP) * STEP + 10.0
    return Scene(server, clock, tmp_path)


# --- what went wrong -------------------------------------------------------------------------------------------------


def drifted(scene: Scene) -> Result:
    serial = scene.device()
    scene.fail(serial, scene.aws.soft_token(serial, -600).code)
    return scene.host(-600.0)


def wrong_serial(scene: Scene) -> Result:
    token = scene.aws.soft_token(scene.device())
    scene.fail(GHOST, token.code)
    return {}


def serial_of_another(scene: Scene) -> Result:
    token = scene.aws.soft_token(scene.device())
    scene.aws.add_user("bob")
    scene.fail(scene.device("bob"), token.code)
    return {}


def replaced(scene: Scene) -> Result:
    old = scene.device()
    token = scene.aws.soft_token(old)
    assert scene.sign_in(old, token.code())
    scene.device(name="alice-2")
    scene.remove(old)
    scene.fail(old, token.code)
    return {}


def deleted(scene: Scene) -> Result:
    serial = scene.device()
    token = scene.aws.soft_token(serial)
    assert scene.sign_in(serial, token.code())
    scene.wait(hours=1)
    scene.remove(serial)
    scene.fail(serial, token.code)
    return {}


def never_enabled(scene: Scene) -> Result:
    made = scene.operator.create_virtual_mfa_device(VirtualMFADeviceName="alice")["VirtualMFADevice"]
    scene.wait(hours=1)
    scene.fail(made["SerialNumber"], scene.aws.soft_token(made["SerialNumber"]).code)
    return {}


def fido(scene: Scene) -> Result:
    scene.fail(scene.aws.fido_device("alice"), lambda: "123456")
    return {}


def no_device_for_policy(scene: Scene) -> Result:
    scene.deny_without_mfa()
    scene.wait(hours=72)  # the policy is an old one
    for _attempt in range(3):
        assert scene.attempt("iam", "list_users") is None
        scene.wait(seconds=600)
    return {}


def holds_never(scene: Scene) -> Result:
    serial = scene.device()
    scene.role(condition=HOLDS_NEVER)
    scene.wait(hours=72)
    token = scene.aws.soft_token(serial)
    for _attempt in range(3):
        refused = scene.attempt(
            "sts", "assume_role", RoleArn=ROLE, RoleSessionName="work", SerialNumber=serial, TokenCode=token.code()
        )
        assert refused is None
        scene.wait(seconds=600)
    return {"role_arn": ROLE}


def changed(scene: Scene) -> Result:
    scene.device()
    scene.wait(hours=72)
    assert scene.attempt("iam", "list_users")
    scene.wait(hours=3)
    scene.deny_without_mfa()
    for _attempt in range(3):
        assert scene.attempt("iam", "list_users") is None
        scene.wait(seconds=600)
    return {}


def replayed(scene: Scene) -> Result:
    serial = scene.device()
    code = scene.aws.soft_token(serial).code()
    assert scene.sign_in(serial, code)
    scene.wait(seconds=5)
    assert scene.sign_in(serial, code) is None
    return {}


def late(scene: Scene) -> Result:
    serial = scene.device()
    token = scene.aws.soft_token(serial)
    for _round in range(3):
        assert scene.sign_in(serial, token.code(-3)) is None
        scene.wait(seconds=2 * STEP)
        assert scene.sign_in(serial, token.code())
        scene.wait(hours=1)
    return scene.host(0.002)


def role_session(scene: Scene) -> Result:
    serial = scene.device()
    scene.role(
        condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        policy={
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
                {
                    "Sid": "DenyWithoutMFA", "Effect": "Deny", "Action": "iam:*", "Resource": "*",
                    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                },
            ],
        },
    )  # fmt: skip
    scene.wait(hours=72)
    code = scene.aws.soft_token(serial).code()
    session = scene.attempt(
        "sts", "assume_role", RoleArn=ROLE, RoleSessionName="botocore-session-1", SerialNumber=serial, TokenCode=code
    )
    assert session
    for _attempt in range(3):
        assert scene.attempt("iam", "list_users", session) is None
        scene.wait(seconds=600)
    return {}


def everybody(scene: Scene) -> Result:
    serials = {"alice": (scene.device(), scene.alice)}
    for name in ("bob", "carol", "dave", "erin"):
        keys = scene.aws.add_user(name)
        serials[name] = (scene.device(name), keys)
    for serial, keys in serials.values():
        scene.fail(serial, lambda: "000000", 2, keys)
    scene.aws.trail.health = [
        {
            "arn": "arn:aws:health:global::event/IAM/AWS_IAM_OPERATIONAL_ISSUE/x", "service": "IAM",
            "eventTypeCode": "AWS_IAM_OPERATIONAL_ISSUE", "region": "global", "statusCode": "open",
            "startTime": scene.clock.now - 7200,
        }
    ]  # fmt: skip
    return {}


def nothing(scene: Scene) -> Result:
    serial = scene.device()
    assert scene.sign_in(serial, scene.aws.soft_token(serial).code())
    scene.wait(hours=1)
    return scene.host(0.002)


def without_mfa(scene: Scene) -> Result:
    scene.device()
    scene.deny_without_mfa()
    scene.wait(hours=72)
    for _attempt in range(3):
        assert scene.attempt("iam", "list_users") is None
        scene.wait(seconds=600)
    return {}


def devices_with_keys(scene: Scene) -> Result:
    serial = scene.device()
    assert scene.attempt("iam", "deactivate_mfa_device", UserName="alice", SerialNumber=serial) is None
    return {"error_text": scene.errors[-1]}


def password(scene: Scene) -> Result:
    scene.device()
    for _attempt in range(3):
        assert not scene.aws.console_login("alice", password=False)
        scene.wait(seconds=60)
    return {}


def not_allowed(scene: Scene) -> Result:
    scene.device()
    scene.operator.delete_user_policy(UserName="alice", PolicyName="granted")
    scene.wait(hours=72)
    for _attempt in range(3):
        assert scene.attempt("iam", "list_users") is None
        scene.wait(seconds=60)
    return {"error_text": scene.errors[-1]}


def nobody(_scene: Scene) -> Result:
    return {"user": "nobody"}


def bad_key(scene: Scene) -> Result:
    wrong = scene.alice._replace(secret_access_key=scene.alice.access_key_id)
    assert scene.attempt("sts", "get_caller_identity", wrong) is None
    return {"user": None, "error_text": scene.errors[-1]}


def busy(scene: Scene) -> Result:
    serial = scene.device()
    scene.aws.rules.settle_s = 86400.0
    refused = scene.attempt("iam", "deactivate_mfa_device", scene.keys_with_mfa(serial), SerialNumber=serial)
    assert refused is None
    return {"error_text": scene.errors[-1]}


def malformed(_scene: Scene) -> Result:
    typed = "aws iam resync-mfa-device --user-name alice --authentication-code-1 111111"
    return {"user": None, "error_text": f"$ {typed}\n\nUnknown options: --authentication-code-1"}


def another_seed(scene: Scene) -> Result:
    """The app holds the seed of the phone, and the serial is the tablet's."""
    phone, tablet = scene.device(name="phone"), scene.device(name="tablet")
    scene.fail(tablet, scene.aws.soft_token(phone).code)
    return scene.host(0.002)


SCENES: dict[str, Callable[[Scene], Result]] = {
    "clock_drift": drifted,
    "wrong_serial": wrong_serial,
    "stale_serial": replaced,
    "device_deleted": deleted,
    "never_enabled": never_enabled,
    "fido_for_cli": fido,
    "mfa_required_without_device": no_device_for_policy,
    "condition_never_holds": holds_never,
    "recent_policy_change": changed,
    "replayed_code": replayed,
    "late_code": late,
    "role_session_without_mfa": role_session,
    "service_wide": everybody,
    "no_correlation": nothing,
    "wrong_device": another_seed,
    "mfa_not_presented": without_mfa,
    "needs_mfa_session": devices_with_keys,
    "wrong_password": password,
    "no_permission": not_allowed,
    "no_such_user": nobody,
    "invalid_credentials": bad_key,
    "busy": busy,
    "malformed_request": malformed,
}
# What was seen in CloudTrail has to be in the evidence, by its id; a cause of these is known otherwise.
WITHOUT_EVENTS = ("no_correlation", "no_such_user", "invalid_credentials", "malformed_request")


def first(found: Result) -> Result:
    cause: Result = found["causes"][0]
    return cause


def events(cause: Result) -> set[str]:
    evidence = [one for one in cause["evidence"] if one["source"] == "cloudtrail"]
    return {one["event_id"] for one in evidence if one["event_id"]}


def test_every_cause_has_a_scene() -> None:
    assert set(SCENES) == set(CODES)


@pytest.mark.parametrize("code", SCENES)
def test_a_cause_is_named_first_with_its_evidence(scene: Scene, code: str) -> None:
    found = scene.diagnose(**SCENES[code](scene))
    assert first(found)["code"] == code, [(cause["code"], cause["score"]) for cause in found["causes"]]
    assert first(found)["evidence"]
    assert first(found)["next"]
    known = {event["eventID"] for event in scene.aws.events}
    assert all(events(cause) <= known for cause in found["causes"])
    assert events(first(found)) or code in WITHOUT_EVENTS
    assert found["correlated"] is (code != "no_correlation")
