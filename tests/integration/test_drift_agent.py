"""The role drift_agent and the agent it installs, on a Debian host with systemd and a real chronyd."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import MAX_POINTS
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from tests.integration.agent_host import (
    COMMAND,
    CONFIG,
    FACTS,
    HISTORY,
    HOME,
    METRICS,
    REPORT,
    follow,
    install_archive,
    older_archive,
    report_of,
    role,
)
from tests.integration.playbooks import HARMLESS, ROOT, Run, inside
from tests.rigs.containers import ENVIRONMENT, Container, boot, serve_time
from tests.rigs.network import Network
from tests.rigs.shell import environment, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rigs.shell import Result

SERVER = "10.95.0.1"
#: Checks often, so that a test need not wait.
OFTEN = {"drift_agent_interval": 3, "drift_agent_jitter": 0}


@pytest.fixture(scope="module")
def host() -> Iterator[Container]:
    """A host with chronyd, without psutil, where an earlier release of the agent is installed."""
    with (
        Network() as network,
        serve_time(network.host("ntp1", SERVER)),
        boot(network.host("agent", "10.95.0.10"), "bookworm", "bare") as container,
    ):
        container.exec("apt-get", "-qq", "update")
        keep = "--option=Dpkg::Options::=--force-confold"  # /etc/default/chrony, which says -x
        container.exec("apt-get", "-qq", "-y", "--no-install-recommends", keep, "install", "chrony", timeout=300)
        follow(container, SERVER)
        container.exec("mkdir", "-p", str(Path(METRICS).parent))
        wait_for(lambda: "*" in sources(container), "chronyd to follow the server")
        yield container


def sources(container: Container) -> str:
    return container.exec("chronyc", "-c", "sources", check=False).stdout


@pytest.fixture(scope="module")
def story(host: Container, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Predicted, installed over an earlier release, run again."""
    folder = tmp_path_factory.mktemp("story")
    predicted = role(folder / "check", inside(host), "--check", "--diff", **OFTEN)
    assert host.exec("test", "-e", HOME, check=False).returncode == 1, "check mode changed the host"
    older = install_archive(host, older_archive(folder), folder)
    first = role(folder / "first", inside(host), "--diff", **OFTEN)
    assert first.rc == 0, first.output
    wait_for(
        lambda: host.exec("test", "-e", FACTS, check=False).returncode == 0,
        "the first check",
        timeout=30,
        hint=lambda: host.exec("journalctl", "--no-pager", "-n", "30", "-u", "softtoken-agent", check=False).stdout,
    )
    # Without pipelining, so that what it runs can be counted.
    again = role(folder / "again", {**inside(host), "ansible_pipelining": False}, "-vvv", **OFTEN)
    return {"predicted": predicted, "older": older, "first": first, "again": again}


@pytest.fixture
def agent(story: dict[str, Any], host: Container) -> Iterator[Container]:
    """The installed agent, left alone by its timer during the test."""
    assert story["first"].rc == 0, story["first"].output
    host.exec("systemctl", "stop", "softtoken-agent.timer", "softtoken-agent.service")
    config = host.read(CONFIG)
    check(host)
    yield host
    host.write(CONFIG, config)
    host.exec("systemctl", "start", "softtoken-agent.timer")


def check(container: Container, *arguments: str) -> Result:
    return container.exec("softtoken-agent", "check", *arguments, check=False)


# --- the role --------------------------------------------------------------------------------------------------------


def test_check_mode_predicts(story: dict[str, Any]) -> None:
    predicted: Run = story["predicted"]
    assert predicted.rc == 0, predicted.output
    assert predicted.recap["host"]["changed"] > 5
    assert "would install python3-psutil" in predicted.output


def test_it_installs_once(story: dict[str, Any]) -> None:
    assert story["first"].rc == 0, story["first"].output
    assert story["first"].recap["host"]["changed"] > 5
    assert "+max_error = 1.0" in story["first"].output
    assert story["again"].rc == 0, story["again"].output
    assert story["again"].recap["host"]["changed"] == 0, story["again"].output


