"""A whole lab from one description, kept running between processes: what molecule's create and destroy use."""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from .containers import IMAGES, Container, boot, podman, serve_lies, serve_time
from .network import PREFIX, Host, Network, namespaces
from .roots import SUITES, VARIANTS, Suite, Variant, cache_dir, root_name
from .shell import RigError, run
from .vm_image import machine_folder

if TYPE_CHECKING:
    from collections.abc import Mapping


class Machine(NamedTuple):
    """One host of a lab: a Debian ``host``, an ``ntp`` server of true time, a ``liar``, or an empty ``place``."""

    kind: str
    addresses: tuple[str, ...]
    suite: Suite = "bookworm"
    variant: Variant = "chrony"
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Check a described machine."""
        unknown = set(given) - set(cls._fields)
        if unknown or given.get("kind") not in _START or not given.get("addresses"):
            raise RigError(
                f"machine {name}: wants kind ({', '.join(_START)}) and addresses, optionally suite, variant, options; "
                f"got {dict(given)}"
            )
        texts = {key: tuple(given.get(key, ())) for key in ("addresses", "options")}
        return cls(**{**given, **texts})


class Description(NamedTuple):
    """A network's name, the names known on it, and its machines."""

    network: str
    names: dict[str, str]
    machines: dict[str, Machine]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Check a description that came as JSON."""
        machines = {name: Machine.of(name, machine) for name, machine in given["machines"].items()}
        return cls(given["network"], dict(given.get("names", {})), machines)


def up(described: Description) -> dict[str, str]:
    """Start a lab, in place of an earlier one of the same name; return the container of each machine."""
    down(described.network)
    network = Network(described.network, names=described.names)
    network.create()
    hosts = {name: network.host(name, *machine.addresses) for name, machine in described.machines.items()}
    with ThreadPoolExecutor(2) as pool:
        started = {
            name: pool.submit(_START[machine.kind], hosts[name], machine)
            for name, machine in described.machines.items()
        }
        return {name: future.result().name for name, future in started.items()}


def down(network: str) -> None:
    """Remove a lab: containers first, then their namespaces."""
    _remove_network(f"{PREFIX}-{network}")


def clean() -> list[str]:
    """Remove the networks of ended processes, and roots, images and virtual machines whose recipe is gone."""
    removed = []
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
    for namespace in [namespace for namespace in namespaces() if namespace.startswith(f"{name}.")]:
        Container(namespace).remove()
        for pid in run(["ip", "netns", "pids", namespace], check=False).stdout.split():
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


_START = {"host": _host, "ntp": _ntp, "liar": _liar, "place": _place}
