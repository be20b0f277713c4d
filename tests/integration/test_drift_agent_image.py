"""The role drift_agent in the files of a machine that does not run, and those files in a virtual machine that does.

Only a virtual machine has a clock to be wrong, and a systemd that sets the whole sandbox up.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.agent_host import COMMAND, CONFIG, FACTS, HISTORY, HOME, REPORT, role
from tests.rigs.roots import root
from tests.rigs.shell import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.guest import Guest
    from tests.integration.playbooks import Run

#: What the role leaves in an image, apart from the user.
INSTALLED = [HOME, COMMAND, "/etc/softtoken", "/etc/systemd/system"]
PROBE = """[Service]
ExecStart=
ExecStart=/bin/sh -c '%s'
ExecStopPost=
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a machine, as an image builder mounts them."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", root("bookworm", "chrony").tar], check=True)
    for name, kind in (("null", (1, 3)), ("urandom", (1, 9))):
        subprocess.run(["mknod", "-m", "666", folder / "dev" / name, "c", *map(str, kind)], check=True)
    return folder


@pytest.fixture(scope="module")
def built(image: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    host: dict[str, Any] = {
        "ansible_connection": "community.general.chroot",
        "ansible_host": str(image),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    folder = tmp_path_factory.mktemp("built")
    return role(folder / "first", host), role(folder / "again", host)


def test_an_image_gets_an_enabled_timer_and_nothing_of_the_builder(built: tuple[Run, Run], image: Path) -> None:
    first, again = built
    assert first.rc == 0, first.output
    assert again.recap["host"]["changed"] == 0, again.output
    assert (image / "etc/systemd/system/timers.target.wants/softtoken-agent.timer").is_symlink()
    assert (image / f".{HOME}/current/__main__.py").is_file()
    baked = [
        path
        for path in (REPORT, FACTS, HISTORY, "/var/lib/softtoken", "/run/softtoken")
        if (image / f".{path}").exists()
    ]
    assert baked == []
    users = (image / "etc/passwd").read_text(encoding="utf-8")
    assert re.search(r"^softtoken:x:\d+:\d+:.*:/nonexistent:/usr/sbin/nologin$", users, re.MULTILINE)


@pytest.fixture(scope="module")
def agent(built: tuple[Run, Run], image: Path, guest: Guest) -> Guest:
    """The virtual machine with what the role put into the image."""
    assert built[0].rc == 0, built[0].output
    files = [f".{path}" for path in INSTALLED]
    packed = subprocess.run(["tar", "-C", image, "-c", *files], capture_output=True, check=True).stdout
    machine = guest.machine
    machine.run("base64 -d | tar -C / -x --no-same-owner", stdin=_base64(packed))
    machine.run("useradd --system --no-create-home --shell /usr/sbin/nologin softtoken && systemctl daemon-reload")
    return guest


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def look(agent: Guest) -> dict[str, Any]:
    """Run the service once, whatever it finds; its report."""
    agent.machine.run("systemctl start softtoken-agent.service", check=False)
    report: dict[str, Any] = json.loads(agent.machine.run(f"cat {REPORT}").stdout)
    return report


def probe(agent: Guest, script: str) -> str:
    """Run a script in the unit's sandbox; what it printed."""
    folder = "/etc/systemd/system/softtoken-agent.service.d"
    agent.machine.run(f"mkdir -p {folder}; cat > {folder}/probe.conf; systemctl daemon-reload", stdin=PROBE % script)
    try:
        agent.machine.run("systemctl start softtoken-agent.service")
        invocation = agent.machine.run("systemctl show -P InvocationID softtoken-agent.service").stdout.strip()
        return agent.machine.run(f"journalctl --sync; journalctl -o cat _SYSTEMD_INVOCATION_ID={invocation}").stdout
    finally:
        agent.machine.run(f"rm -r {folder}; systemctl daemon-reload")


def test_the_service_sees_a_clock_that_is_wrong(agent: Guest) -> None:
    agent.start_quickly(300.0)
    agent.wait_for_belief(200.0)
    report = look(agent)
    assert report["facts"]["verdict"] == "noncompliant"
    assert report["facts"]["clock"]["offset_s"] > 200
    assert report["facts"]["totp"]["accept_probability"]["rfc6238"] == 0.0
    # As root sees it: selectdata needs chronyd's socket, the processes' users need /proc, services the bus.
    assert report["facts"]["chrony"]["active"] is True
    assert "501" not in report["measured"]["look"][6][1].split()
    assert json.loads(agent.machine.run(f"cat {FACTS}").stdout)["verdict"] == "noncompliant"


def test_the_sandbox_closes_what_the_capability_opens(agent: Guest) -> None:
    script = (
        "id -un; touch /etc/x || echo etc is closed; touch /usr/x || echo usr is closed;"
        " touch /root/x || echo root is closed; ls /run | xargs; test -S /run/systemd/private || echo no way to init;"
        " date -s 2020-01-01 >/dev/null || echo clock is closed;"
        " touch /run/softtoken/fine && rm /run/softtoken/fine && echo own"
    )
    told = probe(agent, script)
    for line in (
        "softtoken",
        "etc is closed",
        "usr is closed",
        "root is closed",
        "no way to init",
        "clock is closed",
        "own",
    ):
        assert re.search(rf"^{line}$", told, re.MULTILINE), told
    assert re.search(r"^chrony dbus softtoken systemd$", told, re.MULTILINE), told


def test_a_step_beside_the_agent_is_noticed(agent: Guest) -> None:
    agent.start(0.0)
    # Whether chronyd follows a source by now is no matter here.
    look(agent)
    agent.machine.set_clock(90.0)
    notices = dict(look(agent)["notices"])
    # chronyd slews while the agent looks, by 5 s a minute.
    assert notices["clock_step"] == pytest.approx(90, abs=5)


def enforce(agent: Guest, **values: Any) -> None:
    """Change the configuration's section enforce."""
    for name, value in values.items():
        agent.machine.run(f"sed -i '/^.enforce/,$ s/^{name} = .*/{name} = {value}/' {CONFIG}")


def journal(agent: Guest) -> str:
    return agent.machine.run("journalctl --sync; journalctl -u softtoken-agent -o cat").stdout


def newest(agent: Guest) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(agent.machine.run(f"tail -n 1 {HISTORY}").stdout)
    return entry


def test_the_timer_steps_where_that_is_allowed_and_no_more_often(agent: Guest) -> None:
    agent.start_quickly(-120.0)
    agent.wait_for_belief(100.0)
    enforce(agent, enabled="true", at_most=1)
    agent.machine.run("systemctl start softtoken-agent.timer")
    last = f"tail -n 1 {HISTORY}"
    try:
        wait_for(
            lambda: "stepped_s" in agent.machine.run(last, check=False).stdout,
            "the timer to step the clock",
            timeout=300,
            every=1,
        )
    finally:
        agent.machine.run("systemctl stop softtoken-agent.timer")
    assert abs(agent.wrong_s()) < 2
    assert newest(agent)["stepped_s"] == pytest.approx(120, abs=20)
    assert newest(agent)["offset_s"] == pytest.approx(0, abs=2)
    told = journal(agent)
    assert re.search(r"stepped the clock by \+1\d\d\.\d+ s, and verified it", told), told

    # Something sets it wrong again within the hour.
    agent.start_quickly(-90.0)
    agent.wait_for_belief(70.0)
    assert look(agent)["facts"]["verdict"] == "noncompliant"
    assert agent.wrong_s() < -60
    assert "stepped_s" not in newest(agent)
    told = journal(agent)
    refusal = r"the clock is -\d+\.\d+ s off and was not stepped: 1 attempts within 3600 s are the limit"
    assert re.search(refusal, told), told
    assert told.count("stepped the clock by") == 1

    # It was the limit that held it back, and nothing else.
    enforce(agent, at_most=2)
    look(agent)
    assert abs(agent.wrong_s()) < 2


def test_the_step_on_command_moves_the_clock_and_says_so(agent: Guest) -> None:
    enforce(agent, enabled="false")
    agent.start_quickly(60.0)
    agent.wait_for_belief(40.0)
    predicted = agent.machine.run("softtoken-agent step --dry-run").stdout
    assert "would be stepped by -" in predicted
    assert agent.wrong_s() > 30
    told = agent.machine.run("softtoken-agent step").stdout
    assert "(verified)" in told
    assert abs(agent.wrong_s()) < 2


def test_a_clock_far_in_the_past_is_measured_all_the_same(agent: Guest) -> None:
    before = look(agent)["sequence"]
    agent.start(-1000000000.0)
    report = look(agent)
    assert report["sequence"] == before + 1
    assert report["facts"]["measured_at"].startswith("199")
    assert report["facts"]["verdict"] != "compliant"
    assert dict(report["notices"])["clock_step"] < -9e8
    agent.machine.set_clock(0.0)