def test_a_host_that_has_it_costs_few_executions(story: dict[str, Any]) -> None:
    files = ["stat", "file"]  # a file that is as it should be: looked at by its contents, and by its attributes
    assert story["again"].executions == [
        "host_facts",
        "group",
        "user",
        *files,  # the archive
        "command",
        "slurp",
        *files,  # the configuration
        *files,  # the service
        *files,  # the timer
        "systemd_service",
    ]


def test_an_upgrade_replaces_the_version_before_and_says_so(story: dict[str, Any], host: Container) -> None:
    older = story["older"].removeprefix("installed ")
    assert older.startswith("0.0.0.1.0-")
    assert f"replacing {older}" in story["first"].output
    current = host.exec("readlink", f"{HOME}/current").stdout.strip()
    assert current != older
    assert current in host.exec("softtoken-agent", "--version").stdout
    # A check that began before the upgrade still finds its code.
    assert set(host.exec("ls", HOME).stdout.split()) >= {current, older, "current"}


def test_a_change_of_the_configuration_is_predicted_and_shown(
    story: dict[str, Any], host: Container, tmp_path: Path
) -> None:
    assert story["again"].rc == 0
    command = host.read(COMMAND)
    changed = {"drift_agent_max_error": 2.5, "drift_agent_python": "/usr/bin/python3.11"}
    run_ = role(tmp_path, inside(host), "--check", "--diff", **OFTEN, **changed)
    assert run_.rc == 0, run_.output
    assert f"softtoken-agent: would have set up {COMMAND}" in run_.output
    assert host.read(COMMAND) == command
    assert "-max_error = 1.0" in run_.output
    assert "+max_error = 2.5" in run_.output
    assert "max_error = 1.0" in host.read(CONFIG)


def test_a_configuration_that_is_wrong_is_refused_before_it_is_there(
    story: dict[str, Any], host: Container, tmp_path: Path
) -> None:
    assert story["again"].rc == 0
    run_ = role(tmp_path, inside(host), **OFTEN, drift_agent_warn_error=7.0)
    assert run_.rc == 2
    assert "a warning has to come before the violation" in run_.output
    assert "warn_error = 0.5" in host.read(CONFIG)


def test_the_timer_fires_again_and_again(story: dict[str, Any], host: Container) -> None:
    assert story["first"].rc == 0
    before = report_of(host)["sequence"]
    wait_for(lambda: report_of(host)["sequence"] >= before + 2, "two checks by the timer", timeout=60)
    assert host.exec("systemctl", "is-enabled", "softtoken-agent.timer").stdout.strip() == "enabled"
    journal = host.exec("journalctl", "--no-pager", "-u", "softtoken-agent").stdout
    assert "SOFTTOKEN OK - the clock is right | offset=" in journal


def test_the_unit_is_hardened(story: dict[str, Any], host: Container) -> None:
    assert story["first"].rc == 0
    told = host.exec("systemd-analyze", "security", "--no-pager", "softtoken-agent.service").stdout
    match = re.search(r"Overall exposure level for softtoken-agent.service: ([\d.]+)", told)
    assert match is not None, told
    assert float(match.group(1)) <= 2.0, told


def test_setup_finds_the_facts(story: dict[str, Any], host: Container, tmp_path: Path) -> None:
    assert story["first"].rc == 0
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"host": inside(host)}}}), encoding="utf-8")
    argv = [str(Path(sys.executable).with_name("ansible")), "host", "-i", str(inventory), "-o", "-m", "setup"]
    ran = run(
        [*HARMLESS, *argv, "-a", "gather_subset=!all,!min,local"],
        env=environment({**ENVIRONMENT, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}),
    )
    facts = json.loads(ran.stdout.partition("=> ")[2])["ansible_facts"]["ansible_local"]["softtoken"]
    assert facts["verdict"] == "compliant"
    assert facts["clock"]["reference"] == SERVER
    assert facts["agent"]["stale"] is None


# --- what a check leaves ---------------------------------------------------------------------------------------------


