"""The agent's report in the place of a measurement: real agents on real hosts, and reports that are not what they seem.

Whoever cheats here does so on hosts where a rival of chronyd was started after the report had been made: only a
measurement sees that, so ``compliant`` would be the forger's.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._agent_report import COMMAND, FILE, read_answer
from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import build

from tests.integration.agent_host import FILES, HOME, PARTS, role
from tests.integration.fleet import CONFIG, EVERYWHERE, ROOT, SERVERS, Fleet, Managed, Where, server
from tests.integration.playbooks import ansible_playbook, inside, inventory_of
from tests.rigs.shell import run, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.guest import Guest
    from tests.rigs.roots import Suite
    from tests.rigs.vm import VirtualMachine

AGENT = FILES / "softtoken_agent"
PROGRAMS = Path(sys.executable).parent
CHECK = f"python3 {HOME}/current check --format json"
#: What no two moments have in common, and by how much they differ at most: FAST samples wander.
MOVING = {"offset_s": 0.1, "bound_s": 0.1, "reference_age_s": 60.0, "frequency_ppm": 500.0}
#: What a tenth of a second makes of a code's chances, a step being 30 s.
MOVING |= dict.fromkeys(("strict", "rfc6238", "window1"), 0.004)
BOOT_ID = "/proc/sys/kernel/random/boot_id"
KEPT = "/root/report.json"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """Start hosts with an agent, all of them compliant as far as a container can be."""
    with Fleet() as started:
        for host in started.hosts:
            host.sh("useradd --system softtoken && useradd --create-home mallory")
            install(host)
            # Every container has the machine id of its image, and all have the boot of this machine.
            host.sh(f"echo {host.suite} | sha256sum | head -c 32 > /etc/machine-id")
        yield started


def install(host: Managed) -> None:
    """Put the agent there, without its service."""
    host.sh(f"mkdir -p {HOME}")
    archive = build(AGENT, module_utils=ROOT / "plugins" / "module_utils", parts=PARTS)
    Path(f"/proc/{host.pid}/root{HOME}/agent.pyz").write_bytes(archive)
    host.sh(f"python3 {HOME}/agent.pyz")


@pytest.fixture
def healthy(fleet: Fleet) -> Fleet:
    """Return hosts whose chronyd uses two servers, and whose agent has just measured."""
    fleet.configure(*(server(address) for address in SERVERS[:2]), "makestep 1 3")
    fleet.wait(lambda host: [row[1] in "*+-" for row in host.csv("sources")] == [True, True], "two usable sources")
    fleet.wait(Managed.selected, "a selected source")
    fleet.each(lambda host: host.sh("kill $(pidof ntpd) 2>/dev/null; rm -rf /run/softtoken", check=False))
    fleet.each(report)
    return fleet


def report(host: Managed) -> None:
    """Let the agent measure, as its timer does; by its own service where it is installed. Its status is the verdict."""
    host.sh(f"systemctl start softtoken-agent 2>/dev/null || {CHECK} || true")


def rewrite(host: Managed, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the report, as its owner."""
    found = json.loads(host.read(FILE))
    change(found)
    host.sh(f"printf %s {shlex.quote(json.dumps(found))} > {FILE}")


def results(fleet: Fleet, **options: Any) -> dict[Suite, dict[str, Any]]:
    found = fleet.ansible("host_facts", options)
    for suite, result in found.items():
        assert "ansible_facts" in result, f"{suite}: {result}"
    return found


def verdicts(found: dict[Suite, dict[str, Any]]) -> set[str]:
    return {result["ansible_facts"]["softtoken"]["verdict"] for result in found.values()}


def refused(found: dict[Suite, dict[str, Any]], why: str) -> None:
    """Assert that every host was measured, that its report was refused for this, and that nobody is compliant."""
    for suite, result in found.items():
        assert result["source"] == "module", f"{suite}: {result}"
        assert why in result.get("report", ""), f"{suite}: {result}"
    assert verdicts(found) == {"noncompliant"}


