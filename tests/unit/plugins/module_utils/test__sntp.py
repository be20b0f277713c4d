"""The SNTP client against real UDP servers."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Unavailable
from ansible_collections.softtoken.compliance.plugins.module_utils._sntp import NtplibClient

from tests.rigs.false_server import Behaviour, FalseServer

# Far more than loopback needs, and far less than a test run has.
PATIENCE = 5.0


def test_a_missing_library_is_said_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ntplib", None)
    with pytest.raises(Unavailable, match="install python3-ntplib"):
        NtplibClient().query("127.0.0.1", timeout_s=PATIENCE)
    with pytest.raises(Unavailable, match="install python3-ntplib"):
        NtplibClient().query_all(["127.0.0.1"], timeout_s=PATIENCE)


def test_a_server_ahead_of_us_says_that_the_host_is_slow() -> None:
    behaviour = Behaviour(offset_s=300.0, root_delay_s=0.5, root_dispersion_s=0.25, stratum=3, leap=1)
    with FalseServer(behaviour, address="127.0.0.1", port=0) as server:
        reply = NtplibClient().query(f"127.0.0.1:{server.port}", timeout_s=PATIENCE)
    # The offset lies within half of the delay: no more is known of any SNTP exchange.
    assert abs(reply.offset_s - -300.0) <= reply.delay_s / 2 + 1e-4
    assert (reply.root_delay_s, reply.root_dispersion_s, reply.stratum, reply.leap) == (0.5, 0.25, 3, 1)


@pytest.mark.parametrize("manner", ["garbage", "short"])
def test_a_reply_that_is_none_is_an_error(manner: Any) -> None:
    with (
        FalseServer(Behaviour(manner=manner), address="127.0.0.1", port=0) as server,
        pytest.raises(OSError, match=r"Invalid NTP packet|does not belong"),
    ):
        NtplibClient().query(f"127.0.0.1:{server.port}", timeout_s=PATIENCE)


def test_a_reply_to_another_question_is_ignored() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            request, peer = server.recvfrom(100)
            sent = struct.unpack("!Q", request[40:48])[0]
            # An hour ago somebody may have asked this; nobody did now.
            now = struct.pack("!QQQ", sent - (3600 << 32), sent, sent)
            server.sendto(struct.pack("!BBbbII4s8x", 0x24, 2, 0, 0, 0, 0, b"LIE ") + now, peer)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(OSError, match="does not belong"):
            NtplibClient().query(f"127.0.0.1:{server.getsockname()[1]}", timeout_s=PATIENCE)
        thread.join()


def test_servers_are_asked_at_once_and_stragglers_are_left_behind() -> None:
    released = threading.Event()
    real = NtplibClient.query

    class Straggling(NtplibClient):
        def query(self, server: str, *, timeout_s: float) -> Any:
            if server == "hangs.example":
                released.wait(600)  # as a name server that does not answer makes getaddrinfo() do
            return real(self, server, timeout_s=timeout_s)

    with FalseServer(Behaviour(offset_s=-5.0), address="127.0.0.1", port=0) as server:
        live = f"127.0.0.1:{server.port}"
        hangs, answer, wrong = Straggling().query_all(["hangs.example", live, "a b"], timeout_s=3.0)()
        released.set()
    assert (hangs.server, hangs.reply, hangs.error) == ("hangs.example", None, "no answer within 3 s")
    assert answer.reply is not None
    assert abs(answer.reply.offset_s + -5.0) <= answer.reply.delay_s / 2 + 1e-4
    assert wrong.error is not None
    assert "is no time server" in wrong.error