def test_a_check_measures_what_root_would_see(agent: Container) -> None:
    agent.exec("systemctl", "start", "softtoken-agent.service")
    by_service = report_of(agent)
    assert check(agent).returncode == 0
    by_root = report_of(agent)
    assert by_service["facts"]["verdict"] == by_root["facts"]["verdict"] == "compliant"
    for name in ("chrony", "tokens", "serials", "attached_role", "totp"):
        assert by_service["facts"][name] == by_root["facts"][name]
    # Only root, chronyd's user and whoever has the capability gets this report from chronyd.
    text = by_service["measured"]["look"][6][1]
    assert "501" not in text.split()
    assert by_service["sequence"] + 1 == by_root["sequence"]


def test_files_belong_to_whom_they_should(agent: Container) -> None:
    agent.exec("systemctl", "start", "softtoken-agent.service")
    stat = agent.exec("stat", "-c", "%a %U %F", REPORT, HISTORY, FACTS, METRICS, "/run/softtoken", "/var/lib/softtoken")
    assert stat.stdout.splitlines() == [
        "644 softtoken regular file",
        "644 softtoken regular file",
        "644 root regular file",
        "644 softtoken regular file",
        "755 softtoken directory",
        "755 softtoken directory",
    ]


def test_another_user_can_plant_nothing(agent: Container) -> None:
    for path in (
        REPORT,
        FACTS,
        HISTORY,
        METRICS,
        "/run/softtoken/x",
        "/etc/ansible/facts.d/x.fact",
        f"{HOME}/current/x",
    ):
        refused = agent.exec("sh", "-c", f"echo forged > {path}", user="nobody", check=False)
        assert refused.returncode != 0, path
        assert agent.exec("ln", "-sfn", "/etc", path, user="nobody", check=False).returncode != 0, path
    held = agent.exec("flock", "--nonblock", "/run/softtoken/lock", "true", user="nobody", check=False)
    assert held.returncode != 0
    assert report_of(agent)["facts"]["verdict"] == "compliant"


def test_no_fact_that_the_agents_user_made_executable_is_run(agent: Container) -> None:
    forged = "#!/bin/sh\ntouch /root/owned\n"
    agent.write("/run/softtoken/softtoken.fact", forged, mode="0755")
    publish = ("sh", f"{HOME}/current/softtoken_agent/publish", "/run/softtoken/softtoken.fact", FACTS)
    agent.exec(*publish)
    assert agent.exec("stat", "-c", "%a %U", FACTS).stdout.strip() == "644 root"
    agent.exec("ln", "-sfn", "/etc/shadow", "/run/softtoken/softtoken.fact")
    agent.exec(*publish)
    assert agent.read(FACTS) == forged


def test_what_others_could_write_or_changed_is_taken_back(agent: Container, tmp_path: Path) -> None:
    facts = str(Path(FACTS).parent)
    version = agent.exec("readlink", f"{HOME}/current").stdout.strip()
    agent.exec("chmod", "0777", HOME, facts)
    agent.exec("ln", "-s", "/root/precious", f"{FACTS}.new", user="nobody")
    assert agent.exec("systemctl", "start", "softtoken-agent.service").returncode == 0
    said = agent.exec("journalctl", "--no-pager", "-n", "30", "-u", "softtoken-agent").stdout
    assert f"{facts} is no directory that only root may write to" in said
    assert agent.exec("test", "-e", FACTS, "-o", "-e", "/root/precious", check=False).returncode == 1
    agent.exec("rm", f"{HOME}/{version}/softtoken_agent/publish")
    ran = role(tmp_path, inside(agent), **OFTEN)
    assert f"softtoken-agent: mended {HOME}; mended {version}; mended {facts}" in ran.output
    assert agent.exec("stat", "-c", "%a %U", HOME, facts).stdout.splitlines() == ["755 root"] * 2
    wait_for(lambda: agent.exec("test", "-e", FACTS, check=False).returncode == 0, "facts again", timeout=30)
    assert version in agent.exec("softtoken-agent", "--version").stdout


