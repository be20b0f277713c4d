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
