"""The role timesync and the playbook bootstrap.yml on real hosts: Debian with systemd, and a root without any init."""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.playbooks import PLAYBOOKS, Run, ansible_playbook, inside, inventory_of
from tests.rigs.containers import Container, boot, serve_time
from tests.rigs.network import Network
from tests.rigs.roots import root
from tests.rigs.shell import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = "10.93.0.1"
NAME = "ntp1.test"
SOURCES = [{"address": NAME, "iburst": True, "minpoll": -2, "maxpoll": 0}]
#: An address of the network that nobody has.
NOBODY = "10.93.0.99"
ROLE = """
- hosts: all
  gather_facts: false
  roles: [softtoken.compliance.timesync]
"""
BACKUPS = [f"/etc/chrony/{name}.417.2026-03-04@05:06:07~" for name in ("chrony.conf", "conf.d/site.conf")]
IDENTITY = [
    "/var/lib/systemd/random-seed",
    "/var/lib/dbus/machine-id",
    "/var/lib/dhcp/dhclient.eth0.leases",
    "/var/lib/NetworkManager/internal-eth0.lease",
    "/var/lib/cloud/instances/i-1/user-data.txt",
]
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
METRICS = "/var/lib/metrics/softtoken.prom"
KEYS = [{"id": 7, "type": "SHA256", "value": "HEX:" + "5A" * 32}]
ISSUER = """[Unit]
Description=Makes codes
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
"""
GATE = "softtoken-clock-gate.service"


def role(folder: Path, container: Container, *arguments: str, **variables: Any) -> Run:
    folder.mkdir(exist_ok=True)
    playbook = folder / "role.yml"
    playbook.write_text(ROLE, encoding="utf-8")
    inventory = inventory_of({"host": inside(container)}, timesync_sources=SOURCES)
    return ansible_playbook(folder, playbook, inventory, *arguments, **variables)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network(names={NAME: SERVER}) as made, serve_time(made.host("ntp1", SERVER)):
        yield made


@pytest.fixture(scope="module")
def bare(network: Network) -> Iterator[Container]:
    """A host without chrony, with a rival that runs."""
    with boot(network.host("bare", "10.93.0.10"), "bookworm", "bare") as container:
        container.exec("apt-get", "-qq", "update")
        container.exec("apt-get", "-qq", "-y", "--no-install-recommends", "install", "ntpsec", timeout=300)
        yield container