def test_metrics_are_valid_in_both_formats(agent: Container) -> None:
    text = agent.read(METRICS)
    families = {family.name: family for family in read_openmetrics(text)}
    assert families["softtoken_clock_offset_seconds"].unit == "seconds"
    verdicts = {sample.labels["verdict"]: sample.value for sample in families["softtoken_verdict"].samples}
    assert verdicts == {"compliant": 1, "noncompliant": 0, "unknown": 0}
    assert {family.type for family in read_prometheus(text)} == {"gauge"}
    assert check(agent, "--format", "prometheus").stdout.startswith("# HELP softtoken_verdict ")


def test_status_tells_the_verdict_and_what_to_do(agent: Container) -> None:
    shown = agent.exec("softtoken-agent", "status", user="nobody")
    assert re.search(r"^verdict +compliant$", shown.stdout, re.MULTILINE)
    assert re.search(rf"^source +{re.escape(SERVER)}, stratum 3", shown.stdout, re.MULTILINE)
    agent.exec("systemctl", "stop", "chrony")
    try:
        assert check(agent).returncode == 2
        shown = agent.exec("softtoken-agent", "status", check=False)
    finally:
        agent.exec("systemctl", "start", "chrony")
    assert shown.returncode == 2
    assert re.search(r"^status +CRITICAL$", shown.stdout, re.MULTILINE)
    assert re.search(r"^because +chrony\.inactive: .*start", shown.stdout, re.MULTILINE)


def test_formats_and_exit_codes(agent: Container) -> None:
    wait_for(lambda: check(agent).returncode == 0, "the clock to be right again")
    nagios = agent.exec("softtoken-agent", "status", "--format", "nagios")
    assert re.fullmatch(
        r"SOFTTOKEN OK - the clock is right \| offset=\S+s bound=\S+s;0\.5;1;0 sources=1;;1: .*\n", nagios.stdout
    )
    told = json.loads(agent.exec("softtoken-agent", "status", "--format", "json").stdout)
    assert (told["status"], told["softtoken"]["verdict"]) == ("ok", "compliant")
    agent.write(CONFIG, "[policy]\nmin_sources = 2\n")
    assert check(agent, "--format", "nagios").returncode == 2
    agent.write(CONFIG, "[policy]\nwarn_error = 0.000000001\n")
    refused = check(agent, "--format", "nagios")
    assert refused.returncode == 3
    assert agent.exec("softtoken-agent", "stratus", check=False).returncode == 3


def test_history_shows_checks_and_the_days_to_lockout(agent: Container) -> None:
    wait_for(lambda: check(agent).returncode == 0, "the clock to be right again")
    shown = json.loads(agent.exec("softtoken-agent", "history", "--format", "json", "--count", "2").stdout)
    assert len(shown["checks"]) == 2
    assert shown["checks"][0]["sequence"] + 1 == shown["checks"][1]["sequence"]
    assert shown["days_to_lockout"] > 0
    # The report carries the same for a chart, its own check included, and no more of them than a chart needs.
    points = report_of(agent)["history"]
    told = agent.exec("softtoken-agent", "history", "--format", "json", "--count", "100000").stdout
    checks = [[one["taken_at_s"], one["offset_s"], one["bound_s"]] for one in json.loads(told)["checks"]]
    # The timer may have let it check again since.
    checks = checks[: checks.index(points[-1]) + 1]
    assert [point for point in checks if point in points] == points
    assert len(points) == min(len(checks), MAX_POINTS)
    assert "without correction" in agent.exec("softtoken-agent", "history").stdout


def test_a_step_is_refused_where_chronyd_must_not_touch_the_clock(agent: Container) -> None:
    refused = agent.exec("softtoken-agent", "step", check=False)
    assert refused.returncode == 2
    assert "chronyd runs with -x" in refused.stdout
    told = json.loads(agent.exec("softtoken-agent", "step", "--format", "json", check=False).stdout)
    assert told["changed"] is False
    assert told["reasons"] == ["step.uncontrolled"]


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_wrong_configuration_is_told_and_makes_the_last_report_stale(agent: Container) -> None:
    sequence = report_of(agent)["sequence"]
    agent.write(CONFIG, "[policy]\nmax_error = 1\nmin_sorces = 2\n")
    wrong = check(agent)
    assert wrong.returncode == 3
    assert "line 3: there is no key min_sorces in [policy]: take" in wrong.stderr
    report = report_of(agent)
    assert report["sequence"] == sequence
    assert "min_sorces" in report["stale"]
    facts = json.loads(agent.read(FACTS))
    assert facts["verdict"] == "unknown"
    assert facts["reasons"][0] == "agent.config_invalid"
    assert "softtoken_check_stale 1.0" in agent.read(METRICS)
    assert agent.exec("softtoken-agent", "status", check=False).returncode == 3
    # The unit fails, which monitoring of units sees, and publishes what it has to say all the same.
    assert agent.exec("systemctl", "start", "softtoken-agent.service", check=False).returncode != 0
    assert json.loads(agent.read(FACTS))["verdict"] == "unknown"
    agent.write(CONFIG, "")
    assert check(agent).returncode == 0
    assert report_of(agent)["stale"] is None


