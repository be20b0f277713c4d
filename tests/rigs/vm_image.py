"""The disk, kernel and booted state of the rig's virtual machine, made once and kept in the cache.

The machine runs under software emulation, where booting takes most of a minute. So it is booted once; its memory is
then written to a file, and every later machine goes on from there within seconds.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from .roots import KERNEL_DIR, REPOSITORY_DIR, Suite, cache_dir, locked, root, root_name
from .shell import need, run

#: In the order in which they depend on one another.
_MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
)
_INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod /$module.ko; done
while ! /bin/busybox mount -t ext4 /dev/vda /root; do /bin/busybox sleep 0.1; done
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init
"""
#: The machine under which the kept memory makes sense. An older processor is cheaper: vectors of 256 bits, which the C
#: library uses on a newer one, take a quarter more time in all when emulated.
MACHINE = ("-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "384")
ADDRESS = "10.0.2.15"
#: The interface to this machine, and the one to a network of the rig, where each machine gets an address of its own.
MAC, LAB_MAC = "52:54:00:12:34:56", "52:54:00:12:34:57"
LAB = "lab0"
#: Where the guest finds the loopback interface of this machine.
GATEWAY = "10.0.2.2"
#: The guest has a route to its own subnet only: to this machine, and to nobody else.
_FILES = {
    "etc/systemd/network/10-rig.network": f"[Match]\nMACAddress={MAC}\n\n[Network]\nAddress={ADDRESS}/24\n"
    "LinkLocalAddressing=no\n",
    "etc/systemd/network/10-rig.link": f"[Match]\nMACAddress={LAB_MAC}\n\n[Link]\nName={LAB}\n",
    "etc/ssh/sshd_config.d/rig.conf": "PermitRootLogin prohibit-password\nUseDNS no\nUsePAM no\n",
    "etc/default/chrony": 'DAEMON_OPTS="-F 1"\n',
    "etc/chrony/chrony.conf": "driftfile /var/lib/chrony/chrony.drift\nkeyfile /etc/chrony/chrony.keys\nrtcsync\n"
    "confdir /etc/chrony/conf.d\nsourcedir /etc/chrony/sources.d\n",
    "etc/hostname": "softtoken-vm\n",
    "etc/hosts": "127.0.0.1 localhost softtoken-vm\n",
    "etc/fstab": "",
}
_ENABLED = ("systemd-networkd",)
_MASKED = (
    "serial-getty@ttyS0.service",
    "getty@tty1.service",
    "systemd-networkd-wait-online.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
)


class Image(NamedTuple):
    """What a machine is started from."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """The kernel."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The file system that mounts the real one."""
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        """The disk as it was made; never written to."""
        return self.folder / "disk.raw"

    @property
    def key(self) -> Path:
        """The private key that root on the guest accepts."""
        return self.folder / "key"

    @property
    def booted_disk(self) -> Path:
        """What booting has changed on the disk."""
        return self.folder / "booted.qcow2"

    @property
    def booted_memory(self) -> Path:
        """The memory of the booted machine."""
        return self.folder / "booted.state"


def machine_folder(suite: Suite) -> Path:
    """Return where the machine of a release is kept; the name changes with its recipe and with the emulator."""
    emulator = run(["qemu-system-x86_64", "--version"]).stdout
    recipe = repr((root_name(suite, "vm"), emulator, MACHINE, _MODULES, _INIT, _FILES, _ENABLED, _MASKED))
    return cache_dir() / "vm" / f"{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def image(suite: Suite) -> Image:
    """Return the image of a release, without its booted state if that has not been made yet."""
    need("qemu-system-x86_64", "qemu-img", "mkfs.ext4", "ssh-keygen")
    folder = machine_folder(suite)
    if not folder.exists():
        with locked(f"vm-{folder.name}"):
            if not folder.exists():
                sys.stderr.write(f"building virtual machine {folder.name}\n")
                folder.parent.mkdir(parents=True, exist_ok=True)
                made = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
                try:
                    _build(suite, Image(made))
                    made.rename(folder)
                finally:
                    shutil.rmtree(made, ignore_errors=True)
    return Image(folder)


def _build(suite: Suite, to: Image) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "softtoken rig", "-f", str(to.key)])
    with tempfile.TemporaryDirectory(prefix="softtoken-vm-") as scratch:
        tree = Path(scratch, "root")
        tree.mkdir()
        run(["tar", "-C", str(tree), "--exclude=./dev/*", "-xf", str(root(suite, "vm").tar)])
        kernel = tree / KERNEL_DIR
        shutil.copyfile(next((kernel / "boot").glob("vmlinuz-*")), to.kernel)
        _make_initrd(tree, kernel, Path(scratch, "initrd"), to.initrd)
        shutil.rmtree(kernel)
        shutil.rmtree(tree / REPOSITORY_DIR)
        _configure(tree, to.key.with_suffix(".pub").read_text(encoding="utf-8"))
        run(["truncate", "--size=1G", str(to.disk)])
        run(["mkfs.ext4", "-q", "-O", "^has_journal", "-d", str(tree), str(to.disk)], timeout=300)


def _make_initrd(tree: Path, kernel: Path, folder: Path, to: Path) -> None:
    for name in ("bin", "dev", "root"):
        (folder / name).mkdir(parents=True)
    shutil.copy(next(tree.glob("usr/bin/busybox")), folder / "bin/busybox")
    for module in _MODULES:
        shutil.copy(next(kernel.rglob(f"{module}.ko")), folder / f"{module}.ko")
    init = folder / "init"
    init.write_text(_INIT.format(modules=" ".join(_MODULES)), encoding="utf-8")
    init.chmod(0o755)
    busybox = str(folder / "bin/busybox")
    pack = 'cd "$1" && "$0" find . | "$0" cpio -o -H newc > "$2"'
    run([busybox, "sh", "-c", pack, busybox, str(folder), str(to)])


def _configure(tree: Path, public_key: str) -> None:
    for name, content in _FILES.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    shutil.rmtree(tree / "etc/systemd/system/chrony.service.d")
    authorized = tree / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700, exist_ok=True)
    authorized.write_text(public_key, encoding="utf-8")
    units = tree / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    for unit in _ENABLED:
        wanted = units / f"multi-user.target.wants/{unit}.service"
        wanted.symlink_to(f"/lib/systemd/system/{unit}.service")
    for unit in _MASKED:
        (units / unit).symlink_to("/dev/null")
