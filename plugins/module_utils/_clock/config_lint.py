# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a chrony configuration that chronyd itself accepts.

Private to this collection. ``error``: the host's clock can be wrong because of
it while every report looks healthy. ``warning``: it takes a protection away, or
needs a leap second or a dead server to hurt.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .config_read import SOURCE_DIRECTIVES, Directive, EffectiveConfig
from .config_syntax import bad_source
from .model import ConfigFinding
from .smearing import NOT_SMEARED, UNKNOWN, smear_of

__all__ = ["lint_config"]

_POOL_SOURCES = 4  # maxsources of a pool that does not say


class _Facts(NamedTuple):
    config: EffectiveConfig
    other_configs: Tuple[str, ...]
    container: bool
    min_sources: int

    @property
    def sources(self) -> Tuple[Directive, ...]:
        return self.config.named(*SOURCE_DIRECTIVES, "refclock")


def lint_config(
    config: EffectiveConfig,
    *,
    other_configs: Sequence[str] = (),
    container: bool = False,
    min_sources: int = 1,
) -> Tuple[ConfigFinding, ...]:
    """Judge an effective configuration.

    ``other_configs``: further main files on the host (``Layout.other_configs``).
    ``container``: the host has no real-time clock of its own to keep right.
    ``min_sources``: how many sources the site wants configured at least.
    """
    facts = _Facts(config, tuple(other_configs), container, min_sources)
    return tuple(finding for rule in _RULES for finding in rule(facts))


def _finding(code: str, severity: str, message: str, directive: Optional[Directive] = None) -> ConfigFinding:
    if directive is None:
        return ConfigFinding(code, severity, message)
    return ConfigFinding(code, severity, message, directive.file, directive.line)


def _invalid(facts: _Facts) -> List[ConfigFinding]:
    found = [
        # What chronyd refuses it refuses aloud, at its next start; what it leaves out of a .sources file it does not
        # mention. Both leave a host with other sources than its files say.
        ConfigFinding("config.invalid", "error", problem.message, problem.file, problem.line)
        for problem in facts.config.problems
        if not problem.denied  # not a fault of the configuration: the caller was not allowed to look
    ]
    for source in facts.sources:
        # What stands elsewhere chronyd itself judges, and aloud; options that this collection has never heard of too.
        fault = bad_source(source) if source.in_sourcedir else None
        if fault:
            message = f"{source.text}: {fault}: chronyd silently ignores this source"
            found.append(_finding("config.invalid", "error", message, source))
    return found


def _ambiguous_main(facts: _Facts) -> List[ConfigFinding]:
    return [
        _finding(
            "config.ambiguous_main",
            "warning",
            f"{facts.config.main} and {other} both exist and differ: chronyd reads one of them, "
            "and a change to the other has no effect; remove the one that is not used",
        )
        for other in facts.other_configs
    ]


def _smear_mixed(facts: _Facts) -> List[ConfigFinding]:
    kinds: Dict[str, List[Directive]] = {}
    for source in facts.sources:
        if not _has(source, "noselect"):
            kinds.setdefault(smear_of(source), []).append(source)
    smeared = [kind for kind in kinds if kind not in (NOT_SMEARED, UNKNOWN)]
    if not smeared or len(kinds) == 1:
        return []
    first = kinds[smeared[0]][0]
    others = [source for kind, sources in kinds.items() if kind != smeared[0] for source in sources]
    message = (
        f"{_name(first)} smears leap seconds and {', '.join(_name(other) for other in others)} "
        f"{_mixed_with(kinds, smeared)}: around a leap second they are up to 0.5 s apart for a day"
    )
    if len(smeared) == 1 and NOT_SMEARED not in kinds:
        return [_finding("config.smear_mixed", "warning", message, first)]
    preferred = [any(_has(source, "prefer") for source in sources) for sources in kinds.values()]
    if preferred.count(True) == 1:
        # chronyd follows the preferred kind while it is there. The others can still outvote it.
        return [_finding("config.smear_mixed", "warning", message + "; 'prefer' hides that until it matters", first)]
    return [_finding("config.smear_mixed", "error", message, first)]


def _mixed_with(kinds: Dict[str, List[Directive]], smeared: List[str]) -> str:
    if len(smeared) > 1:
        return "smear differently or not at all"
    return "may not" if NOT_SMEARED not in kinds else "do not" if UNKNOWN not in kinds else "do not, or may not"


