"""What iam_mfa_device does, refuses and says, against an AWS that checks codes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from moto.moto_api._internal.models import moto_api_backend

from tests.fakes.aws import ACCOUNT, KEYS, FakeAws
from tests.fakes.aws.identity import Keys
from tests.integration.mfa_device import SharedClock, Site, device, device_ports

ADMIN = Keys(*KEYS.values())
HARDWARE = "GAHT12345678"


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:mfa/{name}"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


class Place:
    """An account with alice and bob, and a folder of the one who administers it."""

    def __init__(self, aws: FakeAws, folder: Path) -> None:
        self.aws = aws
        self.folder = folder
        self.clock = SharedClock(folder / "clock")
        aws.true_time = self.clock.wall
        self.keys = aws.add_user("alice")
        aws.add_user("bob")
        self.seed_file = str(folder / "seed")

    def site(self, keys: Keys = ADMIN, *, own: bool = True) -> Site:
        return Site(self.aws.endpoint, tuple(keys), tuple(self.keys) if own else (), str(self.folder))

    def run(self, *, keys: Keys = ADMIN, own: bool = True, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        return device(self.site(keys, own=own), check_mode=check_mode, **params)

    def refused(self, **params: Any) -> str:
        """Run what has to fail and change nothing; returns why."""
        before = self.state
        with pytest.raises(IamError) as caught:
            self.run(**params)
        assert self.state == before
        return str(caught.value)

    @property
    def state(self) -> tuple[Any, ...]:
        """Who holds what, what else there is, and which files."""
        aws = self.aws
        held = {name: sorted(user.mfa_devices) for name, user in ((u.name, u) for u in aws.iam.users.values())}
        tags = {serial: dict(tags) for serial, tags in aws.state.tags.items()}
        files = sorted(path.name for path in self.folder.rglob("*") if "ledger" not in str(path) and path.is_file())
        files = [name for name in files if not name.endswith(".lock")]
        return held, sorted(aws.iam.virtual_mfa_devices), tags, files

    def enabled(self, user: str = "alice") -> list[str]:
        return sorted(self.aws.iam.users[user].mfa_devices)


@pytest.fixture
def place(server: FakeAws) -> Iterator[Place]:
    """Give a folder that is not below /tmp, where no secret is written."""
    folder = Path.home() / f".softtoken-device-{os.getpid()}"
    folder.mkdir(mode=0o700)
    moto_api_backend.reset()
    server.forget()
    server.state.tags.clear()
    server.rules.settle_s = 0.0
    yield Place(server, folder)
    server.rules.settle_s = 0.0
    shutil.rmtree(folder)


# --- enabled ---------------------------------------------------------------------------------------------------------


def test_a_device_is_created_enabled_tried_and_then_left_alone(place: Place) -> None:
    wanted: dict[str, Any] = {
        "name": "phone",
        "path": "/staff/",
        "seed_file": place.seed_file,
        "tags": {"owner": "alice"},
    }
    before = place.state
    planned = place.run(check_mode=True, **wanted)
    assert (planned["changed"], planned["steps"], place.state) == (True, ["create", "enable", "verify"], before)
    done = place.run(**wanted)
    assert done["serial"] == arn("staff/phone")
    assert {key: done[key] for key in ("steps", "state")} == {key: planned[key] for key in ("steps", "state")}
    assert done["diff"]["after"] == planned["diff"]["after"]
    assert (done["verified"], place.enabled()) == (True, [arn("staff/phone")])
    assert place.aws.state.tags[arn("staff/phone")] == {"owner": "alice"}
    assert stat.S_IMODE(Path(place.seed_file).stat().st_mode) == 0o600
    assert Path(place.seed_file).read_text().strip() == place.aws.seed(arn("staff/phone"))
    again = place.run(**wanted)
    assert (again["changed"], again["steps"], again["enabled_at"]) == (False, [], done["enabled_at"])
    assert again["enabled_at"]


def test_a_device_that_is_there_is_enabled_with_codes_or_with_its_seed(place: Place) -> None:
    one, two = place.aws.virtual_device(None, "one"), place.aws.virtual_device(None, "two")
    code1, code2 = place.aws.soft_token(one).pair()
    typed = place.run(serial=one, code1=code1, code2=code2)
    assert (typed["state"], typed["verified"]) == ("enabled", False)
    assert "that takes the seed" in typed["verification"]
    assert place.run(name="two", seed=place.aws.seed(two))["verified"] is True
    assert place.enabled() == [one, two]


def test_a_hardware_token_takes_its_codes(place: Place) -> None:
    place.aws.hardware_device(None, HARDWARE)
    assert "enabling it takes two of its codes" in place.refused(serial=HARDWARE)
    code1, code2 = place.aws.soft_token(HARDWARE).pair()
    assert place.run(serial=HARDWARE, code1=code1, code2=code2)["state"] == "enabled"
    assert "GAHT00000000" in place.refused(serial="GAHT00000000", code1="123456", code2="234567")


def test_codes_that_are_refused_leave_the_device_and_are_not_sent_again(place: Place) -> None:
    serial = place.aws.virtual_device(None, "phone")
    code1, code2 = place.aws.soft_token(serial).pair()
    assert "They were swapped" in place.refused(serial=serial, code1=code2, code2=code1)
    assert "a code counts once" in place.refused(serial=serial, code1=code1, code2=code2)
    assert place.aws.count("iam:EnableMFADevice") == 1


def test_a_throttled_call_with_codes_is_not_sent_again_and_others_are(place: Place) -> None:
    serial = place.aws.virtual_device(None, "phone")
    place.aws.throttle("iam:EnableMFADevice", 1)
    place.aws.throttle("iam:ListMFADevices", 1)
    code1, code2 = place.aws.soft_token(serial).pair()
    assert "too many calls" in place.refused(serial=serial, code1=code1, code2=code2)
    assert place.aws.count("iam:EnableMFADevice") == 1
    assert place.aws.count("iam:ListMFADevices") > 1


def test_what_nobody_could_use_is_not_created(place: Place) -> None:
    assert "say with seed_file, qr_file or public_key" in place.refused(name="phone")
    assert "AWS makes its seed" in place.refused(name="phone", seed="A" * 32, seed_file=place.seed_file)
    assert "to create a virtual device, give its name" in place.refused(serial=arn("x"), seed_file=place.seed_file)
    assert "no RSA public key" in place.refused(name="phone", public_key="ssh-rsa AAAA")
    assert place.aws.count("iam:CreateVirtualMFADevice") == 0


def test_a_device_whose_seed_is_lost_is_made_anew_on_demand_only(place: Place) -> None:
    serial = place.aws.virtual_device(None, "phone")
    lost = place.aws.seed(serial)
    assert "recreate=true deletes it" in place.refused(name="phone", seed_file=place.seed_file)
    done = place.run(name="phone", seed_file=place.seed_file, recreate=True)
    assert done["steps"] == ["delete_new", "create", "enable", "verify"]
    assert place.aws.seed(serial) != lost


def test_the_user_who_has_eight_gets_no_ninth(place: Place) -> None:
    for number in range(8):
        place.aws.virtual_device("alice", f"phone-{number}")
    assert "as many as AWS allows" in place.refused(name="phone-9", seed_file=place.seed_file)
    assert place.aws.count("iam:CreateVirtualMFADevice") == 0


@pytest.mark.parametrize("state", ["enabled", "disabled", "absent", "replaced"])
def test_devices_of_others_are_left_alone(place: Place, state: str) -> None:
    place.aws.virtual_device("alice", "phone")
    place.aws.virtual_device("bob", "tablet")
    assert "is a device of bob, not of alice" in place.refused(name="tablet", state=state, seed_file=place.seed_file)


def test_kinds_that_make_no_codes_are_refused_with_the_reason(place: Place) -> None:
    key = place.aws.fido_device("alice")
    assert "registered in the browser" in place.refused(serial=key)
    assert "root changes its devices" in place.refused(serial=place.aws.root_device(), state="absent")
    assert "names a user" in place.refused(serial=f"arn:aws:iam::{ACCOUNT}:user/alice")
    assert place.run(serial=key, state="disabled")["steps"] == ["deactivate"]
    assert place.run(serial=key, state="disabled")["changed"] is False


def test_a_user_who_is_not_there_is_named(place: Place) -> None:
    assert "no user mallory" in place.refused(user="mallory", name="x", seed_file=place.seed_file)


# --- disabled and absent ---------------------------------------------------------------------------------------------


def test_disabled_keeps_a_virtual_device_and_absent_deletes_it(place: Place) -> None:
    serial = place.aws.virtual_device("alice", "phone")
    seed = place.aws.seed(serial)
    assert place.run(serial=serial, state="disabled", check_mode=True)["state"] == "disabled"
    assert place.enabled() == [serial]
    off = place.run(serial=serial, state="disabled")
    assert (off["steps"], off["state"], place.aws.seed(serial)) == (["deactivate"], "disabled", seed)
    assert place.run(serial=serial, state="disabled")["changed"] is False
    assert place.run(serial=serial, state="absent")["steps"] == ["delete"]
    assert place.run(serial=serial, state="absent")["changed"] is False
    place.aws.hardware_device("alice", HARDWARE)
    assert place.run(serial=HARDWARE, state="absent")["steps"] == ["deactivate"]
    assert place.run(serial=HARDWARE, state="absent")["changed"] is False


def test_tags_are_added_and_purged_on_demand(place: Place) -> None:
    serial = place.aws.virtual_device("alice", "phone")
    place.aws.client("iam").tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "a", "Value": "1"}])
    added = place.run(name="phone", tags={"b": "2"})
    assert added["changed"] is True
    assert '"b": "2"' in added["diff"]["after"]
    assert place.aws.state.tags[serial] == {"a": "1", "b": "2"}
    assert place.run(name="phone", tags={"b": "2"})["changed"] is False
    assert place.run(name="phone", tags={"b": "2"}, purge_tags=True, check_mode=True)["changed"] is True
    place.run(name="phone", tags={"b": "2"}, purge_tags=True)
    assert place.aws.state.tags[serial] == {"b": "2"}


# --- replaced --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["virtual", "hardware", "fido"])
def test_a_device_of_any_kind_is_replaced_without_a_gap(place: Place, kind: str) -> None:
    make = {
        "virtual": lambda: place.aws.virtual_device("alice", "old"),
        "hardware": lambda: place.aws.hardware_device("alice", HARDWARE),
        "fido": lambda: place.aws.fido_device("alice"),
    }
    old = make[kind]()
    wanted: dict[str, Any] = {"state": "replaced", "name": "new", "seed_file": place.seed_file}
    planned = place.run(check_mode=True, **wanted)
    done = place.run(**wanted)
    assert done["steps"] == planned["steps"]
    assert done["steps"][:4] == ["create", "enable", "verify", "deactivate_old"]
    assert (done["previous_serial"], place.enabled()) == (old, [arn("new")])
    assert sorted(place.aws.iam.virtual_mfa_devices) == [arn("new")]
    assert place.run(**wanted)["changed"] is False
    assert place.run(serial=old, **wanted)["changed"] is False


def test_which_device_to_replace_has_to_be_clear(place: Place) -> None:
    wanted: dict[str, Any] = {"state": "replaced", "name": "new", "seed_file": place.seed_file}
    assert "no MFA device to replace" in place.refused(**wanted)
    place.aws.virtual_device("alice", "one")
    place.aws.virtual_device("alice", "two")
    assert arn("two") in place.refused(**wanted)
    stale = place.refused(serial=arn("gone"), **wanted)
    assert arn("one") in stale
    assert "nothing to replace" in stale


def test_the_only_device_is_replaced_by_its_namesake_on_demand_only(place: Place) -> None:
    serial = place.aws.virtual_device("alice", "phone")
    seed = place.aws.seed(serial)
    wanted: dict[str, Any] = {"state": "replaced", "name": "phone", "serial": serial, "seed_file": place.seed_file}
    assert "or allow_gap=true" in place.refused(**wanted)
    done = place.run(**wanted, allow_gap=True)
    assert done["steps"] == ["deactivate_old", "delete_old", "create", "enable", "verify"]
    assert place.aws.seed(serial) != seed


def test_the_holder_confirms_with_codes_before_the_old_device_goes(place: Place) -> None:
    old = place.aws.virtual_device("alice", "old")
    qr_file = str(place.folder / "qr.png")
    wanted: dict[str, Any] = {"state": "replaced", "name": "new", "confirm": "codes", "qr_file": qr_file}
    first = place.run(**wanted)
    assert (first["pending"], first["steps"], place.enabled()) == (True, ["create"], [old])
    assert Path(qr_file).read_bytes().startswith(b"\x89PNG")
    assert place.run(**wanted)["pending"] is True
    code1, code2 = place.aws.soft_token(arn("new")).pair()
    with pytest.raises(IamError, match="stays as it is"):
        place.run(**wanted, code1=code2, code2=code1)
    assert place.enabled() == [old]
    assert "is not ended" in place.refused(name="other", seed_file=place.seed_file)
    place.clock.wait(90)
    code1, code2 = place.aws.soft_token(arn("new")).pair()
    done = place.run(**wanted, code1=code1, code2=code2)
    assert (done["pending"], done["resumed"], place.enabled()) == (False, True, [arn("new")])
    assert sorted(place.aws.iam.virtual_mfa_devices) == [arn("new")]


def test_what_was_begun_can_be_taken_back_by_absent_too(place: Place) -> None:
    old = place.aws.virtual_device("alice", "old")
    place.run(state="replaced", name="new", confirm="codes", seed_file=place.seed_file)
    assert place.run(state="absent", name="new")["restored"] is True
    assert (place.enabled(), sorted(place.aws.iam.virtual_mfa_devices)) == ([old], [old])
    assert not Path(place.seed_file).exists()


@pytest.mark.parametrize("api", ["iam:EnableMFADevice", "iam:CreateVirtualMFADevice"])
def test_a_replacement_that_fails_leaves_no_orphan(place: Place, api: str) -> None:
    place.aws.virtual_device("alice", "old")
    place.aws.deny(api)
    said = place.refused(state="replaced", name="new", seed_file=place.seed_file)
    assert said.endswith("Nothing is changed.")


def test_a_new_device_whose_next_code_is_refused_does_not_replace_anything(place: Place) -> None:
    place.aws.virtual_device("alice", "old")
    message = "MultiFactorAuthentication failed with invalid MFA one time pass code."
    place.aws.fail("sts:GetSessionToken", "AccessDenied", 1, message=message)
    said = place.refused(state="replaced", name="new", seed_file=place.seed_file)
    assert "The new device was removed again." in said


def test_not_being_able_to_try_a_code_is_said_and_no_failure(place: Place) -> None:
    place.aws.virtual_device("alice", "old")
    done = place.run(own=False, state="replaced", name="new", seed_file=place.seed_file)
    assert (done["verified"], place.enabled()) == (False, [arn("new")])
    assert "only the user's own access key can try one" in done["verification"]


def test_a_device_made_by_somebody_else_meanwhile_is_not_taken_for_an_orphan(place: Place) -> None:
    site = place.site()
    ports = device_ports(site)
    make = ports.devices.create_virtual

    def late(name: str, **more: Any) -> Any:
        place.aws.virtual_device(None, name)
        return make(name, **more)

    ports.devices.create_virtual = late  # type: ignore[method-assign]
    with pytest.raises(IamError, match="somebody just made it"):
        device(site, ports=ports, name="phone", seed_file=place.seed_file)
    assert sorted(place.aws.iam.virtual_mfa_devices) == [arn("phone")]
    assert not Path(place.seed_file).exists()


# --- AWS's own rules -------------------------------------------------------------------------------------------------


def session(place: Place, serial: str) -> Keys:
    code = place.aws.soft_token(serial).code()
    answer = place.aws.client("sts", keys=place.keys).get_session_token(SerialNumber=serial, TokenCode=code)
    return Keys.of(answer["Credentials"])


def test_a_user_with_a_device_needs_a_session_with_mfa_and_is_told_before_anything_happens(place: Place) -> None:
    old = place.aws.virtual_device("alice", "old")
    wanted: dict[str, Any] = {"state": "replaced", "name": "new", "seed_file": place.seed_file}
    said = place.refused(keys=place.keys, **wanted)
    assert f"get-session-token --serial-number {old}" in said
    assert "an administrator has to do this" in said
    assert "opened with MFA" in place.refused(keys=place.keys, serial=old, state="disabled")
    assert place.aws.count("iam:CreateVirtualMFADevice") == place.aws.count("iam:DeactivateMFADevice") == 0
    assert place.run(keys=session(place, old), **wanted)["changed"] is True
    assert place.enabled() == [arn("new")]


def test_a_user_enrols_the_first_device_with_an_access_key(place: Place) -> None:
    done = place.run(keys=place.keys, name="first", seed_file=place.seed_file)
    assert (done["verified"], place.enabled()) == (True, [arn("first")])


def test_it_waits_while_the_user_is_unmodifiable_and_not_for_ever(place: Place) -> None:
    place.aws.rules.settle_s = 25.0
    place.aws.virtual_device("alice", "old")
    assert place.run(state="replaced", name="new", seed_file=place.seed_file)["state"] == "enabled"
    place.aws.rules.settle_s = 100_000.0
    began = place.clock.wall()
    said = place.refused(serial=arn("new"), state="disabled", wait_timeout=60)
    assert "Somebody else is changing" in said
    assert 30 < place.clock.wall() - began <= 60


def test_two_runs_for_one_user_do_not_meet(place: Place) -> None:
    place.aws.virtual_device("alice", "old")
    site = place.site()
    ports = device_ports(site)
    make = ports.devices.create_virtual
    said: list[str] = []

    def meanwhile(name: str, **more: Any) -> Any:
        try:
            device(site, name="other", state="disabled", seed_file=place.seed_file)
        except IamError as exc:
            said.append(str(exc))
        return make(name, **more)

    ports.devices.create_virtual = meanwhile  # type: ignore[method-assign]
    thread = threading.Thread(
        target=device, args=(site,),
        kwargs={"ports": ports, "state": "replaced", "name": "new", "public_key": None, "seed_file": place.seed_file},
    )  # fmt: skip
    thread.start()
    thread.join()
    assert "another run on this host" in said[0]
    assert "run this again" in said[0]
    assert sorted(place.aws.iam.virtual_mfa_devices) == [arn("new")]


# --- where the seed goes ---------------------------------------------------------------------------------------------


def test_the_seed_can_be_read_with_the_private_key_by_openssl(place: Place) -> None:
    private, public = place.folder / "private.pem", place.folder / "public.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    done = place.run(name="phone", public_key=public.read_text())
    again = place.run(name="phone", public_key=public.read_text())
    assert again["encrypted_seed"] == done["encrypted_seed"]
    options = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]
    decoded = subprocess.run(
        ["openssl", "base64", "-d", "-A"], input=done["encrypted_seed"].encode(), check=True, capture_output=True
    ).stdout
    seed = subprocess.run(
        ["openssl", "pkeyutl", "-decrypt", "-inkey", private, *options], input=decoded, check=True, capture_output=True
    ).stdout
    assert seed.decode() == place.aws.seed(arn("phone"))
    place.run(name="phone", state="absent")
    assert not list(place.folder.glob("journal/mfa-device-*"))


@pytest.mark.parametrize("where", ["/tmp/seed", "/var/tmp/seed", "/dev/shm/seed"])  # noqa: S108
def test_no_seed_goes_where_everybody_may_write(place: Place, where: str) -> None:
    assert "everybody may write" in place.refused(name="phone", seed_file=where)
    assert place.aws.count("iam:CreateVirtualMFADevice") == 0


def test_no_file_is_overwritten_and_no_link_followed(place: Place) -> None:
    path = Path(place.seed_file)
    path.write_text("precious")
    path.chmod(0o600)
    assert "exists already" in place.refused(name="phone", seed_file=place.seed_file)
    assert "exists already" in place.refused(name="phone", qr_file=place.seed_file, check_mode=True)
    path.unlink()
    path.symlink_to(place.folder / "elsewhere")
    assert "exists already" in place.refused(name="phone", seed_file=place.seed_file)
    assert "cannot hold a secret" in place.refused(name="phone", seed_file=str(place.folder / "missing" / "seed"))
    assert place.aws.count("iam:CreateVirtualMFADevice") == 0


def test_a_journal_that_is_damaged_or_somebody_elses_stops_it(place: Place) -> None:
    place.run(name="phone", confirm="codes", seed_file=place.seed_file)
    (journal,) = place.folder.glob("journal/mfa-device-*.json")
    text = journal.read_text()
    assert place.aws.seed(arn("phone")) not in text
    assert json.loads(text)["new"] == arn("phone")
    journal.write_text(text[:40])
    assert "it is damaged" in place.refused(name="phone", confirm="codes")
    journal.chmod(0o644)
    assert "only the present user" in place.refused(name="phone", confirm="codes")
