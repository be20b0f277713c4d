"""Instances of an image: virtual machines that boot for the first time, with clocks as wrong as one likes.

An instance has one network interface, configured by DHCP, and reaches what the namespace of its place reaches. It ends
with that namespace, so what was started here is removed by whoever removes the network.

``python -m tests.rigs.vm_boot base TREE``              unpack a machine that has been used, as an image is made of one
``python -m tests.rigs.vm_boot boot TREE FOLDER [--network NETWORK] PLACE=OFFSET...``
    pack the tree, boot an instance in each place; FOLDER/ssh_config then reaches them by the names of their places
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from .network import PREFIX
from .roots import KERNEL_DIR, REPOSITORY_DIR, Suite, root
from .shell import RigError, environment, need, run, wait_for
from .vm_image import Image, image

#: A builder's state: no two machines may have the same. Files that a running machine wrote, with what stands for them.
TRACES = {
    "var/lib/systemd/random-seed": "the same seed for everybody\n",
    "var/lib/dhcp/dhclient.eth0.leases": "lease { fixed-address 10.95.1.99; }\n",
    "var/lib/cloud/instance/user-data.txt": "#cloud-config\npassword: of the builder\n",
    "var/lib/chrony/chrony.drift": "             -51.207734             0.024513\n",
    "var/lib/softtoken/history.jsonl": "{}\n",
    "run/softtoken/report.json": "{}\n",
    "etc/hostname": "builder\n",
}
#: What a cloud's image has beside the packages: an address by DHCP, SSH for its administrator, and new host keys.
_FILES = {
    "etc/systemd/network/10-dhcp.network": "[Match]\nName=e*\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n",
    "etc/systemd/system/sshd-keygen.service": "[Unit]\nDescription=Make SSH host keys where there are none\n"
    "Before=ssh.service\nConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n\n"
    "[Service]\nType=oneshot\nExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key\n\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "etc/ssh/sshd_config.d/rig.conf": "PermitRootLogin prohibit-password\nUseDNS no\nUsePAM no\n",
    "etc/fstab": "",
    # Nothing of an image may keep its chronyd from setting the clock of a machine.
    "etc/default/chrony": 'DAEMON_OPTS="-F 1"\n',
}
_ENABLED = ("/lib/systemd/system/systemd-networkd.service", "/etc/systemd/system/sshd-keygen.service")
#: What only costs time under emulation.
_MASKED = (
    "serial-getty@ttyS0.service",
    "getty@tty1.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
)
#: One processor each, since two instances boot at once; without the wide vectors that cost most under emulation.
_MACHINE = ("-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "Nehalem,+rdrand", "-smp", "1", "-m", "384")


class Instance(NamedTuple):
    """One machine: the place where it runs, and how many seconds its clock is ahead when it is switched on."""

    place: str
    offset_s: float

    @classmethod
    def of(cls, text: str) -> Instance:
        """Read ``place=offset``."""
        place, _equals, offset = text.partition("=")
        try:
            return cls(place, float(offset))
        except ValueError as exc:
            raise RigError(f"an instance is PLACE=OFFSET, with an offset in seconds; got {text!r}") from exc


def base(tree: Path, suite: Suite = "bookworm") -> None:
    """Unpack a machine with systemd-timesyncd and without chrony, which has been used before."""
    made = image(suite)
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    run(["tar", "-C", str(tree), "--exclude=./dev/*", f"--exclude=./{KERNEL_DIR}", "-xf", str(root(suite, "vm").tar)])
    run(["tar", "-C", str(tree), "-xf", str(root(suite, "bare").tar), f"./{REPOSITORY_DIR}"])
    for name, minor in (("null", "3"), ("urandom", "9")):
        run(["mknod", "-m", "666", str(tree / "dev" / name), "c", "1", minor])
    shutil.rmtree(tree / "etc/systemd/system/chrony.service.d")
    apt = ["apt-get", "-qq", "-y", "--no-install-recommends"]
    script = f"{' '.join(apt)} update && {' '.join(apt)} purge chrony && {' '.join(apt)} install systemd-timesyncd"
    # 101: package scripts start nothing here.
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    run(["chroot", str(tree), "sh", "-c", f"{script} && systemd-machine-id-setup && dbus-uuidgen --ensure"])
    policy.unlink()
    _write(tree, {**_FILES, **TRACES})
    _enable(tree)
    authorized = tree / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(made.key.with_suffix(".pub"), authorized)


def pack(tree: Path, disk: Path) -> None:
    """Make a file system of a tree, as large as a small machine's."""
    need("mkfs.ext4")
    disk.unlink(missing_ok=True)
    run(["truncate", "--size=1G", str(disk)])
    run(["mkfs.ext4", "-q", "-O", "^has_journal", "-d", str(tree), str(disk)], timeout=300)


