"""Hosts for a controller that connects by SSH: one sshd on loopback under many names, whose commands can be held back.

What a controller pays is measured apart from what hosts pay, since these run below sshd. ``SOFTTOKEN_BENCH_SSHD`` names
the sshd: the package openssh-server would start a service on the machine. Its address leads nowhere but here.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml

from tests.rigs.shell import run, wait_for

from .timing import BenchError

if TYPE_CHECKING:
    from types import TracebackType

    from .fleet_facts import Agent

_SSHD = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
MaxStartups 1000
MaxSessions 1000
SetEnv PATH={path}
ForceCommand {folder}/command
"""
_CLIENT = """
Host *
  HostName 127.0.0.1
  Port {port}
  User root
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
"""
# Every command of a controller comes through here: counted, kept waiting, and then run as sshd would have.
_COMMAND = """#!/bin/sh
echo x >>{folder}/commands
while [ -e {folder}/hold ]; do sleep 0.2; done
[ ! -e {folder}/seconds ] || sleep "$(cat {folder}/seconds)"
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""
# The accounts that sshd asks for, seen by it alone.
_ACCOUNTS = (
    'mkdir -p /run/sshd && chmod 755 /run/sshd && mount --bind "$1/passwd" /etc/passwd'
    ' && mount --bind "$1/shadow" /etc/shadow && shift && exec "$@"'
)


def sshd() -> str:
    """Return the path of the sshd that is to be used."""
    path = os.environ.get("SOFTTOKEN_BENCH_SSHD", "")
    if not path:
        raise BenchError("SOFTTOKEN_BENCH_SSHD names no sshd; unpack openssh-server anywhere (dpkg -x) and name it")
    return path


class SshHosts:
    """An sshd that is every host, with the agent's report in its ``/run``."""

    def __init__(self, folder: Path, agent: Agent, path: str) -> None:
        self._folder = folder / "ssh"
        self._folder.mkdir()
        self._agent = agent
        self._path = path
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        folder = self._folder
        for name in ("host_key", "user_key"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)])
        self._write("sshd_config", _SSHD.format(folder=folder, port=self.port, path=self._path))
        self._write("command", _COMMAND.format(folder=folder)).chmod(0o755)
        self._write("passwd", "root:x:0:0:root:/root:/bin/sh\nsshd:x:65533:65533::/run/sshd:/usr/sbin/nologin\n")
        self._write("shadow", "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n").chmod(0o600)
        argv = [sshd(), "-D", "-e", "-f", str(folder / "sshd_config")]
        held = self._agent.beside(["/bin/sh", "-c", _ACCOUNTS, "sh", str(folder), *argv])
        log = folder / "sshd.log"
        with log.open("wb") as said:
            self._process = subprocess.Popen(held, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        wait_for(lambda: b"Server listening" in log.read_bytes(), "sshd to listen", hint=log.read_text)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def inventory(self, hosts: int, port: int | None = None) -> Path:
        """Write an inventory of so many names, reached through another ``port`` where one is given."""
        client = self.client_config(port)
        variables = {
            "ansible_python_interpreter": sys.executable,
            "ansible_ssh_common_args": f"-F {client}",
            "ansible_control_path_dir": str(self._folder / "cp"),
        }
        names: dict[str, None] = {f"host{number:05d}": None for number in range(hosts)}
        document = {"all": {"hosts": names, "vars": variables}}
        return self._write(f"hosts-{hosts}-{port or self.port}.yml", yaml.safe_dump(document))

    def client_config(self, port: int | None = None) -> Path:
        """Write what ssh has to know of these hosts."""
        given = port or self.port
        return self._write(f"client-{given}", _CLIENT.format(folder=self._folder, port=given))

    def hold(self, held: bool) -> None:
        """Keep every command waiting, or let all go on."""
        if held:
            self._write("hold", "")
        else:
            (self._folder / "hold").unlink(missing_ok=True)

    def take(self, seconds: float) -> None:
        """Let each command take so much longer; 0 no longer."""
        if seconds:
            self._write("seconds", f"{seconds}\n")
        else:
            (self._folder / "seconds").unlink(missing_ok=True)

    def commands(self) -> int:
        """Return how many commands came since the last time that this was asked."""
        log = self._folder / "commands"
        count = log.read_text(encoding="utf-8").count("x") if log.exists() else 0
        log.unlink(missing_ok=True)
        return count

    def waiting(self) -> int:
        """Return how many commands came, without forgetting them."""
        log = self._folder / "commands"
        return log.read_text(encoding="utf-8").count("x") if log.exists() else 0

    def forget(self) -> None:
        """Drop the sockets of connections that are gone."""
        shutil.rmtree(self._folder / "cp", ignore_errors=True)

    def _write(self, name: str, content: str) -> Path:
        path = self._folder / name
        path.write_text(content, encoding="utf-8")
        return path


class Distance:
    """A relay on loopback that makes each direction ``delay_s`` longer, and counts the round trips over it.

    A round trip begins where the client says something after the host has: what waits for nothing is not counted.
    """

    def __init__(self, port: int, delay_s: float) -> None:
        self._target = port
        self._delay_s = delay_s
        self.port = 0
        self.carried = 0  # bytes, both ways
        self.trips = 0
        self._host_spoke = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._serve(), self._loop)
        self.port = started.result(timeout=10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    async def _serve(self) -> int:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    @staticmethod
    async def _end() -> None:
        mine = asyncio.current_task()
        going = [task for task in asyncio.all_tasks() if task is not mine]
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self._delay_s)
        self.trips += 1  # TCP's own handshake
        self._host_spoke = True
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(reader, far_writer, from_host=False), self._carry(far_reader, writer, from_host=True)
            )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_host: bool) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            self.carried += len(data)
            self.trips += self._host_spoke and not from_host
            self._host_spoke = from_host
            loop.call_later(self._delay_s, writer.write, data)
        loop.call_later(self._delay_s, writer.close)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
