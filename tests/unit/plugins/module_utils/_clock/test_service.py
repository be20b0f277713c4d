"""Services as systemd, OpenRC and the files of a system that is not running tell of them.

Real systemd: molecule and tests/integration.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.service import (
    CHRONY_UNITS,
    InitError,
    Unit,
    chrony_unit,
    config_of,
    detect_init,
    read_units,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult

from tests.fakes.files import RootedFiles
from tests.fakes.runner import ScriptedRunner

NAMES = (*CHRONY_UNITS, "systemd-timesyncd")
NOTHING = "Id=chronyd-restricted.service\nLoadState=not-found\nActiveState=inactive\nMainPID=0\n"


@pytest.fixture
def files(tmp_path: Path) -> RootedFiles:
    return RootedFiles(tmp_path)


def block(name: str, **changes: str) -> str:
    """One unit as ``systemctl show`` of Debian 12 prints it: running and enabled, except for ``changes``."""
    properties = {
        "Id": f"{name}.service",
        "Names": f"{name}.service",
        "LoadState": "loaded",
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "MainPID": "812",
        "WantedBy": "multi-user.target",
        "RequiredBy": "",
        **changes,
    }
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def shown(files: RootedFiles, *blocks: str) -> tuple[Unit, ...]:
    runner = ScriptedRunner({"/usr/bin/systemctl": CommandResult(0, "\n".join(blocks), "")})
    return read_units("systemd", runner, files, NAMES)


def link(files: RootedFiles, path: str, target: str) -> None:
    place = Path(f"{files.root}{path}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def test_which_init_runs(files: RootedFiles) -> None:
    assert detect_init(files) == "none"
    files.write("/run/openrc/softlevel", "default")
    assert detect_init(files) == "openrc"
    (files.root / "run/systemd/system").mkdir(parents=True)
    assert detect_init(files) == "systemd"


def test_one_question_for_all_units(files: RootedFiles) -> None:
    runner = ScriptedRunner({})
    read_units("systemd", runner, files, NAMES)
    (argv,) = runner.ran
    assert argv[-4:] == [f"{name}.service" for name in NAMES]


def test_an_alias_is_the_unit_that_it_stands_for(files: RootedFiles) -> None:
    both = "chrony.service chronyd.service"
    units = shown(files, block("chrony", Names=both), block("chrony", Names=both), NOTHING)
    assert units == (Unit("chrony", active=True, enabled=True, main_pid=812),)


@pytest.mark.parametrize(
    ("changes", "active", "enabled", "masked"),
    [
        ({}, True, True, False),
        ({"ActiveState": "reloading"}, True, True, False),
        ({"ActiveState": "activating"}, False, True, False),
        ({"ActiveState": "failed"}, False, True, False),
        ({"UnitFileState": "disabled", "WantedBy": ""}, True, False, False),
        # Started for this boot only.
        ({"UnitFileState": "enabled-runtime"}, True, False, False),
        # Cannot be enabled itself, and starts when something wants it.
        ({"UnitFileState": "static", "WantedBy": "time-sync.target"}, True, True, False),
        ({"UnitFileState": "static", "WantedBy": "", "RequiredBy": "x.target"}, True, True, False),
        ({"UnitFileState": "static", "WantedBy": ""}, True, False, False),
        ({"LoadState": "masked", "UnitFileState": "masked", "ActiveState": "inactive"}, False, False, True),
        ({"UnitFileState": "masked-runtime"}, True, False, True),
    ],
)
def test_states_of_systemd(
    files: RootedFiles, changes: dict[str, str], active: bool, enabled: bool, masked: bool
) -> None:
    (unit,) = shown(files, block("chrony", **changes))
    assert (unit.active, unit.enabled, unit.masked) == (active, enabled, masked)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CommandResult(1, "", "Failed to connect to bus: No such file or directory"), "Failed to connect to bus"),
        (CommandResult(-9, "", "", timed_out=True), "did not answer"),
    ],
)
def test_a_systemd_that_does_not_answer(files: RootedFiles, answer: CommandResult, said: str) -> None:
    with pytest.raises(InitError, match=said):
        read_units("systemd", ScriptedRunner({"/usr/bin/systemctl": answer}), files, NAMES)


def test_openrc(files: RootedFiles) -> None:
    files.write("/etc/init.d/chronyd", "#!/sbin/openrc-run")
    files.write("/etc/init.d/systemd-timesyncd", "#!/sbin/openrc-run")
    link(files, "/etc/runlevels/default/chronyd", "/etc/init.d/chronyd")
    files.write("/run/openrc/started/systemd-timesyncd", "")
    units = read_units("openrc", ScriptedRunner({}), files, NAMES)
    assert units == (
        Unit("chronyd", active=False, enabled=True),
        Unit("systemd-timesyncd", active=True, enabled=False),
    )


def test_an_image_that_nothing_runs_in(files: RootedFiles) -> None:
    files.write("/usr/lib/systemd/system/chrony.service", "[Unit]\n")
    files.write("/lib/systemd/system/systemd-timesyncd.service", "[Unit]\n")
    (chrony, timesyncd) = read_units("none", ScriptedRunner({}), files, NAMES)
    assert chrony == Unit("chrony", active=None, enabled=False)
    assert timesyncd == Unit("systemd-timesyncd", active=None, enabled=False)
    link(files, "/etc/systemd/system/multi-user.target.wants/chrony.service", "/nowhere/chrony.service")
    link(files, "/etc/systemd/system/systemd-timesyncd.service", "/dev/null")
    link(files, "/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service", "/nowhere")
    (chrony, timesyncd) = read_units("none", ScriptedRunner({}), files, NAMES)
    assert chrony == Unit("chrony", active=None, enabled=True)
    assert timesyncd == Unit("systemd-timesyncd", active=None, enabled=False, masked=True)


@pytest.mark.parametrize("path", ["/etc/runlevels/default/chronyd", "/etc/rc2.d/S20chronyd"])
def test_an_image_of_another_init(files: RootedFiles, path: str) -> None:
    files.write("/etc/init.d/chronyd", "#!/bin/sh")
    files.write(path, "")
    assert read_units("none", ScriptedRunner({}), files, NAMES) == (Unit("chronyd", active=None, enabled=True),)


def test_the_unit_that_counts() -> None:
    idle = Unit("chronyd-restricted", active=False, enabled=False)
    enabled = Unit("chrony", active=False, enabled=True)
    running = Unit("chronyd", active=True, enabled=False)
    assert chrony_unit([]) is None
    assert chrony_unit([Unit("ntp", active=True, enabled=True)]) is None
    assert chrony_unit([idle, enabled]) == enabled
    assert chrony_unit([idle, enabled, running]) == running


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("/usr/sbin/chronyd -F 1", None),
        ("/usr/sbin/chronyd -F 1 -x -f /etc/chrony/site.conf", "/etc/chrony/site.conf"),
        ("/usr/sbin/chronyd -f/etc/site.conf -F -1", "/etc/site.conf"),
        ("/usr/sbin/chronyd -xf /etc/site.conf", "/etc/site.conf"),
        ("/usr/sbin/chronyd -4xf/etc/site.conf", "/etc/site.conf"),
        ("/usr/sbin/chronyd -f /etc/a.conf -f /etc/b.conf", "/etc/b.conf"),
        ("/usr/sbin/chronyd -l -f", None),
        ("/usr/sbin/chronyd -u frank -P -f", None),
        ("/usr/sbin/chronyd -f", None),
        ("/usr/sbin/chronyd -f site.conf", None),
        ("", None),
    ],
)
def test_the_file_on_chronyds_command_line(line: str, file: str | None) -> None:
    assert config_of(line.split(" ")) == file