#: A file system of its own, small enough to be filled, in every container.
SMALL = "/dev/shm"  # noqa: S108 - nobody else is in the container
FULL = (
    "export RUNTIME_DIRECTORY=/dev/shm/run STATE_DIRECTORY=/dev/shm/state SOFTTOKEN_FACTS_FILE=/dev/shm/run/facts.fact"
)


def test_a_full_disk_leaves_the_last_report_and_no_litter(agent: Container) -> None:
    agent.exec("sh", "-c", f"{FULL}; mkdir -p /dev/shm/run /dev/shm/state; softtoken-agent check")
    before = report_of(agent, f"{SMALL}/run/report.json")
    # A first dd with large blocks, a second one for the rest.
    fill = "for size in 1M 4k; do dd if=/dev/zero of=/dev/shm/fill.$size bs=$size 2>/dev/null; done"
    full = agent.exec(
        "sh", "-c", f"{FULL}; {fill}; softtoken-agent check; echo $?; ls -A /dev/shm/run; rm /dev/shm/fill.*"
    )
    assert "could not be written: No space left on device" in full.stderr
    assert full.stdout.splitlines()[-4:] == ["1", "facts.fact", "lock", "report.json"]
    assert report_of(agent, f"{SMALL}/run/report.json") == before
    again = agent.exec("sh", "-c", f"{FULL}; softtoken-agent check; cat /dev/shm/state/history.jsonl; rm -r /dev/shm/*")
    entries = [json.loads(line) for line in again.stdout.splitlines() if line.startswith("{")]
    # The check on the full disk may have found room for its line.
    assert {entry["verdict"] for entry in entries} == {"compliant"}
    assert len(entries) in {2, 3}


def test_missing_directories_are_made_again(agent: Container) -> None:
    agent.exec("rm", "-r", "/run/softtoken", "/var/lib/softtoken", "/etc/ansible")
    agent.exec("systemctl", "start", "softtoken-agent.service")
    assert report_of(agent)["facts"]["verdict"] == "compliant"
    stat = agent.exec("stat", "-c", "%a %U", str(Path(FACTS).parent), FACTS)
    assert stat.stdout.splitlines() == ["755 root", "644 root"]
    agent.exec("rm", "-r", "/run/softtoken", "/var/lib/softtoken")
    assert check(agent).returncode == 0
    assert json.loads(agent.read(FACTS))["verdict"] == "compliant"


def test_a_hung_chronyd_is_not_waited_for(agent: Container) -> None:
    before = report_of(agent)["sequence"]
    agent.exec("sh", "-c", "kill -STOP $(pidof chronyd)")
    try:
        hung = agent.exec("systemctl", "start", "softtoken-agent.service", check=False, timeout=120)
        report = report_of(agent)
    finally:
        agent.exec("sh", "-c", "kill -CONT $(pidof chronyd)")
    assert hung.returncode != 0, "a host that cannot be measured is a failed unit"
    assert report["sequence"] == before + 1
    assert report["facts"]["verdict"] == "unknown"
    assert "chrony.unreachable_daemon" in report["facts"]["reasons"]


def test_two_checks_at_once_are_one(agent: Container) -> None:
    holding = "flock /run/softtoken/lock sh -c 'softtoken-agent check --format nagios; echo $?'"
    busy = agent.exec("sh", "-c", holding)
    assert "another check runs" in busy.stdout
    assert busy.stdout.endswith("\n3\n")
    wait_for(lambda: check(agent).returncode == 0, "the lock to be free")


