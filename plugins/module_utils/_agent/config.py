# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's configuration file: text in, checked values out.

Private to this collection. Every key has a default, so an empty file is a configuration. What is wrong is told with its
key and line; docs/agent.md describes the keys.
"""

from __future__ import annotations

import configparser
import math
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, NoReturn, Optional

from .._clock.totp import VALIDATORS

__all__ = ["Config", "ConfigFault", "Enforcement", "Outputs", "read_config", "read_outputs"]

_MAX_FILE = 65536
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_IMDS = ("auto", "force", "never")


class ConfigFault(ValueError):
    """Something in the file that cannot be meant so; the message names key and line, and what would be right."""


class Outputs(NamedTuple):
    """Where the results go, and how much of them is kept."""

    facts_file: str = "/etc/ansible/facts.d/softtoken.fact"  # "" writes none
    metrics_file: str = "auto"  # a path, "auto" (where node_exporter's directory exists), or "" for none
    history_bytes: int = 524288
    max_age_s: float = 900.0


class Enforcement(NamedTuple):
    """Whether a check may step the clock, and how often."""

    enabled: bool = False
    threshold_s: float = 0.5
    max_step_s: float = 3600.0
    min_agreeing: int = 1
    burst_timeout_s: float = 20.0
    at_most: int = 3
    within_s: float = 3600.0


class Config(NamedTuple):
    """The whole file. ``parameters`` are options of ``host_facts``, by their names there, all of them."""

    parameters: Dict[str, Any]
    outputs: Outputs
    enforcement: Enforcement


class _Value(NamedTuple):
    """One key: its default and what reads it."""

    default: Any
    read: Callable[[str], Any]


def read_config(text: str) -> Config:
    """Return what a configuration file says. Raises ConfigFault."""
    found = _sections(text)
    values = {section: _read_section(text, section, found.get(section, {})) for section in _KEYS}
    return Config(
        parameters={**values["measure"], **values["policy"], "detail": True},
        outputs=_outputs(values["output"]),
        enforcement=_enforcement(values["enforce"]),
    )


def read_outputs(text: str) -> Outputs:
    """Return where the results go, also from a file that is wrong elsewhere; the defaults where that cannot be read."""
    try:
        return _outputs(_read_section(text, "output", _sections(text).get("output", {})))
    except ConfigFault:
        return Outputs()


def _sections(text: str) -> Dict[str, Mapping[str, str]]:
    if len(text) > _MAX_FILE:
        raise ConfigFault(f"the file is longer than {_MAX_FILE} characters")
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#", ";"), empty_lines_in_values=False, default_section="\0"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as exc:
        raise ConfigFault(_told(exc)) from None
    for section in parser.sections():
        if section not in _KEYS:
            raise ConfigFault(
                f"line {_line(text, section)}: there is no section [{section[:40]}]: take {', '.join(_KEYS)}"
            )
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _told(exc: configparser.Error) -> str:
    if isinstance(exc, configparser.MissingSectionHeaderError):
        return (
            f"line {exc.lineno}: a key before the first section: write one of {', '.join(_KEYS)} in brackets above it"
        )
    if isinstance(exc, configparser.DuplicateOptionError):
        return f"line {exc.lineno}: {exc.option[:40]} is there twice: keep one"
    if isinstance(exc, configparser.DuplicateSectionError):
        return f"line {exc.lineno}: section [{exc.section[:40]}] is there twice: put its keys together"
    if isinstance(exc, configparser.ParsingError) and exc.errors:
        return f"line {exc.errors[0][0]}: this is no section, key = value or comment"
    return " ".join(str(exc).split())[:200]


def _read_section(text: str, section: str, given: Mapping[str, str]) -> Dict[str, Any]:
    keys = _KEYS[section]
    for name in given:
        if name not in keys:
            where = f"line {_line(text, section, name)}"
            raise ConfigFault(f"{where}: there is no key {name[:40]} in [{section}]: take {', '.join(sorted(keys))}")
    values = {}
    for name, key in keys.items():
        if name not in given:
            values[name] = key.default
            continue
        try:
            values[name] = key.read(given[name].strip())
        except ValueError as exc:
            line = _line(text, section, name)
            raise ConfigFault(f"line {line}: {name} is {given[name][:60]!r}: {exc}") from None
    return values


def _line(text: str, section: str, name: Optional[str] = None) -> int:
    """Return the number of the line that a section, or a key in it, stands in."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\[(?P<header>.+)\]", line.strip())
        if header is not None:
            inside = header.group("header") == section
            if inside and name is None:
                return number
        elif inside and name is not None and line.partition("=")[0].strip() == name:
            return number
    return 0


