"""A run of iam_mfa_device is killed before and after everything it does; the next one finishes, or goes back."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.moto_api._internal.models import moto_api_backend

from tests.fakes.aws import ACCOUNT, KEYS, FakeAws
from tests.integration.mfa import signs_in
from tests.integration.mfa_device import Killer, SharedClock, Site, device

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip
NEW = f"arn:aws:iam::{ACCOUNT}:mfa/alice-2"
OLD = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
SAME: dict[str, Any] = {"state": "replaced", "name": "alice", "serial": OLD, "allow_gap": True}
OTHER: dict[str, Any] = {"state": "replaced", "name": "alice-2", "serial": OLD}
FIRST: dict[str, Any] = {"state": "enabled", "name": "alice-2"}
# What is asked for, whether there is an old device, how many others the user has, and how the seed is delivered.
CASES = {
    "spare slot, file": (OTHER, 0, "seed_file"),
    "spare slot, encrypted": (OTHER, 0, "public_key"),
    "spare slot, QR code": (OTHER, 1, "qr_file"),
    "at the cap": (OTHER, 7, "seed_file"),
    "same name": (SAME, 0, "seed_file"),
    "same name, encrypted": (SAME, 0, "public_key"),
    "first device": (FIRST, 0, "seed_file"),
    "only created": ({"state": "disabled", "name": "alice-2"}, 0, "seed_file"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as killer:
        yield killer


class Case:
    """One account, and what is asked for there."""

    def __init__(self, aws: FakeAws, folder: Path, name: str) -> None:
        wanted, others, delivery = CASES[name]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        moto_api_backend.reset()
        aws.forget()
        self.aws = aws
        self.folder = folder
        clock = SharedClock(folder / "clock")
        aws.true_time = clock.wall
        self.keys = aws.add_user("alice")
        self.old = "" if wanted["state"] in ("enabled", "disabled") else aws.virtual_device("alice", "alice")
        self.others = {aws.virtual_device("alice", f"other-{number}") for number in range(others)}
        self.old_seed = aws.seed(self.old) if self.old else ""
        self.site = Site(aws.endpoint, (*KEYS.values(), ""), tuple(self.keys), str(folder))
        self.path = folder / "secret"
        self.wanted = {**wanted, delivery: PUBLIC if delivery == "public_key" else str(self.path)}
        self.new = f"arn:aws:iam::{ACCOUNT}:mfa/{wanted['name']}"

    @property
    def enabled(self) -> set[str]:
        answer = self.aws.client("iam").list_mfa_devices(UserName="alice")
        return {device["SerialNumber"] for device in answer["MFADevices"]} - self.others

    @property
    def unassigned(self) -> set[str]:
        answer = self.aws.client("iam").list_virtual_mfa_devices(AssignmentStatus="Unassigned")
        return {device["SerialNumber"] for device in answer["VirtualMFADevices"]}

    @property
    def begun(self) -> bool:
        """Whether a journal says that something is not ended."""
        journals = self.folder.glob("journal/mfa-device-*.json")
        return any(json.loads(path.read_text())["intent"] != "done" for path in journals)

    @property
    def leftovers(self) -> set[str]:
        """Files that hold a seed, or say that something was begun."""
        journals = {path.name for path in self.folder.glob("journal/mfa-device-*")}
        return journals | {path.name for path in self.folder.glob("secret*")}

    def assert_finished(self, result: dict[str, Any]) -> None:
        created_only = self.wanted["state"] == "disabled"
        assert self.enabled == (set() if created_only else {self.new})
        assert self.unassigned == ({self.new} if created_only else set())
        assert self.aws.seed(self.new) != self.old_seed
        if "public_key" in self.wanted:
            assert self.decrypted(result) == self.aws.seed(self.new)
            return
        assert self.leftovers == {"secret"}
        assert stat.S_IMODE(self.path.stat().st_mode) == 0o600
        if "seed_file" in self.wanted:
            assert self.path.read_text().strip() == self.aws.seed(self.new)
        else:
            assert self.path.read_bytes().startswith(b"\x89PNG")
            assert self.path.read_bytes() == self.aws.iam.virtual_mfa_devices[self.new].qr_code_png
        if not created_only:
            self.site.clock.wait(60)
            code = self.aws.soft_token(self.new).code()
            assert signs_in(self.aws, self.keys, self.new, code)

    def decrypted(self, result: dict[str, Any]) -> str:
        scheme = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
        return KEY.decrypt(base64.b64decode(result["encrypted_seed"]), scheme).decode()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Give a folder that is not below /tmp, where no secret is written."""
    place = Path.home() / f".softtoken-test-{os.getpid()}"
    place.mkdir(mode=0o700)
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize("name", list(CASES))
def test_the_next_run_finishes(server: FakeAws, killer: Killer, folder: Path, name: str) -> None:
    moments = 0
    for moment in itertools.count():
        case = Case(server, folder / "run", name)
        ended = killer.run(case.site, moment, **case.wanted)
        if name.startswith("spare slot"):
            assert case.enabled, f"no device after moment {moment}"
        assert len(case.enabled | case.others) >= (7 if name == "at the cap" else 0)
        if ended == "ended":
            if case.new != OLD:
                again = device(case.site, **case.wanted)
                assert again["changed"] is False
                case.assert_finished(again)
            break
        assert ended == "killed", f"at moment {moment}"
        moments += 1
        if case.begun or case.new != OLD or case.old_seed == server.seed(OLD):
            # Else all was done, and to ask for the same again is to ask for another one.
            case.assert_finished(device(case.site, **case.wanted))
    assert moments > 12, "fewer moments than there are steps"


@pytest.mark.parametrize("name", ["spare slot, file", "spare slot, encrypted", "at the cap", "same name"])
def test_or_the_next_run_goes_back(server: FakeAws, killer: Killer, folder: Path, name: str) -> None:
    restored = refused = failed = 0
    for moment in itertools.count():
        case = Case(server, folder / "run", name)
        if killer.run(case.site, moment, **case.wanted) == "ended":
            break
        begun = case.begun
        back = {**case.wanted, "interrupted": "restore", "seed": case.old_seed}
        try:
            result = device(case.site, **back)
        except IamError as exc:
            failed += 1
            refused += "is gone and cannot be brought back: run again to finish" in str(exc)
            case.assert_finished(device(case.site, **case.wanted))
            continue
        if not begun:
            # Nothing had been begun, or all was ended.
            assert not case.unassigned
            continue
        restored += 1
        assert (case.enabled, case.unassigned) == ({OLD}, set())
        assert server.seed(OLD) == case.old_seed
        assert result["restored"] is True or not result["changed"]
        assert not case.leftovers - {"secret"}
    assert restored > 4
    assert refused == failed > 0
