"""A layout double of Amazon Linux 2023: Debian's programs with EL's package manager, paths, unit and user.

See README.md beside this file for what that proves and what it does not.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
from pathlib import Path

__all__ = ["OPTIONS", "PACKAGES", "hooks", "recipe"]

_FOLDER = Path(__file__).parent
_IN_ROOT = "srv/el-layout"
#: What the root has from Debian: the system, dnf, what makes RPMs, and the libraries that chrony is linked with.
PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "python3", "iproute2", "procps"),
    *("dnf", "rpm", "createrepo-c"),
    *("libcap2", "libedit2", "libgnutls30", "libnettle8", "libseccomp2"),
)
#: mmdebstrap's last steps clean up after an apt that is not there any more.
OPTIONS = ("--skip=cleanup/apt",)


def hooks() -> list[str]:
    """Return the shell commands that mmdebstrap runs on the finished root ("$1")."""
    return [
        f'mkdir -p "$1"/{_IN_ROOT} && cp {shlex.quote(str(_FOLDER))}/[!_]* "$1"/{_IN_ROOT}/',
        f'chroot "$1" sh /{_IN_ROOT}/build.sh',
        'echo "# No name server here." > "$1"/etc/resolv.conf',
        # mmdebstrap wants to remove its own configuration of apt, and gives up where there is none.
        'mkdir -p "$1"/etc/apt/apt.conf.d && touch "$1"/etc/apt/apt.conf.d/00mmdebstrap',
    ]


def recipe() -> str:
    """Return everything that the root is made of, for the hash in its name."""
    files = sorted(path for path in _FOLDER.iterdir() if path.is_file() and not path.name.startswith("_"))
    return repr((PACKAGES, [(path.name, path.read_text(encoding="utf-8")) for path in files]))
