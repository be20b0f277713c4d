"""iam_mfa_device and its playbook as people run them: by Ansible, in real time, and with no secret left behind."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from tests.fakes.aws import ACCOUNT, KEYS, FakeAws
from tests.fakes.aws.identity import Keys
from tests.integration.mfa import codes_sent
from tests.integration.playbooks import PLAYBOOKS
from tests.integration.test_mfa_resync_module import Desk, ProcessList, leaks, written

NEW = f"arn:aws:iam::{ACCOUNT}:mfa/phone"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> FakeAws:
    moto_api_backend.reset()
    server.forget()
    return server


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that is not below /tmp, where no secret is written."""
    place = Path.home() / f".softtoken-module-{os.getpid()}"
    place.mkdir(mode=0o700)
    yield place
    shutil.rmtree(place)


class Office(Desk):
    """Where an administrator replaces devices."""

    def run(self, *flags: str, **variables: Any) -> tuple[int, str]:
        more = {"softtoken_journal_dir": str(self.folder / "ledger"), "softtoken_name": "phone", **variables}
        with self.start(*flags, playbook=PLAYBOOKS / "mfa_replace.yml", softtoken_user="alice", **more) as process:
            output, _errors = process.communicate(timeout=900)
        return process.returncode, output


def private_key(folder: Path) -> tuple[Path, str]:
    private, public = folder / "private.pem", folder / "public.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public.read_text()


def decrypted(private: Path, text: str) -> str:
    argv = ["openssl", "pkeyutl", "-decrypt", "-inkey", str(private)]
    argv += ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]
    return subprocess.run(argv, input=base64.b64decode(text), check=True, capture_output=True).stdout.decode()


def test_seed_codes_and_keys_are_where_they_belong_and_nowhere_else(aws: FakeAws, folder: Path) -> None:
    """A replacement in real time: it takes two minutes at most."""
    keys = aws.add_user("alice")
    old = aws.virtual_device("alice", "lost")
    private, public = private_key(folder)
    work = folder / "work"
    work.mkdir()
    office = Office(aws, Keys(*KEYS.values()), work)
    seed_file, qr_file, encrypted = folder / "seed", folder / "qr.png", folder / "encrypted"
    wanted: dict[str, Any] = {
        "softtoken_seed_file": str(seed_file), "softtoken_qr_file": str(qr_file), "softtoken_public_key": public,
        "softtoken_encrypted_file": str(encrypted), "softtoken_user_access_key": keys.access_key_id,
        "softtoken_user_secret_key": keys.secret_access_key,
    }  # fmt: skip
    checked = office.run("--check", "--diff", "-vvvv", **wanted)
    assert checked[0] == 0, checked[1]
    assert "phone of alice would be enabled, in place of" in checked[1]
    assert list(aws.iam.virtual_mfa_devices) == [old]
    with ProcessList() as processes:
        rc, output = office.run("-vvvv", "--diff", **wanted)
    assert rc == 0, output
    assert f"{NEW} of alice is enabled, in place of {old}." in output
    assert "AWS took a fresh code of the device after that" in output
    assert list(aws.iam.virtual_mfa_devices) == [NEW]
    seed = aws.seed(NEW)
    assert seed_file.read_text().strip() == seed == decrypted(private, encrypted.read_text())
    assert qr_file.read_bytes() == aws.iam.virtual_mfa_devices[NEW].qr_code_png
    assert {stat.S_IMODE(path.stat().st_mode) for path in (seed_file, qr_file, encrypted)} == {0o600}

    codes = codes_sent(aws)
    assert len(codes) == 3
    secrets = {
        "seed": seed,
        "seed in hexadecimal": base64.b32decode(seed).hex(),
        "seed in base64": base64.b64encode(base64.b32decode(seed)).decode(),
        "seed as sent": base64.b64encode(seed.encode()).decode(),
        "picture": base64.b64encode(qr_file.read_bytes()).decode()[40:100],
        "the user's key": keys.secret_access_key,
        **{f"code {number}": code for number, code in enumerate(codes)},
    }
    given = work / "variables.json"
    texts = {path: text for path, text in written(work) if path != str(given)}
    assert any(path.endswith("ansible.log") for path in texts)
    assert any("mfa-device" in path for path in texts)
    texts |= {"output": output + checked[1], "process list": "\n".join(processes.seen)}
    assert "iam_mfa_device" in texts["process list"]
    assert leaks(secrets, texts) == []
    # It finds what is there to be found.
    assert leaks(secrets, {"file": seed_file.read_text()}) == ["seed in file"]


def test_the_holder_confirms_by_playbook(aws: FakeAws, folder: Path) -> None:
    aws.add_user("alice")
    old = aws.virtual_device("alice", "lost")
    office = Office(aws, Keys(*KEYS.values()), folder)
    wanted: dict[str, Any] = {"softtoken_confirm": "codes", "softtoken_qr_file": str(folder / "qr.png")}
    rc, output = office.run(**wanted)
    assert rc == 0, output
    assert "run this again with softtoken_code1 and softtoken_code2" in output
    assert list(aws.iam.users["alice"].mfa_devices) == [old]
    code1, code2 = aws.soft_token(NEW).pair()
    rc, output = office.run("-vvvv", **wanted, softtoken_code1=code1, softtoken_code2=code2)
    assert rc == 0, output
    assert list(aws.iam.users["alice"].mfa_devices) == [NEW]
    assert list(aws.iam.virtual_mfa_devices) == [NEW]
    assert leaks({"first": code1, "second": code2}, {"output": output}) == []
    rc, output = office.run(**wanted)
    assert (rc, "changed=0" in output) == (0, True)


def test_a_failure_says_why_and_hides_what_was_typed(aws: FakeAws, folder: Path) -> None:
    keys = aws.add_user("alice")
    old = aws.virtual_device("alice", "lost")
    office = Office(aws, keys, folder)
    rc, output = office.run("-vvvv", softtoken_seed_file=str(folder / "seed"))
    assert rc == 2
    assert "changed only with" in output or "an administrator has to do this" in output
    assert list(aws.iam.virtual_mfa_devices) == [old]
    assert not (folder / "seed").exists()
    rc, output = office.run("-vvvv", softtoken_confirm="codes", softtoken_code1="86021", softtoken_code2="047593")
    assert rc == 2
    assert "code1 is not a code of 6 digits" in output
    assert leaks({"first": "86021", "second": "047593"}, {"output": output}) == []
    rc, output = office.run(softtoken_public_key="x")
    assert rc == 2
    assert "softtoken_encrypted_file" in output
    assert json.loads((folder / "variables.json").read_text())["softtoken_user"] == "alice"
