# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the init system knows about chronyd and its rivals: systemd, OpenRC, or the files of a system not booted.

Private to this collection.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from .._ports import Files, HostRoot, Runner

__all__ = [
    "CHRONY_UNITS",
    "FOREIGN",
    "InitError",
    "Unit",
    "chrony_unit",
    "config_of",
    "detect_init",
    "in_chroot",
    "read_units",
]

#: Debian's name, everybody else's, and the variant of EL that does without root.
CHRONY_UNITS = ("chrony", "chronyd", "chronyd-restricted")

#: Why chronyd is not asked in a chroot. chronyc would fall back to loopback UDP, which the chroot shares.
FOREIGN = (
    "this is a chroot, or cannot be told from one: a chronyd that answers here is another system's "
    "(chronyc_address names one that counts all the same)"
)

_SYSTEMD_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_PROPERTIES = "Id,Names,LoadState,ActiveState,UnitFileState,MainPID,WantedBy,RequiredBy"
_CHRONYD_FLAGS = "46dhmnpqQrRsUvx"
_RUNNING = {"active", "reloading"}
_TIMEOUT_S = 15.0  # systemctl takes seconds on a machine that is busy booting


class InitError(Exception):
    """The init system did not say what it knows."""


class Unit(NamedTuple):
    """A service, by its own name without the suffix; ``active`` is None where no init system runs."""

    name: str
    active: bool | None
    enabled: bool
    masked: bool = False
    main_pid: int = 0


def in_chroot(files: HostRoot) -> bool:
    """Say whether what runs here belongs to another system; yes where neither the root nor an init system tells."""
    own = files.own_root()
    return _init_by_marks(files) == "none" if own is None else not own


def detect_init(files: HostRoot) -> str:
    """Return ``systemd`` or ``openrc`` where that runs, else ``none`` (a container, a chroot, another init)."""
    # A chroot may see the marks of the system around it: builders bind-mount /run.
    return "none" if files.own_root() is False else _init_by_marks(files)


def _init_by_marks(files: Files) -> str:
    if files.is_dir("/run/systemd/system"):
        return "systemd"
    if files.exists("/run/openrc/softlevel"):
        return "openrc"
    return "none"


def read_units(init: str, runner: Runner, files: Files, names: Sequence[str]) -> tuple[Unit, ...]:
    """Return those of the services that exist here, each once, whatever its aliases. Raises InitError."""
    if init == "systemd":
        return _systemd_units(runner, names)
    if init == "openrc":
        return _openrc_units(files, names)
    return _units_on_disk(files, names)


def chrony_unit(units: Sequence[Unit]) -> Unit | None:
    """Return chronyd's unit: the running one, else the enabled one, else the one there is."""
    candidates = [unit for unit in units if unit.name in CHRONY_UNITS]
    candidates.sort(key=lambda unit: (not unit.active, not unit.enabled, unit.masked))
    return candidates[0] if candidates else None


def config_of(cmdline: Sequence[str]) -> str | None:
    """Return the file that a chronyd was started with, when its command line names one by its absolute path."""
    found = ""
    words = iter(cmdline[1:])
    for word in words:
        # One or more letters without a value, then one with: its value is attached or is the next word.
        letters = word[1:].lstrip(_CHRONYD_FLAGS) if word.startswith("-") else ""
        if letters:
            value = letters[1:] or next(words, "")
            found = value if letters[0] == "f" else found
    return found if found.startswith("/") else None


def _systemd_units(runner: Runner, names: Sequence[str]) -> tuple[Unit, ...]:
    systemctl = runner.which("systemctl")
    if systemctl is None:
        raise InitError("systemd runs, but there is no systemctl on the path")
    argv = [systemctl, "--no-pager", "show", f"--property={_PROPERTIES}", *(f"{name}.service" for name in names)]
    result = runner.run(argv, timeout_s=_TIMEOUT_S)
    if result.timed_out:
        raise InitError(f"systemctl show did not answer within {_TIMEOUT_S:g} s")
    if result.rc:
        raise InitError(f"systemctl show failed: {(result.stderr or result.stdout).strip()}")
    found: dict[str, Unit] = {}
    for block in result.stdout.split("\n\n"):
        properties = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if properties.get("LoadState", "not-found") != "not-found":
            unit = _systemd_unit(properties)
            found[unit.name] = unit
    return tuple(found.values())


def _systemd_unit(properties: dict[str, str]) -> Unit:
    state = properties.get("UnitFileState", "")
    # A static or generated unit cannot be enabled; it starts at boot when another unit wants it.
    pulled_in = state not in ("disabled", "enabled-runtime") and bool(
        properties.get("WantedBy") or properties.get("RequiredBy")
    )
    masked = properties["LoadState"] == "masked" or state.startswith("masked")
    pid = properties.get("MainPID", "0")
    return Unit(
        name=properties.get("Id", "").partition(".service")[0],
        active=properties.get("ActiveState") in _RUNNING,
        enabled=not masked and (state == "enabled" or pulled_in),
        masked=masked,
        main_pid=int(pid) if pid.isdigit() else 0,
    )


def _openrc_units(files: Files, names: Sequence[str]) -> tuple[Unit, ...]:
    enabled = _names_below(files, "/etc/runlevels", "")
    return tuple(
        Unit(name, files.exists(f"/run/openrc/started/{name}"), name in enabled)
        for name in names
        if files.exists(f"/etc/init.d/{name}")
    )


def _units_on_disk(files: Files, names: Sequence[str]) -> tuple[Unit, ...]:
    enabled = _enabled_on_disk(files)
    local = set(_names(files, _SYSTEMD_DIRECTORIES[0]))
    units = []
    for name in names:
        file = f"{name}.service"
        masked = file in local and _is_masked(files, f"{_SYSTEMD_DIRECTORIES[0]}/{file}")
        places = [*(f"{directory}/{file}" for directory in _SYSTEMD_DIRECTORIES), f"/etc/init.d/{name}"]
        if masked or any(files.exists(place) for place in places):
            units.append(Unit(name, None, name in enabled and not masked, masked))
    return tuple(units)


def _enabled_on_disk(files: Files) -> set[str]:
    """Services that an init system would start: systemd's wants, OpenRC's run levels, System V's start links."""
    enabled = _names_below(files, "/etc/runlevels", "")
    for suffix in (".wants", ".requires"):
        for directory in _SYSTEMD_DIRECTORIES:
            links = _names_below(files, directory, suffix)
            enabled |= {name[: -len(".service")] for name in links if name.endswith(".service")}
    for level in "2345":
        # S20chrony: the letter, two digits, the service.
        enabled |= {name[3:] for name in _names(files, f"/etc/rc{level}.d") if name.startswith("S")}
    return enabled


def _is_masked(files: Files, path: str) -> bool:
    """A masked unit is a link to /dev/null, or an empty file."""
    try:
        return not files.read_text(path, 1)
    except OSError:
        return True


def _names(files: Files, directory: str) -> list[str]:
    try:
        return files.list_dir(directory)
    except OSError:
        return []


def _names_below(files: Files, directory: str, suffix: str) -> set[str]:
    """Return what lies in those folders of ``directory`` whose names end with ``suffix``."""
    return {
        name
        for folder in _names(files, directory)
        if folder.endswith(suffix)
        for name in _names(files, f"{directory}/{folder}")
    }
