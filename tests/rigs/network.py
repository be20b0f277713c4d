"""Network namespaces joined by one bridge, and joined to nothing else.

There is no route out: what runs in such a namespace reaches the other hosts of the same network and nobody else, so a
server there may use any address, port 123 included.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .shell import PATIENCE_S, Result, RigError, need, need_root, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PREFIX = "softtoken"
#: What ``ip netns exec`` mounts over /etc.
_NAME_SERVICE = Path("/etc/netns")
_TUN = "/dev/net/tun"
#: linux/if_tun.h
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_serial = itertools.count()


def namespaces() -> list[str]:
    """Return the namespaces of every network that a rig made."""
    listed = run(["ip", "netns", "list"]).stdout.splitlines()
    return [name for name in (line.split()[0] for line in listed) if name.startswith(f"{PREFIX}-")]


class Host:
    """A network namespace with one interface on the network's bridge."""

    def __init__(self, namespace: str, addresses: Sequence[str]) -> None:
        self.namespace = namespace
        self.name = namespace.rpartition(".")[2]
        self.names_file = _NAME_SERVICE / namespace / "hosts"
        self.addresses = tuple(address.split("/")[0] for address in addresses)

    @property
    def address(self) -> str:
        """The first address."""
        return self.addresses[0]

    @property
    def path(self) -> Path:
        """The namespace as a file, for programs that join it."""
        return Path("/run/netns") / self.namespace

    def argv(self, command: Sequence[str]) -> list[str]:
        """``command``, run inside the namespace."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def run(self, command: Sequence[str], *, check: bool = True, timeout: float = PATIENCE_S) -> Result:
        """Run ``command`` inside the namespace."""
        return run(self.argv(command), check=check, timeout=timeout)

    def link(self, up: bool) -> None:
        """Plug the host's cable in or out."""
        self.run(["ip", "link", "set", "eth0", "up" if up else "down"])


class Network:
    """A bridge in a namespace of its own; ``host()`` attaches one more namespace.

    ``name`` makes the network findable by a later process; without it the name is unique to this process. ``names``
    are host names with their addresses; no other name resolves in the network.
    """

    def __init__(self, name: str | None = None, *, names: Mapping[str, str] | None = None) -> None:
        need_root("a network namespace")
        need("ip", "bridge")
        self._names = dict(names or {})
        self.name = f"{PREFIX}-{name or f'{os.getpid()}-{next(_serial)}'}"
        self.hub = f"{self.name}.hub"
        self._ports = itertools.count(1)

    def __enter__(self) -> Self:
        self.create()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove_named(self.name)

    def create(self) -> None:
        """Make the bridge; ``host()`` works from then on, until ``remove_named()``."""
        run(["ip", "netns", "add", self.hub])
        self._in_hub("link", "add", "br0", "type", "bridge")
        self._in_hub("link", "set", "br0", "up")

    def host(self, name: str, *addresses: str) -> Host:
        """Attach a host; an address without a prefix length gets /16 (IPv4) or /64 (IPv6)."""
        namespace = f"{self.name}.{name}"
        port = f"port{next(self._ports)}"
        self._write_name_service(namespace)
        run(["ip", "netns", "add", namespace])
        self._in_hub("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self._in_hub("link", "set", port, "master", "br0", "up")
        batch = ["link set lo up", "link set eth0 up", *(address_line(address, "eth0") for address in addresses)]
        run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(batch) + "\n")
        # The bridge forwards nothing before it has noticed the carrier; a first request sent earlier would be lost.
        wait_for(lambda: self._forwards(port), f"{namespace} to be connected", every=0.01)
        return Host(namespace, addresses)

    def plug(self) -> int:
        """Return an open tap device on the bridge, for a virtual machine. It ends with the last who holds it open."""
        port = f"port{next(self._ports)}"
        tap, made = _open_tap()
        try:
            run(["ip", "link", "set", made, "netns", self.hub, "name", port])
            self._in_hub("link", "set", port, "master", "br0", "up")
        except BaseException:
            os.close(tap)
            raise
        return tap

    def names_for(self, name: str) -> str:
        """Return the hosts file of a host of this network."""
        known = {"localhost": "127.0.0.1", name: "127.0.1.1", **self._names}
        return "".join(f"{at} {known_name}\n" for known_name, at in known.items())

    @staticmethod
    def remove_named(name: str) -> None:
        """Delete every namespace of a network."""
        for namespace in namespaces():
            if namespace.startswith(f"{name}."):
                run(["ip", "netns", "delete", namespace], check=False)
                shutil.rmtree(_NAME_SERVICE / namespace, ignore_errors=True)

    def _forwards(self, port: str) -> bool:
        return "state forwarding" in run(["bridge", "-n", self.hub, "link", "show", "dev", port]).stdout

    def _write_name_service(self, namespace: str) -> None:
        folder = _NAME_SERVICE / namespace
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text(self.names_for(namespace.rpartition(".")[2]), encoding="utf-8")
        (folder / "resolv.conf").write_text("# No name server here: see hosts.\n", encoding="utf-8")

    def _in_hub(self, *arguments: str) -> None:
        run(["ip", "-n", self.hub, *arguments])


def address_line(address: str, device: str) -> str:
    """Return the words for ``ip`` that give a device an address."""
    if "/" not in address:
        address += "/64" if ":" in address else "/16"
    return f"address add {address} dev {device}{' nodad' if ':' in address else ''}"


def _open_tap() -> tuple[int, str]:
    """Make a tap device under a name that is free, and return it open."""
    try:
        tap = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as exc:
        raise RigError(f"{_TUN} cannot be opened ({exc.strerror}); the kernel module tun makes it") from exc
    wanted = struct.pack("16sH22x", b"softtoken%d", _IFF_TAP | _IFF_NO_PI)
    return tap, fcntl.ioctl(tap, _TUNSETIFF, wanted)[:16].rstrip(b"\0").decode()
