"""Virtual machines with their own clocks: the only place where a test may move one.

``with VirtualMachine(offset_s=300) as vm:`` yields a Debian host whose clock is 300 s fast, with chronyd installed and
stopped, reached by SSH as root. Servers on this machine's loopback interface are at ``vm.gateway`` for the guest.

A machine that is plugged into a network of the rig (``lab=``) has an address there as well. One with a ``folder`` goes
on when the process that started it ends; ``VirtualMachine(folder=...)`` is that machine again.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from . import detached
from .network import address_line
from .roots import Suite, locked
from .shell import PATIENCE_S, Result, RigError, run, wait_for
from .vm_image import GATEWAY, LAB, LAB_MAC, MAC, MACHINE, Image, image

if TYPE_CHECKING:
    from .network import Network

#: Run once before the memory is kept, so that later machines find the programs in their page cache.
_WARM_UP = (
    "systemctl stop chrony; systemctl is-system-running --wait; chronyd --version; chronyc --version;"
    " python3 -c 'import json, subprocess, psutil, ntplib, zipfile, tempfile, uuid, platform, shlex, select';"
    " oathtool --version; curl --version; sync"
)
#: Folders of machines that end with a process begin like this, with the pid of that process behind it.
_TEMPORARY = "softtoken-vm-"
#: Below those that connections get by themselves: QEMU takes the port that it is told a moment later.
_PORTS = (20000, 32768)
#: How exactly a guest's clock is read at once, or else by the best of so many looks: a machine may be busy.
_CLOSE_S, _MOST_LOOKS = 0.2, 10
#: What QEMU has in the place of a network that the machine is not plugged into.
_UNPLUGGED = "hubport,hubid=0"


class Lab(NamedTuple):
    """Where a machine is plugged in, and under which addresses."""

    network: Network
    addresses: tuple[str, ...]

    def script(self, name: str) -> str:
        """What the machine runs once it is there: it was copied, and so its addresses are everybody's."""
        mac = "02:" + ":".join(f"{byte:02x}" for byte in hashlib.sha256(name.encode()).digest()[:5])
        lines = [f"link set {LAB} address {mac} up", *(address_line(address, LAB) for address in self.addresses)]
        return "".join(f"ip {line} && " for line in lines) + (
            f"echo {name} > /etc/hostname && hostname {name} &&"
            f" printf %s {shlex.quote(self.network.names_for(name))} > /etc/hosts"
        )


class _Look(NamedTuple):
    """A look at the guest's clock: how far it is ahead, and by how much at most that is wrong."""

    ahead_s: float
    uncertainty_s: float


