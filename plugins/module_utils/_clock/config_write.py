# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what a task declares into chrony's own lines.

Private to this collection. Every word is checked here, so that no value can
become a second directive.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .config_syntax import FLAG, NTP_OPTIONS, NUMBER, REFCLOCK_OPTIONS
from .config_values import bad_address, bad_key, bad_number, bad_source_options
from .errors import ClockError

__all__ = ["HEADER", "PROFILES", "ConfigError", "Declared", "Key", "declare", "render"]

HEADER = "# Managed by Ansible (softtoken.compliance.chrony_config): changes made here are overwritten."

#: The sources (and policy) that a profile stands for; what a task says itself comes on top.
PROFILES: Dict[str, Dict[str, Any]] = {
    "custom": {},
    "aws": {
        "sources": [
            {
                "type": "server",
                "address": "169.254.169.123",
                "prefer": True,
                "iburst": True,
                "minpoll": 4,
                "maxpoll": 4,
            }
        ],
        "smeared": True,
    },
    "aws-public": {
        "sources": [{"type": "pool", "address": "time.aws.com", "iburst": True}],
        "smeared": True,
    },
    "nts": {
        "sources": [
            {"type": "server", "address": "time.cloudflare.com", "iburst": True, "nts": True},
            {"type": "server", "address": "nts.netnod.se", "iburst": True, "nts": True},
            {"type": "server", "address": "ptbtime1.ptb.de", "iburst": True, "nts": True},
            {"type": "server", "address": "ptbtime2.ptb.de", "iburst": True, "nts": True},
        ],
        "authselectmode": "require",
    },
}

#: Policy parameters that are one directive with one value.
_PLAIN = ("minsources", "maxclockerror", "leapsecmode", "authselectmode", "ntsdumpdir", "nocerttimecheck")
_BOOLEAN = ("rtcsync", "nosystemcert")

_WORD = re.compile(r"[!-~]+\Z")  # printable ASCII, no white space


class ConfigError(ClockError):
    """A configuration that cannot be written, or that chronyd does not take."""


class Key(NamedTuple):
    """A symmetric key of chrony's key file. Never print it."""

    id: int
    type: str
    value: str


class Declared(NamedTuple):
    """What the host's chrony shall be told, as chrony's directives.

    ``absent``: names of directives that must not be in effect. ``keys`` None leaves keys alone.
    """

    ntp: Tuple[str, ...] = ()
    refclocks: Tuple[str, ...] = ()
    policy: Tuple[str, ...] = ()
    absent: Tuple[str, ...] = ()
    keys: Optional[Tuple[Key, ...]] = None
    exclusive: bool = False


def declare(params: Mapping[str, Any]) -> Declared:
    """Turn a task's parameters into directives. Raises ConfigError."""
    profile = PROFILES[params["profile"]]
    sources = [*profile.get("sources", ()), *(params["sources"] or ())]
    lines = [_source_line(source) for source in sources]
    _refuse_twice([f"source {line.split()[1].lower()}" for line in lines if not line.startswith("refclock ")])
    exclusive = bool(params["exclusive"])
    if exclusive and not lines:
        raise ConfigError("exclusive: true without sources would leave the host without any: list sources or a profile")
    policy, absent = _policy(params, profile)
    return Declared(
        ntp=tuple(line for line in lines if not line.startswith("refclock ")),
        refclocks=tuple(line for line in lines if line.startswith("refclock ")),
        policy=policy,
        absent=absent,
        keys=_keys(params["keys"]),
        exclusive=exclusive,
    )


def render(lines: Sequence[str]) -> str:
    """The text of a managed file; empty when there is nothing to say."""
    return "\n".join((HEADER, *lines)) + "\n" if lines else ""


def _policy(params: Mapping[str, Any], profile: Mapping[str, Any]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    lines: List[str] = []
    # rtcfile and rtcsync exclude each other: chronyd does not start with both.
    absent: List[str] = ["rtcfile"] if params["rtcsync"] else []
    if profile.get("smeared"):
        absent += ["leapsectz", "leapseclist"]  # would apply a leap second that the sources smear
    _refuse_bad_numbers(params)
    if params["makestep"] is not None:
        lines.append(f"makestep {_number(params['makestep']['threshold'])} {params['makestep']['limit']}")
    for name in _BOOLEAN:
        if params[name]:
            lines.append(name)
        elif params[name] is False:
            absent.append(name)
    for name in _PLAIN:
        value = profile.get(name) if params[name] is None else params[name]
        if value is not None:
            lines.append(f"{name} {_word(value, name)}")
    lines.extend(f"ntstrustedcerts {_word(path, 'ntstrustedcerts')}" for path in params["ntstrustedcerts"] or ())
    return tuple(lines), tuple(absent)


def _refuse_bad_numbers(params: Mapping[str, Any]) -> None:
    numbers = {name: params[name] for name in ("maxclockerror", "minsources", "nocerttimecheck")}
    if params["makestep"] is not None:
        numbers.update({f"makestep {name}": params["makestep"][name] for name in ("threshold", "limit")})
    for name, value in numbers.items():
        fault = None if value is None else bad_number(name, value)
        if fault:
            raise ConfigError(fault)


def _source_line(source: Mapping[str, Any]) -> str:
    kind = source["type"]
    fault = (None if kind == "refclock" else bad_address(source["address"])) or bad_source_options(source)
    if fault:
        raise ConfigError(f"source {source['address']}: {fault}")
    words = [kind]
    if kind == "refclock":
        if not source.get("driver"):
            raise ConfigError(f"source {source['address']}: a refclock needs a driver (PHC, PPS, SHM, SOCK)")
        words.append(_word(source["driver"], "driver"))
    elif source.get("driver"):
        raise ConfigError(f"source {source['address']}: driver is for refclocks, not for a {kind}")
    words.append(_word(source["address"], "address"))
    return " ".join((*words, *_option_words(source, REFCLOCK_OPTIONS if kind == "refclock" else NTP_OPTIONS)))


def _option_words(source: Mapping[str, Any], known: Mapping[str, str]) -> List[str]:
    words: List[str] = []
    for option in sorted(source):
        value = source[option]
        if option in ("type", "address", "driver") or value is None or value is False:
            continue
        if option not in known:
            raise ConfigError(f"source {source['address']}: a {source['type']} has no option {option}")
        words.append(option)
        if known[option] != FLAG:
            words.append(_number(value) if known[option] == NUMBER else _word(value, option))
    return words


def _keys(given: Optional[Sequence[Mapping[str, Any]]]) -> Optional[Tuple[Key, ...]]:
    if given is None:
        return None
    for key in given:
        if not 1 <= key["id"] < 2**32:
            raise ConfigError(f"key id {key['id']} is not between 1 and {2**32 - 1}")
        if not _WORD.match(key["value"]):
            raise ConfigError(f"key {key['id']}: the value must be printable ASCII without spaces, or HEX:...")
        fault = bad_key(key["id"], key["type"], key["value"])
        if fault:
            raise ConfigError(f"key {key['id']}: {fault}; chronyd would not use it")
    _refuse_twice([f"key id {key['id']}" for key in given])
    return tuple(Key(key["id"], key["type"], key["value"]) for key in given)


def _word(value: Any, name: str) -> str:
    text = str(value)
    if not _WORD.match(text):
        raise ConfigError(f"{name}: {text!r} is not one word of printable ASCII, so chrony.conf cannot hold it")
    return text


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _refuse_twice(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{name} is declared twice; chronyd takes each address and each key once")
