"""IAM's calls about devices: what AWS documents, and what it refuses."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.aws import ACCOUNT, Keys, state
from tests.unit.fakes.aws.account import Refused, World, codes, refused

NOT_VALID = Refused("InvalidAuthenticationCode", 403, "Authentication code for device is not valid.")


def created(world: World, keys: Keys | None = None, name: str = "", **more: Any) -> Any:
    name = name or world.name()
    return world.iam(keys).create_virtual_mfa_device(VirtualMFADeviceName=name, **more)["VirtualMFADevice"]


def enable(world: World, user: str, serial: str, offset_s: float = 0, keys: Keys | None = None) -> None:
    first, second = world.aws.soft_token(serial, offset_s).pair()
    world.iam(keys).enable_mfa_device(UserName=user, SerialNumber=serial, **codes(first, second))


def test_a_virtual_device_is_created_with_its_secret_once(world: World) -> None:
    device = created(world, name="phone", Path="/staff/")
    assert device["SerialNumber"] == f"arn:aws:iam::{ACCOUNT}:mfa/staff/phone"
    assert device["Base32StringSeed"].decode() == world.aws.seed(device["SerialNumber"])
    assert device["QRCodePNG"].startswith(b"\x89PNG\r\n")
    (listed,) = world.iam().list_virtual_mfa_devices()["VirtualMFADevices"]
    assert set(listed) == {"SerialNumber"}


def test_a_path_with_an_empty_part_is_refused(world: World) -> None:
    answer = refused(world.iam().create_virtual_mfa_device, VirtualMFADeviceName="phone", Path="/staff//")
    assert (answer.code, answer.status) == ("ValidationError", 400)


def test_a_name_is_taken_once_whatever_its_case(world: World) -> None:
    created(world, name="Phone")
    message = "MFADevice entity at the same path and name already exists."
    assert refused(world.iam().create_virtual_mfa_device, VirtualMFADeviceName="phone") == Refused(
        "EntityAlreadyExists", 409, message
    )
    created(world, name="phone", Path="/other/")


def test_enabled_with_two_codes_the_device_is_the_users(world: World) -> None:
    name, keys = world.user()
    serial = created(world, keys)["SerialNumber"]
    enable(world, name, serial, keys=keys)
    (mine,) = world.iam(keys).list_mfa_devices()["MFADevices"]
    assert (mine["UserName"], mine["SerialNumber"]) == (name, serial)
    assert mine["EnableDate"].timestamp() == world.clock.now
    for status, wanted in (("Assigned", [serial]), ("Unassigned", []), ("Any", [serial])):
        listed = world.iam().list_virtual_mfa_devices(AssignmentStatus=status)["VirtualMFADevices"]
        assert [device["SerialNumber"] for device in listed] == wanted
    (listed,) = world.iam().list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert listed["User"]["UserName"] == name
    assert listed["User"]["UserId"].startswith("AIDA")


@pytest.mark.parametrize("wrong", ["swapped", "same", "apart", "other seed", "one right"])
def test_codes_that_are_not_two_consecutive_ones_enable_and_resync_nothing(world: World, wrong: str) -> None:
    name, _keys = world.user()
    serial = created(world)["SerialNumber"]
    token, other = world.aws.soft_token(serial), world.aws.soft_token(created(world)["SerialNumber"])
    first, second = token.pair()
    pair = {
        "swapped": (second, first), "same": (second, second), "apart": (token.code(-3), second),
        "other seed": other.pair(), "one right": (first, other.code()),
    }[wrong]  # fmt: skip
    request = {"UserName": name, "SerialNumber": serial, **codes(*pair)}
    assert refused(world.iam().enable_mfa_device, **request) == NOT_VALID
    assert world.iam().list_mfa_devices(UserName=name)["MFADevices"] == []
    enable(world, name, serial)
    world.clock.go_on(300)
    token_pairs = {
        "swapped": token.pair()[::-1],
        "same": (token.code(), token.code()),
        "apart": (token.code(-3), token.code()),
    }
    request.update(codes(*token_pairs.get(wrong, pair)))
    assert refused(world.iam().resync_mfa_device, **request) == NOT_VALID
    assert world.aws.device(serial).drift == 0


@pytest.mark.parametrize("offset_s", [45, 90, 600, -45, -90, -600, 80_000])
def test_a_clock_that_is_off_is_refused_until_resync_and_taken_after(world: World, offset_s: int) -> None:
    world.aws.rules.window = 0
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    token = world.aws.soft_token(serial, offset_s)
    bad = refused(world.sts(keys).get_session_token, SerialNumber=serial, TokenCode=token.code())
    assert bad.code == "AccessDenied"
    world.clock.go_on()
    first, second = token.pair()
    world.iam(keys).resync_mfa_device(UserName=name, SerialNumber=serial, **codes(first, second))
    world.clock.go_on()
    world.sts(keys).get_session_token(SerialNumber=serial, TokenCode=token.code())
    # Without resync it stays refused, however long one waits.
    other, other_keys = world.user()
    unsynced = world.aws.virtual_device(other)
    world.clock.go_on(3600)
    again = world.aws.soft_token(unsynced, offset_s).code()
    assert refused(world.sts(other_keys).get_session_token, SerialNumber=unsynced, TokenCode=again) == bad


def test_late_codes_are_taken_and_put_a_right_device_out_of_step(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    token = world.aws.soft_token(serial)
    first, second = token.pair()
    world.clock.go_on(180)
    world.iam(keys).resync_mfa_device(UserName=name, SerialNumber=serial, **codes(first, second))
    world.clock.go_on()
    assert (
        refused(world.sts(keys).get_session_token, SerialNumber=serial, TokenCode=token.code()).code == "AccessDenied"
    )
    world.clock.go_on()
    first, second = token.pair()
    world.iam(keys).resync_mfa_device(UserName=name, SerialNumber=serial, **codes(first, second))
    world.clock.go_on()
    world.sts(keys).get_session_token(SerialNumber=serial, TokenCode=token.code())


def test_enabled_with_late_codes_a_device_is_the_users_and_out_of_step(world: World) -> None:
    name, keys = world.user()
    serial = created(world)["SerialNumber"]
    pair = codes(*world.aws.soft_token(serial).pair())
    world.clock.go_on(180)
    world.iam(keys).enable_mfa_device(UserName=name, SerialNumber=serial, **pair)
    assert [device["SerialNumber"] for device in world.iam(keys).list_mfa_devices()["MFADevices"]] == [serial]
    world.clock.go_on()
    code = world.aws.soft_token(serial).code()
    assert refused(world.sts(keys).get_session_token, SerialNumber=serial, TokenCode=code).code == "AccessDenied"


def test_late_codes_are_refused_where_the_reach_is_short(world: World) -> None:
    world.aws.rules.reach = 2
    name, keys = world.user()
    serial = world.aws.virtual_device(name)
    pair = codes(*world.aws.soft_token(serial).pair())
    world.clock.go_on(180)
    assert refused(world.iam(keys).resync_mfa_device, UserName=name, SerialNumber=serial, **pair) == NOT_VALID


def test_codes_are_used_up_by_enabling_and_by_resync(world: World) -> None:
    name, keys = world.user()
    serial = created(world)["SerialNumber"]
    enable(world, name, serial)
    pair = codes(*world.aws.soft_token(serial).pair())
    request = {"UserName": name, "SerialNumber": serial, **pair}
    assert refused(world.iam(keys).resync_mfa_device, **request) == NOT_VALID
    present = {"SerialNumber": serial, "TokenCode": pair["AuthenticationCode2"]}
    assert refused(world.sts(keys).get_session_token, **present).code == "AccessDenied"


def test_a_ninth_device_is_refused(world: World) -> None:
    name, _keys = world.user()
    for _number in range(7):
        world.aws.virtual_device(name, world.name())
    world.aws.hardware_device(name, "GAHT00000008")
    serial = created(world)["SerialNumber"]
    pair = codes(*world.aws.soft_token(serial).pair())
    assert refused(world.iam().enable_mfa_device, UserName=name, SerialNumber=serial, **pair) == Refused(
        "LimitExceeded", 409, "Cannot exceed quota for MFADevicesPerUser: 8"
    )


def test_a_device_has_one_holder(world: World) -> None:
    name, _keys = world.user()
    other, _other_keys = world.user()
    serial = world.aws.virtual_device(name)
    pair = codes(*world.aws.soft_token(serial).pair())
    for user in (name, other):
        assert refused(world.iam().enable_mfa_device, UserName=user, SerialNumber=serial, **pair) == Refused(
            "EntityAlreadyExists", 409, "MFA Device is already in use."
        )


def test_an_assigned_device_is_not_deleted(world: World) -> None:
    name, _keys = world.user()
    serial = world.aws.virtual_device(name)
    assert refused(world.iam().delete_virtual_mfa_device, SerialNumber=serial) == Refused(
        "DeleteConflict", 409, "MFA VirtualDevice in use. Must deactivate first."
    )
    world.iam().deactivate_mfa_device(UserName=name, SerialNumber=serial)
    world.iam().delete_virtual_mfa_device(SerialNumber=serial)
    gone = refused(world.iam().delete_virtual_mfa_device, SerialNumber=serial)
    assert gone == Refused("NoSuchEntity", 404, f"VirtualMFADevice with serial number {serial} doesn't exist.")


def test_roots_device_is_not_deleted(world: World) -> None:
    serial = world.aws.root_device()
    assert refused(world.iam().delete_virtual_mfa_device, SerialNumber=serial).code == "DeleteConflict"
    (device,) = world.iam().list_virtual_mfa_devices()["VirtualMFADevices"]
    assert device["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_what_is_not_there_or_not_theirs_is_no_such_entity(world: World) -> None:
    name, _keys = world.user()
    other, _other_keys = world.user()
    serial = world.aws.virtual_device(name)
    ghost = f"arn:aws:iam::{ACCOUNT}:mfa/ghost"
    pair = codes("000000", "000001")
    for call in (world.iam().enable_mfa_device, world.iam().resync_mfa_device):
        unknown = refused(call, UserName=name, SerialNumber=ghost, **pair)
        assert unknown == Refused("NoSuchEntity", 404, f"VirtualMFADevice with serial number {ghost} doesn't exist.")
        nobody = refused(call, UserName="nobody", SerialNumber=serial, **pair)
        assert nobody == Refused("NoSuchEntity", 404, "The user with name nobody cannot be found.")
    theirs = Refused("NoSuchEntity", 404, "MFA Device invalid for user.")
    assert refused(world.iam().resync_mfa_device, UserName=other, SerialNumber=serial, **pair) == theirs
    assert refused(world.iam().deactivate_mfa_device, UserName=other, SerialNumber=serial) == theirs


def test_a_recreated_device_has_another_seed_and_no_history(world: World) -> None:
    name, _keys = world.user()
    serial = created(world, name="again")["SerialNumber"]
    enable(world, name, serial, offset_s=-600)
    before = world.aws.seed(serial)
    world.iam().deactivate_mfa_device(UserName=name, SerialNumber=serial)
    world.iam().delete_virtual_mfa_device(SerialNumber=serial)
    assert created(world, name="again")["SerialNumber"] == serial
    assert world.aws.seed(serial) != before
    assert (world.aws.device(serial).drift, world.aws.device(serial).used) == (0, set())


def test_a_hardware_device_is_enabled_resynced_and_taken_off(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.hardware_device(None, "GAHT12345678", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    enable(world, name, serial, offset_s=400, keys=keys)
    session = world.session(keys, serial)
    world.clock.go_on()
    token = world.aws.soft_token(serial, 900)
    world.iam(keys).resync_mfa_device(UserName=name, SerialNumber=serial, **codes(*token.pair()))
    assert world.aws.device(serial).drift == 30
    world.iam(session).deactivate_mfa_device(SerialNumber=serial)
    assert world.iam(keys).list_mfa_devices()["MFADevices"] == []
    assert refused(world.iam().delete_virtual_mfa_device, SerialNumber=serial).code == "NoSuchEntity"


def test_a_fido_key_is_shown_and_takes_no_codes(world: World) -> None:
    name, keys = world.user()
    serial = world.aws.fido_device(name)
    shown = world.iam(keys).get_mfa_device(SerialNumber=serial)
    assert (shown["UserName"], shown["SerialNumber"], shown["Certifications"]) == (name, serial, {"FIDO": "L1"})
    pair = codes("000000", "000001")
    assert refused(world.iam().resync_mfa_device, UserName=name, SerialNumber=serial, **pair).code == "NoSuchEntity"
    assert "unable to validate" in refused(
        world.sts(keys).get_session_token, SerialNumber=serial, TokenCode="000000"
    ).message  # fmt: skip
    virtual = world.aws.virtual_device(name)
    assert refused(world.iam().get_mfa_device, SerialNumber=virtual).code == "ValidationError"
    assert refused(world.iam().get_mfa_device, SerialNumber=serial, UserName="nobody").code == "NoSuchEntity"


def test_tags_are_kept_changed_and_taken_away(world: World) -> None:
    serial = created(world, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "floor", "Value": "3"}])["SerialNumber"]
    iam = world.iam()
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "team", "Value": "dev"}, {"Key": "new", "Value": ""}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["floor", "never"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [
        {"Key": "team", "Value": "dev"}, {"Key": "new", "Value": ""}
    ]  # fmt: skip
    first = iam.list_mfa_device_tags(SerialNumber=serial, MaxItems=1)
    assert (len(first["Tags"]), first["IsTruncated"]) == (1, True)
    second = iam.list_mfa_device_tags(SerialNumber=serial, MaxItems=1, Marker=first["Marker"])
    assert (second["Tags"], second["IsTruncated"]) == ([{"Key": "new", "Value": ""}], False)
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert refused(iam.tag_mfa_device, SerialNumber=serial, Tags=twice).code == "InvalidInput"
    many = [{"Key": f"k{number}", "Value": ""} for number in range(49)]
    assert refused(iam.tag_mfa_device, SerialNumber=serial, Tags=many).code == "LimitExceeded"
    assert refused(iam.list_mfa_device_tags, SerialNumber=f"{serial}x").code == "NoSuchEntity"


def test_who_has_a_device_needs_an_mfa_session_to_change_their_own(world: World) -> None:
    name, keys = world.user()
    first = created(world, keys)["SerialNumber"]
    enable(world, name, first, keys=keys)  # a first device, with keys alone
    second = created(world, keys)["SerialNumber"]
    pair = codes(*world.aws.soft_token(second).pair())
    denied = refused(world.iam(keys).enable_mfa_device, UserName=name, SerialNumber=second, **pair)
    assert (denied.code, denied.status) == ("AccessDenied", 403)
    assert refused(world.iam(keys).deactivate_mfa_device, UserName=name, SerialNumber=first).code == "AccessDenied"
    # Nothing was used up by that.
    session = world.session(keys, first)
    enable(world, name, second, keys=session)
    world.iam(session).deactivate_mfa_device(UserName=name, SerialNumber=first)


def test_a_fido_key_counts_for_that_rule_and_resync_does_not_fall_under_it(world: World) -> None:
    name, keys = world.user()
    world.aws.fido_device(name)
    serial = created(world, keys)["SerialNumber"]
    pair = codes(*world.aws.soft_token(serial).pair())
    assert refused(world.iam(keys).enable_mfa_device, UserName=name, SerialNumber=serial, **pair).code == "AccessDenied"
    held = world.aws.virtual_device(name)
    world.iam(keys).resync_mfa_device(UserName=name, SerialNumber=held, **codes(*world.aws.soft_token(held).pair()))


def test_an_administrator_changes_others_with_keys_alone(world: World) -> None:
    _admin, admin_keys = world.user()
    name, _keys = world.user()
    serial = world.aws.virtual_device(name)
    world.iam(admin_keys).deactivate_mfa_device(UserName=name, SerialNumber=serial)
    enable(world, name, serial, keys=admin_keys)


def test_after_a_change_a_user_is_left_alone_for_a_while(world: World) -> None:
    world.aws.rules.settle_s = 60
    name, _keys = world.user()
    other, _other_keys = world.user()
    serial = created(world)["SerialNumber"]
    enable(world, name, serial)
    world.clock.go_on(59)
    busy = refused(world.iam().deactivate_mfa_device, UserName=name, SerialNumber=serial)
    assert (busy.code, busy.status) == ("EntityTemporarilyUnmodifiable", 409)
    enable(world, other, created(world)["SerialNumber"])
    world.clock.go_on(1)
    world.iam().deactivate_mfa_device(UserName=name, SerialNumber=serial)


def test_a_name_that_is_used_again_is_left_alone_for_a_while(world: World) -> None:
    world.aws.rules.settle_s = 60
    world.iam().create_user(UserName="again")
    world.iam().delete_user(UserName="again")
    world.iam().create_user(UserName="again")
    serial = created(world)["SerialNumber"]
    pair = codes(*world.aws.soft_token(serial).pair())
    busy = refused(world.iam().enable_mfa_device, UserName="again", SerialNumber=serial, **pair)
    assert busy.code == "EntityTemporarilyUnmodifiable"


def test_of_two_changes_at_once_one_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    # AWS takes its time over the first one until the second has its answer.
    monkeypatch.setattr(state, "time", SimpleNamespace(sleep=lambda _seconds: told.wait(60)))
    world.aws.rules.slow_s = {"iam:ResyncMFADevice": 60.0}
    name, _keys = world.user()
    serial = world.aws.virtual_device(name)
    pair = codes(*world.aws.soft_token(serial).pair())
    start, outcomes = threading.Barrier(2), []

    def resync() -> None:
        iam = world.iam()
        start.wait()
        try:
            iam.resync_mfa_device(UserName=name, SerialNumber=serial, **pair)
            outcomes.append("done")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
        told.set()

    threads = [threading.Thread(target=resync) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ConcurrentModification", "done"]


def test_a_user_who_holds_anything_is_not_deleted(world: World) -> None:
    name, keys = world.user()
    world.iam().delete_user_policy(UserName=name, PolicyName="granted")
    serial = world.aws.virtual_device(name)
    message = "Cannot delete entity, must delete MFA device first."
    assert refused(world.iam().delete_user, UserName=name) == Refused("DeleteConflict", 409, message)
    world.iam().deactivate_mfa_device(UserName=name, SerialNumber=serial)
    assert refused(world.iam().delete_user, UserName=name).message.endswith("must delete access keys first.")
    world.iam().delete_access_key(UserName=name, AccessKeyId=keys.access_key_id)
    world.iam().delete_user(UserName=name)
    assert refused(world.sts(keys).get_caller_identity).code == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({"SerialNumber": "short"}, "at 'serialNumber' failed to satisfy constraint: Member must have length greater"),
        ({"SerialNumber": "with blanks in it"}, "Member must satisfy regular expression pattern"),
        ({"AuthenticationCode1": "abcdef"}, "at 'authenticationCode1' failed to satisfy constraint"),
        # Digits, but not those that a device shows.
        (
            {"AuthenticationCode1": "\u0661\u0662\u0663\u0664\u0665\u0666"},
            "at 'authenticationCode1' failed to satisfy constraint",
        ),
        ({"UserName": "no/such"}, "Value 'no/such' at 'userName'"),
    ],
)
def test_values_that_the_model_does_not_allow_are_refused_and_codes_not_repeated(
    world: World, parameters: dict[str, str], wrong: str
) -> None:
    name, _keys = world.user()
    request = {"UserName": name, "SerialNumber": "GAHT12345678", **codes("000000", "000001"), **parameters}

    # botocore checks lengths itself; other tools do not.
    iam = world.aws.client("iam", config=Config(parameter_validation=False))
    answer = refused(iam.resync_mfa_device, **request)
    assert (answer.code, answer.status) == ("ValidationError", 400)
    assert wrong in answer.message
    assert "abcdef" not in answer.message