def test_a_step_and_a_suspend_between_two_checks_are_noticed(agent: Container) -> None:
    wait_for(lambda: check(agent).returncode == 0, "a check without notices")
    report = report_of(agent)
    # As if the clock had been 90 s behind then, and the host had slept for an hour since.
    report["taken_at_s"] -= 90
    report["monotonic_s"] += 3600
    agent.write(REPORT, json.dumps(report))
    noticed = check(agent)
    assert noticed.returncode == 1
    assert "the clock was stepped by +90.000 s since the check before" in noticed.stdout
    assert "the host slept for 3600 s" in noticed.stdout
    entry = json.loads(agent.read(HISTORY).splitlines()[-1])
    assert set(entry["notices"]) == {"clock_step", "suspend"}
    assert check(agent).returncode == 0


@pytest.mark.parametrize("text", ["", "{", '{"schema": 2}', "[" * 100000, "\x00\xff"])
def test_a_broken_report_is_replaced(agent: Container, text: str) -> None:
    sequence = int(agent.read("/var/lib/softtoken/sequence"))
    agent.write(REPORT, text)
    assert agent.exec("softtoken-agent", "status", check=False).returncode == 3
    assert check(agent).returncode == 0
    assert report_of(agent)["sequence"] == sequence + 1


def test_root_follows_no_link_that_the_agents_user_laid(agent: Container) -> None:
    agent.write("/root/precious", "kept")
    for path in (REPORT, HISTORY, "/run/softtoken/lock", "/var/lib/softtoken/sequence"):
        agent.exec("sh", "-c", f"rm -f {path}; setpriv --reuid softtoken --clear-groups ln -s /root/precious {path}")
        check(agent)
        assert agent.read("/root/precious") == "kept", path
        agent.exec("rm", "-f", path)
    assert check(agent).returncode == 0


def test_a_report_of_another_boot_says_nothing(agent: Container) -> None:
    report = report_of(agent)
    agent.write(REPORT, json.dumps({**report, "boot_id": "00000000-0000-4000-8000-000000000000"}))
    status = agent.exec("softtoken-agent", "status", check=False)
    assert status.returncode == 3
    assert "from an earlier boot" in status.stdout
    agent.write(REPORT, json.dumps({**report, "boottime_s": report["boottime_s"] - 901}))
    assert agent.exec("softtoken-agent", "status", check=False).returncode == 3


def test_cron_is_refused_where_nothing_would_run_the_checks(
    story: dict[str, Any], host: Container, tmp_path: Path
) -> None:
    assert story["first"].rc == 0
    for make in ("true", "ln -sf /bin/busybox /usr/sbin/crond"):
        host.exec("sh", "-c", make)
        refused = role(tmp_path / "cron", inside(host), drift_agent_scheduler="cron")
        assert refused.rc == 2, refused.output
        assert "no cron that reads /etc/cron.d is installed" in refused.output
    host.exec("rm", "/usr/sbin/crond")
    # Nothing was taken away for it.
    assert host.exec("systemctl", "is-active", "softtoken-agent.timer").stdout.strip() == "active"


@pytest.mark.parametrize("seconds", [0, -5])
def test_an_interval_that_no_timer_keeps_is_refused(
    story: dict[str, Any], host: Container, tmp_path: Path, seconds: int
) -> None:
    assert story["first"].rc == 0
    refused = role(tmp_path, inside(host), drift_agent_interval=seconds)
    assert refused.rc == 2, refused.output
    assert f"drift_agent_interval is {seconds}" in refused.output


def test_an_interval_longer_than_a_report_counts_is_refused(
    story: dict[str, Any], host: Container, tmp_path: Path
) -> None:
    assert story["first"].rc == 0
    refused = role(tmp_path, inside(host), drift_agent_interval=880)
    assert refused.rc == 2, refused.output
    assert "drift_agent_interval (880 s) and drift_agent_jitter (30 s)" in refused.output


