"""A virtual machine with its own clock: the only place where a test may move one.

``with VirtualMachine(offset_s=300) as vm:`` yields a Debian host whose clock is 300 s fast, with chronyd installed and
stopped, reached by SSH as root. Servers on this machine's loopback interface are at ``vm.gateway`` for the guest.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from .roots import Suite, locked
from .shell import Result, RigError, environment, run, wait_for
from .vm_image import GATEWAY, MACHINE, Image, image

#: Run once before the memory is kept, so that later machines find the programs in their page cache.
_WARM_UP = (
    "systemctl stop chrony; systemctl is-system-running --wait; chronyd --version; chronyc --version;"
    " python3 -c 'import json, subprocess, psutil, ntplib, zipfile, tempfile, uuid, platform, shlex, select'; sync"
)


class VirtualMachine:
    """A Debian guest under software emulation."""

    gateway = GATEWAY
    name = "softtoken-vm"

    def __init__(self, offset_s: float = 0.0, *, suite: Suite = "bookworm") -> None:
        self._offset_s = offset_s
        self._suite: Suite = suite
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._image = _booted(self._suite)
        self._folder = Path(tempfile.mkdtemp(prefix="softtoken-vm-"))
        self.inventory = self._folder / "inventory.ini"
        try:
            self._resume()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            run([*self._ssh("-O", "exit"), "guest"], check=False)
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def variables(self) -> dict[str, str]:
        """What Ansible's inventory says of this host."""
        options = f"-F {self._folder}/ssh_config"
        return {
            "ansible_connection": "ssh",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_args": options,
            "ansible_scp_extra_args": options,
            "ansible_sftp_extra_args": options,
        }

    def run(self, script: str, *, stdin: str | None = None, check: bool = True, timeout: float = 120) -> Result:
        """Run a shell script on the guest."""
        return run([*self._ssh(), "guest", script], stdin=stdin or "", check=check, timeout=timeout)

    def set_clock(self, offset_s: float) -> None:
        """Make the guest's clock ``offset_s`` ahead of this machine's (negative: behind)."""
        self.run(f"date -u -s @{time.time() + offset_s:.3f}")

    def clock_offset(self) -> float:
        """Return how far the guest's clock is ahead of this machine's, to within half a round trip."""
        before = time.time()
        guest = float(self.run("date +%s.%N").stdout)
        return guest - (before + time.time()) / 2

    def _resume(self) -> None:
        disk = self._folder / "disk.qcow2"
        _overlay(self._image.booted_disk, "qcow2", disk)
        port = _free_port()
        self._write_access(port)
        self._process = _start(
            self._image, disk, self._folder, port, "-incoming", f"exec:cat {self._image.booted_memory}"
        )
        with _Monitor(self._folder, self._process) as monitor:
            monitor.wait_for_migration("completed")
            monitor("cont")
        # Connecting takes a second here, and the clock is set as exactly as a command is quick.
        wait_for(lambda: self.run("true", check=False).returncode == 0, "the virtual machine's SSH server")
        self.set_clock(self._offset_s)

    def _write_access(self, port: int) -> None:
        _write_ssh_config(self._folder, port, self._image.key, name=self.name, persist=True)
        variables = " ".join(f"{name}='{value}'" for name, value in self.variables.items())
        self.inventory.write_text(f"{self.name} {variables}\n", encoding="utf-8")

    def _ssh(self, *options: str) -> list[str]:
        return ["ssh", "-F", f"{self._folder}/ssh_config", *options]


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
    with tempfile.TemporaryDirectory(prefix="softtoken-vm-") as scratch:
        folder, port = Path(scratch), _free_port()
        process = _start(made, made.booted_disk, folder, port)
        try:
            _write_ssh_config(folder, port, made.key)
            ssh = ["ssh", "-F", f"{folder}/ssh_config", "guest"]
            wait_for(
                lambda: run([*ssh, "true"], check=False).returncode == 0,
                "the virtual machine to boot",
                timeout=300,
                every=1,
                hint=lambda: _console(folder),
            )
            run([*ssh, _WARM_UP], timeout=300)
            partial = made.booted_memory.with_suffix(".partial")
            with _Monitor(folder, process) as monitor:
                monitor("stop")
                monitor("migrate", uri=f"exec:cat > {partial}")
                monitor.wait_for_migration("completed")
                monitor("quit")
            process.wait(timeout=60)
            partial.rename(made.booted_memory)
        finally:
            process.kill()
            process.wait()


def _start(made: Image, disk: Path, folder: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    argv = [
        "qemu-system-x86_64",
        *MACHINE,
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{folder}/console"),
        *("-rtc", f"base={datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%S},clock=vm"),
        *("-kernel", str(made.kernel), "-initrd", str(made.initrd)),
        *("-append", "console=ttyS0 root=/dev/vda rw quiet"),
        *("-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe"),
        *("-nic", f"user,model=virtio,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-qmp", f"unix:{folder}/monitor,server=on,wait=off"),
        *more,
    ]
    with (folder / "qemu.log").open("wb") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())


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
        for name in ("console", "qemu.log")
        if (folder / name).exists()
    )


def _overlay(base: Path, kind: str, overlay: Path) -> None:
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(overlay)])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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

        wait_for(done, "the machine's memory", timeout=120, every=0.1)

    def _connected(self) -> bool:
        if self._process.poll() is not None:
            raise RigError(f"QEMU ended with {self._process.returncode}: {_console(self._folder)}")
        try:
            self._socket.connect(f"{self._folder}/monitor")
        except OSError:
            return False
        return True
