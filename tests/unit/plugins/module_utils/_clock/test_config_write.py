"""What a task declares, as chrony's lines; and that no value becomes a second line."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import (
    ConfigError,
    Declared,
    Key,
    declare,
    render,
)

DEFAULTS: dict[str, Any] = {
    "profile": "custom",
    "sources": None,
    "exclusive": False,
    "makestep": None,
    "rtcsync": None,
    "minsources": None,
    "maxclockerror": None,
    "leapsecmode": None,
    "authselectmode": None,
    "ntsdumpdir": None,
    "ntstrustedcerts": None,
    "nosystemcert": None,
    "nocerttimecheck": None,
    "keys": None,
}


def source(address: str = "a.example.com", **options: Any) -> dict[str, Any]:
    return {"type": "server", "driver": None, "address": address, **options}


def declared(**params: Any) -> Declared:
    return declare({**DEFAULTS, **params})


def test_nothing_declared_is_nothing() -> None:
    assert declared() == Declared()
    assert render(()) == ""


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (source(), "server a.example.com"),
        (source(iburst=True, prefer=False, minpoll=-2, maxpoll=None), "server a.example.com iburst minpoll -2"),
        (source(type="pool", maxsources=3, offset=0.00001), "pool a.example.com maxsources 3 offset 1e-05"),
        (source(type="peer", key=12, maxdelay=1.0), "peer a.example.com key 12 maxdelay 1"),
        (
            source("/dev/ptp0", type="refclock", driver="PHC", poll=0, refid="PHC", tai=True),
            "refclock PHC /dev/ptp0 poll 0 refid PHC tai",
        ),
    ],
)
def test_a_source(given: dict[str, Any], line: str) -> None:
    made = declared(sources=[given])
    assert (*made.ntp, *made.refclocks) == (line,)


def test_policy() -> None:
    made = declared(
        makestep={"threshold": 0.5, "limit": -1},
        rtcsync=True,
        nosystemcert=False,
        minsources=2,
        maxclockerror=50.0,
        ntstrustedcerts=["/a", "/b"],
    )
    assert made.policy == (
        "makestep 0.5 -1",
        "rtcsync",
        "minsources 2",
        "maxclockerror 50.0",
        "ntstrustedcerts /a",
        "ntstrustedcerts /b",
    )
    assert made.absent == ("rtcfile", "nosystemcert")


def test_profiles_come_with_what_belongs_to_them() -> None:
    aws = declared(profile="aws", sources=[source()])
    assert aws.ntp == ("server 169.254.169.123 iburst maxpoll 4 minpoll 4 prefer", "server a.example.com")
    assert aws.absent == ("leapsectz", "leapseclist")
    nts = declared(profile="nts")
    assert len(nts.ntp) == 4
    assert all(line.endswith(" nts") for line in nts.ntp)
    assert nts.policy == ("authselectmode require",)
    assert declared(profile="nts", authselectmode="prefer").policy == ("authselectmode prefer",)


@pytest.mark.parametrize(
    "params",
    [
        {"sources": [source("a\nallow")]},
        {"sources": [source("a iburst")]},
        {"sources": [source("")]},
        {"sources": [source("ä.example.com")]},
        {"sources": [source("/dev/x", type="refclock")]},
        {"sources": [source("/dev/x", type="refclock", driver="PHC", refid="A\nB")]},
        {"sources": [source("/dev/x", type="refclock", driver="PHC", iburst=True)]},
        {"sources": [source(driver="PHC")]},
        {"sources": [source(tai=True)]},
        {"sources": [source(), source("A.example.com", type="pool")]},
        {"sources": [source("169.254.169.123")], "profile": "aws"},
        {"exclusive": True},
        {"exclusive": True, "sources": []},
        {"ntsdumpdir": "/a b"},
        {"ntstrustedcerts": ["/a\nallow"]},
        {"keys": [{"id": 0, "type": "MD5", "value": "x"}]},
        {"keys": [{"id": 2**32, "type": "MD5", "value": "x"}]},
        {"keys": [{"id": 1, "type": "MD5", "value": ""}]},
        {"keys": [{"id": 1, "type": "MD5", "value": "hush\n2 MD5 y"}]},
        {"keys": [{"id": 1, "type": "MD5", "value": "hush"}, {"id": 1, "type": "SHA1", "value": "y"}]},
    ],
)
def test_refuses_what_chrony_cannot_hold(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        declared(**params)
    assert "hush" not in str(caught.value)


NAN = float("nan")
INF = float("inf")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"makestep": {"threshold": NAN, "limit": 3}}, "makestep threshold"),
        ({"makestep": {"threshold": INF, "limit": 3}}, "makestep threshold"),
        ({"makestep": {"threshold": -1.0, "limit": 3}}, "makestep threshold"),
        ({"makestep": {"threshold": 1.0, "limit": -2}}, "makestep limit"),
        ({"makestep": {"threshold": 1.0, "limit": 2**31}}, "makestep limit"),
        ({"maxclockerror": NAN}, "maxclockerror"),
        ({"maxclockerror": -0.1}, "maxclockerror"),
        ({"minsources": -1}, "minsources"),
        ({"minsources": 0}, "minsources"),
        ({"nocerttimecheck": -1}, "nocerttimecheck"),
        ({"sources": [source(maxdelay=INF)]}, "source a.example.com: maxdelay"),
        ({"sources": [source(maxdelay=-1.0)]}, "source a.example.com: maxdelay"),
        ({"sources": [source(offset=NAN)]}, "source a.example.com: offset"),
        ({"sources": [source(offset=-INF)]}, "source a.example.com: offset"),
        ({"sources": [source("0", type="refclock", driver="SHM", delay=NAN)]}, "source 0: delay"),
        ({"sources": [source("0", type="refclock", driver="SHM", precision=-1.0)]}, "source 0: precision"),
    ],
)
def test_numbers_that_are_none_or_out_of_range(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        declared(**params)


REFCLOCK = {"type": "refclock", "driver": "SHM"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (source(port=99999), "port"),
        (source(port=0), "port"),
        (source(nts=True, ntsport=65536), "ntsport"),
        (source(minpoll=30), "minpoll"),
        (source(minpoll=-8), "minpoll"),
        (source(maxpoll=25), "maxpoll"),
        (source(minpoll=10, maxpoll=4), "minpoll 10.*maxpoll 4"),
        (source(minsamples=10, maxsamples=4), "minsamples 10.*maxsamples 4"),
        (source(filter=100), "filter"),
        (source(filter=0), "filter"),
        (source(version=5), "version"),
        (source(type="pool", maxsources=17), "maxsources"),
        (source(minsamples=65), "minsamples"),
        (source(certset=-1), "certset"),
        (source(certset=3), "certset.*nts"),
        (source(key=0), "key"),
        (source(key=1, nts=True), "nts.*key"),
        (source(type="peer", nts=True), "peer"),
        (source("0", **REFCLOCK, filter=257), "filter"),
        (source("0", **REFCLOCK, poll=25), "poll"),
        (source("0", **REFCLOCK, stratum=16), "stratum"),
    ],
)
def test_source_options_out_of_range(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        declared(sources=[given])


@pytest.mark.parametrize(
    "given",
    [
        source(port=65535, minpoll=-7, maxpoll=24, filter=64, version=4, key=2**32 - 1),
        source(minpoll=12),
        source(minpoll=4, maxpoll=4, minsamples=64, maxsamples=64),
        source(minsamples=10, maxsamples=0),  # 0: no limit
        source(key=1, nts=False),
        source(nts=True, certset=3, ntsport=1),
        source(type="pool", maxsources=16),
        source("0", **REFCLOCK, filter=256, poll=-7, dpoll=-4, stratum=15, delay=0.0, offset=-0.5),
        source("/dev/pps0:clear", type="refclock", driver="PPS", lock="NMEA"),
    ],
)
def test_source_options_at_their_limits(given: dict[str, Any]) -> None:
    made = declared(sources=[given])
    assert len((*made.ntp, *made.refclocks)) == 1


@pytest.mark.parametrize(
    "address",
    ["a", "_ntp._udp.example.com", "NTP-1.example.com.", "1.pool.ntp.org", "192.0.2.1", "2001:db8::1", "::1", "a" * 63],
)
def test_addresses(address: str) -> None:
    assert declared(sources=[source(address)]).ntp == (f"server {address}",)


@pytest.mark.parametrize(
    "address",
    [
        "-h", "#foo", "!foo", "a-.example.com", "a..example.com", ".", "192.0.2", "192.0.2.256", "1", "[::1]", "::1::",
        "fe80::1%eth0", "ID#0000000001", "a:123", "/dev/ptp0", "a" * 64, ".".join(["a" * 63] * 4),
    ],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError, match="host name"):
        declared(sources=[source(address)])


HEX_128 = "HEX:00112233445566778899aAbBcCdDeEfF"
DIGITS = "0badc0de"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("AES128", HEX_128),
        ("AES128", "sixteen-letters!"),
        ("AES256", "ASCII:" + "x" * 32),
        ("SHA256", "HEX:00"),
        ("MD5", "crocus"),
        ("MD5", "hex:zz"),  # chronyd takes other cases of HEX for a password
        ("SHA512", "x" * 2037),
    ],
)
def test_keys(kind: str, value: str) -> None:
    assert declared(keys=[{"id": 3, "type": kind, "value": value}]).keys == (Key(3, kind, value),)


def test_no_keys() -> None:
    assert declared(keys=[]).keys == ()
    assert declared().keys is None


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("SHA256", f"HEX:{DIGITS}zz", "hexadecimal"),
        ("SHA256", f"HEX:{DIGITS}0", "two for each byte"),
        ("SHA256", f"HEX:{DIGITS}+1", "hexadecimal"),
        ("SHA256", f"HEX:0x{DIGITS}", "hexadecimal"),
        ("SHA256", "HEX:", "hexadecimal"),
        ("MD5", "ASCII:", "empty"),
        ("AES128", f"HEX:{DIGITS}", "16 bytes"),
        ("AES128", HEX_128 + "00", "16 bytes"),
        ("AES256", f"ASCII:{DIGITS}", "32 bytes"),
        ("AES256", HEX_128, "32 bytes"),
        ("AES128", "hex" + HEX_128[3:], "16 bytes"),
        ("SHA512", "x" * 2038, "too long"),
    ],
)
def test_keys_that_chronyd_drops_are_refused(kind: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        declared(keys=[{"id": 3, "type": kind, "value": value}])
    assert "key 3" in str(caught.value)
    assert DIGITS not in str(caught.value)