def _leap_source_smeared(facts: _Facts) -> List[ConfigFinding]:
    smeared = [source for source in facts.sources if smear_of(source) not in (NOT_SMEARED, UNKNOWN)]
    own = facts.config.last("leapsectz") or facts.config.last("leapseclist")
    if not smeared or own is None:
        return []
    message = (
        f"{own.name} makes chronyd insert leap seconds that {_name(smeared[0])} has already smeared: remove {own.name}"
    )
    return [_finding("config.leap_smeared_twice", "warning", message, own)]


def _local_reference(facts: _Facts) -> List[ConfigFinding]:
    local = facts.config.last("local")
    if local is None:
        return []
    if not facts.sources:
        message = "the host follows nothing but its own clock, and 'local' makes that look synchronised"
        return [_finding("clock.local_reference", "error", message, local)]
    message = "'local' makes this host look synchronised when all its sources are lost; remove it from clients"
    return [_finding("clock.local_reference", "warning", message, local)]


def _no_rtcsync(facts: _Facts) -> List[ConfigFinding]:
    if facts.container or facts.config.named("rtcsync", "rtcfile"):
        return []
    message = "without rtcsync (or rtcfile) the real-time clock drifts, and the next boot starts with its time"
    # Where nothing steps the clock after that boot either, the host is wrong for hours.
    return [_finding("config.no_rtcsync", "warning" if _steps(facts.config) else "error", message)]


def _no_makestep(facts: _Facts) -> List[ConfigFinding]:
    if facts.container or _steps(facts.config):
        return []
    message = (
        "without makestep chronyd only slews: an hour takes it about 12 hours, and codes are refused all the while"
    )
    return [_finding("config.no_makestep", "error", message)]


def _steps(config: EffectiveConfig) -> bool:
    makestep = config.last("makestep")
    limited_to_nothing = makestep is not None and makestep.args[1:2] == ("0",)
    return bool(config.named("initstepslew")) or (makestep is not None and not limited_to_nothing)


def _authselectmode(facts: _Facts) -> List[ConfigFinding]:
    mode = facts.config.last("authselectmode")
    if mode is None or mode.args[:1] != ("require",):
        return []
    plain = [source for source in facts.sources if source.name != "refclock" and not _authenticated(source)]
    if not plain:
        return []
    names = ", ".join(_name(source) for source in plain)
    if len(plain) == len(facts.sources):
        message = f"authselectmode require, and no source is authenticated ({names}): chronyd never synchronises"
        return [_finding("config.authselectmode", "error", message, mode)]
    message = f"authselectmode require makes chronyd ignore the unauthenticated {names}"
    return [_finding("config.authselectmode", "warning", message, mode)]


def _authenticated(source: Directive) -> bool:
    return any(option.lower() in ("nts", "key") for option in source.args[1:])


def _too_few(facts: _Facts) -> List[ConfigFinding]:
    count = sum(_expands_to(source) for source in facts.sources if not _has(source, "noselect"))
    if count == 0:
        return [_finding("source.too_few", "error", f"{facts.config.main} and its drop-ins name no time source")]
    minsources = facts.config.last("minsources")
    wanted = _number(minsources.args[0]) if minsources is not None and minsources.args else None
    if minsources is not None and wanted is not None and wanted > count:
        message = f"minsources {wanted}, but only {count} can come from this configuration: chronyd never synchronises"
        return [_finding("source.too_few", "error", message, minsources)]
    if count < facts.min_sources:
        message = f"{count} configured, {facts.min_sources} wanted"
        return [_finding("source.too_few", "error", message)]
    return []


def _expands_to(source: Directive) -> int:
    if source.name != "pool":
        return 1
    for option, value in zip(source.args, source.args[1:]):
        if option.lower() == "maxsources":
            return _number(value) or _POOL_SOURCES
    return _POOL_SOURCES


def _number(text: str) -> Optional[int]:
    # int() alone also takes "1_000" and other scripts' digits.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _cmdport(facts: _Facts) -> List[ConfigFinding]:
    cmdport = facts.config.last("cmdport")
    if cmdport is None or cmdport.args[:1] != ("0",):
        return []
    message = "cmdport 0 turns monitoring over UDP off: only root and chronyd's own user can measure this host"
    return [_finding("config.cmdport_disabled", "warning", message, cmdport)]


def _has(source: Directive, option: str) -> bool:
    return any(word.lower() == option for word in source.args[1:])


def _name(source: Directive) -> str:
    return " ".join(source.args[:2]) if source.name == "refclock" else (source.args[0] if source.args else source.name)


_RULES: Tuple[Callable[[_Facts], List[ConfigFinding]], ...] = (
    _invalid,
    _too_few,
    _authselectmode,
    _local_reference,
    _smear_mixed,
    _leap_source_smeared,
    _no_makestep,
    _no_rtcsync,
    _ambiguous_main,
    _cmdport,
)