class VirtualMachine:
    """A Debian guest under software emulation."""

    gateway = GATEWAY

    def __init__(
        self,
        offset_s: float = 0.0,
        *,
        suite: Suite = "bookworm",
        name: str = "softtoken-vm",
        lab: Lab | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self._offset_s = offset_s
        self._suite: Suite = suite
        self._lab = lab
        self._given = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def inventory(self) -> Path:
        """An inventory for Ansible with this machine."""
        return self.folder / "inventory.ini"

    @cached_property
    def folder(self) -> Path:
        """Where the machine's files are: its disk, its access, what its console said."""
        if self._given is None:
            return Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{os.getpid()}-"))
        self._given.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._given

    def start(self) -> None:
        """Start the machine, from the state in which it was kept."""
        made = _booted(self._suite)
        try:
            self._resume(made)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the machine, and remove what it wrote."""
        if (self.folder / "ssh_config").exists():
            run([*self._ssh("-O", "exit"), "guest"], check=False)
        detached.stop(self.folder)
        if self._process is not None:
            self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def variables(self) -> dict[str, str]:
        """What Ansible's inventory says of this host."""
        options = f"-F {self.folder}/ssh_config"
        return {
            "ansible_connection": "ssh",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_args": options,
            "ansible_scp_extra_args": options,
            "ansible_sftp_extra_args": options,
        }

    def run(self, script: str, *, stdin: str | None = None, check: bool = True, timeout: float = PATIENCE_S) -> Result:
        """Run a shell script on the guest."""
        return run([*self._ssh(), "guest", script], stdin=stdin or "", check=check, timeout=timeout)

    def set_clock(self, offset_s: float) -> None:
        """Make the guest's clock ``offset_s`` ahead of this machine's (negative: behind)."""
        # Said as what is to be added: how long it takes to tell the guest does not matter then.
        self.run(f"date -u -s '{offset_s - self.clock_offset():+.3f} seconds'")

    def clock_offset(self) -> float:
        """Return how far the guest's clock is ahead of this machine's, to within half the shortest round trip."""
        looks = [self._look_at_clock()]
        while len(looks) < _MOST_LOOKS and looks[-1].uncertainty_s > _CLOSE_S:
            looks.append(self._look_at_clock())
        return min(looks, key=lambda look: look.uncertainty_s).ahead_s

    def _look_at_clock(self) -> _Look:
        before = time.time()
        guest = float(self.run("date +%s.%N").stdout)
        after = time.time()
        return _Look(guest - (before + after) / 2, (after - before) / 2)

    def _resume(self, made: Image) -> None:
        disk = self.folder / "disk.qcow2"
        _overlay(made.booted_disk, "qcow2", disk)
        port = _free_port()
        self._write_access(port, made.key)
        kept = ("-incoming", f"exec:cat {made.booted_memory}")
        self._process = _start(made, disk, self.folder, port, *kept, lab=self._lab)
        with _Monitor(self.folder, self._process) as monitor:
            monitor.wait_for_migration("completed")
            monitor("cont")
        # Connecting takes a second here, and the clock is set as exactly as a command is quick.
        wait_for(lambda: self.run("true", check=False).returncode == 0, "the virtual machine's SSH server")
        if self._lab is not None:
            self.run(self._lab.script(self.name))
        self.set_clock(self._offset_s)

    def _write_access(self, port: int, key: Path) -> None:
        _write_ssh_config(self.folder, port, key, name=self.name, persist=True)
        variables = " ".join(f"{name}='{value}'" for name, value in self.variables.items())
        self.inventory.write_text(f"{self.name} {variables}\n", encoding="utf-8")

    def _ssh(self, *options: str) -> list[str]:
        return ["ssh", "-F", f"{self.folder}/ssh_config", *options]


def remove_left_over() -> list[str]:
    """End the machines of processes that were killed, and remove their folders."""
    removed = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*")):
        owner = folder.name.removeprefix(_TEMPORARY).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            detached.stop(folder)
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed


def _booted(suite: Suite) -> Image:
    """Return the image with its booted state, made when missing."""
    made = image(suite)
    if not made.booted_memory.exists():
        with locked(f"vm-{made.folder.name}"):
            if not made.booted_memory.exists():
                _boot_once(made)
    return made


def _boot_once(made: Image) -> None:
    sys.stderr.write(f"booting virtual machine {made.folder.name} for the first time\n")
    made.booted_disk.unlink(missing_ok=True)
    _overlay(made.disk, "raw", made.booted_disk)
    with tempfile.TemporaryDirectory(prefix=f"{_TEMPORARY}{os.getpid()}-") as scratch:
        folder, port = Path(scratch), _free_port()
        process = _start(made, made.booted_disk, folder, port)
        try:
            _write_ssh_config(folder, port, made.key)
            ssh = ["ssh", "-F", f"{folder}/ssh_config", "guest"]
            wait_for(
                lambda: run([*ssh, "true"], check=False).returncode == 0,
                "the virtual machine to boot",
                timeout=900,
                every=1,
                hint=lambda: _console(folder),
            )
            run([*ssh, _WARM_UP], timeout=900)
            partial = made.booted_memory.with_suffix(".partial")
            with _Monitor(folder, process) as monitor:
                monitor("stop")
                monitor("migrate", uri=f"exec:cat > {partial}")
                monitor.wait_for_migration("completed")
                monitor("quit")
            process.wait(timeout=PATIENCE_S)
            partial.rename(made.booted_memory)
        finally:
            process.kill()
            process.wait()


def _start(
    made: Image, disk: Path, folder: Path, port: int, *more: str, lab: Lab | None = None
) -> subprocess.Popen[bytes]:
    taps = [] if lab is None else [lab.network.plug()]
    network = _UNPLUGGED if lab is None else f"tap,fd={taps[0]}"
    argv = [
        "qemu-system-x86_64",
        *MACHINE,
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{folder}/console"),
        *("-rtc", f"base={datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%S},clock=vm"),
        *("-kernel", str(made.kernel), "-initrd", str(made.initrd)),
        *("-append", "console=ttyS0 root=/dev/vda rw quiet"),
        *("-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe"),
        *("-nic", f"user,model=virtio,mac={MAC},hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-netdev", f"{network},id=lab", "-device", f"virtio-net-pci,netdev=lab,mac={LAB_MAC}"),
        *("-qmp", f"unix:{folder}/monitor,server=on,wait=off"),
        *more,
    ]
    try:
        return detached.start(folder, argv, keep=taps)
    finally:
        for tap in taps:
            os.close(tap)


def _write_ssh_config(folder: Path, port: int, key: Path, *, name: str = "", persist: bool = False) -> None:
    """Write how the guest is reached; a kept connection saves each command the slow handshake."""
    keep = f"ControlMaster auto\nControlPersist 600\nControlPath {folder}/ssh\n" if persist else ""
    (folder / "ssh_config").write_text(
        f"Host guest {name}\nHostName 127.0.0.1\nPort {port}\nUser root\nIdentityFile {key}\nIdentitiesOnly yes\n"
        f"StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\nConnectTimeout 60\n{keep}",
        encoding="utf-8",
    )


def _console(folder: Path) -> str:
    return "".join(
        (folder / name).read_text(encoding="utf-8", errors="replace")[-2000:]
        for name in ("console", "stderr")
        if (folder / name).exists()
    )


def _overlay(base: Path, kind: str, overlay: Path) -> None:
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(overlay)])


def _free_port() -> int:
    """Return a port that is free, and that the kernel gives to nobody who has not asked for this one."""
    numbers = random.SystemRandom()
    while True:
        port = numbers.randrange(*_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class _Monitor:
    """QEMU's control socket."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._folder = folder
        self._process = process

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX)
        wait_for(self._connected, "QEMU's monitor", every=0.05, hint=lambda: _console(self._folder))
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self._lines.readline()
        self("qmp_capabilities")
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def __call__(self, command: str, **arguments: Any) -> Any:
        self._lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._lines.flush()
        for line in self._lines:
            answer = json.loads(line)
            if "error" in answer:
                raise RigError(f"QEMU refused {command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]
        raise RigError(f"QEMU ended during {command}: {_console(self._folder)}")

    def wait_for_migration(self, wanted: str) -> None:
        """Wait until the memory has been written or read."""

        def done() -> bool:
            status = self("query-migrate").get("status")
            if status == "failed":
                raise RigError(f"QEMU could not keep or restore the machine's memory: {_console(self._folder)}")
            return bool(status == wanted)

        wait_for(done, "the machine's memory")

    def _connected(self) -> bool:
        if self._process.poll() is not None:
            raise RigError(f"QEMU ended with {self._process.returncode}: {_console(self._folder)}")
        try:
            self._socket.connect(f"{self._folder}/monitor")
        except OSError:
            return False
        return True
