"""``chrony_config`` on whole Debian hosts: their packages' configuration, unit and user, restarted by systemd."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.playbooks import HARMLESS, inside
from tests.rigs.containers import boot
from tests.rigs.network import Network
from tests.rigs.roots import SUITES
from tests.rigs.shell import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rigs.containers import Container

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible")
SOURCES = [{"address": f"10.97.9.{number}", "iburst": True} for number in (1, 2, 3)]
NAMES = {source["address"] for source in SOURCES}


@pytest.fixture(scope="module", params=SUITES)
def host(request: pytest.FixtureRequest) -> Iterator[Container]:
    with Network() as network, boot(network.host("debian", "10.97.0.1"), request.param) as container:
        container.exec("systemctl", "start", "chrony")
        yield container


def config(host: Container, *flags: str, **options: Any) -> dict[str, Any]:
    result = run(
        [
            *HARMLESS, str(ANSIBLE), host.name, "-i", f"{host.name},", "-e", json.dumps(inside(host)), *flags,
            "-m", "softtoken.compliance.chrony_config", "-a", json.dumps(options),
        ],
        check=False,
        env={"LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
    )  # fmt: skip
    _before, found, text = result.stdout.partition("=> {")
    assert found, result.stdout + result.stderr
    return {"failed": result.returncode != 0, **json.JSONDecoder().raw_decode("{" + text)[0]}


def running(host: Container) -> set[str]:
    rows = host.exec("chronyc", "-c", "-N", "sources", "-a").stdout
    return {row.split(",")[2] for row in rows.splitlines()}


def content(host: Container) -> str:
    return host.exec(
        "sh", "-c", "find /etc/chrony -type f -exec stat -c '%n %a %U %G' {} + -exec sha256sum {} + | sort"
    ).stdout


def test_the_whole_way_and_back(host: Container) -> None:
    original = content(host)
    before = running(host)
    # A DHCP client's server, as Debian's own hook leaves it.
    host.write("/run/chrony-dhcp/eth0.sources", "server 10.97.9.99 iburst\n")
    host.exec("chronyc", "reload", "sources")
    assert "10.97.9.99" in running(host)
    task: dict[str, Any] = {
        "sources": [{**SOURCES[0], "key": 1}, *SOURCES[1:]],
        "keys": [{"id": 1, "type": "SHA256", "value": "HEX:0123456789ABCDEF0123456789ABCDEF"}],
        "makestep": {"threshold": 0.5, "limit": -1},
        "exclusive": True,
    }
    done = config(host, **task)
    assert (done["changed"], done["action"]) == (True, "restarted"), done
    assert running(host) == NAMES
    assert host.exec("stat", "-c", "%a %U %G", "/etc/chrony/softtoken.keys").stdout.strip() == "640 root _chrony"
    assert host.exec("cat", "/etc/chrony/softtoken.keys", user="_chrony").stdout.endswith("CDEF\n")
    # The options of the unit, here the one that keeps the daemon from the clock, are still there.
    pid = host.exec("systemctl", "show", "-P", "MainPID", "chrony").stdout.strip()
    assert "-x" in host.read(f"/proc/{pid}/cmdline").split("\0")
    again = config(host, **task)
    assert (again["changed"], again["action"]) == (False, "none"), again
    one = config(host, **{**task, "sources": task["sources"][:2]})
    assert (one["changed"], one["action"]) == (True, "reloaded"), one
    assert running(host) == {source["address"] for source in SOURCES[:2]}
    gone = config(host, state="absent", backup=False)
    assert (gone["changed"], gone["action"]) == (True, "restarted"), gone
    for copy in done["backup_files"]:
        host.exec("rm", copy)
    assert content(host) == original
    assert running(host) == before | {"10.97.9.99"}


def test_rolls_back_through_systemd(host: Container) -> None:
    original, before = content(host), running(host)
    clock = {"type": "refclock", "driver": "PHC", "address": "/dev/there-is-no-such-clock"}
    result = config(host, sources=[*SOURCES, clock], exclusive=True)
    assert result["failed"]
    assert result["rolled_back"], result
    assert "systemctl restart chrony.service failed" in result["msg"]
    assert content(host) == original
    assert running(host) == before


def test_a_stopped_service_stays_stopped(host: Container) -> None:
    host.exec("systemctl", "stop", "chrony")
    result = config(host, sources=SOURCES)
    assert (result["changed"], result["action"], result["sources"]) == (True, "none", None), result
    assert host.exec("systemctl", "is-active", "chrony", check=False).stdout.strip() == "inactive"
    host.exec("systemctl", "start", "chrony")
    assert running(host) > NAMES
    assert config(host, sources=SOURCES)["changed"] is False


def test_the_file_that_the_unit_names_is_the_one_that_is_managed(host: Container) -> None:
    distribution = host.read("/etc/chrony/chrony.conf")
    options = host.read("/etc/default/chrony")
    config(host, state="absent", backup=False)
    unmanaged = host.read("/etc/chrony/chrony.conf")
    # No sourcedir or confdir: what is declared has to be made known to this very file.
    site = "".join(line for line in unmanaged.splitlines(True) if not line.startswith(("sourcedir", "confdir")))
    host.write("/etc/chrony/site.conf", site)
    host.write("/etc/default/chrony", 'DAEMON_OPTS="-x -f /etc/chrony/site.conf"\n')
    host.exec("systemctl", "restart", "chrony")
    try:
        done = config(host, sources=SOURCES, makestep={"threshold": 0.7, "limit": 2})
        assert not done["failed"], done
        assert "/etc/chrony/site.conf" in done["files"], done
        assert "/etc/chrony/chrony.conf" not in done["files"], done
        assert host.read("/etc/chrony/chrony.conf") == unmanaged
        assert running(host) >= NAMES
        assert config(host, sources=SOURCES, makestep={"threshold": 0.7, "limit": 2})["changed"] is False
    finally:
        config(host, state="absent", backup=False)
        host.write("/etc/default/chrony", options)
        host.write("/etc/chrony/chrony.conf", distribution)
        host.exec("rm", "/etc/chrony/site.conf")
        host.exec("systemctl", "restart", "chrony")