def test_what_is_turned_off_or_moved_leaves_nothing_behind(
    story: dict[str, Any], host: Container, tmp_path: Path
) -> None:
    assert story["first"].rc == 0

    def there(*paths: str) -> list[str]:
        return [path for path in paths if host.exec("test", "-e", path, check=False).returncode == 0]

    moved = f"{Path(METRICS).parent.parent}/moved here.prom"
    ran = role(tmp_path / "moved", inside(host), **OFTEN, drift_agent_metrics_file=moved)
    assert ran.rc == 0, ran.output
    wait_for(lambda: there(moved) == [moved], "metrics in another place", timeout=30)
    assert there(METRICS) == []
    off = role(tmp_path / "off", inside(host), **OFTEN, drift_agent_metrics_file="none", drift_agent_facts=False)
    assert off.rc == 0, off.output
    before = report_of(host)["sequence"]
    wait_for(lambda: report_of(host)["sequence"] > before, "one more check", timeout=30)
    assert there(moved, METRICS, FACTS, "/run/softtoken/softtoken.fact") == []
    back = role(tmp_path / "back", inside(host), **OFTEN)
    assert back.rc == 0, back.output
    wait_for(lambda: there(METRICS, FACTS) == [METRICS, FACTS], "facts and metrics again", timeout=30)
    again = role(tmp_path / "again", inside(host), **OFTEN)
    assert again.recap["host"]["changed"] == 0, again.output


def test_cron_can_do_what_the_timer_does(story: dict[str, Any], host: Container, tmp_path: Path) -> None:
    assert story["first"].rc == 0
    # The test is the cron here.
    host.write("/usr/sbin/cron", "#!/bin/sh\n", mode="0755")
    run_ = role(tmp_path / "cron", inside(host), drift_agent_scheduler="cron", drift_agent_interval=240)
    assert run_.rc == 0, run_.output
    line = host.read("/etc/cron.d/softtoken-agent").splitlines()[-1]
    assert line.startswith("*/4 * * * * root /usr/bin/softtoken-agent check ")
    assert host.exec("systemctl", "is-active", "softtoken-agent.timer", check=False).stdout.strip() == "inactive"
    before = report_of(host)["sequence"]
    host.exec("sh", "-c", line.split(" root ")[1])
    assert report_of(host)["sequence"] == before + 1
    assert json.loads(host.read(FACTS))["agent"]["sequence"] == before + 1
    back = role(tmp_path / "back", inside(host), **OFTEN)
    assert back.rc == 0, back.output
    assert host.exec("test", "-e", "/etc/cron.d/softtoken-agent", check=False).returncode == 1
    assert host.exec("systemctl", "is-active", "softtoken-agent.timer").stdout.strip() == "active"


# --- the end ---------------------------------------------------------------------------------------------------------


def test_removal_leaves_nothing(story: dict[str, Any], host: Container, tmp_path: Path) -> None:
    assert story["first"].rc == 0
    predicted = role(tmp_path / "check", inside(host), "--check", drift_agent_state="absent")
    assert predicted.rc == 0, predicted.output
    assert host.exec("test", "-e", FACTS).returncode == 0
    removed = role(tmp_path / "absent", inside(host), drift_agent_state="absent")
    assert removed.rc == 0, removed.output
    left = host.exec(
        "sh", "-c", "find / -xdev -iname '*softtoken*' -not -path '/proc/*'; find /run -iname '*softtoken*'"
    )
    assert left.stdout == ""
    assert host.exec("getent", "passwd", "softtoken", check=False).stdout == ""
    assert host.exec("getent", "group", "softtoken", check=False).stdout == ""
    assert "softtoken" not in host.exec("systemctl", "list-units", "--all", "--no-pager").stdout
    again = role(tmp_path / "again", inside(host), drift_agent_state="absent")
    assert again.recap["host"]["changed"] == 0, again.output


def test_the_archive_is_the_same_each_time(tmp_path: Path) -> None:
    first = older_archive(tmp_path)
    subprocess.run(["touch", str(tmp_path / "module_utils" / "_ports.py")], check=True)
    (tmp_path / "again").mkdir()
    assert older_archive(tmp_path / "again") == first
