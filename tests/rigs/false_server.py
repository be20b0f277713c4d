"""An NTP responder that lies, stalls or talks nonsense, as told.

Also a program, for rigs without this process: ``python false_server.py --offset-s 300``.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import argparse
import ctypes
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_NTP_EPOCH = 2_208_988_800
_PACKET = struct.Struct("!BBbbII4sQQQQ")
_CLONE_NEWNET = 0x40000000
_CLIENT, _SERVER = 3, 4

Manner = Literal["answer", "silent", "garbage", "short", "wrong_origin"]


@dataclass
class Behaviour:
    """What the server answers. Everything may be changed while it runs."""

    offset_s: float = 0.0
    manner: Manner = "answer"
    kiss: str = ""
    stratum: int = 2
    leap: int = 0
    refid: str = "LIE"
    root_delay_s: float = 0.0
    root_dispersion_s: float = 0.0
    delay_s: float = 0.0


class FalseServer:
    """Answers on UDP in a thread of its own, in the network namespace of ``namespace`` if one is given."""

    def __init__(
        self, behaviour: Behaviour | None = None, *, namespace: Path | None = None, address: str = "", port: int = 123
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.requests = 0
        self._socket = _socket_in(namespace, address, port)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The thread first: a closed socket's number may soon be another's, whose packets it would take.
        self._ended.set()
        self._thread.join()
        self._socket.close()

    @property
    def port(self) -> int:
        """The port in use, of interest when 0 was asked for."""
        return int(self._socket.getsockname()[1])

    def serve(self) -> None:
        """Answer until it is ended."""
        self._socket.settimeout(0.2)
        while not self._ended.is_set():
            try:
                request, peer = self._socket.recvfrom(1024)
            except TimeoutError:
                continue
            except OSError:
                return
            self._take(request, peer, time.time())

    def _take(self, request: bytes, peer: tuple[str, int], received: float) -> None:
        if len(request) < _PACKET.size or request[0] & 7 != _CLIENT:
            return
        self.requests += 1
        behaviour = self.behaviour
        if behaviour.manner == "silent":
            return
        if behaviour.delay_s:
            threading.Timer(behaviour.delay_s, self._send, (behaviour, request, peer, received)).start()
        else:
            self._send(behaviour, request, peer, received)

    def _send(self, behaviour: Behaviour, request: bytes, peer: tuple[str, int], received: float) -> None:
        try:
            self._socket.sendto(answer(behaviour, request, received, time.time()), peer)
        except OSError:
            return


def answer(behaviour: Behaviour, request: bytes, received: float, sent: float) -> bytes:
    """Return the bytes that ``behaviour`` gives for ``request``; times are this machine's Unix times."""
    if behaviour.manner == "garbage":
        return os.urandom(len(request))
    asked = _PACKET.unpack_from(request)
    origin = asked[10] if behaviour.manner != "wrong_origin" else asked[10] ^ 0xFFFF
    version = asked[0] & 0x38
    false = behaviour.offset_s
    packet = _PACKET.pack(
        (3 if behaviour.kiss else behaviour.leap) << 6 | version | _SERVER,
        0 if behaviour.kiss else behaviour.stratum,
        asked[2],
        -20,
        _short(behaviour.root_delay_s),
        _short(behaviour.root_dispersion_s),
        (behaviour.kiss or behaviour.refid).encode("ascii").ljust(4, b"\0")[:4],
        _timestamp(received + false - 1),
        origin,
        _timestamp(received + false),
        _timestamp(sent + false),
    )
    return packet[:40] if behaviour.manner == "short" else packet


def _timestamp(unix: float) -> int:
    return int((unix + _NTP_EPOCH) * 2**32) & (2**64 - 1)


def _short(seconds: float) -> int:
    return int(seconds * 2**16) & (2**32 - 1)


def _socket_in(namespace: Path | None, address: str, port: int) -> socket.socket:
    """Return a bound UDP socket; one thread enters the namespace, opens it there, and ends."""
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def open_socket() -> None:
        try:
            if namespace is not None:
                _enter(namespace)
            opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            opened.bind((address, port))
            made.append(opened)
        except OSError as exc:
            failed.append(exc)

    thread = threading.Thread(target=open_socket)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _enter(namespace: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open("rb") as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, f"cannot enter {namespace}: {os.strerror(number)}")


def main() -> None:
    """Serve with the behaviour given by options, for ever."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="")
    parser.add_argument("--port", type=int, default=123)
    for field in fields(Behaviour):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    options = vars(parser.parse_args())
    address, port = options.pop("address"), options.pop("port")
    FalseServer(Behaviour(**options), address=address, port=port).serve()


if __name__ == "__main__":
    main()
