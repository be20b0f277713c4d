"""Programs that set the clock beside chronyd, and those that could and do not."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import RIVAL_UNITS
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.rivals import (
    Rival,
    find_rivals,
    rival_of_unit,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.service import Unit
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult, Process


def process(*cmdline: str, name: str = "") -> Process:
    return Process(7, name or cmdline[0].rpartition("/")[2], cmdline, "root")


def said(text: str, **more: bool) -> CommandResult:
    return CommandResult(0, text, "", **more)


def test_every_unit_that_is_looked_at_has_a_name() -> None:
    assert all(rival_of_unit(unit) for unit in RIVAL_UNITS)
    assert rival_of_unit("chrony") is None


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (process("/usr/sbin/ntpd", "-p", "/run/ntpd.pid", "-g", "-u", "108:116"), "ntpd"),
        (
            process("/usr/sbin/ntpd", "-p", "/run/ntpd.pid", "-c", "/etc/ntpsec/ntp.conf", "-u", "ntpsec:ntpsec"),
            "ntpsec",
        ),
        (process("/usr/sbin/ntpd", "-f", "/etc/openntpd/ntpd.conf"), "openntpd"),
        (process("ntpd: ntp engine", name="ntpd"), "openntpd"),
        (process("/lib/systemd/systemd-timesyncd"), "systemd-timesyncd"),
        (process("/usr/sbin/VBoxService", "--pidfile", "/run/v.pid"), "virtualbox-guest"),
    ],
)
def test_a_process_is_enough(found: Process, name: str) -> None:
    rivals, problems = find_rivals((), [process("/usr/sbin/chronyd"), found], None)
    assert rivals == (Rival(name, running=True, enabled=False),)
    assert problems == ()


def test_unit_and_process_are_one_rival() -> None:
    unit = Unit("ntpsec", active=True, enabled=True)
    rivals, _gaps = find_rivals([unit], [process("/usr/sbin/ntpd", "-c", "/etc/ntpsec/ntp.conf")], None)
    assert rivals == (Rival("ntpsec", running=True, enabled=True, unit="ntpsec"),)


def test_enabled_counts_and_installed_does_not() -> None:
    units = [Unit("systemd-timesyncd", active=False, enabled=True), Unit("ntp", active=False, enabled=False)]
    rivals, _gaps = find_rivals(units, (), None)
    assert rivals == (Rival("systemd-timesyncd", running=False, enabled=True, unit="systemd-timesyncd"),)


def test_virtualbox_without_time_synchronisation_is_no_rival() -> None:
    quiet = process("/usr/sbin/VBoxService", "--disable-timesync")
    assert find_rivals([Unit("vboxadd-service", active=True, enabled=True)], [quiet], None) == ((), ())


def test_virtualbox_that_cannot_be_seen_is_a_doubt() -> None:
    rivals, problems = find_rivals([Unit("vboxservice", active=True, enabled=True)], (), None)
    assert rivals == ()
    assert "command line cannot be seen" in problems[0]


@pytest.mark.parametrize(
    ("status", "names", "doubts"),
    [
        (said("Enabled\n"), ["vmware-tools"], 0),
        (CommandResult(1, "Disabled\n", ""), [], 0),
        (None, [], 1),
        (said("", timed_out=True), [], 1),
        (CommandResult(69, "", "vmware-toolbox-cmd must be run inside a virtual machine."), [], 1),
    ],
)
def test_vmware_tools_say_themselves(status: CommandResult | None, names: list[str], doubts: int) -> None:
    rivals, problems = find_rivals((), [process("/usr/bin/vmtoolsd")], status)
    assert [rival.name for rival in rivals] == names
    assert len(problems) == doubts


def test_guest_tools_that_only_are_enabled_say_nothing_about_the_clock() -> None:
    assert find_rivals([Unit("open-vm-tools", active=False, enabled=True)], (), None) == ((), ())
