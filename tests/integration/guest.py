"""A virtual machine whose clock may be wrong, with the time server and the witness that tests give it.

Both are servers of this process, which tell true time (this machine's) or lie. How far the guest's clock is off is also
read directly, by a look at both clocks.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.integration.makestep import makestep
from tests.rigs.false_server import Behaviour, FalseServer
from tests.rigs.shell import wait_for
from tests.rigs.vm import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Iterator


class Guest:
    """The virtual machine, with chronyd following ``source``; ``witness`` stays unknown to chronyd."""

    def __init__(self, machine: VirtualMachine, source: FalseServer, witness: FalseServer) -> None:
        self.machine = machine
        self._source = source
        self._witness = witness

    @property
    def source(self) -> dict[str, Any]:
        """The time server, as ``chrony_config`` takes it; it is asked often, so that a change is seen soon."""
        return {
            "address": self.machine.gateway,
            "port": self._source.port,
            "iburst": True,
            "minpoll": 0,
            "maxpoll": 2,
        }

    def lie(self, lie_s: float) -> None:
        """Let the source tell a time that is ``lie_s`` off."""
        self._source.behaviour = Behaviour(offset_s=lie_s)

    def silence(self) -> None:
        """Let the source answer nobody."""
        self._source.behaviour = Behaviour(manner="silent")

    def start(
        self, wrong_s: float, *, lie_s: float = 0.0, options: str = "-F 1", directives: str = "", poll: int = 4
    ) -> None:
        """Start chronyd anew on a clock that is ``wrong_s`` off, with a source that is ``lie_s`` off.

        With a ``poll`` of 10, a request in 17 minutes, chronyd has no opinion before it is told to get one.
        """
        self.lie(lie_s)
        server = f"server {self.machine.gateway} port {self._source.port} minpoll {poll} maxpoll {poll}"
        # What few samples on a busy machine make of the clock's frequency would move it by seconds.
        self.start_with(f"{server}\nrtcsync\nmaxdrift 2000\n{directives}\n", wrong_s, options)

    def start_quickly(self, wrong_s: float) -> None:
        """As ``start``, with a source that is asked every second or two: chronyd has an opinion in no time."""
        self.lie(0.0)
        source = self.source
        line = f"server {source['address']} port {source['port']} iburst minpoll 0 maxpoll 2"
        self.start_with(f"{line}\nrtcsync\n", wrong_s)

    def start_with(self, config: str, wrong_s: float, options: str = "-F 1") -> None:
        """Start chronyd anew with this configuration on a clock that is ``wrong_s`` off."""
        self.machine.run("systemctl stop chrony; cat > /etc/chrony/chrony.conf", stdin=config)
        self.machine.run("cat > /etc/default/chrony", stdin=f'DAEMON_OPTS="{options}"\n')
        self.machine.set_clock(wrong_s)
        self.machine.run("systemctl start chrony")

    def wrong_s(self) -> float:
        """Read how far the guest's clock is off, to within half the round trip."""
        return self.machine.clock_offset()

    def believed_s(self) -> float | None:
        """Return how far off chronyd believes the clock to be (positive: fast); None when it is not synchronised."""
        fields = self.machine.run("chronyc -c tracking").stdout.strip().split(",")
        return None if fields[13] == "Not synchronised" else -float(fields[4])

    def wait_for_updates(self, least: int = 5) -> None:
        """Wait until chronyd has set its clock by so many samples: what it may step by itself (makestep), it has."""
        seen: set[str] = set()

        def enough() -> bool:
            fields = self.machine.run("chronyc -c tracking").stdout.strip().split(",")
            # The time of an update that was never made is 0.
            seen.update({fields[3]} if float(fields[3]) else ())
            return len(seen) >= least

        wait_for(enough, f"{least} updates of chronyd's clock", every=0.5)

    def wait_for_belief(self, least_s: float) -> None:
        """Wait until chronyd believes its clock to be more than this off."""
        wait_for(lambda: abs(self.believed_s() or 0.0) > least_s, "chronyd to see the offset", timeout=300, every=1)

    def makestep(self, *, check: bool = False, witness: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module; a sample that a busy machine spoiled gets time to be followed by better ones."""
        options.setdefault("burst_timeout", 120)
        if witness:
            options["witness_servers"] = [f"{self.machine.gateway}:{self._witness.port}"]
        return makestep(self.machine.name, ["-i", str(self.machine.inventory)], options, check=check)


@contextmanager
def guest_with_servers() -> Iterator[Guest]:
    """Start a virtual machine and its servers."""
    with (
        VirtualMachine() as machine,
        FalseServer(Behaviour(), address="127.0.0.1", port=0) as source,
        FalseServer(Behaviour(), address="127.0.0.1", port=0) as witness,
    ):
        yield Guest(machine, source, witness)
