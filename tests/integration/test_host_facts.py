"""``host_facts`` by real Ansible runs on this machine, with a real chronyd (``-x``) in a network that leads nowhere.

Whole hosts, with systemd and in each of the known traps, are measured in test_traps.py and by molecule.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.modules import host_facts

from tests.fakes.imds import ACCOUNT, FakeImds
from tests.rigs.false_server import Behaviour, FalseServer
from tests.rigs.network import Network
from tests.rigs.ntp import FAST, ChronyClient, NtpServer, program
from tests.rigs.shell import environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
SOURCE = "10.93.0.1"
WITNESS = "10.93.0.2"
LIAR = "10.93.0.3"
NOBODY = ("10.93.0.98", "10.93.0.99")
CONFIG = f"server {SOURCE} {FAST}\nserver spare.example noselect\nmakestep 1 3\nrtcsync"


class Machine:
    """This machine inside the client's namespace, with the client's chronyd as its own."""

    def __init__(self, client: ChronyClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.bin = folder / "bin"
        client.wrapper(self.bin)
        self.script("chronyd", f'exec {shlex.join(program(client.suite, "usr/sbin/chronyd"))} "$@"')

    def script(self, name: str, body: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def play(self, *tasks: Mapping[str, Any], python: Path | None = None, **play: Any) -> dict[str, Any]:
        """Run a play; returns what each task registered as ``result``, by the task's number."""
        told = self.folder / "told.json"
        steps: list[Mapping[str, Any]] = []
        for number, task in enumerate(tasks):
            steps += [
                {"ignore_errors": True, "register": f"result_{number}", **task},
                {
                    "ansible.builtin.copy": {
                        "content": f"{{{{ {{'result': result_{number}, 'facts': ansible_facts}} | to_json }}}}",
                        "dest": f"{told}.{number}",
                        "mode": "0600",
                    },
                    "delegate_to": "localhost",
                    "check_mode": False,
                    "when": True,
                },
            ]
        playbook = self.folder / "play.yml"
        playbook.write_text(
            json.dumps([{"hosts": "all", "gather_facts": False, "tasks": steps, **play}]), encoding="utf-8"
        )
        interpreter = f"ansible_python_interpreter={python or sys.executable}"
        argv = [PROGRAMS / "ansible-playbook", "-i", "host1,localhost,", "--limit", "host1", "-c", "local"]
        printed = run(
            self.client.host.argv([*map(str, argv), "-e", interpreter, str(playbook)]),
            check=False,
            env=self.environment(),
        )
        answers = {}
        for number in range(len(tasks)):
            path = Path(f"{told}.{number}")
            assert path.exists(), printed.stdout + printed.stderr
            answers[str(number)] = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
        return answers

    def look(self, python: Path | None = None, **options: Any) -> dict[str, Any]:
        """Run the module once and return its result."""
        result: dict[str, Any] = self.play(self.task(**options), python=python)["0"]["result"]
        return result

    def task(self, **options: Any) -> dict[str, Any]:
        own = {"chronyc_address": str(self.client.socket), "config_file": str(self.client.config_file)}
        return {"softtoken.compliance.host_facts": {"detail": True, **own, **options}}

    def environment(self) -> dict[str, str]:
        return environment(
            {
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
            }
        )


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with (
        Network(names={"witness.example": WITNESS, "spare.example": WITNESS}) as network,
        NtpServer(network.host("source", SOURCE)),
        NtpServer(network.host("witness", WITNESS)),
    ):
        yield network


@pytest.fixture(scope="module")
def liar(network: Network) -> Iterator[FalseServer]:
    with FalseServer(Behaviour(offset_s=300.0), namespace=network.host("liar", LIAR).path) as server:
        yield server


@pytest.fixture(scope="module")
def client(network: Network) -> Iterator[ChronyClient]:
    with ChronyClient(network.host("client", "10.93.0.100"), CONFIG) as client:
        client.synchronised()
        yield client


@pytest.fixture
def machine(client: ChronyClient, tmp_path: Path) -> Machine:
    # It was paused, or a busy machine kept its server waiting.
    client.synchronised()
    return Machine(client, tmp_path)


def facts(result: dict[str, Any]) -> dict[str, Any]:
    assert "ansible_facts" in result, result
    found: dict[str, Any] = result["ansible_facts"]["softtoken"]
    return found


def gaps(result: dict[str, Any]) -> str:
    detail = result["detail"]
    return "; ".join(gap["reason"] for gap in [*detail["gaps"], *detail["identity_gaps"]])


