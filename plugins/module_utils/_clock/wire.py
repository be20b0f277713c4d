# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements as plain data, and policies from module parameters.

Private to this collection. A measurement travels from the managed host to the
controller, and what comes from a host is not trusted: every type, every number
and every size is checked, and a complaint names the path of the key.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Mapping, NoReturn, Tuple, TypeVar

from .errors import ClockError
from .model import ClockMeasurement, ClockPolicy, ConfigFinding, Gap, SelectData, Source, Tracking, Witness
from .totp import VALIDATORS

__all__ = ["measurement_from_dict", "measurement_to_dict", "policy_from_params"]

_T = TypeVar("_T")
_Reader = Callable[[object, str], Any]

_MAX_TEXT = 2000
_MAX_ITEMS = 4096
_MAX_NUMBER = 1e12
# The first and the last second that a timestamp with a four-digit year can show.
_MAX_TIME = 253402300799.0


def measurement_to_dict(measurement: ClockMeasurement) -> Dict[str, Any]:
    """Return a measurement as dicts, lists, strings, numbers, booleans and None; endless texts are cut."""
    return {name: _plain(value) for name, value in measurement._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        fields = getattr(value, "_asdict", None)
        return [_plain(item) for item in value] if fields is None else {k: _plain(v) for k, v in fields().items()}
    return value[:_MAX_TEXT] if isinstance(value, str) else value


def measurement_from_dict(data: object) -> ClockMeasurement:
    """Rebuild a measurement from untrusted data. Raises ClockError naming the key that is wrong."""
    return _record(ClockMeasurement, _MEASUREMENT)(data, "measurement")


def policy_from_params(params: Mapping[str, Any]) -> ClockPolicy:
    """Build a policy from module parameters; what is absent or None keeps the collection's default.

    ``authorised_sources: []`` is a list: no source is authorised. Raises ClockError
    naming the parameter that makes no sense.
    """
    given = {field: params[name] for name, (field, _read) in _PARAMETERS.items() if params.get(name) is not None}
    readers = dict(_PARAMETERS.values())
    names = {field: name for name, (field, _read) in _PARAMETERS.items()}
    policy = ClockPolicy(**{field: readers[field](value, names[field]) for field, value in given.items()})
    if policy.warn_error_s > policy.max_error_s and "warn_error_s" in given:
        raise ClockError(
            f"warn_error ({policy.warn_error_s:g} s) is above max_error ({policy.max_error_s:g} s): "
            "a warning has to come before the violation"
        )
    return policy._replace(warn_error_s=min(policy.warn_error_s, policy.max_error_s))


def _wrong(path: str, value: object, expected: str) -> NoReturn:
    shown = type(value).__name__ if isinstance(value, (dict, list, tuple)) else ascii(value)
    raise ClockError(f"{path} is {shown[:40] + '...' if len(shown) > 40 else shown}: expected {expected}")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        _wrong(path, value, f"text of at most {_MAX_TEXT} characters")
    return value


def _number(low: float = -_MAX_NUMBER, high: float = _MAX_NUMBER) -> _Reader:
    def read(value: object, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            _wrong(path, value, "a number")
        # Comparing first: an integer may be too large for a float.
        if not low <= value <= high or not math.isfinite(value):
            _wrong(path, value, f"a number from {low:g} to {high:g}")
        return float(value)

    return read


def _integer(low: int, high: int) -> _Reader:
    def read(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            _wrong(path, value, f"an integer from {low} to {high}")
        return value

    return read


def _boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        _wrong(path, value, "true or false")
    return value


def _one_of(*choices: str) -> _Reader:
    def read(value: object, path: str) -> str:
        if not isinstance(value, str) or value not in choices:
            _wrong(path, value, f"one of {', '.join(choices)}")
        return value

    return read


def _optional(reader: _Reader) -> _Reader:
    def read(value: object, path: str) -> Any:
        return None if value is None else reader(value, path)

    return read


def _many(reader: _Reader) -> _Reader:
    def read(value: object, path: str) -> Tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > _MAX_ITEMS:
            _wrong(path, value, f"a list of at most {_MAX_ITEMS} items")
        return tuple(reader(item, f"{path}[{index}]") for index, item in enumerate(value))

    return read


def _record(kind: Callable[..., _T], readers: Mapping[str, _Reader]) -> Callable[[object, str], _T]:
    """Return a reader of a NamedTuple: every field is required, no other key is allowed."""

    def read(value: object, path: str) -> _T:
        if not isinstance(value, dict):
            _wrong(path, value, "a mapping")
        for name in readers:
            if name not in value:
                raise ClockError(f"{path}.{name} is missing")
        unknown = sorted(ascii(key)[:40] for key in value if key not in readers)
        if unknown:
            raise ClockError(f"{path} has the unknown keys {', '.join(unknown[:5])}")
        return kind(**{name: reader(value[name], f"{path}.{name}") for name, reader in readers.items()})

    return read


_LEAP = _one_of("normal", "insert", "delete", "unsynchronised")
_ANY = _number()
_POSITIVE = _number(0.0)

_TRACKING: Dict[str, _Reader] = {
    "reference_id": _text,
    "reference": _text,
    "stratum": _integer(0, 16),
    "reference_time_s": _POSITIVE,
    "offset_s": _ANY,
    "last_offset_s": _ANY,
    "rms_offset_s": _POSITIVE,
    "frequency_ppm": _ANY,
    "residual_frequency_ppm": _ANY,
    "skew_ppm": _POSITIVE,
    "root_delay_s": _POSITIVE,
    "root_dispersion_s": _POSITIVE,
    "update_interval_s": _ANY,
    "leap": _LEAP,
}
_SOURCE: Dict[str, _Reader] = {
    "mode": _one_of("server", "peer", "refclock"),
    "state": _one_of("selected", "combined", "not_combined", "unusable", "falseticker", "unstable"),
    "name": _text,
    "stratum": _integer(0, 16),
    "poll": _integer(-32768, 32767),
    "reach": _integer(0, 255),
    "last_rx_s": _optional(_integer(0, 2**32)),
    "offset_s": _ANY,
    "measured_offset_s": _ANY,
    "error_s": _POSITIVE,
    "configured_name": _optional(_text),
}
_SELECT_DATA: Dict[str, _Reader] = {
    "state": _text,
    "name": _text,
    "authenticated": _boolean,
    "last_sample_s": _optional(_integer(0, 2**32)),
    "score": _ANY,
    "low_s": _ANY,
    "high_s": _ANY,
    "leap": _LEAP,
}
_FINDING: Dict[str, _Reader] = {
    "code": _text,
    "severity": _one_of("error", "warning"),
    "message": _text,
    "file": _optional(_text),
    "line": _optional(_integer(0, 2**31)),
}
_WITNESS: Dict[str, _Reader] = {
    "kind": _one_of("ntp", "controller"),
    "source": _text,
    "offset_s": _optional(_ANY),
    "uncertainty_s": _optional(_POSITIVE),
    "error": _optional(_text),
}
_GAP: Dict[str, _Reader] = {"subset": _text, "code": _text, "reason": _text}
_MEASUREMENT: Dict[str, _Reader] = {
    "taken_at_s": _number(0.0, _MAX_TIME),
    "installed": _optional(_boolean),
    "version": _optional(_text),
    "active": _optional(_boolean),
    "enabled": _optional(_boolean),
    "reachable": _optional(_boolean),
    "tracking": _optional(_record(Tracking, _TRACKING)),
    "sources": _optional(_many(_record(Source, _SOURCE))),
    "selectdata": _optional(_many(_record(SelectData, _SELECT_DATA))),
    "config": _optional(_many(_record(ConfigFinding, _FINDING))),
    "rivals": _optional(_many(_text)),
    "witnesses": _many(_record(Witness, _WITNESS)),
    "gaps": _many(_record(Gap, _GAP)),
}

#: Module parameter: policy field and reader.
_PARAMETERS: Dict[str, Tuple[str, _Reader]] = {
    "max_error": ("max_error_s", _number(1e-6, 1e9)),
    "warn_error": ("warn_error_s", _number(0.0, 1e9)),
    "min_sources": ("min_sources", _integer(1, _MAX_ITEMS)),
    "authorised_sources": ("authorised_sources", _many(_text)),
    "max_reference_age": ("max_reference_age_s", _number(1.0, 1e9)),
    "max_drift": ("max_drift_ppm", _number(0.0, 1e6)),
    "witnesses_required": ("witnesses_required", _boolean),
    "totp_validator": ("totp_validator", _one_of(*VALIDATORS)),
    "totp_min_probability": ("totp_min_probability", _number(0.0, 1.0)),
}
