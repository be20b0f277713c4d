"""Where each distribution has chrony."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import find_layout, read_os_release

from tests.fakes.files import RootedFiles

DEBIAN = ("/etc/chrony/chrony.conf", "/etc/chrony/conf.d", "/etc/chrony/sources.d")
RED_HAT = ("/etc/chrony.conf", "/etc/chrony.d", "/etc/chrony.d")


@pytest.mark.parametrize(
    ("release", "places", "unit", "user"),
    [
        ("ID=debian\n", DEBIAN, "chrony", "_chrony"),
        ("ID=ubuntu\nID_LIKE=debian\n", DEBIAN, "chrony", "_chrony"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", DEBIAN, "chrony", "_chrony"),
        ('ID="rhel"\nID_LIKE="fedora"\n', RED_HAT, "chronyd", "chrony"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', RED_HAT, "chronyd", "chrony"),
        ("ID=fedora\n", RED_HAT, "chronyd", "chrony"),
        ('ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\n', RED_HAT, "chronyd", "chrony"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', RED_HAT, "chronyd", "chrony"),
        ('ID="sles"\nID_LIKE="suse"\n', RED_HAT, "chronyd", "chrony"),
        ("ID=alpine\n", DEBIAN, "chronyd", "chrony"),
        ("ID=arch\n", RED_HAT, "chronyd", "chrony"),
        ("", RED_HAT, "chronyd", "chrony"),
    ],
)
def test_layouts(tmp_path: Path, release: str, places: tuple[str, str, str], unit: str, user: str) -> None:
    files = RootedFiles(tmp_path)
    if release:
        files.write("/usr/lib/os-release", release)
    layout = find_layout(files, files.which)
    assert (layout.config_file, layout.confdir, layout.sourcedir) == places
    assert (layout.unit, layout.user, layout.chronyd) == (unit, user, None)


def test_what_is_there_decides(tmp_path: Path) -> None:
    files = RootedFiles(tmp_path)
    files.write("/etc/os-release", "ID=debian\n")
    files.write("/etc/chrony.conf", "server a\n")
    files.write("/usr/bin/chronyd", "")
    layout = find_layout(files, files.which)
    assert layout.config_file == "/etc/chrony.conf"
    assert layout.confdir == "/etc/chrony.d"
    assert layout.chronyd == "/usr/bin/chronyd"
    assert layout.other_configs == ()


def test_two_main_files_that_differ(tmp_path: Path) -> None:
    files = RootedFiles(tmp_path)
    files.write("/etc/os-release", "ID=debian\n")
    files.write("/etc/chrony/chrony.conf", "server a\n")
    files.write("/etc/chrony.conf", "server a\n")
    assert find_layout(files, files.which).other_configs == ()
    files.write("/etc/chrony.conf", "server b\n")
    layout = find_layout(files, files.which)
    assert (layout.config_file, layout.other_configs) == ("/etc/chrony/chrony.conf", ("/etc/chrony.conf",))


def test_os_release_as_the_shell_reads_it(tmp_path: Path) -> None:
    files = RootedFiles(tmp_path)
    files.write("/etc/os-release", "# c\nID='a b'\nNAME=\"c\\\"d\"\nBROKEN='x\nnonsense\n\nEMPTY=\n")
    assert read_os_release(files) == {"ID": "a b", "NAME": 'c"d', "BROKEN": "'x", "EMPTY": ""}
