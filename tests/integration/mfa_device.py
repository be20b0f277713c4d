"""Runs the code of iam_mfa_device against the double, in this process or in one that is killed at a chosen moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import botocore.session
from ansible_collections.softtoken.compliance.plugins.module_utils import _mfa_device_journal, _mfa_secret
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.mfa_device import MfaDevices
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.sign_in import SignIn
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device import DevicePorts, run_device
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_device_journal import JournalFile
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_ledger import CodeLedger
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_secret import SecretFiles, encrypt
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_send import CodeSender

from tests.integration.playbooks import ROOT

REGION = "us-east-1"
# One for all: what takes long in making a client is reading the descriptions of the services.
SESSION = botocore.session.Session()
START = 60_000_000.0 * 30 + 5
DEFAULTS: dict[str, Any] = {
    "user": "alice", "state": "enabled", "name": None, "path": "/", "serial": None, "tags": None, "purge_tags": False,
    "code1": None, "code2": None, "seed": None, "confirm": "seed", "seed_file": None, "qr_file": None,
    "public_key": None, "recreate": False, "allow_gap": False, "interrupted": "finish", "wait_timeout": 120,
}  # fmt: skip
# The calls that change the account.
CHANGES = ("create_virtual", "enable", "deactivate", "delete")
# What makes files last, by module. A journal is replaced as a whole.
ON_DISK = {_mfa_device_journal: ("replace",), _mfa_secret: ("fsync", "unlink")}


class SharedClock:
    """True time, which only waiting moves, for processes that have a file in common."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.write_text(repr(START))

    def wall(self) -> float:
        return float(self._path.read_text())

    def wait(self, seconds: float) -> None:
        self._path.write_text(repr(self.wall() + seconds))


class Site(NamedTuple):
    """Where and as whom the code runs. ``own`` are the user's keys, for trying codes."""

    endpoint: str
    keys: tuple[str, ...]
    own: tuple[str, ...]
    folder: str

    @property
    def clock(self) -> SharedClock:
        return SharedClock(Path(self.folder) / "clock")


def client_factory(site: Site, keys: tuple[str, ...]) -> Callable[..., Any]:
    def client(service: str, *, region: str, config: Any = None) -> Any:
        return SESSION.create_client(
            service, region_name=region, endpoint_url=site.endpoint, aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1], aws_session_token=keys[2] or None, config=config,
        )  # fmt: skip

    return client


def device_ports(site: Site, **replaced: Any) -> DevicePorts:
    clock = site.clock
    journals = str(Path(site.folder) / "journal")
    ledger = CodeLedger(str(Path(site.folder) / "ledger"), clock.wall)
    own = SignIn(client_factory(site, site.own), REGION) if site.own else None
    return DevicePorts(
        devices=MfaDevices(client_factory(site, site.keys), REGION),
        codes=CodeSender(ledger, clock.wall, clock.wait, None),
        sign_in=lambda _own_key: own,
        journal=lambda account, user: JournalFile(journals, account, user, clock.wall),
        files=SecretFiles(),
        encrypt=encrypt,
        hide=lambda _secret: None,
        wait=clock.wait,
    )._replace(**replaced)


def device(site: Site, *, check_mode: bool = False, ports: DevicePorts | None = None, **params: Any) -> dict[str, Any]:
    """Run the module's code in this process."""
    return run_device({**DEFAULTS, **params}, ports or device_ports(site), check_mode=check_mode)


class Killer:
    """A process that runs the code in children of its own, each killed at a moment."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.mfa_device"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate(timeout=300)

    def run(self, site: Site, kill_at: int, **params: Any) -> str:
        """Return "killed", "ended", or what went wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([site, kill_at, params]) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


def serve() -> None:
    for service in ("iam", "sts"):
        SESSION.create_client(service, region_name=REGION)
    for line in sys.stdin:
        site, kill_at, params = json.loads(line)
        child = os.fork()
        if child == 0:
            _run_killed(Site(site[0], tuple(site[1]), tuple(site[2]), site[3]), kill_at, params)
        _pid, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            said = "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"signal {os.WTERMSIG(status)}"
        else:
            said = "ended" if os.WEXITSTATUS(status) == 0 else "failed"
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


def _run_killed(site: Site, kill_at: int, params: dict[str, Any]) -> None:
    """Count the moments around everything that lasts, and die at one of them."""
    moment = -1

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            die()
            result = call(*args, **options)
            die()
            return result

        return called

    def die() -> None:
        nonlocal moment
        moment += 1
        if moment == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    class Os:
        """The os that a module sees."""

        def __init__(self, names: tuple[str, ...]) -> None:
            self._names = names

        def __getattr__(self, name: str) -> Any:
            found = getattr(os, name)
            return around(found) if name in self._names else found

    ports = device_ports(site)
    for name in CHANGES:
        setattr(ports.devices, name, around(getattr(ports.devices, name)))
    for module, names in ON_DISK.items():
        module.os = Os(names)  # type: ignore[attr-defined]
    JournalFile.remove = around(JournalFile.remove)  # type: ignore[method-assign]
    status = 1
    try:
        device(site, ports=ports, **params)
        status = 0
    except Exception as exc:  # noqa: BLE001
        sys.stderr.write(f"{exc!r}\n")
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve()