def test_a_synchronised_clock(machine: Machine) -> None:
    result = machine.look(witness_servers=[WITNESS])
    found = facts(result)
    clock = found["clock"]
    assert (clock["synchronised"], clock["leap"], clock["reference"], clock["stratum"]) == (True, "normal", SOURCE, 3)
    assert abs(clock["offset_s"]) <= clock["bound_s"] < 1.0
    # A tenth of a second is a third of a percent of a step.
    certain = pytest.approx(1.0, abs=0.01)
    assert found["totp"] == {
        "steps_off": 0,
        "accept_probability": {"strict": certain, "rfc6238": certain, "window1": 1.0},
    }
    assert found["chrony"]["installed"] is True
    assert found["chrony"]["active"] is True
    assert found["chrony"]["version"] == "4.3"
    assert found["chrony"]["usable_sources"] == 1
    (witness,) = clock["witnesses"]
    assert (witness["kind"], witness["source"]) == ("ntp", WITNESS)
    # This machine may have a rival, and no chronyd of its own that is enabled; the clock itself is without reproach.
    assert not [
        code for code in found["reasons"] if code.startswith(("clock.", "totp.", "source.", "witness.", "config."))
    ]
    assert len(json.dumps(found)) < 1024
    assert result["changed"] is False
    assert "measurement" not in result


def test_the_controller_on_the_same_machine_is_no_witness(machine: Machine) -> None:
    result = machine.look()
    assert facts(result)["clock"]["witnesses"] == []
    assert "same kernel" in gaps(result)


def test_the_controller_is_a_witness_for_another_machine(machine: Machine) -> None:
    other = machine.folder / "boot_id"
    other.write_text("00000000-0000-0000-0000-000000000000\n", encoding="ascii")
    mount = f"mount --bind {other} /proc/sys/kernel/random/boot_id"
    python = machine.script("python", f'exec unshare -m sh -c \'{mount} && exec {sys.executable} "$@"\' sh "$@"')
    (witness,) = facts(machine.look(python))["clock"]["witnesses"]
    assert witness["kind"] == "controller"
    # It is the same clock, so the truth is 0: the interval has to hold it, and is as wide as Ansible is slow.
    assert abs(witness["offset_s"]) <= witness["uncertainty_s"] + 1e-4
    assert witness["uncertainty_s"] > 0.001


def test_one_remote_execution(machine: Machine) -> None:
    log = machine.folder / "executions"
    python = machine.script("python", f'echo run >> {log}\nexec {sys.executable} "$@"')
    machine.look(python, witness_servers=[WITNESS], authorised_sources=[SOURCE])
    # What writes the results down runs by the same Python: a ping shows how much of it there is.
    executed = [line for line in log.read_text(encoding="utf-8").splitlines() if line]
    alone = machine.folder / "alone"
    machine.script("python", f'echo run >> {alone}\nexec {sys.executable} "$@"')
    machine.play({"ansible.builtin.ping": {}}, python=python)
    assert len(executed) == len(alone.read_text(encoding="utf-8").splitlines())


def test_witnesses_that_lie_are_silent_or_have_a_name(machine: Machine, liar: FalseServer) -> None:
    result = machine.look(witness_servers=[*NOBODY, "witness.example", f"{LIAR}:123"], witness_timeout=3.0)
    found = facts(result)
    by_source = {witness["source"]: witness for witness in found["clock"]["witnesses"]}
    assert [by_source[silent]["offset_s"] for silent in NOBODY] == [None, None]
    honest, lying = by_source["witness.example"], by_source[f"{LIAR}:123"]
    assert abs(honest["offset_s"]) <= honest["uncertainty_s"] + 0.1
    # The liar is 300 s ahead, so by its opinion this host is slow.
    assert abs(lying["offset_s"] + 300) <= lying["uncertainty_s"] + 0.1
    assert liar.requests > 0
    assert "witness.contradictory" in found["reasons"]


def test_a_lone_witness_against_chronyd(machine: Machine, liar: FalseServer) -> None:
    del liar
    found = facts(machine.look(witness_servers=[LIAR]))
    assert found["verdict"] == "noncompliant"
    assert "witness.disagrees" in found["reasons"]


def test_authorised_by_name_or_address_or_not_at_all(machine: Machine) -> None:
    named = facts(machine.look(authorised_sources=[SOURCE, "SPARE.example."]))
    assert named["chrony"]["unauthorised"] == []
    assert "source.unauthorised" not in named["reasons"]
    other = facts(machine.look(authorised_sources=[SOURCE]))
    assert other["chrony"]["unauthorised"] == [f"spare.example ({WITNESS})"]
    assert "source.unauthorised" in other["reasons"]


def test_over_udp_chronyd_tells_less_and_that_is_said(machine: Machine) -> None:
    result = machine.look(chronyc_address="127.0.0.1")
    assert facts(result)["clock"]["synchronised"] is True
    assert result["detail"]["measurement"]["selectdata"] is None
    assert "selectdata: 501 Not authorised" in gaps(result)


def test_a_daemon_that_hangs_does_not_hang_the_run(machine: Machine) -> None:
    machine.client.pause()
    try:
        found = facts(machine.look(gather_subset=["clock"]))
    finally:
        machine.client.resume()
    assert found["verdict"] == "unknown"
    assert "chrony.unreachable_daemon" in found["reasons"]
    assert found["clock"]["offset_s"] is None


