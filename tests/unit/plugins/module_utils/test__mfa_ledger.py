"""The ledger as a file: shared, locked, private."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils import _mfa_ledger
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import (
    CodeLedger,
    CodesUsed,
    DeviceBusy,
    LedgerError,
    ledger_directory,
)

ROOT = Path(__file__).resolve().parents[4]
ALICE = "arn:aws:iam::123456789012:mfa/alice"
BOB = "arn:aws:iam::123456789012:mfa/bob"
HOLD = f"""
import sys, time
from {_mfa_ledger.__name__} import CodeLedger
with CodeLedger(sys.argv[1], time.time).device({ALICE!r}) as device:
    device.claim(["123456"], [7])
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> CodeLedger:
    return CodeLedger(str(tmp_path / "run" / "softtoken"), lambda: 1000.0, lambda: b"always the same key")


@pytest.mark.parametrize(
    ("option", "environment", "uid", "directory"),
    [
        (None, {}, 0, "/run/softtoken"),
        (None, {"XDG_RUNTIME_DIR": "/run/user/0"}, 0, "/run/softtoken"),
        (None, {"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/run/user/7/softtoken"),
        (None, {"XDG_RUNTIME_DIR": ""}, 7, os.path.expanduser("~/.cache/softtoken")),  # noqa: PTH111 - as the code does
        ("/srv/ledger", {"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/srv/ledger"),
    ],
)
def test_processes_of_one_user_meet_in_one_directory(
    option: str | None, environment: dict[str, str], uid: int, directory: str
) -> None:
    assert ledger_directory(option, environment, uid) == directory


def test_a_code_is_refused_the_second_time_by_code_and_by_step(ledger: CodeLedger) -> None:
    with ledger.device(ALICE) as device:
        device.claim(["123456", "654321"], [7, 8])
        for codes, steps in ((["654321"], [9]), (["111111"], [8])):
            with pytest.raises(CodesUsed, match="used 0 s ago"):
                device.claim(codes, steps)
        with pytest.raises(CodesUsed):
            device.check(["123456"])
        device.check(["111111"])
        assert device.used_steps() == {7, 8}
    with ledger.device(BOB) as device:
        device.claim(["123456"], [7])


def test_everything_is_private_and_holds_no_code(ledger: CodeLedger) -> None:
    before = os.umask(0)
    try:
        with ledger.device(ALICE) as device:
            device.claim(["123456"], [7])
    finally:
        os.umask(before)
    folder = Path(ledger.directory)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not any("123456:" in path.read_text() or '123456"' in path.read_text() for path in files)


def test_looking_leaves_nothing(ledger: CodeLedger) -> None:
    device = ledger.look(ALICE)
    device.check(["123456"])
    assert device.used_steps() == frozenset()
    assert not Path(ledger.directory).exists()


def test_only_one_works_on_a_device_and_the_other_is_told_who(ledger: CodeLedger) -> None:
    with ledger.device(ALICE):
        with pytest.raises(DeviceBusy, match=f"process {os.getpid()} since 00:16:40 UTC"), ledger.device(ALICE):
            pass
        with ledger.device(BOB):
            pass
    with ledger.device(ALICE):
        pass


def test_a_killed_process_frees_the_device_and_not_its_codes(ledger: CodeLedger) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, ledger.directory], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DeviceBusy, match=f"process {holder.pid} "), ledger.device(ALICE):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with CodeLedger(ledger.directory, time.time).device(ALICE) as device:
        assert device.used_steps() == {7}
        with pytest.raises(CodesUsed):
            device.claim(["123456"])


def test_claims_of_many_processes_are_all_kept(ledger: CodeLedger) -> None:
    def use(number: int) -> None:
        with ledger.device(f"{ALICE}{number}") as device:
            device.claim([f"{number:06d}"], [number])

    threads = [threading.Thread(target=use, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ledger.look(f"{ALICE}{number}").used_steps() for number in range(20)] == [{number} for number in range(20)]


def damage_folder_open(folder: Path) -> None:
    folder.chmod(0o755)


def damage_folder_link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


def damage_file_open(folder: Path) -> None:
    (folder / "mfa-ledger.json").chmod(0o644)


def damage_file_text(folder: Path) -> None:
    (folder / "mfa-ledger.json").write_text("{")


def damage_file_link(folder: Path) -> None:
    (folder / "mfa-ledger.json").rename(folder / "other")
    (folder / "mfa-ledger.json").symlink_to(folder / "other")


def damage_file_kind(folder: Path) -> None:
    (folder / "mfa-ledger.json").unlink()
    os.mkfifo(folder / "mfa-ledger.json", 0o600)


def damage_lock_link(folder: Path) -> None:
    (folder / "mfa-ledger.lock").unlink()
    (folder / "mfa-ledger.lock").symlink_to(folder / "other")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_folder_open, "open to others .mode 0755."),
        (damage_folder_link, "is a link"),
        (damage_file_open, "open to others .mode 0644."),
        (damage_file_text, "cannot be read: it is damaged"),
        (damage_file_link, "cannot be kept"),
        (damage_file_kind, "is a link or something else"),
        (damage_lock_link, "cannot be kept"),
    ],
)
def test_what_cannot_be_trusted_is_no_ledger(ledger: CodeLedger, damage: object, says: str) -> None:
    with ledger.device(ALICE) as device:
        device.claim(["123456"])
    assert callable(damage)
    damage(Path(ledger.directory))
    with pytest.raises(LedgerError, match=says), ledger.device(ALICE) as device:
        device.claim(["654321"])


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a directory to somebody else takes root")
def test_a_directory_of_somebody_else_is_no_ledger(ledger: CodeLedger) -> None:
    folder = Path(ledger.directory)
    folder.mkdir(mode=0o700, parents=True)
    os.chown(folder, 65534, 65534)
    with pytest.raises(LedgerError, match="belongs to the user with the id 65534"), ledger.device(ALICE):
        pass


def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = CodeLedger(str(tmp_path / "file" / "ledger"), lambda: 0.0)
    with pytest.raises(LedgerError, match="Give a directory of this user's own as ledger_dir"), ledger.device(ALICE):
        pass
