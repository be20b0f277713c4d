"""Which device is meant, and which would be right."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa.choice import (
    Inventory,
    choose_device,
    refuse_kind,
    stranger,
)

PREFIX = "arn:aws:iam::123456789012:"
ALICE = f"{PREFIX}mfa/alice"
KEY = f"{PREFIX}u2f/user/alice/key-AAAA"
SMS = f"{PREFIX}sms-mfa/alice"


@pytest.mark.parametrize(
    ("serial", "says"),
    [
        (KEY, "never is out of step"),
        (SMS, "telephone number"),
        (f"{PREFIX}mfa/root-account-mfa-device", "Root does it by itself in the console"),
        (f"{PREFIX}user/alice", "names a user and not an MFA device"),
        ("mfa/alice", "whose beginning"),
        ("short", "9 to 256 characters"),
    ],
)
def test_what_gives_no_codes_is_refused(serial: str, says: str) -> None:
    found = refuse_kind(serial)
    assert found is not None
    assert found.cause == "wrong_serial"
    assert says in str(found)


@pytest.mark.parametrize("serial", [ALICE, "GALT12345678", "arn:aws-cn:iam::123456789012:mfa/path/alice"])
def test_what_gives_codes_is_not(serial: str) -> None:
    assert refuse_kind(serial) is None


def test_the_only_device_that_gives_codes_is_meant() -> None:
    assert choose_device("alice", [KEY, ALICE, SMS]) == (ALICE, None)


@pytest.mark.parametrize(
    ("devices", "says"),
    [([], "has no MFA device"), ([KEY], "no device that gives codes"), ([ALICE, f"{ALICE}-2"], f"{ALICE}, {ALICE}-2")],
)
def test_without_one_there_is_no_choice(devices: list[str], says: str) -> None:
    serial, problem = choose_device("alice", devices)
    assert serial == ""
    assert problem is not None
    assert says in str(problem)
    assert problem.next_step
    assert str(problem).count(KEY) <= 1


BOB = f"{PREFIX}mfa/bob"
HELD = {ALICE: "alice", BOB: "bob", f"{PREFIX}mfa/spare": None}


@pytest.mark.parametrize(
    ("serial", "cause", "says"),
    [
        (BOB, "not_owned", "is a device of bob, not of alice"),
        (f"{PREFIX}mfa/spare", "not_owned", "assigned to nobody"),
        (f"{PREFIX}mfa/Alice", "wrong_serial", f"Probably {ALICE} is meant"),
        (f"{PREFIX}mfa/team/alice", "wrong_serial", f"Probably {ALICE} is meant"),
        (f"{PREFIX}mfa/gone", "wrong_serial", f"Probably {ALICE} is meant"),
        ("GALT12345678", "wrong_serial", "is no device of alice."),
    ],
)
def test_a_serial_of_somebody_else_is_put_right(serial: str, cause: str, says: str) -> None:
    found = stranger(serial, "alice", [ALICE], Inventory(HELD))
    assert found.cause == cause
    assert says in str(found)
    assert ALICE in found.next_step


def test_nothing_is_guessed_among_several() -> None:
    devices = [f"{PREFIX}mfa/one-device", f"{PREFIX}mfa/two-device"]
    found = stranger(f"{PREFIX}mfa/gone", "alice", devices, Inventory(dict.fromkeys(devices, "alice")))
    assert "Probably" not in str(found)
    assert ", ".join(devices) in found.next_step


def test_what_the_inventory_does_not_say_is_not_claimed() -> None:
    found = stranger(f"{PREFIX}mfa/gone", "alice", [], Inventory({}, "iam:ListVirtualMFADevices: AccessDenied"))
    assert "cannot be said: iam:ListVirtualMFADevices: AccessDenied" in found.text
    assert "does not exist" not in found.text
    assert "alice has no MFA device" in found.next_step


def test_a_device_of_another_account_is_not_said_to_be_gone() -> None:
    found = stranger("arn:aws:iam::999999999999:mfa/alice", "alice", [ALICE], Inventory(HELD), ALICE.split(":")[4])
    assert found.cause == "wrong_serial"
    assert "is of account 999999999999, and these credentials reach alice" in found.text
    assert ALICE in found.next_step