def test_a_configuration_that_chronyd_would_refuse(machine: Machine) -> None:
    broken = machine.folder / "broken.conf"
    broken.write_text(CONFIG + "\nmaxslewrate fast\n", encoding="utf-8")
    result = machine.look(config_file=str(broken))
    assert "config.invalid" in facts(result)["reasons"]
    (finding,) = [one for one in result["detail"]["measurement"]["config"] if one["code"] == "config.invalid"]
    assert (finding["file"], finding["line"]) == (str(broken), 5)


def test_without_libraries_nothing_is_green(machine: Machine) -> None:
    # -S leaves out the site packages, as on a host where python3-psutil and python3-ntplib are not installed.
    python = machine.script("python", f'exec {sys.executable} -S "$@"')
    result = machine.look(python, witness_servers=[WITNESS])
    found = facts(result)
    assert found["verdict"] != "compliant"
    assert {"daemon.rivals_unknown", "witness.unavailable"} <= set(found["reasons"])
    assert found["chrony"]["rivals"] is None
    assert found["tokens"]["present"] is not False
    assert "install python3-psutil" in gaps(result)
    assert "install python3-ntplib" in gaps(result)
    assert (result["detail"]["system"]["psutil"], result["detail"]["system"]["ntplib"]) == (False, False)


def test_the_long_form_of_the_system_holds_what_is_documented(machine: Machine) -> None:
    # The role reads every key; one that is documented and not returned fails it on the hosts that need it.
    returned = yaml.safe_load(host_facts.RETURN)
    documented = set(returned["detail"]["contains"]["system"]["contains"])
    assert set(machine.look()["detail"]["system"]) == documented


def test_the_attached_role(machine: Machine) -> None:
    with FakeImds() as service:
        # The metadata service listens outside of the namespace: ask it from there.
        options = {"gather_subset": ["role"], "imds": "force", "imds_endpoint": service.endpoint}
        argv = [
            str(PROGRAMS / "ansible"),
            "localhost",
            "-m",
            "softtoken.compliance.host_facts",
            "-a",
            json.dumps(options),
        ]
        printed = run(argv, env=machine.environment()).stdout
    found = json.loads(printed.partition("=> ")[2])["ansible_facts"]["softtoken"]
    assert found["attached_role"] == {"account": ACCOUNT, "role": "ci-runner"}
    assert found["verdict"] == "unknown"


def test_ways_to_run_it(machine: Machine) -> None:
    clock = {"gather_subset": ["clock"]}
    answers = machine.play(
        {**machine.task(**clock), "check_mode": True},
        {**machine.task(**clock), "delegate_to": "localhost", "delegate_facts": True},
        {**machine.task(**clock), "loop": [1, 2]},
        {**machine.task(**clock), "when": False},
        {**machine.task(**clock), "async": 30},
        {"softtoken.compliance.host_facts": {"gather_subset": "!rivals,!tokens"}},
        module_defaults={
            "group/softtoken.compliance.chrony": {"chronyc_address": str(machine.client.socket), "min_sources": 7}
        },
    )
    results = {number: answer["result"] for number, answer in answers.items()}
    assert facts(results["0"])["clock"]["reference"] == SOURCE
    assert answers["0"]["facts"]["softtoken"]["clock"]["reference"] == SOURCE
    assert facts(results["1"])["clock"]["reference"] == SOURCE
    assert [facts(one)["clock"]["reference"] for one in results["2"]["results"]] == [SOURCE, SOURCE]
    assert results["3"]["skipped"] is True
    assert results["4"]["failed"] is True
    assert "async" in results["4"]["msg"]
    # The defaults of the action group reach the module and the policy.
    assert facts(results["5"])["clock"]["reference"] == SOURCE
    assert "source.too_few" in facts(results["5"])["reasons"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_error": 0}, "max_error"),
        ({"max_error": 0.1, "warn_error": 0.2}, "a warning has to come before"),
        ({"totp_min_probability": 95}, "totp_min_probability"),
        ({"gather_subset": ["clocks"]}, "there is no clocks"),
        ({"witness_servers": ["http://ntp.example"]}, "is no time server"),
        ({"no_such": 1}, "Unsupported parameters"),
    ],
)
def test_what_cannot_be_meant_fails_with_its_name(machine: Machine, options: dict[str, Any], message: str) -> None:
    result = machine.look(**options)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "ansible_facts" not in result


def test_a_host_that_cannot_be_reached_stays_unreachable(machine: Machine) -> None:
    argv = [str(PROGRAMS / "ansible"), "-i", "127.0.0.9,", "all", "-c", "ssh", "-e", "ansible_port=9"]
    result = run([*argv, "-m", "softtoken.compliance.host_facts"], check=False, env=machine.environment())
    assert "UNREACHABLE" in result.stdout
    assert "softtoken" not in result.stdout.partition("=>")[2]