# --- both ways -------------------------------------------------------------------------------------------------------


def same(one: Any, other: Any, path: str = "") -> None:
    """Assert that two results are the same, but for what moves between two moments."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert set(one) == set(other), path
        for name in one:
            if name in MOVING and isinstance(one[name], int | float):
                assert one[name] == pytest.approx(other[name], abs=MOVING[name]), path
            else:
                same(one[name], other[name], f"{path}.{name}")
    else:
        assert one == other, path


def both_ways(
    fleet: Fleet, where: Where = EVERYWHERE, **options: Any
) -> tuple[dict[Suite, dict[str, Any]], dict[Suite, dict[str, Any]]]:
    """Return what a report and what a measurement give, of a moment in which no chronyd thought anew of a source."""

    def opinions(host: Managed) -> list[list[str]]:
        # A busy machine answers late, and chronyd drops a source for a poll or two: then the two differ rightly.
        return [row[:4] for report in ("sources", "selectdata") for row in host.csv(report)]

    hosts = [host for host in fleet.hosts if where.only in {None, host.suite}]
    for _attempt in range(6):
        before = [opinions(host) for host in hosts]
        for host in hosts:
            report(host)
        by_report, by_module = (
            fleet.ansible("host_facts", {**options, "max_report_age": age}, where) for age in (900, 0)
        )
        if before == [opinions(host) for host in hosts]:
            return by_report, by_module
    return pytest.fail("chronyd changed its mind of its sources all the time")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"authorised_sources": list(SERVERS)},
        {"authorised_sources": [SERVERS[0]], "min_sources": 3, "max_error": 0.5, "totp_validator": "strict"},
    ],
    ids=["defaults", "authorised", "another policy"],
)
def test_both_ways_give_the_same_facts(healthy: Fleet, options: dict[str, Any]) -> None:
    by_report, by_module = both_ways(healthy, **options)
    for suite, reported in by_report.items():
        assert (reported["source"], by_module[suite]["source"]) == ("agent", "module"), reported
        one, other = reported["ansible_facts"]["softtoken"], by_module[suite]["ansible_facts"]["softtoken"]
        assert one.pop("measured_at") <= other.pop("measured_at")
        same(one, other)
    assert (
        verdicts(by_report) == verdicts(by_module) == ({"noncompliant"} if "min_sources" in options else {"compliant"})
    )


def test_both_ways_give_the_same_long_form(healthy: Fleet) -> None:
    by_report, by_module = both_ways(healthy, detail=True)
    for suite, reported in by_report.items():
        assert reported["source"] == "agent", reported
        one, other = reported["detail"], by_module[suite]["detail"]
        # What the agent remembers is all that it can tell beyond a measurement.
        *_before, newest = one.pop("history")
        clock = reported["ansible_facts"]["softtoken"]["clock"]
        assert newest[1] == pytest.approx(clock["offset_s"], abs=1e-6)
        assert newest[2] == pytest.approx(clock["bound_s"], abs=MOVING["bound_s"])
        assert set(one) == set(other)
        assert (one["messages"], one["system"]) == (other["messages"], other["system"])
        assert (one["serials"], one["tokens"]) == (other["serials"], other["tokens"]) if "serials" in one else True


def test_one_command_and_no_python(healthy: Fleet) -> None:
    for host in healthy.hosts:
        healthy.round_trips(host)
    found = healthy.ansible("host_facts", {}, variables={"ansible_python_interpreter": "/nonexistent"})
    assert {result["source"] for result in found.values()} == {"agent"}
    assert [healthy.round_trips(host) for host in healthy.hosts] == [1, 1, 1]


def test_a_host_without_a_report_costs_the_module_besides(healthy: Fleet) -> None:
    healthy.each(lambda host: host.sh("rm -rf /run/softtoken"))
    counted = {}
    for age in (900, 0):
        for host in healthy.hosts:
            healthy.round_trips(host)
        found = results(healthy, max_report_age=age)
        assert all(result["source"] == "module" and "report" not in result for result in found.values()), found
        counted[age] = [healthy.round_trips(host) for host in healthy.hosts]
    assert counted[900] == [count + 1 for count in counted[0]]


def test_through_another_user(healthy: Fleet) -> None:
    # From root to mallory by su: whoever may run host_facts may read the report.
    become = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_user": "mallory"}
    found = healthy.ansible("host_facts", {}, variables=become)
    assert {result.get("source") for result in found.values()} == {"agent"}, found
    assert verdicts(found) == {"compliant"}


def test_what_the_agent_finds_wrong_is_told_the_same(healthy: Fleet) -> None:
    healthy.each(lambda host: host.sh("systemctl stop chrony"))
    healthy.each(report)
    by_report, by_module = results(healthy), results(healthy, max_report_age=0)
    assert {result["source"] for result in by_report.values()} == {"agent"}
    for suite, reported in by_report.items():
        one, other = (found["ansible_facts"]["softtoken"]["reasons"] for found in (reported, by_module[suite]))
        assert one == other
        assert "chrony.inactive" in one


@pytest.mark.parametrize(("variables", "source"), [({}, "agent"), ({"softtoken_max_report_age": 0}, "module")])
def test_a_compliance_run_takes_reports_unless_told_otherwise(
    healthy: Fleet, tmp_path: Path, variables: dict[str, Any], source: str
) -> None:
    host = inventory_of({"host": inside(healthy.host("trixie").container)})
    ran = ansible_playbook(tmp_path, ROOT / "playbooks" / "compliance.yml", host, "-v", **variables)
    assert ran.rc == 0, ran.output
    assert re.findall(r'"source": "(\w+)"', ran.output) == [source]
    assert ran.hosts["host"]["verdict"] == "compliant"


def test_the_agent_that_the_role_installs_sees_what_root_sees(healthy: Fleet, tmp_path: Path) -> None:
    # It is no root, and still it has to see chronyd's socket and the tokens in everybody's home.
    host = healthy.host("bookworm")
    profile = "[profile prod]\nmfa_serial = arn:aws:iam::123456789012:mfa/mallory\n"
    aws = f"mkdir -p /home/mallory/.aws && printf %s {shlex.quote(profile)} > /home/mallory/.aws/config"
    host.sh(
        f"rm -rf /run/softtoken; userdel softtoken; {aws}; chown -R mallory /home/mallory; chmod -R go= /home/mallory"
    )
    try:
        ran = role(tmp_path, inside(host.container))
        assert ran.rc == 0, ran.output

        def journal() -> str:
            return host.sh("journalctl --no-pager -n 30 -u softtoken-agent")

        wait_for(lambda: host.sh(f"ls {FILE}", check=False) != "", "the first check", hint=journal)
        by_report, by_module = (found[host.suite] for found in both_ways(healthy, EVERYWHERE._replace(only=host.suite)))
        assert (by_report["source"], by_module["source"]) == ("agent", "module"), by_report
        one, other = (found["ansible_facts"]["softtoken"] for found in (by_report, by_module))
        assert one.pop("measured_at") <= other.pop("measured_at")
        same(one, other)
        assert [serial["user"] for serial in one["serials"]] == ["mallory"]
    finally:
        gone = role(tmp_path / "gone", inside(host.container), drift_agent_state="absent")
        assert gone.rc == 0, gone.output
        host.sh("rm -rf /home/mallory/.aws; useradd --system softtoken")
        install(host)


# --- reports that do not count ---------------------------------------------------------------------------------------


@pytest.fixture
def fallen(healthy: Fleet) -> Fleet:
    """Return hosts that were compliant when their agent measured, and are not any more."""
    assert {result["source"] for result in results(healthy).values()} == {"agent"}
    rival = "cp /bin/sleep /usr/local/bin/ntpd && (setsid ntpd 1000 >/dev/null 2>&1 &)"
    healthy.each(lambda host: host.sh(f"cp -p {FILE} {KEPT}; {rival}"))
    return healthy


def test_an_old_report(fallen: Fleet) -> None:
    def age(found: dict[str, Any]) -> None:
        found.update(taken_at_s=found["taken_at_s"] - 1000, boottime_s=found["boottime_s"] - 1000)

    fallen.each(lambda host: rewrite(host, age))
    refused(results(fallen), "stale: 10")
    assert verdicts(results(fallen, max_report_age=86400)) == {"compliant"}


def test_a_replayed_report(fallen: Fleet) -> None:
    # What it says of its own age is signed by nothing; a younger stamp than this boot's own clock is refused.
    def renew(found: dict[str, Any]) -> None:
        found.update(taken_at_s=found["taken_at_s"] + 1000, boottime_s=found["boottime_s"] + 1000)

    fallen.each(lambda host: rewrite(host, renew))
    refused(results(fallen), "has not been running for as long")


def test_a_report_of_another_boot(fallen: Fleet) -> None:
    fallen.each(lambda host: rewrite(host, lambda found: found.update(boot_id="another")))
    refused(results(fallen), "another boot")


def test_a_report_of_another_host(fallen: Fleet) -> None:
    # Containers share their machine's boot, so that alone tells nothing.
    reports = [host.read(KEPT) for host in fallen.hosts]
    for host, other in zip(fallen.hosts, [*reports[1:], reports[0]], strict=True):
        host.sh(f"printf %s {shlex.quote(other)} > {FILE}")
    refused(results(fallen), "written on another host")


def test_a_report_of_another_version(fallen: Fleet) -> None:
    fallen.each(lambda host: rewrite(host, lambda found: found.update(agent_version="0.0.1")))
    refused(results(fallen), "version 0.0.1")


def test_a_report_that_the_agent_took_back(fallen: Fleet) -> None:
    fallen.each(
        lambda host: host.sh(f"mkdir -p /etc/softtoken; echo nonsense > /etc/softtoken/agent.conf; {CHECK} || true")
    )
    try:
        refused(results(fallen), "it is stale, as the agent says")
    finally:
        fallen.each(lambda host: host.sh("rm -r /etc/softtoken"))


def test_another_user_cannot_plant_a_report(fallen: Fleet) -> None:
    def plant(host: Managed) -> None:
        host.sh(f"cp {KEPT} /home/mallory/report.json && chown mallory /home/mallory/report.json")
        rosy = "/home/mallory/report.json"
        for attempt in (
            f"cp {rosy} {FILE}",
            f"ln -sf {rosy} {FILE}",
            f"mv {rosy} {FILE}",
            "mv /run/softtoken /run/elsewhere",
            f"rm {FILE}",
            "mkdir -p /run/softtoken2 && mv -T /run/softtoken2 /run/softtoken",
        ):
            told = host.sh(f"su mallory -s /bin/sh -c {shlex.quote(attempt)} 2>&1; echo $?", check=False).split()
            assert told[-1] != "0", f"{host.suite}: {attempt}"

    # The agent measures again, so the report tells of the rival.
    fallen.each(report)
    fallen.each(plant)
    found = results(fallen)
    assert {result["source"] for result in found.values()} == {"agent"}
    assert verdicts(found) == {"noncompliant"}


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        ("chmod 0777 /run/softtoken", "/run/softtoken can be written by others"),
        ("chmod 0775 /run/softtoken", "/run/softtoken can be written by others"),
        ("chown mallory /run/softtoken", "/run/softtoken belongs to mallory"),
        (f"chown mallory {FILE}", f"{FILE} belongs to mallory"),
        (f"chmod 0666 {FILE}", f"{FILE} can be written by others"),
        (f"mv {FILE} /home/mallory; ln -s /home/mallory/report.json {FILE}", f"{FILE} is no regular file"),
        (f"rm {FILE}; ln -s /nonexistent {FILE}", f"{FILE} is no regular file"),
        (f"rm {FILE}; mkfifo {FILE}", f"{FILE} is no regular file"),
        (f"rm {FILE}; mkdir {FILE}", f"{FILE} is no regular file"),
        ("mv /run/softtoken /run/real; ln -s /run/real /run/softtoken", "/run/softtoken is no directory"),
        (f"head -c 300000 /dev/zero >> {FILE}", "longer than"),
        (f"head -c 3000 {KEPT} > {FILE}", "no JSON"),
        (f": > {FILE}", "no JSON"),
    ],
)
def test_a_report_in_a_place_that_others_reach(fallen: Fleet, planted: str, why: str) -> None:
    fallen.each(lambda host: host.sh(planted))
    try:
        refused(results(fallen), why)
    finally:
        fallen.each(lambda host: host.sh("rm -rf /run/softtoken /run/real"))


def test_a_report_from_before_a_step(fallen: Fleet) -> None:
    forged_date = (
        '#!/bin/sh\nif [ "$1" = "+wall %s %N" ]; then exec /bin/date -d "90.5 seconds" "$@"; fi\nexec /bin/date "$@"\n'
    )
    fallen.each(
        lambda host: host.sh(
            f"printf %s {shlex.quote(forged_date)} > /usr/local/bin/date; chmod 755 /usr/local/bin/date"
        )
    )
    try:
        refused(results(fallen), "the clock was stepped since, by +90")
    finally:
        fallen.each(lambda host: host.sh("rm /usr/local/bin/date"))


@pytest.mark.parametrize(
    "change",
    [
        f"echo '# changed' >> {CONFIG}",
        "rm -f /etc/chrony/conf.d/README",
        "systemctl restart chrony",
    ],
    ids=["configuration", "drop-in", "restart"],
)
def test_a_report_from_before_a_change(fallen: Fleet, change: str) -> None:
    fallen.each(
        lambda host: host.sh("mkdir -p /etc/chrony/conf.d; touch -d '1 hour ago' /etc/chrony /etc/chrony/conf.d")
    )
    fallen.each(lambda host: host.sh("sleep 1; " + change))
    refused(results(fallen), "chronyd was started, or its configuration changed")


@pytest.mark.parametrize("end", ["systemctl stop chrony", "systemctl mask chrony; kill -9 $(pidof chronyd)"])
def test_a_report_of_a_chronyd_that_is_gone(fallen: Fleet, end: str) -> None:
    fallen.each(lambda host: host.sh(end))
    try:
        refused(results(fallen), "runs no more")
    finally:
        fallen.each(lambda host: host.sh("systemctl unmask chrony"))


def test_other_questions_are_measured(fallen: Fleet) -> None:
    refused(results(fallen, witness_servers=[SERVERS[2]]), "witness_servers")
    found = results(fallen, gather_subset=["clock", "service"])
    assert {result["source"] for result in found.values()} == {"module"}
    assert all("gather_subset" in result["report"] for result in found.values())


# --- the clock itself ------------------------------------------------------------------------------------------------


@pytest.fixture
def watched(guest: Guest) -> Callable[[float], None]:
    """Return what has a clock that is so many seconds off, a chronyd that is content with it, and a report of that."""
    archive = base64.b64encode(build(AGENT, module_utils=ROOT / "plugins" / "module_utils", parts=PARTS)).decode()
    machine = guest.machine
    machine.run(f"mkdir -p {HOME} && base64 -d > {HOME}/agent.pyz && python3 {HOME}/agent.pyz", stdin=archive)

    def content() -> bool:
        told = json.loads(machine.run(f"{CHECK} >/dev/null; cat {FILE}").stdout)["facts"]
        return bool(told["verdict"] == "compliant")

    def wrong(wrong_s: float) -> None:
        guest.lie(wrong_s)
        source = guest.source
        line = f"server {source['address']} port {source['port']} iburst minpoll 0 maxpoll 2"
        guest.start_with(f"{line}\nrtcsync\nmakestep 1 3\n", wrong_s)
        # It steps by itself at first, and a step of ours would not outlast that.
        guest.wait_for_updates()
        wait_for(content, "an agent that finds nothing wrong", timeout=600, every=2)
        assert guest.wrong_s() == pytest.approx(wrong_s, abs=5)

    return wrong


def test_a_right_clock_over_a_real_connection(guest: Guest, watched: Callable[[float], None]) -> None:
    # First, since files that were written on a fast clock stay newer than any report until that time has come.
    watched(0)
    machine = guest.machine
    result = host_facts(machine)
    assert (result["source"], result["ansible_facts"]["softtoken"]["verdict"]) == ("agent", "compliant"), result
    (witness,) = result["ansible_facts"]["softtoken"]["clock"]["witnesses"]
    # The clock is right, so the controller's interval has to hold 0.
    assert abs(witness["offset_s"]) <= witness["uncertainty_s"] + 0.2

    # chrony_makestep, or an operator: whoever moves the clock makes every report before that old.
    machine.set_clock(-5)
    moved = host_facts(machine)
    assert moved["source"] == "module"
    assert "stepped since, by -" in moved["report"]


def test_the_controller_contradicts_an_honest_looking_report(guest: Guest, watched: Callable[[float], None]) -> None:
    # chronyd follows a server that is 90 s off, and all that the host can see of itself is in order.
    watched(90)
    result = host_facts(guest.machine)
    assert result["source"] == "module", result
    assert "contradicted: witness.disagrees" in result["report"]
    found = result["ansible_facts"]["softtoken"]
    assert found["verdict"] == "noncompliant"
    (witness,) = found["clock"]["witnesses"]
    assert found["clock"]["offset_s"] == pytest.approx(90, abs=witness["uncertainty_s"] + 5)


def host_facts(machine: VirtualMachine) -> dict[str, Any]:
    argv = [str(PROGRAMS / "ansible"), machine.name, "-i", str(machine.inventory)]
    argv += ["-m", "softtoken.compliance.host_facts"]
    printed = run(argv, env={"LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, timeout=300).stdout
    result: dict[str, Any] = json.JSONDecoder().raw_decode(printed.partition(" => ")[2])[0]
    return result


# --- the shells of other hosts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
def test_any_shell_will_do(tmp_path: Path, shell: str) -> None:
    """BusyBox, as Alpine has it: its own date, ls and head, of which the date may know no fractions."""
    program = shell.split(maxsplit=1)[0]
    assert shutil.which(program), f"{program} is not installed; see requirements/system-test.txt"
    folder = tmp_path / "bin"
    folder.mkdir()
    if program == "busybox":
        for name in ("date", "ls", "head"):
            (folder / name).symlink_to(str(shutil.which("busybox")))
    script = tmp_path / "script"
    script.write_text(
        "set -e\nmount -t tmpfs -o mode=755 tmpfs /run\nmkdir /run/softtoken\n"
        f"echo '{{\"schema\": 1}}' > {FILE}\nPATH={folder}:$PATH exec {shell} -c {shlex.quote(COMMAND)}\n",
        encoding="utf-8",
    )
    before, began_s = time.time(), time.monotonic()
    ran = run(["unshare", "--mount", "/bin/sh", str(script)])
    took_s = time.monotonic() - began_s
    found = read_answer(ran.stdout)
    assert found is not None
    assert (found.boot_id, ran.stderr) == (Path(BOOT_ID).read_text(encoding="ascii").strip(), "")
    assert before - 1 <= found.earliest_s <= found.latest_s <= time.time() + 1
    # The uptime has hundredths of a second.
    assert 0 <= found.after_s - found.before_s <= took_s + 0.01
    assert found.listed[FILE] == ("-rw-r--r--", "root")
    assert found.listed["/run"] == ("drwxr-xr-x", "root")
    assert (found.changed, found.text) == (False, '{"schema": 1}\n')


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
def test_without_a_report_the_command_says_nothing(shell: str) -> None:
    assert not Path(FILE).exists()
    ran = run([*shell.split(), "-c", COMMAND])
    assert (ran.stdout, ran.stderr) == ("", "")