@pytest.fixture(scope="module")
def story(bare: Container, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """One host's way: predicted, enforced, enforced again."""
    folder = tmp_path_factory.mktemp("story")
    hosts = inventory_of({"host": inside(bare)}, timesync_sources=SOURCES)

    def enforce(name: str, *arguments: str) -> Run:
        (folder / name).mkdir()
        playbook = PLAYBOOKS / "compliance.yml"
        return ansible_playbook(folder / name, playbook, hosts, *arguments, softtoken_mode="enforce")

    runs = {"check": enforce("check", "--check", "--diff")}
    assert bare.exec("test", "-e", "/usr/sbin/chronyd", check=False).returncode == 1, "check mode installed chrony"
    return runs | {"first": enforce("first"), "again": role(folder / "again", bare, "-vvv")}


def test_check_mode_predicts_on_a_bare_host(story: dict[str, Run]) -> None:
    run = story["check"]
    assert run.recap["host"]["rescued"] == 0, run.output
    assert run.recap["host"]["changed"] > 0
    assert "would install chrony" in run.output
    assert run.hosts["host"]["reasons"][0] == "chrony.missing"
    assert run.report["dry_run"] is True


def test_a_bare_host_is_made_compliant_and_proven(story: dict[str, Run], bare: Container) -> None:
    run = story["first"]
    assert run.rc == 0, run.output
    host = run.hosts["host"]
    assert host["verdict"] == "compliant"
    assert host["before"]["verdict"] == "noncompliant"
    assert "chrony.missing" in host["before"]["reasons"]
    assert host["enforcement"]["status"] == "ok"
    assert host["facts"]["clock"]["reference"] == SERVER
    assert bare.exec("systemctl", "is-enabled", "chrony").stdout.strip() == "enabled"
    assert "1 enforced, 1 of them made compliant by it" in run.text


def test_the_rival_is_silenced_for_good(story: dict[str, Run], bare: Container) -> None:
    assert "Stop and mask other time services" in story["first"].output
    assert bare.exec("systemctl", "is-active", "ntpsec", check=False).stdout.strip() == "inactive"
    assert bare.exec("systemctl", "is-enabled", "ntpsec", check=False).stdout.strip() == "masked"


def test_timedatectl_agrees(story: dict[str, Run], bare: Container) -> None:
    assert story["first"].rc == 0
    assert "NTP=yes" in bare.exec("timedatectl", "show", "--property=NTP").stdout


def test_a_converged_host_costs_two_remote_executions_and_no_change(story: dict[str, Run]) -> None:
    run = story["again"]
    assert run.rc == 0, run.output
    assert run.recap["host"]["changed"] == 0
    assert run.executions == ["host_facts", "chrony_config"]


def test_what_keeps_from_the_goal_fails_with_reasons_and_sentences(
    story: dict[str, Run], bare: Container, tmp_path: Path
) -> None:
    assert story["first"].rc == 0
    # The configuration is as it should be, but the daemon is told to forget its source's samples and to ask nobody.
    bare.exec("chronyc", "offline")
    bare.exec("systemctl", "restart", "chrony")
    bare.exec("chronyc", "offline")
    run = role(tmp_path, bare)
    bare.exec("chronyc", "online")
    assert run.rc == 2
    assert "the clock is not proven: " in run.output
    assert "source.none_usable" in run.output
    assert "check the network to them" in run.output


def test_a_proof_that_never_comes_says_what_it_waits_for_and_fails_with_reasons_alone(
    story: dict[str, Run], bare: Container, tmp_path: Path
) -> None:
    assert story["first"].rc == 0
    nobody = [{**SOURCES[0], "address": NOBODY}]
    waited = {"timesync_prove_retries": 1, "timesync_prove_delay": 1}
    run = role(tmp_path, bare, timesync_sources=nobody, **waited)
    assert role(tmp_path, bare).rc == 0, "the host did not come back"
    assert run.rc == 2
    assert "Measure until the clock is proven, or chronyd sees how far off it is (up to 1 x 1 s)" in run.output
    assert "FAILED - RETRYING" in run.output
    assert "the clock is not proven: " in run.output
    assert "Unknown error" not in run.output
    assert run.recap["host"]["ignored"] == 0


def test_one_hosts_failure_is_in_the_report_beside_the_others(
    story: dict[str, Run], bare: Container, tmp_path: Path
) -> None:
    assert story["first"].rc == 0
    good = inside(bare)
    # Such a configuration parses and never synchronises, so it is refused.
    bad = good | {"timesync_authselectmode": "require"}
    hosts = inventory_of({"bad": bad, "good": good}, timesync_sources=SOURCES)
    run = ansible_playbook(
        tmp_path,
        PLAYBOOKS / "compliance.yml",
        hosts,
        softtoken_mode="enforce",
        softtoken_serial=1,
        softtoken_fail_on=[],
    )
    assert run.rc == 0, run.output
    assert run.hosts["good"]["enforcement"]["status"] == "ok"
    failed = run.hosts["bad"]["enforcement"]
    assert failed["status"] == "failed"
    assert failed["task"].endswith("Configure chronyd")
    assert "authselectmode" in failed["message"]
    # It was measured again after the failure.
    assert run.hosts["bad"]["facts"]["chrony"]["active"] is True


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("lost_after", ["softtoken_measured", "__timesync_before"])
def test_a_host_that_is_lost_on_the_way_is_not_noted_as_enforced(
    bare: Container, tmp_path: Path, lost_after: str
) -> None:
    connection = f"{{{{ 'ssh' if {lost_after} is defined else 'community.docker.nsenter' }}}}"
    hosts = inventory_of({"host": {**inside(bare), "ansible_connection": connection}}, timesync_sources=SOURCES)
    playbook = PLAYBOOKS / "compliance.yml"
    run = ansible_playbook(tmp_path, playbook, hosts, softtoken_mode="enforce", timesync_prove=False)
    assert run.hosts["host"]["enforcement"]["status"] == "unreachable", run.output
    assert run.rc != 0
    assert "the host was lost meanwhile" in run.text


def test_a_stopped_and_masked_service_comes_back(story: dict[str, Run], bare: Container, tmp_path: Path) -> None:
    assert story["first"].rc == 0
    bare.exec("systemctl", "disable", "--now", "chrony")
    bare.exec("systemctl", "mask", "chrony")
    run = role(tmp_path, bare)
    assert run.rc == 0, run.output
    assert bare.exec("systemctl", "is-active", "chrony").stdout.strip() == "active"
    assert bare.exec("systemctl", "is-enabled", "chrony").stdout.strip() == "enabled"


def test_a_host_without_declared_sources_keeps_its_own(story: dict[str, Run], bare: Container, tmp_path: Path) -> None:
    assert story
    playbook = tmp_path / "role.yml"
    playbook.write_text(ROLE, encoding="utf-8")
    hosts = inventory_of({"host": inside(bare)}, timesync_prove=False, timesync_prove_retries=0)
    run = ansible_playbook(tmp_path, playbook, hosts)
    assert run.rc == 0, run.output
    assert NAME not in bare.exec("sh", "-c", "cat /etc/chrony/chrony.conf /etc/chrony/*.d/*").stdout
    assert bare.exec("grep", "-c", "^pool ", "/etc/chrony/chrony.conf").stdout.strip() == "1"


@pytest.fixture(scope="module")
def imaged(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Container, Run]]:
    """A machine that an image was made of, while it ran."""
    with boot(network.host("builder", "10.93.0.20"), "bookworm") as container:
        container.write("/etc/systemd/system/issuer.service", ISSUER)
        container.exec("systemctl", "enable", "--now", "issuer")
        container.write("/etc/ansible/facts.d/softtoken.fact", "{}")
        container.write("/var/lib/chrony/10.93.0.1.dat", "dumped\n")
        container.write("/var/lib/chrony/ntp1.nts", "cookie\n")
        container.write("/etc/chrony/chrony.keys", "1 SHA256 HEX:00\n", mode="0640")
        container.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", mode="0444")
        for path in IDENTITY:
            container.write(path, "of the builder\n")
        container.write(HOST_KEY, "of the builder\n", mode="0600")
        container.exec("mkdir", str(PurePosixPath(METRICS).parent))
        # There in any case: whether the agent's first look has ended when the image is scrubbed is a matter of moments.
        container.write(METRICS, "of the builder\n")
        # As chrony_config leaves them: an earlier run of the role on this machine.
        for backup in BACKUPS:
            container.write(backup, "server of.the.builder\n")
        folder = tmp_path_factory.mktemp("imaged")
        hosts = inventory_of({"builder": inside(container)}, timesync_sources=SOURCES)
        variables: dict[str, Any] = {
            "softtoken_agent": True,
            "drift_agent_metrics_file": METRICS,
            "timesync_gated_units": ["issuer"],
            "timesync_gate_timeout": 180,
        }
        yield container, ansible_playbook(folder, PLAYBOOKS / "bootstrap.yml", hosts, "--diff", **variables)


