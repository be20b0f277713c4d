"""What a run of iam_mfa_device finds that an earlier one, or a lost answer, left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.aws.iam_mfa import Call, Result
from tests.fakes.aws.wire import ApiError
from tests.integration.mfa_device import device, device_ports
from tests.integration.test_mfa_device import Place, arn, place, server

__all__ = ["place", "server"]


class Stopped(BaseException):
    """The end of a process, as far as code can see it."""


def stop(place: Place, call: str, **params: Any) -> None:
    """Run until a call is to be sent."""
    ports = device_ports(place.site())

    def end(*_arguments: Any, **_more: Any) -> None:
        raise Stopped

    setattr(ports.devices, call, end)
    with pytest.raises(Stopped):
        device(place.site(), ports=ports, **params)


def test_what_was_begun_is_not_ended_with_a_seed_that_goes_nowhere(place: Place) -> None:
    """The user would be left with a device whose seed nobody has."""
    old = place.aws.virtual_device("alice", "lost")
    stop(place, "create_virtual", state="replaced", name="phone", seed_file=place.seed_file)
    assert "say with seed_file, qr_file or public_key" in place.refused(state="replaced", name="phone")
    assert place.enabled() == [old]
    done = place.run(state="replaced", name="phone", seed_file=place.seed_file)
    assert (done["resumed"], done["verified"], place.enabled()) == (True, True, [arn("phone")])
    assert Path(place.seed_file).read_text().strip() == place.aws.seed(arn("phone"))


def test_what_was_begun_by_name_is_not_made_from_a_serial(place: Place) -> None:
    stop(place, "create_virtual", name="phone", seed_file=place.seed_file)
    said = place.refused(serial=arn("phone"), seed_file=place.seed_file)
    assert "give its name (and path), not a serial" in said


def test_going_back_is_foreseen_in_check_mode(place: Place) -> None:
    old = place.aws.virtual_device("alice", "lost")
    wanted: dict[str, Any] = {"state": "replaced", "name": "phone", "seed_file": place.seed_file}
    stop(place, "enable", **wanted)
    before = place.state
    planned = place.run(interrupted="restore", check_mode=True, **wanted)
    assert place.state == before
    done = place.run(interrupted="restore", **wanted)
    compared = ("changed", "steps", "restored", "state", "diff")
    assert {key: planned[key] for key in compared} == {key: done[key] for key in compared}
    assert (done["changed"], done["steps"], place.enabled()) == (True, ["delete_new"], [old])


def test_what_cannot_go_back_is_refused_in_check_mode_too(place: Place) -> None:
    """At the cap the old device goes before the new one is enabled, and enabling it again takes its codes."""
    first, *_others = [place.aws.virtual_device("alice", f"device-{number}") for number in range(8)]
    wanted: dict[str, Any] = {"state": "replaced", "name": "new", "serial": first, "seed_file": place.seed_file}
    stop(place, "enable", **wanted)
    for check_mode in (True, False):
        assert "enabling it again takes its seed" in place.refused(
            interrupted="restore", check_mode=check_mode, **wanted
        )
    assert place.run(**wanted)["verified"] is True


def test_an_encrypted_seed_outlasts_the_removal_of_another_device(place: Place) -> None:
    other = place.aws.virtual_device("alice", "other")
    key = rsa.generate_private_key(65537, 2048).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    made = place.run(name="new", public_key=pem)["encrypted_seed"]
    place.run(serial=other, state="absent")
    assert place.run(name="new", public_key=pem)["encrypted_seed"] == made
    place.run(name="new", state="absent")
    assert not list(place.folder.rglob("mfa-device-*.json"))


def test_a_device_whose_answer_was_lost_is_no_orphan(place: Place) -> None:
    """The answer has the seed: sent again, the call would find the name taken."""
    old = place.aws.virtual_device("alice", "lost")
    handlers = place.aws._handlers
    make = handlers["iam:CreateVirtualMFADevice"]

    def lose(call: Call) -> Result:
        make(call)
        raise ApiError("InternalFailure", "The answer was lost.", 500)

    handlers["iam:CreateVirtualMFADevice"] = lose
    try:
        said = place.refused(state="replaced", name="phone", seed_file=place.seed_file)
    finally:
        handlers["iam:CreateVirtualMFADevice"] = make
    assert "The new device was removed again." in said
    assert sorted(place.aws.iam.virtual_mfa_devices) == [old]
    assert place.run(state="replaced", name="phone", seed_file=place.seed_file)["verified"] is True


def test_a_throttled_creation_is_sent_again(place: Place) -> None:
    place.aws.throttle("iam:CreateVirtualMFADevice", 2)
    assert place.run(name="phone", seed_file=place.seed_file)["verified"] is True


def test_two_secrets_do_not_go_to_one_file(place: Place) -> None:
    """The QR code would take the place of the seed."""
    place.aws.virtual_device("alice", "lost")
    said = place.refused(state="replaced", name="phone", seed_file=place.seed_file, qr_file=f"{place.folder}//seed")
    assert "are one file" in said


def test_a_device_of_another_account_is_not_called_absent(place: Place) -> None:
    said = place.refused(serial="arn:aws:iam::999999999999:mfa/phone", state="absent")
    assert "is of another account" in said


def test_a_token_that_another_user_holds_is_said_to_be_in_use(place: Place) -> None:
    held = place.aws.hardware_device("bob", "GAHT99999999")
    assert "is enabled already, for another user" in place.refused(serial=held, code1="123456", code2="654321")


@pytest.mark.parametrize("path", ["", "staff", "/staff", "//", "/a//b/", "/a b/", f"/{'x' * 511}/"])
def test_a_path_that_aws_would_not_take_is_refused_before(place: Place, path: str) -> None:
    assert "is no path" in place.refused(name="phone", path=path, seed_file=place.seed_file)


def test_tags_of_any_kind_are_texts(place: Place) -> None:
    wanted: dict[str, Any] = {"name": "phone", "seed_file": place.seed_file, "tags": {"floor": 3, "note": None}}
    place.run(**wanted)
    assert place.aws.state.tags[arn("phone")] == {"floor": "3", "note": ""}
    assert place.run(**wanted)["changed"] is False
