"""Opinions about the clock, and how far each can be wrong."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.address import server_address
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.witness import (
    controller_witness,
    ntp_witness,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import SntpOutcome, SntpReply

REPLY = SntpReply(offset_s=-2.0, delay_s=0.010, root_delay_s=0.020, root_dispersion_s=0.003, stratum=2, leap=0)


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("ntp.example.com", ("ntp.example.com", 123)),
        ("ntp_1.example.com:1123", ("ntp_1.example.com", 1123)),
        ("192.0.2.1:65535", ("192.0.2.1", 65535)),
        ("[2001:db8::1]", ("2001:db8::1", 123)),
        ("[2001:db8::1]:1123", ("2001:db8::1", 1123)),
        ("2001:db8::1", ("2001:db8::1", 123)),
        ("fe80::1%eth0", ("fe80::1%eth0", 123)),
        ("[fe80::1%eth0]:5", ("fe80::1%eth0", 5)),
    ],
)
def test_server_address(server: str, address: tuple[str, int]) -> None:
    assert server_address(server) == address


@pytest.mark.parametrize(
    "server",
    [
        "",
        " ",
        "a b",
        "a:",
        "a:b",
        "a:0",
        "a:65536",
        "a:123456",
        "[::1",
        "::1]",
        "http://a",
        "-h",
        "a\n",
        "[a]:1",
        "a,b",
    ],
)
def test_what_is_no_server(server: str) -> None:
    with pytest.raises(ValueError, match=r"is no time server|names port"):
        server_address(server)


def test_a_reply_is_uncertain_by_half_the_way_and_the_servers_own_error() -> None:
    witness = ntp_witness(SntpOutcome("ntp.example.com", REPLY))
    assert witness.kind == "ntp"
    assert witness.source == "ntp.example.com"
    assert witness.offset_s == -2.0
    assert witness.uncertainty_s == pytest.approx(0.005 + 0.010 + 0.003)
    assert witness.error is None


@pytest.mark.parametrize("change", [{"stratum": 0}, {"stratum": 16}, {"leap": 3}])
def test_a_server_without_the_time_has_no_opinion(change: dict[str, int]) -> None:
    witness = ntp_witness(SntpOutcome("a", REPLY._replace(**change)))
    assert (witness.offset_s, witness.uncertainty_s) == (None, None)
    assert witness.error is not None
    assert "not synchronised" in witness.error


def test_a_silent_server_says_why() -> None:
    assert ntp_witness(SntpOutcome("a", error="no answer within 2 s")).error == "no answer within 2 s"


@pytest.mark.parametrize("offset", [0.0, 300.0, -300.0])
@pytest.mark.parametrize(("there", "back"), [(0.1, 0.1), (0.0, 2.0), (2.0, 0.0)])
def test_the_controller_knows_the_offset_to_half_of_the_travel(offset: float, there: float, back: float) -> None:
    work = 0.7  # what the host did between its two stamps costs no precision
    started = 1000.0
    host_started = started + there + offset
    host_ended = host_started + work
    ended = started + there + work + back
    witness = controller_witness("awx", started=(started, host_started), ended=(ended, host_ended))
    assert witness.offset_s is not None
    assert witness.uncertainty_s is not None
    assert witness.uncertainty_s == pytest.approx((there + back) / 2)
    assert abs(witness.offset_s - offset) <= witness.uncertainty_s + 1e-9


def test_a_clock_that_was_stepped_meanwhile_is_no_witness() -> None:
    witness = controller_witness("awx", started=(1000.0, 1000.1), ended=(1001.0, 1301.0))
    assert witness.offset_s is None
    assert witness.error is not None
    assert "stepped" in witness.error


@pytest.mark.parametrize("toward", [1.0, -1.0])
def test_a_clock_that_chronyd_slews_meanwhile_is_known_less_exactly(toward: float) -> None:
    """At 8.3 % an hour's correction moves the clock by seconds while a slow host is asked: seen in an emulated one."""
    pending, slewed, work = -81.2 * toward, 4.2 * toward, 50.0
    started, there, back = 1000.0, 0.1, 0.1
    host_started = started + there + pending
    ended = started + there + work + back
    host_ended = host_started + work + slewed
    ends = {"started": (started, host_started), "ended": (ended, host_ended)}
    witness = controller_witness("awx", **ends, pending_s=pending)
    assert witness.offset_s is not None
    assert witness.uncertainty_s is not None
    for offset in (pending, pending + slewed):
        assert abs(witness.offset_s - offset) <= witness.uncertainty_s
    # What is left to correct is the most that it can have moved, and no step hides behind a small rest.
    assert controller_witness("awx", **ends, pending_s=0.01).uncertainty_s != witness.uncertainty_s


def test_a_small_correction_excuses_no_step() -> None:
    witness = controller_witness("awx", started=(1000.0, 1000.1), ended=(1001.0, 1003.0), pending_s=0.5)
    assert witness.error is not None
    assert "stepped" in witness.error
