"""The states that a host's chronyd can be in, each brought about on a real chronyd of a chosen release.

``with state("dead_server", "bookworm") as client:`` yields the client in that state. Tests of traps and the captured
reports under ``tests/data/chrony`` come from the same recipes.
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import struct
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from .false_server import Behaviour, FalseServer
from .network import Host, Network
from .ntp import FAST, ChronyClient, NtpServer
from .shell import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .roots import Suite

CLIENT = "10.91.0.100"
SERVERS = ("10.91.0.1", "10.91.0.2", "10.91.0.3")
#: The first server's name, known to the hosts of the lab.
NAME = "ntp1.test"
LIAR = "10.91.0.4"
OTHER_LIAR = "10.91.0.5"
NOBODY = "10.91.0.99"
SERVER_V6 = "fd91::1"
KEY = "1 SHA256 HEX:4f4d1c0e8a9b27d6f1c25e0b3a7788990011223344556677\n"
OTHER_KEY = "1 SHA256 HEX:00000000000000000000000000000000000000000000aaaa\n"


class Lab:
    """One network and what has been started on it; everything ends with the ``with`` block."""

    def __init__(self, suite: Suite) -> None:
        self.suite: Suite = suite
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.network = self._stack.enter_context(Network(names={NAME: SERVERS[0]}))
        self.client_host = self.network.host("client", CLIENT, "fd91::100")
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def host(self, *addresses: str) -> Host:
        """Attach one more host."""
        return self.network.host(addresses[0].replace(":", "-"), *addresses)

    def servers(self, addresses: Sequence[str] = SERVERS, *, extra: Sequence[str] = ()) -> list[NtpServer]:
        """Start servers of true time."""
        return [
            self._stack.enter_context(NtpServer(self.host(address), suite=self.suite, extra=extra))
            for address in addresses
        ]

    def liar(self, address: str, behaviour: Behaviour) -> FalseServer:
        """Start a server that lies."""
        return self._stack.enter_context(FalseServer(behaviour, namespace=self.host(address).path))

    def client(self, *lines: str, cmdport: int = 323) -> ChronyClient:
        """Start the client."""
        client = ChronyClient(self.client_host, "\n".join(lines), suite=self.suite, cmdport=cmdport)
        return self._stack.enter_context(client)

    def scratch(self, name: str, content: str) -> Path:
        """Write a file next to nothing else; it goes with the lab."""
        folder = Path(self._stack.enter_context(_temporary_folder()))
        path = folder / name
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
        return path

    def callback(self, action: Callable[[], object]) -> None:
        """Do this when the lab ends."""
        self._stack.callback(action)


@contextmanager
def _temporary_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="softtoken-lab-") as folder:
        yield folder


def sources(addresses: Sequence[str], options: str = FAST) -> list[str]:
    """Return one server line an address."""
    return [f"server {address} {options}" for address in addresses]


def synchronised(lab: Lab) -> ChronyClient:
    """Three good servers, all combined."""
    lab.servers()
    client = lab.client(*sources(SERVERS))
    client.synchronised()
    client.wait(lambda me: all(int(row[5], 8) >= 0o37 for row in me.csv("sources")), "five samples of each source")
    return client


def ipv6(lab: Lab) -> ChronyClient:
    """One good server, reached over IPv6."""
    lab.servers([SERVER_V6])
    client = lab.client(*sources([SERVER_V6]))
    client.synchronised()
    return client


def never_synchronised(lab: Lab) -> ChronyClient:
    """The only source has never answered."""
    client = lab.client(*sources([NOBODY]))
    client.exchanged("TX")
    return client


def no_sources(lab: Lab) -> ChronyClient:
    """No source is configured at all."""
    return lab.client("port 0")


def dead_server(lab: Lab) -> ChronyClient:
    """The only server died after the client had synchronised: tracking still looks fine."""
    (server,) = lab.servers(SERVERS[:1])
    client = lab.client(*sources(SERVERS[:1]))
    client.synchronised()
    client.wait(lambda me: me.csv("sources")[0][5] == "377", "a full reach register")
    server.stop()
    client.unreachable(SERVERS[0])
    return client


def local_orphan(lab: Lab) -> ChronyClient:
    """The host is its own reference: ``local stratum`` and a source that never answers."""
    client = lab.client("local stratum 10", "allow all", *sources([NOBODY]))
    client.wait(lambda me: me.csv("tracking")[0][0] == "7F7F0101", "the local reference")
    return client


def falseticker(lab: Lab) -> ChronyClient:
    """Three good servers and one that is 300 s ahead."""
    lab.servers()
    lab.liar(LIAR, Behaviour(offset_s=300))
    client = lab.client(*sources([*SERVERS, LIAR]))
    client.synchronised()
    client.state_of(LIAR, "x")
    client.wait(lambda me: [row[1] for row in me.csv("sources")].count("x") == 1, "only the liar as falseticker")
    return client


def no_majority(lab: Lab) -> ChronyClient:
    """Two sources that contradict each other: nobody can tell who is right."""
    lab.liar(LIAR, Behaviour(offset_s=300))
    lab.liar(OTHER_LIAR, Behaviour(offset_s=-300))
    client = lab.client(*sources([LIAR, OTHER_LIAR]), "minsources 2")
    client.state_of(LIAR, "x")
    client.state_of(OTHER_LIAR, "x")
    return client


def host_slow(lab: Lab) -> ChronyClient:
    """The only source says that the host is 300 s slow, and the daemon slews."""
    lab.liar(LIAR, Behaviour(offset_s=300))
    client = lab.client(*sources([LIAR]))
    client.synchronised()
    client.wait(lambda me: float(me.csv("tracking")[0][4]) > 299, "a pending correction of 300 s")
    return client


def host_fast(lab: Lab) -> ChronyClient:
    """The only source says that the host is 45.5 s fast."""
    lab.liar(LIAR, Behaviour(offset_s=-45.5))
    client = lab.client(*sources([LIAR]))
    client.synchronised()
    client.wait(lambda me: float(me.csv("tracking")[0][4]) < -45, "a pending correction of -45.5 s")
    return client


def makestep_refused(lab: Lab) -> ChronyClient:
    """``makestep`` has just been refused by a daemon that may not touch the clock."""
    client = host_slow(lab)
    client.chronyc("makestep")
    return client


def leap_insert(lab: Lab) -> ChronyClient:
    """The source announces an inserted leap second; tracking repeats that only on 30 June and 31 December."""
    lab.liar(LIAR, Behaviour(leap=1))
    client = lab.client(*sources([LIAR]))
    client.synchronised()
    client.wait(lambda me: me.csv("selectdata")[0][-1] == "Insert second", "the announced leap second")
    return client


def kiss_of_death(lab: Lab) -> ChronyClient:
    """The only server refuses service."""
    lab.liar(LIAR, Behaviour(kiss="DENY"))
    client = lab.client(*sources([LIAR]))
    client.exchanged("RX")
    return client


def unsynchronised_server(lab: Lab) -> ChronyClient:
    """The only server answers that it is not synchronised itself."""
    lab.liar(LIAR, Behaviour(leap=3, stratum=0))
    client = lab.client(*sources([LIAR]))
    client.exchanged("RX")
    return client


def unresolved(lab: Lab) -> ChronyClient:
    """One good server and one whose name does not resolve."""
    lab.servers(SERVERS[:1])
    client = lab.client(*sources(SERVERS[:1]), f"server time.invalid {FAST}")
    client.synchronised()
    return client


def offline(lab: Lab) -> ChronyClient:
    """All sources were set offline after the client had synchronised."""
    client = synchronised(lab)
    client.chronyc("offline", check=True)
    client.wait(lambda me: me.csv("activity")[0][1] == str(len(SERVERS)), "three offline sources")
    return client


def unselectable_options(lab: Lab) -> ChronyClient:
    """Sources with ``noselect``, ``prefer``, ``trust`` and ``require`` beside each other."""
    lab.servers([*SERVERS, NOBODY])
    client = lab.client(
        f"server {SERVERS[0]} {FAST} noselect",
        f"server {SERVERS[1]} {FAST} prefer trust",
        f"server {SERVERS[2]} {FAST} require",
        f"server {NOBODY} {FAST}",
    )
    client.wait(lambda me: all(row[5] == "377" for row in me.csv("sources")), "full reach registers")
    return client


def symmetric_key(lab: Lab) -> ChronyClient:
    """A server authenticated with a symmetric key."""
    lab.servers(SERVERS[:1], extra=[f"keyfile {lab.scratch('keys', KEY)}"])
    client = lab.client(f"keyfile {lab.scratch('keys', KEY)}", f"server {SERVERS[0]} {FAST} key 1")
    client.synchronised()
    return client


def wrong_key(lab: Lab) -> ChronyClient:
    """The server knows another key under the same number."""
    lab.servers(SERVERS[:1], extra=[f"keyfile {lab.scratch('keys', OTHER_KEY)}"])
    client = lab.client(f"keyfile {lab.scratch('keys', KEY)}", f"server {SERVERS[0]} {FAST} key 1")
    client.exchanged("TX")
    return client


def authselect_require(lab: Lab) -> ChronyClient:
    """``authselectmode require`` with a source that is not authenticated: it parses and never synchronises."""
    lab.servers(SERVERS[:1])
    client = lab.client("authselectmode require", *sources(SERVERS[:1]))
    client.wait(lambda me: me.csv("sources")[0][5] == "377", "a full reach register")
    return client


def nts(lab: Lab) -> ChronyClient:
    """A server authenticated with NTS, by a certificate made for it."""
    certificate, key = _certificate(lab)
    lab.servers(SERVERS[:1], extra=[f"ntsservercert {certificate}", f"ntsserverkey {key}"])
    client = lab.client(f"ntstrustedcerts {certificate}", f"server {NAME} {FAST} nts")
    client.synchronised()
    return client


def nts_untrusted(lab: Lab) -> ChronyClient:
    """The NTS server's certificate is not one that the client trusts."""
    certificate, key = _certificate(lab)
    lab.servers(SERVERS[:1], extra=[f"ntsservercert {certificate}", f"ntsserverkey {key}"])
    client = lab.client(f"server {NAME} {FAST} nts")
    client.wait(lambda me: "failed" in me.said(), "the refused certificate")
    return client


