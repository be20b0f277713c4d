# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs that set the clock beside chronyd.

Private to this collection.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from .._ports import CommandResult, Process
from .service import Unit

__all__ = ["Rival", "RivalError", "find_rivals", "rival_of_unit"]

_VMWARE = "vmware-tools"
_VIRTUALBOX = "virtualbox-guest"

#: Service name (an alias shows the real one) to the rival's name.
_RIVAL_OF_UNIT = {
    "ntp": "ntpd",
    "ntpd": "ntpd",
    "ntpsec": "ntpsec",
    "openntpd": "openntpd",
    "systemd-timesyncd": "systemd-timesyncd",
    "open-vm-tools": _VMWARE,
    "vmtoolsd": _VMWARE,
    "vmware-tools": _VMWARE,
    "vboxadd-service": _VIRTUALBOX,
    "vboxservice": _VIRTUALBOX,
    "virtualbox-guest-utils": _VIRTUALBOX,
}

#: They have other work too: running is no offence, setting the clock is.
_GUEST_TOOLS = {_VMWARE, _VIRTUALBOX}


class RivalError(Exception):
    """It could not be seen whether a program that runs sets the clock."""


class Rival(NamedTuple):
    """A program that sets the clock now (``running``) or will after the next boot (``enabled``)."""

    name: str
    running: bool
    enabled: bool
    unit: str | None = None


def rival_of_unit(unit: str) -> str | None:
    """Return the name of the program that a service runs, if it sets the clock."""
    return _RIVAL_OF_UNIT.get(unit)


def find_rivals(
    units: Sequence[Unit], processes: Sequence[Process], vmware: CommandResult | None
) -> tuple[tuple[Rival, ...], tuple[str, ...]]:
    """Return the rivals, in the order of their names, and what could not be seen.

    ``processes`` also shows a daemon that was started by hand; ``vmware`` is what ``vmware-toolbox-cmd timesync
    status`` said.
    """
    found: dict[str, Rival] = {}
    for unit in units:
        name = rival_of_unit(unit.name)
        if name is not None and (unit.active or unit.enabled):
            known = found.get(name, Rival(name, running=False, enabled=False))
            found[name] = Rival(name, known.running or bool(unit.active), known.enabled or unit.enabled, unit.name)
    for process in processes:
        name = _rival_process(process)
        if name is not None:
            known = found.get(name, Rival(name, running=True, enabled=False))
            found[name] = known._replace(running=True)
    problems = _settle_guest_tools(found, processes, vmware)
    return tuple(found[name] for name in sorted(found)), tuple(problems)


def _rival_process(process: Process) -> str | None:
    if process.name == "systemd-timesyncd":
        return "systemd-timesyncd"
    if process.name == "vmtoolsd":
        return _VMWARE
    if process.name == "VBoxService":
        return _VIRTUALBOX
    return _ntpd_flavour(process.cmdline) if process.name == "ntpd" else None


def _ntpd_flavour(cmdline: Sequence[str]) -> str:
    """Three projects call their daemon ntpd; the configuration, the user or the process title tell them apart."""
    words = " ".join(cmdline)
    if "ntpsec" in words:
        return "ntpsec"
    openntpd = "openntpd" in words or words.startswith(("ntpd: ntp engine", "ntpd: dns engine", "ntpd: [priv]"))
    return "openntpd" if openntpd else "ntpd"


def _settle_guest_tools(
    found: dict[str, Rival], processes: Sequence[Process], vmware: CommandResult | None
) -> list[str]:
    """Drop guest tools that run without setting the clock; say where that cannot be seen."""
    problems = []
    for name in sorted(_GUEST_TOOLS & set(found)):
        try:
            sets_clock = found[name].running and _sets_clock(name, processes, vmware)
        except RivalError as exc:
            problems.append(str(exc))
            sets_clock = False
        if not sets_clock:
            del found[name]
    return problems


def _sets_clock(name: str, processes: Sequence[Process], vmware: CommandResult | None) -> bool:
    return _virtualbox_sets_clock(processes) if name == _VIRTUALBOX else _vmware_sets_clock(vmware)


def _virtualbox_sets_clock(processes: Sequence[Process]) -> bool:
    services = [process for process in processes if process.name == "VBoxService"]
    if not services:
        raise RivalError("VirtualBox's guest service runs, but its command line cannot be seen")
    # It synchronises by default; it also takes options with one dash.
    return any("-disable-timesync" not in {word.replace("--", "-") for word in one.cmdline} for one in services)


def _vmware_sets_clock(status: CommandResult | None) -> bool:
    if status is None:
        raise RivalError("VMware Tools run, but there is no vmware-toolbox-cmd to say whether they set the clock")
    said = status.stdout.strip().lower()
    if said in ("enabled", "disabled"):
        return said == "enabled"
    detail = "no answer in time" if status.timed_out else (status.stderr or status.stdout).strip()
    raise RivalError(f"vmware-toolbox-cmd timesync status does not say whether VMware Tools set the clock: {detail}")