def test_variables_may_be_text_as_extra_variables_and_surveys_give_them(network: Network, tmp_path: Path) -> None:
    with boot(network.host("text", "10.93.0.12"), "bookworm") as container:
        key = "1 SHA256 HEX:" + "5A" * 32
        container.write("/etc/chrony/chrony.keys", key + "\n", mode="0640")
        texts = {
            "timesync_exclusive": "false",
            "timesync_prove": "false",
            "timesync_prove_retries": "1",
            "timesync_prove_delay": "0",
            "timesync_step_threshold": "0.5",
            "timesync_scrub_keys": "false",
            "timesync_scrub_extra": "/etc/extra-1,/etc/extra-2",
            "timesync_gated_units": "issuer,vault-agent",
        }
        container.exec("touch", "/etc/extra-1", "/etc/extra-2")
        hosts = inventory_of({"host": inside(container)}, timesync_sources=[{"address": NOBODY}])
        run = ansible_playbook(tmp_path, PLAYBOOKS / "bootstrap.yml", hosts, **texts)
        assert run.rc == 0, run.output
        assert "\npool " in container.read("/etc/chrony/chrony.conf"), "false made the declared sources the only ones"
        assert container.read("/etc/chrony/chrony.keys").strip() == key
        assert container.exec("sh", "-c", "ls -d /etc/extra-*", check=False).stdout == ""
        made = container.exec("sh", "-c", "cd /etc/systemd/system && ls */50-softtoken-clock.conf").stdout.split()
        assert made == [f"{unit}.service.d/50-softtoken-clock.conf" for unit in ("issuer", "vault-agent")]


