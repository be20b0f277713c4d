"""Enforcing where a source answers late, on a machine whose clock is really wrong.

The rest of the way from a wrong clock to an accepted code is told by the scenario molecule/clock.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.integration.playbooks import PLAYBOOKS, ansible_playbook, inventory_of
from tests.rigs.shell import wait_for

if TYPE_CHECKING:
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


def test_a_source_that_answers_late_is_waited_for(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.start_with(NO_USABLE_SOURCE.format(gateway=guest.machine.gateway), 300)
    guest.silence()
    log = tmp_path / "ansible.log"
    monkeypatch.setenv("ANSIBLE_LOG_PATH", str(log))

    def answer_late() -> None:
        # The controller sees that the clock is wrong long before chronyd, which no step could help then.
        looked = "FAILED - RETRYING"
        wait_for(lambda: log.exists() and looked in log.read_text(encoding="utf-8"), "a look in vain", timeout=900)
        guest.lie(0.0)

    later = threading.Thread(target=answer_late, daemon=True)
    later.start()
    hosts = inventory_of({guest.machine.name: guest.machine.variables}, timesync_sources=[guest.source])
    playbook = PLAYBOOKS / "compliance.yml"
    run = ansible_playbook(tmp_path, playbook, hosts, "-vvv", softtoken_mode="enforce", softtoken_detail=True)
    later.join(timeout=1)
    assert not later.is_alive(), f"nobody has looked in vain: {run.output}"
    assert run.rc == 0, run.output
    (host,) = run.hosts.values()
    assert host["verdict"] == "compliant"
    # More than before enforcing, at its start and once after the change, which was in vain.
    assert run.output.count("modules/host_facts.py") > 3
    assert guest.wrong_s() == pytest.approx(0.0, abs=2)
