"""What the story is played on: time servers, one that is wrong, AWS, and the host. All of it ends with the demo."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.fakes.aws import ACCOUNT, FakeAws
from tests.rigs.false_server import Behaviour, FalseServer
from tests.rigs.network import Network
from tests.rigs.ntp import NtpServer
from tests.rigs.shell import wait_for
from tests.rigs.soft_token import SoftToken
from tests.rigs.vm import Lab, VirtualMachine

from . import ansible
from .checks import WRONG_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "build-7"
USER = "alice"
ADDRESS = "10.91.7.7"
WRONG_SERVER = "10.91.0.9"
TRUE_SERVERS = ("10.91.0.1", "10.91.0.2", "10.91.0.3")
#: For what takes seconds where nothing else runs; a machine may be busy.
_TIME_LIMIT_S = 600
#: As many updates as chronyd may step the clock by, and one more for good measure.
_UPDATES = 4
#: How often servers are asked: the demo is to end soon.
OFTEN = {"iburst": True, "minpoll": 0, "maxpoll": 2}
#: How far a request's date may be off, as AWS has it: far enough for five minutes.
SKEW_S = 900.0
#: The device that the user had before, and that a profile still names.
STALE = f"arn:aws:iam::{ACCOUNT}:mfa/{USER}-old-phone"


class Stage(NamedTuple):
    """Everything that runs."""

    machine: VirtualMachine
    token: SoftToken
    aws: FakeAws
    runner: ansible.Runner
    serials: dict[str, str]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start everything: the host follows a time server that is five minutes fast, and its user can sign in."""
    with ExitStack() as running:
        network = running.enter_context(Network())
        for number, address in enumerate(TRUE_SERVERS, start=1):
            running.enter_context(NtpServer(network.host(f"ntp{number}", address)))
        wrong = network.host("ntp-old", WRONG_SERVER)
        running.enter_context(FalseServer(Behaviour(offset_s=WRONG_S), namespace=wrong.path))
        aws = running.enter_context(FakeAws())
        aws.rules.skew_s = SKEW_S
        machine = running.enter_context(VirtualMachine(WRONG_S, name=HOST, lab=Lab(network, (ADDRESS,))))
        keys = aws.add_user(USER)
        serials = {"prod": aws.virtual_device(USER), "legacy": STALE}
        token = SoftToken(machine, USER)
        profiles = {profile: {"mfa_serial": serial} for profile, serial in serials.items()}
        token.install(environment=aws.environment_of(keys), seed=aws.seed(serials["prod"]), profiles=profiles)
        runner = ansible.Runner(folder, HOST, machine.variables, aws.environment)
        _follow_the_wrong_server(machine, runner)
        yield Stage(machine, token, aws, runner, serials)


def _follow_the_wrong_server(machine: VirtualMachine, runner: ansible.Runner) -> None:
    """Leave the host as an earlier inventory had it, which named a server that was right then.

    chronyd has had its first updates when it is followed: from then on it steps no clock by itself (makestep 1 3).
    """
    policy = {"makestep": {"threshold": 1.0, "limit": 3}, "rtcsync": True, "exclusive": True}
    runner.module("softtoken.compliance.chrony_config", sources=[{"address": WRONG_SERVER, **OFTEN}], **policy)
    machine.run("systemctl restart chrony", timeout=_TIME_LIMIT_S)
    seen: set[str] = set()
    wait_for(
        lambda: _updates(machine, seen) > _UPDATES,
        f"{HOST} to follow {WRONG_SERVER}",
        timeout=_TIME_LIMIT_S,
        every=0.5,
    )


def _updates(machine: VirtualMachine, seen: set[str]) -> int:
    """Return how many updates by the wrong server were seen of chronyd's clock: each has a time of its own."""
    fields = machine.run("chronyc -n -c tracking").stdout.split(",")
    seen.update({fields[3]} if fields[1] == WRONG_SERVER else ())
    return len(seen)