def test_an_image_carries_nothing_of_the_machine_it_was_made_on(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    assert run.rc == 0, run.output
    left = container.exec("find", "/var/lib/chrony", "/etc/ansible/facts.d", "-type", "f").stdout
    assert left == ""
    keys = container.read("/etc/chrony/chrony.keys")
    assert [line for line in keys.splitlines() if not line.startswith("#")] == []
    assert container.exec("stat", "-c", "%a", "/etc/chrony/chrony.keys").stdout.strip() == "640"
    assert "HEX:00" not in run.output
    assert container.exec("systemctl", "is-active", "chrony", check=False).stdout.strip() == "inactive"


def test_an_image_carries_no_backup_of_the_builders_configuration(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    assert run.rc == 0, run.output
    # The disabled lines of the distribution's file were worth a backup on a machine that lives on.
    assert "#softtoken.compliance disabled: " in container.read("/etc/chrony/chrony.conf")
    assert container.exec("find", "/etc", "-name", "*~").stdout == ""


def test_an_image_of_a_running_machine_has_no_identity(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    assert run.rc == 0, run.output
    assert container.read("/etc/machine-id") == ""
    assert container.exec("find", *IDENTITY, check=False).stdout == ""
    # systemd would write one again when the builder shuts down.
    assert state_of(container, "systemd-random-seed") == "inactive"


def test_an_image_of_a_running_machine_keeps_what_its_ssh_sessions_need(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    assert "The SSH host keys stay in the image: the SSH server of this builder needs them." in run.output
    assert container.read(HOST_KEY) == "of the builder\n"


def test_an_image_of_a_running_machine_has_an_agent_that_never_looked(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    # It did look, at once, as the role has it: that was on the builder.
    assert "Check the host anew" in run.output
    assert container.exec("systemctl", "is-enabled", "softtoken-agent.timer").stdout.strip() == "enabled"
    assert state_of(container, "softtoken-agent.timer") == "inactive"
    assert f"changed: [builder] => (item={METRICS})" in run.output
    assert container.exec("find", "/run/softtoken", "/var/lib/softtoken", METRICS, check=False).stdout == ""


def boot_again(container: Container) -> None:
    container.stop()
    container.start()


def state_of(container: Container, unit: str) -> str:
    return container.exec("systemctl", "is-active", unit, check=False).stdout.strip()


def test_a_gated_service_starts_when_the_clock_is_proven(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    assert run.rc == 0, run.output
    boot_again(container)
    wait_for(lambda: state_of(container, "issuer") == "active", "the gated service")
    assert state_of(container, GATE) == "active"
    log = container.exec("journalctl", "--no-pager", "--unit", GATE, "--boot").stdout
    assert "clock proven" in log
    assert re.fullmatch(r"[0-9a-f]{32}\n", container.read("/etc/machine-id"))


def test_a_gated_service_stays_stopped_when_it_is_not(imaged: tuple[Container, Run]) -> None:
    container, run = imaged
    assert run.rc == 0, run.output
    sources = container.read("/etc/chrony/sources.d/softtoken.sources")
    container.write("/etc/chrony/sources.d/softtoken.sources", sources.replace(NAME, NOBODY))
    # Whoever waits for the gate to give up need not wait for as long as a boot may take.
    unit = container.read(f"/etc/systemd/system/{GATE}")
    assert " --timeout 180\n" in unit
    start = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    hasty = f"/etc/systemd/system/{GATE}.d/hasty.conf"
    container.write(hasty, f"[Service]\nExecStart=\n{start.replace('--timeout 180', '--timeout 5')}\n")
    boot_again(container)
    wait_for(lambda: state_of(container, GATE) == "failed", "the gate to give up")
    assert state_of(container, "issuer") == "inactive"
    log = container.exec("journalctl", "--no-pager", "--unit", GATE, "--boot").stdout
    assert "clock NOT proven within 5 s" in log
    assert "clock.unsynchronised" in log
    # As the gate says: once that is corrected, starting the service asks again.
    container.write("/etc/chrony/sources.d/softtoken.sources", sources)
    container.exec("chronyc", "reload", "sources")
    container.exec("rm", hasty)
    container.exec("systemctl", "daemon-reload")
    container.exec("systemctl", "start", "issuer")
    assert state_of(container, "issuer") == "active"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a machine that does not run, as an image builder mounts them."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", root("bookworm", "bare").tar], check=True)
    for name, kind in (("null", (1, 3)), ("urandom", (1, 9))):
        subprocess.run(["mknod", "-m", "666", folder / "dev" / name, "c", *map(str, kind)], check=True)
    return folder


def test_an_image_is_prepared_without_any_init(image: Path, tmp_path: Path) -> None:
    hosts = inventory_of(
        {
            "image": {
                "ansible_connection": "community.general.chroot",
                "ansible_host": str(image),
                "ansible_python_interpreter": "/usr/bin/python3",
            }
        },
        timesync_sources=SOURCES,
        timesync_gated_units=["issuer"],
    )
    run = ansible_playbook(tmp_path, PLAYBOOKS / "bootstrap.yml", hosts)
    assert run.rc == 0, run.output
    assert "nothing was started, and the clock is not proven" in run.output
    wanted = image / "etc/systemd/system/multi-user.target.wants"
    assert {"chrony.service", GATE} <= {path.name for path in wanted.iterdir()}
    assert NAME in (image / "etc/chrony/sources.d/softtoken.sources").read_text(encoding="utf-8")
    assert (image / "etc/systemd/system/issuer.service.d/50-softtoken-clock.conf").is_file()
    assert processes_in(image) == []
    assert [path.name for path in (image / "usr/local/lib/softtoken").iterdir()] == ["clock-gate.pyz"]
    again = ansible_playbook(tmp_path, PLAYBOOKS / "bootstrap.yml", hosts)
    assert again.recap["image"]["changed"] == 0, again.output


def test_an_image_with_keys_is_prepared_again_and_gets_them_back_from_the_role(image: Path, tmp_path: Path) -> None:
    host = {
        "ansible_connection": "community.general.chroot",
        "ansible_host": str(image),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    hosts = inventory_of({"image": host}, timesync_sources=[{**SOURCES[0], "key": 7}], timesync_keys=KEYS)
    managed = image / "etc/chrony/softtoken.keys"
    for _time in ("first", "again"):
        run = ansible_playbook(tmp_path, PLAYBOOKS / "bootstrap.yml", hosts, "--diff")
        assert run.rc == 0, run.output
        assert str(KEYS[0]["value"]) not in run.output
        assert [line for line in managed.read_text("utf-8").splitlines() if not line.startswith("#")] == []
        assert managed.stat().st_mode & 0o007 == 0
    playbook = tmp_path / "role.yml"
    playbook.write_text(ROLE, encoding="utf-8")
    run = ansible_playbook(tmp_path, playbook, hosts)
    assert run.rc == 0, run.output
    assert f"7 SHA256 {KEYS[0]['value']}" in managed.read_text("utf-8")


def processes_in(image: Path) -> list[str]:
    """List the processes whose root directory is the image."""
    listing = subprocess.run(
        ["find", "/proc", "-maxdepth", "2", "-name", "root", "-lname", str(image)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return listing.stdout.split()