def reference_clock(lab: Lab) -> ChronyClient:
    """A reference clock on the host, and a server that is not preferred over it."""
    lab.servers(SERVERS[:1])
    sample_socket = lab.scratch("socket", "").with_name("samples.sock")
    client = lab.client(
        f"refclock SOCK {sample_socket} refid SOC0 poll -1 dpoll -4 prefer precision 1e-6", *sources(SERVERS[:1])
    )
    ended = threading.Event()
    feeder = threading.Thread(target=_feed_reference_clock, args=(sample_socket, ended), daemon=True)
    feeder.start()
    lab.callback(ended.set)
    client.state_of("SOC0", "*")
    return client


def no_command_port(lab: Lab) -> ChronyClient:
    """``cmdport 0``: the daemon is well and the command socket works, but not UDP."""
    lab.servers(SERVERS[:1])
    client = lab.client(*sources(SERVERS[:1]), cmdport=0)
    client.synchronised()
    return client


def hung(lab: Lab) -> ChronyClient:
    """The daemon was synchronised and does not run any more, though its process exists."""
    client = dead_server(lab)
    client.pause()
    lab.callback(client.resume)
    return client


def not_running(lab: Lab) -> ChronyClient:
    """The daemon has ended."""
    client = never_synchronised(lab)
    client.stop()
    return client


