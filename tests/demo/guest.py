"""What the host itself tells of its clock."""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

from .facts import Clock

if TYPE_CHECKING:
    from tests.rigs.vm import VirtualMachine

_STEPPED = re.compile(r"System clock was stepped by (\S+) seconds")


def look_at_clock(machine: VirtualMachine) -> Clock:
    """Read what chronyd says of the host's clock, then that clock beside this machine's, which is true time here."""
    row = machine.run("chronyc -n -c tracking").stdout.strip().split(",")
    synchronised = row[13] != "Not synchronised"
    before = time.time()
    shown = float(machine.run("date +%s.%N").stdout)
    after = time.time()
    return Clock(
        shown=shown,
        off_s=shown - (before + after) / 2,
        uncertainty_s=(after - before) / 2,
        source=row[1] if synchronised else "",
        believed_off_s=-float(row[4]) if synchronised else None,
    )


def steps_since(machine: VirtualMachine, cursor: str) -> list[float]:
    """Return by how much chronyd has stepped the clock since a place in the host's journal."""
    logged = machine.run(f"journalctl -u chrony -o cat --no-pager --after-cursor={shlex.quote(cursor)}").stdout
    return [float(seconds) for seconds in _STEPPED.findall(logged)]


def journal_cursor(machine: VirtualMachine) -> str:
    """Return the end of the host's journal, which a step of the clock does not move."""
    shown = machine.run("journalctl -n 0 --show-cursor --no-pager -q").stdout
    return shown.rpartition("-- cursor: ")[2].strip()