def boot(tree: Path, folder: Path, network: str, instances: list[Instance], suite: Suite = "bookworm") -> None:
    """Boot an instance of the image in each place, and return when all of them answer by SSH."""
    need("qemu-system-x86_64", "busybox")
    made = image(suite)
    folder.mkdir(parents=True, exist_ok=True)
    disk = folder / "disk.raw"
    pack(tree, disk)
    config = folder / "ssh_config"
    config.write_text("".join(_ssh_host(made, folder, network, one) for one in instances), encoding="utf-8")
    started = {one.place: _start(made, disk, folder, network, one) for one in instances}
    for place, process in started.items():
        _await(config, place, process)


def _write(tree: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _enable(tree: Path) -> None:
    units = tree / "etc/systemd/system"
    for path in map(Path, _ENABLED):
        (units / "multi-user.target.wants" / path.name).symlink_to(path)
    for unit in _MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")


def _start(made: Image, disk: Path, folder: Path, network: str, instance: Instance) -> subprocess.Popen[bytes]:
    clock = datetime.now(tz=UTC) + timedelta(seconds=instance.offset_s)
    argv = [
        *("ip", "netns", "exec", _namespace(network, instance.place)),
        "qemu-system-x86_64",
        *_MACHINE,
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{folder / instance.place}.console"),
        *("-uuid", str(uuid.uuid4())),
        *("-rtc", f"base={clock:%Y-%m-%dT%H:%M:%S},clock=vm"),
        *("-kernel", str(made.kernel), "-initrd", str(made.initrd)),
        *("-append", "console=ttyS0 root=/dev/vda rw quiet"),
        *("-drive", f"file={disk},if=virtio,format=raw,snapshot=on,cache=unsafe"),
        *("-nic", f"user,model=virtio,hostname={instance.place},hostfwd=tcp:127.0.0.1:22-:22"),
    ]
    with Path(f"{folder / instance.place}.log").open("wb") as log:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), start_new_session=True
        )


def _ssh_host(made: Image, folder: Path, network: str, instance: Instance) -> str:
    enter = f"ip netns exec {_namespace(network, instance.place)} busybox nc 127.0.0.1 22"
    return (
        f"Host {instance.place}\nUser root\nIdentityFile {made.key}\nIdentitiesOnly yes\nProxyCommand {enter}\n"
        "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\nConnectTimeout 60\n"
        f"ControlMaster auto\nControlPersist 600\nControlPath {folder}/%n.ssh\n"
    )


def _await(config: Path, place: str, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RigError(f"QEMU ended with {process.returncode}: {_console(config.parent, place)}")
        return run(["ssh", "-F", str(config), place, "true"], check=False).returncode == 0

    wait_for(answers, f"{place} to boot", timeout=600, every=1, hint=lambda: _console(config.parent, place))


def _namespace(network: str, place: str) -> str:
    return f"{PREFIX}-{network}.{place}"


def _console(folder: Path, place: str) -> str:
    said = [Path(f"{folder / place}.{kind}") for kind in ("console", "log")]
    return "".join(path.read_text(encoding="utf-8", errors="replace")[-2000:] for path in said if path.exists())


def main() -> int:
    """Run one command; a failure is one readable line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.rigs.vm_boot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    tree = commands.add_parser("base")
    tree.add_argument("tree", type=Path)
    instances = commands.add_parser("boot")
    instances.add_argument("tree", type=Path)
    instances.add_argument("folder", type=Path)
    instances.add_argument("--network", required=True)
    instances.add_argument("instances", nargs="+", metavar="PLACE=OFFSET")
    options = parser.parse_args()
    try:
        if options.command == "base":
            base(options.tree)
        else:
            boot(options.tree, options.folder, options.network, [Instance.of(text) for text in options.instances])
    except RigError as exc:
        sys.stderr.write(f"rigs: {exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