class State(NamedTuple):
    """A state and the way to bring it about."""

    name: str
    description: str
    reach: Callable[[Lab], ChronyClient]


STATES: dict[str, State] = {
    reach.__name__: State(reach.__name__, (reach.__doc__ or "").strip(), reach)
    for reach in (
        synchronised,
        ipv6,
        never_synchronised,
        no_sources,
        dead_server,
        local_orphan,
        falseticker,
        no_majority,
        host_slow,
        host_fast,
        makestep_refused,
        leap_insert,
        kiss_of_death,
        unsynchronised_server,
        unresolved,
        offline,
        unselectable_options,
        symmetric_key,
        wrong_key,
        authselect_require,
        nts,
        nts_untrusted,
        reference_clock,
        no_command_port,
        hung,
        not_running,
    )
}


@contextmanager
def state(name: str, suite: Suite) -> Iterator[ChronyClient]:
    """Bring a real chronyd of ``suite`` into the state ``name``."""
    with Lab(suite) as lab:
        yield STATES[name].reach(lab)


def _certificate(lab: Lab) -> tuple[Path, Path]:
    """Make a self-signed certificate of the first server."""
    certificate = lab.scratch("server.crt", "")
    key = certificate.with_name("server.key")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    run(["openssl", "req", "-x509", "-days", "30", *curve, *subject, "-keyout", str(key), "-out", str(certificate)])
    return certificate, key


def _feed_reference_clock(path: Path, ended: threading.Event) -> None:
    """Send samples of chrony's SOCK driver: this machine's time is the reference."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        while not ended.wait(0.05):
            now = time.time()
            sample = struct.pack("@qqdiiii", int(now), int(now % 1 * 1e6), 0.0, 0, 0, 0, 0x534F434B)
            try:
                sender.sendto(sample, str(path))
            except OSError:
                return
