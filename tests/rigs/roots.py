"""Cached root file systems of Debian releases, made by mmdebstrap.

Variants:

``bare``
    systemd, Python, no chrony. Debian packages that a role may install lie in a local repository inside the root, and
    that repository is the only one apt knows there: ``apt-get install chrony`` works for real, without a network.
``chrony``
    the same plus chrony, python3-psutil and python3-ntplib.
``vm``
    ``chrony`` plus what a virtual machine needs (openssh-server and the kernel package), and what a soft token on it
    signs in with (oathtool and curl).

A root is built once a recipe and release, under a lock, into ``$SOFTTOKEN_CACHE`` (default
``~/.cache/softtoken-compliance``).
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from . import el_layout
from .shell import need, need_root, run

if TYPE_CHECKING:
    from collections.abc import Iterator

Suite = Literal["bullseye", "bookworm", "trixie"]
Variant = Literal["bare", "chrony", "vm", "el-layout"]
SUITES: tuple[Suite, ...] = ("bullseye", "bookworm", "trixie")
VARIANTS: tuple[Variant, ...] = ("bare", "chrony", "vm", "el-layout")

#: What the root holds on top of Debian's required packages.
BASE = ("systemd", "systemd-sysv", "udev", "dbus", "python3", "python3-apt", "iproute2", "procps")
CHRONY = ("chrony", "python3-psutil", "python3-ntplib")
VM = ("openssh-server", "busybox-static", "oathtool", "curl")
KERNEL = "linux-image-cloud-amd64"
#: Where a ``vm`` root holds its kernel and modules: unpacked, not installed, since the rig makes its own initramfs.
KERNEL_DIR = "srv/kernel"
#: An installed Debian 11 has a merged /usr; a minimal one must be told.
ONLY_IN: dict[str, tuple[str, ...]] = {"bullseye": ("usrmerge",)}
#: Installable from the local repository: chrony and its helpers, and the rivals that tests put beside it.
REPOSITORY = (*CHRONY, "systemd-timesyncd", "ntpsec", "openntpd")
#: Where the local repository lies inside a root.
REPOSITORY_DIR = "srv/packages"
#: The container's chronyd must never touch the machine's clock: Debian's unit passes these options on.
DAEMON_OPTIONS = 'DAEMON_OPTS="-x"\n'
#: Debian 13's unit refuses containers and wants CAP_SYS_TIME; ``-x`` needs neither.
UNIT_DROPIN = "[Unit]\nConditionVirtualization=\nConditionCapability=\n"

_KERNEL_HOOKS = (
    f'chroot "$1" apt-get -qq -y --no-install-recommends --download-only install {KERNEL}',
    f'for d in "$1"/var/cache/apt/archives/linux-image-*.deb; do dpkg-deb -x "$d" "$1"/{KERNEL_DIR}; done',
)
_SLIM = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")


class Root(NamedTuple):
    """A finished root: its tar and its name, which carries the recipe's hash."""

    suite: Suite
    variant: Variant
    name: str
    tar: Path
    directory: Path


def cache_dir() -> Path:
    """Where everything that is expensive to make is kept."""
    configured = os.environ.get("SOFTTOKEN_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "softtoken-compliance"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock ``name``: two processes never build the same thing at once."""
    folder = cache_dir() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def root_name(suite: Suite, variant: Variant) -> str:
    """Return the name of a root, which changes with its recipe."""
    return f"{suite}-{variant}-{_recipe_hash(suite, variant)}"


def root(suite: Suite, variant: Variant = "chrony") -> Root:
    """Return the root of a release, built when the cache has none of this recipe."""
    name = root_name(suite, variant)
    tar = cache_dir() / "roots" / f"{name}.tar"
    if not tar.exists():
        with locked(f"root-{name}"):
            if not tar.exists():
                _build(suite, variant, tar)
    return Root(suite, variant, name, tar, tar.with_suffix(".d"))


def unpacked(suite: Suite, variant: Variant = "chrony") -> Path:
    """Return a directory that holds the root's files, for running its programs or reading its packages."""
    made = root(suite, variant)
    if not made.directory.exists():
        with locked(f"root-{made.name}"):
            if not made.directory.exists():
                partial = made.directory.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
                run(["tar", "-C", str(partial), "--exclude=./dev/*", "-xf", str(made.tar)])
                partial.rename(made.directory)
    return made.directory


def _packages(suite: Suite, variant: Variant) -> tuple[str, ...]:
    if variant == "el-layout":
        return el_layout.PACKAGES
    added = {"bare": (), "chrony": CHRONY, "vm": CHRONY + VM}[variant]
    return (*BASE, *ONLY_IN.get(suite, ()), *added)


def _recipe_hash(suite: Suite, variant: Variant) -> str:
    recipe = el_layout.recipe() if variant == "el-layout" else repr((_packages(suite, variant), _hooks(variant), _SLIM))
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _hooks(variant: Variant) -> list[str]:
    """Shell run by mmdebstrap on the finished root ("$1")."""
    if variant == "el-layout":
        return el_layout.hooks()
    names = " ".join(REPOSITORY)
    repository = f'"$1"/{REPOSITORY_DIR}'
    sources = f"deb [trusted=yes] file:/{REPOSITORY_DIR} ./"
    return [
        *(_KERNEL_HOOKS if variant == "vm" else ()),
        f'mkdir -p {repository} && chroot "$1" apt-get clean',
        # Each on its own: the time daemons conflict with one another.
        f'for p in {names}; do chroot "$1" apt-get -qq -y --no-install-recommends --download-only install $p; done',
        f'cp "$1"/var/cache/apt/archives/*.deb {repository}/',
        f"cd {repository} && apt-ftparchive packages . > Packages",
        f'rm -rf "$1"/etc/apt/sources.list.d/* && echo "{sources}" > "$1"/etc/apt/sources.list',
        'echo "# No name server here." > "$1"/etc/resolv.conf',
        f"printf '%s' '{DAEMON_OPTIONS}' > \"$1\"/etc/default/chrony",
        'mkdir -p "$1"/etc/systemd/system/chrony.service.d',
        f"printf '%s' '{UNIT_DROPIN}' > \"$1\"/etc/systemd/system/chrony.service.d/container.conf",
    ]


def _build(suite: Suite, variant: Variant, tar: Path) -> None:
    need_root("building a root file system")
    need("mmdebstrap", "apt-ftparchive")
    tar.parent.mkdir(parents=True, exist_ok=True)
    partial = tar.with_suffix(".partial.tar")
    sys.stderr.write(f"building root {tar.name}\n")
    run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            '--aptopt=Acquire::Retries "3"',
            f"--include={','.join(_packages(suite, variant))}",
            *(f"--dpkgopt=path-exclude={glob}" for glob in _SLIM),
            *(f"--customize-hook={hook}" for hook in _hooks(variant)),
            *(el_layout.OPTIONS if variant == "el-layout" else ()),
            suite,
            str(partial),
        ],
        timeout=900,
    )
    partial.rename(tar)
