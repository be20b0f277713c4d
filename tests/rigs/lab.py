"""A whole lab from one description, kept running between processes: what molecule's create and destroy use."""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from . import detached
from .containers import IMAGES, Container, boot, podman, serve_lies, serve_time
from .network import PREFIX, Host, Network, namespaces
from .roots import SUITES, VARIANTS, Suite, Variant, cache_dir, root_name
from .shell import RigError, need_root, run, wait_for
from .soft_token import PROFILE, SoftToken
from .vm import Lab, VirtualMachine, remove_left_over
from .vm_image import machine_folder

if TYPE_CHECKING:
    from collections.abc import Mapping


#: Where virtual machines and the AWS of a lab keep their files.
_FOLDERS = Path("/var/lib/softtoken-rigs")


class Machine(NamedTuple):
    """One machine of a lab.

    ``host`` is a Debian host in a container, ``vm`` one whose own clock is ``offset_s`` fast, ``ntp`` a server of true
    time, ``liar`` another one, ``place`` somewhere to start something later, ``aws`` the AWS double on the loopback
    interface of this machine. A ``vm`` with a ``user`` has the soft token of that user of the AWS, whose AWS
    configuration names the MFA device ``serial`` (default: the one that the user has).
    """

    kind: str
    addresses: tuple[str, ...] = ()
    suite: Suite = "bookworm"
    variant: Variant = "chrony"
    options: tuple[str, ...] = ()
    offset_s: float = 0.0
    user: str = ""
    serial: str = ""

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Check a described machine."""
        unknown = set(given) - set(cls._fields)
        kind = given.get("kind")
        if unknown or kind not in (*_START, *_OUTSIDE) or bool(given.get("addresses")) == (kind == "aws"):
            raise RigError(
                f"machine {name}: wants kind ({', '.join((*_START, *_OUTSIDE))}) and addresses (aws has none), "
                f"optionally suite, variant, options, offset_s, user, serial; got {dict(given)}"
            )
        texts = {key: tuple(given.get(key, ())) for key in ("addresses", "options")}
        return cls(**{**given, **texts})


class Description(NamedTuple):
    """A network's name, the names known on it, and its machines."""

    network: str
    names: dict[str, str]
    machines: dict[str, Machine]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read and check a description in JSON."""
        try:
            given = json.loads(text)
        except ValueError as exc:
            raise RigError(f"a lab is described in JSON (tests/rigs/README.md shows one): {exc}") from exc
        if not isinstance(given, dict) or not {"network", "machines"} <= set(given):
            raise RigError(f"a lab has a network and machines (tests/rigs/README.md shows one); got {given}")
        machines = {name: Machine.of(name, machine) for name, machine in given["machines"].items()}
        return cls(given["network"], dict(given.get("names", {})), machines)


def folder_of(network: str, name: str) -> Path:
    """Return the folder of a ``vm`` (``ssh_config``, ``inventory.ini``) or an ``aws`` (``stdout``: how to reach it)."""
    return _FOLDERS / f"{PREFIX}-{network}" / name


def up(described: Description) -> dict[str, str]:
    """Start a lab, in place of an earlier one of the same name.

    Return what each machine is found by: its container, or the folder of a ``vm`` or an ``aws``.
    """
    machines = described.machines
    holders = [name for name, machine in machines.items() if machine.user]
    if holders and "aws" not in {machine.kind for machine in machines.values()}:
        raise RigError(f"{', '.join(holders)}: a user needs an account, and there is no machine of the kind aws")
    down(described.network)
    network = Network(described.network, names=described.names)
    network.create()
    with ThreadPoolExecutor(2) as pool:
        inside = {
            name: pool.submit(_START[machine.kind], network.host(name, *machine.addresses), machine)
            for name, machine in machines.items()
            if machine.kind in _START
        }
        outside = {
            name: pool.submit(_OUTSIDE[machine.kind], folder_of(described.network, name), machine, network)
            for name, machine in machines.items()
            if machine.kind in _OUTSIDE
        }
        found = {
            **{name: future.result().name for name, future in inside.items()},
            **{name: str(future.result()) for name, future in outside.items()},
        }
        accounts = [_account_of(Path(found[name])) for name, machine in machines.items() if machine.kind == "aws"]
        given = [pool.submit(_give_token, Path(found[name]), machines[name], accounts[0]) for name in holders]
        for future in given:
            future.result()
        return found


def replace(described: Description) -> dict[str, str]:
    """Put other machines into the places of some: a liar answers where a server of true time did."""
    started = {}
    for name, machine in described.machines.items():
        if machine.kind not in _START:
            raise RigError(f"machine {name}: only {', '.join(_START)} can take a place, not {machine.kind}")
        host = Host(f"{PREFIX}-{described.network}.{name}", machine.addresses)
        started[name] = _START[machine.kind](host, machine).name
    return started


def down(network: str) -> None:
    """Remove a lab: containers first, then their namespaces."""
    need_root("a lab")
    _remove_network(f"{PREFIX}-{network}")


def clean() -> list[str]:
    """Remove the networks and machines of ended processes, and roots, images and disks whose recipe is gone."""
    need_root("a lab")
    removed = remove_left_over()
    for name in sorted({namespace.partition(".")[0] for namespace in namespaces()}):
        owner = name.removeprefix(f"{PREFIX}-").split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            _remove_network(name)
            removed.append(name)
    current = {root_name(suite, variant) for suite in SUITES for variant in VARIANTS}
    machines = {machine_folder(suite).name for suite in SUITES}
    for path in [*(cache_dir() / "roots").glob("*"), *(cache_dir() / "vm").glob("*")]:
        if path.stem not in current | machines:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            removed.append(path.name)
    for tag in podman("images", "--format", "{{.Tag}}", IMAGES).stdout.split():
        if tag not in current:
            podman("rmi", f"{IMAGES}:{tag}", check=False)
            removed.append(f"{IMAGES}:{tag}")
    return removed


def _remove_network(name: str) -> None:
    for folder in (_FOLDERS / name).glob("*"):
        detached.stop(folder)
    shutil.rmtree(_FOLDERS / name, ignore_errors=True)
    for namespace in [namespace for namespace in namespaces() if namespace.startswith(f"{name}.")]:
        Container(namespace).remove()
        for pid in run(["ip", "netns", "pids", namespace], check=False).stdout.split():
            # What was connected to an instance ends with it.
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    Network.remove_named(name)


def _host(host: Host, machine: Machine) -> Container:
    return boot(host, machine.suite, machine.variant)


def _ntp(host: Host, machine: Machine) -> Container:
    return serve_time(host, machine.suite, extra=machine.options)


def _liar(host: Host, machine: Machine) -> Container:
    return serve_lies(host, machine.suite, *machine.options)


def _place(host: Host, _machine: Machine) -> Container:
    """Start nothing yet: what is started in the namespace later ends with the lab."""
    return Container(host.namespace)


def _vm(folder: Path, machine: Machine, network: Network) -> Path:
    """Start a virtual machine that goes on when this process ends."""
    plugged = Lab(network, machine.addresses)
    guest = VirtualMachine(machine.offset_s, suite=machine.suite, name=folder.name, lab=plugged, folder=folder)
    guest.start()
    return guest.folder


def _aws(folder: Path, machine: Machine, _network: Network) -> Path:
    """Start the AWS double; it says in one line of JSON how it and its users are reached."""
    folder.mkdir(parents=True, mode=0o700)
    process = detached.start(folder, [sys.executable, "-m", "tests.fakes.aws", "--json", *machine.options])

    def ready() -> bool:
        if process.poll() is not None:
            raise RigError(f"the AWS double ended: {(folder / 'stderr').read_text(encoding='utf-8')}")
        return (folder / "stdout").read_text(encoding="utf-8").endswith("\n")

    wait_for(ready, "the AWS double")
    return folder


def _account_of(folder: Path) -> dict[str, Any]:
    """Read what the AWS double has said: ``endpoint``, ``users`` and ``role``."""
    account: dict[str, Any] = json.loads((folder / "stdout").read_text(encoding="utf-8"))
    return account


def _give_token(folder: Path, machine: Machine, account: Mapping[str, Any]) -> None:
    user = account["users"][machine.user]
    profile = {
        "role_arn": account["role"],
        "source_profile": "default",
        "mfa_serial": machine.serial or user["serial"],
    }
    token = SoftToken(VirtualMachine(name=folder.name, folder=folder))
    token.install(environment=user["environment"], seed=user["seed"], profiles={PROFILE: profile})


_START = {"host": _host, "ntp": _ntp, "liar": _liar, "place": _place}
_OUTSIDE = {"vm": _vm, "aws": _aws}
