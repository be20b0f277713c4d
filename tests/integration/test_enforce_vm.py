"""The whole way on a machine whose clock is really wrong: a code is refused, ``compliance.yml`` runs, a code is taken.

One virtual machine goes through all of it, in the order of this file. True time is this machine's clock.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pyotp
import pytest

from tests.integration.playbooks import PLAYBOOKS, Run, ansible_playbook, inventory_of
from tests.rigs.shell import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.guest import Guest

#: As Debian installs it, but with a server that nobody answers for.
NO_USABLE_SOURCE = """server {gateway} port 9 iburst
driftfile /var/lib/chrony/chrony.drift
keyfile /etc/chrony/chrony.keys
confdir /etc/chrony/conf.d
sourcedir /etc/chrony/sources.d
rtcsync
makestep 1 3
"""
#: RFC 6238 in the guest, by its own clock; the seed comes by standard input.
GENERATOR = """
import base64, hmac, struct, sys, time
key = base64.b32decode(sys.stdin.readline().strip())
digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), "sha1").digest()
start = digest[-1] & 15
print("%06d" % ((struct.unpack(">I", digest[start:start + 4])[0] & 0x7FFFFFFF) % 1000000))
"""
SEED = pyotp.random_base32()
_MODULE = re.compile(r"Using module file \S+/(\w+)\.py")
MEASURE_AND_CONFIGURE = ["host_facts", "host_facts", "chrony_config"]


class Enforcement(NamedTuple):
    """One ended run, and what it cost."""

    run: Run

    @property
    def host(self) -> dict[str, Any]:
        """What the report says of the guest."""
        (host,) = self.run.hosts.values()
        return host

    @property
    def changed(self) -> int:
        """How many tasks changed the guest."""
        (counts,) = self.run.recap.values()
        return counts["changed"]

    @property
    def executions(self) -> list[str]:
        """The modules that ran on the guest, in order."""
        modules = _MODULE.findall(self.run.output)
        # The guest has no agent: the first measurement of the run looks for its report, by one command without Python.
        assert self.run.output.count("SSH: EXEC") == len(modules) + 1
        return modules


def code_is_taken(guest: Guest) -> bool:
    """Let the guest make a code, and validate it by true time: the present step or the one before."""
    code = guest.machine.run(f"python3 -c '{GENERATOR}'", stdin=f"{SEED}\n").stdout.strip()
    assert re.fullmatch(r"\d{6}", code)
    now = time.time()
    return any(pyotp.TOTP(SEED).verify(code, for_time=int(moment)) for moment in (now, now - 30))


def comply(guest: Guest, folder: Path, mode: str, **variables: Any) -> Enforcement:
    """Run compliance.yml on the guest, with the true-time server as declared source."""
    folder.mkdir(exist_ok=True)
    hosts = inventory_of({guest.machine.name: guest.machine.variables}, timesync_sources=[guest.source])
    playbook = PLAYBOOKS / "compliance.yml"
    run = ansible_playbook(folder, playbook, hosts, "-vvv", softtoken_mode=mode, softtoken_detail=True, **variables)
    return Enforcement(run)


class Story(NamedTuple):
    """The guest, 300 s fast and without a usable source at first."""

    guest: Guest
    taken_before: bool
    audit: Enforcement
    enforced: Enforcement
    wrong_after_s: float
    taken_after: bool
    seconds_to_a_code: float
    again: Enforcement


@pytest.fixture(scope="module")
def story(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    guest.start_with(NO_USABLE_SOURCE.format(gateway=guest.machine.gateway), 300)
    taken_before = code_is_taken(guest)
    audit = comply(guest, folder / "audit", "audit")
    started = time.monotonic()
    enforced = comply(guest, folder / "enforced", "enforce")
    taken_after = code_is_taken(guest)
    seconds = time.monotonic() - started
    wrong_s = guest.wrong_s()
    again = comply(guest, folder / "again", "enforce")
    return Story(guest, taken_before, audit, enforced, wrong_s, taken_after, seconds, again)


def test_an_audit_sees_by_the_controller_that_codes_are_refused(story: Story) -> None:
    assert not story.taken_before
    assert story.audit.run.rc == 2
    assert story.audit.executions == ["host_facts"]
    assert story.audit.host["verdict"] == "noncompliant"
    assert {"clock.offset_exceeded", "totp.at_risk", "source.none_usable"} <= set(story.audit.host["reasons"])
    facts = story.audit.host["facts"]
    (witness,) = facts["clock"]["witnesses"]
    assert witness["kind"] == "controller"
    # The controller's uncertainty is half of what the remote execution took.
    assert abs(witness["offset_s"] - 300) <= witness["uncertainty_s"] + 2
    assert facts["clock"]["offset_s"] == pytest.approx(witness["offset_s"], abs=0.001)
    assert facts["clock"]["synchronised"] is False
    assert facts["totp"]["accept_probability"] == {"strict": 0.0, "rfc6238": 0.0, "window1": 0.0}
    assert re.search(r"noncompliant +\+(29|30)\d\.\d s", story.audit.run.text), story.audit.run.text


def test_enforcing_corrects_the_clock_and_a_code_is_taken(
    story: Story, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property(
        "seconds from the start of enforce to an accepted code", round(story.seconds_to_a_code, 1)
    )
    record_testsuite_property("remote executions of enforce", " ".join(story.enforced.executions))
    assert story.enforced.run.rc == 0, story.enforced.run.output
    assert story.enforced.host["verdict"] == "compliant"
    assert story.enforced.host["facts"]["clock"]["reference"] == story.guest.machine.gateway
    assert story.wrong_after_s == pytest.approx(0.0, abs=2)
    assert story.taken_after


def test_the_report_shows_the_clock_before_and_after(story: Story) -> None:
    host = story.enforced.host
    before, after = host["before"], host["facts"]
    assert before["verdict"] == "noncompliant"
    assert before["facts"]["clock"]["offset_s"] == pytest.approx(300, abs=30)
    assert before["facts"]["totp"]["accept_probability"]["rfc6238"] == 0.0
    assert after["clock"]["offset_s"] == pytest.approx(0.0, abs=0.5)
    assert after["totp"]["accept_probability"]["rfc6238"] > 0.95
    change = r"noncompliant \(offset \+\d+\.\d s, codes 0 %\) -> compliant \(offset [-+]\S+ \S+, codes 100 %\)"
    assert re.search(change, story.enforced.run.text), story.enforced.run.text


def test_enforcing_again_changes_nothing_and_steps_nothing(story: Story) -> None:
    assert story.again.run.rc == 0, story.again.run.output
    assert story.again.changed == 0
    assert story.again.executions == MEASURE_AND_CONFIGURE


def test_a_slow_clock_that_chronyd_only_slews_is_stepped_by_the_role(story: Story, tmp_path: Path) -> None:
    guest = story.guest
    # chronyd has used up its own steps (makestep 1 3), so that it will take most of an hour to slew this away.
    guest.machine.set_clock(-90)
    guest.wait_for_belief(60)
    assert not code_is_taken(guest)
    stepped = comply(guest, tmp_path, "enforce")
    assert stepped.run.rc == 0, stepped.run.output
    assert stepped.executions == [*MEASURE_AND_CONFIGURE, "chrony_makestep", "host_facts"]
    assert stepped.changed == 1
    assert stepped.host["before"]["facts"]["clock"]["offset_s"] < -30
    assert stepped.host["verdict"] == "compliant"
    assert guest.wrong_s() == pytest.approx(0.0, abs=2)
    assert code_is_taken(guest)


def test_sources_that_lie_by_hours_move_no_clock(story: Story, tmp_path: Path) -> None:
    guest = story.guest
    guest.lie(7200)
    guest.wait_for_belief(7000)
    # Nobody but the sources is asked: the guard stands alone.
    alone = ["clock", "config", "rivals", "service"]
    refused = comply(guest, tmp_path, "enforce", timesync_gather_subset=alone)
    assert refused.run.rc == 2
    assert "chrony_makestep" in refused.executions
    assert refused.host["enforcement"]["status"] == "failed"
    assert refused.host["enforcement"]["task"].endswith("Step the clock")
    assert "larger than max_step (3600 s)" in refused.host["enforcement"]["message"]
    # chronyd itself slews towards the lie meanwhile.
    assert abs(guest.wrong_s()) < 600


def test_a_lie_that_the_controller_contradicts_is_not_stepped_to(story: Story, tmp_path: Path) -> None:
    guest = story.guest
    # Small enough for max_step; and a step is due, since chronyd has slewed the clock away from the truth by now.
    guest.lie(1800)
    wait_for(lambda: guest.wrong_s() > 2, "chronyd to slew towards the lie", timeout=300, every=2)
    guest.wait_for_belief(1000)
    refused = comply(guest, tmp_path, "enforce")
    assert refused.run.rc == 2
    assert "chrony_makestep" not in refused.executions
    assert refused.host["enforcement"]["task"].endswith("Prove that the clock is right")
    assert "witness.disagrees" in refused.host["enforcement"]["message"]
    assert abs(guest.wrong_s()) < 900


def test_a_source_that_answers_late_is_waited_for(guest: Guest, tmp_path: Path) -> None:
    guest.start_with(NO_USABLE_SOURCE.format(gateway=guest.machine.gateway), 300)
    guest.machine.run("rm -f /etc/chrony/*.d/softtoken.*; systemctl restart chrony")
    guest.silence()
    # The controller sees that the clock is wrong long before chronyd, which no step could help then.
    later = threading.Timer(45, guest.lie, (0.0,))
    later.start()
    enforced = comply(guest, tmp_path, "enforce")
    later.join()
    assert enforced.run.rc == 0, enforced.run.output
    assert enforced.host["verdict"] == "compliant"
    assert enforced.executions.count("host_facts") > 3
    assert guest.wrong_s() == pytest.approx(0.0, abs=2)
