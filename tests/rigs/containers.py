"""Containers on a network of the rig: Debian hosts with a running systemd, and servers.

A container shares the machine's clock and gets no CAP_SYS_TIME, so nothing in it can move that clock. Its chronyd runs
with ``-x``, which the image puts where Debian's unit reads it (``/etc/default/chrony``): outside of everything the
collection manages.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from .roots import Suite, Variant, locked, root
from .shell import PATIENCE_S, Result, need, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .network import Host

#: What makes podman work the same everywhere; callers that run podman themselves (Ansible's connection) need it too.
ENVIRONMENT = {"CONTAINERS_CONF": str(Path(__file__).with_name("containers.conf"))}
IMAGES = "localhost/softtoken"


def podman(*arguments: str, check: bool = True, stdin: str | None = None, timeout: float = PATIENCE_S) -> Result:
    """Run podman with the settings of the rigs."""
    need("podman", "runc")
    return run(["podman", *arguments], check=check, stdin=stdin, timeout=timeout, env=ENVIRONMENT)


def image(suite: Suite, variant: Variant) -> str:
    """Return the image of a root, imported when podman does not have it."""
    made = root(suite, variant)
    name = f"{IMAGES}:{made.name}"
    with locked(f"image-{made.name}"):
        if podman("image", "exists", name, check=False).returncode:
            podman("import", "--quiet", str(made.tar), name)
    return name


class Container:
    """A container named like its network namespace. It outlives the process that started it, until ``remove()``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.remove()

    def exec(
        self,
        *command: str,
        check: bool = True,
        stdin: str | None = None,
        user: str = "root",
        timeout: float = PATIENCE_S,
    ) -> Result:
        """Run a command in the container."""
        interactive = ["--interactive"] if stdin is not None else []
        return podman(
            "exec", *interactive, "--user", user, self.name, *command, check=check, stdin=stdin, timeout=timeout
        )

    def write(self, path: str, content: str, *, mode: str = "0644") -> None:
        """Put a file into the container."""
        self.exec("install", "-D", "-m", mode, "/dev/stdin", path, stdin=content)

    def read(self, path: str) -> str:
        """Return a file of the container."""
        return self.exec("cat", path).stdout

    def stop(self) -> None:
        """End the container's processes, at once."""
        podman("stop", "--time", "0", self.name)

    def start(self) -> None:
        """Start the container again."""
        podman("start", self.name)

    def remove(self) -> None:
        """Delete the container."""
        podman("rm", "--force", "--time", "0", "--ignore", self.name)


def boot(host: Host, suite: Suite, variant: Variant = "chrony") -> Container:
    """Start a Debian host with systemd on ``host``'s network and wait until it has booted."""
    limit = Path(__file__).with_name("no_start_limit.conf")
    mount = ["--volume", f"{limit}:/etc/systemd/system.conf.d/no_start_limit.conf:ro"]
    container = _run(host, suite, variant, ["--systemd=always", *mount], ["/sbin/init"])
    booted = ("running", "degraded")
    wait_for(
        lambda: container.exec("systemctl", "is-system-running", check=False).stdout.strip() in booted,
        f"systemd in {container.name}",
        hint=lambda: podman("logs", container.name, check=False).stdout[-2000:],
    )
    return container


def serve_time(host: Host, suite: Suite = "bookworm", *, stratum: int = 2, extra: Sequence[str] = ()) -> Container:
    """Start an NTP server of true time on ``host``'s network."""
    lines = [
        f"local stratum {stratum}",
        "allow all",
        "cmdport 0",
        "bindcmdaddress /",
        "pidfile /run/chronyd.pid",
        *extra,
    ]
    return _run(host, suite, "chrony", [], ["chronyd", "-x", "-d", "-u", "root", *lines])


def serve_lies(host: Host, suite: Suite = "bookworm", *options: str) -> Container:
    """Start a false server on ``host``'s network; the options are those of ``false_server.py``."""
    program = Path(__file__).with_name("false_server.py")
    mount = ["--volume", f"{program}:/false_server.py:ro"]
    return _run(host, suite, "chrony", mount, ["python3", "/false_server.py", *options])


def _run(host: Host, suite: Suite, variant: Variant, options: Sequence[str], command: Sequence[str]) -> Container:
    container = Container(host.namespace)
    container.remove()
    podman(
        "run",
        "--detach",
        "--name",
        container.name,
        "--hostname",
        host.name,
        f"--network=ns:{host.path}",
        "--no-hosts",
        "--dns=none",
        "--volume",
        f"{host.names_file}:/etc/hosts",
        *options,
        image(suite, variant),
        *command,
    )
    return container
