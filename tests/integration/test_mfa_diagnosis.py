"""Each cause is brought about in an account that checks codes and policies, and is named first, with its evidence."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import CODES
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.timeline import LIFECYCLE_EVENTS
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from botocore.exceptions import ClientError
from moto.moto_api._internal import mock_random

from tests.fakes.aws import ACCOUNT, FakeAws, Rules
from tests.integration.diagnosis import ROLE, Result, Scene
from tests.integration.mfa import STEP, MovedClock
from tests.integration.playbooks import PLAYBOOKS, THIS_MACHINE, ansible_playbook, inventory_of
from tests.integration.test_mfa_policies import actions_of, policy_of, without
from tests.rigs.false_server import Behaviour, FalseServer

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


# --- what resembles --------------------------------------------------------------------------------------------------


def test_the_two_words_of_aws_that_resemble_are_never_confused(scene: Scene) -> None:
    serial = scene.device()
    token = scene.aws.soft_token(serial, -600)
    scene.fail(serial, token.code, 1)
    scene.fail(GHOST, token.code, 1)
    bad_code, bad_serial = scene.errors
    of_code = {"clock_drift", "late_code", "replayed_code", "wrong_device"}
    of_serial = {"wrong_serial", "stale_serial", "device_deleted", "never_enabled", "fido_for_cli"}
    for text, causes in ((bad_code, of_code), (bad_serial, of_serial)):
        found = scene.diagnose(None, error_text=text)
        assert {cause["code"] for cause in found["causes"]} <= causes, text
        assert found["explanation"]


def test_a_refused_code_and_a_refused_serial_are_two_causes_and_each_has_its_own_events(scene: Scene) -> None:
    serial = scene.device()
    token = scene.aws.soft_token(serial, -600)
    scene.fail(serial, token.code, 3)
    scene.fail(GHOST, token.code, 2)
    found = scene.diagnose(**scene.host(-600.0))
    by_code = {cause["code"]: cause for cause in found["causes"]}
    assert {"clock_drift", "wrong_serial"} <= set(by_code)
    named = {"clock_drift": serial, "wrong_serial": GHOST}
    records = {event["eventID"]: event for event in scene.aws.events}
    for code, wanted in named.items():
        refused = [records[one] for one in events(by_code[code]) if "errorCode" in records[one]]
        assert refused
        assert {one["requestParameters"]["serialNumber"] for one in refused} == {wanted}


def test_a_device_that_was_deleted_comes_before_the_policy_that_asks_for_it(scene: Scene) -> None:
    serial = scene.device()
    token = scene.aws.soft_token(serial)
    assert scene.sign_in(serial, token.code())
    scene.deny_without_mfa()
    scene.remove(serial)
    scene.fail(serial, token.code)
    assert scene.attempt("iam", "list_users") is None
    found = scene.diagnose()
    codes = [cause["code"] for cause in found["causes"]]
    assert codes[0] == "device_deleted"
    assert {"mfa_required_without_device", "recent_policy_change"} & set(codes[1:])


def test_a_wrong_clock_is_named_although_a_policy_changed_as_well(scene: Scene) -> None:
    serial = scene.device()
    scene.deny_without_mfa()
    scene.fail(serial, scene.aws.soft_token(serial, -600).code)
    found = scene.diagnose(**scene.host(-600.0))
    assert first(found)["code"] == "clock_drift"


# --- the error text alone --------------------------------------------------------------------------------------------


def test_an_error_text_alone_asks_nobody_and_repeats_no_secret(scene: Scene) -> None:
    serial = scene.device()
    typed = "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY aws iam resync-mfa-device --user-name alice"
    typed += f" --serial-number {serial} --authentication-code-1 917264 --authentication-code-2 351908"
    text = f"{typed}\nUnknown options: --authentication-code-1"
    scene.aws.forget()
    found = scene.diagnose(None, error_text=text)
    assert scene.aws.requests == []
    assert found["api_calls"] == {}
    assert found["account"] is None
    shown = json.dumps(found)
    assert "--authentication-code1 CODE1 --authentication-code2 CODE2" in shown
    assert not any(secret in shown for secret in ("917264", "351908", "wJalrXUtnFEMI"))


def test_without_credentials_an_error_text_still_tells_something_and_a_user_alone_nothing(scene: Scene) -> None:
    scene.aws.deny("sts:GetCallerIdentity")
    text = (
        "An error occurred (AccessDenied) when calling the GetSessionToken operation: MultiFactorAuthentication failed,"
        " unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
    )
    found = scene.diagnose(error_text=text)
    assert first(found)["code"] == "wrong_serial"
    assert "does not say whose account this is" in {gap["part"]: gap["reason"] for gap in found["gaps"]}["devices"]
    with pytest.raises(IamError, match="does not say whose account this is"):
        scene.diagnose()


# --- how far back ----------------------------------------------------------------------------------------------------


def oldest_asked(scene: Scene, *, devices: bool = False) -> float:
    """How many hours back records were looked for: those of devices, or those of refusals and policies."""
    asked = [
        one.parameters["StartTime"]
        for one in scene.aws.requests
        if one.api == "cloudtrail:LookupEvents"
        and (one.parameters["LookupAttributes"][0]["AttributeValue"] in LIFECYCLE_EVENTS) is devices
    ]
    return round((scene.clock.now - min(asked)) / 3600)


def test_failures_of_yesterday_are_found_in_the_second_look(scene: Scene) -> None:
    serial = scene.device()
    token = scene.aws.soft_token(serial)
    assert scene.sign_in(serial, token.code())
    scene.wait(hours=1)
    scene.remove(serial)
    scene.fail(serial, token.code)
    scene.wait(hours=30)
    found = scene.diagnose()
    assert (first(found)["code"], found["window_h"], found["widen"]) == ("device_deleted", 48, False)
    assert found["failures"] == 4
    assert oldest_asked(scene) >= 48


def test_what_the_first_look_explains_is_not_looked_for_further_back(scene: Scene) -> None:
    found = scene.diagnose(**drifted(scene))
    assert (found["correlated"], found["window_h"]) == (True, 24)
    assert oldest_asked(scene) == 24


def test_a_device_that_was_deleted_weeks_ago_is_found_and_looked_for_once(scene: Scene) -> None:
    serial = scene.device()
    token = scene.aws.soft_token(serial)
    scene.remove(serial)
    scene.wait(hours=20 * 24)
    scene.fail(serial, token.code)
    found = scene.diagnose()
    assert (first(found)["code"], found["window_h"]) == ("device_deleted", 24)
    assert "never_enabled" not in [cause["code"] for cause in found["causes"]]
    assert [one["time"] for one in first(found)["evidence"] if one["kind"] == "lifecycle"]
    scene.aws.forget()
    scene.wait(hours=60)
    scene.diagnose()
    names = [
        one.parameters["LookupAttributes"][0]["AttributeValue"]
        for one in scene.aws.requests
        if one.api == "cloudtrail:LookupEvents"
    ]
    assert {names.count(name) for name in LIFECYCLE_EVENTS} == {1}
    assert names.count("PutUserPolicy") == 2
    assert oldest_asked(scene, devices=True) == 89 * 24


@pytest.mark.parametrize("offline", [False, True])
def test_the_role_that_was_refused_is_read_from_the_records(scene: Scene, offline: bool) -> None:
    serial = scene.device()
    scene.role(condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    scene.wait(hours=72)
    assert scene.attempt("sts", "assume_role", RoleArn=ROLE, RoleSessionName="work") is None
    given: dict[str, Any] = {}
    if offline:
        snapshot, records = scene.folder / "snapshot.json", scene.folder / "records.json"
        snapshot.write_text(json.dumps(scene.account()))
        records.write_text(json.dumps(scene.aws.events))
        given = {"snapshot": str(snapshot), "trail_files": [str(records)]}
    found = scene.diagnose(**given)
    cause = first(found)
    assert (cause["code"], cause["confidence"]) == ("mfa_not_presented", "high")
    assert [one["statement"] for one in cause["evidence"] if one["kind"] == "statement"]
    assert f"--role-arn {ROLE} " in cause["next"][0]["text"]
    assert f"--serial-number {serial} " in cause["next"][0]["text"]


def test_where_nothing_correlates_it_says_so_after_two_days(scene: Scene) -> None:
    found = scene.diagnose(**nothing(scene))
    assert [cause["code"] for cause in found["causes"]] == ["no_correlation"]
    assert (found["correlated"], found["window_h"], found["pattern"]) == (False, 48, "none")
    # Nothing of the runbook's last step is left out: what to look at by hand.
    steps = json.dumps(first(found)).lower()
    assert all(word in steps for word in ("battery", "clock", "health"))


# --- where the records are -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["history", "logs", "lake", "files"])
def test_all_sources_of_records_lead_to_the_same_cause_and_events(scene: Scene, source: str) -> None:
    asked = role_session(scene)
    wanted = {event["eventID"] for event in scene.aws.events if event["eventName"] == "ListUsers"}
    parameters: dict[str, Any] = {"trail": source, "log_group": GROUP, "event_data_store": STORE}
    if source == "files":
        folder = scene.folder / "trail" / "2027"
        folder.mkdir(parents=True)
        (folder / "one.json.gz").write_bytes(gzip.compress(json.dumps({"Records": scene.aws.events[:3]}).encode()))
        (folder / "two.jsonl").write_text("\n".join(json.dumps(event) for event in scene.aws.events[3:]))
        parameters = {"trail": "none", "trail_files": [str(scene.folder / "trail")]}
    found = scene.diagnose(**asked, **parameters)
    assert first(found)["code"] == "role_session_without_mfa"
    assert events(first(found)) & wanted
    assert [gap for gap in found["gaps"] if gap["part"] == "records"] == []
    assert (scene.aws.count("cloudtrail:LookupEvents") > 0) is (source == "history")


def test_the_event_history_is_asked_twice_a_second_and_says_how_far_it_is(scene: Scene) -> None:
    asked = drifted(scene)
    started = scene.clock.now
    found = scene.diagnose(**asked)
    looks = scene.aws.count("cloudtrail:LookupEvents")
    assert looks == found["api_calls"]["cloudtrail:LookupEvents"] > 20  # none was refused and sent again
    assert scene.clock.now - started == pytest.approx(looks / 2)
    progress = [line for line in scene.said if "event history" in line]
    assert len(progress) == looks
    assert "1 of" in progress[0]
    assert "at least" in progress[0]


def test_a_session_of_a_regional_endpoint_is_found_where_it_is_recorded(scene: Scene) -> None:
    serial = scene.device()
    code = scene.aws.soft_token(serial, -600).code()
    with pytest.raises(ClientError, match="one time pass code"):
        scene.aws.client("sts", region="eu-central-1", keys=scene.alice).get_session_token(
            SerialNumber=serial, TokenCode=code
        )
    assert scene.diagnose()["failures"] == 0
    assert scene.diagnose(regions=["eu-central-1"])["failures"] == 1


def test_records_that_were_left_out_are_a_gap(scene: Scene) -> None:
    serial = scene.device()
    scene.fail(serial, scene.aws.soft_token(serial, -600).code, 55)
    found = scene.diagnose(trail_pages=1)
    assert found["failures"] == 50
    reasons = [gap["reason"] for gap in found["gaps"] if gap["part"] == "records"]
    assert any("alice: only the newest 50 events were read" in reason for reason in reasons)


@pytest.mark.parametrize("source", ["logs", "lake"])
def test_a_query_that_aws_refuses_is_a_gap(scene: Scene, source: str) -> None:
    found = scene.diagnose(**drifted(scene), trail=source, log_group="other", event_data_store="other")
    (gap,) = [gap for gap in found["gaps"] if gap["part"] == "records"]
    assert gap["error"] in ("ResourceNotFoundException", "EventDataStoreNotFoundException")
    assert found["pattern"] == "unknown"


# --- what was not read -----------------------------------------------------------------------------------------------

IN_THE_QUERY = {"logs:StartQuery": "logs", "logs:GetQueryResults": "logs", "cloudtrail:StartQuery": "lake",
                "cloudtrail:GetQueryResults": "lake"}  # fmt: skip


def whole_organization(scene: Scene) -> None:
    """Make everything there is to read exist: an organisation with a policy, a role, a metric of refused sign-ins."""
    organizations = scene.aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    organizations.create_policy(
        Name="guard", Description="x", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(content)
    )  # fmt: skip
    scene.role()
    scene.aws.client("logs").create_log_group(logGroupName=GROUP)
    refused_sign_ins(scene, 1)


def refused_sign_ins(scene: Scene, count: int) -> None:
    """Make a metric filter, and what it would have counted."""
    metric = {"metricName": "RefusedSignIns", "metricNamespace": "Trail", "metricValue": "1"}
    scene.aws.client("logs").put_metric_filter(
        logGroupName=GROUP, filterName="refused", metricTransformations=[metric],
        filterPattern='{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }',
    )  # fmt: skip
    scene.aws.client("cloudwatch").put_metric_data(
        Namespace="Trail",
        MetricData=[{"MetricName": "RefusedSignIns", "Value": count, "Timestamp": scene.clock.now - 3600}],
    )


@pytest.mark.parametrize("source", ["history", "logs", "lake"])
def test_with_the_playbooks_policy_nothing_is_unknown(scene: Scene, source: str) -> None:
    whole_organization(scene)
    keys = scene.aws.add_user("helper", policy=policy_of("mfa_diagnose"))
    asked = {**drifted(scene), "trail": source, "log_group": GROUP, "event_data_store": STORE}
    found = scene.diagnose(keys=keys, **asked, role_arn=ROLE)
    assert found["gaps"] == []
    assert first(found)["code"] == "clock_drift"


@pytest.mark.parametrize("action", actions_of("mfa_diagnose"))
def test_without_one_permission_there_is_a_gap_that_names_it_and_no_all_clear(scene: Scene, action: str) -> None:
    whole_organization(scene)
    keys = scene.aws.add_user("helper", policy=without(policy_of("mfa_diagnose"), action))
    asked = nothing(scene)
    source: dict[str, Any] = {
        "trail": IN_THE_QUERY.get(action, "history"),
        "log_group": GROUP,
        "event_data_store": STORE,
    }
    found = scene.diagnose(keys=keys, **asked, **source, role_arn=ROLE)
    assert action in {gap["api"] for gap in found["gaps"]}, found["gaps"]
    assert all(gap["matters"] for gap in found["gaps"])
    assert (first(found)["code"], found["correlated"]) == ("no_correlation", False)
    assert "does not mean that all is well" in first(found)["title"]


def test_a_metric_filter_is_looked_for_and_its_metric_shown(scene: Scene) -> None:
    asked = drifted(scene)
    assert "no metric filter" in " ".join(scene.diagnose(**asked)["looked_at"])
    scene.aws.client("logs").create_log_group(logGroupName=GROUP)
    refused_sign_ins(scene, 4)
    said = " ".join(scene.diagnose(**asked)["looked_at"])
    assert "no metric filter" not in said
    assert "refused" in said


def test_a_region_whose_metrics_are_refused_is_said_beside_the_metric_of_another(scene: Scene) -> None:
    whole_organization(scene)
    scene.aws.deny("logs:DescribeMetricFilters", region="eu-central-1")
    found = scene.diagnose(**drifted(scene), role_arn=ROLE, regions=["eu-central-1"])
    assert "Trail/RefusedSignIns" in " ".join(found["looked_at"])
    [gap] = found["gaps"]
    assert (gap["part"], gap["api"], gap["error"]) == ("metrics", "logs:DescribeMetricFilters", "AccessDenied")
    assert "eu-central-1" in gap["reason"]


def test_a_snapshot_and_files_do_without_aws(scene: Scene) -> None:
    asked = replaced(scene)
    snapshot = scene.folder / "snapshot.json"
    snapshot.write_text(json.dumps(scene.account()))
    records = scene.folder / "records.json"
    records.write_text(json.dumps(scene.aws.events))
    scene.aws.forget()
    found = scene.diagnose(**asked, snapshot=str(snapshot), trail_files=[str(records)])
    assert first(found)["code"] == "stale_serial"
    assert scene.aws.requests == []


def test_a_file_that_holds_no_records_is_named(scene: Scene) -> None:
    path = scene.folder / "records.json"
    for content in ("", "{}", "[1]", '{"Records": [{}]}', "no json"):
        path.write_text(content)
        with pytest.raises(IamError, match=re.escape(str(path))):
            scene.diagnose(None, error_text="x", trail_files=[str(path)])
    with pytest.raises(IamError, match="cannot be read"):
        scene.diagnose(None, error_text="x", trail_files=[str(path) + ".gone"])


@pytest.mark.parametrize(
    "wrong",
    [{"user": "alice' OR '1'='1"}, {"event_data_store": "a; b"}, {"log_group": 'a" | b'}, {"role_arn": "ops"},
     {"user": None}, {"trail_pages": 0}],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_asked(scene: Scene, wrong: dict[str, Any]) -> None:
    scene.aws.forget()
    with pytest.raises(IamError):
        scene.diagnose(**wrong)
    assert scene.aws.requests == []


# --- as it is run ----------------------------------------------------------------------------------------------------


def test_the_playbook_measures_the_users_host_shows_progress_and_writes_the_diagnosis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """True time is ten minutes after this host's, as a time server and AWS have it: a host with a slow clock."""
    said = tmp_path / "said.txt"
    said.write_text("{{ left }} code 917264, key AKIAIOSFODNN7EXAMPLF, wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    with (
        FalseServer(Behaviour(offset_s=600), address="127.0.0.1", port=0) as witness,
        FakeAws(true_time=lambda: time.time() + 600 - 7200) as aws,
    ):
        aws.add_user("alice")
        serial = aws.virtual_device("alice")
        assert not aws.console_login("alice", code=aws.soft_token(serial, -600).code())
        aws.true_time = lambda: time.time() + 600
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        run = ansible_playbook(
            tmp_path, PLAYBOOKS / "mfa_diagnose.yml", inventory_of({"workstation": THIS_MACHINE}), "-vvv",
            softtoken_user="alice", softtoken_user_host="workstation",
            softtoken_clock_witness=f"127.0.0.1:{witness.port}",
            softtoken_error_file=str(said),
        )  # fmt: skip
    assert run.rc == 0, run.output
    path = tmp_path / "report" / "diagnosis.json"
    written = path.read_text(encoding="utf-8")
    cause = first(json.loads(written))
    assert (cause["code"], cause["confidence"]) == ("clock_drift", "high")
    assert {"clock", "failure"} <= {one["kind"] for one in cause["evidence"]}
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.search(r"event history in us-east-1: \d+ of \d+", run.output)
    assert f"1. {cause['title']} (clock_drift, confidence high)" in run.output
    assert "softtoken_diagnosis" in run.output  # the job's statistics
    assert json.loads(written)["explanation"]  # of the text, which is no template
    assert run.recap["localhost"]["changed"] == 0
    assert "module_args" in run.output
    for secret in ("917264", "AKIAIOSFODNN7EXAMPLF", "wJalrXUtnFEMI"):
        assert secret not in run.output + written