def _outputs(values: Mapping[str, Any]) -> Outputs:
    return Outputs(
        facts_file=values["facts_file"],
        metrics_file=values["metrics_file"],
        history_bytes=values["history_bytes"],
        max_age_s=values["max_age"],
    )


def _enforcement(values: Mapping[str, Any]) -> Enforcement:
    return Enforcement(
        enabled=values["enabled"],
        threshold_s=values["threshold"],
        max_step_s=values["max_step"],
        min_agreeing=values["min_agreeing"],
        burst_timeout_s=values["burst_timeout"],
        at_most=values["at_most"],
        within_s=values["within"],
    )


# --- readers of values -----------------------------------------------------------------------------------------------


def _expected(what: str) -> NoReturn:
    raise ValueError(f"expected {what}")


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        _expected("true or false")
    return text.lower() in _TRUE


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            _expected(f"a number from {low:g} to {high:g}")
        return value

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            _expected(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            _expected(f"one of {', '.join(choices)}")
        return text

    return read


def _words(text: str) -> List[str]:
    words = [word.strip() for word in text.replace("\n", ",").split(",")]
    words = [word for word in words if word]
    if any(word.split() != [word] for word in words):
        _expected("words with commas between them")
    return words


def _some_words(text: str) -> List[str]:
    return _words(text) or _expected("at least one word")


def _path(text: str) -> str:
    if not text.startswith("/") or "\0" in text or "\n" in text or ".." in text.split("/"):
        _expected("an absolute path")
    return text


def _path_or_nothing(text: str) -> str:
    return "" if text in {"", "none"} else _path(text)


def _metrics(text: str) -> str:
    if text == "auto":
        return text
    path = _path_or_nothing(text)
    if path and not path.endswith(".prom"):
        _expected("auto, none, or a path that ends with .prom, since node_exporter reads no other")
    return path


def _text_or_none(text: str) -> Optional[str]:
    return text or None


def _path_or_none(text: str) -> Optional[str]:
    return _path(text) if text else None


_SECONDS = _number(0.001, 1e6)
_TIMEOUT = _number(0.1, 60.0)

_KEYS: Dict[str, Dict[str, _Value]] = {
    "measure": {
        "gather_subset": _Value(["all"], _some_words),
        "witness_servers": _Value([], _words),
        "witness_timeout": _Value(2.0, _TIMEOUT),
        "config_file": _Value(None, _path_or_none),
        "chronyc_address": _Value(None, _text_or_none),
        "imds": _Value("auto", _choice(*_IMDS)),
        "imds_endpoint": _Value("http://169.254.169.254", str),
        "imds_timeout": _Value(1.0, _TIMEOUT),
    },
    "policy": {
        "max_error": _Value(1.0, _SECONDS),
        "warn_error": _Value(None, _SECONDS),
        "min_sources": _Value(1, _integer(0, 1000)),
        "authorised_sources": _Value(None, _words),
        "max_reference_age": _Value(4096.0, _SECONDS),
        "max_drift": _Value(50.0, _number(0.0, 1e6)),
        "totp_validator": _Value("rfc6238", _choice(*VALIDATORS)),
        "totp_min_probability": _Value(0.95, _number(0.0, 1.0)),
    },
    "output": {
        "facts_file": _Value(Outputs().facts_file, _path_or_nothing),
        "metrics_file": _Value(Outputs().metrics_file, _metrics),
        "history_bytes": _Value(Outputs().history_bytes, _integer(4096, 104857600)),
        "max_age": _Value(Outputs().max_age_s, _number(1.0, 1e6)),
    },
    "enforce": {
        "enabled": _Value(Enforcement().enabled, _boolean),
        "threshold": _Value(Enforcement().threshold_s, _SECONDS),
        "max_step": _Value(Enforcement().max_step_s, _SECONDS),
        "min_agreeing": _Value(Enforcement().min_agreeing, _integer(1, 1000)),
        "burst_timeout": _Value(Enforcement().burst_timeout_s, _number(1.0, 60.0)),
        "at_most": _Value(Enforcement().at_most, _integer(1, 1000)),
        "within": _Value(Enforcement().within_s, _number(1.0, 1e6)),
    },
}
